// Before the first picture of a trace: fetched behind the page.
import { devicesHtml } from '../../report/replay-view.ts'
import { grouped, type PlotLine, plotSvg } from '../../report/svg-plot.ts'

/**
 * Lays out a picture that nobody sees, while nothing is read: a browser asks for each font, size and rare sign when it
 * first needs it, and a page that asks for all of them in its first picture misses frames.
 */
export function warm(width: number): void {
  const box = document.createElement('div')
  box.setAttribute('aria-hidden', 'true')
  box.style.cssText = `position:absolute;left:0;top:0;width:${width}px;visibility:hidden;contain:strict`
  const line = (kind: PlotLine['kind']): PlotLine => ({ name: 'x', kind, values: [1e4, 0], start: 0, step: 1 })
  const size = { width, height: 300 }
  const svg = plotSvg({ lines: [line('pool'), line('device')], marks: [], level: 32_768 }, '', size)
  const device = {
    name: 'x',
    driver: 'x',
    maps: 1e4,
    bytes: 1e4,
    bouncedBytes: 1e4,
    copied: 1,
    peakSlots: 1,
    failed: 0
  }
  box.innerHTML =
    `<div class="answer"><h2>x 1${grouped(1e4)}</h2><p>x</p></div><p class="soft">x</p>${svg}` +
    `<ul class="key"><li>x</li></ul><h2>x</h2>${devicesHtml([device])}`
  document.body.append(box)
  box.getBoundingClientRect()
  box.remove()
}

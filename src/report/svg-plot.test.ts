import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KernelLog } from '../replay/log/index.ts'
import { explainLogHtml } from './explain-log-html.ts'
import { devicesHtml } from './replay-view.ts'
import { niceStep, type Plot, plotSvg } from './svg-plot.ts'
import { runs } from '../../test/runs.ts'

const plot = (values: readonly number[], level: number | null = null): Plot => ({
  lines: [{ name: 'pool', kind: 'pool', values, start: 10, step: 0.5 }],
  marks: [],
  level
})
/** The pixels at which the pool's line stands. */
const heights = (svg: string): number[] =>
  [...(/class="pool" d="([^"]*)"/.exec(svg)?.[1] ?? '').matchAll(/M[\d.]+ ([\d.]+)|V([\d.]+)/g)].map((m) =>
    Number(m[1] ?? m[2])
  )
const ground = 200 - 22

describe('the plot', () => {
  test('no value is lost, however narrow the picture: the peak stands at the top, zero on the ground', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 5000 }), { minLength: 2, maxLength: 3000 }),
        fc.integer({ min: 280, max: 1200 }),
        (values, width) => {
          const svg = plotSvg(plot(values), 'x', { width, height: 200 })
          const h = heights(svg)
          const peak = Math.max(1, ...values)
          expect(Math.min(...h)).toBeCloseTo(Math.max(...values) === 0 ? ground : 16, 1)
          expect(h.every((y) => y >= 16 - 0.1 && y <= ground)).toBe(true)
          expect(svg).not.toMatch(/NaN|undefined|Infinity/)
          expect(peak).toBeGreaterThan(0)
        }
      ),
      { numRuns: runs(60) }
    )
  })

  test(
    'a part of the time shows that part; the pool is a line while the load stays visible beside it, else it is ' +
      'said above',
    () => {
      const p = plot([0, 0, 100, 0, 0, 7], 300)
      const part = plotSvg(p, 'x', { width: 500, height: 200, from: 12.5, to: 13 })
      expect(part).toMatch(/>6<.*>12\.\d/)
      expect(part).not.toContain('>100<')
      expect(plotSvg(p, 'x', { width: 500, height: 200 })).toContain('>pool: 300 slots<')
      expect(plotSvg({ ...p, level: 30000 }, 'x', { width: 900, height: 200 })).toContain(
        '>pool: 30\u202f000 slots, above the picture<'
      )
    }
  )

  test('failed calls are marks in a row for each cause, in the time that is shown', () => {
    const p: Plot = {
      ...plot([5, 5]),
      marks: [
        {
          cause: 'full',
          at: [
            [10, 3],
            [10.9, 1]
          ]
        },
        { cause: '<nothing known>', at: [[10.5, 1]] }
      ]
    }
    const svg = plotSvg(p, 'x', { width: 500, height: 200, from: 10, to: 10.6 })
    expect(svg.match(/class="m0" d="(M[^"]*)"/)?.[1]?.match(/M/g)).toHaveLength(1)
    expect(svg).toMatch(/class="m4" d="M/)
    expect(svg).not.toContain('<nothing')
  })

  test('steps of an axis are 1, 2 or 5', () => {
    expect([1, 9, 11, 4142, 0.003].map((r) => niceStep(r, 5))).toEqual([0.2, 2, 5, 1000, 0.001])
  })
})

test('markup in the name of a device and in a kernel log is text', () => {
  const html = devicesHtml([
    {
      name: '<img src=x onerror=alert(1)>',
      driver: '"><script>',
      maps: 1,
      bytes: 2,
      bouncedBytes: 3,
      copied: 4,
      peakSlots: 5,
      failed: 6
    }
  ])
  expect(html).not.toMatch(/<img|<script/)
  const log = new KernelLog()
  log.reader.line('nvme <b>x</b>: swiotlb buffer is full (sz: 262144 bytes), total 512 (slots), used 500 (slots)')
  const said = explainLogHtml(log.explain({}))
  expect(said).not.toMatch(/<b>x/)
  expect(said).toMatch(/<h2>[^<]*could not map/)
  expect(said).toContain('<h3>What to do</h3>')
})

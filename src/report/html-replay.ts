// A replay as one HTML file that needs no network: the answer, plots with the failures and the pool's size in them (SVG
// without script; with it they zoom: drag, double click for all), the tables of the text report, and what the recording
// lacks; for a phone, too. The plot library's text comes from the caller, so that this room stays free of files.
import { Bytes, own } from '../base/index.ts'
import { MISS_REASONS, type ReplayResult, type TrackKind } from '../replay/index.ts'
import { esc, scriptData, themes, variables } from './html.ts'
import { lackLines } from './replay.ts'
import { replayVerdict } from './replay-verdict.ts'
import { increments, lineOf, plotHtml, replayView } from './replay-view.ts'
import { causeWords, grouped, markOf, type PlotLine, plotStyle } from './svg-plot.ts'

/** uPlot's browser build and style sheet, as text. */
export interface PlotLibrary {
  readonly script: string
  readonly style: string
}

const pct = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`)

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const cells = (r: readonly string[], tag: string): string =>
    `<tr>${r.map((c) => (tag === 'th' && c === '' ? '<td></td>' : `<${tag}>${esc(c)}</${tag}>`)).join('')}</tr>`
  return (
    '<div class="wide" tabindex="0" role="region" aria-label="' +
    `${esc(head.filter((h) => h !== '').join(', '))}"><table><thead>${cells(head, 'th')}</thead><tbody>` +
    `${rows.map((r) => cells(r, 'td')).join('')}</tbody></table></div>`
  )
}

const style = `
:root { color-scheme: light dark; --fg: #1c1e21; --bg: #fff; --line: #d5d9e0; --soft: #5b6370; --box: #f3f5f8 }
@media (prefers-color-scheme: dark) { :root { --fg: #e4e6ea; --bg: #16181c; --line: #363b44; --soft: #9aa3b2;
--box: #22262d } }
* { box-sizing: border-box } html { -webkit-text-size-adjust: 100% }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 1rem auto;
max-width: 76rem; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.25rem; margin: .5rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } p, li { max-width: 45rem }
.soft { color: var(--soft); font-size: .9rem }
.verdict { background: var(--box); border-left: 4px solid #0b6bcb; padding: .6rem .9rem; max-width: 47rem }
.verdict p { margin: .4rem 0 } .verdict p:first-child { font-weight: 600 }
.verdict.fills, .verdict.leaks { border-color: #d1495b } .verdict.fits, .verdict.grows { border-color: #2e8b57 }
code { background: var(--box); padding: .1rem .3rem } .verdict code { background: none; padding: 0; font-size: 1.05em }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; white-space: nowrap }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--bg) }
.zoomed * { color: #1c1e21 } .zoomed { margin: .5rem 0 .2rem; background: #fff; color: #1c1e21; overflow: hidden }
[hidden] { display: none !important } .key i { display: inline-block; width: .8em; height: .8em; margin-right: .4em }
`

const script = `
const D = JSON.parse(document.getElementById('data').textContent)
const colours = ['#0b6bcb','#2e8b57','#b8860b','#7b4fbf','#008b8b','#c2571a','#5a6472','#a83279','#4f7f1f']
const group = (n) => String(n).replace(/\\B(?=(\\d{3})+$)/g, '\\u202f')
// A horizontal line with its text; where it is above the picture, at the top edge.
function level(u, value, text, colour) {
  const c = u.ctx, b = u.bbox, px = devicePixelRatio
  const y = Math.max(b.top + px, u.valToPos(value, 'y', true))
  c.save()
  c.strokeStyle = c.fillStyle = colour; c.lineWidth = px; c.setLineDash([6 * px, 4 * px]); c.textAlign = 'left';
  c.font = 12 * px + 'px system-ui, sans-serif'
  c.beginPath(); c.moveTo(b.left, y); c.lineTo(b.left + b.width, y); c.stroke()
  c.fillText(text, b.left + 4 * px, y + (y < b.top + 18 * px ? 14 * px : -4 * px))
  c.restore()
}
// A row of ticks for each cause, at the top of the picture: where calls failed.
function ticks(u) {
  const c = u.ctx, b = u.bbox, px = devicePixelRatio
  c.save()
  D.failed.forEach((f, row) => {
    c.fillStyle = f.colour
    for (const [i] of f.counts) {
      const x = u.valToPos(D.time[i], 'x', true)
      if (x >= b.left && x <= b.left + b.width) c.fillRect(x - px, b.top + (2 + row * 8) * px, 2 * px, 6 * px)
    }
  })
  c.restore()
}
function plot(id, series, own) {
  const el = document.getElementById(id)
  if (!el || series.length === 0) return
  el.replaceChildren()
  el.classList.add('zoomed')
  const size = () => ({ width: Math.max(280, el.clientWidth), height: innerWidth < 600 ? 240 : 300 })
  // The pool's size is in the picture as long as the load stays visible beside it.
  const top = (hi) => own && D.nslabs && D.nslabs <= hi * 4 ? Math.max(hi, D.nslabs) : hi
  const opts = Object.assign(size(), {
    cursor: { drag: { x: true, y: false }, sync: { key: 'tbit' } },
    scales: { x: { time: false },
      y: { range: (u, lo, hi) => [0, Math.max(1, top(hi) * (own && D.failed.length ? 1.2 : 1.08))] } },
    axes: [{ values: (u, v) => v.map((x) => x + ' s'), space: 60 }, { size: 58, values: (u, v) => v.map(group) }],
    series: [{ label: 'time', value: (u, v) => v == null ? '' : v.toFixed(6) + ' s' }].concat(series.map((s, i) => ({
      label: s.name, stroke: colours[i % colours.length], dash: own && i > 0 ? [4, 3] : undefined, width: 1.3,
      fill: own && i === 0 ? '#0b6bcb22' : undefined, value: (u, v) => v == null ? '' : group(v),
      paths: uPlot.paths.stepped({ align: 1 }) }))),
    hooks: own ? { draw: [(u) => {
      if (D.nslabs) level(u, D.nslabs, 'pool: ' + group(D.nslabs) + ' slots', '#1c1e21')
      ticks(u) }] } : {}
  })
  const u = new uPlot(opts, [D.time].concat(series.map((s) => s.values)), el)
  addEventListener('resize', () => u.setSize(size()))
}
document.querySelectorAll('.zooms').forEach((e) => { e.hidden = false })
plot('pool', D.pool.concat(D.whatIf), true)
plot('areas', D.areas, false)
plot('devices', D.devices, false)
`

/** Colours of the marks on the white ground of the plot that can be zoomed. */
const COLOURS: Readonly<Record<string, string>> = {
  m0: '#d1495b',
  m1: '#e08e0b',
  m2: '#7b4fbf',
  m3: '#008b8b',
  m4: '#5a6472'
}
const colourOf = (cause: string): string => own(COLOURS, markOf(cause)) ?? '#5a6472'

function plotData(r: ReplayResult) {
  const { tracks, start, width } = r.timeline
  const known = new Set(r.devices.map((d) => d.name))
  const of = (kind: TrackKind) =>
    tracks
      .filter((t) => t.kind === kind && (kind !== 'device' || known.has(t.name)) && t.max.some((v) => v > 0))
      .map((t) => ({ name: t.name, values: Array.from(t.max) }))
  return {
    time: Array.from({ length: tracks[0]?.max.length ?? 0 }, (_, i) => (start + i * width) / 1e9),
    nslabs: r.pool?.nslabs ?? 0,
    pool: of('pool'),
    whatIf: of('what-if'),
    areas: of('area'),
    devices: of('device'),
    failed: tracks
      .filter((t) => t.kind === 'failed')
      .map((t) => ({ name: t.name, colour: colourOf(t.name), counts: increments(t.last) }))
  }
}

// The picture is there without script; with it, it can be zoomed.
function occupancy(r: ReplayResult, plots: ReturnType<typeof plotData>): string[] {
  if (plots.pool.length + plots.whatIf.length === 0) return []
  const v = replayView(r)
  const out = [
    '<h2>Occupancy</h2><p class="soft">Slots in use. Each point is the highest value of its stretch of ' +
      'time.<span class="zooms" hidden> Drag to zoom, double click for all.</span></p>',
    `<div class="plot" id="pool">${plotHtml(v, { width: 1100, height: 320 })}</div>`
  ]
  if (plots.failed.length > 0)
    out.push(
      '<ul class="key zooms" hidden><li>Ticks at the top: calls that failed</li>' +
        v.plot.marks
          .map(
            (m) =>
              `<li><i style="background:${colourOf(m.cause)}"></i>` +
              grouped(m.at.reduce((n, [, k]) => n + k, 0)) +
              ` ${esc(causeWords(m.cause))}</li>`
          )
          .join('') +
        '</ul>'
    )
  const lines = (kind: TrackKind): PlotLine[] =>
    r.timeline.tracks
      .filter((t) => t.kind === kind)
      .map((t) => lineOf(t, 'device', r.timeline))
      .filter((l) => Array.from(l.values).some((n) => n > 0))
  const small = (id: string, title: string, kind: TrackKind): string =>
    `<h2>${title}</h2><div class="plot" id="${id}">` +
    `${plotHtml({ ...v, plot: { lines: lines(kind), marks: [], level: null } }, { width: 1100, height: 220 })}</div>`
  if (plots.areas.length > 1) out.push(small('areas', 'By area', 'area'))
  if (plots.devices.length > 0) out.push(small('devices', 'By device', 'device'))
  return out
}

function whatIf(r: ReplayResult): string[] {
  return r.whatIf.flatMap((w) => [
    `<h2>What if: ${esc(w.text)}</h2>`,
    table(
      ['pool', 'bounced', 'copied', 'copied less than recorded', 'high-water', 'failed', 'pool needed'],
      [
        [
          `${grouped(w.pool.nslabs)} slots, ${w.pool.nareas} areas`,
          Bytes.human(w.bouncedBytes),
          Bytes.human(w.copiedBytes),
          `${w.copiedLess < 0 ? '−' : ''}${Bytes.human(Math.abs(w.copiedLess))}`,
          w.hiwaterRange === null
            ? grouped(w.hiwater)
            : `${grouped(w.hiwater)} (${grouped(w.hiwaterRange[0])} to ${grouped(w.hiwaterRange[1])})`,
          `${w.failedMaps > 0 && w.basis === 'bound' ? 'at least ' : ''}${grouped(w.failedMaps)}`,
          w.needed.slots === null ? 'over 524288' : grouped(w.needed.recommended ?? w.needed.slots)
        ]
      ]
    ),
    w.devices.length > 0
      ? table(
          ['device', 'accepted', 'bounced', 'direct', 'peak slots', 'failed'],
          w.devices.map((d) => [
            d.name,
            d.accepted ? 'yes' : 'no',
            Bytes.human(d.bouncedBytes),
            Bytes.human(d.directBytes),
            grouped(d.peakSlots),
            grouped(d.failedMaps)
          ])
        )
      : ''
  ])
}

// The model against the recording: last, as it is about the answer's worth, not the answer.
function selfCheck(r: ReplayResult): string[] {
  if (r.predicted.compared === 0) return []
  const recorded =
    r.measured.hiwater !== null ? grouped(r.measured.hiwater) : r.measured.counted ? 'not measured' : 'not counted'
  const out = [
    '<h2>Prediction against recording</h2>',
    table(
      ['', 'predicted', 'recorded', ''],
      [
        [
          'bounce addresses',
          `${grouped(r.predicted.equal)} exact`,
          `${grouped(r.predicted.compared)} compared`,
          pct(r.predicted.equal, r.predicted.compared)
        ],
        ['high-water mark', r.predicted.hiwater === null ? '–' : grouped(r.predicted.hiwater), recorded, ''],
        ['failed single mappings', grouped(r.predicted.failedMaps), grouped(r.measured.failedMaps), ''],
        ['failed scatter-gather calls', grouped(r.predicted.failedSg), grouped(r.measured.failedSg), '']
      ]
    )
  ]
  if (r.misses.reasons.length > 0)
    out.push(
      '<ul>' +
        r.misses.reasons.map((m) => `<li>${grouped(m.count)} missed: ${esc(MISS_REASONS[m.reason])}</li>`).join('') +
        '</ul>'
    )
  return out
}

function verdict(r: ReplayResult): string {
  const v = replayVerdict(r)
  const sentences = v.sentences.map(
    (t) => `<p>${v.line === null ? esc(t) : esc(t).replace(esc(v.line), `<code>${esc(v.line)}</code>`)}</p>`
  )
  return `<div class="verdict ${v.kind}">${sentences.join('')}</div>`
}

function live(r: ReplayResult): string[] {
  if (r.live.length === 0) return []
  const age = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`
  return [
    '<h2>Live at the end</h2>',
    table(
      ['device', 'mappings', 'slots', 'age', 'outlived the others', 'slots a second'],
      r.live.map((d) => [
        d.device,
        grouped(d.mappings),
        grouped(d.slots),
        `${age(d.youngest)} to ${age(d.oldest)}`,
        grouped(d.staleSlots),
        d.slope > 0 ? grouped(Math.round(d.slope)) : '–'
      ])
    )
  ]
}

/** The page. */
export function replayHtml(r: ReplayResult, lib: PlotLibrary): string {
  const plots = plotData(r)
  const seconds = Number.isNaN(r.clock.first) ? 0 : (r.clock.last - r.clock.first) / 1e9
  const lacks = lackLines(r)
  const parts = [
    `<h1>DMA replay: ${esc(r.source.files.join(' '))}</h1>`,
    `<p class="soft">${grouped(r.events)} DMA events in ${seconds.toFixed(3)} s, ${esc(r.source.format)}` +
      `${r.source.kernel ? `, ${esc(r.source.kernel)}` : ''}${r.source.interrupted ? '; interrupted' : ''}</p>`,
    verdict(r),
    ...(r.pool
      ? [
          `<p>Pool: ${grouped(r.pool.nslabs)} slots (${Bytes.human(r.pool.nslabs * 2048)}) at 0x` +
            `${r.pool.start.toString(16)}, ${r.pool.nareas} areas` +
            `${r.grown ? `; it grew to ${grouped(r.grown.nslabs)} slots` : ''}.</p>`
        ]
      : []),
    '<h2>Devices</h2>',
    table(
      ['device', 'maps', 'bytes', 'bounced', 'copied', 'peak slots', 'failed'],
      r.devices.map((d) => [
        d.driver ? `${d.name} (${d.driver})` : d.name,
        grouped(d.maps),
        Bytes.human(d.bytes),
        Bytes.human(d.bouncedBytes),
        Bytes.human(d.copiedIn + d.copiedOut),
        grouped(d.peakSlots),
        grouped(d.failedMaps + d.failedSg)
      ])
    ),
    ...occupancy(r, plots),
    ...live(r),
    ...whatIf(r),
    ...(lacks.length > 0
      ? [`<h2>What the recording lacks, and oddities</h2><ul>${lacks.map((l) => `<li>${esc(l)}</li>`).join('')}</ul>`]
      : []),
    ...selfCheck(r)
  ]
  const plotted = plots.pool.length + plots.whatIf.length > 0
  const scripts = plotted
    ? `<script type="application/json" id="data">${scriptData(plots)}</script>\n` +
      `<script>${lib.script.replace(/<\/script/gi, '<\\/script')}</script>\n<script>${script}</script>`
    : ''
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>DMA replay</title>
<style>:root{${variables(themes.light)}}@media(prefers-color-scheme:dark){:root{${variables(themes.dark)}}}
${plotStyle}${plotted ? lib.style : ''}${style}</style></head><body><main>
${parts.join('\n')}
</main>
${scripts}
</body></html>
`
}

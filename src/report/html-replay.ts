// A replay as one HTML file that needs no network: the answer, plots that zoom (drag; double click for all) with the failures and the pool's
// size in them, the tables of the text report, and what the recording lacks; for a phone, too. The plot library's text comes from the caller, so that this room stays free of files.
import { Bytes, own } from '../base/index.ts'
import { MISS_REASONS, type ReplayResult, type TrackKind } from '../replay/index.ts'
import { esc, scriptData } from './html.ts'
import { lackLines } from './replay.ts'
import { replayVerdict } from './replay-verdict.ts'

/** uPlot's browser build and style sheet, as text. */
export interface PlotLibrary {
  readonly script: string
  readonly style: string
}

const num = (n: number): string => n.toLocaleString('en-US').replace(/,/g, '\u202f')
const pct = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`)

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const cells = (r: readonly string[], tag: string): string => `<tr>${r.map((c) => `<${tag}>${esc(c)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table><thead>${cells(head, 'th')}</thead><tbody>${rows.map((r) => cells(r, 'td')).join('')}</tbody></table></div>`
}

const style = `
:root { color-scheme: light dark; --fg: #1c1e21; --bg: #fff; --line: #d5d9e0; --soft: #5b6370; --box: #f3f5f8 }
@media (prefers-color-scheme: dark) { :root { --fg: #e4e6ea; --bg: #16181c; --line: #363b44; --soft: #9aa3b2; --box: #22262d } }
* { box-sizing: border-box } html { -webkit-text-size-adjust: 100% }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 1rem auto; max-width: 76rem; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.25rem; margin: .5rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } p, li { max-width: 45rem } .soft { color: var(--soft); font-size: .9rem }
.verdict { background: var(--box); border-left: 4px solid #0b6bcb; padding: .6rem .9rem; max-width: 47rem } .verdict p { margin: .4rem 0 } .verdict p:first-child { font-weight: 600 }
.verdict.fills, .verdict.leaks { border-color: #d1495b } .verdict.fits, .verdict.grows { border-color: #2e8b57 } code { background: var(--box); padding: .1rem .3rem } .verdict code { background: none; padding: 0; font-size: 1.05em }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; white-space: nowrap }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line) } th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--bg) }
.plot { margin: .5rem 0 .2rem; background: #fff; color: #1c1e21; overflow: hidden } .key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0 0 1.5rem; padding: 0; list-style: none; font-size: .9rem } .key i { display: inline-block; width: .8em; height: .8em; margin-right: .4em }
`

// Causes of failures have one colour each, in the picture, its key and nowhere else.
const CAUSES: Readonly<Record<string, { readonly colour: string; readonly words: string }>> = {
  full: { colour: '#d1495b', words: 'full: too few free slots' },
  fragmented: { colour: '#e08e0b', words: 'fragmented: enough free slots, no run that fits' },
  'too large': { colour: '#7b4fbf', words: 'too large: above 256 KiB' },
  mask: { colour: '#008b8b', words: "mask: beyond the device's reach" },
  unpredicted: { colour: '#5a6472', words: 'not predicted: the model had room' }
}

const script = `
const D = JSON.parse(document.getElementById('data').textContent)
const colours = ['#0b6bcb','#2e8b57','#b8860b','#7b4fbf','#008b8b','#c2571a','#5a6472','#a83279','#4f7f1f']
const group = (n) => String(n).replace(/\\B(?=(\\d{3})+$)/g, '\\u202f')
// A horizontal line with its text; where it is above the picture, at the top edge.
function level(u, value, text, colour) {
  const c = u.ctx, b = u.bbox, px = devicePixelRatio
  const y = Math.max(b.top + px, u.valToPos(value, 'y', true))
  c.save()
  c.strokeStyle = c.fillStyle = colour; c.lineWidth = px; c.setLineDash([6 * px, 4 * px]); c.textAlign = 'left'; c.font = 12 * px + 'px system-ui, sans-serif'
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
  const size = () => ({ width: Math.max(280, el.clientWidth), height: innerWidth < 600 ? 240 : 300 })
  // The pool's size is in the picture as long as the load stays visible beside it.
  const top = (hi) => own && D.nslabs && D.nslabs <= hi * 4 ? Math.max(hi, D.nslabs) : hi
  const opts = Object.assign(size(), {
    cursor: { drag: { x: true, y: false }, sync: { key: 'tbit' } },
    scales: { x: { time: false }, y: { range: (u, lo, hi) => [0, Math.max(1, top(hi) * (own && D.failed.length ? 1.2 : 1.08))] } },
    axes: [{ values: (u, v) => v.map((x) => x + ' s'), space: 60 }, { size: 58, values: (u, v) => v.map(group) }],
    series: [{ label: 'time', value: (u, v) => v == null ? '' : v.toFixed(6) + ' s' }].concat(series.map((s, i) => ({ label: s.name, stroke: colours[i % colours.length], dash: own && i > 0 ? [4, 3] : undefined, width: 1.3, fill: own && i === 0 ? '#0b6bcb22' : undefined, value: (u, v) => v == null ? '' : group(v), paths: uPlot.paths.stepped({ align: 1 }) }))),
    hooks: own ? { draw: [(u) => { if (D.nslabs) level(u, D.nslabs, 'pool: ' + group(D.nslabs) + ' slots', '#1c1e21'); ticks(u) }] } : {}
  })
  const u = new uPlot(opts, [D.time].concat(series.map((s) => s.values)), el)
  addEventListener('resize', () => u.setSize(size()))
}
plot('pool', D.pool.concat(D.whatIf), true)
plot('areas', D.areas, false)
plot('devices', D.devices, false)
`

// Calls that failed in each stretch of time in which any did: [bucket, calls], of a track that counts on.
function increments(total: Int32Array): (readonly [number, number])[] {
  const out: (readonly [number, number])[] = []
  let before = 0
  for (let i = 0; i < total.length; i++) {
    const n = (total[i] as number) - before
    if (n > 0) out.push([i, n])
    before = total[i] as number
  }
  return out
}

function plotData(r: ReplayResult) {
  const { tracks, start, width } = r.timeline
  const known = new Set(r.devices.map((d) => d.name))
  const origin = Number.isFinite(r.clock.first) ? r.clock.first : start
  const of = (kind: TrackKind) => tracks.filter((t) => t.kind === kind && (kind !== 'device' || known.has(t.name)) && t.max.some((v) => v > 0)).map((t) => ({ name: t.name, values: Array.from(t.max) }))
  return {
    time: Array.from({ length: tracks[0]?.max.length ?? 0 }, (_, i) => (start + i * width - origin) / 1e9),
    nslabs: r.pool?.nslabs ?? 0, pool: of('pool'), whatIf: of('what-if'), areas: of('area'), devices: of('device'),
    failed: tracks.filter((t) => t.kind === 'failed').map((t) => ({ name: t.name, colour: own(CAUSES, t.name)?.colour ?? '#5a6472', counts: increments(t.last) }))
  }
}

function occupancy(r: ReplayResult, plots: ReturnType<typeof plotData>): string[] {
  if (plots.pool.length + plots.whatIf.length === 0) return []
  const out = ['<h2>Occupancy</h2><p class="soft">Slots in use. Drag to zoom, double click for all. Each point is the highest value of its stretch of time.</p>', '<div class="plot" id="pool"></div>']
  const total = (f: { readonly counts: readonly (readonly [number, number])[] }): number => f.counts.reduce((n, [, k]) => n + k, 0)
  if (plots.failed.length > 0) out.push(`<ul class="key"><li>Ticks at the top: calls that failed</li>${plots.failed.map((f) => `<li><i style="background:${f.colour}"></i>${num(total(f))} ${esc(own(CAUSES, f.name)?.words ?? f.name)}</li>`).join('')}</ul>`)
  if (r.pool && plots.pool.length > 0 && r.pool.nslabs > 4 * (r.predicted.hiwater ?? 0)) out.push(`<p class="soft">The pool has ${num(r.pool.nslabs)} slots: its line is above the picture.</p>`)
  if (plots.areas.length > 1) out.push('<h2>By area</h2><div class="plot" id="areas"></div>')
  if (plots.devices.length > 0) out.push('<h2>By device</h2><div class="plot" id="devices"></div>')
  return out
}

function whatIf(r: ReplayResult): string[] {
  return r.whatIf.flatMap((w) => [
    `<h2>What if: ${esc(w.text)}</h2>`,
    table(['pool', 'bounced', 'copied', 'copied less than recorded', 'high-water', 'failed', 'pool needed'], [[
      `${num(w.pool.nslabs)} slots, ${w.pool.nareas} areas`, Bytes.human(w.bouncedBytes), Bytes.human(w.copiedBytes), `${w.copiedLess < 0 ? '−' : ''}${Bytes.human(Math.abs(w.copiedLess))}`,
      w.hiwaterRange === null ? num(w.hiwater) : `${num(w.hiwater)} (${num(w.hiwaterRange[0])} to ${num(w.hiwaterRange[1])})`, `${w.failedMaps > 0 && w.basis === 'bound' ? 'at least ' : ''}${num(w.failedMaps)}`,
      w.needed.slots === null ? 'over 524288' : num(w.needed.recommended ?? w.needed.slots)
    ]]),
    w.devices.length > 0 ? table(['device', 'accepted', 'bounced', 'direct', 'peak slots', 'failed'], w.devices.map((d) => [d.name, d.accepted ? 'yes' : 'no', Bytes.human(d.bouncedBytes), Bytes.human(d.directBytes), num(d.peakSlots), num(d.failedMaps)])) : ''
  ])
}

// The model against the recording: last, as it is about the answer's worth, not the answer.
function selfCheck(r: ReplayResult): string[] {
  if (r.predicted.compared === 0) return []
  const recorded = r.measured.hiwater !== null ? num(r.measured.hiwater) : r.measured.counted ? 'not measured' : 'not counted'
  const out = ['<h2>Prediction against recording</h2>', table(['', 'predicted', 'recorded', ''], [
    ['bounce addresses', `${num(r.predicted.equal)} exact`, `${num(r.predicted.compared)} compared`, pct(r.predicted.equal, r.predicted.compared)],
    ['high-water mark', r.predicted.hiwater === null ? '–' : num(r.predicted.hiwater), recorded, ''],
    ['failed single mappings', num(r.predicted.failedMaps), num(r.measured.failedMaps), ''],
    ['failed scatter-gather calls', num(r.predicted.failedSg), num(r.measured.failedSg), '']
  ])]
  if (r.misses.reasons.length > 0) out.push(`<ul>${r.misses.reasons.map((m) => `<li>${num(m.count)} missed: ${esc(MISS_REASONS[m.reason])}</li>`).join('')}</ul>`)
  return out
}

function verdict(r: ReplayResult): string {
  const v = replayVerdict(r)
  const sentences = v.sentences.map((t) => `<p>${v.line === null ? esc(t) : esc(t).replace(esc(v.line), `<code>${esc(v.line)}</code>`)}</p>`)
  return `<div class="verdict ${v.kind}">${sentences.join('')}</div>`
}

function live(r: ReplayResult): string[] {
  if (r.live.length === 0) return []
  const age = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`
  return ['<h2>Live at the end</h2>', table(['device', 'mappings', 'slots', 'age', 'outlived the others', 'slots a second'], r.live.map((d) => [d.device, num(d.mappings), num(d.slots), `${age(d.youngest)} to ${age(d.oldest)}`, num(d.staleSlots), d.slope > 0 ? num(Math.round(d.slope)) : '–']))]
}

/** The page. */
export function replayHtml(r: ReplayResult, lib: PlotLibrary): string {
  const plots = plotData(r)
  const seconds = Number.isNaN(r.clock.first) ? 0 : (r.clock.last - r.clock.first) / 1e9
  const lacks = lackLines(r)
  const parts = [
    `<h1>DMA replay: ${esc(r.source.files.join(' '))}</h1>`,
    `<p class="soft">${num(r.events)} DMA events in ${seconds.toFixed(3)} s, ${esc(r.source.format)}${r.source.kernel ? `, ${esc(r.source.kernel)}` : ''}${r.source.interrupted ? '; interrupted' : ''}</p>`,
    verdict(r),
    ...(r.pool ? [`<p>Pool: ${num(r.pool.nslabs)} slots (${Bytes.human(r.pool.nslabs * 2048)}) at 0x${r.pool.start.toString(16)}, ${r.pool.nareas} areas${r.grown ? `; it grew to ${num(r.grown.nslabs)} slots` : ''}.</p>`] : []),
    '<h2>Devices</h2>',
    table(['device', 'maps', 'bytes', 'bounced', 'copied', 'peak slots', 'failed'], r.devices.map((d) => [
      d.driver ? `${d.name} (${d.driver})` : d.name, num(d.maps), Bytes.human(d.bytes), Bytes.human(d.bouncedBytes), Bytes.human(d.copiedIn + d.copiedOut), num(d.peakSlots), num(d.failedMaps + d.failedSg)
    ])),
    ...occupancy(r, plots), ...live(r), ...whatIf(r),
    ...(lacks.length > 0 ? [`<h2>What the recording lacks, and oddities</h2><ul>${lacks.map((l) => `<li>${esc(l)}</li>`).join('')}</ul>`] : []),
    ...selfCheck(r)
  ]
  const plotted = plots.pool.length + plots.whatIf.length > 0
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>DMA replay</title>
<style>${plotted ? lib.style : ''}${style}</style></head><body>
${parts.join('\n')}
${plotted ? `<script type="application/json" id="data">${scriptData(plots)}</script>\n<script>${lib.script.replace(/<\/script/gi, '<\\/script')}</script>\n<script>${script}</script>` : ''}
</body></html>
`
}

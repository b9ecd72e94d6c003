// A replay as one HTML file that needs no network: plots that zoom (drag; double click for all), the tables of the text report, and what the
// recording lacks. The plot library's text comes from the caller, so that this room stays free of files.
import { Bytes } from '../base/index.ts'
import { MISS_REASONS, type ReplayResult, SKIP_REASONS } from '../replay/index.ts'

/** uPlot's browser build and style sheet, as text. */
export interface PlotLibrary {
  readonly script: string
  readonly style: string
}

const esc = (t: string): string => t.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
const num = (n: number): string => n.toLocaleString('en-US').replace(/,/g, '\u202f')
const pct = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`)

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const cells = (r: readonly string[], tag: string): string => `<tr>${r.map((c) => `<${tag}>${esc(c)}</${tag}>`).join('')}</tr>`
  return `<table><thead>${cells(head, 'th')}</thead><tbody>${rows.map((r) => cells(r, 'td')).join('')}</tbody></table>`
}

// JSON inside a script element: no sequence may end the element.
const data = (v: unknown): string => JSON.stringify(v).replace(/</g, '\\u003c')

const style = `
:root { color-scheme: light dark; --fg: #1c1e21; --bg: #fff; --line: #d5d9e0; --soft: #5b6370 }
@media (prefers-color-scheme: dark) { :root { --fg: #e4e6ea; --bg: #16181c; --line: #363b44; --soft: #9aa3b2 } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--fg); background: var(--bg); margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem } p, li { max-width: 60rem } .soft { color: var(--soft) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px } th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left } .plot { margin: .5rem 0 1.5rem; background: #fff; color: #1c1e21 }
`

const script = `
const D = JSON.parse(document.getElementById('data').textContent)
const colours = ['#0b6bcb','#d1495b','#2e8b57','#b8860b','#7b4fbf','#008b8b','#c2571a','#5a6472','#a83279','#4f7f1f']
function plot(id, title, series, top) {
  const el = document.getElementById(id)
  if (!el || series.length === 0) return
  const time = D.time
  const opts = {
    title, width: Math.max(400, el.clientWidth), height: 280, cursor: { drag: { x: true, y: false }, sync: { key: 'tbit' } },
    scales: { x: { time: false }, y: { range: (u, lo, hi) => [0, Math.max(1, hi * 1.05)] } },
    axes: [{ values: (u, v) => v.map((x) => x.toFixed(3) + ' s') }, { size: 70, label: 'slots' }],
    series: [{ label: 'time', value: (u, v) => v == null ? '' : v.toFixed(6) + ' s' }].concat(series.map((s, i) => ({ label: s.name, stroke: colours[i % colours.length], width: 1.2, fill: series.length === 1 ? '#0b6bcb22' : undefined, paths: uPlot.paths.stepped({ align: 1 }) })))
  }
  const u = new uPlot(opts, [time].concat(series.map((s) => s.values)), el)
  addEventListener('resize', () => u.setSize({ width: Math.max(400, el.clientWidth), height: 280 }))
}
plot('pool', 'pool', D.pool)
plot('areas', 'by area', D.areas)
plot('devices', 'by device', D.devices)
`

/** The page. */
export function replayHtml(r: ReplayResult, lib: PlotLibrary): string {
  const { tracks, start, width } = r.timeline
  const n = tracks[0]?.max.length ?? 0
  const known = new Set(r.devices.map((d) => d.name))
  const origin = Number.isFinite(r.clock.first) ? r.clock.first : start
  const as = (keep: (name: string) => boolean) => tracks.filter((t) => keep(t.name) && t.max.some((v) => v > 0)).map((t) => ({ name: t.name, values: Array.from(t.max) }))
  const area = (name: string): boolean => /^area \d+$/.test(name)
  const plots = {
    time: Array.from({ length: n }, (_, i) => (start + i * width - origin) / 1e9),
    pool: as((x) => x === 'pool'), areas: as(area), devices: as((x) => !area(x) && known.has(x))
  }
  const seconds = (r.clock.last - r.clock.first) / 1e9
  const parts: string[] = []
  const say = (t: string): void => { parts.push(t) }
  say(`<h1>DMA replay: ${esc(r.source.files.join(' '))}</h1>`)
  say(`<p class="soft">${num(r.events)} DMA events in ${seconds.toFixed(3)} s, ${esc(r.source.format)}${r.source.kernel ? `, ${esc(r.source.kernel)}` : ''}${r.source.interrupted ? '; interrupted' : ''}</p>`)
  if (r.pool) say(`<p>Pool: ${num(r.pool.nslabs)} slots (${Bytes.human(r.pool.nslabs * 2048)}) at 0x${r.pool.start.toString(16)}, ${r.pool.nareas} areas.</p>`)
  if (r.predicted.compared > 0) {
    say('<h2>Prediction against recording</h2>')
    say(table(['', 'predicted', 'recorded', ''], [
      ['bounce addresses', `${num(r.predicted.equal)} exact`, `${num(r.predicted.compared)} compared`, pct(r.predicted.equal, r.predicted.compared)],
      ['high-water mark', r.predicted.hiwater === null ? '–' : num(r.predicted.hiwater), r.measured.hiwater === null ? 'not measured' : num(r.measured.hiwater), ''],
      ['failed single mappings', num(r.predicted.failedMaps), num(r.measured.failedMaps), ''],
      ['failed scatter-gather calls', num(r.predicted.failedSg), num(r.measured.failedSg), '']
    ]))
    if (r.misses.reasons.length > 0) say(`<ul>${r.misses.reasons.map((m) => `<li>${num(m.count)} missed: ${esc(MISS_REASONS[m.reason])}</li>`).join('')}</ul>`)
  }
  if (plots.pool.length > 0) {
    say('<h2>Occupancy</h2><p class="soft">Drag to zoom, double click for all. Each point is the highest value of its stretch of time.</p>')
    say('<div class="plot" id="pool"></div>')
    if (plots.areas.length > 1) say('<div class="plot" id="areas"></div>')
    if (plots.devices.length > 0) say('<div class="plot" id="devices"></div>')
  }
  say('<h2>Devices</h2>')
  say(table(['device', 'maps', 'segments', 'bytes', 'bounced', 'bounced bytes', 'copied', 'peak slots', 'failed'], r.devices.map((d) => [
    d.driver ? `${d.name} (${d.driver})` : d.name, num(d.maps), num(d.segments), Bytes.human(d.bytes), num(d.bouncedSegments), Bytes.human(d.bouncedBytes), Bytes.human(d.copiedIn + d.copiedOut), num(d.peakSlots), num(d.failedMaps + d.failedSg)
  ])))
  for (const w of r.whatIf) {
    say(`<h2>What if: ${esc(w.text)}</h2>`)
    say(table(['pool', 'bounced', 'copied', 'copied less than recorded', 'high-water', 'failed', 'pool needed'], [[
      `${num(w.pool.nslabs)} slots, ${w.pool.nareas} areas`, Bytes.human(w.bouncedBytes), Bytes.human(w.copiedBytes), `${w.copiedLess < 0 ? '−' : ''}${Bytes.human(Math.abs(w.copiedLess))}`, num(w.hiwater), num(w.failedMaps),
      w.needed.slots === null ? 'over 524288' : num(w.needed.slots)
    ]]))
    if (w.devices.length > 0) say(table(['device', 'accepted', 'bounced', 'direct', 'peak slots', 'failed'], w.devices.map((d) => [d.name, d.accepted ? 'yes' : 'no', Bytes.human(d.bouncedBytes), Bytes.human(d.directBytes), num(d.peakSlots), num(d.failedMaps)])))
  }
  const lacks: string[] = []
  if (r.losses.total + r.losses.placesWithoutCount > 0) lacks.push(`${num(r.losses.total)} events are missing (${num(r.losses.reported)} lost, ${num(r.losses.overwritten)} overwritten): counts are too low, occupancy is an estimate.`)
  if (r.oddities.unmapsWithoutMap > 0) lacks.push(`${num(r.oddities.unmapsWithoutMap)} unmaps without a map.`)
  if (r.oddities.truncatedSg > 0) lacks.push(`${num(r.oddities.truncatedSg)} truncated scatter-gather events hide ${num(r.oddities.hiddenSegments)} segments.`)
  if (r.clock.backwards > 0) lacks.push(`The clock goes backwards ${num(r.clock.backwards)} times.`)
  for (const s of r.skipped) lacks.push(`Skipped ${num(s.count)}: ${SKIP_REASONS[s.reason].text}.`)
  if (lacks.length > 0) say(`<h2>What the recording lacks</h2><ul>${lacks.map((l) => `<li>${esc(l)}</li>`).join('')}</ul>`)
  const plotted = plots.pool.length > 0
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>DMA replay</title>
<style>${style}${plotted ? lib.style : ''}</style></head><body>
${parts.join('\n')}
${plotted ? `<script type="application/json" id="data">${data(plots)}</script>\n<script>${lib.script.replace(/<\/script/gi, '<\\/script')}</script>\n<script>${script}</script>` : ''}
</body></html>
`
}

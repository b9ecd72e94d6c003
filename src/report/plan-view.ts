// Plans for the eye, as pieces of a page: strategies as bars of calls, time and table memory; stage 2 as a picture of
// blocks, before and after a page is shared and taken back. The page and `plan --html` are made of the same.
import { Bytes, hex, PAGE_SIZE } from '../base/index.ts'
import { levelSize } from '../machine/rmm/index.ts'
import {
  type Leaf,
  mapRuns,
  type MapWindow,
  type Moment,
  type PlanResult,
  type PlanSpec,
  StageTwo
} from '../plan/index.ts'
import { esc } from './html.ts'
import { dma, leaves, nameOf, short, span, units } from './plan.ts'

export const planViewStyle = `.strategies td,.strategies th{white-space:nowrap}
.strategies .n{text-align:right;font-variant-numeric:tabular-nums}
.strategies svg{display:inline-block;width:7rem;height:.8rem;vertical-align:middle;margin-left:.4rem}
.strategies rect{fill:var(--priv)}.strategies .least{opacity:.55}
.map{display:block;width:100%;height:auto}
.map .g1{fill:var(--l0)}.map .g2{fill:var(--l5)}.map .g3{fill:var(--l4)}.map .gs{fill:var(--shr)}
.map .g0{fill:var(--card)}
.map .im{fill:var(--ground);opacity:.35}
.map path{stroke:var(--ground);stroke-width:1;fill:none}
.map text{fill:var(--soft);font:11px system-ui,sans-serif}
.mapcanvas{display:block;width:100%;height:auto;touch-action:pan-y;cursor:crosshair;--g0:var(--card);--g1:var(--l0);
--g2:var(--l5);--g3:var(--l4);--gs:var(--shr)}
.sw.g1{background:var(--l0)}.sw.g2{background:var(--l5)}.sw.g3{background:var(--l4)}.sw.gs{background:var(--shr)}
.sw.g0{background:var(--card);outline:1px solid var(--line)}
`

// ---- strategies
// ------------------------------------------------------------------------------------------------------

/** From `low` to `high` of `most`: what may be less is paler. */
function bar(low: number, high: number, most: number): string {
  const x = (v: number): number => Math.max(v > 0 ? 1 : 0, Math.round((1000 * v) / Math.max(most, Number.MIN_VALUE)))
  return (
    '<svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">' +
    `${high > low ? `<rect class="least" width="${x(high)}" height="10"/>` : ''}<rect width="${x(low)}" ` +
    'height="10"/></svg>'
  )
}

/** The plans side by side: a bar for the calls, the time, the memory of tables at its peak. */
export function strategiesHtml(rs: readonly PlanResult[]): string {
  const most = (of: (r: PlanResult) => number): number => Math.max(1, ...rs.map(of))
  const [calls, time, tables] = [most((r) => r.total), most((r) => r.time.total[1]), most((r) => r.peakTableBytes)]
  const cpus = rs[0]?.spec.cpus ?? 1
  const row = (r: PlanResult): string =>
    [
      `<th scope="row">${esc(nameOf(r))}</th>`,
      `<td class="n">${short(r.total)}${bar(r.total, r.total, calls)}</td>`,
      `<td class="n">${esc(span(r.time.total))}${bar(r.time.total[0], r.time.total[1], time)}</td>`,
      `<td class="n">${Bytes.human(r.peakTableBytes)}${bar(r.peakTableBytes, r.peakTableBytes, tables)}</td>`,
      `<td>${esc(leaves(r))}</td>`,
      '<td class="n">' +
        (r.conversion === null ? '–' : `${esc(units(r.conversion.toShared))} / ${esc(units(r.conversion.toPrivate))}`) +
        '</td>',
      `<td>${esc(dma(r))}</td>`
    ].join('')
  const head = [
    'plan',
    'calls',
    `time, ${cpus} CPU${cpus === 1 ? '' : 's'}`,
    'tables, peak',
    'maps',
    'units to share / take back',
    'T=1 DMA faults'
  ]
  return (
    '<table class="strategies"><thead><tr>' +
    `${head.map((h) => `<th scope="col">${h}</th>`).join('')}</tr></thead><tbody>` +
    `${rs.map((r) => `<tr>${row(r)}</tr>`).join('')}</tbody></table>`
  )
}

// ---- the map
// ---------------------------------------------------------------------------------------------------------

const SIZES = ['', '1G', '2M', '4K'] as const
/** The class of a leaf's colour. */
export const leafClass = (l: Leaf): string => (l.kind === 'shared' ? 'gs' : l.kind === 'none' ? 'g0' : `g${l.level}`)

/** One entry in words. */
export function leafText(l: Leaf): string {
  if (l.kind === 'none') return 'no memory of the guest'
  const size = SIZES[l.level] ?? ''
  if (l.kind === 'shared') return `${hex(l.from)}: a page that is shared`
  return (
    `${hex(l.from)} to ${hex(l.to)}: ${l.level === 3 ? 'a page of 4K' : `a block of ${size}`}` +
    `${l.image ? ', with a measured image in it' : ''}`
  )
}

export const mapKey =
  '<ul class="key"><li><span class="sw g1"></span>1G blocks</li><li><span class="sw g2"></span>2M ' +
  'blocks</li><li><span class="sw g3"></span>4K pages</li><li><span class="sw gs"></span>the shared ' +
  'page</li><li><span class="sw g0"></span>no memory</li></ul>'

const ROW = 14
const GAP = 3

/** A window of the map; rows from left to right, as text is read. */
function mapSvg(map: StageTwo, w: MapWindow, label: string): string {
  const out: string[] = []
  const lines: string[] = []
  for (const r of mapRuns(map, w)) {
    const y = r.row * (ROW + GAP)
    out.push(`<rect class="${leafClass(r.leaf)}" x="${px(r.x)}" y="${y}" width="${px(r.width)}" height="${ROW}"/>`)
    if (r.leaf.image) out.push(`<rect class="im" x="${px(r.x)}" y="${y}" width="${px(r.width)}" height="${ROW}"/>`)
    if (r.leaf.kind === 'mapped' && r.each >= 4 && r.each < w.width)
      for (let x = r.x + r.each; x < r.x + r.width - 0.5; x += r.each) lines.push(`M${px(x)} ${y}v${ROW}`)
  }
  return (
    `<svg class="map" viewBox="0 0 ${w.width} ${w.rows * (ROW + GAP)}" role="img" aria-label="${esc(label)}" ` +
    `xmlns="http://www.w3.org/2000/svg">${out.join('')}<path d="${lines.join('')}"/></svg>`
  )
}

const px = (n: number): number => Math.round(n * 10) / 10

export const MOMENTS: Readonly<Record<Moment, string>> = {
  planned: 'the plan is done',
  shared: 'one page is shared',
  back: 'it is taken back'
}

/** All of the guest's memory, in as many rows as are easy to look at. */
function wholeWindow(map: StageTwo, width: number, rows = 16): MapWindow {
  return { from: map.base, bytes: Math.max(PAGE_SIZE * rows, map.top - map.base), rows, width }
}

/** What the page's entry of a level holds, in rows of 64. */
function entryWindow(map: StageTwo, level: number, width: number): MapWindow {
  const size = levelSize(level)
  const at = map.target ?? map.base
  return { from: at - (at % size), bytes: size, rows: 8, width }
}

/** In words: what becomes of the block that holds the page. */
export function momentText(map: StageTwo): string {
  if (map.target === null) return 'Every page is an image page: none is shared here.'
  const size = SIZES[map.targetLevel] ?? ''
  const page = `The page at ${hex(map.target)}`
  if (map.moment === 'planned')
    return `${page} lies in ${map.targetLevel === 3 ? 'an entry of its own' : `a block of ${size}`}.`
  const pieces =
    map.targetLevel === 3
      ? 'No block is broken up'
      : map.targetLevel === 2
        ? 'The 2M block is broken up into 511 pages and this one'
        : 'The 1G block is broken up into 511 blocks of 2M, 511 pages and this one'
  if (map.moment === 'shared') return `${page} is shared. ${pieces}.`
  return map.broken && map.targetLevel < 3
    ? `${page} is private again, and nobody puts the block of ${size} together: its pieces stay.`
    : `${page} is private again${map.targetLevel < 3 ? `, and the block of ${size} is whole` : ''}.`
}

/** The map at each moment without script: all of the memory, then what is in the block that the page belongs to. */
export function mapsHtml(spec: PlanSpec): string {
  const width = 1000
  const part = (moment: Moment): string => {
    const map = new StageTwo(spec, moment)
    const zooms = [1, 2].filter((level) => map.target !== null && level >= map.targetLevel && level < 3)
    const heading = `<h3>${MOMENTS[moment].replace(/^./, (c) => c.toUpperCase())}</h3><p>${esc(momentText(map))}</p>`
    if (moment === 'planned')
      return (
        heading +
        `<p class="soft">All ${Bytes.human(map.top - map.base)} from ${hex(map.base)}:</p>` +
        mapSvg(map, wholeWindow(map, width), `Stage 2 when ${MOMENTS[moment]}`)
      )
    const zoomed = zooms.map((level) => {
      const w = entryWindow(map, level, width)
      const at = `The ${SIZES[level]} at ${hex(w.from)}`
      const svg = mapSvg(map, w, `${at} when ${MOMENTS[moment]}: ${momentText(map)}`)
      return `<p class="soft">${at}, row by row:</p>${svg}`
    })
    return heading + zoomed.join('')
  }
  return `${mapKey}${part('planned')}${part('shared')}${part('back')}`
}

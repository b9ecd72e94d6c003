// Slots in use over time as a picture: lines in steps, the pool's size as a line across, calls that failed as marks in
// a row for each cause. No script, nothing to load; colours by the page's variables (plotStyle), in light and dark.
import { own } from '../base/index.ts'
import { esc, themes } from './html.ts'

export interface PlotLine {
  readonly name: string
  /** `pool`: the ground of the picture; `device`; `what-if`: dashed. */
  readonly kind: 'pool' | 'device' | 'what-if'
  /** Highest value of each stretch of time. */
  readonly values: ArrayLike<number>
  /**
   * Seconds at which the first stretch begins, and how long each is: lines of two recordings of one load need not have
   * the same.
   */
  readonly start: number
  readonly step: number
}

export interface PlotMarks {
  /** Why calls failed: a name of CAUSES. */
  readonly cause: string
  /** Seconds, and how many calls. */
  readonly at: readonly (readonly [number, number])[]
}

export interface Plot {
  readonly lines: readonly PlotLine[]
  readonly marks: readonly PlotMarks[]
  /** A line across: the pool's size. */
  readonly level: number | null
}

export interface PlotSize {
  readonly width: number
  readonly height: number
  /** Seconds that are shown; all of them where it is left out. */
  readonly from?: number
  readonly to?: number
  /** Pixels of a column, 1 where it is left out: a picture that is drawn again at once is coarser and cheaper. */
  readonly grain?: number
}

/** Causes of failures: one mark each, told apart by row and word, not by colour alone. */
export const CAUSES: Readonly<Record<string, { readonly mark: string; readonly words: string }>> = {
  full: { mark: 'm0', words: 'full: too few free slots' },
  fragmented: { mark: 'm1', words: 'fragmented: enough free slots, no run that fits' },
  'too large': { mark: 'm2', words: 'too large: above 256 KiB' },
  mask: { mark: 'm3', words: "mask: beyond the device's reach" },
  unpredicted: { mark: 'm4', words: 'not predicted: the model had room' }
}
export const markOf = (cause: string): string => own(CAUSES, cause)?.mark ?? 'm4'
export const causeWords = (cause: string): string => own(CAUSES, cause)?.words ?? cause

const LIGHT = ['#0a4f96', '#8f3d00', '#1b6130', '#8a1a66', '#5b3fa0', '#00595b']
const DARK = ['#9bcaff', '#ffc08c', '#8fd6a1', '#ff9bd8', '#cdb0ff', '#6fd6d8']
const MARKS_LIGHT = [themes.light.bad, '#8a5200', '#5b3fa0', '#00595b', themes.light.soft]
const MARKS_DARK = [themes.dark.bad, '#f0b429', '#cdb0ff', '#6fd6d8', themes.dark.soft]

/** Colours of lines that can be told apart. */
export const LINE_COLOURS = LIGHT.length
const named = (colours: readonly string[], marks: readonly string[]): string =>
  [...colours.map((c, i) => `--l${i}:${c}`), ...marks.map((c, i) => `--m${i}:${c}`)].join(';')

const markStyle = (i: number): string =>
  `.plot .m${i}{stroke:var(--m${i});stroke-width:2}.sw.m${i}{background:var(--m${i})}`
const markStyles = MARKS_LIGHT.map((_, i) => markStyle(i)).join('')

export const plotStyle = `:root{${named(LIGHT, MARKS_LIGHT)}}
@media(prefers-color-scheme:dark){:root{${named(DARK, MARKS_DARK)}}}
.plot{display:block;width:100%;height:auto}
.plot text{fill:var(--soft);font:12px system-ui,sans-serif}
.plot .grid{stroke:var(--line);stroke-width:1}
.plot .axis{stroke:var(--soft);stroke-width:1}
.plot path{fill:none;stroke-width:1.4;stroke-linejoin:round}
.plot .pool{stroke:var(--ink)}.plot .fill{fill:var(--card);stroke:none}
.plot .what-if{stroke:var(--l5);stroke-dasharray:6 3}
.plot .level{stroke:var(--ink);stroke-width:1.4;stroke-dasharray:8 4}
.plot text.levelname{fill:var(--ink);font-weight:650}
${LIGHT.map((_, i) => `.plot .l${i}{stroke:var(--l${i})}.sw.l${i}{background:var(--l${i})}`).join('')}
${markStyles}
.sw{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.4em}.sw.pool{background:var(--ink)}
.key{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;list-style:none;margin:.2rem 0 .8rem;padding:0;font-size:.9rem}
`

const LEFT = 58
const RIGHT = 10
const FOOT = 22
const MARK_ROW = 9
const LABEL = 16

/** A number in groups of three. */
export const grouped = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, '\u202f')

/** 1, 2 or 5 times a power of ten, so that at most `most` of them fill `range`. */
export function niceStep(range: number, most: number): number {
  const raw = Math.max(range / Math.max(1, most), Number.MIN_VALUE)
  const power = 10 ** Math.floor(Math.log10(raw))
  const f = raw / power
  return (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10) * power
}

/** Seconds that all lines together cover. */
export function plotted(p: Plot): readonly [number, number] {
  const from = Math.min(...p.lines.map((l) => l.start))
  const to = Math.max(...p.lines.map((l) => l.start + l.step * l.values.length))
  return Number.isFinite(from) && to > from ? [from, to] : [0, 1]
}

export function plotSvg(p: Plot, label: string, o: PlotSize): string {
  const [first, last] = plotted(p)
  const from = o.from ?? first
  const to = Math.max(o.to ?? last, from + 1e-9)
  const inner = o.width - LEFT - RIGHT
  const rows = p.marks.length
  const top = LABEL + rows * MARK_ROW
  const bottom = o.height - FOOT
  const grain = o.grain ?? 1
  const columns = p.lines.map((l) => columnsOf(l, from, to, Math.max(1, Math.round(inner / grain))))
  const peak = Math.max(1, ...columns.map((c) => c.reduce((a, b) => Math.max(a, b), 0)))
  // The pool's size is in the picture as long as the load stays visible beside it.
  const high = p.level !== null && p.level <= 4 * peak ? Math.max(peak, p.level) : peak
  const y = (v: number): number => round(bottom - (v / high) * (bottom - top))
  const x = (s: number): number => round(LEFT + ((s - from) / (to - from)) * inner)
  const out: string[] = []
  const step = niceStep(high, Math.max(2, (bottom - top) / 46))
  for (let v = 0; v <= high * 1.0001; v += Math.max(1, step))
    out.push(
      `<path class="grid" d="M${LEFT} ${y(v)}H${o.width - RIGHT}"/><text x="${LEFT - 6}" y="${y(v) + 4}" ` +
        `text-anchor="end">${grouped(v)}</text>`
    )
  const tick = niceStep(to - from, Math.max(2, inner / 90))
  const digits = Math.min(9, Math.max(0, -Math.floor(Math.log10(tick) + 1e-9)))
  for (let s = Math.ceil(from / tick) * tick; s <= to; s += tick)
    out.push(
      `<path class="axis" d="M${x(s)} ${bottom}v4"/><text x="${x(s)}" y="${o.height - 5}" text-anchor="middle">` +
        `${s.toFixed(digits)}\u202fs</text>`
    )
  let device = 0
  p.lines.forEach((l, i) => {
    const d = stepPath(columns[i] as Float64Array, grain, y)
    if (l.kind === 'pool') out.push(`<path class="fill" d="${d}V${bottom}H${LEFT}Z"/>`)
    out.push(`<path class="${l.kind === 'device' ? `l${device++ % LINE_COLOURS}` : l.kind}" d="${d}"/>`)
  })
  if (p.level !== null) {
    const at = p.level <= high ? y(p.level) : top
    out.push(
      `<path class="level" d="M${LEFT} ${at}H${o.width - RIGHT}"/><text class="levelname" x="${LEFT + 6}" y="` +
        `${at - 4 < 11 ? at + 13 : at - 4}">pool: ${grouped(p.level)} slots` +
        `${p.level <= high ? '' : o.width < 500 ? ' (above)' : ', above the picture'}</text>`
    )
  }
  p.marks.forEach((m, row) => {
    const at = LABEL + row * MARK_ROW
    const seen = new Set<number>()
    for (const [s] of m.at) if (s >= from && s <= to) seen.add(Math.round(x(s)))
    out.push(`<path class="${markOf(m.cause)}" d="${[...seen].map((c) => `M${c} ${at}v6`).join('')}"/>`)
  })
  return (
    `<svg class="plot" viewBox="0 0 ${o.width} ${o.height}" role="img" aria-label="${esc(label)}" ` +
    `xmlns="http://www.w3.org/2000/svg">${out.join('')}</svg>`
  )
}

const round = (n: number): number => Math.round(n * 10) / 10

/** The highest value in each column of the picture. */
function columnsOf(l: PlotLine, from: number, to: number, n: number): Float64Array {
  const out = new Float64Array(n)
  const width = (to - from) / n
  for (let c = 0; c < n; c++) {
    const a = Math.floor((from + c * width - l.start) / l.step)
    const b = Math.max(a + 1, Math.ceil((from + (c + 1) * width - l.start) / l.step - 1e-9))
    let most = 0
    for (let i = Math.max(0, a); i < Math.min(b, l.values.length); i++)
      if ((l.values[i] as number) > most) most = l.values[i] as number
    // What was in use last stays so behind the end of the line.
    if (a >= l.values.length && l.values.length > 0) most = l.values[l.values.length - 1] as number
    out[c] = most
  }
  return out
}

function stepPath(values: Float64Array, grain: number, y: (v: number) => number): string {
  let d = ''
  let before = Number.NaN
  for (let c = 0; c < values.length; c++) {
    const at = y(values[c] as number)
    if (at === before) continue
    d += d === '' ? `M${LEFT} ${at}` : `H${LEFT + c * grain}V${at}`
    before = at
  }
  return `${d}H${LEFT + values.length * grain}`
}

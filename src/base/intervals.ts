// A sparse map from numbers to small numbers, as a flat list [start, end, value, start, end, value, ...]: sorted,
// disjoint, never the default value, neighbours of one value joined. The form is canonical, so equal maps are equal
// lists.

export type Intervals = readonly number[]

export const EMPTY: Intervals = []

/** Value at `at`, or `dflt`. */
export function intervalAt(m: Intervals, at: number, dflt: number): number {
  for (let i = 0; i < m.length; i += 3) {
    if (at < (m[i] as number)) return dflt
    if (at < (m[i + 1] as number)) return m[i + 2] as number
  }
  return dflt
}

/** The pieces of [start, end) with their values, default ones included. */
export function pieces(m: Intervals, start: number, end: number, dflt: number): Array<[number, number, number]> {
  const out: Array<[number, number, number]> = []
  let at = start
  for (let i = 0; i < m.length && at < end; i += 3) {
    const s = m[i] as number
    const e = m[i + 1] as number
    if (e <= at) continue
    if (s >= end) break
    if (s > at) out.push([at, s, dflt])
    out.push([Math.max(s, at), Math.min(e, end), m[i + 2] as number])
    at = Math.min(e, end)
  }
  if (at < end) out.push([at, end, dflt])
  return out
}

/** The pieces of [start, end) whose value is not the default. */
export function valuesIn(m: Intervals, start: number, end: number): Array<[number, number, number]> {
  const out: Array<[number, number, number]> = []
  for (let i = 0; i < m.length && (m[i] as number) < end; i += 3) {
    const [s, e] = [Math.max(m[i] as number, start), Math.min(m[i + 1] as number, end)]
    if (s < e) out.push([s, e, m[i + 2] as number])
  }
  return out
}

function push(out: number[], s: number, e: number, v: number, dflt: number): void {
  if (s >= e || v === dflt) return
  const n = out.length
  if (n > 0 && out[n - 2] === s && out[n - 1] === v) out[n - 2] = e
  else out.push(s, e, v)
}

/** [start, end) replaced by `fresh` pieces that cover it. */
function splice(
  m: Intervals,
  start: number,
  end: number,
  fresh: ReadonlyArray<readonly [number, number, number]>,
  dflt: number
): Intervals {
  const out: number[] = []
  let i = 0
  for (; i < m.length && (m[i] as number) < start; i += 3) {
    push(out, m[i] as number, Math.min(m[i + 1] as number, start), m[i + 2] as number, dflt)
    if ((m[i + 1] as number) > start) break
  }
  for (const [s, e, v] of fresh) push(out, s, e, v, dflt)
  for (; i < m.length; i += 3) {
    if ((m[i + 1] as number) <= end) continue
    push(out, Math.max(m[i] as number, end), m[i + 1] as number, m[i + 2] as number, dflt)
  }
  return out
}

/** [start, end) set to `v`. */
export const setRange = (m: Intervals, start: number, end: number, v: number, dflt: number): Intervals =>
  splice(m, start, end, [[start, end, v]], dflt)

/** [start, end) mapped by `fn`. */
export const mapRange = (
  m: Intervals,
  start: number,
  end: number,
  dflt: number,
  fn: (v: number) => number
): Intervals =>
  splice(
    m,
    start,
    end,
    pieces(m, start, end, dflt).map(([s, e, v]) => [s, e, fn(v)] as const),
    dflt
  )

/** [dst, dst+len) becomes what [src, src+len) is. */
export const copyRange = (m: Intervals, dst: number, src: number, len: number, dflt: number): Intervals =>
  splice(
    m,
    dst,
    dst + len,
    pieces(m, src, src + len, dflt).map(([s, e, v]) => [s - src + dst, e - src + dst, v] as const),
    dflt
  )

export const encodeIntervals = (m: Intervals): string => m.join(',')

// The words of `tbit rules` and `tbit explain dma`, and what a run of `rules` has to say.
import type { Failures, FlagAudit, PlatformRules } from '../rules/index.ts'
import { wrap } from './wrap.ts'

export const CERTAINTY = { H: 'high', M: 'medium', L: 'low' } as const
/** `fault:GPF` as a reader has it. */
export const outcomeText = (o: string): string => (o.startsWith('fault:') ? `fault ${o.slice(6)}` : o)
const bare = (o: string): string => (o.startsWith('fault:') ? o.slice(6) : o)
/** What reads and writes come to, in the fewest words. */
export const accessWords = (r: { readonly read: string; readonly write: string }): string =>
  r.read === r.write ? bare(r.read) : `R ${bare(r.read)}, W ${bare(r.write)}`

/** A pair that was asked for and has no meaning. */
export interface SkippedRules {
  readonly kernel: string
  readonly platform: string
  readonly reason: string
}

/** What one run of `rules` has to say. */
export interface RulesReport {
  readonly list: readonly PlatformRules[]
  readonly skipped: readonly SkippedRules[]
}
/** The same with --failures. */
export interface FailuresReport {
  readonly list: readonly Failures[]
  readonly skipped: readonly SkippedRules[]
}
/** The same with --flag. */
export interface FlagReport {
  readonly list: readonly FlagAudit[]
  readonly skipped: readonly SkippedRules[]
}

export interface RulesLook {
  readonly width: number
  /** With the source of each row. */
  readonly verbose: boolean
}

/** Columns; a row that is too wide has its last cell below. `more`: what else stands below row i. */
export function tableRows(
  cells: ReadonlyArray<readonly string[]>,
  width: number,
  more: (i: number) => readonly string[] = () => []
): string[] {
  const widths: number[] = []
  for (const r of cells)
    r.slice(0, -1).forEach((c, i) => {
      widths[i] = Math.max(widths[i] ?? 0, c.length)
    })
  return cells.flatMap((r, n) => {
    const head = r
      .slice(0, -1)
      .map((c, i) => c.padEnd(widths[i] ?? 0))
      .join('  ')
    const last = r[r.length - 1] ?? ''
    const below = more(n).flatMap((m) => wrap(m, width - 8, '  ').map((l) => `        ${l}`))
    return [
      ...(head.length + 2 + last.length <= width
        ? [`${head}  ${last}`.trimEnd()]
        : [head.trimEnd(), `        ${last}`]),
      ...below
    ]
  })
}

// What is new since the last run of the same tests: verdicts that changed, findings that came and went. The record of a
// run is a line of text a pair, small enough to be kept for every directory; where it is kept is not known here.
import { thousands } from '../base/index.ts'
import { type CheckResult, hash, type Violation } from '../check/index.ts'
import { type CheckRun, verdictText } from './check-run.ts'
import { wrap } from './wrap.ts'

/** Pairs by `test|kernel|platform`. */
export interface RunRecord {
  readonly format: 1
  readonly pairs: Readonly<Record<string, PairRecord>>
}
/** The verdict as text, and the findings by name (property, site and decision: the way to them may differ). */
export interface PairRecord {
  readonly verdict: string
  readonly findings: readonly string[]
}

const key = (r: CheckResult): string => `${r.test}|${r.kernel}|${r.platform}`
const nameOf = (v: Violation): string => `${v.property}-${hash(`${v.site}/${v.decision}`)}`
const pair = (r: CheckResult): PairRecord => ({
  verdict: verdictText(r),
  findings: [...new Set(r.violations.map(nameOf))]
})

export const recordOf = (run: CheckRun): RunRecord => ({
  format: 1,
  pairs: Object.fromEntries(run.results.map((r) => [key(r), pair(r)]))
})

/** Whether a value that was read from somewhere is a record. */
export function isRecord(v: unknown): v is RunRecord {
  const pairs =
    (v as { format?: unknown; pairs?: unknown } | null)?.format === 1 ? (v as { pairs?: unknown }).pairs : null
  return (
    typeof pairs === 'object' &&
    pairs !== null &&
    Object.values(pairs).every(
      (p: unknown) => typeof (p as PairRecord | null)?.verdict === 'string' && Array.isArray((p as PairRecord).findings)
    )
  )
}

/** Changes told one by one. */
const TOLD = 5

/** What to say of `run` beside `last`; empty when nothing is new, so that the same input gives the same text. */
export function newsText(run: CheckRun, last: RunRecord, width: number): string[] {
  const before = new Map(Object.entries(last.pairs))
  const changed: string[] = []
  let [added, fresh, gone] = [0, 0, 0]
  for (const r of run.results) {
    const b = before.get(key(r))
    const now = pair(r)
    if (b === undefined) {
      added++
      continue
    }
    fresh += now.findings.filter((f) => !b.findings.includes(f)).length
    gone += b.findings.filter((f) => !now.findings.includes(f)).length
    if (b.verdict !== now.verdict)
      changed.push(`${r.test} (${r.kernel} on ${r.platform}): ${b.verdict} -> ${now.verdict}`)
  }
  const here = new Set(run.results.map(key))
  const lost = [...before.keys()].filter((k) => !here.has(k)).length
  const count = (n: number, one: string, many: string): string[] =>
    n > 0 ? [`${thousands(n)} ${n === 1 ? one : many}`] : []
  const words = [
    ...count(changed.length, 'verdict changed', 'verdicts changed'),
    ...count(fresh, 'finding is new', 'findings are new'),
    ...count(gone, 'finding is gone', 'findings are gone'),
    ...count(added, 'run is new', 'runs are new'),
    ...count(lost, 'run is gone', 'runs are gone')
  ]
  if (words.length === 0) return []
  return [
    ...wrap(`since the last run: ${words.join(', ')}`, width, '  '),
    ...changed.slice(0, TOLD).flatMap((c) => wrap(c, width - 2, '    ').map((l) => `  ${l}`)),
    ...(changed.length > TOLD ? [`  and ${thousands(changed.length - TOLD)} more`] : [])
  ]
}

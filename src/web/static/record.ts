// What a run of the library came to, small enough to be sent with the site: a page that computes it again says whether
// it is the same.
import type { CheckResult, Violation } from '../../check/index.ts'
import { allFindings, hash } from '../../check/check.ts'

/**
 * One run: indexes into the lists of names, then the verdict, the ids of what was found, the states, and the kernel
 * functions of their steps.
 */
export type RecordedRun = readonly [
  test: number,
  kernel: number,
  platform: number,
  verdict: number,
  ids: readonly number[],
  states: number,
  functions: number
]
export interface Recorded {
  readonly format: 1
  readonly tests: readonly string[]
  readonly kernels: readonly string[]
  readonly platforms: readonly string[]
  readonly verdicts: readonly string[]
  readonly ids: readonly string[]
  readonly functions: readonly string[]
  readonly runs: readonly RecordedRun[]
}

class Names {
  readonly list: string[] = []
  private readonly at = new Map<string, number>()
  of(name: string): number {
    const known = this.at.get(name)
    if (known !== undefined) return known
    this.at.set(name, this.list.length)
    return this.list.push(name) - 1
  }
}

const idsOf = (r: Pick<CheckResult, 'violations' | 'reported'>): string[] => allFindings(r).map((v) => v.id)

export function recorded(results: readonly CheckResult[]): Recorded {
  const [tests, kernels, platforms, verdicts, ids, functions] = [
    new Names(),
    new Names(),
    new Names(),
    new Names(),
    new Names(),
    new Names()
  ]
  const runs = results.map(
    (r): RecordedRun => [
      tests.of(r.test),
      kernels.of(r.kernel),
      platforms.of(r.platform),
      verdicts.of(r.verdict),
      idsOf(r).map((id) => ids.of(id)),
      r.states,
      functions.of(functionsOf(r))
    ]
  )
  return {
    format: 1,
    tests: tests.list,
    kernels: kernels.list,
    platforms: platforms.list,
    verdicts: verdicts.list,
    ids: ids.list,
    functions: functions.list,
    runs
  }
}

/**
 * The functions that every step of a run's findings is in, as one word: a build that renames functions gives another.
 */
export function functionsOf(r: Pick<CheckResult, 'violations' | 'reported'>): string {
  const steps = allFindings(r).flatMap((v: Violation) => [...v.initSteps, ...v.trace])
  return hash(steps.map((s) => s.site.join('<')).join(';'))
}

/** A run as a page computes it again. */
export interface Again {
  readonly test: string
  readonly kernel: string
  readonly platform: string
  readonly verdict: string
  readonly ids: readonly string[]
  readonly states: number
  readonly functions: string
}

/** In what a run differs from its record; null: in nothing. */
export function differs(record: Recorded, run: RecordedRun, r: Again): string | null {
  const [test, kernel, platform, verdict, ids, states, functions] = run
  if (record.tests[test] !== r.test || record.kernels[kernel] !== r.kernel || record.platforms[platform] !== r.platform)
    return 'another run'
  if (record.verdicts[verdict] !== r.verdict) return `${r.verdict}, recorded ${record.verdicts[verdict]}`
  if (ids.map((i) => record.ids[i]).join() !== r.ids.join()) return 'other findings'
  if (states !== r.states) return `${r.states} states, recorded ${states}`
  return record.functions[functions] === r.functions ? null : 'other function names'
}

// What changes between two revisions, and which decisions did it: the smallest set whose change makes the change of the
// verdict.
import {
  type Decision,
  decisionText,
  type Decisions,
  differences,
  type Revision,
  withDecisions
} from '../kernel/index.ts'
import { revisionOf, type Test } from '../litmus/index.ts'
import { watched } from './asked.ts'
import { allFindings, type CheckOptions, type CheckResult } from './check.ts'
import { checkTest } from './ways.ts'

export interface Cause {
  /** The decision's name in the revision's record. */
  readonly decision: Decision
  readonly before: string
  readonly after: string
  /** Where the later revision's value comes from. */
  readonly source: string
}

/** A smallest set of decisions that explains a changed verdict. */
export interface Explanation {
  readonly causes: readonly Cause[]
  /**
   * `both`: these alone make the change, and taking them back undoes it; `enough`: they alone make it; `needed`: taking
   * them back undoes it, and no small set alone makes it.
   */
  readonly role: 'both' | 'enough' | 'needed'
  /** No smaller set does it. false: the set is large, and only that none of it can be left out was tried. */
  readonly smallest: boolean
}

export interface Comparison {
  readonly file: string
  readonly test: string
  readonly platform: string
  readonly before: CheckResult
  readonly after: CheckResult
  readonly changed: boolean
  /** Ids of findings (without the sequence) that came, went and stayed. */
  readonly fresh: readonly string[]
  readonly fixed: readonly string[]
  readonly unchanged: readonly string[]
  /** Null when nothing changed, and when the search for it was stopped. */
  readonly explanation: Explanation | null
}

/** The verdict as one comparable text: what is violated and what is only reported. */
export const outcome = (r: CheckResult): string => {
  const names = (list: CheckResult['violations']): string => [...new Set(list.map((v) => v.property))].join(', ')
  return (
    `${r.verdict}${r.violations.length > 0 ? `: ${names(r.violations)}` : ''}` +
    `${r.reported.length > 0 ? ` (${r.verdict === 'ok' ? '' : 'reported: '}${names(r.reported)})` : ''}`
  )
}

// Identity without the sequence: a longer way to the same finding is not a new one.
export const identity = (v: { property: string; site: string; decision: string }): string =>
  `${v.property} / ${v.site} / ${v.decision}`

/**
 * Whether two results differ in what both searches can vouch for: a search that hit its limit says what there is, not
 * what is missing.
 */
export function verdictChanged(a: CheckResult, b: CheckResult): boolean {
  if (a.verdict === 'skipped' || b.verdict === 'skipped' || outcome(a) === outcome(b)) return false
  if (a.complete && b.complete) return true
  const found = (r: CheckResult): Set<string> => new Set(allFindings(r).map((v) => v.property))
  const [fa, fb] = [found(a), found(b)]
  return (b.complete && [...fa].some((p) => !fb.has(p))) || (a.complete && [...fb].some((p) => !fa.has(p)))
}

/** Sets of more decisions than this are not enumerated: what can be left out of all of them is, one by one. */
const MOST_TOGETHER = 3

function* subsets<T>(all: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) {
    yield []
    return
  }
  for (let i = from; i + size <= all.length; i++)
    for (const rest of subsets(all, size - 1, i + 1)) yield [all[i] as T, ...rest]
}

/** Runs the test with a record, and tells what of it was asked for. */
type RunWith = (rev: Revision, asked: Set<string>) => CheckResult

/**
 * Which decisions make `ra` (of `a`) into `rb` (of `b`): the smallest set that, put into the earlier revision, gives
 * the later outcome; of several, one that taken back in the later revision gives the earlier outcome too. Only
 * decisions that some run asked for can matter.
 */
export function explainChange(a: Revision, b: Revision, ra: CheckResult, rb: CheckResult, run: RunWith): Explanation {
  const differ = differences(a, b)
  const asked = new Set<string>()
  const memo = new Map<string, string>()
  const outcomeOf = (side: 'a' | 'b', set: readonly Decision[]): string => {
    const key = `${side}:${set.join()}`
    let o = memo.get(key)
    if (o === undefined) {
      const [base, other] = side === 'a' ? [a, b] : [b, a]
      o =
        set.length === 0
          ? outcome(run(base, asked))
          : outcome(
              run(
                withDecisions(base, Object.fromEntries(set.map((d) => [d, other[d]])) as Partial<Decisions>, base.name),
                asked
              )
            )
      memo.set(key, o)
    }
    return o
  }
  const [oa, ob] = [outcome(ra), outcome(rb)]
  const roleOf = (set: readonly Decision[]): Explanation['role'] | null => {
    const enough = outcomeOf('a', set) === ob
    const needed = outcomeOf('b', set) === oa
    return enough && needed ? 'both' : enough ? 'enough' : needed ? 'needed' : null
  }
  const causes = (set: readonly Decision[]): Cause[] =>
    set.map((decision) => ({
      decision,
      before: decisionText(a[decision]),
      after: decisionText(b[decision]),
      source: b.sources[decision]
    }))
  outcomeOf('a', [])
  outcomeOf('b', [])
  const candidates = (): Decision[] => differ.filter((d) => asked.has(d))
  const tried = new Set<string>()
  let needed: Decision[] | null = null
  for (let size = 1; size <= Math.min(MOST_TOGETHER, differ.length); size++) {
    let enough: { set: Decision[]; role: 'both' | 'enough' } | null = null
    // A run with a flip may ask for more: then the sets that this makes are tried too.
    for (let known = -1; known !== candidates().length && enough?.role !== 'both'; ) {
      const list = candidates()
      known = list.length
      for (const set of [...Array(size).keys()].flatMap((s) => [...subsets(list, s + 1)])) {
        if (tried.has(set.join())) continue
        tried.add(set.join())
        const role = roleOf(set)
        if (role === 'needed') needed ??= set
        else if (
          role !== null &&
          (enough === null || set.length < enough.set.length || (role === 'both' && set.length === enough.set.length))
        )
          enough = { set, role }
        if (enough?.role === 'both') break
      }
    }
    if (enough !== null) return { causes: causes(enough.set), role: enough.role, smallest: true }
  }
  if (needed !== null) return { causes: causes(needed), role: 'needed', smallest: true }
  return leftOver()

  /** Of all that differs, what cannot be left out. */
  function leftOver(): Explanation {
    let set = candidates()
    if (outcomeOf('a', set) !== ob) set = differ
    for (const d of [...set]) {
      const less = set.filter((x) => x !== d)
      if (outcomeOf('a', less) === ob) set = less
    }
    return { causes: causes(set), role: outcomeOf('b', set) === oa ? 'both' : 'enough', smallest: false }
  }
}

/** Why one test's verdict on one platform changed between two revisions. @throws RangeError for an unknown name */
export function explainTest(
  test: Test,
  before: string,
  after: string,
  platform: string,
  ra: CheckResult,
  rb: CheckResult,
  o: CheckOptions = {}
): Explanation | null {
  const [a, b] = [revisionOf(test, before), revisionOf(test, after)]
  return explainChange(a, b, ra, rb, (rev, asked) =>
    checkTest(test, rev.name, platform, { ...o, revision: watched(rev, asked), traces: false })
  )
}

/** What two results say. */
export function compareResults(before: CheckResult, after: CheckResult, explanation: Explanation | null): Comparison {
  const ids = (r: CheckResult): string[] => [...new Set(allFindings(r).map(identity))]
  const [ia, ib] = [ids(before), ids(after)]
  return {
    file: before.file,
    test: before.test,
    platform: before.platform,
    before,
    after,
    changed: verdictChanged(before, after),
    fresh: ib.filter((x) => !ia.includes(x)),
    fixed: ia.filter((x) => !ib.includes(x)),
    unchanged: ia.filter((x) => ib.includes(x)),
    explanation
  }
}

/** Compares one test on one platform. @throws RangeError for an unknown revision name */
export function compareTest(
  test: Test,
  before: string,
  after: string,
  platform: string,
  o: CheckOptions = {}
): Comparison {
  const ra = checkTest(test, before, platform, o)
  const rb = checkTest(test, after, platform, o)
  return compareResults(ra, rb, verdictChanged(ra, rb) ? explainTest(test, before, after, platform, ra, rb, o) : null)
}

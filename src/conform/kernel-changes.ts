// What two trees answer differently over the same runs, as a list a reviewer would send: one entry for a finding that
// came, went or became another, however many tests and platforms show it. A search that hit its limit vouches for what
// it found, not for what is missing.
import { type CheckResult, identity, outcome, type Violation } from '../check/index.ts'

/**
 * `new`, `fixed`: the finding is there, or gone. `different`: the same property by another decision or at another
 * place. `verdict`: no finding differs, but the verdict does (vacuous, say).
 */
export type ChangeKind = 'new' | 'different' | 'verdict' | 'fixed'

export interface ChangedRun {
  readonly before: CheckResult
  readonly after: CheckResult
  /** The earlier side is our model, whose places have other names than the C's: only properties are compared. */
  readonly byModel?: boolean
}

export interface Change {
  readonly kind: ChangeKind
  readonly property: string
  /** Of the side that has the finding (of `different`, the later one); of several the decisions that differ. */
  readonly site: string
  readonly decision: string
  /** Of `different`: what it was. */
  readonly was: { readonly site: string; readonly decision: string } | null
  /** Some test forbids it. */
  readonly forbidden: boolean
  readonly runs: readonly ChangedRun[]
  /** The counterexample with the fewest steps, and the result it is from; null where no finding is left to show. */
  readonly example: { readonly result: CheckResult; readonly violation: Violation } | null
}

interface Finding {
  readonly v: Violation
  readonly forbidden: boolean
}

/**
 * What a reviewer takes for one finding: the property and the place. Which row of the access rules an access fails by,
 * or which line of a test asserts, is told in the entry. Of a change of place or decision each is its own.
 */
const cause = (v: Violation): string =>
  ['assert', 'reached', 'unreached'].includes(v.property) ? v.property : `${v.property}\0${v.site}`

function findingsOf(r: CheckResult, by: (v: Violation) => string): Map<string, Finding> {
  const out = new Map<string, Finding>()
  for (const [list, forbidden] of [
    [r.violations, true],
    [r.reported, false]
  ] as const)
    for (const v of list) if (!out.has(by(v))) out.set(by(v), { v, forbidden })
  return out
}

interface Raw {
  readonly kind: ChangeKind
  readonly now: Finding | null
  readonly was: Finding | null
  readonly run: ChangedRun
}

/** A question of the test that no final state answers: no run shows it, and another question is not its next place. */
const isUnreached = (f: Finding | null): boolean => f?.v.property === 'unreached'

/**
 * What one run says; a property that goes at one place and comes at another is one change. Which questions are left
 * without an answer follows from the other findings: that is told where nothing with a counterexample differs.
 */
function changesOf(run: ChangedRun): Raw[] {
  const { before, after } = run
  const by = run.byModel === true ? (v: Violation): string => v.property : identity
  const [a, b] = [findingsOf(before, by), findingsOf(after, by)]
  const fresh = before.complete ? [...b].filter(([id]) => !a.has(id)).map(([, f]) => f) : []
  const gone = after.complete ? [...a].filter(([id]) => !b.has(id)).map(([, f]) => f) : []
  const out: Raw[] = []
  for (const now of fresh) {
    const at = gone.findIndex(
      (g) => !isUnreached(g) && g.v.property === now.v.property && g.forbidden === now.forbidden
    )
    if (at < 0) out.push({ kind: 'new', now, was: null, run })
    else out.push({ kind: 'different', now, was: gone.splice(at, 1)[0] as Finding, run })
  }
  for (const was of gone) out.push({ kind: 'fixed', now: null, was, run })
  if (out.length === 0 && before.complete && after.complete && outcome(before) !== outcome(after))
    out.push({ kind: 'verdict', now: null, was: null, run })
  const shown = out.filter((c) => !isUnreached(c.now ?? c.was))
  return shown.length > 0 ? shown : out
}

const ORDER: readonly ChangeKind[] = ['new', 'different', 'verdict', 'fixed']
const length = (v: Violation): number => v.initSteps.length + v.trace.length

/** All changes of the runs that were made on both sides, the gravest first. */
export function changesBetween(runs: readonly ChangedRun[]): Change[] {
  const groups = new Map<string, Raw[]>()
  for (const run of runs) {
    if (run.before.verdict === 'skipped' || run.after.verdict === 'skipped') continue
    for (const c of changesOf(run)) {
      const shown = c.now ?? c.was
      const key = [
        c.kind,
        shown === null ? `${outcome(run.before)} -> ${outcome(run.after)}` : cause(shown.v),
        c.now !== null && c.was !== null ? `${identity(shown?.v ?? c.was.v)}\0${identity(c.was.v)}` : '',
        // a place that some test forbids is told apart from one that is reported alone
        (shown?.forbidden ?? true) ? 'forbidden' : 'reported'
      ].join('\0')
      groups.set(key, [...(groups.get(key) ?? []), c])
    }
  }
  return [...groups.values()]
    .map(changeOf)
    .sort(
      (x, y) =>
        ORDER.indexOf(x.kind) - ORDER.indexOf(y.kind) ||
        Number(y.forbidden) - Number(x.forbidden) ||
        y.runs.length - x.runs.length ||
        (x.property < y.property ? -1 : 1)
    )
}

function changeOf(list: readonly Raw[]): Change {
  const { kind, now, was, run } = list[0] as Raw
  const shown = now ?? was
  const examples = list
    .flatMap((c) => {
      const f = c.now ?? c.was
      return f === null ? [] : [{ result: c.now === null ? c.run.before : c.run.after, violation: f.v }]
    })
    .sort((x, y) => length(x.violation) - length(y.violation))
  const decisions = [...new Set(list.flatMap((c) => (c.now ?? c.was)?.v.decision ?? []))]
  return {
    kind,
    property: shown?.v.property ?? outcome(run.after),
    site: shown?.v.site ?? '',
    decision: decisions.join(', ') || outcome(run.before),
    was: now !== null && was !== null ? { site: was.v.site, decision: was.v.decision } : null,
    forbidden: list.some((c) => (c.now ?? c.was)?.forbidden ?? true),
    runs: list.map((c) => c.run),
    example: examples[0] ?? null
  }
}

/** Runs of which a side hit its limit of states: what is missing there is not known. */
export const undecidedIn = (runs: readonly ChangedRun[]): number =>
  runs.filter(({ before, after }) => [before, after].some((r) => r.verdict !== 'skipped' && !r.complete)).length

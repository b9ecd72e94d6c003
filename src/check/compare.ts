// What changes between two revisions, and which decision did it: one decision at a time is flipped, in both directions.
import { revisionByName, type Revision } from '../kernel/index.ts'
import type { Test } from '../litmus/index.ts'
import { type CheckOptions, type CheckResult, checkTest } from './check.ts'

export interface Cause {
  /** The decision's name in the revision's record. */
  readonly decision: string
  readonly before: string
  readonly after: string
  /** Where the later revision's value comes from. */
  readonly source: string | null
  /** `both`: taking it back undoes the change, and it alone makes it; `needed`: taking it back undoes the change; `enough`: it alone makes it; `part`: taking it back changes the verdict, but not to the old one. */
  readonly role: 'both' | 'needed' | 'enough' | 'part'
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
  /** Decisions that matter; empty when nothing changed, or when none does alone. */
  readonly causes: readonly Cause[]
  /** No single decision explains the change; true also says that the named parts together do, when there are any. */
  readonly together: boolean
}

/** Decisions in which two records differ, in the order of the record. */
export function differences(a: Revision, b: Revision): Array<keyof Revision> {
  const skip = new Set(['name', 'title', 'sources'])
  return (Object.keys(a) as Array<keyof Revision>).filter((k) => !skip.has(k) && show(a[k]) !== show(b[k]))
}

const PLATFORM_NAMES = ['arm-cca', 'amd-sev-snp', 'intel-tdx', 'pkvm', 's390-pv', 'amd-sme-host', 'none']

/** A decision's value in words; a rule by platform is the list of platforms it holds for. */
export function show(v: unknown): string {
  if (typeof v === 'function') return PLATFORM_NAMES.filter((name) => (v as (p: { name: string }) => unknown)({ name })).join(', ') || 'never'
  if (Array.isArray(v)) return v.join(', ') || 'none'
  return String(v)
}

/** The verdict as one comparable text: what is violated and what is only reported. */
export const outcome = (r: CheckResult): string => {
  const names = (list: CheckResult['violations']): string => [...new Set(list.map((v) => v.property))].join(', ')
  return `${r.verdict}${r.violations.length > 0 ? `: ${names(r.violations)}` : ''}${r.reported.length > 0 ? ` (reported: ${names(r.reported)})` : ''}`
}

// Identity without the sequence: a longer way to the same finding is not a new one.
const identity = (v: { property: string; site: string; decision: string }): string => `${v.property} / ${v.site} / ${v.decision}`

/** A revision with one decision of another. */
export interface Flip { readonly decision: string; readonly from: string }

/** The record of `kernel` with the flipped decision. @throws Error for an unknown name */
export function flipped(kernel: string, flip: Flip): Revision {
  const [to, from] = [revisionByName(kernel), revisionByName(flip.from)]
  if (to === undefined || from === undefined || !Object.hasOwn(from, flip.decision)) throw new Error(`unknown revision ${kernel} or ${flip.from}, or no decision ${flip.decision}`)
  return { ...to, [flip.decision]: from[flip.decision as keyof Revision] } as Revision
}

/** The runs that tell which decisions matter: each decision of the later revision taken back, each put alone into the earlier one. */
export function flipsBetween(before: string, after: string): Array<{ readonly kernel: string; readonly flip: Flip }> {
  const [a, b] = [revisionByName(before), revisionByName(after)]
  if (a === undefined || b === undefined) throw new Error(`unknown revision ${before} or ${after}`)
  return differences(a, b).flatMap((decision) => [{ kernel: after, flip: { decision, from: before } }, { kernel: before, flip: { decision, from: after } }])
}

/** Whether two results differ in what both searches can vouch for: a search that hit its limit says what there is, not what is missing. */
export function verdictChanged(a: CheckResult, b: CheckResult): boolean {
  if (a.verdict === 'skipped' || b.verdict === 'skipped' || outcome(a) === outcome(b)) return false
  if (a.complete && b.complete) return true
  const found = (r: CheckResult): Set<string> => new Set([...r.violations, ...r.reported].map((v) => v.property))
  const [fa, fb] = [found(a), found(b)]
  return (b.complete && [...fa].some((p) => !fb.has(p))) || (a.complete && [...fb].some((p) => !fa.has(p)))
}

/** The record of `kernel`, with `flip` or as it is, that notes in `asked` which of its decisions a run asks for: the others cannot matter to it. @throws Error for an unknown name */
export function watched(kernel: string, flip: Flip | undefined, asked: Set<string>): Revision {
  const rev = flip === undefined ? revisionByName(kernel) : flipped(kernel, flip)
  if (rev === undefined) throw new Error(`unknown revision ${kernel}`)
  return new Proxy(rev, {
    get: (target, key) => {
      if (typeof key === 'string') asked.add(key)
      return target[key as keyof Revision]
    }
  })
}

/** What two results say, and with `flips` (in the order of flipsBetween, null: not known) which decisions did it. @throws Error for an unknown revision name */
export function compareResults(before: CheckResult, after: CheckResult, flips: ReadonlyArray<CheckResult | null> = []): Comparison {
  const [a, b] = [revisionByName(before.kernel), revisionByName(after.kernel)]
  if (a === undefined || b === undefined) throw new Error(`unknown revision ${before.kernel} or ${after.kernel}`)
  const ids = (r: CheckResult): string[] => [...new Set([...r.violations, ...r.reported].map(identity))]
  const [ia, ib] = [ids(before), ids(after)]
  const [oa, ob] = [outcome(before), outcome(after)]
  const changed = verdictChanged(before, after)
  const causes: Cause[] = []
  for (const [i, d] of (changed ? differences(a, b) : []).entries()) {
    const [taken, alone] = [flips[2 * i] ?? null, flips[2 * i + 1] ?? null].map((r) => (r === null ? null : outcome(r)))
    const back = taken === oa
    const enough = alone === ob
    if (back || enough || (taken !== null && taken !== ob)) {
      causes.push({ decision: d, before: show(a[d]), after: show(b[d]), source: b.sources[d] ?? a.sources[d] ?? null, role: back && enough ? 'both' : back ? 'needed' : enough ? 'enough' : 'part' })
    }
  }
  return {
    file: before.file, test: before.test, platform: before.platform, before, after, changed,
    fresh: ib.filter((x) => !ia.includes(x)), fixed: ia.filter((x) => !ib.includes(x)), unchanged: ia.filter((x) => ib.includes(x)),
    causes, together: changed && causes.every((c) => c.role === 'part')
  }
}

/** Compares one test on one platform. @throws Error for an unknown revision name */
export function compareTest(test: Test, before: string, after: string, platform: string, o: CheckOptions = {}): Comparison {
  const ra = checkTest(test, before, platform, o)
  const rb = checkTest(test, after, platform, o)
  return compareResults(ra, rb, verdictChanged(ra, rb) ? flipsBetween(before, after).map(({ kernel, flip }) => checkTest(test, kernel, platform, { ...o, revision: flipped(kernel, flip) })) : [])
}

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

/** Compares one test on one platform. @throws Error for an unknown revision name */
export function compareTest(test: Test, before: string, after: string, platform: string, o: CheckOptions = {}): Comparison {
  const a = revisionByName(before)
  const b = revisionByName(after)
  if (a === undefined || b === undefined) throw new Error(`unknown revision ${before} or ${after}`)
  const ra = checkTest(test, before, platform, o)
  const rb = checkTest(test, after, platform, o)
  const ids = (r: CheckResult): string[] => [...new Set([...r.violations, ...r.reported].map(identity))]
  const [ia, ib] = [ids(ra), ids(rb)]
  const oa = outcome(ra)
  const ob = outcome(rb)
  const changed = oa !== ob && ra.verdict !== 'skipped' && rb.verdict !== 'skipped'
  const causes: Cause[] = []
  if (changed) {
    for (const d of differences(a, b)) {
      // Flag storage follows the TSM core by default; the tests of both sides keep what their own revision has.
      const taken = outcome(checkTest(test, after, platform, { ...o, revision: { ...b, [d]: a[d] } as Revision }))
      const back = taken === oa
      const alone = outcome(checkTest(test, before, platform, { ...o, revision: { ...a, [d]: b[d] } as Revision })) === ob
      if (back || alone || taken !== ob) causes.push({ decision: d, before: show(a[d]), after: show(b[d]), source: b.sources[d] ?? a.sources[d] ?? null, role: back && alone ? 'both' : back ? 'needed' : alone ? 'enough' : 'part' })
    }
  }
  return {
    file: test.file, test: test.name, platform, before: ra, after: rb, changed,
    fresh: ib.filter((x) => !ia.includes(x)), fixed: ia.filter((x) => !ib.includes(x)), unchanged: ia.filter((x) => ib.includes(x)),
    causes, together: changed && causes.every((c) => c.role === 'part')
  }
}

// `tbit compare` as text and json.
import { columns, type Diagnostic, plural } from '../base/index.ts'
import { type Cause, type CheckResult, type Comparison, type Explanation, outcome } from '../check/index.ts'

/** One comparison of two revisions as a value. */
export interface CompareReport {
  readonly before: string
  readonly after: string
  readonly list: readonly Comparison[]
  readonly errors: readonly Diagnostic[]
  readonly warnings?: readonly Diagnostic[]
  /** The user stopped it: how many comparisons were wanted. null: it came to its end. */
  readonly interrupted: number | null
}

const ROLES = { both: 'because of', needed: 'needs', enough: 'enough is' } as const

/** The decisions behind a changed verdict, a line each with their own source. */
function explanationLines(e: Explanation | null): string[] {
  if (e === null) return ['  why is not known: the search for it was stopped']
  const line = (k: Cause): string => `${k.decision}: ${k.before} -> ${k.after} [${k.source}]`
  const [first, ...more] = e.causes
  if (first === undefined) return []
  if (more.length === 0) return [`  ${ROLES[e.role]} ${line(first)}`]
  return [`  ${ROLES[e.role]} these together${e.smallest ? ', none fewer' : ''}:`, ...e.causes.map((k) => `    ${line(k)}`)]
}

const skippedOf = (c: Comparison): string | null => c.before.reason ?? c.after.reason
const decided = (c: Comparison): boolean => c.changed || (c.before.complete && c.after.complete)

export function compareText(r: CompareReport): string {
  // Nothing could be compared: the errors have said it.
  if (r.list.length === 0 && r.errors.length > 0) return ''
  const { before, after } = r
  const out: string[] = []
  const skipped = r.list.filter((c) => skippedOf(c) !== null)
  const ran = r.list.filter((c) => skippedOf(c) === null)
  const changed = ran.filter((c) => c.changed)
  for (const c of changed) {
    out.push(`${c.test} on ${c.platform}`)
    out.push(...columns([[`  ${before}`, outcome(c.before)], [`  ${after}`, outcome(c.after)]]).split('\n'))
    for (const f of c.fresh) out.push(`  new    ${f}`)
    for (const f of c.fixed) out.push(`  fixed  ${f}`)
    out.push(...explanationLines(c.explanation))
    out.push('')
  }
  const reasons = new Map<string, string[]>()
  for (const c of skipped) reasons.set(skippedOf(c) as string, [...(reasons.get(skippedOf(c) as string) ?? []), `${c.test} on ${c.platform}`])
  for (const [reason, tests] of reasons) out.push(`skipped: ${tests.length <= 3 ? tests.join(', ') : plural(tests.length, 'comparison')}: ${reason}`)
  const open = ran.filter((c) => !decided(c))
  for (const c of open) out.push(`undecided: ${c.test} on ${c.platform}: a search stopped at its limit of states`)
  const shifted = ran.filter((c) => !c.changed && c.fresh.length + c.fixed.length > 0)
  if (shifted.length > 0) out.push(`same verdict, other findings: ${shifted.length <= 6 ? shifted.map((c) => `${c.test} on ${c.platform}`).join(', ') : plural(shifted.length, 'comparison')}`)
  out.push(`${plural(changed.length, 'verdict')} of ${ran.length} changed between ${before} and ${after}${skipped.length ? `, ${skipped.length} skipped` : ''}${open.length > 0 ? `, ${open.length} undecided` : ''}${r.errors.length > 0 ? `; ${plural(r.errors.length, 'error')}` : ''}`)
  const [first] = ran
  if (first !== undefined) out.push(`covered: ${first.before.coverage.interleave === 'steps' ? 'every interleaving of single steps' : 'interleavings of whole calls only (an abstraction)'}, at most ${plural(first.before.coverage.maxStates, 'state')} a run`)
  if (r.interrupted !== null) out.push(`interrupted: ${plural(r.list.length, 'comparison')} of ${r.interrupted} made`)
  return `${out.join('\n')}\n`
}

const side = (r: CheckResult): object => ({ verdict: r.verdict, properties: [...new Set(r.violations.map((v) => v.property))], reported: [...new Set(r.reported.map((v) => v.property))], reason: r.reason, complete: r.complete, states: r.states })

export function compareJson(r: CompareReport): string {
  return `${JSON.stringify({
    format: 1, before: r.before, after: r.after,
    results: r.list.map((c) => ({
      file: c.file, test: c.test, platform: c.platform, changed: c.changed, before: side(c.before), after: side(c.after),
      new: c.fresh, fixed: c.fixed, unchanged: c.unchanged, causes: c.explanation?.causes ?? [], role: c.explanation?.role ?? null, together: (c.explanation?.causes.length ?? 0) > 1
    })),
    errors: r.errors, ...(r.interrupted === null ? {} : { interrupted: { done: r.list.length, of: r.interrupted } })
  })}\n`
}

/** What `compare` and `kernel diff` can write. */
export const compareFormats = { text: compareText, json: compareJson } as const satisfies Record<string, (r: CompareReport) => string>

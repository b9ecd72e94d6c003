// `tbit compare` as text and json.
import { type Diagnostic, plural, thousands } from '../base/index.ts'
import { type Cause, type CheckResult, type Comparison, type Explanation, outcome } from '../check/index.ts'
import { limitsLine } from './check-run.ts'
import { wrap } from './wrap.ts'

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

export interface CompareLook {
  readonly width: number
}

const ROLES = { both: 'because of', needed: 'needs', enough: 'enough is' } as const

/** The decisions behind a changed verdict, a line each with their own source. */
function explanationLines(e: Explanation | null): string[] {
  if (e === null) return ['  why is not known: the search for it was stopped']
  const line = (k: Cause): string => `${k.decision}: ${k.before} -> ${k.after} [${k.source}]`
  const [first, ...more] = e.causes
  if (first === undefined) return []
  if (more.length === 0) return [`  ${ROLES[e.role]} ${line(first)}`]
  return [
    `  ${ROLES[e.role]} these together${e.smallest ? ', none fewer' : ''}:`,
    ...e.causes.map((k) => `    ${line(k)}`)
  ]
}

const skippedOf = (c: Comparison): string | null => c.before.reason ?? c.after.reason
const decided = (c: Comparison): boolean => c.changed || (c.before.complete && c.after.complete)

function compareText(r: CompareReport, look: CompareLook = { width: 80 }): string {
  // Nothing could be compared: the errors have said it.
  if (r.list.length === 0 && r.errors.length > 0) return ''
  const { before, after } = r
  const out: string[] = []
  const say = (text: string, indent = ''): void => {
    out.push(...wrap(text, look.width - indent.length, '    ').map((l) => `${indent}${l}`))
  }
  const skipped = r.list.filter((c) => skippedOf(c) !== null)
  const ran = r.list.filter((c) => skippedOf(c) === null)
  const changed = ran.filter((c) => c.changed)
  const name = Math.max(before.length, after.length)
  for (const c of changed) {
    say(`${c.test} on ${c.platform}`)
    for (const [k, x] of [
      [before, c.before],
      [after, c.after]
    ] as const)
      out.push(
        ...wrap(outcome(x), look.width - name - 4, '  ').map((l, i) => `  ${(i === 0 ? k : '').padEnd(name)}  ${l}`)
      )
    for (const f of c.fresh) say(`new: ${f}`, '  ')
    for (const f of c.fixed) say(`fixed: ${f}`, '  ')
    for (const l of explanationLines(c.explanation)) say(l.trim(), /^ */.exec(l)?.[0] ?? '')
    out.push('')
  }
  const reasons = new Map<string, string[]>()
  for (const c of skipped)
    reasons.set(skippedOf(c) as string, [...(reasons.get(skippedOf(c) as string) ?? []), `${c.test} on ${c.platform}`])
  for (const [reason, tests] of reasons)
    say(`skipped: ${tests.length <= 3 ? tests.join(', ') : plural(tests.length, 'comparison')}: ${reason}`)
  const open = ran.filter((c) => !decided(c))
  for (const c of open) say(`undecided: ${c.test} on ${c.platform}: a search stopped at its limit of states`)
  const shifted = ran.filter((c) => !c.changed && c.fresh.length + c.fixed.length > 0)
  if (shifted.length > 0)
    say(
      'same verdict, other findings: ' +
        (shifted.length <= 6
          ? shifted.map((c) => `${c.test} on ${c.platform}`).join(', ')
          : plural(shifted.length, 'comparison'))
    )
  say(
    `${plural(changed.length, 'verdict')} of ${thousands(ran.length)} changed between ${before} and ${after}` +
      `${skipped.length ? `, ${skipped.length} skipped` : ''}${open.length > 0 ? `, ${open.length} undecided` : ''}` +
      `${r.errors.length > 0 ? `; ${plural(r.errors.length, 'error')}` : ''}`
  )
  const [first] = ran
  if (first !== undefined)
    say(
      'covered: ' +
        (first.before.coverage.interleave === 'steps'
          ? 'every interleaving of single steps'
          : 'interleavings of whole calls only (an abstraction)') +
        ', ' +
        `at most ${thousands(first.before.coverage.maxStates)} ` +
        `${first.before.coverage.maxStates === 1 ? 'state' : 'states'} a run`
    )
  if (r.interrupted !== null) say(`interrupted: ${plural(r.list.length, 'comparison')} of ${r.interrupted} made`)
  if (first !== undefined) out.push(limitsLine)
  return `${out.join('\n')}\n`
}

const side = (r: CheckResult): object => ({
  verdict: r.verdict,
  properties: [...new Set(r.violations.map((v) => v.property))],
  reported: [...new Set(r.reported.map((v) => v.property))],
  reason: r.reason,
  complete: r.complete,
  states: r.states
})

function compareJson(r: CompareReport): string {
  return `${JSON.stringify({
    format: 1,
    before: r.before,
    after: r.after,
    results: r.list.map((c) => ({
      file: c.file,
      test: c.test,
      platform: c.platform,
      changed: c.changed,
      before: side(c.before),
      after: side(c.after),
      new: c.fresh,
      fixed: c.fixed,
      unchanged: c.unchanged,
      causes: c.explanation?.causes ?? [],
      role: c.explanation?.role ?? null,
      together: (c.explanation?.causes.length ?? 0) > 1
    })),
    errors: r.errors,
    ...(r.interrupted === null ? {} : { interrupted: { done: r.list.length, of: r.interrupted } })
  })}\n`
}

/** What `compare` and `kernel diff` can write. */
export const compareFormats = { text: compareText, json: compareJson } as const satisfies Record<
  string,
  (r: CompareReport, look: CompareLook) => string
>

// One invocation of `check` as a value, and what every rendering of it asks: was it as expected, what does the caller's exit code say.
import type { Diagnostic } from '../base/index.ts'
import type { CheckResult, Violation } from '../check/index.ts'
import { expectationWords } from '../litmus/index.ts'

export interface CheckRun {
  /** The tests that could be read, in order. */
  readonly tests: ReadonlyArray<{ readonly file: string; readonly name: string; readonly text: string; readonly sources: readonly string[] }>
  /** In the order of the tests, then platform, then kernel. */
  readonly results: readonly CheckResult[]
  readonly errors: readonly Diagnostic[]
  /** Odd but allowed; no verdict and no exit code depends on them. */
  readonly warnings?: readonly Diagnostic[]
  /** Texts of the files, for messages. */
  readonly texts: ReadonlyMap<string, string>
  /** The user stopped it: how many runs were wanted. null: it came to its end. */
  readonly interrupted: number | null
}

/** How a run stands to what is wanted. `xfail`: a violation (or vacuity) that the test expects. */
export type Standing = 'pass' | 'xfail' | 'fail' | 'undecided' | 'skip'

export function standing(r: CheckResult): Standing {
  if (r.verdict === 'skipped') return 'skip'
  if (r.expected === 'match') return r.verdict === 'ok' ? 'pass' : 'xfail'
  if (r.expected === 'mismatch') return 'fail'
  switch (r.verdict) {
    case 'ok': return 'pass'
    case 'incomplete': return 'undecided'
    default: return 'fail'
  }
}

export type ExitStyle = 'tbit' | 'kselftest' | 'nipa'

/**
 * The exit code. `tbit`: 0 as expected, 1 a finding or a mismatch, 2 bad input, 125 a limit was hit. `kselftest`: 0, 1, and 4 when every
 * run was skipped (its 2 and 3 mean expected and unexpected passes). `nipa`: 0, 250 a warning (only refused or incomplete), 1 else.
 */
export function exitCode(run: Pick<CheckRun, 'results' | 'errors'>, style: ExitStyle): number {
  const all = new Set(run.results.map(standing))
  const bad = run.errors.length > 0
  switch (style) {
    case 'tbit': return bad ? 2 : all.has('fail') ? 1 : all.has('undecided') ? 125 : 0
    case 'kselftest': return bad || all.has('fail') || all.has('undecided') ? 1 : run.results.length > 0 && all.size === 1 && all.has('skip') ? 4 : 0
    case 'nipa': {
      const onlyRefused = (r: CheckResult): boolean => r.verdict === 'violated' && r.violations.every((v) => v.property === 'refused')
      if (bad || run.results.some((r) => standing(r) === 'fail' && !onlyRefused(r))) return 1
      return run.results.some((r) => standing(r) === 'undecided' || standing(r) === 'fail' || (standing(r) === 'pass' && r.reported.length > 0)) ? 250 : 0
    }
  }
}

/** The properties of some findings, each once, in order. */
export const propertiesOf = (v: readonly Violation[]): string[] => [...new Set(v.map((x) => x.property))]

/** `violated: exposed, leak`, `ok`, `skipped`. A search that hit its limit may miss some. */
export function verdictText(r: CheckResult): string {
  if (r.verdict !== 'violated') return r.verdict
  return `violated: ${propertiesOf(r.violations).join(', ')}${r.complete ? '' : ' (search incomplete)'}`
}

export function expectationText(r: CheckResult): string {
  const e = r.expectation
  return e === null ? '' : expectationWords(e)
}

/** `as expected`, `NOT as expected: ok`, `undecided (expected ok)`, `` without an expectation. */
export function judgementText(r: CheckResult): string {
  if (r.verdict === 'skipped' || r.expectation === null) return ''
  if (r.expected === 'match') return 'as expected'
  return r.expected === 'mismatch' ? `NOT as expected: ${expectationText(r)}` : `undecided, expected: ${expectationText(r)}`
}

/** A word for the shell: quoted when it must be. */
export const shellWord = (s: string): string => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", "'\\''")}'`)

/** The command that does this run again. */
export function commandOf(r: Pick<CheckResult, 'file' | 'kernel' | 'platform' | 'coverage'>): string {
  return `tbit check ${r.file === '<stdin>' ? '-' : shellWord(r.file)} --kernel ${r.kernel} --platform ${r.platform}${r.coverage.interleave === 'calls' ? ' --interleave calls' : ''}`
}

export interface Totals { readonly ok: number; readonly violated: number; readonly vacuous: number; readonly incomplete: number; readonly skipped: number; readonly match: number; readonly mismatch: number; readonly free: number; readonly undecided: number; readonly states: number }

export function totals(results: readonly CheckResult[]): Totals {
  const of = (v: CheckResult['verdict']): number => results.filter((r) => r.verdict === v).length
  return {
    ok: of('ok'), violated: of('violated'), vacuous: of('vacuous'), incomplete: of('incomplete'), skipped: of('skipped'),
    match: results.filter((r) => r.expected === 'match').length, mismatch: results.filter((r) => r.expected === 'mismatch').length,
    free: results.filter((r) => r.expectation === null && r.verdict !== 'skipped').length,
    undecided: results.filter((r) => r.expectation !== null && r.expected === null && r.verdict !== 'skipped').length, states: results.reduce((n, r) => n + r.states, 0)
  }
}

/** Results of one test, in order. */
export function byTest(run: CheckRun): Array<{ readonly test: CheckRun['tests'][number]; readonly results: CheckResult[] }> {
  const groups = new Map(run.tests.map((t) => [t.name, [] as CheckResult[]]))
  for (const r of run.results) groups.get(r.test)?.push(r)
  return run.tests.map((test) => ({ test, results: groups.get(test.name) ?? [] })).filter((g) => g.results.length > 0)
}

/** Errors by file, in the order met. */
export function byFile(errors: readonly Diagnostic[]): Map<string, Diagnostic[]> {
  const out = new Map<string, Diagnostic[]>()
  for (const e of errors) out.set(e.file, [...(out.get(e.file) ?? []), e])
  return out
}

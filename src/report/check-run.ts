// One invocation of `check` as a value, and what every rendering of it asks: was it as expected, what does the caller's
// exit code say.
import { type Diagnostic, thousands } from '../base/index.ts'
import type { CheckResult, Violation } from '../check/index.ts'
import { expectationWords } from '../litmus/index.ts'

export interface CheckRun {
  /** The tests that could be read, in order. */
  readonly tests: ReadonlyArray<{
    readonly file: string
    readonly name: string
    readonly text: string
    readonly sources: readonly string[]
  }>
  /** In the order of the tests, then platform, then kernel. */
  readonly results: readonly CheckResult[]
  readonly errors: readonly Diagnostic[]
  /** Odd but allowed; no verdict and no exit code depends on them. */
  readonly warnings?: readonly Diagnostic[]
  /** Texts of the files, for messages. */
  readonly texts: ReadonlyMap<string, string>
  /** The user stopped it: how many runs were wanted. null: it came to its end. */
  readonly interrupted: number | null
  /** The command that does a run again, where it is not `tbit check` on the model: a tree's own C. */
  readonly again?: (r: Pick<CheckResult, 'file' | 'kernel' | 'platform'>) => string
}

/** How a run stands to what is wanted. `xfail`: a violation (or vacuity) that the test expects. */
export type Standing = 'pass' | 'xfail' | 'fail' | 'undecided' | 'skip'

export function standing(r: CheckResult): Standing {
  if (r.verdict === 'skipped') return 'skip'
  if (r.expected === 'match') return r.verdict === 'ok' ? 'pass' : 'xfail'
  if (r.expected === 'mismatch') return 'fail'
  switch (r.verdict) {
    case 'ok':
      return 'pass'
    case 'incomplete':
      return 'undecided'
    default:
      return 'fail'
  }
}

export type ExitStyle = 'tbit' | 'kselftest' | 'nipa'

/**
 * The exit code. `tbit`: 0 as expected, 1 a finding or a mismatch, 2 bad input, 125 a limit was hit. `kselftest`: 0, 1,
 * and 4 when every run was skipped (its 2 and 3 mean expected and unexpected passes). `nipa`: 0, 250 a warning (only
 * refused or incomplete), 1 else.
 */
export function exitCode(run: Pick<CheckRun, 'results' | 'errors'>, style: ExitStyle): number {
  const all = new Set(run.results.map(standing))
  const bad = run.errors.length > 0
  switch (style) {
    case 'tbit':
      return bad ? 2 : all.has('fail') ? 1 : all.has('undecided') ? 125 : 0
    case 'kselftest':
      return bad || all.has('fail') || all.has('undecided')
        ? 1
        : run.results.length > 0 && all.size === 1 && all.has('skip')
          ? 4
          : 0
    case 'nipa': {
      const onlyRefused = (r: CheckResult): boolean =>
        r.verdict === 'violated' && r.violations.every((v) => v.property === 'refused')
      if (bad || run.results.some((r) => standing(r) === 'fail' && !onlyRefused(r))) return 1
      return run.results.some(
        (r) =>
          standing(r) === 'undecided' || standing(r) === 'fail' || (standing(r) === 'pass' && r.reported.length > 0)
      )
        ? 250
        : 0
    }
  }
}

/** The properties of some findings, each once, in order. */
export const propertiesOf = (v: readonly Violation[]): string[] => [...new Set(v.map((x) => x.property))]

/**
 * `violated: exposed, leak`, `ok`, `ok (refused)` where something was found that the test does not forbid, `skipped`. A
 * search that hit its limit may miss some.
 */
export function verdictText(r: CheckResult): string {
  if (r.verdict === 'ok' && r.reported.length > 0) return `ok (${propertiesOf(r.reported).join(', ')})`
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
  return r.expected === 'mismatch'
    ? `NOT as expected: ${expectationText(r)}`
    : `undecided, expected: ${expectationText(r)}`
}

/** A word for the shell: quoted when it must be. */
export const shellWord = (s: string): string => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", "'\\''")}'`)

/** The command that does a run again. */
export function againCommand(
  run: Pick<CheckRun, 'again'>,
  r: Pick<CheckResult, 'file' | 'kernel' | 'platform' | 'coverage'>
): string {
  return (
    run.again?.(r) ??
    `tbit check ${fileWord(r.file)} --kernel ${shellWord(r.kernel)} --platform ${r.platform}` +
      `${r.coverage.interleave === 'calls' ? ' --interleave calls' : ''}`
  )
}

/** A test's file as an argument of a command. */
export const fileWord = (file: string): string => (file === '<stdin>' ? '-' : shellWord(file))

/**
 * What a run says to who asked: `shown` a violation that is expected, `absent` ok, `free` a violation nobody said
 * anything about, `surprise` not as expected.
 */
export type Outcome = 'surprise' | 'shown' | 'absent' | 'free' | 'vacuous' | 'undecided' | 'skipped'

export function outcomeOf(r: CheckResult): Outcome {
  if (r.verdict === 'skipped') return 'skipped'
  if (r.expected === 'mismatch') return 'surprise'
  switch (r.verdict) {
    case 'ok':
      return 'absent'
    case 'vacuous':
      return 'vacuous'
    case 'incomplete':
      return 'undecided'
    case 'violated':
      return r.expected === 'match' ? 'shown' : r.expectation === null ? 'free' : 'undecided'
  }
}

/** Whether a summary of many tells the findings of a run one by one. */
export const isTold = (r: CheckResult): boolean => ['surprise', 'undecided', 'free'].includes(outcomeOf(r))

export function outcomes(results: readonly CheckResult[]): Record<Outcome, number> {
  const n: Record<Outcome, number> = { surprise: 0, shown: 0, absent: 0, free: 0, vacuous: 0, undecided: 0, skipped: 0 }
  for (const r of results) n[outcomeOf(r)]++
  return n
}

/** What came out, in words: `1,910 hazards shown as expected, 2,711 shown absent, 191 skipped; 0 surprises`. */
export function outcomeWords(results: readonly CheckResult[], errors = 0): string {
  const n = outcomes(results)
  const some = (count: number, words: string): string[] => (count > 0 ? [`${thousands(count)} ${words}`] : [])
  const ran = [
    ...some(n.shown, `${n.shown === 1 ? 'hazard' : 'hazards'} shown as expected`),
    ...some(n.absent, 'shown absent'),
    ...some(n.free, 'violated without an expectation'),
    ...some(n.vacuous, 'vacuous'),
    ...some(n.undecided, 'undecided'),
    ...some(n.skipped, 'skipped')
  ].join(', ')
  const judged = results.some((r) => r.expectation !== null && r.verdict !== 'skipped')
  return [
    results.length === 0 ? 'nothing ran' : ran,
    judged ? `${thousands(n.surprise)} ${n.surprise === 1 ? 'surprise' : 'surprises'}` : '',
    ...some(errors, errors === 1 ? 'error' : 'errors')
  ]
    .filter((x) => x !== '')
    .join('; ')
}

/** One line that stands under everything. */
export function summaryLine(run: CheckRun): string {
  const tests = byTest(run).length
  return (
    `${thousands(tests)} ${tests === 1 ? 'test' : 'tests'}, ${thousands(run.results.length)} ` +
    `${run.results.length === 1 ? 'run' : 'runs'}: ${outcomeWords(run.results, run.errors.length)}`
  )
}

/** Results of one test, in order. */
export function byTest(
  run: CheckRun
): Array<{ readonly test: CheckRun['tests'][number]; readonly results: CheckResult[] }> {
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

/** `arm-cca: rfc-v1, cc-v8; intel-tdx: rfc-v1`. */
export function pairsText(where: readonly CheckResult[]): string {
  const by = new Map<string, string[]>()
  for (const r of where) by.set(r.platform, [...(by.get(r.platform) ?? []), r.kernel])
  return [...by].map(([p, k]) => `${p}: ${k.join(', ')}`).join('; ')
}

export interface FindingGroup {
  readonly finding: Violation
  readonly where: readonly CheckResult[]
  readonly reported: boolean
}

/** Findings, each once: the identity is the same on several pairs and from revision to revision. */
export function findings(
  results: readonly CheckResult[],
  pick: (r: CheckResult) => readonly Violation[]
): FindingGroup[] {
  const groups = new Map<string, { finding: Violation; where: CheckResult[]; reported: boolean }>()
  for (const r of results)
    for (const f of pick(r)) {
      const g = groups.get(f.id)
      if (g === undefined) groups.set(f.id, { finding: f, where: [r], reported: pick(r) === r.reported })
      else g.where.push(r)
    }
  return [...groups.values()]
}

/** `arm-cca 19 of 35, none 2 of 7`: rows of each platform's table that these runs met together. */
export function rowsMet(ran: readonly CheckResult[]): string {
  const tables = new Map<string, { met: Set<string>; known: number }>()
  for (const r of ran) {
    const t = tables.get(r.platform) ?? { met: new Set(), known: r.coverage.rowsKnown }
    for (const n of r.coverage.rowNames) t.met.add(n)
    tables.set(r.platform, t)
  }
  return [...tables].map(([p, t]) => `${p} ${t.met.size} of ${t.known}`).join(', ')
}

/** What must be known beside verdicts, each once, with where it holds when that is not everywhere. */
export function noteLines(results: readonly CheckResult[]): string[] {
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const groups = new Map<string, CheckResult[]>()
  for (const r of ran) for (const n of r.notes) groups.set(n, [...(groups.get(n) ?? []), r])
  return [...groups].map(
    ([note, where]) => `note: ${where.length === ran.length ? '' : `on ${pairsText(where)}: `}${note}`
  )
}

/** Mechanisms that none of the runs met. */
export function absentFrom(results: readonly CheckResult[]): string[] {
  const [first, ...others] = results.filter((r) => r.verdict !== 'skipped')
  return first === undefined
    ? []
    : first.coverage.absent.filter((a) => others.every((r) => r.coverage.absent.includes(a)))
}

/** Where it is written what no verdict of the model can say. */
export const LIMITS = 'docs/limits.md'
/** The last line of everything that holds a verdict. */
export const limitsLine = `not covered: what the model leaves out, see ${LIMITS}`

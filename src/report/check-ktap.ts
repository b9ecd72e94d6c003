// `tbit check --format ktap`: KTAP version 1 (docs.kernel.org/dev-tools/ktap.html), nested file > test > kernel on
// platform. A violation that the test expects is `ok ... # XFAIL`; a limit is `not ok ... # TIMEOUT`, vacuity `not ok
// ... # ERROR`; diagnostics stand before the result they belong to.
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { allFindings, type CheckResult } from '../check/index.ts'
import {
  byFile,
  type CheckRun,
  againCommand,
  judgementText,
  limitsLine,
  noteLines,
  propertiesOf,
  standing,
  verdictText
} from './check-run.ts'
import { coverageLines } from './check-text.ts'
import { traceTable } from './check-trace.ts'

/** Names end at '#', and a line is a line. */
const name = (s: string): string => s.replaceAll('#', '_').replace(/\s+/g, ' ').trim()

class Ktap {
  readonly lines: string[] = []
  constructor(private readonly depth = 0) {}
  private put(line: string): void {
    this.lines.push(`${'  '.repeat(this.depth)}${line}`.trimEnd())
  }
  plan(n: number): void {
    this.put('KTAP version 1')
    this.put(`1..${n}`)
  }
  diagnostic(text: string): void {
    for (const l of text.split('\n')) this.put(`# ${l}`)
  }
  result(ok: boolean, n: number, what: string, directive = ''): void {
    this.put(
      `${ok ? 'ok' : 'not ok'} ${n} ${name(what)}${directive === '' ? '' : ` # ${directive.replace(/\s+/g, ' ')}`}`
    )
  }
  nested(inner: Ktap): void {
    this.lines.push(...inner.lines)
  }
}

function pair(run: CheckRun, k: Ktap, n: number, r: CheckResult): void {
  const what = `${r.kernel} on ${r.platform}`
  const s = standing(r)
  if (s === 'skip') {
    k.result(true, n, what, `SKIP ${r.reason ?? ''}`)
    return
  }
  for (const v of allFindings(r)) {
    k.diagnostic(`${v.property}${r.violations.includes(v) ? '' : ' (reported)'}: ${v.summary}`)
    if (s === 'fail') for (const l of traceTable(v, { width: 80, verbose: false })) k.diagnostic(l)
  }
  if (r.reported.length > 0 && r.verdict === 'ok') k.diagnostic(verdictText(r))
  if (judgementText(r) !== '') k.diagnostic(judgementText(r))
  for (const n of noteLines([r])) k.diagnostic(n)
  for (const l of coverageLines([r])) k.diagnostic(`covered: ${l}`)
  k.diagnostic(`replay: ${againCommand(run, r)}`)
  k.result(s === 'pass' || s === 'xfail', n, what, directive(r))
}

function directive(r: CheckResult): string {
  switch (standing(r)) {
    case 'xfail':
      return `XFAIL ${r.verdict === 'violated' ? propertiesOf(r.violations).join(', ') : r.verdict}`
    case 'undecided':
    case 'fail':
      return r.verdict === 'vacuous' ? 'ERROR vacuous' : r.verdict === 'incomplete' ? `TIMEOUT ${r.states} states` : ''
    default:
      return ''
  }
}

export function checkKtap(run: CheckRun): string {
  const errors = byFile(run.errors)
  const files = new Map<string, CheckResult[]>()
  for (const t of run.tests) files.set(t.file, [])
  for (const r of run.results) files.set(r.file, [...(files.get(r.file) ?? []), r])
  for (const [file, list] of [...files]) if (list.length === 0 && !errors.has(file)) files.delete(file)
  const all = [...new Set([...files.keys(), ...errors.keys()])]
  const top = new Ktap()
  top.plan(all.length)
  for (const [i, file] of all.entries()) {
    const results = files.get(file) ?? []
    const bad = errors.get(file) ?? []
    const inner = new Ktap(1)
    const tests = [...new Set(results.map((r) => r.test))]
    if (tests.length > 0) inner.plan(tests.length)
    for (const [j, test] of tests.entries()) {
      const pairs = results.filter((r) => r.test === test)
      const leaf = new Ktap(2)
      leaf.plan(pairs.length)
      for (const [n, r] of pairs.entries()) pair(run, leaf, n + 1, r)
      inner.nested(leaf)
      parent(inner, j + 1, test, pairs)
    }
    top.nested(inner)
    for (const d of bad) top.diagnostic(message(d, run))
    if (bad.length > 0) top.result(false, i + 1, file, `ERROR ${bad.map((d) => d.code).join(', ')}`)
    else parent(top, i + 1, file, results)
  }
  top.diagnostic(limitsLine)
  return `${top.lines.join('\n')}\n`
}

// A parent fails with its child, and is skipped only as a whole.
function parent(k: Ktap, n: number, what: string, results: readonly CheckResult[]): void {
  const s = results.map(standing)
  k.result(
    !s.includes('fail') && !s.includes('undecided'),
    n,
    what,
    s.length > 0 && s.every((x) => x === 'skip') ? 'SKIP nothing to run' : ''
  )
}

const message = (d: Diagnostic, run: CheckRun): string => formatDiagnostic(d, run.texts.get(d.file))

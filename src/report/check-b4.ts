// `tbit check --format b4`: what `b4 review` reads from a review check command: an array of {tool, status, summary, details}, one element
// a test. A test that is ok everywhere passes; findings that it does not forbid warn; anything else fails, expected or not: the reviewer
// wants to know what the kernel does, and the summary says what was expected.
import { formatDiagnostic } from '../base/index.ts'
import type { CheckResult } from '../check/index.ts'
import { byFile, byTest, type CheckRun, commandOf, judgementText, propertiesOf, verdictText } from './check-run.ts'
import { traceTable } from './check-trace.ts'

interface Element { readonly tool: 'tbit'; readonly status: 'pass' | 'warn' | 'fail'; readonly summary: string; readonly details: string }

/** Summaries are one line of at most 100 characters (patchwork's limit, too). */
const short = (s: string): string => (s.length <= 100 ? s : `${s.slice(0, 97)}...`)

function element(name: string, results: readonly CheckResult[]): Element {
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const bad = ran.filter((r) => r.verdict !== 'ok')
  const reported = propertiesOf(ran.flatMap((r) => r.reported))
  const status = bad.length > 0 ? 'fail' : reported.length > 0 || ran.length === 0 ? 'warn' : 'pass'
  const words = [...new Set(bad.map(verdictText))].join('; ')
  const what = bad.length > 0 ? `${words}${bad.every((r) => r.expected === 'match') ? ' (as expected)' : ''} (${bad.length} of ${ran.length} runs)`
    : ran.length === 0 ? 'skipped: no run has a meaning' : reported.length > 0 ? `not forbidden, but found: ${reported.join(', ')}` : `ok (${ran.length} runs)`
  const seen = new Set<string>()
  const details: string[] = []
  for (const r of results) {
    details.push(`${r.kernel} on ${r.platform}: ${r.verdict === 'skipped' ? `skipped: ${r.reason ?? ''}` : verdictText(r)}${judgementText(r) === '' ? '' : `, ${judgementText(r)}`}`)
    for (const v of [...r.violations, ...r.reported]) {
      if (seen.has(v.id)) continue
      seen.add(v.id)
      details.push('', `${v.property}: ${v.summary}`, ...traceTable(v, { width: 78, verbose: false }), `replay: ${commandOf(r)}`, '')
    }
  }
  return { tool: 'tbit', status, summary: short(`${name}: ${what}`), details: details.join('\n') }
}

export function checkB4(run: CheckRun): string {
  const out = byTest(run).map((t) => element(t.test.name, t.results))
  for (const [file, list] of byFile(run.errors)) {
    out.push({ tool: 'tbit', status: 'fail', summary: short(`${file}: ${list[0]?.message ?? ''}`), details: list.map((d) => formatDiagnostic(d, run.texts.get(d.file))).join('\n') })
  }
  return `${JSON.stringify(out, null, 1)}\n`
}

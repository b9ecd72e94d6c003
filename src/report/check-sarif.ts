// `tbit check --format sarif` and `--format github`: findings and surprises as a code host shows them, each at the statement where it ends. What a
// test expects is no result: a pair that is as it should be says nothing.
import type { CheckResult, Violation } from '../check/index.ts'
import { properties } from '../properties/index.ts'
import { byTest, type CheckRun, expectationText, type FindingGroup, findings, pairsText, standing, summaryLine, verdictText } from './check-run.ts'
import { sarif, sarifError, sarifLocation, type SarifResult } from './sarif.ts'

/** One thing that is not as expected. */
export interface Note { readonly file: string; readonly line: number; readonly level: SarifResult['level']; readonly rule: string; readonly text: string; readonly id: string | null }

/** The line of the statement in which a finding comes about; 0: none has one. */
const lineOf = (v: Violation): number => v.trace.findLast((s) => s.place !== null)?.place?.line ?? 0

const found = (g: FindingGroup): Note => ({ file: g.where[0]?.file ?? '', line: lineOf(g.finding), level: 'error', rule: g.finding.property, text: `${g.finding.summary} (${pairsText(g.where)})`, id: g.finding.id })

// A verdict without a finding of its own: something expected did not happen, or no run came to its end.
const unmet = (r: CheckResult): Note => ({
  file: r.file, line: 1, level: r.verdict === 'incomplete' ? 'warning' : 'error', rule: r.verdict, id: null,
  text: `${r.test} on ${r.kernel}, ${r.platform}: ${verdictText(r)}${expectationText(r) === '' ? '' : `, expected ${expectationText(r)}`}`
})

/** What of a run is not as expected, findings each once; `line` 0: at no statement. */
export function checkNotes(run: CheckRun): Note[] {
  return byTest(run).flatMap((t) => {
    const bad = t.results.filter((r) => standing(r) === 'fail' || standing(r) === 'undecided')
    return [...findings(bad, (r) => r.violations).map(found), ...bad.filter((r) => r.violations.length === 0).map(unmet)]
  })
}

export function checkSarif(run: CheckRun): string {
  return sarif([
    ...run.errors.map((d) => sarifError(d)), ...(run.warnings ?? []).map((d) => sarifError(d, '', 'note')),
    ...checkNotes(run).map((n): SarifResult => ({ ruleId: n.rule, level: n.level, message: { text: n.text }, locations: [sarifLocation(n.file, n.line)], ...(n.id === null ? {} : { partialFingerprints: { 'tbit/1': n.id } }) }))
  ], (rule) => properties.find((p) => p.name === rule)?.violated)
}

// Workflow commands take a line: what would end it or a property is escaped, as their documentation says.
const data = (s: string): string => s.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (s: string): string => data(s).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** Lines `::error file=F,line=N,title=T::TEXT`, which GitHub's runners turn into annotations of a pull request. */
export function checkGithub(run: CheckRun): string {
  const all: Note[] = [
    ...run.errors.map((d): Note => ({ file: d.file, line: d.line, level: 'error', rule: d.code, text: d.message, id: null })),
    ...(run.warnings ?? []).map((d): Note => ({ file: d.file, line: d.line, level: 'warning', rule: d.code, text: d.message, id: null })), ...checkNotes(run)
  ]
  // The last line says how much was looked at: nothing found is not nothing done.
  return [...all.map((n) => `::${n.level === 'note' ? 'notice' : n.level} file=${property(n.file)}${n.line > 0 ? `,line=${n.line}` : ''},title=${property(`tbit ${n.rule}`)}::${data(n.text)}`), `::notice title=tbit check::${data(summaryLine(run))}`, ''].join('\n')
}

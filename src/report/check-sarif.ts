// `tbit check --format sarif` and `--format github`: findings and surprises as a code host shows them, each at the
// statement where it ends. What a test expects is no result: a pair that is as it should be says nothing.
import { properties } from '../properties/index.ts'
import { checkNotes, type Note } from './check-notes.ts'
import { type CheckRun, summaryLine } from './check-run.ts'
import { sarif, sarifError, sarifLocation, type SarifResult } from './sarif.ts'

export function checkSarif(run: CheckRun): string {
  return sarif(
    [
      ...run.errors.map((d) => sarifError(d)),
      ...(run.warnings ?? []).map((d) => sarifError(d, '', 'note')),
      ...checkNotes(run).map(
        (n): SarifResult => ({
          ruleId: n.rule,
          level: n.level,
          message: { text: n.text },
          locations: [sarifLocation(n.file, n.line)],
          ...(n.id === null ? {} : { partialFingerprints: { 'tbit/1': n.id } })
        })
      )
    ],
    (rule) => properties.find((p) => p.name === rule)?.violated
  )
}

// Workflow commands take a line: what would end it or a property is escaped, as their documentation says.
const data = (s: string): string => s.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (s: string): string => data(s).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** Lines `::error file=F,line=N,title=T::TEXT`, which GitHub's runners turn into annotations of a pull request. */
export function checkGithub(run: CheckRun): string {
  const all: Note[] = [
    ...run.errors.map(
      (d): Note => ({ file: d.file, line: d.line, level: 'error', rule: d.code, text: d.message, id: null })
    ),
    ...(run.warnings ?? []).map(
      (d): Note => ({ file: d.file, line: d.line, level: 'warning', rule: d.code, text: d.message, id: null })
    ),
    ...checkNotes(run)
  ]
  // The last line says how much was looked at: nothing found is not nothing done.
  return [
    ...all.map(
      (n) =>
        `::${n.level === 'note' ? 'notice' : n.level} file=${property(n.file)}` +
        `${n.line > 0 ? `,line=${n.line}` : ''},title=${property(`tbit ${n.rule}`)}::${data(n.text)}`
    ),
    `::notice title=tbit check::${data(summaryLine(run))}`,
    ''
  ].join('\n')
}

// `tbit check --format junit`: the XML that CI servers read (testsuites > testsuite > testcase, with failure, error and
// skipped).
import { formatDiagnostic } from '../base/index.ts'
import { allFindings, type CheckResult } from '../check/index.ts'
import {
  byFile,
  byTest,
  type CheckRun,
  againCommand,
  expectationText,
  limitsLine,
  noteLines,
  standing,
  verdictText
} from './check-run.ts'
import { coverageLines } from './check-text.ts'
import { traceTable } from './check-trace.ts'

// Characters that XML 1.0 cannot carry at all are replaced.
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
const esc = (s: string): string =>
  s
    .replace(NOT_XML, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
const body = (s: string): string =>
  s.replace(NOT_XML, '\ufffd').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

interface Case {
  readonly xml: string
  readonly kind: 'pass' | 'failure' | 'error' | 'skipped'
}

function testcase(run: CheckRun, r: CheckResult): Case {
  const open =
    `    <testcase classname="${esc(r.test)}" name="${esc(`${r.kernel} on ${r.platform}`)}" ` + `file="${esc(r.file)}"`
  const details = allFindings(r).map((v) =>
    [
      `${v.property}${r.violations.includes(v) ? '' : ' (reported)'}: ${v.summary}`,
      ...traceTable(v, { width: 80, verbose: false })
    ].join('\n')
  )
  const text = body(
    [
      ...details,
      ...noteLines([r]),
      ...coverageLines([r]).map((l) => `covered: ${l}`),
      againCommand(run, r),
      limitsLine
    ].join('\n')
  )
  const wanted = expectationText(r) === '' ? '' : `, expected ${expectationText(r)}`
  switch (standing(r)) {
    case 'skip':
      return { kind: 'skipped', xml: `${open}><skipped message="${esc(r.reason ?? '')}"/></testcase>` }
    case 'fail': {
      if (r.verdict === 'vacuous' || r.verdict === 'incomplete')
        return {
          kind: 'error',
          xml: `${open}><error type="${r.verdict}" message="${esc(`${r.verdict}${wanted}`)}">${text}</error></testcase>`
        }
      return {
        kind: 'failure',
        xml:
          `${open}><failure type="${esc(r.violations.map((v) => v.property).join(',') || r.verdict)}" ` +
          `message="${esc(`${verdictText(r)}${wanted}`)}">${text}</failure></testcase>`
      }
    }
    case 'undecided':
      return {
        kind: 'error',
        xml:
          `${open}><error type="incomplete" message="${esc(`stopped after ${r.states} states${wanted}`)}">` +
          `${text}</error></testcase>`
      }
    default:
      return {
        kind: 'pass',
        xml:
          `${open}><system-out>` +
          `${body([`${verdictText(r)}${wanted}`, ...noteLines([r])].join('\n'))}</system-out></testcase>`
      }
  }
}

const counts = (c: readonly Case[]): string =>
  `tests="${c.length}" failures="${c.filter((x) => x.kind === 'failure').length}" ` +
  `errors="${c.filter((x) => x.kind === 'error').length}" ` +
  `skipped="${c.filter((x) => x.kind === 'skipped').length}"`

export function checkJunit(run: CheckRun): string {
  const suites: Array<{ name: string; cases: Case[] }> = byTest(run).map((t) => ({
    name: t.test.name,
    cases: t.results.map((r) => testcase(run, r))
  }))
  for (const [file, list] of byFile(run.errors)) {
    const text = list.map((d) => formatDiagnostic(d, run.texts.get(d.file))).join('\n')
    suites.push({
      name: file,
      cases: [
        {
          kind: 'error',
          xml:
            `    <testcase classname="${esc(file)}" name="read" file="${esc(file)}"><error type="` +
            `${esc(list[0]?.code ?? '')}" message="${esc(list[0]?.message ?? '')}">${body(text)}</error></testcase>`
        }
      ]
    })
  }
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tbit check" ${counts(suites.flatMap((s) => s.cases))}>`,
    ...suites.flatMap((s) => [
      `  <testsuite name="${esc(s.name)}" ${counts(s.cases)}>`,
      ...s.cases.map((c) => c.xml),
      '  </testsuite>'
    ]),
    '</testsuites>'
  ].join('\n')}\n`
}

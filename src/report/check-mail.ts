// `tbit check --format mail`: what one pastes into a reply, at most 78 columns wide: the test, its verdicts, each
// finding in short (with -v its interleaving as a table), what was covered, the command that does it again.
import type { CheckResult } from '../check/index.ts'
import {
  againCommand,
  byTest,
  type CheckRun,
  type FindingGroup,
  findings,
  judgementText,
  limitsLine,
  noteLines,
  pairsText,
  verdictText
} from './check-run.ts'
import { type CheckTextOptions, coverageLines } from './check-text.ts'
import { traceTable } from './check-trace.ts'
import { replayCommand, shortFinding } from './finding-short.ts'
import { wrap, wrapCommand } from './wrap.ts'

const WIDTH = 78

/** A litmus file as it is quoted: without blank lines at its ends, tabs as blanks. */
const quoted = (text: string): string[] =>
  text
    .replace(/\t/g, '    ')
    .replace(/^\s*\n|\s+$/g, '')
    .split('\n')
    .map((l) => `    ${l}`.trimEnd())

export function checkMail(run: CheckRun, look: Pick<CheckTextOptions, 'level'> = { level: 0 }): string {
  const verbose = look.level > 0
  const out: string[] = []
  for (const { test, results } of byTest(run)) {
    if (out.length > 0) out.push('', '-'.repeat(WIDTH), '')
    out.push(...wrap(`${test.name}: ${test.text}`, WIDTH))
    for (const s of test.sources) out.push(...wrap(`(${s})`, WIDTH, ' '))
    out.push('')
    const text = run.texts.get(test.file)
    if (text !== undefined) out.push(...quoted(text), '')
    for (const r of results) out.push(...wrap(line(r), WIDTH, '  '))
    for (const n of noteLines(results)) out.push(...wrap(n, WIDTH, '  '))
    for (const g of findings(results, (r) => r.violations))
      out.push('', ...(verbose ? inSteps(run, g) : shortFinding(run, g.finding, g.where, { width: WIDTH })))
    const first = results.find((r) => r.violations.length > 0) ?? results.find((r) => r.verdict !== 'skipped')
    if (first === undefined) continue
    out.push('')
    for (const l of coverageLines([first])) out.push(...wrap(`Covered: ${l}.`, WIDTH, '  '))
    out.push('To see it all again:', ...wrapCommand(againCommand(run, first), WIDTH, '    '), limitsLine)
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`
}

const inSteps = (run: CheckRun, { finding: v, where }: FindingGroup): string[] => [
  ...wrap(`${v.property} on ${pairsText(where)}`, WIDTH, '  '),
  '',
  ...traceTable(v, { width: WIDTH, verbose: false, bare: true }),
  '',
  ...wrap(`=> ${v.summary}.`, WIDTH, '   '),
  ...replayCommand(run, where[0] as CheckResult, v, WIDTH, '   ')
]

const line = (r: CheckResult): string =>
  `${r.kernel} on ${r.platform}: ${r.verdict === 'skipped' ? `skipped, ${r.reason ?? ''}` : verdictText(r)}` +
  `${judgementText(r) === '' ? '' : `, ${judgementText(r)}`}`

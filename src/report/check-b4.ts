// `tbit check --format b4`: what `b4 review` reads from a review check command: an array of {tool, status, summary,
// details}, one element a test. A test that is ok everywhere passes; findings that it does not forbid warn; anything
// else fails, expected or not: the reviewer wants to know what the kernel does, and the summary says what was expected.
// Details have each finding in short, or with -v step by step.
import { formatDiagnostic } from '../base/index.ts'
import type { CheckResult } from '../check/index.ts'
import {
  byFile,
  byTest,
  type CheckRun,
  type FindingGroup,
  findings,
  judgementText,
  limitsLine,
  noteLines,
  propertiesOf,
  verdictText
} from './check-run.ts'
import type { CheckTextOptions } from './check-text.ts'
import { traceTable } from './check-trace.ts'
import { idLines, replayCommand, shortFinding } from './finding-short.ts'
import { wrap } from './wrap.ts'

interface Element {
  readonly tool: 'tbit'
  readonly status: 'pass' | 'warn' | 'fail'
  readonly summary: string
  readonly details: string
}

const WIDTH = 78

/** Summaries are one line of at most 100 characters (patchwork's limit, too). */
const short = (s: string): string => (s.length <= 100 ? s : `${s.slice(0, 97)}...`)

function element(run: CheckRun, name: string, results: readonly CheckResult[], verbose: boolean): Element {
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const bad = ran.filter((r) => r.verdict !== 'ok')
  const reported = propertiesOf(ran.flatMap((r) => r.reported))
  const status = bad.length > 0 ? 'fail' : reported.length > 0 || ran.length === 0 ? 'warn' : 'pass'
  const words = [...new Set(bad.map(verdictText))].join('; ')
  const what =
    bad.length > 0
      ? `${words}${bad.every((r) => r.expected === 'match') ? ' (as expected)' : ''} (${bad.length} of ` +
        `${ran.length} runs)`
      : ran.length === 0
        ? 'skipped: no run has a meaning'
        : reported.length > 0
          ? `ok (${reported.join(', ')}): found, and not forbidden`
          : `ok (${ran.length} runs)`
  const details = results.map(
    (r) =>
      `${r.kernel} on ${r.platform}: ${r.verdict === 'skipped' ? `skipped: ${r.reason ?? ''}` : verdictText(r)}` +
      `${judgementText(r) === '' ? '' : `, ${judgementText(r)}`}`
  )
  details.push(...noteLines(results).flatMap((l) => wrap(l, WIDTH, '  ')))
  for (const g of [...findings(results, (r) => r.violations), ...findings(results, (r) => r.reported)]) {
    details.push(
      '',
      ...(verbose ? inSteps(run, g) : shortFinding(run, g.finding, g.where, { width: WIDTH, reported: g.reported }))
    )
  }
  return { tool: 'tbit', status, summary: short(`${name}: ${what}`), details: [...details, '', limitsLine].join('\n') }
}

const inSteps = (run: CheckRun, { finding: v, where }: FindingGroup): string[] => [
  `${v.property}: ${v.summary}`,
  ...traceTable(v, { width: WIDTH, verbose: false }),
  ...idLines(v.id, WIDTH),
  ...replayCommand(run, where[0] as CheckResult, v, WIDTH)
]

export function checkB4(run: CheckRun, look: Pick<CheckTextOptions, 'level'> = { level: 0 }): string {
  const verbose = look.level > 0
  const out = byTest(run).map((t) => element(run, t.test.name, t.results, verbose))
  for (const [file, list] of byFile(run.errors)) {
    out.push({
      tool: 'tbit',
      status: 'fail',
      summary: short(`${file}: ${list[0]?.message ?? ''}`),
      details: list.map((d) => formatDiagnostic(d, run.texts.get(d.file))).join('\n')
    })
  }
  return `${JSON.stringify(out, null, 1)}\n`
}

// `tbit check` for people: verdicts and counterexamples of single tests; of many the summary (check-summary.ts) or the
// matrix.
import { columns, formatDiagnostic, plural, thousands } from '../base/index.ts'
import type { CheckResult, Coverage } from '../check/index.ts'
import { vocabulary } from '../litmus/index.ts'
import {
  absentFrom,
  byTest,
  type CheckRun,
  type FindingGroup,
  findings,
  judgementText,
  limitsLine,
  noteLines,
  pairsText,
  rowsMet,
  standing,
  summaryLine,
  verdictText
} from './check-run.ts'
import { checkNotes, noteLine } from './check-notes.ts'
import { matrixText } from './check-matrix.ts'
import { manyText, notesOnMany, surprisesText } from './check-summary.ts'
import { traceTable } from './check-trace.ts'
import { idLines, replayCommand, shortFinding } from './finding-short.ts'
import { type Paint, plain } from './paint.ts'
import { wrap } from './wrap.ts'

export interface CheckTextOptions {
  /** Columns: no line is longer. */
  readonly width: number
  /**
   * -1: what is not as expected, a line each, and the summary. 0: the short form. 1: counterexamples step by step; of
   * many tests the matrix. 2: every step, with its functions; of many tests the matrix and each of them.
   */
  readonly level: -1 | 0 | 1 | 2
  readonly paint?: Paint
  /** Each test by itself, or many in one. */
  readonly shape: 'tests' | 'many'
  /** -1: lines fit `width`. Else each is one, for whoever reads them by program. */
  readonly fold?: boolean
  /** What is new since the last run of the same tests: lines (check-news.ts). */
  readonly news?: readonly string[]
}

/** The level of -v given so many times. */
export const verbosity = (times: number): 0 | 1 | 2 => (times > 1 ? 2 : times > 0 ? 1 : 0)

const meaning = (property: string): string => vocabulary.propertyByName.get(property)?.does ?? ''

export function checkText(run: CheckRun, o: CheckTextOptions): string {
  // Nothing could be read: the errors have said it.
  if (run.tests.length === 0 && run.results.length === 0) return ''
  const paint = o.paint ?? plain
  const out: string[] =
    o.level < 0
      ? quiet(run, o)
      : o.shape === 'many'
        ? many(run, o, paint)
        : byTest(run).flatMap((t) => testText(run, t.test, t.results, o, paint))
  out.push(...summary(run, o.width, paint), limitsLine)
  return `${out.join('\n')}\n`
}

const quiet = (run: CheckRun, o: CheckTextOptions): string[] =>
  checkNotes(run)
    .map(noteLine)
    .flatMap((l) => (o.fold ? wrap(l, o.width, '    ') : [l]))

function many(run: CheckRun, o: CheckTextOptions, paint: Paint): string[] {
  const out = surprisesText(run, o.width, paint)
  if (o.level > 0 && run.results.length > 0) out.push(matrixText(run, o.width, paint))
  if (o.level > 1) for (const t of byTest(run)) out.push(...testText(run, t.test, t.results, { ...o, level: 1 }, paint))
  if (o.level === 0) out.push(...manyText(run, o.width, paint))
  return [...out, ...(o.news ?? []), ...notesOnMany(run, o.width)]
}

// ---- one test ------------------------------------------------------------------------------------------------------

function testText(
  run: CheckRun,
  test: CheckRun['tests'][number],
  results: readonly CheckResult[],
  o: CheckTextOptions,
  paint: Paint
): string[] {
  const head = `${test.name}  ${test.file}`
  const out: string[] =
    head.length <= o.width
      ? [`${paint.strong(test.name)}  ${test.file}`]
      : [paint.strong(test.name), ...wrap(test.file, o.width - 2).map((l) => `  ${l}`)]
  if (test.text !== '') out.push(...wrap(test.text, o.width - 2, '').map((l) => `  ${l}`))
  for (const s of test.sources) out.push(...wrap(`source: ${s}`, o.width - 2, '        ').map((l) => `  ${l}`))
  out.push(
    '',
    ...(o.level <= 0 && results.length > MANY_PAIRS ? verdictGroups : verdictRows)(results, o.width, paint),
    ''
  )
  const beside = noteLines(results).flatMap((l) => wrap(l, o.width - 2, '  ').map((x) => `  ${x}`))
  if (beside.length > 0) out.push(...beside, '')
  const told = new Map<string, string>()
  for (const g of findings(results, (r) => r.violations)) out.push(...findingText(run, g, o, paint, told))
  for (const g of findings(results, (r) => r.reported)) out.push(...findingText(run, g, o, paint, told))
  if (o.level === 0 && results.some((r) => r.violations.length + r.reported.length > 0))
    out.push('  -v tells it step by step')
  return [...out, ...coverageText(results, o.width), '']
}

// A pair a line: as many of its columns as the width has room for; without even two, the verdict goes on below.
function verdictRows(results: readonly CheckResult[], width: number, paint: Paint): string[] {
  const first = Math.max(...results.map((r) => r.kernel.length))
  const second = Math.max(...results.map((r) => r.platform.length))
  const start = first + second + 6
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const all = ran.map((r) => [
    r.verdict === 'incomplete' ? `incomplete at ${plural(r.states, 'state')}` : verdictText(r),
    judgementText(r) || 'no expectation',
    r.verdict === 'incomplete' ? '' : plural(r.states, 'state'),
    `${plural(r.coverage.depth, 'move')} deep`
  ])
  const cells =
    [4, 3, 2]
      .map((n) => columns(all.map((c) => c.slice(0, n))).split('\n'))
      .find((c) => c.every((l) => start + l.length <= width)) ??
    all.map(([verdict = '', judged = '']) => `${verdict}  ${judged}`)
  return results.flatMap((r) => {
    const text = r.verdict === 'skipped' ? `skipped: ${r.reason ?? ''}` : (cells[ran.indexOf(r)] ?? '')
    const lines = start + text.length <= width ? [text] : wrap(text, width - start, '  ')
    const s = standing(r)
    const mark = s === 'fail' || s === 'undecided' ? paint.bad : s === 'skip' ? paint.dim : (l: string): string => l
    return lines.map((l, i) =>
      mark(`${i === 0 ? `  ${r.kernel.padEnd(first)}  ${r.platform.padEnd(second)}  ` : ' '.repeat(start)}${l}`)
    )
  })
}

/** More pairs than these are told by verdict instead of one by one. */
const MANY_PAIRS = 8

// A verdict a line, with the kernels that have it, platform by platform.
function verdictGroups(results: readonly CheckResult[], width: number, paint: Paint): string[] {
  const out: string[] = []
  for (const platform of new Set(results.map((r) => r.platform))) {
    const groups = new Map<string, CheckResult[]>()
    for (const r of results.filter((x) => x.platform === platform)) {
      const what =
        r.verdict === 'skipped'
          ? `skipped (${r.reason ?? ''})`
          : `${verdictText(r)}, ${judgementText(r) || 'no expectation'}`
      groups.set(what, [...(groups.get(what) ?? []), r])
    }
    out.push(`  ${platform}`)
    for (const [what, list] of groups) {
      const s = standing(list[0] as CheckResult)
      const mark = s === 'fail' || s === 'undecided' ? paint.bad : s === 'skip' ? paint.dim : (l: string): string => l
      out.push(
        ...wrap(`${what}: ${list.map((r) => r.kernel).join(', ')}`, width - 4, '  ').map((l) => mark(`    ${l}`))
      )
    }
  }
  return out
}

// `told`: interleavings that stand above already, by the property they were told for.
function findingText(
  run: CheckRun,
  g: FindingGroup,
  o: CheckTextOptions,
  paint: Paint,
  told: Map<string, string>
): string[] {
  const { finding: f } = g
  if (o.level === 0) return [...shortFinding(run, f, g.where, { width: o.width, paint, reported: g.reported }), '']
  const full = !g.reported || o.level > 1
  const out: string[] = []
  const head = `${f.property}${g.reported ? ' (reported: the test does not forbid it)' : ''}: ${f.summary}`
  const lines = wrap(head, o.width - 2, '  ')
  out.push(...lines.map((l, i) => (i === 0 && !g.reported ? l.replace(f.property, paint.bad(f.property)) : l)))
  out.push(...wrap(`on ${pairsText(g.where)}`, o.width - 4, '  ').map((l) => `  ${l}`))
  if (full && f.trace.length + f.initSteps.length > 0) {
    const key = JSON.stringify([...f.initSteps, ...f.trace].map((s) => [s.thread, s.statement, s.text]))
    const above = told.get(key)
    if (above === undefined) out.push(...traceTable(f, { width: o.width, verbose: o.level > 1, paint }))
    else out.push(`  the same steps as for '${above}' above`)
    if (above === undefined) told.set(key, f.property)
    out.push(
      ...wrap(
        (f.trace.length + f.initSteps.length > 0 &&
        !(f.trace.length === 0 && f.initSteps.every((s) => s.statement === 'boot'))
          ? `After step ${f.initSteps.length + f.trace.length}`
          : 'Before any step') +
          ': ' +
          `${f.summary}.`,
        o.width - 2,
        ''
      ).map((l) => `  ${l}`)
    )
  }
  if (full && meaning(f.property) !== '')
    out.push(
      ...wrap(`${f.property} = ${meaning(f.property)}. Rule: ${f.decision} (${f.site}).`, o.width - 2, '').map(
        (l) => `  ${l}`
      )
    )
  if (full) out.push(...idLines(f.id, o.width), ...replayCommand(run, g.where[0] as CheckResult, f, o.width, '  '))
  out.push('')
  return out
}

// ---- coverage ------------------------------------------------------------------------------------------------------

/**
 * What the verdicts rest on: bounds and what was used of the language, the rows met of each platform's table, its
 * switches.
 */
export function coverageLines(results: readonly CheckResult[]): string[] {
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const by = (pick: (r: CheckResult) => string): Map<string, CheckResult[]> => {
    const groups = new Map<string, CheckResult[]>()
    for (const r of ran) groups.set(pick(r), [...(groups.get(pick(r)) ?? []), r])
    return groups
  }
  const bounds = by((r) => boundsText(r.coverage, r.complete))
  const rows = `rows of the DMA tables: ${rowsMet(ran)}`
  const lines =
    bounds.size === 1
      ? [`${[...bounds.keys()][0] ?? ''}; ${rows}`]
      : bounds.size === 0
        ? []
        : [...[...bounds].map(([text, pairs]) => `on ${pairsText(pairs)}: ${text}`), rows]
  const switches = by((r) => r.coverage.switches.join(', '))
  for (const [text, pairs] of switches)
    if (text !== '')
      lines.push(
        'switches in force' +
          `${switches.size === 1 ? '' : ` on ${[...new Set(pairs.map((r) => r.platform))].join(', ')}`}: ${text}`
      )
  const missing = absentFrom(ran)
  if (missing.length > 0)
    lines.push(`absent from ${ran.length === 1 ? 'this run' : 'these runs'}: ${missing.join(', ')}`)
  return lines
}

function boundsText(c: Coverage, complete: boolean): string {
  const how =
    c.interleave === 'steps'
      ? 'every interleaving of single steps'
      : 'interleavings of whole calls only (an abstraction: --interleave steps looks inside calls)'
  return (
    `${complete ? how : `NOT complete, ${how}`}, at most ${thousands(c.maxStates)} ` +
    `${c.maxStates === 1 ? 'state' : 'states'}; ${plural(c.threads, 'thread')}, ${c.operations} of ` +
    `${plural(c.operationsKnown, 'operation')}`
  )
}

const coverageText = (results: readonly CheckResult[], width: number): string[] =>
  coverageLines(results).flatMap((l) => wrap(`covered: ${l}`, width - 2, '  ').map((x) => `  ${x}`))

// ---- the end
// ---------------------------------------------------------------------------------------------------------

function summary(run: CheckRun, width: number, paint: Paint): string[] {
  const bad = run.errors.length > 0 || run.results.some((r) => standing(r) === 'fail' || standing(r) === 'undecided')
  const out = wrap(summaryLine(run), width, '  ').map((l) => (bad ? paint.bad(l) : l))
  if (run.interrupted !== null)
    out.push(
      ...wrap(
        `interrupted: ${plural(run.results.length, 'run')} of ${thousands(run.interrupted)} looked at; runs cut ` +
          'short are incomplete',
        width,
        '  '
      )
    )
  return out
}

/** The messages about the input, as they go to stderr. */
export const errorsText = (run: Pick<CheckRun, 'errors' | 'warnings' | 'texts'>): string =>
  [...run.errors, ...(run.warnings ?? [])].map((e) => `${formatDiagnostic(e, run.texts.get(e.file))}\n`).join('')

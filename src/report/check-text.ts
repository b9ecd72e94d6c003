// `tbit check` for people: verdicts and counterexamples of single tests, or the matrix of many.
import { columns, formatDiagnostic, plural } from '../base/index.ts'
import type { CheckResult, Coverage, Violation } from '../check/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { byTest, type CheckRun, commandOf, expectationText, judgementText, propertiesOf, standing, totals, verdictText } from './check-run.ts'
import { matrixText } from './check-matrix.ts'
import { traceTable } from './check-trace.ts'
import { runCommand } from './run.ts'
import { type Paint, plain } from './paint.ts'
import { wrap } from './wrap.ts'

export interface CheckTextOptions {
  readonly width: number
  /** The matrix may be wider. */
  readonly matrixWidth: number
  /** -1: only what is not as expected, and the summary. 1: every step, and counterexamples of reported findings too. */
  readonly level: -1 | 0 | 1
  readonly paint?: Paint
  /** Each test in full, or the matrix of all. */
  readonly shape: 'tests' | 'matrix'
}

const meaning = (property: string): string => vocabulary.propertyByName.get(property)?.does ?? ''

export function checkText(run: CheckRun, o: CheckTextOptions): string {
  // Nothing could be read: the errors have said it.
  if (run.tests.length === 0 && run.results.length === 0) return ''
  const paint = o.paint ?? plain
  const out: string[] = []
  if (o.shape === 'matrix') {
    const matrix = run.results.length > 0 ? matrixText(run, o.matrixWidth, paint) : ''
    if (o.level >= 0 && matrix !== '') out.push(matrix)
    if (o.level > 0) for (const t of byTest(run)) out.push(...testText(t.test, t.results, o, paint))
    out.push(...wrong(run, o.width, paint))
    out.push(...legend(run, o.width, o.level >= 0 && / -(?: |$)/m.test(matrix)))
  } else for (const t of byTest(run)) {
    if (o.level < 0 && t.results.every((r) => standing(r) === 'pass' || standing(r) === 'xfail' || standing(r) === 'skip')) continue
    out.push(...testText(t.test, t.results, o, paint))
  }
  out.push(...summary(run, paint))
  return `${out.join('\n')}\n`
}

// What is not as expected or was not decided, with the command that shows why. Violations that nobody expected anything of stand in the matrix.
function wrong(run: CheckRun, width: number, paint: Paint): string[] {
  const groups = new Map<string, CheckResult[]>()
  for (const r of run.results) {
    if (r.expected !== 'mismatch' && standing(r) !== 'undecided') continue
    const key = `${r.test}: ${verdictText(r)}${judgementText(r) === '' ? '' : `, ${judgementText(r)}`}`
    groups.set(key, [...(groups.get(key) ?? []), r])
  }
  const out: string[] = []
  for (const [what, list] of groups) {
    out.push(...wrap(what, width, '    ').map((l) => paint.bad(l)), ...wrap(`on ${pairsText(list)}`, width - 2, '  ').map((l) => `  ${l}`), `  ${commandOf(list[0] as CheckResult)}`)
  }
  return out.length === 0 ? [] : [...out, '']
}

// ---- one test ------------------------------------------------------------------------------------------------------

function testText(test: CheckRun['tests'][number], results: readonly CheckResult[], o: CheckTextOptions, paint: Paint): string[] {
  const out: string[] = [`${paint.strong(test.name)}  ${test.file}`]
  if (test.text !== '') out.push(...wrap(test.text, o.width - 2, '').map((l) => `  ${l}`))
  for (const s of test.sources) out.push(...wrap(`source: ${s}`, o.width - 2, '        ').map((l) => `  ${l}`))
  out.push('')
  const first = Math.max(...results.map((r) => r.kernel.length))
  const second = Math.max(...results.map((r) => r.platform.length))
  const pair = (r: CheckResult): string => `  ${r.kernel.padEnd(first)}  ${r.platform.padEnd(second)}  `
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const cells = columns(ran.map((r) => [verdictText(r), judgementText(r) || 'no expectation', r.verdict === 'incomplete' ? `stopped at ${plural(r.states, 'state')}` : plural(r.states, 'state'), `${plural(r.coverage.depth, 'move')} deep`])).split('\n')
  const rows = results.map((r) => `${pair(r)}${r.verdict === 'skipped' ? `skipped: ${r.reason ?? ''}` : (cells[ran.indexOf(r)] ?? '')}`)
  out.push(...paintRows(rows, results, paint), '')
  if (o.level >= 0) {
    const told = new Map<string, string>()
    for (const g of findings(results, (r) => r.violations)) out.push(...findingText(g, o, paint, true, told))
    for (const g of findings(results, (r) => r.reported)) out.push(...findingText(g, o, paint, o.level > 0, told))
    out.push(...coverageText(results, o.width), '')
  }
  return out
}

const paintRows = (lines: readonly string[], results: readonly CheckResult[], paint: Paint): string[] => lines.map((l, i) => {
  const s = standing(results[i] as CheckResult)
  return s === 'fail' || s === 'undecided' ? paint.bad(l) : s === 'skip' ? paint.dim(l) : l
})

interface Group { readonly finding: Violation; readonly where: readonly CheckResult[]; readonly reported: boolean }

// One finding on several pairs is told once: the identity is the same from revision to revision.
function findings(results: readonly CheckResult[], pick: (r: CheckResult) => readonly Violation[]): Group[] {
  const groups = new Map<string, { finding: Violation; where: CheckResult[]; reported: boolean }>()
  for (const r of results) for (const f of pick(r)) {
    const g = groups.get(f.id)
    if (g === undefined) groups.set(f.id, { finding: f, where: [r], reported: pick(r) === r.reported })
    else g.where.push(r)
  }
  return [...groups.values()]
}

// `told`: interleavings that stand above already, by the property they were told for.
function findingText(g: Group, o: CheckTextOptions, paint: Paint, full: boolean, told: Map<string, string>): string[] {
  const { finding: f } = g
  const out: string[] = []
  const head = `${f.property}${g.reported ? ' (reported: the test does not forbid it)' : ''}: ${f.summary}`
  const lines = wrap(head, o.width - 2, '  ')
  out.push(...lines.map((l, i) => (i === 0 && !g.reported ? l.replace(f.property, paint.bad(f.property)) : l)))
  out.push(...wrap(`on ${pairsText(g.where)}`, o.width - 4, '  ').map((l) => `  ${l}`))
  if (full && f.trace.length + f.initSteps.length > 0) {
    const key = JSON.stringify([...f.initSteps, ...f.trace].map((s) => [s.thread, s.statement, s.text]))
    const above = told.get(key)
    if (above === undefined) out.push(...traceTable(f, { width: o.width, verbose: o.level > 0, paint }))
    else out.push(`  the same steps as for '${above}' above`)
    if (above === undefined) told.set(key, f.property)
    out.push(...wrap(`${f.trace.length + f.initSteps.length > 0 && !(f.trace.length === 0 && f.initSteps.every((s) => s.statement === 'boot')) ? `After step ${f.initSteps.length + f.trace.length}` : 'Before any step'}: ${f.summary}.`, o.width - 2, '').map((l) => `  ${l}`))
  }
  if (full && meaning(f.property) !== '') out.push(...wrap(`${f.property} = ${meaning(f.property)}. Rule: ${f.decision} (${f.site}).`, o.width - 2, '').map((l) => `  ${l}`))
  if (full) {
    out.push(`  id ${f.id}`)
    const [first] = g.where
    if (first !== undefined && f.property !== 'unreached') out.push(`  ${runCommand(first, f.schedule)}`)
  }
  out.push('')
  return out
}

/** `arm-cca: rfc-v1, cc-v8; intel-tdx: rfc-v1`. */
export function pairsText(where: readonly CheckResult[]): string {
  const by = new Map<string, string[]>()
  for (const r of where) by.set(r.platform, [...(by.get(r.platform) ?? []), r.kernel])
  return [...by].map(([p, k]) => `${p}: ${k.join(', ')}`).join('; ')
}

// What the verdicts rest on; runs with the same coverage share a line.
export function coverageLines(results: readonly CheckResult[]): string[] {
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const groups = new Map<string, CheckResult[]>()
  for (const r of ran) {
    const text = oneCoverage(r.coverage, r.complete)
    groups.set(text, [...(groups.get(text) ?? []), r])
  }
  const lines = [...groups].map(([text, pairs]) => `${groups.size === 1 ? '' : `on ${pairsText(pairs)}: `}${text}`)
  const switches = new Map<string, string[]>()
  for (const r of ran) {
    const text = r.coverage.switches.join(', ')
    const list = switches.get(text) ?? []
    if (!list.includes(r.platform)) switches.set(text, [...list, r.platform])
  }
  for (const [text, platforms] of switches) if (text !== '') lines.push(`switches in force${switches.size === 1 ? '' : ` on ${platforms.join(', ')}`}: ${text}`)
  return lines
}

function oneCoverage(c: Coverage, complete: boolean): string {
  const how = c.interleave === 'steps' ? 'every interleaving of single steps' : 'interleavings of whole calls only (an abstraction: --interleave steps looks inside calls)'
  return `${complete ? how : `NOT complete, ${how}`}, at most ${plural(c.maxStates, 'state')}; ${plural(c.threads, 'thread')}, ${c.operations} of ${plural(c.operationsKnown, 'operation')}, ${c.rows} of ${plural(c.rowsKnown, 'row')} of the platform's DMA table`
}

const coverageText = (results: readonly CheckResult[], width: number): string[] => coverageLines(results).flatMap((l) => wrap(`covered: ${l}`, width - 2, '  ').map((x) => `  ${x}`))

// ---- many ----------------------------------------------------------------------------------------------------------

function legend(run: CheckRun, width: number, gaps: boolean): string[] {
  const out: string[] = []
  const reasons = new Map<string, number>()
  for (const r of run.results) if (r.verdict === 'skipped' && r.reason !== null) reasons.set(r.reason, (reasons.get(r.reason) ?? 0) + 1)
  if (reasons.size > 0) out.push(...wrap(`skipped: ${[...reasons].map(([reason, n]) => `${reason} (${n})`).join('; ')}`, width, '  '))
  const notes: string[] = []
  if (run.results.some((r) => r.expected === 'mismatch')) notes.push('! not as expected')
  if (run.results.some((r) => r.verdict === 'violated' && !r.complete)) notes.push('* the search hit its limit: there may be more')
  if (gaps) notes.push('- not asked for')
  if (notes.length > 0) out.push(notes.join('; '))
  const free = run.results.filter((r) => r.expectation === null && r.verdict === 'violated').length
  if (free > 0) out.push(`${plural(free, 'run')} violated where the test says nothing about what to expect`)
  const reported = run.results.filter((r) => r.reported.length > 0)
  if (reported.length > 0) out.push(`reported, not forbidden: ${propertiesOf(reported.flatMap((r) => r.reported)).join(', ')} in ${plural(reported.length, 'run')}`)
  const ran = run.results.filter((r) => r.verdict !== 'skipped')
  const first = ran[0]
  if (first !== undefined) out.push(`covered: ${first.coverage.interleave === 'steps' ? 'every interleaving of single steps' : 'interleavings of whole calls only (an abstraction)'}, at most ${plural(first.coverage.maxStates, 'state')} a run; ${plural(totals(run.results).states, 'state')} in all`)
  if (first !== undefined) out.push(...wrap(used(ran), width, '  '))
  return out
}

// What all runs together could use of the language and of each platform's table.
function used(ran: readonly CheckResult[]): string {
  const operations = new Set(ran.flatMap((r) => r.coverage.operationNames))
  const tables = new Map<string, { met: Set<string>; known: number }>()
  for (const r of ran) {
    const t = tables.get(r.platform) ?? { met: new Set(), known: r.coverage.rowsKnown }
    for (const n of r.coverage.rowNames) t.met.add(n)
    tables.set(r.platform, t)
  }
  return `used: ${operations.size} of ${plural(ran[0]?.coverage.operationsKnown ?? 0, 'operation')}; rows of the DMA tables: ${[...tables].map(([p, t]) => `${p} ${t.met.size} of ${t.known}`).join(', ')}`
}

/** One line that stands under everything. */
export function summaryLine(run: CheckRun): string {
  const t = totals(run.results)
  const verdicts = ([['ok', t.ok], ['violated', t.violated], ['vacuous', t.vacuous], ['incomplete', t.incomplete], ['skipped', t.skipped]] as const).filter(([, n]) => n > 0).map(([w, n]) => `${n} ${w}`)
  const judged = [...(t.match > 0 ? [`${t.match} as expected`] : []), ...(t.mismatch > 0 ? [`${t.mismatch} NOT as expected`] : []), ...(t.undecided > 0 ? [`${t.undecided} undecided`] : []), ...(t.free > 0 ? [`${t.free} without an expectation`] : [])]
  return `${plural(byTest(run).length, 'test')}, ${plural(run.results.length, 'run')}: ${verdicts.join(', ') || 'nothing ran'}${judged.length > 0 ? `; ${judged.join(', ')}` : ''}${run.errors.length > 0 ? `; ${plural(run.errors.length, 'error')}` : ''}`
}

function summary(run: CheckRun, paint: Paint): string[] {
  const line = summaryLine(run)
  const bad = run.errors.length > 0 || run.results.some((r) => standing(r) === 'fail' || standing(r) === 'undecided')
  const out = [bad ? paint.bad(line) : line]
  if (run.interrupted !== null) out.push(`interrupted: ${plural(run.results.length, 'run')} of ${run.interrupted} looked at; runs cut short are incomplete`)
  return out
}

/** The messages about the input, as they go to stderr. */
export const errorsText = (run: Pick<CheckRun, 'errors' | 'warnings' | 'texts'>): string => [...run.errors, ...(run.warnings ?? [])].map((e) => `${formatDiagnostic(e, run.texts.get(e.file))}\n`).join('')

export { expectationText }

// Many tests on one screen: what is not as expected first, then a line a platform, what is new, the largest search. The
// matrix is check-matrix.ts.
import { plural, thousands } from '../base/index.ts'
import { ACCEPTED_IDLE, type CheckResult, SLOTS_TWICE } from '../check/index.ts'
import { vocabulary } from '../litmus/index.ts'
import {
  absentFrom,
  againCommand,
  byTest,
  type CheckRun,
  findings,
  isTold,
  judgementText,
  type Outcome,
  outcomeOf,
  outcomes,
  pairsText,
  propertiesOf,
  rowsMet,
  verdictText
} from './check-run.ts'
import { shortFinding } from './finding-short.ts'
import { type Paint, plain } from './paint.ts'
import { wrap, wrapCommand } from './wrap.ts'

/** Findings told one by one; the others are counted. */
const TOLD = 5

/**
 * What is not as expected or was not decided: each test and verdict with where it is so, its findings in short, and the
 * command that does it again.
 */
export function surprisesText(run: CheckRun, width: number, paint: Paint = plain): string[] {
  const groups = new Map<string, CheckResult[]>()
  for (const r of run.results) {
    if (!isTold(r) || outcomeOf(r) === 'free') continue
    const key = `${r.test}: ${verdictText(r)}, ${judgementText(r) || 'undecided'}`
    groups.set(key, [...(groups.get(key) ?? []), r])
  }
  const out: string[] = []
  let told = 0
  for (const [what, list] of groups) {
    const first = list[0] as CheckResult
    out.push(
      ...wrap(what, width, '    ').map((l) => paint.bad(l)),
      ...wrap(`on ${pairsText(list)}`, width - 2, '  ').map((l) => `  ${l}`)
    )
    const shown = told < TOLD ? findings(list, (r) => r.violations).slice(0, TOLD - told) : []
    told += shown.length
    if (shown.length === 0) out.push(...wrapCommand(againCommand(run, first), width, '  '))
    for (const g of shown)
      out.push(...shortFinding(run, g.finding, g.where, { width: width - 2, paint }).map((l) => `  ${l}`))
  }
  return out.length === 0 ? [] : [...out, '']
}

/** Findings that nobody said anything about in short, a line a platform, the largest search. */
export function manyText(run: CheckRun, width: number, paint: Paint = plain): string[] {
  if (run.results.length === 0) return []
  return [...unjudged(run, width, paint), ...platformRows(run), '', ...largest(run, width)]
}

// The findings of tests that say nothing about what to expect. Of many only the first few: who wants all asks for them.
function unjudged(run: CheckRun, width: number, paint: Paint): string[] {
  const groups = byTest(run).flatMap((t) =>
    findings(
      t.results.filter((r) => outcomeOf(r) === 'free'),
      (r) => r.violations
    ).map((g) => ({ name: t.test.name, g }))
  )
  const out: string[] = []
  for (const [i, { name, g }] of groups.slice(0, TOLD).entries()) {
    if (groups[i - 1]?.name !== name) out.push(paint.strong(name))
    out.push(...shortFinding(run, g.finding, g.where, { width: width - 2, paint }).map((l) => `  ${l}`))
  }
  if (groups.length > TOLD)
    out.push(`and ${plural(groups.length - TOLD, 'finding')} more without an expectation: -vv tells all`)
  return out.length === 0 ? [] : [...out, '']
}

const COLUMNS: ReadonlyArray<readonly [Outcome, string]> = [
  ['shown', 'hazards shown'],
  ['absent', 'absent'],
  ['free', 'not judged'],
  ['vacuous', 'vacuous'],
  ['undecided', 'undecided'],
  ['skipped', 'skipped'],
  ['surprise', 'surprises']
]

function platformRows(run: CheckRun): string[] {
  const platforms = vocabulary.platforms
    .map((p) => p.name as string)
    .filter((p) => run.results.some((r) => r.platform === p))
  const all = outcomes(run.results)
  const used = COLUMNS.filter(([k]) => all[k] > 0 || k === 'shown' || k === 'absent' || k === 'surprise')
  const rows = platforms.map((platform) => {
    const here = run.results.filter((r) => r.platform === platform)
    const n = outcomes(here)
    return [
      platform,
      thousands(new Set(here.map((r) => r.test)).size),
      thousands(here.length),
      ...used.map(([k]) => thousands(n[k]))
    ]
  })
  return rightAligned([['', 'tests', 'runs', ...used.map(([, head]) => head)], ...rows])
}

// The first column is text, the others are numbers.
function rightAligned(rows: ReadonlyArray<readonly string[]>): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] ?? '').length)))
  return rows.map((r) => r.map((c, i) => (i === 0 ? c.padEnd(widths[i] ?? 0) : c.padStart(widths[i] ?? 0))).join('  '))
}

// The slowest by the measure that is the same on every machine.
function largest(run: CheckRun, width: number): string[] {
  const most = run.results.reduce<CheckResult | null>((m, r) => (m === null || r.states > m.states ? r : m), null)
  return most === null || most.states === 0
    ? []
    : wrap(
        `largest search: ${most.test} (${most.kernel} on ${most.platform}), ${thousands(most.states)} states`,
        width,
        '  '
      )
}

/** What a reader of many verdicts must know beside them. */
export function notesOnMany(run: CheckRun, width: number): string[] {
  const out: string[] = []
  const say = (text: string): void => {
    out.push(...wrap(text, width, '  '))
  }
  const reasons = new Map<string, number>()
  for (const r of run.results)
    if (r.verdict === 'skipped' && r.reason !== null) reasons.set(r.reason, (reasons.get(r.reason) ?? 0) + 1)
  if (reasons.size > 0) say(`skipped: ${[...reasons].map(([reason, n]) => `${reason} (${thousands(n)})`).join('; ')}`)
  const reported = run.results.filter((r) => r.reported.length > 0)
  if (reported.length > 0)
    say(
      `reported, not forbidden: ${propertiesOf(reported.flatMap((r) => r.reported)).join(', ')} in ` +
        `${plural(reported.length, 'run')}`
    )
  const ran = run.results.filter((r) => r.verdict !== 'skipped')
  for (const [what, n] of noted(ran)) say(`note: ${what} in ${plural(n, 'run')}`)
  const [first] = ran
  if (first === undefined) return out
  const states = ran.reduce((n, r) => n + r.states, 0)
  say(
    'covered: ' +
      (first.coverage.interleave === 'steps'
        ? 'every interleaving of single steps'
        : 'interleavings of whole calls only (an abstraction)') +
      ', ' +
      `at most ${thousands(first.coverage.maxStates)} states a run; ${thousands(states)} states in all`
  )
  say(used(ran))
  const missing = absentFrom(ran)
  if (missing.length > 0) say(`absent from all runs: ${missing.join(', ')}`)
  return out
}

// What many runs could not show, with how many: of many runs nobody wants each.
function noted(ran: readonly CheckResult[]): Array<readonly [string, number]> {
  const ignored = ran.filter((r) => r.notes.some((n) => n.startsWith(ACCEPTED_IDLE))).length
  const fresh = ran.filter((r) => r.coverage.absent.includes(SLOTS_TWICE)).length
  return [
    [`${ACCEPTED_IDLE}, the device is T=0,`, ignored] as const,
    ['no slot of a bounce pool was used twice (a small pool makes it)', fresh] as const
  ].filter(([, n]) => n > 0)
}

// What all runs together could use of the language and of each platform's table.
function used(ran: readonly CheckResult[]): string {
  const operations = new Set(ran.flatMap((r) => r.coverage.operationNames))
  return (
    `used: ${operations.size} of ${plural(ran[0]?.coverage.operationsKnown ?? 0, 'operation')}; rows of the DMA ` +
    `tables: ${rowsMet(ran)}`
  )
}

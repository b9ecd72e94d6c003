// A counterexample as a reader wants it: one line a step, a column a thread, what changed beside or below it. Steps
// that only lock, unlock, keep the checker's books or read what nothing in this trace changes are left out unless asked
// for; step numbers stay.
import { plural } from '../base/index.ts'
import type { Change, TraceStep, Violation } from '../check/index.ts'
import { wrap } from './wrap.ts'
import { type Paint, plain } from './paint.ts'

export interface TraceLayout {
  /** Columns of text at most. */
  readonly width: number
  /** Every step, and the kernel functions of each. */
  readonly verbose: boolean
  readonly paint?: Paint
  /** Without the line that says how many steps are left out. */
  readonly bare?: boolean
}

export interface Shown {
  /** Counts all steps of the trace from 1, those of `init` too. */
  readonly number: number
  readonly step: TraceStep
  /** The first line of its statement here. */
  readonly begins: boolean
  /** Nothing but that the statement ran. */
  readonly bare: boolean
  readonly changes: string[]
}

// The checker's own books: not part of the kernel.
const GHOST = new Set(['tsm_in_flight'])
const LOCK = /^(lock|unlock|down_read|down_write|up_read|up_write|mutex_lock|mutex_unlock)\b/

/** The steps worth a line. */
export function shownSteps(
  v: Pick<Violation, 'property' | 'trace' | 'initSteps'>,
  verbose = false
): { shown: Shown[]; hidden: number } {
  const steps = [...v.initSteps, ...v.trace]
  const changing = changedNames(steps)
  const shown: Shown[] = []
  const current = new Map<number, string>()
  const lastRead = new Map<string, string>()
  let hidden = 0
  for (const [i, step] of steps.entries()) {
    const inInit = i < v.initSteps.length
    const thread = inInit ? -1 : step.thread
    const next = steps[i + 1]
    const changed = step.changed.filter((c) => !GHOST.has(c.what))
    const statement = `${step.place?.line ?? ''}:${step.statement}`
    const isBoot = step.statement === 'boot' && step.outcome === 0
    const preempted = next !== undefined && !inInit && next.thread !== step.thread && step.passed.length === 0
    const about = subject(step.text)
    const lock = LOCK.test(step.text)
    let worth: boolean
    if (verbose || step.findings.length > 0 || step.inside !== undefined) worth = true
    else if (isBoot) worth = false
    else if (i === steps.length - 1) worth = true
    else if (preempted) worth = true
    else if (lock) worth = v.property === 'deadlock'
    else if (changed.length > 0) worth = true
    else if (step.yields?.some((y) => /\bERR\b| yields /.test(y))) worth = true
    else if (step.changed.length > 0 || opens(step)) worth = false
    else if (step.accesses.every((a) => a.silent) && step.outcome === 0) worth = false
    else if (about !== null)
      worth = changing.has(about) && lastRead.get(`${thread}:${statement}:${about}`) !== step.text
    else worth = true
    if (about !== null && changed.length === 0) lastRead.set(`${thread}:${statement}:${about}`, step.text)
    for (const c of changed) for (const k of [...lastRead.keys()]) if (k.endsWith(`:${c.what}`)) lastRead.delete(k)

    // Every statement has at least one line.
    const bare = !worth && step.passed.length > 0 && !isBoot && current.get(thread) !== statement
    if (bare) worth = true
    if (!worth) {
      hidden++
      // What the statement yields is told with its last line.
      const line = shown.findLast((s) => (inInit ? s.number <= v.initSteps.length : s.step.thread === thread))
      for (const y of step.yields ?? []) if (line !== undefined && !line.changes.includes(y)) line.changes.push(y)
      if (step.passed.length > 0) current.delete(thread)
      continue
    }
    const begins = current.get(thread) !== statement
    current.set(thread, statement)
    const changes = lock && !verbose ? [] : changed.map(changeText)
    for (const y of step.yields ?? []) if (!changes.includes(y)) changes.push(y)
    shown.push({ number: i + 1, step, begins, bare, changes })
    if (step.passed.length > 0) current.delete(thread)
  }
  return { shown, hidden }
}

// The step that a call begins with says no more than the statement.
function opens(s: TraceStep): boolean {
  const name = /^(\w+)\(/.exec(s.text)?.[1]
  return name !== undefined && s.changed.length === 0 && new RegExp(`(^| )${name}\\(`).test(s.statement)
}

/** `x` of `x is ...` and `x = ...`: what a plain access is about. */
const subject = (text: string): string | null => /^(\S+) (?:is|=) /.exec(text)?.[1] ?? null

// What steps that are no lock operations change; a bit of a shared byte counts by its own name too.
function changedNames(steps: readonly TraceStep[]): Set<string> {
  const out = new Set<string>()
  for (const s of steps) {
    if (LOCK.test(s.text)) continue
    for (const c of s.changed) {
      if (GHOST.has(c.what)) continue
      out.add(c.what)
      if (!c.what.endsWith('.bits')) continue
      const [before, after] = [new Set(c.before.split('+')), new Set(c.after.split('+'))]
      for (const bit of new Set([...before, ...after]))
        if (before.has(bit) !== after.has(bit)) out.add(`${c.what.slice(0, -'bits'.length)}${bit}`)
    }
  }
  return out
}

/** `page 0x100: mapped private -> mapped shared`: of several attributes only those that differ. */
export function changeText(c: Change): string {
  const [before, after] = [c.before.split(', '), c.after.split(', ')]
  if (before.length === after.length && before.length > 1 && /^(page|pages) /.test(c.what)) {
    const differ = before.map((b, i) => [b, after[i] as string] as const).filter(([b, a]) => b !== a)
    return `${c.what}: ${differ.map(([b, a]) => `${b} -> ${a}`).join(', ')}`
  }
  return `${c.what}: ${c.before} -> ${c.after}`
}

/** Kernel functions of a step by the names they have in C, innermost first. */
export const functionsOf = (s: TraceStep): string[] => s.site.filter((f) => /^_*[a-z0-9]+(_[a-z0-9]+)+$/.test(f))

// Plain accessors say nothing: their caller is who decides.
const ACCESSORS = new Set([
  'device_cc_accepted',
  '__force_dma_unencrypted',
  '__is_swiotlb_force_bounce',
  'set_accepted',
  'set_dma_skip_sync',
  'clear_dma_skip_sync'
])

function stepText(s: TraceStep): string {
  const fn = subject(s.text) === null ? undefined : functionsOf(s).find((f) => !ACCESSORS.has(f))
  return fn === undefined || fn === s.statement ? s.text : `${fn}: ${s.text}`
}

/** Where the columns of a table of steps stand, counted in characters. */
interface Columns {
  readonly width: number
  /** Digits of the highest step number. */
  readonly numbers: number
  /** Where the text of the first column begins. */
  readonly left: number
  /** What changed stands beside the step; else below it. */
  readonly beside: boolean
  readonly widths: readonly number[]
  readonly starts: readonly number[]
  readonly changesAt: number
}

function columnsOf(threads: number, steps: number, width: number): Columns {
  const columns = Math.max(1, threads)
  const numbers = String(steps).length
  const left = 2 + numbers + 2
  const room = width - left
  // With one thread, or two and plenty of room, what changed stands beside the step; else below it.
  const beside = columns === 1 ? room >= 60 : columns === 2 && room >= 100
  const equal = new Array<number>(columns).fill(1 / columns)
  const share = beside ? (columns === 1 ? [0.52] : [0.33, 0.33]) : equal
  const widths = share.map((s) => Math.max(12, Math.floor(room * s) - 2))
  const starts = widths.map((_, i) => left + widths.slice(0, i).reduce((a, w) => a + w + 2, 0))
  return { width, numbers, left, beside, widths, starts, changesAt: left + widths.reduce((a, w) => a + w + 2, 0) }
}

const indent = (at: number, text: string): string => ' '.repeat(at) + text

/** The head of a table: names where their columns begin. */
const headline = (list: ReadonlyArray<readonly [number, string]>): string =>
  list.reduce((line, [at, name]) => line.padEnd(at) + name, '').trimEnd()

/** One row: the number, the words in their column, and what they changed. */
function rowOf(
  c: Columns,
  number: string,
  column: number,
  words: readonly string[],
  changes: readonly string[],
  mark: (s: string) => string = (s) => s
): string[] {
  const at = c.starts[column] as number
  const there = c.beside ? changes : []
  const out: string[] = []
  for (let i = 0; i < Math.max(words.length, there.length); i++) {
    const head = (i === 0 ? `  ${number.padStart(c.numbers)}` : '').padEnd(at)
    const word = words[i] ?? ''
    const change = there[i] ?? ''
    out.push(
      change === ''
        ? `${head}${mark(word)}`.trimEnd()
        : `${head}${mark(word)}${' '.repeat(Math.max(2, c.changesAt - at - word.length))}${change}`
    )
  }
  return c.beside ? out : [...out, ...changes.map((change) => indent(at, change))]
}

/** The rows of one step that is shown. */
function stepRows(s: Shown, column: number, c: Columns, o: TraceLayout): string[] {
  const paint = o.paint ?? plain
  const width = c.widths[column] as number
  const statement = wrap(s.step.statement, width, '    ')
  const text = s.bare ? statement : wrap(stepText(s.step), width - 2, '  ').map((l) => `  ${l}`)
  if (o.verbose && functionsOf(s.step).length > 0)
    text.push(...wrap(`in ${functionsOf(s.step).join(' < ')}`, width - 4, '   ').map((l) => `    ${l}`))
  const below = c.width - (c.starts[column] as number) - 4
  const changes = s.changes.flatMap((change) =>
    c.beside ? wrap(change, c.width - c.changesAt, '  ') : wrap(`| ${change}`, below, '|   ').map((l) => `    ${l}`)
  )
  return [
    ...(s.begins && !s.bare ? rowOf(c, '', column, statement, [], paint.strong) : []),
    ...rowOf(c, String(s.number), column, text, changes, s.bare ? paint.strong : undefined),
    // what the tree's own code decided in it takes the whole width: places and conditions are long
    ...(s.step.inside ?? []).flatMap((b) => wrap(b, c.width - c.left - 6, '    ').map((l) => indent(c.left + 4, l)))
  ]
}

/** The interleaving as a table. */
export function traceTable(v: Pick<Violation, 'property' | 'trace' | 'initSteps'>, o: TraceLayout): string[] {
  const { shown, hidden } = shownSteps(v, o.verbose)
  const threads = [...new Map(v.trace.map((s) => [s.thread, s.name])).entries()].sort((a, b) => a[0] - b[0])
  const columnOf = new Map(threads.map(([t], i) => [t, i]))
  const c = columnsOf(threads.length, v.initSteps.length + v.trace.length, o.width)
  const heads = threads.map(([, name], i) => [c.starts[i] as number, name] as const)
  const changed = c.beside ? [[c.changesAt, 'what changed'] as const] : []
  const body = shown.filter((s) => s.number > v.initSteps.length)
  const before = shown.filter((s) => s.number <= v.initSteps.length)
  const out: string[] = []
  if (before.length > 0) {
    out.push(headline([[c.starts[0] as number, 'init'], ...changed]))
    for (const s of before) out.push(...stepRows(s, 0, c, o))
  }
  if (body.length > 0) {
    out.push(headline([...heads, ...changed]))
    for (const s of body) out.push(...stepRows(s, columnOf.get(s.step.thread) ?? 0, c, o))
  }
  if (hidden > 0 && shown.length > 0 && !o.bare)
    out.push(
      ...wrap(
        `not shown: ${plural(hidden, 'step')}: locks, and reads of what nothing here changes; -vv shows all`,
        o.width - 2,
        '  '
      ).map((l) => `  ${l}`)
    )
  return out
}

// A finding in three to six lines: the headline, what mattered on the way, its identity and where it holds, the command
// that does it again.
import { plural } from '../base/index.ts'
import { type CheckResult, type Ingredient, type Violation, whyOf } from '../check/index.ts'
import { type CheckRun, pairsText } from './check-run.ts'
import { type Paint, plain } from './paint.ts'
import { runCommand } from './run.ts'
import { wrap, wrapCommand } from './wrap.ts'

export interface ShortLayout {
  /** Columns of text at most. */
  readonly width: number
  readonly paint?: Paint
  /** The test does not forbid it. */
  readonly reported?: boolean
}

const LINES = 6

/** `where`: the runs that have the finding; the first of them is the one whose steps are told. */
export function shortFinding(
  run: Pick<CheckRun, 'again'>,
  v: Violation,
  where: readonly CheckResult[],
  o: ShortLayout
): string[] {
  const first = where[0] as CheckResult
  const paint = o.paint ?? plain
  const why = whyOf(v, first.platform)
  const command = replayCommand(run, first, v, o.width)
  const id = identity(v.id, where, o.width)
  const head = atMost(
    Math.max(1, LINES - id.length - command.length),
    wrap(`${v.property}${o.reported ? ' (reported, not forbidden)' : ''}: ${why.headline}`, o.width, '  '),
    o.width
  )
  const room = Math.max(0, LINES - head.length - id.length - command.length)
  return [
    ...head.map((l, i) => (i === 0 && !o.reported ? l.replace(v.property, paint.bad(v.property)) : l)),
    ...reasons(why.ingredients, room, o.width),
    ...id,
    ...command
  ]
}

// The whole sentence stands with -v.
const atMost = (n: number, lines: readonly string[], width: number): readonly string[] =>
  lines.length <= n ? lines : [...lines.slice(0, n - 1), `${(lines[n - 1] as string).slice(0, width - 4)} ...`]

/** What mattered, in the order of the steps, as much of it as fits into `lines`; what weighs least goes first. */
function reasons(all: readonly Ingredient[], lines: number, width: number): string[] {
  let kept = [...all]
  for (;;) {
    if (kept.length === 0 || lines === 0) return []
    const text = wrap(kept.map((i) => `${i.text} (${i.step})`).join(', '), width - 4, '').map((l) => `    ${l}`)
    if (text.length <= lines) return text
    const least = Math.min(...kept.map((i) => i.weight))
    const drop = kept.findIndex((i) => i.weight === least)
    kept = kept.filter((_, n) => n !== drop)
  }
}

// The pairs stand behind the id when there is room; else how many there are.
function identity(id: string, where: readonly CheckResult[], width: number): string[] {
  const lines = idLines(id, width)
  const pairs =
    [` on ${pairsText(where)}`, where.length > 1 ? ` on ${plural(where.length, 'pair')}` : ''].find(
      (p) => (lines.at(-1) ?? '').length + p.length <= width
    ) ?? ''
  return lines.map((l, i) => (i === lines.length - 1 ? `${l}${pairs}` : l))
}

/** A finding's identity; one too long for a line is broken behind a slash. */
export function idLines(id: string, width: number): string[] {
  const line = `  id ${id}`
  return line.length <= width
    ? [line]
    : wrap(line.trim().replaceAll('/', '/ '), width - 5).map(
        (l, i) => `${i === 0 ? '  ' : '     '}${l.replaceAll('/ ', '/')}`
      )
}

/**
 * The command that does the steps of a finding again: with the schedule on the model; a tree's own C is checked again.
 */
export function replayCommand(
  run: Pick<CheckRun, 'again'>,
  r: CheckResult,
  v: Violation,
  width: number,
  indent = '  '
): string[] {
  return v.property === 'unreached' ? [] : wrapCommand(run.again?.(r) ?? runCommand(r, v.schedule), width, indent)
}

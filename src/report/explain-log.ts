// Renders `tbit explain log`: the last boot first, then those before it.
import { type Diagnostic, formatDiagnostic, plural, printable } from '../base/index.ts'
import { sizeText } from '../kernel/swiotlb/index.ts'
import type { BootExplained, LogExplanation, LogFailure, RankedCause } from '../replay/index.ts'
import { bullet, wrapCommand } from './wrap.ts'

function when(f: LogFailure): string {
  if (f.first === null || f.last === null) return ''
  if (f.clock === 'wall') return f.last === f.first ? '' : `, ${Math.round(f.last - f.first)} s apart`
  return f.last === f.first ? ` at ${f.first.toFixed(3)} s` : ` from ${f.first.toFixed(3)} to ${f.last.toFixed(3)} s`
}

/** A point of a section, what stands below it, and commands that are to be run. */
interface Item {
  readonly text: string
  readonly more?: readonly string[]
  readonly run?: readonly string[]
}

/** What is said of a boot, in the order in which it is said, for every rendering. */
export interface LogSection {
  readonly title: string
  readonly items: readonly Item[]
}

const itemText = (i: Item): string[] => [
  bullet('  - ', printable(i.text)),
  ...(i.more ?? []).map((m) => bullet('      ', printable(m))),
  ...(i.run ?? []).flatMap((c) => wrapCommand(c, 80, '      '))
]

/** The machine and its pool, a sentence each. */
export function logMachine(e: BootExplained): string[] {
  const out: string[] = []
  const parts = [
    e.kernel === null ? null : `Linux ${e.kernel}`,
    e.platform,
    e.hardware,
    e.ram === null ? null : `${sizeText(e.ram)} RAM`,
    e.cpus === null ? null : plural(e.cpus, 'CPU'),
    e.cmdline === null || e.cmdline === '' ? null : `"${e.cmdline}"`
  ].filter((x) => x !== null)
  if (parts.length > 0) out.push(parts.join(', '))
  if (e.pool) {
    const { slots, bytes, areas, limited_by, start, end } = e.pool
    const place = start === null || end === null ? '' : `, 0x${start.toString(16)}-0x${end.toString(16)}`
    out.push(
      `pool: ${sizeText(bytes)} = ${slots} slots of 2 KiB${areas === null ? '' : ` in ${plural(areas, 'area')}`}` +
        `${place}${limited_by === null ? '' : `; size by: ${limited_by}`}`
    )
  }
  return out
}

/**
 * Failures of one kind and device have one story: their causes, the best supported first, each with the evidence of
 * where it is best supported.
 */
function stories(failures: readonly LogFailure[]): (readonly RankedCause[])[] {
  const byStory = new Map<string, Map<string, RankedCause>>()
  for (const f of failures) {
    const key = `${f.kind} ${f.device}`
    const story = byStory.get(key) ?? new Map<string, RankedCause>()
    byStory.set(key, story)
    for (const c of f.causes) if (c.score > (story.get(c.says)?.score ?? Number.NEGATIVE_INFINITY)) story.set(c.says, c)
  }
  return [...byStory.values()].map((s) => [...s.values()].sort((a, b) => b.score - a.score))
}

/** The causes of the failures, each once, with what speaks for and against it. */
function why(failures: readonly LogFailure[]): Item[] {
  const out: Item[] = []
  const said = new Set<string>()
  for (const causes of stories(failures)) {
    for (const [i, c] of causes.entries()) {
      if (said.has(c.says)) continue
      said.add(c.says)
      const more = [
        c.for.length > 0 ? `for: ${c.for.join('; ')}` : '',
        c.against.length > 0 ? `against: ${c.against.join('; ')}` : '',
        ...(causes.length > 1 ? c.decides.slice(0, 1).map((d) => `decides: ${d}`) : [])
      ]
      out.push({ text: `${i === 0 ? '' : 'or: '}${c.says}`, more: more.filter((x) => x !== '') })
    }
  }
  return out
}

function traces(failures: readonly LogFailure[]): Item[] {
  const out = new Map<string, Item>()
  for (const f of failures) {
    const t = f.trace
    if (t === null || t.frames.length === 0 || (t.dma === null && t.frames.length < 2)) continue
    const facts = [
      t.at,
      t.comm === null ? null : `task ${t.comm}`,
      t.kernel === null ? null : `Linux ${t.kernel}`,
      t.hardware
    ].filter((x) => x !== null)
    const made: Item = {
      text:
        `${t.dma ?? t.function ?? t.kind}${t.driver === null ? '' : `, above it ${t.driver}`}` +
        `${facts.length > 0 ? ` (${facts.join('; ')})` : ''}`,
      more: [`${t.frames.slice(0, 10).join(' < ')}${t.frames.length > 10 ? ' < ...' : ''}`]
    }
    out.set(JSON.stringify(made), made)
  }
  return [...out.values()]
}

const isQuiet = (e: BootExplained): boolean => e.failures.length === 0

/** Everything that is known of a boot. */
export function logSections(e: BootExplained): LogSection[] {
  const bounces = new Map<string, string[]>()
  for (const f of e.failures)
    if (f.bounces.length > 0)
      bounces.set(f.bounces.join('; or '), [
        ...(bounces.get(f.bounces.join('; or ')) ?? []),
        f.device === '' ? 'the device' : f.device
      ])
  const fixes = new Map(e.failures.flatMap((f) => f.fixes.map((x) => [x.commit, x] as const)))
  const plain = (lines: readonly string[]): Item[] => lines.map((text) => ({ text }))
  const happened = [
    ...e.failures.map((f) => `${f.text} (${plural(f.count, 'message')}${when(f)}, line ${f.line})`),
    ...(e.suppressed > 0
      ? [
          `${plural(e.suppressed, 'further message')} of the mapping functions ` +
            `${e.suppressed === 1 ? 'was' : 'were'} suppressed by rate limiting`
        ]
      : [])
  ]
  const all: LogSection[] = [
    ...(e.failures.length > 0
      ? [
          { title: 'What happened', items: plain(happened) },
          { title: 'Why', items: why(e.failures) }
        ]
      : []),
    { title: 'Which limit binds', items: plain(e.limits) },
    {
      title: 'Why it bounces at all',
      items: plain([...bounces].map(([reasons, devices]) => `${[...new Set(devices)].join(', ')}: ${reasons}`))
    },
    { title: 'What to do', items: plain(e.advice) },
    {
      title: 'Known fixes',
      items: plain([...fixes.values()].map((x) => `${x.what}: in ${x.fixed} (${x.commit}; ${x.source})`))
    },
    { title: 'Call traces', items: traces(e.failures) },
    { title: 'At boot', items: plain(e.boot) },
    {
      title: 'What the drivers say',
      items: plain(
        e.drivers
          .slice(0, 3)
          .map((s) => `line ${s.line}${s.count > 1 ? `, ${s.count} times` : ''}: ${s.text.slice(0, 200)}`)
      )
    },
    {
      title: 'Not understood',
      items: plain([
        ...e.strange.map((s) => `line ${s.line}${s.count > 1 ? `, ${s.count} times` : ''}: ${s.text.slice(0, 300)}`),
        ...(e.strangeMore > 0 ? [`and ${plural(e.strangeMore, 'other line')} with such words`] : [])
      ])
    },
    { title: 'What to record to know more', items: e.record.map((r) => ({ text: r.what, run: r.run })) },
    { title: 'Note', items: plain(e.notes) }
  ]
  return all.filter((s) => s.items.length > 0)
}

const bootText = (e: BootExplained): string[] =>
  logSections(e).flatMap((s) => ['', s.title, ...s.items.flatMap(itemText)])

/** The answer in a sentence where nothing failed; null where something did. */
export function quietText(e: LogExplanation): string | null {
  if (!isQuiet(e)) return null
  return e.understood === 0
    ? nothing(e)
    : e.strange.length > 0
      ? 'No failed mapping is understood in this log.'
      : `No failed mapping in this ${e.boots > 1 ? 'boot' : 'log'}.`
}

function nothing(e: LogExplanation): string {
  const these = e.lines === 1 ? 'this line' : `these ${e.lines} lines`
  if (e.subject > 0)
    return (
      `Nothing in ${these} is understood, but ${e.subject === 1 ? 'one of them is' : `${e.subject} of them are`} ` +
      'about DMA.'
    )
  return `Nothing in ${these} is about DMA or the boot that set it up.`
}

export function explainLogText(e: LogExplanation): string {
  const out: string[] = []
  if (e.boots > 1) out.push(`${e.boots} boots in this log; the last, lines ${e.range[0]} to ${e.range[1]}:`)
  const machine = (b: BootExplained): string[] => logMachine(b).map((t) => bullet('', printable(t)))
  const quiet = quietText(e)
  out.push(...machine(e), ...(quiet === null ? [] : [quiet]))
  out.push(...bootText(e))
  for (const [i, b] of e.earlier.entries()) {
    out.push('', `Boot ${e.boots - 1 - i} of ${e.boots}, lines ${b.range[0]} to ${b.range[1]}`, '', ...machine(b))
    if (isQuiet(b)) out.push('No failed mapping in this boot.')
    out.push(...bootText({ ...b, record: [], ...(isQuiet(b) ? { boot: [], notes: [] } : {}) }))
  }
  return `${out.join('\n').trim()}\n`
}

const explainLogJson = (
  e: LogExplanation,
  errors: readonly Diagnostic[],
  warnings: readonly Diagnostic[] = []
): string => `${JSON.stringify({ format: 1, ...e, errors, warnings }, null, 2)}\n`

export const explainLogErrors = (errors: readonly Diagnostic[]): string =>
  errors.map((d) => `${formatDiagnostic(d)}\n`).join('')

/** What `explain log` can write. */
export const explainLogFormats = { text: explainLogText, json: explainLogJson } as const satisfies Record<
  string,
  (e: LogExplanation, errors: readonly Diagnostic[], warnings: readonly Diagnostic[]) => string
>

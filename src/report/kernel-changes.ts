// What a patch, or the way from one tree to another, changed: `kernel diff`, `kernel series` and the check of a patch
// mail, as text, json, b4, mail and sarif. Only what is new, gone or different is said; beside it what was compared and
// what could not be.
import { type Diagnostic, formatDiagnostic, plural, printable, printableLine, thousands } from '../base/index.ts'
import { type CheckResult, outcome } from '../check/index.ts'
import type { Change, ChangeKind } from '../conform/kernel-changes.ts'
import { limitsLine } from './check-run.ts'
import { shortFinding } from './finding-short.ts'
import { sarif, sarifError, sarifLocation, type SarifResult } from './sarif.ts'
import { wrap, wrapCommand } from './wrap.ts'

/** Two trees compared, or why they could not be. */
export interface KernelReview {
  readonly before: string
  readonly after: string
  /** Runs made on both sides. */
  readonly compared: number
  /** Both sides are the same code: nothing had to be run. */
  readonly identical: boolean
  readonly changes: readonly Change[]
  /** A side that could not be built, booted or read: nothing is said of verdicts then. */
  readonly errors: readonly Diagnostic[]
  /** Runs with a search that hit its limit. */
  readonly undecided: number
  /** Runs that no side could make, by reason. */
  readonly skipped: ReadonlyMap<string, number>
  /** Platforms that only one side supports: what they were compared with instead, and the runs. */
  readonly introduced: ReadonlyArray<{ readonly platform: string; readonly base: string; readonly runs: number }>
  /** What the builds assume or leave out: it may touch any verdict. */
  readonly notes: readonly string[]
  /** The command that does a run of one side again. */
  readonly again: (r: Pick<CheckResult, 'file' | 'kernel' | 'platform'>, side: 'before' | 'after') => string
}

/** One patch of a series. */
export interface PatchReview {
  /** Counted from 1. */
  readonly number: number
  readonly subject: string
  /** `none`: it touches nothing that is compiled here; else what was compared. */
  readonly review: KernelReview | 'none'
}
export interface SeriesReview {
  readonly base: string
  readonly patches: readonly PatchReview[] /** Why it ends before its last patch. */
  readonly stopped: Diagnostic | null
  readonly total: number
}

type Status = 'pass' | 'warn' | 'fail'
export interface Item {
  readonly tool: 'tbit'
  readonly status: Status
  readonly summary: string
  readonly details: string
}

const WIDTH = 78
const SUMMARY = 100
const cut = (s: string): string => (s.length <= SUMMARY ? s : `${s.slice(0, SUMMARY - 3)}...`)
const listOf = (names: readonly string[], most = 4): string =>
  [...new Set(names)].slice(0, most).join(', ') +
  (new Set(names).size > most ? ` and ${new Set(names).size - most} more` : '')

const WORDS: Readonly<Record<ChangeKind, string>> = {
  new: 'new',
  different: 'different',
  verdict: 'verdict',
  fixed: 'fixed'
}

const statusOf = (c: Change): Status =>
  c.kind === 'fixed' ? 'pass' : c.kind === 'new' && c.forbidden ? 'fail' : 'warn'

/** `new: exposed in dma_direct_free: the page goes back ...`, without a line end. */
function changeTitle(c: Change): string {
  if (c.kind === 'verdict') return `verdict: ${c.decision} -> ${c.property}`
  const where = `${c.property} in ${c.site}: ${c.decision}`
  return (
    `${WORDS[c.kind]}${c.forbidden ? '' : ' (reported, not forbidden)'}: ${where}` +
    `${c.was === null ? '' : ` (was in ${c.was.site}: ${c.was.decision})`}`
  )
}

const sideOf = (c: Change): 'before' | 'after' => (c.kind === 'fixed' ? 'before' : 'after')

function changeLines(r: KernelReview, c: Change, width: number): string[] {
  const out: string[] = []
  const shown = c.runs.map((x) => (c.kind === 'fixed' ? x.before : x.after))
  const platforms = shown.map((x) => x.platform)
  const again = { again: (x: Pick<CheckResult, 'file' | 'kernel' | 'platform'>): string => r.again(x, sideOf(c)) }
  if (c.example !== null) {
    const e = c.example
    // the headline has been said already where it says no more than the title
    out.push(
      ...shortFinding(again, e.violation, [e.result], { width: width - 2, reported: !c.forbidden })
        .map((l, i) => (i === 0 ? `  ${l}` : l))
        .flatMap((l) => (l.length <= width ? [l] : wrap(l.trim(), width - 2, '  ').map((x) => `  ${x}`)))
    )
  } else {
    const first = c.runs[0]
    if (first !== undefined) out.push(...wrapCommand(r.again(first.after, 'after'), width, '  '))
  }
  out.push(
    ...wrap(
      `${plural(shown.length, 'run')}: ${listOf(shown.map((x) => x.test))} on ${listOf(platforms, 8)}`,
      width - 2,
      '  '
    ).map((l) => `  ${l}`)
  )
  return out
}

/** What was compared, and what was not. */
function coverage(r: KernelReview): string[] {
  const out: string[] = []
  if (r.identical) out.push('both sides compile to the same code: nothing had to be run')
  else
    out.push(
      `compared: ${thousands(r.compared)} runs of litmus tests on both sides, interleavings of whole calls only ` +
        '(an abstraction)'
    )
  for (const i of r.introduced)
    out.push(
      `${i.platform}: only the later side supports it: ${plural(i.runs, 'run')} compared with our model of ` +
        `${i.base}, which introduces it`
    )
  if (r.undecided > 0) out.push(`undecided: ${plural(r.undecided, 'run')} stopped at the limit of states`)
  for (const [reason, n] of r.skipped) out.push(`skipped: ${plural(n, 'run')}: ${reason}`)
  for (const n of r.notes) out.push(n)
  return out
}

const sum = (r: KernelReview): string => {
  const n = (k: ChangeKind): number => r.changes.filter((c) => c.kind === k).length
  const words = (
    [
      ['new', 'new'],
      ['different', 'different'],
      ['verdict', 'of another verdict'],
      ['fixed', 'fixed']
    ] as const
  ).flatMap(([k, w]) => (n(k) > 0 ? [`${n(k)} ${w}`] : []))
  return words.length === 0 ? 'no finding and no verdict differs' : words.join(', ')
}

function reviewText(r: KernelReview, width = 80): string {
  if (r.errors.length > 0) return ''
  const out: string[] = []
  for (const c of r.changes) out.push(...wrap(changeTitle(c), width, '  '), ...changeLines(r, c, width), '')
  out.push(
    ...wrap(`${r.before} -> ${r.after}: ${sum(r)}`, width, '  '),
    ...coverage(r).flatMap((l) => wrap(l, width - 2, '  ').map((x) => `  ${x}`)),
    limitsLine
  )
  return printable(`${out.join('\n')}\n`)
}

/** What could not be done, as one item that fails: an empty list would say that there is nothing to say. */
export function errorItems(errors: readonly Diagnostic[], lead = ''): Item[] {
  const first = errors[0]
  if (first === undefined) return []
  return [
    {
      tool: 'tbit',
      status: 'fail',
      summary: cut(
        printableLine(`${lead}${first.code} ${first.file}${first.line > 0 ? `:${first.line}` : ''}: ${first.message}`)
      ),
      details: errors.map((d) => formatDiagnostic(d)).join('\n')
    }
  ]
}

function reviewItems(r: KernelReview, lead = ''): Item[] {
  if (r.errors.length > 0) return errorItems(r.errors, lead)
  // what the answer depends on stands with each item: a reader of one has not read the others
  const tail = [...coverage(r).slice(1), limitsLine]
  return r.changes.map((c) => ({
    tool: 'tbit',
    status: statusOf(c),
    summary: cut(printableLine(`${lead}${changeTitle(c)}`)),
    details: printable(
      [
        ...wrap(changeTitle(c), WIDTH, '  '),
        ...changeLines(r, c, WIDTH),
        '',
        ...tail.flatMap((l) => wrap(l, WIDTH, '  '))
      ].join('\n')
    )
  }))
}

export const itemsJson = (items: readonly Item[]): string =>
  items.length === 0 ? '[]\n' : `${JSON.stringify(items, null, 1)}\n`

const changeJson =
  (r: KernelReview) =>
  (c: Change): object => ({
    kind: c.kind,
    property: c.property,
    site: c.site,
    decision: c.decision,
    was: c.was,
    forbidden: c.forbidden,
    status: statusOf(c),
    ...(c.example === null
      ? {}
      : {
          id: c.example.violation.id,
          summary: c.example.violation.summary,
          trace: c.example.violation.trace.map((s) => ({ thread: s.name, text: s.text })),
          run: r.again(c.example.result, sideOf(c))
        }),
    runs: c.runs.map((x) => ({
      file: x.after.file,
      test: x.after.test,
      platform: x.after.platform,
      before: outcome(x.before),
      after: outcome(x.after)
    }))
  })

function reviewValue(r: KernelReview): object {
  return {
    before: r.before,
    after: r.after,
    compared: r.compared,
    identical: r.identical,
    changes: r.changes.map(changeJson(r)),
    undecided: r.undecided,
    skipped: Object.fromEntries(r.skipped),
    introduced: r.introduced,
    notes: r.notes,
    errors: r.errors
  }
}

/** What one pastes into a reply: nothing where nothing is to be said. */
function reviewMail(r: KernelReview, lead = ''): string {
  if (r.errors.length > 0)
    return `${wrap(`${lead}this could not be compared:`, WIDTH).join('\n')}\n\n${r.errors
      .map((d) =>
        formatDiagnostic(d)
          .split('\n')
          .flatMap((l) => wrap(l, WIDTH - 2, '  ').map((x) => `  ${x}`))
          .join('\n')
      )
      .join('\n')}\n`
  if (r.changes.length === 0) return ''
  const out = [...wrap(`${lead}what changes between ${r.before} and ${r.after}: ${sum(r)}`, WIDTH), '']
  for (const c of r.changes) out.push(...wrap(changeTitle(c), WIDTH, '  '), ...changeLines(r, c, WIDTH), '')
  out.push(...coverage(r).flatMap((l) => wrap(`(${l})`, WIDTH, ' ')), `(${limitsLine})`)
  return printable(`${out.join('\n')}\n`)
}

// --- SARIF 2.1.0
// -------------------------------------------------------------------------------------------------------------

const LEVEL: Readonly<Record<Status, SarifResult['level']>> = { fail: 'error', warn: 'warning', pass: 'note' }

export const errorsSarif = (errors: readonly Diagnostic[]): string => sarif(errors.map((d) => sarifError(d)))

function sarifResults(r: KernelReview, lead: string): SarifResult[] {
  if (r.errors.length > 0) return r.errors.map((d) => sarifError(d, lead))
  return r.changes.map((c) => ({
    ruleId: c.kind === 'verdict' ? 'verdict' : c.property,
    level: LEVEL[statusOf(c)],
    message: { text: `${lead}${changeTitle(c)}${c.example === null ? '' : `: ${c.example.violation.summary}`}` },
    locations: [sarifLocation((c.example?.result ?? c.runs[0]?.after)?.file ?? '', 0)],
    baselineState: c.kind === 'fixed' ? 'absent' : c.kind === 'new' ? 'new' : 'updated',
    ...(c.example === null ? {} : { partialFingerprints: { 'tbit/1': c.example.violation.id } })
  }))
}

// --- the formats
// ---------------------------------------------------------------------------------------------------------------

export const reviewFormats = {
  text: (r: KernelReview, look: { width: number }): string => reviewText(r, look.width),
  json: (r: KernelReview): string => `${JSON.stringify({ format: 1, ...reviewValue(r) }, null, 1)}\n`,
  b4: (r: KernelReview): string => itemsJson(reviewItems(r)),
  mail: (r: KernelReview): string => reviewMail(r),
  sarif: (r: KernelReview): string => sarif(sarifResults(r, ''))
} as const
export type ReviewFormatName = keyof typeof reviewFormats

const numbered = (s: SeriesReview, p: PatchReview): string => `${p.number}/${s.total} ${p.subject}`

function patchState(p: PatchReview): string {
  const r = p.review
  if (r === 'none') return 'touches nothing that is compiled here'
  if (r.errors.length > 0) return `cannot be compared: ${(r.errors[0] as Diagnostic).code}`
  return r.identical ? 'the same code' : sum(r)
}

function seriesText(s: SeriesReview, width: number): string {
  const out: string[] = []
  for (const p of s.patches) {
    out.push(...wrap(`${numbered(s, p)}: ${patchState(p)}`, width, '    '))
    const r = p.review
    if (r === 'none') continue
    for (const c of r.changes)
      out.push(
        ...wrap(changeTitle(c), width - 2, '  ').map((l) => `  ${l}`),
        ...changeLines(r, c, width - 2).map((l) => `  ${l}`)
      )
    for (const e of r.errors)
      out.push(
        ...formatDiagnostic(e)
          .split('\n')
          .flatMap((l) => wrap(l, width - 2, '  ').map((x) => `  ${x}`))
      )
  }
  const changing = s.patches.filter((p) => p.review !== 'none' && p.review.changes.length > 0).length
  const failing = s.patches.filter((p) => p.review !== 'none' && p.review.errors.length > 0).length
  out.push(
    '',
    `${plural(s.total, 'patch', 'patches')} on ${s.base}: ${changing} of ${s.patches.length} compared change a ` +
      `verdict${failing > 0 ? `, ${failing} cannot be built` : ''}`
  )
  const last = s.patches
    .map((p) => p.review)
    .filter((r): r is KernelReview => r !== 'none' && !r.identical && r.errors.length === 0)
    .at(-1)
  if (last !== undefined) out.push(...coverage(last).flatMap((l) => wrap(l, width - 2, '  ').map((x) => `  ${x}`)))
  out.push(limitsLine)
  return printable(`${out.join('\n')}\n`)
}

const each = <T>(s: SeriesReview, f: (r: KernelReview, lead: string) => T[]): T[] =>
  s.patches.flatMap((p) => (p.review === 'none' ? [] : f(p.review, `${p.number}/${s.total}: `)))

export const seriesFormats = {
  text: (s: SeriesReview, look: { width: number }): string => seriesText(s, look.width),
  json: (s: SeriesReview): string =>
    JSON.stringify(
      {
        format: 1,
        base: s.base,
        total: s.total,
        patches: s.patches.map((p) => ({
          number: p.number,
          subject: p.subject,
          state: patchState(p),
          ...(p.review === 'none' ? {} : reviewValue(p.review))
        })),
        errors: s.stopped === null ? [] : [s.stopped]
      },
      null,
      1
    ) + '\n',
  b4: (s: SeriesReview): string =>
    itemsJson([...each(s, reviewItems), ...(s.stopped === null ? [] : errorItems([s.stopped]))]),
  mail: (s: SeriesReview): string =>
    s.patches
      .flatMap((p) =>
        p.review === 'none' ? [] : [reviewMail(p.review, `${p.number}/${s.total} ${printableLine(p.subject)}: `)]
      )
      .filter((t) => t !== '')
      .join(`\n${'-'.repeat(WIDTH)}\n\n`),
  sarif: (s: SeriesReview): string => sarif(each(s, sarifResults))
} as const

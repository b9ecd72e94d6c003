// A finding as a picture: the three or four things that decide as chips, then a logic analyser: a row a thread with its statements and
// steps, and below it a track for each thing that has a state: the flag, the TDI, the page, the handle. Blue is private or accepted, orange
// shared or not, and every colour has its word. No script, no style sheet of its own to load: it can stand in a page or a mail.
import { own } from '../base/index.ts'
import type { Ingredient, TraceStep, Violation, Why } from '../check/index.ts'
import { whyOf } from '../check/index.ts'
import { operationOf } from '../check/why.ts'
import { pageWords, type PageClass } from '../machine/index.ts'
import { type Shown, shownSteps } from './check-trace.ts'

export interface Theme {
  readonly ink: string; readonly soft: string; readonly ground: string; readonly line: string; readonly card: string
  /** Private or accepted; shared or not accepted; what went wrong. Each as text and as surface. */
  readonly priv: string; readonly privCard: string; readonly shr: string; readonly shrCard: string; readonly bad: string; readonly badCard: string; readonly onBad: string
}

export const themes = {
  light: { ink: '#16191d', soft: '#565e6b', ground: '#ffffff', line: '#d4d9e1', card: '#f1f3f6', priv: '#0a4f96', privCard: '#d3e6fa', shr: '#8f3d00', shrCard: '#ffdcba', bad: '#b3151f', badCard: '#ffdfe0', onBad: '#ffffff' },
  dark: { ink: '#e9ebef', soft: '#a9b1be', ground: '#0d1117', line: '#373d48', card: '#1d2128', priv: '#9bcaff', privCard: '#123a63', shr: '#ffc08c', shrCard: '#5e300a', bad: '#ff7f86', badCard: '#4f1519', onBad: '#1a0305' }
} as const satisfies Record<string, Theme>

type Kind = 'priv' | 'shr' | 'none' | 'bad'
interface Chip { readonly head: string; readonly below: string; readonly kind: Kind }
interface Track { readonly name: string; readonly values: ReadonlyArray<string | null>; readonly word: (value: string) => readonly [string, Kind] }

const WIDTH = 880
const LEFT = 128
const RIGHT = 12
const ROW = 28
/** Width of a letter at 12 px, near enough to cut a text that does not fit. */
const LETTER = 7.2

export function findingSvg(v: Violation, of: { readonly test: string; readonly kernel: string; readonly platform: string }, theme: Theme): string {
  const steps = columnsOf(v)
  const why = whyOf(v, of.platform)
  const d = new Drawing(theme)
  d.text(0, 20, why.headline, 17, { weight: 700 })
  d.text(0, 38, `${of.kernel} on ${of.platform}: ${of.test}`, 12, { fill: theme.soft })
  let y = chips(d, chipsOf(v, why), 54)
  y = timeline(d, v, steps, tracksOf(v, steps), y + 18)
  return d.svg(y + 10, `${v.property}: ${why.headline}`)
}

// ---- what is drawn ---------------------------------------------------------------------------------------------------

const FLAG_READ = /^\S+\.(?:accepted|tdi_enabled) is (set|clear)$/

/** The steps worth a column: those of the table, and every read of the flag. */
function columnsOf(v: Violation): Shown[] {
  const all = shownSteps(v, true).shown.filter((s) => s.step.statement !== 'boot')
  const listed = new Set(shownSteps(v).shown.map((s) => s.number))
  return all.filter((s) => listed.has(s.number) && (FLAG_READ.test(s.step.text) || s.step.changed.some((c) => !c.what.endsWith('.tsm')) || s.number === v.initSteps.length + v.trace.length))
}

function chipsOf(v: Violation, why: Why): Chip[] {
  const result: Chip = { head: v.property, below: v.decision, kind: 'bad' }
  const a = why.access
  if (a !== null) {
    return [
      { head: `T=${a.t}`, below: `${a.device} ${a.verb}`, kind: a.t === 1 ? 'priv' : 'shr' },
      ...(a.alias === null ? [] : [{ head: `${a.alias === 'P' ? 'private' : 'shared'} alias`, below: a.address, kind: a.alias === 'P' ? 'priv' as const : 'shr' as const }]),
      { head: `${pageWords[a.page]} page`, below: 'what the address leads to', kind: a.page === 'priv' ? 'priv' : 'shr' }, result
    ]
  }
  const unit = why.ingredients.find((i) => i.kind === 'unit')
  if (unit !== undefined) {
    const between = why.ingredients.filter((i) => i.kind === 'flag' && i.step > unit.step)
    return [unit, ...between].map((i): Chip => ({ head: i.kind === 'unit' ? 'read' : 'written', below: i.text, kind: 'none' })).concat(result)
  }
  // The last answer to each question, in the order in which they were given.
  const last = (kind: Ingredient['kind']): Ingredient[] => why.ingredients.filter((i, n, all) => i.kind === kind && !all.slice(n + 1).some((x) => x.kind === kind && x.what === i.what))
  const reads = why.ingredients.filter((i) => i.kind === 'read')
  return [
    ...reads.slice(0, 1).concat(reads.slice(1).filter((i) => i.value !== reads[0]?.value).slice(0, 1)).map((i): Chip => ({ head: i.value === 'set' ? 'accepted' : 'not accepted', below: i.text.split(':')[0] ?? '', kind: i.value === 'set' ? 'priv' : 'shr' })),
    ...last('protection').slice(0, 2).map((i): Chip => ({ head: `${pageWords[i.value as PageClass] ?? i.value} page`, below: i.what, kind: i.value === 'priv' ? 'priv' : 'shr' })), result
  ]
}

const flagWord: Track['word'] = (x) => (x === '1' ? ['1: accepted', 'priv'] : ['0: not accepted', 'shr'])
const TDI: Record<string, string> = { run: 'RUN: sends T=1', locked: 'LOCKED: sends nothing', unlocked: 'UNLOCKED: sends T=0', error: 'ERROR: sends nothing' }

/** What has a state: its value in each column, null where nothing is known yet. */
function tracksOf(v: Violation, columns: readonly Shown[]): Track[] {
  const steps = [...v.initSteps, ...v.trace]
  const out: Track[] = []
  const track = (name: string, changes: ReadonlyArray<{ readonly step: number; readonly before: string | null; readonly after: string }>, word: Track['word']): void => {
    if (changes.length === 0) return
    const at = (n: number): string | null => changes.findLast((c) => c.step <= n)?.after ?? changes[0]?.before ?? null
    out.push({ name, values: columns.map((c) => at(c.number)), word })
  }
  const changesOf = (pick: (c: TraceStep['changed'][number]) => boolean, value: (text: string) => string = (t) => t): Array<{ step: number; before: string; after: string }> =>
    steps.flatMap((s, i) => (s.statement === 'boot' ? [] : s.changed.filter(pick).map((c) => ({ step: i + 1, before: value(c.before), after: value(c.after) })))).filter((c) => c.before !== c.after)
  const names = (pattern: RegExp): string[] => [...new Set(steps.flatMap((s) => (s.statement === 'boot' ? [] : s.changed.map((c) => c.what))).filter((w) => pattern.test(w)))]
  for (const what of names(/\.accepted$/)) track(what, changesOf((c) => c.what === what), flagWord)
  for (const what of names(/\.bits$/)) {
    const owner = what.slice(0, -'bits'.length)
    const bits = new Set(steps.flatMap((s) => s.changed.filter((c) => c.what === what).flatMap((c) => [...c.before.split('+'), ...c.after.split('+')])))
    for (const bit of bits) {
      const changes = changesOf((c) => c.what === what, (t) => (t.split('+').includes(bit) ? '1' : '0'))
      track(`${owner}${bit}`, changes, bit === 'tdi_enabled' ? flagWord : (x) => [x === '1' ? '1: set' : '0: clear', 'none'])
    }
  }
  for (const what of names(/\.tdi$/)) track(what, changesOf((c) => c.what === what), (x) => [own(TDI, x) ?? x, x === 'run' ? 'priv' : 'none'])
  for (const what of names(/^pages? 0x/)) track(what, changesOf((c) => c.what === what, (t) => t.split(', ')[0] ?? t), (x) => [x === 'shr' ? 'shared: the host reaches it' : (pageWords[x as PageClass] ?? x), x === 'priv' ? 'priv' : 'shr'])
  for (const what of names(/^owner of /)) track(what.replace('owner of page', 'owner'), changesOf((c) => c.what === what), (x) => [x === 'free' ? 'page allocator' : x, 'none'])
  for (const [i, s] of steps.entries()) for (const y of s.yields ?? []) {
    const [, name, value] = /^(\w+) = (0x[0-9a-f]+)/.exec(y) ?? []
    if (name !== undefined && value !== undefined && /\bdma_/.test(s.statement)) track(name, [{ step: i + 1, before: null, after: value }], (x) => [x, 'none'])
  }
  return out
}

// ---- drawing ---------------------------------------------------------------------------------------------------------

const esc = (t: string): string => t.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
const px = (n: number): string => String(Math.round(n * 10) / 10)

class Drawing {
  readonly parts: string[] = []
  constructor(readonly theme: Theme) {}
  text(x: number, y: number, t: string, size: number, o: { readonly fill?: string; readonly weight?: number; readonly anchor?: 'middle'; readonly mono?: boolean } = {}): void {
    this.parts.push(`<text x="${px(x)}" y="${px(y)}" font-size="${size}" fill="${o.fill ?? this.theme.ink}"${o.weight ? ` font-weight="${o.weight}"` : ''}${o.anchor ? ` text-anchor="${o.anchor}"` : ''}${o.mono ? ' font-family="ui-monospace, monospace"' : ''}>${esc(t)}</text>`)
  }
  rect(x: number, y: number, w: number, h: number, fill: string, more = ''): void { this.parts.push(`<rect x="${px(x)}" y="${px(y)}" width="${px(w)}" height="${px(h)}" fill="${fill}"${more}/>`) }
  path(d: string, stroke: string, width: number, more = ''): void { this.parts.push(`<path d="${d}" stroke="${stroke}" stroke-width="${width}" fill="none"${more}/>`) }
  surface(kind: Kind): string { return { priv: this.theme.privCard, shr: this.theme.shrCard, none: this.theme.card, bad: this.theme.bad }[kind] }
  letter(kind: Kind): string { return { priv: this.theme.priv, shr: this.theme.shr, none: this.theme.soft, bad: this.theme.onBad }[kind] }
  svg(height: number, label: string): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -6 ${WIDTH + 24} ${Math.ceil(height) + 12}" width="${WIDTH + 24}" height="${Math.ceil(height) + 12}" role="img" aria-label="${esc(label)}" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif">`,
      `<title>${esc(label)}</title>`, `<rect x="-12" y="-6" width="${WIDTH + 24}" height="${Math.ceil(height) + 12}" fill="${this.theme.ground}"/>`, ...this.parts, '</svg>'
    ].join('\n').concat('\n')
  }
}

/** A text cut to a width; nothing when not even its beginning fits. */
const clip = (t: string, width: number): string => (t.length * LETTER <= width ? t : width < 4 * LETTER ? '' : `${t.slice(0, Math.floor(width / LETTER) - 1)}…`)

function chips(d: Drawing, list: readonly Chip[], y: number): number {
  let x = 0
  for (const [i, c] of list.entries()) {
    if (i > 0) {
      d.text(x + 13, y + 27, i === list.length - 1 ? '=' : '→', 17, { fill: d.theme.soft, anchor: 'middle' })
      x += 26
    }
    const width = Math.max(c.head.length * 9, c.below.length * 7) + 22
    d.rect(x, y, width, 44, d.surface(c.kind), ' rx="8"')
    d.text(x + 11, y + 18, c.head, 14, { fill: d.letter(c.kind), weight: 700 })
    d.text(x + 11, y + 35, c.below, 12, { fill: c.kind === 'bad' ? d.theme.onBad : d.theme.ink })
    x += width
  }
  return y + 44
}

function timeline(d: Drawing, v: Violation, steps: readonly Shown[], tracks: readonly Track[], top: number): number {
  const dx = (WIDTH - LEFT - RIGHT) / Math.max(1, steps.length)
  const X = (i: number): number => LEFT + i * dx
  const end = steps.length - 1
  // The finding's own column lies behind everything: its height is known at the end.
  const behind = d.parts.length
  let y = top
  d.text(0, y + 11, 'step', 11, { fill: d.theme.soft })
  steps.forEach((s, i) => { d.text(X(i) + dx / 2, y + 11, String(s.number), 11, { fill: i === end ? d.theme.ink : d.theme.soft, anchor: 'middle', ...(i === end ? { weight: 700 } : {}) }) })
  y += 18
  const pins: Array<{ x: number; y: number; kind: Kind; flag: string }> = []
  for (const thread of threadsOf(v, steps)) {
    d.text(0, y + 15, thread.name, 13, { weight: 650 })
    for (const span of spans(steps, thread.is)) {
      const x = X(span.from) + 2
      const width = (span.to - span.from + 1) * dx - 4
      d.rect(x, y, width, 20, d.theme.card, ` rx="4" stroke="${d.theme.line}"`)
      d.text(x + 6, y + 14, clip(span.text, width - 8), 11, { mono: true })
    }
    for (const [i, s] of steps.entries()) {
      if (!thread.is(s)) continue
      const [x, at] = [X(i) + dx / 2, y + 33]
      const read = FLAG_READ.exec(s.step.text)?.[1]
      if (read !== undefined) pins.push({ x, y: at, kind: read === 'set' ? 'priv' : 'shr', flag: s.step.text.split(' ')[0] as string })
      else if (i !== end) d.rect(x - 5, at - 5, 10, 10, d.theme.ink)
      if (i === end) d.path(`M${px(x - 6)} ${px(at - 6)}l12 12m0-12l-12 12`, d.theme.bad, 4, ' stroke-linecap="round"')
    }
    y += 50
  }
  for (const t of tracks) {
    d.text(0, y + 16, clip(t.name, LEFT - 6), 12)
    for (const r of runs(t.values)) {
      const x0 = r.from === 0 ? LEFT : X(r.from) + dx / 2
      const x1 = r.to === end ? WIDTH - RIGHT : X(r.to + 1) + dx / 2
      if (r.value !== null) {
        const [text, kind] = t.word(r.value)
        d.rect(x0, y + 2, x1 - x0 - 1, ROW - 7, d.surface(kind))
        d.text(x0 + 6, y + 16, clip(text, x1 - x0 - 10), 12, { fill: d.letter(kind), weight: 600 })
      }
      if (r.from > 0) d.path(`M${px(x0)} ${px(y)}v${ROW - 3}`, d.theme.ink, 2)
    }
    // A read of the flag is tied to the flag's own track: where its answer came from is seen at once.
    for (const p of pins.filter((q) => q.flag === t.name)) d.path(`M${px(p.x)} ${px(p.y + 9)}V${px(y + 2)}`, d.letter(p.kind), 1.5, ' stroke-dasharray="3 3"')
    y += ROW
  }
  for (const p of pins) {
    d.parts.push(`<circle cx="${px(p.x)}" cy="${px(p.y)}" r="9" fill="${d.surface(p.kind)}" stroke="${d.letter(p.kind)}" stroke-width="2.4"/>`)
    d.text(p.x, p.y + 4, p.kind === 'priv' ? '1' : '0', 12, { fill: d.letter(p.kind), weight: 800, anchor: 'middle' })
  }
  d.parts.splice(behind, 0, `<rect x="${px(X(end))}" y="${px(top - 2)}" width="${px(dx)}" height="${px(y - top + 4)}" fill="${d.theme.badCard}" opacity="0.65"/>`)
  y += 16
  d.text(0, y, 'a circle is a read of the flag and its answer, a square a write, the cross the violation', 11, { fill: d.theme.soft })
  return y
}

interface ThreadRow { readonly name: string; readonly is: (s: Shown) => boolean }

function threadsOf(v: Violation, steps: readonly Shown[]): ThreadRow[] {
  const inInit = (s: Shown): boolean => s.number <= v.initSteps.length
  const threads = [...new Map(v.trace.map((s) => [s.thread, s.name])).entries()].sort((a, b) => a[0] - b[0])
  return [...(steps.some(inInit) ? [{ name: 'init', is: inInit }] : []), ...threads.map(([t, name]) => ({ name, is: (s: Shown) => !inInit(s) && s.step.thread === t }))].filter((row) => steps.some(row.is))
}

/** Columns of one statement of a thread: it stands over all of them, whoever ran in between. */
function spans(steps: readonly Shown[], is: (s: Shown) => boolean): Array<{ from: number; to: number; text: string }> {
  const out: Array<{ from: number; to: number; text: string; line: string }> = []
  for (const [i, s] of steps.entries()) {
    if (!is(s)) continue
    const last = out.at(-1)
    const line = `${s.step.place?.line ?? ''}:${s.step.statement}`
    if (last?.line === line) last.to = i
    else out.push({ from: i, to: i, text: s.step.statement, line })
  }
  return out.map(({ from, to, text }) => ({ from, to, text: (to - from) < 2 ? operationOf(text) : text }))
}

function runs(values: ReadonlyArray<string | null>): Array<{ from: number; to: number; value: string | null }> {
  const out: Array<{ from: number; to: number; value: string | null }> = []
  for (const [i, value] of values.entries()) {
    const last = out.at(-1)
    if (last !== undefined && last.value === value) last.to = i
    else out.push({ from: i, to: i, value })
  }
  return out
}

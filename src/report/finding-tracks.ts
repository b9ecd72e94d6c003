// A finding as a logic analyser shows it, before anything is drawn: the things that decide (chips), the steps worth a
// column, a row a thread, and a track for each thing that has a state: the flag, the TDI, a page's protection, mapping,
// owner and content, the handle. Pictures, pages and the player draw the same.
import { hex } from '../base/index.ts'
import type { Frame, FrameHandle, FramePage, Ingredient, Violation, Why } from '../check/index.ts'
import { operationOf } from '../check/why.ts'
import { type PageClass, pageWords } from '../machine/index.ts'
import { type Shown, shownSteps } from './check-trace.ts'

/** Private or accepted; shared or not accepted; neither; lost or invalid; what went wrong. */
export type Kind = 'priv' | 'shr' | 'none' | 'inv' | 'bad'
export interface Chip {
  readonly head: string
  readonly below: string
  readonly kind: Kind
}
export interface Track {
  readonly group: string
  readonly name: string
  /** The device whose accepted flag it is. */
  readonly flagOf?: string
  /** In each column what stands there, and its kind; null where nothing is known yet. */
  readonly values: ReadonlyArray<readonly [string, Kind] | null>
}
export interface ThreadRow {
  readonly name: string
  readonly is: (s: Shown) => boolean
}

/** A read of an accepted flag: whose, and the answer. */
export function flagRead(s: Shown): { readonly device: string; readonly set: boolean } | null {
  const [, device, answer] = /^(\S+)\.(?:accepted|tdi_enabled) is (set|clear)$/.exec(s.step.text) ?? []
  return device === undefined ? null : { device, set: answer === 'set' }
}

/** The steps worth a column: those of the table, and every read of the flag. */
export function columnsOf(v: Violation): Shown[] {
  const all = shownSteps(v, true).shown.filter((s) => s.step.statement !== 'boot')
  const listed = new Set(shownSteps(v).shown.map((s) => s.number))
  const last = v.initSteps.length + v.trace.length
  return all.filter(
    (s) =>
      flagRead(s) !== null ||
      s.number === last ||
      (listed.has(s.number) && s.step.changed.some((c) => !c.what.endsWith('.tsm')))
  )
}

export function threadRows(v: Violation, columns: readonly Shown[]): ThreadRow[] {
  const inInit = (s: Shown): boolean => s.number <= v.initSteps.length
  const threads = [...new Map(v.trace.map((s) => [s.thread, s.name])).entries()].sort((a, b) => a[0] - b[0])
  return [
    ...(columns.some(inInit) ? [{ name: 'init', is: inInit }] : []),
    ...threads.map(([t, name]) => ({ name, is: (s: Shown) => !inInit(s) && s.step.thread === t }))
  ].filter((row) => columns.some(row.is))
}

/** Columns of one statement of a thread: it stands over all of them, whoever ran in between. */
export function spans(
  columns: readonly Shown[],
  is: (s: Shown) => boolean
): Array<{ from: number; to: number; text: string }> {
  const out: Array<{ from: number; to: number; text: string; line: string }> = []
  for (const [i, s] of columns.entries()) {
    if (!is(s)) continue
    const last = out.at(-1)
    const line = `${s.step.place?.line ?? ''}:${s.step.statement}`
    if (last?.line === line) last.to = i
    else out.push({ from: i, to: i, text: s.step.statement, line })
  }
  return out.map(({ from, to, text }) => ({ from, to, text: to - from < 2 ? operationOf(text) : text }))
}

// ---- chips
// -----------------------------------------------------------------------------------------------------------

const kindOfPage = (page: string): Kind => (page === 'priv' ? 'priv' : 'shr')

/** The story in three or four: what decided, in order, then what came of it. */
export function chipsOf(v: Violation, why: Why): Chip[] {
  const result: Chip = { head: v.property, below: v.decision, kind: 'bad' }
  const a = why.access
  if (a !== null) {
    return [
      { head: `T=${a.t}`, below: `${a.device} ${a.verb}`, kind: a.t === 1 ? 'priv' : 'shr' },
      ...(a.alias === null
        ? []
        : [
            {
              head: `${a.alias === 'P' ? 'private' : 'shared'} alias`,
              below: a.address,
              kind: a.alias === 'P' ? ('priv' as const) : ('shr' as const)
            }
          ]),
      { head: `${pageWords[a.page]} page`, below: 'what the address leads to', kind: kindOfPage(a.page) },
      result
    ]
  }
  const chips = v.property === 'lost_update' ? writers(why) : v.property === 'deadlock' ? waiters(v) : answers(why)
  return [...(chips.length > 0 ? chips : strongest(why)), result]
}

/** Of a lost update: who read the unit, and who wrote it meanwhile. */
function writers(why: Why): Chip[] {
  const unit = why.ingredients.find((i) => i.kind === 'unit')
  if (unit === undefined) return []
  return [unit, ...why.ingredients.filter((i) => i.kind === 'flag' && i.step > unit.step)].map((i) => ({
    head: i.kind === 'unit' ? 'read' : 'written',
    below: i.text,
    kind: 'none'
  }))
}

/** Of a deadlock: who waits, and where. */
const waiters = (v: Violation): Chip[] =>
  v.decision
    .split(' / ')
    .slice(0, 3)
    .map((at) => ({ head: 'waits', below: at, kind: 'none' }))

/** The first answer about the flag and the first that is another; what became of the pages. */
function answers(why: Why): Chip[] {
  const last = (kind: Ingredient['kind']): Ingredient[] =>
    why.ingredients.filter(
      (i, n, all) => i.kind === kind && !all.slice(n + 1).some((x) => x.kind === kind && x.what === i.what)
    )
  const reads = why.ingredients.filter((i) => i.kind === 'read')
  const two = reads.slice(0, 1).concat(
    reads
      .slice(1)
      .filter((i) => i.value !== reads[0]?.value)
      .slice(0, 1)
  )
  return [
    ...two.map(
      (i): Chip => ({
        head: i.value === 'set' ? 'accepted' : 'not accepted',
        below: i.text.split(':')[0] ?? '',
        kind: i.value === 'set' ? 'priv' : 'shr'
      })
    ),
    ...last('protection')
      .slice(0, 2)
      .map(
        (i): Chip => ({
          head: `${pageWords[i.value as PageClass] ?? i.value} page`,
          below: i.what,
          kind: kindOfPage(i.value)
        })
      ),
    ...last('owner')
      .slice(0, 1)
      .map(
        (i): Chip => ({
          head: i.value === 'free' ? 'freed' : 'lost',
          below: i.what.replace('owner of ', ''),
          kind: 'none'
        })
      )
  ]
}

/** Whatever weighs most. */
const strongest = (why: Why): Chip[] =>
  [...why.ingredients]
    .sort((a, b) => b.weight - a.weight)
    .slice(0, 2)
    .sort((a, b) => a.step - b.step)
    .map((i) => ({ head: i.kind === 'choice' ? 'fails' : i.kind, below: i.text, kind: 'none' }))

// ---- tracks
// ----------------------------------------------------------------------------------------------------------

const TDI_SENDS = { 0: 'sends T=0', 1: 'sends T=1', none: 'sends nothing' } as const

/** What a page is called: `page 0x100`, `pages 0x100..0x103`. */
const pageName = (p: FramePage): string =>
  p.pages === 1 ? `page ${hex(p.pfn)}` : `pages ${hex(p.pfn)}..${hex(p.pfn + p.pages - 1)}`

const protectionWord = (p: PageClass): string => (p === 'shr' ? 'shared: the host reaches it' : pageWords[p])

/** The words in a page, whose they are in brackets. */
const contentText = (p: FramePage): string =>
  [...new Set(p.content.map((c) => (c.meant === 'plain' ? c.word : `${c.word} (${c.meant})`)))].join(' | ')

const handleText = (h: FrameHandle): string =>
  `${hex(h.handle ?? h.phys)}${h.alias === null ? (h.handle === null ? '' : ' IOVA') : ` ${h.alias} alias`}` +
  `${h.bounce === null ? '' : ', bounced'}`

/**
 * What has a state, over the columns. What never changes is left out, but for flag, TDI, protection and handle. @throws
 * Error for a finding without frames
 */
export function tracksOf(v: Violation, columns: readonly Shown[]): Track[] {
  const frames = columns.map((c) => {
    const f = v.frames?.[c.number - 1]
    if (f === undefined) throw new Error(`${v.id} has no frames`)
    return f
  })
  const first = frames[0]
  if (first === undefined) return []
  const track = (
    group: string,
    name: string,
    value: (f: Frame) => readonly [string, Kind] | null,
    o: { readonly always?: boolean; readonly flagOf?: string } = {}
  ): Track[] => {
    const values = frames.map(value)
    const changes = new Set(values.map((x) => x?.[0] ?? '')).size > 1
    return o.always === true || changes
      ? [{ group, name, values, ...(o.flagOf === undefined ? {} : { flagOf: o.flagOf }) }]
      : []
  }
  return [
    ...first.devices.flatMap((d, i) => deviceTracks(frames, d.name, i, track)),
    ...first.pages.flatMap((p, i) => pageTracks(p, i, track)),
    ...handleTracks(frames, track),
    ...first.pools.flatMap((p, i) => track('pool', p.name, (f) => [f.pools[i]?.used ?? '', 'none']))
  ]
}

type MakeTrack = (
  group: string,
  name: string,
  value: (f: Frame) => readonly [string, Kind] | null,
  o?: { readonly always?: boolean; readonly flagOf?: string }
) => Track[]

function deviceTracks(frames: readonly Frame[], name: string, i: number, track: MakeTrack): Track[] {
  const device = (f: Frame): Frame['devices'][number] => f.devices[i] as Frame['devices'][number]
  const bits = new Set(frames.flatMap((f) => device(f).bits.split('+')))
  // Where the flag has its place among others' bits its own track says it already.
  bits.delete('tdi_enabled')
  bits.delete('none')
  return [
    ...track(
      'the kernel believes',
      `${name}.accepted`,
      (f) => (device(f).accepted ? ['1: accepted', 'priv'] : ['0: not accepted', 'shr']),
      { always: true, flagOf: name }
    ),
    ...[...bits].flatMap((bit) =>
      track('the kernel believes', `${name}.${bit}`, (f) => [
        device(f).bits.split('+').includes(bit) ? '1: set' : '0: clear',
        'none'
      ])
    ),
    ...track(
      'device and firmware',
      `${name} TDI`,
      (f) => [
        `${device(f).tdi.toUpperCase()}: ${TDI_SENDS[device(f).sends ?? 'none']}`,
        device(f).sends === 1 ? 'priv' : 'none'
      ],
      { always: true }
    )
  ]
}

function pageTracks(p: FramePage, i: number, track: MakeTrack): Track[] {
  const page = (f: Frame): FramePage => f.pages[i] as FramePage
  const group = pageName(p)
  return [
    ...track(group, 'protection', (f) => [protectionWord(page(f).protection), kindOfPage(page(f).protection)], {
      always: true
    }),
    ...track(group, 'guest mapping', (f) => [
      page(f).mapped,
      page(f).mapped === 'private' ? 'priv' : page(f).mapped === 'shared' ? 'shr' : 'inv'
    ]),
    ...track(group, 'owner', (f) => [page(f).owner === 'free' ? 'page allocator' : page(f).owner, 'none']),
    ...track(group, 'content', (f) => [contentText(page(f)), /^lost$/.test(contentText(page(f))) ? 'inv' : 'none'])
  ]
}

function handleTracks(frames: readonly Frame[], track: MakeTrack): Track[] {
  const names = [
    ...new Set(frames.flatMap((f) => f.handles.filter((h) => h.handle !== null).map((h) => `${h.thread}/${h.name}`)))
  ]
  return names.flatMap((key) => {
    const of = (f: Frame): FrameHandle | undefined =>
      f.handles.find((h) => h.handle !== null && `${h.thread}/${h.name}` === key)
    return track(
      'handle',
      key.slice(key.indexOf('/') + 1),
      (f) => {
        const h = of(f)
        return h === undefined
          ? null
          : [handleText(h), h.alias === null ? 'none' : h.alias === 'private' ? 'priv' : 'shr']
      },
      { always: true }
    )
  })
}

export interface Stretch {
  readonly from: number
  readonly to: number
  readonly value: readonly [string, Kind] | null
}

/** Neighbouring columns with the same value. */
export function stretches(values: Track['values']): Stretch[] {
  const out: Array<{ from: number; to: number; value: readonly [string, Kind] | null }> = []
  for (const [i, value] of values.entries()) {
    const last = out.at(-1)
    if (last !== undefined && last.value?.[0] === value?.[0]) last.to = i
    else out.push({ from: i, to: i, value })
  }
  return out
}

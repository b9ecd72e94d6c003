// From what was read to the reason: each failure's causes ranked by their evidence (causes.ts, signs.ts), the limits
// that bind, what to do, and what to record to know more. Every setting that is advised was tried on the sizing rules.
import { messageTable } from '../../kernel/messages.ts'
import {
  type Advice,
  IO_TLB_SIZE,
  advise,
  dynamicAdvice,
  formatVersion,
  kernelVersion,
  nr_slots,
  sizePool,
  sizeText
} from '../../kernel/swiotlb/index.ts'
import { isWhole } from './boot.ts'
import { type BounceReason, type Cause, type Todo, bounceReasons, causes } from './causes.ts'
import { type Ctx, type LogFacts, type Machine, type PoolShown, contextOf, machineOf } from './context.ts'
import { type Failure, Failures, trendOf } from './failure.ts'
import { type KnownFix, fixesFor } from './fixes.ts'
import { type BootRead, ownTraces } from './reader.ts'
import { see, span } from './signs.ts'
import { type CallTrace, culprit, inDma } from './trace.ts'
import { isTrouble } from './words.ts'

/** A cause with what was seen of it. */
export interface RankedCause {
  readonly id: string
  readonly says: string
  readonly score: number
  readonly for: readonly string[]
  readonly against: readonly string[]
  readonly decides: readonly string[]
  readonly limit: string
  readonly source: string
}

/** A known fix with what its release number is worth on this kernel. */
export interface FixShown {
  readonly what: string
  readonly commit: string
  readonly fixed: string
  readonly source: string
}

/** Requests of one device that failed in one way. */
export interface LogFailure {
  readonly kind: string
  /** Of the most likely cause. */
  readonly cause: string
  readonly limit: string
  /** Driver and device; empty when the message names none. */
  readonly device: string
  /** Lines that say so; what the kernel did not print is in `suppressed`. */
  readonly count: number
  /** 1-based line of the first, and the time stamps of first and last in seconds, since boot or of the wall clock. */
  readonly line: number
  readonly first: number | null
  readonly last: number | null
  readonly clock: 'boot' | 'wall' | null
  readonly sizes: ReadonlyArray<{ readonly bytes: number; readonly count: number }>
  readonly total: number | null
  readonly used: readonly [number, number] | null
  readonly trend: { readonly seconds: number; readonly perHour: number; readonly fell: boolean } | null
  /** What happened, in words. */
  readonly text: string
  readonly message: string
  /** Most likely first. */
  readonly causes: readonly RankedCause[]
  /** Why the device bounces at all, most likely first; empty when the question does not arise. */
  readonly bounces: readonly string[]
  readonly fixes: readonly FixShown[]
  readonly trace: TraceShown | null
}

export interface TraceShown {
  readonly kind: string
  readonly headline: string
  readonly line: number
  readonly at: string | null
  /** The function that faulted, without checkers and copy loops. */
  readonly function: string | null
  /** The DMA function nearest to it, and the driver above the DMA layer. */
  readonly dma: string | null
  readonly driver: string | null
  readonly comm: string | null
  readonly kernel: string | null
  readonly hardware: string | null
  readonly frames: readonly string[]
}

export interface BootExplained {
  /** First and last line. */
  readonly range: readonly [number, number]
  readonly kernel: string | null
  readonly vendor: string | null
  readonly platform: string | null
  readonly hardware: string | null
  readonly cmdline: string | null
  /** Bytes. */
  readonly ram: number | null
  readonly cpus: number | null
  readonly pool: (PoolShown & { readonly bytes: number; readonly limited_by: string | null }) | null
  readonly failures: readonly LogFailure[]
  /** "callbacks suppressed" of the mapping functions, summed. */
  readonly suppressed: number
  readonly boot: readonly string[]
  readonly limits: readonly string[]
  readonly advice: readonly string[]
  /** The settings among the advice, as they were tried. */
  readonly settings: readonly Todo[]
  readonly record: ReadonlyArray<{ readonly what: string; readonly run: readonly string[] }>
  readonly notes: readonly string[]
  /** Lines about the subject that were not understood. */
  readonly strange: ReadonlyArray<{ readonly text: string; readonly line: number; readonly count: number }>
  readonly strangeMore: number
  /** What drivers say of their failed mappings. */
  readonly drivers: ReadonlyArray<{ readonly text: string; readonly line: number; readonly count: number }>
}

/** Causes that are shown beside the first must be worth this part of it. */
const WORTH = 0.3
const MOST_CAUSES = 3
const MOST_STRANGE = 6

interface Weighed {
  readonly base: number
  readonly needs?: readonly Parameters<typeof see>[0][]
  readonly any?: readonly Parameters<typeof see>[0][]
  readonly never?: readonly Parameters<typeof see>[0][]
  readonly for: Cause['for']
  readonly against?: Cause['against']
}

/** The weight of a row; null when it does not count. */
function weigh(row: Weighed, c: Ctx): { score: number; for: string[]; against: string[] } | null {
  if (row.needs?.some((s) => see(s, c) === null) === true || row.never?.some((s) => see(s, c) !== null) === true)
    return null
  if (row.any?.every((s) => see(s, c) === null) === true) return null
  const out = { score: row.base, for: [] as string[], against: [] as string[] }
  for (const s of row.needs ?? []) out.for.push(see(s, c) as string)
  for (const [s, w] of row.for) {
    const said = see(s, c)
    if (said === null) continue
    out.score += w
    if (!out.for.includes(said)) out.for.push(said)
  }
  for (const [s, w] of row.against ?? []) {
    const said = see(s, c)
    if (said === null) continue
    out.score -= w
    out.against.push(said)
  }
  return out
}

interface Ranked {
  readonly cause: Cause
  readonly shown: RankedCause
}

function rank(c: Ctx): Ranked[] {
  const all: Ranked[] = []
  for (const cause of causes) {
    if (!cause.kinds.includes(c.f.kind)) continue
    const w = weigh(cause, c)
    if (w === null || w.score <= 0) continue
    const limit = typeof cause.limit === 'string' ? cause.limit : cause.limit(c)
    all.push({
      cause,
      shown: {
        id: cause.id,
        says: cause.says(c),
        score: w.score,
        for: w.for,
        against: w.against,
        decides: cause.decides,
        limit,
        source: cause.source
      }
    })
  }
  all.sort((a, b) => b.shown.score - a.shown.score)
  const best = all[0]?.shown.score ?? 0
  return all.filter((r, i) => i === 0 || r.shown.score >= WORTH * best).slice(0, MOST_CAUSES)
}

function bouncesOf(c: Ctx): BounceReason[] {
  const seen = bounceReasons.map((r) => ({ r, w: weigh(r, c) })).filter((x) => x.w !== null && x.w.score > 0)
  seen.sort((a, b) => (b.w?.score ?? 0) - (a.w?.score ?? 0))
  // A reason that the log shows ends the question.
  const top = seen[0]
  return top !== undefined && (top.w?.score ?? 0) >= 6 ? [top.r] : seen.slice(0, 3).map((x) => x.r)
}

const sizesOf = (f: Failure): Array<[number, number]> => [...f.sizes].sort((a, b) => b[1] - a[1] || a[0] - b[0])
const sizeList = (f: Failure): string => {
  const all = sizesOf(f)
  return `${all
    .slice(0, 4)
    .map(([s, n]) => `${s} bytes${n > 1 ? ` x${n}` : ''}`)
    .join(', ')}${all.length > 4 ? ` and ${all.length - 4} other sizes` : ''}`
}

/** What the messages about atomic pools say. */
const ATOMIC: Readonly<Partial<Record<Failure['id'], (kib: string) => string>>> = {
  pool_small: (kib) =>
    `an allocation that may not sleep failed: the atomic DMA coherent pool of ${kib} KiB was too small`,
  pool_prealloc_failed: (kib) => `the atomic DMA coherent pool of ${kib} KiB could not be allocated`,
  pool_depleted: (kib) =>
    'an allocation that may not sleep failed: the atomic DMA coherent pool is used up (the kernel recommends ' +
    `${kib} KiB)`
}

/** What happened, without a word of why. */
function happened(c: Ctx): string {
  const f = c.f
  const who = f.device === '' ? 'a device that the line does not name' : f.device
  const fill =
    f.used && f.total !== null
      ? `; ${f.used[0] === f.used[1] ? f.used[0] : `${f.used[0]} to ${f.used[1]}`} of ${f.total} slots were in use`
      : ''
  const limits =
    `(mask 0x${c.mask.toString(16)}, ` + `${c.limit > 0n ? `bus limit 0x${c.limit.toString(16)}` : 'no bus limit'})`
  switch (f.kind) {
    case 'full':
      return `${who} could not map ${sizeList(f)}${fill}`
    case 'no_pool':
      return `${who} must bounce${f.sizes.size > 0 ? ` ${sizeList(f)}` : ''} and there is no pool`
    case 'coherent':
      return f.device === '' && f.sizes.size === 0
        ? `a coherent allocation failed: ${f.message.slice(0, 160)}`
        : `${who}: a coherent allocation${f.sizes.size > 0 ? ` of ${sizeList(f)}` : ''} failed${fill}`
    case 'map_overflow':
      return `${who}: memory at 0x${c.addr.toString(16)} (${sizeList(f)}) could not be given to the device ${limits}`
    case 'bounce_beyond':
      return (
        `${who}: the bounce buffer at 0x${c.addr.toString(16)} (${sizeList(f)}) could not be given to the device ` +
        `${limits}`
      )
    case 'sync_overflow':
      return `${who} synced ${sizeList(f)} of a mapping of ${String(f.args['alloc'])} bytes`
    case 'decrypt':
      return 'the default pool could not be made shared with the host'
    case 'atomic_pool':
      return ATOMIC[f.id]?.(String(f.args['kib'])) ?? `${who}: an allocation that may not sleep failed`
    case 'vmalloc':
      return `${who}: a mapping of vmalloc memory was refused`
    case 'pending':
      return `${who}: a driver was unbound with ${String(f.args['count'])} DMA allocations pending`
    case 'oops':
      return oopsText(f.trace)
  }
}

const KINDS: Readonly<Record<CallTrace['kind'], string>> = {
  BUG: 'an assertion failed',
  KASAN: 'a memory checker reports a bad access',
  oops: 'the kernel faulted',
  panic: 'the kernel panicked',
  warning: 'the kernel warned',
  lockup: 'a CPU is stuck',
  atomic: 'sleeping where it may not',
  page_alloc: 'no page was left',
  stack: 'a call trace'
}

function oopsText(t: CallTrace | null): string {
  if (t === null) return 'a call trace'
  const d = inDma(t)
  const place = d === null ? (culprit(t)?.fn ?? t.at) : d.fn
  const above = d?.driver ? `, called by ${d.driver.fn}${d.driver.module ? ` of ${d.driver.module}` : ''}` : ''
  return (
    `${KINDS[t.kind]}${place === null || place === undefined ? '' : ` in ${place}()`}` +
    `${d !== null && d.outer !== d.fn ? ` (through ${d.outer})` : ''}${above}` +
    `${t.comm === null ? '' : `, task ${t.comm}`}${t.kind === 'stack' ? '' : `: ${t.headline.slice(0, 140)}`}`
  )
}

const traceShown = (t: CallTrace): TraceShown => {
  const d = inDma(t)
  return {
    kind: t.kind,
    headline: t.headline,
    line: t.line,
    at: t.at,
    function: culprit(t)?.fn ?? null,
    dma: d?.fn ?? null,
    driver: d?.driver?.fn ?? null,
    comm: t.comm,
    kernel: t.kernel,
    hardware: t.hardware,
    frames: t.frames.map((f) => `${f.sure ? '' : '? '}${f.fn}${f.module === null ? '' : ` [${f.module}]`}`)
  }
}

/** An oops as a failure of its own. */
function oopsFailure(t: CallTrace): Failure {
  const kind = t.kind === 'page_alloc' ? 'coherent' : 'oops'
  const fs = new Failures()
  const f = fs.add(
    kind,
    'trace',
    {},
    { text: t.headline, line: t.line, mono: t.mono, wall: null, host: null, boot: null }
  )
  f.trace = t
  return f
}

/** Explains one boot. */
export function explainBoot(read: BootRead, given: LogFacts, whole: boolean): BootExplained {
  const m = machineOf(read, given)
  const failures = [...read.failures.groups.values(), ...mergeTraces(ownTraces(read)).map(oopsFailure)]
  const seen = failures
    .map((f) => ({ c: contextOf(m, f), f }))
    .map((x) => ({ ...x, ranked: rank(x.c), bounces: x.f.kind === 'full' ? bouncesOf(x.c) : [] }))
  const limits: string[] = []
  const advice = new AdviceList(m)
  for (const s of seen) {
    const first = s.ranked[0]
    if (first !== undefined && first.shown.limit !== '' && !limits.includes(first.shown.limit))
      limits.push(first.shown.limit)
    for (const [i, r] of s.ranked.entries()) advice.cause(r.cause, s.c, i > 0 && s.ranked[0]?.cause.id === 'leak')
    for (const b of s.bounces) for (const t of b.todo) advice.add(t)
  }
  const limited_by = poolBy(m)
  if (read.facts.halved !== null)
    limits.push(
      `low memory: ${sizeText(read.facts.halved.from * IO_TLB_SIZE)} could not be had in one piece, the pool is ` +
        `${sizeText(read.facts.halved.to * IO_TLB_SIZE)}`
    )
  else if (limited_by !== null && failures.some((f) => f.room === 'pool_full' || f.room === 'fragmented'))
    limits.push(`the pool has its size from: ${limited_by}`)
  else if (
    limited_by === null &&
    m.pool?.slots === 524288 &&
    failures.some((f) => f.room === 'pool_full' || f.room === 'fragmented')
  )
    limits.push(GIB_POOL(m))
  if (read.suppressed > 0) limits.push(`rate-limited messages: ${read.suppressed} more were not printed`)
  const strange = [...read.strange.values()]
    .sort((a, b) => Number(isTrouble(b.text)) - Number(isTrouble(a.text)) || a.line - b.line)
    .filter((s) => !whole || isTrouble(s.text))
  return {
    range: [read.facts.firstLine, read.facts.lastLine],
    kernel: m.kernel,
    vendor: m.vendor?.vendor ?? null,
    platform: m.platform,
    hardware: m.hardware,
    cmdline: m.cmdline,
    ram: m.ram,
    cpus: m.cpus,
    pool: m.pool === null ? null : { ...m.pool, bytes: m.pool.slots * IO_TLB_SIZE, limited_by },
    failures: seen.map((s) => shown(s.c, s.ranked, s.bounces)),
    suppressed: read.suppressed,
    boot: storyOf(m),
    limits,
    advice: advice.texts,
    settings: advice.settings,
    record: toRecord(m, failures),
    notes: notesOf(
      m,
      failures,
      seen.flatMap((s) => s.ranked.slice(0, 1).flatMap((r) => fixesFor(s.c, r.cause.id)))
    ),
    strange: strange.slice(0, MOST_STRANGE),
    strangeMore: Math.max(0, strange.length - MOST_STRANGE),
    drivers: [...read.drivers.values()].slice(0, MOST_STRANGE)
  }
}

const GIB_POOL = (m: Machine): string =>
  `1 GiB clamp${m.platform === null ? ', if this is a SEV or TDX guest' : ''}: a pool of exactly 1 GiB is the ` +
  'most such a guest gives itself; a larger one must be asked for and fit below 4 GiB'

/** A panic that ends an oops, and the same trace printed twice, are one event. */
function mergeTraces(traces: readonly CallTrace[]): CallTrace[] {
  const out: CallTrace[] = []
  for (const t of traces) {
    const same = out.find(
      (o) =>
        o.frames.length > 0 &&
        t.frames.length > 0 &&
        inDma(o)?.fn === inDma(t)?.fn &&
        inDma(o)?.driver?.fn === inDma(t)?.driver?.fn
    )
    if (same === undefined) out.push(t)
  }
  return out
}

function shown(c: Ctx, ranked: readonly Ranked[], bounces: readonly BounceReason[]): LogFailure {
  const f = c.f
  const first = ranked[0]
  return {
    kind: f.kind,
    cause: first?.cause.id ?? 'unknown',
    limit: first?.shown.limit ?? '',
    device: f.device,
    count: f.count,
    line: f.line,
    first: f.first,
    last: f.last,
    clock: f.clock,
    sizes: sizesOf(f).map(([bytes, count]) => ({ bytes, count })),
    total: f.total,
    used: f.used,
    trend: trendOf(f.fills),
    text: happened(c),
    message: f.message,
    causes: ranked.map((r) => r.shown),
    bounces: bounces.map((b) => b.says(c)),
    fixes:
      first === undefined
        ? []
        : fixesFor(c, first.cause.id).map((x) => ({
            what: x.what,
            commit: x.commit,
            fixed: formatVersion(x.fixed),
            source: x.source
          })),
    trace: f.trace === null ? null : traceShown(f.trace)
  }
}

/** Why the pool has its size, when the rules of this kernel give the same. */
function poolBy(m: Machine): string | null {
  const slots = m.pool?.slots ?? null
  if (slots === null) return null
  if (m.boot.halved) return `low memory: ${sizeText(m.boot.halved.from * IO_TLB_SIZE)} could not be had in one piece`
  if (m.sized?.slots === slots) return m.sized.limited_by
  if (m.param?.nslabs != null && m.param.nslabs <= slots && slots < 2 * m.param.nslabs) return 'command line'
  return null
}

function storyOf(m: Machine): string[] {
  const out = [...m.boot.story]
  if (m.boot.noLowMem)
    out.push(
      m.param?.noforce
        ? 'no pool: swiotlb=noforce on the command line (the kernel prints "No low mem")'
        : m.sized?.slots === 0
          ? `no pool: ${m.sized.limited_by.replace(/^no pool: /, '')} (the kernel prints "No low mem")`
          : 'the kernel prints "No low mem": there is no pool, or no low memory for one'
    )
  else if (isWhole(m.boot) && m.boot.mapped === null && m.boot.areas === null) {
    const why = m.param?.noforce
      ? 'swiotlb=noforce on the command line'
      : m.sized?.slots === 0
        ? m.sized.limited_by.replace(/^no pool: /, '')
        : null
    if (why !== null) out.push(`no pool: ${why}`)
  } else if (
    isWhole(m.boot) &&
    m.boot.mapped === null &&
    m.boot.areas !== null &&
    m.sized !== null &&
    m.sized.slots > 0
  ) {
    out.push(
      `a pool was made (area num ${m.boot.areas}), by the rules of ${m.kernel} ${sizeText(m.sized.bytes)}: on ` +
        'x86 without RAM above 4 GiB the kernel prints no "mapped" line'
    )
  }
  const high = m.pool?.start !== null && m.pool?.start !== undefined && m.pool.start >= 4 * 2 ** 30
  if (high && m.arch !== 'arm64')
    out.push(
      'the pool lies above 4 GiB' +
        (/swiotlb=\S*any/.test(m.cmdline ?? '')
          ? ": this kernel has the patch that reads 'any'"
          : ': this kernel lets it lie anywhere')
    )
  return out
}

/** Advice without repetition, settings tried. */
class AdviceList {
  readonly texts: string[] = []
  readonly settings: Todo[] = []
  private dynamicSaid = false
  private grown = false

  constructor(private readonly m: Machine) {}

  add(t: string | Todo): void {
    const todo: Todo = typeof t === 'string' ? { text: t } : t
    if (this.texts.some((x) => x.includes(todo.text))) return
    if (todo.setting !== undefined && !this.tried(todo)) return
    this.texts.push(todo.text)
    if (todo.setting !== undefined) this.settings.push(todo)
  }

  /** `unless`: only if it is no leak. */
  cause(cause: Cause, c: Ctx, unless: boolean): void {
    for (const t of cause.todo(c)) this.add(t)
    if (['pool_full', 'fragmented', 'full_unknown'].includes(cause.id)) this.larger(c, unless)
  }

  /** A larger pool, by the rules where they explain the present one. */
  private larger(c: Ctx, unless: boolean): void {
    if (!this.grown) {
      this.grown = true
      const all = [...this.m.read.failures.groups.values()].filter(
        (f) => f.room === 'pool_full' || f.room === 'fragmented'
      )
      const least = Math.max(0, ...all.map((f) => (f.used?.[1] ?? 0) + nr_slots(Math.max(0, ...f.sizes.keys()))))
      const todo = bigger(this.m, least)
      const text = typeof todo === 'string' ? todo : todo.text
      const said = unless ? `If they do come back: ${text.charAt(0).toLowerCase()}${text.slice(1)}` : text
      this.add(typeof todo === 'string' ? said : { ...todo, text: said })
    }
    const dynamic = dynamicAdvice(c.platform, c.version, c.kernel ?? '')
    if (!this.dynamicSaid && dynamic.advise !== 'none' && c.f.room !== 'full_unknown') {
      this.dynamicSaid = true
      this.add(dynamic.text)
    }
  }

  /** Whether the rules say that the setting does what is said of it; without rules it is taken as it stands. */
  private tried(t: Todo): boolean {
    const q = this.m.request
    if (q === null || t.setting === undefined) return true
    const s = sizePool({ ...q, cmdline: withSetting(q.cmdline, t.setting) })
    return !s.ok || s.value.slots >= (t.slots ?? 0)
  }
}

/** The command line with the setting in place of what it replaces: `-swiotlb` takes swiotlb= away. */
export function withSetting(cmdline: string, setting: string): string {
  const key = setting.startsWith('-') ? setting.slice(1) : setting.split('=')[0]
  const rest = cmdline.split(/\s+/).filter((w) => w !== '' && !w.startsWith(`${key}=`))
  return (setting.startsWith('-') ? rest : [...rest, setting]).join(' ')
}

// How to get a larger pool: by the rules when they explain the present one, else the plain doubling.
function bigger(m: Machine, least: number): Todo | string {
  const slots = m.pool?.slots ?? null
  if (slots === null)
    return (
      'For a larger pool write swiotlb=SLOTS (2 KiB each) on the command line; the pool has 32768 when nothing is ' +
      'said.'
    )
  const need =
    least > slots
      ? `more than ${slots} slots (at least ${least} at the failed request)`
      : `more room than ${slots} slots have`
  const want = slots * IO_TLB_SIZE * 2
  const plain = `The load needs ${need}; the log cannot tell how much. Double it and watch io_tlb_used_hiwater`
  const tail = `${m.param?.force ? ',force' : ''}${m.param?.track_hiwater ? ',track_hiwater' : ''}`
  if (m.request === null || m.sized?.slots !== slots) {
    const where =
      m.pool?.start != null && m.pool.start >= 4 * 2 ** 30
        ? 'if that much is free in one piece'
        : 'if that much is free in one piece of low memory'
    return `${plain}: swiotlb=${slots * 2}${tail} (${sizeText(want)}) on the command line, ${where}.`
  }
  const a = advise(m.request, want)
  if (!a.ok) return `${plain}: swiotlb=${slots * 2}${tail} (${sizeText(want)}).`
  const v: Advice = a.value
  if (!v.reachable) return `The load needs ${need}, and no setting gives ${sizeText(want)}: ${v.why}`
  return v.setting === ''
    ? `${plain}.`
    : {
        text: `${plain}: ${v.setting} on the command line gives ${sizeText(v.gives.bytes)}.`,
        setting: v.setting,
        slots: v.gives.slots
      }
}

function toRecord(m: Machine, failures: readonly Failure[]): Array<{ what: string; run: readonly string[] }> {
  const out: Array<{ what: string; run: readonly string[] }> = []
  const has = (...kinds: string[]): boolean => failures.some((f) => kinds.includes(f.kind))
  if (has('full')) {
    out.push({
      what: 'how full the pool is and was at most',
      run: ['cd /sys/kernel/debug/swiotlb && grep . io_tlb_nslabs io_tlb_used io_tlb_used_hiwater']
    })
    if (m.version !== null && m.version >= kernelVersion(7, 3))
      out.push({
        what: 'this kernel counts the high-water mark only with swiotlb=...,track_hiwater on the command line',
        run: []
      })
  }
  if (has('full', 'bounce_beyond', 'no_pool')) {
    const events = m.version === null || m.version >= kernelVersion(6, 12)
    out.push({
      what: events
        ? 'who maps what, how much bounces, and how large the pool must be' +
          `${m.version === null ? ' (events/dma came with 6.12)' : ''}`
        : 'which devices bounce (the events of the DMA API itself came with 6.12)',
      run: [
        `cd /sys/kernel/tracing && echo 1 | tee events/swiotlb/enable${events ? ' events/dma/enable' : ''}`,
        'cat trace_pipe > trace.txt   # during the load',
        ...(events ? ['tbit replay trace.txt --dmesg dmesg.txt --what-if pool=SLOTS'] : [])
      ]
    })
  }
  if (has('bounce_beyond', 'map_overflow'))
    out.push({
      what:
        "the device's limits: its driver's calls of dma_set_mask and dma_set_coherent_mask, and the dma-ranges " +
        'above it',
      run: []
    })
  if (
    !isWhole(m.boot) &&
    (m.boot.story.length === 0 || failures.length > 0) &&
    !(m.boot.mapped !== null && m.ram !== null)
  ) {
    out.push({
      what:
        'the boot lines, from the start: at least those with "Linux version", "software IO TLB", "Command line" ' +
        'and "Memory:"',
      run: ['journalctl -k -b > dmesg.txt']
    })
  }
  return out
}

function notesOf(m: Machine, failures: readonly Failure[], fixes: readonly KnownFix[]): string[] {
  const out: string[] = []
  // A word that means nothing to mainline may mean something to a kernel whose pool shows that it was read.
  const patched = m.pool?.start != null && m.pool.start >= 4 * 2 ** 30
  if (m.param !== null && m.cmdline !== null)
    out.push(...m.param.notes.filter((n) => !(patched && n.includes("'any'"))))
  if (m.vendor !== null && failures.length > 0) out.push(m.vendor.caveat)
  if (
    m.ram === null &&
    m.read.failures.groups.size > 0 &&
    failures.some((f) => f.room === 'pool_full' || f.room === 'fragmented')
  )
    out.push('the log has no memory line: give --ram, --platform and --kernel for advice about sizes')
  const limited = failures
    .filter((f) => f.id !== 'trace' && messageTable[f.id].rate === 'ratelimited')
    .reduce((n, f) => n + f.count, 0)
  if (limited >= 10 || m.read.suppressed > 0)
    out.push(
      'the counts are lower bounds: the kernel prints 10 such messages in 5 seconds and drops the rest, and ' +
        'tells how many only when messages come again'
    )
  if (limited > 0 && failures.some((f) => /nvme/.test(f.device)))
    out.push("mappings with DMA_ATTR_NO_WARN (nvme's scatter-gather lists) never print")
  if (m.pool?.grown)
    out.push(`the pool has grown since boot: ${m.read.total} slots, ${m.pool.slots} at boot (CONFIG_SWIOTLB_DYNAMIC)`)
  if (m.sizingError !== null && m.platform !== null) out.push(m.sizingError)
  else if (
    m.sized !== null &&
    m.pool !== null &&
    m.sized.slots !== m.pool.slots &&
    !m.pool.grown &&
    m.boot.halved === null
  ) {
    out.push(
      `by the rules of ${m.kernel} this machine` +
        `${m.platform === null ? ' (taken for one without encrypted memory; give --platform)' : ''} would have ` +
        `${m.sized.slots} slots (${m.sized.limited_by}); the log shows ${m.pool.slots}`
    )
  }
  const trends = failures
    .map((f) => ({ f, t: trendOf(f.fills) }))
    .filter((x) => x.t !== null && x.t.seconds >= 600 && x.f.fills.length >= 3)
  for (const { f, t } of trends)
    if (t !== null)
      out.push(
        `${f.device}: over ${span(t.seconds)} the fill at its failures went from ${f.fills[0]?.used} to ` +
          `${f.fills.at(-1)?.used} slots (${t.perHour >= 0 ? '+' : ''}${Math.round(t.perHour)} an hour)`
      )
  if (fixes.length > 0 && m.version === null)
    out.push('whether a known fix is in this kernel cannot be told: the log does not name its release')
  return out
}

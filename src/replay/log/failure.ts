// Requests that failed, gathered by what failed and whose it was: counts, sizes, how full the pool was and how that
// went on over time.
import { own } from '../../base/index.ts'
import type { MessageArgs, MessageId } from '../../kernel/messages.ts'
import { IO_TLB_SEGSIZE, LARGEST_MAPPING, nr_slots } from '../../kernel/swiotlb/pool.ts'
import type { LogRecord } from './join.ts'
import type { CallTrace } from './trace.ts'

/** What a message says failed; why is the diagnosis. */
export type FailureKind =
  /** No room in the pool for a streaming mapping. */
  | 'full'
  /** A coherent (dma_alloc_*) allocation. */
  | 'coherent'
  /** A mapping had to bounce and there is no pool. */
  | 'no_pool'
  /** The memory itself cannot be given to the device, and it was not bounced. */
  | 'map_overflow'
  /** The bounce buffer cannot be given to the device. */
  | 'bounce_beyond'
  | 'sync_overflow'
  | 'decrypt'
  | 'atomic_pool'
  | 'vmalloc'
  | 'pending'
  | 'oops'

/** The pool's fill at one message. */
export interface Fill {
  /** Seconds, on the clock of the group. */
  readonly at: number
  readonly used: number
}

/** Why a mapping found no room, as far as its numbers tell. */
export type RoomCause = 'pool_full' | 'fragmented' | 'too_large' | 'placement' | 'full_unknown'

export interface Failure {
  readonly kind: FailureKind
  /** For `full`. */
  readonly room: RoomCause | null
  readonly id: MessageId | 'trace'
  device: string
  readonly message: string
  readonly line: number
  readonly args: MessageArgs
  count: number
  /** Seconds since boot, else of the wall clock. */
  first: number | null
  last: number | null
  clock: 'boot' | 'wall' | null
  sizes: Map<number, number>
  total: number | null
  used: [number, number] | null
  /** Thinned evenly to a bounded number. */
  fills: Fill[]
  every: number
  trace: CallTrace | null
}

/** Points of a group's fill that are kept. */
const MOST_FILLS = 128
/** Different sizes that are kept apart. */
const MOST_SIZES = 512

export const kindOf: Readonly<Partial<Record<MessageId, FailureKind>>> = {
  full: 'full',
  full_old: 'full',
  out_of_space_old: 'full',
  out_of_space_at: 'full',
  no_pool: 'no_pool',
  no_pool_panic: 'no_pool',
  swiotlb_overflow: 'bounce_beyond',
  dma_overflow: 'map_overflow',
  overflow_limit: 'map_overflow',
  overflow_old: 'map_overflow',
  overflow_device: 'map_overflow',
  bounce_overflow: 'sync_overflow',
  decrypt_failed: 'decrypt',
  pool_exhausted: 'atomic_pool',
  pool_unsuitable: 'atomic_pool',
  pool_small: 'atomic_pool',
  pool_depleted: 'atomic_pool',
  pool_prealloc_failed: 'atomic_pool',
  vmalloc_rejected: 'vmalloc',
  coherent_failed: 'coherent',
  coherent_failed_old: 'coherent',
  cma_failed: 'coherent',
  coherent_mask_old: 'coherent',
  dma_api_pending: 'pending'
}

export const num = (args: MessageArgs, key: string): number => Number(own(args, key) ?? 0)

/** "swiotlb buffer is full": the cause by what is free and where it can lie. */
export function fullCause(size: number, total: number, used: number): RoomCause {
  if (size > LARGEST_MAPPING) return 'too_large'
  const n = nr_slots(size)
  if (n > total - used) return 'pool_full'
  // Each used slot can spoil one run. With fewer than this, some segment has n free slots in a row (one more for
  // alignment to a page).
  const spoilers = Math.ceil(total / IO_TLB_SEGSIZE) * Math.max(1, Math.floor(IO_TLB_SEGSIZE / (n + 1)))
  return used < spoilers ? 'placement' : 'fragmented'
}

function roomOf(kind: FailureKind, args: MessageArgs): RoomCause | null {
  if (kind !== 'full') return null
  const size = num(args, 'size')
  if (args['total'] !== undefined) return fullCause(size, num(args, 'total'), num(args, 'used'))
  return size > LARGEST_MAPPING ? 'too_large' : 'full_unknown'
}

/** What "swiotlb buffer is full" says. */
export interface FullNumbers {
  readonly device: string
  readonly size: number
  readonly total: number
  readonly used: number
  readonly mono: number | null
  readonly wall: number | null
}

/** All failures of one boot. */
/** Failures are told apart by their device; those beyond so many are told as one. */
const MOST_GROUPS = 512
const MORE = '(more devices)'

export class Failures {
  readonly groups = new Map<string, Failure>()
  /** The groups of "buffer is full" by device and room. */
  private readonly fullBy = new Map<string, Map<RoomCause, Failure>>()

  /** Enters one message. */
  add(kind: FailureKind, id: Failure['id'], args: MessageArgs, r: LogRecord): Failure {
    const room = roomOf(kind, args)
    const keyOf = (of: string): string => `${kind}\n${room ?? ''}\n${of}\n${id}`
    const own = String(args['dev'] ?? '')
    const device = this.groups.size < MOST_GROUPS || this.groups.has(keyOf(own)) ? own : MORE
    const key = keyOf(device)
    let g = this.groups.get(key)
    if (g === undefined) {
      g = {
        kind,
        room,
        id,
        device,
        message: r.text.trim(),
        line: r.line,
        args,
        count: 0,
        first: null,
        last: null,
        clock: null,
        sizes: new Map(),
        total: null,
        used: null,
        fills: [],
        every: 1,
        trace: null
      }
      this.groups.set(key, g)
    }
    g.count++
    const at = this.time(g, r)
    if (args['size'] !== undefined) this.size(g, num(args, 'size'))
    if (args['total'] !== undefined) this.fill(g, num(args, 'total'), num(args, 'used'), at)
    return g
  }

  /** The time on the group's clock; null when the record has none. */
  private time(g: Failure, r: Pick<LogRecord, 'mono' | 'wall'>): number | null {
    const clock = r.mono !== null ? 'boot' : r.wall !== null ? 'wall' : null
    const at = r.mono ?? r.wall
    g.clock ??= clock
    if (at === null || clock !== g.clock) return null
    g.first ??= at
    g.last = at
    return at
  }

  /** add() for "swiotlb buffer is full" whose numbers are known already. */
  addFull(line: FullNumbers, at: number): Failure {
    const { size, total, used } = line
    const device = this.groups.size < MOST_GROUPS || this.fullBy.has(line.device) ? line.device : MORE
    const room = fullCause(size, total, used)
    let rooms = this.fullBy.get(device)
    if (rooms === undefined) this.fullBy.set(device, (rooms = new Map()))
    const g = rooms.get(room)
    if (g === undefined) {
      const text = `${device}: swiotlb buffer is full (sz: ${size} bytes), total ${total} (slots), used ${used} (slots)`
      const fresh = this.add(
        'full',
        'full',
        { dev: device, size, total, used },
        { text, line: at, mono: line.mono, wall: line.wall, host: null, boot: null }
      )
      rooms.set(room, fresh)
      return fresh
    }
    g.count++
    const time = this.time(g, line)
    this.size(g, size)
    this.fill(g, total, used, time)
    return g
  }

  /** Takes one message back out of its group: it belongs to another. */
  take(g: Failure, size: number): void {
    g.count--
    const n = g.sizes.get(size)
    if (n !== undefined && n > 1) g.sizes.set(size, n - 1)
    else g.sizes.delete(size)
    if (g.count === 0) this.fullBy.clear()
    if (g.count === 0) for (const [k, v] of this.groups) if (v === g) this.groups.delete(k)
  }

  private size(g: Failure, size: number): void {
    if (g.sizes.has(size) || g.sizes.size < MOST_SIZES) g.sizes.set(size, (g.sizes.get(size) ?? 0) + 1)
  }

  private fill(g: Failure, total: number, used: number, at: number | null): void {
    g.total = total
    if (g.used === null) g.used = [used, used]
    else if (used < g.used[0]) g.used[0] = used
    else if (used > g.used[1]) g.used[1] = used
    if (at === null || (g.count - 1) % g.every !== 0) return
    g.fills.push({ at, used })
    if (g.fills.length < MOST_FILLS) return
    g.fills = g.fills.filter((_, i) => i % 2 === 0)
    g.every *= 2
  }
}

/**
 * How the fill went on: slots per hour by least squares, and whether it ever fell; null when there is no time to speak
 * of.
 */
export function trendOf(
  fills: readonly Fill[]
): { readonly seconds: number; readonly perHour: number; readonly fell: boolean } | null {
  const [a, b] = [fills[0], fills.at(-1)]
  if (a === undefined || b === undefined || b.at - a.at < 1) return null
  const n = fills.length
  const mt = fills.reduce((s, f) => s + f.at, 0) / n
  const mu = fills.reduce((s, f) => s + f.used, 0) / n
  let up = 0
  let down = 0
  for (const f of fills) {
    up += (f.at - mt) * (f.used - mu)
    down += (f.at - mt) ** 2
  }
  return {
    seconds: b.at - a.at,
    perHour: down === 0 ? 0 : (up / down) * 3600,
    fell: fills.some((f, i) => i > 0 && f.used < (fills[i - 1] as Fill).used)
  }
}

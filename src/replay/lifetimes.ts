// When mappings end that their driver never unmaps. Where a device needs no unmap (a direct mapping, no IOMMU:
// dma_need_unmap()), a driver may leave it out, and nvme does so for requests of several segments since it maps by
// segment (nvme_unmap_data(), block/blk-mq-dma.h). In a plain boot such a mapping holds nothing; asked what a bouncing
// boot would need, its end has to be assumed:
//
//   1. when its request completes, if the trace has block_rq_issue and block_rq_complete: exact;
//   2. else when the device ends a mapping that the same CPU made later: requests of one queue end roughly in order;
//   3. at the latest when it has lasted longer than the last 64 that were unmapped, or when the device maps the same
//   memory again.
//
// A device is taken for one that leaves out unmaps when its driver is known to, or when memory is mapped again and
// again that was never unmapped.
import type { LiveTable } from './live.ts'

/**
 * Drivers that leave out unmaps they do not need, with the first kernel that was seen to (7.3.4; it came with
 * dma_map_phys per segment).
 */
export const LEAVES_OUT_UNMAPS: Readonly<Record<string, string>> = { nvme: '6.17' }

/** Mappings of memory that is still mapped, before a device is taken for one that leaves out unmaps. */
const SEEN_AGAIN = 16
/** Mappings that were overtaken by so many later ones are over, whatever the driver: more than any ring holds. */
const OVERTAKEN = 16384
/** Lives of the last mappings that were unmapped; the longest bounds the others. */
const LAST = 64
/** Requests and segments that wait to be told apart; bounds memory where completions are not in the trace. */
const MOST_REQUESTS = 65536
const MOST_SEGMENTS = 65536
/** log2 of nanoseconds in eighths. */
const BINS = 320

// A mapping as long as it lives, in one number: when it was born (its number in the live table), and its place there.
const PLACES = 2 ** 21
const ticket = (born: number, entry: number): number => born * PLACES + entry
const bornOf = (t: number): number => Math.floor(t / PLACES)
const entryOf = (t: number): number => t % PLACES

/** Direct mappings of one CPU, oldest first. */
interface Queue {
  /** Tickets. */
  held: number[]
  /** Of so many it is asked which are gone. */
  most: number
  /** The first that is not passed. */
  from: number
  /** Number of the youngest mapping that was unmapped. */
  ended: number
}

class DeviceLives {
  /** The driver leaves out unmaps. */
  leavesOut = false
  /**
   * Ends that were assumed (rules 2 and 3), those known from block requests, and those of them that an unmap
   * contradicted later.
   */
  assumed = 0
  exact = 0
  early = 0
  again = 0
  readonly queues = new Map<number, Queue>()
  /** How long the assumed lives are. */
  readonly lives = new Uint32Array(BINS)
  private readonly last = new Float64Array(LAST)
  private ended = 0

  /** A mapping that was unmapped lasted so long. */
  lived(ns: number): void {
    this.last[this.ended++ % LAST] = ns
  }

  /** Longest of the last lives; infinite as long as too few are known. */
  get longest(): number {
    return this.ended < LAST ? Number.POSITIVE_INFINITY : Math.max(...this.last)
  }
}

/** What is told of a device whose unmaps are left out. */
export interface AssumedLives {
  readonly assumed: number
  readonly exact: number
  readonly early: number
  /** Nanoseconds that 5 % and 95 % of the assumed lives stay below. */
  readonly low: number
  readonly high: number
}

export class Lifetimes {
  private readonly devices: (DeviceLives | undefined)[] = []
  /** Tickets of the segments of each request, and of those mapped in a context since its last request was issued. */
  private readonly requests = new Map<string, number[]>()
  private readonly pending = new Map<number, number[]>()
  private waiting = 0
  /** The trace has block requests. */
  private blocks = false

  /** `over` is told when a mapping ends without an unmap, with its index in the live table. */
  constructor(
    private readonly live: LiveTable,
    private readonly over: (entry: number) => void
  ) {}

  private of(dev: number): DeviceLives {
    let d = this.devices[dev]
    if (d === undefined) {
      d = new DeviceLives()
      this.devices[dev] = d
    }
    return d
  }

  /** The device's driver is known to leave out unmaps. */
  expect(dev: number): void {
    this.of(dev).leavesOut = true
  }

  /**
   * A mapping that did not bounce is in the live table; `again` is an older one of the same memory, 0 when there is
   * none.
   */
  mapped(dev: number, entry: number, again: number, cpu: number, context: number, now: number): void {
    const d = this.of(dev)
    const live = this.live
    if (again !== 0) {
      d.again++
      live.twice[entry] = 1
      if (!d.leavesOut && d.again >= SEEN_AGAIN) this.turn(d, now)
      if (d.leavesOut) {
        this.end(d, again, now, false)
        live.remove(again)
      }
    }
    const held = ticket(live.born[entry] as number, entry)
    let q = d.queues.get(cpu)
    if (q === undefined) {
      q = { held: [], most: OVERTAKEN, from: 0, ended: 0 }
      d.queues.set(cpu, q)
    }
    q.held.push(held)
    if (d.leavesOut) this.pass(d, q, now)
    if (q.held.length - q.from > q.most && !d.leavesOut) this.overtaken(d, q, now)
    if ((this.blocks || d.leavesOut) && this.waiting < MOST_SEGMENTS) {
      const list = this.pending.get(context)
      if (list) list.push(held)
      else this.pending.set(context, [held])
      this.waiting++
    }
  }

  /**
   * A mapping that did not bounce is unmapped: those that its CPU made before it are over, if their unmaps are left
   * out.
   */
  unmapped(dev: number, entry: number, now: number): void {
    const d = this.of(dev)
    const live = this.live
    d.lived(now - (live.time[entry] as number))
    if (live.over[entry] === 1) d.early++
    const q = d.queues.get(live.cpu[entry] as number)
    if (q === undefined) return
    const born = live.born[entry] as number
    if (born > q.ended) q.ended = born
    if (live.twice[entry] === 1 && d.again > 0) d.again--
    this.pass(d, q, now)
  }

  // Passes over what was made before the youngest mapping that has ended, or has lasted too long.
  private pass(d: DeviceLives, q: Queue, now: number): void {
    const longest = d.leavesOut ? d.longest : Number.POSITIVE_INFINITY
    while (q.from < q.held.length) {
      const [born, entry] = [bornOf(q.held[q.from] as number), entryOf(q.held[q.from] as number)]
      const gone = !this.live.holds(entry, born)
      if (!gone && (!d.leavesOut || (born >= q.ended && now - (this.live.time[entry] as number) <= longest))) break
      // Where completions are in the trace, they tell.
      if (!gone && !this.blocks) this.end(d, entry, now, false)
      q.from++
    }
    if (q.from > 1024 && q.from * 2 > q.held.length) {
      q.held.splice(0, q.from)
      q.from = 0
    }
  }

  // A queue of a device that unmaps what it maps: forgets what is gone. If most of it is neither gone nor young, unmaps
  // are left out.
  private overtaken(d: DeviceLives, q: Queue, now: number): void {
    const alive = q.held.slice(q.from).filter((t) => this.live.holds(entryOf(t), bornOf(t)))
    q.held = alive
    q.from = 0
    // Where all of it lives, as in a trace without unmaps, looking at every mapping again would cost the square.
    q.most = Math.max(OVERTAKEN, alive.length + (alive.length >> 2))
    if (alive.filter((t) => bornOf(t) < q.ended).length > OVERTAKEN / 2) this.turn(d, now)
  }

  // The device leaves out unmaps: what was held until now is judged again.
  private turn(d: DeviceLives, now: number): void {
    d.leavesOut = true
    for (const q of d.queues.values()) this.pass(d, q, now)
  }

  private end(d: DeviceLives, entry: number, now: number, exact: boolean): void {
    const live = this.live
    if (live.over[entry] === 1) return
    live.over[entry] = 1
    if (exact) d.exact++
    else d.assumed++
    const age = Math.max(1, now - (live.time[entry] as number))
    const bin = Math.min(BINS - 1, Math.floor(Math.log2(age) * 8))
    d.lives[bin] = (d.lives[bin] as number) + 1
    this.over(entry)
  }

  /** A request was issued in this context: what was mapped there since the last one belongs to it. */
  issued(key: string, context: number): void {
    this.blocks = true
    const held = this.pending.get(context)
    if (held === undefined) return
    this.pending.delete(context)
    this.waiting -= held.length
    if (this.requests.size < MOST_REQUESTS) this.requests.set(key, held)
  }

  /** A request is complete: its mappings are over, unless the driver unmaps them itself right after. */
  completed(key: string, now: number): void {
    this.blocks = true
    const held = this.requests.get(key)
    if (held === undefined) return
    this.requests.delete(key)
    for (const t of held) {
      if (!this.live.holds(entryOf(t), bornOf(t))) continue
      const d = this.of(this.live.dev[entryOf(t)] as number)
      if (d.leavesOut) this.end(d, entryOf(t), now, true)
    }
  }

  /** No more events: what is left of devices that leave out unmaps is over. */
  finish(now: number): void {
    const left: number[] = []
    this.live.forEach((i) => {
      if (this.leavesOut(this.live.dev[i] as number) && this.live.nents[i] === 0 && this.live.bouncedBytes[i] === 0)
        left.push(i)
    })
    for (const i of left) this.end(this.of(this.live.dev[i] as number), i, now, false)
  }

  /** What was assumed about a device; null when nothing was. */
  told(dev: number): AssumedLives | null {
    const d = this.devices[dev]
    if (d === undefined || d.assumed + d.exact === 0) return null
    const all = d.assumed + d.exact
    const quantile = (part: number): number => {
      let n = 0
      for (let b = 0; b < BINS; b++) {
        n += d.lives[b] as number
        if (n >= all * part) return 2 ** ((b + 0.5) / 8)
      }
      return 0
    }
    return { assumed: d.assumed, exact: d.exact, early: d.early, low: quantile(0.05), high: quantile(0.95) }
  }

  /** Mappings in the live table whose end is assumed. */
  get overAndLive(): number {
    let n = 0
    this.live.forEach((i) => {
      n += this.live.over[i] as number
    })
    return n
  }

  /** The device leaves out unmaps. */
  leavesOut(dev: number): boolean {
    return this.devices[dev]?.leavesOut === true
  }
}

// One pool of a what-if question: what each live mapping holds in it, and which mappings find no room. A mapping that
// finds none holds nothing; its segments are given back, as a failed dma_map_sg() gives back what it had mapped so far.
import { maxMappingSize } from './device.ts'
import { MAX_GROWN_SLABS } from './growth.ts'
import { areasFor } from './pool-guess.ts'
import { Cause, type PoolPlace, PoolSim } from './pool-sim.ts'

/** Chain of a mapping that found no room. */
const FAILED = -1
/** Where pools that a trial makes for itself lie: above every address of a machine. */
const MADE = 2 ** 46
/**
 * Nanoseconds from a search in vain to the new pool where the recording does not show it: 14 ms in the recording of
 * 7.3.4 (d31), under QEMU.
 */
export const GROWS_AFTER = 14e6

/** One segment of a mapping. */
export interface Segment {
  readonly dev: number
  readonly cpu: number
  /** Nanoseconds. */
  readonly time: number
  /** min_align_mask of the device. */
  readonly mask: number
  readonly phys: number
  readonly size: number
  /** Longest piece that the device may map (dma_max_mapping_size()), in bytes. */
  readonly limit: number
  /** Window id of the mapping. */
  readonly owner: number
}

/** One record for all segments of one that follows the load: pools do not keep it. */
export class SegmentRecord implements Segment {
  dev = 0
  cpu = 0
  time = 0
  mask = 0
  phys = 0
  size = 0
  limit = 0
  owner = 0

  /** The record, as the segment of a device. */
  of(
    dev: { readonly id: number; readonly minAlignMask: number },
    cpu: number,
    time: number,
    phys: number,
    size: number,
    owner: number
  ): Segment {
    this.dev = dev.id
    this.cpu = cpu
    this.time = time
    this.mask = dev.minAlignMask
    this.phys = phys
    this.size = size
    this.limit = maxMappingSize(this.mask)
    this.owner = owner
    return this
  }
}

/** A segment that waits for room since its first try. */
export interface Waiting {
  readonly id: number
  readonly size: number
  readonly since: number
}

/**
 * Allocations that another pool takes over: by live index, by window id of a mapping that is not complete, and those
 * that wait.
 */
export interface Holdings {
  readonly sim: PoolSim
  readonly chains: Iterable<readonly [number, number]>
  readonly pending: Iterable<readonly [number, number]>
  readonly waiting: Iterable<readonly [number, ReadonlyMap<number, Waiting>]>
}

export class Trial {
  readonly sim: PoolSim
  /** Mappings, or tries of one, that found no room; and those of them that a larger pool could have served. */
  failed = 0
  shortages = 0
  readonly causes = new Float64Array(6)
  firstFailure = Number.NaN
  /** Failures by device. */
  readonly failedBy: number[] = []
  private chains = new Int32Array(1024)
  /**
   * Chains of mappings that are not complete, by window id; the last one stands apart, as it mostly is the only one.
   */
  private readonly pending = new Map<number, number>()
  private lastOwner = Number.NaN
  private lastChain = 0
  /** By device and original address: segments of calls that failed in the recording and have room here. */
  private readonly waiting = new Map<number, Map<number, Waiting>>()
  private waits = 0
  private growsAt = Number.POSITIVE_INFINITY
  private made = 0

  /** `growsAfter`: SWIOTLB_DYNAMIC, nanoseconds from a search in vain to a new pool; null: the memory does not grow. */
  constructor(
    readonly place: PoolPlace,
    private readonly growsAfter: number | null = null
  ) {
    this.sim = new PoolSim(place)
    this.sim.canGrow = growsAfter !== null
  }

  private chain(live: number): number {
    return live < this.chains.length ? (this.chains[live] as number) : 0
  }

  private set(live: number, chain: number): void {
    if (live >= this.chains.length) {
      const more = new Int32Array(Math.max(this.chains.length * 2, live + 1))
      more.set(this.chains)
      this.chains = more
    }
    this.chains[live] = chain
  }

  private held(owner: number): number {
    return owner === this.lastOwner ? this.lastChain : (this.pending.get(owner) ?? 0)
  }

  private hold(owner: number, chain: number): void {
    if (owner !== this.lastOwner) {
      if (!Number.isNaN(this.lastOwner)) this.pending.set(this.lastOwner, this.lastChain)
      this.pending.delete(owner)
      this.lastOwner = owner
    }
    this.lastChain = chain
  }

  // What the mapping holds (0: nothing), which is complete now.
  private letGo(owner: number): number {
    if (owner === this.lastOwner) {
      this.lastOwner = Number.NaN
      return this.lastChain
    }
    const chain = this.pending.get(owner) ?? 0
    if (chain !== 0) this.pending.delete(owner)
    return chain
  }

  private take(dev: number, cpu: number, time: number, mask: number, phys: number, size: number): number {
    if (time >= this.growsAt) {
      this.growsAt = Number.POSITIVE_INFINITY
      const nslabs = Math.min(this.place.nslabs, MAX_GROWN_SLABS)
      this.sim.addPool({
        start: MADE + this.made++ * MAX_GROWN_SLABS * 2048,
        nslabs,
        nareas: areasFor(this.place.nareas, nslabs)
      })
    }
    const id = this.sim.take(dev, cpu, mask, phys, size)
    if (this.sim.tookTransient && this.growsAt === Number.POSITIVE_INFINITY)
      this.growsAt = time + (this.growsAfter ?? 0)
    return id
  }

  /**
   * One segment of the mapping `owner`, in pieces no longer than `limit`. False when there is no room: the caller then
   * says refuse(). True also for the rest of a mapping that was refused.
   */
  map(s: Segment): boolean {
    const head = this.held(s.owner)
    if (head === FAILED) return true
    const kept = this.waits > 0 ? this.claim(s.dev, s.phys, s.size) : 0
    const chain = kept !== 0 ? this.sim.link(kept, head) : this.pieces(s, head)
    if (chain === FAILED) return false
    this.hold(s.owner, chain)
    return true
  }

  // All pieces of a segment in front of a chain, or FAILED with none of them taken.
  private pieces(s: Segment, head: number): number {
    let chain = head
    for (let off = 0; off < s.size; off += s.limit) {
      const id = this.take(s.dev, s.cpu, s.time, s.mask, s.phys + off, Math.min(s.limit, s.size - off))
      if (id === 0) {
        const { cause } = this.sim
        for (let x = chain; x !== head; ) {
          const next = this.sim.after(x)
          this.sim.release(x)
          x = next
        }
        this.sim.cause = cause
        return FAILED
      }
      chain = this.sim.link(id, chain)
    }
    return chain
  }

  /** The mapping that map() found no room for fails: what it held is given back. */
  refuse(s: Segment): void {
    this.count(s.dev, s.time)
    const head = this.held(s.owner)
    if (head > 0) this.sim.releaseChain(head)
    this.hold(s.owner, FAILED)
  }

  private count(dev: number, time: number): void {
    const { cause } = this.sim
    this.failed++
    if (cause !== Cause.tooLarge) this.shortages++
    this.failedBy[dev] = (this.failedBy[dev] ?? 0) + 1
    this.causes[cause] = (this.causes[cause] as number) + 1
    if (Number.isNaN(this.firstFailure)) this.firstFailure = time
  }

  /**
   * The mapping `owner` is complete and has this place in the live table; `joins`: what it holds already stays its own.
   */
  complete(owner: number, live: number, joins: boolean): void {
    const head = this.letGo(owner)
    if (joins && head === 0) return
    const before = joins ? this.chain(live) : 0
    if (head > 0 && before > 0) {
      let tail = head
      while (this.sim.after(tail) !== 0) tail = this.sim.after(tail)
      this.sim.link(tail, before)
    }
    this.set(live, head === FAILED ? 0 : head)
  }

  /** The mapping is over. */
  release(live: number): void {
    const chain = this.chain(live)
    if (chain > 0) this.sim.releaseChain(chain)
    if (chain !== 0) this.set(live, 0)
  }

  /**
   * One segment of a call that failed in the recording: held from here on, if there is room, until the same memory is
   * mapped with success, or until it has waited longer than `patience`. False when there is no room here either: the
   * caller then says giveUp().
   */
  wait(s: Segment, patience: number): boolean {
    let mine = this.waiting.get(s.dev)
    if (mine === undefined) {
      mine = new Map()
      this.waiting.set(s.dev, mine)
    }
    for (const [phys, w] of mine) {
      if (s.time - w.since <= patience) break
      this.unwait(mine, phys, w)
    }
    if (mine.has(s.phys)) return true
    const id = this.take(s.dev, s.cpu, s.time, s.mask, s.phys, s.size)
    if (id === 0) return false
    mine.set(s.phys, { id, size: s.size, since: s.time })
    this.waits++
    return true
  }

  /** The call fails here, too: what it got at this moment is given back. */
  giveUp(s: Segment): void {
    this.count(s.dev, s.time)
    const mine = this.waiting.get(s.dev)
    if (mine !== undefined) for (const [phys, w] of mine) if (w.since === s.time) this.unwait(mine, phys, w)
  }

  private unwait(mine: Map<number, Waiting>, phys: number, w: Waiting): void {
    this.sim.release(w.id)
    mine.delete(phys)
    this.waits--
  }

  // What waits for this segment: its allocation, 0 when there is none.
  private claim(dev: number, phys: number, size: number): number {
    const mine = this.waiting.get(dev)
    const w = mine?.get(phys)
    if (mine === undefined || w === undefined) return 0
    mine.delete(phys)
    this.waits--
    if (w.size === size) return w.id
    this.sim.release(w.id)
    return 0
  }

  /** What a smaller pool holds, for adopt(). */
  holdings(): Holdings {
    const chains: (readonly [number, number])[] = []
    this.chains.forEach((head, live) => {
      if (head > 0) chains.push([live, head])
    })
    const pending = [...this.pending].filter(([, head]) => head > 0)
    if (!Number.isNaN(this.lastOwner) && this.lastChain > 0) pending.push([this.lastOwner, this.lastChain])
    return { sim: this.sim, chains, pending, waiting: this.waiting }
  }

  /**
   * Takes over what a smaller pool holds: the same allocations in the same areas, as if they came one after the other.
   */
  adopt(from: Holdings): void {
    const copy = (id: number): number => {
      const dev = from.sim.deviceOf(id)
      return from.sim.first(id) < 0
        ? 0
        : this.sim.take(
            dev,
            Math.max(0, from.sim.area(id)),
            from.sim.maskOf(id),
            from.sim.original(id),
            from.sim.bytes(id)
          )
    }
    const chain = (head: number): number => {
      let mine = 0
      for (let id = head; id > 0; id = from.sim.after(id)) {
        const got = copy(id)
        if (got !== 0) mine = this.sim.link(got, mine)
      }
      return mine
    }
    for (const [live, head] of from.chains) this.set(live, chain(head))
    for (const [owner, head] of from.pending) this.hold(owner, chain(head))
    for (const [dev, waiting] of from.waiting) {
      const mine = new Map<number, Waiting>()
      for (const [phys, w] of waiting) {
        const id = copy(w.id)
        if (id !== 0) mine.set(phys, { id, size: w.size, since: w.since })
      }
      this.waiting.set(dev, mine)
      this.waits += mine.size
    }
  }
}

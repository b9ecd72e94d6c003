// Pools that the kernel made at run time (SWIOTLB_DYNAMIC), found from the addresses of bounces. Nothing in a trace
// says that a pool was added; but a new pool is searched before all others, from the start of each CPU's own area, so
// the mappings that follow fill it in a known order. A block of memory in which they do is a pool. A mapping outside
// every pool that is alone in its block, or whose neighbours do not follow that order, is in a transient pool of its
// own.
import {
  alloc_bytes,
  IO_TLB_SEGSIZE,
  IO_TLB_SIZE,
  IoTlbPool,
  slotParams,
  swiotlb_release_slots,
  swiotlb_search_pool_area
} from '../kernel/swiotlb/pool.ts'
import { Trace } from '../kernel/trace-events.ts'
import type { DeviceState } from './device.ts'
import { areasFor, roundUpPow2 } from './pool-guess.ts'
import type { PoolPlace, PoolSim } from './pool-sim.ts'
import { type EventWindow, Flag, Outcome } from './window.ts'

/** Largest pool that the page allocator gives: 2^MAX_PAGE_ORDER (10) pages of 4 KiB (swiotlb_alloc_pool()). */
export const MAX_GROWN_SLABS = 2048
/** No pool is smaller (IO_TLB_MIN_SLABS). */
export const MIN_SLABS = 512
/** Events that should wait behind a bounce before its block is judged. */
export const LOOK_AHEAD = 4096
/** Bounces after it that are looked at. */
const EVIDENCE = 32
/** Of the bounces that a new pool would have served, how many must lie where it would have put them. */
const AGREEMENT = 0.7
/** So many pools, at most, are used for the first time in another order than they were added. */
const BEHIND = 4

/** A pool that was added at run time. */
export interface GrownPool extends PoolPlace {
  /** Pools that are searched before it: they were added after it, but used first. */
  readonly behind: number
}

interface Candidate extends GrownPool {
  readonly agreed: number
}

export class Growth {
  /** Some bounce had an address outside every known pool. */
  seen = false

  constructor(
    private readonly window: EventWindow,
    private readonly devices: readonly DeviceState[]
  ) {}

  /** A bounce has an address outside every known pool. */
  note(at: number, addr: number): void {
    if (Number.isNaN(addr)) return
    this.seen = true
    this.window.mark(at, Flag.outside)
  }

  /**
   * The pool that this bounce is the first in, as far as what follows it in the window shows; null when it has a
   * transient pool. `roomy`: the kernel could have used a pool that it had.
   */
  poolOf(sim: PoolSim, id: number, addr: number, roomy: boolean): GrownPool | null {
    let best: Candidate | null = null
    for (let behind = 0; behind < Math.min(BEHIND, sim.poolCount) && best === null; behind++) {
      for (const nslabs of sizes(sim.place.nslabs)) {
        const c = this.judge(sim, id, addr, nslabs, behind)
        if (c !== null && (best === null || c.agreed > best.agreed)) best = c
      }
      if (best !== null && best.agreed < (behind === 0 ? (roomy ? 1 : 2) : 3)) best = null
    }
    return best
  }

  // Supposes a new pool of this size around `addr`, searched after `behind` others, and follows the bounces from here
  // on: those that it has room for must lie in it, in the order of its search, unless a newer pool serves them.
  // Releases are left out, so the pool has rather less room than it had.
  private judge(sim: PoolSim, id: number, addr: number, nslabs: number, behind: number): Candidate | null {
    const w = this.window
    const bytes = roundUpPow2(nslabs) * IO_TLB_SIZE
    const start = Math.floor(addr / bytes) * bytes
    const end = start + nslabs * IO_TLB_SIZE
    if (addr >= end || sim.places.some((p) => p.start < end && start < p.start + p.nslabs * IO_TLB_SIZE)) return null
    const nareas = areasFor(sim.place.nareas, nslabs)
    const areaBytes = (nslabs / nareas) * IO_TLB_SIZE
    const pool = new IoTlbPool(start, nslabs, nareas)
    const newer = new Set<number>()
    let agreed = 0
    let against = 0
    let seen = 0
    for (let k = id; k < w.tail && seen < EVIDENCE; k++) {
      const at = w.at(k)
      const actual = w.dma[at] as number
      if (w.kind[at] !== Trace.bounced || w.state[at] !== Outcome.ok || Number.isNaN(actual)) continue
      seen++
      const mask = (this.devices[w.dev[at] as number] as DeviceState).minAlignMask
      if (actual >= start && actual < end) {
        const ok = follows(pool, w.cpu[at] as number, mask, w.phys[at] as number, w.size[at] as number, actual)
        if (ok === true) agreed++
        else if (ok === false) against++
        continue
      }
      const block = Math.floor(actual / bytes)
      const rank = sim.rankOf(actual)
      if (newer.has(block) || (rank >= 0 && rank < behind)) continue
      if (rank < 0 && (actual - (actual % IO_TLB_SIZE)) % areaBytes === 0) newer.add(block)
      else if (hasRoom(pool, w.cpu[at] as number, mask, w.phys[at] as number, w.size[at] as number)) against++
    }
    return agreed > 0 && agreed >= (agreed + against) * AGREEMENT ? { start, nslabs, nareas, agreed, behind } : null
  }
}

// Sizes to try: what the kernel asks for, and what is left of it when memory is short (swiotlb_alloc_pool() halves down
// to the minimum).
function sizes(bootSlabs: number): number[] {
  const out: number[] = []
  for (
    let n = Math.min(bootSlabs, MAX_GROWN_SLABS);
    n >= MIN_SLABS;
    n = Math.ceil(n / 2 / IO_TLB_SEGSIZE) * IO_TLB_SEGSIZE
  ) {
    out.push(n)
    if (n <= MIN_SLABS) break
  }
  return out
}

// The CPU's own area has room for the mapping.
function hasRoom(pool: IoTlbPool, cpu: number, minAlignMask: number, phys: number, size: number): boolean {
  const p = slotParams(minAlignMask, 0, pool.start)
  const area = cpu & (pool.nareas - 1)
  const before = pool.area_index[area] as number
  const got = swiotlb_search_pool_area(pool, area, p, phys, alloc_bytes(p, phys, size, 0), 0)
  if (got >= 0) swiotlb_release_slots(pool, minAlignMask, pool.start + got * IO_TLB_SIZE)
  pool.area_index[area] = before
  return got >= 0
}

// Places the mapping where the recording has it; true when the search comes to the same slot in the CPU's own area or,
// that being full, in the one where the mapping lies; null when the slots are taken.
function follows(
  pool: IoTlbPool,
  cpu: number,
  minAlignMask: number,
  phys: number,
  size: number,
  actual: number
): boolean | null {
  const p = slotParams(minAlignMask, 0, pool.start)
  const bytes = alloc_bytes(p, phys, size, 0)
  const slot = Math.floor((actual - pool.start) / IO_TLB_SIZE)
  if (pool.list[slot] === 0) return null
  const home = Math.floor(slot / pool.area_nslabs)
  const at = (area: number): number => {
    const got = swiotlb_search_pool_area(pool, area, p, phys, bytes, 0)
    if (got >= 0 && got !== slot) swiotlb_release_slots(pool, minAlignMask, pool.start + got * IO_TLB_SIZE)
    return got
  }
  const own = at(cpu & (pool.nareas - 1))
  if (own === slot || (own < 0 && at(home) === slot)) return true
  // Put it right: the search goes on behind the slots that the kernel took.
  pool.area_index[home] = slot - home * pool.area_nslabs
  at(home)
  return false
}

// Where the boot pool lies, from the addresses alone: for a trace without a kernel log. Each CPU begins its search at
// the start of its own area, so the first addresses of the CPUs are a whole number of areas apart, if the trace shows
// the pool from its first use on. Several places are tried on the first events; the one whose addresses come true most
// often is taken.
import { IO_TLB_DEFAULT_SIZE, IO_TLB_SEGSIZE, IO_TLB_SIZE } from '../kernel/swiotlb/pool.ts'
import { Trace } from '../kernel/trace-events.ts'
import type { DeviceState } from './device.ts'
import { type PoolPlace, PoolSim } from './pool-sim.ts'
import { unsoundPool } from './sound-pool.ts'
import { type EventWindow, Outcome } from './window.ts'

export const roundUpPow2 = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)))

/** What is known beforehand; null fields are found out. */
export interface PoolHint {
  readonly start: number | null
  readonly nslabs: number | null
  readonly nareas: number | null
  /** PoolPlace's. */
  readonly before_6_3?: boolean
}

/**
 * Areas that boot makes for so many possible CPUs and slots: a power of two, at least a segment each (swiotlb_init,
 * limit_nareas).
 */
export function areasFor(cpus: number, nslabs: number): number {
  let n = roundUpPow2(cpus)
  while (n > 1 && nslabs / n < IO_TLB_SEGSIZE) n /= 2
  return n
}

/** Bounces that decide between two places. */
const DECIDING = 2048
/** No pool is larger: 2^20 slots, 2 GiB. */
const MOST_SLABS = 1 << 20

export class PoolGuess {
  private readonly low = new Map<number, number>()
  private readonly first = new Map<number, number>()
  private min = Number.POSITIVE_INFINITY
  private max = 0

  constructor(private readonly hint: PoolHint) {}

  bounce(cpu: number, addr: number, size: number): void {
    // Beyond 2^53 no address is exact, and no pool lies there.
    if (!Number.isSafeInteger(addr + size)) return
    const slot = addr - (addr % IO_TLB_SIZE)
    if (!this.first.has(cpu)) this.first.set(cpu, slot)
    const low = this.low.get(cpu)
    if (low === undefined || slot < low) this.low.set(cpu, slot)
    if (slot < this.min) this.min = slot
    if (addr + size > this.max) this.max = addr + size
  }

  /**
   * The pool as far as it can be told; null when nothing bounced and the hint has no place. `cpus` as the header or the
   * events show;
   * `sampled`: slots as the first sample of io_tlb_nslabs has them; `window`: the events on which places are tried.
   */
  place(cpus: number, sampled: number | null, window: EventWindow, devices: readonly DeviceState[]): PoolPlace | null {
    const { start, nareas } = this.hint
    const nslabs =
      this.hint.nslabs ?? (unsoundPool({ start: null, nslabs: sampled, nareas: null }) === null ? sampled : null)
    if (start !== null && nslabs !== null)
      return { start, nslabs, nareas: nareas ?? areasFor(cpus, nslabs), before_6_3: this.hint.before_6_3 === true }
    if (this.min === Number.POSITIVE_INFINITY) return null
    const all = this.candidates(nareas ?? roundUpPow2(cpus), nslabs)
    if (all.length === 0) return null
    if (all.length === 1) return all[0] as PoolPlace
    let best: PoolPlace | null = null
    let most = Number.NEGATIVE_INFINITY
    for (const p of all) {
      const n = rehearse(p, window, devices) - (this.leavesOut(p) ? 1 : 0)
      if (n > most) {
        most = n
        best = p
      }
    }
    return best
  }

  // A later bounce lies right below the place: decides between places that explain the first bounces equally well.
  private leavesOut(p: PoolPlace): boolean {
    for (const low of this.low.values()) if (low < p.start && low >= p.start - p.nslabs * IO_TLB_SIZE) return true
    return false
  }

  // In the order of preference between places that explain the same bounces: what is known, what two CPUs' first
  // addresses say, what holds all.
  private candidates(nareas: number, nslabs: number | null): PoolPlace[] {
    const sizes = new Set<number>()
    if (nslabs !== null) sizes.add(nslabs)
    else {
      for (const bytes of this.areaSizes(nareas)) sizes.add((bytes * nareas) / IO_TLB_SIZE)
      sizes.add(Math.min(MOST_SLABS, Math.max(IO_TLB_DEFAULT_SIZE, roundUpPow2(this.max - this.min)) / IO_TLB_SIZE))
    }
    const out: PoolPlace[] = []
    for (const n of sizes) {
      const areas = this.hint.nareas ?? areasFor(nareas, n)
      for (const start of this.starts(n, areas))
        out.push({ start, nslabs: n, nareas: areas, before_6_3: this.hint.before_6_3 === true })
    }
    return out.filter((p) => unsoundPool(p) === null)
  }

  // Two CPUs' first addresses are a whole number of areas apart. Largest first.
  private areaSizes(nareas: number): number[] {
    const out = new Set<number>()
    for (const [a, x] of this.first) {
      for (const [b, y] of this.first) {
        const areas = (b & (nareas - 1)) - (a & (nareas - 1))
        if (areas <= 0 || y <= x) continue
        const bytes = (y - x) / areas
        if (Number.isInteger(Math.log2(bytes)) && bytes >= IO_TLB_SEGSIZE * IO_TLB_SIZE) out.add(bytes)
      }
    }
    return [...out].sort((p, q) => q - p)
  }

  // Where a pool of this size could begin: each CPU's lowest address is the start of its area, if the trace shows the
  // pool from its first use.
  private starts(nslabs: number, nareas: number): number[] {
    if (this.hint.start !== null) return [this.hint.start]
    const areaBytes = (nslabs / nareas) * IO_TLB_SIZE
    const out = new Set<number>()
    for (const lows of [this.low, this.first]) {
      for (const [cpu, at] of lows) {
        const start = at - (cpu & (nareas - 1)) * areaBytes
        // A grown pool may lie below the one that boot made.
        if (start >= 0) out.add(start)
      }
    }
    out.add(this.min)
    // The highest first: a pool begins no lower than its addresses ask for.
    return [...out].sort((p, q) => q - p)
  }
}

// Plays the first bounces and unmaps of the window in a pool at this place: how many addresses come true, less those
// that do not. Far from the place an address says nothing: it may lie in a pool that was added at run time.
function rehearse(place: PoolPlace, w: EventWindow, devices: readonly DeviceState[]): number {
  const sim = new PoolSim(place)
  /**
   * Allocations by device and first address (unmap) or first original address (unmap of a scatter-gather mapping), and
   * by mapping until then.
   */
  const chains = new Map<number, number>()
  const held = new Map<string, number>()
  const bytes = place.nslabs * IO_TLB_SIZE
  let right = 0
  let wrong = 0
  let tried = 0
  const take = (key: string, chain: number): void => {
    const old = held.get(key)
    if (old !== undefined) sim.releaseChain(old)
    held.set(key, chain)
  }
  for (let id = w.head; id < w.tail && tried < DECIDING; id++) {
    const at = w.at(id)
    const dev = devices[w.dev[at] as number] as DeviceState
    const addr = w.dma[at] as number
    const sg = w.kind[at] === Trace.mapSg || w.kind[at] === Trace.unmapSg
    const key = `${dev.id} ${sg ? w.phys[at] : addr} ${sg}`
    switch (w.kind[at]) {
      case Trace.bounced: {
        if (w.state[at] !== Outcome.ok || Number.isNaN(addr)) break
        tried++
        const [mask, phys, size] = [dev.minAlignMask, w.phys[at] as number, w.size[at] as number]
        let mine = sim.take(dev.id, w.cpu[at] as number, mask, phys, size)
        if (mine !== 0 && sim.address(mine) === addr) {
          right++
          sim.confirm(mine)
        } else {
          if (addr >= place.start - bytes && addr < place.start + 2 * bytes) wrong++
          sim.undo(mine)
          mine = sim.put(dev.id, mask, phys, size, addr, -1)
        }
        if (mine !== 0) chains.set(w.owner[at] as number, sim.link(mine, chains.get(w.owner[at] as number) ?? 0))
        break
      }
      case Trace.map:
      case Trace.mapSg: {
        const chain = chains.get(id)
        chains.delete(id)
        if (chain !== undefined) take(key, chain)
        break
      }
      case Trace.unmap:
      case Trace.unmapSg: {
        const chain = held.get(key)
        held.delete(key)
        if (chain !== undefined) sim.releaseChain(chain)
        break
      }
      default:
        break
    }
  }
  return right - wrong
}

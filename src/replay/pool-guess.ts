// Where the pool lies, from the addresses alone: for a trace without a kernel log. Each CPU begins its search at the start of its own area,
// so the lowest address of each CPU is where its area begins, if the trace shows the pool from its first use on.
import { IO_TLB_DEFAULT_SIZE, IO_TLB_SEGSIZE, IO_TLB_SIZE } from '../kernel/swiotlb/pool.ts'
import type { PoolPlace } from './pool-sim.ts'

const roundUpPow2 = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)))

/** What is known beforehand; null fields are found out. */
export interface PoolHint {
  readonly start: number | null
  readonly nslabs: number | null
  readonly nareas: number | null
}

/** Areas that boot makes for so many possible CPUs and slots: a power of two, at least a segment each (swiotlb_init, limit_nareas). */
export function areasFor(cpus: number, nslabs: number): number {
  let n = roundUpPow2(cpus)
  while (n > 1 && nslabs / n < IO_TLB_SEGSIZE) n /= 2
  return n
}

export class PoolGuess {
  private readonly low = new Map<number, number>()
  private readonly first = new Map<number, number>()
  private min = Number.POSITIVE_INFINITY
  private max = 0

  constructor(private readonly hint: PoolHint) {}

  bounce(cpu: number, addr: number, size: number): void {
    const slot = addr - (addr % IO_TLB_SIZE)
    if (!this.first.has(cpu)) this.first.set(cpu, slot)
    const low = this.low.get(cpu)
    if (low === undefined || slot < low) this.low.set(cpu, slot)
    if (slot < this.min) this.min = slot
    if (addr + size > this.max) this.max = addr + size
  }

  /** The pool as far as it can be told; null when nothing bounced and the hint has no place. `cpus` as the header or the events show. */
  place(cpus: number): PoolPlace | null {
    const hint = this.hint
    if (hint.start !== null && hint.nslabs !== null) return { start: hint.start, nslabs: hint.nslabs, nareas: hint.nareas ?? areasFor(cpus, hint.nslabs) }
    if (this.min === Number.POSITIVE_INFINITY) return null
    let nareas = hint.nareas ?? roundUpPow2(cpus)
    let nslabs = hint.nslabs ?? 0
    let areaBytes = nslabs > 0 ? (nslabs / nareas) * IO_TLB_SIZE : 0
    if (areaBytes === 0) {
      // Two CPUs' first addresses are a whole number of areas apart.
      for (const [a, x] of this.first) {
        for (const [b, y] of this.first) {
          const areas = (b & (nareas - 1)) - (a & (nareas - 1))
          if (areas <= 0 || y <= x) continue
          const bytes = (y - x) / areas
          if (Number.isInteger(Math.log2(bytes)) && bytes >= IO_TLB_SEGSIZE * IO_TLB_SIZE && bytes > areaBytes) areaBytes = bytes
        }
      }
      if (areaBytes === 0) areaBytes = Math.max(IO_TLB_DEFAULT_SIZE / nareas, roundUpPow2(this.max - this.min) / nareas)
      nslabs = (areaBytes * nareas) / IO_TLB_SIZE
    }
    let start = hint.start ?? this.min
    if (hint.start === null) {
      for (const [cpu, low] of this.low) {
        const candidate = low - (cpu & (nareas - 1)) * areaBytes
        // Only a CPU that stayed in its own area tells; a start above an address seen is wrong.
        if (candidate >= 0 && candidate <= this.min && this.max <= candidate + nslabs * IO_TLB_SIZE) start = Math.min(start, candidate)
      }
    }
    if (hint.nslabs === null) while (this.max > start + nslabs * IO_TLB_SIZE) nslabs *= 2
    nareas = hint.nareas ?? areasFor(cpus, nslabs)
    return { start, nslabs, nareas }
  }
}

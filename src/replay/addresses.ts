// Addresses as a trace shows them and as the pool knows them. Alias bits of a bounce address (the top address bit of a
// realm) are learnt from the first bounce that has one.
import { MAPPING_ERROR } from '../kernel/trace-events.ts'
import type { PoolSim } from './pool-sim.ts'

export class Addresses {
  /** The bounce memory; null as long as no pool is known. */
  sim: PoolSim | null = null
  /** The alias bit as a number; 0 when there is none. */
  aliasBit = 0
  /** A bounce was seen in the pool without any alias: there is none. */
  private unaliased = false

  /** The address without its alias bit. */
  plain(addr: number): number {
    const bit = this.aliasBit
    return bit !== 0 && addr >= bit && addr < 2 * bit ? addr - bit : addr
  }

  /** The (plain) address lies in bounce memory. */
  pooled(addr: number): boolean {
    return this.sim?.pooled(addr) ?? false
  }

  /** learn() may find out something. */
  get learning(): boolean {
    return this.sim !== null && !this.unaliased && this.aliasBit === 0
  }

  /**
   * `dma` is the bounce address of something at `phys`: a bit above 4 GiB that takes it out of the pool is an alias.
   */
  learn(dma: number, phys: number): void {
    const sim = this.sim
    if (sim === null || !this.learning || dma === phys || dma >= MAPPING_ERROR) return
    if (sim.contains(dma)) {
      this.unaliased = true
      return
    }
    const top = 2 ** Math.floor(Math.log2(dma))
    if (top >= 2 ** 32 && sim.contains(dma - top)) this.aliasBit = top
  }
}

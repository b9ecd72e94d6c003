// Granule tracking: one state per 4 KiB of the memory and of the device ranges the RMM was told of at boot. Source:
// reference arm-cca.md section 2. Reference counts live with what a granule backs (a table's entries, a Realm's RECs).
import { PAGE_SIZE } from '../../base/index.ts'

/** A range of physical addresses the RMM knows: base in bytes, size in granules. */
export interface PaRange {
  readonly base: number
  readonly granules: number
}

const CHUNK = 4096

/**
 * States of the granules of one range, stored sparsely: a small realm costs a few kilobytes whatever the range's size.
 */
export class GranuleArray {
  private chunks: Array<Uint8Array | undefined> = []

  constructor(readonly range: PaRange) {}

  /** Index of a granule, or -1 when the address is unaligned or not in the range. */
  index(pa: number): number {
    const i = (pa - this.range.base) / PAGE_SIZE
    return i >= 0 && i < this.range.granules && Number.isInteger(i) ? i : -1
  }

  /** State at an index that `index` returned. */
  at(i: number): number {
    const low = i & (CHUNK - 1)
    const c = this.chunks[(i - low) / CHUNK]
    return c === undefined ? 0 : (c[low] as number)
  }

  set(i: number, state: number): void {
    const low = i & (CHUNK - 1)
    const c = (this.chunks[(i - low) / CHUNK] ??= new Uint8Array(CHUNK))
    c[low] = state
  }

  /** Calls `f` for each granule whose state is not 0, ascending. */
  each(f: (pa: number, state: number) => void): void {
    this.chunks.forEach((c, n) => {
      if (c === undefined) return
      for (let j = 0; j < CHUNK; j++) {
        const s = c[j] as number
        if (s !== 0) f(this.range.base + (n * CHUNK + j) * PAGE_SIZE, s)
      }
    })
  }

  clone(): GranuleArray {
    const g = new GranuleArray(this.range)
    g.chunks = this.chunks.map((c) => c?.slice())
    return g
  }
}

// The atomic pools (kernel/dma/pool.c): memory that is ready for allocations that cannot block. Three pools by zone, all
// decrypted when they are made and never converted back.
import { EMPTY, encodeIntervals, type Intervals, PAGE_SIZE, pieces, setRange } from '../base/index.ts'
import { act, Interned, type Layout, type Store } from '../step/index.ts'
import { coherent_limit } from './device.ts'
import { phys_to_dma, phys_to_dma_unencrypted } from './dma-address.ts'
import type { Device, Kernel } from './kernel.ts'

/** 128 KiB a GiB of RAM, at least 128 KiB. */
export const atomic_pool_size = (ram: number): number => Math.max(128 * 1024, Math.ceil(ram / 2 ** 30) * 128 * 1024)

interface GenPool { readonly name: string; readonly start: number; readonly size: number; readonly used: Interned<Intervals> }

export class AtomicPools {
  readonly pools: readonly GenPool[]
  constructor(layout: Layout, private readonly k: Kernel, reserve: (bytes: number) => number) {
    const asked = /(?:^|\s)coherent_pool=(\d+)([KMG]?)/.exec(k.config.cmdline)
    const unit = { '': 1, K: 1024, M: 1 << 20, G: 2 ** 30 }[asked?.[2] ?? ''] ?? 1
    // Small scenes: a pool never takes more than a sixteenth of RAM.
    const size = Math.min(asked ? Number(asked[1]) * unit : atomic_pool_size(k.config.ram), Math.floor(k.config.ram / 16 / PAGE_SIZE) * PAGE_SIZE)
    this.pools = ['atomic_pool_kernel', 'atomic_pool_dma32', 'atomic_pool_dma'].map((name) => ({ name, size, start: reserve(size), used: new Interned<Intervals>(layout, name, EMPTY, encodeIntervals) }))
  }

  /** Boot: atomic_pool_expand() decrypts whatever it adds. */
  get shared(): boolean {
    const { platform, config, rev } = this.k
    if (platform.conversion === 'none') return false
    // An encrypting host's set_memory_decrypted() does nothing where no memory encryption is reported.
    return rev.atomicPoolsShared === 'reported' || !platform.guest ? config.memory_encrypt_reported : true
  }

  contains(phys: number): boolean { return this.pools.some((p) => phys >= p.start && phys < p.start + p.size) }

  /**
   * dma_alloc_from_pool(): first fit from the kernel, DMA32 and DMA pool, each block checked against the coherent mask. `request`: the state
   * that the request wants, where pools must match it (the series); null: any. Answers the physical address, or -1 when none fits.
   */
  alloc(dev: Device, size: number, request: boolean | null, shared: boolean, noWarn = false): number {
    if (request !== null && request !== this.shared) {
      // WARN(1, ...): __GFP_NOWARN silences exhaustion only.
      this.k.warn('dma_alloc_from_pool', 'no suitable atomic pool')
      return -1
    }
    const limit = coherent_limit(dev)
    const probe = shared ? phys_to_dma_unencrypted(dev, 0) : phys_to_dma(dev, 0)
    const at = act(`gen_pool_alloc:${size}:${limit}:${probe}`, (r) => (r < 0 ? `atomic pools: nothing for ${size} bytes` : `atomic pool: ${size} bytes at 0x${r.toString(16)}`), (st) => {
      for (const p of this.pools) {
        for (const [a, b, v] of pieces(p.used.get(st), p.start, p.start + p.size, 0)) {
          if (v !== 0 || b - a < size) continue
          if (a + probe + size - 1 > limit) break
          p.used.update(st, `a${a},${size}`, (m) => setRange(m, a, a + size, 1, 0))
          this.k.machine.content.fill(st, a, size, 0)
          return a
        }
      }
      return -1
    })
    if (at < 0 && !noWarn) this.k.warn('dma_alloc_from_pool', 'atomic pool exhausted or no suitable pool')
    return at
  }

  /** dma_free_from_pool(): back to its pool; never converted. */
  free(phys: number, size: number): void {
    act(`gen_pool_free:${phys}:${size}`, () => `atomic pool: ${size} bytes at 0x${phys.toString(16)} back`, (st) => {
      const p = this.pools.find((x) => phys >= x.start && phys < x.start + x.size)
      p?.used.update(st, `f${phys},${size}`, (m) => setRange(m, phys, phys + size, 0, 0))
      return 0
    }, { results: [0] })
  }

  usedAt(st: Store, phys: number): boolean {
    if (this.k.calls !== null) return this.k.calls.usedAt(st, phys)
    const p = this.pools.find((x) => phys >= x.start && phys < x.start + x.size)
    return p !== undefined && pieces(p.used.get(st), phys, phys + 1, 0)[0]?.[2] === 1
  }
}

// The kernel of a recording of the whole DMA API: what BareKernel calls, and everything around it, atomic, restricted
// and growing pools included. Sizes and addresses in bytes; a size or mask of 2^64 is all ones.
import type { DmaAddr, Phys } from '../base/index.ts'
import {
  ATTR,
  ATTR_ALLOC_CC_SHARED,
  dma_addressing_limited,
  dma_alloc_attrs,
  dma_alloc_pages,
  type DmaBuffer,
  dma_direct_alloc,
  dma_direct_free,
  dma_direct_map_phys,
  dma_direct_max_mapping_size,
  dma_direct_sync_single_for_cpu,
  dma_direct_sync_single_for_device,
  dma_direct_unmap_phys,
  dma_free_attrs,
  dma_free_pages,
  dma_get_required_mask,
  dma_map_phys,
  dma_map_sg,
  DMA_MAPPING_ERROR,
  dma_need_unmap,
  dma_pgprot,
  dma_set_any_mask,
  dma_sync_sg,
  dma_sync_single,
  dma_unmap_phys,
  dma_unmap_sg,
  force_dma_unencrypted,
  type SgEntry,
  type SgMapped,
  swiotlb_find_pool,
  swiotlb_map,
  swiotlb_sync_single,
  swiotlb_tbl_map_single,
  swiotlb_tbl_unmap_single
} from '../kernel/index.ts'
import { type IoTlbPool, state_hash } from '../kernel/swiotlb/index.ts'
import { BareKernel } from './bare.ts'

/** How an allocation may be made: GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT. */
export const GFP = { KERNEL: 0, ATOMIC: 1, NOWAIT: 2 } as const

/** A pool of a device as it is now: its first address, slots and state hash. */
export interface PoolNow {
  readonly start: number
  readonly nslabs: number
  readonly hash: number
  readonly transient: boolean
}

/** SIZE_MAX, where a mapping has no limit. */
const NO_LIMIT = 2 ** 64

export class SurroundedKernel extends BareKernel {
  /** Runs what was left for later. */
  work(fn: () => void): void {
    this.run(fn)
  }

  dma_map_phys(dev: number, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
    return this.run(() => dma_map_phys(this.dev(dev), cpu, phys, size, dir, attrs))
  }
  dma_unmap_phys(dev: number, addr: DmaAddr, size: number, dir: number, attrs: number): void {
    this.run(() => {
      dma_unmap_phys(this.dev(dev), addr, size, dir, attrs)
    })
  }
  dma_map_sgtable(dev: number, cpu: number, sg: readonly SgEntry[], dir: number, attrs: number): number[] | number {
    return this.run(() => dma_map_sg(this.dev(dev), cpu, sg, dir, attrs))
  }
  dma_unmap_sg(dev: number, sg: readonly SgMapped[], dir: number, attrs: number): void {
    this.run(() => {
      dma_unmap_sg(this.dev(dev), sg, dir, attrs)
    })
  }
  dma_sync_sg(dev: number, sg: readonly SgMapped[], dir: number, forCpu: boolean): void {
    this.run(() => {
      dma_sync_sg(this.dev(dev), sg, dir, forCpu)
    })
  }
  override dma_sync_single(dev: number, addr: DmaAddr, size: number, dir: number, forCpu: boolean): void {
    this.run(() => {
      dma_sync_single(this.dev(dev), addr, size, dir, forCpu)
    })
  }

  dma_alloc_attrs(dev: number, cpu: number, size: number, gfp: number, attrs: number): DmaBuffer | null {
    return this.run(() => dma_alloc_attrs(this.dev(dev), cpu, size, gfp === GFP.KERNEL, attrs | nowarn(gfp)))
  }
  dma_free_attrs(dev: number, b: DmaBuffer, attrs: number): void {
    this.run(() => {
      dma_free_attrs(this.dev(dev), b, attrs)
    })
  }
  dma_alloc_pages(dev: number, cpu: number, size: number, gfp: number): DmaBuffer | null {
    return this.run(() => dma_alloc_pages(this.dev(dev), cpu, size, gfp === GFP.KERNEL, nowarn(gfp)))
  }
  dma_free_pages(dev: number, b: DmaBuffer): void {
    this.run(() => {
      dma_free_pages(this.dev(dev), b)
    })
  }
  /** dma_alloc_noncontiguous() of a device without an IOMMU: one block of pages. */
  dma_alloc_noncontiguous(dev: number, cpu: number, size: number, gfp: number, attrs: number): DmaBuffer | null {
    return (attrs & ~ALLOC_SINGLE_PAGES) !== 0 ? null : this.dma_alloc_pages(dev, cpu, size, gfp)
  }

  direct_alloc(dev: number, cpu: number, size: number, gfp: number, attrs: number): DmaBuffer | null {
    return this.run(() => dma_direct_alloc(this.dev(dev), cpu, size, gfp === GFP.KERNEL, attrs | nowarn(gfp)))
  }
  direct_free(dev: number, b: DmaBuffer, attrs: number): void {
    this.run(() => {
      dma_direct_free(this.dev(dev), b, attrs)
    })
  }
  direct_map(dev: number, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
    return this.run(() => dma_direct_map_phys(this.dev(dev), cpu, phys, size, dir, attrs))
  }
  direct_unmap(dev: number, addr: DmaAddr, size: number, dir: number, attrs: number): void {
    this.run(() => {
      dma_direct_unmap_phys(this.dev(dev), addr, size, dir, attrs)
    })
  }
  direct_sync(dev: number, addr: DmaAddr, size: number, dir: number, forCpu: boolean): void {
    this.run(() => {
      const sync = forCpu ? dma_direct_sync_single_for_cpu : dma_direct_sync_single_for_device
      sync(this.dev(dev), addr, size, dir)
    })
  }

  /** swiotlb_tbl_map_single(): the bounce address or DMA_MAPPING_ERROR, and the attributes as it leaves them. */
  tbl_map_single(
    dev: number,
    cpu: number,
    phys: Phys,
    size: number,
    mask: number,
    attrs: number
  ): { tlb: Phys; attrs: number } {
    return this.run(() => {
      const out = { attrs }
      const b = swiotlb_tbl_map_single(this.dev(dev), cpu, phys, size, attrs, mask, out)
      return { tlb: b?.tlb ?? DMA_MAPPING_ERROR, attrs: out.attrs }
    })
  }
  map(dev: number, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
    return this.run(() => swiotlb_map(this.dev(dev), cpu, phys, size, dir, attrs))
  }
  tbl_unmap_single(dev: number, tlb: Phys, size: number, dir: number, attrs: number): void {
    this.run(() => {
      const mem = swiotlb_find_pool(this.dev(dev), tlb)
      if (mem !== null) swiotlb_tbl_unmap_single(this.dev(dev), mem, tlb, size, dir, attrs)
    })
  }
  tbl_sync_single(dev: number, tlb: Phys, size: number, dir: number, forCpu: boolean): void {
    this.run(() => {
      const mem = swiotlb_find_pool(this.dev(dev), tlb)
      if (mem !== null) swiotlb_sync_single(this.dev(dev), mem, tlb, size, dir, forCpu)
    })
  }

  /** dma_set_mask(), dma_set_coherent_mask(): 0 or -EIO. */
  set_any_mask(dev: number, mask: number, coherent: boolean): number {
    return this.run(() => dma_set_any_mask(this.dev(dev), mask, coherent))
  }
  /** The limit of one mapping; 2^64 without one. */
  dma_max_mapping_size(dev: number): number {
    return Math.min(
      NO_LIMIT,
      this.run(() => dma_direct_max_mapping_size(this.dev(dev)))
    )
  }
  dma_get_required_mask(dev: number): number {
    return this.run(() => dma_get_required_mask(this.dev(dev)))
  }
  dma_addressing_limited(dev: number): boolean {
    return this.run(() => dma_addressing_limited(this.dev(dev)))
  }
  dma_need_unmap(dev: number): boolean {
    return this.run(() => dma_need_unmap(this.dev(dev)))
  }
  force_dma_unencrypted(dev: number): boolean {
    return this.run(() => force_dma_unencrypted(this.dev(dev)))
  }
  /** dma_pgprot(dev, 0, attrs): the attributes say decrypted since the series. */
  dma_pgprot(dev: number, attrs: number): number {
    return this.run(() =>
      dma_pgprot(
        this.dev(dev),
        this.system.kernel.rev.allocByAttr && (attrs & (ATTR.CC_SHARED | ATTR_ALLOC_CC_SHARED)) !== 0
      )
    )
  }

  /** The boot's answer to a device's restricted pool: it is on the default pool after all. */
  unattached(dev: number): boolean {
    return this.run(() => this.dev(dev).io_tlb_mem !== this.dev(dev).assigned)
  }

  /**
   * What io_tlb_used and io_tlb_used_hiwater would say of a device's pool, or of the default pool; without `tracked`
   * the areas are counted.
   */
  usage(dev: number | null, tracked: boolean): { used: number; hiwater: number } {
    const k = this.system.kernel
    const mem = dev === null ? k.default_mem : this.run(() => this.dev(dev).io_tlb_mem)
    if (mem === null) return { used: 0, hiwater: 0 }
    if (tracked) return { used: mem.pool.total_used, hiwater: mem.pool.used_hiwater }
    const grown = mem === k.default_mem ? (k.dynamic?.list(this.st, -1) ?? []).reduce((n, p) => n + p.used, 0) : 0
    return { used: mem.pool.area_used.reduce((a, b) => a + b, 0) + grown, hiwater: 0 }
  }
  get default_hash(): number {
    return state_hash(this.pool)
  }
  /** Hash of a restricted pool; 0 where no device has it. */
  restricted_hash(pool: IoTlbPool): number {
    const attached = this.system.kernel.devices.some((d) => d.assigned?.pool === pool && !this.unattached(d.index))
    return attached ? state_hash(pool) : 0
  }
  /** Atomic pool (0 kernel, 1 DMA32, 2 DMA); null where boot could not make it. */
  atomic_pool(i: number): { size: number; available: number; shared: boolean } | null {
    const { atomic } = this.system.kernel
    const p = atomic.sizes(this.st, i)
    return p && { ...p, shared: atomic.shared }
  }
  /** All pools in which a device's mapping may lie, in list order, its transient ones last. */
  pools(dev: number): PoolNow[] {
    const k = this.system.kernel
    const mem = this.run(() => this.dev(dev).io_tlb_mem)
    if (mem === null) return []
    const made = mem === k.default_mem ? (k.dynamic?.list(this.st, dev) ?? []) : []
    return [
      ...made.filter((p) => !p.transient),
      { start: mem.start, nslabs: mem.nslabs, hash: state_hash(mem.pool), transient: false },
      ...made.filter((p) => p.transient)
    ]
  }
}

const ALLOC_SINGLE_PAGES = 1 << 7
/** GFP_NOWAIT has __GFP_NOWARN. */
const nowarn = (gfp: number): number => (gfp === GFP.NOWAIT ? ATTR.NO_WARN : 0)

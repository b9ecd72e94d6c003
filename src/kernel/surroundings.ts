// What surrounds a kernel in a recording: the page allocator's zones, conversions, mappings, caches and work queues,
// answered and noted by somebody else. Under the checker and in a running system nobody stands there: the machine of
// ours answers.
import { HIGH_BANK } from '../machine/index.ts'

/** Zone bits of a gfp: none, GFP_DMA32, GFP_DMA. */
export type DmaZone = 'normal' | 'dma32' | 'dma'

/**
 * Work that the DMA code leaves for later: the atomic pools' refill, a pool that grows, a pool that goes (a work since
 * 7.3, an RCU callback before).
 */
export type WorkName = 'atomic' | 'dyn_alloc' | 'dyn_free' | 'rcu'

/** Addresses and sizes in bytes. */
export interface Surroundings {
  /** alloc_pages(): physical address of 2^order pages, or -1. */
  alloc_pages(order: number, zone: DmaZone): number
  free_pages(phys: number, order: number): void
  /** set_memory_decrypted(), set_memory_encrypted(): 0 or a negative errno. */
  set_memory(decrypted: boolean, phys: number, n: number): number
  /** vmap() of whole pages; false where it fails. */
  vmap(phys: number, size: number, prot: number): boolean
  vunmap(phys: number): void
  /** arch_sync_dma_for_device(), arch_sync_dma_for_cpu(), arch_dma_prep_coherent(). */
  cache(op: 'sd' | 'sc' | 'pc', phys: number, size: number): void
  /** arch_sync_dma_flush(). */
  flush(): void
  /** memset(0). */
  zero(phys: number, size: number): void
  /** schedule_work(), queue_rcu_work(), call_rcu() of what was not queued; `run` is the work. */
  schedule(work: WorkName, run: () => void): void
}

/** What boot found out about memory. */
export interface MemoryMap {
  /** The last byte of RAM: (max_pfn << PAGE_SHIFT) - 1. */
  readonly last: number
  /** What walk_system_ram_range() tells: [start, end). */
  readonly ram: ReadonlyArray<readonly [start: number, end: number]>
  /** Zones with pages. */
  readonly zones: readonly DmaZone[]
  readonly zone_dma_limit: number
  /** io_tlb_default_mem.phys_limit: where a pool that grows may lie. */
  readonly swiotlb_limit: number
}

/** zone_dma_limit as direct.c initialises it: DMA_BIT_MASK(24). */
export const ZONE_DMA_LIMIT = 0xffffff

/**
 * What an architecture makes of it at boot: arm64 all below 4G (mm/init.c, no narrower bus in firmware), s390 2G
 * (mm/init.c); x86 leaves it.
 */
const ZONE_DMA_LIMITS = { arm64: 0xffffffff, s390: 0x7fffffff, x86: ZONE_DMA_LIMIT } as const

/** The two banks of a scene. With `zones` they are in the architecture's zones. */
export const sceneMemory = (
  { ram, zones }: { ram: number; zones: boolean },
  architecture: keyof typeof ZONE_DMA_LIMITS
): MemoryMap => ({
  last: HIGH_BANK + ram - 1,
  ram: [
    [0, ram],
    [HIGH_BANK, HIGH_BANK + ram]
  ],
  zones: ['normal', 'dma', 'dma32'],
  zone_dma_limit: zones ? ZONE_DMA_LIMITS[architecture] : ZONE_DMA_LIMIT,
  // ARCH_LOW_ADDRESS_LIMIT, without SWIOTLB_ANY
  swiotlb_limit: 0xffffffff
})

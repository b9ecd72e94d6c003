// Another kernel's DMA API in the place of ours, within the same machine: each call is one step. What lies around it (the TSM core,
// the page allocator, conversions, the slab) stays ours.
import type { Layout, Store } from '../step/index.ts'
import type { DmaBuffer } from './dma-direct.ts'
import type { Device, Kernel } from './kernel.ts'

export interface DmaCalls {
  dma_map_phys(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number
  dma_unmap_phys(dev: Device, addr: number, size: number, dir: number, attrs: number): void
  dma_map_resource(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number
  dma_unmap_resource(dev: Device, addr: number, size: number, dir: number, attrs: number): void
  dma_sync_single(dev: Device, addr: number, size: number, dir: number, forCpu: boolean): void
  dma_alloc_attrs(dev: Device, cpu: number, size: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null
  dma_free_attrs(dev: Device, b: DmaBuffer, attrs: number): void
  dma_alloc_pages(dev: Device, cpu: number, size: number, gfpBlocks: boolean): DmaBuffer | null
  dma_free_pages(dev: Device, b: DmaBuffer): void
  dma_set_mask(dev: Device, bits: number): number
  dma_set_coherent_mask(dev: Device, bits: number): number
  /** Alias of a user mapping made now. */
  dma_mmap_alias(dev: Device): 'shared' | 'private'
  dma_to_phys(dev: Device, addr: number): number
  /** Whether a slot or a page of an atomic pool is taken in this state. */
  usedAt(st: Store, phys: number): boolean
  /** Whether a page is an atomic pool's in this state. */
  atomicAt(st: Store, phys: number): boolean
  /** Boot is over, and these conversions of it failed: of the default pool, of an atomic pool, of a restricted pool when a device was initialised. */
  booted(failed: readonly BootConversion[]): void
}

export type BootConversion = 'swiotlb' | `atomic pool ${number}` | `device ${number}`

/** Made with the kernel, when its devices and pools are known and the layout still grows. */
export type MakeCalls = (k: Kernel, layout: Layout) => DmaCalls

// include/linux/dma-map-ops.h and remap.c: what the architecture does for a device that does not snoop. Nothing moves
// in the model's memory; the event is told, and a recording's surroundings answer.
import { PAGE_ALIGN, type Phys } from '../../base/index.ts'
import { kmalloc_size_roundup } from '../slab.ts'
import type { Device, Kernel } from '../types.ts'
import { DIR } from './attrs.ts'

/** Page protection of a mapping, as the recordings number it. */
export const PGPROT = { decrypted: 1, dmacoherent: 2 } as const

/** dma_kmalloc_needs_bounce(): CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC, by size alone. */
export function dma_kmalloc_needs_bounce(dev: Device, size: number, dir: number): boolean {
  const { platform, config, parts } = dev.k
  if (!(parts.bounceUnalignedKmalloc ?? platform.noncoherentDevices) || dev.coherent || dir === DIR.TO_DEVICE)
    return false
  const ARCH_DMA_MINALIGN = 128
  if (size >= 2 * ARCH_DMA_MINALIGN) return false
  return kmalloc_size_roundup(size) % config.cache_line !== 0
}

/** dma_pgprot() and what the caller adds to it: decrypted where `shared`. */
export const dma_pgprot = (dev: Device, shared: boolean): number =>
  (dev.coherent ? 0 : PGPROT.dmacoherent) | (shared ? PGPROT.decrypted : 0)

/** arch_sync_dma_for_device() and _for_cpu(): nothing moves in the model's memory, the event is told. */
export function arch_sync_dma(dev: Device, op: 'sd' | 'sc', phys: Phys, size: number, flush = false): void {
  const { k } = dev
  if (dev.coherent) return
  k.record(op, phys, size)
  k.parts.host?.cache(op, phys, size)
  if (flush) arch_sync_dma_flush(k)
}

/** arch_sync_dma_flush(): cache maintenance is complete. */
export function arch_sync_dma_flush(k: Kernel): void {
  k.parts.host?.flush()
}

/** arch_dma_prep_coherent(): only where devices exist that do not snoop. */
export function arch_dma_prep_coherent(k: Kernel, phys: Phys, size: number): void {
  if (k.platform.noncoherentDevices) k.parts.host?.cache('pc', phys, size)
}

/** dma_common_contiguous_remap(): false where vmap() fails. */
export const dma_common_contiguous_remap = (k: Kernel, phys: Phys, size: number, prot: number): boolean =>
  k.parts.host?.vmap(phys, PAGE_ALIGN(size), prot) ?? true

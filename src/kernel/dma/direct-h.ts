// kernel/dma/direct.h, in its order: what direct.c and mapping.c take in line. The mapping of one buffer stood here
// until 7.3 took it to direct.c: the bodies of 6.12 to 6.15 (and the RFC and TIO trees on them) and of 7.1 are here,
// each whole, alike as they are, so that each reads beside its C.
import { asDmaAddr, type DmaAddr, type Phys } from '../../base/index.ts'
import { is_swiotlb_active, is_swiotlb_force_bounce } from '../device.ts'
import type { Device } from '../types.ts'
import {
  aliasOfNoPage,
  dma_capable,
  DMA_MAPPING_ERROR,
  dma_to_phys,
  phys_to_dma,
  physToDmaSaidShared
} from './address.ts'
import { ATTR } from './attrs.ts'
import { arch_sync_dma, dma_kmalloc_needs_bounce } from './map-ops.ts'
import { failed, swiotlb_find_pool, swiotlb_map, swiotlb_sync_single, swiotlb_tbl_unmap_single } from './swiotlb.ts'

/** The page of an alias is asked for: pfn_to_page(), phys_to_virt() of what is no memory. */
export function noPage(dev: Device, site: string): never {
  dev.k.crash(
    site,
    'no page behind the alias',
    'the physical address is a shared alias, and the page or mapping of it does not exist'
  )
}

/** dma_direct_sync_single_for_device(). `flush`: the caller does not wait for the caches himself. */
export function dma_direct_sync_single_for_device(
  dev: Device,
  addr: DmaAddr,
  size: number,
  dir: number,
  flush = true
): void {
  const phys = dma_to_phys(dev, addr)
  const mem = swiotlb_find_pool(dev, phys)
  if (!dev.coherent && aliasOfNoPage(dev, addr)) noPage(dev, 'dma_direct_sync_single')
  if (mem !== null) swiotlb_sync_single(dev, mem, phys, size, dir, false)
  arch_sync_dma(dev, 'sd', phys, size, flush)
}

/** dma_direct_sync_single_for_cpu(). */
export function dma_direct_sync_single_for_cpu(
  dev: Device,
  addr: DmaAddr,
  size: number,
  dir: number,
  flush = true
): void {
  const phys = dma_to_phys(dev, addr)
  const mem = swiotlb_find_pool(dev, phys)
  if (!dev.coherent && aliasOfNoPage(dev, addr)) noPage(dev, 'dma_direct_sync_single')
  arch_sync_dma(dev, 'sc', phys, size, flush)
  if (mem !== null) swiotlb_sync_single(dev, mem, phys, size, dir, true)
}

// 6.12.117 kernel/dma/direct.h
export function dma_direct_map_page(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  dir: number,
  attrs: number
): DmaAddr {
  const d = phys_to_dma(dev, phys)
  if (is_swiotlb_force_bounce(dev)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
  if (dma_capable(dev, d, size, true, attrs) !== 'ok' || dma_kmalloc_needs_bounce(dev, size, dir)) {
    if (is_swiotlb_active(dev)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    dev.k.warn('dma_direct_map_page', 'DMA addr overflow')
    failed(dev, 'mask')
    return DMA_MAPPING_ERROR
  }
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0) arch_sync_dma(dev, 'sd', phys, size)
  return d
}

// 7.1: f0548044a026
export function dma_direct_map_phys_71(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  dir: number,
  attrs: number,
  flush: boolean
): DmaAddr {
  const shared = (attrs & ATTR.CC_SHARED) !== 0
  if (is_swiotlb_force_bounce(dev)) {
    if (!shared) {
      if (attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) {
        failed(dev, attrs & ATTR.MMIO ? 'mmio_bounce' : 'coherent_only')
        return DMA_MAPPING_ERROR
      }
      return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    }
  } else if (shared) {
    failed(dev, 'cc_shared_unforced')
    return DMA_MAPPING_ERROR
  }
  if (attrs & ATTR.MMIO) {
    const d = asDmaAddr(phys)
    if (dma_capable(dev, d, size, false, attrs) !== 'ok') {
      failed(dev, 'mask')
      return overflow(dev, attrs)
    }
    return d
  }
  if (shared) {
    const d = physToDmaSaidShared(dev, phys)
    if (dma_capable(dev, d, size, true, attrs) !== 'ok') {
      failed(dev, 'mask')
      return overflow(dev, attrs)
    }
    return dmaMapped(dev, d, phys, size, attrs, flush)
  }
  const d = phys_to_dma(dev, phys)
  if (dma_capable(dev, d, size, true, attrs) !== 'ok' || dma_kmalloc_needs_bounce(dev, size, dir)) {
    if (is_swiotlb_active(dev) && !(attrs & ATTR.REQUIRE_COHERENT)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    failed(dev, attrs & ATTR.REQUIRE_COHERENT ? 'coherent_only' : 'mask')
    return overflow(dev, attrs)
  }
  return dmaMapped(dev, d, phys, size, attrs, flush)
}

// The cache maintenance before dma_direct_map_phys() answers; no caller comes here with DMA_ATTR_MMIO.
export function dmaMapped(
  dev: Device,
  addr: DmaAddr,
  phys: Phys,
  size: number,
  attrs: number,
  flush: boolean
): DmaAddr {
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0) arch_sync_dma(dev, 'sd', phys, size, flush)
  return addr
}

export function overflow(dev: Device, attrs: number): DmaAddr {
  void attrs
  dev.k.warn('dma_direct_map_phys', 'DMA addr overflow')
  return DMA_MAPPING_ERROR
}

/**
 * dma_direct_unmap_page(), dma_direct_unmap_phys(). The pool is found by address, whatever the device's state is now.
 */
export function dma_direct_unmap_phys(
  dev: Device,
  addr: DmaAddr,
  size: number,
  dir: number,
  attrs: number,
  flush = true
): void {
  if (dev.k.rev.mapPhys !== 'map_page' && attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) return
  const phys = dma_to_phys(dev, addr)
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0) dma_direct_sync_single_for_cpu(dev, addr, size, dir, flush)
  const mem = swiotlb_find_pool(dev, phys)
  // Copied back above; the release never copies again.
  if (mem !== null) swiotlb_tbl_unmap_single(dev, mem, phys, size, dir, attrs | ATTR.SKIP_CPU_SYNC)
}

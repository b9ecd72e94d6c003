// drivers/iommu/dma-iommu.c, as far as the question goes: a device behind a vIOMMU. Mapping asks neither
// force_dma_unencrypted() nor is_swiotlb_force_bounce(): whatever page the driver passes is mapped as it is, but for an
// unaligned buffer that would share its cache lines or its IOMMU page with others, which bounces.
import { intervalAt, type Intervals, PAGE_SIZE, pagesOf, setRange, type DmaAddr, type Phys } from '../../base/index.ts'
import { action, change, type Store } from '../../step/index.ts'
import { dma_limit, force_dma_unencrypted, is_swiotlb_active } from '../device.ts'
import { TAG } from '../page-alloc.ts'
import { get_order } from '../swiotlb/index.ts'
import type { CpuAlias, Device, DmaBuffer } from '../types.ts'
import { phys_to_virt } from '../linear-map.ts'
import { DMA_MAPPING_ERROR } from './address.ts'
import { ATTR } from './attrs.ts'
import { dma_alloc_contiguous, dma_free_contiguous } from './contiguous.ts'
import { arch_sync_dma, dma_kmalloc_needs_bounce } from './map-ops.ts'
import {
  failed,
  swiotlb_find_pool,
  swiotlb_sync_single,
  swiotlb_tbl_map_single,
  swiotlb_tbl_unmap_single
} from './swiotlb.ts'

const DEVICE_STRIDE = 2 ** 40

const ENTRY = change((t: Intervals, at: number, page: number) => setRange(t, at, at + 1, page + 1, 0))

const NO_ENTRIES = change((t: Intervals, at: number, n: number) => setRange(t, at, at + n, 0, 0))

const dev_use_swiotlb = (dev: Device, size: number, dir: number): boolean =>
  dev.config.untrusted || dma_kmalloc_needs_bounce(dev, size, dir)

/** The highest IOVA that a device gets. */
const iovaLimit = (dev: Device): number => Math.min(dma_limit(dev), 2 ** 32 - 1)

/** iommu_unmap(): the tables of the machine's vIOMMU. */
export const iommu_unmap = action<[dev: Device, iova: DmaAddr, size: number]>('iommu_unmap', {
  perform: (st, _outcome, dev, iova, size) => {
    dev.k.machine.iopt.update(
      st,
      NO_ENTRIES,
      dev.index * DEVICE_STRIDE + Math.floor(iova / PAGE_SIZE),
      pagesOf(iova, size)
    )
    return 0
  },
  text: (_r, _outcome, _dev, iova) => `iommu_dma_unmap: IOVA 0x${iova.toString(16)}`,
  results: [0]
})

/** iommu_map() of an IOVA that the caller has chosen. */
export const iommu_map = action<[dev: Device, iova: DmaAddr, phys: Phys, size: number]>('iommu_map', {
  perform: (st, _outcome, dev, iova, phys, size) => {
    enter(dev, st, Math.floor(iova / PAGE_SIZE), phys, pagesOf(phys, size))
    return 0
  },
  text: (_r, _outcome, _dev, iova, phys) => `iommu_map: IOVA 0x${iova.toString(16)} -> 0x${phys.toString(16)}`,
  results: [0]
})

function enter(dev: Device, st: Store, page: number, phys: Phys, n: number): void {
  const base = dev.index * DEVICE_STRIDE
  for (let i = 0; i < n; i++) dev.k.machine.iopt.update(st, ENTRY, base + page + i, Math.floor(phys / PAGE_SIZE) + i)
}

/** Maps [phys, phys+size): an IOVA from the top of the first 4G downwards, as one step. */
const iommuMap = action<[dev: Device, phys: Phys, size: number, limit: number]>('__iommu_dma_map', {
  perform: (st, _outcome, dev, phys, size, limit) => {
    const m = dev.k.machine
    const n = pagesOf(phys, size)
    const base = dev.index * DEVICE_STRIDE
    for (let page = Math.floor((limit + 1) / PAGE_SIZE) - n; page > 0; page--) {
      let free = true
      for (let i = 0; i < n && free; i++) if (intervalAt(m.iopt.get(st), base + page + i, 0) !== 0) free = false
      if (!free) continue
      enter(dev, st, page, phys, n)
      return page * PAGE_SIZE + (phys % PAGE_SIZE)
    }
    return -1
  },
  text: (r, _outcome, _dev, phys) =>
    r < 0 ? 'iommu_dma_map: no IOVA' : `iommu_dma_map: IOVA 0x${r.toString(16)} -> 0x${phys.toString(16)}`
})

/** What the guest's tables have behind an IOVA in a state; -1: nothing. */
export function walked(st: Store, dev: Device, iova: DmaAddr): number {
  const to = intervalAt(dev.k.machine.iopt.get(st), dev.index * DEVICE_STRIDE + Math.floor(iova / PAGE_SIZE), 0)
  return to === 0 ? -1 : (to - 1) * PAGE_SIZE + (iova % PAGE_SIZE)
}

/** iommu_iova_to_phys(): what the guest's tables have behind an IOVA; -1: nothing. */
export const iommu_iova_to_phys = action<[dev: Device, iova: DmaAddr]>('iommu_iova_to_phys', {
  perform: (st, _outcome, dev, iova) => walked(st, dev, iova),
  text: (r, _outcome, _dev, iova) =>
    r < 0 ? `iommu_iova_to_phys: nothing at 0x${iova.toString(16)}` : `iommu_iova_to_phys: 0x${r.toString(16)}`,
  silent: true
})

/** iommu_dma_sync_single_for_cpu() and _for_device(). */
export function iommu_dma_sync_single(dev: Device, iova: DmaAddr, size: number, dir: number, forCpu: boolean): void {
  if (dev.coherent && !dev_use_swiotlb(dev, size, dir)) return
  const phys = iommu_iova_to_phys(dev, iova)
  if (phys < 0) return
  const mem = swiotlb_find_pool(dev, phys)
  if (forCpu) arch_sync_dma(dev, 'sc', phys, size)
  if (mem !== null) swiotlb_sync_single(dev, mem, phys, size, dir, forCpu)
  if (!forCpu) arch_sync_dma(dev, 'sd', phys, size)
}

/** iommu_dma_map_swiotlb(): the bounce's physical address, or -1. */
function iommu_dma_map_swiotlb(dev: Device, cpu: number, phys: Phys, size: number, attrs: number): number {
  if (!is_swiotlb_active(dev)) {
    dev.k.printk('warn', `${dev.name}: DMA bounce buffers are inactive, unable to map unaligned transaction.`)
    failed(dev, 'no_pool')
    return -1
  }
  return swiotlb_tbl_map_single(dev, cpu, phys, size, attrs, PAGE_SIZE - 1)?.tlb ?? -1
}

const iova_unaligned = (phys: Phys, size: number): boolean => phys % PAGE_SIZE !== 0 || size % PAGE_SIZE !== 0

/** iommu_dma_map_page(), iommu_dma_map_phys(): CC_SHARED is an error (not supported). */
export function iommu_dma_map_phys(
  dev: Device,
  cpu: number,
  p: number,
  size: number,
  dir: number,
  attrs: number
): DmaAddr {
  if (attrs & ATTR.CC_SHARED) {
    failed(dev, 'iommu_cc_shared')
    return DMA_MAPPING_ERROR
  }
  let phys = p
  if (!(attrs & ATTR.MMIO) && dev_use_swiotlb(dev, size, dir) && iova_unaligned(phys, size)) {
    if (attrs & ATTR.REQUIRE_COHERENT) {
      failed(dev, 'coherent_only')
      return DMA_MAPPING_ERROR
    }
    phys = iommu_dma_map_swiotlb(dev, cpu, phys, size, attrs)
    if (phys < 0) return DMA_MAPPING_ERROR
  }
  if (!(attrs & (ATTR.SKIP_CPU_SYNC | ATTR.MMIO))) arch_sync_dma(dev, 'sd', phys, size)
  const iova = iommuMap(dev, phys, size, iovaLimit(dev))
  if (iova < 0) {
    const mem = swiotlb_find_pool(dev, phys)
    if (mem !== null) swiotlb_tbl_unmap_single(dev, mem, phys, size, dir, attrs)
    failed(dev, 'exhausted')
    return DMA_MAPPING_ERROR
  }
  return iova
}

/** iommu_dma_unmap_page(), iommu_dma_unmap_phys(): what was bounced is copied back and released. */
export function iommu_dma_unmap_phys(dev: Device, iova: DmaAddr, size: number, dir: number, attrs: number): void {
  if (attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) {
    iommu_unmap(dev, iova, size)
    return
  }
  const phys = iommu_iova_to_phys(dev, iova)
  if (phys < 0) {
    dev.k.warn('iommu_dma_unmap_phys', 'nothing is mapped there')
    return
  }
  if (!(attrs & ATTR.SKIP_CPU_SYNC)) arch_sync_dma(dev, 'sc', phys, size)
  iommu_unmap(dev, iova, size)
  const mem = swiotlb_find_pool(dev, phys)
  if (mem !== null) swiotlb_tbl_unmap_single(dev, mem, phys, size, dir, attrs)
}

function __iommu_dma_free(dev: Device, b: DmaBuffer): void {
  if (b.from === 'atomic' && dev.k.atomic.dma_free_from_pool(b.pool ?? b.phys, b.size)) return
  dma_free_contiguous(dev, b.phys / PAGE_SIZE, b.size, 'iommu_dma_free')
}

export function iommu_dma_free(dev: Device, b: DmaBuffer): void {
  iommu_unmap(dev, b.handle, b.size)
  __iommu_dma_free(dev, b)
}

function pages(dev: Device, size: number, gfpBlocks: boolean, alias: CpuAlias, why: string): DmaBuffer | null {
  const k = dev.k
  // A contiguous buffer: blocking allocations of many pages are gathered page by page in truth, and mapped as one run.
  const contiguous = dma_alloc_contiguous(dev, size, gfpBlocks, why)
  const pfn = contiguous >= 0 ? contiguous : k.pages.alloc_dma(get_order(size), 'normal', { tag: TAG.dma, why })
  if (pfn < 0) {
    failed(dev, 'exhausted')
    return null
  }
  const phys = pfn * PAGE_SIZE
  k.memzero(why, phys, size, alias)
  return { cpu: phys, handle: 0, phys, size, alias, from: 'buddy', vmap: alias !== null, cookie: false }
}

/** __iommu_dma_map() of an allocation; without an IOVA it goes back. */
function mapped(dev: Device, b: DmaBuffer | null): DmaBuffer | null {
  if (b === null) return null
  const iova = iommuMap(dev, b.phys, b.size, iovaLimit(dev))
  if (iova >= 0) return { ...b, handle: iova }
  __iommu_dma_free(dev, b)
  failed(dev, 'exhausted')
  return null
}

/** dma_common_alloc_pages(): pages as they are, whatever the device reaches. */
export function iommu_dma_alloc_pages(dev: Device, sizeIn: number, gfpBlocks: boolean): DmaBuffer | null {
  return mapped(dev, pages(dev, dev.k.pageAlign(sizeIn), gfpBlocks, null, 'dma_common_alloc_pages'))
}

/**
 * iommu_dma_alloc(): pages as they are, or the atomic pools where it cannot block and memory is remapped; a request for
 * shared memory is refused, or not looked at.
 */
export function iommu_dma_alloc(dev: Device, sizeIn: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null {
  const k = dev.k
  if (k.rev.iommuSharedAlloc === 'refused' && force_dma_unencrypted(dev)) {
    failed(dev, 'iommu_shared_alloc')
    return null
  }
  const size = dev.k.pageAlign(sizeIn)
  if (k.dmaDirectRemap && !gfpBlocks && !dev.coherent) {
    const b = k.atomic.dma_alloc_from_pool(dev, size, k.rev.poolsMatchRequest ? false : null, {
      shared: false,
      zone: 'normal',
      limited: false,
      noWarn: (attrs & ATTR.NO_WARN) !== 0
    })
    if (b === null) {
      failed(dev, 'exhausted')
      return null
    }
    return mapped(dev, {
      cpu: phys_to_virt(b.phys),
      handle: 0,
      phys: b.phys,
      size,
      alias: b.alias,
      from: 'atomic',
      vmap: true,
      cookie: false
    })
  }
  const alias: CpuAlias = !dev.coherent && k.dmaDirectRemap ? 'private' : null
  return mapped(dev, pages(dev, size, gfpBlocks, alias, 'iommu_dma_alloc'))
}

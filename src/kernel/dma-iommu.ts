// drivers/iommu/dma-iommu.c, as far as the question goes: a device behind a vIOMMU. It asks neither force_dma_unencrypted() nor
// is_swiotlb_force_bounce(): whatever page the driver passes is mapped as it is.
import { intervalAt, PAGE_SIZE, setRange } from '../base/index.ts'
import { act } from '../step/index.ts'
import { dma_limit, force_dma_unencrypted } from './device.ts'
import { DMA_MAPPING_ERROR } from './dma-address.ts'
import type { DmaBuffer } from './dma-direct.ts'
import { get_order } from './dma-direct.ts'
import type { Device } from './kernel.ts'
import { TAG } from './page-alloc.ts'
import { ATTR, failed } from './swiotlb.ts'

const DEVICE_STRIDE = 2 ** 40

/** Maps [phys, phys+size): an IOVA from the top of the first 4G downwards, as one step. */
function iommu_map(dev: Device, phys: number, size: number): number {
  const m = dev.k.machine
  const n = Math.floor((phys + size - 1) / PAGE_SIZE) - Math.floor(phys / PAGE_SIZE) + 1
  const limit = Math.min(dma_limit(dev), 2 ** 32 - 1)
  return act(`iommu_map:${dev.index}:${phys}:${size}`, (r) => (r < 0 ? 'iommu_dma_map: no IOVA' : `iommu_dma_map: IOVA 0x${r.toString(16)} -> 0x${phys.toString(16)}`), (st) => {
    const base = dev.index * DEVICE_STRIDE
    for (let page = Math.floor((limit + 1) / PAGE_SIZE) - n; page > 0; page--) {
      let free = true
      for (let i = 0; i < n && free; i++) if (intervalAt(m.iopt.get(st), base + page + i, 0) !== 0) free = false
      if (!free) continue
      for (let i = 0; i < n; i++) m.iopt.update(st, `m${base + page + i},${Math.floor(phys / PAGE_SIZE) + i}`, (v) => setRange(v, base + page + i, base + page + i + 1, Math.floor(phys / PAGE_SIZE) + i + 1, 0))
      return page * PAGE_SIZE + (phys % PAGE_SIZE)
    }
    return -1
  })
}

function iommu_unmap(dev: Device, iova: number, size: number): void {
  const m = dev.k.machine
  const first = Math.floor(iova / PAGE_SIZE)
  const n = Math.floor((iova + size - 1) / PAGE_SIZE) - first + 1
  act(`iommu_unmap:${dev.index}:${iova}:${size}`, () => `iommu_dma_unmap: IOVA 0x${iova.toString(16)}`, (st) => {
    m.iopt.update(st, `u${dev.index},${first},${n}`, (v) => setRange(v, dev.index * DEVICE_STRIDE + first, dev.index * DEVICE_STRIDE + first + n, 0, 0))
    return 0
  }, { results: [0] })
}

/** iommu_dma_map_phys(): CC_SHARED is an error (not supported). */
export function iommu_dma_map_phys(dev: Device, phys: number, size: number, attrs: number): number {
  if (attrs & ATTR.CC_SHARED) { failed(dev, 'iommu_cc_shared'); return DMA_MAPPING_ERROR }
  const iova = iommu_map(dev, phys, size)
  if (iova < 0) { failed(dev, 'exhausted'); return DMA_MAPPING_ERROR }
  return iova
}

export const iommu_dma_unmap_phys = (dev: Device, iova: number, size: number): void => iommu_unmap(dev, iova, size)

/** iommu_dma_alloc(): pages as they are; a request for shared memory is refused, or not looked at. */
export function iommu_dma_alloc(dev: Device, sizeIn: number): DmaBuffer | null {
  const k = dev.k
  if (k.rev.iommuSharedAlloc === 'refused' && force_dma_unencrypted(dev)) { failed(dev, 'iommu_shared_alloc'); return null }
  const size = Math.ceil(sizeIn / PAGE_SIZE) * PAGE_SIZE
  const pfn = k.pages.alloc_pages(get_order(size), { tag: TAG.dma, why: 'iommu_dma_alloc' })
  if (pfn < 0) { failed(dev, 'exhausted'); return null }
  const phys = pfn * PAGE_SIZE
  k.memzero('iommu_dma_alloc', phys, size)
  const iova = iommu_map(dev, phys, size)
  if (iova < 0) {
    k.pages.free_pages(pfn, get_order(size), 'iommu_dma_alloc')
    failed(dev, 'exhausted')
    return null
  }
  return { cpu: phys, handle: iova, phys, size, alias: null, from: 'buddy', vmap: false, cookie: false }
}

export function iommu_dma_free(dev: Device, b: DmaBuffer): void {
  iommu_unmap(dev, b.handle, b.size)
  dev.k.pages.free_pages(b.phys / PAGE_SIZE, get_order(b.size), 'iommu_dma_free')
}

// kernel/dma/contiguous.c: allocations from CMA areas.
import { PAGE_SIZE, type Pfn } from '../../base/index.ts'
import { TAG } from '../page-alloc.ts'
import { get_order } from '../swiotlb/index.ts'
import type { Device } from '../types.ts'

/**
 * dma_alloc_contiguous() (kernel/dma/contiguous.c): from the device's own CMA area, or more than a page from the
 * default one; -1: not from there.
 */
export function dma_alloc_contiguous(dev: Device, size: number, gfpBlocks: boolean, why: string): number {
  const { k, cma_area } = dev
  if (!gfpBlocks) return -1
  const area = cma_area ?? (size > k.page ? k.cma_default : null)
  return area === null ? -1 : k.pages.cma_alloc(area, size / PAGE_SIZE, get_order(size), { tag: TAG.dma, why })
}

/**
 * dma_free_contiguous(): back to the area that this device allocates from, if that has it; else to the page allocator,
 * which takes what is another area's.
 */
export function dma_free_contiguous(dev: Device, pfn: Pfn, size: number, site: string): void {
  const { k } = dev
  // pfn_to_page() of all ones.
  if (pfn < 0)
    k.crash(
      site,
      'no page behind the handle',
      'the range map does not know the handle, and the page of all ones is freed'
    )
  const area = dev.cma_area ?? k.cma_default
  if (area !== null && k.pages.cma_release(area, pfn, k.pageAlign(size) / PAGE_SIZE, site)) return
  k.pages.free_dma(pfn, get_order(size), site)
}

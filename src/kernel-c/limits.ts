// What running the C cannot show: said beside every verdict that comes from it.
import type { KernelMeta } from './image.ts'

/** One sentence each. */
export function limits(meta: KernelMeta): string[] {
  return [
    'a call runs to its end: races inside one call are not seen here',
    `4 KiB pages, no highmem, no CMA${meta.has.dynamic ? '' : ', no SWIOTLB_DYNAMIC'}, no IOMMU; page allocator, vmap, conversions and cache maintenance are the machine's, not the tree's`,
    ...(meta.has.coherentPool ? [] : ['no coherent pools: an allocation that cannot block takes the ordinary path or warns']),
    'TSM, device model and drivers are not compiled: who accepts a device sets its flag by name',
    'WARN_ONCE and its family warn each time'
  ]
}

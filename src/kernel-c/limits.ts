// What running the C cannot show: said beside every verdict that comes from it.
import type { KernelMeta } from './image.ts'

/** One sentence each. */
export function limits(meta: KernelMeta, interleave: 'calls' | 'steps' = 'calls'): string[] {
  return [
    interleave === 'calls'
      ? 'a call runs to its end: races inside one call are seen by kernel check --interleave steps alone'
      : "memory is sequentially consistent; the atomic pools' worker runs before or after a call, not within",
    '4 KiB pages, no highmem, no CMA, no Xen (swiotlb-xen.c is not compiled: no platform here is its guest); page ' +
      "allocator, IOVAs, a vIOMMU's tables, vmap, conversions and cache maintenance are the machine's, not the tree's",
    interleave === 'calls'
      ? 'behind a vIOMMU, and with a BAR in it, the entries of a scatterlist are mapped one by one'
      : "the entries of a scatterlist are mapped one by one: dma_direct_map_sg()'s own loop runs in whole calls alone",
    ...(meta.has.coherentPool
      ? []
      : ['no coherent pools: an allocation that cannot block takes the ordinary path or warns']),
    'TSM, device model and drivers are not compiled: who accepts a device sets its flag by name',
    'WARN_ONCE and its family warn each time'
  ]
}

import { follows } from './revision.ts'
import { revision as linux_6_15 } from './linux-6.15.ts'

export const revision = follows(linux_6_15, {
  name: 'linux-7.1',
  title: 'Linux 7.1 (DMA_ATTR_CC_SHARED of J. Pirko)',
  does: 'Linux 7.1: DMA_ATTR_CC_SHARED for mappings',
  kind: 'release',
  date: '2026-06',
  decisions: {
    base: ['7.1', '7.1'],
    atomicDevFlags: [true, 'D. Anderson, DEV_FLAG_* (2 Apr 2026); release inferred'],
    'attributes.CC_SHARED': [true, 'f0548044a026 (25 Mar 2026)'],
    'attributes.MMIO': [true, 'DMA_ATTR_MMIO came with dma_map_phys() (6.18)'],
    'attributes.REQUIRE_COHERENT': [true, 'DMA_ATTR_REQUIRE_COHERENT (7.1)'],
    mapPhys: ['jiri', 'f0548044a026 (25 Mar 2026)'],
    atomicPoolLookup: ['nearest', 'kernel/dma/pool.c dma_guess_pool(), read in 7.2.13; release inferred']
  }
})

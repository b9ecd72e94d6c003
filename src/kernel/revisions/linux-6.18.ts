// Linux 6.18 as far as 7.2's C and the stable fixes tell it: dma_map_phys() with DMA_ATTR_MMIO, no CC_SHARED, the
// pools' bugs unfixed.
import { follows } from './revision.ts'
import { revision as linux_6_15 } from './linux-6.15.ts'

export const revision = follows(linux_6_15, {
  name: 'linux-6.18',
  title: 'Linux 6.18 (dma_map_phys)',
  does: 'Linux 6.18: dma_map_phys() with DMA_ATTR_MMIO; its code inferred from 7.2 and the fixes',
  kind: 'release',
  date: '2025-11-30',
  decisions: {
    base: ['6.18', '6.18'],
    'attributes.MMIO': [true, 'DMA_ATTR_MMIO came with dma_map_phys() (6.18)'],
    mapPhys: ['jiri', '7.2.13 without the branches of DMA_ATTR_CC_SHARED (f0548044a026): inferred'],
    allocPagesReturnsPage: [false, '94a04ad732c9 was backported to it after the panics of September 2026'],
    freePagesByPhys: [false, '8a9dc4a028e7 was backported to it after the panics of September 2026']
  }
})

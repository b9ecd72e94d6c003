// Linux 7.2, read in the stable tree 7.2.13.
import { follows } from './revision.ts'
import { revision as linux_7_1 } from './linux-7.1.ts'

export const revision = follows(linux_7_1, {
  name: 'linux-7.2',
  title: 'Linux 7.2 (7.2.13)',
  does: 'Linux 7.2, read in 7.2.13: as 7.1, with the struct page of a pool allocation',
  kind: 'release',
  date: '2026-08',
  decisions: {
    base: ['7.2', '7.2.13'],
    mapPhys: ['jiri', 'kernel/dma/direct.h dma_direct_map_phys(), 7.2.13'],
    dynamicFree: ['kept', '57d29044d0f2: kernel/dma/swiotlb.c swiotlb_alloc_pool(), 7.2.13'],
    allocPagesReturnsPage: [true, '94a04ad732c9, in the 7.2.13 stable tree'],
    freePagesByPhys: [false, 'kernel/dma/direct.c:382-391, 7.2.13: 8a9dc4a028e7 is not in it']
  }
})

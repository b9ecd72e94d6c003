import { follows } from './revision.ts'
import { revision as linux_6_12 } from './linux-6.12.ts'

export const revision = follows(linux_6_12, {
  name: 'linux-6.15',
  title: 'Linux 6.15 (realm guests with aliased DMA addresses)',
  does: 'Linux 6.15: realm guests, shared alias in DMA addresses',
  kind: 'release',
  date: '2025-05-25',
  decisions: {
    base: ['6.15', '6.15'],
    realmGuest: [true, 'fbf979a01375 (6.13); 7d953a062416, b66e2ee7b6c8 (S. Poulose, 27 Feb 2025)'],
    clearBitsAfterRangeMap: [false, 'c380931712d1 (S. Poulose, 27 Feb 2025)'],
    dynamicFree: [
      'linear',
      'phys_to_virt() of the pool until 57d29044d0f2 (2026): inferred from the panics of TDX guests on 6.18'
    ],
    allocPagesReturnsPage: [false, 'kernel/dma/direct.c dma_direct_alloc_pages, 5.10 until 94a04ad732c9 (2026)']
  }
})

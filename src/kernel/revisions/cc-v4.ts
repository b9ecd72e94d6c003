// The cc-shared series ("dma-mapping: Use DMA_ATTR_CC_SHARED through direct, pool and swiotlb paths"), its decisions on
// top of the TSM core of tio-v2: that combination was never merged.
import { follows } from './revision.ts'
import { revision as linux_7_1 } from './linux-7.1.ts'
import { revision as tio_v2 } from './tio-v2.ts'

export const revision = follows(linux_7_1, {
  name: 'cc-v4',
  title: 'cc-shared v4 (12 May 2026)',
  does: 'the cc-shared series v4 on the TSM core of tio-v2',
  kind: 'posted',
  date: '2026-05-12',
  decisions: {
    accept: [tio_v2.accept, 'the TSM core of tio-v2; not merged'],
    'flagStorage.arm64': [tio_v2['flagStorage.arm64'], 'the TSM core of tio-v2; not merged'],
    'flagStorage.x86': [tio_v2['flagStorage.x86'], 'the TSM core of tio-v2; not merged'],
    'flagStorage.s390': [tio_v2['flagStorage.s390'], 'the TSM core of tio-v2; not merged'],
    acceptedClearsForce: ['yes', 'arm64 CCA RFC v3 (12 Mar 2026), x86 5/9 and 6/9 (25 Feb 2026): not merged'],
    forceBounce: ['cmdline', '04a19b35dc05: SWIOTLB_FORCE removed'],
    snpPrivateHandle: [
      'cbit_unless_accepted',
      'x86 6/9 (25 Feb 2026), as in tio-v2; the C-bit itself: include/linux/mem_encrypt.h:30, 7.3.4'
    ],
    mapPhys: ['capable', '30c5e45ee2c5'],
    capableChecksForce: [true, '20beb6884b83'],
    mmioIsShared: ['by_attr', '20260512090408.794195-1, 07/13: MMIO is encoded like memory'],
    maxMappingForced: [
      true,
      'kernel/dma/direct.c dma_direct_max_mapping_size(), 7.3.4; in the series from v4 on inferred'
    ],
    poolMatches: ['attr_or_force', '20260512090408.794195-1: S from the caller or force(dev)'],
    poolsMatchRequest: [true, '8277a12d0d60'],
    allocByAttr: [true, 'b5ef0dd28e11'],
    allocRefusesShared: [true, '20260420061415.3650870-1: since v2 a caller may not pass the attribute'],
    decryptRemapped: [true, 'f253a83ff94c'],
    convertRestricted: [false, 'b5ef0dd28e11'],
    dynamicPools: ['pool', 'kernel/dma/swiotlb.c swiotlb_alloc_tlb(), 7.3.4; in the series from v4 on inferred'],
    dynamicFree: ['kept', '57d29044d0f2'],
    dynamicRelease: ['process', 'e13d4d9a4915; in the series from v4 on inferred'],
    allocPagesReturnsPage: [true, '94a04ad732c9'],
    bootConverts: ['reported', '7fcad5e3715a, d5fd03cdd6c0: cc_shared of a pool is CC_ATTR_MEM_ENCRYPT'],
    atomicPoolsShared: ['reported', '8277a12d0d60']
  }
})

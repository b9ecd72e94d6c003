// Linux 6.12, read in the stable tree 6.12.117.
import { oldest } from './revision.ts'

export const revision = oldest({
  name: 'linux-6.12',
  title: 'Linux 6.12',
  does: 'Linux 6.12 (no realm guest)',
  kind: 'release',
  date: '2024-11-17',
  decisions: {
    base: ['6.12', '6.12.117'],
    realmGuest: [false, 'realm guests came with 6.13 (fbf979a01375)'],
    needsTsm: [false, 'no TSM'],

    accept: ['none', 'no TSM core'],
    acceptedAtInit: [false, 'no flag'],
    acceptedTest: ['flag', 'no flag'],
    acceptEvidence: ['not_looked_at', 'no TSM core'],
    dmaEnable: ['with_run', 'no TSM core'],
    trust: ['absent', 'drivers/base, 6.12.117: no trust level'],
    'flagStorage.arm64': ['own_byte', 'no flag; the layout of struct device on arm64, into which the RFC puts it'],
    'flagStorage.x86': ['shared_byte', 'no flag; the layout of struct device as gcc lays it out on x86-64, measured'],
    'flagStorage.s390': ['own_byte', 'no flag'],
    atomicDevFlags: [false, 'include/linux/device.h, 6.12.117: bool x:1'],

    acceptedClearsForce: ['no', 'no accepted device'],
    pkvmForces: [false, 'arch/arm64/include/asm/mem_encrypt.h, 6.12.117: realms only, and those later'],
    s390Reports: [false, 'arch/s390, 6.12.117: no cc_platform_has()'],
    forceBounce: [
      'guest',
      'SWIOTLB_FORCE by the platform (x86 mem_encrypt.c, s390 mm/init.c; arm64 realm: fbf979a01375)'
    ],

    tdxSharedBit: [false, 'include/linux/dma-direct.h, 6.12.117: __phys_to_dma()'],
    snpPrivateHandle: ['cbit', 'include/linux/dma-direct.h phys_to_dma(), 6.12.117: __sme_set()'],
    vtomOffset: [false, 'no SEV-TIO'],
    canonicalPhys: ['no', 'include/linux/dma-direct.h, 6.12.117; proposed by J. Gunthorpe, 4 Aug 2025, and not posted'],
    clearBitsAfterRangeMap: [true, 'include/linux/dma-direct.h dma_to_phys(), 6.12.117; fixed by c380931712d1'],

    'attributes.CC_SHARED': [false, 'include/linux/dma-mapping.h, 6.12.117'],
    'attributes.MMIO': [false, 'include/linux/dma-mapping.h, 6.12.117'],
    'attributes.REQUIRE_COHERENT': [false, 'include/linux/dma-mapping.h, 6.12.117'],
    mapPhys: ['map_page', 'kernel/dma/direct.h dma_direct_map_page, 6.12.117'],
    capableChecksForce: [false, 'include/linux/dma-direct.h dma_capable(), 6.12.117'],
    mmioIsShared: ['raw', 'kernel/dma/direct.c dma_direct_map_resource(), 6.12.117'],
    acceptedSkipsPools: [false, 'no accepted device'],
    maxMappingForced: [false, 'kernel/dma/direct.c dma_direct_max_mapping_size(), 6.12.117'],

    poolMatches: ['any', 'kernel/dma/swiotlb.c swiotlb_tbl_map_single(), 6.12.117'],
    poolsMatchRequest: [false, 'kernel/dma/pool.c and swiotlb.c swiotlb_alloc(), 6.12.117'],

    allocByAttr: [false, 'kernel/dma/direct.c dma_direct_alloc(), 6.12.117'],
    allocRefusesShared: [false, 'no such attribute'],
    decryptRemapped: [false, 'kernel/dma/direct.c dma_direct_alloc, 6.12.117: the remap branch converts nothing'],
    convertRestricted: [
      true,
      'kernel/dma/direct.c dma_direct_alloc(), 6.12.117: after swiotlb_alloc() as after the page allocator'
    ],
    reencryptOnFree: ['force_now', 'kernel/dma/direct.c dma_direct_free, 6.12.117'],
    dynamicPools: ['device', 'kernel/dma/swiotlb.c swiotlb_alloc_tlb(), 6.12.117'],
    dynamicFree: [
      'kept',
      'kernel/dma/swiotlb.c swiotlb_alloc_pool(), 6.12.117: pool->vaddr is what the allocation gave ' +
        '(57d29044d0f2, in the stable tree)'
    ],
    dynamicRelease: ['rcu_callback', 'kernel/dma/swiotlb.c swiotlb_del_pool(), 6.12.117: call_rcu()'],
    freePagesByPhys: [
      false,
      'kernel/dma/direct.c dma_direct_free_pages(), 6.12.117: dma_free_from_pool() of the linear address'
    ],
    allocPagesReturnsPage: [true, '94a04ad732c9, in the 6.12.117 stable tree'],
    iommuSharedAlloc: ['unnoticed', 'drivers/iommu/dma-iommu.c iommu_dma_alloc(), 6.12.117'],

    sharedGranule: ['ignored', 'arch/arm64/mm/pageattr.c, 6.12.117: guest pages'],
    tdxPageRelease: [
      false,
      'no release has it: Linux RFC v1 6/6 (20260604093551.1511079-1-zhenzhong.duan@intel.com) did, v2 of 23 Jun ' +
        '2026 dropped the patch'
    ],
    bootConverts: [
      'platform',
      'x86 mem_encrypt.c, s390 mm/init.c: swiotlb_update_mem_attributes(); kernel/dma/swiotlb.c ' +
        'rmem_swiotlb_device_init(), 6.12.117'
    ],
    decryptFailure: [
      'ignore',
      'kernel/dma/swiotlb.c swiotlb_update_mem_attributes(), 6.12.117: the answer is not looked at'
    ],
    atomicPoolAlias: ['shared', 'kernel/dma/pool.c atomic_pool_expand(), 6.12.117: pgprot_decrypted()'],
    atomicPoolFailure: [
      'freed',
      'kernel/dma/pool.c atomic_pool_expand(), 6.12.117: remove_mapping, and free_page within #ifdef ' +
        'CONFIG_DMA_DIRECT_REMAP'
    ],
    atomicPoolLookup: ['own_zone', 'kernel/dma/pool.c dma_guess_pool(), 6.12.117'],
    atomicPoolsShared: ['always', 'kernel/dma/pool.c atomic_pool_expand(), 6.12.117: set_memory_decrypted()']
  }
})

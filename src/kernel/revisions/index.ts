// All revisions, oldest first. Each is the one before it with what it changed.
import type { Revision } from './revision.ts'

const GUEST_T1 = ['arm-cca', 'amd-sev-snp', 'intel-tdx']
const t1 = (p: { name: string }): boolean => GUEST_T1.includes(p.name)

const linux612: Revision = {
  name: 'linux-6.12', title: 'Linux 6.12', accept: 'none', acceptedClearsForce: () => false, pkvmForces: false, forceBounce: 'guest', mapPhys: 'map_page',
  capableChecksForce: false, attributes: [], mmioIsShared: 'raw', poolMatches: 'any', allocByAttr: false, decryptRemapped: false, poolsMatchRequest: false,
  convertRestricted: true, decryptFailure: 'ignore', reencryptOnFree: 'force_now', maxMappingForced: false, snpPrivateHandle: 'cbit', tdxSharedBit: false,
  atomicDevFlags: false, allocPagesReturnsPage: true, usesPrivatePool: true, clearBitsAfterRangeMap: true,
  sources: {
    forceBounce: 'SWIOTLB_FORCE by the platform (x86 mem_encrypt.c, s390 mm/init.c; arm64 realm: fbf979a01375)',
    mapPhys: 'kernel/dma/direct.h dma_direct_map_page, 6.12.117',
    decryptRemapped: 'kernel/dma/direct.c dma_direct_alloc, 6.12.117: the remap branch converts nothing',
    reencryptOnFree: 'kernel/dma/direct.c dma_direct_free, 6.12.117',
    allocPagesReturnsPage: '94a04ad732c9, in the 6.12.117 stable tree'
  }
}

const linux615: Revision = {
  ...linux612, name: 'linux-6.15', title: 'Linux 6.15 (realm guests with aliased DMA addresses)', clearBitsAfterRangeMap: false, allocPagesReturnsPage: false,
  sources: { ...linux612.sources, allocPagesReturnsPage: 'kernel/dma/direct.c dma_direct_alloc_pages, 5.10 until 94a04ad732c9 (2026)', address: '7d953a062416, b66e2ee7b6c8, c380931712d1 (S. Poulose, 27 Feb 2025)' }
}

const linux71: Revision = {
  ...linux615, name: 'linux-7.1', title: 'Linux 7.1 (DMA_ATTR_CC_SHARED of J. Pirko)', mapPhys: 'jiri', attributes: ['CC_SHARED', 'MMIO', 'REQUIRE_COHERENT'],
  atomicDevFlags: true,
  sources: { ...linux615.sources, mapPhys: 'f0548044a026 (25 Mar 2026)', atomicDevFlags: 'D. Anderson, DEV_FLAG_* (2 Apr 2026); release inferred' }
}

const rfcV1: Revision = {
  ...linux615, name: 'rfc-v1', title: 'RFC PATCH v1 04/38 (28 Jul 2025)', accept: 'rfc-v1', acceptedClearsForce: (p) => p.name === 'arm-cca', forceBounce: 'unless_accepted',
  sources: { ...linux615.sources, accept: 'RFC v1 04/38', acceptedClearsForce: 'RFC v1 04/38: arm64 only, x86 untouched', forceBounce: 'RFC v1 04/38: is_swiotlb_force_bounce answers false for tdi_enabled, before anything else' }
}

const rfcV105: Revision = {
  ...rfcV1, name: 'rfc-v1-05', title: 'RFC PATCH v1 with 05/38', accept: 'rfc-v1-05',
  sources: { ...rfcV1.sources, accept: 'RFC v1 05/38: tsm: Don\'t overload connect' }
}

const tioV2: Revision = {
  ...linux615, name: 'tio-v2', title: 'PCI/TSM: TEE I/O infrastructure v2 (2 Mar 2026)', accept: 'tio-v2', acceptedClearsForce: t1, forceBounce: 'unaccepted', snpPrivateHandle: 'cbit_unless_accepted',
  sources: { ...linux615.sources, accept: 'D. Williams v2, 19 patches, 2 Mar 2026', acceptedClearsForce: 'D. Williams v2: guest and not accepted', forceBounce: 'D. Williams v2: SWIOTLB_UNACCEPTED', snpPrivateHandle: 'A. Kardashevskiy 6/9, 25 Feb 2026' }
}

const ccBase: Revision = {
  ...linux71, accept: 'tio-v2', acceptedClearsForce: t1, forceBounce: 'cmdline', mapPhys: 'capable', capableChecksForce: true, allocByAttr: true, decryptRemapped: true,
  poolsMatchRequest: true, convertRestricted: false, maxMappingForced: true, snpPrivateHandle: 'plain', tdxSharedBit: true, allocPagesReturnsPage: true, usesPrivatePool: true,
  name: 'cc', title: '',
  sources: {
    ...linux71.sources, forceBounce: '04a19b35dc05: SWIOTLB_FORCE removed', capableChecksForce: '20beb6884b83', mapPhys: '30c5e45ee2c5', allocByAttr: 'b5ef0dd28e11', decryptRemapped: 'f253a83ff94c',
    allocPagesReturnsPage: '94a04ad732c9', poolsMatchRequest: '8277a12d0d60', convertRestricted: 'b5ef0dd28e11', snpPrivateHandle: 'fd01136e25c6', tdxSharedBit: 'fd01136e25c6', acceptedClearsForce: 'arm64 CCA RFC v3 (12 Mar 2026), x86 5/9 and 6/9 (25 Feb 2026): not merged',
    accept: 'the TSM core of tio-v2; not merged'
  }
}

const ccV4: Revision = {
  ...ccBase, name: 'cc-v4', title: 'cc-shared v4 (12 May 2026)', poolMatches: 'attr_or_force', mmioIsShared: 'raw', decryptFailure: 'ignore',
  sources: { ...ccBase.sources, poolMatches: '20260512090408.794195-1: S from the caller or force(dev)', mmioIsShared: 'v4: raw phys', decryptFailure: 'v4: failures ignored' }
}
const ccV6: Revision = {
  ...ccBase, name: 'cc-v6', title: 'cc-shared v6 (4 Jun 2026)', poolMatches: 'device', mmioIsShared: 'force', decryptFailure: 'unusable',
  sources: { ...ccBase.sources, poolMatches: '20260604083959.1265923-1: strict device and pool match', mmioIsShared: 'v5 to v7: MMIO and force -> CC_SHARED', decryptFailure: 'ad8d2326d264' }
}
const ccV7: Revision = {
  ...ccV6, name: 'cc-v7', title: 'cc-shared v7 (1 Jul 2026)', poolMatches: 'guest_device',
  sources: { ...ccV6.sources, poolMatches: '20260701054926.825925-1: strict only when CC_ATTR_GUEST_MEM_ENCRYPT' }
}
const ccV8: Revision = {
  ...ccV7, name: 'cc-v8', title: 'cc-shared v8 (Jul 2026)', mmioIsShared: 'host_encrypt', pkvmForces: true,
  sources: { ...ccV7.sources, mmioIsShared: 'v8: only when CC_ATTR_HOST_MEM_ENCRYPT', pkvmForces: '20260603110522.3331819-1-smostafa@google.com' }
}
const linux73: Revision = {
  ...ccV8, name: 'linux-7.3', title: 'Linux 7.3 (the merged series: cc-v8 without accept)', accept: 'none', acceptedClearsForce: () => false,
  sources: { ...ccV8.sources, accept: 'no TSM core for guests in 7.3' }
}

/** In the order of the documents. */
export const revisions: readonly Revision[] = [linux612, linux615, linux71, linux73, rfcV1, rfcV105, tioV2, ccV4, ccV6, ccV7, ccV8]
export const revisionByName = (name: string): Revision | undefined => revisions.find((r) => r.name === name)
export type { Revision } from './revision.ts'

/** Why a pair of revision and platform has no meaning, or null. */
export function noMeaning(kernel: string, platform: string): string | null {
  if (kernel === 'linux-6.12' && platform === 'arm-cca') return 'linux-6.12 has no realm guest support (it came with 6.13)'
  if (kernel.startsWith('rfc-') && ['s390-pv', 'pkvm', 'amd-sme-host'].includes(platform)) return `${platform} has no TSM for ${kernel} to build on`
  return null
}

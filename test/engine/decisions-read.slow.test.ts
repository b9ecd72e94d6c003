// Every decision of a record is asked by every kernel function that it concerns: the library runs on a record that
// notes who asks, by the functions on the stack. A path that forgets a decision, or lets another one stand in for it,
// misses its name here.
import { afterAll, expect, test } from 'vitest'
import { checkTest } from '../../src/check/index.ts'
import { type Decision, decisionNames, revisionByName, type Revision } from '../../src/kernel/index.ts'
import { platformsOf } from '../../src/litmus/index.ts'
import { parsed } from '../_library.ts'
import { turn } from '../turn.ts'

/** The kernel functions that must ask; `null`: no kernel function does, and who does instead. */
const paths: Record<Decision, readonly string[] | { readonly instead: string }> = {
  base: { instead: 'pool sizes, log and trace formats' },
  realmGuest: { instead: 'whether a pair has a meaning at all' },
  needsTsm: { instead: 'whether a pair has a meaning at all' },
  accept: ['device_cc_accepted', 'tsm_lock', 'tsm_accept', 'tsm_unlock', 'tsm_unregister'],
  acceptedAtInit: ['tsm_register'],
  acceptedTest: ['device_cc_accepted'],
  acceptEvidence: ['tsm_accept'],
  dmaEnable: ['tsm_dma'],
  trust: {
    instead:
      'whether the state has a level of trust at all; then private_access() asks it, and no revision here has one'
  },
  'flagStorage.arm64': { instead: 'the machine of a scene' },
  'flagStorage.x86': { instead: 'the machine of a scene' },
  'flagStorage.s390': { instead: 'the machine of a scene' },
  atomicDevFlags: ['set_dma_skip_sync', 'clear_dma_skip_sync'],
  acceptedClearsForce: [
    'dma_direct_alloc',
    'dma_direct_free',
    'dma_direct_alloc_pages',
    'dma_direct_free_pages',
    'dma_capable',
    'swiotlb_tbl_map_single',
    'iommu_dma_alloc'
  ],
  pkvmForces: ['dma_direct_alloc', 'dma_direct_free', 'dma_capable', 'swiotlb_tbl_map_single'],
  s390Reports: { instead: 'what the kernel of a scene reports' },
  forceBounce: ['dma_direct_map_phys_71', 'dma_direct_map_phys_cc', 'dma_direct_map_page', 'dma_map_sg'],
  tdxSharedBit: ['dma_direct_map_phys', 'swiotlb_map', 'dma_direct_alloc'],
  snpPrivateHandle: ['dma_direct_map_phys', 'dma_direct_alloc'],
  vtomOffset: ['dma_direct_map_phys'],
  canonicalPhys: ['swiotlb_map', 'dma_direct_alloc', 'dma_direct_free'],
  clearBitsAfterRangeMap: [
    'dma_direct_unmap_phys',
    'dma_direct_sync_single_for_cpu',
    'dma_direct_sync_single_for_device',
    'dma_direct_free'
  ],
  'attributes.CC_SHARED': ['dma_map_single', 'dma_map_resource'],
  'attributes.MMIO': ['dma_map_single'],
  'attributes.REQUIRE_COHERENT': ['dma_map_single'],
  mapPhys: ['dma_direct_map_phys', 'dma_direct_unmap_phys', 'dma_direct_map_resource'],
  capableChecksForce: ['dma_direct_map_phys_cc', 'swiotlb_map'],
  mmioIsShared: ['dma_direct_map_phys_cc'],
  acceptedSkipsPools: ['is_swiotlb_force_bounce', 'is_swiotlb_active', 'is_swiotlb_for_alloc'],
  maxMappingForced: ['dma_direct_max_mapping_size'],
  poolMatches: ['swiotlb_tbl_map_single'],
  poolsMatchRequest: ['swiotlb_alloc', 'dma_direct_alloc_from_pool'],
  allocByAttr: ['dma_direct_alloc', 'dma_direct_free', 'dma_direct_alloc_pages'],
  allocRefusesShared: ['dma_alloc_attrs'],
  decryptRemapped: ['dma_direct_alloc'],
  convertRestricted: ['dma_direct_alloc', 'dma_direct_free', 'dma_direct_alloc_pages', 'dma_direct_free_pages'],
  reencryptOnFree: ['dma_direct_alloc', 'dma_direct_alloc_pages'],
  freePagesByPhys: ['dma_direct_free_pages'],
  allocPagesReturnsPage: ['dma_direct_alloc_pages'],
  iommuSharedAlloc: ['iommu_dma_alloc'],
  bootConverts: ['bootConverts'],
  decryptFailure: ['boot'],
  atomicPoolAlias: ['dma_direct_alloc_from_pool'],
  atomicPoolFailure: ['atomic_pool_expand'],
  atomicPoolLookup: ['dma_guess_pool'],
  sharedGranule: ['set_memory_decrypted', 'dma_direct_alloc', 'dma_direct_alloc_pages'],
  tdxPageRelease: ['set_memory_decrypted'],
  dynamicPools: ['swiotlb_alloc_tlb'],
  dynamicFree: ['swiotlb_free_tlb'],
  dynamicRelease: ['swiotlb_free_tlb'],
  atomicPoolsShared: ['boot', 'dma_direct_alloc_from_pool']
} as const

/** Whether a kernel function that must ask this decision was not seen to do so yet. */
function misses(d: Decision): boolean {
  const fns = paths[d]
  return !('instead' in fns) && fns.some((f) => !seen.get(d)?.has(f))
}

const seen = new Map<string, Set<string>>(decisionNames.map((d) => [d, new Set()]))
const limit = Error.stackTraceLimit
afterAll(() => {
  Error.stackTraceLimit = limit
})

/** The stack, of which only names are read (test/stacks.ts). */
function stackOfNames(): string {
  return new Error().stack ?? ''
}

/** The record, noting who asks: so many times a run, since most ask again and again. */
function noting(kernel: string): Revision {
  const asked = new Map<string, number>()
  return new Proxy(revisionByName(kernel) as Revision, {
    get(record, key) {
      const names = seen.get(String(key))
      const n = (asked.get(String(key)) ?? 0) + 1
      if (names !== undefined && n < 60 && misses(key as Decision)) {
        asked.set(String(key), n)
        for (const m of stackOfNames().matchAll(/^\s*at (?:new )?(?:[\w$]+\.)*([\w$]+)/gm)) names.add(m[1] as string)
      }
      return Reflect.get(record, key)
    }
  })
}

test('every decision is asked on every path that it concerns', async () => {
  Error.stackTraceLimit = 14
  for (const { test: t } of parsed) {
    if (t === undefined) continue
    await turn()
    for (const kernel of ['linux-7.1', 'rfc-v1', 'cc-v8']) {
      const [platform] = platformsOf(t)
      if (platform !== undefined)
        checkTest(t, kernel, platform, { interleave: 'calls', revision: noting(kernel), maxStates: 500, traces: false })
    }
  }
  const missing = (Object.entries(paths) as Array<[Decision, (typeof paths)[Decision]]>).flatMap(([d, fns]) =>
    'instead' in fns ? [] : fns.filter((f) => !seen.get(d)?.has(f)).map((f) => `${d}: ${f}()`)
  )
  expect(missing).toEqual([])
})

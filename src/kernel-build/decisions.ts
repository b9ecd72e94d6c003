// What a tree decides, of the facts in which kernels differ (kernel/revisions/decisions.ts), as far as its text tells:
// from functions, fields, parameters and attributes, never from the version, so that a stable tree with a fix of later
// mainline counts as what it is.
import type { Decisions } from '../kernel/index.ts'
import { blank, cutFunction, parameters } from './c-text.ts'
import type { Tree } from './tree.ts'
import { DEVICE_H, unitOf } from './writers.ts'

type Found = { -readonly [D in keyof Decisions]?: Decisions[D] }

/** The text of a file without comments; '' where there is none. */
const textOf =
  (tree: Tree) =>
  (path: string): string =>
    blank(tree.read(path) ?? '')

/** The decisions that were found; one that the text does not tell is left out. */
export function decisionsOf(tree: Tree): Partial<Decisions> {
  const read = textOf(tree)
  const swiotlb = read('kernel/dma/swiotlb.c')
  const swiotlbH = read('include/linux/swiotlb.h')
  const direct = read('kernel/dma/direct.c')
  const directH = read('kernel/dma/direct.h')
  const dmaDirectH = read('include/linux/dma-direct.h')
  const pool = read('kernel/dma/pool.c')
  const mapping = read('include/linux/dma-mapping.h')
  const out: Found = {
    ...mappings(direct, directH, dmaDirectH, mapping),
    ...pools(swiotlb, pool),
    ...allocations(direct, pool)
  }

  const forced = cutFunction('is_swiotlb_force_bounce', swiotlbH)
  if (forced !== null)
    out.forceBounce = /\b(?:tdi_enabled|\w*accepted\w*)\b/.test(forced)
      ? 'unless_accepted'
      : /\bSWIOTLB_UNACCEPTED\b/.test(swiotlbH)
        ? 'unaccepted'
        : /#define\s+SWIOTLB_FORCE\b/.test(swiotlbH)
          ? 'guest'
          : 'cmdline'
  // The bitmap alone says little: 6.12.117 has one, for another flag.
  const device = read('include/linux/device.h')
  if (/\bdma_skip_sync\b/.test(device)) out.atomicDevFlags = !/\bdma_skip_sync\s*:\s*1\b/.test(device)
  Object.assign(out, flagPlace(tree.read(DEVICE_H) ?? ''))
  const arm64 = read('arch/arm64/include/asm/mem_encrypt.h')
  out.realmGuest = /\bis_realm_world\b/.test(arm64 + read('arch/arm64/mm/mem_encrypt.c'))
  out.pkvmForces = /\bis_protected_kvm_guest\b/.test(cutFunction('force_dma_unencrypted', arm64) ?? '')
  return out
}

/**
 * Where the accepted flag lies. Of a run of bitfields that it shares with dma_skip_sync the compiler alone knows the
 * bytes: that is left to the revision's record.
 */
function flagPlace(deviceH: string): Found {
  for (const flag of ['tdi_enabled', 'cc_accepted']) {
    const unit = unitOf(flag, deviceH)
    if ('known' in unit || (unit.members.includes('dma_skip_sync') && unit.kind === 'bitfield')) continue
    const place = unit.kind === 'bitmap' ? 'atomic' : 'own_byte'
    return { 'flagStorage.arm64': place, 'flagStorage.x86': place }
  }
  return {}
}

function mappings(direct: string, directH: string, dmaDirectH: string, mapping: string): Found {
  const out: Found = {}
  for (const a of ['CC_SHARED', 'MMIO', 'REQUIRE_COHERENT'] as const)
    if (mapping !== '') out[`attributes.${a}`] = new RegExp(`#define\\s+DMA_ATTR_${a}\\b`).test(mapping)
  const capable = parameters('dma_capable', [dmaDirectH])
  if (capable !== null) {
    const sees = capable.some((p) => /attrs$/.test(p))
    out.mapPhys = sees ? 'capable' : /\bdma_direct_map_phys\b/.test(direct + directH) ? 'jiri' : 'map_page'
    out.capableChecksForce = /\bforce_dma_unencrypted\b/.test(cutFunction('dma_capable', dmaDirectH) ?? '')
  }
  const max = cutFunction('dma_direct_max_mapping_size', direct)
  if (max !== null) out.maxMappingForced = /\bforce_dma_unencrypted\b/.test(max)
  const back = cutFunction('dma_to_phys', dmaDirectH)
  // The bits are cleared from the address before the range map is asked, or from what it answers.
  if (back !== null) out.clearBitsAfterRangeMap = /__sme_clr\s*\(\s*paddr/.test(back)
  return out
}

function pools(swiotlb: string, pool: string): Found {
  const out: Found = {}
  if (swiotlb !== '') {
    out.decryptFailure = /\bswiotlb_mark_pool_used\b/.test(swiotlb) ? 'unusable' : 'ignore'
    out.bootConverts = /\bcc_platform_has\b/.test(cutFunction('swiotlb_update_mem_attributes', swiotlb) ?? '')
      ? 'reported'
      : 'platform'
    out.dynamicPools = /\bcc_shared\b/.test(cutFunction('swiotlb_alloc_tlb', swiotlb) ?? '') ? 'pool' : 'device'
    out.dynamicFree =
      parameters('swiotlb_alloc_tlb', [swiotlb])?.some((p) => /\bvoid\s*\*\*\s*vaddr$/.test(p)) === true
        ? 'kept'
        : 'linear'
    out.dynamicRelease = /\bqueue_rcu_work\b/.test(swiotlb) ? 'process' : 'rcu_callback'
    const tests = cutFunction('swiotlb_tbl_map_single', swiotlb) ?? ''
    // What the pool is held against; the forms between the two are told apart by nobody's text.
    if (!/\bforce_dma_unencrypted\b/.test(tests)) out.poolMatches = 'any'
    else if (/\bCC_ATTR_HOST_MEM_ENCRYPT\b/.test(tests)) out.poolMatches = 'guest_device'
  }
  if (pool !== '') {
    const expand = cutFunction('atomic_pool_expand', pool) ?? ''
    out.atomicPoolsShared = /\bcc_platform_has\b/.test(pool) ? 'reported' : 'always'
    out.atomicPoolAlias = /\bcc_shared\b[\s\S]*pgprot_decrypted/.test(expand) ? 'by_pool' : 'shared'
    out.atomicPoolFailure = /\bleak_pages\b/.test(expand) ? 'leaked' : 'freed'
    const guess = cutFunction('dma_guess_pool', pool)
    if (guess !== null) out.atomicPoolLookup = /\breturn\s+atomic_pool_kernel\s*;/.test(guess) ? 'own_zone' : 'nearest'
    out.poolsMatchRequest = parameters('dma_alloc_from_pool', [pool])?.some((p) => /attrs$/.test(p)) === true
  }
  return out
}

function allocations(direct: string, pool: string): Found {
  const out: Found = {}
  const alloc = cutFunction('dma_direct_alloc', direct)
  if (alloc === null) return out
  out.allocByAttr = /\b__DMA_ATTR_ALLOC_CC_SHARED\b/.test(alloc)
  // Remapped memory is converted where the conversion does not stand in the else of remap.
  out.decryptRemapped = !/if\s*\(\s*remap\s*\)\s*\{[\s\S]*?\}\s*else\s*\{[^}]*dma_set_decrypted/.test(alloc)
  out.convertRestricted = !/\bis_swiotlb_for_alloc\s*\(\s*dev\s*\)\s*\)\s*\{/.test(alloc)
  const fromPool = cutFunction('dma_direct_alloc_from_pool', direct)
  if (fromPool !== null) out.allocPagesReturnsPage = /^[^(]*struct\s+page\s*\*/.test(fromPool)
  if (pool !== '') out.freePagesByPhys = /\bdma_free_from_pool_page\b/.test(pool)
  return out
}

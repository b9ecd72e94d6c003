// kernel/dma/direct.c, in its order and with its names. A function that differs from revision to revision by one
// decision asks the record. Where the C was written anew, the bodies stand whole beside each other, alike as they are,
// so that each reads beside its own tree: no suffix is 6.12 to 7.2 (and the RFC and TIO trees), _cc the series merged
// for 7.3. Names in camelCase are ours.
import { type CpuAddr, asDmaAddr, PAGE_SIZE, type DmaAddr, type Phys } from '../../base/index.ts'
import {
  coherent_limit,
  dma_limit,
  force_dma_unencrypted,
  hostMemEncrypt,
  is_swiotlb_active,
  is_swiotlb_for_alloc,
  is_swiotlb_force_bounce
} from '../device.ts'
import { EINVAL, EIO } from '../errno.ts'
import { phys_to_virt } from '../linear-map.ts'
import { TAG } from '../page-alloc.ts'
import { mem_cc_shared_granule_size, set_memory_decrypted, set_memory_encrypted } from '../set-memory.ts'
import { get_order } from '../swiotlb/index.ts'
import {
  type CpuAlias,
  type Device,
  DMA_BIT_MASK,
  type DmaBuffer,
  type DmaZone,
  type SgEntry,
  type SgMapped
} from '../types.ts'
import {
  aliasOfNoPage,
  dma_capable,
  DMA_MAPPING_ERROR,
  dma_to_phys,
  phys_to_dma,
  physToDmaSaidShared,
  phys_to_dma_unencrypted
} from './address.ts'
import { ATTR, ATTR_ALLOC_CC_SHARED } from './attrs.ts'
import { dma_alloc_contiguous, dma_free_contiguous } from './contiguous.ts'
import {
  dma_direct_map_page,
  dma_direct_map_phys_71,
  dma_direct_sync_single_for_cpu,
  dma_direct_sync_single_for_device,
  dma_direct_unmap_phys,
  dmaMapped,
  noPage,
  overflow
} from './direct-h.ts'
import {
  arch_dma_prep_coherent,
  arch_sync_dma_flush,
  dma_common_contiguous_remap,
  dma_kmalloc_needs_bounce,
  dma_pgprot
} from './map-ops.ts'
import {
  failed,
  swiotlb_alloc,
  swiotlb_find_pool,
  swiotlb_free,
  swiotlb_map,
  swiotlb_max_mapping_size
} from './swiotlb.ts'

/** phys_to_dma_direct(): for allocations; asks the device's state. */
export const phys_to_dma_direct = (dev: Device, phys: Phys): DmaAddr =>
  force_dma_unencrypted(dev) ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys)

/**
 * dma_direct_get_required_mask(): the last byte of RAM in the form this device uses, rounded up to all ones; 2^64 is a
 * mask of 64 bits.
 */
export function dma_direct_get_required_mask(dev: Device): number {
  const last = phys_to_dma_direct(dev, dev.k.memory.last)
  return last === DMA_MAPPING_ERROR ? 2 ** 64 : 2 ** last.toString(2).length - 1
}

// A limit that the range map does not know is all ones; before c380931712d1 an encrypting x86 clears the C-bit of it,
// and looks in ZONE_DMA32, too.
function coherentPhysLimit(dev: Device): number {
  const { rev, platform } = dev.k
  const back = dma_to_phys(dev, coherent_limit(dev))
  return back >= 0 ? back : 2 ** 64 - (rev.clearBitsAfterRangeMap ? platform.encBit : 0)
}

/** dma_direct_optimal_gfp_mask(): the zone in which the device's limit lies. */
function dma_direct_optimal_gfp_mask(dev: Device): DmaZone {
  const phys_limit = coherentPhysLimit(dev)
  return phys_limit <= dev.k.memory.zone_dma_limit ? 'dma' : phys_limit <= 0xffffffff ? 'dma32' : 'normal'
}

/** dma_coherent_ok(): the address that the handle will have fits the coherent mask. */
export function dma_coherent_ok(dev: Device, phys: Phys, size: number): boolean {
  const addr = phys_to_dma_direct(dev, phys)
  const r = addr !== DMA_MAPPING_ERROR && addr + size - 1 <= coherent_limit(dev)
  dev.k.decide(
    'dma_coherent_ok',
    r ? 'yes: the address fits the coherent mask' : 'no: the address is beyond the coherent mask'
  )
  return r
}

/** dma_set_decrypted(); dma_direct_alloc() of the series converts without it, and says nothing when that fails. */
function dma_set_decrypted(dev: Device, phys: Phys, n: number): number {
  const rc = set_memory_decrypted(dev.k, phys_to_virt(phys), n)
  if (rc !== 0 && dev.k.rev.allocByAttr) dev.k.message('leak_decrypt')
  return rc
}

/** dma_set_encrypted(). */
function dma_set_encrypted(dev: Device, addr: CpuAddr, n: number): number {
  const rc = set_memory_encrypted(dev.k, addr, n)
  if (rc !== 0) dev.k.message('leak_encrypt')
  return rc
}

/** __dma_direct_free_pages(): back to the restricted pool that it came from, else to the page allocator. */
function __dma_direct_free_pages(dev: Device, phys: Phys, size: number, site: string): void {
  if (!swiotlb_free(dev, phys)) dma_free_contiguous(dev, phys / PAGE_SIZE, size, site)
}

/** Pages of an allocation that are given up: their state is not known. */
function leakPages(dev: Device, phys: Phys, size: number, site: string): void {
  const { pages } = dev.k
  pages.leak(phys / PAGE_SIZE, pages.allocated(phys / PAGE_SIZE, size / PAGE_SIZE), site, true)
}

function leakSlots(dev: Device, phys: Phys, size: number): void {
  dev.k.emit({ kind: 'leak', pfn: phys / PAGE_SIZE, n: size / PAGE_SIZE, site: 'dma_direct_alloc', onPurpose: true })
}

/** dma_direct_alloc_swiotlb(): from the restricted pool. Physical address or -1. */
function dma_direct_alloc_swiotlb(dev: Device, cpu: number, size: number, request: boolean): number {
  const phys = swiotlb_alloc(dev, cpu, size, request)
  if (phys < 0) return -1
  if (!dma_coherent_ok(dev, phys, size)) {
    swiotlb_free(dev, phys)
    failed(dev, 'mask')
    return -1
  }
  return phys
}

/**
 * __dma_direct_alloc_pages(): restricted pool, else buddy with the zone narrowed until the address fits. Physical
 * address or -1.
 */
function __dma_direct_alloc_pages(
  dev: Device,
  cpu: number,
  size: number,
  gfpBlocks: boolean,
  request: boolean
): number {
  const k = dev.k
  if (is_swiotlb_for_alloc(dev)) return dma_direct_alloc_swiotlb(dev, cpu, size, request)
  const order = get_order(size)
  const phys_limit = coherentPhysLimit(dev)
  let zone = dma_direct_optimal_gfp_mask(dev)
  const contiguous = dma_alloc_contiguous(dev, size, gfpBlocks, 'dma_direct_alloc')
  if (contiguous >= 0) {
    const phys = contiguous * PAGE_SIZE
    if (dma_coherent_ok(dev, phys, size)) return phys
    dma_free_contiguous(dev, contiguous, size, 'dma_direct_alloc_pages')
  }
  for (;;) {
    const pfn = k.pages.alloc_dma(order, zone, { tag: TAG.dma, why: 'dma_direct_alloc' })
    if (pfn < 0) {
      failed(dev, 'exhausted')
      return -1
    }
    const phys = pfn * PAGE_SIZE
    if (dma_coherent_ok(dev, phys, size)) return phys
    k.pages.free_dma(pfn, order, 'dma_direct_alloc_pages')
    // Without zones the scenes' low bank is already the lowest: narrowing finds nothing better there.
    const zones = k.config.zones || k.parts.allocator !== undefined || k.parts.host !== undefined
    if (zones && phys_limit < 2 ** 64 && zone === 'normal') zone = 'dma32'
    else if (zones && zone !== 'dma') zone = 'dma'
    else {
      failed(dev, 'mask')
      return -1
    }
  }
}

/** dma_direct_use_pool(): what cannot block and would have to convert or remap comes from the atomic pools. */
const dma_direct_use_pool = (dev: Device, gfpBlocks: boolean): boolean => !gfpBlocks && !is_swiotlb_for_alloc(dev)

function dma_direct_alloc_from_pool(
  dev: Device,
  size: number,
  request: boolean | null,
  shared: boolean,
  attrs: number
): DmaBuffer | null {
  const k = dev.k
  const wanted = k.rev.poolsMatchRequest ? (request ?? shared) : null
  const b = k.atomic.dma_alloc_from_pool(dev, size, wanted, {
    shared,
    zone: dma_direct_optimal_gfp_mask(dev),
    limited: true,
    noWarn: (attrs & ATTR.NO_WARN) !== 0
  })
  if (b === null) {
    failed(dev, wanted !== null && wanted !== k.atomic.shared ? 'pool_state' : 'exhausted')
    return null
  }
  const { phys, addr, alias } = b
  const handle =
    request !== null
      ? request
        ? phys_to_dma_unencrypted(dev, phys)
        : phys_to_dma(dev, phys)
      : phys_to_dma_direct(dev, phys)
  return {
    cpu: phys_to_virt(phys),
    handle,
    phys,
    size,
    alias,
    from: 'atomic',
    pool: addr,
    vmap: alias !== null,
    cookie: false
  }
}

function dma_direct_alloc_no_mapping(dev: Device, cpu: number, size: number, gfpBlocks: boolean): DmaBuffer | null {
  const phys = __dma_direct_alloc_pages(dev, cpu, size, gfpBlocks, false)
  if (phys < 0) return null
  arch_dma_prep_coherent(dev.k, phys, size)
  // A struct page as cookie; memory is not zeroed.
  return {
    cpu: phys,
    handle: phys_to_dma_direct(dev, phys),
    phys,
    size,
    alias: null,
    from: 'buddy',
    vmap: false,
    cookie: true,
    ...remembered(dev, false)
  }
}

/** The mapping of its own of an allocation for a device that does not snoop; false where it cannot be made. */
function remapped(dev: Device, phys: Phys, size: number, shared: boolean): boolean {
  arch_dma_prep_coherent(dev.k, phys, size)
  return dma_common_contiguous_remap(dev.k, phys, size, dma_pgprot(dev, shared))
}

function notSupported(dev: Device): null {
  failed(dev, 'noncoherent')
  dev.k.message('not_supported')
  return null
}

/**
 * The bytes of an allocation: whole pages, or where it converts pages of its own to shared (`converts`) whole granules
 * of the host, if the revision knows them.
 */
function sharedSize(dev: Device, size: number, converts: boolean): number {
  const unit = converts && !is_swiotlb_for_alloc(dev) ? mem_cc_shared_granule_size(dev.k) : dev.k.page
  return Math.ceil(size / unit) * unit
}

/** Whether the page was made shared, for a revision that would remember it; no revision does. */
const remembered = (dev: Device, decrypted: boolean): { decrypted?: boolean } =>
  dev.k.rev.reencryptOnFree === 'at_alloc' ? { decrypted } : {}

function sleepCheck(dev: Device, gfpBlocks: boolean, site: string): void {
  // A recording went on.
  if (!gfpBlocks && dev.k.parts.host === undefined)
    dev.k.crash(site, 'sleep in atomic context', 'set_memory_decrypted() sleeps and the caller cannot')
}

// 6.12 converts a page of the restricted pool, which is shared already, once more (fixed by b5ef0dd28e11): on SNP that
// is a PVALIDATE without change; elsewhere it is idempotent or an error.
function decryptPoolPage(dev: Device, phys: Phys, n: number): number {
  return set_memory_decrypted(dev.k, phys_to_virt(phys), n)
}

/**
 * dma_direct_alloc() of 6.12: force_dma_unencrypted() is asked at every place it appears. `gfpBlocks`: the allocation
 * may sleep.
 */
export function dma_direct_alloc(
  dev: Device,
  cpu: number,
  sizeIn: number,
  gfpBlocks: boolean,
  attrs: number
): DmaBuffer | null {
  if (dev.k.rev.allocByAttr) return dma_direct_alloc_cc(dev, cpu, sizeIn, gfpBlocks, attrs)
  const k = dev.k
  const size = dev.k.pageAlign(sizeIn)
  if (attrs & ATTR.NO_KERNEL_MAPPING && !force_dma_unencrypted(dev) && !is_swiotlb_for_alloc(dev))
    return dma_direct_alloc_no_mapping(dev, cpu, size, gfpBlocks)
  let remap = false
  if (!dev.coherent) {
    remap = k.dmaDirectRemap
    if (!remap) return notSupported(dev)
  }
  if ((remap || force_dma_unencrypted(dev)) && dma_direct_use_pool(dev, gfpBlocks))
    return dma_direct_alloc_from_pool(dev, size, null, force_dma_unencrypted(dev), attrs)
  const phys = __dma_direct_alloc_pages(dev, cpu, size, gfpBlocks, false)
  if (phys < 0) return null
  const n = size / PAGE_SIZE
  let alias: CpuAlias = null
  let decrypted = false
  const from = is_swiotlb_for_alloc(dev) ? ('swiotlb' as const) : ('buddy' as const)
  if (remap) {
    // vmap with the protection of the moment; before f253a83ff94c the linear alias and the page itself are not
    // converted.
    alias = force_dma_unencrypted(dev) ? 'shared' : 'private'
    if (k.rev.decryptRemapped && alias === 'shared' && from === 'buddy' && set_memory_decrypted(k, phys, n) !== 0) {
      leakPages(dev, phys, size, 'dma_direct_alloc')
      failed(dev, 'conversion')
      return null
    }
    if (!remapped(dev, phys, size, alias === 'shared')) {
      __dma_direct_free_pages(dev, phys, size, 'dma_direct_alloc')
      failed(dev, 'exhausted')
      return null
    }
  } else if (force_dma_unencrypted(dev)) {
    if (from === 'buddy' || k.rev.convertRestricted) {
      decrypted = true
      sleepCheck(dev, gfpBlocks, 'dma_direct_alloc')
      if (from === 'buddy' && set_memory_decrypted(k, phys, n) !== 0) {
        leakPages(dev, phys, size, 'dma_direct_alloc')
        failed(dev, 'conversion')
        return null
      }
      if (from === 'swiotlb' && decryptPoolPage(dev, phys, n) !== 0) {
        leakSlots(dev, phys, size)
        failed(dev, 'conversion')
        return null
      }
    }
  }
  k.memzero('dma_direct_alloc', phys, size, alias)
  const handle = phys_to_dma_direct(dev, phys)
  return {
    cpu: phys_to_virt(phys),
    handle,
    phys,
    size,
    alias,
    from,
    vmap: remap,
    cookie: false,
    ...remembered(dev, decrypted)
  }
}

/** dma_direct_alloc() of the series: the attribute is decided once, at the top (b5ef0dd28e11, f253a83ff94c). */
function dma_direct_alloc_cc(
  dev: Device,
  cpu: number,
  sizeIn: number,
  gfpBlocks: boolean,
  attrs: number
): DmaBuffer | null {
  const k = dev.k
  const forced = force_dma_unencrypted(dev)
  const A = forced || (attrs & ATTR_ALLOC_CC_SHARED) !== 0
  let decrypt = A
  const size = sharedSize(dev, sizeIn, A && gfpBlocks)
  if (attrs & ATTR.NO_KERNEL_MAPPING && !A && !is_swiotlb_for_alloc(dev))
    return dma_direct_alloc_no_mapping(dev, cpu, size, gfpBlocks)
  let remap = false
  if (!dev.coherent) {
    remap = k.dmaDirectRemap
    if (!remap) return notSupported(dev)
  }
  if ((remap || A) && dma_direct_use_pool(dev, gfpBlocks)) {
    // dma_coherent_ok() asks the device, not the attribute.
    return dma_direct_alloc_from_pool(dev, size, A, forced, attrs)
  }
  const phys = __dma_direct_alloc_pages(dev, cpu, size, gfpBlocks, A)
  if (phys < 0) return null
  const n = size / PAGE_SIZE
  const from = is_swiotlb_for_alloc(dev) ? ('swiotlb' as const) : ('buddy' as const)
  if (from === 'swiotlb' || (remap && !k.rev.decryptRemapped)) decrypt = false
  if (decrypt) {
    if (set_memory_decrypted(k, phys, n) !== 0) {
      leakPages(dev, phys, size, 'dma_direct_alloc')
      failed(dev, 'conversion')
      return null
    }
  }
  // dma_pgprot() looks at the caller's DMA_ATTR_CC_SHARED too, which nothing else here does.
  const mapsShared = A || (attrs & ATTR.CC_SHARED) !== 0
  const alias: CpuAlias = remap ? (mapsShared ? 'shared' : 'private') : null
  if (remap && !remapped(dev, phys, size, mapsShared)) {
    failed(dev, 'exhausted')
    if (decrypt && dma_set_encrypted(dev, phys_to_virt(phys), n) !== 0) leakPages(dev, phys, size, 'dma_direct_alloc')
    else __dma_direct_free_pages(dev, phys, size, 'dma_direct_alloc')
    return null
  }
  k.memzero('dma_direct_alloc', phys, size, alias)
  const handle = A ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys)
  return {
    cpu: phys_to_virt(phys),
    handle,
    phys,
    size,
    alias,
    from,
    vmap: remap,
    cookie: false,
    ...remembered(dev, decrypt)
  }
}

/** dma_direct_free(): the state at free, not at allocation, decides whether the page is made private again. */
export function dma_direct_free(dev: Device, b: DmaBuffer, attrs: number): void {
  if (dev.k.rev.allocByAttr) {
    dma_direct_free_cc(dev, b, attrs)
    return
  }
  const k = dev.k
  const { size } = b
  const n = size / PAGE_SIZE
  // Asked each time that the C asks.
  const decrypted = (): boolean => b.decrypted ?? force_dma_unencrypted(dev)
  if (attrs & ATTR.NO_KERNEL_MAPPING && !decrypted() && !is_swiotlb_for_alloc(dev)) {
    freeNoMapping(dev, b)
    return
  }
  if (b.from === 'atomic' && k.atomic.dma_free_from_pool(b.pool ?? b.phys, size)) return
  const phys = dma_to_phys(dev, b.handle)
  if (b.vmap) {
    // No encryption change. Of a page of an atomic pool that was not found there the mapping is the pool's.
    if (b.from === 'atomic')
      k.crash(
        'dma_common_free_remap',
        'mapping of a pool',
        "the mapping of a whole atomic pool is taken away with a page's"
      )
    k.parts.host?.vunmap(b.phys)
  } else if (decrypted() && (b.from !== 'swiotlb' || k.rev.convertRestricted)) {
    if ((b.cookie ? encryptCookie(dev, phys) : dma_set_encrypted(dev, b.cpu, n)) !== 0) {
      if (b.from === 'swiotlb') leakSlots(dev, phys, size)
      else leakPages(dev, phys, size, 'dma_direct_free')
      return
    }
  }
  if (aliasOfNoPage(dev, b.handle) && swiotlb_find_pool(dev, phys) === null) noPage(dev, 'dma_direct_free')
  __dma_direct_free_pages(dev, phys, size, 'dma_direct_free')
}

/** dma_direct_free() of the series. */
function dma_direct_free_cc(dev: Device, b: DmaBuffer, attrs: number): void {
  const k = dev.k
  const { size } = b
  const n = size / PAGE_SIZE
  const A = b.decrypted ?? (force_dma_unencrypted(dev) || (attrs & ATTR_ALLOC_CC_SHARED) !== 0)
  let reencrypt = A
  if (attrs & ATTR.NO_KERNEL_MAPPING && !A && !is_swiotlb_for_alloc(dev)) {
    freeNoMapping(dev, b)
    return
  }
  if (b.from === 'atomic' && k.atomic.dma_free_from_pool(b.pool ?? b.phys, size)) return
  const phys = dma_to_phys(dev, b.handle)
  const mem = swiotlb_find_pool(dev, phys)
  if (mem !== null) reencrypt = false
  if (b.vmap) k.parts.host?.vunmap(b.phys)
  if (reencrypt && dma_set_encrypted(dev, phys_to_virt(phys), n) !== 0) {
    leakPages(dev, phys, size, 'dma_direct_free')
    return
  }
  if (mem !== null) swiotlb_free(dev, phys)
  else if (aliasOfNoPage(dev, b.handle)) noPage(dev, 'dma_direct_free')
  else dma_free_contiguous(dev, phys / PAGE_SIZE, size, 'dma_direct_free')
}

// NO_KERNEL_MAPPING of a device that is not forced: cpu_addr is taken for a struct page, also when it was allocated
// while it was forced.
function freeNoMapping(dev: Device, b: DmaBuffer): void {
  if (!b.cookie)
    dev.k.crash(
      'dma_direct_free',
      'address taken for a struct page',
      'the buffer was allocated with a kernel address and is freed as if it were a struct page'
    )
  dma_free_contiguous(dev, b.phys / PAGE_SIZE, b.size, 'dma_direct_free')
}

// The other way round, before the series converted by the linear alias of the pages: a struct page is given to
// set_memory_encrypted(). arm64 refuses what is not in the linear map; elsewhere the memory map itself is converted.
// arm64 looks at the alignment before anything else (mem_encrypt.c, 6.12): of 4K pages a struct page is page aligned
// for every 64th only.
const SIZEOF_PAGE = 64
function encryptCookie(dev: Device, phys: Phys): number {
  const { k } = dev
  if (k.platform.conversion !== 'rsi')
    k.crash(
      'dma_direct_free',
      'struct page taken for an address',
      'set_memory_encrypted() is given a struct page and converts the memory map'
    )
  if ((phys / k.page) % (k.page / SIZEOF_PAGE) !== 0) {
    k.warn('set_memory_encrypted', 'address not page aligned')
    return 0
  }
  k.warn('set_memory_encrypted', 'not the linear map: pages will be leaked')
  return EINVAL
}

/** dma_direct_alloc_pages(). Of `attrs` only NO_WARN has a meaning, as the gfp's __GFP_NOWARN. */
export function dma_direct_alloc_pages(
  dev: Device,
  cpu: number,
  sizeIn: number,
  gfpBlocks: boolean,
  attrs = 0
): DmaBuffer | null {
  const k = dev.k
  const byAttr = k.rev.allocByAttr
  const A = force_dma_unencrypted(dev)
  const size = sharedSize(dev, sizeIn, A && gfpBlocks)
  const n = size / PAGE_SIZE
  if (A && dma_direct_use_pool(dev, gfpBlocks)) {
    const b = dma_direct_alloc_from_pool(dev, size, byAttr ? A : null, true, attrs)
    return b === null || k.rev.allocPagesReturnsPage ? b : { ...b, cookie: true }
  }
  const phys = __dma_direct_alloc_pages(dev, cpu, size, gfpBlocks, A)
  if (phys < 0) return null
  const from = is_swiotlb_for_alloc(dev) ? ('swiotlb' as const) : ('buddy' as const)
  let decrypted = false
  if ((from === 'buddy' || k.rev.convertRestricted) && (byAttr ? A : force_dma_unencrypted(dev))) {
    decrypted = true
    sleepCheck(dev, gfpBlocks, 'dma_direct_alloc_pages')
    if (dma_set_decrypted(dev, phys, n) !== 0) {
      if (from === 'buddy') leakPages(dev, phys, size, 'dma_direct_alloc_pages')
      else leakSlots(dev, phys, size)
      failed(dev, 'conversion')
      return null
    }
  }
  k.memzero('dma_direct_alloc_pages', phys, size)
  const handle = byAttr
    ? A
      ? phys_to_dma_unencrypted(dev, phys)
      : phys_to_dma(dev, phys)
    : phys_to_dma_direct(dev, phys)
  return {
    cpu: phys_to_virt(phys),
    handle,
    phys,
    size,
    alias: null,
    from,
    vmap: false,
    cookie: false,
    ...remembered(dev, decrypted)
  }
}

/** dma_direct_free_pages(). */
export function dma_direct_free_pages(dev: Device, b: DmaBuffer): void {
  const k = dev.k
  const { size } = b
  const n = size / PAGE_SIZE
  if (b.cookie)
    k.crash('dma_direct_free_pages', 'address taken for a struct page', 'page_address() of what is no struct page')
  // By the page's linear address a remapped pool, whose addresses are of its own mapping, does not have it.
  if (
    b.from === 'atomic' &&
    (k.rev.freePagesByPhys || !k.dmaDirectRemap) &&
    k.atomic.dma_free_from_pool(b.pool ?? b.phys, size)
  )
    return
  const reencrypt = b.decrypted ?? force_dma_unencrypted(dev)
  const mem = swiotlb_find_pool(dev, b.phys)
  if (reencrypt && (mem === null || k.rev.convertRestricted) && dma_set_encrypted(dev, phys_to_virt(b.phys), n) !== 0) {
    if (mem !== null) leakSlots(dev, b.phys, size)
    else leakPages(dev, b.phys, size, 'dma_direct_free_pages')
    return
  }
  if (!swiotlb_free(dev, b.phys)) dma_free_contiguous(dev, b.phys / PAGE_SIZE, size, 'dma_direct_free_pages')
}

/** dma_direct_sync_sg_for_device(). */
export function dma_direct_sync_sg_for_device(dev: Device, sg: readonly SgMapped[], dir: number): void {
  for (const e of sg) dma_direct_sync_single_for_device(dev, e.addr, e.size, dir, false)
  if (!dev.coherent) arch_sync_dma_flush(dev.k)
}

/** dma_direct_sync_sg_for_cpu(). */
export function dma_direct_sync_sg_for_cpu(dev: Device, sg: readonly SgMapped[], dir: number): void {
  for (const e of sg) dma_direct_sync_single_for_cpu(dev, e.addr, e.size, dir, false)
  if (!dev.coherent) arch_sync_dma_flush(dev.k)
}

/** dma_direct_unmap_sg(). */
export function dma_direct_unmap_sg(dev: Device, sg: readonly SgMapped[], dir: number, attrs: number): void {
  for (const e of sg) dma_direct_unmap_phys(dev, e.addr, e.size, dir, attrs, false)
  if (sg.length > 0 && !dev.coherent) arch_sync_dma_flush(dev.k)
}

/**
 * dma_direct_map_sg(): one segment an entry, no merging; on an error the earlier ones are unmapped with SKIP_CPU_SYNC,
 * and a negative errno.
 */
export function dma_direct_map_sg(
  dev: Device,
  cpu: number,
  sg: readonly SgEntry[],
  dir: number,
  attrs: number
): DmaAddr[] | number {
  const out: SgMapped[] = []
  for (const { phys, size } of sg) {
    const addr = dma_direct_map_phys(dev, cpu, phys, size, dir, attrs, false)
    if (addr === DMA_MAPPING_ERROR) {
      dma_direct_unmap_sg(dev, out, dir, attrs | ATTR.SKIP_CPU_SYNC)
      return EIO
    }
    out.push({ addr, size })
  }
  if (!dev.coherent) arch_sync_dma_flush(dev.k)
  return out.map((e) => e.addr)
}

/** dma_direct_map_resource(): the raw address until the series made it a map_phys with MMIO. */
export function dma_direct_map_resource(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  dir: number,
  attrs: number
): DmaAddr {
  if (dev.k.rev.mapPhys !== 'map_page') return dma_direct_map_phys(dev, cpu, phys, size, dir, attrs | ATTR.MMIO)
  const dma_addr = asDmaAddr(phys)
  if (dma_capable(dev, dma_addr, size, false, attrs) !== 'ok') {
    dev.k.printk('err', `${dev.name}: DMA addr overflow`)
    dev.k.warn('dma_direct_map_resource', 'DMA addr overflow')
    failed(dev, 'mask')
    return DMA_MAPPING_ERROR
  }
  return dma_addr
}

/** dma_direct_mmap(): the user mapping's protection is decrypted iff the device is forced to shared memory now. */
export const dma_direct_mmap = (dev: Device): 'shared' | 'private' =>
  dev.k.calls !== null && !dev.config.iommu
    ? dev.k.calls.dma_mmap_alias(dev)
    : force_dma_unencrypted(dev)
      ? 'shared'
      : 'private'

/**
 * dma_direct_map_page(), dma_direct_map_phys(): the bus address, or DMA_MAPPING_ERROR. `flush`: the caller does not
 * wait for the caches himself.
 */
export function dma_direct_map_phys(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  dir: number,
  attrs: number,
  flush = true
): DmaAddr {
  switch (dev.k.rev.mapPhys) {
    case 'map_page':
      return dma_direct_map_page(dev, cpu, phys, size, dir, attrs)
    case 'jiri':
      return dma_direct_map_phys_71(dev, cpu, phys, size, dir, attrs, flush)
    case 'capable':
      return dma_direct_map_phys_cc(dev, cpu, phys, size, dir, attrs, flush)
  }
}

// The series: 30c5e45ee2c5, 20beb6884b83 (sections 7.0 and 7.1 of the behavioural notes)
function dma_direct_map_phys_cc(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  dir: number,
  attrsIn: number,
  flush: boolean
): DmaAddr {
  const { rev } = dev.k
  let attrs = attrsIn
  if (
    attrs & ATTR.MMIO &&
    (rev.mmioIsShared === 'force'
      ? force_dma_unencrypted(dev)
      : rev.mmioIsShared === 'host_encrypt' && hostMemEncrypt(dev.k))
  )
    attrs |= ATTR.CC_SHARED
  if (is_swiotlb_force_bounce(dev)) {
    if (attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) {
      failed(dev, attrs & ATTR.MMIO ? 'mmio_bounce' : 'coherent_only')
      return DMA_MAPPING_ERROR
    }
    return swiotlb_map(dev, cpu, phys, size, dir, attrs)
  }
  const shared = (attrs & ATTR.CC_SHARED) !== 0
  const raw = (attrs & ATTR.MMIO) !== 0 && rev.mmioIsShared === 'raw'
  const d = raw ? asDmaAddr(phys) : shared ? physToDmaSaidShared(dev, phys) : phys_to_dma(dev, phys)
  if (attrs & ATTR.MMIO) {
    const c = dma_capable(dev, d, size, false, attrs)
    if (c === 'ok') return d
    // The same err_overflow as below, dev_WARN_ONCE (v7 16/22, 20260701054926.825925-17).
    failed(dev, c === 'mask' ? 'mask' : 'mmio_state')
    return overflow(dev, attrs)
  }
  const c = dma_capable(dev, d, size, true, attrs)
  if (c !== 'ok' || dma_kmalloc_needs_bounce(dev, size, dir)) {
    if (is_swiotlb_active(dev) && !(attrs & ATTR.REQUIRE_COHERENT)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    failed(dev, attrs & ATTR.REQUIRE_COHERENT ? 'coherent_only' : c === 'mask' ? 'mask' : 'no_pool')
    return overflow(dev, attrs)
  }
  return dmaMapped(dev, d, phys, size, attrs, flush)
}

/**
 * dma_direct_supported(): a mask below 32 bits must reach the DMA zone in the form in which the device sees shared
 * memory.
 */
export function dma_direct_supported(dev: Device, mask: number): boolean {
  const { last, zone_dma_limit } = dev.k.memory
  const lowest = phys_to_dma_unencrypted(dev, Math.min(last, zone_dma_limit))
  return mask >= DMA_BIT_MASK(32) || (lowest !== DMA_MAPPING_ERROR && mask >= lowest)
}

/** dma_direct_all_ram_mapped(), since 6.12: the range map knows an address for all of RAM. */
function dma_direct_all_ram_mapped(dev: Device): boolean {
  const map = dev.config.range_map
  if (map === undefined) return true
  return dev.k.memory.ram.every(([start, end]) => {
    for (let at = start; at < end; ) {
      const r = map.find((x) => at >= x.cpu_start && at - x.cpu_start < x.size)
      if (r === undefined) return false
      at = r.cpu_start + r.size
    }
    return true
  })
}

// mapping.c has it; here, as its only callers ask it of direct.c.
/** dma_addressing_limited(): the mask, or RAM that the range map does not know. */
export const dma_addressing_limited = (dev: Device): boolean =>
  dma_limit(dev) < dma_direct_get_required_mask(dev) || !dma_direct_all_ram_mapped(dev)

/** dma_direct_max_mapping_size(); Infinity is SIZE_MAX. */
export function dma_direct_max_mapping_size(dev: Device): number {
  const k = dev.k
  if (
    is_swiotlb_active(dev) &&
    (dma_addressing_limited(dev) ||
      is_swiotlb_force_bounce(dev) ||
      (k.rev.maxMappingForced && force_dma_unencrypted(dev)))
  )
    return swiotlb_max_mapping_size(dev)
  return Number.POSITIVE_INFINITY
}

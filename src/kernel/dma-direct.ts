// kernel/dma/direct.c and direct.h. Each function follows the C of its revision in order: `map_page` is 6.12 to 6.15 (and the RFC
// and TIO trees on it), `jiri` 7.1, `capable` the cc-shared series. Where they differ by one decision the record is asked.
import { PAGE_ALIGN, PAGE_SIZE } from '../base/index.ts'
import { isZero, test } from '../step/index.ts'
import { DEV_BITS, type CpuAlias, type Device, type DmaZone } from './kernel.ts'
import { coherent_limit, dma_limit, force_dma_unencrypted, hostMemEncrypt, is_swiotlb_active, is_swiotlb_for_alloc, is_swiotlb_force_bounce } from './device.ts'
import { aliasOfNoPage, dma_capable, dma_coherent_ok, dma_to_phys, DMA_MAPPING_ERROR, phys_to_dma, phys_to_dma_direct, phys_to_dma_said_shared, phys_to_dma_unencrypted } from './dma-address.ts'
import { mem_cc_shared_granule_size, set_memory_decrypted, set_memory_encrypted } from './set-memory.ts'
import { EINVAL } from './errno.ts'
import { kmalloc_size_roundup } from './slab.ts'
import { arch_dma_prep_coherent, arch_sync_dma_flush, dma_common_contiguous_remap, PGPROT } from './surroundings.ts'
import { get_order } from './swiotlb/index.ts'
import { TAG } from './page-alloc.ts'
import { ATTR, ATTR_ALLOC_CC_SHARED, DIR, failed, swiotlb_alloc, swiotlb_find_pool, swiotlb_free, swiotlb_map, swiotlb_max_mapping_size, swiotlb_sync_single, swiotlb_tbl_unmap_single } from './swiotlb.ts'

export { ATTR, DIR }


// --- streaming ------------------------------------------------------------------------------------------------------------

/** dma_kmalloc_needs_bounce(): CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC, by size alone. */
export function dma_kmalloc_needs_bounce(dev: Device, size: number, dir: number): boolean {
  const { platform, config, parts } = dev.k
  if (!(parts.bounceUnalignedKmalloc ?? platform.noncoherentDevices) || dev.coherent || dir === DIR.TO_DEVICE) return false
  const ARCH_DMA_MINALIGN = 128
  if (size >= 2 * ARCH_DMA_MINALIGN) return false
  return kmalloc_size_roundup(size) % config.cache_line !== 0
}

/** dma_direct_map_page(), dma_direct_map_phys(): the bus address, or DMA_MAPPING_ERROR. `flush`: the caller does not wait for the caches himself. */
export function dma_direct_map_phys(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number, flush = true): number {
  switch (dev.k.rev.mapPhys) {
    case 'map_page': return dma_direct_map_page(dev, cpu, phys, size, dir, attrs)
    case 'jiri': return dma_direct_map_phys_71(dev, cpu, phys, size, dir, attrs, flush)
    case 'capable': return dma_direct_map_phys_cc(dev, cpu, phys, size, dir, attrs, flush)
  }
}

/** arch_sync_dma_for_device() and _for_cpu(): nothing moves in the model's memory, the event is told. */
export function arch_sync_dma(dev: Device, op: 'sd' | 'sc', phys: number, size: number, flush = false): void {
  const { k } = dev
  if (dev.coherent) return
  k.record(op, phys, size)
  k.parts.host?.cache(op, phys, size)
  if (flush) arch_sync_dma_flush(k)
}

// 6.12.117 kernel/dma/direct.h
function dma_direct_map_page(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number {
  const d = phys_to_dma(dev, phys)
  if (is_swiotlb_force_bounce(dev)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
  if (dma_capable(dev, d, size, true, attrs) !== 'ok' || dma_kmalloc_needs_bounce(dev, size, dir)) {
    if (is_swiotlb_active(dev)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    dev.k.warn('dma_direct_map_page', 'DMA addr overflow')
    failed(dev, 'mask')
    return DMA_MAPPING_ERROR
  }
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0) arch_sync_dma(dev, 'sd', phys, size)
  return d
}

// 7.1: f0548044a026
function dma_direct_map_phys_71(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number, flush: boolean): number {
  const shared = (attrs & ATTR.CC_SHARED) !== 0
  if (is_swiotlb_force_bounce(dev)) {
    if (!shared) {
      if (attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) { failed(dev, attrs & ATTR.MMIO ? 'mmio_bounce' : 'coherent_only'); return DMA_MAPPING_ERROR }
      return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    }
  } else if (shared) {
    failed(dev, 'cc_shared_unforced')
    return DMA_MAPPING_ERROR
  }
  if (attrs & ATTR.MMIO) {
    if (dma_capable(dev, phys, size, false, attrs) !== 'ok') { failed(dev, 'mask'); return overflow(dev, attrs) }
    return phys
  }
  if (shared) {
    const d = phys_to_dma_said_shared(dev, phys)
    if (dma_capable(dev, d, size, true, attrs) !== 'ok') { failed(dev, 'mask'); return overflow(dev, attrs) }
    return dma_mapped(dev, d, phys, size, attrs, flush)
  }
  const d = phys_to_dma(dev, phys)
  if (dma_capable(dev, d, size, true, attrs) !== 'ok' || dma_kmalloc_needs_bounce(dev, size, dir)) {
    if (is_swiotlb_active(dev) && !(attrs & ATTR.REQUIRE_COHERENT)) return swiotlb_map(dev, cpu, phys, size, dir, attrs)
    failed(dev, attrs & ATTR.REQUIRE_COHERENT ? 'coherent_only' : 'mask')
    return overflow(dev, attrs)
  }
  return dma_mapped(dev, d, phys, size, attrs, flush)
}

// The cache maintenance before dma_direct_map_phys() answers; no caller comes here with DMA_ATTR_MMIO.
function dma_mapped(dev: Device, addr: number, phys: number, size: number, attrs: number, flush: boolean): number {
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0) arch_sync_dma(dev, 'sd', phys, size, flush)
  return addr
}

function overflow(dev: Device, attrs: number): number {
  void attrs
  dev.k.warn('dma_direct_map_phys', 'DMA addr overflow')
  return DMA_MAPPING_ERROR
}

// The series: 30c5e45ee2c5, 20beb6884b83 (sections 7.0 and 7.1 of the behavioural notes)
function dma_direct_map_phys_cc(dev: Device, cpu: number, phys: number, size: number, dir: number, attrsIn: number, flush: boolean): number {
  const { rev } = dev.k
  let attrs = attrsIn
  if (attrs & ATTR.MMIO && (rev.mmioIsShared === 'force' ? force_dma_unencrypted(dev) : rev.mmioIsShared === 'host_encrypt' && hostMemEncrypt(dev.k))) attrs |= ATTR.CC_SHARED
  if (is_swiotlb_force_bounce(dev)) {
    if (attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) { failed(dev, attrs & ATTR.MMIO ? 'mmio_bounce' : 'coherent_only'); return DMA_MAPPING_ERROR }
    return swiotlb_map(dev, cpu, phys, size, dir, attrs)
  }
  const shared = (attrs & ATTR.CC_SHARED) !== 0
  const raw = (attrs & ATTR.MMIO) !== 0 && rev.mmioIsShared === 'raw'
  const d = raw ? phys : shared ? phys_to_dma_said_shared(dev, phys) : phys_to_dma(dev, phys)
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
  return dma_mapped(dev, d, phys, size, attrs, flush)
}

/** dma_direct_unmap_page(), dma_direct_unmap_phys(). The pool is found by address, whatever the device's state is now. */
export function dma_direct_unmap_phys(dev: Device, addr: number, size: number, dir: number, attrs: number, flush = true): void {
  if (dev.k.rev.mapPhys !== 'map_page' && attrs & (ATTR.MMIO | ATTR.REQUIRE_COHERENT)) return
  const phys = dma_to_phys(dev, addr)
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0) dma_direct_sync_single(dev, addr, size, dir, true, flush)
  const mem = swiotlb_find_pool(dev, phys)
  // Copied back above; the release never copies again.
  if (mem !== null) swiotlb_tbl_unmap_single(dev, mem, phys, size, dir, attrs | ATTR.SKIP_CPU_SYNC)
}

/** The page of an alias is asked for: pfn_to_page(), phys_to_virt() of what is no memory. */
function noPage(dev: Device, site: string): never { dev.k.crash(site, 'no page behind the alias', 'the physical address is a shared alias, and the page or mapping of it does not exist') }

/** dma_direct_sync_single_for_cpu() and _for_device(). */
export function dma_direct_sync_single(dev: Device, addr: number, size: number, dir: number, forCpu: boolean, flush = true): void {
  const phys = dma_to_phys(dev, addr)
  const mem = swiotlb_find_pool(dev, phys)
  if (!dev.coherent && aliasOfNoPage(dev, addr)) noPage(dev, 'dma_direct_sync_single')
  if (forCpu) arch_sync_dma(dev, 'sc', phys, size, flush)
  if (mem !== null) swiotlb_sync_single(dev, mem, phys, size, dir, forCpu)
  if (!forCpu) arch_sync_dma(dev, 'sd', phys, size, flush)
}

/** dma_direct_map_resource(): the raw address until the series made it a map_phys with MMIO. */
export function dma_direct_map_resource(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number {
  if (dev.k.rev.mapPhys !== 'map_page') return dma_direct_map_phys(dev, cpu, phys, size, dir, attrs | ATTR.MMIO)
  if (dma_capable(dev, phys, size, false, attrs) !== 'ok') {
    dev.k.printk('err', `${dev.name}: DMA addr overflow`)
    dev.k.warn('dma_direct_map_resource', 'DMA addr overflow')
    failed(dev, 'mask')
    return DMA_MAPPING_ERROR
  }
  return phys
}

/** dma_skip_sync: the public dma_sync_* wrappers do nothing while it is set. */
export const dma_dev_need_sync = (dev: Device): boolean => !test(dev.k.f.bits, dev.index, DEV_BITS.dma_skip_sync)

/** dma_direct_get_required_mask(): the last byte of RAM in the form this device uses, rounded up to all ones; 2^64 is a mask of 64 bits. */
export function dma_direct_get_required_mask(dev: Device): number {
  const last = phys_to_dma_direct(dev, dev.k.memory.last)
  return last === DMA_MAPPING_ERROR ? 2 ** 64 : 2 ** last.toString(2).length - 1
}

/** dma_direct_all_ram_mapped(), since 6.12: the range map knows an address for all of RAM. */
function dma_direct_all_ram_mapped(dev: Device): boolean {
  const map = dev.config.range_map
  if (map === undefined) return true
  return dev.k.memory.ram.every(([start, end]) => {
    for (let at = start; at < end;) {
      const r = map.find((x) => at >= x.cpu_start && at - x.cpu_start < x.size)
      if (r === undefined) return false
      at = r.cpu_start + r.size
    }
    return true
  })
}

/** dma_addressing_limited(): the mask, or RAM that the range map does not know. */
export const dma_addressing_limited = (dev: Device): boolean => dma_limit(dev) < dma_direct_get_required_mask(dev) || !dma_direct_all_ram_mapped(dev)

/** dma_direct_max_mapping_size(); Infinity is SIZE_MAX. */
export function dma_direct_max_mapping_size(dev: Device): number {
  const k = dev.k
  if (is_swiotlb_active(dev) && (dma_addressing_limited(dev) || is_swiotlb_force_bounce(dev) || (k.rev.maxMappingForced && force_dma_unencrypted(dev)))) return swiotlb_max_mapping_size(dev)
  return Number.POSITIVE_INFINITY
}

// --- coherent and page allocations ----------------------------------------------------------------------------------------

export interface DmaBuffer {
  /** What the CPU uses. */
  readonly cpu: number
  readonly handle: number
  readonly phys: number
  readonly size: number
  /** Alias of a mapping of its own (vmap); null: the linear map. */
  readonly alias: CpuAlias
  readonly from: 'buddy' | 'atomic' | 'swiotlb'
  readonly vmap: boolean
  /** What the caller holds is no address of the buffer: a struct page (NO_KERNEL_MAPPING), or an address passed off as a struct page. */
  readonly cookie: boolean
  /** Of an atomic pool: the address by which it takes the memory back. */
  readonly pool?: number
  /** What `reencryptOnFree at_alloc` would remember. */
  readonly decrypted?: boolean
}

// A limit that the range map does not know is all ones.
function coherent_phys_limit(dev: Device): number {
  const back = dma_to_phys(dev, coherent_limit(dev))
  return back < 0 ? 2 ** 64 : back
}

/** dma_direct_optimal_gfp_mask(): the zone in which the device's limit lies. */
function dma_direct_optimal_gfp_mask(dev: Device): DmaZone {
  const phys_limit = coherent_phys_limit(dev)
  return phys_limit <= dev.k.memory.zone_dma_limit ? 'dma' : phys_limit <= 0xffffffff ? 'dma32' : 'normal'
}

/** __dma_direct_alloc_pages(): restricted pool, else buddy with the zone narrowed until the address fits. Physical address or -1. */
function __dma_direct_alloc_pages(dev: Device, cpu: number, size: number, request: boolean): number {
  const k = dev.k
  if (is_swiotlb_for_alloc(dev)) {
    const phys = swiotlb_alloc(dev, cpu, size, request)
    if (phys < 0) return -1
    if (!dma_coherent_ok(dev, phys, size)) {
      swiotlb_free(dev, phys)
      failed(dev, 'mask')
      return -1
    }
    return phys
  }
  const order = get_order(size)
  const phys_limit = coherent_phys_limit(dev)
  let zone = dma_direct_optimal_gfp_mask(dev)
  for (;;) {
    const pfn = k.pages.alloc_dma(order, zone, { tag: TAG.dma, why: 'dma_direct_alloc' })
    if (pfn < 0) { failed(dev, 'exhausted'); return -1 }
    const phys = pfn * PAGE_SIZE
    if (dma_coherent_ok(dev, phys, size)) return phys
    dma_free_contiguous(dev, pfn, order, 'dma_direct_alloc_pages')
    // The scenes' low bank is already the lowest zone: narrowing finds nothing better there.
    const zones = k.parts.allocator !== undefined || k.parts.host !== undefined
    if (zones && phys_limit < 2 ** 64 && zone === 'normal') zone = 'dma32'
    else if (zones && zone !== 'dma') zone = 'dma'
    else {
      failed(dev, 'mask')
      return -1
    }
  }
}

/** dma_free_contiguous(): back to the page allocator. */
function dma_free_contiguous(dev: Device, pfn: number, order: number, site: string): void {
  // pfn_to_page() of all ones.
  if (pfn < 0) dev.k.crash(site, 'no page behind the handle', 'the range map does not know the handle, and the page of all ones is freed')
  dev.k.pages.free_dma(pfn, order, site)
}

/** __dma_direct_free_pages(): back to the restricted pool that it came from, else to the page allocator. */
function __dma_direct_free_pages(dev: Device, phys: number, size: number, site: string): void { if (!swiotlb_free(dev, phys)) dma_free_contiguous(dev, phys / PAGE_SIZE, get_order(size), site) }

/** dma_pgprot() and what the caller adds to it: decrypted where `shared`. */
export const dma_pgprot = (dev: Device, shared: boolean): number => (dev.coherent ? 0 : PGPROT.dmacoherent) | (shared ? PGPROT.decrypted : 0)

/** The mapping of its own of an allocation for a device that does not snoop; false where it cannot be made. */
function remapped(dev: Device, phys: number, size: number, shared: boolean): boolean {
  arch_dma_prep_coherent(dev.k, phys, size)
  return dma_common_contiguous_remap(dev.k, phys, size, dma_pgprot(dev, shared))
}

function not_supported(dev: Device): null {
  failed(dev, 'noncoherent')
  dev.k.message('not_supported')
  return null
}

/** dma_direct_alloc() of 6.12: force_dma_unencrypted() is asked at every place it appears. `gfpBlocks`: the allocation may sleep. */
export function dma_direct_alloc(dev: Device, cpu: number, sizeIn: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null {
  if (dev.k.rev.allocByAttr) return dma_direct_alloc_cc(dev, cpu, sizeIn, gfpBlocks, attrs)
  const k = dev.k
  const size = PAGE_ALIGN(sizeIn)
  if (attrs & ATTR.NO_KERNEL_MAPPING && !force_dma_unencrypted(dev) && !is_swiotlb_for_alloc(dev)) return dma_direct_alloc_no_mapping(dev, cpu, size)
  let remap = false
  if (!dev.coherent) {
    remap = k.dmaDirectRemap
    if (!remap) return not_supported(dev)
  }
  if ((remap || force_dma_unencrypted(dev)) && !gfpBlocks && !is_swiotlb_for_alloc(dev)) return dma_direct_alloc_from_pool(dev, size, null, force_dma_unencrypted(dev), attrs)
  const phys = __dma_direct_alloc_pages(dev, cpu, size, false)
  if (phys < 0) return null
  const n = size / PAGE_SIZE
  let alias: CpuAlias = null
  let decrypted = false
  const from = is_swiotlb_for_alloc(dev) ? 'swiotlb' as const : 'buddy' as const
  if (remap) {
    // vmap with the protection of the moment; before f253a83ff94c the linear alias and the page itself are not converted.
    alias = force_dma_unencrypted(dev) ? 'shared' : 'private'
    if (k.rev.decryptRemapped && alias === 'shared' && from === 'buddy' && set_memory_decrypted(k, phys, n) !== 0) { k.pages.leak(phys / PAGE_SIZE, 2 ** get_order(size), 'dma_direct_alloc', true); failed(dev, 'conversion'); return null }
    if (!remapped(dev, phys, size, alias === 'shared')) {
      __dma_direct_free_pages(dev, phys, size, 'dma_direct_alloc')
      failed(dev, 'exhausted')
      return null
    }
  } else if (force_dma_unencrypted(dev)) {
    if (from === 'buddy' || k.rev.convertRestricted) {
      decrypted = true
      sleepCheck(dev, gfpBlocks, 'dma_direct_alloc')
      if (from === 'buddy' && set_memory_decrypted(k, phys, n) !== 0) { k.pages.leak(phys / PAGE_SIZE, 2 ** get_order(size), 'dma_direct_alloc', true); failed(dev, 'conversion'); return null }
      if (from === 'swiotlb' && decryptPoolPage(dev, phys, n) !== 0) { leakSlots(dev, phys, size); failed(dev, 'conversion'); return null }
    }
  }
  k.memzero('dma_direct_alloc', phys, size, alias)
  const handle = phys_to_dma_direct(dev, phys)
  return { cpu: phys, handle, phys, size, alias, from, vmap: remap, cookie: false, ...remembered(dev, decrypted) }
}

/** dma_set_decrypted(); dma_direct_alloc() of the series converts without it, and says nothing when that fails. */
function dma_set_decrypted(dev: Device, phys: number, n: number): number {
  const rc = set_memory_decrypted(dev.k, phys, n)
  if (rc !== 0 && dev.k.rev.allocByAttr) dev.k.message('leak_decrypt')
  return rc
}

/** dma_set_encrypted(). */
function dma_set_encrypted(dev: Device, addr: number, n: number): number {
  const rc = set_memory_encrypted(dev.k, addr, n)
  if (rc !== 0) dev.k.message('leak_encrypt')
  return rc
}

// 6.12 converts a page of the restricted pool, which is shared already, once more (fixed by b5ef0dd28e11): on SNP that is a PVALIDATE without
// change; elsewhere it is idempotent or an error.
function decryptPoolPage(dev: Device, phys: number, n: number): number {
  return set_memory_decrypted(dev.k, phys, n)
}

function leakSlots(dev: Device, phys: number, size: number): void {
  dev.k.emit({ kind: 'leak', pfn: phys / PAGE_SIZE, n: size / PAGE_SIZE, site: 'dma_direct_alloc', onPurpose: true })
}

function sleepCheck(dev: Device, gfpBlocks: boolean, site: string): void {
  // A recording went on.
  if (!gfpBlocks && dev.k.parts.host === undefined) dev.k.crash(site, 'sleep in atomic context', 'set_memory_decrypted() sleeps and the caller cannot')
}

function dma_direct_alloc_no_mapping(dev: Device, cpu: number, size: number): DmaBuffer | null {
  const phys = __dma_direct_alloc_pages(dev, cpu, size, false)
  if (phys < 0) return null
  arch_dma_prep_coherent(dev.k, phys, size)
  // A struct page as cookie; memory is not zeroed.
  return { cpu: phys, handle: phys_to_dma_direct(dev, phys), phys, size, alias: null, from: 'buddy', vmap: false, cookie: true }
}

function dma_direct_alloc_from_pool(dev: Device, size: number, request: boolean | null, shared: boolean, attrs: number): DmaBuffer | null {
  const k = dev.k
  const wanted = k.rev.poolsMatchRequest ? request ?? shared : null
  const b = k.atomic.alloc(dev, size, wanted, { shared, zone: dma_direct_optimal_gfp_mask(dev), limited: true, noWarn: (attrs & ATTR.NO_WARN) !== 0 })
  if (b === null) { failed(dev, wanted !== null && wanted !== k.atomic.shared ? 'pool_state' : 'exhausted'); return null }
  const { phys, addr, alias } = b
  const handle = request !== null ? (request ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys)) : phys_to_dma_direct(dev, phys)
  return { cpu: phys, handle, phys, size, alias, from: 'atomic', pool: addr, vmap: alias !== null, cookie: false }
}

/** The bytes of an allocation: whole pages, or where it converts pages of its own to shared (`converts`) whole granules of the host, if the revision knows them. */
function sharedSize(dev: Device, size: number, converts: boolean): number {
  const unit = converts && !is_swiotlb_for_alloc(dev) ? mem_cc_shared_granule_size(dev.k) : PAGE_SIZE
  return Math.ceil(size / unit) * unit
}

/** dma_direct_alloc() of the series: the attribute is decided once, at the top (b5ef0dd28e11, f253a83ff94c). */
function dma_direct_alloc_cc(dev: Device, cpu: number, sizeIn: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null {
  const k = dev.k
  const A = force_dma_unencrypted(dev) || (attrs & ATTR_ALLOC_CC_SHARED) !== 0
  let decrypt = A
  const size = sharedSize(dev, sizeIn, A && gfpBlocks)
  if (attrs & ATTR.NO_KERNEL_MAPPING && !A && !is_swiotlb_for_alloc(dev)) return dma_direct_alloc_no_mapping(dev, cpu, size)
  let remap = false
  if (!dev.coherent) {
    remap = k.dmaDirectRemap
    if (!remap) return not_supported(dev)
  }
  if ((remap || A) && !gfpBlocks && !is_swiotlb_for_alloc(dev)) return dma_direct_alloc_from_pool(dev, size, A, A, attrs)
  const phys = __dma_direct_alloc_pages(dev, cpu, size, A)
  if (phys < 0) return null
  const n = size / PAGE_SIZE
  const from = is_swiotlb_for_alloc(dev) ? 'swiotlb' as const : 'buddy' as const
  if (from === 'swiotlb' || (remap && !k.rev.decryptRemapped)) decrypt = false
  if (decrypt) {
    if (set_memory_decrypted(k, phys, n) !== 0) { k.pages.leak(phys / PAGE_SIZE, 2 ** get_order(size), 'dma_direct_alloc', true); failed(dev, 'conversion'); return null }
  }
  const alias: CpuAlias = remap ? (A ? 'shared' : 'private') : null
  if (remap && !remapped(dev, phys, size, A)) {
    failed(dev, 'exhausted')
    if (decrypt && dma_set_encrypted(dev, phys, n) !== 0) k.pages.leak(phys / PAGE_SIZE, 2 ** get_order(size), 'dma_direct_alloc', true)
    else __dma_direct_free_pages(dev, phys, size, 'dma_direct_alloc')
    return null
  }
  k.memzero('dma_direct_alloc', phys, size, alias)
  const handle = A ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys)
  return { cpu: phys, handle, phys, size, alias, from, vmap: remap, cookie: false, ...remembered(dev, decrypt) }
}

/** Whether the page was made shared, for a revision that would remember it; no revision does. */
const remembered = (dev: Device, decrypted: boolean): { decrypted?: boolean } => (dev.k.rev.reencryptOnFree === 'at_alloc' ? { decrypted } : {})

/** dma_direct_free(): the state at free, not at allocation, decides whether the page is made private again. */
export function dma_direct_free(dev: Device, b: DmaBuffer, attrs: number): void {
  const k = dev.k
  const { size } = b
  const n = size / PAGE_SIZE
  const order = get_order(size)
  if (k.rev.allocByAttr) {
    const A = b.decrypted ?? (force_dma_unencrypted(dev) || (attrs & ATTR_ALLOC_CC_SHARED) !== 0)
    let reencrypt = A
    if (attrs & ATTR.NO_KERNEL_MAPPING && !A && !is_swiotlb_for_alloc(dev)) { free_no_mapping(dev, b); return }
    if (b.from === 'atomic' && k.atomic.free(b.pool ?? b.phys, size)) return
    const phys = dma_to_phys(dev, b.handle)
    const mem = swiotlb_find_pool(dev, phys)
    if (mem !== null) reencrypt = false
    if (b.vmap) k.parts.host?.vunmap(b.phys)
    if (reencrypt && dma_set_encrypted(dev, phys, n) !== 0) { k.pages.leak(phys / PAGE_SIZE, 2 ** order, 'dma_direct_free', true); return }
    if (mem !== null) swiotlb_free(dev, phys)
    else if (aliasOfNoPage(dev, b.handle)) noPage(dev, 'dma_direct_free')
    else dma_free_contiguous(dev, phys / PAGE_SIZE, order, 'dma_direct_free')
    return
  }
  if (attrs & ATTR.NO_KERNEL_MAPPING && !force_dma_unencrypted(dev) && !is_swiotlb_for_alloc(dev)) { free_no_mapping(dev, b); return }
  if (b.from === 'atomic' && k.atomic.free(b.pool ?? b.phys, size)) return
  const phys = dma_to_phys(dev, b.handle)
  if (b.vmap) {
    // No encryption change.
    k.parts.host?.vunmap(b.phys)
  } else if ((b.decrypted ?? force_dma_unencrypted(dev)) && (b.from !== 'swiotlb' || k.rev.convertRestricted)) {
    if ((b.cookie ? encryptCookie(dev, phys) : dma_set_encrypted(dev, b.cpu, n)) !== 0) {
      if (b.from === 'swiotlb') leakSlots(dev, phys, size)
      else k.pages.leak(phys / PAGE_SIZE, 2 ** order, 'dma_direct_free', true)
      return
    }
  }
  if (aliasOfNoPage(dev, b.handle) && swiotlb_find_pool(dev, phys) === null) noPage(dev, 'dma_direct_free')
  __dma_direct_free_pages(dev, phys, size, 'dma_direct_free')
}

// NO_KERNEL_MAPPING of a device that is not forced: cpu_addr is taken for a struct page, also when it was allocated while it was forced.
function free_no_mapping(dev: Device, b: DmaBuffer): void {
  if (!b.cookie) dev.k.crash('dma_direct_free', 'address taken for a struct page', 'the buffer was allocated with a kernel address and is freed as if it were a struct page')
  dma_free_contiguous(dev, b.phys / PAGE_SIZE, get_order(b.size), 'dma_direct_free')
}

// The other way round, before the series converted by the linear alias of the pages: a struct page is given to set_memory_encrypted(). arm64 refuses what
// is not in the linear map; elsewhere the memory map itself is converted.
// arm64 looks at the alignment before anything else (mem_encrypt.c, 6.12): a struct page of 64 bytes is page aligned for every 64th page only.
function encryptCookie(dev: Device, phys: number): number {
  const { k } = dev
  if (k.platform.conversion !== 'rsi') k.crash('dma_direct_free', 'struct page taken for an address', 'set_memory_encrypted() is given a struct page and converts the memory map')
  if ((phys / PAGE_SIZE) % 64 !== 0) {
    k.warn('set_memory_encrypted', 'address not page aligned')
    return 0
  }
  k.warn('set_memory_encrypted', 'not the linear map: pages will be leaked')
  return EINVAL
}

/** dma_direct_alloc_pages(). Of `attrs` only NO_WARN has a meaning, as the gfp's __GFP_NOWARN. */
export function dma_direct_alloc_pages(dev: Device, cpu: number, sizeIn: number, gfpBlocks: boolean, attrs = 0): DmaBuffer | null {
  const k = dev.k
  const byAttr = k.rev.allocByAttr
  const A = force_dma_unencrypted(dev)
  const size = sharedSize(dev, sizeIn, A && gfpBlocks)
  const n = size / PAGE_SIZE
  if (A && !gfpBlocks && !is_swiotlb_for_alloc(dev)) {
    const b = dma_direct_alloc_from_pool(dev, size, byAttr ? A : null, true, attrs)
    return b === null || k.rev.allocPagesReturnsPage ? b : { ...b, cookie: true }
  }
  const phys = __dma_direct_alloc_pages(dev, cpu, size, A)
  if (phys < 0) return null
  const from = is_swiotlb_for_alloc(dev) ? 'swiotlb' as const : 'buddy' as const
  let decrypted = false
  if ((from === 'buddy' || k.rev.convertRestricted) && (byAttr ? A : force_dma_unencrypted(dev))) {
    decrypted = true
    sleepCheck(dev, gfpBlocks, 'dma_direct_alloc_pages')
    if (dma_set_decrypted(dev, phys, n) !== 0) {
      if (from === 'buddy') k.pages.leak(phys / PAGE_SIZE, 2 ** get_order(size), 'dma_direct_alloc_pages', true)
      else leakSlots(dev, phys, size)
      failed(dev, 'conversion')
      return null
    }
  }
  k.memzero('dma_direct_alloc_pages', phys, size)
  const handle = byAttr ? (A ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys)) : phys_to_dma_direct(dev, phys)
  return { cpu: phys, handle, phys, size, alias: null, from, vmap: false, cookie: false, ...remembered(dev, decrypted) }
}

/** dma_direct_free_pages(). */
export function dma_direct_free_pages(dev: Device, b: DmaBuffer): void {
  const k = dev.k
  const { size } = b
  const n = size / PAGE_SIZE
  if (b.cookie) k.crash('dma_direct_free_pages', 'address taken for a struct page', 'page_address() of what is no struct page')
  // By the page's linear address a remapped pool, whose addresses are of its own mapping, does not have it.
  if (b.from === 'atomic' && (k.rev.freePagesByPhys || !k.dmaDirectRemap) && k.atomic.free(b.pool ?? b.phys, size)) return
  const reencrypt = b.decrypted ?? force_dma_unencrypted(dev)
  const mem = swiotlb_find_pool(dev, b.phys)
  if (reencrypt && (mem === null || k.rev.convertRestricted) && dma_set_encrypted(dev, b.phys, n) !== 0) {
    if (mem !== null) leakSlots(dev, b.phys, size)
    else k.pages.leak(b.phys / PAGE_SIZE, 2 ** get_order(size), 'dma_direct_free_pages', true)
    return
  }
  if (!swiotlb_free(dev, b.phys)) dma_free_contiguous(dev, b.phys / PAGE_SIZE, get_order(size), 'dma_direct_free_pages')
}

/** dma_direct_mmap(): the user mapping's protection is decrypted iff the device is forced to shared memory now. */
export const dma_direct_mmap_alias = (dev: Device): 'shared' | 'private' => dev.k.calls !== null && !dev.config.iommu ? dev.k.calls.dma_mmap_alias(dev) : (force_dma_unencrypted(dev) ? 'shared' : 'private')

/** Whether anything holds the device lock: for tests of locking rules. */
export const device_idle = (dev: Device): boolean => isZero(dev.k.f.driver, dev.index)

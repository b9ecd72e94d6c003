// kernel/dma/mapping.c, in its order: which implementation a device uses, and what the DMA API checks before it.
import type { DmaAddr, Phys } from '../../base/index.ts'
import { peek, poke, test } from '../../step/index.ts'
import { coherent_dma_mask, dma_mask, is_swiotlb_active, set_dma_skip_sync } from '../device.ts'
import { EIO, EOPNOTSUPP } from '../errno.ts'
import { MAPPING_ERROR, Trace } from '../trace-events.ts'
import {
  DEV_BITS,
  type Device,
  DMA_BIT_MASK,
  type DmaBuffer,
  type DmaCalls,
  type SgEntry,
  type SgMapped
} from '../types.ts'
import { DMA_MAPPING_ERROR } from './address.ts'
import { ATTR, ATTR_ALLOC_CC_SHARED } from './attrs.ts'
import { dma_direct_sync_single_for_cpu, dma_direct_sync_single_for_device, dma_direct_unmap_phys } from './direct-h.ts'
import {
  dma_direct_alloc,
  dma_direct_alloc_pages,
  dma_direct_free,
  dma_direct_free_pages,
  dma_direct_get_required_mask,
  dma_direct_map_phys,
  dma_direct_map_resource,
  dma_direct_map_sg,
  dma_direct_max_mapping_size,
  dma_direct_supported,
  dma_direct_sync_sg_for_cpu,
  dma_direct_sync_sg_for_device,
  dma_direct_unmap_sg
} from './direct.ts'
import {
  iommu_dma_alloc,
  iommu_dma_alloc_pages,
  iommu_dma_free,
  iommu_dma_map_phys,
  iommu_dma_sync_single,
  iommu_dma_unmap_phys
} from './iommu.ts'
import { arch_sync_dma_flush } from './map-ops.ts'
import { failed, swiotlb_max_mapping_size } from './swiotlb.ts'

const use_dma_iommu = (dev: Device): boolean => dev.config.iommu
/** Another kernel's API: for devices behind a vIOMMU if it has a dma-iommu. */
const other = (dev: Device): DmaCalls | null => {
  const { calls } = dev.k
  return calls !== null && use_dma_iommu(dev) && !calls.iommu ? null : calls
}

/**
 * Another kernel's API for a list of so many entries: behind a vIOMMU ours maps them one by one, and that kernel would
 * merge them.
 */
export function takesList(dev: Device, entries: number): DmaCalls | null {
  const { calls } = dev.k
  return calls !== null && !use_dma_iommu(dev) && entries > 0 && entries <= calls.segments ? calls : null
}

const newAttributes = ['CC_SHARED', 'MMIO', 'REQUIRE_COHERENT'] as const

/** An attribute that the revision does not know: the call fails with EOPNOTSUPP. */
export function unknownAttribute(dev: Device, attrs: number): boolean {
  return newAttributes.some((a) => (attrs & ATTR[a]) !== 0 && !dev.k.rev[`attributes.${a}`])
}

/** dma_map_page_attrs(), dma_map_phys(). */
export function dma_map_phys(dev: Device, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
  const c = other(dev)
  if (c !== null) return c.dma_map_phys(dev, cpu, phys, size, dir, attrs)
  if (attrs & ATTR.REQUIRE_COHERENT && !dev.coherent) {
    failed(dev, 'coherent_only')
    return DMA_MAPPING_ERROR
  }
  const addr = use_dma_iommu(dev)
    ? iommu_dma_map_phys(dev, cpu, phys, size, dir, attrs)
    : dma_direct_map_phys(dev, cpu, phys, size, dir, attrs)
  if (dev.k.logging)
    dev.k.trace(Trace.map, { device: dev.name, dir, dma_addr: traced(addr), size, phys_addr: phys, attrs }, cpu)
  return addr
}

const traced = (addr: DmaAddr): number => (addr === DMA_MAPPING_ERROR ? MAPPING_ERROR : addr)

export function dma_unmap_phys(dev: Device, addr: DmaAddr, size: number, dir: number, attrs: number): void {
  const c = other(dev)
  if (c !== null) {
    c.dma_unmap_phys(dev, addr, size, dir, attrs)
    return
  }
  if (use_dma_iommu(dev)) iommu_dma_unmap_phys(dev, addr, size, dir, attrs)
  else dma_direct_unmap_phys(dev, addr, size, dir, attrs)
  if (dev.k.logging) dev.k.trace(Trace.unmap, { device: dev.name, dir, dma_addr: addr, size, attrs }, 0)
}

/** dma_map_sgtable(): a bus address an entry, or a negative errno. */
export function dma_map_sg(
  dev: Device,
  cpu: number,
  sg: readonly SgEntry[],
  dir: number,
  attrs: number
): DmaAddr[] | number {
  const c = takesList(dev, sg.length)
  if (c !== null) return c.dma_map_sg(dev, cpu, sg, dir, attrs)
  if (attrs & ATTR.REQUIRE_COHERENT && !dev.coherent) {
    failed(dev, 'coherent_only')
    return EOPNOTSUPP
  }
  return use_dma_iommu(dev) ? mapEach(dev, cpu, sg, dir, attrs) : dma_direct_map_sg(dev, cpu, sg, dir, attrs)
}

/** dma_unmap_sg_attrs(). */
export function dma_unmap_sg(dev: Device, sg: readonly SgMapped[], dir: number, attrs: number): void {
  const c = takesList(dev, sg.length)
  if (c !== null) c.dma_unmap_sg(dev, sg, dir, attrs)
  else if (use_dma_iommu(dev)) unmapEach(dev, sg, dir, attrs)
  else dma_direct_unmap_sg(dev, sg, dir, attrs)
}

// Behind a vIOMMU: entry by entry, as if each were a mapping of its own.
function mapEach(dev: Device, cpu: number, sg: readonly SgEntry[], dir: number, attrs: number): DmaAddr[] | number {
  const out: SgMapped[] = []
  for (const { phys, size } of sg) {
    const addr = dma_map_phys(dev, cpu, phys, size, dir, attrs)
    if (addr === DMA_MAPPING_ERROR) {
      unmapEach(dev, out, dir, attrs | ATTR.SKIP_CPU_SYNC)
      return EIO
    }
    out.push({ addr, size })
  }
  if (!dev.coherent) arch_sync_dma_flush(dev.k)
  return out.map((e) => e.addr)
}

function unmapEach(dev: Device, sg: readonly SgMapped[], dir: number, attrs: number): void {
  for (const e of sg) dma_unmap_phys(dev, e.addr, e.size, dir, attrs)
  if (sg.length > 0 && !dev.coherent) arch_sync_dma_flush(dev.k)
}

/** dma_map_resource(). */
export function dma_map_resource(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  dir: number,
  attrs: number
): DmaAddr {
  const c = other(dev)
  if (c !== null) return c.dma_map_resource(dev, cpu, phys, size, dir, attrs)
  return use_dma_iommu(dev)
    ? iommu_dma_map_phys(dev, cpu, phys, size, dir, attrs | ATTR.MMIO)
    : dma_direct_map_resource(dev, cpu, phys, size, dir, attrs)
}

export function dma_unmap_resource(dev: Device, addr: DmaAddr, size: number, dir: number, attrs: number): void {
  const c = other(dev)
  if (c !== null) {
    c.dma_unmap_resource(dev, addr, size, dir, attrs)
    return
  }
  if (use_dma_iommu(dev)) iommu_dma_unmap_phys(dev, addr, size, dir, attrs | ATTR.MMIO)
  else if (dev.k.rev.mapPhys === 'capable') dma_direct_unmap_phys(dev, addr, size, dir, attrs | ATTR.MMIO)
}

/** dma_sync_single_for_cpu(), dma_sync_single_for_device(): nothing at all while dma_skip_sync is set. */
export function dma_sync_single(dev: Device, addr: DmaAddr, size: number, dir: number, forCpu: boolean): void {
  const c = other(dev)
  if (c !== null) {
    c.dma_sync_single(dev, addr, size, dir, forCpu)
    return
  }
  if (!dma_dev_need_sync(dev)) return
  if (dev.k.logging)
    dev.k.trace(forCpu ? Trace.sync : Trace.syncDevice, { device: dev.name, dir, dma_addr: addr, size }, 0)
  if (use_dma_iommu(dev)) iommu_dma_sync_single(dev, addr, size, dir, forCpu)
  else if (forCpu) dma_direct_sync_single_for_cpu(dev, addr, size, dir)
  else dma_direct_sync_single_for_device(dev, addr, size, dir)
}

/** dma_sync_sg_for_cpu(), dma_sync_sg_for_device(): nothing at all while dma_skip_sync is set. */
export function dma_sync_sg(dev: Device, sg: readonly SgMapped[], dir: number, forCpu: boolean): void {
  const c = takesList(dev, sg.length)
  if (c !== null) {
    c.dma_sync_sg(dev, sg, dir, forCpu)
    return
  }
  if (!dma_dev_need_sync(dev)) return
  if (!use_dma_iommu(dev)) {
    if (forCpu) dma_direct_sync_sg_for_cpu(dev, sg, dir)
    else dma_direct_sync_sg_for_device(dev, sg, dir)
    return
  }
  for (const e of sg) iommu_dma_sync_single(dev, e.addr, e.size, dir, forCpu)
  if (!dev.coherent) arch_sync_dma_flush(dev.k)
}

/** dma_skip_sync: the public dma_sync_* wrappers do nothing while it is set. */
export const dma_dev_need_sync = (dev: Device): boolean => !test(dev.k.f.bits, dev.index, DEV_BITS.dma_skip_sync)

/** dma_need_unmap(): false while nothing that an unmap does would be missed. */
export const dma_need_unmap = (dev: Device): boolean => use_dma_iommu(dev) || dma_dev_need_sync(dev)

/** dma_get_required_mask(): 2^64 is a mask of 64 bits. */
export const dma_get_required_mask = (dev: Device): number =>
  other(dev)?.dma_get_required_mask(dev) ?? (use_dma_iommu(dev) ? DMA_BIT_MASK(32) : dma_direct_get_required_mask(dev))

/** dma_alloc_attrs(). */
export function dma_alloc_attrs(
  dev: Device,
  cpu: number,
  size: number,
  gfpBlocks: boolean,
  attrs: number
): DmaBuffer | null {
  const c = other(dev)
  if (c !== null) return c.dma_alloc_attrs(dev, cpu, size, gfpBlocks, attrs)
  if (attrs & (ATTR.CC_SHARED | ATTR_ALLOC_CC_SHARED) && dev.k.rev.allocRefusesShared) {
    failed(dev, 'attribute')
    return null
  }
  const b = use_dma_iommu(dev)
    ? iommu_dma_alloc(dev, size, gfpBlocks, attrs)
    : dma_direct_alloc(dev, cpu, size, gfpBlocks, attrs)
  if (dev.k.logging && b !== null)
    dev.k.trace(
      Trace.alloc,
      {
        device: dev.name,
        dir: 0,
        dma_addr: b.handle,
        size,
        virt_addr: b.cpu,
        flags: gfpBlocks ? 'GFP_KERNEL' : 'GFP_ATOMIC',
        attrs
      },
      cpu
    )
  return b
}

export function dma_free_attrs(dev: Device, b: DmaBuffer, attrs: number): void {
  const c = other(dev)
  if (c !== null) {
    c.dma_free_attrs(dev, b, attrs)
    return
  }
  if (use_dma_iommu(dev)) iommu_dma_free(dev, b)
  else dma_direct_free(dev, b, attrs)
  if (dev.k.logging)
    dev.k.trace(Trace.free, { device: dev.name, dir: 0, dma_addr: b.handle, size: b.size, virt_addr: b.cpu, attrs }, 0)
}

/** dma_alloc_pages(). Of `attrs` only NO_WARN has a meaning, as the gfp's __GFP_NOWARN. */
export function dma_alloc_pages(
  dev: Device,
  cpu: number,
  size: number,
  gfpBlocks: boolean,
  attrs = 0
): DmaBuffer | null {
  const c = other(dev)
  if (c !== null) return c.dma_alloc_pages(dev, cpu, size, gfpBlocks)
  return use_dma_iommu(dev)
    ? iommu_dma_alloc_pages(dev, size, gfpBlocks)
    : dma_direct_alloc_pages(dev, cpu, size, gfpBlocks, attrs)
}

export function dma_free_pages(dev: Device, b: DmaBuffer): void {
  const c = other(dev)
  if (c !== null) {
    c.dma_free_pages(dev, b)
    return
  }
  if (use_dma_iommu(dev)) iommu_dma_free(dev, b)
  else dma_direct_free_pages(dev, b)
}

const dma_supported = (dev: Device, mask: number): boolean => use_dma_iommu(dev) || dma_direct_supported(dev, mask)

/** dma_set_mask(): 0 or -EIO; dma_setup_need_sync() makes dma_skip_sync what the device's coherence says. */
export function dma_set_mask(dev: Device, bits: number): number {
  const c = other(dev)
  if (c !== null) return c.dma_set_mask(dev, bits)
  if (!dma_supported(dev, DMA_BIT_MASK(bits))) return EIO
  if (peek(dev.k.f.mask, dev.index) !== bits) poke(dev.k.f.mask, dev.index, bits)
  set_dma_skip_sync(dev, dev.coherent, 'dma_setup_need_sync')
  return 0
}

/** dma_set_mask() and dma_set_coherent_mask() of any mask, where masks are no bits of the shared state: 0 or -EIO. */
export function dma_set_any_mask(dev: Device, mask: number, coherent: boolean): number {
  if (!dma_supported(dev, mask)) return EIO
  const now = { dma: dma_mask(dev), coherent: coherent_dma_mask(dev) }
  dev.masks = coherent ? { ...now, coherent: mask } : { ...now, dma: mask }
  if (!coherent) set_dma_skip_sync(dev, dev.coherent, 'dma_setup_need_sync')
  return 0
}

/** dma_set_coherent_mask(): 0 or -EIO. On an SME host force_dma_unencrypted() follows it. */
export function dma_set_coherent_mask(dev: Device, bits: number): number {
  const c = other(dev)
  if (c !== null) return c.dma_set_coherent_mask(dev, bits)
  if (!dma_supported(dev, DMA_BIT_MASK(bits))) return EIO
  if (peek(dev.k.f.coherent_mask, dev.index) !== bits) poke(dev.k.f.coherent_mask, dev.index, bits)
  return 0
}

/** dma_set_mask_and_coherent(). */
export function dma_set_mask_and_coherent(dev: Device, bits: number): number {
  const rc = dma_set_mask(dev, bits)
  if (rc === 0) dma_set_coherent_mask(dev, bits)
  return rc
}

/** dma_max_mapping_size(); Infinity is SIZE_MAX. Behind a vIOMMU only an untrusted device bounces. */
export function dma_max_mapping_size(dev: Device): number {
  const c = other(dev)
  if (c !== null) return c.dma_max_mapping_size(dev)
  if (!use_dma_iommu(dev)) return dma_direct_max_mapping_size(dev)
  return dev.config.untrusted && is_swiotlb_active(dev) ? swiotlb_max_mapping_size(dev) : Number.POSITIVE_INFINITY
}

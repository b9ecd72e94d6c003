// kernel/dma/swiotlb.c around the pool: what a bounce asks, copies and answers. The slot search under the area lock is
// one step (swiotlb-mem.ts), the copy is another.
import type { DmaAddr, Phys } from '../../base/index.ts'
import { action, quietly } from '../../step/index.ts'
import {
  clear_dma_skip_sync,
  dma_limit,
  force_dma_unencrypted,
  hostMemEncrypt,
  is_swiotlb_force_bounce,
  private_access
} from '../device.ts'
import type { RefusalReason } from '../refusal.ts'
import { Trace } from '../trace-events.ts'
import type { Device, Kernel, SlotPool, SwiotlbMem } from '../types.ts'
import { aliasOfNoPage, dma_capable, DMA_MAPPING_ERROR, phys_to_dma, phys_to_dma_unencrypted } from './address.ts'
import { ATTR, DIR } from './attrs.ts'
import { arch_sync_dma_flush } from './map-ops.ts'
import { SLOT_BUG, SLOT_FULL, SLOT_UNALIGNED } from './swiotlb-mem.ts'

/** Largest contiguous bounce: 128 slots. */
export const SEGMENT_BYTES = 256 * 1024

/** Why a mapping failed; not something the kernel returns. */
export function failed(dev: Device, reason: RefusalReason): void {
  dev.k.emit({ kind: 'failed', reason, dev: dev.index })
}

/** cc_shared of a pool: shared iff memory encryption is reported; the what-if pool is private. */
export const poolIsShared = (dev: Device, mem: SwiotlbMem): boolean =>
  !mem.kind.private && dev.k.config.memory_encrypt_reported && dev.k.platform.conversion !== 'none'

/** Boot makes this pool shared: swiotlb_update_mem_attributes(), rmem_swiotlb_device_init(). */
export function bootConverts(k: Kernel, mem: SwiotlbMem): boolean {
  const { platform, config, rev } = k
  if (mem.kind.private || platform.conversion === 'none') return false
  if (rev.bootConverts === 'reported') return config.memory_encrypt_reported
  // A restricted pool always; an encrypting host's set_memory_decrypted() does nothing where no memory encryption is
  // reported.
  return mem.kind.restricted ? platform.guest || config.memory_encrypt_reported : platform.convertsDefaultPool
}

/** The pool a bounce of this device uses now. The what-if private pool serves accepted devices. */
function bounceMem(dev: Device): SwiotlbMem | null {
  const k = dev.k
  if (k.private_mem !== null && private_access(dev)) return k.private_mem
  return dev.io_tlb_mem
}

/** swiotlb_find_pool(): membership is by address, not by any flag. */
export function swiotlb_find_pool(dev: Device, phys: Phys): SlotPool | null {
  if (dev.io_tlb_mem?.contains(phys)) return dev.io_tlb_mem
  if (dev.k.private_mem?.contains(phys)) return dev.k.private_mem
  return dev.k.dynamic?.__swiotlb_find_pool(dev, phys) ?? null
}

function findSlotsBug(k: Kernel): void {
  k.crash('swiotlb_find_slots', 'BUG_ON boundary mask', 'iommu_is_span_boundary() stops with BUG_ON')
}

/**
 * 0 copied, 1 there is no original, 2 the CPU cannot reach one of both, 3 copied, and the mapping was larger than its
 * slots.
 */
const bounced = action<[dev: Device, mem: SlotPool, tlb: Phys, size: number, toDevice: boolean]>('swiotlb_bounce', {
  perform: (st, _outcome, dev, mem, tlb, size, toDevice) => {
    const m = dev.k.machine
    const b = mem.bounce(st, dev, tlb, size)
    if (b === null) return 1
    const a = m.cpuAccess(st, b.orig, b.size, !toDevice)
    const s = m.cpuAccess(st, tlb, b.size, toDevice)
    if (a === 'invalid' || a === 'abort' || s === 'invalid' || s === 'abort') return 2
    if (toDevice) m.content.copy(st, tlb, b.orig, b.size)
    else m.content.copy(st, b.orig, tlb, b.size)
    dev.k.observer.event(st, { kind: 'bounce', dev: dev.index, bytes: b.size, toDevice })
    return b.overflow ? 3 : 0
  },
  text: (r, _outcome, _dev, _mem, tlb, size, toDevice) =>
    r === 1
      ? 'swiotlb_bounce: no original, nothing copied'
      : `swiotlb_bounce: copy ${size} bytes ${toDevice ? 'original -> slot' : 'slot -> original'} ` +
        `0x${tlb.toString(16)}`,
  results: [0, 1, 2, 3]
})

/** swiotlb_bounce(): one copy between original and slot. */
export function swiotlb_bounce(dev: Device, mem: SlotPool, tlb: Phys, size: number, toDevice: boolean): void {
  const k = dev.k
  const r = bounced(dev, mem, tlb, size, toDevice)
  if (!toDevice && r !== 1 && !dev.coherent) arch_sync_dma_flush(k)
  if (r === 2)
    k.crash('swiotlb_bounce', 'cpu access aborted', 'the bounce copies from or to memory that the CPU cannot reach')
  if (r === 3) k.warn('swiotlb_bounce', 'Buffer overflow detected')
}

/**
 * swiotlb_tbl_map_single(): the bounce's physical address and the state it is in, or an error. `out`: the attributes as
 * it leaves them.
 */
export function swiotlb_tbl_map_single(
  dev: Device,
  cpu: number,
  phys: Phys,
  size: number,
  attrs: number,
  alloc_align_mask = 0,
  out: { attrs: number } = { attrs }
): { tlb: Phys; shared: boolean } | null {
  const k = dev.k
  const mem = bounceMem(dev)
  if (mem === null || mem.nslabs === 0) {
    k.message('no_pool', { dev: dev.name })
    failed(dev, 'no_pool')
    return null
  }
  if (k.config.memory_encrypt_reported && k.platform.conversion !== 'none') k.message('encrypted')
  let shared = true
  switch (k.rev.poolMatches) {
    case 'any':
      shared = !mem.kind.private
      break
    case 'attr_or_force':
      shared = poolIsShared(dev, mem)
      if (((attrs & ATTR.CC_SHARED) !== 0 || force_dma_unencrypted(dev)) !== shared) {
        failed(dev, 'pool_state')
        return null
      }
      break
    case 'device':
      shared = poolIsShared(dev, mem)
      if (force_dma_unencrypted(dev) !== shared) {
        failed(dev, 'pool_state')
        return null
      }
      break
    case 'guest_device':
      shared = poolIsShared(dev, mem)
      if (k.platform.guest && k.config.memory_encrypt_reported) {
        if (force_dma_unencrypted(dev) !== shared) {
          failed(dev, 'pool_state')
          return null
        }
      } else if (hostMemEncrypt(k) && !shared) {
        failed(dev, 'pool_state')
        return null
      }
      break
  }
  if (k.rev.poolMatches === 'device' || k.rev.poolMatches === 'guest_device')
    out.attrs = shared ? attrs | ATTR.CC_SHARED : attrs & ~ATTR.CC_SHARED
  if (alloc_align_mask > 0xfff)
    k.warn('swiotlb_tbl_map_single', 'Alloc alignment may prevent fulfilling requests with max mapping_size')
  const base = shared ? phys_to_dma_unencrypted(dev, mem.start) : phys_to_dma(dev, mem.start)
  const dynamic = mem === k.default_mem ? k.dynamic : null
  const tlb =
    dynamic === null
      ? mem.map(dev, cpu, base, phys, size, alloc_align_mask)
      : dynamic.swiotlb_find_slots(dev, mem, { cpu, shared, phys, size, mask: alloc_align_mask }, base)
  if (tlb === SLOT_BUG) findSlotsBug(k)
  if (tlb === SLOT_FULL) {
    // What the search was asked for: the mapping with the offset it keeps, aligned.
    const asked = mem.asked(dev, base, phys, size, alloc_align_mask)
    if ((attrs & ATTR.NO_WARN) === 0 && k.logging) mem.printFull(dev, asked)
    failed(dev, asked > SEGMENT_BYTES ? 'too_large' : 'exhausted')
    return null
  }
  clear_dma_skip_sync(dev, 'swiotlb_tbl_map_single')
  // The original goes into the slot in every direction, so that bytes the device does not write survive.
  const pool = dynamic !== null && !mem.contains(tlb) ? dynamic.__swiotlb_find_pool(dev, tlb) : mem
  if (pool !== null) swiotlb_bounce(dev, pool, tlb, size, true)
  return { tlb, shared }
}

function release(dev: Device, mem: SlotPool, tlb: Phys): void {
  if (mem.release(dev, tlb) === SLOT_BUG)
    dev.k.crash('swiotlb_release_slots', 'outside the table', 'slots outside the pool are released')
}

/** swiotlb_tbl_unmap_single(): copy back unless told not to, then release. */
export function swiotlb_tbl_unmap_single(
  dev: Device,
  mem: SlotPool,
  tlb: Phys,
  size: number,
  dir: number,
  attrs: number
): void {
  if ((attrs & ATTR.SKIP_CPU_SYNC) === 0 && (dir === DIR.FROM_DEVICE || dir === DIR.BIDIRECTIONAL))
    swiotlb_bounce(dev, mem, tlb, size, false)
  release(dev, mem, tlb)
}

/** swiotlb_sync_single_for_device() and _for_cpu(). */
export function swiotlb_sync_single(
  dev: Device,
  mem: SlotPool,
  tlb: Phys,
  size: number,
  dir: number,
  forCpu: boolean
): void {
  if (forCpu ? dir !== DIR.TO_DEVICE : dir !== DIR.FROM_DEVICE) swiotlb_bounce(dev, mem, tlb, size, !forCpu)
}

/** swiotlb_map(): the dma-direct entry. The bus address or DMA_MAPPING_ERROR. */
export function swiotlb_map(dev: Device, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
  const k = dev.k
  void dir
  if (k.logging)
    quietly(() => {
      k.trace(
        Trace.bounced,
        {
          dev_name: dev.name,
          dma_mask: dma_limit(dev),
          dev_addr: phys_to_dma(dev, phys),
          size,
          force: is_swiotlb_force_bounce(dev)
        },
        cpu
      )
    })
  const b = swiotlb_tbl_map_single(dev, cpu, phys, size, attrs)
  if (b === null) return DMA_MAPPING_ERROR
  const addr = b.shared ? phys_to_dma_unencrypted(dev, b.tlb) : phys_to_dma(dev, b.tlb)
  const capable = dma_capable(dev, addr, size, true, b.shared ? attrs | ATTR.CC_SHARED : attrs & ~ATTR.CC_SHARED)
  if (capable !== 'ok') {
    const mem = swiotlb_find_pool(dev, b.tlb)
    if (mem !== null) release(dev, mem, b.tlb)
    k.warn('swiotlb_map', 'swiotlb addr overflow')
    failed(dev, capable === 'mask' ? 'mask' : 'slot_state')
    return DMA_MAPPING_ERROR
  }
  if (!dev.coherent && (attrs & ATTR.SKIP_CPU_SYNC) === 0) {
    if (aliasOfNoPage(dev, addr))
      k.crash(
        'swiotlb_map',
        'no page behind the alias',
        "the slot's physical address is a shared alias, and the cache maintenance has no mapping of it"
      )
    k.record('sd', b.tlb, size)
    k.parts.host?.cache('sd', b.tlb, size)
    arch_sync_dma_flush(k)
  }
  return addr
}

/** swiotlb_max_mapping_size(). */
export function swiotlb_max_mapping_size(dev: Device): number {
  const mask = dev.config.min_align_mask
  return SEGMENT_BYTES - (mask === 0 ? 0 : Math.ceil(mask / 2048) * 2048)
}

/**
 * swiotlb_alloc() from a restricted pool: the page's physical address, or -1. `request`: the state wanted, where pools
 * must match.
 */
export function swiotlb_alloc(dev: Device, cpu: number, size: number, request: boolean): number {
  const mem = dev.io_tlb_mem
  if (mem === null) return -1
  const shared = poolIsShared(dev, mem)
  if (dev.k.rev.poolsMatchRequest && shared !== request) {
    failed(dev, 'pool_state')
    return -1
  }
  const r = mem.alloc(
    dev,
    cpu,
    shared || dev.k.rev.poolMatches === 'any' ? phys_to_dma_unencrypted(dev, mem.start) : phys_to_dma(dev, mem.start),
    size
  )
  if (r === SLOT_BUG) findSlotsBug(dev.k)
  if (r === SLOT_UNALIGNED) dev.k.warn('swiotlb_alloc', 'Cannot allocate pages from non page-aligned swiotlb addr')
  if (r < 0) {
    failed(dev, 'exhausted')
    return -1
  }
  return r
}

/** swiotlb_free(): true when the page lay in the device's pool. */
export function swiotlb_free(dev: Device, phys: Phys): boolean {
  const mem = swiotlb_find_pool(dev, phys)
  if (mem === null) return false
  release(dev, mem, phys)
  return true
}

// struct device: the accepted flag, the neighbours of its storage, masks, and the two predicates that the whole
// question turns on.
import { atomicBit, type Field, peek, read, rmwBit, type Store, test } from '../step/index.ts'
import { DEV_BITS, type Device, DMA_BIT_MASK, type Kernel } from './types.ts'
import { accepts, holds } from './revisions/index.ts'
import { TRUST_TCB } from './trust.ts'

/** The flag's bit in a byte or word of its own. */
const OWN = 1

interface FlagPlace {
  readonly field: Field
  readonly bit: number
}
/** Where the accepted flag is kept, by `flag_storage`. */
const flagPlace = (k: Kernel): FlagPlace =>
  k.config.flag_storage === 'shared_byte'
    ? { field: k.f.bits, bit: DEV_BITS.tdi_enabled }
    : { field: k.f.flag, bit: OWN }

/** The flag as it is, outside of any step. */
export function accepted_flag(k: Kernel, st: Store, dev: number): boolean {
  if (!k.accepts || k.rev.acceptedTest === 'never') return false
  const { field, bit } = flagPlace(k)
  return (field.get(st, dev) & bit) !== 0
}
/** A device that starts accepted: the flag at boot. */
export function boot_accepted(k: Kernel, st: Store, dev: number): void {
  const { field, bit } = flagPlace(k)
  field.set(st, field.get(st, dev) | bit, dev)
}

/** `dev->tdi_enabled` (RFC), device_cc_accepted() (from August 2025): a plain load without a lock. One step. */
export function device_cc_accepted(dev: Device): boolean {
  const k = dev.k
  if (!k.accepts) return false
  const { field, bit } = flagPlace(k)
  const r = test(field, dev.index, bit) && k.rev.acceptedTest === 'flag'
  if (!r) k.call?.denied()
  return r
}

/**
 * The device may be given private memory: an accepted one; where trust decides, one of trust TCB, whatever its
 * interface is.
 */
export function private_access(dev: Device): boolean {
  const {
    rev,
    f: { trust },
    call
  } = dev.k
  if (trust === null || rev.trust !== 'decides') return device_cc_accepted(dev)
  const r = read(trust, dev.index) === TRUST_TCB
  if (!r) call?.denied()
  return r
}
/** The same as it is, outside of any step. */
export function privately_trusted(k: Kernel, st: Store, dev: number): boolean {
  return k.f.trust !== null && k.rev.trust === 'decides'
    ? k.f.trust.get(st, dev) === TRUST_TCB
    : accepted_flag(k, st, dev)
}

/** Sets or clears the flag. A bitfield member is a plain read-modify-write of its storage unit: two steps. */
export function set_accepted(dev: Device, on: boolean, site: string): void {
  const k = dev.k
  switch (k.config.flag_storage) {
    case 'shared_byte':
      rmwBit(k.f.bits, dev.index, DEV_BITS.tdi_enabled, on, site, 'tdi_enabled shares its byte')
      return
    case 'own_byte':
    case 'private_word':
      rmwBit(k.f.flag, dev.index, OWN, on, site, 'accepted in a unit of its own')
      return
    case 'atomic':
      atomicBit(k.f.flag, dev.index, OWN, on, site)
  }
}

/**
 * Clears dma_skip_sync before a bounce: any context, no lock, a plain bitfield write (an atomic bit once the flags are
 * a bitmap).
 */
export function clear_dma_skip_sync(dev: Device, site: string): void {
  const k = dev.k
  if (!test(k.f.bits, dev.index, DEV_BITS.dma_skip_sync)) return
  set_dma_skip_sync(dev, false, site)
}

export function set_dma_skip_sync(dev: Device, on: boolean, site: string): void {
  const k = dev.k
  if (k.parts.needSync === false) return
  if (k.rev.atomicDevFlags) atomicBit(k.f.bits, dev.index, DEV_BITS.dma_skip_sync, on, site)
  else rmwBit(k.f.bits, dev.index, DEV_BITS.dma_skip_sync, on, site, 'dma_skip_sync shares its byte')
}

const min_not_zero = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))

/** *dev->dma_mask. */
export const dma_mask = (dev: Device): number => dev.masks?.dma ?? DMA_BIT_MASK(peek(dev.k.f.mask, dev.index))
/** dev->coherent_dma_mask. */
export const coherent_dma_mask = (dev: Device): number =>
  dev.masks?.coherent ?? DMA_BIT_MASK(peek(dev.k.f.coherent_mask, dev.index))
/** *dev->dma_mask limited by the bus. */
export const dma_limit = (dev: Device): number => min_not_zero(dma_mask(dev), dev.config.bus_limit)
/** dev->coherent_dma_mask limited by the bus. */
export const coherent_limit = (dev: Device): number => min_not_zero(coherent_dma_mask(dev), dev.config.bus_limit)

/**
 * arch's force_dma_unencrypted(dev): the device can reach only shared memory. Asked afresh at every place, nothing is
 * remembered.
 */
export function force_dma_unencrypted(dev: Device): boolean {
  const r = __force_dma_unencrypted(dev)
  dev.k.decide('force_dma_unencrypted', r ? 'yes: the device can reach only shared memory' : 'no')
  return r
}

function __force_dma_unencrypted(dev: Device): boolean {
  const { platform, rev } = dev.k
  const rule = platform.forceUnencrypted
  const arch = rule === 'mask' ? coherent_limit(dev) <= platform.encBit - 1 : holds(rev, rule)
  return arch && !(acceptedClearsForce(dev) && private_access(dev))
}

function acceptedClearsForce({ k: { platform, rev } }: Device): boolean {
  switch (rev.acceptedClearsForce) {
    case 'no':
      return false
    case 'arm64':
      return accepts(rev, platform) && platform.architecture === 'arm64'
    case 'yes':
      return accepts(rev, platform)
  }
}

/** CC_ATTR_HOST_MEM_ENCRYPT: a machine, not a guest, encrypts its memory. */
export const hostMemEncrypt = ({ platform }: Kernel): boolean => !platform.guest && platform.conversion !== 'none'

/** is_swiotlb_force_bounce(dev). */
export function is_swiotlb_force_bounce(dev: Device): boolean {
  const r = __is_swiotlb_force_bounce(dev)
  dev.k.decide('is_swiotlb_force_bounce', r ? 'yes: every mapping bounces' : 'no')
  return r
}

function __is_swiotlb_force_bounce(dev: Device): boolean {
  const { rev, cmdlineForce, platform } = dev.k
  if (skipsPools(dev)) return false
  if (rev.forceBounce === 'unless_accepted' && private_access(dev)) {
    dev.k.message('tio_disable', { dev: dev.name })
    return false
  }
  const mem = dev.io_tlb_mem
  if (mem === null) return false
  if (mem.kind.restricted || cmdlineForce) return true
  switch (rev.forceBounce) {
    case 'guest':
    case 'unless_accepted':
      return platform.forcesSwiotlb
    case 'unaccepted':
      return platform.tdisp ? !private_access(dev) : platform.forcesSwiotlb
    case 'cmdline':
      return false
  }
}

/** An accepted device that has nothing to do with pools. */
export const skipsPools = (dev: Device): boolean => dev.k.rev.acceptedSkipsPools && private_access(dev)

/** is_swiotlb_for_alloc(dev): allocations come from a restricted pool. */
export const is_swiotlb_for_alloc = (dev: Device): boolean =>
  dev.io_tlb_mem?.kind.restricted === true && !skipsPools(dev)

/** is_swiotlb_active(dev): there is a pool with slots. */
export const is_swiotlb_active = (dev: Device): boolean => dev.io_tlb_mem !== null && !skipsPools(dev)

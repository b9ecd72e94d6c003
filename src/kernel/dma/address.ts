// From physical to bus address and back: include/linux/dma-direct.h and the architectures' helpers. An address is a
// number without alias bits plus the bit that the platform wants.
import { asDmaAddr, asPhys, type DmaAddr, type Phys } from '../../base/index.ts'
import { dma_limit, force_dma_unencrypted, private_access } from '../device.ts'
import { type Decisions, holds } from '../revisions/index.ts'
import { ATTR_CC_SHARED } from '../trace-events.ts'
import type { Device } from '../types.ts'

/** DMA_MAPPING_ERROR, all ones in the kernel. */
export const DMA_MAPPING_ERROR = -1

/** translate_phys_to_dma(): through the range map, DMA_MAPPING_ERROR outside of it. */
export function translate_phys_to_dma(dev: Device, phys: Phys): DmaAddr {
  const map = dev.config.range_map
  if (map === undefined) return asDmaAddr(phys)
  for (const r of map) if (phys >= r.cpu_start && phys - r.cpu_start < r.size) return phys - r.cpu_start + r.dma_start
  return DMA_MAPPING_ERROR
}

/** translate_dma_to_phys(): -1 (all ones) for an address that the range map does not know. */
function translate_dma_to_phys(dev: Device, addr: DmaAddr): Phys {
  const map = dev.config.range_map
  if (map === undefined) return asPhys(addr)
  for (const r of map) if (addr >= r.dma_start && addr - r.dma_start < r.size) return addr - r.dma_start + r.cpu_start
  return -1
}

/** An address has this bit (as an addend; 0: none). All ones have every bit. */
const has = (addr: number, bit: number): boolean =>
  bit !== 0 && (addr === DMA_MAPPING_ERROR || Math.floor(addr / bit) % 2 === 1)

/** phys_to_dma_unencrypted(): the form in which a device reaches shared memory. */
export function phys_to_dma_unencrypted(dev: Device, phys: Phys): DmaAddr {
  const addr = translate_phys_to_dma(dev, phys)
  if (addr === DMA_MAPPING_ERROR) return addr
  const bit = sharedBit(dev)
  return has(addr, bit) ? addr : addr + bit + vtomOffset(dev)
}

/**
 * phys_to_dma_unencrypted() of memory that a caller says to be shared. Under canonical addresses nothing is added, and
 * what page_to_phys() gave the caller is the page's own address.
 */
export const physToDmaSaidShared = (dev: Device, phys: Phys): DmaAddr =>
  dev.k.rev.canonicalPhys === 'no' ? phys_to_dma_unencrypted(dev, phys) : translate_phys_to_dma(dev, phys)

/** cc_shared_dma_offset: what lies above the vTOM is shared for an accepted device. */
function vtomOffset(dev: Device): number {
  const { platform, config, rev } = dev.k
  return platform.deviceAlias === 'device_table' && config.vtom !== null && rev.vtomOffset && private_access(dev)
    ? config.vtom
    : 0
}

function sharedBit({ k: { platform, config, rev } }: Device): number {
  const bit = platform.sharedBit(config)
  return bit !== 0 && (holds(rev, platform.dmaSharedBit) || rev.canonicalPhys !== 'no') ? bit : 0
}

function encBit(dev: Device): number {
  const { platform, rev } = dev.k
  if (platform.encBit === 0) return 0
  return platform.dmaEncBit === 'always' || (rev.canonicalPhys === 'no' && snpCarriesCbit(dev, rev.snpPrivateHandle))
    ? platform.encBit
    : 0
}

/** What phys_to_dma_unencrypted() or phys_to_dma_encrypted() adds to an address that has no such bit. */
export const dmaAddrBit = (dev: Device, shared: boolean): number => (shared ? sharedBit(dev) : encBit(dev))

/** An address with that bit: the kernel ORs it in, and a range map may have it already. */
export const withAddrBit = (addr: DmaAddr, bit: number): DmaAddr => (has(addr, bit) ? addr : addr + bit)

/** phys_to_dma(), phys_to_dma_encrypted(): the private form. */
export function phys_to_dma(dev: Device, p: Phys): DmaAddr {
  const phys = translate_phys_to_dma(dev, p)
  if (phys === DMA_MAPPING_ERROR) return phys
  return withAddrBit(phys, encBit(dev))
}

function snpCarriesCbit(dev: Device, rule: Decisions['snpPrivateHandle']): boolean {
  switch (rule) {
    case 'cbit':
      return true
    case 'cbit_unless_accepted':
      return !private_access(dev)
    case 'plain':
      return false
  }
}

/**
 * dma_to_phys(): either form loses its bits, so that it cannot tell which one it was. -1 (all ones) when the range map
 * does not know the address. 6.12 asks the range map before it clears the C-bit, and then does not find such an address
 * (fixed by c380931712d1).
 */
export function dma_to_phys(dev: Device, addr: DmaAddr): Phys {
  if (dev.k.calls !== null) return dev.k.calls.dma_to_phys(dev, addr)
  const { platform, config, rev } = dev.k
  const shared = platform.sharedBit(config)
  const clear = (a: number): number => {
    const b = a >= 0 && has(a, shared) ? a - shared : a
    const c = b >= 0 && has(b, platform.encBit) ? b - platform.encBit : b
    // By comparing: no memory of a guest lies above the vTOM.
    return platform.deviceAlias === 'device_table' && config.vtom !== null && c >= config.vtom && rev.vtomOffset
      ? c - config.vtom
      : c
  }
  return rev.clearBitsAfterRangeMap ? clear(translate_dma_to_phys(dev, addr)) : translate_dma_to_phys(dev, clear(addr))
}

/** Canonical addresses whose alias nobody takes off: what a look-up of this bus address' page meets is no memory. */
export const aliasOfNoPage = (dev: Device, addr: DmaAddr): boolean => {
  const { platform, config, rev } = dev.k
  return has(addr, platform.sharedBit(config)) && rev.canonicalPhys === 'plain'
}

export type Capable = 'ok' | 'mask' | 'state'

/**
 * dma_capable(). A device that reaches only shared memory refuses an address without CC_SHARED, where the revision's
 * dma_capable() sees the attributes; the caller cannot tell that from a small mask (the reason is only for the reader).
 * `is_ram` has a meaning only for a bus with a lower bound, which needs 32-bit DMA addresses (no
 * ARCH_DMA_ADDR_T_64BIT): none here.
 */
export function dma_capable(dev: Device, addr: DmaAddr, size: number, is_ram: boolean, attrs: number): Capable {
  void is_ram
  const r = capable(dev, addr, size, (attrs & ATTR_CC_SHARED) !== 0)
  dev.k.decide(
    'dma_capable',
    r === 'ok'
      ? `yes: 0x${addr.toString(16)} fits`
      : r === 'mask'
        ? `no: 0x${addr.toString(16)}+${size} is beyond the mask or bus limit`
        : 'no: not CC_SHARED, and the device can reach only shared memory'
  )
  return r
}

function capable(dev: Device, addr: DmaAddr, size: number, shared: boolean): Capable {
  if (addr === DMA_MAPPING_ERROR) return 'mask'
  if (dev.k.rev.capableChecksForce && !shared && force_dma_unencrypted(dev)) return 'state'
  return addr + size - 1 <= dma_limit(dev) ? 'ok' : 'mask'
}

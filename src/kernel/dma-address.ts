// From physical to bus address and back: include/linux/dma-direct.h and the architectures' helpers. An address is a number without
// alias bits plus the bit that the platform wants.
import type { Device } from './kernel.ts'
import { type Decisions, holds } from './revisions/index.ts'
import { ATTR_CC_SHARED } from './trace-events.ts'
import { coherent_limit, device_cc_accepted, dma_limit, force_dma_unencrypted } from './device.ts'

/** DMA_MAPPING_ERROR, all ones in the kernel. */
export const DMA_MAPPING_ERROR = -1

/** translate_phys_to_dma(): through the range map, DMA_MAPPING_ERROR outside of it. */
function translate_phys_to_dma(dev: Device, phys: number): number {
  const r = dev.config.range_map
  if (r === undefined) return phys
  return phys >= r.cpu_start && phys - r.cpu_start < r.size ? phys - r.cpu_start + r.dma_start : DMA_MAPPING_ERROR
}

/** phys_to_dma_unencrypted(): the form in which a device reaches shared memory. */
export function phys_to_dma_unencrypted(dev: Device, phys: number): number {
  const { platform, config, rev } = dev.k
  const addr = translate_phys_to_dma(dev, phys)
  if (!holds(rev, platform.dmaSharedBit)) return addr
  const bit = platform.sharedBit(config)
  // All ones have the bit already.
  return addr === DMA_MAPPING_ERROR || (bit !== 0 && addr >= bit) ? addr : addr + bit
}

/** phys_to_dma(), phys_to_dma_encrypted(): the private form. */
export function phys_to_dma(dev: Device, p: number): number {
  const { platform, rev } = dev.k
  const phys = translate_phys_to_dma(dev, p)
  if (phys === DMA_MAPPING_ERROR) return phys
  if (platform.encBit === 0) return phys
  return platform.dmaEncBit === 'always' || snpCarriesCbit(dev, rev.snpPrivateHandle) ? phys + platform.encBit : phys
}

function snpCarriesCbit(dev: Device, rule: Decisions['snpPrivateHandle']): boolean {
  switch (rule) {
    case 'cbit': return true
    case 'cbit_unless_accepted': return !device_cc_accepted(dev)
    case 'plain': return false
  }
}

/**
 * dma_to_phys(): either form loses its bits, so that it cannot tell which one it was. -1 (all ones) when the range map does not know
 * the address. 6.12 asks the range map before it clears the C-bit, and then does not find such an address (fixed by c380931712d1).
 */
export function dma_to_phys(dev: Device, addr: number): number {
  if (dev.k.calls !== null) return dev.k.calls.dma_to_phys(dev, addr)
  const { platform, config, rev } = dev.k
  const r = dev.config.range_map
  const inverse = (a: number): number => (r === undefined ? a : a >= r.dma_start && a - r.dma_start < r.size ? a - r.dma_start + r.cpu_start : -1)
  const clear = (x: number): number => {
    const bit = platform.sharedBit(config)
    let a = x
    if (bit !== 0 && a >= bit) a -= bit
    if (platform.encBit !== 0 && a >= platform.encBit) a -= platform.encBit
    return a
  }
  return rev.clearBitsAfterRangeMap ? clear(inverse(addr)) : inverse(clear(addr))
}

/** phys_to_dma_direct(): for allocations; asks the device's state. */
export const phys_to_dma_direct = (dev: Device, phys: number): number => (force_dma_unencrypted(dev) ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys))

export type Capable = 'ok' | 'mask' | 'state'

/**
 * dma_capable(). A device that reaches only shared memory refuses an address without CC_SHARED, where the revision's dma_capable() sees
 * the attributes; the caller cannot tell that from a small mask (the reason is only for the reader). `is_ram` has a meaning only for a bus
 * with a lower bound, which needs 32-bit DMA addresses (no ARCH_DMA_ADDR_T_64BIT): none here.
 */
export function dma_capable(dev: Device, addr: number, size: number, is_ram: boolean, attrs: number): Capable {
  void is_ram
  const r = __dma_capable(dev, addr, size, (attrs & ATTR_CC_SHARED) !== 0)
  dev.k.decide('dma_capable', r === 'ok' ? `yes: 0x${addr.toString(16)} fits` : r === 'mask' ? `no: 0x${addr.toString(16)}+${size} is beyond the mask or bus limit` : 'no: not CC_SHARED, and the device can reach only shared memory')
  return r
}

function __dma_capable(dev: Device, addr: number, size: number, shared: boolean): Capable {
  if (addr === DMA_MAPPING_ERROR) return 'mask'
  if (dev.k.rev.capableChecksForce && !shared && force_dma_unencrypted(dev)) return 'state'
  return addr + size - 1 <= dma_limit(dev) ? 'ok' : 'mask'
}

/** dma_coherent_ok(): the address that the handle will have fits the coherent mask. */
export function dma_coherent_ok(dev: Device, phys: number, size: number): boolean {
  const addr = phys_to_dma_direct(dev, phys)
  const r = addr !== DMA_MAPPING_ERROR && addr + size - 1 <= coherent_limit(dev)
  dev.k.decide('dma_coherent_ok', r ? 'yes: the address fits the coherent mask' : 'no: the address is beyond the coherent mask')
  return r
}

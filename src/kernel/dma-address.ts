// From physical to bus address and back: include/linux/dma-direct.h and the architectures' helpers. An address is a number without
// alias bits plus the bit that the platform wants.
import type { Device } from './kernel.ts'
import { coherent_limit, device_cc_accepted, dma_limit, force_dma_unencrypted } from './device.ts'

/** DMA_MAPPING_ERROR, all ones in the kernel. */
export const DMA_MAPPING_ERROR = -1

/** phys_to_dma_unencrypted(): the form in which a device reaches shared memory. */
export function phys_to_dma_unencrypted(dev: Device, phys: number): number {
  const { platform, config, rev } = dev.k
  if (platform.name === 'intel-tdx' && !rev.tdxSharedBit) return phys
  return phys + platform.sharedBit(config)
}

/** phys_to_dma(), phys_to_dma_encrypted(): the private form. */
export function phys_to_dma(dev: Device, phys: number): number {
  const { platform, rev } = dev.k
  if (platform.encBit === 0) return phys
  if (platform.name === 'amd-sev-snp') {
    if (rev.snpPrivateHandle === 'plain') return phys
    if (rev.snpPrivateHandle === 'cbit_unless_accepted' && device_cc_accepted(dev)) return phys
  }
  return phys + platform.encBit
}

/** dma_to_phys(): either form loses its bits, so that it cannot tell which one it was. */
export function dma_to_phys(dev: Device, addr: number): number {
  const { platform, config } = dev.k
  const bit = platform.sharedBit(config)
  let a = addr
  if (bit !== 0 && a >= bit) a -= bit
  if (platform.encBit !== 0 && a >= platform.encBit) a -= platform.encBit
  return a
}

/** phys_to_dma_direct(): for allocations; asks the device's state. */
export const phys_to_dma_direct = (dev: Device, phys: number): number => (force_dma_unencrypted(dev) ? phys_to_dma_unencrypted(dev, phys) : phys_to_dma(dev, phys))

export type Capable = 'ok' | 'mask' | 'state'

/**
 * dma_capable(). `shared`: the attributes say CC_SHARED. From the series on a device that reaches only shared memory refuses
 * any other address; the caller cannot tell that from a small mask (the reason is only for the reader).
 */
export function dma_capable(dev: Device, addr: number, size: number, shared: boolean): Capable {
  const r = __dma_capable(dev, addr, size, shared)
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
  const r = phys_to_dma_direct(dev, phys) + size - 1 <= coherent_limit(dev)
  dev.k.decide('dma_coherent_ok', r ? 'yes: the address fits the coherent mask' : 'no: the address is beyond the coherent mask')
  return r
}

// A bus, a physical and a CPU address are different types: each expected error below is one that the compiler must
// give.
import { expect, test } from 'vitest'
import {
  dma_direct_unmap_phys,
  dma_to_phys,
  dma_unmap_phys,
  type DmaBuffer,
  phys_to_dma,
  phys_to_dma_unencrypted,
  set_memory_decrypted,
  type Device,
  type Kernel
} from '../../src/kernel/index.ts'
import type { Machine } from '../../src/machine/index.ts'
import type { Store } from '../../src/step/index.ts'
import { asDmaAddr, asPhys, type CpuAddr, type DmaAddr, type Pfn, type Phys } from '../../src/base/index.ts'

test('an address passes for another one only where it is said so', () => {
  const phys: Phys = 0x8000_0000
  const bus: DmaAddr = asDmaAddr(phys)
  const sum: DmaAddr = phys + 4096
  // @ts-expect-error: a bus address is no physical one
  const back: Phys = bus
  expect(asPhys(bus)).toBe(phys)
  expect([sum, back]).toEqual([0x8000_1000, 0x8000_0000])
})

/** Never called: only its types count. */
function mistakes(dev: Device, k: Kernel, m: Machine, st: Store, b: DmaBuffer, pfn: Pfn): void {
  const addr = phys_to_dma(dev, b.phys)
  const phys = dma_to_phys(dev, addr)
  // @ts-expect-error: translated twice
  phys_to_dma_unencrypted(dev, addr)
  // @ts-expect-error: translated back twice
  dma_to_phys(dev, phys)
  // @ts-expect-error: unmap takes the handle
  dma_unmap_phys(dev, b.phys, b.size, 0, 0)
  // @ts-expect-error: so does direct.c
  dma_direct_unmap_phys(dev, b.phys, b.size, 0, 0)
  // @ts-expect-error: a driver's buffer is found by its handle, not by what the CPU uses
  dma_to_phys(dev, b.cpu)
  // @ts-expect-error: conversions take a CPU address
  set_memory_decrypted(k, b.phys, 1)
  // @ts-expect-error: nor the number of a page
  phys_to_dma(dev, pfn)
  // @ts-expect-error: a device sends bus addresses
  m.request(st, 0, b.phys, false, 'tee')
  // @ts-expect-error: a page is looked up by its physical address
  m.classify(st, b.handle)
  const cpu: CpuAddr = b.cpu
  void cpu
}

test('what the compiler refuses stays written down', () => {
  expect(mistakes).toBeTypeOf('function')
})

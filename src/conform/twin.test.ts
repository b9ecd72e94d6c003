// The product's dma-direct against the independent implementation of _swiotlb-direct.ts, on random devices and
// programs: slots, addresses, events, counters and state hashes are equal after every operation.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IoTlbPool, state_hash } from '../kernel/swiotlb/index.ts'
import { BareKernel } from '../system/index.ts'
import { type RecordedDevice, RecordedDirect, RecordedPages } from './_swiotlb-direct.ts'
import { runs } from '../../test/runs.ts'
import { recorders } from './swiotlb.ts'

const START = 0x4000000
const BUF = 0x40000000

const device = fc.record({
  align: fc.constantFrom(0, 0xfff, 0x7ff, 0x3fff),
  boundary: fc.constantFrom(0, 0xffff, 0xffffffff),
  dma: fc.constantFrom(0xffffffffffffffffn, 0xffffffffn, 0x40ffffffn, 0x80034fffn),
  coherent: fc.constantFrom(0xffffffffffffffffn, 0xffffffffn, 0x47ffffffn, 0xffffffn),
  bus: fc.constantFrom(0n, 0x7fffffffn),
  isCoherent: fc.boolean(),
  ranged: fc.constantFrom(0, 0, 1, 2)
})
const op = fc.tuple(fc.nat(6), fc.nat(7), fc.integer({ min: 1, max: 40000 }), fc.nat(0xffffff), fc.nat(2), fc.boolean())

test('the product and the twin agree on random programs', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 2 ** 47),
      fc.boolean(),
      fc.array(device, { minLength: 1, maxLength: 3 }),
      fc.array(op, { minLength: 1, maxLength: 60 }),
      (bit, force, devices, ops) => {
        const recorded: RecordedDevice[] = devices.map((d, id) => ({
          id,
          min_align_mask: d.align,
          boundary_mask: d.boundary,
          dma_mask: d.dma,
          coherent_dma_mask: d.coherent,
          bus_dma_limit: d.bus,
          dma_coherent: d.isCoherent,
          range:
            d.ranged === 0
              ? null
              : d.ranged === 1
                ? { cpu_start: 0, dma_start: 0x1000000, size: 0x80000000 }
                : { cpu_start: BUF, dma_start: 0, size: 0x10000000 }
        }))
        const twinPool = new IoTlbPool(START, 256, 2)
        const twin = new RecordedDirect({ pool: twinPool, buf_phys: BUF, force_bounce: force, shared_bit: bit })
        const pages = new RecordedPages(START, BUF)
        const product = new BareKernel({
          kernel: bit === 0 ? 'linux-6.12' : 'linux-6.15',
          platform: bit === 0 ? 'none' : 'arm-cca',
          ipa_bits: 48,
          pool: { start: START, nslabs: 256, nareas: 2 },
          force,
          ...recorders(pages, recorded)
        })
        const maps: Array<{ dev: number; addr: number; size: number; dir: number }> = []
        const bufs: Array<{ dev: number; size: number; phys: number; handle: number }> = []
        for (const [kind, who, size, at, dir, skip] of ops) {
          const i = who % devices.length
          const dev = recorded[i] as RecordedDevice
          twin.events = []
          twin.bounced = 0
          product.events = []
          product.bounced = 0
          const attrs = skip ? 0x20 : 0
          if (kind <= 2) {
            const a = twin.dma_direct_map_page(dev, who, BUF + at, size, attrs)
            expect(product.dma_direct_map_phys(i, who, BUF + at, size, dir, attrs)).toBe(a)
            if (a !== -1) maps.push({ dev: i, addr: a, size, dir })
          } else if (kind === 3 && maps.length > 0) {
            const m = maps.splice(at % maps.length, 1)[0] as (typeof maps)[number]
            twin.dma_direct_unmap_page(recorded[m.dev] as RecordedDevice, m.addr, m.size, m.dir, attrs)
            product.dma_direct_unmap_phys(m.dev, m.addr, m.size, m.dir, attrs)
          } else if (kind === 4 && maps.length > 0) {
            const m = maps[at % maps.length] as (typeof maps)[number]
            if (skip) twin.dma_direct_sync_single_for_cpu(recorded[m.dev] as RecordedDevice, m.addr, m.size, m.dir)
            else twin.dma_direct_sync_single_for_device(recorded[m.dev] as RecordedDevice, m.addr, m.size, m.dir)
            product.dma_direct_sync_single(m.dev, m.addr, m.size, m.dir, skip)
          } else if (kind === 5) {
            const [phys, handle] = twin.dma_direct_alloc(dev, size)
            const b = product.dma_direct_alloc(i, who, size)
            expect([b?.phys ?? 0, b?.handle ?? -1]).toEqual([phys, handle])
            if (phys !== 0) bufs.push({ dev: i, size, phys, handle })
          } else if (kind === 6 && bufs.length > 0) {
            const b = bufs.splice(at % bufs.length, 1)[0] as (typeof bufs)[number]
            twin.dma_direct_free(recorded[b.dev] as RecordedDevice, b.size, b.phys, b.handle)
            product.dma_direct_free(b.dev, product.buffer(b.phys, b.handle, b.size))
          }
          expect(product.events).toEqual(twin.events)
          expect([product.bounced, product.pool.total_used, product.pool.used_hiwater]).toEqual([
            twin.bounced,
            twinPool.total_used,
            twinPool.used_hiwater
          ])
          expect(state_hash(product.pool)).toBe(state_hash(twinPool))
        }
      }
    ),
    { numRuns: runs(200) }
  )
})

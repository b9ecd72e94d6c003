import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type TwinDevice, TwinPool } from './_twin.ts'
import {
  BOUNDARY_ALL_ONES,
  IoTlbPool,
  bounceRange,
  slotParams,
  swiotlb_bounce_range,
  swiotlb_release_slots,
  swiotlb_tbl_map_single
} from './pool.ts'
import { restore, snapshot, state_hash } from './snapshot.ts'
import { runs } from '../../../test/runs.ts'

const text = (p: IoTlbPool): string => {
  const slots = Array.from(
    { length: p.nslabs },
    (_, i) => `${p.list[i]},${p.orig_addr[i]},${p.alloc_size[i]},${p.pad_slots[i]}`
  )
  return (
    `${Array.from(p.area_index, (x, a) => `${x}/${p.area_used[a]}`).join(' ')} ${p.total_used} ${p.used_hiwater}\n` +
    `${slots.join('\n')}`
  )
}

// Masks with holes are in: the fast search takes several steps at once only where masks have none.
const minAlign = fc.constantFrom(0, 0xfff, 0x7ff, 0xffff, 0x1ff, 0x1fff, 0x3ffff, 0xf0ff, 0x2800)
const allocMask = fc.constantFrom(0, 0, 0, 0xfff, 0x1fff, 0xffff, 0x3ffff, 0x7ff)
const boundary = fc.constantFrom(0xffffffff, 0xfff, 0x3fff, 0xffff, 0x1ffff, 0x3fffffff, BOUNDARY_ALL_ONES)
const shape = fc.constantFrom(
  [128, 1],
  [256, 1],
  [256, 2],
  [512, 4],
  [1024, 2],
  [200, 1],
  [1000, 1],
  [1000, 4],
  [384, 1],
  [96, 1]
)
const len = fc.oneof(
  fc.integer({ min: 1, max: 9000 }),
  fc.integer({ min: 1, max: 70000 }),
  fc.integer({ min: 200000, max: 270000 })
)
const offset = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
const op = fc.record({
  kind: fc.integer({ min: 0, max: 9 }),
  dev: fc.integer({ min: 0, max: 2 }),
  cpu: fc.integer({ min: 0, max: 9 }),
  len,
  offset,
  am: allocMask,
  pick: fc.nat()
})

test('the pool and its slow twin agree in every result and every slot, whatever the masks, shapes and order', () => {
  fc.assert(
    fc.property(
      shape,
      fc.integer({ min: 0, max: 200 }),
      fc.constantFrom(0, 0x8000800, 2 ** 47),
      fc.array(fc.tuple(minAlign, boundary), { minLength: 3, maxLength: 3 }),
      fc.array(op, { minLength: 100, maxLength: 400 }),
      ([n, a], page, dmaOffset, devs, ops) => {
        const start = 0x80000000 + page * 4096
        const pool = new IoTlbPool(start, n as number, a as number)
        const twin = new TwinPool(BigInt(start), n as number, a as number)
        const dev = devs.map(([m, b]) => ({
          params: slotParams(m, b, start + dmaOffset),
          twin: {
            minAlign: BigInt(m),
            boundary: b === BOUNDARY_ALL_ONES ? 2n ** 64n - 1n : BigInt(b),
            poolDma: BigInt(start + dmaOffset)
          } satisfies TwinDevice
        }))
        const live: Array<{ tlb: number; dev: number; len: number }> = []
        const range = bounceRange()
        for (const o of ops) {
          const d = dev[o.dev]!
          if (o.kind < 5 || live.length === 0) {
            const phys = 0x200000000 + o.offset
            const want = twin.map(d.twin, o.cpu, BigInt(phys), BigInt(o.len), BigInt(o.am))
            const got = swiotlb_tbl_map_single(pool, o.cpu, d.params, phys, o.len, o.am)
            expect(got).toBe(want === null ? -1 : Number(want))
            if (got >= 0) live.push({ tlb: got, dev: o.dev, len: o.len })
          } else if (o.kind < 8) {
            const l = live.splice(o.pick % live.length, 1)[0]!
            expect(swiotlb_release_slots(pool, dev[l.dev]!.params.min_align_mask, l.tlb)).toBeGreaterThan(0)
            twin.release(dev[l.dev]!.twin, BigInt(l.tlb))
          } else {
            const l = live[o.pick % live.length]!
            const tlb = l.tlb + (o.pick % l.len)
            const want = twin.bounce(dev[l.dev]!.twin, BigInt(tlb), BigInt(o.len))
            const got = swiotlb_bounce_range(pool, dev[l.dev]!.params.min_align_mask, tlb, o.len, range)
            expect(got ? [range.orig_addr, range.size, range.overflow] : null).toEqual(
              want === null ? null : [Number(want.orig), Number(want.size), want.overflow]
            )
          }
        }
        expect(text(pool)).toBe(twin.text())
      }
    ),
    { numRuns: runs(150) }
  )
})

test('a snapshot brings back every slot, equal states give equal snapshots, and an empty pool is three words', () => {
  fc.assert(
    fc.property(shape, minAlign, fc.array(op, { minLength: 1, maxLength: 80 }), fc.nat(), ([n, a], m, ops, cut) => {
      const pool = new IoTlbPool(0x80000000, n as number, a as number)
      const other = new IoTlbPool(0x80000000, n as number, a as number)
      expect(snapshot(pool)).toEqual(new Uint32Array(3))
      const p = slotParams(m, 0, pool.start)
      const live: number[] = []
      let saved = snapshot(pool)
      let savedText = text(pool)
      let savedHash = state_hash(pool)
      ops.forEach((o, i) => {
        if (o.kind < 6 || live.length === 0) {
          const tlb = swiotlb_tbl_map_single(pool, o.cpu, p, 0x300000000 + o.offset, o.len, o.am)
          if (tlb >= 0) live.push(tlb)
        } else {
          swiotlb_release_slots(pool, m, live.splice(o.pick % live.length, 1)[0]!)
        }
        if (i === cut % ops.length) {
          saved = snapshot(pool)
          savedText = text(pool)
          savedHash = state_hash(pool)
        }
        restore(other, snapshot(pool))
        expect(snapshot(other)).toEqual(snapshot(pool))
      })
      expect(text(other)).toBe(text(pool))
      // From a state in use to another, not only from empty.
      restore(pool, saved)
      expect(text(pool)).toBe(savedText)
      expect(state_hash(pool)).toBe(savedHash)
      expect(snapshot(pool)).toEqual(saved)
      expect(pool.seg_used).toEqual(restored(saved, n as number, a as number).seg_used)
    }),
    { numRuns: runs(100) }
  )
})

function restored(snap: Uint32Array, n: number, a: number): IoTlbPool {
  const fresh = new IoTlbPool(0x80000000, n, a)
  restore(fresh, snap)
  return fresh
}

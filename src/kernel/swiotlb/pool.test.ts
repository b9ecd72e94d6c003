import { expect, test } from 'vitest'
import { IoTlbPool, slotParams, swiotlb_release_slots, swiotlb_tbl_map_single } from './pool.ts'

// V9 of the vectors that the 6.12.117 C produced.
test('the random soak ends with the free-run lengths and area indexes of the real code', () => {
  const pool = new IoTlbPool(0x1000000, 1024, 4)
  const p = slotParams(0, 0, pool.start)
  const live: number[] = new Array(64).fill(-1)
  let s = 12345n
  let done = 0
  let full = 0
  for (let round = 0; round < 20000; round++) {
    s = BigInt.asUintN(64, s * 6364136223846793005n + 1442695040888963407n)
    const r = Number((s >> 33n) & 0xffffffffn)
    const k = r % 64
    const at = live[k] as number
    if (at >= 0) {
      expect(swiotlb_release_slots(pool, 0, at)).toBeGreaterThan(0)
      live[k] = -1
      continue
    }
    const tlb = swiotlb_tbl_map_single(pool, (r >>> 6) & 7, p, 0x200000 + ((r >>> 3) & 0xfff), 1 + ((r >>> 9) % 40000), 0)
    if (tlb < 0) full++
    else {
      done++
      live[k] = tlb
    }
  }
  let h = 1469598103934665603n
  for (let i = 0; i < pool.nslabs; i++) h = BigInt.asUintN(64, (h ^ BigInt(pool.list[i] as number)) * 1099511628211n)
  expect([done, full, h.toString(16)]).toEqual([10016, 0, '46096a254c5e87fc'])
  expect([0, 1, 2, 3].map((a) => `${pool.area_index[a]}/${pool.area_used[a]}`).join(' ')).toBe('48/37 55/73 100/100 244/101')
})

import { expect, test } from 'vitest'
import { IoTlbMem, add_mem_pool, found, swiotlb_find_pool, swiotlb_find_slots_dynamic, swiotlb_release } from './mem.ts'
import {
  IoTlbPool,
  SLOT_BUG,
  SLOT_FULL,
  bounceRange,
  largest_free_run,
  slotParams,
  swiotlb_alloc,
  swiotlb_bounce_range,
  swiotlb_free,
  swiotlb_mark_pool_used,
  swiotlb_release_slots,
  swiotlb_slots_set,
  swiotlb_tbl_map_single
} from './pool.ts'
import { restore, snapshot, state_hash } from './snapshot.ts'

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
    const tlb = swiotlb_tbl_map_single(
      pool,
      (r >>> 6) & 7,
      p,
      0x200000 + ((r >>> 3) & 0xfff),
      1 + ((r >>> 9) % 40000),
      0
    )
    if (tlb < 0) full++
    else {
      done++
      live[k] = tlb
    }
  }
  let h = 1469598103934665603n
  for (let i = 0; i < pool.nslabs; i++) h = BigInt.asUintN(64, (h ^ BigInt(pool.list[i] as number)) * 1099511628211n)
  expect([done, full, h.toString(16)]).toEqual([10016, 0, '46096a254c5e87fc'])
  expect([0, 1, 2, 3].map((a) => `${pool.area_index[a]}/${pool.area_used[a]}`).join(' ')).toBe(
    '48/37 55/73 100/100 244/101'
  )
})

test('a restricted pool allocates by order, remembers no original, and takes its slots back', () => {
  const pool = new IoTlbPool(0x80000000, 256, 1)
  const p = slotParams(0xfff, 0, pool.start)
  swiotlb_tbl_map_single(pool, 0, p, 0x100000800, 100, 0)
  const a = swiotlb_alloc(pool, 0, p, 5000)
  expect(a % 8192).toBe(0)
  expect(pool.area_used[0]).toBe(1 + 3)
  expect(swiotlb_bounce_range(pool, 0xfff, a, 4096, bounceRange())).toBe(false)
  expect(swiotlb_free(pool, 0xfff, a)).toBe(true)
  expect(swiotlb_free(pool, 0xfff, 0x1000)).toBe(false)
  expect(pool.area_used[0]).toBe(1)
  expect(swiotlb_alloc(pool, 0, p, 300000)).toBe(SLOT_FULL)
})

test('what would stop the kernel or run off its table is SLOT_BUG and changes nothing', () => {
  const pool = new IoTlbPool(0x80000000, 128, 1)
  const before = snapshot(pool)
  expect(swiotlb_tbl_map_single(pool, 0, slotParams(0, 0, pool.start), 0x100000000, 0, 0)).toBe(SLOT_BUG)
  expect(swiotlb_tbl_map_single(pool, 0, slotParams(0, 0x2fff, pool.start), 0x100000000, 100, 0)).toBe(SLOT_BUG)
  expect(swiotlb_release_slots(pool, 0, 0x7ffff000)).toBe(SLOT_BUG)
  expect(swiotlb_release_slots(pool, 0, pool.end)).toBe(SLOT_BUG)
  expect(snapshot(pool)).toEqual(before)
  expect(swiotlb_release_slots(pool, 0, pool.start)).toBe(0)
})

test(
  'a dynamic memory tries each pool by area offset, newest first, then a transient ' + 'pool that goes as a whole',
  () => {
    const mem = new IoTlbMem({ start: 0x80000000, nslabs: 128, nareas: 1 }, true)
    const second = add_mem_pool(mem, 0x90000000, 128, 1)
    const of = (pool: IoTlbPool): ReturnType<typeof slotParams> => slotParams(0, 0, pool.start)
    const out = found()
    const no = (): number => -1
    expect(swiotlb_find_slots_dynamic(mem, 0, of, 0x100000000, 262144, 0, no, out)).toBe(true)
    expect(out.pool).toBe(second)
    expect(swiotlb_find_slots_dynamic(mem, 0, of, 0x100000000, 262144, 0, no, out)).toBe(true)
    expect(out.pool).toBe(mem.pools[1])
    expect(swiotlb_find_slots_dynamic(mem, 0, of, 0x100000000, 5000, 0, no, out)).toBe(false)
    expect(out.grow).toBe(true)
    expect(swiotlb_find_slots_dynamic(mem, 0, of, 0x100000000, 5000, 0, (n) => (n === 3 ? 0xa0000000 : -1), out)).toBe(
      true
    )
    const t = out.pool!
    expect([t.transient, t.nslabs, out.index, mem.total_used]).toEqual([true, 3, 0, 259])
    const tlb = swiotlb_slots_set(t, out.index, of(t), 0x100000000, 5000, 0)
    expect(swiotlb_find_pool(mem, [], tlb)).toBe(null)
    expect(swiotlb_find_pool(mem, [t], tlb)).toBe(t)
    expect(swiotlb_release(mem, t, 0, tlb)).toBe(3)
    expect(mem.total_used).toBe(256)
    expect(swiotlb_find_slots_dynamic(mem, 0, of, 0x100000000, 262145, 0, () => 0xa0000000, out)).toBe(false)
  }
)

test(
  'an alignment mask changed between map and unmap releases what the kernel would, and a snapshot still holds the ' +
    'state',
  () => {
    const pool = new IoTlbPool(0x80000000, 256, 1)
    const wide = slotParams(0xfff, 0, pool.start)
    const none = slotParams(0, 0, pool.start)
    swiotlb_tbl_map_single(pool, 0, none, 0x100000000, 127 * 2048, 0)
    const tlb = swiotlb_tbl_map_single(pool, 0, none, 0x100000000, 2048, 0)
    const next = swiotlb_tbl_map_single(pool, 0, wide, 0x100000010, 2048 - 16, 0)
    expect([tlb - pool.start, next - pool.start]).toEqual([127 * 2048, 128 * 2048 + 16])
    // Mapped without an alignment mask, released with one at an odd address: two slots go, the second not its own.
    expect(swiotlb_release_slots(pool, 0xfff, tlb + 16)).toBe(2)
    expect(pool.irregular).toBe(true)
    expect(Array.from(pool.list.subarray(126, 130))).toEqual([0, 2, 1, 127])
    const other = new IoTlbPool(0x80000000, 256, 1)
    restore(other, snapshot(pool))
    expect(state_hash(other)).toBe(state_hash(pool))
    expect(snapshot(other)).toEqual(snapshot(pool))
    restore(other, snapshot(new IoTlbPool(0x80000000, 256, 1)))
    expect(state_hash(other)).toBe(state_hash(new IoTlbPool(0x80000000, 256, 1)))
  }
)

test('a pool marked used refuses everything', () => {
  const pool = new IoTlbPool(0x80000000, 256, 2)
  expect(largest_free_run(pool)).toBe(128)
  swiotlb_mark_pool_used(pool)
  expect(largest_free_run(pool)).toBe(0)
  expect(swiotlb_tbl_map_single(pool, 0, slotParams(0, 0, pool.start), 0x100000000, 1, 0)).toBe(SLOT_FULL)
})

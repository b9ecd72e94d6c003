// States of a pool as values. A snapshot holds only what differs from an empty pool, so its cost follows what is in
// use, not the pool's size; equal states give equal snapshots (canonical), so they can be interned. The list[] of free
// runs follows from which slots are used.
import { assertTrue } from '../../base/index.ts'
import { INVALID_PHYS_ADDR, IO_TLB_SEGSIZE, IO_TLB_SIZE, type IoTlbPool } from './pool.ts'

const TWO32 = 2 ** 32
const RUN_WORDS = 6
const IRREGULAR = 0x80000000
let scratch = new Uint32Array(4096)

function room(words: number): void {
  if (words <= scratch.length) return
  const more = new Uint32Array(Math.max(words, scratch.length * 2))
  more.set(scratch)
  scratch = more
}

/**
 * The pool's state: words [areas, total_used, used_hiwater, then area, index, used of each area that is not (0, 0),
 * then runs of used slots: first slot, count, orig_addr low and high word, alloc_size, pad_slots]; an irregular pool
 * has bit 31 of the first word set and all list[] values before the runs. `hiwater` false leaves the high-water mark
 * out (as 0), for whoever does not want states to differ by their past.
 */
export function snapshot(pool: IoTlbPool, hiwater = true): Uint32Array {
  const { list, orig_addr, alloc_size, pad_slots } = pool
  scratch[1] = pool.usage.total_used
  scratch[2] = hiwater ? pool.usage.used_hiwater : 0
  let areas = 0
  let at = 3
  room(at + 3 * pool.nareas)
  for (let a = 0; a < pool.nareas; a++) {
    if (pool.area_index[a] === 0 && pool.area_used[a] === 0) continue
    areas++
    scratch[at++] = a
    scratch[at++] = pool.area_index[a] as number
    scratch[at++] = pool.area_used[a] as number
  }
  scratch[0] = areas
  if (pool.irregular) {
    scratch[0] = areas + IRREGULAR
    room(at + pool.nslabs)
    for (let i = 0; i < pool.nslabs; i++) scratch[at++] = list[i] as number
  }
  for (let seg = 0; seg * IO_TLB_SEGSIZE < pool.nslabs; seg++) {
    const used = pool.seg_used[seg] as number
    if (used === 0) continue
    room(at + used * RUN_WORDS)
    const end = Math.min((seg + 1) * IO_TLB_SEGSIZE, pool.nslabs)
    for (let i = seg * IO_TLB_SEGSIZE; i < end; ) {
      const free = list[i] as number
      if (free !== 0) {
        i += pool.irregular ? 1 : free
        continue
      }
      const orig = orig_addr[i] as number
      const size = alloc_size[i] as number
      let n = 1
      if (orig === INVALID_PHYS_ADDR)
        while (
          i + n < end &&
          list[i + n] === 0 &&
          orig_addr[i + n] === INVALID_PHYS_ADDR &&
          alloc_size[i + n] === size - n * IO_TLB_SIZE &&
          pad_slots[i + n] === 0
        )
          n++
      else
        while (
          i + n < end &&
          list[i + n] === 0 &&
          orig_addr[i + n] === orig + n * IO_TLB_SIZE &&
          alloc_size[i + n] === size - n * IO_TLB_SIZE &&
          pad_slots[i + n] === 0
        )
          n++
      scratch[at] = i
      scratch[at + 1] = n
      // Uint32Array stores modulo 2^32: -1 (no original) becomes all-ones in both words.
      scratch[at + 2] = orig === INVALID_PHYS_ADDR ? 0xffffffff : orig % TWO32
      scratch[at + 3] = orig === INVALID_PHYS_ADDR ? 0xffffffff : Math.floor(orig / TWO32)
      scratch[at + 4] = size
      scratch[at + 5] = pad_slots[i] as number
      at += RUN_WORDS
      i += n
    }
  }
  return scratch.slice(0, at)
}

// Back to an empty pool, touching only segments in use.
function clear(pool: IoTlbPool): void {
  for (let seg = 0; seg * IO_TLB_SEGSIZE < pool.nslabs; seg++) {
    if (pool.seg_used[seg] === 0) continue
    pool.seg_used[seg] = 0
    pool.seg_bound[seg] = IO_TLB_SEGSIZE
    const first = seg * IO_TLB_SEGSIZE
    const end = Math.min(first + IO_TLB_SEGSIZE, pool.nslabs)
    for (let i = first; i < end; i++) {
      if (pool.list[i] === 0) {
        pool.orig_addr[i] = INVALID_PHYS_ADDR
        pool.alloc_size[i] = 0
        pool.pad_slots[i] = 0
      }
      pool.list[i] = end - i
    }
  }
  pool.area_index.fill(0)
  pool.area_used.fill(0)
  if (pool.irregular)
    for (let i = 0; i < pool.nslabs; i++)
      pool.list[i] = Math.min(IO_TLB_SEGSIZE - (i % IO_TLB_SEGSIZE), pool.nslabs - i)
  pool.irregular = false
}

/**
 * Puts a pool of the same size and areas into the state of a snapshot. @throws Error when the snapshot is of another
 * shape
 */
export function restore(pool: IoTlbPool, snap: Uint32Array): void {
  clear(pool)
  pool.usage.total_used = (snap[1] as number) | 0
  pool.usage.used_hiwater = snap[2] as number
  let at = 3
  const irregular = (snap[0] as number) >= IRREGULAR
  for (let k = (snap[0] as number) % IRREGULAR; k > 0; k--, at += 3) {
    const a = snap[at] as number
    assertTrue(a < pool.nareas, 'the snapshot is of this pool')
    pool.area_index[a] = snap[at + 1] as number
    pool.area_used[a] = snap[at + 2] as number
  }
  const lists = at
  if (irregular) at += pool.nslabs
  for (; at < snap.length; at += RUN_WORDS) {
    const i = snap[at] as number
    const n = snap[at + 1] as number
    assertTrue(i + n <= pool.nslabs, 'the snapshot is of this pool')
    const hi = snap[at + 3] as number
    let orig = hi === 0xffffffff ? INVALID_PHYS_ADDR : (snap[at + 2] as number) + hi * TWO32
    let size = (snap[at + 4] as number) | 0
    for (let j = i; j < i + n; j++) {
      pool.list[j] = 0
      pool.orig_addr[j] = orig
      pool.alloc_size[j] = size
      size -= IO_TLB_SIZE
      if (orig !== INVALID_PHYS_ADDR) orig += IO_TLB_SIZE
    }
    pool.pad_slots[i] = snap[at + 5] as number
    // The free run below, whose lengths end at this run.
    for (let j = i - 1, count = 0; (j & (IO_TLB_SEGSIZE - 1)) !== IO_TLB_SEGSIZE - 1 && pool.list[j] !== 0; j--)
      pool.list[j] = ++count
    pool.seg_used[i >> 7] = (pool.seg_used[i >> 7] as number) + n
  }
  if (irregular) {
    pool.irregular = true
    for (let i = 0; i < pool.nslabs; i++) pool.list[i] = snap[lists + i] as number
  }
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

function fnv(h: number, lo: number, hi: number): number {
  let x = h
  for (let s = 0; s < 32; s += 8) x = Math.imul(x ^ ((lo >>> s) & 0xff), FNV_PRIME)
  for (let s = 0; s < 32; s += 8) x = Math.imul(x ^ ((hi >>> s) & 0xff), FNV_PRIME)
  return x
}

/**
 * FNV-1a/32 over u64 little-endian words: of each area index and used, then of each slot list, orig_addr, alloc_size
 * and pad_slots; "no original" is all ones and alloc_size wraps modulo 2^64. The hash that recordings of the kernel
 * carry.
 */
export function state_hash(pool: IoTlbPool): number {
  let h: number = FNV_OFFSET
  for (let a = 0; a < pool.nareas; a++) {
    h = fnv(h, pool.area_index[a] as number, 0)
    const used = pool.area_used[a] as number
    h = fnv(h, used, used < 0 ? -1 : 0)
  }
  for (let i = 0; i < pool.nslabs; i++) {
    h = fnv(h, pool.list[i] as number, 0)
    const orig = pool.orig_addr[i] as number
    h = orig === INVALID_PHYS_ADDR ? fnv(h, -1, -1) : fnv(h, orig | 0, Math.floor(orig / TWO32))
    const size = pool.alloc_size[i] as number
    h = fnv(h, size, size < 0 ? -1 : 0)
    h = fnv(h, pool.pad_slots[i] as number, 0)
  }
  return h >>> 0
}

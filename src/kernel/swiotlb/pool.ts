// One swiotlb pool, slot for slot as Linux 6.12 keeps it (kernel/dma/swiotlb.c, 6.12.117): plain code over typed
// arrays, no pauses, nothing allocated in map and unmap. Whoever runs it decides what one step is;
// swiotlb_search_pool_area() and swiotlb_release_slots() are the two sections the kernel runs under an area lock.
// Content is not here: swiotlb_bounce_range() says which bytes a bounce copies, the caller copies bytes, labels or
// nothing. `replay`, `conform` and `run` own a pool in place, the checker keeps snapshots (snapshot.ts).
import { assertTrue, type Phys } from '../../base/index.ts'

/** log2 of the slot size. */
export const IO_TLB_SHIFT = 11
/** Size of a slot in bytes. */
export const IO_TLB_SIZE = 1 << IO_TLB_SHIFT
/** Slots in a segment; no allocation crosses one, so 128 slots (256 KiB) is the largest. */
export const IO_TLB_SEGSIZE = 128
/** Default pool size in bytes. */
export const IO_TLB_DEFAULT_SIZE = 64 << 20
/** Original address of a slot that has none. All-ones in the kernel. */
export const INVALID_PHYS_ADDR = -1

/** No run of free slots fits: the kernel answers -1 and says "swiotlb buffer is full". */
export const SLOT_FULL = -1
/** The kernel stops with BUG_ON (an empty allocation, a segment boundary that is no power of two). */
export const SLOT_BUG = -2
/** swiotlb_alloc() found slots that are not page aligned, warned and gave them back. */
export const SLOT_UNALIGNED = -3

const PAGE_SIZE = 4096
const SLOT_MASK = IO_TLB_SIZE - 1
const SEG_MASK = IO_TLB_SEGSIZE - 1

/** Largest single mapping, in bytes, whatever the pool's size. */
export const LARGEST_MAPPING = IO_TLB_SEGSIZE * IO_TLB_SIZE

/** DIV_ROUND_UP(size, IO_TLB_SIZE), any non-negative size. */
export const nr_slots = (size: number): number => Math.ceil(size / IO_TLB_SIZE)

/** nr_slots() of what fits into a segment, in integers. */
export const slotsOf = (size: number): number => (size + SLOT_MASK) >> IO_TLB_SHIFT

/** Total and high-water mark in slots (mem->total_used, mem->used_hiwater); pools of one io_tlb_mem share it. */
export interface PoolUsage {
  total_used: number
  used_hiwater: number
}

/** What the slot search asks of a device, for one pool. Make it with slotParams() once and keep it. */
export interface SlotParams {
  /** dma_get_min_align_mask(dev), 32 bits. */
  readonly min_align_mask: number
  /**
   * Low 32 bits of tbl_dma_addr = phys_to_dma_unencrypted(pool->start) & boundary mask; the alignment masks have no
   * more.
   */
  readonly base_lo: number
  /** nr_slots(tbl_dma_addr) modulo max_slots. */
  readonly base_slots: number
  /**
   * (boundary mask >> IO_TLB_SHIFT) + 1; 0 when that is no power of two: iommu_is_span_boundary() then stops with
   * BUG_ON.
   */
  readonly max_slots: number
  /** The kernel's PAGE_SIZE. */
  readonly page: number
}

const TWO32 = 2 ** 32
/** Segment boundary mask "all ones"; any mask of 2^53 - 1 and more means the same here. */
export const BOUNDARY_ALL_ONES = Number.MAX_SAFE_INTEGER

const isPowerOf2 = (n: number): boolean => n >= 1 && Number.isInteger(Math.log2(n)) && 2 ** Math.log2(n) === n

/**
 * Parameters of the slot search for a device and a pool. `boundary_mask` 0 = unset (the kernel then takes 0xffffffff);
 * `dma_base` is phys_to_dma_unencrypted(dev, pool->start) in bytes, alias bit included. `page`: PAGE_SIZE of the
 * kernel.
 */
export function slotParams(
  min_align_mask: number,
  boundary_mask: number,
  dma_base: number,
  page = PAGE_SIZE
): SlotParams {
  const bm = boundary_mask === 0 ? 0xffffffff : Math.min(boundary_mask, BOUNDARY_ALL_ONES)
  const hi = ((Math.floor(dma_base / TWO32) & Math.floor(bm / TWO32)) >>> 0) * TWO32
  const base = hi + (((dma_base % TWO32) & (bm % TWO32)) >>> 0)
  const max = Math.floor(bm / IO_TLB_SIZE) + 1
  const max_slots = isPowerOf2(max) ? max : 0
  return {
    min_align_mask: min_align_mask | 0,
    base_lo: base | 0,
    base_slots: max_slots === 0 ? 0 : nr_slots(base) % max_slots,
    max_slots,
    page
  }
}

/**
 * Which slots of a pool are free: what a search looks at and changes. What is recorded of those that are taken is
 * IoTlbPool's, or the business of whoever keeps it by allocation (PoolSim).
 */
export class FreeSlots {
  /** Guest physical address of slot 0, 2 KiB aligned. */
  readonly start: number
  /** First address after the pool. */
  readonly end: number
  /** Slots in the pool. */
  readonly nslabs: number
  /** Areas, a power of two. */
  readonly nareas: number
  /** Slots in an area. */
  readonly area_nslabs: number
  /**
   * slots[i].list: free slots from here to the next used one or the segment's end; 0 = used. 128 guard entries of 0
   * follow the last slot.
   */
  readonly list: Uint8Array
  /** areas[a].index: where the next search begins, relative to the area. */
  readonly area_index: Int32Array
  /** areas[a].used in slots. */
  readonly area_used: Int32Array
  /**
   * No free run of the segment is longer than this; not in the kernel, lets a search pass segments. A bound, not state.
   */
  readonly seg_bound: Uint8Array
  readonly usage: PoolUsage
  /** A release with a changed min_align_mask left free-run lengths that do not follow from which slots are used. */
  irregular = false
  /** Searched by swiotlb_do_find_slots() as it was before 6.3. */
  before_6_3 = false

  /** @throws Error when start is not slot aligned, or the areas do not divide the slots. */
  constructor(start: number, nslabs: number, nareas: number, usage: PoolUsage = { total_used: 0, used_hiwater: 0 }) {
    assertTrue(
      Number.isSafeInteger(start) && start >= 0 && start % IO_TLB_SIZE === 0,
      'a pool starts at a slot boundary'
    )
    assertTrue(Number.isInteger(nslabs) && nslabs > 0, 'a pool has slots')
    assertTrue(
      isPowerOf2(nareas) && nareas <= nslabs,
      'the number of areas is a power of two and at most the number of slots'
    )
    this.start = start
    this.end = start + nslabs * IO_TLB_SIZE
    this.nslabs = nslabs
    this.nareas = nareas
    this.area_nslabs = Math.floor(nslabs / nareas)
    this.usage = usage
    this.list = new Uint8Array(nslabs + IO_TLB_SEGSIZE)
    this.area_index = new Int32Array(nareas)
    this.area_used = new Int32Array(nareas)
    this.seg_bound = new Uint8Array(Math.ceil(nslabs / IO_TLB_SEGSIZE) + 1)
    freeAllSlots(this)
  }

  /** mem->total_used, slots of all pools of the io_tlb_mem. */
  get total_used(): number {
    return this.usage.total_used
  }

  /** mem->used_hiwater in slots. */
  get used_hiwater(): number {
    return this.usage.used_hiwater
  }

  /** Size of the pool in bytes. */
  get bytes(): number {
    return this.nslabs * IO_TLB_SIZE
  }
}

/** struct io_tlb_pool with its slots and areas as arrays. */
export class IoTlbPool extends FreeSlots {
  /** A pool of one mapping (SWIOTLB_DYNAMIC), destroyed whole at unmap. */
  readonly transient: boolean
  /** slots[i].orig_addr; INVALID_PHYS_ADDR when there is none. */
  readonly orig_addr: Float64Array
  /**
   * slots[i].alloc_size in bytes. The kernel's size_t wraps below zero in the last slot of an unaligned mapping:
   * negative here.
   */
  readonly alloc_size: Int32Array
  /** slots[i].pad_slots: slots before this one that belong to the allocation. */
  readonly pad_slots: Uint8Array
  /** Used slots (list = 0) in each segment; not in the kernel, lets a snapshot pass empty segments. */
  readonly seg_used: Uint8Array

  /** @throws Error as FreeSlots does. */
  constructor(start: number, nslabs: number, nareas: number, transient = false, usage?: PoolUsage) {
    super(start, nslabs, nareas, usage)
    this.transient = transient
    const n = this.list.length
    this.orig_addr = new Float64Array(n).fill(INVALID_PHYS_ADDR)
    this.alloc_size = new Int32Array(n)
    this.pad_slots = new Uint8Array(n)
    this.seg_used = new Uint8Array(this.seg_bound.length)
  }
}

/** All areas and slots as after boot (swiotlb_init_io_tlb_pool); the usage is not touched. */
export function swiotlb_init_io_tlb_pool(pool: IoTlbPool): void {
  pool.seg_used.fill(0)
  pool.orig_addr.fill(INVALID_PHYS_ADDR)
  pool.alloc_size.fill(0)
  pool.pad_slots.fill(0)
  freeAllSlots(pool)
}

function freeAllSlots(pool: FreeSlots): void {
  pool.area_index.fill(0)
  pool.area_used.fill(0)
  pool.seg_bound.fill(IO_TLB_SEGSIZE)
  for (let i = 0; i < pool.nslabs; i++) pool.list[i] = Math.min(IO_TLB_SEGSIZE - (i & SEG_MASK), pool.nslabs - i)
}

/** swiotlb_align_offset(): the offset that the original address and its bounce must share, in bytes. */
const swiotlb_align_offset = (min_align_mask: number, align_mask: number, addr: number): number =>
  (addr & min_align_mask & (align_mask | SLOT_MASK)) >>> 0

/** The slot is in this pool (swiotlb_find_pool's test). */
export const pool_contains = (pool: FreeSlots, paddr: number): boolean => paddr >= pool.start && paddr < pool.end

function inc_used_and_hiwater(usage: PoolUsage, nslots: number): void {
  const used = usage.total_used + nslots
  usage.total_used = used
  if (used > usage.used_hiwater) usage.used_hiwater = used
}

/**
 * swiotlb_search_pool_area(): the section under one area's lock. First slot of a run of nr_slots(alloc_size) free
 * slots, now allocated, or SLOT_FULL or SLOT_BUG. `orig_addr` 0 means none (swiotlb_alloc); masks are 32 bits.
 */
export function swiotlb_search_pool_area(
  pool: IoTlbPool,
  area_index: number,
  params: SlotParams,
  orig_addr: Phys,
  alloc_size: number,
  alloc_align_mask: number
): number {
  const slot_index = findFreeSlots(pool, area_index, params, orig_addr, alloc_size, alloc_align_mask)
  if (slot_index < 0) return slot_index
  const nslots = slotsOf(alloc_size)
  const offset = swiotlb_align_offset(params.min_align_mask, 0, orig_addr)
  const { alloc_size: rest, seg_used } = pool
  let left = (alloc_size - offset) | 0
  for (let i = slot_index, end = slot_index + nslots; i < end; i++) {
    rest[i] = left
    left = (left - IO_TLB_SIZE) | 0
  }
  const seg = slot_index >> 7
  seg_used[seg] = (seg_used[seg] as number) + nslots
  takeSlots(pool, area_index, slot_index, nslots)
  return slot_index
}

/**
 * The search of swiotlb_search_pool_area(): where it finds slots, which are still free.
 *
 * The loop takes the kernel's steps several at a time where their outcome is known (a segment or a free run that is too
 * short); it stops at the same slot after the same count of steps.
 * Long: whole as the C has it, to be read beside it.
 */
export function findFreeSlots(
  pool: FreeSlots,
  area_index: number,
  params: SlotParams,
  orig_addr: Phys,
  alloc_size: number,
  alloc_align_mask: number
): number {
  if (alloc_size <= 0) return SLOT_BUG
  // The kernel searches in vain: slots[].list is never above IO_TLB_SEGSIZE.
  if (alloc_size > LARGEST_MAPPING) return SLOT_FULL
  const nslots = slotsOf(alloc_size)
  if (pool.before_6_3) return swiotlb_do_find_slots(pool, area_index, params, orig_addr, alloc_size, alloc_align_mask)

  let align = alloc_align_mask | 0
  let iotlb_align = params.min_align_mask
  if (align === 0 && iotlb_align === 0 && alloc_size >= params.page) align = params.page - 1
  align |= SLOT_MASK
  iotlb_align &= ~align
  const stride = (Math.max(align >>> 0, iotlb_align >>> 0) >>> IO_TLB_SHIFT) + 1

  const area_nslabs = pool.area_nslabs
  if (nslots > area_nslabs - (pool.area_used[area_index] as number)) return SLOT_FULL

  const list = pool.list
  const slot_base = area_index * area_nslabs
  const base_lo = params.base_lo
  const orig_lo = orig_addr | 0
  const match = orig_addr !== 0 ? iotlb_align : 0
  const max_slots = params.max_slots
  const base_slots = params.base_slots
  // Aligned slots lie this far apart (not always the stride: with both masks the kernel takes stride and then single
  // steps); 0 when the masks have holes or a release left odd run lengths.
  const both = (align | iotlb_align) >>> 0
  const period = !pool.irregular && (both & (both + 1)) === 0 ? (both + 1) / IO_TLB_SIZE : 0
  const seg_bound = pool.seg_bound
  let misses = 0
  let tightened = -1
  let index = pool.area_index[area_index] as number
  for (let slots_checked = 0; slots_checked < area_nslabs; ) {
    const slot_index = slot_base + index
    const addr = (base_lo + (slot_index << IO_TLB_SHIFT)) | 0
    if ((addr & align) !== 0 || ((addr ^ orig_lo) & match) !== 0) {
      if (++index >= area_nslabs) index = 0
      slots_checked++
      continue
    }
    if (max_slots === 0) return SLOT_BUG
    const free = list[slot_index] as number
    let step = stride
    if (free >= nslots) {
      // !iommu_is_span_boundary()
      if (((base_slots + slot_index) % max_slots) + nslots <= max_slots) return slot_index
    } else if (period !== 0) {
      const seg = slot_index >> 7
      let blocked = free
      if ((seg_bound[seg] as number) < nslots) blocked = IO_TLB_SEGSIZE - (slot_index & SEG_MASK)
      else if (seg !== tightened && ++misses >= MISSES) {
        tightened = seg
        misses = 0
        seg_bound[seg] = longest_run(pool, seg)
      }
      // Never past the area's end: how the last step wraps is the kernel's business.
      if (blocked > period && index + period < area_nslabs)
        step = period * Math.min(Math.ceil(blocked / period), Math.floor((area_nslabs - 1 - index) / period))
    }
    index += step
    if (index >= area_nslabs) index = 0
    slots_checked += step
  }
  return SLOT_FULL
}

/**
 * swiotlb_do_find_slots() before 6.3 (Linux 6.1.192, kernel/dma/swiotlb.c), the section under one area's lock: the
 * search begins at a multiple of the stride, and a page or more doubles the stride even where min_align_mask has made
 * it a page already: nvme's begin at every fourth slot.
 *
 * The kernel goes on until it is back at its first slot, which single steps may pass for ever; here two rounds are
 * enough.
 */
function swiotlb_do_find_slots(
  pool: FreeSlots,
  area_index: number,
  params: SlotParams,
  orig_addr: Phys,
  alloc_size: number,
  alloc_align_mask: number
): number {
  const area_nslabs = pool.area_nslabs
  const nslots = nr_slots(alloc_size)
  const iotlb_align = params.min_align_mask & ~(alloc_align_mask | SLOT_MASK)
  let stride = (iotlb_align >>> IO_TLB_SHIFT) + 1
  if (alloc_size >= PAGE_SIZE) stride *= PAGE_SIZE / IO_TLB_SIZE
  stride = Math.max(stride, (alloc_align_mask >>> IO_TLB_SHIFT) + 1)
  if (nslots > area_nslabs - (pool.area_used[area_index] as number)) return SLOT_FULL
  if (params.max_slots === 0) return SLOT_BUG

  const slot_base = area_index * area_nslabs
  const wrap_area_index = (i: number): number => (i >= area_nslabs ? 0 : i)
  const wrap = wrap_area_index(Math.ceil((pool.area_index[area_index] as number) / stride) * stride)
  let index = wrap
  let checked = 0
  do {
    const slot_index = slot_base + index
    const addr = (params.base_lo + (slot_index << IO_TLB_SHIFT)) | 0
    let step = stride
    if (orig_addr !== 0 && ((addr ^ (orig_addr | 0)) & iotlb_align) !== 0) step = 1
    else if (
      (pool.list[slot_index] as number) >= nslots &&
      ((params.base_slots + slot_index) % params.max_slots) + nslots <= params.max_slots
    )
      return slot_index
    index = wrap_area_index(index + step)
    checked += step
  } while (index !== wrap && checked < 2 * area_nslabs)
  return SLOT_FULL
}

// A segment is measured after so many misses in a search: seldom in a pool with room, once for all in a full one.
const MISSES = 8

function longest_run(pool: FreeSlots, seg: number): number {
  let most = 0
  for (let i = seg * IO_TLB_SEGSIZE, end = Math.min(i + IO_TLB_SEGSIZE, pool.nslabs); i < end; ) {
    const free = pool.list[i] as number
    if (free > most) most = free
    i += free === 0 ? 1 : free
  }
  return most
}

/** The "found" part of swiotlb_search_pool_area(), but for what it records in each slot. */
export function takeSlots(pool: FreeSlots, area: number, slot_index: number, nslots: number): void {
  const { list } = pool
  for (let i = slot_index, end = slot_index + nslots; i < end; i++) list[i] = 0
  for (let i = slot_index - 1, count = 0; (i & SEG_MASK) !== SEG_MASK && list[i] !== 0; i--) list[i] = ++count
  const index = slot_index - area * pool.area_nslabs + nslots
  pool.area_index[area] = index >= pool.area_nslabs ? 0 : index
  pool.area_used[area] = (pool.area_used[area] as number) + nslots
  inc_used_and_hiwater(pool.usage, nslots)
}

/** What swiotlb_release_slots() does with slots that are free from now on, but for what was recorded in them. */
export function giveSlots(pool: FreeSlots, index: number, nslots: number): void {
  const { list } = pool
  const aindex = pool.nareas === 1 ? 0 : (index / pool.area_nslabs) | 0
  const end = index + nslots
  // Join with the free run above, if it is in the same segment; then the run below.
  let count = end < ((index + IO_TLB_SEGSIZE) & ~SEG_MASK) ? (list[end] as number) : 0
  for (let i = end - 1; i >= index; i--) list[i] = ++count
  for (let i = index - 1; (i & SEG_MASK) !== SEG_MASK && list[i] !== 0; i--) list[i] = ++count
  const seg = index >> 7
  if (count > (pool.seg_bound[seg] as number)) pool.seg_bound[seg] = Math.min(count, IO_TLB_SEGSIZE)
  // Only when the device's min_align_mask has changed since the map: the kernel then counts across the segment's end.
  if (nslots > 0 && (end - 1) >> 7 !== seg) {
    pool.irregular = true
    pool.seg_bound.fill(IO_TLB_SEGSIZE)
  }
  pool.area_used[aindex] = (pool.area_used[aindex] as number) - nslots
  pool.usage.total_used -= nslots
}

/**
 * swiotlb_find_slots() without SWIOTLB_DYNAMIC: all areas, from the CPU's own on, cyclic. First slot, or SLOT_FULL or
 * SLOT_BUG.
 * `alloc_size` is in bytes, alignment padding included.
 */
export function swiotlb_find_slots(
  pool: IoTlbPool,
  cpu: number,
  params: SlotParams,
  orig_addr: Phys,
  alloc_size: number,
  alloc_align_mask: number
): number {
  const start = cpu & (pool.nareas - 1)
  let i = start
  do {
    const index = swiotlb_search_pool_area(pool, i, params, orig_addr, alloc_size, alloc_align_mask)
    if (index !== SLOT_FULL) return index
    if (++i >= pool.nareas) i = 0
  } while (i !== start)
  return SLOT_FULL
}

/** Bytes that swiotlb_tbl_map_single() asks the search for: ALIGN(mapping_size + offset, alloc_align_mask + 1). */
export function alloc_bytes(
  params: SlotParams,
  orig_addr: Phys,
  mapping_size: number,
  alloc_align_mask: number
): number {
  const size = mapping_size + swiotlb_align_offset(params.min_align_mask, alloc_align_mask, orig_addr)
  return alloc_align_mask === 0 ? size : Math.ceil(size / (alloc_align_mask + 1)) * (alloc_align_mask + 1)
}

/**
 * The part of swiotlb_tbl_map_single() after the search: records the original address in each data slot and the padding
 * before them.
 * `index` is what the search returned. The bounce's guest physical address. Outside the area lock in the kernel: the
 * slots are ours.
 */
export function swiotlb_slots_set(
  pool: IoTlbPool,
  index: number,
  params: SlotParams,
  orig_addr: Phys,
  mapping_size: number,
  alloc_align_mask: number
): number {
  let offset = swiotlb_align_offset(params.min_align_mask, alloc_align_mask, orig_addr)
  const n =
    alloc_align_mask === 0
      ? slotsOf(mapping_size + offset)
      : nr_slots(alloc_bytes(params, orig_addr, mapping_size, alloc_align_mask))
  const pad_slots = offset >> IO_TLB_SHIFT
  offset &= SLOT_MASK
  const first = index + pad_slots
  const end = index + n
  pool.pad_slots[first] = pad_slots
  const originals = pool.orig_addr
  let addr = orig_addr
  for (let i = first; i < end; i++) {
    originals[i] = addr
    addr += IO_TLB_SIZE
  }
  return pool.start + first * IO_TLB_SIZE + offset
}

/**
 * swiotlb_tbl_map_single() but for its checks of the pool's existence and state (the caller's) and for the copy of
 * `mapping_size` bytes from the original, which the kernel makes in every direction. The bounce's guest physical
 * address, or SLOT_FULL or SLOT_BUG.
 */
export function swiotlb_tbl_map_single(
  pool: IoTlbPool,
  cpu: number,
  params: SlotParams,
  orig_addr: Phys,
  mapping_size: number,
  alloc_align_mask: number
): number {
  // Above the segment nothing fits whatever the padding; the test also keeps the arithmetic small.
  if (mapping_size > LARGEST_MAPPING) return SLOT_FULL
  const index = swiotlb_find_slots(
    pool,
    cpu,
    params,
    orig_addr,
    alloc_bytes(params, orig_addr, mapping_size, alloc_align_mask),
    alloc_align_mask
  )
  if (index < 0) return index
  return swiotlb_slots_set(pool, index, params, orig_addr, mapping_size, alloc_align_mask)
}

/**
 * One round of swiotlb_find_slots() with SWIOTLB_DYNAMIC in this pool, and what follows it: the area `offset` areas
 * from the CPU's own; SLOT_FULL for a pool with fewer areas.
 */
export function swiotlb_map_area(
  pool: IoTlbPool,
  cpu: number,
  offset: number,
  params: SlotParams,
  orig_addr: Phys,
  mapping_size: number,
  alloc_align_mask: number
): number {
  if (mapping_size > LARGEST_MAPPING || offset >= pool.nareas) return SLOT_FULL
  const index = swiotlb_search_pool_area(
    pool,
    (cpu + offset) & (pool.nareas - 1),
    params,
    orig_addr,
    alloc_bytes(params, orig_addr, mapping_size, alloc_align_mask),
    alloc_align_mask
  )
  if (index < 0) return index
  return swiotlb_slots_set(pool, index, params, orig_addr, mapping_size, alloc_align_mask)
}

/** What one bounce copies; filled in by swiotlb_bounce_range(). */
export interface BounceRange {
  /** Guest physical address of the first original byte. */
  orig_addr: Phys
  /** Bytes to copy, clipped to the allocation. */
  size: number
  /** The request was larger than the allocation: "Buffer overflow detected", once. */
  overflow: boolean
}

export const bounceRange = (): BounceRange => ({ orig_addr: 0, size: 0, overflow: false })

/**
 * The address arithmetic of swiotlb_bounce() for `size` bytes at `tlb_addr` (which may lie inside a mapping). False
 * when the slot has no original address: the kernel then returns silently. `min_align_mask` is the device's present
 * one.
 */
export function swiotlb_bounce_range(
  pool: IoTlbPool,
  min_align_mask: number,
  tlb_addr: number,
  size: number,
  out: BounceRange
): boolean {
  const index = Math.floor((tlb_addr - pool.start) / IO_TLB_SIZE)
  if (index < 0 || index >= pool.nslabs) return false
  const orig = pool.orig_addr[index] as number
  if (orig === INVALID_PHYS_ADDR) return false
  // May be negative; never below the original, as alloc_size has the offset of the first slot taken off.
  const tlb_offset = (tlb_addr & SLOT_MASK) - swiotlb_align_offset(min_align_mask, 0, orig)
  const room = (pool.alloc_size[index] as number) - tlb_offset
  out.orig_addr = orig + tlb_offset
  // size_t: a negative rest is a huge one, nothing is clipped.
  out.overflow = room >= 0 && size > room
  out.size = out.overflow ? room : size
  return true
}

/**
 * swiotlb_release_slots(): gives back the allocation that `tlb_addr` (the mapping's own first address) belongs to,
 * joining free runs. With the device's present `min_align_mask`, as the kernel does. The number of slots given back;
 * SLOT_BUG when the address or the recorded size would take the kernel outside the table (it would corrupt memory), in
 * which case nothing is changed.
 */
export function swiotlb_release_slots(pool: IoTlbPool, min_align_mask: number, tlb_addr: number): number {
  const offset = swiotlb_align_offset(min_align_mask, 0, tlb_addr)
  const slot = Math.floor((tlb_addr - offset - pool.start) / IO_TLB_SIZE)
  if (slot < 0 || slot >= pool.nslabs) return SLOT_BUG
  const { list, orig_addr, alloc_size, pad_slots, seg_used } = pool
  const index = (slot - (pad_slots[slot] as number)) | 0
  if (index < 0) return SLOT_BUG
  const bytes = (alloc_size[index] as number) + offset
  if (bytes < 0) return SLOT_BUG
  const nslots = slotsOf(bytes)
  if (index + nslots > pool.nslabs) return SLOT_BUG
  for (let i = index + nslots - 1; i >= index; i--) {
    if (list[i] === 0) seg_used[i >> 7] = (seg_used[i >> 7] as number) - 1
    orig_addr[i] = INVALID_PHYS_ADDR
    alloc_size[i] = 0
    pad_slots[i] = 0
  }
  giveSlots(pool, index, nslots)
  return nslots
}

/** get_order(): log2 of the pages that hold `size` bytes, rounded up to a power of two. */
export function get_order(size: number): number {
  let order = 0
  for (let pages = 1; pages * PAGE_SIZE < size; pages *= 2) order++
  return order
}

/**
 * swiotlb_alloc() from a restricted pool: page aligned to its order, no original address, so a later sync copies
 * nothing. Guest physical address, or SLOT_FULL, SLOT_BUG, or SLOT_UNALIGNED (the kernel warns and gives the slots
 * back).
 */
export function swiotlb_alloc(pool: IoTlbPool, cpu: number, params: SlotParams, size: number): number {
  if (size > LARGEST_MAPPING) return SLOT_FULL
  const index = swiotlb_find_slots(pool, cpu, params, 0, size, PAGE_SIZE * 2 ** get_order(size) - 1)
  if (index < 0) return index
  const tlb_addr = pool.start + index * IO_TLB_SIZE
  if (tlb_addr % PAGE_SIZE !== 0) {
    swiotlb_release_slots(pool, params.min_align_mask, tlb_addr)
    return SLOT_UNALIGNED
  }
  return tlb_addr
}

/** swiotlb_free(): true when the page lies in the pool, whose slots are then given back. */
export function swiotlb_free(pool: IoTlbPool, min_align_mask: number, tlb_addr: number): boolean {
  if (!pool_contains(pool, tlb_addr)) return false
  swiotlb_release_slots(pool, min_align_mask, tlb_addr)
  return true
}

/**
 * swiotlb_mark_pool_used(): what the merged cc-shared series does with a default pool that could not be decrypted.
 * Every search then fails; the total in use stays as it is.
 */
export function swiotlb_mark_pool_used(pool: IoTlbPool): void {
  pool.area_index.fill(0)
  for (let a = 0; a < pool.nareas; a++) pool.area_used[a] = pool.area_nslabs
  pool.list.fill(0)
  pool.orig_addr.fill(INVALID_PHYS_ADDR)
  pool.alloc_size.fill(0)
  pool.pad_slots.fill(0)
  for (let i = 0; i < pool.nslabs; i += IO_TLB_SEGSIZE)
    pool.seg_used[i >> 7] = Math.min(IO_TLB_SEGSIZE, pool.nslabs - i)
}

/**
 * Most free slots in one run that a single allocation could take, over all areas; what "fragmented" means when it is
 * below the request.
 */
export function largest_free_run(pool: IoTlbPool): number {
  let most = 0
  for (let seg = 0; seg * IO_TLB_SEGSIZE < pool.nslabs; seg++) most = Math.max(most, longest_run(pool, seg))
  return most
}

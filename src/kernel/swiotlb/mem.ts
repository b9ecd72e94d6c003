// struct io_tlb_mem: one default pool, and with SWIOTLB_DYNAMIC further pools (newest first) and transient ones that
// live for one mapping and hang on the device (kernel/dma/swiotlb.c, 6.12.117). Memory for new pools is the caller's:
// it allocates, converts, and says where.
import {
  type IoTlbPool,
  IoTlbPool as Pool,
  type PoolUsage,
  type SlotParams,
  LARGEST_MAPPING,
  SLOT_FULL,
  nr_slots,
  pool_contains,
  swiotlb_release_slots,
  swiotlb_search_pool_area
} from './pool.ts'

/** struct io_tlb_mem as far as slots are concerned. */
export class IoTlbMem {
  /** Newest first, as list_add_rcu() puts them; the default pool is the last. */
  readonly pools: IoTlbPool[]
  readonly usage: PoolUsage
  /** Slots of all listed pools. */
  nslabs: number
  /** SWIOTLB_DYNAMIC, and no remap callback was given at boot. */
  readonly can_grow: boolean
  /** default_nareas: areas of pools made at run time, and the number of rounds of a search. */
  readonly default_nareas: number

  constructor(
    first: { start: number; nslabs: number; nareas: number },
    can_grow = false,
    default_nareas = first.nareas
  ) {
    this.usage = { total_used: 0, used_hiwater: 0 }
    const pool = new Pool(first.start, first.nslabs, first.nareas, false, this.usage)
    this.pools = [pool]
    this.nslabs = pool.nslabs
    this.can_grow = can_grow
    this.default_nareas = default_nareas
  }

  get total_used(): number {
    return this.usage.total_used
  }

  get used_hiwater(): number {
    return this.usage.used_hiwater
  }
}

/** add_mem_pool(): what the background worker does with the pool it made. */
export function add_mem_pool(mem: IoTlbMem, start: number, nslabs: number, nareas: number): IoTlbPool {
  const pool = new Pool(start, nslabs, nareas, false, mem.usage)
  mem.pools.unshift(pool)
  mem.nslabs += nslabs
  return pool
}

/** Where a search found its slots, or why it did not. */
export interface Found {
  pool: IoTlbPool | null
  /** First slot in `pool`, SLOT_FULL or SLOT_BUG. */
  index: number
  /** The kernel scheduled the worker that adds a pool of default size. */
  grow: boolean
}

export const found = (): Found => ({ pool: null, index: SLOT_FULL, grow: false })

/**
 * swiotlb_find_slots() with SWIOTLB_DYNAMIC: for each area offset all pools that have so many areas, then, when the
 * memory may grow, a transient pool of exactly the slots needed. `paramsOf` answers slotParams() of the device for a
 * pool; `transient` gets the number of slots and answers the guest physical address of that much memory in the right
 * state, or -1. True when slots were found; a transient pool in `out` is the device's (put it on its list, give it to
 * swiotlb_del_transient() at unmap).
 */
export function swiotlb_find_slots_dynamic(
  mem: IoTlbMem,
  cpu: number,
  paramsOf: (pool: IoTlbPool) => SlotParams,
  orig_addr: number,
  alloc_size: number,
  alloc_align_mask: number,
  transient: (nslabs: number) => number,
  out: Found
): boolean {
  out.pool = null
  out.index = SLOT_FULL
  out.grow = false
  if (alloc_size > LARGEST_MAPPING) return false
  for (let i = 0; i < mem.default_nareas; i++) {
    for (const pool of mem.pools) {
      if (i >= pool.nareas) continue
      out.index = swiotlb_search_pool_area(
        pool,
        (cpu + i) & (pool.nareas - 1),
        paramsOf(pool),
        orig_addr,
        alloc_size,
        alloc_align_mask
      )
      if (out.index === SLOT_FULL) continue
      out.pool = pool
      return out.index >= 0
    }
  }
  if (!mem.can_grow) return false
  out.grow = true
  const nslabs = nr_slots(alloc_size)
  const start = transient(nslabs)
  if (start < 0) return false
  const pool = new Pool(start, nslabs, 1, true, mem.usage)
  out.index = swiotlb_search_pool_area(pool, 0, paramsOf(pool), orig_addr, alloc_size, alloc_align_mask)
  if (out.index < 0) return false
  out.pool = pool
  return true
}

/**
 * __swiotlb_find_pool(): the listed pool, or the device's transient one, that holds `paddr`; null when none does. The
 * kernel asks only once dev->dma_uses_io_tlb is set (SWIOTLB_DYNAMIC) or, without it, compares with the default pool.
 */
export function swiotlb_find_pool(mem: IoTlbMem, transient: readonly IoTlbPool[], paddr: number): IoTlbPool | null {
  for (const pool of mem.pools) if (pool_contains(pool, paddr)) return pool
  for (const pool of transient) if (pool_contains(pool, paddr)) return pool
  return null
}

/**
 * swiotlb_del_transient(): at unmap the whole pool goes, its slots are not released one by one. False when `pool` is no
 * transient one; the caller then releases slots. The caller takes the pool off the device's list and gives its memory
 * back.
 */
export function swiotlb_del_transient(mem: IoTlbMem, pool: IoTlbPool): boolean {
  if (!pool.transient) return false
  mem.usage.total_used -= pool.nslabs
  return true
}

/**
 * What swiotlb_tbl_unmap_single() does with slots: a transient pool whole, else the allocation's slots. Slots given
 * back, or SLOT_BUG.
 */
export function swiotlb_release(mem: IoTlbMem, pool: IoTlbPool, min_align_mask: number, tlb_addr: number): number {
  return swiotlb_del_transient(mem, pool) ? pool.nslabs : swiotlb_release_slots(pool, min_align_mask, tlb_addr)
}

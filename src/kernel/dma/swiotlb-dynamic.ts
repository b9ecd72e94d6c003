// CONFIG_SWIOTLB_DYNAMIC under the checker (kernel/dma/swiotlb.c, read in 6.12.117, 7.2.13 and 7.3.4): pools that a
// worker adds to the default pool, newest first, and transient ones that hang on a device for one mapping. Their memory
// is the page allocator's, made shared, or an atomic pool's where the caller cannot block. The functions follow the C
// in its order; the slots themselves are kernel/swiotlb's.
import { PAGE_SIZE, type Phys } from '../../base/index.ts'
import { action, change, Interned, type Layout, type Store } from '../../step/index.ts'
import {
  alloc_bytes,
  bounceRange,
  IoTlbPool,
  IO_TLB_SEGSIZE,
  IO_TLB_SIZE,
  nr_slots,
  restore,
  SLOT_FULL,
  slotParams,
  snapshot,
  state_hash,
  swiotlb_bounce_range,
  swiotlb_map_area,
  swiotlb_release_slots
} from '../swiotlb/index.ts'
import { dma_limit, force_dma_unencrypted } from '../device.ts'
import { workerRuns } from './pool.ts'
import { dmaAddrBit, DMA_MAPPING_ERROR, translate_phys_to_dma, withAddrBit } from './address.ts'
import {
  type BounceRange,
  type Device,
  DMA_BIT_MASK,
  type DynamicPools,
  type DynamicPoolState,
  type Kernel,
  type SlotPool,
  type SwiotlbMem,
  type WantedSlots
} from '../types.ts'
import { TAG } from '../page-alloc.ts'
import type { DmaZone } from '../surroundings.ts'
import { set_memory_decrypted, set_memory_encrypted } from '../set-memory.ts'

/** IO_TLB_MIN_SLABS: below 1 MiB the worker does not go, if it was asked for more. */
const IO_TLB_MIN_SLABS = 512
/** SLABS_PER_PAGE << MAX_PAGE_ORDER. */
const MOST_SLABS = 2048

/** Memory for a pool. `atomic`: an atomic pool's. */
interface Tlb {
  readonly start: number
  readonly nslabs: number
  readonly nareas: number
  readonly atomic: boolean
}
interface Pool extends Tlb {
  /** The device whose transient pool it is; -1: listed in io_tlb_mem. */
  readonly dev: number
  /** Its slots, as snapshot() has them. */
  readonly slots: Uint32Array
}
interface State {
  /** Listed pools, newest first, and transient ones. */
  readonly pools: readonly Pool[]
  /** dyn_alloc is scheduled and has not run. */
  readonly work: boolean
}
const encode = (s: State): string =>
  `${s.pools.map((p) => `${p.start},${p.nslabs},${p.nareas},${p.atomic},${p.dev}:${p.slots.join()}`).join('|')}/` +
  `${s.work}`

const ADD = change(
  (s: State, p: Tlb, dev: number, slots: readonly number[]): State => ({
    ...s,
    pools: [{ ...p, dev, slots: Uint32Array.from(slots) }, ...s.pools]
  })
)
const SLOTS = change(
  (s: State, start: number, slots: readonly number[]): State => ({
    ...s,
    pools: s.pools.map((p) => (p.start === start ? { ...p, slots: Uint32Array.from(slots) } : p))
  })
)
const DELETE = change((s: State, start: number): State => ({ ...s, pools: s.pools.filter((p) => p.start !== start) }))
const WORK = change((s: State, work: boolean): State => ({ ...s, work }))

const holds = (p: Pool, phys: Phys): boolean => phys >= p.start && phys < p.start + p.nslabs * IO_TLB_SIZE

/**
 * `bit`: what phys_to_dma_*() adds to an address, once the range map has been asked.
 */
interface Search extends WantedSlots {
  readonly bit: number
}

/** swiotlb_search_pool_area(), for the area `offset` areas from the CPU's own. */
function search(pool: IoTlbPool, dev: Device, w: Search, offset: number): number {
  const addr = translate_phys_to_dma(dev, pool.start)
  const p = slotParams(
    dev.config.min_align_mask,
    dev.config.boundary_mask,
    addr === DMA_MAPPING_ERROR ? addr : withAddrBit(addr, w.bit),
    dev.k.page
  )
  return swiotlb_map_area(pool, w.cpu, offset, p, w.phys, w.size, w.mask)
}

/** limit_nareas(): every area has a whole segment. */
const limit_nareas = (nareas: number, nslabs: number): number =>
  nslabs < nareas * IO_TLB_SEGSIZE ? nslabs / IO_TLB_SEGSIZE : nareas

/** A pool made at run time, as swiotlb_find_pool() answers it. */
class DynamicPool implements SlotPool {
  constructor(
    private readonly all: GuestDynamicPools,
    readonly start: number
  ) {}
  bounce(st: Store, dev: Device, tlb: Phys, size: number): BounceRange {
    const p = this.all.at(st, tlb)
    const out = bounceRange()
    return p !== undefined && swiotlb_bounce_range(this.all.pool(p), dev.config.min_align_mask, tlb, size, out)
      ? { orig: out.orig_addr, size: out.size, overflow: out.overflow }
      : null
  }
  /** swiotlb_release_slots(), or swiotlb_del_transient() with the whole pool: slots given back, or SLOT_BUG. */
  release(dev: Device, tlb: Phys): number {
    return this.all.release(dev, this.start, tlb)
  }
}

export class GuestDynamicPools implements DynamicPools {
  private readonly state: Interned<State>
  private readonly handles = new Map<number, DynamicPool>()
  /** Of all runs that this system took: a pool was made at run time. */
  grown = false
  private readonly default_nslabs: number
  private readonly default_nareas: number
  /**
   * Pools that live in place: their slots are here, and count in the default pool's usage; null: each state has its
   * own.
   */
  private readonly live: Map<number, IoTlbPool> | null
  /** The last pool that was looked at, by where it begins: its arrays hold the slots of the next. */
  private readonly lookedAt = new Map<number, IoTlbPool>()

  constructor(
    layout: Layout,
    private readonly k: Kernel,
    private readonly mem: SwiotlbMem
  ) {
    this.default_nslabs = mem.nslabs
    this.default_nareas = mem.pool.nareas
    this.live = k.parts.inPlace ? new Map() : null
    this.state = new Interned<State>(layout, 'dynamic_pools', { pools: [], work: false }, encode, k.parts.inPlace)
  }

  /** A pool's slots as they are now, until it is asked again. */
  pool(p: Pool): IoTlbPool {
    const live = this.live?.get(p.start)
    if (live !== undefined) return live
    const had = this.lookedAt.get(p.start)
    const pool = had?.nslabs === p.nslabs && had.nareas === p.nareas ? had : new IoTlbPool(p.start, p.nslabs, p.nareas)
    this.lookedAt.set(p.start, pool)
    restore(pool, p.slots)
    return pool
  }

  private fresh(p: Tlb, transient: boolean): IoTlbPool {
    return this.live === null
      ? new IoTlbPool(p.start, p.nslabs, p.nareas)
      : new IoTlbPool(p.start, p.nslabs, p.nareas, transient, this.mem.pool.usage)
  }

  private changed(st: Store, pool: IoTlbPool): void {
    if (this.live === null) this.state.update(st, SLOTS, pool.start, [...snapshot(pool, false)])
  }

  private add(st: Store, p: Tlb, dev: number, pool: IoTlbPool): void {
    this.grown = true
    this.live?.set(p.start, pool)
    this.state.update(st, ADD, p, dev, this.live === null ? [...snapshot(pool, false)] : [])
  }

  /** The pools made at run time that this device sees, in list order: listed ones, and its own transient ones. */
  list(st: Store, dev: number): readonly DynamicPoolState[] {
    return this.state
      .get(st)
      .pools.filter((p) => p.dev < 0 || p.dev === dev)
      .map((p) => {
        const pool = this.pool(p)
        return {
          start: p.start,
          nslabs: p.nslabs,
          hash: state_hash(pool),
          transient: p.dev >= 0,
          used: pool.area_used.reduce((a, b) => a + b, 0)
        }
      })
  }

  /** Whether a pool made at run time has this address. */
  contains(st: Store, phys: Phys): boolean {
    const { calls } = this.k
    return calls === null ? this.at(st, phys) !== undefined : calls.dynamicAt(st, -1, phys) >= 0
  }

  at(st: Store, phys: Phys): Pool | undefined {
    return this.state.get(st).pools.find((p) => holds(p, phys))
  }

  usedAt(st: Store, phys: Phys): boolean {
    if (this.k.calls !== null) return this.contains(st, phys) && this.k.calls.usedAt(st, phys)
    const p = this.at(st, phys)
    return p !== undefined && this.pool(p).list[Math.floor((phys - p.start) / IO_TLB_SIZE)] === 0
  }

  /** Memory of a pool is shared: as its io_tlb_mem is, or always. */
  private get converts(): boolean {
    return this.k.rev.dynamicPools === 'pool'
      ? this.k.config.memory_encrypt_reported && this.k.platform.conversion !== 'none'
      : true
  }

  // The page allocator's part of alloc_dma_pages(), zone after zone until the block lies below the limit: physical
  // address, or -1.
  private alloc_dma_pages(bytes: number, limit: number): number {
    const { pages, memory, parts } = this.k
    const order = this.k.order(bytes)
    let zone: DmaZone = limit <= memory.zone_dma_limit ? 'dma' : limit <= DMA_BIT_MASK(32) ? 'dma32' : 'normal'
    for (;;) {
      const pfn = pages.alloc_dma(order, zone, { tag: TAG.pool, why: 'swiotlb_alloc_tlb' })
      if (pfn < 0) return -1
      if (pfn * PAGE_SIZE + bytes - 1 <= limit) return pfn * PAGE_SIZE
      pages.free_dma(pfn, order, 'alloc_dma_pages')
      // The scenes' low bank is already the lowest zone.
      if (parts.host === undefined || zone === 'dma') return -1
      zone = zone === 'normal' && limit < 2 ** 64 ? 'dma32' : 'dma'
    }
  }

  // swiotlb_alloc_tlb() and alloc_dma_pages(): physical address, or -1. A failed decryption is undone, and only what
  // cannot be undone is leaked.
  private swiotlb_alloc_tlb(
    dev: Device | null,
    bytes: number,
    limit: number,
    blocking: boolean
  ): { readonly phys: Phys; readonly atomic: boolean } | null {
    const { k } = this
    if (!blocking && dev !== null && (k.rev.dynamicPools === 'pool' ? this.converts : force_dma_unencrypted(dev))) {
      // GFP_NOWAIT says no zone, and no warning; dma_coherent_ok() asks what the device is then.
      const b = k.atomic.dma_alloc_from_pool(dev, bytes, k.rev.poolsMatchRequest ? true : null, {
        shared: force_dma_unencrypted(dev),
        zone: 'normal',
        limited: true,
        noWarn: true
      })
      return b === null ? null : { phys: b.phys, atomic: true }
    }
    const phys = this.alloc_dma_pages(bytes, limit)
    if (phys < 0 || !this.converts) return phys < 0 ? null : { phys, atomic: false }
    const [pfn, order, n] = [phys / PAGE_SIZE, k.order(bytes), k.pageAlign(bytes) / PAGE_SIZE]
    if (!blocking && k.parts.host === undefined && k.platform.conversion !== 'none')
      k.crash(
        'swiotlb_alloc_tlb',
        'sleep in atomic context',
        'set_memory_decrypted() sleeps, and dma_map may be called where one cannot'
      )
    if (set_memory_decrypted(k, phys, n) === 0) return { phys, atomic: false }
    if (set_memory_encrypted(k, phys, n) === 0) k.pages.free_dma(pfn, order, 'alloc_dma_pages')
    else k.pages.leak(pfn, 2 ** order, 'alloc_dma_pages', true)
    return null
  }

  // swiotlb_free_tlb(): an atomic pool's memory goes back to it, if it is recognised; the rest is made private again
  // and freed.
  private swiotlb_free_tlb(p: Tlb): void {
    const { k } = this
    const bytes = p.nslabs * IO_TLB_SIZE
    const recognised = k.rev.dynamicFree === 'kept' || !k.dmaDirectRemap
    if (p.atomic && recognised && k.atomic.dma_free_from_pool_phys(p.start, bytes)) return
    const n = k.pageAlign(bytes) / PAGE_SIZE
    const order = k.order(bytes)
    if (this.converts) {
      if (k.rev.dynamicRelease === 'rcu_callback' && k.parts.host === undefined && k.platform.conversion !== 'none')
        k.crash('swiotlb_dyn_free', 'sleep in atomic context', 'set_memory_encrypted() sleeps, in an RCU callback')
      if (set_memory_encrypted(k, p.start, n) !== 0) {
        k.pages.leak(p.start / PAGE_SIZE, 2 ** order, 'swiotlb_free_tlb', true)
        return
      }
    }
    k.pages.free_dma(p.start / PAGE_SIZE, order, 'swiotlb_free_tlb')
  }

  /** swiotlb_alloc_pool(): as many slots as can be had, down to `minslabs`. */
  private swiotlb_alloc_pool(
    dev: Device | null,
    minslabs: number,
    want: number,
    areas: number,
    limit: number,
    blocking: boolean
  ): Tlb | null {
    let nslabs = Math.min(want, MOST_SLABS)
    let nareas = want > MOST_SLABS ? limit_nareas(areas, nslabs) : areas
    for (;;) {
      const tlb = this.swiotlb_alloc_tlb(dev, nslabs * IO_TLB_SIZE, limit, blocking)
      if (tlb !== null) {
        this.k.parts.host?.zero(tlb.phys, nslabs * IO_TLB_SIZE)
        return { start: tlb.phys, atomic: tlb.atomic, nslabs, nareas }
      }
      if (nslabs <= minslabs) return null
      nslabs = Math.ceil(Math.floor(nslabs / 2) / IO_TLB_SEGSIZE) * IO_TLB_SEGSIZE
      nareas = limit_nareas(nareas, nslabs)
    }
  }

  private swiotlb_dyn_alloc(): void {
    GuestDynamicPools.begun(this, false)
    const pool = this.swiotlb_alloc_pool(
      null,
      IO_TLB_MIN_SLABS,
      this.default_nslabs,
      this.default_nareas,
      this.k.memory.swiotlb_limit,
      true
    )
    if (pool === null) this.k.message('grow_failed')
    else GuestDynamicPools.added(this, pool)
  }

  /**
   * swiotlb_dyn_alloc(), the worker. Like that of the atomic pools it runs in this thread, right after it was scheduled
   * or just before the next search.
   */
  private dynAlloc(late: boolean): void {
    if (GuestDynamicPools.scheduled(this) === 0 || !workerRuns(late, 'swiotlb_dyn_alloc', 'mapping')) return
    this.swiotlb_dyn_alloc()
  }

  private static readonly scheduled = action<[d: GuestDynamicPools]>('dyn_alloc', {
    perform: (st, _outcome, d) => (d.state.get(st).work ? 1 : 0),
    text: (r) => (r ? 'dyn_alloc is scheduled' : 'no dyn_alloc'),
    results: [0, 1],
    silent: true
  })

  private static readonly begun = action<[d: GuestDynamicPools, work: boolean]>('schedule dyn_alloc', {
    perform: (st, _outcome, d, work) => {
      if (work && !d.state.get(st).work)
        d.k.parts.host?.schedule('dyn_alloc', () => {
          d.swiotlb_dyn_alloc()
        })
      d.state.update(st, WORK, work)
      return 0
    },
    text: (_r, _o, _d, work) => (work ? 'schedule_work(dyn_alloc)' : 'kworker: swiotlb_dyn_alloc'),
    results: [0]
  })

  private static readonly added = action<[d: GuestDynamicPools, p: Tlb]>('add_mem_pool', {
    perform: (st, _outcome, d, p) => {
      d.add(st, p, -1, d.fresh(p, false))
      return 0
    },
    text: (_r, _o, _d, p) => `swiotlb: ${p.nslabs} slots more at 0x${p.start.toString(16)}`,
    results: [0]
  })

  // swiotlb_schedule_dyn_free(), and call_rcu() before it: after a grace period; under the checker in the thread that
  // unmapped. `later` false: at once.
  private swiotlb_schedule_dyn_free(p: Tlb, later: boolean): void {
    const { host } = this.k.parts
    if (host === undefined || !later) this.swiotlb_free_tlb(p)
    else
      host.schedule(this.k.rev.dynamicRelease === 'process' ? 'dyn_free' : 'rcu', () => {
        this.swiotlb_free_tlb(p)
      })
  }

  /** __swiotlb_find_pool(): the listed pools, then the device's own. */
  __swiotlb_find_pool(dev: Device, phys: Phys): DynamicPool | null {
    const start = GuestDynamicPools.looked(this, dev.index, phys)
    if (start < 0) return null
    let h = this.handles.get(start)
    if (h === undefined) this.handles.set(start, (h = new DynamicPool(this, start)))
    return h
  }

  private static readonly looked = action<[d: GuestDynamicPools, dev: number, phys: Phys]>('__swiotlb_find_pool', {
    perform: (st, _outcome, d, dev, phys) =>
      d.k.calls?.dynamicAt(st, dev, phys) ??
      d.state.get(st).pools.find((p) => holds(p, phys) && (p.dev < 0 || p.dev === dev))?.start ??
      -1,
    text: (r) => (r < 0 ? 'no dynamic pool has it' : `the dynamic pool at 0x${r.toString(16)} has it`),
    silent: true
  })

  /** list_del_rcu(): its slots. */
  private static readonly gone = action<[d: GuestDynamicPools, start: number]>('swiotlb_del_pool', {
    perform: (st, _outcome, d, start) => {
      const n = d.at(st, start)?.nslabs ?? 0
      if (d.live?.delete(start)) d.mem.pool.usage.total_used -= n
      d.state.update(st, DELETE, start)
      return n
    },
    text: (r, _o, _d, start) => `swiotlb_del_pool: ${r} slots at 0x${start.toString(16)}, freed after a grace period`
  })

  /**
   * swiotlb_find_slots(): area by area from the CPU's own, in each all pools, the newest first and the default pool,
   * whose address on the bus is `base`, last; then a transient one. The bounce address, or SLOT_FULL, SLOT_BUG.
   */
  swiotlb_find_slots(dev: Device, mem: SwiotlbMem, wanted: WantedSlots, base: number): number {
    // Written out: a copy by `...` of an object with an address in it costs as much as a search.
    const { cpu, shared, phys, size, mask } = wanted
    const w: Search = { cpu, shared, phys, size, mask, bit: dmaAddrBit(dev, shared) }
    if (this.live === null) this.dynAlloc(true)
    for (let i = 0; i < this.default_nareas; i++) {
      const tlb = GuestDynamicPools.searched(this, dev, w, i)
      if (tlb !== SLOT_FULL) return tlb
      const own = mem.map_area(dev, i, w.cpu, base, w.phys, w.size, w.mask)
      if (own !== SLOT_FULL) return own
    }
    return this.findTransient(dev, w)
  }

  private static readonly searched = action<[d: GuestDynamicPools, dev: Device, w: Search, offset: number]>(
    'swiotlb_search_area, dynamic',
    {
      perform: (st, _outcome, d, dev, w, offset) => {
        for (const p of d.state.get(st).pools) {
          if (p.dev >= 0) continue
          const pool = d.pool(p)
          const tlb = search(pool, dev, w, offset)
          if (tlb === SLOT_FULL) continue
          if (tlb >= 0) d.changed(st, pool)
          return tlb
        }
        return SLOT_FULL
      },
      text: (r) =>
        r < 0
          ? 'swiotlb_find_slots: no dynamic pool has room'
          : `swiotlb_find_slots: 0x${r.toString(16)} of a dynamic pool`,
      silent: true
    }
  )

  /**
   * The end of swiotlb_find_slots() when nothing is free: the worker is scheduled, and a transient pool serves this
   * mapping alone.
   */
  private findTransient(dev: Device, w: Search): number {
    const nslabs = nr_slots(
      alloc_bytes(
        slotParams(dev.config.min_align_mask, dev.config.boundary_mask, 0, dev.k.page),
        w.phys,
        w.size,
        w.mask
      )
    )
    if (nslabs > IO_TLB_SEGSIZE) return SLOT_FULL
    GuestDynamicPools.begun(this, true)
    const tlb = this.swiotlb_alloc_pool(dev, nslabs, nslabs, 1, dma_limit(dev), false)
    const r = tlb === null ? SLOT_FULL : GuestDynamicPools.listed(this, dev, tlb, w)
    if (tlb !== null && r < 0) this.swiotlb_schedule_dyn_free(tlb, this.k.rev.dynamicRelease === 'process')
    if (this.live === null) this.dynAlloc(false)
    return r < 0 ? SLOT_FULL : r
  }

  private static readonly listed = action<[d: GuestDynamicPools, dev: Device, p: Tlb, w: Search]>('dma_io_tlb_pools', {
    perform: (st, _outcome, d, dev, p, w) => {
      const pool = d.fresh(p, true)
      const tlb = search(pool, dev, w, 0)
      if (tlb < 0) return SLOT_FULL
      d.add(st, p, dev.index, pool)
      return tlb
    },
    text: (r, _o, _d, dev, p) =>
      `${dev.name}: a transient pool of ${p.nslabs} slots at 0x${p.start.toString(16)}` +
      `${r < 0 ? ', in which nothing fits' : ''}`
  })

  release(dev: Device, start: number, tlb: Phys): number {
    const r = GuestDynamicPools.released(this, dev, start, tlb)
    if (r >= 0) return r
    if (r > TRANSIENT) return r
    const atomic = r === TRANSIENT - 1
    this.swiotlb_schedule_dyn_free({ start, nslabs: GuestDynamicPools.gone(this, start), nareas: 1, atomic }, true)
    return 0
  }

  private static readonly released = action<[d: GuestDynamicPools, dev: Device, start: number, tlb: Phys]>(
    'swiotlb_release_slots, dynamic',
    {
      perform: (st, _outcome, d, dev, start, tlb) => {
        const p = d.at(st, start)
        if (p === undefined) return 0
        if (p.dev >= 0) return p.atomic ? TRANSIENT - 1 : TRANSIENT
        const pool = d.pool(p)
        const n = swiotlb_release_slots(pool, dev.config.min_align_mask, tlb)
        if (n >= 0) d.changed(st, pool)
        return n
      },
      text: (r) => (r > TRANSIENT ? `swiotlb_release_slots: ${r} of a dynamic pool` : 'swiotlb_del_transient'),
      silent: true
    }
  )
}
/** Results of a release that took the whole pool, below every SLOT_ code. */
const TRANSIENT = -1000

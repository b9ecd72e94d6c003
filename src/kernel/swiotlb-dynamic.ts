// CONFIG_SWIOTLB_DYNAMIC under the checker (kernel/dma/swiotlb.c, read in 6.12.117, 7.2.13 and 7.3.4): pools that a worker adds to the default
// pool, newest first, and transient ones that hang on a device for one mapping. Their memory is the page allocator's, made shared, or an
// atomic pool's where the caller cannot block. The functions follow the C in its order; the slots themselves are kernel/swiotlb's.
import { PAGE_SIZE } from '../base/index.ts'
import { action, change, choose, Interned, type Layout, type Store } from '../step/index.ts'
import { alloc_bytes, bounceRange, get_order, IoTlbPool, IO_TLB_SEGSIZE, IO_TLB_SIZE, nr_slots, restore, SLOT_FULL, slotParams, snapshot, swiotlb_bounce_range, swiotlb_release_slots, swiotlb_tbl_map_single } from './swiotlb/index.ts'
import { dma_limit, force_dma_unencrypted } from './device.ts'
import { type Device, DMA_BIT_MASK, type Kernel } from './kernel.ts'
import { TAG } from './page-alloc.ts'
import { set_memory_decrypted, set_memory_encrypted } from './set-memory.ts'

/** IO_TLB_MIN_SLABS: below 1 MiB the worker does not go, if it was asked for more. */
const IO_TLB_MIN_SLABS = 512
/** SLABS_PER_PAGE << MAX_PAGE_ORDER. */
const MOST_SLABS = 2048

/** Memory for a pool. `atomic`: an atomic pool's. */
interface Tlb { readonly start: number; readonly nslabs: number; readonly atomic: boolean }
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
const encode = (s: State): string => `${s.pools.map((p) => `${p.start},${p.nslabs},${p.atomic},${p.dev}:${p.slots.join()}`).join('|')}/${s.work}`

const ADD = change((s: State, p: Tlb, dev: number, slots: readonly number[]): State => ({ ...s, pools: [{ ...p, dev, slots: Uint32Array.from(slots) }, ...s.pools] }))
const SLOTS = change((s: State, start: number, slots: readonly number[]): State => ({ ...s, pools: s.pools.map((p) => (p.start === start ? { ...p, slots: Uint32Array.from(slots) } : p)) }))
const DELETE = change((s: State, start: number): State => ({ ...s, pools: s.pools.filter((p) => p.start !== start) }))
const WORK = change((s: State, work: boolean): State => ({ ...s, work }))

const holds = (p: Pool, phys: number): boolean => phys >= p.start && phys < p.start + p.nslabs * IO_TLB_SIZE

/** The pool's slots to work on. */
function slotsOf(p: Pick<Pool, 'start' | 'nslabs'>, slots: Uint32Array | null): IoTlbPool {
  const pool = new IoTlbPool(p.start, p.nslabs, 1)
  if (slots !== null) restore(pool, slots)
  return pool
}

/** What a map asks the search for. `delta`: what phys_to_dma_*() adds to an address of the pool. */
interface Wanted { readonly cpu: number; readonly delta: number; readonly phys: number; readonly size: number; readonly mask: number }

function search(pool: IoTlbPool, dev: Device, w: Wanted): number {
  const p = slotParams(dev.config.min_align_mask, dev.config.boundary_mask, pool.start + w.delta)
  return swiotlb_tbl_map_single(pool, w.cpu, p, w.phys, w.size, w.mask)
}

/** A pool made at run time, as swiotlb_find_pool() answers it. */
export class DynamicPool {
  constructor(private readonly all: DynamicPools, readonly start: number) {}
  bounce(st: Store, dev: Device, tlb: number, size: number): { orig: number; size: number; overflow: boolean } | null {
    const p = this.all.at(st, tlb)
    const out = bounceRange()
    return p !== undefined && swiotlb_bounce_range(slotsOf(p, p.slots), dev.config.min_align_mask, tlb, size, out) ? { orig: out.orig_addr, size: out.size, overflow: out.overflow } : null
  }
  /** swiotlb_release_slots(), or swiotlb_del_transient() with the whole pool: slots given back, or SLOT_BUG. */
  release(dev: Device, tlb: number): number { return this.all.release(dev, this.start, tlb) }
}

export class DynamicPools {
  private readonly state: Interned<State>
  private readonly handles = new Map<number, DynamicPool>()
  /** Of all runs that this system took: a pool was made at run time. */
  grown = false

  constructor(layout: Layout, private readonly k: Kernel, private readonly default_nslabs: number) {
    this.state = new Interned<State>(layout, 'dynamic_pools', { pools: [], work: false }, encode)
  }

  at(st: Store, phys: number): Pool | undefined { return this.state.get(st).pools.find((p) => holds(p, phys)) }
  usedAt(st: Store, phys: number): boolean {
    const p = this.at(st, phys)
    return p !== undefined && slotsOf(p, p.slots).list[Math.floor((phys - p.start) / IO_TLB_SIZE)] === 0
  }

  /** __swiotlb_find_pool(): the listed pools, then the device's own. */
  find(dev: Device, phys: number): DynamicPool | null {
    const start = DynamicPools.looked(this, dev.index, phys)
    if (start < 0) return null
    let h = this.handles.get(start)
    if (h === undefined) this.handles.set(start, (h = new DynamicPool(this, start)))
    return h
  }
  private static readonly looked = action<[d: DynamicPools, dev: number, phys: number]>('__swiotlb_find_pool', {
    perform: (st, _outcome, d, dev, phys) => d.state.get(st).pools.find((p) => holds(p, phys) && (p.dev < 0 || p.dev === dev))?.start ?? -1,
    text: (r) => (r < 0 ? 'no dynamic pool has it' : `the dynamic pool at 0x${r.toString(16)} has it`), silent: true
  })

  /** Memory of a pool is shared: as its io_tlb_mem is, or always. */
  private get converts(): boolean { return this.k.rev.dynamicPools === 'pool' ? this.k.config.memory_encrypt_reported && this.k.platform.conversion !== 'none' : true }

  // swiotlb_alloc_tlb() and alloc_dma_pages(): physical address, or -1. A failed decryption is undone, and only what cannot be undone is leaked.
  private swiotlb_alloc_tlb(dev: Device | null, bytes: number, limit: number, blocking: boolean): { readonly phys: number; readonly atomic: boolean } | null {
    const { k } = this
    if (!blocking && dev !== null && (k.rev.dynamicPools === 'pool' ? this.converts : force_dma_unencrypted(dev))) {
      const zone = limit <= 0xffffff ? 'dma' as const : limit <= DMA_BIT_MASK(32) ? 'dma32' as const : 'normal' as const
      const b = k.atomic.alloc(dev, bytes, k.rev.poolsMatchRequest ? true : null, { shared: true, zone, limited: true, noWarn: false })
      return b === null ? null : { phys: b.phys, atomic: true }
    }
    const order = get_order(bytes)
    const pfn = k.pages.alloc_pages(order, { tag: TAG.pool, why: 'swiotlb_alloc_tlb' })
    if (pfn < 0) return null
    const phys = pfn * PAGE_SIZE
    const n = Math.ceil(bytes / PAGE_SIZE)
    k.record('ap', phys, 2 ** order)
    if (phys + bytes - 1 > limit) { k.pages.free_pages(pfn, order, 'alloc_dma_pages'); return null }
    if (!this.converts) return { phys, atomic: false }
    if (!blocking && k.platform.conversion !== 'none') k.crash('swiotlb_alloc_tlb', 'sleep in atomic context', 'set_memory_decrypted() sleeps, and dma_map may be called where one cannot')
    if (set_memory_decrypted(k, phys, n) === 0) return { phys, atomic: false }
    if (set_memory_encrypted(k, phys, n) === 0) k.pages.free_pages(pfn, order, 'alloc_dma_pages')
    else k.pages.leak(pfn, 2 ** order, 'alloc_dma_pages', true)
    return null
  }

  // swiotlb_free_tlb(): an atomic pool's memory goes back to it, if it is recognised; the rest is made private again and freed.
  private swiotlb_free_tlb(p: Tlb): void {
    const { k } = this
    const bytes = p.nslabs * IO_TLB_SIZE
    const recognised = k.rev.dynamicFree === 'kept' || !k.dmaDirectRemap
    if (p.atomic && recognised && k.atomic.free(p.start, Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE)) return
    const n = Math.ceil(bytes / PAGE_SIZE)
    const order = get_order(bytes)
    if (this.converts) {
      if (k.rev.dynamicRelease === 'rcu_callback' && k.platform.conversion !== 'none') k.crash('swiotlb_dyn_free', 'sleep in atomic context', 'set_memory_encrypted() sleeps, in an RCU callback')
      if (set_memory_encrypted(k, p.start, n) !== 0) { k.pages.leak(p.start / PAGE_SIZE, 2 ** order, 'swiotlb_free_tlb', true); return }
    }
    k.pages.free_pages(p.start / PAGE_SIZE, order, 'swiotlb_free_tlb')
  }

  /** swiotlb_alloc_pool(): as many slots as can be had, down to `minslabs`. */
  private swiotlb_alloc_pool(dev: Device | null, minslabs: number, want: number, limit: number, blocking: boolean): Tlb | null {
    let nslabs = Math.min(want, MOST_SLABS)
    for (;;) {
      const tlb = this.swiotlb_alloc_tlb(dev, nslabs * IO_TLB_SIZE, limit, blocking)
      if (tlb !== null) return { start: tlb.phys, atomic: tlb.atomic, nslabs }
      if (nslabs <= minslabs) return null
      nslabs = Math.ceil(Math.floor(nslabs / 2) / IO_TLB_SEGSIZE) * IO_TLB_SEGSIZE
    }
  }

  /** swiotlb_dyn_alloc(), the worker. Like that of the atomic pools it runs in this thread, right after it was scheduled or just before the next search. */
  private swiotlb_dyn_alloc(late: boolean): void {
    if (DynamicPools.scheduled(this) === 0 || choose(late ? 'swiotlb_dyn_alloc: not before the next mapping, or now' : 'swiotlb_dyn_alloc: later, or now', 2) === 0) return
    DynamicPools.begun(this, false)
    const pool = this.swiotlb_alloc_pool(null, IO_TLB_MIN_SLABS, this.default_nslabs, Number.POSITIVE_INFINITY, true)
    if (pool === null) this.k.message('grow_failed')
    else DynamicPools.added(this, pool)
  }
  private static readonly scheduled = action<[d: DynamicPools]>('dyn_alloc', {
    perform: (st, _outcome, d) => (d.state.get(st).work ? 1 : 0), text: (r) => (r ? 'dyn_alloc is scheduled' : 'no dyn_alloc'), results: [0, 1], silent: true
  })
  private static readonly begun = action<[d: DynamicPools, work: boolean]>('schedule dyn_alloc', {
    perform: (st, _outcome, d, work) => { d.state.update(st, WORK, work); return 0 }, text: (_r, _o, _d, work) => (work ? 'schedule_work(dyn_alloc)' : 'kworker: swiotlb_dyn_alloc'), results: [0]
  })
  private static readonly added = action<[d: DynamicPools, p: Tlb]>('add_mem_pool', {
    perform: (st, _outcome, d, p) => { d.grown = true; d.state.update(st, ADD, p, -1, [...snapshot(slotsOf(p, null), false)]); return 0 },
    text: (_r, _o, _d, p) => `swiotlb: ${p.nslabs} slots more at 0x${p.start.toString(16)}`, results: [0]
  })

  /** swiotlb_find_slots(), the listed pools made at run time: they are searched before the default pool, the newest first. */
  find_listed(dev: Device, w: Wanted): number {
    this.swiotlb_dyn_alloc(true)
    return DynamicPools.searched(this, dev, w)
  }
  private static readonly searched = action<[d: DynamicPools, dev: Device, w: Wanted]>('swiotlb_find_slots, dynamic', {
    perform: (st, _outcome, d, dev, w) => {
      for (const p of d.state.get(st).pools) {
        if (p.dev >= 0) continue
        const pool = slotsOf(p, p.slots)
        const tlb = search(pool, dev, w)
        if (tlb === SLOT_FULL) continue
        if (tlb >= 0) d.state.update(st, SLOTS, p.start, [...snapshot(pool, false)])
        return tlb
      }
      return SLOT_FULL
    },
    text: (r) => (r < 0 ? 'swiotlb_find_slots: no dynamic pool has room' : `swiotlb_find_slots: 0x${r.toString(16)} of a dynamic pool`), silent: true
  })

  /** The end of swiotlb_find_slots() when nothing is free: the worker is scheduled, and a transient pool serves this mapping alone. */
  find_transient(dev: Device, w: Wanted): number {
    const nslabs = nr_slots(alloc_bytes(slotParams(dev.config.min_align_mask, dev.config.boundary_mask, 0), w.phys, w.size, w.mask))
    if (nslabs > IO_TLB_SEGSIZE) return SLOT_FULL
    DynamicPools.begun(this, true)
    const tlb = this.swiotlb_alloc_pool(dev, nslabs, nslabs, dma_limit(dev), false)
    if (tlb === null) return SLOT_FULL
    const r = DynamicPools.listed(this, dev, tlb, w)
    if (r < 0) this.swiotlb_free_tlb(tlb)
    this.swiotlb_dyn_alloc(false)
    return r < 0 ? SLOT_FULL : r
  }
  private static readonly listed = action<[d: DynamicPools, dev: Device, p: Tlb, w: Wanted]>('dma_io_tlb_pools', {
    perform: (st, _outcome, d, dev, p, w) => {
      const pool = slotsOf(p, null)
      const tlb = search(pool, dev, w)
      if (tlb < 0) return SLOT_FULL
      d.grown = true
      d.state.update(st, ADD, p, dev.index, [...snapshot(pool, false)])
      return tlb
    },
    text: (r, _o, _d, dev, p) => `${dev.name}: a transient pool of ${p.nslabs} slots at 0x${p.start.toString(16)}${r < 0 ? ', in which nothing fits' : ''}`
  })

  release(dev: Device, start: number, tlb: number): number {
    const r = DynamicPools.released(this, dev, start, tlb)
    if (r >= 0) return r
    if (r > TRANSIENT) return r
    // The release runs after a grace period; here in the thread that unmapped.
    const atomic = r === TRANSIENT - 1
    this.swiotlb_free_tlb({ start, nslabs: DynamicPools.gone(this, start), atomic })
    return 0
  }
  private static readonly released = action<[d: DynamicPools, dev: Device, start: number, tlb: number]>('swiotlb_release_slots, dynamic', {
    perform: (st, _outcome, d, dev, start, tlb) => {
      const p = d.at(st, start)
      if (p === undefined) return 0
      if (p.dev >= 0) return p.atomic ? TRANSIENT - 1 : TRANSIENT
      const pool = slotsOf(p, p.slots)
      const n = swiotlb_release_slots(pool, dev.config.min_align_mask, tlb)
      if (n >= 0) d.state.update(st, SLOTS, start, [...snapshot(pool, false)])
      return n
    },
    text: (r) => (r > TRANSIENT ? `swiotlb_release_slots: ${r} of a dynamic pool` : 'swiotlb_del_transient'), silent: true
  })
  /** list_del_rcu(): its slots. */
  private static readonly gone = action<[d: DynamicPools, start: number]>('swiotlb_del_pool', {
    perform: (st, _outcome, d, start) => { const n = d.at(st, start)?.nslabs ?? 0; d.state.update(st, DELETE, start); return n },
    text: (r, _o, _d, start) => `swiotlb_del_pool: ${r} slots at 0x${start.toString(16)}, freed after a grace period`
  })
}
/** Results of a release that took the whole pool, below every SLOT_ code. */
const TRANSIENT = -1000

// struct io_tlb_mem under the checker: the pool itself is kernel/swiotlb's; here its whole state is one interned value,
// and each section under an area lock is one step whose outcome is remembered by that value.
import { PAGE_SIZE, type Pfn, type Phys } from '../../base/index.ts'
import {
  action,
  aside,
  type Change,
  change,
  ChangeNumbers,
  Interned,
  type Layout,
  type Store
} from '../../step/index.ts'
import { LOST_WORD, wordOf, ZERO_WORD } from '../../machine/index.ts'
import {
  alloc_bytes,
  bounceRange,
  IoTlbPool,
  IO_TLB_SIZE,
  pool_contains,
  restore,
  SLOT_BUG,
  SLOT_FULL,
  SLOT_UNALIGNED,
  slotParams,
  type SlotParams,
  snapshot,
  state_hash,
  swiotlb_alloc,
  swiotlb_bounce_range,
  swiotlb_map_area,
  swiotlb_mark_pool_used,
  swiotlb_release_slots,
  swiotlb_tbl_map_single
} from '../swiotlb/index.ts'
import type { BounceRange, Device, Kernel, MemKind, SwiotlbMem } from '../types.ts'
import { formatMessage } from '../messages.ts'

export const SLOT_SIZE = IO_TLB_SIZE
export { SLOT_BUG, SLOT_FULL, SLOT_UNALIGNED }

interface Outcome {
  readonly to: number
  readonly result: number
}

const MAP = change((pool: IoTlbPool, cpu: number, p: SlotParams, phys: Phys, size: number, alloc_align_mask: number) =>
  swiotlb_tbl_map_single(pool, cpu, p, phys, size, alloc_align_mask)
)
const MAP_AREA = change(
  (pool: IoTlbPool, offset: number, cpu: number, p: SlotParams, phys: Phys, size: number, alloc_align_mask: number) =>
    swiotlb_map_area(pool, cpu, offset, p, phys, size, alloc_align_mask)
)
const ALLOC = change((pool: IoTlbPool, cpu: number, p: SlotParams, size: number) => swiotlb_alloc(pool, cpu, p, size))
const RELEASE = change((pool: IoTlbPool, min_align_mask: number, tlb: Phys) =>
  swiotlb_release_slots(pool, min_align_mask, tlb)
)
const MARK_USED = change((pool: IoTlbPool) => {
  swiotlb_mark_pool_used(pool)
  return 0
})

export class GuestSwiotlb implements SwiotlbMem {
  /** The pool that operations run on; its content is that of the store only during one. */
  readonly pool: IoTlbPool
  private readonly state: Interned<Uint32Array>
  private readonly memo: Array<Map<number, Outcome>> = []
  private readonly changes = new ChangeNumbers()
  private loaded = -1
  readonly start: number
  readonly end: number
  private readonly params = new Map<string, SlotParams>()
  /** Of all runs that this system took: a slot was handed out; one that somebody had used before. */
  handedOut = false
  handedAgain = false

  constructor(
    layout: Layout,
    readonly k: Kernel,
    readonly name: string,
    start: number,
    readonly nslabs: number,
    nareas: number,
    readonly kind: MemKind,
    readonly index: number
  ) {
    this.pool = new IoTlbPool(start, nslabs, nareas)
    this.state = new Interned<Uint32Array>(layout, name, snapshot(this.pool, false), (s) => s.join(','))
    this.start = start
    this.end = start + nslabs * SLOT_SIZE
  }

  get pages(): { pfn: Pfn; n: number } {
    return { pfn: this.start / PAGE_SIZE, n: this.k.pageAlign(this.nslabs * SLOT_SIZE) / PAGE_SIZE }
  }
  contains(phys: Phys): boolean {
    return pool_contains(this.pool, phys)
  }

  slotParams(dev: Device, base: number): SlotParams {
    const key = `${dev.index}:${base}`
    let p = this.params.get(key)
    if (p === undefined)
      this.params.set(key, (p = slotParams(dev.config.min_align_mask, dev.config.boundary_mask, base, this.k.page)))
    return p
  }

  private load(st: Store): number {
    if (this.k.parts.inPlace) return 0
    const id = this.state.at(st)
    if (this.loaded !== id) {
      restore(this.pool, this.state.value(id))
      this.loaded = id
    }
    return id
  }

  private op<A extends readonly unknown[]>(st: Store, op: Change<IoTlbPool, A, number>, ...args: A): number {
    if (this.k.parts.inPlace) return op.apply(this.pool, ...args)
    const id = this.state.at(st)
    let m = this.memo[id]
    if (m === undefined) this.memo[id] = m = new Map()
    const key = this.changes.of(op, args)
    let o = m.get(key)
    if (o === undefined) {
      this.load(st)
      const result = op.apply(this.pool, ...args)
      const snap = snapshot(this.pool, false)
      const to = this.state.id(snap)
      this.loaded = to
      o = { to, result }
      m.set(key, o)
    }
    this.state.setAt(st, o.to)
    return o.result
  }

  /** The slots in use in state `id` of this pool, for the reader: `0..1, 8`. */
  usedText(id: number): string {
    if (this.loaded !== id) {
      restore(this.pool, this.state.value(id))
      this.loaded = id
    }
    const runs: string[] = []
    for (let i = 0; i < this.nslabs; i++) {
      if (this.pool.list[i] !== 0) continue
      const first = i
      while (i + 1 < this.nslabs && this.pool.list[i + 1] === 0) i++
      runs.push(first === i ? `${first}` : `${first}..${i}`)
    }
    return runs.length === 0 ? 'none' : runs.join(', ')
  }

  /** The pool as it is in this state; read it before anything else runs. */
  view(st: Store): IoTlbPool {
    this.load(st)
    return this.pool
  }
  hash(st: Store): number {
    return state_hash(this.view(st))
  }

  // Slots that nobody had are zero, or what boot's conversion left; whoever had them left something else.
  private handed(st: Store, tlb: Phys, size: number): number {
    if (tlb < 0 || this.handedAgain || this.k.parts.inPlace) return tlb
    this.handedOut = true
    const left = wordOf(this.k.machine.content.read(st, tlb, size))
    this.handedAgain = left !== ZERO_WORD && left !== LOST_WORD
    return tlb
  }

  /** swiotlb_find_slots and the recording of the original address: the bounce address, or SLOT_FULL, SLOT_BUG. */
  map(dev: Device, cpu: number, base: number, phys: Phys, size: number, alloc_align_mask: number): number {
    return GuestSwiotlb.found(this, cpu, this.slotParams(dev, base), phys, size, alloc_align_mask)
  }
  private static readonly found = action<
    [mem: GuestSwiotlb, cpu: number, p: SlotParams, phys: Phys, size: number, alloc_align_mask: number]
  >('swiotlb_find_slots', {
    perform: (st, _outcome, mem, cpu, p, phys, size, mask) =>
      mem.unusable(st) ? SLOT_FULL : mem.handed(st, mem.op(st, MAP, cpu, p, phys, size, mask), size),
    text: (r, _outcome, mem, _cpu, _p, _phys, size) =>
      r === SLOT_FULL
        ? `swiotlb_find_slots(${size} bytes): full`
        : r === SLOT_BUG
          ? 'swiotlb_find_slots: BUG'
          : `swiotlb_find_slots(${size} bytes): slot ${Math.floor((r - mem.start) / SLOT_SIZE)} of ${mem.name}`
  })
  /** One area of this pool, of those that SWIOTLB_DYNAMIC searches in turn: as map(), SLOT_FULL where it is full. */
  map_area(
    dev: Device,
    offset: number,
    cpu: number,
    base: number,
    phys: Phys,
    size: number,
    alloc_align_mask: number
  ): number {
    return GuestSwiotlb.foundInArea(this, offset, cpu, this.slotParams(dev, base), phys, size, alloc_align_mask)
  }
  private static readonly foundInArea = action<
    [mem: GuestSwiotlb, offset: number, cpu: number, p: SlotParams, phys: Phys, size: number, alloc_align_mask: number]
  >('swiotlb_search_area', {
    perform: (st, _outcome, mem, offset, cpu, p, phys, size, mask) =>
      mem.unusable(st) ? SLOT_FULL : mem.handed(st, mem.op(st, MAP_AREA, offset, cpu, p, phys, size, mask), size),
    text: (r, _outcome, mem, offset, _cpu, _p, _phys, size) =>
      r === SLOT_FULL
        ? `swiotlb_search_area(${size} bytes), area +${offset}: full`
        : r === SLOT_BUG
          ? 'swiotlb_search_area: BUG'
          : `swiotlb_search_area(${size} bytes): slot ${Math.floor((r - mem.start) / SLOT_SIZE)} of ${mem.name}`
  })
  // A restricted pool that is not shared is no device's.
  private unusable(st: Store): boolean {
    return !this.kind.restricted && this.k.f.pool_unusable.get(st, this.index) !== 0
  }

  /** swiotlb_alloc: page-aligned slots for an allocation. */
  alloc(dev: Device, cpu: number, base: number, size: number): number {
    return GuestSwiotlb.allocated(this, cpu, this.slotParams(dev, base), size)
  }
  private static readonly allocated = action<[mem: GuestSwiotlb, cpu: number, p: SlotParams, size: number]>(
    'swiotlb_alloc',
    {
      perform: (st, _outcome, mem, cpu, p, size) =>
        mem.unusable(st) ? SLOT_FULL : mem.handed(st, mem.op(st, ALLOC, cpu, p, size), size),
      text: (r, _outcome, _mem, _cpu, _p, size) =>
        r < 0 ? `swiotlb_alloc(${size} bytes) fails` : `swiotlb_alloc(${size} bytes) = 0x${r.toString(16)}`
    }
  )

  /** swiotlb_release_slots: the number of slots, or SLOT_BUG. */
  release(dev: Device, tlb: Phys): number {
    return GuestSwiotlb.released(this, dev.config.min_align_mask, tlb)
  }
  private static readonly released = action<[mem: GuestSwiotlb, min_align_mask: number, tlb: Phys]>(
    'swiotlb_release_slots',
    {
      perform: (st, _outcome, mem, ...args) => mem.op(st, RELEASE, ...args),
      text: (r, _outcome, mem) =>
        r === SLOT_BUG ? 'swiotlb_release_slots: outside the table' : `swiotlb_release_slots: ${r} of ${mem.name}`
    }
  )

  /**
   * The address arithmetic of swiotlb_bounce in this state: where the original is and how much to copy; null when the
   * slot has none.
   */
  bounce(st: Store, dev: Device, tlb: Phys, size: number): BounceRange {
    this.load(st)
    const out = bounceRange()
    return swiotlb_bounce_range(this.pool, dev.config.min_align_mask, tlb, size, out)
      ? { orig: out.orig_addr, size: out.size, overflow: out.overflow }
      : null
  }

  /** Slots that the mapping or allocation at `tlb` holds. */
  usedAt(st: Store, tlb: Phys): boolean {
    if (this.k.calls !== null) return this.k.calls.usedAt(st, tlb)
    this.load(st)
    const i = Math.floor((tlb - this.start) / SLOT_SIZE)
    return (this.pool.list[i] as number) === 0
  }
  used(st: Store): number {
    this.load(st)
    return this.pool.total_used
  }

  /** Bytes that a bounce of `size` bytes at `phys` asks the search for: with the offset it keeps, aligned. */
  asked(dev: Device, base: number, phys: Phys, size: number, alloc_align_mask: number): number {
    return alloc_bytes(this.slotParams(dev, base), phys, size, alloc_align_mask)
  }

  /** "swiotlb buffer is full" of a request of `size` bytes (`asked`): with what is used now. */
  printFull(dev: Device, size: number): void {
    full(this, dev, size)
  }

  markUsed(st: Store): void {
    this.op(st, MARK_USED)
  }
}

const full = aside<[mem: GuestSwiotlb, dev: Device, size: number]>(
  'note full',
  (st, mem, dev, size) => {
    mem.k.observer.event(st, {
      kind: 'printk',
      level: 'warn',
      id: 'full',
      text: formatMessage('full', { dev: dev.name, size, total: mem.nslabs, used: mem.used(st) })
    })
  },
  () => 'swiotlb buffer is full'
)

// The kernel's bounce memory (kernel/swiotlb: struct io_tlb_mem with its pools) with owners: who holds which slots, so
// that a wrong prediction can be put right and an unmap that comes late cannot give back slots that someone else has by
// then.
//
// Without SWIOTLB_DYNAMIC there is one pool. With it the memory grows: further pools, searched newest first, and
// transient pools of exactly the slots that one mapping needs, which live as long as the mapping
// (swiotlb_find_slots_dynamic() in kernel/swiotlb/mem.ts is the same search; a test holds the two together). A
// transient pool's place is the page allocator's choice, so none is predicted.
import {
  alloc_bytes,
  IO_TLB_SEGSIZE,
  IO_TLB_SIZE,
  findFreeSlots,
  FreeSlots,
  giveSlots,
  nr_slots,
  type SlotParams,
  slotParams,
  slotsOf,
  takeSlots,
  type PoolUsage
} from '../kernel/swiotlb/pool.ts'

/** Why an allocation found nothing, or would be of no use. */
export const Cause = { none: 0, full: 1, fragmented: 2, tooLarge: 3, mask: 4 } as const
export const CAUSE_NAMES = ['none', 'full', 'fragmented', 'too large', 'mask'] as const

/** Where the pool lies. `start` is the guest physical address of slot 0, without alias bits. */
export interface PoolPlace {
  readonly start: number
  readonly nslabs: number
  readonly nareas: number
  /** The kernel is older than 6.3 and searches otherwise (IoTlbPool). */
  readonly before_6_3?: boolean
}

/** Slot number of an allocation that has none any more: they belong to others now. */
const EVICTED = -1
/** Index into `pools` of an allocation in a transient pool of its own. */
const TRANSIENT = -1
const SLOT_MASK = IO_TLB_SIZE - 1
const PAGE_SIZE = 4096
/** In place of a dma_mask: the device reaches every slot. */
export const NO_LIMIT = -1

// Of the original in its slot, as far as the mask asks for it.
const offsetOf = (minAlignMask: number, phys: number): number => (phys & minAlignMask & SLOT_MASK) >>> 0

/** A pool, and who holds its slots. */
class OwnedPool {
  readonly pool: FreeSlots
  /** Id of the allocation whose first slot this is; 0: none. */
  readonly owner: Int32Array
  private readonly params = new Map<number, SlotParams>()
  // The last two: devices with a mask and devices without one take turns.
  private lastMask = -1
  private last: SlotParams | null = null
  private otherMask = -1
  private other: SlotParams | null = null

  constructor(place: PoolPlace, usage: PoolUsage) {
    this.pool = new FreeSlots(place.start, place.nslabs, place.nareas, usage)
    this.pool.before_6_3 = place.before_6_3 === true
    this.owner = new Int32Array(place.nslabs)
  }

  paramsOf(minAlignMask: number): SlotParams {
    if (minAlignMask === this.lastMask && this.last !== null) return this.last
    if (minAlignMask === this.otherMask && this.other !== null) return this.other
    this.otherMask = this.lastMask
    this.other = this.last
    this.lastMask = minAlignMask
    return (this.last = this.lookUp(minAlignMask))
  }

  private lookUp(minAlignMask: number): SlotParams {
    let p = this.params.get(minAlignMask)
    if (!p) {
      p = slotParams(minAlignMask, 0, this.pool.start)
      this.params.set(minAlignMask, p)
    }
    return p
  }

  slotOf(addr: number): number {
    return Math.floor((addr - this.pool.start) / IO_TLB_SIZE)
  }

  /** Id of the allocation that holds a slot; 0 when it is free. */
  holder(slot: number): number {
    if (this.pool.list[slot] !== 0) return 0
    let first = slot
    while (this.owner[first] === 0 && first > 0) first--
    return this.owner[first] as number
  }
}

export class PoolSim {
  /** The pool that boot made. */
  readonly pool: FreeSlots
  readonly usage: PoolUsage
  /** Cause of the last failed take(). */
  cause: number = Cause.none
  /** SWIOTLB_DYNAMIC: where no pool has room, a transient one is made. */
  canGrow = false
  /** The last take() made a transient pool: its address is not to be predicted. */
  tookTransient = false
  /** Transient pools alive, their slots, and how many were made. */
  transientSlots = 0
  transientsMade = 0
  /** Slots held now, and the most there were, by device. */
  devSlots = new Int32Array(64)
  devPeak = new Int32Array(64)
  /** Allocations that put() took slots from, and those of them that the recording had confirmed. */
  evicted = 0
  evictedCertain = 0
  /** In the order in which they were found; [0] is the boot pool. */
  private readonly pools: OwnedPool[]
  /** Indexes into `pools`, in the order of the search: newest first. */
  private readonly order: number[] = [0]
  /** The pools of the last prediction that was wrong about the pool, and how often in a row. */
  private doubted = { predicted: -1, actual: -1, times: 0 }

  // Allocations by id (0 is none).
  private slot = new Int32Array(1024)
  private count = new Int32Array(1024)
  private mask = new Int32Array(1024)
  /** Address of the original. */
  private phys = new Float64Array(1024)
  private where = new Int16Array(1024)
  private certain = new Uint8Array(1024)
  private dev = new Int32Array(1024)
  private chain = new Int32Array(1024)
  private moved = new Uint8Array(1024)
  /** Address of a transient allocation, by id. */
  private readonly transientAddress = new Map<number, number>()
  private readonly transientAt = new Map<number, number>()
  private next = 1
  private readonly freeIds: number[] = []

  // What undo() restores.
  private savedHiwater = 0
  private savedPeak = 0
  private savedPool: FreeSlots | null = null
  private savedArea = 0
  private savedIndex = 0
  private foundPool = 0

  constructor(readonly place: PoolPlace) {
    this.usage = { total_used: 0, used_hiwater: 0 }
    const first = new OwnedPool(place, this.usage)
    this.pool = first.pool
    this.pools = [first]
  }

  /** Pools that can be searched: the boot pool and those that were added. */
  get poolCount(): number {
    return this.pools.length
  }

  /** Slots of all pools, transient ones left out (io_tlb_nslabs). */
  get nslabs(): number {
    let n = 0
    for (const p of this.pools) n += p.pool.nslabs
    return n
  }

  /** Every pool, in the order in which they were made. */
  get places(): readonly PoolPlace[] {
    return this.pools.map(({ pool }) => ({ start: pool.start, nslabs: pool.nslabs, nareas: pool.nareas }))
  }

  /** add_mem_pool(): a pool that the kernel made at run time; `behind` others are searched before it. */
  addPool(place: PoolPlace, behind = 0): void {
    this.canGrow = true
    this.order.splice(behind, 0, this.pools.length)
    this.pools.push(new OwnedPool(place, this.usage))
  }

  /**
   * The kernel searched another pool first than the model did. Of two pools that were added before either was used, the
   * first use does not tell which is newer; when the kernel prefers the other one twice in a row, it is.
   */
  doubtOrder(predicted: number, actual: number): void {
    const [a, b] = [this.poolAt(predicted), this.poolAt(actual)]
    if (a < 0 || b < 0 || a === b) return
    const d = this.doubted
    d.times = d.predicted === a && d.actual === b ? d.times + 1 : 1
    d.predicted = a
    d.actual = b
    if (d.times < 2) return
    d.times = 0
    this.order.splice(this.order.indexOf(b), 1)
    this.order.splice(this.order.indexOf(a), 0, b)
  }

  /** Slots that `size` bytes at `phys` take with this mask. */
  slotsFor(minAlignMask: number, phys: number, size: number): number {
    return nr_slots(size + offsetOf(minAlignMask, phys))
  }

  /**
   * What the kernel would do now: an allocation's id, or 0 with `cause` set. `dmaMask` below 2^53, or NO_LIMIT; a slot
   * beyond it is given back, as swiotlb_map() does, with cause `mask`.
   */
  take(dev: number, cpu: number, minAlignMask: number, phys: number, size: number, dmaMask = NO_LIMIT): number {
    this.cause = Cause.none
    this.tookTransient = false
    this.savedPool = null
    this.savedHiwater = this.usage.used_hiwater
    if (size > IO_TLB_SEGSIZE * IO_TLB_SIZE) {
      this.cause = Cause.tooLarge
      return 0
    }
    // A small integer from here on, which is handed on as it is: a double would be put into memory for each call.
    size = size | 0
    if (dev >= this.devSlots.length) this.growDevices(dev)
    this.savedPeak = this.devPeak[dev] as number
    const index =
      this.pools.length === 1
        ? this.searchOne(cpu, minAlignMask, phys, size)
        : this.searchAll(cpu, minAlignMask, phys, size)
    if (index < 0)
      return this.canGrow && this.slotsFor(minAlignMask, phys, size) <= IO_TLB_SEGSIZE
        ? this.transient(dev, minAlignMask, phys, size, Number.NaN)
        : this.refuse(minAlignMask, phys, size)
    const n = slotsOf(size + offsetOf(minAlignMask, phys))
    const { pool } = this.pools[this.foundPool] as OwnedPool
    takeSlots(pool, this.savedArea, index, n)
    const id = this.own(dev, this.foundPool, index, n, minAlignMask, phys)
    if (dmaMask !== NO_LIMIT && this.address(id) + size - 1 > dmaMask) {
      this.release(id)
      this.cause = Cause.mask
      return 0
    }
    return id
  }

  // swiotlb_find_slots(): all areas of the one pool, from the CPU's own on; keeps what undo() needs.
  private searchOne(cpu: number, minAlignMask: number, phys: number, size: number): number {
    const only = this.pools[0] as OwnedPool
    const { pool } = only
    const p = only.paramsOf(minAlignMask)
    const bytes = alloc_bytes(p, phys, size, 0)
    const start = cpu & (pool.nareas - 1)
    this.foundPool = 0
    let area = start
    do {
      const before = pool.area_index[area] as number
      const index = findFreeSlots(pool, area, p, phys, bytes, 0)
      if (index >= 0) {
        this.remember(pool, area, before)
        return index
      }
      if (++area >= pool.nareas) area = 0
    } while (area !== start)
    return -1
  }

  // The search of swiotlb_find_slots_dynamic(): for each area offset all pools that have so many areas, newest first.
  private searchAll(cpu: number, minAlignMask: number, phys: number, size: number): number {
    const rounds = this.pool.nareas
    for (let i = 0; i < rounds; i++) {
      for (const k of this.order) {
        const owned = this.pools[k] as OwnedPool
        const { pool } = owned
        if (i >= pool.nareas) continue
        const area = (cpu + i) & (pool.nareas - 1)
        const p = owned.paramsOf(minAlignMask)
        const before = pool.area_index[area] as number
        const index = findFreeSlots(pool, area, p, phys, alloc_bytes(p, phys, size, 0), 0)
        if (index < 0) continue
        this.remember(pool, area, before)
        this.foundPool = k
        return index
      }
    }
    return -1
  }

  private remember(pool: FreeSlots, area: number, index: number): void {
    this.savedPool = pool
    this.savedArea = area
    this.savedIndex = index
  }

  private refuse(minAlignMask: number, phys: number, size: number): number {
    const n = this.slotsFor(minAlignMask, phys, size)
    let room = false
    for (const { pool } of this.pools)
      for (let a = 0; a < pool.nareas && !room; a++) room = pool.area_nslabs - (pool.area_used[a] as number) >= n
    this.cause = n > IO_TLB_SEGSIZE ? Cause.tooLarge : room ? Cause.fragmented : Cause.full
    return 0
  }

  // A pool of exactly the slots of this mapping. Its memory is page aligned, so the one slot that the kernel tries has
  // address bit 11 clear: with an alignment mask that keeps the bit, a mapping that has it set finds no place
  // (swiotlb_search_pool_area() on the new pool).
  private transient(dev: number, minAlignMask: number, phys: number, size: number, addr: number): number {
    const n = this.slotsFor(minAlignMask, phys, size)
    if (Number.isNaN(addr) && (phys & minAlignMask & (PAGE_SIZE - 1) & ~SLOT_MASK) !== 0) {
      this.cause = Cause.fragmented
      return 0
    }
    const id = this.newId(dev, n, minAlignMask)
    this.where[id] = TRANSIENT
    this.slot[id] = 0
    this.tookTransient = true
    this.transientsMade++
    this.transientSlots += n
    this.usage.total_used += n
    if (this.usage.total_used > this.usage.used_hiwater) this.usage.used_hiwater = this.usage.total_used
    this.held(dev, n)
    if (!Number.isNaN(addr)) this.placeTransient(id, addr)
    return id
  }

  /** The recording shows where the transient pool of this allocation lies. */
  placeTransient(id: number, addr: number): void {
    this.transientAddress.set(id, addr)
    this.transientAt.set(addr - (addr % IO_TLB_SIZE), id)
    this.certain[id] = 1
  }

  /** The recording shows a mapping in a transient pool at this address; its id. */
  putTransient(dev: number, minAlignMask: number, phys: number, size: number, addr: number): number {
    if (dev >= this.devSlots.length) this.growDevices(dev)
    return this.transient(dev, minAlignMask, phys, size, addr)
  }

  isTransient(id: number): boolean {
    return this.where[id] === TRANSIENT && this.slot[id] !== EVICTED
  }

  /**
   * Bounce address of an allocation (guest physical, offset of the original included); -1 when its slots are gone, NaN
   * in a transient pool.
   */
  address(id: number): number {
    const s = this.slot[id] as number
    if (s === EVICTED) return -1
    if (this.where[id] === TRANSIENT) return this.transientAddress.get(id) ?? Number.NaN
    const { pool } = this.pools[this.where[id] as number] as OwnedPool
    return pool.start + s * IO_TLB_SIZE + offsetOf(this.mask[id] as number, this.phys[id] as number)
  }

  /**
   * The recording confirms the address: only a late release can be the reason when the slots turn out to be someone
   * else's.
   */
  confirm(id: number): void {
    this.certain[id] = 1
  }

  isConfirmed(id: number): boolean {
    return this.certain[id] === 1
  }

  /** Slots of an allocation; 0 when evicted. */
  slots(id: number): number {
    return this.slot[id] === EVICTED ? 0 : (this.count[id] as number)
  }

  /** Area of the boot pool that an allocation lies in; -1 when it lies elsewhere or is evicted. */
  area(id: number): number {
    return this.where[id] !== 0 || this.slot[id] === EVICTED
      ? -1
      : Math.floor((this.slot[id] as number) / this.pool.area_nslabs)
  }

  /**
   * Forgets the last take() as if the kernel had not made it: slots free, search index and high-water marks where they
   * were.
   */
  undo(id: number): void {
    if (id > 0) {
      this.devPeak[this.dev[id] as number] = this.savedPeak
      if (this.where[id] === TRANSIENT) this.transientsMade--
      this.release(id)
    }
    this.usage.used_hiwater = this.savedHiwater
    if (this.savedPool !== null) this.savedPool.area_index[this.savedArea] = this.savedIndex
    this.savedPool = null
  }

  /** First slot of an allocation in the boot pool or a grown one; -1 when evicted or transient. */
  first(id: number): number {
    return this.where[id] === TRANSIENT ? EVICTED : (this.slot[id] as number)
  }

  deviceOf(id: number): number {
    return this.dev[id] as number
  }

  /** The min_align_mask that an allocation was made with. */
  maskOf(id: number): number {
    return this.mask[id] as number
  }

  /** Original address of an allocation in a pool that can be searched; 0 when it is elsewhere. */
  original(id: number): number {
    return this.first(id) < 0 ? 0 : (this.phys[id] as number)
  }

  /** Bytes that an allocation has room for, behind the offset of its original. */
  bytes(id: number): number {
    return (this.count[id] as number) * IO_TLB_SIZE - offsetOf(this.mask[id] as number, this.original(id))
  }

  /** Links an allocation in front of a chain; the new head. */
  link(id: number, head: number): number {
    this.chain[id] = head
    return id
  }

  /** The allocation after this one in its chain, 0 at the end. */
  after(id: number): number {
    return this.chain[id] as number
  }

  /** Releases a whole chain. Slots given back. */
  releaseChain(head: number): number {
    let n = 0
    for (let id = head; id !== 0; ) {
      const next = this.chain[id] as number
      n += this.release(id)
      id = next
    }
    return n
  }

  /**
   * Puts an allocation where the kernel has it, after undo(). Whoever holds these slots here loses them: if the
   * recording confirmed its place, its release is on its way (its id lives on without slots); if the place was a guess,
   * the guess moves to `spare`, the address that the model had predicted (-1: none). The new id, or 0 when the address
   * is impossible for this device.
   */
  put(dev: number, minAlignMask: number, phys: number, size: number, addr: number, spare: number): number {
    const k = this.poolAt(addr)
    if (k < 0) return 0
    const owned = this.pools[k] as OwnedPool
    const { pool } = owned
    const first = owned.slotOf(addr)
    const n = this.slotsFor(minAlignMask, phys, size)
    const area = Math.floor(first / pool.area_nslabs)
    if (dev >= this.devSlots.length) this.growDevices(dev)
    if (first + n > pool.nslabs || Math.floor((first + n - 1) / pool.area_nslabs) !== area) return 0
    let moved = 0
    for (let i = first; i < first + n; i++) {
      const id = owned.holder(i)
      if (id === 0) continue
      this.evicted++
      if (this.certain[id] === 0) moved = id
      else this.evictedCertain++
      this.dropSlots(id)
      this.slot[id] = EVICTED
    }
    const bytes = alloc_bytes(owned.paramsOf(minAlignMask), phys, size, 0)
    if (!this.placeAt(k, area, first, minAlignMask, phys, bytes, true)) return 0
    const id = this.own(dev, k, first, n, minAlignMask, phys)
    this.certain[id] = 1
    if (moved !== 0 && spare >= 0) this.move(moved, spare)
    return id
  }

  // Takes slots at exactly this place, the search index behind them (or where it was); false when the place does not
  // fit.
  private placeAt(
    k: number,
    area: number,
    first: number,
    minAlignMask: number,
    phys: number,
    bytes: number,
    advance: boolean
  ): boolean {
    const owned = this.pools[k] as OwnedPool
    const { pool } = owned
    const before = pool.area_index[area] as number
    pool.area_index[area] = first - area * pool.area_nslabs
    const got = findFreeSlots(pool, area, owned.paramsOf(minAlignMask), phys, bytes, 0)
    if (got === first) takeSlots(pool, area, first, nr_slots(bytes))
    if (got !== first || !advance) pool.area_index[area] = before
    return got === first
  }

  // Gives an allocation whose place was a guess the slots at the address `spare`; when even that guess was wrong once,
  // the slots that the search would come to last.
  private move(id: number, spare: number): void {
    const k = this.poolAt(spare)
    if (k < 0) return
    const owned = this.pools[k] as OwnedPool
    const { pool } = owned
    const n = this.count[id] as number
    let first = owned.slotOf(spare)
    if (this.moved[id] === 1) first = lastFree(pool, Math.floor(first / pool.area_nslabs), n)
    if (first < 0) return
    this.moved[id] = 1
    const [mask, phys] = [this.mask[id] as number, this.phys[id] as number]
    if (!this.placeAt(k, Math.floor(first / pool.area_nslabs), first, mask, phys, n * IO_TLB_SIZE, false)) return
    this.held(this.dev[id] as number, n)
    this.slot[id] = first
    this.where[id] = k
    owned.owner[first] = id
  }

  /**
   * Gives slots back; those of an evicted allocation are not its any more. The id is free afterwards. Slots given back.
   */
  release(id: number): number {
    let n = 0
    if (this.slot[id] !== EVICTED) n = this.dropSlots(id)
    this.slot[id] = EVICTED
    this.certain[id] = 0
    this.freeIds.push(id)
    return n
  }

  /** The allocation at an address of a pool, transient ones included; 0 when there is none. */
  at(addr: number): number {
    const k = this.poolAt(addr)
    if (k < 0) return this.transientAt.get(addr - (addr % IO_TLB_SIZE)) ?? 0
    const owned = this.pools[k] as OwnedPool
    return owned.holder(owned.slotOf(addr))
  }

  /** The address lies in a pool that can be searched. */
  contains(addr: number): boolean {
    if (addr >= this.pool.start && addr < this.pool.end) return true
    return this.pools.length > 1 && this.poolAt(addr) >= 0
  }

  /** The address lies in a pool or is the first slot of a transient one. */
  pooled(addr: number): boolean {
    return this.contains(addr) || (this.transientAt.size > 0 && this.transientAt.has(addr - (addr % IO_TLB_SIZE)))
  }

  /** Index of the pool that holds the address, -1 none. */
  private poolAt(addr: number): number {
    for (let k = this.pools.length - 1; k >= 0; k--) {
      const { pool } = this.pools[k] as OwnedPool
      if (addr >= pool.start && addr < pool.end) return k
    }
    return -1
  }

  /** How many pools are searched before the one that holds the address; -1 outside every pool. */
  rankOf(addr: number): number {
    const k = this.poolAt(addr)
    return k < 0 ? -1 : this.order.indexOf(k)
  }

  /** Slot number of an address within its pool; -1 outside every pool. */
  slotAt(addr: number): number {
    const k = this.poolAt(addr)
    return k < 0 ? -1 : (this.pools[k] as OwnedPool).slotOf(addr)
  }

  /** Every slot of every pool is free, and no transient pool is left. */
  get empty(): boolean {
    return this.transientSlots === 0 && this.pools.every((p) => p.owner.every((id) => id === 0))
  }

  /** Takes the slots from an allocation whose release was lost: its id lives on without slots. Slots given back. */
  evict(id: number): number {
    const n = this.dropSlots(id)
    this.slot[id] = EVICTED
    return n
  }

  private dropSlots(id: number): number {
    const n = this.count[id] as number
    const dev = this.dev[id] as number
    this.devSlots[dev] = (this.devSlots[dev] as number) - n
    if (this.where[id] === TRANSIENT) {
      // swiotlb_del_transient(): the pool goes as a whole.
      this.usage.total_used -= n
      this.transientSlots -= n
      const addr = this.transientAddress.get(id)
      if (addr !== undefined) {
        this.transientAddress.delete(id)
        const slot = addr - (addr % IO_TLB_SIZE)
        if (this.transientAt.get(slot) === id) this.transientAt.delete(slot)
      }
      return n
    }
    const owned = this.pools[this.where[id] as number] as OwnedPool
    const s = this.slot[id] as number
    giveSlots(owned.pool, s, n)
    owned.owner[s] = 0
    return n
  }

  private held(dev: number, n: number): void {
    const now = (this.devSlots[dev] as number) + n
    this.devSlots[dev] = now
    if (now > (this.devPeak[dev] as number)) this.devPeak[dev] = now
  }

  private growDevices(dev: number): void {
    const n = Math.max(this.devSlots.length * 2, dev + 1)
    this.devSlots = larger(this.devSlots, new Int32Array(n))
    this.devPeak = larger(this.devPeak, new Int32Array(n))
  }

  private own(dev: number, k: number, index: number, n: number, minAlignMask: number, phys: number): number {
    const id = this.newId(dev, n, minAlignMask)
    this.slot[id] = index
    this.where[id] = k
    this.phys[id] = phys
    this.held(dev, n)
    ;(this.pools[k] as OwnedPool).owner[index] = id
    return id
  }

  private newId(dev: number, n: number, minAlignMask: number): number {
    let id = this.freeIds.pop()
    if (id === undefined) {
      id = this.next++
      if (id >= this.slot.length) this.growIds()
    }
    this.count[id] = n
    this.mask[id] = minAlignMask
    this.certain[id] = 0
    this.dev[id] = dev
    this.chain[id] = 0
    this.moved[id] = 0
    return id
  }

  private growIds(): void {
    const n = this.slot.length * 2
    this.slot = larger(this.slot, new Int32Array(n))
    this.count = larger(this.count, new Int32Array(n))
    this.mask = larger(this.mask, new Int32Array(n))
    this.phys = larger(this.phys, new Float64Array(n))
    this.where = larger(this.where, new Int16Array(n))
    this.dev = larger(this.dev, new Int32Array(n))
    this.chain = larger(this.chain, new Int32Array(n))
    this.certain = larger(this.certain, new Uint8Array(n))
    this.moved = larger(this.moved, new Uint8Array(n))
  }
}

function larger<T extends Float64Array | Int32Array | Int16Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}

// The free slots of an area that its search would come to last; -1 when no run is long enough.
function lastFree(pool: FreeSlots, area: number, n: number): number {
  const base = area * pool.area_nslabs
  const align = n > 1 ? 2 : 1
  let at = pool.area_index[area] as number
  for (let k = 0; k < pool.area_nslabs; k++) {
    at = at === 0 ? pool.area_nslabs - 1 : at - 1
    if (at % align === 0 && (pool.list[base + at] as number) >= n) return base + at
  }
  return -1
}

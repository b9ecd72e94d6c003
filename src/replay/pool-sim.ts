// The kernel's pool (kernel/swiotlb) with owners: who holds which slots, so that a wrong prediction can be put right and an unmap that comes
// late cannot give back slots that someone else has by then.
import {
  alloc_bytes, IO_TLB_SEGSIZE, IO_TLB_SHIFT, IO_TLB_SIZE, IoTlbPool, nr_slots, type SlotParams, slotParams, swiotlb_find_slots, swiotlb_release_slots,
  swiotlb_search_pool_area, swiotlb_slots_set
} from '../kernel/swiotlb/pool.ts'

/** Why an allocation found nothing, or would be of no use. */
export const Cause = { none: 0, full: 1, fragmented: 2, tooLarge: 3, mask: 4 } as const
export const CAUSE_NAMES = ['none', 'full', 'fragmented', 'too large', 'mask'] as const
export type CauseName = (typeof CAUSE_NAMES)[number]

/** Where the pool lies. `start` is the guest physical address of slot 0, without alias bits. */
export interface PoolPlace {
  readonly start: number
  readonly nslabs: number
  readonly nareas: number
}

export class PoolSim {
  readonly pool: IoTlbPool
  /** Cause of the last failed take(). */
  cause: number = Cause.none
  private readonly params = new Map<number, SlotParams>()
  private lastMask = -1
  private lastParams: SlotParams
  private readonly savedIndex: Int32Array
  // Allocations by id (0 is none): first slot (-1: evicted, its slots belong to others now), slots, the mask it was made with.
  private slot = new Int32Array(1024)
  private count = new Int32Array(1024)
  private mask = new Int32Array(1024)
  private certain = new Uint8Array(1024)
  private dev = new Int32Array(1024)
  private chain = new Int32Array(1024)
  private moved = new Uint8Array(1024)
  private next = 1
  private savedHiwater = 0
  private savedPeak = 0
  private readonly freeIds: number[] = []
  /** Id of the allocation that holds a slot, 0 when free. */
  readonly owner: Int32Array
  /** Slots held now, and the most there were, by device. */
  devSlots = new Int32Array(64)
  devPeak = new Int32Array(64)

  constructor(readonly place: PoolPlace) {
    this.pool = new IoTlbPool(place.start, place.nslabs, place.nareas)
    this.owner = new Int32Array(this.pool.nslabs)
    this.savedIndex = new Int32Array(this.pool.nareas)
    this.lastParams = this.paramsOf(0)
    this.lastMask = 0
  }

  paramsOf(minAlignMask: number): SlotParams {
    if (minAlignMask === this.lastMask) return this.lastParams
    let p = this.params.get(minAlignMask)
    if (!p) {
      p = slotParams(minAlignMask, 0, this.pool.start)
      this.params.set(minAlignMask, p)
    }
    this.lastMask = minAlignMask
    this.lastParams = p
    return p
  }

  /** Slots that `size` bytes at `phys` take with this mask. */
  slotsFor(minAlignMask: number, phys: number, size: number): number {
    return nr_slots(alloc_bytes(this.paramsOf(minAlignMask), phys, size, 0))
  }

  /**
   * What the kernel would do now: an allocation's id, or 0 with `cause` set. `dmaMask` above 2^53 is no limit; a slot beyond it is given
   * back, as swiotlb_map() does, with cause `mask`.
   */
  take(dev: number, cpu: number, minAlignMask: number, phys: number, size: number, dmaMask = Number.MAX_SAFE_INTEGER): number {
    const p = this.paramsOf(minAlignMask)
    const pool = this.pool
    this.cause = Cause.none
    if (size > IO_TLB_SEGSIZE * IO_TLB_SIZE) {
      this.cause = Cause.tooLarge
      return 0
    }
    this.savedIndex.set(pool.area_index)
    this.savedHiwater = pool.usage.used_hiwater
    if (dev >= this.devSlots.length) this.growDevices(dev)
    this.savedPeak = this.devPeak[dev] as number
    const index = swiotlb_find_slots(pool, cpu, p, phys, alloc_bytes(p, phys, size, 0), 0)
    if (index < 0) {
      const n = nr_slots(alloc_bytes(p, phys, size, 0))
      let room = false
      for (let a = 0; a < pool.nareas && !room; a++) room = pool.area_nslabs - (pool.area_used[a] as number) >= n
      this.cause = n > IO_TLB_SEGSIZE ? Cause.tooLarge : room ? Cause.fragmented : Cause.full
      return 0
    }
    const id = this.own(dev, index, p, phys, size, false)
    if (dmaMask < Number.MAX_SAFE_INTEGER && this.address(id) + size - 1 > dmaMask) {
      this.release(id)
      this.cause = Cause.mask
      return 0
    }
    return id
  }

  /** Bounce address of an allocation (guest physical, offset of the original included); -1 when its slots are gone. */
  address(id: number): number {
    const s = this.slot[id] as number
    if (s < 0) return -1
    const phys = this.pool.orig_addr[s] as number
    return this.pool.start + s * IO_TLB_SIZE + ((phys & (this.mask[id] as number) & (IO_TLB_SIZE - 1)) >>> 0)
  }

  /** The recording confirms the address: only a late release can be the reason when the slots turn out to be someone else's. */
  confirm(id: number): void {
    this.certain[id] = 1
  }

  isConfirmed(id: number): boolean {
    return this.certain[id] === 1
  }

  /** Slots of an allocation; 0 when evicted. */
  slots(id: number): number {
    return (this.slot[id] as number) < 0 ? 0 : (this.count[id] as number)
  }

  area(id: number): number {
    return Math.floor((this.slot[id] as number) / this.pool.area_nslabs)
  }

  /** Forgets the last take() as if the kernel had not made it: slots free, search index and high-water marks where they were. */
  undo(id: number): void {
    if (id > 0) {
      this.devPeak[this.dev[id] as number] = this.savedPeak
      this.release(id)
    }
    this.pool.usage.used_hiwater = this.savedHiwater
    this.pool.area_index.set(this.savedIndex)
  }

  /** First slot of an allocation, -1 when evicted. */
  first(id: number): number {
    return this.slot[id] as number
  }

  deviceOf(id: number): number {
    return this.dev[id] as number
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
   * Puts an allocation where the kernel has it, after undo(). Whoever holds these slots here loses them: if the recording confirmed its
   * place, its release is on its way (its id lives on without slots); if the place was a guess, the guess moves to `spare`, a free slot.
   * The new id, or 0 when the address is impossible for this device.
   */
  put(dev: number, minAlignMask: number, phys: number, size: number, addr: number, spare: number): number {
    const p = this.paramsOf(minAlignMask)
    const pool = this.pool
    const first = Math.floor((addr - pool.start) / IO_TLB_SIZE)
    const n = nr_slots(alloc_bytes(p, phys, size, 0))
    const area = Math.floor(first / pool.area_nslabs)
    if (dev >= this.devSlots.length) this.growDevices(dev)
    if (first < 0 || first + n > pool.nslabs || Math.floor((first + n - 1) / pool.area_nslabs) !== area) return 0
    let moved = 0
    let movedPhys = 0
    for (let i = first; i < first + n; i++) {
      const id = this.owner[i] as number
      if (id === 0) continue
      this.evicted++
      if (this.certain[id] === 0) {
        moved = id
        movedPhys = pool.orig_addr[this.slot[id] as number] as number
      } else this.evictedCertain++
      this.dropSlots(id)
      this.slot[id] = -1
    }
    const before = pool.area_index[area] as number
    pool.area_index[area] = first - area * pool.area_nslabs
    const got = swiotlb_search_pool_area(pool, area, p, phys, alloc_bytes(p, phys, size, 0), 0)
    if (got !== first) {
      if (got >= 0) swiotlb_release_slots(pool, minAlignMask, pool.start + got * IO_TLB_SIZE)
      pool.area_index[area] = before
      return 0
    }
    const id = this.own(dev, got, p, phys, size, true)
    if (moved !== 0 && spare >= 0) this.move(moved, movedPhys, spare)
    return id
  }
  /** Allocations that put() took slots from, and those of them that the recording had confirmed. */
  evicted = 0
  evictedCertain = 0

  // Gives an allocation whose place was a guess the slots at `first`; when even that guess was wrong once, the slots that the search would
  // come to last.
  private move(id: number, phys: number, first: number): void {
    const pool = this.pool
    if (this.moved[id] === 1) first = this.lastFree(Math.floor(first / pool.area_nslabs), this.count[id] as number)
    if (first < 0) return
    this.moved[id] = 1
    const mask = this.mask[id] as number
    const p = this.paramsOf(mask)
    const bytes = (this.count[id] as number) * IO_TLB_SIZE
    const area = Math.floor(first / pool.area_nslabs)
    const before = pool.area_index[area] as number
    pool.area_index[area] = first - area * pool.area_nslabs
    const got = swiotlb_search_pool_area(pool, area, p, phys, bytes, 0)
    pool.area_index[area] = before
    if (got < 0) return
    const n = this.count[id] as number
    this.held(this.dev[id] as number, n)
    swiotlb_slots_set(pool, got, p, phys, bytes - ((phys & mask & (IO_TLB_SIZE - 1)) >>> 0), 0)
    this.slot[id] = got
    for (let i = got; i < got + n; i++) this.owner[i] = id
  }

  private lastFree(area: number, n: number): number {
    const pool = this.pool
    const base = area * pool.area_nslabs
    const align = n > 1 ? 2 : 1
    let at = pool.area_index[area] as number
    for (let k = 0; k < pool.area_nslabs; k++) {
      at = at === 0 ? pool.area_nslabs - 1 : at - 1
      if (at % align === 0 && (pool.list[base + at] as number) >= n) return base + at
    }
    return -1
  }

  /** Gives slots back; those of an evicted allocation are not its any more. The id is free afterwards. Slots given back. */
  release(id: number): number {
    let n = 0
    if ((this.slot[id] as number) >= 0) n = this.dropSlots(id)
    this.slot[id] = -1
    this.certain[id] = 0
    this.freeIds.push(id)
    return n
  }

  /** The allocation at an address of the pool, 0 when the slot is free. */
  at(addr: number): number {
    const i = Math.floor((addr - this.pool.start) / IO_TLB_SIZE)
    return i >= 0 && i < this.pool.nslabs ? (this.owner[i] as number) : 0
  }

  contains(addr: number): boolean {
    return addr >= this.pool.start && addr < this.pool.end
  }

  /** Takes the slots from an allocation whose release was lost: its id lives on without slots. Slots given back. */
  evict(id: number): number {
    const n = this.dropSlots(id)
    this.slot[id] = -1
    return n
  }

  private dropSlots(id: number): number {
    const s = this.slot[id] as number
    const n = this.count[id] as number
    swiotlb_release_slots(this.pool, this.mask[id] as number, this.address(id))
    for (let i = s; i < s + n; i++) this.owner[i] = 0
    const dev = this.dev[id] as number
    this.devSlots[dev] = (this.devSlots[dev] as number) - n
    return n
  }

  private held(dev: number, n: number): void {
    const now = (this.devSlots[dev] as number) + n
    this.devSlots[dev] = now
    if (now > (this.devPeak[dev] as number)) this.devPeak[dev] = now
  }

  private growDevices(dev: number): void {
    const more = (a: Int32Array): Int32Array<ArrayBuffer> => {
      const b = new Int32Array(Math.max(a.length * 2, dev + 1))
      b.set(a)
      return b
    }
    this.devSlots = more(this.devSlots)
    this.devPeak = more(this.devPeak)
  }

  private own(dev: number, index: number, p: SlotParams, phys: number, size: number, certain: boolean): number {
    swiotlb_slots_set(this.pool, index, p, phys, size, 0)
    const n = (size + ((phys & p.min_align_mask & (IO_TLB_SIZE - 1)) >>> 0) + IO_TLB_SIZE - 1) >> IO_TLB_SHIFT
    let id = this.freeIds.pop()
    if (id === undefined) {
      id = this.next++
      if (id >= this.slot.length) {
        const more = (a: Int32Array): Int32Array<ArrayBuffer> => {
          const b = new Int32Array(a.length * 2)
          b.set(a)
          return b
        }
        this.slot = more(this.slot)
        this.count = more(this.count)
        this.mask = more(this.mask)
        this.dev = more(this.dev)
        this.chain = more(this.chain)
        const bytes = (a: Uint8Array): Uint8Array<ArrayBuffer> => {
          const b = new Uint8Array(a.length * 2)
          b.set(a)
          return b
        }
        this.certain = bytes(this.certain)
        this.moved = bytes(this.moved)
      }
    }
    this.slot[id] = index
    this.count[id] = n
    this.mask[id] = p.min_align_mask
    this.certain[id] = certain ? 1 : 0
    this.dev[id] = dev
    this.chain[id] = 0
    this.moved[id] = 0
    this.held(dev, n)
    for (let i = index; i < index + n; i++) this.owner[i] = id
    return id
  }
}

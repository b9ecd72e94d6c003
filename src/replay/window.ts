// Events that wait until the outcomes of all bounces before them are known: a ring of named columns, addressed by a
// running number (`id`) and grown when it is full. `at(id)` is the place of an event in every column. Nothing is
// allocated per event.
import { ATTR_CC_SHARED, ATTR_MMIO, ATTR_SKIP_CPU_SYNC } from '../kernel/trace-events.ts'
import type { TraceEvent } from './event.ts'

/** Most events that wait for an outcome. */
export const WINDOW = 1 << 18
/** Most list entries (addresses and sizes of scatter-gather events) that wait. */
export const WINDOW_ENTRIES = 1 << 21

/** What is known of a waiting bounce; `other` for everything else. */
export const Outcome = { open: 0, ok: 1, failed: 2, back: 3, sgFailed: 4, other: 5 } as const

/** Bits of `flags`. */
export const Flag = {
  /** swiotlb_bounced said FORCE. */
  forced: 1,
  /** DMA_ATTR_SKIP_CPU_SYNC. */
  skipSync: 2,
  /** A mapping of which some segment lies in the pool. */
  pooled: 4,
  /** A swiotlb_bounced event came before it. */
  announced: 8,
  /** Its list in `lists` has physical addresses only. */
  physOnly: 16,
  /** A bounce whose address lay in no known pool when it was told. */
  outside: 32,
  /** Never bounces: MMIO, or memory that is shared already. */
  direct: 64
} as const

type Column = Uint8Array | Uint16Array | Int32Array | Float64Array

/** Room at first, and again when a window that had grown beyond RESTS_AT is empty: what is looked at stays near. */
const FIRST = 256
const RESTS_AT = 4096

export class EventWindow {
  private cap = FIRST
  /** Id of the oldest event that waits, and the id that the next event gets. */
  head = 0
  tail = 0
  kind = new Uint8Array(this.cap)
  /** Outcome of a bounce. */
  state = new Uint8Array(this.cap)
  flags = new Uint8Array(this.cap)
  dir = new Uint8Array(this.cap)
  cpu = new Uint16Array(this.cap)
  dev = new Uint16Array(this.cap)
  pid = new Int32Array(this.cap)
  /** Context (pid, CPU, interrupt level) of a bounce. */
  context = new Float64Array(this.cap)
  time = new Float64Array(this.cap)
  /**
   * DMA address; of a scatter-gather event the last physical address; of a resolved bounce its address, NaN when the
   * trace does not show it.
   */
  dma = new Float64Array(this.cap)
  /** Physical address; of a scatter-gather event the first one. */
  phys = new Float64Array(this.cap)
  size = new Float64Array(this.cap)
  /** Of a bounce dma_mask; of a scatter-gather mapping the bytes that bounced. */
  mask = new Float64Array(this.cap)
  /** Entries as the caller gave them; 0 for single mappings. */
  nents = new Int32Array(this.cap)
  /** For a bounce: id of its mapping, or of the last bounce of its failed call; -1 unknown. */
  owner = new Float64Array(this.cap)
  /** For a mapping: head of the chain of its allocations, 0 none. */
  chain = new Int32Array(this.cap)
  /** Scatter-gather lists by id: dma, size, phys of each entry; physical addresses alone with Flag.physOnly. */
  readonly lists = new Map<number, Float64Array>()
  /** Numbers in `lists`. */
  listed = 0

  /** Place of an event in the columns. */
  at(id: number): number {
    return id & (this.cap - 1)
  }

  /** Events that wait. */
  get size_(): number {
    return this.tail - this.head
  }

  /** So much waits that the oldest must be simulated with what is known. */
  get full(): boolean {
    return this.tail - this.head >= WINDOW || this.listed >= WINDOW_ENTRIES
  }

  /** Copies an event into the window; its id. */
  push(ev: TraceEvent): number {
    if (this.tail - this.head >= this.cap) this.grow()
    const id = this.tail++
    const at = id & (this.cap - 1)
    this.kind[at] = ev.kind
    this.state[at] = Outcome.other
    this.flags[at] =
      (ev.force ? Flag.forced : 0) |
      (ev.attrs & ATTR_SKIP_CPU_SYNC ? Flag.skipSync : 0) |
      (ev.attrs & (ATTR_MMIO | ATTR_CC_SHARED) ? Flag.direct : 0)
    this.dir[at] = ev.dir
    this.cpu[at] = ev.cpu
    this.dev[at] = ev.dev
    this.pid[at] = ev.pid
    this.time[at] = ev.time
    this.dma[at] = ev.dma
    this.phys[at] = ev.phys
    this.size[at] = ev.size
    this.nents[at] = 0
    this.owner[at] = -1
    this.chain[at] = 0
    return id
  }

  has(at: number, flag: number): boolean {
    return ((this.flags[at] as number) & flag) !== 0
  }

  mark(at: number, flag: number): void {
    this.flags[at] = (this.flags[at] as number) | flag
  }

  /** Keeps a list for an event until it is simulated. */
  keepList(id: number, list: Float64Array): void {
    this.lists.set(id, list)
    this.listed += list.length
  }

  /** Takes the list of an event away; undefined when it has none. */
  takeList(id: number): Float64Array | undefined {
    const list = this.lists.get(id)
    if (list === undefined) return undefined
    this.lists.delete(id)
    this.listed -= list.length
    return list
  }

  /** Gives room back, if nothing waits: one recording without a kernel log has waited whole. */
  rest(): void {
    if (this.cap > RESTS_AT && this.head === this.tail) this.resize(FIRST, (_, to) => to)
  }

  // To twice the size, when the ring is full: what stands before its end and what stands behind it are moved as blocks.
  private grow(): void {
    const { cap, head } = this
    const n = cap * 2
    const first = head & (cap - 1)
    const [low, high] = [head & (n - 1), (head + cap - first) & (n - 1)]
    this.resize(n, (from, to) => {
      to.set(from.subarray(first), low)
      to.set(from.subarray(0, first), high)
      return to
    })
  }

  // Columns of `n` places; `move` fills one from the one before.
  private resize(n: number, move: <T extends Column>(from: T, to: T) => T): void {
    this.kind = move(this.kind, new Uint8Array(n))
    this.state = move(this.state, new Uint8Array(n))
    this.flags = move(this.flags, new Uint8Array(n))
    this.dir = move(this.dir, new Uint8Array(n))
    this.cpu = move(this.cpu, new Uint16Array(n))
    this.dev = move(this.dev, new Uint16Array(n))
    this.pid = move(this.pid, new Int32Array(n))
    this.context = move(this.context, new Float64Array(n))
    this.time = move(this.time, new Float64Array(n))
    this.dma = move(this.dma, new Float64Array(n))
    this.phys = move(this.phys, new Float64Array(n))
    this.size = move(this.size, new Float64Array(n))
    this.mask = move(this.mask, new Float64Array(n))
    this.nents = move(this.nents, new Int32Array(n))
    this.owner = move(this.owner, new Float64Array(n))
    this.chain = move(this.chain, new Int32Array(n))
    this.cap = n
  }
}

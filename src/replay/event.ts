// One event of a trace, whatever file it came from. Readers fill one record and hand it to a sink again and again:
// nothing is allocated per event, so a sink copies what it wants to keep.
import { Trace, type TraceKind } from '../kernel/trace-events.ts'

/** Interrupt context of an event, from the third irq flag; `unknown` when the trace has no flags. */
export const Irq = { unknown: 0, task: 1, soft: 2, hard: 3, nmi: 4 } as const

/** Which fields of a record are filled. */
export const Has = {
  device: 1,
  dir: 2,
  dma: 4,
  size: 8,
  phys: 16,
  attrs: 32,
  mask: 64,
  dmaList: 128,
  sizeList: 256,
  physList: 512
} as const

/** What an event cannot do without, by kind. */
export const REQUIRED: readonly number[] = (() => {
  const need = new Array<number>(24).fill(0)
  need[Trace.map] = Has.device | Has.dir | Has.dma | Has.size | Has.phys
  need[Trace.unmap] = Has.device | Has.dir | Has.dma | Has.size
  need[Trace.mapSg] = Has.device | Has.dir | Has.dmaList | Has.sizeList | Has.physList
  need[Trace.unmapSg] = Has.device | Has.dir | Has.physList
  need[Trace.bounced] = Has.device | Has.phys | Has.size
  need[Trace.alloc] = Has.device | Has.dma | Has.size
  need[Trace.free] = Has.device | Has.dma | Has.size
  need[Trace.sync] = Has.device | Has.dma | Has.size
  need[Trace.syncSg] = Has.device | Has.dmaList
  need[Trace.syncDevice] = Has.device | Has.dma | Has.size
  need[Trace.syncSgDevice] = Has.device | Has.dmaList
  need[Trace.mapResource] = Has.device | Has.dma | Has.size
  need[Trace.unmapResource] = Has.device
  need[Trace.mapSgErr] = Has.device
  return need
})()

/** Room for the entries of one scatter-gather event; the kernel prints at most 128, an unmap prints all. */
export const MAX_SEGMENTS = 65536

export class TraceEvent {
  kind: TraceKind = Trace.none
  /** Bits of Has. */
  has = 0
  /** Nanoseconds of the trace clock. */
  time = 0
  cpu = 0
  pid = 0
  irq = 0
  /** Id of the device's name, see Names. */
  dev = 0
  /** enum dma_data_direction. */
  dir = 0
  attrs = 0
  /** DMA address; MAPPING_ERROR when the mapping failed. */
  dma = 0
  /** Physical address; in swiotlb_bounced the original's bus address (dev_addr). */
  phys = 0
  size = 0
  /** dma_mask of swiotlb_bounced; 2^64 for all ones. */
  mask = 0
  /** swiotlb_bounced says FORCE. */
  force = false
  /** Entries as the caller gave them and as they were mapped; the lists may hold fewer (truncated). */
  nents = 0
  ents = 0
  truncated = false
  /** An allocation that answered NULL: its address means nothing. */
  failed = false
  /** Filled entries of each list. */
  ndma = 0
  nsize = 0
  nphys = 0
  dmas = new Float64Array(256)
  sizes = new Float64Array(256)
  physs = new Float64Array(256)
  /** Lost events: how many, -1 when the trace does not say; 0: events are missing here, counted elsewhere. */
  count = 0
  /** Text of a mark. */
  text = ''
  /** Line (text) or record number (binary) it came from, from 1. */
  line = 0

  /** Ready for the next event. Numbers that `has` does not name keep what they held. */
  clear(): void {
    this.kind = Trace.none
    this.has = 0
    this.dir = 0
    this.attrs = 0
    this.force = false
    this.nents = 0
    this.ents = 0
    this.truncated = false
    this.failed = false
    this.ndma = 0
    this.nsize = 0
    this.nphys = 0
    this.count = 0
  }

  /** A scatter-gather mapping's counts: from its lists where it has none, and whether those are all of it. */
  settleCounts(): void {
    if (this.nents === 0) {
      this.nents = this.nphys
      this.ents = this.ndma
    }
    if (this.nents > this.nphys) this.truncated = true
  }

  /** Makes room for one more entry in each list. */
  grow(): void {
    const more = (a: Float64Array): Float64Array<ArrayBuffer> => {
      const b = new Float64Array(a.length * 2)
      b.set(a)
      return b
    }
    this.dmas = more(this.dmas)
    this.sizes = more(this.sizes)
    this.physs = more(this.physs)
  }
}

/** What a TraceEvent says, as data. */
export type TraceFields = Omit<TraceEvent, 'clear' | 'settleCounts' | 'grow'>

/** Who takes events. The record is only lent: it changes after the call. */
export interface EventSink {
  event(ev: TraceEvent): void
}

/** Each device has its counts and its line in time. Those beyond so many, which no machine has, are counted as one. */
export const MOST_NAMES = 2048

/** Interned names: device names by id. Ids are small and dense. */
export class Names {
  private readonly list: string[] = []
  private readonly ids = new Map<string, number>()
  // Open addressing over byte hashes for the scanner: id + 1, 0 = free.
  private table = new Int32Array(1024)
  private hashes = new Int32Array(1024)
  private readonly decoder = new TextDecoder('utf-8')

  /** The id of a name, new or known. */
  id(name: string): number {
    const known = this.ids.get(name)
    if (known !== undefined) return known
    const bytes = new TextEncoder().encode(name)
    return this.ofBytes(bytes, 0, bytes.length, hashBytes(bytes, 0, bytes.length))
  }

  /** The id of the name in bytes [from, to) whose hashBytes is `hash`. Names with equal hashes are told apart. */
  ofBytes(buf: Uint8Array, from: number, to: number, hash: number): number {
    let at = hash & (this.table.length - 1)
    for (;;) {
      const id = (this.table[at] as number) - 1
      if (id < 0) break
      if (this.hashes[at] === hash && this.same(id, buf, from, to)) return id
      at = (at + 1) & (this.table.length - 1)
    }
    if (this.list.length === MOST_NAMES) return MOST_NAMES - 1
    const name = this.list.length === MOST_NAMES - 1 ? '(more devices)' : this.decoder.decode(buf.subarray(from, to))
    const known = this.ids.get(name)
    const id = known ?? this.list.length
    if (known === undefined) {
      this.list.push(name)
      this.bytes.push(buf.slice(from, to))
      this.ids.set(name, id)
    }
    this.table[at] = id + 1
    this.hashes[at] = hash
    if (this.list.length * 2 > this.table.length) this.rehash()
    return id
  }

  name(id: number): string {
    return this.list[id] ?? `?${id}`
  }

  get size(): number {
    return this.list.length
  }

  private readonly bytes: Uint8Array[] = []

  private same(id: number, buf: Uint8Array, from: number, to: number): boolean {
    const b = this.bytes[id] as Uint8Array
    if (b.length !== to - from) return false
    for (let i = 0; i < b.length; i++) if (b[i] !== buf[from + i]) return false
    return true
  }

  private rehash(): void {
    this.table = new Int32Array(this.table.length * 2)
    this.hashes = new Int32Array(this.table.length)
    this.bytes.forEach((b, id) => {
      const hash = hashBytes(b, 0, b.length)
      let at = hash & (this.table.length - 1)
      while (this.table[at] !== 0) at = (at + 1) & (this.table.length - 1)
      this.table[at] = id + 1
      this.hashes[at] = hash
    })
  }
}

/** The scanner's hash: h = 31 h + byte. */
export function hashBytes(buf: Uint8Array, from: number, to: number): number {
  let h = 0
  for (let i = from; i < to; i++) h = (Math.imul(h, 31) + (buf[i] as number)) | 0
  return h
}

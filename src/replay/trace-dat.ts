// trace.dat, the file of `trace-cmd record`, versions 6 and 7: sections (plain or compressed), the event formats it
// carries, and per CPU the ring buffer's pages, merged by time. Written after trace-cmd.dat.v6(5) and
// trace-cmd.dat.v7(5), and the page layout that the file's own header_page describes. Fields are found by the names in
// the embedded formats, never by position.
//
// Whatever the file says of itself (lengths, counts, page sizes, places) is checked before it is used: what no recorder
// writes is an error of the head, or of the record that it stands in. Memory is bounded by PAGES_AT_HAND and
// MAX_SECTION, time by the file's own length. The head: trace-dat-head.ts; the file's bytes: trace-dat-bytes.ts.
import { type Diagnostic, messageOf, ok, type Result } from '../base/index.ts'
import { Trace } from '../kernel/trace-events.ts'
import { type EventSink, Has, hashBytes, Irq, MAX_SEGMENTS, type Names, REQUIRED, TraceEvent } from './event.ts'
import { PCI_NAME, PciNames } from './pci-names.ts'
import { MAX_DEVICE } from './scan.ts'
import type { Skips } from './skips.ts'
import { type ByteSource, Reader, TWO32, type Unpack, unpackerOf, type Unpackers } from './trace-dat-bytes.ts'
import {
  bad,
  type CpuData,
  type Decoder,
  type Field,
  type Head,
  readHead,
  type TraceDatInfo
} from './trace-dat-head.ts'
import { NOWHERE, type QuickLayout, quickLayout } from './trace-dat-quick.ts'

export type { ByteSource, Unpack, Unpackers } from './trace-dat-bytes.ts'
export type { TraceDatInfo } from './trace-dat-head.ts'

/** Pages in a compressed chunk, at most; trace-cmd puts 10 into one. */
const PAGES_IN_CHUNK = 16
const MAX_MARK = 4096

export class TraceDat {
  readonly info: TraceDatInfo
  /** Records seen, padding and time stamps not counted. */
  records = 0
  /** Records of events that mean nothing to us, by name. */
  readonly others = new Map<string, number>()
  /** Events that pages say were lost before them. */
  lost = 0
  /** Bytes of event data consumed, of `dataBytes`. */
  done = 0
  readonly dataBytes: number
  private readonly cursors: readonly Cursor[]
  /** The same as a heap, the oldest record first; of equal times, the CPU that the file names first. */
  private readonly oldest: Cursor[]
  private readonly ev = new TraceEvent()
  private readonly decoder = new TextDecoder('utf-8')
  /** How records are read, by the id of their event; null: the event means nothing here. */
  private readonly readings: (Reading | null)[]

  private constructor(
    private readonly head: Head,
    source: ByteSource,
    private readonly names: Names,
    private readonly skips: Skips,
    unpackers: Unpackers
  ) {
    this.info = head.info
    this.readings = readingsOf(head)
    this.dataBytes = head.cpus.reduce((n, c) => n + c.size, 0)
    this.cursors = head.cpus.filter((c) => c.size > 0).map((c, i) => new Cursor(c, i, head, source, unpackers, skips))
    this.oldest = [...this.cursors].sort((a, b) => (before(a, b) ? -1 : 1))
  }

  /** Reads the file's head. `unpackers` are for sections that are compressed: the core has none of its own. */
  static open(source: ByteSource, names: Names, skips: Skips, unpackers: Unpackers): Result<TraceDat, Diagnostic> {
    try {
      const head = readHead(source, unpackers, skips)
      return head.ok ? ok(new TraceDat(head.value, source, names, skips, unpackers)) : head
    } catch (e) {
      return bad(source, `the head of this trace.dat is damaged or cut off (${messageOf(e)})`)
    }
  }

  /** Hands at most `most` records to the sink, oldest first; false when there are no more. */
  pump(sink: EventSink, most: number): boolean {
    for (let n = 0; n < most; n++) {
      const best = this.oldest[0]
      if (best === undefined || best.time === Number.POSITIVE_INFINITY) return false
      // A CPU whose data broke off: whatever it recorded later is missing from here on.
      if (this.records % 1024 === 0)
        for (const c of this.cursors) if (c.broken && c.time === Number.POSITIVE_INFINITY) this.tellLoss(c, 0, sink)
      if (best.lost !== 0) {
        this.tellLoss(best, best.lost, sink)
        this.lost += Math.max(0, best.lost)
        best.lost = 0
      }
      this.records++
      this.decode(best, sink)
      best.next()
      this.sink(0)
    }
    this.done = this.cursors.reduce((n, c) => n + c.consumed, 0)
    return true
  }

  // Puts the cursor at `i` of the heap where it belongs now that its time is later.
  private sink(i: number): void {
    const heap = this.oldest
    const c = heap[i] as Cursor
    let at = i
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Cursor, heap[child] as Cursor)) child++
      if (!before(heap[child] as Cursor, c)) break
      heap[at] = heap[child] as Cursor
      at = child
    }
    heap[at] = c
  }

  private tellLoss(c: Cursor, count: number, sink: EventSink): void {
    const ev = this.ev
    ev.clear()
    ev.kind = Trace.lost
    ev.cpu = c.data.cpu
    ev.count = count
    ev.time = Number.isFinite(c.time) ? c.time : 0
    ev.line = this.records + 1
    sink.event(ev)
  }

  private decode(c: Cursor, sink: EventSink): void {
    const head = this.head
    const v = c.view
    const at = c.at
    const le = head.le
    const id = head.typeOffset + 2 <= c.length ? v.getUint16(at + head.typeOffset, le) : -1
    const reading = id >= 0 && id < this.readings.length ? (this.readings[id] as Reading | null) : null
    if (reading === null) {
      const name = head.eventNames.get(id) ?? `event ${id}`
      this.others.set(name, (this.others.get(name) ?? 0) + 1)
      return
    }
    const { d, quick } = reading
    const ev = this.ev
    ev.clear()
    ev.kind = d.kind
    ev.time = head.toNanos(c.time)
    ev.cpu = c.data.cpu
    ev.line = this.records
    ev.pid = d.pid && d.pid.offset + 4 <= c.length ? v.getInt32(at + d.pid.offset, le) : 0
    const flags = d.flags && d.flags.offset < c.length ? v.getUint8(at + d.flags.offset) : -1
    ev.irq =
      flags < 0 ? Irq.unknown : flags & 0x40 ? Irq.nmi : flags & 0x08 ? Irq.hard : flags & 0x10 ? Irq.soft : Irq.task
    if (d.kind === Trace.mark) {
      const from = d.text ? d.text.offset : c.length
      let to = from
      while (to < c.length && to - from < MAX_MARK && c.bytes[at + to] !== 0) to++
      ev.text = this.decoder.decode(c.bytes.subarray(at + from, at + to)).trim()
      sink.event(ev)
      return
    }
    if (!(quick !== null && quick.end <= c.length ? this.quickRead(c, quick, ev) : this.read(c, d, ev))) {
      this.skips.add('cutRecord', this.records)
      return
    }
    if ((REQUIRED[d.kind] as number) & ~ev.has) {
      this.skips.add('missingField', this.records, () => d.name)
      return
    }
    if (ev.kind === Trace.mapSg) ev.settleCounts()
    sink.event(ev)
  }

  // The same as read() of a record that is as long as its fields ask for.
  private quickRead(c: Cursor, q: QuickLayout, ev: TraceEvent): boolean {
    const v = c.view
    const at = c.at
    this.outside = false
    if (q.device !== NOWHERE) {
      const word = v.getUint32(at + q.device, true)
      const from = word & 0xffff
      const bytes = word >>> 16
      if (from + bytes > c.length) this.outside = true
      else if (bytes !== PCI_NAME + 1 || !this.knownDevice(c, from)) this.device(c, from, bytes)
    }
    if (q.dma !== NOWHERE) ev.dma = u64(v, at + q.dma)
    if (q.phys !== NOWHERE) ev.phys = u64(v, at + q.phys)
    if (q.size !== NOWHERE) ev.size = u64(v, at + q.size)
    if (q.dir !== NOWHERE) {
      ev.dir = v.getUint32(at + q.dir, true)
      if (ev.dir > 3) this.outside = true
    }
    if (q.attrs !== NOWHERE) ev.attrs = u64(v, at + q.attrs)
    if (q.mask !== NOWHERE) ev.mask = u64(v, at + q.mask)
    if (q.force !== NOWHERE) ev.force = v.getUint8(at + q.force) !== 0
    if (q.nents !== NOWHERE) ev.nents = v.getUint32(at + q.nents, true)
    if (q.ents !== NOWHERE) ev.ents = v.getUint32(at + q.ents, true)
    if (q.truncated !== NOWHERE) ev.truncated = v.getUint8(at + q.truncated) !== 0
    if (q.dmas !== NOWHERE) ev.ndma = this.quickList(c, q.dmas, 8, 0)
    if (q.sizes !== NOWHERE) ev.nsize = this.quickList(c, q.sizes, 4, 1)
    if (q.physs !== NOWHERE) ev.nphys = this.quickList(c, q.physs, 8, 2)
    ev.has |= q.has
    return !this.outside
  }

  private quickList(c: Cursor, offset: number, width: 4 | 8, which: number): number {
    const v = c.view
    const word = v.getUint32(c.at + offset, true)
    const from = word & 0xffff
    const bytes = word >>> 16
    if (from + bytes > c.length) {
      this.outside = true
      return 0
    }
    const n = Math.min(MAX_SEGMENTS, width === 8 ? bytes >>> 3 : bytes >>> 2)
    const ev = this.ev
    while (n > ev.dmas.length) ev.grow()
    const out = which === 0 ? ev.dmas : which === 1 ? ev.sizes : ev.physs
    let p = c.at + from
    if (width === 8) for (let i = 0; i < n; i++, p += 8) out[i] = u64(v, p)
    else for (let i = 0; i < n; i++, p += 4) out[i] = v.getUint32(p, true)
    return n
  }

  // Fills the record; false when a field lies outside the record, or holds what it cannot.
  private read(c: Cursor, d: Decoder, ev: TraceEvent): boolean {
    const num = (f: Field): number => {
      if (f.offset + f.size > c.length) {
        this.outside = true
        return 0
      }
      return c.number(f.offset, f.size, this.head.le)
    }
    this.outside = false
    if (d.device) {
      const { from, bytes } = this.loc(c, d.device)
      if (bytes !== PCI_NAME + 1 || !this.knownDevice(c, from)) this.device(c, from, bytes)
    }
    if (d.dma) {
      ev.dma = num(d.dma)
      ev.has |= Has.dma
    }
    if (d.phys) {
      ev.phys = num(d.phys)
      ev.has |= Has.phys
    }
    if (d.size) {
      ev.size = num(d.size)
      ev.has |= Has.size
    }
    if (d.dir) {
      ev.dir = num(d.dir)
      if (ev.dir > 3) this.outside = true
      ev.has |= Has.dir
    }
    if (d.attrs) {
      ev.attrs = num(d.attrs)
      ev.has |= Has.attrs
    }
    if (d.mask) {
      ev.mask = num(d.mask)
      ev.has |= Has.mask
    }
    if (d.force) ev.force = num(d.force) !== 0
    if (d.nents) ev.nents = num(d.nents)
    if (d.ents) ev.ents = num(d.ents)
    if (d.truncated) ev.truncated = num(d.truncated) !== 0
    if (d.virt) ev.failed = num(d.virt) === 0
    if (d.dmas) {
      ev.ndma = this.array(c, d.dmas, 8, 0)
      ev.has |= Has.dmaList
    }
    if (d.sizes) {
      ev.nsize = this.array(c, d.sizes, 4, 1)
      ev.has |= Has.sizeList
    }
    if (d.physs) {
      ev.nphys = this.array(c, d.physs, 8, 2)
      ev.has |= Has.physList
    }
    return !this.outside
  }
  private outside = false

  // The device's name in these bytes, up to a zero.
  private device(c: Cursor, from: number, bytes: number): void {
    const start = c.at + from
    let end = start
    while (end < start + bytes && c.bytes[end] !== 0) end++
    if (end - start > MAX_DEVICE) this.outside = true
    else if (end > start) {
      this.ev.dev = this.names.ofBytes(c.bytes, start, end, hashBytes(c.bytes, start, end))
      this.ev.has |= Has.device
      if (end - start === PCI_NAME && bytes === PCI_NAME + 1) this.devices.keep(c.view, start, this.ev.dev)
    }
  }

  // A name of PCI_NAME bytes and a zero that was seen before, by its bytes; false when it is another.
  private knownDevice(c: Cursor, from: number): boolean {
    const start = c.at + from
    const dev = c.bytes[start + PCI_NAME] === 0 ? this.devices.find(c.view, start) : -1
    if (dev < 0) return false
    this.ev.dev = dev
    this.ev.has |= Has.device
    return true
  }
  private readonly devices = new PciNames()

  private loc(c: Cursor, f: Field): { from: number; bytes: number } {
    if (f.loc === 0 && f.offset < c.length) return { from: f.offset, bytes: Math.min(f.size, c.length - f.offset) }
    if (f.offset + 4 > c.length) {
      this.outside = true
      return { from: 0, bytes: 0 }
    }
    const w = c.view.getUint32(c.at + f.offset, this.head.le)
    const from = (w & 0xffff) + (f.loc === 2 ? f.offset + 4 : 0)
    const bytes = w >>> 16
    if (from + bytes > c.length) {
      this.outside = true
      return { from: 0, bytes: 0 }
    }
    return { from, bytes }
  }

  private array(c: Cursor, f: Field, width: number, which: number): number {
    const { from, bytes } = this.loc(c, f)
    const n = Math.min(MAX_SEGMENTS, Math.floor(bytes / width))
    const ev = this.ev
    while (n > ev.dmas.length) ev.grow()
    const out = which === 0 ? ev.dmas : which === 1 ? ev.sizes : ev.physs
    for (let i = 0; i < n; i++) out[i] = c.number(from + i * width, width, this.head.le)
    return n
  }
}

/** A record names its event in two bytes. */
const MOST_ID = 0xffff

interface Reading {
  readonly d: Decoder
  readonly quick: QuickLayout | null
}

function readingsOf(head: Head): (Reading | null)[] {
  const named = [...head.decoders].filter(([id]) => id <= MOST_ID)
  const out = new Array<Reading | null>(Math.max(-1, ...named.map(([id]) => id)) + 1).fill(null)
  for (const [id, d] of named) out[id] = { d, quick: head.le ? quickLayout(d) : null }
  return out
}

const u64 = (v: DataView, p: number): number => v.getUint32(p + 4, true) * TWO32 + v.getUint32(p, true)

const MISSED = 0x80000000
const MISSED_STORED = 0x40000000

const before = (a: Cursor, b: Cursor): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

// The pages of one CPU, one record at a time.
class Cursor {
  /** Time of the present record in the trace's clock; infinite at the end. */
  time = Number.POSITIVE_INFINITY
  /** Place and length of the present record in `bytes`. */
  at = 0
  length = 0
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  /** Events lost before the present record: a count, or -1. */
  lost = 0
  /** Its data is cut off or damaged. */
  broken = false
  /** Bytes of the file consumed. */
  consumed = 0
  private pos = 0
  private end = 0
  private now = 0
  private pageBase = 0
  // Pages at hand: plain pages of the present chunk.
  private chunk: Uint8Array = new Uint8Array(0)
  /** Where chunks are that are not compressed: the next one takes the place of the one before. */
  private room = new Uint8Array(0)
  private chunkAt = 0
  private chunksLeft = 0
  private fileAt: number
  private readonly fileEnd: number
  private readonly unpack: Unpack

  constructor(
    readonly data: CpuData,
    readonly order: number,
    private readonly head: Head,
    private readonly source: ByteSource,
    unpackers: Unpackers,
    private readonly skips: Skips
  ) {
    this.fileAt = data.offset
    this.fileEnd = Math.min(source.size, data.offset + data.size)
    this.broken = data.offset + data.size > source.size
    if (this.broken)
      skips.add(
        'cutRecord',
        0,
        () =>
          `CPU ${data.cpu}: ${data.offset + data.size - Math.max(data.offset, source.size)} bytes of its data ` +
          'are missing'
      )
    this.unpack = unpackerOf(head.compression, unpackers)
    if (data.compressed && this.fileAt + 4 <= this.fileEnd) {
      this.chunksLeft = new Reader(source, this.fileAt, head.le).u32()
      this.fileAt += 4
    }
    this.next()
  }

  number(offset: number, size: number, le: boolean): number {
    const p = this.at + offset
    switch (size) {
      case 8: {
        const a = this.view.getUint32(p, le)
        const b = this.view.getUint32(p + 4, le)
        return le ? b * TWO32 + a : a * TWO32 + b
      }
      case 4:
        return this.view.getUint32(p, le)
      case 2:
        return this.view.getUint16(p, le)
      case 1:
        return this.view.getUint8(p)
      default:
        return 0
    }
  }

  // Advances to the next data record.
  next(): void {
    const le = this.head.le
    for (;;) {
      if (this.pos + 4 > this.end) {
        if (!this.page()) {
          this.time = Number.POSITIVE_INFINITY
          return
        }
        continue
      }
      const word = this.view.getUint32(this.pos, le)
      const type = le ? word & 31 : word >>> 27
      const delta = le ? word >>> 5 : word & 0x7ffffff
      let p = this.pos + 4
      if (type === 29) {
        if (delta === 0 || p + 4 > this.end) {
          this.pos = this.end
          continue
        }
        this.now += delta
        this.pos = p + this.view.getUint32(p, le)
        continue
      }
      if (type === 30 || type === 31) {
        if (p + 4 > this.end) {
          this.pos = this.end
          continue
        }
        const high = this.view.getUint32(p, le) * 2 ** 27 + delta
        // A time stamp has 59 bits; the rest is the page's.
        this.now = type === 30 ? this.now + high : high + Math.floor(this.pageBase / 2 ** 59) * 2 ** 59
        this.pos = p + 4
        continue
      }
      let length = type * 4
      if (type === 0) {
        if (p + 4 > this.end) {
          this.pos = this.end
          continue
        }
        length = (this.view.getUint32(p, le) - 4 + 3) & ~3
        p += 4
      }
      this.now += delta
      if (length < 0 || p + length > this.end) {
        this.skips.add('cutRecord', 0)
        this.pos = this.end
        continue
      }
      this.at = p
      this.length = length
      this.pos = p + length
      this.time = this.now
      return
    }
  }

  // The next page; false at the end of this CPU's data.
  private page(): boolean {
    const { pageSize, commitOffset, commitSize, dataOffset, le } = this.head
    while (this.chunkAt >= this.chunk.length) if (!this.fill()) return false
    const from = this.chunkAt
    const size = Math.min(pageSize, this.chunk.length - from)
    this.chunkAt += size
    if (size < dataOffset) {
      this.skips.add('cutRecord', 0)
      return true
    }
    if (this.bytes !== this.chunk) {
      this.bytes = this.chunk
      this.view = new DataView(this.chunk.buffer, this.chunk.byteOffset, this.chunk.byteLength)
    }
    this.at = from
    this.now = this.number(0, 8, le)
    this.pageBase = this.now
    // The flags are in the low 32 bits, whatever the size of the field.
    const commit =
      commitSize === 8 ? this.view.getUint32(from + commitOffset + (le ? 0 : 4), le) : this.number(commitOffset, 4, le)
    const bytes = commit & 0x7ffffff
    this.pos = from + dataOffset
    this.end = Math.min(from + size, this.pos + bytes)
    if (commit & MISSED) {
      this.lost = -1
      if (commit & MISSED_STORED && this.end + commitSize <= from + size) {
        this.at = this.end
        this.lost = this.number(0, commitSize, le)
      }
    }
    return true
  }

  private fill(): boolean {
    const { pageSize, le } = this.head
    this.chunkAt = 0
    if (this.data.compressed) {
      if (this.chunksLeft === 0) return false
      this.chunksLeft--
      try {
        const q = new Reader(this.source, this.fileAt, le)
        const packed = q.u32()
        const plain = q.u32()
        if (plain > Math.max(this.head.pagesAtHand, PAGES_IN_CHUNK) * pageSize)
          throw new Error(`a chunk of ${plain} bytes`)
        if (q.at + packed > this.source.size) throw new Error('a chunk goes beyond the file')
        // Chunks of several CPUs may be the same ones, were a file made so.
        this.head.unpacked.left -= plain
        if (this.head.unpacked.left < 0) throw new Error('its chunks unpack to more than any recording')
        this.chunk = this.unpack(q.take(packed), plain)
        this.fileAt = q.at
      } catch (e) {
        this.skips.add('cutRecord', 0, () => `CPU ${this.data.cpu}: ${messageOf(e)}`)
        this.chunksLeft = 0
        this.broken = true
        this.chunk = new Uint8Array(0)
        return false
      }
    } else {
      if (this.fileAt >= this.fileEnd) return false
      const n = Math.min(this.head.pagesAtHand * pageSize, this.fileEnd - this.fileAt)
      if (this.room.length < n) this.room = new Uint8Array(n)
      const got = this.source.read(this.fileAt, n, this.room)
      this.chunk = got.buffer === this.room.buffer ? got : got.slice()
      this.fileAt += n
      if (this.chunk.length === 0) return false
    }
    this.consumed = this.fileAt - this.data.offset
    return true
  }
}

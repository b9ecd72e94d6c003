// trace.dat, the file of `trace-cmd record`, versions 6 and 7: sections (plain or compressed), the event formats it carries, and per CPU the
// ring buffer's pages, merged by time. Written after trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5), and the page layout that the file's own
// header_page describes. Fields are found by the names in the embedded formats, never by position.
//
// Whatever the file says of itself (lengths, counts, page sizes, places) is checked before it is used: what no recorder writes is an error of
// the head, or of the record that it stands in. Memory is bounded by PAGES_AT_HAND and MAX_SECTION, time by the file's own length.
import { type Diagnostic, err, messageOf, ok, type Result } from '../base/index.ts'
import { Trace, traceEvent, type TraceKind } from '../kernel/trace-events.ts'
import { besideKind } from './beside.ts'
import { type EventSink, Has, Irq, MAX_SEGMENTS, type Names, REQUIRED, TraceEvent } from './event.ts'
import { MAX_CPUS, MAX_DEVICE } from './scan.ts'
import type { Skips } from './skips.ts'

/** Random access to a file's bytes. A short answer means the end of the file. */
export interface ByteSource {
  readonly name: string
  readonly size: number
  read(offset: number, length: number): Uint8Array
}

/** `\x17\x08Dtracing` */
export function isTraceDat(b: Uint8Array): boolean {
  return b.length >= 10 && b[0] === 0x17 && b[1] === 0x08 && b[2] === 0x44 && String.fromCharCode(...b.subarray(3, 10)) === 'tracing'
}

// Option ids of version 7 (and 6, as far as it has them).
const OPT = { done: 0, date: 1, cpustat: 2, buffer: 3, traceclock: 4, uname: 5, offset: 7, tsc2nsec: 14, headerInfo: 16, ftraceEvents: 17, eventFormats: 18 } as const
const FLAG_COMPRESSED = 1

interface Field {
  readonly offset: number
  readonly size: number
  /** 0 plain, 1 __data_loc, 2 __rel_loc. */
  readonly loc: number
}

/** How to read one event id. Offsets are -1 where the event has no such field. */
interface Decoder {
  readonly name: string
  readonly kind: TraceKind
  readonly fields: ReadonlyMap<string, Field>
  readonly device: Field | null
  readonly dma: Field | null
  readonly phys: Field | null
  readonly size: Field | null
  readonly dir: Field | null
  readonly attrs: Field | null
  readonly mask: Field | null
  readonly force: Field | null
  readonly nents: Field | null
  readonly ents: Field | null
  readonly truncated: Field | null
  /** virt_addr of an allocation: NULL when it failed. */
  readonly virt: Field | null
  readonly dmas: Field | null
  readonly sizes: Field | null
  readonly physs: Field | null
  readonly text: Field | null
  readonly pid: Field | null
  readonly flags: Field | null
}

interface CpuData {
  readonly cpu: number
  readonly offset: number
  readonly size: number
  readonly compressed: boolean
}

/** What the file says beside its events. */
export interface TraceDatInfo {
  readonly version: number
  readonly bigEndian: boolean
  readonly compression: string
  readonly cpus: number
  readonly clock: string
  readonly uname: string
  /** Sums over the CPUs of the recorder's statistics: events overwritten and dropped. */
  readonly overrun: number
  readonly dropped: number
}

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

  private constructor(private readonly head: Head, source: ByteSource, private readonly names: Names, private readonly skips: Skips, unpackers: Unpackers) {
    this.info = head.info
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
      if (this.records % 1024 === 0) for (const c of this.cursors) if (c.broken && c.time === Number.POSITIVE_INFINITY) this.tellLoss(c, 0, sink)
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
    const d = head.decoders.get(id)
    if (d === undefined) {
      const name = head.eventNames.get(id) ?? `event ${id}`
      this.others.set(name, (this.others.get(name) ?? 0) + 1)
      return
    }
    const ev = this.ev
    ev.clear()
    ev.kind = d.kind
    ev.time = head.toNanos(c.time)
    ev.cpu = c.data.cpu
    ev.line = this.records
    ev.pid = d.pid && d.pid.offset + 4 <= c.length ? v.getInt32(at + d.pid.offset, le) : 0
    const flags = d.flags && d.flags.offset < c.length ? v.getUint8(at + d.flags.offset) : -1
    ev.irq = flags < 0 ? Irq.unknown : flags & 0x40 ? Irq.nmi : flags & 0x08 ? Irq.hard : flags & 0x10 ? Irq.soft : Irq.task
    if (d.kind === Trace.mark) {
      const from = d.text ? d.text.offset : c.length
      let to = from
      while (to < c.length && to - from < MAX_MARK && c.bytes[at + to] !== 0) to++
      ev.text = this.decoder.decode(c.bytes.subarray(at + from, at + to)).trim()
      sink.event(ev)
      return
    }
    if (!this.read(c, d, ev)) {
      this.skips.add('cutRecord', this.records)
      return
    }
    if ((REQUIRED[d.kind] as number) & ~ev.has) {
      this.skips.add('missingField', this.records, () => d.name)
      return
    }
    if (ev.kind === Trace.mapSg) {
      if (ev.nents === 0) {
        ev.nents = ev.nphys
        ev.ents = ev.ndma
      }
      if (ev.nents > ev.nphys) ev.truncated = true
    }
    sink.event(ev)
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
      const at = this.loc(c, d.device)
      let end = at.from
      while (end < at.from + at.bytes && c.bytes[c.at + end] !== 0) end++
      let hash = 0
      for (let i = at.from; i < end; i++) hash = (Math.imul(hash, 31) + (c.bytes[c.at + i] as number)) | 0
      if (end - at.from > MAX_DEVICE) this.outside = true
      else if (end > at.from) {
        ev.dev = this.names.ofBytes(c.bytes, c.at + at.from, c.at + end, hash)
        ev.has |= Has.device
      }
    }
    if (d.dma) { ev.dma = num(d.dma); ev.has |= Has.dma }
    if (d.phys) { ev.phys = num(d.phys); ev.has |= Has.phys }
    if (d.size) { ev.size = num(d.size); ev.has |= Has.size }
    if (d.dir) {
      ev.dir = num(d.dir)
      if (ev.dir > 3) this.outside = true
      ev.has |= Has.dir
    }
    if (d.attrs) { ev.attrs = num(d.attrs); ev.has |= Has.attrs }
    if (d.mask) { ev.mask = num(d.mask); ev.has |= Has.mask }
    if (d.force) ev.force = num(d.force) !== 0
    if (d.nents) ev.nents = num(d.nents)
    if (d.ents) ev.ents = num(d.ents)
    if (d.truncated) ev.truncated = num(d.truncated) !== 0
    if (d.virt) ev.failed = num(d.virt) === 0
    if (d.dmas) { ev.ndma = this.array(c, d.dmas, 8, 0); ev.has |= Has.dmaList }
    if (d.sizes) { ev.nsize = this.array(c, d.sizes, 4, 1); ev.has |= Has.sizeList }
    if (d.physs) { ev.nphys = this.array(c, d.physs, 8, 2); ev.has |= Has.physList }
    return !this.outside
  }
  private outside = false

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

/** Unpacks data that has exactly `size` bytes when it is unpacked. @throws Error when it does not */
export type Unpack = (data: Uint8Array, size: number) => Uint8Array
/** By the name of the algorithm in the file: `zlib`, `zstd`. */
export type Unpackers = Readonly<Partial<Record<string, Unpack>>>

interface Head {
  readonly info: TraceDatInfo
  readonly le: boolean
  readonly pageSize: number
  /** Pages of one CPU that are read at once. */
  readonly pagesAtHand: number
  /** Bytes that the compressed chunks of all CPUs may still come to. */
  readonly unpacked: { left: number }
  readonly commitOffset: number
  readonly commitSize: number
  readonly dataOffset: number
  readonly typeOffset: number
  readonly compression: string
  readonly cpus: readonly CpuData[]
  readonly decoders: ReadonlyMap<number, Decoder>
  readonly eventNames: ReadonlyMap<number, string>
  readonly toNanos: (t: number) => number
}

const bad = <T>(source: ByteSource, message: string, hint?: string): Result<T, Diagnostic> => err({ code: 'TB-356', file: source.name, line: 0, column: 0, word: '', message, ...(hint ? { hint } : {}) })

// A window over the file that moves forward, with the file's byte order.
class Reader {
  private view: DataView = new DataView(new ArrayBuffer(0))
  private bytes: Uint8Array = new Uint8Array(0)
  private base = 0
  constructor(private readonly source: ByteSource, public at: number, readonly le: boolean) {}
  private need(n: number): number {
    const rel = this.at - this.base
    if (rel >= 0 && rel + n <= this.bytes.length) return rel
    if (!(this.at >= 0 && this.at + n <= this.source.size)) throw new Error(`ends at ${this.source.size} bytes, ${this.at + n} are needed`)
    if (n > MAX_SECTION) throw new Error(`a part of ${n} bytes`)
    this.bytes = this.source.read(this.at, Math.max(n, 65536))
    this.base = this.at
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    if (n > this.bytes.length) throw new Error(`ends at ${this.source.size} bytes, ${this.at + n} are needed`)
    return 0
  }
  u8(): number { const r = this.need(1); this.at += 1; return this.view.getUint8(r) }
  u16(): number { const r = this.need(2); this.at += 2; return this.view.getUint16(r, this.le) }
  u32(): number { const r = this.need(4); this.at += 4; return this.view.getUint32(r, this.le) }
  u64(): number {
    const r = this.need(8)
    this.at += 8
    const a = this.view.getUint32(r, this.le)
    const b = this.view.getUint32(r + 4, this.le)
    return this.le ? b * TWO32 + a : a * TWO32 + b
  }
  take(n: number): Uint8Array {
    const r = this.need(n)
    this.at += n
    return this.bytes.slice(r, r + n)
  }
  string(): string {
    let out = ''
    for (let c = this.u8(); c !== 0; c = this.u8()) {
      out += String.fromCharCode(c)
      if (out.length > 65536) throw new Error('a name without end')
    }
    return out
  }
}

const TWO32 = 2 ** 32
/** A section of the head, and a compressed chunk of pages, are never larger: formats of all events come to a few MiB. */
const MAX_SECTION = 32 << 20
/** Sub-buffers of a ring buffer have the size of a page or a few. */
const MIN_PAGE = 512
const MAX_PAGE = 16 << 20
/** Bytes of pages that all CPUs together have at hand. */
const PAGES_AT_HAND = 128 << 20
/** Pages in a compressed chunk, at most; trace-cmd puts 10 into one. */
const PAGES_IN_CHUNK = 16
const MAX_MARK = 4096
/** Records are shorter than a page of the largest kind; their lists are found by 16 bits. */
const MAX_FIELD = 65536
/** Event formats, sections and options of a head; a kernel has some thousand events. */
const MAX_PARTS = 65536

const memory = (name: string, bytes: Uint8Array): ByteSource => ({ name, size: bytes.length, read: (o, n) => bytes.subarray(o, Math.min(bytes.length, o + n)) })

function unpackerOf(name: string, unpackers: Unpackers): Unpack {
  const known = Object.hasOwn(unpackers, name) ? unpackers[name] : undefined
  return known ?? (() => { throw new Error(`compressed with '${name}', which is not supported here`) })
}

/** A page size that a ring buffer can have. */
const isPageSize = (n: number): boolean => n >= MIN_PAGE && n <= MAX_PAGE && (n & (n - 1)) === 0

function readHead(source: ByteSource, unpackers: Unpackers, skips: Skips): Result<Head, Diagnostic> {
  const first = source.read(0, 4096)
  if (!isTraceDat(first)) return bad(source, 'not a trace.dat')
  const start = new Reader(source, 10, true)
  const version = Number(start.string())
  if (version !== 6 && version !== 7) return bad(source, `trace.dat of version ${version}; versions 6 and 7 are known`, 'trace-cmd convert --file-version 7 makes one of them; trace-cmd report makes text')
  const bigEndian = start.u8() === 1
  const le = !bigEndian
  start.u8()
  const r = new Reader(source, start.at, le)
  const pageSize = r.u32()
  if (!isPageSize(pageSize)) return bad(source, `trace.dat with pages of ${pageSize} bytes`, 'its head is damaged: pages have 4096 bytes, or another power of two')
  const formats: string[] = []
  const systems: string[] = []
  let headerPage = ''
  const cpus: CpuData[] = []
  let cpuCount = 0
  let clock = ''
  let uname = ''
  let overrun = 0
  let dropped = 0
  let compression = ''
  let tsc: { mult: number; shift: number; offset: number } | null = null
  const text = new TextDecoder('utf-8')

  const addFormat = (system: string, format: string): void => {
    if (formats.length >= MAX_PARTS) throw new Error('more event formats than any kernel has')
    formats.push(format)
    systems.push(system)
  }
  const addCpu = (c: CpuData): void => {
    if (cpus.length >= MAX_CPUS || !(c.cpu < MAX_CPUS)) throw new Error(`data of more than ${MAX_CPUS} CPUs`)
    cpus.push(c)
  }
  const readHeaderInfo = (q: Reader): void => {
    q.string()
    headerPage = text.decode(q.take(q.u64()))
    q.string()
    q.take(q.u64())
  }
  const readFtrace = (q: Reader): void => {
    const n = q.u32()
    for (let i = 0; i < n; i++) addFormat('ftrace', text.decode(q.take(q.u64())))
  }
  const readEvents = (q: Reader): void => {
    const n = q.u32()
    for (let i = 0; i < n; i++) {
      const system = q.string()
      const m = q.u32()
      for (let k = 0; k < m; k++) addFormat(system, text.decode(q.take(q.u64())))
    }
  }
  const readStat = (t: string): void => {
    overrun += Number(/^overrun: (\d+)/m.exec(t)?.[1] ?? 0)
    dropped += Number(/^dropped events: (\d+)/m.exec(t)?.[1] ?? 0)
  }
  const readClock = (t: string): void => { clock = /\[(\w+)\]/.exec(t)?.[1] ?? clock }
  const readTsc = (d: Uint8Array): void => {
    const q = new Reader(memory(source.name, d), 0, le)
    if (d.length < 16) return
    const t = { mult: q.u32(), shift: q.u32(), offset: q.u64() }
    if (t.shift > 63) throw new Error(`a clock with a shift of ${t.shift}`)
    tsc = t
  }

  if (version === 6) {
    readHeaderInfo(r)
    readFtrace(r)
    readEvents(r)
    // kallsyms, printk formats, command lines
    for (const read of [() => r.u32(), () => r.u32(), () => r.u64()]) {
      const n = read()
      r.at += n
    }
    cpuCount = r.u32()
    if (cpuCount > MAX_CPUS) throw new Error(`${cpuCount} CPUs`)
    let tag = text.decode(r.take(10))
    if (tag === 'options  \0') {
      for (;;) {
        const id = r.u16()
        if (id === OPT.done) break
        const data = r.take(r.u32())
        if (id === OPT.cpustat) readStat(text.decode(data))
        else if (id === OPT.traceclock) readClock(text.decode(data))
        else if (id === OPT.uname) uname = text.decode(data).replace(/\0.*$/s, '')
        else if (id === OPT.tsc2nsec) readTsc(data)
        else if (id === OPT.buffer && data.length >= 8) {
          // A buffer instance: its flyrecord lies elsewhere.
          const q = new Reader(memory(source.name, data), 0, le)
          const at = q.u64()
          const b = new Reader(source, at, le)
          if (text.decode(b.take(10)).startsWith('flyrecord')) for (let c = 0; c < cpuCount; c++) addCpu({ cpu: c, offset: b.u64(), size: b.u64(), compressed: false })
        }
      }
      tag = text.decode(r.take(10))
    }
    if (!tag.startsWith('flyrecord')) return bad(source, `trace.dat with '${tag.replace(/\0/g, '').trim()}' in place of recorded events`, 'only recordings of the ring buffer (flyrecord) can be replayed')
    for (let c = 0; c < cpuCount; c++) addCpu({ cpu: c, offset: r.u64(), size: r.u64(), compressed: false })
  } else {
    compression = r.string()
    r.string()
    const unpack = unpackerOf(compression, unpackers)
    // A section's content, unpacked.
    const section = (at: number): { id: number; reader: Reader } => {
      const q = new Reader(source, at, le)
      const id = q.u16()
      const flags = q.u16()
      q.u32()
      const size = q.u64()
      if (size > MAX_SECTION) throw new Error(`a section of ${size} bytes`)
      if (flags & FLAG_COMPRESSED) {
        const packed = q.u32()
        const plain = q.u32()
        if (plain > MAX_SECTION) throw new Error(`a section of ${plain} bytes`)
        return { id, reader: new Reader(memory(source.name, unpack(q.take(packed), plain)), 0, le) }
      }
      return { id, reader: new Reader(memory(source.name, q.take(size)), 0, le) }
    }
    // Sections point at each other: each counts once, so that a ring of them ends.
    const read = new Set<number>()
    const once = (at: number): Reader => {
      if (read.has(at)) throw new Error(`the section at ${at} is named twice`)
      read.add(at)
      return section(at).reader
    }
    let next = r.u64()
    const firstSection = r.at
    try {
      while (next !== 0) {
        const q = once(next)
        next = 0
        for (let options = 0; ; options++) {
          if (options > MAX_PARTS) throw new Error('more options than any recorder writes')
          const id = q.u16()
          const data = q.take(q.u32())
          const o = new Reader(memory(source.name, data), 0, le)
          if (id === OPT.done) {
            next = data.length >= 8 ? o.u64() : 0
            break
          }
          if (id === OPT.headerInfo) readHeaderInfo(once(o.u64()))
          else if (id === OPT.ftraceEvents) readFtrace(once(o.u64()))
          else if (id === OPT.eventFormats) readEvents(once(o.u64()))
          else if (id === OPT.cpustat) readStat(text.decode(data))
          else if (id === OPT.traceclock) readClock(text.decode(data))
          else if (id === OPT.uname) uname = text.decode(data).replace(/\0.*$/s, '')
          else if (id === OPT.tsc2nsec) readTsc(data)
          else if (id === OPT.buffer) {
            const at = o.u64()
            o.string()
            const named = o.string()
            if (named) clock = named
            o.u32()
            const n = o.u32()
            if (n > MAX_CPUS) throw new Error(`${n} CPUs`)
            cpuCount = Math.max(cpuCount, n)
            const flags = new Reader(source, at + 2, le).u16()
            for (let c = 0; c < n; c++) addCpu({ cpu: o.u32(), offset: o.u64(), size: o.u64(), compressed: (flags & FLAG_COMPRESSED) !== 0 })
          }
        }
      }
    } catch (e) {
      // The index is at the end of the file: a file cut off is read section by section from its beginning.
      if (cpus.length > 0) throw e
      skips.add('cutRecord', 0, () => messageOf(e))
      formats.length = 0
      systems.length = 0
      for (let at = firstSection; at + 16 < source.size; ) {
        const q = new Reader(source, at, le)
        const id = q.u16()
        const flags = q.u16()
        q.u32()
        const size = q.u64()
        if (id === OPT.headerInfo) readHeaderInfo(section(at).reader)
        else if (id === OPT.ftraceEvents) readFtrace(section(at).reader)
        else if (id === OPT.eventFormats) readEvents(section(at).reader)
        else if (id === OPT.buffer) {
          const end = Math.min(source.size, size > 0 ? at + 16 + size : source.size)
          let from = Math.ceil((at + 16) / pageSize) * pageSize
          for (let c = 0; from < end && c < MAX_CPUS; c++) {
            const data = { cpu: c, offset: from, size: end - from, compressed: (flags & FLAG_COMPRESSED) !== 0 }
            const stop = (flags & FLAG_COMPRESSED) !== 0 ? packedEnd(source, data, le) : end
            addCpu({ ...data, size: stop - from })
            from = Math.ceil(stop / pageSize) * pageSize
          }
          cpuCount = cpus.length
          break
        }
        if (size === 0) break
        at += 16 + size
      }
    }
  }
  if (headerPage === '') return bad(source, 'trace.dat without a page format')
  if (cpus.length === 0) return bad(source, 'trace.dat without recorded events: it is cut off before its data', 'what is missing cannot be rebuilt; record again')
  const page = fieldsOf(headerPage)
  const commit = page.get('commit')
  const layout = { commitOffset: commit?.offset ?? 8, commitSize: commit?.size ?? 8, dataOffset: page.get('data')?.offset ?? 16 }
  if ((layout.commitSize !== 4 && layout.commitSize !== 8) || layout.dataOffset > pageSize - 8 || layout.commitOffset + layout.commitSize > layout.dataOffset || layout.dataOffset < 8) {
    return bad(source, 'trace.dat with a page format that no ring buffer has')
  }
  const share = Math.floor(PAGES_AT_HAND / (cpus.length * pageSize))
  if (share < 1) return bad(source, `trace.dat with data of ${cpus.length} CPUs in pages of ${pageSize} bytes: too much to hold a page of each`)
  const decoders = new Map<number, Decoder>()
  const eventNames = new Map<number, string>()
  let typeOffset = 0
  formats.forEach((f, i) => {
    const name = /^name: (\S+)/m.exec(f)?.[1]
    const id = Number(/^ID: (\d+)/m.exec(f)?.[1] ?? -1)
    if (name === undefined || id < 0) return
    eventNames.set(id, name)
    const spec = traceEvent(name)
    const beside = spec ? Trace.none : besideKind(name, '')
    if (spec ? (spec.system === 'ftrace') !== (systems[i] === 'ftrace') : beside === Trace.none) return
    const fields = fieldsOf(f)
    // A field of a size that its kind cannot have is as good as none.
    const named = (names: readonly string[], good: (f: Field) => boolean): Field | null => {
      const found = names.map((n) => fields.get(n)).find((f) => f !== undefined)
      return found !== undefined && found.offset < MAX_FIELD && good(found) ? found : null
    }
    const get = (...names: string[]): Field | null => named(names, (f) => f.loc === 0 && (f.size === 1 || f.size === 2 || f.size === 4 || f.size === 8))
    const list = (...names: string[]): Field | null => named(names, (f) => f.loc === 0 || f.size === 4)
    typeOffset = Math.min(MAX_FIELD, fields.get('common_type')?.offset ?? 0)
    const common = { pid: get('common_pid'), flags: get('common_flags') }
    if (!spec) {
      const block = beside === Trace.blockIssue || beside === Trace.blockComplete
      decoders.set(id, {
        name, kind: beside, fields, device: block ? null : list('dev'), dma: block ? get('sector') : get('tlb'), phys: block ? get('dev') : get('orig'), size: get('nr_sector', 'size'), dir: get('dir'),
        attrs: null, mask: null, force: null, nents: null, ents: null, truncated: null, virt: null, dmas: null, sizes: null, physs: null, text: null, ...common
      })
      return
    }
    const sg = spec.kind === Trace.mapSg || spec.kind === Trace.unmapSg || spec.kind === Trace.syncSg || spec.kind === Trace.syncSgDevice
    const bounced = spec.kind === Trace.bounced
    decoders.set(id, {
      name, kind: spec.kind, fields, device: list('device', 'dev_name'), dma: sg ? null : get('dma_addr', 'addr'), phys: bounced ? get('dev_addr') : sg ? null : get('phys_addr'),
      size: sg ? null : get('size'), dir: get('dir'), attrs: get('attrs'), mask: get('dma_mask'), force: get('force'), nents: get('full_nents'), ents: get('full_ents'), truncated: get('truncated'), virt: get('virt_addr'),
      dmas: sg ? list('dma_addrs') : null, sizes: sg ? list('lengths') : null, physs: sg ? list('phys_addrs', 'addrs') : null, text: spec.kind === Trace.mark ? list('buf') : null, ...common
    })
  })
  const overlap = cpus.filter((c) => c.size > 0 && !c.compressed).sort((a, b) => a.offset - b.offset).find((c, i, all) => i > 0 && c.offset < (all[i - 1] as CpuData).offset + (all[i - 1] as CpuData).size)
  if (overlap) return bad(source, `trace.dat whose data of CPU ${overlap.cpu} lies within that of another`)
  const t = tsc as { mult: number; shift: number; offset: number } | null
  return ok({
    info: { version, bigEndian, compression, cpus: cpuCount, clock, uname, overrun, dropped }, le, pageSize, ...layout, pagesAtHand: Math.min(64, share), unpacked: { left: 2 * MAX_SECTION + 250 * source.size }, typeOffset, compression, cpus, decoders, eventNames,
    toNanos: t !== null && t.mult > 0 ? (x) => ((x - t.offset) * t.mult) / 2 ** t.shift : (x) => x
  })
}

// Where a CPU's compressed chunks end, in a file without an index.
function packedEnd(source: ByteSource, c: CpuData, le: boolean): number {
  const q = new Reader(source, c.offset, le)
  const n = q.u32()
  for (let i = 0; i < n; i++) {
    if (q.at + 8 > source.size) return source.size
    const packed = q.u32()
    q.u32()
    q.at += packed
    if (q.at > source.size) return source.size
  }
  return q.at
}

function fieldsOf(format: string): Map<string, Field> {
  const out = new Map<string, Field>()
  for (const m of format.matchAll(/field:\s*([^;]+);\s*offset:(\d+);\s*size:(\d+);/g)) {
    const decl = (m[1] as string).trim()
    const name = /([A-Za-z_]\w*)(?:\[[^\]]*\])*$/.exec(decl)?.[1]
    if (name === undefined) continue
    // header_page has commit twice (commit, overwrite share the place); the first of a name counts.
    if (!out.has(name)) out.set(name, { offset: Number(m[2]), size: Number(m[3]), loc: decl.startsWith('__data_loc') ? 1 : decl.startsWith('__rel_loc') ? 2 : 0 })
  }
  return out
}

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
  private chunkAt = 0
  private chunksLeft = 0
  private fileAt: number
  private readonly fileEnd: number
  private readonly unpack: Unpack

  constructor(readonly data: CpuData, readonly order: number, private readonly head: Head, private readonly source: ByteSource, unpackers: Unpackers, private readonly skips: Skips) {
    this.fileAt = data.offset
    this.fileEnd = Math.min(source.size, data.offset + data.size)
    this.broken = data.offset + data.size > source.size
    if (this.broken) skips.add('cutRecord', 0, () => `CPU ${data.cpu}: ${data.offset + data.size - Math.max(data.offset, source.size)} bytes of its data are missing`)
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
      case 4: return this.view.getUint32(p, le)
      case 2: return this.view.getUint16(p, le)
      case 1: return this.view.getUint8(p)
      default: return 0
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
    const commit = commitSize === 8 ? this.view.getUint32(from + commitOffset + (le ? 0 : 4), le) : this.number(commitOffset, 4, le)
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
        if (plain > Math.max(this.head.pagesAtHand, PAGES_IN_CHUNK) * pageSize) throw new Error(`a chunk of ${plain} bytes`)
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
      this.chunk = this.source.read(this.fileAt, n).slice()
      this.fileAt += n
      if (this.chunk.length === 0) return false
    }
    this.consumed = this.fileAt - this.data.offset
    return true
  }
}

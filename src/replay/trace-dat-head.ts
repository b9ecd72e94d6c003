// The head of a trace.dat: its sections in the order of version 6 or found by the options of version 7, the formats of
// its events, where the data of each CPU lies. What no recorder writes is an error of the head.
import { type Diagnostic, err, messageOf, ok, type Result } from '../base/index.ts'
import { Trace, traceEvent, type TraceKind } from '../kernel/trace-events.ts'
import { besideKind } from './beside.ts'
import { MAX_CPUS } from './scan.ts'
import type { Skips } from './skips.ts'
import { isTraceDat } from './trace-dat-magic.ts'
import {
  type ByteSource,
  MAX_SECTION,
  memory,
  Reader,
  type Unpack,
  unpackerOf,
  type Unpackers
} from './trace-dat-bytes.ts'

// Option ids of version 7 (and 6, as far as it has them).
const OPT = {
  done: 0,
  date: 1,
  cpustat: 2,
  buffer: 3,
  traceclock: 4,
  uname: 5,
  offset: 7,
  tsc2nsec: 14,
  headerInfo: 16,
  ftraceEvents: 17,
  eventFormats: 18
} as const
/** Of a section of version 7, and of the pages of a buffer. */
const FLAG_COMPRESSED = 1
/** id, flags, description and size of a section of version 7. */
const SECTION_HEAD = 16
/** Sub-buffers of a ring buffer have the size of a page or a few. */
const MIN_PAGE = 512
const MAX_PAGE = 16 << 20
/** Bytes of pages that all CPUs together have at hand. */
const PAGES_AT_HAND = 128 << 20
/** Pages of one CPU that are read at once, at most. */
const MOST_PAGES = 64
/** Records are shorter than a page of the largest kind; their lists are found by 16 bits. */
const MAX_FIELD = 65536
/** Event formats, sections and options of a head; a kernel has some thousand events. */
const MAX_PARTS = 65536

export interface Field {
  readonly offset: number
  readonly size: number
  /** 0 plain, 1 __data_loc, 2 __rel_loc. */
  readonly loc: number
}

/** How to read one event id. Offsets are -1 where the event has no such field. */
export interface Decoder {
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

export interface CpuData {
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

export interface Head {
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

const wrong = (source: ByteSource, message: string, hint?: string): Diagnostic => ({
  code: 'TB-356',
  file: source.name,
  line: 0,
  column: 0,
  word: '',
  message,
  ...(hint ? { hint } : {})
})
export const bad = <T>(source: ByteSource, message: string, hint?: string): Result<T, Diagnostic> =>
  err(wrong(source, message, hint))

interface TscClock {
  readonly mult: number
  readonly shift: number
  readonly offset: number
}

/** What the sections and options of a head say, collected in their order. */
class Parts {
  readonly formats: string[] = []
  /** The subsystem of each format. */
  readonly systems: string[] = []
  headerPage = ''
  readonly cpus: CpuData[] = []
  cpuCount = 0
  clock = ''
  uname = ''
  overrun = 0
  dropped = 0
  tsc: TscClock | null = null
  private readonly decoder = new TextDecoder('utf-8')

  constructor(
    readonly source: ByteSource,
    readonly le: boolean,
    readonly pageSize: number
  ) {}

  text(bytes: Uint8Array): string {
    return this.decoder.decode(bytes)
  }
  private addFormat(system: string, format: string): void {
    if (this.formats.length >= MAX_PARTS) throw new Error('more event formats than any kernel has')
    this.formats.push(format)
    this.systems.push(system)
  }
  addCpu(c: CpuData): void {
    if (this.cpus.length >= MAX_CPUS || !(c.cpu < MAX_CPUS)) throw new Error(`data of more than ${MAX_CPUS} CPUs`)
    this.cpus.push(c)
  }

  headerInfo(q: Reader): void {
    q.string()
    this.headerPage = this.text(q.take(q.u64()))
    q.string()
    q.take(q.u64())
  }
  ftrace(q: Reader): void {
    const n = q.u32()
    for (let i = 0; i < n; i++) this.addFormat('ftrace', this.text(q.take(q.u64())))
  }
  events(q: Reader): void {
    const n = q.u32()
    for (let i = 0; i < n; i++) {
      const system = q.string()
      const m = q.u32()
      for (let k = 0; k < m; k++) this.addFormat(system, this.text(q.take(q.u64())))
    }
  }
  /** A section of version 7 that describes events; any other is left alone. */
  section(id: number, reader: () => Reader): void {
    if (id === OPT.headerInfo) this.headerInfo(reader())
    else if (id === OPT.ftraceEvents) this.ftrace(reader())
    else if (id === OPT.eventFormats) this.events(reader())
  }
  /** An option that both versions have; any other is left alone. */
  option(id: number, data: Uint8Array): void {
    if (id === OPT.cpustat) {
      const t = this.text(data)
      this.overrun += Number(/^overrun: (\d+)/m.exec(t)?.[1] ?? 0)
      this.dropped += Number(/^dropped events: (\d+)/m.exec(t)?.[1] ?? 0)
    } else if (id === OPT.traceclock) this.clock = /\[(\w+)\]/.exec(this.text(data))?.[1] ?? this.clock
    else if (id === OPT.uname) this.uname = this.text(data).replace(/\0.*$/s, '')
    else if (id === OPT.tsc2nsec && data.length >= 16) {
      const q = this.within(data)
      const t = { mult: q.u32(), shift: q.u32(), offset: q.u64() }
      if (t.shift > 63) throw new Error(`a clock with a shift of ${t.shift}`)
      this.tsc = t
    }
  }
  within(data: Uint8Array): Reader {
    return new Reader(memory(this.source.name, data), 0, this.le)
  }
}

/** Version 6: the sections one after the other, options, then where the data of each CPU lies. */
function readVersion6(r: Reader, p: Parts): Diagnostic | null {
  p.headerInfo(r)
  p.ftrace(r)
  p.events(r)
  // kallsyms, printk formats, command lines
  for (const read of [() => r.u32(), () => r.u32(), () => r.u64()]) {
    const n = read()
    r.at += n
  }
  p.cpuCount = r.u32()
  if (p.cpuCount > MAX_CPUS) throw new Error(`${p.cpuCount} CPUs`)
  let tag = p.text(r.take(10))
  if (tag === 'options  \0') {
    for (let id = r.u16(); id !== OPT.done; id = r.u16()) {
      const data = r.take(r.u32())
      if (id === OPT.buffer && data.length >= 8) {
        // A buffer instance: its flyrecord lies elsewhere.
        const b = new Reader(p.source, p.within(data).u64(), p.le)
        if (p.text(b.take(10)).startsWith('flyrecord')) flyrecord(b, p)
      } else p.option(id, data)
    }
    tag = p.text(r.take(10))
  }
  if (!tag.startsWith('flyrecord'))
    return wrong(
      p.source,
      `trace.dat with '${tag.replace(/\0/g, '').trim()}' in place of recorded events`,
      'only recordings of the ring buffer (flyrecord) can be replayed'
    )
  flyrecord(r, p)
  return null
}

function flyrecord(r: Reader, p: Parts): void {
  for (let c = 0; c < p.cpuCount; c++) p.addCpu({ cpu: c, offset: r.u64(), size: r.u64(), compressed: false })
}

interface Section {
  readonly id: number
  readonly reader: Reader
}

/** The section at a place, unpacked. */
function sectionAt(at: number, p: Parts, unpack: Unpack): Section {
  const q = new Reader(p.source, at, p.le)
  const id = q.u16()
  const flags = q.u16()
  q.u32()
  const size = q.u64()
  if (size > MAX_SECTION) throw new Error(`a section of ${size} bytes`)
  if (!(flags & FLAG_COMPRESSED)) return { id, reader: p.within(q.take(size)) }
  const packed = q.u32()
  const plain = q.u32()
  if (plain > MAX_SECTION) throw new Error(`a section of ${plain} bytes`)
  return { id, reader: p.within(unpack(q.take(packed), plain)) }
}

/** Version 7: options point at the sections, and at further options. */
function readVersion7(r: Reader, p: Parts, unpack: Unpack, skips: Skips): void {
  const next = r.u64()
  const firstSection = r.at
  try {
    readOptions(next, p, unpack)
  } catch (e) {
    // The index is at the end of the file: a file cut off is read section by section from its beginning.
    if (p.cpus.length > 0) throw e
    skips.add('cutRecord', 0, () => messageOf(e))
    p.formats.length = 0
    p.systems.length = 0
    readSections(firstSection, p, unpack)
  }
}

function readOptions(first: number, p: Parts, unpack: Unpack): void {
  // Sections point at each other: each counts once, so that a ring of them ends.
  const read = new Set<number>()
  const once = (at: number): Reader => {
    if (read.has(at)) throw new Error(`the section at ${at} is named twice`)
    read.add(at)
    return sectionAt(at, p, unpack).reader
  }
  for (let next = first; next !== 0; ) {
    const q = once(next)
    next = 0
    for (let options = 0; ; options++) {
      if (options > MAX_PARTS) throw new Error('more options than any recorder writes')
      const id = q.u16()
      const data = q.take(q.u32())
      const o = p.within(data)
      if (id === OPT.done) {
        next = data.length >= 8 ? o.u64() : 0
        break
      }
      if (id === OPT.buffer) bufferOption(o, p)
      else p.option(id, data)
      p.section(id, () => once(o.u64()))
    }
  }
}

/** A ring buffer: where the data of each of its CPUs lies. */
function bufferOption(o: Reader, p: Parts): void {
  const at = o.u64()
  o.string()
  const named = o.string()
  if (named) p.clock = named
  o.u32()
  const n = o.u32()
  if (n > MAX_CPUS) throw new Error(`${n} CPUs`)
  p.cpuCount = Math.max(p.cpuCount, n)
  const compressed = (new Reader(p.source, at + 2, p.le).u16() & FLAG_COMPRESSED) !== 0
  for (let c = 0; c < n; c++) p.addCpu({ cpu: o.u32(), offset: o.u64(), size: o.u64(), compressed })
}

/** The sections of a file without an index, up to the first buffer. */
function readSections(first: number, p: Parts, unpack: Unpack): void {
  const { source, le, pageSize } = p
  const toPage = (at: number): number => Math.ceil(at / pageSize) * pageSize
  for (let at = first; at + SECTION_HEAD < source.size; ) {
    const q = new Reader(source, at, le)
    const id = q.u16()
    const flags = q.u16()
    q.u32()
    const size = q.u64()
    if (id === OPT.buffer) {
      const compressed = (flags & FLAG_COMPRESSED) !== 0
      const end = Math.min(source.size, size > 0 ? at + SECTION_HEAD + size : source.size)
      let from = toPage(at + SECTION_HEAD)
      for (let c = 0; from < end && c < MAX_CPUS; c++) {
        const data = { cpu: c, offset: from, size: end - from, compressed }
        const stop = compressed ? packedEnd(source, data, le) : end
        p.addCpu({ ...data, size: stop - from })
        from = toPage(stop)
      }
      p.cpuCount = p.cpus.length
      return
    }
    const here = at
    p.section(id, () => sectionAt(here, p, unpack).reader)
    if (size === 0) return
    at += SECTION_HEAD + size
  }
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

interface PageLayout {
  readonly commitOffset: number
  readonly commitSize: number
  readonly dataOffset: number
}

/** Where a page says how much it holds, and where that begins; null where no ring buffer has it so. */
function pageLayout(p: Parts): PageLayout | null {
  const page = fieldsOf(p.headerPage)
  const commit = page.get('commit')
  const layout = {
    commitOffset: commit?.offset ?? 8,
    commitSize: commit?.size ?? 8,
    dataOffset: page.get('data')?.offset ?? 16
  }
  return (layout.commitSize === 4 || layout.commitSize === 8) &&
    layout.dataOffset <= p.pageSize - 8 &&
    layout.commitOffset + layout.commitSize <= layout.dataOffset &&
    layout.dataOffset >= 8
    ? layout
    : null
}

/** The fields of one format that are of use, by the names they may have. */
class Formatted {
  constructor(readonly fields: ReadonlyMap<string, Field>) {}

  // A field of a size that its kind cannot have is as good as none.
  private named(names: readonly string[], good: (f: Field) => boolean): Field | null {
    const found = names.map((n) => this.fields.get(n)).find((f) => f !== undefined)
    return found !== undefined && found.offset < MAX_FIELD && good(found) ? found : null
  }
  number(...names: string[]): Field | null {
    return this.named(names, (f) => f.loc === 0 && (f.size === 1 || f.size === 2 || f.size === 4 || f.size === 8))
  }
  list(...names: string[]): Field | null {
    return this.named(names, (f) => f.loc === 0 || f.size === 4)
  }
}

const SG_KINDS: ReadonlySet<TraceKind> = new Set([Trace.mapSg, Trace.unmapSg, Trace.syncSg, Trace.syncSgDevice])

/** How to read one of the kernel's DMA events. */
function decoderOf(name: string, kind: TraceKind, f: Formatted): Decoder {
  const sg = SG_KINDS.has(kind)
  return {
    name,
    kind,
    fields: f.fields,
    device: f.list('device', 'dev_name'),
    dma: sg ? null : f.number('dma_addr', 'addr'),
    phys: kind === Trace.bounced ? f.number('dev_addr') : sg ? null : f.number('phys_addr'),
    size: sg ? null : f.number('size'),
    dir: f.number('dir'),
    attrs: f.number('attrs'),
    mask: f.number('dma_mask'),
    force: f.number('force'),
    nents: f.number('full_nents'),
    ents: f.number('full_ents'),
    truncated: f.number('truncated'),
    virt: f.number('virt_addr'),
    dmas: sg ? f.list('dma_addrs') : null,
    sizes: sg ? f.list('lengths') : null,
    physs: sg ? f.list('phys_addrs', 'addrs') : null,
    text: kind === Trace.mark ? f.list('buf') : null,
    pid: f.number('common_pid'),
    flags: f.number('common_flags')
  }
}

/** How to read an event that is recorded beside the DMA API: the block layer's, or a probe of the recorder's. */
function decoderBeside(name: string, kind: TraceKind, f: Formatted): Decoder {
  const block = kind === Trace.blockIssue || kind === Trace.blockComplete
  return {
    name,
    kind,
    fields: f.fields,
    device: block ? null : f.list('dev'),
    dma: block ? f.number('sector') : f.number('tlb'),
    phys: block ? f.number('dev') : f.number('orig'),
    size: f.number('nr_sector', 'size'),
    dir: f.number('dir'),
    attrs: null,
    mask: null,
    force: null,
    nents: null,
    ents: null,
    truncated: null,
    virt: null,
    dmas: null,
    sizes: null,
    physs: null,
    text: null,
    pid: f.number('common_pid'),
    flags: f.number('common_flags')
  }
}

/** The events of a file: what they are called, and how those are read that mean something here. */
function readFormats(p: Parts): Pick<Head, 'decoders' | 'eventNames' | 'typeOffset'> {
  const decoders = new Map<number, Decoder>()
  const eventNames = new Map<number, string>()
  let typeOffset = 0
  p.formats.forEach((format, i) => {
    const name = /^name: (\S+)/m.exec(format)?.[1]
    const id = Number(/^ID: (\d+)/m.exec(format)?.[1] ?? -1)
    if (name === undefined || id < 0) return
    eventNames.set(id, name)
    const spec = traceEvent(name)
    const beside = spec ? Trace.none : besideKind(name, '')
    if (spec ? (spec.system === 'ftrace') !== (p.systems[i] === 'ftrace') : beside === Trace.none) return
    const f = new Formatted(fieldsOf(format))
    typeOffset = Math.min(MAX_FIELD, f.fields.get('common_type')?.offset ?? 0)
    decoders.set(id, spec ? decoderOf(name, spec.kind, f) : decoderBeside(name, beside, f))
  })
  return { decoders, eventNames, typeOffset }
}

/** A page size that a ring buffer can have. */
const isPageSize = (n: number): boolean => n >= MIN_PAGE && n <= MAX_PAGE && (n & (n - 1)) === 0

/** The CPU whose data lies within that of another, or null. */
function overlapping(cpus: readonly CpuData[]): CpuData | null {
  const end = (c: CpuData): number => c.offset + c.size
  const plain = cpus.filter((c) => c.size > 0 && !c.compressed).sort((a, b) => a.offset - b.offset)
  return plain.find((c, i) => i > 0 && c.offset < end(plain[i - 1] as CpuData)) ?? null
}

/** @throws Error where the head is damaged or cut off */
export function readHead(source: ByteSource, unpackers: Unpackers, skips: Skips): Result<Head, Diagnostic> {
  const first = source.read(0, 4096)
  if (!isTraceDat(first)) return bad(source, 'not a trace.dat')
  const start = new Reader(source, 10, true)
  const version = Number(start.string())
  if (version !== 6 && version !== 7)
    return bad(
      source,
      `trace.dat of version ${version}; versions 6 and 7 are known`,
      'trace-cmd convert --file-version 7 makes one of them; trace-cmd report makes text'
    )
  const bigEndian = start.u8() === 1
  const le = !bigEndian
  // the size of a long
  start.u8()
  const r = new Reader(source, start.at, le)
  const pageSize = r.u32()
  if (!isPageSize(pageSize))
    return bad(
      source,
      `trace.dat with pages of ${pageSize} bytes`,
      'its head is damaged: pages have 4096 bytes, or another power of two'
    )
  const p = new Parts(source, le, pageSize)
  let compression = ''
  if (version === 6) {
    const unusable = readVersion6(r, p)
    if (unusable !== null) return err(unusable)
  } else {
    compression = r.string()
    r.string()
    readVersion7(r, p, unpackerOf(compression, unpackers), skips)
  }
  if (p.headerPage === '') return bad(source, 'trace.dat without a page format')
  const { cpus, tsc } = p
  if (cpus.length === 0)
    return bad(
      source,
      'trace.dat without recorded events: it is cut off before its data',
      'what is missing cannot be rebuilt; record again'
    )
  const layout = pageLayout(p)
  if (layout === null) return bad(source, 'trace.dat with a page format that no ring buffer has')
  const share = Math.floor(PAGES_AT_HAND / (cpus.length * pageSize))
  if (share < 1)
    return bad(
      source,
      `trace.dat with data of ${cpus.length} CPUs in pages of ${pageSize} bytes: too much to hold a page of each`
    )
  const overlap = overlapping(cpus)
  if (overlap) return bad(source, `trace.dat whose data of CPU ${overlap.cpu} lies within that of another`)
  const { clock, uname, overrun, dropped } = p
  return ok({
    info: { version, bigEndian, compression, cpus: p.cpuCount, clock, uname, overrun, dropped },
    le,
    pageSize,
    ...layout,
    pagesAtHand: Math.min(MOST_PAGES, share),
    unpacked: { left: 2 * MAX_SECTION + 250 * source.size },
    compression,
    cpus,
    ...readFormats(p),
    toNanos: tsc !== null && tsc.mult > 0 ? (x) => ((x - tsc.offset) * tsc.mult) / 2 ** tsc.shift : (x) => x
  })
}

function fieldsOf(format: string): Map<string, Field> {
  const out = new Map<string, Field>()
  for (const m of format.matchAll(/field:\s*([^;]+);\s*offset:(\d+);\s*size:(\d+);/g)) {
    const decl = (m[1] as string).trim()
    const name = /([A-Za-z_]\w*)(?:\[[^\]]*\])*$/.exec(decl)?.[1]
    if (name === undefined) continue
    // header_page has commit twice (commit, overwrite share the place); the first of a name counts.
    if (!out.has(name))
      out.set(name, {
        offset: Number(m[2]),
        size: Number(m[3]),
        loc: decl.startsWith('__data_loc') ? 1 : decl.startsWith('__rel_loc') ? 2 : 0
      })
  }
  return out
}

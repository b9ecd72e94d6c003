// Text of trace events to records, on bytes: tracefs `trace` and `trace_pipe` (with LOST lines and the TGID column),
// `trace-cmd report` (with its unparsed arrays) and `perf script`. No string per line; names are interned by hash. This
// file may be ugly: its readable twin is scan-slow.ts, and a property test holds the two together.
//
// An event line is: anything, `[CPU]`, maybe irq flags, a time, a colon, the event's name (maybe with its system before
// it), a colon, then fields by name. Nothing is taken by position but the device's name, which has no key.
//
// What keeps a reader of hostile bytes in its line: every loop stops at the line end; nothing steps over a byte that it
// has not compared; a fast step compares whole words, so that it can only run over text that it knows; and the last
// line of each chunk is read from a buffer with line ends behind it, so that a step too far, were there one, ends there
// and is found out.
import { assertTrue } from '../base/index.ts'
import { parseAttrs, Trace, TRACE_EVENTS, type TraceKind } from '../kernel/trace-events.ts'
import { besideHas, besideKind, readBeside } from './beside.ts'
import { type EventSink, Has, hashBytes, Irq, MAX_SEGMENTS, type Names, REQUIRED, TraceEvent } from './event.ts'
import { PCI_NAME, PciNames } from './pci-names.ts'
import type { Skips } from './skips.ts'

/** A longer line (its end counts) is passed over and counted. */
export const MAX_LINE = 1 << 20
/** Bytes of the longest device name. Names are kept for good, so that they must be bounded. */
export const MAX_DEVICE = 256
/** Bytes of the longest name of an event that is not ours. */
export const MAX_EVENT_NAME = 128
/** The largest time (ns), address, size and count: what 64 bits hold. */
export const MAX_NUMBER = 2 ** 64
/** CPU numbers are below it. */
export const MAX_CPUS = 65536
/** More digits than any clock prints behind its point. */
export const MAX_FRACTION = 15
/** The most digits of a task's id. */
export const MAX_PID_DIGITS = 10
const PID_SCALE = 10 ** MAX_PID_DIGITS

const HEX = new Uint8Array(256).fill(255)
for (let i = 0; i < 10; i++) HEX[48 + i] = i
for (let i = 0; i < 6; i++) HEX[97 + i] = HEX[65 + i] = 10 + i

const enc = new TextEncoder()
const hashOf = (s: string): number => hashBytes(enc.encode(s), 0, s.length)

// Event names and keys by hash: two small open-addressed tables. Text with the hash of a known name is compared with
// it: a 32-bit hash is easily met on purpose.
class HashTable {
  private readonly hash = new Int32Array(256)
  private readonly name: (Uint8Array | null)[] = new Array(256).fill(null)
  private readonly value = new Uint8Array(256)
  add(name: string, value: number): void {
    let at = hashOf(name) & 255
    while (this.name[at] !== null) at = (at + 1) & 255
    this.hash[at] = hashOf(name)
    this.name[at] = enc.encode(name)
    this.value[at] = value
  }
  /** What bytes [from, to) with this hash stand for; 0: nothing known. */
  get(buf: Uint8Array, from: number, to: number, hash: number): number {
    for (let at = hash & 255; ; at = (at + 1) & 255) {
      const name = this.name[at] as Uint8Array | null
      if (name === null) return 0
      if (this.hash[at] === hash && name.length === to - from && sameBytes(name, buf, from))
        return this.value[at] as number
    }
  }
}

function sameBytes(name: Uint8Array, buf: Uint8Array, from: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== buf[from + i]) return false
  return true
}

// %p prints NULL as zeros and everything else hashed: the allocation failed, and its DMA address is what was there
// before.
function isNull(buf: Uint8Array, from: number): boolean {
  let p = from
  if (buf[p] === 48 && buf[p + 1] === 120) p += 2
  const digits = p
  while (buf[p] === 48) p++
  return p > digits && (buf[p] === SP || buf[p] === NL || buf[p] === 13)
}

const kinds = new HashTable()
for (const e of TRACE_EVENTS) kinds.add(e.name, e.kind)

const K = {
  dir: 1,
  dma: 2,
  size: 3,
  phys: 4,
  attrs: 5,
  mask: 6,
  devAddr: 7,
  nents: 8,
  ents: 9,
  dmas: 10,
  sizes: 11,
  physs: 12,
  device: 13,
  force: 14,
  truncated: 15,
  fullNents: 16,
  fullEnts: 17,
  addrs: 18,
  virt: 19
} as const
const keys = new HashTable()
for (const [name, id] of [
  ['dir', K.dir],
  ['dma_addr', K.dma],
  ['addr', K.dma],
  ['size', K.size],
  ['phys_addr', K.phys],
  ['attrs', K.attrs],
  ['dma_mask', K.mask],
  ['dev_addr', K.devAddr],
  ['nents', K.nents],
  ['ents', K.ents],
  ['dma_addrs', K.dmas],
  ['sizes', K.sizes],
  ['lengths', K.sizes],
  ['phys_addrs', K.physs],
  ['device', K.device],
  ['dev_name', K.device],
  ['force', K.force],
  ['truncated', K.truncated],
  ['full_nents', K.fullNents],
  ['full_ents', K.fullEnts],
  ['addrs', K.addrs],
  ['virt_addr', K.virt]
] as const)
  keys.add(name, id)

const IRQ_OF = new Uint8Array(256)
IRQ_OF[46] = Irq.task
IRQ_OF[115] = Irq.soft
for (const c of 'hH') IRQ_OF[c.charCodeAt(0)] = Irq.hard
for (const c of 'zZ') IRQ_OF[c.charCodeAt(0)] = Irq.nmi

// Known text is compared in words, as DataView reads them little-endian: two bytes, four, or eight as a double. A
// double compares as its bytes do, with two exceptions: those of a NaN equal nothing (the general path then reads
// them), and zero has two forms (`NO_WORD`).
const wordOf = (t: string): DataView => new DataView(enc.encode(t).buffer)
const w2 = (t: string): number => wordOf(t).getUint16(0, true)
const w4 = (t: string): number => wordOf(t).getUint32(0, true)
const w8 = (t: string): number => wordOf(t).getFloat64(0, true)
const NO_WORD = 0
const W = {
  swiotlb_: w8('swiotlb_'),
  bounced_: w8('bounced:'),
  dma_map_: w8('dma_map_'),
  dma_unma: w8('dma_unma'),
  page: w4('page'),
  phys: w4('phys'),
  sg: w4('sg: '),
  p_pa: w4('p_pa'),
  p_ph: w4('p_ph'),
  p_sg: w4('p_sg'),
  ge: w4('ge: '),
  ys: w4('ys: '),
  _dev_nam: w8(' dev_nam'),
  me_: w4('me: '),
  _dma_mas: w8(' dma_mas'),
  k_ffffff: w8('k=ffffff'),
  ffffffff: w8('ffffffff'),
  ff_dev_a: w8('ff dev_a'),
  ask_: w4('ask='),
  ddr_: w4('ddr='),
  _dev_add: w8(' dev_add'),
  _dma_add: w8(' dma_add'),
  r_: w2('r='),
  _siz: w4(' siz'),
  e_: w2('e='),
  _phys_ad: w8(' phys_ad'),
  _dir_TO_: w8(' dir=TO_'),
  _DEVICE_: w8('_DEVICE '),
  _dir_FRO: w8(' dir=FRO'),
  _dir_BID: w8(' dir=BID'),
  IRECTION: w8('IRECTION'),
  CTIONAL_: w8('CTIONAL '),
  _attrs_: w8(' attrs=\n'),
  _FOR: w4(' FOR'),
  RCE_: w4('RCE\n'),
  _NOR: w4(' NOR'),
  MAL_: w4('MAL\n'),
  colonBlank: w2(': '),
  hexMark: w2('0x')
} as const

// Four decimal digits as text, in one word: whether they are, and their value.
const areDigits = (word: number): boolean =>
  (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030
function valueOfDigits(word: number): number {
  const ones = word & 0x0f0f0f0f
  const pairs = Math.imul(ones, 10) + (ones >>> 8)
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff)
}

// Two bytes of text as hex digits: their value; ONE_DIGIT and the value of the first where only that is one; NO_DIGIT.
const ONE_DIGIT = 256
const NO_DIGIT = 512
const HEX_PAIR = new Uint16Array(65536).fill(NO_DIGIT)
for (let a = 0; a < 256; a++) {
  const high = HEX[a] as number
  if (high !== 255)
    for (let b = 0; b < 256; b++) {
      const low = HEX[b] as number
      HEX_PAIR[a | (b << 8)] = low === 255 ? ONE_DIGIT | high : (high << 4) | low
    }
}
/** Digits that a fast step reads at most: 52 bits, which a double holds. */
const PAIRED_DIGITS = 12

// What stands before the time of a line (task, id, CPU, flags) is one of few texts in any recording, each as long as
// the one before it or nearly always so: those seen last are kept by their bytes with what they say.
const HEADS = 1024
const HEAD_SHIFT = 22
const HEAD_WORDS = 8
const LONGEST_HEAD = HEAD_WORDS * 8
const SHORTEST_HEAD = 24
/**
 * Bytes that a fast step may look ahead; nearer to the end of a chunk the general path is taken. Behind a kept line lie
 * as many line ends.
 */
const AHEAD = 72

const NL = 10
const SP = 32
const COLON = 58
const EQ = 61

/** What a text trace's comments say. */
export interface TextHeader {
  /** "entries-in-buffer/entries-written"; the difference was overwritten. Null when there is no such line. */
  entriesInBuffer: number | null
  entriesWritten: number | null
  /** `#P:N`, or `cpus=N` of trace-cmd. */
  cpus: number | null
  /** `# tracer:`; null when there is no such line. */
  tracer: string | null
}

/** Feeds on chunks of bytes and hands events to the sink. Parts of one file are pushed one after the other. */
export class TextScanner {
  readonly header: TextHeader = { entriesInBuffer: null, entriesWritten: null, cpus: null, tracer: null }
  /** Lines seen, comments and blank ones included. */
  lines = 0
  /** Bytes seen. */
  bytes = 0
  /** Lines that were well-formed events of any name, known or not. */
  events = 0
  /** Well-formed events whose name means nothing to us, by name. */
  readonly others = new Map<string, number>()
  private readonly ev = new TraceEvent()
  private readonly decoder = new TextDecoder('utf-8')
  // The line that a chunk left unfinished, or its last one; AHEAD line ends are put behind it before it is read.
  private carry = new Uint8Array(64 * 1024)
  private carried = 0
  private dropping = false
  private readonly otherIds = new Map<number, { name: string; count: number }>()
  private pos = 0
  private num = 0
  private bad = false

  /**
   * `onHeader` is told of each comment that says something of the recording, where it stands: before the events behind
   * it.
   */
  constructor(
    private readonly sink: EventSink,
    readonly names: Names,
    readonly skips: Skips,
    private readonly onHeader: (h: TextHeader) => void = () => {}
  ) {}

  /** Reads one more chunk. The chunk may be reused after the call. */
  push(chunk: Uint8Array): void {
    // A line that is too long is found out where it is kept; so none may be whole in what is read at once.
    for (let from = 0; from < chunk.length; from += MAX_LINE)
      this.piece(chunk.length <= MAX_LINE ? chunk : chunk.subarray(from, Math.min(chunk.length, from + MAX_LINE)))
  }

  private piece(chunk: Uint8Array): void {
    this.bytes += chunk.length
    let from = 0
    if (this.carried > 0 || this.dropping) {
      const nl = chunk.indexOf(NL)
      this.keep(chunk, 0, nl < 0 ? chunk.length : nl + 1)
      if (nl < 0) return
      this.scanKept()
      from = nl + 1
    }
    const last = chunk.lastIndexOf(NL)
    if (last >= from) {
      // The last line is kept as well: its copy has line ends behind it, and its own end stops what reads the lines
      // before it.
      const before = last === 0 ? -1 : chunk.lastIndexOf(NL, last - 1)
      if (before >= from) {
        this.scan(chunk, from, before + 1)
        from = before + 1
      }
      this.keep(chunk, from, last + 1)
      this.scanKept()
      from = last + 1
    }
    if (from < chunk.length) this.keep(chunk, from, chunk.length)
  }

  /**
   * The next file begins with this byte. A line that the last file left unfinished goes on in it, unless the byte looks
   * like a line's beginning.
   */
  boundary(next: number): void {
    if (this.carried > 0 && (next === 35 || next === SP)) this.push(LINE_END)
  }

  /** No more bytes. A last line without line end is read, and counted as cut when it is not whole. */
  end(): void {
    if (this.carried > 0 || this.dropping) {
      this.atEnd = true
      this.scanKept()
      this.atEnd = false
    }
    for (const o of this.otherIds.values()) this.others.set(o.name, (this.others.get(o.name) ?? 0) + o.count)
    this.otherIds.clear()
  }
  private atEnd = false

  // Reads the line that was kept, whether its end has come or not.
  private scanKept(): void {
    const n = this.carried
    this.carried = 0
    if (this.dropping) {
      this.dropping = false
      this.lines++
      return
    }
    this.carry.fill(NL, n, n + AHEAD + 1)
    this.scan(this.carry, 0, this.carry[n - 1] === NL ? n : n + 1)
  }

  private room(n: number): void {
    if (n <= this.carry.length) return
    const more = new Uint8Array(Math.max(n, this.carry.length * 2))
    more.set(this.carry.subarray(0, this.carried))
    this.carry = more
  }

  // Keeps bytes [from, to), which hold one line end at most, as their last byte.
  private keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.dropping) return
    const n = to - from
    if (this.carried + n > MAX_LINE) {
      this.dropping = true
      this.carried = 0
      this.skips.add('longLine', this.lines + 1)
      return
    }
    this.room(this.carried + n + AHEAD + 1)
    this.carry.set(chunk.subarray(from, to), this.carried)
    this.carried += n
  }

  // All lines of buf[from, to), which ends with a line end; so does a line behind it.
  private scan(buf: Uint8Array, from: number, to: number): void {
    if (buf !== this.viewed) {
      this.viewed = buf
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength)
      this.far = buf.length - AHEAD
    }
    let p = from
    while (p < to) {
      this.lines++
      p = this.line(buf, p)
    }
    assertTrue(p === to && buf[p - 1] === NL, 'the scanner left its line')
  }
  private viewed: Uint8Array | null = null
  private view: DataView = new DataView(new ArrayBuffer(0))
  /** Beyond this place no fast step is tried. */
  private far = 0

  // What stands before the time of a line, up to its first digit: reads it into `cpu`, `irq` and `bracket`. The place
  // of that digit; where the line is no event, less than zero: the place behind its end, negative.
  // Long: one pass over the bytes of a line.
  private head(buf: Uint8Array, start: number): number {
    let p = start
    let c = buf[p] as number
    if (c === 35) return -this.comment(buf, start)
    // The first `[digits] `: the CPU. A line of lost events has its words in the first bracket.
    for (let first = true; ; first = false) {
      while (c !== 91 && c !== NL) c = buf[++p] as number
      if (c === NL) return -this.noEvent(buf, start, p)
      let q = p + 1
      let d = (buf[q] as number) - 48
      if (d >= 0 && d <= 9) {
        let n = d
        d = (buf[++q] as number) - 48
        while (d >= 0 && d <= 9) {
          n = n * 10 + d
          d = (buf[++q] as number) - 48
        }
        if (buf[q] === 93 && buf[q + 1] === SP && n < MAX_CPUS) {
          this.cpu = n
          this.plainHead = first
          break
        }
      }
      if (first && (buf[p + 1] === 76 || (d === SP - 48 && q > p + 1))) {
        const after = this.lost(buf, start, p)
        if (after > 0) return -after
      }
      c = buf[++p] as number
    }
    const bracket = p
    this.bracket = bracket
    // irq flags, then the time.
    p++
    while (buf[p] !== 93) p++
    p++
    while (buf[p] === SP) p++
    this.irq = Irq.unknown
    c = buf[p] as number
    if (c < 48 || c > 57) {
      if (c === NL) return -this.torn(buf, start, bracket, p)
      const third = buf[p + 1] === NL ? NL : (buf[p + 2] as number)
      this.irq = third === NL ? Irq.unknown : (IRQ_OF[third] as number)
      while (c !== SP && c !== NL) c = buf[++p] as number
      while (c === SP) c = buf[++p] as number
    }
    return c >= 48 && c <= 57 ? p : -this.torn(buf, start, bracket, this.eol(buf, p))
  }
  private cpu = 0
  private irq = 0
  /** The place of the bracket before the CPU; `plainHead`: no other one is before it. */
  private bracket = 0
  private plainHead = false

  // The same for a head that was seen before, from its bytes, and its task into `pid`; -1 when it is not known.
  private knownHead(start: number): number {
    const v = this.view
    const length = this.headLength
    const slot = this.headSlot(start, length)
    if (this.headLengths[slot] !== length) return -1
    const first = slot * HEAD_WORDS
    const last = start + length - 8
    if (v.getFloat64(last, true) !== this.headWords[first]) return -1
    for (let p = start, i = first + 1; p < last; p += 8, i++) if (v.getFloat64(p, true) !== this.headWords[i]) return -1
    const d = v.getUint8(last + 8) - 48
    if (!(d >= 0 && d <= 9)) return -1
    this.cpu = this.headCpu[slot] as number
    this.irq = this.headIrq[slot] as number
    this.pid = this.headPid[slot] as number
    this.bracket = start + (this.headBracket[slot] as number)
    return last + 8
  }

  // Keeps the head of a line whose time begins at `end`.
  private rememberHead(start: number, end: number, pid: number): void {
    const length = end - start
    if (length < SHORTEST_HEAD || length > LONGEST_HEAD || !this.plainHead || pid > 0x7fffffff) return
    const v = this.view
    this.headLength = length
    const slot = this.headSlot(start, length)
    const first = slot * HEAD_WORDS
    const last = end - 8
    this.headLengths[slot] = 0
    if (v.getFloat64(last, true) === NO_WORD) return
    this.headWords[first] = v.getFloat64(last, true)
    for (let p = start, i = first + 1; p < last; p += 8, i++) {
      const word = v.getFloat64(p, true)
      if (word === NO_WORD) return
      this.headWords[i] = word
    }
    this.headLengths[slot] = length
    this.headCpu[slot] = this.cpu
    this.headIrq[slot] = this.irq
    this.headPid[slot] = pid
    this.headBracket[slot] = this.bracket - start
  }

  // Where a head of this length is kept: task and id stand in front of it, CPU and flags at its end.
  private headSlot(start: number, length: number): number {
    const v = this.view
    const task = Math.imul(v.getInt32(start + 12, true), 0x85ebca6b) ^ v.getInt32(start + 16, true)
    const where = Math.imul(v.getInt32(start + length - 16, true), 0xc2b2ae35) ^ v.getInt32(start + length - 12, true)
    return Math.imul(Math.imul(task, 31) ^ where, 0x9e3779b1) >>> HEAD_SHIFT
  }
  private headLength = SHORTEST_HEAD
  private pid = 0
  private readonly headLengths = new Uint8Array(HEADS)
  /** The last eight bytes of each head, then all from its front on. */
  private readonly headWords = new Float64Array(HEADS * HEAD_WORDS)
  private readonly headCpu = new Int32Array(HEADS)
  private readonly headIrq = new Uint8Array(HEADS)
  private readonly headPid = new Int32Array(HEADS)
  private readonly headBracket = new Uint8Array(HEADS)

  // One line; the position after its line end.
  // Long: one pass over the bytes of a line.
  private line(buf: Uint8Array, start: number): number {
    const ev = this.ev
    const quick = start < this.far
    let p = quick ? this.knownHead(start) : -1
    const known = p >= 0
    if (!known) {
      p = this.head(buf, start)
      if (p < 0) return -p
    }
    const timeAt = p
    const bracket = this.bracket
    let c = buf[p] as number
    let d = c - 48
    let sec = 0
    while (d >= 0 && d <= 9) {
      sec = sec * 10 + d
      d = (buf[++p] as number) - 48
    }
    let time: number
    let digits = 0
    if (d === -2 && p < this.far && this.microseconds(p + 1)) {
      time = sec * 1e9 + this.num * 1000
      p += 7
    } else if (d === -2) {
      let frac = 0
      const from = p + 1
      d = (buf[++p] as number) - 48
      while (d >= 0 && d <= 9) {
        frac = frac * 10 + d
        d = (buf[++p] as number) - 48
      }
      digits = p - from
      time = sec * 1e9 + (digits === 6 ? frac * 1000 : digits === 9 ? frac : Math.round(frac * 10 ** (9 - digits)))
    } else time = sec
    if (buf[p] !== COLON || digits > MAX_FRACTION || !(time <= MAX_NUMBER))
      return this.torn(buf, start, bracket, this.eol(buf, p))
    p++
    while (buf[p] === SP) p++
    // The name, after `system:` if there is one.
    let kind: TraceKind = p < this.far ? this.quickName(p) : Trace.none
    let nameAt = p
    let hash = 0
    if (kind !== Trace.none && buf[this.pos + 1] === SP) {
      p = this.pos
    } else {
      c = buf[p] as number
      for (;;) {
        while (c !== COLON && c !== SP && c !== NL) {
          hash = (Math.imul(hash, 31) + c) | 0
          c = buf[++p] as number
        }
        if (c !== COLON) break
        const next = buf[p + 1] as number
        if (next === SP || next === NL || next === 13) break
        c = next
        p++
        nameAt = p
        hash = 0
      }
      if (c !== COLON) return this.torn(buf, start, bracket, this.eol(buf, p))
      kind = kinds.get(buf, nameAt, p, hash) as TraceKind
      if (p - nameAt > MAX_EVENT_NAME) return this.torn(buf, start, bracket, this.eol(buf, p))
    }
    this.events++
    if (kind === Trace.none && this.besideOf(buf, hash, nameAt, p) !== Trace.none)
      return this.besideEvent(buf, hash, start, nameAt, p, time)
    if (kind === Trace.none) {
      this.countOther(buf, hash, nameAt, p)
      return this.eol(buf, p) + 1
    }
    p++
    ev.clear()
    ev.kind = kind
    ev.time = time
    ev.cpu = this.cpu
    ev.irq = this.irq
    ev.pid = known ? this.pid : this.pidBefore(buf, start, bracket)
    if (quick && !known) this.rememberHead(start, timeAt, ev.pid)
    ev.line = this.lines
    this.pos = p
    this.bad = false
    if (kind === Trace.mark) {
      const end = this.eol(buf, p)
      let from = p
      while (buf[from] === SP) from++
      ev.text = this.decoder.decode(buf.subarray(from, Math.min(end, from + 4096)))
      if (ev.text.startsWith('tracing_mark_write: ')) ev.text = ev.text.slice(20)
      this.sink.event(ev)
      return end + 1
    }
    if (buf[p] === SP) while (buf[p + 1] === SP) p++
    this.pos = p
    if (p < this.far && buf[p] === SP) this.quickArgs(buf, kind)
    if (buf[this.pos] !== NL) this.args(buf)
    const end = this.pos
    if (kind === Trace.mapSg) {
      if (ev.nents === 0) {
        ev.nents = ev.nphys
        ev.ents = ev.ndma
      }
      if (ev.nents > ev.nphys) ev.truncated = true
    }
    const missing = (REQUIRED[kind] as number) & ~ev.has
    if (missing !== 0 || this.bad) {
      this.skips.add(this.atEnd ? 'cutLine' : this.bad ? 'badNumber' : 'missingField', this.lines, () =>
        this.decoder.decode(buf.subarray(start, Math.min(end, start + 200)))
      )
      this.events--
    } else if (this.atEnd && !whole(ev, this.lastWord(buf, start, end))) {
      this.skips.add('cutLine', this.lines)
      this.events--
    } else this.sink.event(ev)
    return end + 1
  }

  // The last six letters of a line.
  private lastWord(buf: Uint8Array, start: number, end: number): string {
    let to = end
    while (to > start && (buf[to - 1] === SP || buf[to - 1] === 9 || buf[to - 1] === 13)) to--
    return this.decoder.decode(buf.subarray(Math.max(start, to - 6), to))
  }

  private countOther(buf: Uint8Array, hash: number, nameAt: number, p: number): void {
    const known = this.otherIds.get(hash)
    if (known !== undefined) known.count++
    else if (this.otherIds.size < 4096)
      this.otherIds.set(hash, { name: this.decoder.decode(buf.subarray(nameAt, p)), count: 1 })
    else this.others.set('(more names)', (this.others.get('(more names)') ?? 0) + 1)
  }

  // Block requests and kprobes: known by name or by the function that they probe, found out once for each name.
  private besideOf(buf: Uint8Array, hash: number, nameAt: number, p: number): TraceKind {
    const known = this.besides.get(hash)
    if (known !== undefined) return known
    if (this.besides.size >= 4096) return Trace.none
    const kind = besideKind(
      this.decoder.decode(buf.subarray(nameAt, p)),
      this.decoder.decode(buf.subarray(p + 1, Math.min(this.eol(buf, p), p + 400)))
    )
    this.besides.set(hash, kind)
    return kind
  }
  private readonly besides = new Map<number, TraceKind>()

  private besideEvent(buf: Uint8Array, hash: number, start: number, nameAt: number, p: number, time: number): number {
    const ev = this.ev
    const end = this.eol(buf, p)
    const kind = this.besides.get(hash) as TraceKind
    this.countOther(buf, hash, nameAt, p)
    const read = readBeside(kind, this.decoder.decode(buf.subarray(p + 1, Math.min(end, p + 4000))).replace(/\r$/, ''))
    if (read === null || this.atEnd) {
      this.skips.add(this.atEnd ? 'cutLine' : 'badNumber', this.lines, () =>
        this.decoder.decode(buf.subarray(start, Math.min(end, start + 200)))
      )
      this.events--
      return end + 1
    }
    ev.clear()
    ev.kind = kind
    ev.time = time
    ev.cpu = this.cpu
    ev.irq = this.irq
    ev.pid = this.pidBefore(buf, start, this.bracket)
    ev.line = this.lines
    ev.dma = read.dma ?? 0
    ev.phys = read.phys ?? 0
    ev.size = read.size ?? 0
    ev.dir = read.dir ?? 0
    ev.attrs = read.attrs ?? 0
    if (read.device !== undefined) ev.dev = this.names.id(read.device)
    ev.has = besideHas(read)
    this.sink.event(ev)
    return end + 1
  }

  // Six digits and `: ` behind a point, which is how most clocks are printed: whether they are there; microseconds into
  // num.
  private microseconds(p: number): boolean {
    const four = this.view.getInt32(p, true)
    const two = this.view.getInt32(p + 4, true)
    if (two >>> 16 !== W.colonBlank || !areDigits(four) || !areDigits((two & 0xffff) | 0x30300000)) return false
    this.num = valueOfDigits(four) * 100 + (two & 15) * 10 + ((two >>> 8) & 15)
    return true
  }

  // The common event names, eight bytes at a time; pos at the colon.
  private quickName(p: number): TraceKind {
    const v = this.view
    const first = v.getFloat64(p, true)
    if (first === W.swiotlb_) {
      this.pos = p + 15
      return v.getFloat64(p + 8, true) === W.bounced_ ? Trace.bounced : Trace.none
    }
    const third = v.getUint32(p + 8, true)
    if (first === W.dma_map_) {
      if (third === W.sg) {
        this.pos = p + 10
        return Trace.mapSg
      }
      this.pos = p + 12
      return (third === W.page || third === W.phys) && v.getUint8(p + 12) === COLON ? Trace.map : Trace.none
    }
    if (first !== W.dma_unma) return Trace.none
    if (third === W.p_sg) {
      this.pos = p + 12
      return v.getUint8(p + 12) === COLON ? Trace.unmapSg : Trace.none
    }
    const fourth = v.getUint32(p + 12, true)
    this.pos = p + 14
    return (third === W.p_pa && fourth === W.ge) || (third === W.p_ph && fourth === W.ys) ? Trace.unmap : Trace.none
  }

  // The fields of the common events, as long as they come in the order in which 6.12 prints them and each key is the
  // one expected; where that ends, pos stays and the general reader goes on from there. At pos is the blank before the
  // first field.
  private quickArgs(buf: Uint8Array, kind: TraceKind): void {
    if (kind === Trace.bounced) this.quickBounced(buf)
    else if (kind === Trace.map || kind === Trace.unmap || kind === Trace.mapSg || kind === Trace.unmapSg)
      this.quickMapping(buf, kind)
  }

  private quickBounced(buf: Uint8Array): void {
    const v = this.view
    const ev = this.ev
    const far = this.far
    let q = this.pos
    if (v.getFloat64(q, true) !== W._dev_nam || v.getUint32(q + 7, true) !== W.me_) return
    q = this.quickDevice(buf, q + 11)
    if (q < 0) return
    this.pos = q
    if (q >= far) return
    if (v.getFloat64(q, true) === W._dma_mas) {
      if (
        v.getFloat64(q + 8, true) === W.k_ffffff &&
        v.getFloat64(q + 16, true) === W.ffffffff &&
        v.getFloat64(q + 24, true) === W.ff_dev_a &&
        v.getUint32(q + 32, true) === W.ddr_
      ) {
        ev.mask = MAPPING_ALL_ONES
        q += 26
      } else {
        if (v.getUint32(q + 6, true) !== W.ask_) return
        q = this.quickHex(buf, q + 10)
        if (q < 0) return
        ev.mask = this.num
      }
      ev.has |= Has.mask
      this.pos = q
    }
    if (q >= far || v.getFloat64(q, true) !== W._dev_add || v.getUint16(q + 8, true) !== W.r_) return
    q = this.quickHex(buf, q + 10)
    if (q < 0) return
    ev.phys = this.num
    ev.has |= Has.phys
    this.pos = q
    q = this.quickSize(buf, q)
    if (q < 0 || q >= far) return
    const word = v.getUint32(q, true)
    if (word === W._FOR && v.getUint32(q + 3, true) === W.RCE_) {
      ev.force = true
      this.pos = q + 6
    } else if (word === W._NOR && v.getUint32(q + 4, true) === W.MAL_) this.pos = q + 7
  }

  private quickMapping(buf: Uint8Array, kind: TraceKind): void {
    const v = this.view
    const ev = this.ev
    const far = this.far
    let q = this.quickDevice(buf, this.pos + 1)
    if (q < 0) return
    this.pos = q
    if (q >= far) return
    q = this.quickDirection(buf, q)
    if (q < 0) return
    ev.has |= Has.dir
    this.pos = q
    if (kind === Trace.mapSg || kind === Trace.unmapSg) return
    if (q >= far || v.getFloat64(q, true) !== W._dma_add || v.getUint16(q + 8, true) !== W.r_) return
    q = this.quickHex(buf, q + 10)
    if (q < 0) return
    ev.dma = this.num
    ev.has |= Has.dma
    this.pos = q
    q = this.quickSize(buf, q)
    if (q < 0 || q >= far) return
    if (kind === Trace.map) {
      if (v.getFloat64(q, true) !== W._phys_ad || v.getUint32(q + 7, true) !== W.ddr_) return
      q = this.quickHex(buf, q + 11)
      if (q < 0) return
      ev.phys = this.num
      ev.has |= Has.phys
      this.pos = q
    }
    if (q < far && v.getFloat64(q, true) === W._attrs_) {
      ev.has |= Has.attrs
      this.pos = q + 7
    }
  }

  // ` dir=TO_DEVICE `, ` dir=FROM_DEVICE ` or ` dir=BIDIRECTIONAL ` at q; the place of the last blank, negative when it
  // is something else.
  private quickDirection(buf: Uint8Array, q: number): number {
    const v = this.view
    const first = v.getFloat64(q, true)
    if (first === W._dir_TO_) {
      this.ev.dir = 1
      return v.getFloat64(q + 7, true) === W._DEVICE_ ? q + 14 : -1
    }
    if (first === W._dir_FRO) {
      this.ev.dir = 2
      return buf[q + 8] === 77 && v.getFloat64(q + 9, true) === W._DEVICE_ ? q + 16 : -1
    }
    if (first !== W._dir_BID) return -1
    this.ev.dir = 0
    return v.getFloat64(q + 8, true) === W.IRECTION && v.getFloat64(q + 11, true) === W.CTIONAL_ ? q + 18 : -1
  }

  // ` size=` and its digits at q; the place behind them, negative when it is something else.
  private quickSize(buf: Uint8Array, q: number): number {
    if (q >= this.far || this.view.getUint32(q, true) !== W._siz || this.view.getUint16(q + 4, true) !== W.e_) return -1
    let p = q + 6
    let n = 0
    const four = this.view.getInt32(p, true)
    if (areDigits(four)) {
      n = valueOfDigits(four)
      p += 4
    }
    let d = (buf[p] as number) - 48
    while (d >= 0 && d <= 9) {
      n = n * 10 + d
      d = (buf[++p] as number) - 48
    }
    const c = buf[p]
    if (p === q + 6 || (c !== SP && c !== NL) || n > MAX_NUMBER) return -1
    this.ev.size = n
    this.ev.has |= Has.size
    this.pos = p
    return p
  }

  // Hex digits at q with a blank or line end behind them, into num; the place behind them, negative when it is
  // something else or too many.
  private quickHex(buf: Uint8Array, q: number): number {
    const p = this.pairsOfHex(q)
    const c = buf[p]
    return p > q && (c === SP || c === NL) ? p : -1
  }

  // Hex digits at q, PAIRED_DIGITS and one at most, into num; the place behind them. q is before `far`, or a known step
  // behind a place that is.
  private pairsOfHex(q: number): number {
    const v = this.view
    let p = q
    let pair = HEX_PAIR[v.getUint16(p, true)] as number
    let high = 0
    while (pair < ONE_DIGIT && p < q + PAIRED_DIGITS / 2) {
      high = (high << 8) | pair
      p += 2
      pair = HEX_PAIR[v.getUint16(p, true)] as number
    }
    let value = high
    if (pair < ONE_DIGIT) {
      let low = 0
      let scale = 1
      while (pair < ONE_DIGIT && p < q + PAIRED_DIGITS) {
        low = (low << 8) | pair
        scale *= 256
        p += 2
        pair = HEX_PAIR[v.getUint16(p, true)] as number
      }
      value = high * scale + low
    }
    if (pair >= ONE_DIGIT && pair < NO_DIGIT) {
      value = value * 16 + (pair & 15)
      p++
    }
    this.num = value
    return p
  }

  // A device name of twelve bytes (a PCI address) that was seen before; the place behind it, negative when it is
  // something else.
  private quickDevice(buf: Uint8Array, q: number): number {
    if (q >= this.far || buf[q + PCI_NAME] !== SP) return -1
    let id = this.devices.find(this.view, q)
    if (id < 0) {
      if (!isPciName(buf, q)) return -1
      id = this.names.ofBytes(buf, q, q + PCI_NAME, hashBytes(buf, q, q + PCI_NAME))
      this.devices.keep(this.view, q, id)
    }
    this.ev.dev = id
    this.ev.has |= Has.device
    return q + PCI_NAME
  }
  private readonly devices = new PciNames()

  private eol(buf: Uint8Array, p: number): number {
    let q = p
    while (buf[q] !== NL) q++
    return q
  }

  // Task ids end in -PID (tracefs, trace-cmd), ` PID` or `PID/TID` (perf), with a `( TGID)` column after it or not.
  private pidBefore(buf: Uint8Array, start: number, bracket: number): number {
    let p = bracket - 1
    while (p > start && buf[p] === SP) p--
    if (buf[p] === 41) {
      while (p > start && buf[p] !== 40) p--
      p--
      while (p > start && buf[p] === SP) p--
    }
    let pid = 0
    let scale = 1
    while (p >= start) {
      const d = (buf[p--] as number) - 48
      if (!(d >= 0 && d <= 9)) break
      pid += d * scale
      scale *= 10
    }
    return scale > PID_SCALE ? 0 : pid
  }

  // `CPU:0 [LOST 90 EVENTS]`, `[LOST EVENTS]`, `CPU:0 [90 EVENTS DROPPED]`. The position after the line, 0 when it is
  // none of these.
  private lost(buf: Uint8Array, start: number, bracket: number): number {
    const end = this.eol(buf, bracket)
    const text = this.decoder.decode(buf.subarray(start, Math.min(end, start + 200)))
    const m = /^[ \t\r]*(?:CPU[: ] *(\d+) *)?\[(?:LOST (?:(\d+) )?EVENTS|(?:(\d+) )?EVENTS DROPPED)\]/.exec(text)
    if (!m) return 0
    const cpu = Number(m[1] ?? 0)
    const count = Number(m[2] ?? m[3] ?? -1)
    if (cpu >= MAX_CPUS || count > MAX_NUMBER) return 0
    this.sendLost(cpu, count)
    return end + 1
  }

  private sendLost(cpu: number, count: number): void {
    const ev = this.ev
    ev.clear()
    ev.kind = Trace.lost
    ev.cpu = cpu
    ev.pid = 0
    ev.irq = Irq.unknown
    ev.time = 0
    ev.count = count
    ev.line = this.lines
    this.sink.event(ev)
  }

  // A line that breaks off behind its first bracket may go on with a whole one: trace_pipe read by splice() tears lines
  // so.
  private torn(buf: Uint8Array, start: number, bracket: number, end: number): number {
    this.noEvent(buf, start, end)
    if (this.rest) return end + 1
    this.rest = true
    let p = bracket
    while (buf[p] !== 93) p++
    const after = this.line(buf, p + 1)
    this.rest = false
    return after
  }

  /** What is read is the rest of a torn line: the line is counted as none already. */
  private rest = false

  private noEvent(buf: Uint8Array, start: number, end: number): number {
    if (this.rest) return end + 1
    let binary = false
    let p = start
    let c = buf[p] as number
    while (c === SP || c === 9 || c === 13) c = buf[++p] as number
    if (p >= end) return end + 1
    for (let i = p; i < end && i < p + 4096; i++) {
      c = buf[i] as number
      if (c < 9 || (c > 13 && c < 27)) {
        binary = true
        break
      }
    }
    if (!binary) {
      const text = this.decoder.decode(buf.subarray(p, Math.min(end, p + 200)))
      const cpus = /^cpus=(\d+)[ \t\r]*$/.exec(text)
      if (cpus) {
        this.headerCpus(Number(cpus[1]))
        return end + 1
      }
      if (/^(CPU \d+ is empty|version = \d+)[ \t\r]*$/.test(text)) return end + 1
      this.skips.add(this.atEnd ? 'cutLine' : 'noEvent', this.lines, () => text)
    } else this.skips.add('binary', this.lines)
    return end + 1
  }

  private comment(buf: Uint8Array, start: number): number {
    const end = this.eol(buf, start)
    const text = this.decoder.decode(buf.subarray(start, Math.min(end, start + 200)))
    const entries = /entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)\s+#P:(\d+)/.exec(text)
    if (entries) this.headerEntries(Number(entries[1]), Number(entries[2]), Number(entries[3]))
    const started = /^##### CPU (\d+) buffer started ####/.exec(text)
    // The events of this CPU before here were overwritten.
    if (started && Number(started[1]) < MAX_CPUS) this.sendLost(Number(started[1]), 0)
    const tracer = /^# tracer: (\S+)/.exec(text)
    if (tracer) this.header.tracer = tracer[1] ?? null
    return end + 1
  }

  // A header whose numbers no kernel has says nothing.
  private headerEntries(inBuffer: number, written: number, cpus: number): void {
    if (!(inBuffer <= MAX_NUMBER && written <= MAX_NUMBER && cpus <= MAX_CPUS)) return
    const h = this.header
    h.entriesInBuffer = (h.entriesInBuffer ?? 0) + inBuffer
    h.entriesWritten = (h.entriesWritten ?? 0) + written
    this.headerCpus(cpus)
  }

  private headerCpus(cpus: number): void {
    if (cpus < 1 || cpus > MAX_CPUS) return
    this.header.cpus = Math.max(this.header.cpus ?? 0, cpus)
    this.onHeader(this.header)
  }

  // Hex digits at pos, `0x` before them allowed, into num. The kernel's %llx.
  private hex(buf: Uint8Array): void {
    let p = this.pos
    if (buf[p] === 48 && (buf[p + 1] === 120 || buf[p + 1] === 88)) p += 2
    let d = HEX[buf[p] as number] as number
    if (d === 255) this.bad = true
    // Seven digits fit a small integer; the rest is done in doubles.
    let v = 0
    let n = 0
    while (d !== 255 && n < 7) {
      v = (v << 4) | d
      n++
      d = HEX[buf[++p] as number] as number
    }
    let w = v
    while (d !== 255) {
      w = w * 16 + d
      d = HEX[buf[++p] as number] as number
    }
    if (w > MAX_NUMBER) this.bad = true
    this.num = w
    this.pos = p
  }

  // Decimal digits at pos, or hex after 0x.
  private dec(buf: Uint8Array): void {
    let p = this.pos
    if (buf[p] === 48 && (buf[p + 1] === 120 || buf[p + 1] === 88)) {
      this.hex(buf)
      return
    }
    let d = (buf[p] as number) - 48
    if (!(d >= 0 && d <= 9)) this.bad = true
    let v = 0
    while (d >= 0 && d <= 9) {
      v = v * 10 + d
      d = (buf[++p] as number) - 48
    }
    if (v > MAX_NUMBER) this.bad = true
    this.num = v
    this.pos = p
  }

  // Decimal digits at pos, or hex when they turn out to be.
  private plainNumber(buf: Uint8Array): void {
    const from = this.pos
    const bad = this.bad
    this.dec(buf)
    if ((HEX[buf[this.pos] as number] as number) === 255) return
    this.pos = from
    this.bad = bad
    this.hex(buf)
  }

  // The fields of the event at pos, up to the line end.
  // Long: one switch over the names of fields, without a call in between.
  private args(buf: Uint8Array): void {
    const ev = this.ev
    // trace-cmd prints the fields of an event that it cannot format as name=value, with plain numbers in decimal;
    // `report -R` prints all events so, but with the numbers as their format has them.
    let raw = false
    let p = this.pos
    let c = buf[p] as number
    for (;;) {
      while (c === SP || c === 9 || c === 13) c = buf[++p] as number
      if (c === NL) break
      const from = p
      let hash = 0
      while (c !== EQ && c !== SP && c !== NL) {
        hash = (Math.imul(hash, 31) + c) | 0
        c = buf[++p] as number
      }
      if (c !== EQ) {
        let length = p - from
        if (length > 0 && buf[p - 1] === 13) length--
        p = this.bare(buf, from, length, hash)
        if (p < 0) {
          p = -p
          raw = true
        }
        c = buf[p] as number
        continue
      }
      const key = keys.get(buf, from, p, hash)
      this.pos = p + 1
      switch (key) {
        case K.dir:
          this.direction(buf)
          break
        case K.dma:
          if (raw) this.plainNumber(buf)
          else this.hex(buf)
          ev.dma = this.num
          ev.has |= Has.dma
          break
        case K.size:
          this.dec(buf)
          ev.size = this.num
          ev.has |= Has.size
          break
        case K.phys:
        case K.devAddr:
          if (raw) this.plainNumber(buf)
          else this.hex(buf)
          ev.phys = this.num
          ev.has |= Has.phys
          break
        case K.attrs:
          this.attributes(buf)
          break
        case K.virt:
          ev.failed = isNull(buf, p + 1)
          break
        case K.mask:
          if (raw) this.plainNumber(buf)
          else this.hex(buf)
          ev.mask = this.num
          ev.has |= Has.mask
          break
        case K.nents:
          ev.nents = this.total(buf)
          break
        case K.ents:
          ev.ents = this.total(buf)
          break
        case K.fullNents:
          this.dec(buf)
          ev.nents = this.num
          break
        case K.fullEnts:
          this.dec(buf)
          ev.ents = this.num
          break
        case K.truncated:
          this.dec(buf)
          ev.truncated = this.num !== 0
          break
        case K.force:
          this.dec(buf)
          ev.force = this.num !== 0
          break
        case K.dmas:
          this.array(buf, Has.dmaList)
          break
        case K.sizes:
          this.array(buf, Has.sizeList)
          break
        case K.physs:
        case K.addrs:
          this.array(buf, Has.physList)
          break
        case K.device:
          this.deviceAt(buf, p + 1)
          break
        default:
          break
      }
      p = this.pos
      c = buf[p] as number
      while (c !== SP && c !== NL) c = buf[++p] as number
    }
    this.pos = p
  }

  // A word without `=`: the device's name (the first one), `dev_name:` before it, FORCE or NORMAL, [TRUNCATED], [FAILED
  // TO PARSE]. The position after what was read; negative when fields are raw from here on.
  private bare(buf: Uint8Array, from: number, length: number, hash: number): number {
    const ev = this.ev
    const end = from + length
    const first = buf[from] as number
    if (first === 91) {
      if (buf[from + 1] === 84) ev.truncated = true
      else if (
        buf[from + 1] === 70 &&
        buf[from + 2] === 65 &&
        buf[from + 3] === 73 &&
        buf[from + 4] === 76 &&
        buf[from + 5] === 69 &&
        buf[from + 6] === 68
      ) {
        let p = end
        while (buf[p] !== 93 && buf[p] !== NL) p++
        return buf[p] === NL ? p : -(p + 1)
      }
      return end
    }
    if (buf[end - 1] === COLON) {
      // `dev_name:`
      let p = end
      while (buf[p] === SP) p++
      this.deviceAt(buf, p)
      return this.pos
    }
    if ((ev.has & Has.device) === 0) {
      if (length > MAX_DEVICE) this.bad = true
      else
        ev.dev = this.names.ofBytes(
          buf,
          from,
          end,
          length === 0 ? 0 : buf[end] === 13 ? hashBytes(buf, from, end) : hash
        )
      if (length > 0) ev.has |= Has.device
      return Math.max(end, from + 1)
    }
    if (length === 5 && first === 70 && ev.kind === Trace.bounced) ev.force = true
    return Math.max(end, from + 1)
  }

  private deviceAt(buf: Uint8Array, from: number): void {
    let p = from
    let hash = 0
    let c = buf[p] as number
    while (c !== SP && c !== NL && c !== 13) {
      hash = (Math.imul(hash, 31) + c) | 0
      c = buf[++p] as number
    }
    if (p > from) {
      if (p - from > MAX_DEVICE) this.bad = true
      else this.ev.dev = this.names.ofBytes(buf, from, p, hash)
      this.ev.has |= Has.device
    }
    this.pos = p
  }

  private direction(buf: Uint8Array): void {
    const c = buf[this.pos] as number
    let dir = -1
    if (c === 70) dir = 2
    else if (c === 84) dir = 1
    else if (c === 66) dir = 0
    else if (c === 78) dir = 3
    else if (c >= 48 && c <= 57) {
      this.dec(buf)
      dir = this.num
    }
    if (dir < 0 || dir > 3) {
      this.bad = true
      return
    }
    this.ev.dir = dir
    this.ev.has |= Has.dir
  }

  private attributes(buf: Uint8Array): void {
    const from = this.pos
    let p = from
    let c = buf[p] as number
    let hash = 0
    while (c !== SP && c !== NL && c !== 13) {
      hash = (Math.imul(hash, 31) + c) | 0
      c = buf[++p] as number
    }
    this.ev.has |= Has.attrs
    if (p > from) {
      if (hash === this.attrsHash && p - from === this.attrsLength && this.attrsValue <= MAX_NUMBER) {
        this.ev.attrs = this.attrsValue
        this.pos = p
        return
      }
      const text = this.decoder.decode(buf.subarray(from, p))
      // Names of a newer kernel are no error; they are just not known.
      this.ev.attrs =
        parseAttrs(text) ??
        parseAttrs(
          text
            .split('|')
            .filter((w) => parseAttrs(w) !== null)
            .join('|')
        ) ??
        0
      if (this.ev.attrs > MAX_NUMBER) this.bad = true
      this.attrsHash = hash
      this.attrsLength = p - from
      this.attrsValue = this.ev.attrs
    }
    this.pos = p
  }
  private attrsHash = 0
  private attrsLength = 0
  private attrsValue = 0

  // `a/b`: the second number, the first when there is no second.
  private total(buf: Uint8Array): number {
    this.dec(buf)
    if (buf[this.pos] === 47) {
      this.pos++
      this.dec(buf)
    }
    return this.num
  }

  // {0x..,0x..} (plain digits are decimal: libtraceevent), or ARRAY[c0, 28, ..] of bytes, lowest first.
  private array(buf: Uint8Array, which: number): void {
    const ev = this.ev
    const first = buf[this.pos]
    const n = first === 123 ? this.bracedList(buf, which) : first === 65 ? this.byteList(buf, which) : 0
    if (first !== 123 && first !== 65) this.bad = true
    if (which === Has.dmaList) ev.ndma = n
    else if (which === Has.sizeList) ev.nsize = n
    else ev.nphys = n
    ev.has |= which
  }

  private listOf(which: number): Float64Array {
    const ev = this.ev
    return which === Has.dmaList ? ev.dmas : which === Has.sizeList ? ev.sizes : ev.physs
  }

  private put(which: number, n: number, value: number): void {
    if (n >= this.ev.dmas.length) this.ev.grow()
    this.listOf(which)[n] = value
  }

  // How many entries stand between the braces; pos is then behind them.
  private bracedList(buf: Uint8Array, which: number): number {
    const ev = this.ev
    let p = this.pos
    let n = 0
    p++
    let c = buf[p] as number
    // Entries as the kernel prints them, in few digits.
    let out = this.listOf(which)
    while (p < this.far && this.view.getUint16(p, true) === W.hexMark) {
      const k = this.pairsOfHex(p + 2)
      const after = buf[k] as number
      if (k === p + 2 || (after !== 44 && after !== 125) || n >= MAX_SEGMENTS) break
      if (n >= out.length) {
        ev.grow()
        out = this.listOf(which)
      }
      out[n++] = this.num
      if (after === 125) {
        p = k
        c = 125
        break
      }
      p = k + 1
      c = buf[p] as number
    }
    while (c !== 125 && c !== NL) {
      if (c === 44 || c === SP) {
        c = buf[++p] as number
        continue
      }
      this.pos = p
      this.dec(buf)
      if (this.pos === p) break
      p = this.pos
      if (n >= MAX_SEGMENTS) {
        this.bad = true
        break
      }
      this.put(which, n++, this.num)
      c = buf[p] as number
    }
    if (c !== 125) this.bad = true
    else p++
    this.pos = p
    return n
  }

  // The same of bytes in brackets.
  private byteList(buf: Uint8Array, which: number): number {
    let p = this.pos
    let n = 0
    while (buf[p] !== 91 && buf[p] !== NL) p++
    const width = which === Has.sizeList ? 4 : 8
    let lo = 0
    let scale = 1
    let hi = 0
    let k = 0
    let c = buf[p] === NL ? NL : (buf[++p] as number)
    while (c !== 93 && c !== NL) {
      const d = HEX[c] as number
      if (d === 255) {
        c = buf[++p] as number
        continue
      }
      let byte = d
      const e = HEX[buf[p + 1] as number] as number
      if (e !== 255) {
        byte = d * 16 + e
        p++
      }
      lo += byte * scale
      scale *= 256
      hi = hi * 256 + byte
      if (++k === width) {
        // Bytes of a big-endian kernel: an address with its top byte set and its low one clear is not plausible the
        // other way round.
        const v =
          width === 8 && lo >= 2 ** 56 && lo < MAPPING_ALL_ONES && hi < 2 ** 56
            ? hi
            : width === 4 && lo >= 2 ** 28 && hi < 2 ** 28
              ? hi
              : lo
        if (n >= MAX_SEGMENTS) {
          this.bad = true
          break
        }
        this.put(which, n++, v)
        lo = 0
        hi = 0
        scale = 1
        k = 0
      }
      c = buf[++p] as number
    }
    if (c !== 93 || k !== 0) this.bad = true
    this.pos = p
    return n
  }
}

// Nothing in these PCI_NAME bytes ends a name or makes another thing of it.
function isPciName(buf: Uint8Array, from: number): boolean {
  const last = from + PCI_NAME - 1
  for (let i = from; i <= last; i++)
    if ((buf[i] as number) <= SP || buf[i] === EQ || buf[i] === 91 || (buf[i] === COLON && i === last)) return false
  return true
}

const MAPPING_ALL_ONES = 2 ** 64
const LINE_END = new Uint8Array([NL])

/**
 * A line cut at the end of the input can look whole; it is not when its lists disagree or the last field (attrs) never
 * came.
 */
function whole(ev: TraceEvent, tail: string): boolean {
  if (ev.kind === Trace.bounced) return /(FORCE|NORMAL)$/.test(tail)
  if (ev.kind === Trace.mapSg && (ev.ndma !== ev.nsize || ev.nsize !== ev.nphys)) return false
  if (
    ev.kind === Trace.map ||
    ev.kind === Trace.unmap ||
    ev.kind === Trace.mapSg ||
    ev.kind === Trace.unmapSg ||
    ev.kind === Trace.alloc ||
    ev.kind === Trace.free
  )
    return (ev.has & Has.attrs) !== 0
  return true
}

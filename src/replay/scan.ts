// Text of trace events to records, on bytes: tracefs `trace` and `trace_pipe` (with LOST lines and the TGID column),
// `trace-cmd report` (with its unparsed arrays) and `perf script`. No string per line; names are interned by hash. This
// file may be ugly: its readable twin is scan-slow.ts, and a property test holds the two together.
//
// An event line is: anything, `[CPU]`, maybe irq flags, a time, a colon, the event's name (maybe with its system before
// it), a colon, then fields by name. Nothing is taken by position but the device's name, which has no key.
//
// Lines as most recordings have them are read by WebAssembly (quick-lines.ts), all others here, which is its slow twin
// as well.
//
// What keeps a reader of hostile bytes in its line: every loop stops at the line end; nothing steps over a byte that it
// has not compared.
import { assertTrue } from '../base/index.ts'
import { parseAttrs, Trace, TRACE_EVENTS, type TraceKind } from '../kernel/trace-events.ts'
import { besideHas, besideKind, readBeside } from './beside.ts'
import { type EventSink, Has, hashBytes, Irq, MAX_SEGMENTS, type Names, REQUIRED, TraceEvent } from './event.ts'
import { QuickLines, TEXT_ROOM } from './quick-lines.ts'
import type { Skips } from './skips.ts'

/** A longer line (its end counts) is passed over and counted. */
export const MAX_LINE = 1 << 20
/** Bytes of the longest device name. Names are kept for good, so that they must be bounded. */
export const MAX_DEVICE = 256
/** Bytes of the longest name of an event that is not ours. */
export const MAX_EVENT_NAME = 128
/** Names of events that are not ours, at most; all others are counted as one. */
const MOST_OTHERS = 4096
const MORE_NAMES = '(more names)'
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

/** Line ends behind a kept line: what a reader looks at behind a byte that it knows is there. */
const SPARE = 8

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

interface OtherEvent {
  readonly name: Uint8Array
  /** What it is read as; none: it is counted. */
  readonly kind: TraceKind
  count: number
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
  // The line that a chunk left unfinished, or its last one; line ends are put behind it before it is read.
  private carry = new Uint8Array(64 * 1024)
  private carried = 0
  private dropping = false
  /** Events that are none of TRACE_EVENTS: by their names, and the last one of each hash of a name. */
  private readonly otherEvents = new Map<string, OtherEvent>()
  private readonly otherOfHash = new Map<number, OtherEvent>()
  private readonly quick: QuickLines | null
  private pos = 0
  private num = 0
  private bad = false

  /**
   * `onHeader` is told of each comment that says something of the recording, where it stands: before the events behind
   * it. `quick` null: every line is read here.
   */
  constructor(
    private readonly sink: EventSink,
    readonly names: Names,
    readonly skips: Skips,
    private readonly onHeader: (h: TextHeader) => void = () => {},
    quick: QuickLines | null = QuickLines.make()
  ) {
    this.quick = quick
  }

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
    for (const [name, o] of this.otherEvents) {
      if (o.count > 0) this.others.set(name, (this.others.get(name) ?? 0) + o.count)
      o.count = 0
    }
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
    this.carry.fill(NL, n, n + SPARE)
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
    this.room(this.carried + n + SPARE)
    this.carry.set(chunk.subarray(from, to), this.carried)
    this.carried += n
  }

  // All lines of buf[from, to), which ends with a line end.
  private scan(buf: Uint8Array, from: number, to: number): void {
    let p = from
    while (p < to) {
      // Whole lines, as many as are read at once; a longer one by itself.
      const end = to - p <= TEXT_ROOM ? to : buf.lastIndexOf(NL, p + TEXT_ROOM - 1) + 1
      p = end > p && this.quick !== null && !this.atEnd ? this.quickly(this.quick, buf, p, end) : this.oneLine(buf, p)
    }
    assertTrue(p === to && buf[p - 1] === NL, 'the scanner left its line')
  }

  private quickly(quick: QuickLines, buf: Uint8Array, from: number, to: number): number {
    quick.load(buf, from, to)
    let p = from
    for (;;) {
      p = quick.read(p, this.lines, this.ev, this.sink)
      this.lines += quick.linesRead
      this.events += quick.linesRead
      if (p >= to) return p
      p = this.oneLine(buf, p)
    }
  }

  private oneLine(buf: Uint8Array, from: number): number {
    this.lines++
    return this.line(buf, from)
  }

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

  // One line; the position after its line end.
  // Long: one pass over the bytes of a line.
  private line(buf: Uint8Array, start: number): number {
    const ev = this.ev
    let p = this.head(buf, start)
    if (p < 0) return -p
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
    if (d === -2) {
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
    let nameAt = p
    let hash = 0
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
    const kind = kinds.get(buf, nameAt, p, hash) as TraceKind
    if (p - nameAt > MAX_EVENT_NAME) return this.torn(buf, start, bracket, this.eol(buf, p))
    this.events++
    if (kind === Trace.none) {
      const other = this.otherEvent(buf, hash, nameAt, p)
      other.count++
      return other.kind === Trace.none ? this.eol(buf, p) + 1 : this.besideEvent(buf, other.kind, start, p, time)
    }
    p++
    ev.clear()
    ev.kind = kind
    ev.time = time
    ev.cpu = this.cpu
    ev.irq = this.irq
    ev.pid = this.pidBefore(buf, start, bracket)
    if (this.plainHead) this.quick?.learnHead(buf, start, timeAt, ev)
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
    this.args(buf)
    const end = this.pos
    if (kind === Trace.mapSg) ev.settleCounts()
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

  // Block requests and kprobes are known by name or by the function that they probe, found out once for each name.
  private otherEvent(buf: Uint8Array, hash: number, nameAt: number, p: number): OtherEvent {
    const last = this.otherOfHash.get(hash)
    if (last !== undefined && last.name.length === p - nameAt && sameBytes(last.name, buf, nameAt)) return last
    const bytes = buf.slice(nameAt, p)
    const name = this.decoder.decode(bytes)
    let other = this.otherEvents.get(name)
    if (other === undefined) {
      const full = this.otherEvents.size >= MOST_OTHERS
      const fields = (): string => this.decoder.decode(buf.subarray(p + 1, Math.min(this.eol(buf, p), p + 400)))
      other = full ? this.moreEvents : { name: bytes, kind: besideKind(name, fields()), count: 0 }
      this.otherEvents.set(full ? MORE_NAMES : name, other)
    }
    if (other !== this.moreEvents) this.otherOfHash.set(hash, other)
    return other
  }
  /** Those beyond MOST_OTHERS. */
  private readonly moreEvents: OtherEvent = { name: new Uint8Array(0), kind: Trace.none, count: 0 }

  private besideEvent(buf: Uint8Array, kind: TraceKind, start: number, p: number, time: number): number {
    const ev = this.ev
    const end = this.eol(buf, p)
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
      this.learnDevice(buf, from, end)
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
      this.learnDevice(buf, from, p)
    }
    this.pos = p
  }

  private learnDevice(buf: Uint8Array, from: number, to: number): void {
    if (!this.bad && isPlainName(buf, from, to)) this.quick?.learnDevice(buf, from, to, this.ev.dev)
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
    while (c !== SP && c !== NL && c !== 13) c = buf[++p] as number
    this.pos = p
    this.ev.has |= Has.attrs
    if (p === from) return
    if (p - from !== this.attrsText.length || !sameBytes(this.attrsText, buf, from)) {
      this.attrsText = buf.slice(from, p)
      this.attrsValue = attrsOf(this.decoder.decode(this.attrsText))
    }
    this.ev.attrs = this.attrsValue
    if (this.attrsValue > MAX_NUMBER) this.bad = true
    else this.quick?.learnAttrs(buf, from, p, this.attrsValue)
  }
  /** What was read last, and the attributes that it names. */
  private attrsText: Uint8Array = new Uint8Array(0)
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
    let p = this.pos
    let n = 0
    p++
    let c = buf[p] as number
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

// Names of a newer kernel are no error; they are just not known.
function attrsOf(text: string): number {
  const known = (): string[] => text.split('|').filter((w) => parseAttrs(w) !== null)
  return parseAttrs(text) ?? parseAttrs(known().join('|')) ?? 0
}

// Nothing in these bytes ends a name or makes another thing of it.
function isPlainName(buf: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if ((buf[i] as number) <= SP || buf[i] === EQ) return false
  return to > from && buf[from] !== 91 && buf[to - 1] !== COLON
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

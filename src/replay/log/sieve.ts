// A long log is mostly about other things. Its bytes are searched for the words that matter, as grep does, and only the
// lines around them are read; the lines between are counted. The beginning is read whole. A property test holds that
// the answer is the same.

import { utf8 } from './encoding.ts'

/** A word that matters: so many lines before and after it are read with it. */
interface Needle {
  readonly word: string
  readonly before: number
  readonly after: number
}

/** A call trace is read from its head to its end. */
const TRACE_BEFORE = 60
const TRACE_AFTER = 60
/** A wrapped message goes on in the next lines, and may be torn from one before. */
const MESSAGE_BEFORE = 6
const MESSAGE_AFTER = 8
/** A wrapped command line of 2048 characters. */
const LONG_AFTER = 40

const trace = (...words: string[]): Needle[] =>
  words.map((word) => ({ word, before: TRACE_BEFORE, after: TRACE_AFTER }))
const message = (...words: string[]): Needle[] =>
  words.map((word) => ({ word, before: MESSAGE_BEFORE, after: MESSAGE_AFTER }))
const long = (...words: string[]): Needle[] => words.map((word) => ({ word, before: 2, after: LONG_AFTER }))

/** Every line that facts, messages, traces or words.ts look for has one of these; none is shorter than four bytes. */
export const needles: readonly Needle[] = [
  ...trace('swiotlb_', 'dma_', 'set_memory_', 'page allocation failure', 'Hardware name'),
  ...message(
    'swiotlb',
    'SWIOTLB',
    'O TLB',
    'W-IOMMU',
    ' DMA',
    'DMA ',
    '"DMA',
    'DMA:',
    'DMAR',
    'DMA-API',
    'dma-',
    'bounce',
    'bouncing',
    'ounce buf',
    'IOMMU',
    'iommu',
    'SMMU',
    'AMD-Vi',
    'oheren',
    ' CMA',
    'cma:',
    'cma_',
    'overflow',
    'alloc failed',
    'callbacks suppressed',
    'suitable pool',
    'uffer overflow'
  ),
  ...long('Linux version', 'ommand line:'),
  ...message(
    'Memory: ',
    '[mem 0x',
    'nr_cpu_ids',
    'hotplug',
    'Brought up',
    'CPUs=',
    'Memory Encryption',
    'SEV: ',
    'Encrypted Virt',
    'tdx: ',
    'RSI version',
    'pKVM',
    'rotected KVM',
    'pkvm-guest',
    'ltravisor',
    'protected guest',
    'running as a protected',
    'Isolation Config',
    'ypervisor detected',
    'paravirtualized',
    'Dom0',
    'initial domain',
    'Xen version',
    'xen:swiotlb',
    'DMI: ',
    'Machine model',
    'IB MEM',
    'virtio_mem',
    'PNP0C80',
    'hv_balloon',
    'hot-add',
    'hotadd',
    'online_pages',
    'crashkernel',
    'SRAT: ',
    '-- Reboot',
    '-- Boot ',
    '"_BOOT_ID"',
    '"MESSAGE":['
  ),
  ...message('Transfer-Encoding')
]

/** Shortest needle. */
const SHORTEST = 4
/** Bytes that decide a jump. */
const BLOCK = 2

/** Six bits of a byte tell letters and digits apart, and the table of jumps then fits the first-level cache. */
const KEY_BITS = 6
const keyOf = (a: number, b: number): number => ((a & 63) << KEY_BITS) | (b & 63)

interface Compiled extends Needle {
  readonly bytes: Uint8Array
}

/** Bytes that are searched at once, each by itself a quarter of them. */
const WINDOW = 1 << 14

/** Finds many words (Wu and Manber, 1994): most bytes are jumped over. */
export class WordFinder {
  private readonly shift = new Uint8Array(1 << (2 * KEY_BITS))
  private readonly buckets: Array<Compiled[] | undefined> = []
  /** Hits of the window, ascending, and the next of them. */
  private at: number[] = []
  private what: Compiled[] = []
  private n = 0
  /** The window ends here. */
  private scanned = 0
  /** The needle of the last hit. */
  hit: Needle | null = null

  constructor(list: readonly Needle[] = needles) {
    this.shift.fill(SHORTEST - BLOCK + 1)
    const encoder = new TextEncoder()
    for (const n of list) {
      const bytes = encoder.encode(n.word)
      for (let i = 0; i + BLOCK <= SHORTEST; i++) {
        const key = keyOf(bytes[i] as number, bytes[i + 1] as number)
        const jump = SHORTEST - BLOCK - i
        if (jump < (this.shift[key] as number)) this.shift[key] = jump
        if (jump === 0) (this.buckets[key] ??= []).push({ ...n, bytes })
      }
    }
    // The widest window of several words that begin alike.
    for (const b of this.buckets) b?.sort((x, y) => y.before - x.before)
  }

  /** Positions mean other bytes from now on. */
  reset(): void {
    this.at = []
    this.what = []
    this.n = 0
    this.scanned = 0
  }

  /**
   * Where the next word begins in [from, to); -1: none. `to` may not grow before reset(), except that it ends the
   * search.
   */
  next(buf: Uint8Array, from: number, to: number): number {
    for (;;) {
      while (this.n < this.at.length && (this.at[this.n] as number) < from) this.n++
      if (this.n < this.at.length) {
        const at = this.at[this.n] as number
        if (at >= to) return -1
        this.hit = this.what[this.n] as Compiled
        return at
      }
      const start = Math.max(from, this.scanned)
      if (start >= to) return -1
      this.scan(buf, start, Math.min(to, start + WINDOW), to)
    }
  }

  // Each jump waits for the one before it; four searches side by side do not wait for each other.
  private scan(buf: Uint8Array, from: number, to: number, limit: number): void {
    const { shift } = this
    const quarter = (to - from) >> 2
    const last = SHORTEST - 1
    const [a, b, c] = [from + quarter, from + 2 * quarter, from + 3 * quarter]
    // A word that begins in a part may end behind it.
    const [e0, e1, e2, e3] = [a + last, b + last, c + last, Math.min(to + last, limit)]
    let [i0, i1, i2, i3] = [from + last, a + last, b + last, c + last]
    const parts: [number[], number[], number[], number[]] = [[], [], [], []]
    while (i0 < e0 && i1 < e1 && i2 < e2 && i3 < e3) {
      const j0 = shift[keyOf(buf[i0 - 1] as number, buf[i0] as number)] as number
      const j1 = shift[keyOf(buf[i1 - 1] as number, buf[i1] as number)] as number
      const j2 = shift[keyOf(buf[i2 - 1] as number, buf[i2] as number)] as number
      const j3 = shift[keyOf(buf[i3 - 1] as number, buf[i3] as number)] as number
      if (j0 === 0) parts[0].push(i0)
      if (j1 === 0) parts[1].push(i1)
      if (j2 === 0) parts[2].push(i2)
      if (j3 === 0) parts[3].push(i3)
      i0 += j0 === 0 ? 1 : j0
      i1 += j1 === 0 ? 1 : j1
      i2 += j2 === 0 ? 1 : j2
      i3 += j3 === 0 ? 1 : j3
    }
    this.rest(buf, i0, e0, parts[0])
    this.rest(buf, i1, e1, parts[1])
    this.rest(buf, i2, e2, parts[2])
    this.rest(buf, i3, e3, parts[3])
    this.at = []
    this.what = []
    this.n = 0
    for (const part of parts) for (const i of part) this.verify(buf, i - last, limit)
    this.scanned = to
  }

  private rest(buf: Uint8Array, from: number, to: number, into: number[]): void {
    const { shift } = this
    let i = from
    while (i < to) {
      const jump = shift[keyOf(buf[i - 1] as number, buf[i] as number)] as number
      if (jump === 0) into.push(i)
      i += jump === 0 ? 1 : jump
    }
  }

  private verify(buf: Uint8Array, start: number, to: number): void {
    const bucket = this.buckets[
      keyOf(buf[start + SHORTEST - 2] as number, buf[start + SHORTEST - 1] as number)
    ] as Compiled[]
    for (const n of bucket) {
      const { bytes } = n
      if (start + bytes.length > to) continue
      let k = 0
      while (k < bytes.length && buf[start + k] === bytes[k]) k++
      if (k < bytes.length) continue
      this.at.push(start)
      this.what.push(n)
      return
    }
  }
}

const NEWLINE = 10

/** Newlines in [from, to). */
export function countLines(buf: Uint8Array, from: number, to: number): number {
  let n = 0
  let i = from
  const aligned = Math.min(to, (from + 3) & ~3)
  for (; i < aligned; i++) if (buf[i] === NEWLINE) n++
  if ((buf.byteOffset & 3) === 0 && i < to) {
    const words = new Int32Array(buf.buffer, buf.byteOffset + i, (to - i) >> 2)
    for (let w = 0; w < words.length; w++) {
      const x = (words[w] as number) ^ 0x0a0a0a0a
      // The high bit of each byte that is zero now, and so was a newline; their sum by one multiplication.
      const zero = ~(((x & 0x7f7f7f7f) + 0x7f7f7f7f) | x | 0x7f7f7f7f)
      if (zero !== 0) n += Math.imul(zero >>> 7, 0x01010101) >>> 24
    }
    i += words.length << 2
  }
  for (; i < to; i++) if (buf[i] === NEWLINE) n++
  return n
}

/** What a sieve gives on. */
export interface SieveSink {
  /** The next line, without its end. */
  line(text: string): void
  /** So many lines without any word. */
  skip(lines: number): void
  /**
   * Where the line ends that begins at `from` and has a word at `word`, if it can be read from its bytes: take() then
   * reads it; else -1.
   */
  parse(buf: Uint8Array, from: number, word: number, to: number): number
  take(): void
  /** The next line is longer than any line of a log, and left out. */
  long(): void
}

/** Longest line that is read, in bytes. */
export const LONGEST_LINE = 1 << 20

/** Bytes from the beginning that are read whole: what decides how the log is wrapped is there. */
export const WHOLE = 1 << 18
const BLOCK_SIZE = 1 << 20
/** Most of what is kept for the lines before a word. */
const MOST_KEPT = 1 << 16

/** Cuts UTF-8 bytes into lines, and leaves out what no word is near. */
export class Sieve {
  private buf = new Uint8Array(BLOCK_SIZE * 2)
  private len = 0
  /** Bytes before this are given or counted. */
  private pos = 0
  private read = 0
  private after = 0
  /** Within a line that is left out for its length. */
  private skipping = false
  /** Column of the word in the last line that was read from its bytes; -1: none yet. */
  private offset = -1
  private readonly finder = new WordFinder()
  private readonly decoder = utf8()

  constructor(
    private readonly sink: SieveSink,
    private readonly whole = WHOLE,
    private readonly block = BLOCK_SIZE
  ) {}

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += this.block) {
      let part = chunk.subarray(at, at + this.block)
      if (this.skipping) {
        const nl = part.indexOf(NEWLINE)
        if (nl < 0) continue
        part = part.subarray(nl + 1)
        this.skipping = false
      }
      this.append(part)
      if (this.len - this.pos >= this.block || this.read < this.whole) this.run(false)
    }
  }

  end(): void {
    this.run(true)
  }

  private append(part: Uint8Array): void {
    this.finder.reset()
    if (this.len + part.length > this.buf.length) {
      const live = this.len - this.pos
      const next = live + part.length > this.buf.length ? new Uint8Array(2 * (live + part.length)) : this.buf
      next.set(this.buf.subarray(this.pos, this.len))
      this.buf = next
      this.len = live
      this.pos = 0
    }
    this.buf.set(part, this.len)
    this.len += part.length
  }

  private run(last: boolean): void {
    const nl = this.len === 0 ? -1 : this.buf.lastIndexOf(NEWLINE, this.len - 1)
    const end = last ? this.len : nl + 1
    if (!last && this.len - Math.max(end, this.pos) > LONGEST_LINE) {
      this.lines(end, false)
      this.count(end)
      this.sink.long()
      this.pos = 0
      this.len = 0
      this.skipping = true
    } else this.lines(end, last)
  }

  private lines(end: number, last: boolean): void {
    if (end > this.pos) {
      // The beginning is given line by line; a word near its end opens a window too.
      while (this.read < this.whole && this.pos < end) {
        this.give(end)
        this.after = TRACE_AFTER
      }
      this.search(end)
      if (last) this.count(end)
      else this.count(this.keepFrom(end))
    }
  }

  /** Lines from here on may stand before a word that comes with the next bytes. */
  private keepFrom(end: number): number {
    let from = end
    for (let n = 0; n <= TRACE_BEFORE && from > this.pos && end - from < MOST_KEPT; n++) from = this.lineStart(from - 1)
    return from
  }

  private search(end: number): void {
    while (this.after > 0 && this.pos < end) {
      this.after--
      this.give(end)
    }
    this.finder.reset()
    let from = this.pos
    for (;;) {
      from = this.alike(end)
      const at = this.finder.next(this.buf, from, end)
      if (at < 0) return
      const needle = this.finder.hit as Needle
      const start = this.lineStart(at)
      const stop = this.sink.parse(this.buf, start, at, end)
      if (stop >= 0) {
        this.count(start)
        this.taken(start, stop, end)
        this.offset = at - start
        continue
      }
      this.around(start, needle, end)
    }
  }

  /** Lines of the same build as the one before: their word stands at the same column. Answers where they end. */
  private alike(end: number): number {
    if (this.offset < 0) return this.pos
    while (this.pos + this.offset < end) {
      const stop = this.sink.parse(this.buf, this.pos, this.pos + this.offset, end)
      if (stop < 0) break
      this.taken(this.pos, stop, end)
    }
    return this.pos
  }

  private taken(start: number, stop: number, end: number): void {
    this.sink.take()
    const next = Math.min(end, stop + 1)
    this.read += next - start
    this.pos = next
  }

  /** Gives the lines around a word. */
  private around(start: number, needle: Needle, end: number): void {
    let first = start
    for (let n = 0; n < needle.before && first > this.pos; n++) first = this.lineStart(first - 1)
    this.count(first)
    while (this.pos <= start && this.pos < end) this.give(end)
    this.after = needle.after
    // The lines after it are searched too: another word makes the window longer.
    while (this.after > 0 && this.pos < end) {
      if (this.finder.next(this.buf, this.pos, this.lineEnd(this.pos, end)) >= 0) return
      this.after--
      this.give(end)
    }
  }

  /** Where the line of that byte begins, but not before what is given already. */
  private lineStart(at: number): number {
    let i = at
    while (i > this.pos && this.buf[i - 1] !== NEWLINE) i--
    return i
  }

  private lineEnd(at: number, end: number): number {
    const nl = this.buf.indexOf(NEWLINE, at)
    return nl < 0 || nl >= end ? end : nl + 1
  }

  private give(end: number): void {
    const next = this.lineEnd(this.pos, end)
    const stop = next > this.pos && this.buf[next - 1] === NEWLINE ? next - 1 : next
    if (stop - this.pos > LONGEST_LINE) this.sink.long()
    else this.sink.line(this.decoder.decode(this.buf.subarray(this.pos, stop)))
    this.read += next - this.pos
    this.pos = next
  }

  private count(to: number): void {
    if (to <= this.pos) return
    // The last line of a file may lack its end.
    this.sink.skip(countLines(this.buf, this.pos, to) + (this.buf[to - 1] === NEWLINE ? 0 : 1))
    this.read += to - this.pos
    this.pos = to
  }
}

// "swiotlb buffer is full" read straight from its bytes: a log may hold millions of them, and making text of each costs
// more than all the rest. Takes the plain forms only, as dmesg, syslog and journalctl print them; everything else is
// read as text. Its slow twin is reader.ts by way of messages.ts.
import { epoch } from './stamps.ts'

/** Text to compare with, four bytes at once. */
interface Fixed {
  readonly bytes: Uint8Array
  readonly words: Int32Array
}

const fixed = (bytes: Uint8Array): Fixed => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return { bytes, words: Int32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getInt32(4 * i, true)) }
}
const bytesOf = (text: string): Fixed => fixed(new TextEncoder().encode(text))
const FULL = bytesOf('swiotlb buffer is full (sz: ')
const TOTAL = bytesOf(' bytes), total ')
const USED = bytesOf(' (slots), used ')
const SLOTS = bytesOf(' (slots)')
const KERNEL = bytesOf(' kernel: ')
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(bytesOf)
const NEWLINE = 10
/** The first byte of the message. */
const FIRST = FULL.bytes[0]
const [SPACE, DOT, COLON, OPEN, CLOSE, ZERO, NINE, CR] = [32, 46, 58, 91, 93, 48, 57, 13]
/** Longest "driver device" that is taken. */
const LONGEST_DEVICE = 64

/** Names of devices, once each. */
interface Name {
  readonly is: Fixed
  readonly text: string
}

export class FullLine {
  get device(): string {
    return this.last?.text ?? ''
  }
  size = 0
  total = 0
  used = 0
  mono: number | null = null
  wall: number | null = null
  private buf: Uint8Array = new Uint8Array(0)
  private view: DataView = new DataView(new ArrayBuffer(0))
  private at = 0
  private readonly names: Name[] = []
  private last: Name | null = null

  /**
   * Whether a line is one that begins at `from` and has its word "swiotlb" at `word`: then the fields hold what it
   * says, and the answer is where it ends; else -1.
   */
  parse(buf: Uint8Array, from: number, word: number, to: number): number {
    if (buf[word] !== FIRST) return -1
    if (this.buf !== buf || this.view.byteOffset !== buf.byteOffset) {
      this.buf = buf
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.length)
    }
    if (!this.numbers(word)) return -1
    while (this.at < to && buf[this.at] === CR) this.at++
    if (this.at < to && buf[this.at] !== NEWLINE) return -1
    const end = this.at
    return this.head(from, word) ? end : -1
  }

  private head(from: number, word: number): boolean {
    const { buf } = this
    if (buf[word - 2] !== COLON || buf[word - 1] !== SPACE) return false
    this.at = from
    this.mono = null
    this.wall = null
    if (buf[from] !== OPEN && !this.syslog(word)) return false
    if (buf[this.at] === OPEN && !this.stamp()) return false
    if (this.mono === null && this.wall === null) return false
    return this.name(this.at, word - 2)
  }

  private numbers(word: number): boolean {
    this.at = word
    if (!this.is(FULL)) return false
    this.size = this.number()
    if (this.size < 0 || !this.is(TOTAL)) return false
    this.total = this.number()
    if (this.total <= 0 || !this.is(USED)) return false
    this.used = this.number()
    return this.used >= 0 && this.is(SLOTS)
  }

  private is(text: Fixed): boolean {
    if (!this.equal(text, this.at)) return false
    this.at += text.bytes.length
    return true
  }

  private equal(text: Fixed, at: number): boolean {
    const { words, bytes } = text
    if (at + bytes.length > this.view.byteLength) return false
    for (let k = 0; k < words.length; k++) if (this.view.getInt32(at + 4 * k, true) !== words[k]) return false
    for (let k = words.length << 2; k < bytes.length; k++) if (this.buf[at + k] !== bytes[k]) return false
    return true
  }

  /** Decimal digits; -1: none, or too many. */
  private number(): number {
    let n = 0
    const from = this.at
    for (
      let c = this.buf[this.at] as number;
      c >= ZERO && c <= NINE && this.at - from < 15;
      c = this.buf[++this.at] as number
    )
      n = n * 10 + c - ZERO
    return this.at === from ? -1 : n
  }

  // "[   12.345678] "
  private stamp(): boolean {
    this.at++
    while (this.buf[this.at] === SPACE) this.at++
    const whole = this.number()
    if (whole < 0 || this.buf[this.at] !== DOT) return false
    this.at++
    const from = this.at
    const part = this.number()
    if (part < 0) return false
    const digits = this.at - from
    if (this.buf[this.at] !== CLOSE || this.buf[this.at + 1] !== SPACE || digits > 9) return false
    this.at += 2
    // As Number() reads it: digits of a double, not a sum of two.
    this.mono = (whole * 10 ** digits + part) / 10 ** digits
    return true
  }

  // "Sep  1 10:00:00 host kernel: "
  private syslog(word: number): boolean {
    const { buf } = this
    const month = MONTHS.findIndex((m) => this.equal(m, this.at))
    if (month < 0 || buf[this.at + 3] !== SPACE) return false
    this.at += 4
    if (buf[this.at] === SPACE) this.at++
    const day = this.number()
    if (day < 1 || buf[this.at++] !== SPACE) return false
    const hours = this.number()
    if (hours < 0 || buf[this.at++] !== COLON) return false
    const minutes = this.number()
    if (minutes < 0 || buf[this.at++] !== COLON) return false
    const seconds = this.number()
    if (seconds < 0 || buf[this.at] !== SPACE) return false
    // The host is one word.
    this.at++
    while (this.at < word && buf[this.at] !== SPACE) this.at++
    if (!this.is(KERNEL)) return false
    this.wall = epoch(null, month, day, '') + hours * 3600 + minutes * 60 + seconds
    return true
  }

  /** `driver device` or a bare name, in plain characters. */
  private name(from: number, to: number): boolean {
    const { buf } = this
    if (to <= from || to - from > LONGEST_DEVICE) return false
    if (this.last !== null && this.same(this.last, from, to)) return true
    const known = this.names.find((n) => this.same(n, from, to))
    if (known !== undefined) {
      this.last = known
      return true
    }
    let blanks = 0
    for (let i = from; i < to; i++) {
      const c = buf[i] as number
      if (c === SPACE) blanks++
      if (c < 33 && c !== SPACE) return false
      if (c > 126 || c === OPEN || c === CLOSE || c === 60 || c === 62 || c === 38 || c === 124) return false
    }
    if (blanks > 1 || (blanks === 1 && buf[from] === SPACE) || buf[to - 1] === SPACE) return false
    const bytes = buf.slice(from, to)
    const text = new TextDecoder().decode(bytes)
    if (!/^(?:[^\s:]+ )?[^\s]+$/.test(text) || text.startsWith('`') || text.startsWith('*')) return false
    this.last = { is: fixed(bytes), text }
    if (this.names.length < 256) this.names.push(this.last)
    return true
  }

  private same(name: Name, from: number, to: number): boolean {
    return name.is.bytes.length === to - from && this.equal(name.is, from)
  }
}

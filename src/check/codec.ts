// How a state is stored: in as few bits as its fields need. Working form: the shared bytes and words as actions see
// them, then one word per thread position. Stored form: four neighbouring bytes become four groups of equal bits, a
// component or position gets a lane that is widened when a number no longer fits. A stored state is then a few words,
// which is what the speed of a large search depends on: fewer cache and TLB misses, less to hash and compare.
import type { Layout } from '../step/index.ts'

/** Lanes begin with this many bits and grow by as many. */
const LANE = 2

export class Codec {
  /** Words of the working form. */
  readonly loose: number
  /** Words of the stored form. */
  width = 0
  /** Of each working word: how it is stored (bits a byte; 0: a lane), in which word, from which bit. */
  readonly group: Uint8Array
  readonly word: Int32Array
  readonly shift: Int32Array
  /** Bits of the stored word, from bit 0. */
  readonly mask: Int32Array
  /** Of each byte: where its bits are. */
  readonly byteWord: Int32Array
  readonly byteShift: Int32Array
  readonly byteMask: Int32Array
  /** Bits of a working word that must be 0: values beyond their fields. */
  private readonly over: Int32Array
  private readonly bits: Uint8Array
  private readonly byteWords: number

  /** `of`: one of the same layout and threads, whose lanes have other `bits`. */
  constructor(
    private readonly layout: Layout,
    threads: number,
    of?: { readonly codec: Codec; readonly bits: Uint8Array }
  ) {
    const { byteWords, totalWords } = layout
    this.byteWords = byteWords
    this.loose = totalWords + threads
    this.bits = of?.bits ?? new Uint8Array(this.loose).fill(LANE)
    this.word = new Int32Array(this.loose)
    this.shift = new Int32Array(this.loose)
    this.mask = new Int32Array(this.loose)
    this.byteWord = new Int32Array(Math.max(1, byteWords) * 4)
    this.byteShift = new Int32Array(Math.max(1, byteWords) * 4)
    this.byteMask = new Int32Array(Math.max(1, byteWords) * 4)
    if (of !== undefined) {
      this.group = of.codec.group
      this.over = of.codec.over
    } else {
      this.group = new Uint8Array(this.loose)
      this.over = new Int32Array(this.loose)
      this.groups()
    }
    this.place()
  }

  /** Bytes: as many bits as the largest value of a field there needs. */
  private groups(): void {
    const { byteWords } = this
    for (const f of this.layout.fields) {
      const bits = Math.max(1, 32 - Math.clz32(f.max))
      for (let a = f.base; a < f.base + f.count; a++) this.group[a >> 2] = Math.max(this.group[a >> 2] as number, bits)
    }
    for (let i = 0; i < byteWords; i++) {
      const g = this.group[i] as number
      this.bits[i] = g * 4
      this.over[i] = ~Math.imul((1 << g) - 1, 0x01010101)
    }
  }

  /** Bits before a stored word must not be cut: first fit, widest first. No sort: each wider lane places all anew. */
  private place(): void {
    const used: number[] = []
    for (let bits = 32; bits > 0; bits--)
      for (let i = this.bits.indexOf(bits); i >= 0; i = this.bits.indexOf(bits, i + 1)) {
        let w = 0
        while (w < used.length && (used[w] as number) + bits > 32) w++
        if (w === used.length) used.push(0)
        this.word[i] = w
        this.shift[i] = used[w] as number
        this.mask[i] = bits === 32 ? -1 : (1 << bits) - 1
        used[w] = (used[w] as number) + bits
      }
    this.width = Math.max(1, used.length)
    for (let a = 0; a < this.byteWords * 4; a++) {
      const g = this.group[a >> 2] as number
      this.byteWord[a] = this.word[a >> 2] as number
      this.byteShift[a] = (this.shift[a >> 2] as number) + g * (a & 3)
      this.byteMask[a] = (1 << g) - 1
    }
  }

  /** A codec in which working word `i`, a lane, can hold `value`. */
  widened(i: number, value: number): Codec {
    return this.with((k) => (k === i ? value : 0))
  }

  /** A codec whose lanes can hold all of this state, in its working form. */
  fitting(state: Int32Array): Codec {
    return this.with((i) => state[i] as number)
  }

  private with(value: (i: number) => number): Codec {
    const bits = this.bits.slice()
    for (let i = this.byteWords; i < this.loose; i++)
      while ((bits[i] as number) < 32 && value(i) >>> (bits[i] as number) !== 0) bits[i] = (bits[i] as number) + LANE
    return new Codec(this.layout, this.loose - this.layout.totalWords, { codec: this, bits })
  }

  /** The stored form of working word `i`, from bit 0. A lane's number that does not fit comes back as it is. */
  encode(i: number, x: number): number {
    const g = this.group[i] as number
    if (g === 0) return x
    if ((x & (this.over[i] as number)) !== 0) throw new Error(`invariant broken: ${this.tooLarge(i, x)}`)
    const t = (x & 0x00ff00ff) | ((x & 0xff00ff00) >>> (8 - g))
    return (t & 0xffff) | ((t >>> 16) << (g * 2))
  }

  /** The working form of the state at `words[at...]`. */
  unpack(words: Int32Array, at: number, to: Int32Array): void {
    const { word, shift, mask, group, byteWords, loose } = this
    for (let i = 0; i < byteWords; i++) {
      const y = ((words[at + (word[i] as number)] as number) >>> (shift[i] as number)) & (mask[i] as number)
      const g = group[i] as number
      const pair = (1 << (g * 2)) - 1
      const t = (y & pair) | (((y >>> (g * 2)) & pair) << 16)
      const b = Math.imul((1 << g) - 1, 0x00010001)
      to[i] = (t & b) | ((t & (b << g)) << (8 - g))
    }
    for (let i = byteWords; i < loose; i++)
      to[i] = ((words[at + (word[i] as number)] as number) >>> (shift[i] as number)) & (mask[i] as number)
  }

  /** Stores a state at `words[at...]`; answers the working word that did not fit, or -1. */
  pack(from: Int32Array, words: Int32Array, at: number): number {
    for (let k = 0; k < this.width; k++) words[at + k] = 0
    const n = this.loose
    for (let i = 0; i < n; i++) {
      const y = this.encode(i, from[i] as number)
      if ((y & ~(this.mask[i] as number)) !== 0) return i
      const w = at + (this.word[i] as number)
      words[w] = (words[w] as number) | (y << (this.shift[i] as number))
    }
    return -1
  }

  /** Stores a state at `words[at...]` as a codec with wider lanes does, at `out[o...]`: nothing of it is decoded. */
  repack(words: Int32Array, at: number, wider: Codec, out: Int32Array, o: number): void {
    const { word, shift, mask, loose } = this
    const { word: toWord, shift: toShift, width } = wider
    for (let k = 0; k < width; k++) out[o + k] = 0
    for (let i = 0; i < loose; i++) {
      const y = ((words[at + (word[i] as number)] as number) >>> (shift[i] as number)) & (mask[i] as number)
      const w = o + (toWord[i] as number)
      out[w] = (out[w] as number) | (y << (toShift[i] as number))
    }
  }

  private tooLarge(i: number, x: number): string {
    for (let k = 0; k < 4; k++) {
      const a = i * 4 + k
      const v = (x >>> (8 * k)) & 0xff
      const f = this.layout.fields.find((y) => a >= y.base && a < y.base + y.count)
      if (v > (f?.max ?? 0)) return `${this.layout.nameOf(a)} holds ${v}, beyond its largest value ${f?.max ?? 0}`
    }
    return `word ${i} holds ${x}`
  }
}

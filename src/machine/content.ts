// Memory content. One interface, two implementations: labels for the checker (what was written last and whose it is),
// bytes for a system that runs. Addresses are guest physical without alias bits; a range never wraps.
import { copyRange, EMPTY, encodeIntervals, type Intervals, mapRange, pieces, setRange } from '../base/index.ts'
import { change, Interned, type Layout, type Store } from '../step/index.ts'

/**
 * Whose the data is. `plain`: anybody may see it. `secret`: the guest's own. `accepted`: meant for an accepted device.
 */
export const CLASS = { plain: 0, secret: 1, accepted: 2 } as const
export const classNames = ['plain', 'secret', 'meant for an accepted device'] as const

/** A label is a word and a class in one number. */
export type Label = number
export const label = (word: number, cls: number): Label => word * 4 + cls
export const wordOf = (l: Label): number => l >> 2
export const classOf = (l: Label): number => l & 3

/** Words of labels by number; the first few have a meaning of their own. */
export class Words {
  private readonly byName = new Map<string, number>()
  private readonly names: string[] = []
  constructor() {
    for (const w of ['zero', 'lost', 'secret', 'ones', 'cipher', 'mixed', '(host)']) this.id(w)
  }
  id(word: string): number {
    let i = this.byName.get(word)
    if (i === undefined) {
      i = this.names.length
      this.byName.set(word, i)
      this.names.push(word)
    }
    return i
  }
  name(id: number): string {
    return this.names[id] ?? `word ${id}`
  }
  describe(l: Label): string {
    return classOf(l) === CLASS.plain ? this.name(wordOf(l)) : `${this.name(wordOf(l))} (${classNames[classOf(l)]})`
  }
}
/** Never written, or zeroed. */
export const ZERO_WORD = 0
/** Destroyed by a conversion. */
export const LOST_WORD = 1
export const SECRET_WORD = 2
export const ONES_WORD = 3
export const CIPHER_WORD = 4
export const MIXED_WORD = 5
export const HOST_WORD = 6

export interface Content {
  copy(st: Store, dst: number, src: number, len: number): void
  fill(st: Store, addr: number, len: number, l: Label): void
  /** A conversion: what was there is gone. */
  destroy(st: Store, addr: number, len: number): void
  /**
   * Changes the class of what is there, not the data. Words below `LOST_WORD + 1` (zero, lost) are no data and stay
   * plain.
   */
  reclass(st: Store, addr: number, len: number, cls: number): void
  /** The one word in a range, or `mixed`. */
  read(st: Store, addr: number, len: number): Label
}

const COPY = change((m: Intervals, dst: number, src: number, len: number) => copyRange(m, dst, src, len, 0))
const FILL = change((m: Intervals, addr: number, len: number, l: Label) => setRange(m, addr, addr + len, l, 0))
const RECLASS = change((m: Intervals, addr: number, len: number, cls: number) =>
  mapRange(m, addr, addr + len, 0, (l) => (wordOf(l) <= LOST_WORD ? l : label(wordOf(l), cls)))
)

/** Addresses, each range as its first and the one behind its last. */
export type Ranges = ReadonlyArray<readonly [start: number, end: number]>
const KEEP = change((m: Intervals, kept: Ranges): Intervals => {
  let out: Intervals = EMPTY
  for (const [a, b] of kept) for (const [s, e, l] of pieces(m, a, b, 0)) out = setRange(out, s, e, l, 0)
  for (let i = 0; i < m.length; i += 3)
    if (classOf(m[i + 2] as number) !== CLASS.plain)
      out = setRange(out, m[i] as number, m[i + 1] as number, m[i + 2] as number, 0)
  return out
})

export class LabelContent implements Content {
  readonly state: Interned<Intervals>
  /** What is left of each value, by its number, when all is forgotten but these ranges. */
  private readonly left = new WeakMap<Ranges, number[]>()
  constructor(layout: Layout, name = 'content') {
    this.state = new Interned<Intervals>(layout, name, EMPTY, encodeIntervals)
  }
  copy(st: Store, dst: number, src: number, len: number): void {
    if (len > 0) this.state.update(st, COPY, dst, src, len)
  }
  fill(st: Store, addr: number, len: number, l: Label): void {
    if (len > 0) this.state.update(st, FILL, addr, len, l)
  }
  destroy(st: Store, addr: number, len: number): void {
    this.fill(st, addr, len, label(LOST_WORD, CLASS.plain))
  }
  reclass(st: Store, addr: number, len: number, cls: number): void {
    if (len > 0) this.state.update(st, RECLASS, addr, len, cls)
  }
  /**
   * Of data that anybody may see only what lies in these ranges matters any more. A search without end asks after every
   * call: with one list for equal ranges it is remembered by the list itself.
   */
  forget(st: Store, kept: Ranges): void {
    let left = this.left.get(kept)
    if (left === undefined) this.left.set(kept, (left = []))
    const from = this.state.at(st)
    const to = left[from]
    if (to !== undefined) this.state.setAt(st, to)
    else {
      this.state.update(st, KEEP, kept)
      left[from] = this.state.at(st)
    }
  }
  read(st: Store, addr: number, len: number): Label {
    let word = -1
    let cls: number = CLASS.plain
    for (const [, , l] of pieces(this.state.get(st), addr, addr + Math.max(1, len), 0)) {
      if (word !== -1 && word !== wordOf(l)) return label(MIXED_WORD, CLASS.plain)
      word = wordOf(l)
      cls = Math.max(cls, classOf(l))
    }
    return label(word, cls)
  }
}

/**
 * Real bytes, in chunks that exist once they are written. A word is written as its repeated 8-byte pattern, so that it
 * can be read back. Chunks that a word fills are one: a pool of 64 MiB is filled at boot.
 */
export class ByteContent implements Content {
  private readonly chunks = new Map<number, Uint8Array>()
  /** The chunk that a word fills. Whoever writes to one writes to a copy. */
  private readonly filled = new Map<number, Uint8Array>()
  private readonly shared = new Set<Uint8Array>()
  private readonly patterns = new Map<string, number>()
  static readonly CHUNK = 4096
  constructor(private readonly words: Words) {}

  /** The 8 bytes that stand for a word; all zero for `zero`. */
  pattern(word: number): Uint8Array {
    const p = new Uint8Array(8)
    if (word === ZERO_WORD) return p
    if (word === ONES_WORD) return p.fill(255)
    let h = 0x811c9dc5
    for (const ch of this.words.name(word)) h = Math.imul(h ^ ch.charCodeAt(0), 0x01000193)
    for (let i = 0; i < 8; i++) {
      h = Math.imul(h ^ (h >>> 15), 0x85ebca6b)
      p[i] = (h >>> 24) | 1
    }
    this.patterns.set(p.join(','), word)
    return p
  }

  private filledWith(word: number): Uint8Array {
    const had = this.filled.get(word)
    if (had !== undefined) return had
    const p = this.pattern(word)
    const c = new Uint8Array(ByteContent.CHUNK)
    for (let i = 0; i < c.length; i += p.length) c.set(p, i)
    this.filled.set(word, c)
    this.shared.add(c)
    return c
  }

  /** The chunk of an address, to be written to. */
  private chunk(at: number): Uint8Array {
    const k = Math.floor(at / ByteContent.CHUNK)
    const had = this.chunks.get(k)
    if (had !== undefined && !this.shared.has(had)) return had
    const c = had?.slice() ?? new Uint8Array(ByteContent.CHUNK)
    this.chunks.set(k, c)
    return c
  }

  bytes(addr: number, len: number): Uint8Array {
    const out = new Uint8Array(len)
    for (let at = 0; at < len; ) {
      const off = (addr + at) % ByteContent.CHUNK
      const n = Math.min(len - at, ByteContent.CHUNK - off)
      const c = this.chunks.get(Math.floor((addr + at) / ByteContent.CHUNK))
      if (c !== undefined) out.set(c.subarray(off, off + n), at)
      at += n
    }
    return out
  }

  write(addr: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const off = (addr + at) % ByteContent.CHUNK
      const n = Math.min(data.length - at, ByteContent.CHUNK - off)
      this.chunk(addr + at).set(data.subarray(at, at + n), off)
      at += n
    }
  }

  copy(_st: Store, dst: number, src: number, len: number): void {
    this.write(dst, this.bytes(src, len))
  }
  fill(_st: Store, addr: number, len: number, l: Label): void {
    // The pattern is anchored at the address, so that a part of a buffer reads back as the same word.
    const c = this.filledWith(wordOf(l))
    for (let at = 0; at < len; ) {
      const off = (addr + at) % ByteContent.CHUNK
      const n = Math.min(len - at, ByteContent.CHUNK - off)
      if (n === ByteContent.CHUNK) this.chunks.set(Math.floor((addr + at) / ByteContent.CHUNK), c)
      else this.chunk(addr + at).set(c.subarray(off, off + n), off)
      at += n
    }
  }
  destroy(st: Store, addr: number, len: number): void {
    this.fill(st, addr, len, label(LOST_WORD, CLASS.plain))
  }
  reclass(): void {
    /* bytes have no class */
  }
  read(_st: Store, addr: number, len: number): Label {
    const b = this.bytes(addr, Math.max(1, len))
    if (b.every((x) => x === 0)) return label(ZERO_WORD, CLASS.plain)
    if (b.every((x) => x === 255)) return label(ONES_WORD, CLASS.plain)
    for (const [key, word] of this.patterns) {
      const p = key.split(',').map(Number)
      if (b.every((x, i) => x === p[(addr + i) & 7])) return label(word, CLASS.plain)
    }
    return label(MIXED_WORD, CLASS.plain)
  }
}

/** No content at all: for systems of which only addresses, slots and events are looked at. */
export const noContent: Content = {
  copy: () => {},
  fill: () => {},
  destroy: () => {},
  reclass: () => {},
  read: () => 0
}

/**
 * Bytes and labels side by side: a run that moves real bytes and still knows whose they are. A read on which the two
 * disagree is a defect of one of them. @throws Error from `read` when they do
 */
export class TeeContent implements Content {
  constructor(
    readonly bytes: ByteContent,
    readonly labels: LabelContent,
    private readonly words: Words
  ) {}
  copy(st: Store, dst: number, src: number, len: number): void {
    this.bytes.copy(st, dst, src, len)
    this.labels.copy(st, dst, src, len)
  }
  fill(st: Store, addr: number, len: number, l: Label): void {
    this.bytes.fill(st, addr, len, l)
    this.labels.fill(st, addr, len, l)
  }
  destroy(st: Store, addr: number, len: number): void {
    this.bytes.destroy(st, addr, len)
    this.labels.destroy(st, addr, len)
  }
  reclass(st: Store, addr: number, len: number, cls: number): void {
    this.labels.reclass(st, addr, len, cls)
  }
  read(st: Store, addr: number, len: number): Label {
    const l = this.labels.read(st, addr, len)
    const b = this.bytes.read(st, addr, len)
    if (wordOf(l) !== wordOf(b))
      throw new Error(
        `bytes at 0x${addr.toString(16)} are '${this.words.name(wordOf(b))}' and labels say ` +
          `'${this.words.name(wordOf(l))}'`
      )
    return l
  }
}

// Numbers for tuples of small whole numbers: a table of hashes over the tuples, one behind the other. A search asks for
// several of each state, and what it keeps must be little: a Map of Maps, or arrays of arrays, take many times as much.

const SLOTS = 32

/** Numbers tuples of `width` whole numbers of 32 bits from 0, in the order in which they are first met. */
export class Tuples {
  /** Where who asks puts the tuple. */
  readonly asked: Int32Array
  private tuples: Int32Array
  /** Numbers and one, by hash; 0 where there is none. */
  private slots: Int32Array
  private count = 0

  constructor(private readonly width: number) {
    this.asked = new Int32Array(width)
    this.tuples = new Int32Array((width * SLOTS) / 2)
    this.slots = new Int32Array(SLOTS)
  }

  get size(): number {
    return this.count
  }

  /** The number of what is asked. */
  number(): number {
    const { asked, width } = this
    const mask = this.slots.length - 1
    for (let s = hashOf(asked, 0, width) & mask; ; s = (s + 1) & mask) {
      const n = (this.slots[s] as number) - 1
      if (n < 0) return this.added(s)
      const at = n * width
      let i = 0
      while (i < width && this.tuples[at + i] === asked[i]) i++
      if (i === width) return n
    }
  }

  private added(slot: number): number {
    const { width } = this
    const n = this.count++
    if (2 * this.count > this.slots.length) this.grow()
    else this.slots[slot] = n + 1
    this.tuples.set(this.asked, n * width)
    return n
  }

  private grow(): void {
    const { width } = this
    const slots = new Int32Array(this.slots.length * 4)
    const tuples = new Int32Array((width * slots.length) / 2)
    tuples.set(this.tuples.subarray(0, (this.count - 1) * width))
    tuples.set(this.asked, (this.count - 1) * width)
    const mask = slots.length - 1
    for (let n = 0; n < this.count; n++) {
      let s = hashOf(tuples, n * width, width) & mask
      while (slots[s] !== 0) s = (s + 1) & mask
      slots[s] = n + 1
    }
    this.slots = slots
    this.tuples = tuples
  }
}

function hashOf(words: Int32Array, at: number, width: number): number {
  let h = width
  for (let i = 0; i < width; i++) {
    h = Math.imul(h ^ (words[at + i] as number), 0x9e3779b1)
    h ^= h >>> 15
  }
  return h
}

// Pieces of an instance's memory, interned: a call that stops is nearly always as one that stopped before, so that its
// stack and frames are hashed and compared where they lie, and copied only when they are new.

/** A piece of memory; equal ones are one object with one number. */
export interface Blob {
  readonly id: number
  readonly bytes: Uint8Array
}

interface Kept extends Blob {
  readonly words: Int32Array
}

export class Blobs {
  private count = 0
  private readonly buckets = new Map<number, Kept[]>()

  /** What lies between two byte addresses, both multiples of four. */
  take(memory: Int32Array, from: number, to: number): Blob {
    const [first, n] = [from >> 2, (to - from) >> 2]
    let h = n
    for (let i = first; i < first + n; i++) h = Math.imul(h ^ (memory[i] as number), 0x01000193) ^ (h >>> 15)
    const bucket = this.buckets.get(h)
    if (bucket !== undefined) for (const b of bucket) if (lies(b.words, memory, first, n)) return b
    const words = memory.slice(first, first + n)
    const made = { id: this.count++, bytes: new Uint8Array(words.buffer), words }
    if (bucket === undefined) this.buckets.set(h, [made])
    else bucket.push(made)
    return made
  }
}

function lies(words: Int32Array, memory: Int32Array, first: number, n: number): boolean {
  if (words.length !== n) return false
  for (let i = 0; i < n; i++) if (words[i] !== memory[first + i]) return false
  return true
}

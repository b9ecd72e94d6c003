// Snapshots of a kernel instance, interned: a state is a number. Memory is cut into chunks; a state is a vector of
// chunk ids, so that going from one state to another copies only the chunks that differ, and taking one looks only at
// the chunks that the code has marked as written (lower.ts weaves the marks in).
import { assertTrue } from '../base/index.ts'
import { type KernelC, STATE_BASE } from './kernel-c.ts'

const MARKS = 64

export class KernelStates {
  private readonly k: KernelC
  private readonly chunks: number
  private readonly words: number
  private readonly bits: number
  private memory: Int32Array
  /** Interned chunks: content, hash table of ids. */
  private store: Int32Array
  private chunkCount = 0
  private chunkHash: Int32Array
  private chunkTable: Int32Array
  /** States: one vector of chunk ids each. */
  private vectors: Int32Array
  private stateHash: Int32Array
  private stateTable: Int32Array
  private count = 0
  private readonly current: Int32Array
  private currentHash = 0

  /** Watches the kernel from here on. `spare`: bytes of heap that calls may still take. */
  constructor(k: KernelC, spare = 4096) {
    this.k = k
    const end = k.heapEnd() + spare
    let bits = 8
    while (end - STATE_BASE > MARKS << bits && bits < 12) bits++
    this.bits = bits
    this.chunks = Math.ceil((end - STATE_BASE) / (1 << bits))
    this.words = 1 << (bits - 2)
    const need = STATE_BASE + (this.chunks << bits)
    if (k.memory.buffer.byteLength < need) k.memory.grow(Math.ceil((need - k.memory.buffer.byteLength) / 65536))
    this.memory = new Int32Array(k.memory.buffer)
    this.store = new Int32Array(this.words * 256)
    this.chunkHash = new Int32Array(256)
    this.chunkTable = new Int32Array(1024).fill(-1)
    this.vectors = new Int32Array(this.chunks * 64)
    this.stateHash = new Int32Array(64)
    this.stateTable = new Int32Array(256).fill(-1)
    this.current = new Int32Array(this.chunks)
    k.watch(STATE_BASE, bits)
    for (let i = 0; i < this.chunks; i++) {
      const id = this.internChunk(i)
      this.current[i] = id
      this.currentHash = (this.currentHash + mix(i, id)) | 0
    }
    this.internVector()
  }

  /** States seen so far; the state at construction is 0. */
  get size(): number {
    return this.count
  }
  /** Bytes of kernel memory that are state. */
  get bytes(): number {
    return this.chunks << this.bits
  }
  get chunkBytes(): number {
    return 1 << this.bits
  }
  get distinctChunks(): number {
    return this.chunkCount
  }

  private view(): Int32Array {
    if (this.memory.buffer !== this.k.memory.buffer) this.memory = new Int32Array(this.k.memory.buffer)
    return this.memory
  }

  /** The state the instance is in now, as a number; equal memory, equal number. */
  take(): number {
    const low = this.k.takeDirtyLow()
    const high = this.k.takeDirtyHigh()
    if (low !== 0) this.collect(low, 0)
    if (high !== 0) this.collect(high, 32)
    return this.internVector()
  }

  /**
   * The state that another instance of the same image is in, as a number of this one; this one is in it then. Both have
   * booted the same machine, so that only what went otherwise on the way differs.
   */
  adopt(other: KernelC): number {
    const end = STATE_BASE + (this.chunks << this.bits)
    assertTrue(other.heapEnd() <= end, 'the other instance has no more memory than this one')
    const from = new Uint8Array(other.memory.buffer)
    new Uint8Array(this.k.memory.buffer).set(from.subarray(STATE_BASE, Math.min(end, from.length)), STATE_BASE)
    this.k.takeDirtyLow()
    this.k.takeDirtyHigh()
    for (let i = 0; i < this.chunks; i++) this.refresh(i)
    return this.internVector()
  }

  private collect(marks: number, at: number): void {
    let m = marks
    while (m !== 0) {
      const b = 31 - Math.clz32(m & -m)
      m &= m - 1
      for (let i = at + b; i < this.chunks; i += MARKS) this.refresh(i)
    }
  }

  private refresh(i: number): void {
    const mem = this.view()
    const w = this.words
    const from = (STATE_BASE >> 2) + i * w
    const old = this.current[i] as number
    const s = old * w
    const { store } = this
    let k = 0
    while (k < w && mem[from + k] === store[s + k]) k++
    if (k === w) return
    const id = this.internChunk(i)
    this.currentHash = (this.currentHash - mix(i, old) + mix(i, id)) | 0
    this.current[i] = id
  }

  private internChunk(i: number): number {
    const mem = this.view()
    const w = this.words
    const from = (STATE_BASE >> 2) + i * w
    const h = hashed(mem, from, w)
    const { store } = this
    let mask = this.chunkTable.length - 1
    let p = h & mask
    for (;;) {
      const id = this.chunkTable[p] as number
      if (id < 0) break
      if (this.chunkHash[id] === h) {
        const s = id * w
        let k = 0
        while (k < w && mem[from + k] === store[s + k]) k++
        if (k === w) return id
      }
      p = (p + 1) & mask
    }
    const id = this.chunkCount++
    if ((id + 1) * w > this.store.length) this.store = grown(this.store)
    if (id >= this.chunkHash.length) this.chunkHash = grown(this.chunkHash)
    this.store.set(mem.subarray(from, from + w), id * w)
    this.chunkHash[id] = h
    if (this.chunkCount * 2 > this.chunkTable.length) {
      this.chunkTable = rehash(this.chunkTable.length * 2, this.chunkHash, id)
      mask = this.chunkTable.length - 1
      p = h & mask
      while ((this.chunkTable[p] as number) >= 0) p = (p + 1) & mask
    }
    this.chunkTable[p] = id
    return id
  }

  private internVector(): number {
    const n = this.chunks
    const h = this.currentHash
    const { current, vectors } = this
    let mask = this.stateTable.length - 1
    let p = h & mask
    for (;;) {
      const id = this.stateTable[p] as number
      if (id < 0) break
      if (this.stateHash[id] === h) {
        const s = id * n
        let k = 0
        while (k < n && current[k] === vectors[s + k]) k++
        if (k === n) return id
      }
      p = (p + 1) & mask
    }
    const id = this.count++
    if ((id + 1) * n > this.vectors.length) this.vectors = grown(this.vectors)
    if (id >= this.stateHash.length) this.stateHash = grown(this.stateHash)
    this.vectors.set(this.current, id * n)
    this.stateHash[id] = h
    if (this.count * 2 > this.stateTable.length) {
      this.stateTable = rehash(this.stateTable.length * 2, this.stateHash, id)
      mask = this.stateTable.length - 1
      p = h & mask
      while ((this.stateTable[p] as number) >= 0) p = (p + 1) & mask
    }
    this.stateTable[p] = id
    return id
  }

  /** Puts the instance into a state, whatever it did since, also after a fault. */
  load(id: number): void {
    assertTrue(id >= 0 && id < this.count, 'a state that was taken')
    // what was written and not taken must be undone too
    const low = this.k.takeDirtyLow()
    const high = this.k.takeDirtyHigh()
    const mem = this.view()
    const n = this.chunks
    const w = this.words
    const v = id * n
    const { current, store, vectors } = this
    for (let i = 0; i < n; i++) {
      const want = vectors[v + i] as number
      const j = i & 63
      const dirty = ((j < 32 ? low >>> j : high >>> (j - 32)) & 1) !== 0
      if (want === current[i] && !dirty) continue
      const from = (STATE_BASE >> 2) + i * w
      const s = want * w
      for (let k = 0; k < w; k++) mem[from + k] = store[s + k] as number
      current[i] = want
    }
    this.currentHash = this.stateHash[id] as number
  }
}

/** Of `w` words, a multiple of four: in four strands, so that one multiplication does not wait for the one before. */
function hashed(words: Int32Array, from: number, w: number): number {
  let [a, b, c, d] = [0x811c9dc5, 0x01234567, 0x2545f491, 0x6c078965]
  for (let k = from; k < from + w; k += 4) {
    a = Math.imul(a ^ (words[k] as number), 0x01000193) ^ (a >>> 15)
    b = Math.imul(b ^ (words[k + 1] as number), 0x01000193) ^ (b >>> 15)
    c = Math.imul(c ^ (words[k + 2] as number), 0x01000193) ^ (c >>> 15)
    d = Math.imul(d ^ (words[k + 3] as number), 0x01000193) ^ (d >>> 15)
  }
  const h = Math.imul(a ^ (b >>> 7), 0x9e3779b1) ^ Math.imul(c ^ (d >>> 9), 0x85ebca6b) ^ (b << 3) ^ d
  return (h ^ (h >>> 13)) | 0
}

const mix = (i: number, id: number): number => {
  let h = Math.imul(id + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35)
  return (h ^ (h >>> 13)) | 0
}

function grown(a: Int32Array): Int32Array {
  const b = new Int32Array(a.length * 2)
  b.set(a)
  return b
}

function rehash(size: number, hashes: Int32Array, count: number): Int32Array {
  const t = new Int32Array(size).fill(-1)
  for (let id = 0; id < count; id++) {
    let p = (hashes[id] as number) & (size - 1)
    while ((t[p] as number) >= 0) p = (p + 1) & (size - 1)
    t[p] = id
  }
  return t
}

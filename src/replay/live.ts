// Mappings that are live: found again at unmap by device and first address. A second mapping at the address of a live
// one is legal (the unmap is logged after the slots are free, so another CPU can be first in the log): entries of one
// key queue up, and size tells them apart.

/**
 * At most so many mappings are remembered; older ones are forgotten and counted. Bounds memory when a recording lost
 * its unmaps.
 */
export const MAX_LIVE = 1 << 20

export class LiveTable {
  /** Mappings remembered now. */
  size = 0
  /** Mappings that were forgotten for want of room. */
  forgotten = 0
  // Entry fields by index; 0 is no entry.
  dev = new Int32Array(1024)
  /** First address: DMA address of a single mapping, physical address of the first entry of a scatter-gather one. */
  key = new Float64Array(1024)
  /** Bytes of a single mapping; last physical address of a scatter-gather one. */
  tag = new Float64Array(1024)
  /** Entries as the caller gave them (scatter-gather); 0 for a single mapping. */
  nents = new Int32Array(1024)
  dir = new Uint8Array(1024)
  /** Bytes that were bounced. */
  bouncedBytes = new Float64Array(1024)
  bytes = new Float64Array(1024)
  /** Head of the chain of its allocations in the pool, 0 or -1 when it has none. */
  block = new Int32Array(1024)
  /** Order of arrival, from 1; tells a mapping from a later one in the same place. */
  born = new Float64Array(1024)
  /** Time of the mapping. */
  time = new Float64Array(1024)
  /** CPU that made it. */
  cpu = new Uint16Array(1024)
  /** 1: DMA_ATTR_SKIP_CPU_SYNC. */
  skipSync = new Uint8Array(1024)
  /** 1: its end is assumed, no unmap was seen (Lifetimes). */
  over = new Uint8Array(1024)
  /** 1: when it was made, the same memory was mapped already. */
  twice = new Uint8Array(1024)
  private chain = new Int32Array(1024)
  private heads = new Int32Array(4096)
  private top = 1
  private free_ = 0
  private births = 0
  private oldest = 0

  private hash(dev: number, key: number, sg: boolean): number {
    // Low 32 bits carry what differs; an address above 4 GiB adds its high part.
    const lo = key | 0
    const h = Math.imul((lo >>> 9) ^ lo ^ (dev << 20) ^ (sg ? 0x5bd1e995 : 0), 0x9e3779b1)
    return (h ^ (h >>> 15)) & (this.heads.length - 1)
  }

  /** A new mapping; its index. The caller fills the other fields. */
  add(dev: number, key: number, tag: number, nents: number): number {
    let i = this.free_
    if (i !== 0) this.free_ = this.chain[i] as number
    else {
      i = this.top++
      if (i >= this.dev.length) this.grow()
    }
    if (this.size >= this.heads.length) this.rehash()
    const h = this.hash(dev, key, nents > 0)
    this.dev[i] = dev
    this.key[i] = key
    this.tag[i] = tag
    this.nents[i] = nents
    this.block[i] = -1
    this.bouncedBytes[i] = 0
    this.over[i] = 0
    this.twice[i] = 0
    this.born[i] = ++this.births
    this.chain[i] = this.heads[h] as number
    this.heads[h] = i
    this.size++
    return i
  }

  /**
   * Index of the mapping that an unmap ends: same device, address and kind; of several the oldest whose tag agrees,
   * else the oldest. 0 = none.
   */
  find(dev: number, key: number, tag: number, nents: number): number {
    const sg = nents > 0
    let exact = 0
    let any = 0
    for (let i = this.heads[this.hash(dev, key, sg)] as number; i !== 0; i = this.chain[i] as number) {
      if (this.key[i] !== key || this.dev[i] !== dev || (this.nents[i] as number) > 0 !== sg) continue
      // Newer ones come first in a chain.
      any = i
      if (this.tag[i] === tag && this.nents[i] === nents) exact = i
    }
    return exact !== 0 ? exact : any
  }

  /** The youngest live mapping of this device at this address; 0 = none. */
  youngest(dev: number, key: number, sg: boolean): number {
    for (let i = this.heads[this.hash(dev, key, sg)] as number; i !== 0; i = this.chain[i] as number) {
      if (this.key[i] === key && this.dev[i] === dev && (this.nents[i] as number) > 0 === sg) return i
    }
    return 0
  }

  /** The mapping of this number is still live in this place. */
  holds(i: number, born: number): boolean {
    return this.born[i] === born && (this.nents[i] as number) >= 0
  }

  remove(i: number): void {
    const h = this.hash(this.dev[i] as number, this.key[i] as number, (this.nents[i] as number) > 0)
    let at = this.heads[h] as number
    if (at === i) this.heads[h] = this.chain[i] as number
    else {
      while (this.chain[at] !== i) at = this.chain[at] as number
      this.chain[at] = this.chain[i] as number
    }
    this.chain[i] = this.free_
    this.free_ = i
    this.nents[i] = -1
    this.size--
  }

  /**
   * Some old entry to forget when the table is full: not the oldest of all, but no newer than its neighbours in the
   * sweep. 0 = none.
   */
  victim(): number {
    if (this.size < MAX_LIVE) return 0
    for (let n = 0; n < this.top; n++) {
      this.oldest = this.oldest + 1 >= this.top ? 1 : this.oldest + 1
      if ((this.nents[this.oldest] as number) >= 0 && this.births - (this.born[this.oldest] as number) > MAX_LIVE / 2) {
        this.forgotten++
        return this.oldest
      }
    }
    return 0
  }

  /** Calls `f` for each live mapping. */
  forEach(f: (i: number) => void): void {
    for (let i = 1; i < this.top; i++) if ((this.nents[i] as number) >= 0) f(i)
  }

  private grow(): void {
    const n = this.dev.length * 2
    const ints = (a: Int32Array): Int32Array<ArrayBuffer> => {
      const b = new Int32Array(n)
      b.set(a)
      return b
    }
    const doubles = (a: Float64Array): Float64Array<ArrayBuffer> => {
      const b = new Float64Array(n)
      b.set(a)
      return b
    }
    this.dev = ints(this.dev)
    this.nents = ints(this.nents)
    this.block = ints(this.block)
    this.chain = ints(this.chain)
    this.key = doubles(this.key)
    this.tag = doubles(this.tag)
    this.bouncedBytes = doubles(this.bouncedBytes)
    this.bytes = doubles(this.bytes)
    this.born = doubles(this.born)
    this.time = doubles(this.time)
    const bytes = (a: Uint8Array): Uint8Array<ArrayBuffer> => {
      const b = new Uint8Array(n)
      b.set(a)
      return b
    }
    this.dir = bytes(this.dir)
    this.skipSync = bytes(this.skipSync)
    this.over = bytes(this.over)
    this.twice = bytes(this.twice)
    const cpu = new Uint16Array(n)
    cpu.set(this.cpu)
    this.cpu = cpu
  }

  private rehash(): void {
    this.heads = new Int32Array(this.heads.length * 2)
    // Oldest first, so that newer ones end up at the front again.
    const all: number[] = []
    this.forEach((i) => {
      all.push(i)
    })
    all.sort((a, b) => (this.born[a] as number) - (this.born[b] as number))
    for (const i of all) {
      const h = this.hash(this.dev[i] as number, this.key[i] as number, (this.nents[i] as number) > 0)
      this.chain[i] = this.heads[h] as number
      this.heads[h] = i
    }
  }
}

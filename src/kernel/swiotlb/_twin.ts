// The pool again, slow and plain, written from the description of the slot search alone and sharing no line with
// pool.ts: one object a slot, BigInt addresses, one step at a time. Only tests use it, to hold the fast pool against
// it.

interface Slot {
  list: bigint
  orig: bigint | null
  alloc: bigint
  pad: bigint
}

export interface TwinDevice {
  readonly minAlign: bigint
  readonly boundary: bigint
  /** Where the device sees the pool's first slot. */
  readonly poolDma: bigint
}

const SLOT = 2048n
const divUp = (a: bigint, b: bigint): bigint => (a + b - 1n) / b
const u64 = (a: bigint): bigint => BigInt.asUintN(64, a)

export class TwinPool {
  slots: Slot[] = []
  areas: Array<{ index: number; used: bigint }> = []
  total = 0n
  hiwater = 0n
  readonly start: bigint
  readonly nslabs: number
  readonly perArea: number

  constructor(start: bigint, nslabs: number, nareas: number) {
    this.start = start
    this.nslabs = nslabs
    this.perArea = Math.floor(nslabs / nareas)
    for (let i = 0; i < nslabs; i++)
      this.slots.push({ list: BigInt(Math.min(128 - (i % 128), nslabs - i)), orig: null, alloc: 0n, pad: 0n })
    for (let i = 0; i < 128; i++) this.slots.push({ list: 0n, orig: null, alloc: 0n, pad: 0n })
    for (let i = 0; i < nareas; i++) this.areas.push({ index: 0, used: 0n })
  }

  private offsetOf(d: TwinDevice, mask: bigint, addr: bigint): bigint {
    return addr & d.minAlign & (mask | 2047n)
  }

  private searchArea(d: TwinDevice, a: number, phys: bigint, total: bigint, allocMask: bigint): number {
    const area = this.areas[a]!
    const base = d.poolDma & d.boundary
    const maxSlots = (d.boundary >> 11n) + 1n
    const need = divUp(total, SLOT)
    let am = allocMask
    let iam = d.minAlign
    if (am === 0n && iam === 0n && total >= 4096n) am = 4095n
    am |= 2047n
    iam &= ~am
    const stride = Math.max(Number(am >> 11n), Number(iam >> 11n)) + 1
    if (need > BigInt(this.perArea) - area.used) return -1
    const wrap = (i: number): number => (i >= this.perArea ? 0 : i)
    let at = area.index
    let checked = 0
    while (checked < this.perArea) {
      const g = a * this.perArea + at
      const addr = base + BigInt(g) * SLOT
      const aligned = (addr & am) === 0n && (phys === 0n || (addr & iam) === (phys & iam))
      if (!aligned) {
        at = wrap(at + 1)
        checked++
        continue
      }
      const within = ((divUp(base, SLOT) + BigInt(g)) & (maxSlots - 1n)) + need <= maxSlots
      if (within && this.slots[g]!.list >= need) {
        const low = this.offsetOf(d, 0n, phys)
        for (let k = 0; k < Number(need); k++) {
          this.slots[g + k]!.list = 0n
          this.slots[g + k]!.alloc = u64(total - (low + BigInt(k) * SLOT))
        }
        let run = 0n
        for (let j = g - 1; j >= 0 && j % 128 !== 127 && this.slots[j]!.list !== 0n; j--) this.slots[j]!.list = ++run
        area.index = wrap(at + Number(need))
        area.used += need
        this.total += need
        if (this.total > this.hiwater) this.hiwater = this.total
        return g
      }
      at = wrap(at + stride)
      checked += stride
    }
    return -1
  }

  map(d: TwinDevice, cpu: number, phys: bigint, len: bigint, am: bigint): bigint | null {
    const off = this.offsetOf(d, am, phys)
    const total = divUp(len + off, am + 1n) * (am + 1n)
    const n = this.areas.length
    for (let i = 0; i < n; i++) {
      const g = this.searchArea(d, (cpu + i) % n, phys, total, am)
      if (g < 0) continue
      const pad = off >> 11n
      const first = g + Number(pad)
      this.slots[first]!.pad = pad
      for (let k = 0n; k < divUp(total, SLOT) - pad; k++) this.slots[first + Number(k)]!.orig = phys + k * SLOT
      return this.start + BigInt(first) * SLOT + (off & 2047n)
    }
    return null
  }

  bounce(d: TwinDevice, tlb: bigint, size: bigint): { orig: bigint; size: bigint; overflow: boolean } | null {
    const s = this.slots[Number((tlb - this.start) >> 11n)]!
    if (s.orig === null) return null
    const t = (tlb & 2047n) - this.offsetOf(d, 0n, s.orig)
    const room = u64(s.alloc - t)
    return { orig: s.orig + t, size: size > room ? room : size, overflow: size > room }
  }

  release(d: TwinDevice, tlb: bigint): void {
    const off = this.offsetOf(d, 0n, tlb)
    let i = Number((tlb - off - this.start) >> 11n)
    i -= Number(this.slots[i]!.pad)
    const n = Number(divUp(u64(this.slots[i]!.alloc + off), SLOT))
    const area = this.areas[Math.floor(i / this.perArea)]!
    const segmentEnd = (Math.floor(i / 128) + 1) * 128
    let count = i + n < segmentEnd ? this.slots[i + n]!.list : 0n
    for (let j = i + n - 1; j >= i; j--) this.slots[j] = { list: ++count, orig: null, alloc: 0n, pad: 0n }
    for (let j = i - 1; j >= 0 && j % 128 !== 127 && this.slots[j]!.list !== 0n; j--) this.slots[j]!.list = ++count
    area.used -= BigInt(n)
    this.total -= BigInt(n)
  }

  /** The state as text, for comparing with another. */
  text(): string {
    const slots = this.slots
      .slice(0, this.nslabs)
      .map((s) => `${s.list},${s.orig ?? -1n},${BigInt.asIntN(64, s.alloc)},${s.pad}`)
    return (
      `${this.areas.map((a) => `${a.index}/${a.used}`).join(' ')} ${this.total} ${this.hiwater}\n` +
      `${slots.join('\n')}`
    )
  }
}

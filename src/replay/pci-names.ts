// Device names of twelve bytes, which is what a PCI address has, by their bytes: what most events name is found without
// a hash over each byte and a comparison.

/** Bytes of such a name. */
export const PCI_NAME = 12
const KEPT = 64
const SHIFT = 26

export class PciNames {
  private readonly first = new Int32Array(KEPT)
  private readonly second = new Int32Array(KEPT)
  private readonly third = new Int32Array(KEPT)
  private readonly ids = new Int32Array(KEPT).fill(-1)

  /** The id of the name at this place; -1 when it is not kept. */
  find(v: DataView, at: number): number {
    const a = v.getInt32(at, true)
    const b = v.getInt32(at + 4, true)
    const c = v.getInt32(at + 8, true)
    const slot = slotOf(b, c)
    return this.third[slot] === c && this.second[slot] === b && this.first[slot] === a ? (this.ids[slot] as number) : -1
  }

  /** Keeps the name at this place. */
  keep(v: DataView, at: number, id: number): void {
    const b = v.getInt32(at + 4, true)
    const c = v.getInt32(at + 8, true)
    const slot = slotOf(b, c)
    this.first[slot] = v.getInt32(at, true)
    this.second[slot] = b
    this.third[slot] = c
    this.ids[slot] = id
  }
}

const slotOf = (b: number, c: number): number => Math.imul(Math.imul(b, 31) ^ c, 0x9e3779b1) >>> SHIFT

// Where a record of a trace.dat has its fields, for the formats that 64-bit little-endian kernels write: numbers of the
// widths that the kernel's own types have, names and lists behind the fields. One look at the record's length then
// stands for one a field. What differs in anything is read field by field (TraceDat.read), its slow twin.
import { Trace } from '../kernel/trace-events.ts'
import { Has } from './event.ts'
import type { Decoder, Field } from './trace-dat-head.ts'

/** In place of an offset: the event has no such field. */
export const NOWHERE = -1
const U64 = 8
const U32 = 4
const BOOL = 1

/** Offsets of the fields. A class, so that those of all events are of one shape. */
export class QuickLayout {
  /** A record that is as long as this has all of them. */
  end = 0
  /** The format is one that is read so. */
  usual: boolean
  /** What the event says (Has), its device apart. */
  readonly has: number
  readonly device: number
  readonly dma: number
  readonly phys: number
  readonly size: number
  readonly dir: number
  readonly attrs: number
  readonly mask: number
  readonly force: number
  readonly nents: number
  readonly ents: number
  readonly truncated: number
  readonly dmas: number
  readonly sizes: number
  readonly physs: number

  constructor(d: Decoder) {
    this.usual = d.kind !== Trace.mark && d.virt === null
    this.device = this.behind(d.device)
    this.dma = this.number(d.dma, U64)
    this.phys = this.number(d.phys, U64)
    this.size = this.number(d.size, U64)
    this.dir = this.number(d.dir, U32)
    this.attrs = this.number(d.attrs, U64)
    this.mask = this.number(d.mask, U64)
    this.force = this.number(d.force, BOOL)
    this.nents = this.number(d.nents, U32)
    this.ents = this.number(d.ents, U32)
    this.truncated = this.number(d.truncated, BOOL)
    this.dmas = this.behind(d.dmas)
    this.sizes = this.behind(d.sizes)
    this.physs = this.behind(d.physs)
    this.has =
      (d.dma ? Has.dma : 0) |
      (d.phys ? Has.phys : 0) |
      (d.size ? Has.size : 0) |
      (d.dir ? Has.dir : 0) |
      (d.attrs ? Has.attrs : 0) |
      (d.mask ? Has.mask : 0) |
      (d.dmas ? Has.dmaList : 0) |
      (d.sizes ? Has.sizeList : 0) |
      (d.physs ? Has.physList : 0)
  }

  private place(f: Field, good: boolean, size: number): number {
    if (!good) this.usual = false
    this.end = Math.max(this.end, f.offset + size)
    return f.offset
  }
  private number(f: Field | null, size: number): number {
    return f === null ? NOWHERE : this.place(f, f.loc === 0 && f.size === size, size)
  }
  // A word that says where it is and how long.
  private behind(f: Field | null): number {
    return f === null ? NOWHERE : this.place(f, f.loc === 1, U32)
  }
}

/** The layout of an event's records; null when they are read field by field. */
export function quickLayout(d: Decoder): QuickLayout | null {
  const layout = new QuickLayout(d)
  return layout.usual ? layout : null
}

// What the RMM does to the bytes of granules. The model never looks at content except to measure it, so memory is given
// to it: the machine's own (bytes or labels), or one byte value per granule where that is enough (recordings,
// planning).
import { hash } from './rim.ts'
import { PAGE_SIZE } from '../../base/index.ts'

/** Memory as the RMM uses it. Addresses are physical, 4 KiB aligned. */
export interface Content {
  /** DATA_CREATE: the granule `dst` gets the bytes of `src`. */
  copy(dst: number, src: number): void
  zero(granule: number): void
  /** The RMM keeps its own structures here (RD, REC, RTT): what a reader would find is no longer defined. */
  own(granule: number): void
  /** H of the 4096 bytes. Called only when the RMM measures. */
  digest(granule: number, algo: number): Uint8Array
}

/** Each granule holds 4096 times the same byte; null where the RMM kept its own structures. */
export class UniformContent implements Content {
  private readonly bytes = new Map<number, number | null>()
  private readonly digests = new Map<number, Uint8Array>()

  fill(granule: number, byte: number): void {
    this.bytes.set(granule, byte & 0xff)
  }
  /** The byte a granule is full of (0 before anything was written), null when it is not defined. */
  byte(granule: number): number | null {
    return this.bytes.has(granule) ? (this.bytes.get(granule) ?? null) : 0
  }
  copy(dst: number, src: number): void {
    this.bytes.set(dst, this.byte(src))
  }
  zero(granule: number): void {
    this.bytes.delete(granule)
  }
  own(granule: number): void {
    this.bytes.set(granule, null)
  }
  digest(granule: number, algo: number): Uint8Array {
    const key = (this.byte(granule) ?? 0) + 256 * algo
    let d = this.digests.get(key)
    if (d === undefined) {
      d = hash(algo, new Uint8Array(PAGE_SIZE).fill(key & 0xff))
      this.digests.set(key, d)
    }
    return d
  }
  clone(): UniformContent {
    const c = new UniformContent()
    for (const [k, v] of this.bytes) c.bytes.set(k, v)
    return c
  }
}

/** For models that measure nothing and whose content lives elsewhere. */
export const noContent: Content = {
  copy() {},
  zero() {},
  own() {},
  digest() {
    throw new Error('this memory has no content to measure: construct the RMM with `measure: false`')
  }
}

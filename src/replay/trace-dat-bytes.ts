// The bytes of a trace.dat: random access to the file, a reader with the file's byte order, and what unpacks its
// sections.

/** Random access to a file's bytes. A short answer means the end of the file. */
export interface ByteSource {
  readonly name: string
  readonly size: number
  /** `into`: room that the answer may lie in, from its front on; what it held is then gone. */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array
}

/** Unpacks data that has exactly `size` bytes when it is unpacked. @throws Error when it does not */
export type Unpack = (data: Uint8Array, size: number) => Uint8Array
/** By the name of the algorithm in the file: `zlib`, `zstd`. */
export type Unpackers = Readonly<Partial<Record<string, Unpack>>>

export const TWO32 = 2 ** 32
/**
 * A section of the head, and a compressed chunk of pages, are never larger: formats of all events come to a few MiB.
 */
export const MAX_SECTION = 32 << 20

/** A window over the file that moves forward, with the file's byte order. */
export class Reader {
  private view: DataView = new DataView(new ArrayBuffer(0))
  private bytes: Uint8Array = new Uint8Array(0)
  private base = 0
  constructor(
    private readonly source: ByteSource,
    public at: number,
    readonly le: boolean
  ) {}
  private need(n: number): number {
    const rel = this.at - this.base
    if (rel >= 0 && rel + n <= this.bytes.length) return rel
    if (!(this.at >= 0 && this.at + n <= this.source.size))
      throw new Error(`ends at ${this.source.size} bytes, ${this.at + n} are needed`)
    if (n > MAX_SECTION) throw new Error(`a part of ${n} bytes`)
    this.bytes = this.source.read(this.at, Math.max(n, 65536))
    this.base = this.at
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    if (n > this.bytes.length) throw new Error(`ends at ${this.source.size} bytes, ${this.at + n} are needed`)
    return 0
  }
  u8(): number {
    const r = this.need(1)
    this.at += 1
    return this.view.getUint8(r)
  }
  u16(): number {
    const r = this.need(2)
    this.at += 2
    return this.view.getUint16(r, this.le)
  }
  u32(): number {
    const r = this.need(4)
    this.at += 4
    return this.view.getUint32(r, this.le)
  }
  u64(): number {
    const r = this.need(8)
    this.at += 8
    const a = this.view.getUint32(r, this.le)
    const b = this.view.getUint32(r + 4, this.le)
    return this.le ? b * TWO32 + a : a * TWO32 + b
  }
  take(n: number): Uint8Array {
    const r = this.need(n)
    this.at += n
    return this.bytes.slice(r, r + n)
  }
  string(): string {
    let out = ''
    for (let c = this.u8(); c !== 0; c = this.u8()) {
      out += String.fromCharCode(c)
      if (out.length > 65536) throw new Error('a name without end')
    }
    return out
  }
}

export const memory = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  size: bytes.length,
  read: (o, n) => bytes.subarray(o, Math.min(bytes.length, o + n))
})

export function unpackerOf(name: string, unpackers: Unpackers): Unpack {
  const known = Object.hasOwn(unpackers, name) ? unpackers[name] : undefined
  return (
    known ??
    (() => {
      throw new Error(`compressed with '${name}', which is not supported here`)
    })
  )
}

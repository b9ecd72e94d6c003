// Packed input: gzip and zstd, told by content, unpacked slice by slice within one limit that holds for every verb and
// for the page. What comes out is never more than a slice ahead of who reads it, so that memory stays the same whatever
// a file claims of itself. gzip is the platform's (node:zlib, DecompressionStream); zstd is one decoder everywhere.
export type Packing = 'gzip' | 'zstd'

/**
 * Text of logs and recordings packs 10 to 40 times, of the plainest 100 times. Beyond FREE bytes what packs better than
 * RATIO is no recording.
 */
export const RATIO = 250
export const FREE = 8 << 20
/** Packed bytes given to an unpacker at once. */
const SLICE = 1 << 17

/** Packed data that cannot be unpacked, or will not be. The message goes behind the file's name. */
export class CannotUnpack extends Error {
  constructor(
    message: string,
    readonly hint?: string
  ) {
    super(message)
  }
}

/** How data that begins so is packed; null: it is not. */
export function packing(b: Uint8Array): Packing | null {
  if (b[0] === 0x1f && b[1] === 0x8b) return 'gzip'
  return b[0] === 0x28 && b[1] === 0xb5 && b[2] === 0x2f && b[3] === 0xfd ? 'zstd' : null
}

/** Ends an unpacker with a word about the data: `cut off`, `damaged (why)`. */
export type Damaged = (message: string) => never

/** gunzip of a platform; it calls `damaged` where the data ends or is broken. */
export type Gunzip = (source: AsyncGenerator<Uint8Array>, damaged: Damaged) => AsyncGenerator<Uint8Array>

/** The unpacked data, in slices. @throws CannotUnpack behind what could be unpacked */
export async function* unpackWith(
  gunzip: Gunzip,
  kind: Packing,
  source: AsyncIterable<Uint8Array>
): AsyncGenerator<Uint8Array> {
  let packed = 0
  let plain = 0
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const c of source) {
      for (let at = 0; at < c.length; at += SLICE) {
        // The source may use its buffer again.
        const slice = Uint8Array.from(c.subarray(at, at + SLICE))
        packed += slice.length
        yield slice
      }
    }
  }
  const damaged: Damaged = (message) => {
    throw new CannotUnpack(`the ${kind} data is ${message}, after ${plain} unpacked bytes`)
  }
  const slices = (kind === 'gzip' ? gunzip : (await import('./packing-zstd.ts')).unzstd)(counted(), damaged)
  for await (const slice of slices) {
    plain += slice.length
    if (plain > FREE && plain > RATIO * packed) {
      throw new CannotUnpack(
        `the ${kind} data unpacks to more than ${RATIO} times its size; no recording does, so reading ends after ` +
          `${plain >> 20} MiB`,
        `if it is meant so: ${kind} -dc FILE, piped into tbit`
      )
    }
    yield slice
  }
}

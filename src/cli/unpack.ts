// The one place where packed input is unpacked: gzip and zstd, told by content, slice by slice, within one limit that holds for every verb.
// What comes out is never more than a slice ahead of who reads it, so that memory stays the same whatever a file claims of itself.
import { createGunzip, type Gunzip, inflateSync } from 'node:zlib'
import type { ZSTDDecoder } from 'zstddec/stream'

export type Packing = 'gzip' | 'zstd'

/** Text of logs and recordings packs 10 to 40 times, of the plainest 100 times. Beyond FREE bytes what packs better than RATIO is no recording. */
export const RATIO = 250
export const FREE = 8 << 20
/** Packed bytes given to an unpacker at once. */
const SLICE = 1 << 17

/** Packed data that cannot be unpacked, or will not be. The message goes behind the file's name. */
export class CannotUnpack extends Error {
  constructor(message: string, readonly hint?: string) {
    super(message)
  }
}

/** How data that begins so is packed; null: it is not. */
export function packing(b: Uint8Array): Packing | null {
  if (b[0] === 0x1f && b[1] === 0x8b) return 'gzip'
  return b[0] === 0x28 && b[1] === 0xb5 && b[2] === 0x2f && b[3] === 0xfd ? 'zstd' : null
}

/** The unpacked data, in slices. @throws CannotUnpack behind what could be unpacked */
export async function* unpack(kind: Packing, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
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
  const damaged = (message: string): never => { throw new CannotUnpack(`the ${kind} data is ${message}, after ${plain} unpacked bytes`) }
  const slices = (kind === 'gzip' ? gunzip : unzstd)(counted(), damaged)
  for await (const slice of slices) {
    plain += slice.length
    if (plain > FREE && plain > RATIO * packed) {
      throw new CannotUnpack(`the ${kind} data unpacks to more than ${RATIO} times its size; no recording does, so reading ends after ${plain >> 20} MiB`, `if it is meant so: ${kind} -dc FILE, piped into tbit`)
    }
    yield slice
  }
}

// Until the stream takes more, or will take no more.
const drained = (stream: Gunzip): Promise<void> => new Promise((done) => {
  const go = (): void => {
    stream.off('drain', go).off('close', go)
    done()
  }
  stream.on('drain', go).on('close', go)
})

async function* gunzip(source: AsyncGenerator<Uint8Array>, damaged: (message: string) => never): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize: 1 << 18 })
  let broken: unknown = null
  const feed = (async () => {
    for await (const c of source) {
      if (stream.destroyed) return
      if (!stream.write(c)) await drained(stream)
    }
    stream.end()
  })()
  feed.catch((e: Error) => {
    broken = e
    stream.destroy(e)
  })
  try {
    yield* stream as AsyncIterable<Buffer>
  } catch (e) {
    if (broken !== null) throw broken
    const x = e as { code?: string; message: string }
    damaged(x.code === 'Z_BUF_ERROR' ? 'cut off' : `damaged (${x.message})`)
  } finally {
    stream.destroy()
  }
}

let decoder: Promise<ZSTDDecoder> | null = null
const loadDecoder = (): Promise<ZSTDDecoder> => {
  decoder ??= import('zstddec/stream').then(async ({ ZSTDDecoder }) => {
    const d = new ZSTDDecoder()
    await d.init()
    return d
  })
  return decoder
}

// Given behind the last frame: what the decoder still holds comes out with it. In a frame that is cut off it would be taken for data; so what
// comes out with it counts only when the end is a good one.
const EMPTY_FRAME = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0)
// Calls that give and take nothing. The decoder does not say when it has found an error: it stands still.
const PATIENCE = 64

async function* unzstd(source: AsyncGenerator<Uint8Array>, damaged: (message: string) => never): AsyncGenerator<Uint8Array> {
  const zstd = await loadDecoder()
  const waiting: Uint8Array[] = []
  let ended = false
  let closing = false
  // The decoder takes at most one slice a step; so one that waits, or the end, is all it can ask for.
  const stream = zstd.decodeStreaming({
    *[Symbol.iterator]() {
      for (let s = waiting.shift(); s !== undefined; s = waiting.shift()) {
        closing = s === EMPTY_FRAME
        yield s
      }
    }
  })
  const advance = (): IteratorResult<Uint8Array> => {
    try {
      return stream.next()
    } catch {
      return damaged('cut off or damaged')
    }
  }
  const rest: Uint8Array[] = []
  for (let idle = 0; ;) {
    if (waiting.length === 0 && !ended) {
      const next = await source.next()
      ended = next.done === true
      waiting.push(next.done ? EMPTY_FRAME : next.value)
    }
    const before = waiting.length
    const step = advance()
    if (step.done) break
    if (closing) rest.push(step.value)
    else if (step.value.length > 0) yield step.value
    idle = step.value.length > 0 || waiting.length < before ? 0 : idle + 1
    if (idle > PATIENCE) damaged('cut off or damaged')
  }
  yield* rest.filter((r) => r.length > 0)
}

/** The unpackers that trace.dat needs for its own sections, for sizes that are known. @throws Error when the data does not have that size */
export async function sectionUnpackers(): Promise<Record<'zlib' | 'zstd', (data: Uint8Array, size: number) => Uint8Array>> {
  const zstd = await loadDecoder()
  const exact = (got: Uint8Array, size: number): Uint8Array => {
    if (got.length !== size) throw new Error(`${got.length} bytes where ${size} were promised`)
    return got
  }
  return {
    zlib: (data, size) => exact(inflateSync(data, { maxOutputLength: Math.max(1, size) }), size),
    zstd: (data, size) => exact(size === 0 ? new Uint8Array(0) : zstd.decode(data, size), size)
  }
}

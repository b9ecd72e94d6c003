// zstd, and what trace.dat packs its sections with: apart from the rest, as most input does without.
import type { ZSTDDecoder } from 'zstddec/stream'
import type { Damaged } from './packing.ts'

let decoder: Promise<ZSTDDecoder> | null = null
const loadDecoder = (): Promise<ZSTDDecoder> => {
  decoder ??= import('zstddec/stream').then(async ({ ZSTDDecoder }) => {
    const d = new ZSTDDecoder()
    await d.init()
    return d
  })
  return decoder
}

// Given behind the last frame: what the decoder still holds comes out with it. In a frame that is cut off it would be
// taken for data; so what comes out with it counts only when the end is a good one.
const EMPTY_FRAME = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0)
// Calls that give and take nothing. The decoder does not say when it has found an error: it stands still.
const PATIENCE = 64

/** zstd as Gunzip is for gzip. */
export async function* unzstd(source: AsyncGenerator<Uint8Array>, damaged: Damaged): AsyncGenerator<Uint8Array> {
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
  for (let idle = 0; ; ) {
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

export type SectionUnpackers = Record<'zlib' | 'zstd', (data: Uint8Array, size: number) => Uint8Array>

/**
 * The unpackers that trace.dat needs for its own sections, for sizes that are known. `inflate`: the platform's. @throws
 * Error when the data does not have that size
 */
export async function sectionUnpackersWith(
  inflate: (data: Uint8Array, size: number) => Uint8Array
): Promise<SectionUnpackers> {
  const zstd = await loadDecoder()
  const exact = (got: Uint8Array, size: number): Uint8Array => {
    if (got.length !== size) throw new Error(`${got.length} bytes where ${size} were promised`)
    return got
  }
  return {
    zlib: (data, size) => exact(inflate(data, size), size),
    zstd: (data, size) => exact(size === 0 ? new Uint8Array(0) : zstd.decode(data, size), size)
  }
}

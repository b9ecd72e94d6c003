// gzip in a browser. Its own unpacker takes one member and checks its sum; files of several members (`tbit record`
// writes its head and its trace so) go on with fflate, from the first byte, where the first member is small.
import { messageOf } from '../../base/diagnostic.ts'
import type { Damaged } from '../../replay/packing.ts'

/** Packed bytes that are kept until it is known whether they are all. */
const KEPT = 4 << 20
/** What Chromium, Firefox and Safari say of data behind the first member. */
const SEVERAL = /junk|after (?:the )?end|past the end|trailing|extra/i

export async function* gunzip(source: AsyncGenerator<Uint8Array>, damaged: Damaged): AsyncGenerator<Uint8Array> {
  let kept: Uint8Array[] | null = []
  let size = 0
  const stream = new DecompressionStream('gzip')
  const writer = stream.writable.getWriter()
  let broken: unknown = null
  const feed = (async () => {
    for (let c = await source.next(); !c.done; c = await source.next()) {
      kept?.push(c.value)
      if ((size += c.value.length) > KEPT) kept = null
      await writer.write(c.value as Uint8Array<ArrayBuffer>)
    }
    await writer.close()
  })()
  // What is wrong with the data is told by the reading end, too; what is wrong with the file is not.
  feed.catch((e: unknown) => {
    broken = e
    writer.abort(e).catch(() => {})
  })
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader()
  let plain = 0
  try {
    for (;;) {
      let part: ReadableStreamReadResult<Uint8Array>
      try {
        part = await reader.read()
      } catch (e) {
        if (broken !== null && !(broken instanceof TypeError)) throw broken
        await feed.catch(() => {})
        const why = messageOf(e)
        if (!SEVERAL.test(why)) return damaged(`cut off or damaged (${why})`)
        if (kept === null)
          return damaged(
            'of several parts, and a page goes on to the next only where the first is small; zcat FILE | gzip ' +
              'makes one of them'
          )
        yield* several(kept, source, plain, damaged)
        return
      }
      if (part.done) return
      plain += part.value.length
      yield part.value
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** All members from the beginning, less the bytes that were given already. */
async function* several(
  first: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array>,
  given: number,
  damaged: Damaged
): AsyncGenerator<Uint8Array> {
  const { Gunzip } = await import('fflate')
  let out: Uint8Array[] = []
  const g = new Gunzip((data) => {
    out.push(data)
  })
  let skip = given
  const push = function* (c: Uint8Array, last: boolean): Generator<Uint8Array> {
    try {
      g.push(c, last)
    } catch (e) {
      damaged(`cut off or damaged (${messageOf(e)})`)
    }
    for (const part of out) {
      const from = Math.min(skip, part.length)
      skip -= from
      if (from < part.length) yield part.subarray(from)
    }
    out = []
  }
  for (const c of first) yield* push(c, false)
  for (let c = await rest.next(); !c.done; c = await rest.next()) yield* push(c.value, false)
  yield* push(new Uint8Array(0), true)
}

// Node's part of unpacking (replay/packing.ts): gzip and zlib by node:zlib.
import { createGunzip, type Gunzip, inflateSync } from 'node:zlib'
import { type Damaged, type Packing, unpackWith } from '../replay/packing.ts'
import { type SectionUnpackers, sectionUnpackersWith } from '../replay/packing-zstd.ts'

export { CannotUnpack, FREE, type Packing, packing, RATIO } from '../replay/packing.ts'

/** The unpacked data, in slices. @throws CannotUnpack behind what could be unpacked */
export const unpack = (kind: Packing, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> =>
  unpackWith(gunzip, kind, source)

/** As sectionUnpackersWith(). */
export const sectionUnpackers = (): Promise<SectionUnpackers> =>
  sectionUnpackersWith((data, size) => inflateSync(data, { maxOutputLength: Math.max(1, size) }))

// Until the stream takes more, or will take no more.
const drained = (stream: Gunzip): Promise<void> =>
  new Promise((done) => {
    const go = (): void => {
      stream.off('drain', go).off('close', go)
      done()
    }
    stream.on('drain', go).on('close', go)
  })

async function* gunzip(source: AsyncGenerator<Uint8Array>, damaged: Damaged): AsyncGenerator<Uint8Array> {
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

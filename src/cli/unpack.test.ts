import { readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CannotUnpack, FREE, packing, RATIO, sectionUnpackers, unpack } from './unpack.ts'
import { runs } from '../../test/runs.ts'

// A zstd frame of raw and repeated blocks; `window` (log 2) in place of a size.
function frame(blocks: readonly (Uint8Array | { byte: number; times: number })[], window = 20): Uint8Array {
  const out: number[] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (window - 10) << 3]
  blocks.forEach((b, i) => {
    const last = i === blocks.length - 1 ? 1 : 0
    const [type, size] = b instanceof Uint8Array ? [0, b.length] : [1, b.times]
    const head = last | (type << 1) | (size << 3)
    out.push(head & 255, (head >> 8) & 255, (head >> 16) & 255)
    if (b instanceof Uint8Array) for (const x of b) out.push(x)
    else out.push(b.byte)
  })
  return Uint8Array.from(out)
}

async function* inChunks(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  // The same buffer again and again, as the readers of files do.
  const buffer = new Uint8Array(size)
  for (let at = 0; at < data.length; at += size) {
    const part = data.subarray(at, at + size)
    buffer.set(part)
    yield buffer.subarray(0, part.length)
    buffer.fill(0xee)
  }
}

async function all(
  data: Uint8Array,
  size = 65536
): Promise<{ bytes: Uint8Array; error: string | null; slices: number }> {
  const parts: Uint8Array[] = []
  let error: string | null = null
  try {
    for await (const p of unpack(packing(data) ?? 'zstd', inChunks(data, size))) parts.push(Uint8Array.from(p))
  } catch (e) {
    if (!(e instanceof CannotUnpack)) throw e
    error = e.message
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), error, slices: Math.max(0, ...parts.map((p) => p.length)) }
}

describe('what is packed comes out whole, whatever the chunks', () => {
  test('gzip and zstd of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.integer({ min: 1, max: 400 }),
        fc.nat({ max: 2999 }),
        async (bytes, chunk, cut) => {
          const at = cut % bytes.length
          expect((await all(gzipSync(bytes), chunk)).bytes).toEqual(bytes)
          const two = Buffer.concat([
            frame([bytes.subarray(0, at), bytes.subarray(at)]),
            frame([{ byte: 7, times: 5 }])
          ])
          const got = await all(two, chunk)
          expect(got.error).toBeNull()
          expect(got.bytes).toEqual(new Uint8Array([...bytes, 7, 7, 7, 7, 7]))
        }
      ),
      { numRuns: runs(150) }
    )
  })

  test('cut off anywhere, what was whole before is there, and the cut is told', async () => {
    const bytes = Uint8Array.from({ length: 900 }, (_, i) => (i * 7919) >> 3)
    for (const packed of [
      gzipSync(bytes),
      Buffer.from(frame([bytes.subarray(0, 300), bytes.subarray(300, 600), bytes.subarray(600)]))
    ]) {
      for (let n = 8; n < packed.length; n += 13) {
        const got = await all(new Uint8Array(packed.subarray(0, n)), 64)
        expect(got.error, `${n} of ${packed.length}`).toMatch(/cut off|damaged/)
        expect(got.bytes).toEqual(bytes.subarray(0, got.bytes.length))
      }
    }
  })

  test('damaged anywhere: an end, and never a hang', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
        async (changes) => {
          for (const packed of [
            gzipSync(Buffer.alloc(5000, 'abcdef')),
            Buffer.from(frame([Buffer.alloc(500, 'x'), { byte: 1, times: 900 }]))
          ]) {
            for (const [at, value] of changes) packed[4 + (at % (packed.length - 4))] = value
            const got = await all(new Uint8Array(packed), 100)
            expect(got.bytes.length).toBeLessThan(4 << 20)
          }
        }
      ),
      { numRuns: runs(300) }
    )
  })
})

describe('bombs', () => {
  test('repeated blocks and zeros end at the limit; no slice is large', async () => {
    const blocks = Array.from({ length: 20_000 }, () => ({ byte: 0, times: 131072 }))
    for (const packed of [frame(blocks), gzipSync(Buffer.alloc(FREE + (1 << 20)))]) {
      const before = process.memoryUsage().arrayBuffers
      const got = await all(packed)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 << 20)
      expect(got.error).toMatch(/unpacks to more than 250 times its size/)
      expect(got.bytes.length).toBeLessThanOrEqual(Math.max(FREE, RATIO * packed.length))
      expect(got.slices).toBeLessThanOrEqual(1 << 18)
    }
  })

  test('a window beyond 128 MiB is refused', async () => {
    expect((await all(frame([Uint8Array.of(1)], 31))).error).toMatch(/cut off or damaged/)
  })

  // 35 bytes: the table of Huffman weights has one symbol of no bits, so that reading weights never comes to an end in
  // a careless decoder.
  test('a table that never ends', async () => {
    const body = [0x42, 0x06, 0x05, 4, 0xf0, 0x03, 0x55, 0x80, ...new Array<number>(15).fill(0x81), 0]
    const head = 1 | (2 << 1) | (body.length << 3)
    const got = await all(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 100, head & 255, head >> 8, 0, ...body))
    expect(got.error).toMatch(/damaged/)
  })

  const bomb = join(__dirname, '../../../shared/cases/robust/bomb-rle-80KB.zst')
  test.skipIf(!existsSync(bomb))('the recorded one (skipped without ../shared)', async () => {
    expect((await all(readFileSync(bomb))).error).toMatch(/250 times/)
  })
})

test('sections have the size that was promised, or are no sections', async () => {
  const u = await sectionUnpackers()
  const f = frame([{ byte: 9, times: 1000 }])
  expect(u.zstd(f, 1000)).toEqual(new Uint8Array(1000).fill(9))
  for (const size of [1, 999, 1001, 1 << 20]) expect(() => u.zstd(f, size)).toThrow()
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Layout } from '../step/index.ts'
import { Codec } from './codec.ts'

test('a stored state is the state, whatever its fields, and a byte is where the codec says', () => {
  const field = fc.record({ count: fc.integer({ min: 1, max: 9 }), max: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 6 }),
      fc.nat(3),
      fc.nat(4),
      fc.infiniteStream(fc.nat(0x7fffffff)),
      (fields, words, threads, random) => {
        const l = new Layout()
        for (const [i, f] of fields.entries()) l.field(`f${i}`, f)
        for (let i = 0; i < words; i++) l.word(`w${i}`)
        let codec = new Codec(l, threads)
        const next = (): number => random.next().value as number
        const state = new Int32Array(codec.loose)
        const bytes = new Uint8Array(state.buffer)
        for (const f of l.fields) for (let i = 0; i < f.count; i++) bytes[f.base + i] = next() % (f.max + 1)
        for (let i = l.byteWords; i < codec.loose; i++) state[i] = next() >> (next() % 31)
        const stored = new Int32Array(64)
        for (let i = codec.pack(state, stored, 3), n = 0; i >= 0; i = codec.pack(state, stored, 3)) {
          codec = codec.widened(i, state[i] as number)
          expect(n++).toBeLessThan(codec.loose)
        }
        // Wider by one lane, as it is stored anew: what packing it again gives.
        if (codec.loose > l.byteWords) {
          const wider = codec.widened(l.byteWords + (next() % (codec.loose - l.byteWords)), next())
          const [moved, packed] = [new Int32Array(64), new Int32Array(64)]
          codec.repack(stored, 3, wider, moved, 5)
          expect(wider.pack(state, packed, 5)).toBe(-1)
          expect(moved).toEqual(packed)
        }
        const [fitting, once] = [new Codec(l, threads).fitting(state), new Int32Array(64)]
        expect([fitting.width, fitting.pack(state, once, 3)]).toEqual([codec.width, -1])
        expect(once).toEqual(stored)
        const back = new Int32Array(codec.loose)
        codec.unpack(stored, 3, back)
        expect(back).toEqual(state)
        for (let a = 0; a < l.fields.reduce((n, f) => n + f.count, 0); a++) {
          expect(
            ((stored[3 + (codec.byteWord[a] as number)] as number) >>> (codec.byteShift[a] as number)) &
              (codec.byteMask[a] as number)
          ).toBe(bytes[a])
        }
      }
    )
  )
})

test("a value beyond its field's largest is a broken invariant, named", () => {
  const l = new Layout()
  l.field('a', { max: 1 })
  l.field('page', { count: 3, max: 2 })
  const codec = new Codec(l, 0)
  const state = new Int32Array(codec.loose)
  new Uint8Array(state.buffer)[2] = 9
  expect(() => codec.pack(state, new Int32Array(4), 0)).toThrow('page[1] holds 9, beyond its largest value 2')
})

test('small fields take few bits', () => {
  const l = new Layout()
  l.field('flags', { count: 32, max: 1 })
  expect(new Codec(l, 0).width).toBe(1)
  l.field('states', { count: 8, max: 3 })
  expect(new Codec(l, 0).width).toBe(2)
})

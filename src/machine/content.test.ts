import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Layout, type Store } from '../step/index.ts'
import { ByteContent, CLASS, label, LabelContent, LOST_WORD, type Ranges, Words, wordOf, ZERO_WORD } from './index.ts'

const at = fc.integer({ min: 0, max: 12 })
const range = fc.tuple(at, fc.integer({ min: 1, max: 6 })).map(([a, n]) => [a, a + n] as const)
const filled = fc.record({ range, word: fc.integer({ min: 0, max: 9 }), cls: fc.constantFrom(...Object.values(CLASS)) })
const turn = fc.record({ fills: fc.array(filled, { maxLength: 3 }), list: fc.nat({ max: 2 }) })

test('what is remembered by a list of ranges is what the ranges say: the same as with a new list each time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(range, { maxLength: 3 }), { minLength: 3, maxLength: 3 }),
      fc.array(turn, { minLength: 1, maxLength: 12 }),
      (lists: readonly Ranges[], turns) => {
        const layout = new Layout()
        const [fast, slow] = [new LabelContent(layout, 'fast'), new LabelContent(layout, 'slow')]
        const st = { u32: new Uint32Array(layout.totalWords) } as unknown as Store
        for (const { fills, list } of turns) {
          for (const c of [fast, slow])
            for (const f of fills) c.fill(st, f.range[0], f.range[1] - f.range[0], label(f.word, f.cls))
          fast.forget(st, lists[list] as Ranges)
          slow.forget(st, [...(lists[list] as Ranges)])
          expect(fast.state.get(st)).toEqual(slow.state.get(st))
        }
      }
    )
  )
})

const WORDS = ['a', 'b']
const SPACE = 4 * ByteContent.CHUNK
// Places and lengths about the borders of chunks, and any.
const place = fc.oneof(fc.nat({ max: SPACE - 1 }), fc.constantFrom(0, 1, 4095, 4096, 4097, 8192))
const length = fc.oneof(fc.nat({ max: SPACE }), fc.constantFrom(1, 8, 4096, 8192))
const act = fc.record({
  kind: fc.constantFrom('fill', 'zero', 'destroy', 'copy', 'write'),
  at: place,
  to: place,
  len: length,
  n: fc.nat({ max: 255 })
})

test('chunks that a word fills are one, and nobody sees it: the same bytes as in an array', () => {
  const st = {} as Store
  const base = 0x1_0000_0000
  fc.assert(
    fc.property(fc.array(act, { minLength: 1, maxLength: 12 }), (acts) => {
      const words = new Words()
      const ids = WORDS.map((w) => words.id(w))
      const c = new ByteContent(words)
      const plain = new Uint8Array(SPACE)
      const patterned = (at: number, len: number, word: number): void => {
        const p = c.pattern(word)
        for (let i = at; i < at + len; i++) plain[i] = p[i & 7] as number
      }
      for (const a of acts) {
        const len = Math.min(a.len, SPACE - Math.max(a.at, a.to))
        const word = ids[a.n % ids.length] as number
        if (a.kind === 'fill') {
          c.fill(st, base + a.at, len, label(word, CLASS.plain))
          patterned(a.at, len, word)
          if (len >= 8) expect(wordOf(c.read(st, base + a.at, len))).toBe(word)
        } else if (a.kind === 'zero') {
          c.fill(st, base + a.at, len, label(ZERO_WORD, CLASS.plain))
          plain.fill(0, a.at, a.at + len)
        } else if (a.kind === 'destroy') {
          c.destroy(st, base + a.at, len)
          patterned(a.at, len, LOST_WORD)
        } else if (a.kind === 'copy') {
          c.copy(st, base + a.to, base + a.at, len)
          plain.set(plain.slice(a.at, a.at + len), a.to)
        } else {
          c.write(base + a.at, new Uint8Array(len).fill(a.n))
          plain.fill(a.n, a.at, a.at + len)
        }
        expect(Buffer.compare(c.bytes(base, SPACE), plain), JSON.stringify(a)).toBe(0)
      }
    })
  )
})

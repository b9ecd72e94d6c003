import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Layout, type Store } from '../step/index.ts'
import { CLASS, label, LabelContent, type Ranges } from './index.ts'

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

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { change, changeKey, ChangeNumbers, Interned, Layout, remembered, type Store } from './index.ts'

const argument = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0, -0, 0.5, 2 ** 40, Number.POSITIVE_INFINITY, 4096),
  fc.constantFrom<unknown>(true, false, '1', '', 'a,b', null, undefined, [1, 2], [], { a: 1 }, [[1], 2])
)

test('changes with their arguments have one number where they have one text', () => {
  const list = [1, 2, 3].map(() => change((v: number) => v))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...list), fc.array(argument, { maxLength: 4 })), { minLength: 2 }),
      (calls) => {
        const numbers = new ChangeNumbers()
        const byText = new Map<string, number>()
        const byNumber = new Map<number, string>()
        for (const [c, args] of calls) {
          const [n, key] = [numbers.of(c, args), changeKey(c, args)]
          expect(byText.get(key) ?? n).toBe(n)
          expect(byNumber.get(n) ?? key).toBe(key)
          byText.set(key, n)
          byNumber.set(n, key)
        }
      }
    )
  )
})

function store(layout: Layout): Store {
  const u32 = new Uint32Array(layout.totalWords)
  return { u32, u8: new Uint8Array(u32.buffer), local: () => 0, finding: () => {} }
}

const ADD = change((v: readonly number[], x: number, twice: boolean) => [...v, x, ...(twice ? [x] : [])].slice(-3))

test('a remembered change is the change', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 60 }), (steps) => {
      const layout = new Layout()
      const list = new Interned<readonly number[]>(layout, 'list', [], (v) => v.join())
      const st = store(layout)
      let now: readonly number[] = []
      for (const [x, twice] of steps) {
        now = ADD.apply(now, x, twice)
        list.update(st, ADD, x, twice)
        expect(list.get(st)).toEqual(now)
      }
    })
  )
})

test('what follows from components is computed once for each of their values, and is what is computed', () => {
  const value = fc.integer({ min: 0, max: 40 })
  fc.assert(
    fc.property(fc.nat({ max: 3 }), fc.array(fc.tuple(value, value, value), { maxLength: 40 }), (n, states) => {
      const layout = new Layout()
      const all = [0, 1, 2].map((i) => new Interned<number>(layout, `c${i}`, 0, String))
      const [st, asked] = [store(layout), all.slice(0, n)]
      const text = (s: Store): string => asked.map((c) => c.get(s)).join()
      let computed = 0
      const known = remembered(asked, (s) => {
        computed++
        return [text(s)]
      })
      for (const values of states) {
        for (const [i, c] of all.entries()) c.set(st, values[i] as number)
        expect(known(st)).toEqual([text(st)])
      }
      if (n > 0) expect(computed).toBe(new Set(states.map((v) => v.slice(0, n).join())).size)
    })
  )
})

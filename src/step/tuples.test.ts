import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Tuples } from './tuples.ts'

test('tuples have the numbers that a table by text gives them, however many there are', () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.array(word, { minLength: 4, maxLength: 4 })),
      (width, all) => {
        const tuples = new Tuples(width)
        const byText = new Map<string, number>()
        // each twice: what was there stays where it was
        for (const words of [...all, ...all]) {
          const tuple = words.slice(0, width)
          tuples.asked.set(tuple)
          const key = tuple.join()
          if (!byText.has(key)) byText.set(key, byText.size)
          expect(tuples.number()).toBe(byText.get(key))
        }
        expect(tuples.size).toBe(byText.size)
      }
    )
  )
})

test('a table grows without losing what it had', () => {
  const tuples = new Tuples(2)
  const ask = (i: number): number => {
    tuples.asked[0] = i
    tuples.asked[1] = -i
    return tuples.number()
  }
  for (let i = 0; i < 10_000; i++) expect(ask(i)).toBe(i)
  for (let i = 0; i < 10_000; i++) expect(ask(i)).toBe(i)
})

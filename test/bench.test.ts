// What the benchmarks compute of what they measure. No test asserts a time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { growth } from '../bench/growth.ts'
// @ts-expect-error: a script without types
import { ratioOf, ratios } from '../scripts/bench-against.mjs'

const sizes = [1, 2, 4, 8, 16]
const parts = { a: fc.double({ min: 0.1, max: 100, noNaN: true }), b: fc.double({ min: 1.1, max: 3, noNaN: true }) }

test('a power and an exponential are found again', () => {
  fc.assert(
    fc.property(fc.record(parts), ({ a, b }) => {
      const power = growth(sizes.map((x) => [x, a * x ** b]))
      expect(power.kind).toBe('power')
      expect([power.a, power.b, power.r2]).toEqual([a, b, 1].map((n) => expect.closeTo(n, 5)))
      const exponential = growth(sizes.map((x) => [x, a * b ** x]))
      expect(exponential.kind).toBe('exponential')
      expect([exponential.a, exponential.b, exponential.r2]).toEqual([a, b, 1].map((n) => expect.closeTo(n, 5)))
    })
  )
})

test('a cost that does not grow has exponent 0', () => {
  expect(growth(sizes.map((x) => [x, 7]))).toMatchObject({ kind: 'power', b: expect.closeTo(0, 9), r2: 1 })
})

test('two checkouts: the median of the pairs, whichever way is better; what one side lacks is left out', () => {
  const run = (ms: number, rate: number): Map<string, object> =>
    new Map<string, object>([
      ['time', { name: 'time', value: ms, unit: 'ms', better: 'less' }],
      ['rate', { name: 'rate', value: rate, unit: 'k/s', better: 'more' }]
    ])
  const old = run(200, 5)
  old.delete('rate')
  const pair = (before: Map<string, object>, after: Map<string, object>) => ({ before, after })
  expect(
    ratios([pair(run(200, 5), run(100, 10)), pair(run(100, 5), run(100, 5)), pair(run(90, 4), run(100, 6))])
  ).toEqual([
    { name: 'time', unit: 'ms', median: 1, least: 0.9, most: 2 },
    { name: 'rate', unit: 'k/s', median: 1.5, least: 1, most: 2 }
  ])
  expect(ratios([pair(old, run(100, 10))]).map((r: { name: string }) => r.name)).toEqual(['time'])
  expect(ratioOf({ value: 10 }, { value: 5, better: 'less' })).toBe(2)
})

// The schedule of a finding leads `run` to it: every eighth test of the library on the first pair it names; every
// finding of the library in library.slow.test.ts.
import { describe, expect, test } from 'vitest'
import { checkTest, pairsOf } from '../src/check/index.ts'
import type { Test } from '../src/litmus/index.ts'
import { parsed } from './_library.ts'
import { unlike } from './_schedules.ts'

let tried = 0
describe('schedules', () => {
  for (const [i, p] of parsed.entries())
    if (p.test && i % 8 === 0)
      test(p.file, () => {
        const t = p.test as Test
        const [pair] = pairsOf(t)
        if (pair === undefined) return
        const r = unlike(t, checkTest(t, pair.kernel, pair.platform))
        tried += r.tried
        expect(r.wrong).toEqual([])
      })
})

test('there were findings to try', () => {
  expect(tried).toBeGreaterThan(10)
})

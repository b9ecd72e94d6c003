// The schedule of a finding leads `run` to it: every test of the library on every platform it names.
import { describe, expect, test } from 'vitest'
import type { Test } from '../src/litmus/index.ts'
import { parsed } from './_library.ts'
import { unlike } from './_schedules.ts'

let tried = 0
describe('schedules', () => {
  for (const p of parsed) if (p.test) test(p.file, () => {
    for (const set of ['fast', 'slow'] as const) {
      const r = unlike(p.test as Test, set)
      tried += r.tried
      expect(r.wrong).toEqual([])
    }
  })
})

test('there were findings to try', () => { expect(tried).toBeGreaterThan(600) })

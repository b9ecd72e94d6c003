// The schedule of a finding leads `run` to it: every eighth test of the library on the first platform it names; all of them in the slow set.
import { describe, expect, test } from 'vitest'
import type { Test } from '../src/litmus/index.ts'
import { parsed } from './_library.ts'
import { unlike } from './_schedules.ts'

let tried = 0
describe('schedules', () => {
  for (const [i, p] of parsed.entries()) if (p.test && i % 8 === 0) test(p.file, () => { const r = unlike(p.test as Test, 'fast'); tried += r.tried; expect(r.wrong).toEqual([]) })
})

test('there were findings to try', () => { expect(tried).toBeGreaterThan(30) })

// The schedule of a finding leads `run` to it: every test of the library on the platforms that the fast set leaves out.
import { describe, expect, test } from 'vitest'
import { platformsOf, type Test } from '../src/litmus/index.ts'
import { parsed } from './_library.ts'
import { unlike } from './_schedules.ts'

let tried = 0
describe('schedules', () => {
  for (const p of parsed) if (p.test && platformsOf(p.test).length > 1) test(p.file, () => { const r = unlike(p.test as Test, 'slow'); tried += r.tried; expect(r.wrong).toEqual([]) })
})

test('there were findings to try', () => { expect(tried).toBeGreaterThan(300) })

// The library on the platforms that the fast set (library.test.ts) leaves out.
import { describe, expect, test } from 'vitest'
import { platformsOf, type Test } from '../src/litmus/index.ts'
import { parsed, wrong } from './_library.ts'

describe('verdicts on the other platforms', () => {
  for (const p of parsed) if (p.test && platformsOf(p.test).length > 1) test(p.file, async () => { expect(await wrong(p.test as Test, 'slow')).toEqual([]) })
})

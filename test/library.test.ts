// The library is the test suite: every test of litmus/ gives the verdict it expects. Here on the first pair it
// names; library.slow.test.ts has all.
import { describe, expect, test } from 'vitest'
import { duplicateTests, type Test } from '../src/litmus/index.ts'
import { parsed, wrong } from './_library.ts'

test('every file can be read, each name stands once', () => {
  expect(parsed.length).toBeGreaterThan(0)
  expect(parsed.filter((p) => p.errors.length > 0).map((p) => p.errors)).toEqual([])
  expect(duplicateTests(parsed.flatMap((p) => (p.test ? [p.test] : [])))).toEqual([])
})

test('a file is named for its test', () => {
  expect(parsed.filter((p) => p.test && !p.file.endsWith(`/${p.test.name}.litmus`)).map((p) => p.file)).toEqual([])
})

describe('verdicts', () => {
  for (const p of parsed)
    if (p.test)
      test(p.file, async () => {
        expect(await wrong(p.test as Test, 'one')).toEqual([])
      })
})

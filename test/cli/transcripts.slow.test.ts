// What each verb prints: the Markdown files here (test/_transcripts.ts).
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { fits, transcripts } from '../_transcripts.ts'

const here = dirname(fileURLToPath(import.meta.url))
transcripts(
  readdirSync(here)
    .filter((f) => f.endsWith('.md'))
    .sort()
    .map((f) => join(here, f))
)

test('patterns', () => {
  expect(fits(['a', 'b', 'c'], ['a', '...', 'c'])).toBe(true)
  expect(fits(['a', 'b', 'c'], ['a', '...'])).toBe(true)
  expect(fits(['a', 'b'], ['b'])).toBe(false)
  expect(fits([], ['...'])).toBe(true)
  expect(fits(['x'], [])).toBe(false)
})

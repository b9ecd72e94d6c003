// What docs/architecture.md shows of the code is what the code is.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../_transcripts.ts'

const scripts: {
  made(): Record<string, string>
  circles(): string[][]
  returns(): string[][]
  rooms: readonly string[]
} = {
  ...(await import(join(root, 'scripts/architecture.mjs'))),
  ...(await import(join(root, 'scripts/rooms.mjs')))
}
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

test('the picture, the circles and the way of a request are made from the code (node scripts/architecture.mjs)', () => {
  for (const [path, text] of Object.entries(scripts.made()))
    expect(readFileSync(join(root, path), 'utf8'), path).toBe(text)
}, 120_000)

test('no file imports itself through others, neither values nor types', () => {
  expect(scripts.circles()).toEqual([])
})

test('no step of the request comes back to a file that it has left', () => {
  expect(scripts.returns()).toEqual([])
}, 120_000)

test('every room is told, in the order of imports', () => {
  expect([...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((m) => m[1]).slice(0, scripts.rooms.length)).toEqual(
    scripts.rooms
  )
})

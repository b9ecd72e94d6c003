import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { discard, newFolder } from '../../test/scratch.ts'
import { seenBefore, stamped, watched } from './seen.ts'
import type { Tree } from './tree.ts'

const before = process.env['TBIT_CACHE']
let dir = ''
beforeEach(() => {
  dir = newFolder('seen')
  process.env['TBIT_CACHE'] = join(dir, 'cache')
  mkdirSync(join(dir, 'include'))
  writeFileSync(join(dir, 'a.c'), 'int a;')
})
afterEach(() => {
  if (before === undefined) delete process.env['TBIT_CACHE']
  else process.env['TBIT_CACHE'] = before
  discard(dir)
})

const treeIn = (dir: string): Tree => ({
  name: 'x',
  dir,
  version: '7.3.4',
  major: 7,
  minor: 3,
  read: stamped(
    (p) => p,
    (p) => join(dir, p)
  )
})
const FOUND = { content: '0123', decisions: {} }
const later = (): number => Date.now() + 60_000

/** A build that looks at a file, at one that is not there, and at a folder. */
function built(asked: readonly unknown[], now: number): void {
  const w = watched(treeIn(dir), now)
  for (const p of ['a.c', 'include/b.h', 'include']) expect(w.tree.read(p)).toBe(p)
  w.note(asked, FOUND)
}

test('a build of an unchanged tree is known again, one that asks something else is not', () => {
  expect(seenBefore(treeIn(dir), ['arm64'])).toBeNull()
  built(['arm64'], later())
  expect(seenBefore(treeIn(dir), ['arm64'])).toEqual(FOUND)
  expect(seenBefore(treeIn(dir), ['x86'])).toBeNull()
})

test('a file that changed, one that is gone and one that came are noticed', () => {
  const changes = [
    () => writeFileSync(join(dir, 'a.c'), 'int b;'),
    () => rmSync(join(dir, 'a.c')),
    () => writeFileSync(join(dir, 'include/b.h'), '')
  ]
  for (const change of changes) {
    built([], later())
    expect(seenBefore(treeIn(dir), [])).toEqual(FOUND)
    change()
    expect(seenBefore(treeIn(dir), [])).toBeNull()
  }
})

test('a tree with changes has no stamps, and what has just changed is not kept', () => {
  built([], later())
  expect(seenBefore({ ...treeIn(dir), read: () => 'patched' }, [])).toBeNull()
  built(['now'], Date.now())
  expect(seenBefore(treeIn(dir), ['now'])).toBeNull()
})

test('a tree has one note for each thing asked of it; one that another build of ours made is none', () => {
  for (const content of ['old', 'new']) {
    const w = watched(treeIn(dir), later())
    w.tree.read('a.c')
    w.note([], { content, decisions: {} })
  }
  const folder = join(dir, 'cache', 'seen')
  const [name = '', ...others] = readdirSync(folder)
  expect([others, seenBefore(treeIn(dir), [])?.content]).toEqual([[], 'new'])
  const note = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  writeFileSync(join(folder, name), JSON.stringify({ ...note, by: ['x.ts 1 2 3 4'] }))
  expect(seenBefore(treeIn(dir), [])).toBeNull()
})

test('half a note is none', () => {
  built([], later())
  const kept = join(dir, 'cache', 'seen')
  for (const name of readdirSync(kept)) writeFileSync(join(kept, name), '{"content":')
  expect(seenBefore(treeIn(dir), [])).toBeNull()
})

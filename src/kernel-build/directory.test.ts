// Two threads that make directories of one tree at once: `replay --each --parquet` does.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../test/scratch.ts'
import { makeDirectory } from './directory.ts'

const dir = scratch('directory')

/**
 * Makes `path`; somebody else makes `theirs` just before (`before`) or just after the attempt at `path` of that number.
 * How many attempts there were.
 */
function meanwhile(path: string, at: { attempt: number; before: boolean; theirs: string }): number {
  let attempts = 0
  makeDirectory(path, (p) => {
    const now = p === path && attempts++ === at.attempt
    if (now && at.before) mkdirSync(at.theirs, { recursive: true })
    try {
      mkdirSync(p)
    } finally {
      if (now && !at.before) mkdirSync(at.theirs, { recursive: true })
    }
  })
  return attempts
}

test('what another thread makes between two looks is as good as made', () => {
  // Those above, after the attempt has found them missing.
  const first = join(dir, 'a/b/c/d')
  expect(meanwhile(first, { attempt: 0, before: false, theirs: join(dir, 'a/b/c') })).toBe(2)
  expect(statSync(first).isDirectory()).toBe(true)
  // The directory itself, after those above were made.
  const second = join(dir, 'e/f/g')
  expect(meanwhile(second, { attempt: 1, before: true, theirs: second })).toBe(2)
  expect(statSync(second).isDirectory()).toBe(true)
})

test('a file in the way, and a file system that makes none, are said', () => {
  writeFileSync(join(dir, 'file'), '')
  const code = (path: string): unknown => {
    try {
      makeDirectory(path)
      return null
    } catch (e) {
      return (e as NodeJS.ErrnoException).code
    }
  }
  expect([code(join(dir, 'file')), code(join(dir, 'file/a/b')), code('/proc/none/a')]).toEqual([
    'EEXIST',
    'ENOTDIR',
    'ENOENT'
  ])
  expect(code(join(dir, 'x/y'))).toBe(null)
  expect(code(join(dir, 'x/y'))).toBe(null)
})

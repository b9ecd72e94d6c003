// Two threads that make directories of one tree at once: `replay --each --parquet` does.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { scratch } from '../../test/scratch.ts'
import { makeDirectory } from './directory.ts'

/** What somebody else does just before and just after this process calls mkdir(). */
let [before, after] = [(_: string): void => {}, (_: string): void => {}]
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    mkdirSync: (path: string, o?: fs.MakeDirectoryOptions) => {
      if (o !== undefined) return real.mkdirSync(path, o)
      before(path)
      try {
        return real.mkdirSync(path)
      } finally {
        after(path)
      }
    }
  }
})
const others = (path: string): void => {
  fs.mkdirSync(path, { recursive: true })
}

beforeEach(() => {
  ;[before, after] = [() => {}, () => {}]
})

test('what another thread makes between two looks is as good as made', () => {
  const dir = scratch('directory')
  const [deep, above] = [join(dir, 'a/b/c/d'), join(dir, 'a/b/c')]
  // Those above, after the attempt has found them missing.
  let calls = 0
  after = (path) => {
    if (path === deep && calls++ === 0) others(above)
  }
  makeDirectory(deep)
  expect([calls, fs.statSync(deep).isDirectory()]).toEqual([2, true])
  // The directory itself, after those above were made.
  const second = join(dir, 'e/f/g')
  calls = 0
  before = (path) => {
    if (path === second && calls++ === 1) others(second)
  }
  makeDirectory(second)
  expect([calls, fs.statSync(second).isDirectory()]).toEqual([2, true])
})

test('a file in the way, and a file system that makes none, are said', () => {
  const dir = scratch('directory')
  fs.writeFileSync(join(dir, 'file'), '')
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

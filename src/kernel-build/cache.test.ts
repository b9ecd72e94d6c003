import { statSync, utimesSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { discard, newFolder } from '../../test/scratch.ts'
import { cachedTree, cacheUsed, cacheWrite } from './cache.ts'
import { noPlace } from './tree.ts'

const before = process.env['TBIT_CACHE']
afterEach(() => {
  if (before === undefined) delete process.env['TBIT_CACHE']
  else process.env['TBIT_CACHE'] = before
})

// mkdir -p of Node never returns there.
test('where nothing can be written a tree is not taken out, and says so; a build is not kept', () => {
  process.env['TBIT_CACHE'] = '/proc/none/there'
  const made = cachedTree('x', () => null, noPlace)
  expect(made).toMatchObject({
    error: { code: 'TB-002', file: '/proc/none/there', message: 'cannot be written: ENOENT: no such file or directory' }
  })
  expect(cacheWrite('x', 'y')).toBeNull()
})

test('what is used is the last to be thrown away', () => {
  const dir = newFolder('cache')
  try {
    process.env['TBIT_CACHE'] = dir
    const path = cacheWrite('x', 'y') as string
    utimesSync(path, 1, 1)
    expect(cacheUsed('x')).toBe(path)
    expect(statSync(path).mtimeMs).toBeGreaterThan(1e12)
    // Of what cannot be written the place is told all the same.
    process.env['TBIT_CACHE'] = '/proc/none/there'
    expect(cacheUsed('x')).toBe('/proc/none/there/kernels/x')
  } finally {
    discard(dir)
  }
})

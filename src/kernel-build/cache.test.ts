import { afterEach, expect, test } from 'vitest'
import { cachedTree, cacheWrite } from './cache.ts'
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

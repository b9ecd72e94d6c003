import { readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { discard, newFolder } from '../../test/scratch.ts'
import type { Sources } from './assemble.ts'
import { toolText } from './compile.ts'
import { imageText } from './asyncify.ts'
import { keepObjects, keptObjects, objectNames, reachedBy } from './objects.ts'

const before = process.env['TBIT_CACHE']
let dir = ''
beforeEach(() => {
  dir = newFolder('objects')
  process.env['TBIT_CACHE'] = dir
})
afterEach(() => {
  if (before === undefined) delete process.env['TBIT_CACHE']
  else process.env['TBIT_CACHE'] = before
  discard(dir)
})

test('a unit reaches itself, what stands before it, and what either includes, in turn and in a circle', () => {
  const includes = new Map([
    ['a.c', ['a.h', 'both.h']],
    ['a.h', ['deep.h']],
    ['deep.h', ['a.h']],
    ['b.c', ['both.h', 'b.h']],
    ['first.h', ['config.h']]
  ])
  const s = { includes, preludes: ['first.h'] }
  expect(reachedBy(s, 'a.c')).toEqual(['a.c', 'a.h', 'both.h', 'config.h', 'deep.h', 'first.h'])
  expect(reachedBy(s, 'b.c')).not.toContain('deep.h')
})

test('what is kept is that of the same text and the same words to the compiler; used, it is the last to go', () => {
  const of = (text: string, unit = 'a.c'): Sources =>
    ({
      files: new Map([
        ['a.c', '#include "a.h"'],
        ['a.h', text],
        ['other.c', text]
      ]),
      units: [unit],
      includes: new Map([['a.c', ['a.h']]]),
      preludes: [],
      includeDirs: []
    }) as unknown as Sources
  keepObjects(objectNames(of('one'), ['-O2']), new Map([['a.c', Uint8Array.of(1)]]))
  const [name = ''] = readdirSync(join(dir, 'objects'))
  const file = join(dir, 'objects', name)
  utimesSync(file, 1, 1)
  expect([...keptObjects(objectNames(of('one'), ['-O2'])).keys()]).toEqual(['a.c'])
  expect(statSync(file).mtimeMs).toBeGreaterThan(1e12)
  for (const [s, told] of [
    [of('two'), '-O2'],
    [of('one', 'other.c'), '-O2'],
    [of('one'), '-O1']
  ] as const)
    expect(keptObjects(objectNames(s, [told])).size).toBe(0)
})

test('what is kept is known by the tools that made it, in the versions that are installed', () => {
  const { '@yowasp/clang': clang, binaryen } = manifest.devDependencies
  expect(toolText().split(' ').slice(0, 2)).toEqual(['@yowasp/clang', clang])
  expect(imageText().split('\0')[0]).toBe(`binaryen ${binaryen}`)
})

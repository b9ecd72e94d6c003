import { expect, test } from 'vitest'
import { reachedBy } from './objects.ts'

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

import { expect, test } from 'vitest'
import { colourWish } from './colour.ts'

test.each([
  [[], {}, true, true],
  [[], {}, false, false],
  [[], { NO_COLOR: '1' }, true, false],
  [[], { NO_COLOR: '' }, true, true],
  [[], { FORCE_COLOR: '1' }, false, true],
  [[], { FORCE_COLOR: '0' }, true, false],
  [[], { FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
  [['--color', 'always'], { NO_COLOR: '1' }, false, true],
  [['--color=never'], { FORCE_COLOR: '3' }, true, false],
  [['--color=auto'], {}, false, false],
  [['--color=always', '--color', 'never'], {}, true, false],
  [['--', '--color=always'], {}, false, false]
] as const)('%j with %j, terminal %s: %s', (args, env, terminal, colour) => {
  expect(colourWish(args, env, terminal)).toMatchObject({ colour, error: null })
})

test('the arguments of the verb stay, in their order', () => {
  expect(colourWish(['a', '--color', 'always', '-q', '--', '--color'], {}, false).rest).toEqual([
    'a',
    '-q',
    '--',
    '--color'
  ])
})

test.each([
  [['--color'], ''],
  [['--color=alwys'], 'alwys'],
  [['--colour', 'x'], 'x']
])('%j is wrong use', (args, word) => {
  expect(colourWish(args, {}, false).error).toMatchObject({
    code: 'TB-001',
    word,
    expected: ['auto', 'always', 'never']
  })
})

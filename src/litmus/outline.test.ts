import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outline } from './index.ts'

const text = `litmus a "b"
device nic { tdisp }
init {
  p = alloc_page()
}
thread os {
  fill(p, secret)
}
exists (os.p == ERR)
expect cc-v7, cc-v8 on arm-cca : ok
`

test('parts, their names and how far they go', () => {
  expect(outline(text).map((p) => [p.part, p.name, text.slice(p.from, p.to).split('\n').length])).toEqual([
    ['litmus', 'a', 1],
    ['device', 'nic', 1],
    ['init', '', 3],
    ['thread', 'os', 3],
    ['exists', '', 1],
    ['expect', 'cc-v7, cc-v8 on arm-cca', 1]
  ])
})

test('an unfinished text keeps what stands before', () => {
  expect(outline(text.slice(0, text.indexOf('secret'))).map((p) => p.part)).toEqual([
    'litmus',
    'device',
    'init',
    'thread'
  ])
})

test('any text has one, inside its bounds and in order', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          'litmus',
          'thread',
          'a',
          '{',
          '}',
          '(',
          ')',
          '"x',
          '\n',
          ' ',
          '\u2028',
          '#',
          '/*',
          'expect',
          ':',
          ','
        ),
        { maxLength: 40 }
      ),
      (words) => {
        const t = words.join(' ')
        let end = 0
        for (const p of outline(t)) {
          expect([p.from >= end, p.to <= t.length, p.nameFrom >= p.from, p.nameTo <= p.to]).toEqual([
            true,
            true,
            true,
            true
          ])
          end = p.to
        }
      }
    )
  )
})

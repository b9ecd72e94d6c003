import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable, printableLine } from './printable.ts'

test('what acts on a terminal is shown; lines, tabs and letters of any script stay', () => {
  expect(printable('a\u001b]0;x\u0007\u001b[31m \u202e\u2066 \u009b1m\r\n\té\u05d0😀')).toBe(
    'a\\u001b]0;x\\u0007\\u001b[31m \\u202e\\u2066 \\u009b1m\\u000d\n\té\u05d0😀'
  )
  expect(printableLine('a\tb\nc')).toBe('a b\\u000ac')
})

test('JSON means the same behind it, and nothing that acts is left', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withNullPrototype: false,
        values: [fc.string({ unit: 'binary' }), fc.constantFrom('\u009b', '\u202e', '\u2028', '\u007f', '\u001b[31m')]
      }),
      (v) => {
        const json = JSON.stringify(v)
        if (json === undefined) return
        expect(JSON.parse(printable(json))).toEqual(JSON.parse(json))
      }
    )
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (s) => {
      const p = printable(s)
      expect(p).toMatch(
        /^[^\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/su.test(p.replace(/[\n\t]/g, '')) ? /^/ : /no/
      )
      expect(printable(p)).toBe(p)
    })
  )
})

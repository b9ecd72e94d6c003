import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bullet, fold, foldMessage, wrap, wrapCommand } from './wrap.ts'

test('words are kept in order, lines within the width', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1 }),
      fc.integer({ min: 8, max: 40 }),
      (words, width) => {
        const lines = wrap(words.join(' '), width, '  ')
        expect(lines.every((l) => l.length <= width)).toBe(true)
        expect(
          lines
            .map((l) => l.trim())
            .join('')
            .replaceAll(' ', '')
        ).toBe(words.join(''))
      }
    )
  )
  expect(wrap('a bb ccc dddd', 9)).toEqual(['a bb ccc', 'dddd'])
  expect(wrap('abcdefghijkl', 8, '  ')).toEqual(['abcdefgh', '  ijkl'])
  expect(wrap('can_match+dma_skip_sync+tdi_enabled', 24)).toEqual(['can_match+dma_skip_sync+', 'tdi_enabled'])
  expect(wrap('', 20)).toEqual([''])
})

test('a bullet keeps its words whole and its lines below each other', () => {
  expect(bullet('  - ', 'one two three', 12)).toBe('  - one two\n    three')
  expect(bullet('  - ', 'x '.repeat(3) + 'y'.repeat(20), 12)).toBe(`  - x x x\n    ${'y'.repeat(20)}`)
  expect(bullet('', '', 12)).toBe('')
})

test('a command stays a command: broken before options only, quoted blanks and dashes stay together', () => {
  expect(wrapCommand("tbit run a.litmus --kernel rfc-v1 --schedule 'os*3'", 40, '  ')).toEqual([
    '  tbit run a.litmus --kernel rfc-v1 \\',
    "      --schedule 'os*3'"
  ])
  expect(wrapCommand("tbit check 'my --file.litmus' --kernel a", 30)).toEqual([
    'tbit check \\',
    "    'my --file.litmus' \\",
    '    --kernel a'
  ])
  expect(wrapCommand('tbit run a/long/path/to/a.litmus --kernel a', 30, '  ')).toEqual([
    '  tbit run \\',
    '     a/long/path/to/a.litmus \\',
    '      --kernel a'
  ])
  expect(wrapCommand("tbit check 'a'\\''b c.litmus' --kernel a", 80)).toEqual([
    "tbit check 'a'\\''b c.litmus' --kernel a"
  ])
})

test('text keeps its lines, its columns and its commands', () => {
  expect(fold('short\n\n  one  two three four\n- a list of words\n  tbit run a.litmus --kernel b', 18)).toBe(
    'short\n\n  one  two three\n       four\n- a list of words\n  tbit run \\\n      a.litmus \\\n      --kernel b'
  )
})

test('a message: its first line stays whole, what stands below is folded', () => {
  const long = Array.from({ length: 30 }, (_, i) => `word${i}`).join(' ')
  const lines = foldMessage(`/a/long/path: error TB-509: ${long}\n  expected: ${long}`).split('\n')
  expect(lines[0]).toBe(`/a/long/path: error TB-509: ${long}`)
  expect(lines.slice(1).every((l) => l.length <= 80 && l.startsWith('  '))).toBe(true)
  expect(lines.slice(1).join(' ').replace(/ +/g, ' ').trim()).toBe(`expected: ${long}`)
})

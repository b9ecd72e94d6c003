import { describe, expect, test } from 'vitest'
import { Bytes, distance, formatDiagnostic, nearest } from './index.ts'

test('nearest finds transposed, dropped and wrong-case words, and stays silent when nothing is near', () => {
  expect(distance('tsm_lokc', 'tsm_lock')).toBe(1)
  expect(nearest('tsm_lokc', ['tsm_lock', 'tsm_unlock', 'kfree'])[0]).toBe('tsm_lock')
  expect(nearest('TSM_LOCK', ['tsm_lock'])).toEqual(['tsm_lock'])
  expect(nearest('zebra', ['tsm_lock', 'kfree'])).toEqual([])
  expect(nearest('tdx', ['arm-cca', 'intel-tdx'])).toEqual(['intel-tdx'])
  expect(nearest('', ['tsm_lock', 'os'])).toEqual([])
  expect(nearest('foo', ['os', 't'])).toEqual([])
  expect(nearest('2', ['0', '1'])).toEqual([])
  expect(nearest('a'.repeat(5_000_000), ['tsm_lock', 'dma_alloc_coherent'])).toEqual([])
})

test('sizes parse with binary suffixes and format back to the shortest exact form', () => {
  for (const [text, n] of [
    ['4096', 4096],
    ['4K', 4096],
    ['2M', 2 << 20],
    ['0x1000', 4096],
    ['12T', 12 * 2 ** 40],
    ['64MiB', 64 << 20]
  ] as const)
    expect(Bytes.parse(text)).toBe(n)
  for (const bad of ['', '0xffffffffffffffffff', '4Q', '-1', '4K4', '1e3']) expect(Bytes.parse(bad)).toBeNull()
  expect([Bytes.format(4096), Bytes.format(0), Bytes.format(1000), Bytes.format(3 * 2 ** 30)]).toEqual([
    '4K',
    '0',
    '1000',
    '3G'
  ])
})

describe('a diagnostic as text', () => {
  const at = { code: 'TB-207', file: 'a.litmus', message: 'no operation' }

  test('the word stands above its carets', () => {
    expect(formatDiagnostic({ ...at, line: 2, column: 3, word: 'foo' }, 'x\n\tyfoo z\r\n')).toBe(
      'a.litmus:2:3: error TB-207: no operation\n   yfoo z\n    ^^^'
    )
  })

  test('of a long line only the part around the word is shown', () => {
    const [, line = '', carets = ''] = formatDiagnostic(
      { ...at, line: 1, column: 1_000_001, word: 'foo' },
      `${'a'.repeat(1_000_000)}foo${'b'.repeat(1_000_000)}`
    ).split('\n')
    expect(line.length).toBeLessThan(200)
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('foo')
    expect(line).toMatch(/^ {2}\.\.\.a+foob+\.\.\.$/)
  })

  test('a word of megabytes gives one screen', () => {
    const word = 'w'.repeat(2_000_000)
    expect(
      formatDiagnostic({ ...at, message: `'${word}' is no operation`, line: 1, column: 1, word }, word).length
    ).toBeLessThan(1200)
  })

  test('control characters of the input do not reach the terminal', () => {
    const text = formatDiagnostic(
      { ...at, file: 'a\u001b[2J', message: 'a \u0000', line: 1, column: 1, word: 'x' },
      'x \u001b[31m\u202e'
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
  })
})

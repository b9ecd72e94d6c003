import { expect, test } from 'vitest'
import { Bytes, distance, nearest } from './index.ts'

test('nearest finds transposed, dropped and wrong-case words, and stays silent when nothing is near', () => {
  expect(distance('tsm_lokc', 'tsm_lock')).toBe(1)
  expect(nearest('tsm_lokc', ['tsm_lock', 'tsm_unlock', 'kfree'])[0]).toBe('tsm_lock')
  expect(nearest('TSM_LOCK', ['tsm_lock'])).toEqual(['tsm_lock'])
  expect(nearest('zebra', ['tsm_lock', 'kfree'])).toEqual([])
})

test('sizes parse with binary suffixes and format back to the shortest exact form', () => {
  for (const [text, n] of [['4096', 4096], ['4K', 4096], ['2M', 2 << 20], ['0x1000', 4096], ['12T', 12 * 2 ** 40], ['64MiB', 64 << 20]] as const) expect(Bytes.parse(text)).toBe(n)
  for (const bad of ['', '4Q', '-1', '4K4', '1e3']) expect(Bytes.parse(bad)).toBeNull()
  expect([Bytes.format(4096), Bytes.format(0), Bytes.format(1000), Bytes.format(3 * 2 ** 30)]).toEqual(['4K', '0', '1000', '3G'])
})

import { expect, test } from 'vitest'
import { joined } from './bytes.ts'

test('parts behind each other, empty ones too; the parts may be used again', () => {
  expect(joined([])).toEqual(new Uint8Array(0))
  const part = Uint8Array.of(1, 2)
  const out = joined([part, new Uint8Array(0), part.subarray(1), Uint8Array.of(255)])
  part.fill(0)
  expect(out).toEqual(Uint8Array.of(1, 2, 2, 255))
  expect(joined([out])).not.toBe(out)
})

import { expect, test as it } from 'vitest'
import { Words } from './arena.ts'

it('what was written stays where it was, however often it grows', () => {
  const words = new Words(1)
  for (let i = 0; i < 300_000; i++) {
    words.ensure(i + 1)
    words.words[i] = i ^ 0x5bd1
  }
  expect(words.words.subarray(0, 300_000).every((w, i) => w === (i ^ 0x5bd1))).toBe(true)
})

it('a small one grows to twice, then to eight times, and no larger than needed at once', () => {
  const words = new Words(1 << 15)
  const sizes = [words.words.length]
  for (let i = 0; i < 3; i++) {
    words.ensure(words.words.length + 1)
    sizes.push(words.words.length)
  }
  expect(sizes).toEqual([1 << 15, 1 << 16, 1 << 19, 1 << 22])
})

it('it has room for what was asked, also where that is more than it grows by', () => {
  const words = new Words(4)
  words.ensure(1001)
  expect(words.words.length).toBe(1001)
  words.ensure(5)
  expect(words.words.length).toBe(1001)
})

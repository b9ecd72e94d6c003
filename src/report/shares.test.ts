import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assign, parseShare, type ShareAnswer, type ShareHeader, ShareJoin } from './shares.ts'

test('I/N', () => {
  expect(parseShare('2/8')).toEqual({ index: 2, of: 8 })
  for (const wrong of ['0/8', '9/8', '2', '2/', '-1/3', '1/2/3', '1/99999', ' 1/2'])
    expect(parseShare(wrong)).toBeNull()
})

const items = fc.uniqueArray(fc.stringMatching(/^[a-z/-]{1,20}$/), { minLength: 1, maxLength: 60 })
const unknown = (): undefined => undefined

describe('which share an item is for', () => {
  test('each is for one, whatever the order', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 1000 }), (list, of, salt) => {
        const cost = (i: string): number | undefined => (i.length % 3 === 0 ? undefined : (i.length * 7 + salt) % 100)
        const shares = assign(list, of, cost)
        expect([...shares.keys()].sort()).toEqual([...list].sort())
        for (const s of shares.values()) expect(s).toBeGreaterThanOrEqual(1)
        for (const s of shares.values()) expect(s).toBeLessThanOrEqual(of)
        const again = assign([...list].reverse(), of, cost)
        for (const i of list) expect(again.get(i)).toBe(shares.get(i))
      })
    )
  })

  test('one more that nobody measured moves no other', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 12 }), (list, of) => {
        const cost = (i: string): number | undefined => (i.includes('a') ? i.length : undefined)
        const before = assign(list, of, cost)
        const after = assign(['NEW', ...list], of, cost)
        for (const i of list) expect(after.get(i)).toBe(before.get(i))
      })
    )
  })

  test('measured ones are spread: no share has more than the mean and one item', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 8 }), (list, of) => {
        const cost = (i: string): number => i.length ** 3
        const load = new Array<number>(of).fill(0)
        for (const [i, s] of assign(list, of, cost)) load[s - 1] = (load[s - 1] as number) + cost(i)
        const all = list.map(cost)
        expect(Math.max(...load)).toBeLessThanOrEqual(all.reduce((a, b) => a + b, 0) / of + Math.max(...all))
      })
    )
  })

  test('unmeasured ones are spread, too', () => {
    const many = Array.from({ length: 4000 }, (_, i) => `litmus/topic/test-${i}.litmus`)
    const count = new Map<number, number>()
    for (const s of assign(many, 8, unknown).values()) count.set(s, (count.get(s) ?? 0) + 1)
    for (const n of count.values()) expect(Math.abs(n - 500)).toBeLessThan(100)
  })
})

describe('shares joined', () => {
  const header: ShareHeader = { format: 1, kind: 'share', run: 'r', verb: 'check', arguments: ['litmus'], share: '1/2' }
  const answer = (key: string, value: unknown, run = 'r'): ShareAnswer => ({
    format: 1,
    kind: 'answer',
    run,
    item: key,
    key,
    value
  })
  const join = (...files: ReadonlyArray<readonly unknown[]>): ShareJoin => {
    const j = new ShareJoin()
    for (const [f, lines] of files.entries())
      for (const [n, l] of lines.entries()) j.line(`${f}`, n + 1, typeof l === 'string' ? l : JSON.stringify(l))
    return j
  }

  test('an answer that comes twice counts once; one that differs is an error and the first stays', () => {
    const j = join(
      [header, answer('a', { v: 1 })],
      [header, answer('a', { v: 1 }), answer('a', { v: 2 }), answer('b', null)]
    )
    expect(j.value('a')).toEqual({ v: 1 })
    expect(j.value('b')).toBeNull()
    expect(j.value('c')).toBeUndefined()
    expect(j.twice).toBe(1)
    expect(j.errors).toMatchObject([{ code: 'TB-006', file: '1', line: 3, word: 'a' }])
  })

  test('another run is told once a file and left out', () => {
    const j = join([header, answer('a', 1)], [answer('b', 1, 'other'), answer('c', 1, 'other')])
    expect(j.size).toBe(1)
    expect(j.errors).toMatchObject([{ file: '1', line: 1 }])
  })

  test('a bad line costs itself; the line that a killed share was at is no error', () => {
    const j = join([header, '{"format":1,"run"', 'null', '[]', '{"format":2}', answer('a', 1)])
    j.line('0', 9, JSON.stringify(answer('b', 1)).slice(0, -5), false)
    expect(j.errors.map((e) => e.line)).toEqual([2, 3, 4, 5])
    expect(j.size).toBe(1)
    expect(join(['# a page', 'of text']).errors).toMatchObject([{ line: 1 }])
  })

  test('any text is read without an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        new ShareJoin().line('x', 1, text)
      })
    )
  })
})

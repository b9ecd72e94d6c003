import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyRange, EMPTY, type Intervals, intervalAt, mapRange, pieces, setRange, valuesIn } from './intervals.ts'

const N = 24
const toArray = (m: Intervals) => Array.from({ length: N }, (_, i) => intervalAt(m, i, 0))
const op = fc.tuple(fc.constantFrom('set', 'map', 'copy'), fc.nat(N - 1), fc.nat(N - 1), fc.nat(N - 1), fc.nat(3))

test('intervals are what an array would be, and canonical', () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 30 }), (ops) => {
      let m = EMPTY
      let a = new Array<number>(N).fill(0)
      for (const [kind, x, y, z, v] of ops) {
        const s = Math.min(x, y)
        const e = Math.max(x, y) + 1
        if (kind === 'set') {
          m = setRange(m, s, e, v, 0)
          a = a.map((q, i) => (i >= s && i < e ? v : q))
        } else if (kind === 'map') {
          m = mapRange(m, s, e, 0, (q) => (q + v) % 4)
          a = a.map((q, i) => (i >= s && i < e ? (q + v) % 4 : q))
        } else {
          const len = Math.min(e - s, N - z)
          const src = a.slice(s, s + len)
          m = copyRange(m, z, s, len, 0)
          a = a.map((q, i) => (i >= z && i < z + len ? (src[i - z] as number) : q))
        }
        expect(toArray(m)).toEqual(a)
        for (let i = 0; i < m.length; i += 3) {
          expect(m[i + 2]).not.toBe(0)
          expect(m[i] as number).toBeLessThan(m[i + 1] as number)
          if (i > 0) expect((m[i - 2] as number) < (m[i] as number) || m[i - 1] !== m[i + 2]).toBe(true)
        }
        expect(pieces(m, 0, N, 0).flatMap(([ps, pe, pv]) => new Array(pe - ps).fill(pv))).toEqual(a)
        const [from, to] = [Math.min(s, z), Math.max(s, z)]
        expect(valuesIn(m, from, to)).toEqual(pieces(m, from, to, 0).filter(([, , v]) => v !== 0))
      }
    })
  )
})

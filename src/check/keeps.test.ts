// Calls that keep their own place (C functions that stop): positions that are told apart by where the call stands find
// what positions told apart by all that was met find, in no more states.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Action, Layout, read, step, stepped } from '../step/index.ts'
import { explore } from './search.ts'
import { runs } from '../../test/runs.ts'

/**
 * Of each place, each answer in between and each value of the shared byte: what is written, and where the call stands
 * then (5: it ends).
 */
interface Table {
  readonly writes: readonly number[]
  readonly steps: readonly number[]
}
const PLACES = 5
const at = (h: number, r: number, v: number): number => (h * 2 + r) * 3 + v

function finals(
  tables: readonly Table[],
  asks: readonly boolean[],
  keeps: boolean
): { ends: Set<string>; states: number } {
  const l = new Layout()
  const [a, b] = [l.field('a', { max: 2 }), l.field('b', { max: 1 })]
  const fn = (t: Table, ask: boolean) => (): number => {
    const goes = (key: string, h: number, r: number, how: Action['keeps']): number =>
      stepped() ??
      step({
        kind: 'c',
        key,
        outcomes: 1,
        results: null,
        silent: false,
        ...(keeps && how ? { keeps: how } : {}),
        text: () => key,
        perform: (st) => {
          const i = at(h, r, a.get(st))
          a.set(st, t.writes[i] as number)
          if (r === 1) b.set(st, 1)
          return Math.min(PLACES, h + (t.steps[i] as number))
        }
      })
    const first = read(b)
    let h = goes(`begin ${tables.indexOf(t)}:${first}`, 0, first, 'begins')
    while (h < PLACES) {
      const r = ask ? read(b) : 0
      h = goes(`on ${tables.indexOf(t)}:${h}:${r}`, h, r, 'goes on')
    }
    return first
  }
  const ends = new Set<string>()
  const programs = tables.map((t, i) => ({
    name: `t${i}`,
    variables: ['x'],
    keep: [0],
    code: [{ op: 'call' as const, fn: fn(t, asks[i] ?? false), args: [], dst: 0, text: 'x = f()' }]
  }))
  const x = explore(
    {
      layout: l,
      starts: [
        {
          init: (st) => {
            st.u8.fill(0)
          }
        }
      ],
      programs
    },
    {
      onFinal: (st) => {
        ends.add([a.get(st), b.get(st), ...tables.map((_, i) => st.local(i, 0))].join())
        return null
      }
    }
  )
  return { ends, states: x.states }
}

const table = fc.record({
  writes: fc.array(fc.nat(2), { minLength: 30, maxLength: 30 }),
  steps: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 30, maxLength: 30 })
})

test('positions of calls that keep their own place merge nothing that differs', () => {
  let fewer = 0
  fc.assert(
    fc.property(
      fc.array(table, { minLength: 2, maxLength: 3 }),
      fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      (tables, asks) => {
        const [by, all] = [finals(tables, asks, true), finals(tables, asks, false)]
        expect(by.ends).toEqual(all.ends)
        expect(by.states).toBeLessThanOrEqual(all.states)
        if (by.states < all.states) fewer++
      }
    ),
    { numRuns: runs(60) }
  )
  // how many depends on what was drawn
  expect(fewer).toBeGreaterThan(0)
})

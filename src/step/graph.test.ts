import fc from 'fast-check'
import { expect, test as it } from 'vitest'
import { historyOf } from './graph.ts'
import { type Action, type CallFn, Graphs, type Node, step } from './index.ts'
import { PlainGraphs, type PlainNode } from '../../test/engine/plain-graphs.ts'

/** What a made-up call does in one of its states: asks for a result and goes on, returns, or throws. */
interface State {
  readonly results: readonly number[] | null
  readonly to: readonly number[]
  readonly end: 'returns' | 'throws' | null
}

const answers = fc.constantFrom<readonly number[] | null>([0], [0], [0, 1], [1, 0], [0, 1, 2], [0, 3, 5, 7], null)
const states = (ends: ReadonlyArray<State['end']>): fc.Arbitrary<readonly State[]> =>
  fc.array(
    fc.record({
      results: answers,
      to: fc.array(fc.nat({ max: 11 }), { minLength: 4, maxLength: 4 }),
      end: fc.constantFrom(...ends)
    }),
    { minLength: 2, maxLength: 12 }
  )

/** A call that goes through these states, for at most `most` steps: in circles, if they lead there. */
function callOf(list: readonly State[], most: number): CallFn {
  return () => {
    let at = 0
    for (let n = 0; n < most; n++) {
      const s = list[at % list.length] as State
      if (s.end === 'throws') throw new Error(`state ${at}`)
      if (s.end === 'returns') return at
      const key = `asks in ${at % list.length}`
      const { results } = s
      const r = step({ kind: 'asks', key, text: () => key, outcomes: 1, results, silent: false, perform: () => 0 })
      at = s.to[r % 4] as number
    }
    return -1
  }
}

const ANY = [0, 2, 5]
/** Both graphs side by side, from their entries, over the first results there are; `same` sees each pair of nodes. */
function together(g: Graphs, plain: PlainGraphs, fn: CallFn, same: (a: Node, b: PlainNode) => void): void {
  const todo: Array<readonly [Node, PlainNode]> = [[g.entry(fn, []), plain.entry()]]
  const seen = new Set<Node>()
  for (let n = 0; n < 150; n++) {
    const pair = todo.shift()
    if (pair === undefined) return
    const [a, b] = pair
    same(a, b)
    if (seen.has(a) || a.action === null) continue
    seen.add(a)
    for (const r of a.action.results ?? ANY) {
      const to = plain.next(b, r)
      if (to.error === null) todo.push([g.next(a, r), to])
      else expect(() => g.next(a, r)).toThrow((to.error.thrown as Error).message)
    }
  }
}

/** A node that is lazy here and not there leads to a lazy one or to a failure there. */
function told(a: Node, b: PlainNode): void {
  if (b.history !== null) expect(historyOf(a)).toEqual(b.history)
  else if (a.call !== null) expect(leadsAlone(b)).toBe(true)
}
const leadsAlone = (b: PlainNode): boolean =>
  b.history !== null || b.error !== null || [...b.kids.values()].some(leadsAlone)

const budgets = fc.record({
  budget: fc.constantFrom(0, 1, 3, 10, 40, 400),
  lazyBudget: fc.constantFrom(0, 1, 4, 30),
  widest: fc.constantFrom(1, 2, 64),
  mostKnown: fc.constantFrom(1, 20, 1 << 19, 1 << 19)
})

it('nodes are those of the twin that runs the call for each: actions, values, and what is one node', () => {
  fc.assert(
    fc.property(states([null, null, null, 'returns']), fc.nat({ max: 60 }), budgets, (list, most, o) => {
      const fn = callOf(list, most)
      const [g, plain] = [new Graphs(o), new PlainGraphs(fn, o)]
      const ids = new Map<number, number>()
      const back = new Map<number, number>()
      together(g, plain, fn, (a, b) => {
        expect(a.action?.key).toBe(b.action?.key)
        expect(a.value).toBe(b.value)
        told(a, b)
        expect(ids.get(b.id) ?? a.id).toBe(a.id)
        expect(back.get(a.id) ?? b.id).toBe(b.id)
        ids.set(b.id, a.id)
        back.set(a.id, b.id)
      })
      if (o.mostKnown > 20) expect(g.runs).toBeLessThanOrEqual(plain.runs)
    }),
    { numRuns: 120 }
  )
})

it('what a call throws is thrown where the twin throws it', () => {
  fc.assert(
    fc.property(states([null, null, 'returns', 'throws']), fc.nat({ max: 40 }), budgets, (list, most, o) => {
      const fn = callOf([{ ...(list[0] as State), end: null }, ...list.slice(1)], most)
      together(new Graphs(o), new PlainGraphs(fn, o), fn, (a, b) => {
        expect([a.action?.key, a.value]).toEqual([b.action?.key, b.value])
        told(a, b)
      })
    }),
    { numRuns: 80 }
  )
})

it('a call that never ends costs no more than its budget', () => {
  const fn = callOf([{ results: [0, 1], to: [0, 0, 0, 0], end: null }], Number.POSITIVE_INFINITY)
  const g = new Graphs()
  let n = g.entry(fn, [])
  for (let i = 0; i < 600; i++) n = g.next(n, i & 1)
  expect(historyOf(n)).toHaveLength(600)
  // Two a step; the twin runs it 120,000 times.
  expect(g.runs).toBeLessThan(1_300)
})

it('an action that may answer anything is run over what it answered last, and a wrong guess is no answer', () => {
  const fn = callOf([{ results: null, to: [0, 0, 0, 0], end: null }], 40)
  const ways = (answers: readonly number[]): { readonly runs: number; readonly keys: ReadonlySet<Action | null> } => {
    const g = new Graphs()
    let n = g.entry(fn, [])
    const keys = new Set<Action | null>()
    for (const r of answers) {
      keys.add(n.action)
      n = g.next(n, r)
    }
    expect([n.action, n.value]).toEqual([null, -1])
    return { runs: g.runs, keys }
  }
  const same = ways(Array.from({ length: 40 }, () => 2))
  // Eight guesses a run.
  expect(same.runs).toBeLessThan(10)
  // One action by its key, however often it was made.
  expect(same.keys.size).toBe(1)
  expect(ways(Array.from({ length: 40 }, (_, i) => i % 4)).runs).toBe(41)
})

it('between two actions that may answer anything only what is come to is built', () => {
  const any: State = { results: null, to: [1, 1, 1, 1], end: null }
  const both = (to: number): State => ({ results: [0, 1], to: [to, to, to, to], end: null })
  const fn = callOf([any, both(2), both(3), both(4), both(5), both(6), both(0)], 50)
  const g = new Graphs()
  let n = g.entry(fn, [])
  for (let i = 0; i < 50; i++) n = g.next(n, 1)
  expect([n.action, n.value]).toEqual([null, -1])
  // The other ways between the first two alone are 63.
  expect([g.runs <= 50, g.size]).toEqual([true, 51])
})

it('at its beginning, too, only what is come to is built before an action that may answer anything', () => {
  const both = (to: number): State => ({ results: [0, 1], to: [to, to, to, to], end: null })
  const fn = callOf([both(1), both(2), both(3), both(4), both(5), { results: null, to: [0, 0, 0, 0], end: null }], 12)
  const g = new Graphs()
  let n = g.entry(fn, [])
  for (let i = 0; i < 12; i++) n = g.next(n, 1)
  expect([n.action, n.value]).toEqual([null, -1])
  // The other ways to the first one alone are 31.
  expect([g.runs <= 12, g.size]).toEqual([true, 13])
})

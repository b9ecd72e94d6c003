import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import { cdma } from '../../bench/models/cdma.ts'
import { act } from '../../test/engine/act.ts'
import { BLOCKED, type Finding, type Instr, Layout, type Positions, type Program, type Store } from '../step/index.ts'
import type { Model } from './model.ts'
import { type Exploration, explore, type ExploreOptions } from './search.ts'
import type { Symmetry } from './symmetry.ts'
import { traceOf } from './trace.ts'
import { runs } from '../../test/runs.ts'

describe('the cdma model by page symmetry', () => {
  it('6 pages and 3 buffers: 5,643 of 3,005,903 states', () => {
    const { model, options, symmetry } = cdma({ pages: 6, buffers: 3 })
    const r = explore(model, { ...options, symmetry })
    expect([r.states, r.complete, r.findings.length]).toEqual([5643, true, 0])
  })
  it('its two bugs are found as short as without', () => {
    const free = cdma({ pages: 4, buffers: 2, bug: 'free' })
    const a = explore(free.model, { ...free.options, symmetry: free.symmetry })
    expect(a.findings.map((f) => [f.finding.property, f.length])).toContainEqual(['exposed', 13])
    expect(traceOf(a, a.findings[0] as Exploration['findings'][number]).steps).toHaveLength(13)
    // The access that faults is a move of its own, as in search.test.ts: 8 steps before it.
    const drain = cdma({ pages: 4, buffers: 2, bug: 'drain' })
    const b = explore(drain.model, { ...drain.options, symmetry: drain.symmetry })
    expect(b.findings.map((f) => [f.finding.property, f.length])).toContainEqual(['fault', 9])
    expect(traceOf(b, b.findings[0] as Exploration['findings'][number]).steps).toHaveLength(9)
  })
})

/** What a thread of a random model does with its page: all of it whatever the page's number is. */
type Deed = {
  readonly does: 'take' | 'mark' | 'drop' | 'flag' | 'ask' | 'spare' | 'both'
  readonly v: number
  readonly to: number
}
interface Shape {
  readonly pages: number
  readonly threads: ReadonlyArray<readonly Deed[]>
  readonly bad: number
}
const deed: fc.Arbitrary<Deed> = fc.record({
  does: fc.constantFrom('take', 'mark', 'drop', 'flag', 'ask', 'spare', 'both'),
  v: fc.nat(2),
  to: fc.nat(4)
})
const shape: fc.Arbitrary<Shape> = fc.record({
  pages: fc.integer({ min: 2, max: 3 }),
  threads: fc.array(fc.array(deed, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
  bad: fc.nat(2)
})

function modelOf(s: Shape): { model: Model; options: ExploreOptions; symmetry: Symmetry } {
  const layout = new Layout()
  const used = layout.field('used', { count: s.pages, max: 1 })
  const mark = layout.field('mark', { count: s.pages, max: 2 })
  const flag = layout.field('flag', { max: 2 })
  const one = { results: [0] }
  const take = (): number =>
    act(
      'take',
      String,
      (st, c) => {
        if (used.get(st, c) !== 0) return BLOCKED
        used.set(st, 1, c)
        return c + 1
      },
      { outcomes: s.pages, results: Array.from({ length: s.pages }, (_, i) => i + 1) }
    )
  const found = (site: string): Finding => ({ property: 'assert', site, decision: '', summary: '' })
  const [A, B] = [0, 1]
  const code = (list: readonly Deed[], t: number): Instr[] =>
    list.map(({ does, v, to }): Instr => {
      const call = (name: string, f: (st: Store, a: number, b: number) => number, dst = -1): Instr => ({
        op: 'call',
        text: name,
        dst,
        args: [{ v: A }, { v: B }],
        fn: (a, b) =>
          act(`${name}:${v}:${a}:${b}`, String, (st) => f(st, a as number, b as number), { results: [0, 1] })
      })
      switch (does) {
        case 'take':
          return { op: 'call', text: 'take', fn: take, args: [], dst: A }
        case 'spare':
          return { op: 'call', text: 'take', fn: take, args: [], dst: B }
        case 'mark':
          return call('mark', (st, a) => {
            if (a > 0) mark.set(st, v, a - 1)
            return 0
          })
        case 'drop':
          return call(
            'drop',
            (st, a) => {
              if (a > 0) {
                if (mark.get(st, a - 1) === 2) st.finding(found(`dropped ${t}`))
                used.set(st, 0, a - 1)
              }
              return 0
            },
            A
          )
        case 'flag':
          return {
            op: 'call',
            text: 'flag',
            dst: -1,
            args: [],
            fn: () =>
              act(
                `flag:${v}`,
                String,
                (st) => {
                  if (flag.get(st) === v) return BLOCKED
                  flag.set(st, v)
                  return 0
                },
                one
              )
          }
        case 'ask':
          return {
            op: 'choose',
            text: 'ask',
            targets: [to % (list.length + 1), list.length],
            when: { reads: [A], of: ([a = 0]) => [a > 0, (st) => flag.get(st) === v] }
          }
        default:
          return call('both', (st, a, b) => {
            if (a > 0 && b > 0 && a !== b && mark.get(st, a - 1) === mark.get(st, b - 1))
              st.finding(found(`alike ${v}`))
            return 0
          })
      }
    })
  const programs: Program[] = s.threads.map((list, t) => ({
    name: `t${t}`,
    variables: ['a', 'b'],
    initial: [0, 0],
    code: code(list, t)
  }))
  const onState = (st: Store): Finding[] | null =>
    Array.from({ length: s.pages }, (_, i) => i).every((i) => mark.get(st, i) === s.bad) && flag.get(st) === 1
      ? [found('all')]
      : null
  return {
    model: { layout, programs, starts: [{ init: () => {} }] },
    options: { onState, onDeadlock: () => null },
    symmetry: { size: s.pages, fields: [used, mark], variables: programs.map(() => [A, B]) }
  }
}

/** What of a state is no numbering: by brute force over all renumberings, the least text. */
function orbits(x: Exploration, { size, fields, variables }: Symmetry, plain: readonly number[]): number {
  const permutations = (n: number): number[][] =>
    n === 0
      ? [[]]
      : permutations(n - 1).flatMap((p) =>
          Array.from({ length: n }, (_, i) => [...p.slice(0, i), n - 1, ...p.slice(i)])
        )
  const seen = new Set<string>()
  for (let i = 0; i < x.states; i++) {
    const v = x.search.vector(i)
    const u8 = new Uint8Array(v.buffer)
    const texts = permutations(size).map((to) => {
      const things = Array.from({ length: size }, (_, k) => fields.map((f) => u8[f.base + to.indexOf(k)]).join())
      const threads = x.search.threads.map((p: Positions, t) => {
        const id = v[x.search.sharedWords + t] as number
        const named = p.naming(id, variables[t] ?? [], size) ?? []
        return `${p.pc(id)}|${p.kind[id]}|${named.map((n, k) => (k % 2 === 0 ? n : to[n])).join()}`
      })
      return `${things.join(';')}#${threads.join(';')}#${plain.map((b) => u8[b]).join()}`
    })
    seen.add(texts.sort()[0] as string)
  }
  return seen.size
}

it(
  'random models, three threads included: the same findings as short as in the plain ' +
    'search, and one state an orbit',
  () => {
    fc.assert(
      fc.property(shape, (s) => {
        const plain = modelOf(s)
        const x = explore(plain.model, { ...plain.options, maxStates: 20_000 })
        fc.pre(x.complete)
        const canonical = modelOf(s)
        const y = explore(canonical.model, { ...canonical.options, symmetry: canonical.symmetry })
        const told = (r: Exploration): Map<string, number> => new Map(r.findings.map((f) => [f.key, f.length]))
        expect(told(y)).toEqual(told(x))
        expect([y.finals > 0, y.deadlocks > 0]).toEqual([x.finals > 0, x.deadlocks > 0])
        expect(y.states).toBe(
          orbits(
            x,
            plain.symmetry,
            plain.model.layout.fields.filter((f) => f.count === 1).map((f) => f.base)
          )
        )
        for (const f of y.findings) expect(traceOf(y, f).steps).toHaveLength(f.length)
      }),
      { numRuns: runs(150) }
    )
  }
)

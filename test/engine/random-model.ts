// Random models for holding the search against its slow twin: every access primitive, results that nobody declared,
// silent actions, findings, waits on other threads' variables, choices with conditions and without, loops, several
// starts.
import fc from 'fast-check'
import {
  atomicBit,
  change,
  choose,
  down_read,
  down_write,
  type Field,
  type Finding,
  type Instr,
  Interned,
  isZero,
  Layout,
  peek,
  poke,
  type Program,
  read,
  rmwBit,
  spin_lock,
  spin_unlock,
  type Store,
  test,
  tryWrite,
  up_read,
  up_write,
  write
} from '../../src/step/index.ts'
import type { Model } from '../../src/check/model.ts'
import { referenceExplore } from '../../src/check/reference.ts'
import { type Exploration, explore, type ExploreOptions } from '../../src/check/search.ts'
import { traceOf } from '../../src/check/trace.ts'
import { expect } from 'vitest'
import { act } from './act.ts'

type Op =
  | {
      k: 'read' | 'test' | 'zero' | 'try' | 'peek' | 'rmw' | 'wide' | 'local' | 'lockwait'
      f: number
      v: number
      yes: Op[]
      no: Op[]
    }
  | {
      k: 'write' | 'poke' | 'lock' | 'unlock' | 'choose' | 'bit' | 'sem' | 'intern' | 'find' | 'fatal'
      f: number
      v: number
    }

const leaf: fc.Arbitrary<Op> = fc.record({
  k: fc.constantFrom('write', 'write', 'poke', 'lock', 'unlock', 'choose', 'bit', 'sem', 'intern', 'find', 'fatal'),
  f: fc.nat(2),
  v: fc.nat(3)
}) as fc.Arbitrary<Op>
const ops: fc.Arbitrary<Op[]> = fc.letrec<{ op: Op; list: Op[] }>((tie) => ({
  op: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'op' },
    leaf,
    fc.record({
      k: fc.constantFrom('read', 'test', 'zero', 'try', 'peek', 'rmw', 'wide', 'local', 'lockwait'),
      f: fc.nat(2),
      v: fc.nat(3),
      yes: tie('list'),
      no: tie('list')
    }) as fc.Arbitrary<Op>
  ),
  list: fc.array(tie('op'), { maxLength: 3 })
})).list

export type Shape = {
  fns: Op[][]
  threads: Array<{ code: Array<{ c: number; fn: number; dst: number; arg: number; to: number }>; keep: boolean }>
  starts: number
}
export const shape: fc.Arbitrary<Shape> = fc.record({
  fns: fc.array(ops, { minLength: 2, maxLength: 3 }),
  threads: fc.array(
    fc.record({
      code: fc.array(
        fc.record({ c: fc.nat(8), fn: fc.nat(2), dst: fc.integer({ min: -1, max: 1 }), arg: fc.nat(3), to: fc.nat(4) }),
        { minLength: 1, maxLength: 3 }
      ),
      keep: fc.boolean()
    }),
    { minLength: 1, maxLength: 3 }
  ),
  starts: fc.integer({ min: 1, max: 2 })
})

/** Half of the choices on conditions go with the first step of what is chosen. */
const leads = (c: { dst: number }): { leads?: true } => (c.dst === 0 ? { leads: true } : {})
const leading = (s: Shape): boolean => s.threads.some((t) => t.code.some((c) => c.c >= 7 && c.dst === 0))

const ADD = change((w: string, v: number) => (w + v).slice(-2))

// Long: a table of the steps that a model can take.
export function modelOf(s: Shape): Model {
  const l = new Layout()
  const fields = [l.field('a', { max: 3 }), l.field('b', { count: 2, max: 3 }), l.field('c', { max: 3 })]
  const locks = [l.field('lock', { max: 1 }), l.field('sem')] as [Field, Field]
  const interned = new Interned<string>(l, 'word', '', (v) => v)
  const say = (site: string, fatal: boolean): Finding => ({
    property: 'assert',
    site,
    decision: '',
    summary: '',
    fatal
  })
  const run = (list: readonly Op[], x: number): number => {
    let acc = x & 3
    for (const o of list) {
      const f = fields[o.f] as Field
      const v = (o.v + acc) & 3
      let r: number
      switch (o.k) {
        case 'write':
          write(f, 0, v)
          continue
        case 'poke':
          poke(f, 0, v)
          continue
        case 'lock':
          spin_lock(locks[0])
          continue
        case 'unlock':
          spin_unlock(locks[0])
          continue
        case 'choose':
          acc = (acc + choose('which', 2)) & 3
          continue
        case 'bit':
          atomicBit(f, 0, 1 + (v & 1), (o.v & 1) === 1, 'test')
          continue
        case 'sem':
          if (v === 0) {
            down_write(locks[1])
            write(f, 0, 3)
            up_write(locks[1])
          } else {
            down_read(locks[1])
            up_read(locks[1])
          }
          continue
        case 'intern':
          act(
            `intern:${v}`,
            () => 'intern',
            (st) => {
              interned.update(st, ADD, v)
              return 0
            },
            { results: [0] }
          )
          continue
        case 'find':
          act(
            `find:${f.base}:${v}:${o.v & 1}`,
            () => 'find',
            (st) => {
              if (f.get(st) === v) st.finding(say(`found${v}`, false))
              return 0
            },
            { results: [0], silent: (o.v & 1) === 1 }
          )
          continue
        case 'fatal':
          act(
            `fatal:${f.base}:${v}`,
            () => 'fatal',
            (st) => {
              if (f.get(st) === 3) st.finding(say(`fatal${v}`, true))
              return 0
            },
            { results: [0] }
          )
          continue
        case 'read':
          r = read(f)
          break
        case 'peek':
          r = peek(f)
          break
        case 'test':
          r = test(f, 0, 1 + (v & 1)) ? 1 : 0
          break
        case 'zero':
          r = isZero(f) ? 1 : 0
          break
        case 'try':
          r = tryWrite(f, 0, v) ? 1 : 0
          break
        case 'rmw':
          rmwBit(f, 0, 1, (v & 1) === 1, 'x', '')
          r = v
          break
        case 'wide':
          r = act(`wide:${f.base}:${o.v & 2}`, String, (st) => f.get(st) * 1000 - 1, { silent: (o.v & 2) !== 0 })
          break
        case 'local':
          r = act(`local:${v}`, String, (st) => st.local(0, v & 1))
          break
        case 'lockwait':
          r = act(`wait:${f.base}:${o.v & 1}`, String, (st) => (f.get(st) === 0 ? -0x40000000 : 1), {
            results: [1],
            silent: (o.v & 1) === 1
          })
          break
      }
      acc = (acc + (r > 0 ? 1 : 2) + run(r > 0 ? o.yes : o.no, acc)) & 3
    }
    return acc
  }
  const programs = s.threads.map((t, n): Program => {
    const code = t.code.map((c): Instr => {
      const fn = s.fns[c.fn % s.fns.length] as Op[]
      const arg = c.arg < 2 ? { v: c.arg } : c.arg
      switch (c.c) {
        case 0:
          return { op: 'choose', targets: [c.to % (t.code.length + 1), t.code.length], text: 'choose' }
        case 1:
          return { op: 'branch', v: c.arg & 1, yes: t.code.length, no: Math.min(t.code.length, c.fn + 1) }
        case 2:
          return { op: 'call', fn: (v) => ((v ?? 0) > 1 ? 1 : -1), args: [arg], dst: c.dst, text: 'pure' }
        // Each target on a condition: a variable, the state, both; the last one goes back, so that threads loop.
        case 7:
          return {
            op: 'choose',
            targets: [c.to % (t.code.length + 1), t.code.length, 0],
            text: 'choose',
            when: {
              reads: [c.arg & 1, 0],
              of: ([v = 0, x = 0]) => [
                (st) => (fields[c.fn] as Field).get(st) === (v & 3),
                x > 1,
                v > 0 && ((st) => (fields[c.to % 3] as Field).get(st) > 0)
              ]
            },
            ...leads(c)
          }
        case 8:
          return {
            op: 'choose',
            targets: [t.code.length, 0],
            text: 'choose',
            when: { reads: [], of: () => [true, (st) => (fields[c.fn] as Field).get(st) === (c.to & 3)] },
            ...leads(c)
          }
        default:
          return {
            op: 'call',
            fn: (v) => run(fn, (v ?? 0) & 3),
            args: [arg],
            dst: c.dst,
            text: 'call',
            ...(c.c === 3 ? { group: 7 } : {})
          }
      }
    })
    // A branch backwards could loop without a step: the test's own fault.
    const forward = code.map(
      (i, pc): Instr => (i.op === 'branch' ? { ...i, no: Math.max(i.no, pc + 1), yes: Math.max(i.yes, pc + 1) } : i)
    )
    return { name: `t${n}`, variables: ['x', 'y'], code: forward, ...(t.keep || n === 0 ? { keep: [0, 1] } : {}) }
  })
  const starts = Array.from({ length: s.starts }, (_, i) => ({
    init: (st: Store) => {
      if (i > 0) fields[0]?.set(st, 2)
    }
  }))
  return { layout: l, programs, starts }
}

export function sharedParts(r: Exploration): Set<string> {
  const out = new Set<string>()
  for (let i = 0; i < r.states; i++) out.add(new Uint32Array(r.search.vector(i).slice(0, r.search.sharedWords)).join())
  return out
}

const lengths = (r: Exploration): Map<string, number> => new Map(r.findings.map((f) => [f.key, f.length]))

// The model names its findings by their site; of a deadlock that is where each thread waits, which only the fast search
// tells.
const keyOf = (f: Finding): string => (f.property === 'deadlock' ? 'deadlock' : `${f.property}|${f.site}`)

/** Fails where the fast search and the slow one differ on `s`; models of more than `cap` states are passed over. */
export function sameAsReference(s: Shape, interleave: 'steps' | 'calls', cap: number): void {
  const hooks: ExploreOptions = {
    interleave,
    key: keyOf,
    // Of some models one finding counts for nothing and another ends the run.
    ...(s.starts === 2
      ? {
          judge: (f: Finding) =>
            f.site === 'found3' ? null : f.site === 'found2' || f.property === 'exposed' ? { ...f, fatal: true } : f
        }
      : {}),
    onState: (st, i) =>
      i > 0 && st.u8[0] === 1 && st.u8[1] === 2
        ? [{ property: 'exposed', site: 'state', decision: '', summary: '', fatal: st.u8[2] === 3 }]
        : null,
    onFinal: (st) => (st.local(0, 0) > 0 ? [{ property: 'reached', site: 'final', decision: '', summary: '' }] : null)
  }
  const slow = referenceExplore(modelOf(s), { ...hooks, maxStates: cap })
  if (slow === null) return
  const lazy = explore(modelOf(s), { ...hooks, graph: { budget: 0 } })
  expect([lazy.states, lazy.transitions, lazy.finals, lazy.deadlocks]).toEqual([
    slow.states,
    slow.transitions,
    slow.finals,
    slow.deadlocks
  ])
  expect(lengths(lazy)).toEqual(slow.findings)
  expect(sharedParts(lazy)).toEqual(slow.shared)
  for (const graph of [{}, { budget: 4 }]) {
    const eager = explore(modelOf(s), { ...hooks, graph })
    expect(eager.states).toBeLessThanOrEqual(slow.states)
    expect(sharedParts(eager)).toEqual(slow.shared)
    expect(lengths(eager)).toEqual(slow.findings)
    expect([eager.finals > 0, eager.deadlocks > 0]).toEqual([slow.finals > 0, slow.deadlocks > 0])
    for (const f of eager.findings) {
      const t = traceOf(eager, f)
      if (interleave === 'steps' && !leading(s)) expect(t.steps).toHaveLength(f.length)
      else expect(t.steps.length).toBeGreaterThanOrEqual(f.length)
    }
    expect(explore(modelOf(s), { ...hooks, graph }).findings).toEqual(eager.findings)
  }
}

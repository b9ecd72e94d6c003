import { expect, test as it } from 'vitest'
import {
  choose,
  type CallFn,
  Graphs,
  Layout,
  live,
  Positions,
  type Program,
  read,
  siteOf,
  test,
  tryWrite,
  UNSET,
  Walk,
  write
} from './index.ts'
import { act } from '../../test/engine/act.ts'

const call = (
  fn: CallFn,
  args: Array<number | { v: number }> = [],
  dst = -1,
  text = 'call'
): Program['code'][number] => ({ op: 'call', fn, args, dst, text })

function fields() {
  const layout = new Layout()
  return { a: layout.field('a', { max: 3 }), b: layout.field('b', { max: 1 }) }
}

it('two histories with one future are one position', () => {
  const { a, b } = fields()
  // Bits 2 and 3 lead to the same write.
  const f = (): number => {
    const v = read(a)
    write(b, 0, v & 1)
    return 0
  }
  const program: Program = { name: 't', variables: [], code: [call(f)] }
  const p = new Positions(program, new Graphs())
  expect(p.next(p.start, 1)).toBe(p.next(p.start, 3))
  expect(p.next(p.start, 1)).not.toBe(p.next(p.start, 2))
  const naive = new Positions(program, new Graphs({ budget: 0 }))
  expect(naive.next(naive.start, 1)).not.toBe(naive.next(naive.start, 3))
  expect(p.action(p.next(p.start, 2))?.text(0, 0)).toBe('b = 0')
})

it('a call that cannot be run over all results is built as it is met, and still merges what follows', () => {
  const { a } = fields()
  const f = (): number => {
    const x = act('wide', String, () => 7)
    if (x > 100) write(a, 0, 1)
    else write(a, 0, 2)
    return 0
  }
  const g = new Graphs()
  const p = new Positions({ name: 't', variables: [], code: [call(f)] }, g)
  expect(g.lazy).toBe(1)
  expect(p.next(p.start, 123456789)).toBe(p.next(p.start, 200))
  expect(p.next(p.start, 123456789)).not.toBe(p.next(p.start, -5))
})

it('over its budget a call is lazy and right', () => {
  const { a, b } = fields()
  const f = (): number => {
    let n = 0
    for (let i = 0; i < 12; i++) n += test(a, 0, 1) ? 1 : 0
    write(b, 0, n > 6 ? 1 : 0)
    return n
  }
  for (const budget of [0, 50, 100_000]) {
    const g = new Graphs({ budget })
    const p = new Positions({ name: 't', variables: ['n'], keep: [0], code: [call(f, [], 0)] }, g)
    let at = p.start
    for (let i = 0; i < 12; i++) at = p.next(at, i < 8 ? 1 : 0)
    expect(p.action(at)?.key).toBe('write:4:1'.replace('4', String(b.base)))
    at = p.next(at, 0)
    expect(p.ended(at)).toBe(true)
    expect(p.local(at, 0)).toBe(8)
  }
})

it('a result that was not declared is a broken invariant, whatever was built', () => {
  const { a } = fields()
  const f = (): number => read(a)
  for (const budget of [0, 100]) {
    const p = new Positions({ name: 't', variables: [], code: [call(f)] }, new Graphs({ budget }))
    expect(() => p.next(p.start, 9)).toThrow('outside of its declared results')
  }
})

it('what a function throws over results that cannot be is only thrown if they are', () => {
  const { a } = fields()
  const f = (): number => {
    const v = read(a)
    if (v === 3) throw new Error('three')
    return v
  }
  const p = new Positions({ name: 't', variables: [], code: [call(f)] }, new Graphs())
  expect(p.ended(p.next(p.start, 2))).toBe(true)
  expect(() => p.next(p.start, 3)).toThrow('three')
})

it('dead variables are zero, kept ones stay, arguments are taken at the start', () => {
  const { a, b } = fields()
  const id = (): number => {
    write(a, 0, 1)
    return 5
  }
  const use = (x?: number): number => {
    write(b, 0, x === 5 ? 1 : 0)
    write(a, 0, 0)
    return x ?? 0
  }
  const p = new Positions(
    { name: 't', variables: ['x', 'y'], keep: [1], code: [call(id, [], 0), call(use, [{ v: 0 }], 1)] },
    new Graphs()
  )
  expect(p.locals(p.start)).toEqual([0, UNSET])
  const second = p.next(p.start, 0)
  expect(p.locals(second)).toEqual([0, UNSET])
  expect(p.action(second)?.text(0, 0)).toBe('b = 1')
  const end = p.next(p.next(second, 0), 0)
  expect(p.locals(end)).toEqual([0, 5])
})

it('branches, jumps and choices', () => {
  const { a } = fields()
  const set = (v?: number): number => {
    write(a, 0, v ?? 0)
    return v ?? 0
  }
  const program: Program = {
    name: 't',
    variables: ['x'],
    code: [
      { op: 'choose', targets: [1, 3], text: 'choose' },
      call(() => 1, [], 0),
      { op: 'jump', to: 4 },
      call(() => -5, [], 0),
      { op: 'branch', v: 0, yes: 5, no: 7 },
      call(set, [2]),
      { op: 'end' },
      call(set, [3])
    ]
  }
  const p = new Positions(program, new Graphs())
  expect(p.action(p.start)?.outcomes).toBe(2)
  expect(p.action(p.next(p.start, 0))?.text(0, 0)).toBe('a = 2')
  expect(p.action(p.next(p.start, 1))?.text(0, 0)).toBe('a = 3')
  expect(p.ended(p.next(p.next(p.start, 0), 0))).toBe(true)
  expect([...(live(program, new Set()).before[4] ?? [])]).toEqual([0])
})

it('setting a variable that others watch is a step of its own', () => {
  const one = (): number => 1
  const watched = new Positions(
    { name: 't', variables: ['x'], keep: [0], code: [call(one, [], 0, 'x = 1')] },
    new Graphs()
  )
  expect(watched.ended(watched.start)).toBe(false)
  expect(watched.action(watched.start)?.text(0, 0)).toBe('x = 1')
  expect(watched.local(watched.start, 0)).toBe(UNSET)
  expect(watched.local(watched.next(watched.start, 0), 0)).toBe(1)
  const kept = new Positions(
    { name: 't', variables: ['x'], keep: [0], watched: [], code: [call(one, [], 0)] },
    new Graphs()
  )
  expect(kept.ended(kept.start)).toBe(true)
})

it('a loop without a step is found', () => {
  expect(() => new Positions({ name: 'spin', variables: [], code: [{ op: 'jump', to: 0 }] }, new Graphs())).toThrow(
    'loops without a step'
  )
})

it('a walk names the functions a step is in', () => {
  const { a } = fields()
  function set_memory_encrypted(): boolean {
    return tryWrite(a, 0, 1)
  }
  function dma_direct_free(): number {
    choose('which', 2)
    return set_memory_encrypted() ? 1 : 0
  }
  const w = new Walk({
    name: 't',
    variables: ['r'],
    code: [call(() => dma_direct_free(), [], 0, 'dma_free_coherent(nic, buf)')]
  })
  expect(w.site()).toEqual(['dma_direct_free'])
  w.advance(1)
  expect(w.site()).toEqual(['set_memory_encrypted', 'dma_direct_free'])
  expect(w.at()?.statement).toBe('dma_free_coherent(nic, buf)')
  w.advance(1)
  expect(w.at()).toBeNull()
  expect(w.passed).toEqual([{ pc: 0, text: 'dma_free_coherent(nic, buf)', value: 1 }])
  expect(w.local(0)).toBe(1)
})

it('stacks of other engines', () => {
  expect(
    siteOf(
      'step@x.js:1:2\nwrite@x.js:3:4\nset_memory@x.js:5:6\ndma_free@x.js:7:8\nrunStatement@x.js:9:1\nreplay@x.js:1:1'
    )
  ).toEqual(['set_memory', 'dma_free'])
  expect(
    siteOf(
      'Error\n    at Recorder.step (f.mjs:1:2)\n    at step (f.mjs:1:2)\n    at write2 (f.mjs:1:2)\n    at ' +
        'dma_free (f.mjs:3:4)\n    at f.mjs:5:6\n    at runStatement (f.mjs:7:8)'
    )
  ).toEqual(['dma_free'])
})

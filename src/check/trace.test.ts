import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import {
  type Instr,
  Interned,
  Layout,
  moment,
  numbers,
  parseSchedule,
  type Program,
  read,
  Run,
  runSchedule,
  scheduleText,
  type Store,
  type Turn,
  write
} from '../step/index.ts'
import { modelOf, shape, sharedParts } from '../../test/engine/random-model.ts'
import { xlModel } from '../../bench/models/xl.ts'
import type { Model } from './model.ts'
import { explore, type Found } from './search.ts'
import { traceOf, traceTo } from './trace.ts'
import { act } from '../../test/engine/act.ts'
import { runs } from '../../test/runs.ts'

const call = (fn: (...args: number[]) => number, text = 'call', dst = -1): Instr => ({
  op: 'call',
  fn,
  args: [],
  dst,
  text
})
const thread = (name: string, code: readonly Instr[], more: Partial<Program> = {}): Program => ({
  name,
  variables: [],
  code,
  ...more
})

class OneStore implements Store {
  readonly u32: Uint32Array
  readonly u8: Uint8Array
  run: Run | null = null
  fatal = false
  constructor(model: Model, start = 0) {
    this.u32 = new Uint32Array(model.layout.totalWords)
    this.u8 = new Uint8Array(this.u32.buffer)
    model.starts[start]?.init(this)
  }
  local(t: number, v: number): number {
    return this.run?.local(t, v) ?? 0
  }
  finding(f: { fatal?: boolean }): void {
    if (f.fatal) this.fatal = true
  }
}

function runOf(model: Model, start = 0): { run: Run; store: OneStore } {
  const store = new OneStore(model, start)
  const run = new Run(model.programs, store, model.starts[start]?.locals)
  store.run = run
  return { run, store }
}

describe('traces', () => {
  const layout = new Layout()
  const a = layout.field('a', { max: 2, values: ['none', 'private', 'shared'] })
  const owner = new Interned<string>(layout, 'owner', 'nobody', (v) => v)
  const give = (): number => {
    write(a, 0, 2)
    act(
      'give',
      () => 'owner = nic',
      (st) => {
        owner.set(st, 'nic')
        return 0
      },
      { results: [0], silent: true }
    )
    moment('doorbell')
    return 7
  }
  const model: Model = {
    layout,
    programs: [thread('os', [call(give, 'r = give(nic)', 0)], { variables: ['r'], keep: [0] })],
    starts: [{ init: () => {} }]
  }

  it('say what a step changed, by fields and by components', () => {
    const r = explore(model)
    const plain = traceTo(r, r.states - 1)
    expect(plain.steps[0]?.changed).toEqual([
      { what: 'a', before: 'none', after: 'shared' },
      { what: 'owner', before: '0', after: '1' }
    ])
    const told = traceTo(r, r.states - 1, {
      describe: (what, b, e) => [{ what, before: owner.value(b), after: owner.value(e) }]
    })
    expect(told.steps[0]?.changed[1]).toEqual({ what: 'owner', before: 'nobody', after: 'nic' })
    expect(told.steps[0]?.accesses.map((x) => [x.text, x.silent])).toEqual([
      ['a = shared', false],
      ['owner = nic', true]
    ])
    expect(told.steps[1]).toMatchObject({
      name: 'os',
      text: 'doorbell',
      statement: 'r = give(nic)',
      passed: [{ text: 'r = give(nic)', value: 7 }]
    })
    expect(told.end.local(0, 0)).toBe(7)
  })

  it('a function that depends on more than its results is caught', () => {
    let calls = 0
    const odd = (): number => {
      write(a, 0, 1)
      write(a, 0, calls++ > 40 ? 2 : 0)
      return 0
    }
    const r = explore({ ...model, programs: [thread('os', [call(odd)])] })
    calls = 100
    expect(() => traceTo(r, r.states - 1)).toThrow('invariant broken')
  })

  it('actions that notice something before they block have noticed nothing', () => {
    const wait = (): number => {
      act(
        'wait',
        () => 'wait',
        (st) => {
          if (a.get(st) === 0) {
            st.finding({ property: 'crash', site: '', decision: '', summary: '' })
            a.set(st, 2)
            return -0x40000000
          }
          return 0
        },
        { results: [0] }
      )
      return 0
    }
    const set = (): number => {
      write(a, 0, 1)
      return 0
    }
    const r = explore({ ...model, programs: [thread('x', [call(wait)]), thread('y', [call(set)])] })
    expect(r.findings).toEqual([])
    expect([...sharedParts(r)]).toEqual(['0,0', '1,0'])
  })

  it('the beginning of a statement is not mistaken for the middle of another that goes on alike', () => {
    const f = (v: number): number => {
      if (v > 1) moment('first')
      act(
        's',
        () => 's',
        () => 0,
        { results: [0], silent: true }
      )
      moment('last')
      return 0
    }
    const at = (v: number): Instr => ({
      op: 'call',
      fn: f as (...x: number[]) => number,
      args: [v],
      dst: -1,
      text: `f(${v})`
    })
    // One pc, two arguments: the loop runs f(2), then f(1).
    const twice = thread(
      'x',
      [
        { op: 'call', fn: () => 2, args: [], dst: 0, text: 'v = 2' },
        { ...at(0), args: [{ v: 0 }] } as Instr,
        { op: 'call', fn: (v) => (v as number) - 1, args: [{ v: 0 }], dst: 0, text: 'v--' },
        { op: 'branch', v: 0, yes: 1, no: 4 }
      ],
      { variables: ['v'] }
    )
    const r = explore({ ...model, programs: [twice] })
    expect(r.transitions).toBe(3)
    expect(traceTo(r, 3).steps.map((s) => s.accesses.map((x) => x.text).join('+'))).toEqual([
      'first+s',
      'last',
      's+last'
    ])
  })
})

describe('schedules', () => {
  const names = ['os', 'admin']
  it('are seeds or lists of threads', () => {
    expect(parseSchedule('42', names)).toEqual({ ok: true, value: { seed: 42 } })
    expect(parseSchedule('os,admin:1 0', names)).toEqual({
      ok: true,
      value: { turns: [{ thread: 0 }, { thread: 1, outcome: 1 }, { thread: 0 }] }
    })
    expect(parseSchedule('os*2,admin:1*2', names)).toEqual({
      ok: true,
      value: { turns: [{ thread: 0 }, { thread: 0 }, { thread: 1, outcome: 1 }, { thread: 1, outcome: 1 }] }
    })
    expect(
      scheduleText([
        { name: 'os', outcome: 0 },
        { name: 'os', outcome: 0 },
        { name: 'admin', outcome: 1 },
        { name: 'os', outcome: 0 }
      ])
    ).toBe('os*2,admin:1,os')
    for (const bad of ['4294967296', '99999999999999999999', 'os*0', 'os*9999999', 'os:x', '-1'])
      expect(parseSchedule(bad, names).ok, bad).toBe(false)
    expect(parseSchedule('os,admn', names)).toMatchObject({ ok: false, error: { word: 'admn', nearest: ['admin'] } })
  })

  it('one seed gives one run', () => {
    const n = numbers(7)
    expect([n(), n(), n()]).toEqual([
      numbers(7)(),
      ...(() => {
        const m = numbers(7)
        m()
        return [m(), m()]
      })()
    ])
    const texts = (seed: number): string[] => {
      const { model } = xlModel('s3')
      const out: string[] = []
      const { run } = runOf(model)
      const end = runSchedule(run, {
        schedule: { seed },
        onTurn: (t) => out.push(`${t.thread} ${t.accesses.map((x) => x.action.text(x.result, x.outcome)).join('+')}`)
      })
      expect(end.end).toBe('final')
      return out
    }
    expect(texts(1)).toEqual(texts(1))
    expect(new Set([1, 2, 3, 4].map((s) => texts(s).join())).size).toBeGreaterThan(1)
  })

  it('a thread that cannot move is passed over, and said; a deadlock and a limit are ends', () => {
    const layout = new Layout()
    const lock = layout.field('lock', { max: 1 })
    const take = (): number => {
      act(
        'take',
        () => 'take',
        (st) => {
          if (lock.get(st) !== 0) return -0x40000000
          lock.set(st, 1)
          return 0
        },
        { results: [0] }
      )
      return 0
    }
    const model: Model = {
      layout,
      programs: [thread('x', [call(take)]), thread('y', [call(take)])],
      starts: [{ init: () => {} }]
    }
    expect(
      runSchedule(runOf(model).run, { schedule: { turns: [{ thread: 1 }, { thread: 0 }, { thread: 1 }] } })
    ).toEqual({ end: 'deadlock', turns: 1, skipped: [1, 2] })
    const spin: Model = {
      layout,
      programs: [thread('x', [call(() => read(lock)), { op: 'jump', to: 0 }])],
      starts: [{ init: () => {} }]
    }
    expect(runSchedule(runOf(spin).run, { schedule: { seed: 1 }, maxTurns: 10 })).toEqual({
      end: 'limit',
      turns: 10,
      skipped: []
    })
  })

  it("a trace's schedule replays it", () => {
    const { model, kernel } = xlModel('s1')
    const found = [{ property: 'exposed' as const, site: '', decision: '', summary: '' }]
    const r = explore(model, { onState: (st) => (kernel.exposed(st) ? found : null) })
    const t = traceOf(r, r.findings[0] as Found)
    const parsed = parseSchedule(
      t.schedule,
      model.programs.map((p) => p.name)
    )
    if (!parsed.ok) throw new Error(parsed.error.message)
    const again = xlModel('s1')
    const { run, store } = runOf(again.model)
    let turns = 0
    runSchedule(run, {
      schedule: parsed.value,
      stop: () => kernel.exposed(store),
      onTurn: () => {
        turns++
      }
    })
    expect([...store.u32]).toEqual([...t.end.u32])
    expect(turns).toBe(t.steps.length)
  })

  it('every run goes through states that the search has', () => {
    fc.assert(
      fc.property(shape, fc.nat(1000), (s, seed) => {
        const model = modelOf(s)
        const x = explore(model, { maxStates: 20_000 })
        if (!x.complete) return
        const states = sharedParts(x)
        const { run, store } = runOf(model)
        const onTurn = (t: Turn): void => {
          if (!t.blocked && !store.fatal) expect(states).toContain(store.u32.join())
        }
        const end = runSchedule(run, { schedule: { seed }, maxTurns: 200, stop: () => store.fatal, onTurn })
        if (end.end === 'final') expect(x.finals).toBeGreaterThan(0)
        if (end.end === 'deadlock') expect(x.deadlocks).toBeGreaterThan(0)
      }),
      { numRuns: runs(400) }
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import {
  type Field,
  type Finding,
  type Instr,
  Layout,
  peek,
  poke,
  type Program,
  read,
  rmwBit,
  spin_lock,
  spin_unlock,
  write
} from '../step/index.ts'
import { KNOWN, xlModel } from '../../bench/models/xl.ts'
import { modelOf, sameAsReference, shape, sharedParts } from '../../test/engine/random-model.ts'
import { cdma } from '../../bench/models/cdma.ts'
import type { Model } from './model.ts'
import { explore, type Exploration, type ExploreOptions } from './search.ts'
import { traceOf, traceTo } from './trace.ts'
import { act } from '../../test/engine/act.ts'
import { runs } from '../../test/runs.ts'

const call = (
  fn: (...args: number[]) => number,
  text = 'call',
  dst = -1,
  args: Array<number | { v: number }> = []
): Instr => ({ op: 'call', fn, args, dst, text })
const thread = (name: string, code: readonly Instr[], more: Partial<Program> = {}): Program => ({
  name,
  variables: [],
  code,
  ...more
})
const nothing = { init: () => {} }

describe("the study's sets", () => {
  for (const set of ['s1', 's2', 's3', 'm']) {
    it(`${set}: the least states, and no more than by hand`, () => {
      const { model } = xlModel(set)
      const r = explore(model)
      expect(r.complete).toBe(true)
      expect(r.states).toBe(KNOWN[set]?.least)
      expect(r.states).toBeLessThanOrEqual(KNOWN[set]?.hand ?? 0)
    })
  }

  it('lazy positions reach the same shared states, in more states', () => {
    const eager = explore(xlModel('s2').model)
    const lazy = explore(xlModel('s2').model, { graph: { budget: 0 } })
    expect(lazy.states).toBe(568)
    expect(sharedParts(lazy)).toEqual(sharedParts(eager))
  })
})

it('the cdma model has the counts of its Promela twin', () => {
  const { model, options } = cdma({ pages: 4, buffers: 2 })
  const r = explore(model, options)
  expect([r.states, r.transitions, r.complete, r.findings.length]).toEqual([10929, 38239, true, 0])
})

it("the cdma model's two bugs are found by shortest ways", () => {
  // The peer's 13 and 8 steps are those before the look that reads and the access that faults; ours has no look, and
  // the faulting access is a move.
  const free = cdma({ pages: 4, buffers: 2, bug: 'free' })
  const a = explore(free.model, free.options)
  expect(a.findings.map((f) => [f.finding.property, f.length])).toContainEqual(['exposed', 13])
  const drain = cdma({ pages: 4, buffers: 2, bug: 'drain' })
  const b = explore(drain.model, drain.options)
  expect(b.findings.map((f) => [f.finding.property, f.length])).toContainEqual(['fault', 9])
  const t = traceOf(b, b.findings[0] as Exploration['findings'][number])
  expect(t.steps).toHaveLength(9)
  expect(t.steps[8]?.findings[0]?.property).toBe('fault')
  expect(t.schedule.split(',').reduce((n, w) => n + Number(/\*(\d+)$/.exec(w)?.[1] ?? 1), 0)).toBe(9)
})

describe('small cases', () => {
  it('two threads, two writes: four states and a final one', () => {
    const l = new Layout()
    const [a, b] = [l.field('a', { max: 1 }), l.field('b', { max: 1 })]
    const r = explore({
      layout: l,
      starts: [nothing],
      programs: [
        thread('x', [
          call(() => {
            write(a, 0, 1)
            return 0
          })
        ]),
        thread('y', [
          call(() => {
            write(b, 0, 1)
            return 0
          })
        ])
      ]
    })
    expect([r.states, r.transitions, r.finals, r.deadlocks, r.depth]).toEqual([4, 4, 1, 0, 2])
  })

  it('locks taken in opposite order: a deadlock, and a way without', () => {
    const l = new Layout()
    const [a, b] = [l.field('a.lock', { max: 1 }), l.field('b.lock', { max: 1 })]
    const both = (p: Field, q: Field) => (): number => {
      spin_lock(p)
      spin_lock(q)
      spin_unlock(q)
      spin_unlock(p)
      return 0
    }
    const r = explore({
      layout: l,
      starts: [nothing],
      programs: [thread('x', [call(both(a, b))]), thread('y', [call(both(b, a))])]
    })
    expect([r.deadlocks, r.finals]).toEqual([1, 1])
    expect(r.findings.map((f) => f.finding.property)).toEqual(['deadlock'])
    expect(r.findings[0]?.finding.summary).toBe('no thread can go on: x at lock b.lock; y at lock a.lock')
    expect(r.findings[0]?.length).toBe(2)
  })

  it('a lost update of a bitfield is found with its shortest way, and named by its functions', () => {
    const l = new Layout()
    const bits = l.field('dev.bits', { max: 3 })
    function set_accepted(): number {
      rmwBit(bits, 0, 1, true, 'device', 'shared_byte')
      return 0
    }
    function set_removable(): number {
      rmwBit(bits, 0, 2, true, 'device', 'shared_byte')
      return 0
    }
    const r = explore({
      layout: l,
      starts: [nothing],
      programs: [
        thread('tsm', [call(() => set_accepted(), 'tsm_accept(nic)')]),
        thread('pci', [call(() => set_removable(), 'bind(nic)')])
      ]
    })
    const found = r.findings.find((f) => f.finding.property === 'lost_update')
    expect(found?.length).toBe(4)
    if (found === undefined) return
    const t = traceOf(r, found)
    expect(t.steps.map((s) => `${s.name}: ${s.text} (${s.site.join(' < ')})`)).toEqual([
      'tsm: dev.bits is 0 (set_accepted)',
      'pci: dev.bits is 0 (set_removable)',
      'tsm: dev.bits = 1 (read before: 0) (set_accepted)',
      'pci: dev.bits = 2 (read before: 0) (set_removable)'
    ])
    expect(t.steps[2]?.changed).toEqual([{ what: 'dev.bits', before: '0', after: '1' }])
    expect(t.steps[2]?.passed).toEqual([{ pc: 0, text: 'tsm_accept(nic)', value: 0 }])
  })

  it('after a fatal finding nothing follows; after another the search goes on', () => {
    const l = new Layout()
    const a = l.field('a', { max: 1 })
    for (const fatal of [true, false]) {
      const oops = (): number => {
        act(
          'oops',
          () => 'oops',
          (st) => {
            st.finding({ property: 'crash', site: 's', decision: '', summary: '', fatal })
            return 0
          },
          { results: [0] }
        )
        write(a, 0, 1)
        return 0
      }
      const r = explore({ layout: l, starts: [nothing], programs: [thread('x', [call(oops)])] })
      expect([r.states, r.transitions, r.finals, r.findings.length]).toEqual(fatal ? [1, 1, 0, 1] : [3, 2, 1, 1])
      expect(r.deadlocks).toBe(0)
      expect(traceOf(r, r.findings[0] as Exploration['findings'][number]).steps).toHaveLength(1)
    }
  })

  it('what a state hook calls fatal is not expanded', () => {
    const l = new Layout()
    const a = l.field('a', { max: 2 })
    const r = explore(
      {
        layout: l,
        starts: [nothing],
        programs: [
          thread('x', [
            call(() => {
              write(a, 0, 1)
              write(a, 0, 2)
              return 0
            })
          ])
        ]
      },
      {
        onState: (st) =>
          a.get(st) === 1 ? [{ property: 'exposed', site: '', decision: '', summary: '', fatal: true }] : null
      }
    )
    expect([r.states, r.finals]).toEqual([2, 0])
  })

  it("a wait reads another thread's variable; the assignment is a step of its own", () => {
    const l = new Layout()
    const a = l.field('a', { max: 1 })
    const waits = (): number => {
      act(
        'wait',
        () => 'wait (x.go == 1)',
        (st) => (st.local(0, 0) === 1 ? 0 : -0x40000000),
        { results: [0] }
      )
      write(a, 0, 1)
      return 0
    }
    const programs = [
      thread('x', [call(() => 1, 'go = 1', 0)], { variables: ['go'], keep: [0] }),
      thread('y', [call(waits)])
    ]
    const r = explore({ layout: l, starts: [nothing], programs })
    expect([r.states, r.finals]).toEqual([4, 1])
    expect(traceTo(r, 3).steps.map((s) => s.text)).toEqual(['go = 1', 'wait (x.go == 1)', 'a = 1'])
    const never = explore({
      layout: l,
      starts: [nothing],
      programs: [thread('x', [], { variables: ['go'], keep: [0] }), thread('y', [call(waits)])]
    })
    expect([never.finals, never.deadlocks]).toEqual([0, 1])
  })

  it('silent actions go with the step before; at the start of a statement with the first step', () => {
    const l = new Layout()
    const [a, b] = [l.field('a', { max: 3 }), l.field('b', { max: 3 })]
    const f = (): number => {
      poke(a, 0, 1)
      write(b, 0, 1)
      poke(a, 0, 2)
      poke(a, 0, 3)
      write(b, 0, 2)
      return peek(a)
    }
    const r = explore({ layout: l, starts: [nothing], programs: [thread('x', [call(f), call(f)])] })
    expect(r.states).toBe(5)
    expect(r.transitions).toBe(4)
    const end = traceTo(r, 4)
    expect(end.steps.map((s) => s.accesses.map((x) => x.text).join('; '))[0]).toBe('a = 1; b = 1; a = 2; a = 3')
    const only = explore({
      layout: l,
      starts: [nothing],
      programs: [
        thread('x', [
          call(() => {
            poke(a, 0, 1)
            poke(b, 0, 1)
            return 0
          })
        ])
      ]
    })
    expect([only.states, only.transitions, only.finals]).toEqual([2, 1, 1])
  })

  it('whole calls interleave only where they block', () => {
    const l = new Layout()
    const [a, lock] = [l.field('a', { max: 3 }), l.field('lock', { max: 1 })]
    const add = (): number => {
      const v = read(a)
      write(a, 0, Math.min(3, v + 1))
      return 0
    }
    const programs = [thread('x', [call(add)]), thread('y', [call(add)])]
    const seen = (o: ExploreOptions): number[] => {
      const out = new Set<number>()
      explore(
        { layout: l, starts: [nothing], programs },
        {
          ...o,
          onFinal: (st) => {
            out.add(a.get(st))
            return null
          }
        }
      )
      return [...out].sort()
    }
    expect(seen({})).toEqual([1, 2])
    expect(seen({ interleave: 'calls' })).toEqual([2])
    const hold = (): number => {
      spin_lock(lock)
      return 0
    }
    const release = (): number => {
      spin_unlock(lock)
      return 0
    }
    const r = explore(
      {
        layout: l,
        starts: [nothing],
        programs: [
          thread('x', [call(hold), call(add), call(release)]),
          thread('y', [
            call(() => {
              write(a, 0, 3)
              spin_lock(lock)
              write(a, 0, 0)
              spin_unlock(lock)
              return 0
            })
          ])
        ]
      },
      { interleave: 'calls' }
    )
    expect(r.finals).toBeGreaterThan(0)
    expect(r.deadlocks).toBe(0)
  })

  it(
    'a choice on conditions: what the variables forbid is no outcome, what the state forbids waits, and a loop ' +
      'ends nowhere',
    () => {
      const l = new Layout()
      const [a, door] = [l.field('a', { max: 3 }), l.field('door', { max: 1 })]
      const code: Instr[] = [
        {
          op: 'choose',
          targets: [1, 3],
          text: 'next',
          when: { reads: [0], of: ([n = 0]) => [n < 2 && ((st) => door.get(st) === 1), n >= 2] }
        },
        call(
          (n) => {
            write(a, 0, Math.max(0, n as number) + 1)
            return Math.max(0, n as number) + 1
          },
          'n++',
          0,
          [{ v: 0 }]
        ),
        { op: 'jump', to: 0 }
      ]
      const counter = thread('c', code, { variables: ['n'] })
      const shut = explore({ layout: l, starts: [nothing], programs: [counter] })
      expect([shut.states, shut.finals, shut.deadlocks]).toEqual([1, 0, 1])
      expect(shut.findings[0]?.finding.summary).toBe('no thread can go on: c at next')
      const open = explore({
        layout: l,
        starts: [nothing],
        programs: [
          counter,
          thread('d', [
            call(() => {
              write(door, 0, 1)
              return 0
            })
          ])
        ]
      })
      expect([open.states, open.finals, open.deadlocks]).toEqual([7, 1, 0])
      for (const interleave of ['steps', 'calls'] as const) {
        const forever = thread('l', [
          { op: 'choose', targets: [1], text: 'next', when: { reads: [], of: () => [true] } },
          call(() => {
            write(a, 0, 1 - read(a))
            return 0
          }),
          { op: 'jump', to: 0 }
        ])
        const r = explore({ layout: l, starts: [nothing], programs: [forever] }, { interleave })
        expect([r.complete, r.finals, r.deadlocks]).toEqual([true, 0, 0])
      }
    }
  )

  it('a finding counts as what it is judged to be: nothing, or the end of the run', () => {
    const l = new Layout()
    const a = l.field('a', { max: 2 })
    const say = (n: number): number =>
      act(
        `say${n}`,
        () => 'say',
        (st) => {
          st.finding({ property: 'assert', site: `${n}`, decision: '', summary: '' })
          return 0
        },
        { results: [0] }
      )
    const model: Model = {
      layout: l,
      starts: [nothing],
      programs: [
        thread('x', [
          call(() => {
            say(1)
            write(a, 0, 1)
            say(2)
            write(a, 0, 2)
            return 0
          })
        ])
      ]
    }
    const seen = (judge: ExploreOptions['judge']): unknown[] => {
      const r = explore(model, judge === undefined ? {} : { judge })
      return [r.findings.map((f) => f.finding.site), r.finals]
    }
    expect(seen(undefined)).toEqual([['1', '2'], 1])
    expect(seen((f) => (f.site === '1' ? null : f))).toEqual([['2'], 1])
    expect(seen((f) => ({ ...f, fatal: true }))).toEqual([['1'], 0])
    expect(seen((f) => (f.site === '1' ? null : { ...f, fatal: true }))).toEqual([['2'], 0])
  })

  it('a limit is said', () => {
    const r = explore(xlModel('s3').model, { maxStates: 1000 })
    expect([r.complete, r.states]).toEqual([false, 1000])
    let asked = 0
    const m = explore(xlModel('m').model, {
      onProgress: () => {
        asked++
        return false
      }
    })
    expect([m.complete, asked]).toEqual([false, 1])
    expect(explore(xlModel('s1').model, { maxStates: 282 }).complete).toBe(true)
  })

  it('several starts, with variables of their own', () => {
    const l = new Layout()
    const a = l.field('a', { max: 9 })
    const model: Model = {
      layout: l,
      programs: [
        thread(
          'x',
          [
            call(
              (v) => {
                write(a, 0, v as number)
                return 0
              },
              'call',
              -1,
              [{ v: 0 }]
            )
          ],
          { variables: ['v'] }
        )
      ],
      starts: [
        { init: () => {}, locals: [[5]] },
        { init: (st) => a.set(st, 1), locals: [[7]] }
      ]
    }
    const ends: number[] = []
    const r = explore(model, {
      onFinal: (st) => {
        ends.push(a.get(st))
        return [{ property: 'reached', site: `${a.get(st)}`, decision: '', summary: '' }]
      }
    })
    expect(ends).toEqual([5, 7])
    const t = traceOf(r, r.findings.find((f) => f.finding.site === '7') as Exploration['findings'][number])
    expect([t.start, t.steps[0]?.text]).toEqual([1, 'a = 7'])
  })

  it('positions grow from one byte to two and four', () => {
    const l = new Layout()
    const [a, b] = [l.field('a', { max: 1 }), l.field('b', { max: 1 })]
    for (const [n, others] of [
      [300, 1],
      [300, 4],
      [70_000, 1]
    ] as const) {
      const count = (v: number): number => {
        write(a, 0, v & 1)
        return v + 1
      }
      const counter = thread(
        'c',
        [
          call(() => 0, 'n = 0', 0),
          call(count as (...x: number[]) => number, 'n++', 0, [{ v: 0 }]),
          call((v) => ((v as number) < n ? 1 : 0), 'n < N', 1, [{ v: 0 }]),
          { op: 'branch', v: 1, yes: 1, no: 4 }
        ],
        { variables: ['n', 'm'], keep: [0], watched: [] }
      )
      const flip = (i: number): Program =>
        thread(`f${i}`, [
          call(() => {
            write(b, 0, i & 1)
            return 0
          })
        ])
      const r = explore(
        { layout: l, starts: [nothing], programs: [counter, ...Array.from({ length: others }, (_, i) => flip(i))] },
        {
          onFinal: (st) =>
            st.local(0, 0) === n ? null : [{ property: 'reached', site: '', decision: '', summary: '' }]
        }
      )
      expect(r.findings).toEqual([])
      expect(r.finals).toBeGreaterThan(0)
      expect(r.depth).toBe(n + others)
      if (others === 1) expect(r.states).toBe((n + 1) * 2)
    }
  })
})

it('the search is its slow twin, eager or lazy, by steps or by calls', () => {
  fc.assert(
    fc.property(shape, fc.constantFrom('steps' as const, 'calls' as const), (s, interleave) =>
      sameAsReference(s, interleave, 200)
    ),
    { numRuns: runs(300) }
  )
})

it(
  'going on behind findings shows what runs from the start show, each with the known ones muted, until nothing is ' +
    'new',
  () => {
    fc.assert(
      fc.property(shape, fc.constantFrom('steps' as const, 'calls' as const), (s, interleave) => {
        const key = (f: Finding): string => `${f.property}|${f.site}`
        const onState: ExploreOptions['onState'] = (st) =>
          st.u8[0] === 1 && st.u8[1] === 2 ? [{ property: 'exposed', site: 'state', decision: '', summary: '' }] : null
        const searched = (muted: ReadonlySet<string>, more: ExploreOptions = {}): Exploration =>
          explore(modelOf(s), {
            interleave,
            key,
            onState,
            onDeadlock: () => null,
            maxStates: 3000,
            judge: (f) => (muted.has(key(f)) ? null : { ...f, fatal: true }),
            ...more
          })
        const muted = new Set<string>()
        const once = searched(muted, {
          again: (found) => {
            const n = muted.size
            for (const f of found) muted.add(f.key)
            return muted.size > n
          }
        })
        const known = new Set<string>()
        for (let complete = true, n = -1; complete && known.size > n; ) {
          n = known.size
          const r = searched(new Set(known))
          for (const f of r.findings) known.add(f.key)
          complete = r.complete
          fc.pre(complete)
        }
        fc.pre(once.complete)
        expect(new Set(once.findings.map((f) => f.key))).toEqual(known)
      }),
      { numRuns: runs(60) }
    )
  }
)

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { some } from '../../test/runs.ts'
import { type Call, carryOut, DRAM_BASE, hangOf, type LockStep, lockSteps, Rmm2 } from '../machine/rmm/index.ts'
import { huntFirmware } from './rmm-hangs.ts'
import { isDiagnostic, newSession, perform } from './rmm-commands.ts'

const g = (n: number): number => DRAM_BASE + n * 4096
const RD = g(8)

function realm(): Rmm2 {
  const m = new Rmm2({ measure: false, dram: { base: DRAM_BASE, granules: 2048 }, dev: { base: 0, granules: 0 } })
  for (const n of [2, 8, 16, 17, 30, 31, 40, 41, ...Array.from({ length: 512 }, (_, i) => 512 + i)])
    m.granuleRangeDelegate(g(n), g(n + 1))
  expect(
    m.realmCreate(RD, { params: g(100), geo: { s2sz: 40, start: 1, num: 2 }, rttBase: g(16), algo: 0, vmid: 0 })
  ).toBe(0)
  expect([m.rttCreate(RD, g(30), 0, 2), m.rttCreate(RD, g(31), 0, 3)]).toEqual([0, 0])
  return m
}
const map = (base: number, pa: number, level = 3): Call => ({
  name: 'RTT_DATA_MAP',
  rd: RD,
  base,
  top: base + (level === 3 ? 4096 : 2 ** 21),
  desc: { pa, level, count: 1 }
})
const create = (rtt: number): Call => ({ name: 'RTT_CREATE', rd: RD, rtt, ipa: 0x400000, level: 3 })

test('a descriptor that names the leaf table: the recorded firmware waits for a lock it holds', () => {
  expect(hangOf(realm(), [map(0, g(31))])).toMatchObject({
    kind: 'self-deadlock',
    waiting: [{ wants: g(31), holds: [g(31)] }]
  })
  expect(hangOf(realm(), [map(0, g(40))])).toBeNull()
})

test('two CPUs: a table that is being created, and the same granule being mapped under its parent', () => {
  const h = hangOf(realm(), [create(g(600)), map(0x200000, g(512), 2)])
  expect(h?.kind).toBe('deadlock')
  expect(h?.waiting.map((w) => [w.call.name, w.wants])).toEqual([
    ['RTT_CREATE', g(30)],
    ['RTT_DATA_MAP', g(600)]
  ])
  // Each alone goes through, and in either order one after the other.
  expect([hangOf(realm(), [create(g(600))]), hangOf(realm(), [map(0x200000, g(512), 2)])]).toEqual([null, null])
  // The address decides where locks of two granules are taken lower address first.
  const init = (data: number): Call => ({ name: 'RTT_DATA_MAP_INIT', rd: RD, data, ipa: 0x1000, src: g(100) })
  expect(hangOf(realm(), [create(g(2)), init(g(2))])?.kind).toBe('deadlock')
  expect(hangOf(realm(), [create(g(40)), init(g(40))])).toBeNull()
  expect(hangOf(realm(), [map(0, g(40)), map(0x1000, g(41))])).toBeNull()
})

const call = fc.oneof(
  fc
    .record({ pa: fc.constantFrom(2, 31, 40, 600), base: fc.constantFrom(0, 0x1000, 0x200000) })
    .map(({ pa, base }) => map(base, g(pa))),
  fc.constantFrom<Call>(
    map(0x200000, g(512), 2),
    create(g(2)),
    create(g(40)),
    create(g(600)),
    { name: 'RTT_DESTROY', rd: RD, ipa: 0, level: 3 },
    { name: 'RTT_FOLD', rd: RD, ipa: 0, level: 3 },
    { name: 'RTT_DATA_UNMAP', rd: RD, base: 0, top: 2 ** 21 }
  ),
  fc.constantFrom(2, 40).map((n): Call => ({ name: 'GRANULE_RANGE_UNDELEGATE', pa: g(n) }))
)

test(
  'locks: each is given back, taken once at a time unless the command hangs itself, and held when the command ' +
    'takes effect',
  () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 4 }), call, (before, c) => {
        const m = realm()
        for (const b of before) carryOut(m, b)
        const held: number[] = []
        let commits = 0
        let twice = false
        for (const s of lockSteps(m, c)) {
          if (s.do === 'commit') commits++
          else if (s.do === 'lock') {
            if (held.includes(s.granule)) twice = true
            held.push(s.granule)
          } else {
            expect(held).toContain(s.granule)
            held.splice(held.lastIndexOf(s.granule), 1)
          }
        }
        expect([held, commits]).toEqual([[], 1])
        const hang = hangOf(m, [c])
        expect(hang !== null).toBe(twice)
        // What hangs by its locks is what the model of the command says too.
        const copy = m.clone()
        carryOut(copy, c)
        expect(copy.stop?.kind === 'self-deadlock').toBe(twice)
      }),
      { numRuns: 30 }
    )
  }
)

function heldAfter(p: readonly LockStep[], steps: number): Set<number> {
  const held = new Set<number>()
  for (const s of p.slice(0, steps)) {
    if (s.do === 'lock') held.add(s.granule)
    else if (s.do === 'unlock') held.delete(s.granule)
  }
  return held
}

/**
 * The slow twin of hangOf: every interleaving of the two programs, step by step, nothing skipped, as long as the state
 * does not change.
 */
function hangsSlowly(m: Rmm2, a: Call, b: Call): boolean {
  const programs = [lockSteps(m, a), lockSteps(m, b)] as const
  const upTo = programs.map((p) => p.findIndex((s) => s.do === 'commit'))
  const seen = new Set<string>()
  const go = (at: readonly [number, number]): boolean => {
    const key = at.join()
    if (seen.has(key)) return false
    seen.add(key)
    const held = programs.map((p, i) => heldAfter(p, at[i] ?? 0))
    let waits = 0
    let hang = false
    for (const i of [0, 1] as const) {
      const s = programs[i][at[i]]
      if (s === undefined || at[i] >= (upTo[i] ?? 0)) continue
      if (s.do === 'lock' && (held[0]?.has(s.granule) === true || held[1]?.has(s.granule) === true)) waits++
      else hang ||= go(i === 0 ? [at[0] + 1, at[1]] : [at[0], at[1] + 1])
    }
    return hang || waits === 2
  }
  return go([0, 0])
}

test('the search that skips what nobody notices finds what the one that skips nothing finds', () => {
  const m = realm()
  const small = [
    map(0, g(40)),
    map(0x1000, g(2)),
    create(g(2)),
    create(g(40)),
    { name: 'RTT_DATA_MAP_INIT', rd: RD, data: g(2), ipa: 0x1000, src: g(100) } as const,
    { name: 'RTT_DESTROY', rd: RD, ipa: 0, level: 3 } as const,
    { name: 'GRANULE_RANGE_UNDELEGATE', pa: g(2) } as const,
    map(0x200000, g(512), 2),
    create(g(600))
  ]
  // a pair that is known to hang stands among them in any case
  const pairs = [
    ...some(small.flatMap((a) => small.map((b) => [a, b] as const))),
    [create(g(600)), map(0x200000, g(512), 2)]
  ]
  let hangs = 0
  for (const [a, b] of pairs as ReadonlyArray<readonly [Call, Call]>) {
    if (!hangsSlowly(m, a, b)) continue
    hangs++
    expect([a, b, hangOf(m, [a, b])?.kind]).toEqual([a, b, 'deadlock'])
  }
  expect(hangs).toBeGreaterThan(0)
})

test(
  'the firmware as the subject: each finding is a sequence the model carries out up to ' + 'where the firmware stops',
  () => {
    const { hazards, alone, pairs } = huntFirmware()
    expect(hazards.map((h) => h.identity)).toEqual([
      'self-deadlock: RTT_DATA_MAP holds table, wants table',
      'deadlock: RTT_CREATE holds granule+table, wants table; RTT_DATA_MAP holds table, wants granule',
      'deadlock: RTT_CREATE holds granule, wants RD; RTT_DATA_MAP_INIT holds RD+table, wants granule',
      'assertion: RTT_DATA_MAP: the walk starts at level 2, below the level asked for',
      'deadlock: RTT_CREATE holds RD+granule, wants table; RTT_DATA_MAP holds table, wants granule'
    ])
    expect([alone > 20, pairs > 150]).toEqual([true, true])
    for (const h of hazards) {
      const s = newSession({ generation: '2.0', granules: 2048 })
      for (const line of h.preparation.slice(3)) {
        const a = perform(s, line, { file: 'hazard', line: 0, where: line })
        expect([line, isDiagnostic(a) ? a.message : (a.status ?? a.failures)]).toEqual([
          line,
          isDiagnostic(a) ? '' : a.failures === undefined ? 'SUCCESS' : 0
        ])
      }
      const a = perform(s, h.commands[0] ?? '', { file: 'hazard', line: 0, where: '' })
      expect(isDiagnostic(a)).toBe(false)
      if (!isDiagnostic(a)) expect(a.stop !== undefined).toBe(h.commands.length === 1)
    }
  }
)

test(
  'a finding is minimal: without any one of its commands the firmware answers; ' + 'recordings given stand beside it',
  () => {
    const stops = (lines: readonly string[]): boolean => {
      const s = newSession({ generation: '2.0', granules: 2048 })
      return lines.some((line) => {
        const a = perform(s, line, { file: 'hazard', line: 0, where: line })
        return !isDiagnostic(a) && a.stop !== undefined
      })
    }
    const recorded = [
      {
        firmware: 'tf-rmm-9a7f8ef4',
        sequence: 'seed 1',
        cmd: 'RTT_DATA_MAP g0 0x0 0x1000 g2/3*1',
        stop: 'self-deadlock: it waits',
        status: 'ERROR_INPUT'
      },
      {
        firmware: 'v0.8.0',
        sequence: 'seed 2',
        cmd: 'RTT_UNMAP_UNPROTECTED g0 0x0 1',
        stop: 'assertion: the walk',
        status: 'ERROR_INPUT'
      }
    ]
    const single = huntFirmware({ sequences: 7, stops: recorded }).hazards.filter((h) => h.commands.length === 1)
    for (const h of single) {
      const lines = [...h.preparation.slice(3), ...h.commands]
      expect([h.identity, stops(lines), ...lines.map((_, i) => stops(lines.filter((_line, k) => k !== i)))]).toEqual([
        h.identity,
        true,
        ...lines.map(() => false)
      ])
    }
    expect(single.map((h) => h.recorded)).toEqual([
      'recorded: 1 of 7 sequences ends at such a command, the first seed 1 at RTT_DATA_MAP g0 0x0 0x1000 g2/3*1: ' +
        'no answer',
      'recorded: none of 7 sequences ends at such a command'
    ])
  }
)

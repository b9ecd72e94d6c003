import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  coverage,
  DRAM_BASE,
  DEV_BASE,
  eachTable,
  Granule,
  Gpi,
  hostAccess,
  isCounted,
  Kind,
  KIND_MASK,
  levelSize,
  geometryFault,
  handlers,
  realmCpuAccess,
  Rmm1,
  Rmm2,
  rootCount,
  startLevels,
  t1Access,
  type Table
} from './index.ts'
import { runs } from '../../../test/runs.ts'

const g = (n: number): number => DRAM_BASE + n * 4096
const d = (n: number): number => DEV_BASE + n * 4096

test('geometry: the examples of the reference, and only start levels that the rule allows', () => {
  for (const [s2sz, start, num] of [
    [32, 2, 4],
    [34, 2, 16],
    [40, 1, 2],
    [42, 1, 8],
    [43, 1, 16],
    [39, 1, 1],
    [48, 0, 1]
  ] as const)
    expect(geometryFault({ s2sz, start, num })).toBeNull()
  for (let s2sz = 32; s2sz <= 48; s2sz++)
    for (const l of startLevels(s2sz)) expect(rootCount(s2sz, l)).toBeLessThanOrEqual(16)
  expect(geometryFault({ s2sz: 38, start: 0, num: 1 })).toBe('start')
  expect(geometryFault({ s2sz: 31, start: 2, num: 2 })).toBe('s2sz')
  expect(geometryFault({ s2sz: 40, start: 1, num: 1 })).toBe('num')
})

test("every command that is modelled has its method; the lists have what the handlers' tables have", () => {
  const methods = { '1.x': Rmm1.prototype, '2.0': Rmm2.prototype }
  const camel = (n: string): string => n.toLowerCase().replace(/_(\w)/g, (_, c: string) => c.toUpperCase())
  // Answered without the model: they have no effect on memory. Names of 1.x whose methods have the name of 2.0.
  const without = ['VERSION', 'FEATURES']
  const other: Record<string, string> = { VDEV_STOP: 'VDEV_UNLOCK' }
  expect([handlers['1.x'].length, handlers['2.0'].length]).toEqual([54, 70])
  for (const i of coverage) {
    expect(i.commands.filter((c) => c.modelled !== 'no').length).toBeGreaterThan(1)
    expect(new Set(i.commands.map((c) => c.name)).size).toBe(i.commands.length)
    for (const c of i.commands)
      expect([c.name, c.held === 'no', c.note !== undefined || c.modelled === 'yes']).toEqual([
        c.name,
        c.modelled === 'no',
        true
      ])
    if (i.side === 'RMI')
      for (const c of i.commands.filter((h) => !without.includes(h.name)))
        expect([c.name, camel(other[c.name] ?? c.name) in methods[i.generation]]).toEqual([c.name, c.modelled !== 'no'])
  }
})

/** A random command on a small realm: addresses near the ones in use, so that many succeed. */
const command = fc.record({
  op: fc.integer({ min: 0, max: 13 }),
  a: fc.integer({ min: 0, max: 15 }),
  ipa: fc.constantFrom(0, 0x1000, 0x1ff000, 0x200000, 0x201000, 0x40000000, 0x8000000000, 0x8000001000, 0x8000200000),
  level: fc.integer({ min: 0, max: 4 }),
  n: fc.integer({ min: 1, max: 3 })
})
type Command = { op: number; a: number; ipa: number; level: number; n: number }

function apply(m: Rmm1, c: Command): number {
  const ga = g(8 + c.a)
  switch (c.op) {
    case 0:
      return m.granuleDelegate(ga)
    case 1:
      return m.granuleUndelegate(ga)
    case 2:
      return m.rttCreate(g(0), ga, c.ipa, c.level)
    case 3:
      return m.rttDestroy(g(0), c.ipa, c.level)
    case 4:
      return m.rttFold(g(0), c.ipa, c.level)
    case 5:
      return m.dataCreateUnknown(g(0), ga, c.ipa)
    case 6:
      return m.dataCreate(g(0), ga, c.ipa, g(100), c.n & 1)
    case 7:
      return m.dataDestroy(g(0), c.ipa)
    case 8:
      return m.rttMapUnprotected(g(0), c.ipa, c.level, 0xd8)
    case 9:
      return m.rttUnmapUnprotected(g(0), c.ipa, c.level)
    case 10:
      return m.devMemMap(g(0), c.ipa, c.level, d(c.a & 3))
    case 11:
      return m.devMemUnmap(g(0), c.ipa, c.level)
    case 12:
      return m.rttInitRipas(g(0), c.ipa, c.ipa + c.n * 0x1000)
    default:
      return c.n === 3 ? m.realmActivate(g(0)) : m.granuleDelegate(d(c.a & 3))
  }
}

function fresh(): Rmm1 {
  const m = new Rmm1()
  for (const n of [0, 2, 3]) m.granuleDelegate(g(n))
  for (let n = 8; n < 16; n++) m.granuleDelegate(g(n))
  expect(
    m.realmCreate(g(0), { params: g(100), geo: { s2sz: 40, start: 1, num: 2 }, rttBase: g(2), algo: 0, vmid: 1 })
  ).toBe(0)
  m.rttCreate(g(0), g(8), 0, 2)
  m.rttCreate(g(0), g(9), 0, 3)
  return m
}

/** What must hold whatever was called: counts, owners, levels. */
function invariants(m: Rmm1): void {
  const used = new Map<number, string>()
  const own = (pa: number, who: string): void => {
    expect([pa, used.get(pa)]).toEqual([pa, undefined])
    used.set(pa, who)
  }
  for (const r of m.realms.values()) {
    own(r.rd, 'RD')
    const visit = (t: Table): void => {
      own(t.granule, 'RTT')
      let counted = 0
      for (let i = 0; i < 512; i++) {
        const e = t.kind[i] as number
        if (isCounted(e)) counted++
        const k = e & KIND_MASK
        expect(k === Kind.TABLE).toBe(t.child?.[i] !== undefined)
        if (k >= Kind.ASSIGNED_EMPTY && k <= Kind.ASSIGNED_DESTROYED)
          for (let x = 0; x < levelSize(t.level); x += 4096) own((t.pa?.[i] as number) + x, 'DATA')
        if (k >= Kind.ASSIGNED_DEV_EMPTY && k <= Kind.ASSIGNED_DEV_DEV)
          for (let x = 0; x < levelSize(t.level); x += 4096)
            expect(m.devGranule((t.pa?.[i] as number) + x)).toBe(Granule.MAPPED)
      }
      expect(counted).toBe(t.refcount)
    }
    for (const root of r.roots) eachTable(root, visit)
  }
  const names: Record<number, string> = { [Granule.RD]: 'RD', [Granule.RTT]: 'RTT', [Granule.DATA]: 'DATA' }
  m.dram.each((pa, s) => {
    if (names[s] !== undefined) expect([pa, used.get(pa)]).toEqual([pa, names[s]])
  })
  for (const [pa, who] of used) expect(names[m.granule(pa)]).toBe(who)
}

test('random commands keep the tracking consistent; a refused command changes nothing', () => {
  let succeeded = 0
  fc.assert(
    fc.property(fc.array(command, { minLength: 5, maxLength: 40 }), (cs) => {
      const m = fresh()
      for (const c of cs) {
        const before = m.describe()
        const word = apply(m, c)
        if (word === 0) succeeded++
        else expect(m.describe()).toBe(before)
      }
      invariants(m)
    }),
    { numRuns: runs(60) }
  )
  // how many depends on what was drawn
  expect(succeeded).toBeGreaterThan(0)
})

test('a clone goes its own way, and restore brings a state back', () => {
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 15 }),
      fc.array(command, { minLength: 3, maxLength: 15 }),
      (first, then) => {
        const m = fresh()
        for (const c of first) apply(m, c)
        const at = m.describe()
        const copy = m.clone()
        expect(copy.describe()).toBe(at)
        const words = then.map((c) => apply(copy, c))
        expect(m.describe()).toBe(at)
        const after = copy.describe()
        copy.restore(m)
        expect(copy.describe()).toBe(at)
        expect(then.map((c) => apply(copy, c))).toEqual(words)
        expect(copy.describe()).toBe(after)
      }
    ),
    { numRuns: runs(40) }
  )
})

test('unfold and fold of a block are inverse, and the observer sees the break', () => {
  const seen: Array<[number, number]> = []
  const m = new Rmm2({
    firmware: 'spec-2.0',
    observer: {
      brokenEntry: (_rd, ipa, size) => {
        seen.push([ipa, size])
      }
    }
  })
  m.granuleRangeDelegate(g(0), g(8))
  m.realmCreate(g(0), { params: g(100), geo: { s2sz: 40, start: 1, num: 2 }, rttBase: g(2), algo: 0, vmid: 1 })
  m.rttInitRipas(g(0), 0, 0x40000000)
  m.granuleRangeDelegate(g(262144), g(524288))
  expect(m.rttDataMap(g(0), 0, 0x40000000, [{ pa: g(262144), level: 1, count: 1 }])).toBe(0)
  const before = m.describe()
  expect([m.rttCreate(g(0), g(4), 0, 2), m.rttCreate(g(0), g(5), 0, 3)]).toEqual([0, 0])
  expect(seen).toEqual([
    [0, 0x40000000],
    [0, 0x200000]
  ])
  expect([m.rttFold(g(0), 0, 3), m.rttFold(g(0), 0, 2)]).toEqual([0, 0])
  expect(m.describe()).toBe(before)
  expect(seen.slice(2)).toEqual([
    [0, 0x200000],
    [0, 0x40000000]
  ])
})

test('accesses: CPU, T=1 device, host', () => {
  const m = fresh()
  const r = m.realms.get(g(0))
  if (r === undefined) throw new Error('realm')
  const alias = 0x8000000000
  m.rttInitRipas(g(0), 0x1000, 0x4000)
  m.dataCreateUnknown(g(0), g(12), 0x1000)
  m.dataCreateUnknown(g(0), g(13), 0x5000)
  for (const [n, ipa, level] of [
    [10, alias, 2],
    [11, alias, 3]
  ] as const)
    expect(m.rttCreate(g(0), g(n), ipa, level)).toBe(0)
  expect(m.rttMapUnprotected(g(0), alias, 3, g(101) + 0xd8)).toBe(0)
  expect(m.rttMapUnprotected(g(0), alias + 0x1000, 3, g(12) + 0x50)).toBe(1) // reserved MemAttr
  expect(m.rttMapUnprotected(g(0), alias + 0x1000, 3, g(12) + 0x48)).toBe(0)
  expect(realmCpuAccess(m, r, 0x1008)).toEqual({ result: 'ok', pa: g(12) + 8, pas: 'realm', writable: true })
  expect(realmCpuAccess(m, r, 0x2000)).toEqual({ result: 'exit', emulatable: false })
  expect(realmCpuAccess(m, r, 0x0)).toEqual({ result: 'sea' })
  expect(realmCpuAccess(m, r, 0x5000)).toEqual({ result: 'sea' }) // assigned, but EMPTY
  expect(realmCpuAccess(m, r, alias)).toEqual({ result: 'ok', pa: g(101), pas: 'ns', writable: true })
  expect(realmCpuAccess(m, r, alias, true)).toEqual({ result: 'sea' })
  expect(realmCpuAccess(m, r, alias + 0x1000)).toEqual({ result: 'gpf', pa: g(12) })
  expect(realmCpuAccess(m, r, alias + 0x2000)).toEqual({ result: 'exit', emulatable: true })
  expect(realmCpuAccess(m, r, 2 * alias)).toEqual({ result: 'sea' })
  expect(t1Access(m, r, 0x1000)).toMatchObject({ result: 'ok', pas: 'realm' })
  for (const ipa of [0x0, 0x2000, 0x5000, alias + 0x2000])
    expect(t1Access(m, r, ipa)).toEqual({ result: 'translation' })
  expect(t1Access(m, r, alias)).toMatchObject({ result: 'ok', pas: 'ns' })
  expect(t1Access(m, r, alias + 0x1000)).toEqual({ result: 'gpf', pa: g(12) })
  expect(t1Access(m, r, 2 * alias)).toEqual({ result: 'size' })
  expect([hostAccess(m, g(12)), hostAccess(m, g(101)), m.gpi(g(12)), m.gpi(g(101))]).toEqual([
    'gpf',
    'ok',
    Gpi.REALM,
    Gpi.NS
  ])
  m.setForeign(g(101), Gpi.SECURE)
  expect([hostAccess(m, g(101)), t1Access(m, r, alias).result]).toEqual(['gpf', 'gpf'])
})

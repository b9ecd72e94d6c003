import fc from 'fast-check'
import { expect, test } from 'vitest'
import { t1Access } from '../machine/rmm/index.ts'
import { Counter } from './count.ts'
import { simulate } from './simulate.ts'
import { type Generation, type Image, makeSpec, type PageName, type PlanRequest, type PlanSpec, type Strategy } from './spec.ts'

const spec = (q: PlanRequest): PlanSpec => {
  const r = makeSpec(q)
  if (!r.ok) throw new Error(r.error.map((d) => d.message).join('; '))
  return r.value
}
const count = (s: PlanSpec): Counter => {
  const c = new Counter(s)
  c.run()
  return c
}
const obj = (m: ReadonlyMap<string, number>) => Object.fromEntries([...m].sort())
const GIB = 2 ** 30
const MIB = 2 ** 20

const numbers = (t: Counter['tally']) => ({ commands: obj(t.commands), work: obj(t.work), blocks: { ...t.blocks }, tables: t.tables, peak: t.peakTables, faults: t.faults })

test('1 GiB folded by RMI 1.x: the recipe of the reference', () => {
  const c = count(spec({ ram: GIB }))
  expect(obj(c.tally.commands)).toMatchObject({ DATA_CREATE_UNKNOWN: 262144, RTT_CREATE: 513, RTT_FOLD: 513, RTT_INIT_RIPAS: 1 })
  expect(c.tally.blocks).toEqual({ '4K': 0, '2M': 0, '1G': 1 })
})

test('a 1 GiB block by RMI 2.0: one delegation and one mapping', () => {
  const c = count(spec({ ram: GIB, strategy: 'blocks' }))
  expect(c.tally.commands.get('RTT_DATA_MAP')).toBe(1)
  expect(c.tally.commands.get('RTT_CREATE')).toBeUndefined()
})

const arbitrary = fc.record({
  generation: fc.constantFrom<Generation>('1.x', '2.0'),
  strategy: fc.constantFrom<Strategy>('fold', 'blocks', 'fault-in', 'lazy'),
  page: fc.constantFrom<PageName>('4K', '2M', '1G'),
  base: fc.constantFrom(0, 0x1000, 2 * MIB, 3 * MIB, GIB - 4 * MIB, GIB, 512 * GIB - 2 * MIB),
  granules: fc.oneof(fc.integer({ min: 1, max: 2048 }), fc.constantFrom(512, 1024, 1536, 4096)),
  s2sz: fc.constantFrom(undefined, 32, 40, 41, 43, 44, 48),
  images: fc.array(fc.record({ at: fc.integer({ min: 0, max: 2000 }), size: fc.integer({ min: 1, max: 60 * 4096 }) }), { maxLength: 3 }),
  vcpus: fc.integer({ min: 1, max: 2 }),
  conversions: fc.integer({ min: 0, max: 3 })
})

test('counts computed in closed form equal step-by-step simulation', () => {
  let ran = 0
  fc.assert(fc.property(arbitrary, (a) => {
    const images: Image[] = a.images.map((i, n) => ({ name: `i${n}`, addr: a.base + i.at * 4096, size: i.size }))
    const r = makeSpec({ ram: a.granules * 4096, ramBase: a.base, images, page: a.page, strategy: a.strategy, generation: a.generation, vcpus: a.vcpus, conversions: a.conversions, ...(a.s2sz === undefined ? {} : { s2sz: a.s2sz }) })
    fc.pre(r.ok)
    if (!r.ok) return
    ran++
    const c = count(r.value)
    const s = simulate(r.value)
    expect(s.refused).toBeNull()
    expect(numbers(s.tally)).toEqual(numbers(c.tally))
    expect(s.tables).toBe(c.tally.tables)
    // The boot REC's extension is not part of the memory plan.
    expect(s.tally.extensions - 1).toBe(c.tally.extensions)
  }), { numRuns: 150 })
  expect(ran).toBeGreaterThan(50)
})

test('whole gigabytes: every page size, strategy and generation, simulated and computed', () => {
  for (const generation of ['1.x', '2.0'] as const) {
    for (const strategy of ['fold', 'blocks', 'fault-in', 'lazy'] as const) {
      for (const page of ['2M', '1G'] as const) {
        if (generation === '1.x' && strategy === 'blocks') continue
        const s = spec({ ram: GIB + 6 * MIB, generation, strategy, page, images: [{ name: 'k', addr: 4 * MIB, size: 3 * MIB + 5 }] })
        const c = count(s)
        const sim = simulate(s)
        expect([generation, strategy, page, sim.refused]).toEqual([generation, strategy, page, null])
        expect(numbers(sim.tally)).toEqual(numbers(c.tally))
      }
    }
  }
})

test('after fold and blocks every page answers T=1 DMA; before a touch, fault-in does not', () => {
  for (const q of [{ strategy: 'fold' }, { strategy: 'blocks' }, { strategy: 'fault-in', page: '2M' }] as const) {
    const s = spec({ ram: 8 * MIB, ...q })
    const sim = simulate(s)
    const r = sim.rmm.realm(sim.rd)
    if (r === undefined) throw new Error('no realm')
    for (let ipa = 0; ipa < 8 * MIB; ipa += 4096) expect(t1Access(sim.rmm, r, ipa)).toMatchObject({ result: 'ok', pa: sim.pa(ipa), pas: 'realm' })
    expect(t1Access(sim.rmm, r, 8 * MIB).result).toBe('translation')
  }
})

test('12 TB is counted, not simulated', () => {
  const s = spec({ ram: 12 * 2 ** 40 })
  const c = count(s)
  expect(c.tally.commands.get('DATA_CREATE_UNKNOWN')).toBe(12 * 2 ** 28)
  expect(c.tally.blocks).toEqual({ '4K': 0, '2M': 0, '1G': 12 * 1024 })
  expect(c.tally.extensions).toBe(24)
})

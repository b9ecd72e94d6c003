import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codes } from '../base/index.ts'
import { t1Access, toHex } from '../machine/rmm/index.ts'
import {
  bytesOf, Counter, defaultCosts, elsewhere, type Generation, type Image, makePlan, makeSpec, type PageName, pageSize, parseCosts, planRim, type PlanRequest, type PlanSpec, simulate, type Strategy
} from './index.ts'

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

const image = (name: string, addr: number, bytes: Uint8Array): Image => ({ name, addr, size: bytes.length, read: bytesOf(bytes) })

test('the RIM of a plan equals what the model measures, for both hash algorithms and generations', () => {
  const a = new Uint8Array(10_000).map((_, i) => i * 7)
  const b = new Uint8Array(4096).fill(0xab)
  for (const generation of ['1.x', '2.0'] as const) {
    for (const algo of [0, 1]) {
      const s = spec({ ram: 6 * MIB + 4096, ramBase: 0x1000, generation, page: '2M', images: [image('b', 0x300000, b), image('a', 0x1000, a)] })
      const sim = simulate(s, { measure: true, algo })
      expect(sim.refused).toBeNull()
      expect(planRim(s, algo, null)).toBe(sim.rim)
      const r = sim.rmm.realm(sim.rd)
      expect(planRim(s, algo, { pc: 0, gprs: [] })).toBe(r?.rim === null || r === undefined ? '' : toHex(r.rim))
    }
  }
  // the order of the images and their contents count
  const one = spec({ ram: 4 * MIB, images: [image('a', 0, a), image('b', 0x100000, b)] })
  const other = spec({ ram: 4 * MIB, images: [image('b', 0x100000, b), image('a', 0, a)] })
  expect(planRim(one, 0, null)).not.toBe(planRim(other, 0, null))
})

test('bad input: each rule has its code and names the nearest legal value', () => {
  const k: Image = { name: 'k', addr: 0x200000, size: 0x3001 }
  const cases: Array<[PlanRequest, string, string, string]> = [
    [{ ram: GIB, images: [k, { name: 'i', addr: 0x203000, size: 4096 }] }, 'TB-501', 'i@0x203000', 'i@0x204000'],
    [{ ram: 2 ** 48 }, 'TB-502', '256T', '--ram 128T'],
    [{ ram: 2 ** 40, s2sz: 40 }, 'TB-502', '1T', '--ipa-bits 41'],
    [{ ram: 4097 }, 'TB-503', '4097', '--ram 4096'],
    [{ ram: 0 }, 'TB-503', '0', '--ram 4K'],
    [{ ram: GIB, ramBase: 0x1234 }, 'TB-503', '0x1234', '--ram-base 0x1000'],
    [{ ram: GIB, images: [{ ...k, addr: 0x200800 }] }, 'TB-503', 'k@0x200800', 'k@0x201000'],
    [{ ram: GIB, s2sz: 52 }, 'TB-504', '52', '--ipa-bits 48'],
    [{ ram: GIB, s2sz: 40, start: 2 }, 'TB-505', '2', '--start-level 1'],
    [{ ram: GIB, s2sz: 48, start: 1 }, 'TB-505', '1', '--start-level 0'],
    [{ ram: GIB, generation: '1.x', strategy: 'blocks' }, 'TB-506', 'blocks', '--strategy fold'],
    [{ ram: GIB, s2sz: 34, start: 2 }, 'TB-506', '1G', '--page 2M'],
    [{ ram: GIB, images: [{ ...k, addr: GIB }] }, 'TB-507', 'k@0x40000000', 'k@0x3fffc000'],
    [{ ram: 8192, images: [{ ...k, addr: 0 }] }, 'TB-507', 'k@0x0', '--ram 16K'],
    [{ ram: GIB, vcpus: 0 }, 'TB-508', '0', '--vcpus 1'],
    [{ ram: GIB, vcpus: 2 ** 28 + 1 }, 'TB-508', '268435457', '--vcpus 268435456'],
    [{ ram: GIB, conversions: 1e12 + 1 }, 'TB-508', '1000000000001', '--conversions 1000000000000'],
    [{ ram: GIB, conversions: -1 }, 'TB-508', '-1', '--conversions 0']
  ]
  for (const [q, code, word, nearest] of cases) {
    const r = makeSpec(q)
    expect(r.ok).toBe(false)
    if (r.ok) continue
    const found = r.error.find((e) => e.code === code)
    expect([found?.code, found?.word, found?.hint?.includes(nearest)]).toEqual([code, word, true])
    expect(Object.keys(codes)).toContain(code)
  }
})

test('the nearest legal value is legal', () => {
  for (const [q, fixed] of [
    [{ ram: GIB, s2sz: 40, start: 2 }, { ram: GIB, s2sz: 40, start: 1 }], [{ ram: 2 ** 48 }, { ram: 2 ** 47 }], [{ ram: 2 ** 40, s2sz: 40 }, { ram: 2 ** 40, s2sz: 41 }], [{ ram: GIB, s2sz: 34, start: 2 }, { ram: GIB, s2sz: 34, start: 2, page: '2M' }],
    [{ ram: GIB, images: [{ name: 'k', addr: GIB, size: 0x3001 }] }, { ram: GIB, images: [{ name: 'k', addr: 0x3fffc000, size: 0x3001 }] }]
  ] as Array<[PlanRequest, PlanRequest]>) expect([makeSpec(q).ok, makeSpec(fixed).ok]).toEqual([false, true])
})

test('costs: relative ranges, replaced by a file, which is checked', () => {
  const s = spec({ ram: GIB })
  const p = makePlan(s)
  expect(p.cost.low).toBeLessThan(p.cost.high)
  expect(p.cost.mid).toBe((p.cost.low + p.cost.high) / 2)
  // by hand: what section 10 of the reference gives for these commands
  const c = p.commands
  expect(p.cost.low).toBe(2 * (c['GRANULE_DELEGATE'] ?? 0) + 1.5 * (c['DATA_CREATE_UNKNOWN'] ?? 0) + 1.5 * (c['RTT_CREATE'] ?? 0) + 2 * (c['RTT_FOLD'] ?? 0) + 1 + 0.5 + 1 + 1 + 1)
  const file = parseCosts('c.json', '{"costs": {"GRANULE_DELEGATE": 0, "DATA_CREATE_UNKNOWN": [1, 2]}, "unit_ns": 1500}')
  expect(file.ok).toBe(true)
  if (file.ok) {
    expect(makePlan(s, file.value).cost.low).toBe(262144 + 1.5 * 513 + 2 * 513 + 4.5)
    expect([file.value.unitNs, file.value.replaced]).toEqual([1500, ['GRANULE_DELEGATE', 'DATA_CREATE_UNKNOWN']])
  }
  for (const [text, word] of [['{', ''], ['[]', ''], ['{"costs": {"RTT_FLOD": 1}}', 'RTT_FLOD'], ['{"RTT_FOLD": -1}', 'RTT_FOLD'], ['{"RTT_FOLD": [3, 2]}', 'RTT_FOLD'], ['{"RTT_FOLD": "x"}', 'RTT_FOLD'], ['{"unit_ns": 0}', 'unit_ns']] as const) {
    const r = parseCosts('c.json', text)
    expect(r.ok ? 'accepted' : [r.error.code, r.error.word]).toEqual(['TB-509', word])
    if (!r.ok && word === 'RTT_FLOD') expect(r.error.nearest?.[0]).toBe('RTT_FOLD')
  }
})

test('every command of a plan has a cost row or is only a round trip', () => {
  for (const q of [{ strategy: 'lazy' }, { strategy: 'lazy', generation: '2.0' }, { strategy: 'fault-in', page: '4K' }] as const) {
    const c = count(spec({ ram: 4 * MIB, images: [{ name: 'k', addr: 0, size: 5000 }], ...q }))
    for (const k of c.tally.commands.keys()) expect(Object.keys(defaultCosts)).toContain(k)
    for (const k of c.tally.work.keys()) if (k !== 'measured granule') expect(Object.keys(defaultCosts)).toContain(k)
  }
})

test('a conversion of one page: what the model needs for it, strategy by strategy', () => {
  for (const generation of ['1.x', '2.0'] as const) {
    const s = spec({ ram: GIB, generation, strategy: 'lazy', conversions: 1 })
    const none = count({ ...s, conversions: 0 }).tally
    const one = count(s).tally
    const c = count(s).conversionAfter()
    if (c === null) throw new Error('no page')
    // one conversion = its two halves, the tables of the shared alias (with their delegation), and the entry that goes on
    for (const [k, v] of one.commands) {
      const halves = (c.toShared.commands.get(k) ?? 0) + (c.toPrivate.commands.get(k) ?? 0)
      const alias = k === 'RTT_CREATE' ? 2 : k === 'REC_ENTER' ? 1 : k === 'GRANULE_DELEGATE' || k === 'GRANULE_RANGE_DELEGATE' ? one.peakTables - none.peakTables : 0
      expect([k, v]).toEqual([k, (none.commands.get(k) ?? 0) + halves + alias])
    }
    expect([c.level, c.window]).toEqual([1, GIB])
  }
})

test('while a block is broken up, T=1 DMA to it can fault: the window is what the model breaks', () => {
  const broken: number[] = []
  const s = spec({ ram: GIB, generation: '2.0', strategy: 'lazy', conversions: 1 })
  const sim = simulate(s, { observer: { brokenEntry: (_rd, _ipa, size) => { broken.push(size) } } })
  expect(sim.refused).toBeNull()
  const p = makePlan(s)
  expect(Math.max(...broken)).toBe(p.dma.window)
  // once when it is taken apart, once when it is put together
  expect(broken.filter((n) => n === p.dma.window).length).toBe(p.dma.windows)
})

test('counterparts count every page once', () => {
  for (const page of ['4K', '2M', '1G'] as const) {
    const s = spec({ ram: GIB + 3 * 4096, page, images: [{ name: 'k', addr: 0x1000, size: 9000 }] })
    const e = elsewhere(s)
    const [snp, tdx] = e.counterparts
    const big = page === '4K' ? 0 : 511
    const small = s.ramSize / 4096 - 3 - big * 512
    expect(snp?.commands).toEqual({ RMPUPDATE: 3 + big + small, SNP_LAUNCH_UPDATE: 3, PVALIDATE: big + small })
    expect(tdx?.commands['TDH.MEM.PAGE.AUG']).toBe(big + small)
    expect(tdx?.commands['TDH.MR.EXTEND']).toBe(48)
    expect(tdx?.cost).toBeNull()
    expect(e.t0[1]?.entries).toBe(Math.ceil(s.ramSize / pageSize(s)))
  }
})

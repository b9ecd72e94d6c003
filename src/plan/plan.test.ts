import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codes } from '../base/index.ts'
import { t1Access, toHex } from '../machine/rmm/index.ts'
import {
  bytesOf,
  Counter,
  decides,
  defaultCosts,
  defaultTable,
  elsewhere,
  type FirmwareName,
  firmwares,
  type Image,
  makePlan,
  makeSpec,
  type PageName,
  pageSize,
  parseCosts,
  pinned,
  planRim,
  type PlanRequest,
  type PlanSpec,
  simulate,
  type Strategy,
  swiotlbPool,
  timeOf,
  type VmmName,
  vmms
} from './index.ts'
import { runs } from '../../test/runs.ts'

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

const numbers = (t: Counter['tally']) => ({
  commands: obj(t.commands),
  work: obj(t.work),
  blocks: { ...t.blocks },
  tables: t.tables,
  peak: t.peakTables,
  faults: t.faults
})

test('1 GiB folded by RMI 1.x: the recipe of the reference', () => {
  const c = count(spec({ ram: GIB }))
  expect(obj(c.tally.commands)).toMatchObject({
    DATA_CREATE_UNKNOWN: 262144,
    RTT_CREATE: 513,
    RTT_FOLD: 513,
    RTT_INIT_RIPAS: 1
  })
  expect(c.tally.blocks).toEqual({ '4K': 0, '2M': 0, '1G': 1 })
})

test('a 1 GiB block by RMI 2.0: one delegation and one mapping', () => {
  const c = count(spec({ ram: GIB, strategy: 'blocks' }))
  expect(c.tally.commands.get('RTT_DATA_MAP')).toBe(1)
  expect(c.tally.commands.get('RTT_CREATE')).toBeUndefined()
})

const arbitrary = fc.record({
  firmware: fc.constantFrom<FirmwareName>(...firmwares),
  vmm: fc.constantFrom<VmmName | undefined>(undefined, undefined, ...vmms),
  strategy: fc.constantFrom<Strategy>('fold', 'blocks', 'fault-in', 'lazy'),
  page: fc.constantFrom<PageName>('4K', '2M', '1G'),
  base: fc.constantFrom(0, 0x1000, 2 * MIB, 3 * MIB, GIB - 4 * MIB, GIB, 512 * GIB - 2 * MIB),
  granules: fc.oneof(fc.integer({ min: 1, max: 2048 }), fc.constantFrom(512, 1024, 1536, 4096)),
  s2sz: fc.constantFrom(undefined, 32, 40, 41, 43, 44, 48),
  images: fc.array(fc.record({ at: fc.integer({ min: 0, max: 2000 }), size: fc.integer({ min: 1, max: 60 * 4096 }) }), {
    maxLength: 3
  }),
  vcpus: fc.integer({ min: 1, max: 2 }),
  conversions: fc.integer({ min: 0, max: 3 })
})

test('counts computed in closed form equal step-by-step simulation', () => {
  let ran = 0
  fc.assert(
    fc.property(arbitrary, (a) => {
      const images: Image[] = a.images.map((i, n) => ({ name: `i${n}`, addr: a.base + i.at * 4096, size: i.size }))
      const r = makeSpec({
        ram: a.granules * 4096,
        ramBase: a.base,
        images,
        page: a.page,
        strategy: a.strategy,
        firmware: a.firmware,
        ...(a.vmm === undefined ? {} : { vmm: a.vmm }),
        vcpus: a.vcpus,
        conversions: a.conversions,
        ...(a.s2sz === undefined ? {} : { s2sz: a.s2sz })
      })
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
    }),
    { numRuns: runs(150) }
  )
  // how many depends on what was drawn
  expect(ran).toBeGreaterThan(0)
})

test('a whole gigabyte and a bit, simulated and computed (plan.slow.test.ts has every combination)', () => {
  for (const q of [
    { firmware: 'v0.8.0', strategy: 'lazy' },
    { firmware: 'spec-2.0', strategy: 'blocks' },
    { firmware: 'tf-rmm-9a7f8ef4', strategy: 'blocks', page: '2M' }
  ] as const) {
    const s = spec({ ram: GIB + 6 * MIB, ...q, images: [{ name: 'k', addr: 4 * MIB, size: 3 * MIB + 5 }] })
    const sim = simulate(s)
    expect([q, sim.refused]).toEqual([q, null])
    expect(numbers(sim.tally)).toEqual(numbers(count(s).tally))
  }
})

test('after fold and blocks every page answers T=1 DMA; before a touch, fault-in does not', () => {
  for (const q of [{ strategy: 'fold' }, { strategy: 'blocks' }, { strategy: 'fault-in', page: '2M' }] as const) {
    const s = spec({ ram: 8 * MIB, ...q })
    const sim = simulate(s)
    const r = sim.rmm.realm(sim.rd)
    if (r === undefined) throw new Error('no realm')
    for (let ipa = 0; ipa < 8 * MIB; ipa += 4096)
      expect(t1Access(sim.rmm, r, ipa)).toMatchObject({ result: 'ok', pa: sim.pa(ipa), pas: 'realm' })
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

const image = (name: string, addr: number, bytes: Uint8Array): Image => ({
  name,
  addr,
  size: bytes.length,
  read: bytesOf(bytes)
})

test('the RIM of a plan equals what the model measures, for both hash algorithms and generations', () => {
  const a = new Uint8Array(10_000).map((_, i) => i * 7)
  const b = new Uint8Array(4096).fill(0xab)
  for (const generation of ['1.x', '2.0'] as const) {
    for (const algo of [0, 1]) {
      const s = spec({
        ram: 6 * MIB + 4096,
        ramBase: 0x1000,
        generation,
        page: '2M',
        images: [image('b', 0x300000, b), image('a', 0x1000, a)]
      })
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
    [{ ram: GIB, conversions: -1 }, 'TB-508', '-1', '--conversions 0'],
    [{ ram: GIB, cpus: 0 }, 'TB-508', '0', '--cpus 1'],
    [{ ram: GIB, cpus: 1e9 }, 'TB-508', '1000000000', '--cpus 65536'],
    [{ ram: GIB, generation: '2.0', firmware: 'v0.8.0' }, 'TB-506', 'v0.8.0', '--rmi 1.x'],
    [{ ram: GIB, bps: 1 }, 'TB-512', '1', '--bps 2'],
    [{ ram: GIB, wps: 65 }, 'TB-512', '65', '--wps 64'],
    [{ ram: GIB, sveVl: 200 }, 'TB-512', '200', '--sve-vl 256'],
    [{ ram: GIB, pmu: 40 }, 'TB-512', '40', '--pmu 31']
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
    [
      { ram: GIB, s2sz: 40, start: 2 },
      { ram: GIB, s2sz: 40, start: 1 }
    ],
    [{ ram: 2 ** 48 }, { ram: 2 ** 47 }],
    [
      { ram: 2 ** 40, s2sz: 40 },
      { ram: 2 ** 40, s2sz: 41 }
    ],
    [
      { ram: GIB, s2sz: 34, start: 2 },
      { ram: GIB, s2sz: 34, start: 2, page: '2M' }
    ],
    [
      { ram: GIB, images: [{ name: 'k', addr: GIB, size: 0x3001 }] },
      { ram: GIB, images: [{ name: 'k', addr: 0x3fffc000, size: 0x3001 }] }
    ]
  ] as Array<[PlanRequest, PlanRequest]>)
    expect([makeSpec(q).ok, makeSpec(fixed).ok]).toEqual([false, true])
})

test('costs: relative ranges, replaced by a file, which is checked', () => {
  const s = spec({ ram: GIB })
  const p = makePlan(s)
  expect(p.cost.low).toBeLessThan(p.cost.high)
  expect(p.cost.mid).toBe((p.cost.low + p.cost.high) / 2)
  // by hand: what section 10 of the reference gives for these commands
  const c = p.commands
  expect(p.cost.low).toBe(
    2 * (c['GRANULE_DELEGATE'] ?? 0) +
      1.5 * (c['DATA_CREATE_UNKNOWN'] ?? 0) +
      1.5 * (c['RTT_CREATE'] ?? 0) +
      2 * (c['RTT_FOLD'] ?? 0) +
      1 +
      0.5 +
      1 +
      1 +
      1
  )
  const file = parseCosts(
    'c.json',
    '{"costs": {"GRANULE_DELEGATE": 0, "DATA_CREATE_UNKNOWN": [1, 2]}, "unit_ns": 1500}'
  )
  expect(file.ok).toBe(true)
  if (file.ok) {
    expect(makePlan(s, file.value).cost.low).toBe(262144 + 1.5 * 513 + 2 * 513 + 4.5)
    expect([file.value.unitNs, file.value.replaced]).toEqual([
      [1500, 1500],
      ['GRANULE_DELEGATE', 'DATA_CREATE_UNKNOWN']
    ])
  }
  for (const [text, word] of [
    ['{', ''],
    ['[]', ''],
    ['{"costs": {"RTT_FLOD": 1}}', 'RTT_FLOD'],
    ['{"RTT_FOLD": -1}', 'RTT_FOLD'],
    ['{"RTT_FOLD": [3, 2]}', 'RTT_FOLD'],
    ['{"RTT_FOLD": "x"}', 'RTT_FOLD'],
    ['{"unit_ns": 0}', 'unit_ns'],
    ['{"zero_gb_s": [3, 1]}', 'zero_gb_s'],
    ['{"machine_gb_s": "x"}', 'machine_gb_s']
  ] as const) {
    const r = parseCosts('c.json', text)
    expect(r.ok ? 'accepted' : [r.error.code, r.error.word]).toEqual(['TB-509', word])
    if (!r.ok && word === 'RTT_FLOD') expect(r.error.nearest?.[0]).toBe('RTT_FOLD')
  }
})

test('every command of a plan has a cost row or is only a round trip', () => {
  for (const q of [
    { strategy: 'lazy' },
    { strategy: 'lazy', generation: '2.0' },
    { strategy: 'lazy', firmware: 'spec-2.0' },
    { strategy: 'fault-in', page: '4K' },
    { vmm: 'kvm' }
  ] as const) {
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
    // one conversion = its two halves, the tables of the shared alias (with their delegation), and the entry that goes
    // on
    for (const [k, v] of one.commands) {
      const halves = (c.toShared.commands.get(k) ?? 0) + (c.toPrivate.commands.get(k) ?? 0)
      const alias =
        k === 'RTT_CREATE'
          ? 2
          : k === 'REC_ENTER'
            ? 1
            : k === 'GRANULE_DELEGATE' || k === 'GRANULE_RANGE_DELEGATE'
              ? one.peakTables - none.peakTables
              : 0
      expect([k, v]).toEqual([k, (none.commands.get(k) ?? 0) + halves + alias])
    }
    expect([c.level, c.window]).toEqual([1, GIB])
  }
})

test('while a block is broken up, T=1 DMA to it can fault: the window is what the model breaks', () => {
  const broken: number[] = []
  const s = spec({ ram: GIB, firmware: 'spec-2.0', strategy: 'lazy', conversions: 1 })
  const sim = simulate(s, {
    observer: {
      brokenEntry: (_rd, _ipa, size) => {
        broken.push(size)
      }
    }
  })
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
    const [snp, snpLazy, tdx, tdxLazy] = e.counterparts
    const big = page === '4K' ? 0 : 511
    const small = s.ramSize / 4096 - 3 - big * 512
    expect(snp?.commands).toEqual({ RMPUPDATE: 3 + big + small, SNP_LAUNCH_UPDATE: 3, PVALIDATE: big + small })
    expect(tdx?.commands['TDH.MEM.PAGE.AUG']).toBe(big + small)
    expect(tdx?.commands['TDH.MR.EXTEND']).toBe(48)
    expect(tdx?.cost).toBeNull()
    // lazy: the same work, an exit for each unit, and nothing but the images before memory is used
    expect([snpLazy?.commands['GHCB exit'], tdxLazy?.commands['EPT violation exit']]).toEqual([
      big + small,
      big + small
    ])
    expect([snp?.before, snpLazy?.before, tdxLazy?.before]).toEqual([2 * (3 + big + small), 6, 3 + 48])
    expect(e.t0[1]?.entries).toBe(Math.ceil(s.ramSize / pageSize(s)))
  }
})

test('memory pinned for T=0 DMA: what was measured on a 16 GiB guest', () => {
  const p = pinned(2 ** 34)
  expect([p.everything / 1024, p.sharedOnly / 1024]).toEqual([16_777_216, 1_239_476])
  expect([swiotlbPool(2 ** 40), swiotlbPool(2 ** 28), swiotlbPool(2 ** 20)]).toEqual([2 ** 30, 2 ** 26, 2 ** 20])
  for (const ram of [2 ** 20, 2 ** 30, 2 ** 43]) expect(pinned(ram).sharedOnly).toBeLessThanOrEqual(ram)
})

test('firmware profiles: a granule a call where it was recorded so, a gigabyte a call by the specification', () => {
  const c = (firmware: FirmwareName, strategy: Strategy) =>
    obj(count(spec({ ram: GIB, firmware, strategy })).tally.commands)
  expect(c('tf-rmm-9a7f8ef4', 'blocks')).toMatchObject({
    GRANULE_RANGE_DELEGATE: 262144 + 1 + 2 + 17,
    RTT_DATA_MAP: 1,
    OP_MEM_DONATE: 1,
    OP_CONTINUE: 1
  })
  expect(c('spec-2.0', 'blocks')).toMatchObject({ GRANULE_RANGE_DELEGATE: 1 + 1 + 2 + 1, RTT_DATA_MAP: 1 })
  expect(spec({ ram: GIB, generation: '2.0' }).firmware).toBe('tf-rmm-9a7f8ef4')
  expect(spec({ ram: GIB }).firmware).toBe('v0.8.0')
})

test('a VMM brings its addresses, its order and blocks of 2M, each faulted in once', () => {
  const s = spec({
    ram: GIB,
    vmm: 'kvmtool',
    images: [
      { name: 'b', addr: 0x80300000, size: 10 },
      { name: 'a', addr: 0x80201000, size: 0x1000 }
    ]
  })
  expect([s.ramBase, s.strategy, s.geo.s2sz, s.images.map((i) => [i.name, i.addr, i.size])]).toEqual([
    0x80000000,
    'fault-in',
    33,
    [
      ['a', 0x80200000, 0x10000],
      ['b', 0x80300000, 0x10000]
    ]
  ])
  const c = obj(count(spec({ ram: GIB, vmm: 'kvm' })).tally.commands)
  expect(c).toMatchObject({
    REC_ENTER: 512 + 1,
    RTT_CREATE: 513,
    RTT_READ_ENTRY: 512,
    RTT_FOLD: 512,
    DATA_CREATE_UNKNOWN: 262144
  })
  expect(makePlan(spec({ ram: GIB, vmm: 'kvm' })).oneGig).toBe('none')
  // what no file fills is measured as zeros
  const read = bytesOf(new Uint8Array(0x1000).fill(7))
  const withBytes = spec({ ram: GIB, vmm: 'kvmtool', images: [{ name: 'a', addr: 0x80201000, size: 0x1000, read }] })
  const page = (n: number): number[] => [...(withBytes.images[0]?.read?.(n * 4096, 4096) ?? [])]
  expect([page(0)[0], page(1)[0], page(1)[4095], page(2)[0], page(0).length]).toEqual([0, 7, 7, 0, 4096])
  for (const vmm of vmms) expect(makeSpec({ ram: 64 * GIB, vmm }).ok).toBe(true)
})

test('measured parameters change the RIM as REALM_CREATE measures them, in the model too', () => {
  const q = { ram: 4 * MIB, bps: 6, wps: 4, sveVl: 512, pmu: 6, lpa2: true }
  const s = spec(q)
  expect(s.measured).toEqual({ lpa2: true, bps: 5, wps: 3, sve: true, sveVl: 3, pmu: true, pmuCtrs: 6 })
  const sim = simulate(s, { measure: true })
  expect([sim.refused, sim.rim]).toEqual([null, planRim(s, 0, null)])
  const values = [
    {},
    { bps: 6 },
    { wps: 6 },
    { sveVl: 128 },
    { sveVl: 256 },
    { pmu: 0 },
    { pmu: 6 },
    { lpa2: true }
  ].map((p) => planRim(spec({ ram: 4 * MIB, ...p }), 0, null))
  expect(new Set(values).size).toBe(values.length)
})

test(
  'time: a range, shared by host CPUs except for the hash chain, zeroing by its ' + 'bandwidth when that is given',
  () => {
    const t = count(spec({ ram: GIB, firmware: 'spec-2.0', strategy: 'blocks' })).tally
    const one = timeOf(t, defaultTable, 1)
    const many = timeOf(t, defaultTable, 16)
    expect(one.total[0]).toBeLessThan(one.total[1])
    expect(many.total[1]).toBeCloseTo(one.total[1] / 16, 0)
    const image = count(spec({ ram: GIB, images: [{ name: 'k', addr: 0, size: 64 * MIB }] })).tally
    expect(timeOf(image, defaultTable, 16).kinds.hashing).toEqual(timeOf(image, defaultTable, 1).kinds.hashing)
    const file = parseCosts('c', '{"zero_gb_s": [4, 8], "machine_gb_s": 32}')
    if (!file.ok) throw new Error('cost file')
    const bytes = GIB
    expect(timeOf(t, file.value, 1).kinds.zeroing).toEqual([bytes / 8, bytes / 4])
    expect(timeOf(t, file.value, 16).kinds.zeroing).toEqual([bytes / 32, bytes / 32])
    // a replaced command keeps its round trip; the rest is shared out as before
    const dear = parseCosts('c', '{"costs": {"GRANULE_DELEGATE": 11}, "unit_ns": 1000}')
    if (!dear.ok) throw new Error('cost file')
    expect(
      timeOf(count(spec({ ram: 4096, page: '4K' })).tally, dear.value, 1).kinds.protection[0] / 1000 / 10
    ).toBeCloseTo(count(spec({ ram: 4096, page: '4K' })).tally.commands.get('GRANULE_DELEGATE') ?? 0, 6)
  }
)

test('the question of the thread: pages of 1G alone leave every granule to protect and to zero', () => {
  const d = decides(spec({ ram: 12 * 2 ** 40 }), defaultTable)
  const [pages, folded, today, direct, gpt] = d.ways
  expect(d.cpus).toBe(16)
  expect([pages?.zeroed, folded?.zeroed, today?.zeroed, direct?.zeroed, gpt?.zeroed]).toEqual(
    Array.from({ length: 5 }, () => 12 * 2 ** 28)
  )
  expect(folded?.calls).toBeGreaterThan(6e9)
  expect(direct?.calls).toBeLessThan(30_000)
  expect(direct?.changes).toBeGreaterThan(12 * 2 ** 28)
  expect(gpt?.changes).toBeLessThan(13_000)
  expect(d.shares.protection + d.shares.zeroing).toBeGreaterThan(99.9)
  expect((gpt?.many[1] ?? 0) * 10).toBeLessThan(gpt?.one[1] ?? 0)
})

import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Trace } from '../kernel/trace-events.ts'
import { DISK, load, NET, ops } from './_loads.ts'
import { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { Replay, type ReplayOptions } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { runs } from '../../test/runs.ts'

const UNKNOWN = { start: null, nslabs: null, nareas: null }

function replay(text: string, options: Partial<ReplayOptions> = {}): Replay {
  const names = new Names()
  const r = new Replay(names, { pool: UNKNOWN, ...options })
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(text))
  if (s.header.cpus !== null) r.headerCpus(s.header.cpus)
  s.end()
  r.end()
  return r
}

const placeOf = (m: TraceMaker) => ({ pool: { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas } })
const device = (r: Replay, name: string) => {
  const d = r.devices.find((x) => x.name === name)
  if (!d) throw new Error(`no device ${name}`)
  return d
}
describe('a trace without races is predicted to the slot', () => {
  test('addresses, high-water mark, failures of pages and of scatter-gather calls, in small and large pools', () => {
    fc.assert(
      fc.property(
        ops,
        fc.constantFrom(512, 1024, 4096, 32768),
        fc.constantFrom(1, 2, 4),
        fc.constantFrom('6.12', '6.18'),
        (o, nslabs, nareas, kernel) => {
          const m = load(o, { nslabs, nareas, kernel })
          const r = replay(m.text(), { ...placeOf(m), minAlignMask: new Map([[DISK, 4095]]) })
          expect([r.counts.equal, r.counts.compared]).toEqual([r.counts.compared, r.counts.compared])
          expect(r.sim?.pool.used_hiwater).toBe(m.pool.used_hiwater)
          expect(r.sim?.pool.total_used).toBe(0)
          expect(r.counts.predictedFailedMaps).toBe(m.failedMaps)
          expect(r.counts.actualFailedMaps).toBe(m.failedMaps)
          expect(r.counts.actualFailedSg).toBe(m.failedSg)
          expect(r.counts.failuresAgreed).toBe(m.failedMaps + m.failedSg)
          expect(r.devices.reduce((n, d) => n + d.bounces, 0)).toBe(m.bounces)
          expect(r.live.size).toBe(0)
          expect(r.counts.unmapsWithoutMap).toBe(0)
          expect(r.sim?.empty).toBe(true)
        }
      ),
      { numRuns: runs(150) }
    )
  })

  test("through a realm's alias and an encryption bit", () => {
    const o: [number, number, number][] = Array.from({ length: 200 }, (_, i) => [(i * 3) % 7, i * 31, i * 17])
    for (const options of [{ poolAlias: 2 ** 47 }, { busBit: 2 ** 51 }]) {
      const m = load(o, { nslabs: 4096, ...options })
      const r = replay(m.text(), { ...placeOf(m), minAlignMask: new Map([[DISK, 4095]]) })
      expect(r.counts.compared).toBeGreaterThan(100)
      expect(r.counts.equal).toBe(r.counts.compared)
      expect(r.sim?.pool.used_hiwater).toBe(m.pool.used_hiwater)
      expect(device(r, '0000:00:03.0').bouncedSegments).toBe(0)
    }
  })

  test('the pool and the alignment masks are found from the addresses alone', () => {
    const o: [number, number, number][] = Array.from({ length: 600 }, (_, i) => [(i * 5) % 7, i * 31, i])
    const m = load(o, { nslabs: 32768, nareas: 4 })
    const r = replay(`# entries-in-buffer/entries-written: 1/1   #P:4\n${m.text()}`)
    expect(r.sim?.place).toMatchObject({ start: m.pool.start, nslabs: 32768, nareas: 4 })
    expect(r.counts.equal).toBe(r.counts.compared)
    expect([
      device(r, DISK).minAlignMask,
      device(r, DISK).maskSource,
      device(r, NET).minAlignMask,
      device(r, NET).maskSource
    ]).toEqual([4095, 'observed', 0, 'observed'])
  })
})

describe('what devices did', () => {
  test('maps, segments, bytes, bounces; what a device writes is copied twice', () => {
    const m = new TraceMaker()
    const a = m.mapSg(DISK, 0, [0x100000000, 0x100005000], [4096, 1024], 2, 4095)
    const b = m.map(NET, 1, 0x100009040, 100, 1)
    m.direct('0000:00:03.0', 0, 0x10000a000, 4096, 1)
    if (a) m.unmap(a, 0)
    if (b) m.unmap(b, 0)
    const r = replay(m.text(), placeOf(m))
    expect(device(r, DISK)).toMatchObject({
      maps: 1,
      segments: 2,
      bytes: 5120,
      bouncedSegments: 2,
      bouncedBytes: 5120,
      copiedIn: 5120,
      copiedOut: 5120,
      crossings: 4
    })
    expect(device(r, NET)).toMatchObject({
      maps: 1,
      segments: 1,
      bytes: 100,
      bouncedSegments: 1,
      bouncedBytes: 100,
      copiedIn: 100,
      copiedOut: 0,
      crossings: 1
    })
    expect(device(r, '0000:00:03.0')).toMatchObject({ maps: 1, bytes: 4096, bouncedSegments: 0, copiedIn: 0 })
    expect(r.sim?.devPeak[device(r, DISK).id]).toBe(3)
    expect(r.live.size).toBe(1)
  })

  test('syncs of bounced buffers are copies in their direction only', () => {
    const m = new TraceMaker()
    const a = m.map(NET, 0, 0x100000000, 1500, 2)
    if (!a) throw new Error('no room')
    m.log(Trace.sync, { device: NET, dir: 2, dma_addr: a.dma[0] as number, size: 64 }, 0)
    m.log(Trace.syncDevice, { device: NET, dir: 2, dma_addr: a.dma[0] as number, size: 64 }, 0)
    const r = replay(m.text(), placeOf(m))
    expect(device(r, NET)).toMatchObject({ copiedIn: 1500, copiedOut: 64 })
  })

  test('a truncated scatter-gather call counts all its segments and says which are hidden', () => {
    const text =
      'x-1 [000] ..... 1.000001: dma_map_sg: d dir=FROM_DEVICE nents=2/168 ents=2/168 [TRUNCATED] ' +
      'dma_addrs={0x1000,0x2000} sizes={0x200,0x400} phys_addrs={0x1000,0x2000} attrs=\n' +
      'x-1 [000] ..... 1.000009: dma_unmap_sg: d dir=FROM_DEVICE phys_addrs={' +
      `${Array.from({ length: 168 }, (_, i) => `0x${((i + 1) * 0x1000).toString(16)}`).join(',')}} attrs=\n`
    const r = replay(text)
    expect(device(r, 'd')).toMatchObject({ maps: 1, segments: 168, bytes: 1536, hiddenSegments: 166 })
    expect([r.counts.truncated, r.counts.hiddenSegments, r.live.size, r.counts.unmapsWithoutMap]).toEqual([
      1, 166, 0, 0
    ])
  })

  test("bounces of the device's own reach (NORMAL) are told from forced ones", () => {
    const m = new TraceMaker({ force: false })
    m.map(NET, 0, 0x140000000, 1500, 2)
    const d = device(replay(m.text(), placeOf(m)), NET)
    expect([d.bounces, d.forced]).toEqual([1, 0])
  })
})

describe('order', () => {
  test('a map over a live mapping is legal: the unmap is logged after another CPU took the slots', () => {
    const m = new TraceMaker({ nslabs: 512, nareas: 1 })
    const first = m.map(NET, 0, 0x100000000, 597, 2)
    for (let i = 0; i < 255; i++) m.map(DISK, 0, 0x200000000 + i * 4096, 4096, 1, 4095)
    if (!first) throw new Error('no room')
    m.unmap(first, 1)
    const late = m.lines.pop() as string
    m.map(NET, 0, 0x100003000, 1417, 2)
    m.lines.push(late)
    const r = replay(m.text(), { ...placeOf(m), minAlignMask: new Map([[DISK, 4095]]) })
    expect(r.counts.mapsOverLive).toBe(1)
    expect(r.counts.unmapsWithoutMap).toBe(0)
    expect(r.sim?.pool.total_used).toBe(m.pool.total_used)
    expect(r.live.size).toBe(m.live.length)
  })

  test('an interrupt on the same CPU and pid may map between the two events of a task', () => {
    const m = new TraceMaker()
    m.map(DISK, 0, 0x100000000, 4096, 1, 4095, 77, '.....')
    const mine = m.lines.pop() as string
    m.map(NET, 0, 0x100009000, 1500, 2, 0, 77, 'd.h1.')
    m.lines.push(mine)
    const r = replay(m.text(), placeOf(m))
    expect([r.counts.compared, r.counts.equal, r.counts.unknownOutcome]).toEqual([2, 2, 0])
  })

  test('two CPUs that take slots in the other order are put right at once and named', () => {
    const m = new TraceMaker({ nareas: 1 })
    m.map(NET, 0, 0x100000000, 1500, 2)
    const [bounceA, mapA] = m.lines.splice(-2) as [string, string]
    m.map(NET, 1, 0x100001000, 1500, 2)
    // The log has the second CPU's swiotlb_bounced first.
    const [bounceB, mapB] = m.lines.splice(-2) as [string, string]
    m.lines.push(bounceB, bounceA, mapA, mapB)
    for (let i = 0; i < 20; i++) m.map(NET, 0, 0x100010000 + i * 4096, 1500, 2)
    const r = replay(m.text(), placeOf(m))
    expect(r.counts.compared - r.counts.equal).toBe(2)
    expect(r.misses.reasons()).toEqual([{ reason: 'swapped', count: 2 }])
    expect(r.sim?.pool.used_hiwater).toBe(m.pool.used_hiwater)
  })

  test('a clock that goes backwards is counted, and events are taken in the order of the file', () => {
    const m = new TraceMaker()
    m.map(NET, 0, 0x100000000, 1500, 2)
    m.time -= 5e8
    m.map(NET, 0, 0x100001000, 1500, 2)
    const r = replay(m.text(), placeOf(m))
    expect([r.clock.backwards, r.clock.backwardsLine, r.counts.equal]).toEqual([2, 3, 2])
    expect(r.clock.backwardsMost).toBeGreaterThan(4e8)
  })
})

describe('recordings with gaps', () => {
  test('unmaps without maps are counted; what was live before shows in its own figure', () => {
    const m = new TraceMaker()
    const before = Array.from({ length: 10 }, (_, i) => m.map(NET, 0, 0x100000000 + i * 4096, 1500, 2))
    m.lines.length = 0
    m.map(NET, 0, 0x100100000, 1500, 2)
    for (const b of before) if (b) m.unmap(b, 0)
    const r = replay(m.text(), placeOf(m))
    expect([r.counts.unmapsWithoutMap, r.counts.priorSlots]).toEqual([10, 10])
    expect(r.simulation.hiwaterWithPrior + r.counts.priorSlots).toBe(11)
  })

  test('whatever is lost, nothing throws, and marked losses keep the model near the truth', () => {
    fc.assert(
      fc.property(ops, fc.array(fc.tuple(fc.nat({ max: 3000 }), fc.nat({ max: 60 })), { maxLength: 6 }), (o, holes) => {
        const m = load(o, { nslabs: 512 })
        const lines = [...m.lines]
        for (const [at, n] of holes) if (at < lines.length) lines.splice(at, n, `CPU:0 [LOST ${n} EVENTS]`)
        const r = replay(`${lines.join('\n')}\n`, placeOf(m))
        expect(r.sim?.pool.total_used).toBeGreaterThanOrEqual(0)
        expect(r.sim?.pool.used_hiwater).toBeLessThanOrEqual(512)
        expect(r.losses.places).toBeLessThanOrEqual(holes.length)
      }),
      { numRuns: runs(150) }
    )
  })

  test('a map without its swiotlb_bounced event takes its slots where the address says', () => {
    const m = new TraceMaker()
    m.map(NET, 0, 0x100000000, 1500, 2)
    m.map(NET, 0, 0x100001000, 1500, 2)
    const r = replay(`${m.lines.slice(1).join('\n')}\n`, placeOf(m))
    expect([r.counts.mapsWithoutBounce, r.counts.compared, r.counts.equal, r.sim?.pool.used_hiwater]).toEqual([
      1, 1, 1, 2
    ])
  })
})

describe('extracts of recordings', () => {
  const fixture = (name: string): string =>
    gunzipSync(readFileSync(join(__dirname, '../../test/fixtures/replay', name))).toString('utf8')
  const pool = { pool: { start: 0x7b9f3000, nslabs: 32768, nareas: 2 } }

  test('the first 1488 events of a forced boot are predicted exactly', () => {
    const r = replay(fixture('r02-tracefs.txt.gz').split('\n').slice(0, 1500).join('\n'), {
      ...pool,
      minAlignMask: new Map([[DISK, 4095]])
    })
    expect(r.counts.compared).toBeGreaterThan(500)
    expect(r.counts.equal).toBe(r.counts.compared)
  })

  test('the same from trace-cmd report, whose scatter-gather lists are bytes', () => {
    const r = replay(fixture('r09-report.txt.gz').split('\n').slice(0, 400).join('\n'), {
      ...pool,
      minAlignMask: new Map([[DISK, 4095]])
    })
    expect(r.counts.compared).toBeGreaterThan(100)
    expect(r.counts.equal).toBe(r.counts.compared)
    expect(device(r, '0000:00:1f.2').bouncedSegments).toBeGreaterThan(0)
  })
})

test('a failed scatter-gather call that is never repeated gives its slots back when its context goes on', () => {
  const m = new TraceMaker({ nslabs: 512, nareas: 1 })
  for (let i = 0; i < 236; i++) m.map(NET, 0, 0x200000000 + i * 4096, 4096, 2)
  const phys = Array.from({ length: 40 }, (_, i) => 0x100000000 + i * 0x5000)
  expect(
    m.mapSg(
      DISK,
      1,
      phys,
      phys.map(() => 4096),
      2,
      4095
    )
  ).toBeNull()
  m.time += 5e6
  for (const x of [...m.live].slice(0, 100)) m.unmap(x, 0)
  for (let i = 0; i < 60; i++) m.map(NET, 0, 0x300000000 + i * 4096, 4096, 2)
  const r = replay(m.text(), { ...placeOf(m), minAlignMask: new Map([[DISK, 4095]]) })
  expect([
    r.counts.equal,
    r.counts.compared,
    r.counts.actualFailedSg,
    r.counts.predictedFailedSg,
    r.counts.unknownOutcome
  ]).toEqual([296, 296, 1, 1, 21])
  expect(r.sim?.pool.used_hiwater).toBe(512)
})

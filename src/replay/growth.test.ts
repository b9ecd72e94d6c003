// Memory that grows (SWIOTLB_DYNAMIC): pools and transient pools are found from the addresses, and predicted as well as
// a static pool.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  found,
  IoTlbMem,
  swiotlb_find_pool,
  swiotlb_find_slots_dynamic,
  swiotlb_release,
  add_mem_pool
} from '../kernel/swiotlb/mem.ts'
import { alloc_bytes, type IoTlbPool, slotParams, swiotlb_slots_set } from '../kernel/swiotlb/pool.ts'
import { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { PoolSim } from './pool-sim.ts'
import { Replay, type ReplayOptions } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'

const DISK = '0000:00:02.0'
const NET = '0000:00:06.0'

// Bursts of disk requests with packets between them; each burst is larger than the last, so that the memory grows and
// grows.
function bursts(
  steps: readonly (readonly [number, number])[],
  nslabs: number,
  nareas: number,
  growsAfter: number
): TraceMaker {
  const m = new TraceMaker({ nslabs, nareas, growsAfter, kernel: '7.1', start: 0x7fc1b000 })
  let page = 0x100000000
  for (const [n, x] of steps) {
    for (let i = 0; i < n; i++) {
      page += 0x10000
      const big = (x + i) % 5 === 0
      m.map(
        DISK,
        (x + i) % 2,
        page + (i % 4 === 0 ? 512 : 0),
        big ? 4096 * (1 + ((x * 7 + i) % 60)) : 4096,
        1 + (i % 2),
        4095
      )
      if (i % 6 === 0) m.map(NET, i % 2, page + 0x8000 + (i % 32) * 64, 60 + ((x + i) % 1400), 2)
    }
    while (m.live.length > x % 40) m.unmap(m.live[(x * 13) % m.live.length] as (typeof m.live)[number], x % 2)
  }
  while (m.live.length > 0) m.unmap(m.live[0] as (typeof m.live)[number], 0)
  return m
}

function replay(m: TraceMaker, options: Partial<ReplayOptions> = {}): Replay {
  const names = new Names()
  const r = new Replay(names, {
    pool: { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas },
    minAlignMask: new Map([[DISK, 4095]]),
    ...options
  })
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(`# entries-in-buffer/entries-written: 1/1   #P:2\n${m.text()}`))
  if (s.header.cpus !== null) r.headerCpus(s.header.cpus)
  s.end()
  r.end()
  return r
}

const steps = fc.array(fc.tuple(fc.integer({ min: 5, max: 220 }), fc.nat({ max: 999 })), {
  minLength: 4,
  maxLength: 12
})

describe('a memory that grows', () => {
  test('every pool is found, the high-water mark is exact, few addresses are missed', () => {
    let compared = 0
    let equal = 0
    fc.assert(
      fc.property(
        steps,
        fc.constantFrom(512, 1024, 4096),
        fc.constantFrom(1, 2),
        fc.constantFrom(1e5, 1e6),
        (o, nslabs, nareas, after) => {
          const m = bursts(o, nslabs, nareas, after)
          const r = replay(m)
          expect(r.sim?.usage.used_hiwater).toBe(m.mem.usage.used_hiwater)
          expect(r.sim?.usage.total_used).toBe(0)
          expect(r.sim?.empty).toBe(true)
          expect(r.counts.outsidePool).toBe(0)
          expect(r.counts.predictedFailedMaps).toBe(0)
          compared += r.counts.compared
          equal += r.counts.equal
        }
      ),
      { numRuns: 12 }
    )
    // how few depends on what was drawn
    expect(equal / compared).toBeGreaterThan(0.99)
  })

  test('the pools are those that the kernel made', () => {
    fc.assert(
      fc.property(steps, (o) => {
        const m = bursts(o, 512, 2, 1e5)
        const r = replay(m)
        // The last pool may have come too late for any mapping to use it.
        const made = m.mem.pools.map((p) => p.start).sort((a, b) => a - b)
        const seen = (r.sim?.places ?? []).map((p) => p.start).sort((a, b) => a - b)
        expect(made).toEqual(expect.arrayContaining(seen))
        expect(made.length - seen.length).toBeLessThanOrEqual(1)
        expect(Math.abs(r.counts.transients - m.transients)).toBeLessThanOrEqual(made.length)
      }),
      { numRuns: 8 }
    )
  })

  test('without a kernel log, too', () => {
    const m = bursts(
      [
        [100, 3],
        [200, 7],
        [220, 11],
        [220, 5],
        [150, 2]
      ],
      512,
      2,
      1e5
    )
    const r = replay(m, { pool: { start: null, nslabs: null, nareas: null } })
    expect(r.sim?.place).toMatchObject({ start: m.pool.start, nslabs: 512, nareas: 2 })
    expect(r.sim?.usage.used_hiwater).toBe(m.mem.usage.used_hiwater)
    expect(r.counts.equal / r.counts.compared).toBeGreaterThan(0.99)
  })
})

test('the search is that of kernel/swiotlb/mem.ts', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 3 }), fc.integer({ min: 1, max: 262144 }), fc.nat({ max: 4095 })),
        { minLength: 30, maxLength: 300 }
      ),
      (ops) => {
        const place = { start: 0x7fc1b000, nslabs: 512, nareas: 2 }
        const mem = new IoTlbMem(place, true)
        const sim = new PoolSim(place)
        sim.canGrow = true
        const held: { pool: IoTlbPool; addr: number; id: number; transient: IoTlbPool[] }[] = []
        let pages = 0x108000000
        let start = 0x20000000
        for (const [kind, cpu, size, low] of ops) {
          if (kind === 0 && held.length > 0) {
            const h = held.splice(low % held.length, 1)[0] as (typeof held)[number]
            const pool = swiotlb_find_pool(mem, h.transient, h.addr) as IoTlbPool
            expect(sim.release(h.id)).toBe(swiotlb_release(mem, pool, 4095, h.addr))
          } else if (kind === 1 && mem.pools.length < 4) {
            add_mem_pool(mem, start, 512, 2)
            sim.addPool({ start, nslabs: 512, nareas: 2 })
            start += 512 * 2048
          } else {
            const phys = 0x100000000 + low
            const out = found()
            const params = (p: IoTlbPool) => slotParams(4095, 0, p.start)
            const ok = swiotlb_find_slots_dynamic(
              mem,
              cpu,
              params,
              phys,
              alloc_bytes(params(mem.pools[0] as IoTlbPool), phys, size, 0),
              0,
              () => {
                pages += 0x100000
                return pages
              },
              out
            )
            const id = sim.take(0, cpu, 4095, phys, size)
            expect(id !== 0).toBe(ok)
            if (ok && out.pool !== null) {
              const addr = swiotlb_slots_set(out.pool, out.index, params(out.pool), phys, size, 0)
              expect(sim.isTransient(id)).toBe(out.pool.transient)
              if (!out.pool.transient) expect(sim.address(id)).toBe(addr)
              held.push({ pool: out.pool, addr, id, transient: out.pool.transient ? [out.pool] : [] })
            }
          }
          expect([sim.usage.total_used, sim.usage.used_hiwater]).toEqual([mem.total_used, mem.used_hiwater])
        }
      }
    ),
    { numRuns: 60 }
  )
})

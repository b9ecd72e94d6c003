import { describe, expect, test } from 'vitest'
import { CostFit, copyCost, type CostTerms, type RequestLoad, requestRate } from './cost.ts'

const terms = (toll: number, rate: number, copiers = 1): CostTerms => ({ toll, rate, copiers, from: 'given' })
const load = (l: Partial<RequestLoad>): RequestLoad => ({
  bytes: 4096,
  copies: 2,
  crossings: 2,
  otherNs: 20_000,
  depth: 32,
  poolBytes: 64 << 20,
  ...l
})
const direct = (l: RequestLoad): RequestLoad => ({ ...l, copies: 0, crossings: 0, poolBytes: Number.POSITIVE_INFINITY })

test('two terms: crossings times toll, bytes over rate, shared by copiers', () => {
  expect(copyCost(1000, 0, terms(900, 1e9))).toBeCloseTo(0.0009, 9)
  expect(copyCost(0, 6.25e9, terms(900, 6.25e9))).toBeCloseTo(1, 9)
  expect(copyCost(10, 1e9, terms(0, 1e9, 4))).toBeCloseTo(0.25, 9)
})

test('the fit finds the terms that made the times, whatever the noise of interrupts', () => {
  const fit = new CostFit()
  for (let i = 0; i < 4000; i++) {
    const size = [64, 512, 1522, 4096, 16384, 65536][i % 6] as number
    fit.add(size, 800 + size * 0.16 + (i % 17 === 0 ? 50_000 : 0))
  }
  const t = fit.terms()
  expect(t).not.toBeNull()
  expect((t as CostTerms).rate).toBeGreaterThan(5e9)
  expect((t as CostTerms).rate).toBeLessThan(7.5e9)
  expect((t as CostTerms).toll).toBeGreaterThan(500)
  expect((t as CostTerms).toll).toBeLessThan(1100)
  const one = new CostFit()
  for (let i = 0; i < 100; i++) one.add(4096, 1000)
  expect(one.terms()).toBeNull()
})

// Published measurements: their order and sign follow from the two terms and the pool's limit. Toll and rate below are
// the test's own; the orders hold for any of the same kind.
describe('published orders', () => {
  const t = terms(1000, 6.25e9)

  test('one copier is 50 Gb/s; buffers born in the pool are not copied and pass it (TCP transmit, June 2026)', () => {
    const tx = load({ bytes: 65536, copies: 1, crossings: 16, otherNs: 3000, depth: 64 })
    const bounced = requestRate(tx, t) * tx.bytes * 8
    const born = requestRate(direct(tx), t) * tx.bytes * 8
    expect(bounced).toBeLessThan(50e9)
    expect(born).toBeGreaterThan(3 * bounced)
  })

  test(
    'one lock against areas: more copiers at a time give more, less than in proportion when something else binds ' +
      '(20 to 34 Gb/s)',
    () => {
      const net = load({ bytes: 1500, crossings: 2, otherNs: 12_000, depth: 14 })
      const one = requestRate(net, terms(600, 6.25e9, 1))
      const many = requestRate(net, terms(600, 6.25e9, 8))
      expect(many).toBeGreaterThan(one)
      expect(many).toBeLessThan(8 * one)
    }
  )

  test('data that a device writes is copied twice', () => {
    expect(copyCost(2, 2 * 4096, t)).toBeCloseTo(2 * copyCost(1, 4096, t), 12)
  })

  test(
    'bouncing wins where mapping costs an exit, until the copy is longer than the exit (virtio-iommu, 4k to 128k: ' +
      '2.8x to 4.7x)',
    () => {
      const exit = 2 * 25_000
      const bounce = (bytes: number): number => copyCost(2, 2 * bytes, t) * 1e9
      for (const size of [4096, 16384, 65536]) expect(bounce(size)).toBeLessThan(exit)
      // The break-even: (exit - 2 tolls) * rate / 2.
      const even = ((exit - 2 * t.toll) * t.rate) / 2e9
      expect(bounce(even)).toBeCloseTo(exit, 6)
      expect(bounce(2 * even)).toBeGreaterThan(exit)
    }
  )

  test(
    'small transfers lose most, by the toll; large ones by the ratio of rates (small copy 44x, model load 34x, ' +
      'compute 1x)',
    () => {
      const slow = terms(30_000, 1.2e9)
      const fast = (bytes: number): number => 700 / 1e9 + bytes / 40e9
      const factor = (bytes: number): number => copyCost(1, bytes, slow) / fast(bytes)
      expect(factor(256)).toBeGreaterThan(factor(1 << 30))
      expect(factor(1 << 30)).toBeCloseTo(40 / 1.2, 0)
      // A step that hardly transfers hardly loses.
      const step = 0.05
      expect((step + copyCost(1, 1 << 16, slow)) / (step + fast(1 << 16))).toBeLessThan(1.01)
    }
  )

  test(
    'queues against aperture: more queues help small requests, not large ones that fill the pool (4k +56 %, +622 ' +
      '%; 1M -10 %)',
    () => {
      const pool = 4 << 20
      const rate = (bytes: number, queues: number): number =>
        requestRate(
          load({ bytes, depth: 8 * queues, poolBytes: pool, otherNs: 400_000, crossings: 2 * Math.ceil(bytes / 4096) }),
          terms(200, 6.25e9)
        )
      expect(rate(4096, 4)).toBeGreaterThan(1.5 * rate(4096, 1))
      expect(rate(1 << 20, 4)).toBeLessThanOrEqual(rate(1 << 20, 1))
    }
  )

  test(
    'would trusted I/O help? by the share of copying: a flow that is slow for other reasons gains little (at most ' +
      '6 %)',
    () => {
      const tls = load({ bytes: 16384, copies: 1, crossings: 4, otherNs: 140_000, depth: 1 })
      const gain = requestRate(direct(tls), t) / requestRate(tls, t)
      expect(gain).toBeGreaterThan(1)
      expect(gain).toBeLessThan(1.06)
    }
  )
})

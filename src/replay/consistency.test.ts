// What-if answers that fit together, whatever the load: the recorded configuration gives the recorded result, a larger
// pool never refuses more, the pool that is called enough refuses nothing, and a bound is called a bound.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DISK, heavyOps, load, ops } from './_loads.ts'
import type { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { parseWhatIf } from './what-if-spec.ts'
import { WhatIf, type WhatIfResult } from './what-if.ts'

function ask(m: TraceMaker, questions: readonly string[]): { r: Replay; answers: WhatIfResult[] } {
  const names = new Names()
  const followers: WhatIf[] = []
  const r: Replay = new Replay(names, {
    pool: { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas },
    minAlignMask: new Map([[DISK, 4095]]),
    followers
  })
  for (const q of questions) {
    const spec = parseWhatIf(q)
    if (!spec.ok) throw new Error(spec.error.message)
    followers.push(new WhatIf(spec.value, () => r))
  }
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(m.text()))
  s.end()
  r.end()
  return { r, answers: followers.map((f) => f.result(null)) }
}

const SIZES = [128, 256, 512, 1024, 4096]
const pools = fc.constantFrom(512, 1024, 4096)

describe('a recording of a guest that bounces', () => {
  test('asked for its own configuration it gives its own figures', () => {
    fc.assert(
      fc.property(fc.oneof(ops, heavyOps), pools, fc.constantFrom(1, 2), (o, nslabs, nareas) => {
        const m = load(o, { nslabs, nareas })
        const { r, answers } = ask(m, [`pool=${nslabs},${nareas}`, 'kernel=linux-6.12', 'noforce'].slice(0, 2))
        for (const w of answers) {
          expect(w.basis).toBe('recorded')
          expect(w.hiwater).toBe(r.sim?.usage.used_hiwater)
          expect(w.failedMaps).toBe(r.counts.actualFailedMaps + r.counts.actualFailedSg)
          expect(w.copiedLess).toBe(0)
          expect(w.copiedBytes).toBe(r.devices.reduce((n, d) => n + d.copiedIn + d.copiedOut, 0))
          expect(w.bouncedBytes).toBe(r.devices.reduce((n, d) => n + d.bouncedBytes, 0))
          expect(w.devices.map((d) => d.peakSlots).reduce((a, b) => Math.max(a, b), 0)).toBeLessThanOrEqual(w.hiwater)
        }
      }),
      { numRuns: 12 }
    )
  })

  const larger = fc.property(fc.oneof(ops, heavyOps), pools, (o, nslabs) => {
    const m = load(o, { nslabs, nareas: 2 })
    const { answers } = ask(
      m,
      SIZES.map((n) => `pool=${n}`)
    )
    for (let i = 1; i < answers.length; i++)
      expect((answers[i] as WhatIfResult).failedMaps).toBeLessThanOrEqual((answers[i - 1] as WhatIfResult).failedMaps)
    const { needed } = answers[0] as WhatIfResult
    for (const w of answers) {
      expect(w.needed.slots).toBe(needed.slots)
      if (needed.slots !== null && w.pool.nslabs >= needed.slots) expect(w.failedMaps).toBe(0)
      else if (w.pool.nslabs >= 512) expect(w.failedMaps).toBeGreaterThan(0)
      expect(Object.values(w.causes).reduce((a, b) => a + b, 0)).toBe(w.failedMaps)
      expect(w.hiwater).toBeLessThanOrEqual(w.pool.nslabs)
    }
  })
  test('a larger pool never refuses more, a smaller one never less; the pool that is enough refuses nothing', () => {
    fc.assert(larger, { numRuns: 12 })
  })

  test("what the recording's own pool has carried is enough, where one that took over refuses", () => {
    fc.assert(larger, { seed: -1106660582, numRuns: 11 })
  })

  test('where calls failed in the recording, what it needs is a bound, and more than it had', () => {
    let some = 0
    fc.assert(
      fc.property(heavyOps, (o) => {
        const m = load(o, { nslabs: 512, nareas: 2 })
        const {
          answers: [own, larger]
        } = ask(m, ['pool=512', 'pool=4096'])
        if (m.failedMaps + m.failedSg === 0) {
          expect(own?.needed).toMatchObject({ slots: 512, basis: 'simulated' })
          return
        }
        some++
        expect(own?.needed.basis).toBe('bound')
        expect(own?.needed.atLeast).toBe(1024)
        expect(own?.needed.slots).toBeGreaterThan(512)
        expect(larger?.basis).toBe('bound')
      }),
      { numRuns: 12 }
    )
    // how many depends on what was drawn
    expect(some).toBeGreaterThan(0)
  })
})

describe('a plain recording', () => {
  test('forced, it gives what the forced guest recorded, as its load is the same here', () => {
    fc.assert(
      fc.property(ops, (o) => {
        const forced = load(o, { nslabs: 32768, nareas: 2 })
        const plain = load(o, { nslabs: 32768, nareas: 2, bounces: false })
        const { r } = ask(forced, [])
        const {
          answers: [w]
        } = ask(plain, ['force pool=32768,2'])
        expect(w?.bouncedBytes).toBe(r.devices.reduce((n, d) => n + d.bytes, 0))
        expect(w?.failedMaps).toBe(0)
        if ((w?.bouncedBytes ?? 0) === 0) return
        expect(w?.basis).toBe('bound')
        const [low, high] = w?.hiwaterRange ?? [0, 0]
        expect(high).toBeLessThanOrEqual(3 * low)
        const direct = r.devices.find((d) => d.name === '0000:00:03.0')
        if (direct === undefined)
          expect([w?.hiwater, w?.copiedBytes]).toEqual([
            r.sim?.usage.used_hiwater,
            r.devices.reduce((n, d) => n + d.copiedIn + d.copiedOut, 0)
          ])
      }),
      { numRuns: 12 }
    )
  })

  test('with nothing changed nothing bounces, and no pool is needed', () => {
    const plain = load(
      Array.from({ length: 100 }, (_, i) => [i % 7, i * 31, i * 17] as const),
      { nslabs: 4096, bounces: false }
    )
    const { answers } = ask(plain, ['pool=512', 'accepted=all'])
    for (const w of answers)
      expect(w).toMatchObject({ bouncedBytes: 0, copiedLess: 0, failedMaps: 0, needed: { slots: 0 } })
  })
})

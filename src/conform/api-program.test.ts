// Programs over the whole API: the same seed is the same program, operations refer to what stands before them, and a
// program that fails gets as small as what makes it fail.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../test/runs.ts'
import { wrongMachine } from './_swiotlb-machine.ts'
import { type ApiKinds, type ApiProgram, drawApi, shrinkApi } from './api-program.ts'
import { apiScenarios } from './api-scenarios.ts'

const all = apiScenarios(['arm64', 'x86'], 'linux-7.3', { realm: true, flips: true, tracksOnRequest: true }).map(
  (s) => s.scenario
)
const refersBack = (p: ApiProgram): boolean =>
  p.ops.every((o, i) => !('of' in o) || (o.of < i && 'values' in p.ops[o.of]!))

test('a seed is a program; operations refer to makers before them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(...all), (seed, s) => {
      const p = drawApi(seed, 120, s.api)
      expect(drawApi(seed, 120, s.api)).toEqual(p)
      expect(refersBack(p)).toBe(true)
      const asRecorded = { ...p.machine, kernel: 'linux-7.3.4' }
      expect(wrongMachine(asRecorded)).toBeNull()
    }),
    { numRuns: runs(60) }
  )
})

test('programs hold what they are for', () => {
  const kinds = new Set<string>()
  const failures = new Set<string>()
  let [atBoot, restricted] = [0, 0]
  for (const s of all)
    for (let seed = 1; seed <= 40; seed++) {
      const p = drawApi(seed, 200, s.api)
      if ((p.machine['boot_inject'] as unknown[]).length > 0) atBoot++
      if (p.machine.restricted.length > 0) restricted++
      for (const o of p.ops) {
        kinds.add(o.op === 'look' ? `look ${o.line[0]}` : o.op)
        if ('fails' in o) for (const [kind] of o.fails) failures.add(kind)
      }
    }
  expect([...kinds].sort()).toEqual([
    'aa',
    'accepted',
    'da',
    'dm',
    'end',
    'look h',
    'look hp',
    'look pg',
    'look ph',
    'look q',
    'm',
    'mask',
    'mg',
    'mp',
    'na',
    'pa',
    'sm',
    'sync',
    'work'
  ])
  expect([...failures].sort()).toEqual(['ap', 'dec', 'enc', 'vm'])
  expect(Math.min(atBoot, restricted)).toBeGreaterThan(10)
})

test('what fails for one operation is cut down to what that one needs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom(...all), (seed, s: { api: ApiKinds }) => {
      const p = drawApi(seed, 60, s.api)
      // It fails while something that a pair of a maker and its end does is in it.
      const fails = (q: ApiProgram): boolean =>
        refersBack(q) && q.ops.some((o) => o.op === 'end' && q.ops[o.of]?.op === 'mp')
      fc.pre(fails(p))
      const small = shrinkApi(p, fails)
      expect(small.ops.map((o) => o.op)).toEqual(['mp', 'end'])
      expect(small.machine.restricted).toEqual([])
    }),
    { numRuns: runs(40) }
  )
})

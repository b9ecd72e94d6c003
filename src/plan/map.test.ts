// The map against the counts of the plan, and against itself: every address is in exactly one entry.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GiB, MiB } from '../base/index.ts'
import { levelSize } from '../machine/rmm/index.ts'
import { makePlan } from './index.ts'
import { mapRuns, type Moment, StageTwo } from './map.ts'
import { makeSpec, type PlanRequest, type PlanSpec } from './spec.ts'
import { runs } from '../../test/runs.ts'

const specOf = (q: PlanRequest): PlanSpec => {
  const s = makeSpec(q)
  if (!s.ok) throw new Error(s.error.map((e) => e.message).join('; '))
  return s.value
}

/** All leaves of the guest's memory, one after the other. */
function leaves(map: StageTwo): Record<'1G' | '2M' | '4K' | 'shared', number> {
  const out = { '1G': 0, '2M': 0, '4K': 0, shared: 0 }
  for (let at = map.base; at < map.top; ) {
    const l = map.leafAt(at)
    if (l.from > at || l.to <= at || map.leafAt(l.to - 1).from !== l.from)
      throw new Error(`${at}: ${JSON.stringify(l)}`)
    if (l.kind === 'shared') out.shared++
    else out[(['', '1G', '2M', '4K'] as const)[l.level] as '1G' | '2M' | '4K']++
    at = l.to
  }
  return out
}

const requests = fc.record({
  ram: fc.constantFrom(6 * MiB, 64 * MiB, GiB, GiB + 6 * MiB, 3 * GiB),
  ramBase: fc.constantFrom(0, 2 * MiB, GiB, 36864),
  page: fc.constantFrom('4K' as const, '2M' as const, '1G' as const),
  how: fc.constantFrom(
    { strategy: 'fold' as const },
    { strategy: 'fault-in' as const },
    { strategy: 'lazy' as const },
    { strategy: 'blocks' as const, generation: '2.0' as const },
    { strategy: 'fault-in' as const, generation: '2.0' as const },
    { vmm: 'kvm' as const }
  ),
  image: fc.constantFrom(null, { at: 0, size: 5 * MiB }, { at: 2 * MiB, size: 4096 })
})

test(
  'the leaves are those that the plan counts; a shared page costs one block and leaves its pieces; lazy puts it ' +
    'together again',
  () => {
    fc.assert(
      fc.property(requests, (q) => {
        const spec = specOf({
          ram: q.ram,
          ramBase: q.ramBase,
          page: q.page,
          ...q.how,
          images: q.image === null ? [] : [{ name: 'Image', addr: q.ramBase + q.image.at, size: q.image.size }]
        })
        // Page by page through a gigabyte takes too long here.
        const planned = new StageTwo(spec, 'planned')
        fc.pre(q.ram <= 64 * MiB || makePlan(spec).blocks['4K'] < 20_000)
        const before = leaves(planned)
        expect(before).toEqual({ ...makePlan(spec).blocks, shared: 0 })
        const shared = leaves(new StageTwo(spec, 'shared'))
        const back = leaves(new StageTwo(spec, 'back'))
        if (planned.target === null) return
        const level = planned.targetLevel
        const want = { ...before, shared: 1 }
        if (level === 3) want['4K']--
        else if (level === 2) {
          want['2M']--
          want['4K'] += 511
        } else {
          want['1G']--
          want['2M'] += 511
          want['4K'] += 511
        }
        expect(shared).toEqual(want)
        expect(back).toEqual(spec.strategy === 'lazy' ? before : { ...want, shared: 0, '4K': want['4K'] + 1 })
      }),
      { numRuns: runs(30) }
    )
  }
)

test('a picture of 12 TB covers each row, shows the page that is shared, and is made of few runs', () => {
  for (const moment of ['planned', 'shared', 'back'] as Moment[]) {
    const map = new StageTwo(specOf({ ram: 12 * 1024 * GiB }), moment)
    const runs = mapRuns(map, { from: 0, bytes: 12 * 1024 * GiB, rows: 24, width: 1000 })
    const covered = new Array<number>(24).fill(0)
    for (const r of runs.filter((x) => x.width > 2.5))
      covered[r.row] = Math.max(covered[r.row] as number, r.x + r.width)
    expect(covered.every((x) => x > 999)).toBe(true)
    expect(runs.some((r) => r.leaf.kind === 'shared')).toBe(moment === 'shared')
    expect(runs.length).toBeLessThan(200)
    expect(map.leafAt(map.target ?? 0).level).toBe(moment === 'planned' ? 1 : 3)
    expect(levelSize(map.targetLevel)).toBe(GiB)
  }
})

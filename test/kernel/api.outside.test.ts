// The whole DMA API of Debian's 6.12, 7.2 and 7.3 beside our model, on random programs; what the C answers is a
// recording that both readers of recordings take; and trees that are wrong on purpose.
import { describe, expect, test } from 'vitest'
import { runApi } from '../../src/conform/api-both.ts'
import { drawApi } from '../../src/conform/api-program.ts'
import { apiOfTree, apiScenarios, conformApi } from '../../src/conform/api-scenarios.ts'
import { replayRecording } from '../../src/conform/kernel-recording.ts'
import { SwiotlbConform } from '../../src/conform/swiotlb.ts'
import { type Tree, withAcceptance } from '../../src/kernel-build/index.ts'
import { built, debian, edited, moduleOf, tree, without } from './trees.ts'

type Scenario = ReturnType<typeof apiScenarios>[number]
const scenarios = (version: string): readonly Scenario[] =>
  apiScenarios(['arm64', 'x86'], `linux-${version}`, {
    realm: version !== '6.12',
    flips: true,
    tracksOnRequest: version === '7.3'
  })
const buildOf = async (t: Tree, { build }: Scenario) =>
  moduleOf(
    await built(build.acceptance ? (withAcceptance(t) as Tree) : t, build.arch, build.profile, {
      kconfig: build.kconfig
    })
  )
/** Pools that grow need builds of their own: of one tree, and one architecture. */
const affordable = (version: string, s: Scenario): boolean =>
  !s.scenario.api.dynamic || (version === '7.3' && s.build.arch === 'arm64')

describe.each(['7.3', '7.2', '6.12'])('%s', (version) => {
  const absent = without(`Debian's linux-source-${version} (scripts/kernel-trees.sh)`, debian(version) === null)

  test.skipIf(absent)('agrees with our model, 20,000 operations a way of booting', async () => {
    expect(apiOfTree((p) => tree(version).read(p))).toEqual({ realm: version !== '6.12' })
    for (const s of scenarios(version).filter((x) => affordable(version, x))) {
      const r = conformApi(await buildOf(tree(version), s), s.scenario, 20_000, 31)
      expect(r.first, JSON.stringify(r.first, null, 1)).toBeNull()
      expect(r.operations).toBe(20_000)
    }
  })

  test.skipIf(absent)('what the C answers is a recording', async () => {
    const s = scenarios(version)[1] as Scenario
    const m = await buildOf(tree(version), s)
    for (const seed of [1, 2, 3]) {
      const { lines, first } = runApi(m, drawApi(seed, 150, s.scenario.api))
      expect(first).toBeNull()
      const text = lines.map((l, i) => JSON.stringify(i === 0 ? { ...l, kernel: `linux-${version}.0` } : l))
      expect(replayRecording(m, 'x', text)).toMatchObject({ ok: true, value: { mismatches: 0 } })
      const c = new SwiotlbConform('x')
      for (const line of text) expect(c.next(line)).toMatchObject({ ok: true })
      expect(c.end()).toMatchObject({ ok: true, value: { mismatches: 0, first: null } })
    }
  })
})

describe.skipIf(without("Debian's linux-source-7.3", debian('7.3') === null))('a tree that is wrong', () => {
  const slips: ReadonlyArray<readonly [string, string, (s: string) => string, number, RegExp]> = [
    [
      'memory that is freed stays shared',
      'kernel/dma/direct.c',
      (t) => t.replace('if (mark_mem_encrypted && dma_set_encrypted(dev, vaddr, size))', 'if (0)'),
      1,
      /events/
    ],
    [
      'the atomic pool is not refilled',
      'kernel/dma/pool.c',
      (t) => t.replace('schedule_work(&atomic_pool_work)', '(void)pool'),
      1,
      /events/
    ]
  ]
  test.each(slips)('%s', async (name, path, edit, way, what) => {
    const s = scenarios('7.3')[way] as Scenario
    const original = tree('7.3').read(path) as string
    expect(edit(original)).not.toBe(original)
    const r = conformApi(await buildOf(edited(tree('7.3'), name, { [path]: edit }), s), s.scenario, 40_000, 1)
    expect(r.first?.what).toMatch(what)
    expect(r.first?.program.length, r.first?.program.join('\n')).toBeLessThanOrEqual(12)
  })
})

// Our kernel beside Debian's C on random programs; and trees that are wrong on purpose, to see that a difference is
// found and shrunk.
import { describe, expect, test } from 'vitest'
import { type Scenario, conformKernel, runBoth, scenariosFor } from '../../src/conform/kernel.ts'
import { draw, programText } from '../../src/conform/kernel-program.ts'
import { built, debian, edited, moduleOf, tree, without } from './trees.ts'

for (const version of ['7.2', '7.3'] as const) {
  test.skipIf(without(`Debian's linux-source-${version} (scripts/kernel-trees.sh)`, debian(version) === null))(
    `${version} and our model agree on 80,000 operations`,
    async () => {
      for (const { scenario, build } of scenariosFor(`linux-${version}`, ['arm64', 'x86'], [], null)) {
        const r = conformKernel(moduleOf(await built(tree(version), build.arch, build.profile)), scenario, 20_000, 4711)
        expect(r.first, JSON.stringify(r.first, null, 1)).toBeNull()
      }
    }
  )
}

describe.skipIf(without("Debian's linux-source-6.12", debian('6.12') === null))('conform kernel', () => {
  test('6.12 and our model agree on 400,000 operations, in all four ways of booting', async () => {
    const list = scenariosFor('linux-6.12', ['arm64', 'x86'], [], null)
    expect(list.map((s) => s.scenario.name)).toEqual(['arm64', 'arm64 realm', 'x86 SEV-SNP guest', 'x86 TDX guest'])
    for (const { scenario, build } of list) {
      const b = await built(tree('6.12'), build.arch, build.profile)
      const r = conformKernel(moduleOf(b), scenario, 100_000, 4711)
      expect(r.first, JSON.stringify(r.first, null, 1)).toBeNull()
      expect(r.operations).toBe(100_000)
    }
  })

  const plain = scenariosFor('linux-6.12', ['arm64'], [], null)[0] as { scenario: Scenario }
  // Each is a slip that a patch could make; the program is what the finder must not exceed.
  const slips: ReadonlyArray<readonly [string, string, (s: string) => string, number, RegExp]> = [
    [
      'the search index moves one slot too far',
      'kernel/dma/swiotlb.c',
      (s) =>
        s.replace(
          'area->index = wrap_area_index(pool, index + nslots);',
          'area->index = wrap_area_index(pool, index + nslots + 1);'
        ),
      4,
      /dma_addr|state of the pool|addresses|tlb_addr/
    ],
    [
      'the original is not copied for FROM_DEVICE',
      'kernel/dma/swiotlb.c',
      (s) =>
        s.replace(
          '\tswiotlb_bounce(dev, tlb_addr, mapping_size, DMA_TO_DEVICE, pool);\n',
          '\tif (dir != DMA_FROM_DEVICE)\n\t\tswiotlb_bounce(dev, tlb_addr, mapping_size, DMA_TO_DEVICE, pool);\n'
        ),
      4,
      /bytes bounced/
    ],
    [
      'the bus limit is forgotten',
      'include/linux/dma-direct.h',
      (s) =>
        s.replace('return end <= min_not_zero(*dev->dma_mask, dev->bus_dma_limit);', 'return end <= *dev->dma_mask;'),
      4,
      /dma_addr|addresses|slots used/
    ],
    [
      'pages of a failed attempt are not given back',
      'kernel/dma/direct.c',
      (s) => s.replace('\t\t__free_pages(page, get_order(size));\n\t\tpage = NULL;\n', '\t\tpage = NULL;\n'),
      4,
      /events|address/
    ],
    [
      'dma_skip_sync survives a bounce',
      'kernel/dma/swiotlb.c',
      (s) => s.replace('\tdma_reset_need_sync(dev);\n', ''),
      5,
      /dma_skip_sync/
    ],
    [
      'padding is not released',
      'kernel/dma/swiotlb.c',
      (s) => s.replace('\tindex -= mem->slots[index].pad_slots;\n', ''),
      5,
      /slots used|state of the pool|dma_addr|tlb_addr|addresses|the call/
    ]
  ]
  test.each(slips)('%s', async (name, path, edit, longest, what) => {
    const b = await built(edited(tree('6.12'), name, { [path]: edit }), 'arm64', 'recorded')
    const r = conformKernel(moduleOf(b), plain.scenario, 60_000, 1)
    expect(r.first).not.toBeNull()
    expect(r.first?.what).toMatch(what)
    expect(r.first?.program.length, r.first?.program.join('\n')).toBeLessThanOrEqual(longest)
    // and it is found again, the same
    expect(conformKernel(moduleOf(b), plain.scenario, 60_000, 1).first).toEqual(r.first)
  })

  test('programs do what they are for: maps bounce and do not, allocations fail and do not', async () => {
    const b = await built(tree('6.12'), 'arm64', 'recorded')
    const ops = new Set<string>()
    for (let seed = 1; seed < 30; seed++) {
      const p = draw(seed, 200, { accepted: false, noncoherent: true, flipForce: true })
      for (const o of p.ops) ops.add(o.op)
      expect(runBoth(moduleOf(b), plain.scenario, p)).toBeNull()
      expect(programText(p).length).toBe(1 + p.devices.length + p.ops.length)
    }
    expect([...ops].sort()).toEqual([
      'alloc',
      'alloc_pages',
      'force',
      'free',
      'free_pages',
      'map',
      'map_resource',
      'map_sg',
      'max_mapping_size',
      'set_mask',
      'sync',
      'tbl_map',
      'tbl_unmap',
      'unmap',
      'unmap_sg'
    ])
  })
})

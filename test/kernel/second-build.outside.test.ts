// Bounce pools that grow, and devices behind a vIOMMU, in the C: the worker that adds a pool, transient ones, what
// frees those; the tree's own dma-iommu over our machine's tables. Beside our model, with whole calls.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkTest } from '../../src/check/index.ts'
import { checkOnTree, needSecond, revisionOf, runsOf } from '../../src/conform/kernel-check.ts'
import { hasDmaIommu, hasKconfig } from '../../src/kernel-build/config.ts'
import type { Tree } from '../../src/kernel-build/index.ts'
import type { KernelMeta } from '../../src/kernel-c/index.ts'
import { parse, type Test } from '../../src/litmus/index.ts'
import { images, library, properties, root } from './checks.ts'
import { debian, edited, tree, without } from './trees.ts'
import { turn } from '../turn.ts'

/** What the library's tests leave out: devices, then a thread's statements. */
const bodies: Readonly<Record<string, readonly [devices: string, ...threads: string[]]>> = {
  'grows-two-devices': [
    'device nic { }\ndevice gpu { }',
    'p = alloc_page(); h = dma_map_single(nic, p, BIDIRECTIONAL); g = dma_map_single(gpu, p, BIDIRECTIONAL); ' +
      'dma_unmap_single(nic, h); i = dma_map_single(nic, p, BIDIRECTIONAL); dma_unmap_single(gpu, g)'
  ],
  'grows-and-is-read-after-unmap': [
    'device nic { }',
    'p = alloc_page(); q = alloc_page(); fill(q, more); h = dma_map_single(nic, p, BIDIRECTIONAL); ' +
      'g = dma_map_single(nic, q, BIDIRECTIONAL); dev_write(nic, g, answer); dma_unmap_single(nic, g); ' +
      'v = dev_read(nic, g)'
  ],
  'grows-two-threads': [
    'device nic { }',
    'p = alloc_page(); h = dma_map_single(nic, p, BIDIRECTIONAL); dma_unmap_single(nic, h)',
    'p = alloc_page(); h = dma_map_single(nic, p, TO_DEVICE); dma_unmap_single(nic, h)'
  ],
  'iommu-allocates': [
    'device nic { noncoherent iommu }',
    'a = dma_alloc_coherent(nic, 4096, ATOMIC); b = dma_alloc_coherent(nic, 12288); ' +
      'c = dma_alloc_pages(nic, 4096, BIDIRECTIONAL); dma_free_coherent(nic, a); dma_free_coherent(nic, b); ' +
      'dma_free_pages(nic, c); v = dev_read(nic, b)'
  ],
  'iommu-small-buffer-of-two': [
    'device nic { iommu, untrusted }\ndevice gpu { iommu }',
    'b = kmalloc(512); fill(b, data); h = dma_map_single(nic, b, BIDIRECTIONAL); ' +
      'g = dma_map_single(gpu, b, TO_DEVICE); dev_write(nic, h, answer); dma_sync_single_for_cpu(nic, h); ' +
      'w = read(b); dma_sync_single_for_device(nic, h); dma_unmap_single(gpu, g); dma_unmap_single(nic, h); ' +
      'x = dev_read(nic, h)'
  ],
  'iommu-and-a-full-pool': [
    'device nic { iommu, untrusted }',
    'a = kmalloc(2048); b = kmalloc(2048); c = kmalloc(2048); h = dma_map_single(nic, a, BIDIRECTIONAL); ' +
      'g = dma_map_single(nic, b, BIDIRECTIONAL); i = dma_map_single(nic, c, BIDIRECTIONAL); ' +
      'dma_unmap_single(nic, h); dma_unmap_single(nic, g)'
  ]
}

function own(kernel: string): Test[] {
  return Object.entries(bodies).flatMap(([name, [devices, ...threads]]) =>
    // a vIOMMU alone, and with a pool that grows
    (name.startsWith('iommu')
      ? ['', 'swiotlb 2', 'swiotlb 2, swiotlb_dynamic on']
      : ['swiotlb 2, swiotlb_dynamic on']
    ).map((config) => {
      const text =
        `litmus ${name} "x"\nplatform arm-cca, pkvm, intel-tdx, amd-sev-snp\nkernel ${kernel}\n` +
        `config { ${config} }\n${devices}\n` +
        threads.map((t, i) => `thread t${i} {\n${t.split('; ').join('\n')}\n}\n`).join('')
      const { test: t } = parse(text, `${name}.litmus`)
      if (!t) throw new Error(`does not parse: ${text}`)
      return t
    })
  )
}

describe.each([
  ['6.12', ['x86']],
  ['7.2', ['arm64']],
  ['7.3', ['arm64', 'x86']]
] as const)('pools that grow, and vIOMMUs, on %s', (version, arches) => {
  const missing = without(`Debian's linux-source-${version}`, debian(version) === null)
  test.skipIf(missing)('each verdict and each property is that of our model with whole calls', async () => {
    const i = await images(tree(version), arches, {}, true)
    const kernel = revisionOf((i.arm64 ?? i.x86)?.meta as KernelMeta)
    expect((i.arm64 ?? i.x86)?.second?.meta.has).toMatchObject({ dynamic: true, iommu: true })
    const about = library.filter((t) => needSecond([t]))
    let compared = 0
    for (const run of runsOf([...about, ...own(kernel)], [kernel], null, false)) {
      await turn()
      const c = checkOnTree(run, kernel, i)
      if (c.verdict === 'skipped') continue
      const m = checkTest(run.test, kernel, run.platform, { interleave: 'calls' })
      const { name } = run.test
      expect([name, run.platform, c.verdict, properties(c)]).toEqual([name, run.platform, m.verdict, properties(m)])
      compared++
    }
    expect(compared).toBeGreaterThan(20)
  })
})

/** Of some tests those in which arm64's code of a tree has a leak of that kind. */
async function leaking(
  t: Tree,
  decision: 'lost' | 'heap',
  asked: ReadonlyArray<readonly [test: string, platform: string]>
): Promise<string[]> {
  const i = await images(t, ['arm64'], {}, true)
  const found: string[] = []
  for (const [name, platform] of asked) {
    await turn()
    const r = checkOnTree({ test: library.find((x) => x.name === name) as Test, platform }, 'linux-7.3', i)
    if (r.violations.some((v) => v.id.startsWith('leak/') && v.id.includes(`/${decision}/`))) found.push(name)
  }
  return found
}

test.skipIf(without("Debian's linux-source-7.3", debian('7.3') === null))(
  'pages that the C took for a pool and that lie in none are lost: those above a limit, those that were made private ' +
    'again, and those of a pool that goes',
  async () => {
    const loses = edited(tree('7.3'), 'loses pages', {
      'kernel/dma/swiotlb.c': (s) => {
        const [from, to] = ['static struct page *alloc_dma_pages(', 'static struct page *swiotlb_alloc_tlb('].map((f) =>
          s.indexOf(f)
        ) as [number, number]
        const body = s.slice(from, to).replaceAll('\t\t__free_pages(page, order);\n', '\t\t;\n')
        return (s.slice(0, from) + body + s.slice(to)).replace(/\tswiotlb_free_tlb\(pool->vaddr.*\n/, '')
      }
    })
    const asked = [
      ['transient-pool-at-the-limit-without-byte', 'none'],
      ['pool-not-shared-goes-back', 'arm-cca'],
      ['transient-pool-at-the-limit', 'none']
    ] as const
    expect(await leaking(tree('7.3'), 'lost', asked)).toEqual([])
    expect(await leaking(loses, 'lost', asked)).toHaveLength(3)
  }
)

test.skipIf(without("Debian's linux-source-7.3", debian('7.3') === null))(
  'a block of the heap that nothing points to is lost: of a pool that goes, and of boots that fail half-way',
  async () => {
    const loses = edited(tree('7.3'), 'loses its heap', {
      'kernel/dma/swiotlb.c': (s) =>
        s
          .replace(/(\tswiotlb_free_tlb\(pool->vaddr.*\n)\tkfree\(pool\);\n/, '$1')
          .replace(/(Failed to decrypt restricted.*\n)\t+kfree\(pool->areas\);\n/, '$1'),
      'kernel/dma/pool.c': (s) => s.replace('\t\tgen_pool_destroy(dma_pool->pool);\n', '')
    })
    const asked = [
      ['transient-pool-at-the-limit', 'none'],
      ['restricted-pool-refused', 'pkvm'],
      ['coherent-zone-retry', 'arm-cca']
    ] as const
    expect(await leaking(tree('7.3'), 'heap', asked)).toEqual([])
    expect(await leaking(loses, 'heap', asked)).toHaveLength(3)
  }
)

test.skipIf(without("Debian's linux-source-6.1", debian('6.1') === null))(
  'a tree without CONFIG_SWIOTLB_DYNAMIC, and whose dma-iommu is a dma_map_ops, leaves them out, and says why',
  async () => {
    expect([hasKconfig(tree('6.1'), 'SWIOTLB_DYNAMIC'), hasDmaIommu(tree('6.1'))]).toEqual([false, false])
    const i = await images(tree('6.1'), ['x86'], {}, true)
    const reasons = ['pool-grows', 'tdx-viommu-at-t0'].map((name) => {
      const t = library.find((x) => x.name === name) as Test
      return checkOnTree({ test: t, platform: 'intel-tdx' }, 'linux-6.12', i).reason
    })
    expect(reasons).toEqual([expect.stringContaining('CONFIG_SWIOTLB_DYNAMIC'), expect.stringContaining('dma-iommu')])
  }
)

test.skipIf(without("Debian's linux-source-7.3", debian('7.3') === null))(
  'hunt --tree asks the tree about a vIOMMU and a pool that grows, and it shows nothing else',
  () => {
    const scenes = 'coherent+t0+iommu,kmalloc+t0+restricted+dynamic+narrow'
    const args = ['hunt', '--platform', 'arm-cca', '--interleave', 'calls', '--scene', scenes]
    const r = spawnSync(join(root, 'tbit'), [...args, '--tree', debian('7.3') ?? ''], { cwd: root, encoding: 'utf8' })
    expect(r.stdout).toMatch(/in whole calls: 2 of 2 scenes, [\d,]+ states; nothing that the\s+model does not show/)
    expect(r.stdout).not.toContain('not asked')
  }
)

// kernel/dma is read beside the C: each of its functions that has a kernel's name (snake_case; camelCase is ours) is in
// the source file that its own file stands for, and they come in that file's order, in every tree that is installed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
// @ts-expect-error: a script without types
import { SOURCES as sourcesOf } from '../../scripts/functions.mjs'
import { root } from '../_transcripts.ts'
import { debian, tree } from './trees.ts'

const SOURCES: Readonly<Record<string, readonly string[]>> = sourcesOf

/** Names that stand elsewhere in the C, or in a tree that was never released, and why they are here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  arch_sync_dma: 'arch_sync_dma_for_device() and arch_sync_dma_for_cpu() in one',
  atomic_pool_size: 'a variable of pool.c that dma_atomic_pool_init() computes',
  dma_addressing_limited: 'of mapping.c; dma_direct_max_mapping_size() asks it, and no file imports itself',
  dma_dev_need_sync: 'include/linux/dma-mapping.h',
  dma_map_sg: 'include/linux/dma-mapping.h',
  dma_set_any_mask: 'dma_set_mask() and dma_set_coherent_mask() of a mask that is no power of two less one',
  dma_set_mask_and_coherent: 'include/linux/dma-mapping.h',
  dma_sync_sg: 'dma_sync_sg_for_cpu() and dma_sync_sg_for_device() in one',
  dma_sync_single: 'dma_sync_single_for_cpu() and dma_sync_single_for_device() in one',
  dma_unmap_sg: 'include/linux/dma-mapping.h',
  iommu_dma_sync_single: 'iommu_dma_sync_single_for_cpu() and iommu_dma_sync_single_for_device() in one',
  swiotlb_find_pool: 'include/linux/swiotlb.h',
  swiotlb_sync_single: 'swiotlb_sync_single_for_device() and swiotlb_sync_single_for_cpu() in one',
  swiotlb_tbl_unmap_single: 'include/linux/swiotlb.h',
  use_dma_iommu: 'include/linux/iommu-dma.h'
}

/** What a tree may leave out: an archive is read only as far as a build of the DMA code needs it. */
const IN_WHOLE_TREES = new Set(['iommu.ts'])

const TREES = ['6.12', '7.2', '7.3'].filter((v) => debian(v) !== null)

/** Functions that a C file defines, in its order. */
function defined(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '')
  return [...code.matchAll(/^(?![#\s])[^\n;{}()=]*?\b(\w+)\(/gm)].flatMap((m) => {
    let depth = 1
    let at = m.index + m[0].length
    for (; depth > 0 && at < code.length; at++) depth += code[at] === '(' ? 1 : code[at] === ')' ? -1 : 0
    return /^[^;]*?\n?\{/.test(code.slice(at, at + 40)) ? [m[1] as string] : []
  })
}

const FUNCTION = /^(?:export )?(?:function\*? |const )(\w+)(?=[(<]| = (?:\([^)]*\)|\w+)(?:: \w+)? =>)/gm
const METHOD = /^ {2}(?:private )?(\w+)\((?:[^()]|\([^()]*\))*\)(?:: [^\n]+)? \{$/gm

/** Functions and methods of one of our files that have a kernel's name, without the suffix of a generation. */
const ours = (text: string): string[] =>
  [...text.matchAll(FUNCTION), ...text.matchAll(METHOD)]
    .sort((a, b) => a.index - b.index)
    .map((m) => (m[1] ?? '').replace(/_(?:71|cc)$/, ''))
    .filter((n) => n.includes('_') && n === n.toLowerCase())
    .filter((n, i, all) => n !== all[i - 1])

for (const version of TREES)
  test(`kernel/dma stands in the order of ${version}`, () => {
    const t = tree(version)
    for (const [file, sources] of Object.entries(SOURCES)) {
      const c = sources.flatMap((s) => defined(t.read(s) ?? ''))
      if (c.length === 0 && IN_WHOLE_TREES.has(file)) continue
      expect(c.length, sources.join()).toBeGreaterThan(0)
      const mine = ours(readFileSync(join(root, 'src/kernel/dma', file), 'utf8')).filter((n) => c.includes(n))
      expect(mine, file).toEqual([...mine].sort((a, b) => c.indexOf(a) - c.indexOf(b)))
    }
  }, 120_000)

test.runIf(TREES.length === 3)('each function with a kernel’s name is in one of the trees', () => {
  const unknown = Object.entries(SOURCES).flatMap(([file, sources]) => {
    const c = new Set(TREES.flatMap((v) => sources.flatMap((s) => defined(tree(v).read(s) ?? ''))))
    if (c.size === 0 && IN_WHOLE_TREES.has(file)) return []
    return ours(readFileSync(join(root, 'src/kernel/dma', file), 'utf8')).filter((n) => !c.has(n))
  })
  expect(unknown.filter((n) => ELSEWHERE[n] === undefined)).toEqual([])
  // A reason that is no longer needed goes.
  const all = new Set(
    Object.keys(SOURCES).flatMap((file) => ours(readFileSync(join(root, 'src/kernel/dma', file), 'utf8')))
  )
  expect(Object.keys(ELSEWHERE).filter((n) => !all.has(n))).toEqual([])
})

if (TREES.length < 3)
  test.skip(`kernel/dma beside the C: ${3 - TREES.length} of 3 trees are not here (scripts/kernel-trees.sh)`, () => {})

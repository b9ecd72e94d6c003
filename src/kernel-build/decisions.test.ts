import { expect, test } from 'vitest'
import { releaseOf, revisionOf } from '../conform/kernel-check.ts'
import { decisionsOf } from './decisions.ts'
import type { Tree } from './tree.ts'

// Text of our own with the shapes that are looked for; a real tree is read by the tests of test/kernel.
const old: Readonly<Record<string, string>> = {
  'kernel/dma/direct.c':
    'static void *dma_direct_alloc_from_pool(struct device *dev, size_t size)\n{\n\treturn 0;\n}\nvoid ' +
    '*dma_direct_alloc(struct device *dev, unsigned long attrs)\n{\n\tif (remap) {\n\t\tmap();\n\t} else {\n' +
    '\t\tdma_set_decrypted(dev);\n\t}\n}\nsize_t dma_direct_max_mapping_size(struct device *dev)\n{\n\treturn ' +
    '1;\n}\n',
  'kernel/dma/pool.c':
    'static int atomic_pool_expand(struct gen_pool *pool)\n{\n\treturn pgprot_decrypted(0);\n}\nstruct page ' +
    '*dma_alloc_from_pool(struct device *dev, gfp_t gfp)\n{\n\treturn 0;\n}\nstatic struct gen_pool ' +
    '*dma_guess_pool(struct gen_pool *prev, gfp_t gfp)\n{\n\treturn atomic_pool_kernel;\n}\n',
  'kernel/dma/swiotlb.c':
    'void swiotlb_update_mem_attributes(void)\n{\n\tset_memory_decrypted(1, 2);\n}\nstatic struct page ' +
    '*swiotlb_alloc_tlb(struct device *dev, size_t bytes, void **vaddr)\n{\n\treturn 0;\n}\nphys_addr_t ' +
    'swiotlb_tbl_map_single(struct device *dev)\n{\n\treturn 0;\n}\n',
  'include/linux/swiotlb.h':
    '#define SWIOTLB_FORCE 2\nstatic inline bool is_swiotlb_force_bounce(struct device *dev)\n{\n\treturn ' +
    'dev->dma_io_tlb_mem->force_bounce;\n}\n',
  'include/linux/dma-mapping.h': '#define DMA_ATTR_NO_WARN (1UL << 8)\n',
  'include/linux/dma-direct.h':
    'static inline phys_addr_t dma_to_phys(struct device *dev, dma_addr_t a)\n{\n\treturn __sme_clr(paddr);\n}\n' +
    'static inline bool dma_capable(struct device *dev, dma_addr_t addr, size_t size, bool is_ram)\n{\n\treturn ' +
    'true;\n}\n',
  'include/linux/device.h': 'struct device {\n\tbool dma_skip_sync:1;\n};\n'
}
const tree = (edits: Readonly<Record<string, (s: string) => string>> = {}): Tree =>
  ({
    name: 't',
    version: '6.12.1',
    dir: '',
    read: (p: string) => {
      const s = old[p]
      return s === undefined ? null : (edits[p]?.(s) ?? s)
    }
  }) as unknown as Tree
const meta = (t: Tree, version: string, fields: readonly string[] = []): never =>
  ({ version, fields, flagFunctions: [], decisions: decisionsOf(t) }) as never

test('what the text of a tree decides', () => {
  expect(decisionsOf(tree())).toEqual({
    'attributes.CC_SHARED': false,
    'attributes.MMIO': false,
    'attributes.REQUIRE_COHERENT': false,
    mapPhys: 'map_page',
    capableChecksForce: false,
    maxMappingForced: false,
    clearBitsAfterRangeMap: true,
    decryptFailure: 'ignore',
    bootConverts: 'platform',
    dynamicPools: 'device',
    dynamicFree: 'kept',
    dynamicRelease: 'rcu_callback',
    poolMatches: 'any',
    atomicPoolsShared: 'always',
    atomicPoolAlias: 'shared',
    atomicPoolFailure: 'freed',
    atomicPoolLookup: 'own_zone',
    poolsMatchRequest: false,
    allocByAttr: false,
    decryptRemapped: false,
    convertRestricted: true,
    allocPagesReturnsPage: false,
    freePagesByPhys: false,
    forceBounce: 'guest',
    atomicDevFlags: false,
    realmGuest: false,
    pkvmForces: false
  })
  // An empty tree tells next to nothing.
  expect(Object.keys(decisionsOf({ read: () => null } as unknown as Tree)).sort()).toEqual(['pkvmForces', 'realmGuest'])
})

test.each([
  [
    'a struct page from the pool',
    'kernel/dma/direct.c',
    (s: string) => s.replace('static void *', 'static struct page *'),
    { allocPagesReturnsPage: true }
  ],
  [
    'a page found by its physical address',
    'kernel/dma/pool.c',
    (s: string) => `${s}bool dma_free_from_pool_page(void)\n{\n\treturn false;\n}\n`,
    { freePagesByPhys: true }
  ],
  [
    'an atomic pool that another stands in for',
    'kernel/dma/pool.c',
    (s: string) => s.replace('return atomic_pool_kernel;', 'return atomic_pool_kernel ?: atomic_pool_dma;'),
    { atomicPoolLookup: 'nearest' }
  ],
  [
    'the function named in a comment only',
    'kernel/dma/pool.c',
    (s: string) => `${s}/* dma_free_from_pool_page() */\n`,
    { freePagesByPhys: false }
  ],
  [
    'a failed conversion that is looked at',
    'kernel/dma/swiotlb.c',
    (s: string) => `${s}static void swiotlb_mark_pool_used(void)\n{\n}\n`,
    { decryptFailure: 'unusable' }
  ],
  [
    'attributes seen by dma_capable()',
    'include/linux/dma-direct.h',
    (s: string) => s.replace('bool is_ram)', 'bool is_ram, unsigned long attrs)'),
    { mapPhys: 'capable' }
  ],
  [
    'an accepted device that never bounces',
    'include/linux/swiotlb.h',
    (s: string) => s.replace('return dev', 'return !dev->tdi_enabled && dev'),
    { forceBounce: 'unless_accepted' }
  ],
  [
    'an accepted flag apart from the others',
    'include/linux/device.h',
    (s: string) => s.replace('};', '\tint between;\n\tbool tdi_enabled:1;\n};'),
    { 'flagStorage.x86': 'own_byte' }
  ],
  [
    'an accepted flag of the bitmap',
    'include/linux/device.h',
    (s: string) =>
      s.replace('};', '\tDECLARE_BITMAP(flags, 1);\n};\nenum struct_device_flags {\n\tDEV_FLAG_TDI_ENABLED = 0,\n};'),
    { 'flagStorage.x86': 'atomic' }
  ],
  [
    'no shared word for dma_skip_sync',
    'include/linux/device.h',
    (s: string) => s.replace(':1', ''),
    { atomicDevFlags: true }
  ]
])('%s', (_what, path, edit, found) => {
  expect(decisionsOf(tree({ [path]: edit }))).toMatchObject(found)
})

test('the revision that stands around a tree follows from what is found, not from its version', () => {
  expect(releaseOf(meta(tree(), '6.12.1'))).toBe('linux-6.12')
  // The same text under another number is the same kernel.
  expect(releaseOf(meta(tree(), '7.3.0'))).toBe('linux-6.12')
  expect(revisionOf(meta(tree(), '6.12.1', ['tdi_enabled']))).toBe('rfc-v1')
  expect(revisionOf(meta(tree(), '6.12.1', ['cc_accepted']))).toBe('tio-v2')
  expect(
    revisionOf(
      meta(
        tree({ 'include/linux/dma-direct.h': (s) => s.replace('bool is_ram)', 'bool is_ram, unsigned long attrs)') }),
        '6.12.1',
        ['cc_accepted']
      )
    )
  ).toBe('cc-v8')
  // An image that is older than this has no decisions: the nearest by number.
  expect(releaseOf({ version: '7.2.13', fields: [], flagFunctions: [] } as never)).toBe('linux-7.2')
})

// A tree of invention: no line of it is a kernel's. What is under test is that differences are found in the text.
import { expect, test } from 'vitest'
import { detect } from './detect.ts'
import type { Tree } from './tree.ts'

const declared = (name: string, params: string): string => `int ${name}(${params});\n`
const D = 'struct device *dev'
const DIR = 'enum dma_data_direction dir'
const files: Record<string, string> = {
  'arch/arm64/Kconfig': 'config ARM64\n\tselect ARCH_HAS_MEM_ENCRYPT\n\tselect DMA_DIRECT_REMAP\n',
  'kernel/dma/Kconfig': 'config DMA_NEED_SYNC\n\tbool\n',
  'kernel/dma/swiotlb.c':
    declared(
      'swiotlb_init_io_tlb_pool',
      'struct io_tlb_pool *mem, phys_addr_t start, void *vaddr, unsigned long nslabs, bool late_alloc, ' +
        'unsigned int nareas'
    ) + 'struct io_tlb_slot { unsigned short pad_slots; };\n',
  'include/linux/swiotlb.h': [
    '#define SWIOTLB_FORCE 1',
    'struct io_tlb_pool {',
    '\tint x;',
    '};',
    'struct io_tlb_mem { long used_hiwater; };',
    'void swiotlb_dev_init(struct device *dev);',
    declared(
      'swiotlb_tbl_map_single',
      `${D}, phys_addr_t phys, size_t mapping_size, unsigned int alloc_aligned_mask, ${DIR}, unsigned long attrs`
    ),
    declared('swiotlb_map', `${D}, phys_addr_t phys, size_t size, ${DIR}, unsigned long attrs`),
    declared('swiotlb_tbl_unmap_single', `${D}, phys_addr_t addr, size_t size, ${DIR}, unsigned long attrs`),
    declared('swiotlb_sync_single_for_device', `${D}, phys_addr_t addr, size_t size, ${DIR}`),
    declared('swiotlb_sync_single_for_cpu', `${D}, phys_addr_t addr, size_t size, ${DIR}`)
  ].join('\n'),
  'kernel/dma/direct.h': [
    declared(
      'dma_direct_map_page',
      `${D}, struct page *page, unsigned long offset, size_t size, ${DIR}, unsigned long attrs`
    ),
    declared('dma_direct_unmap_page', `${D}, dma_addr_t addr, size_t size, ${DIR}, unsigned long attrs`),
    declared('dma_direct_sync_single_for_device', `${D}, dma_addr_t addr, size_t size, ${DIR}`),
    declared('dma_direct_sync_single_for_cpu', `${D}, dma_addr_t addr, size_t size, ${DIR}`)
  ].join(''),
  'kernel/dma/direct.c':
    'u64 zone_dma_limit;\n' +
    `${declared('dma_direct_alloc', `${D}, size_t size, dma_addr_t *dma_handle, gfp_t gfp, unsigned long attrs`)}` +
    `${declared('dma_direct_free', `${D}, size_t size, void *cpu_addr, dma_addr_t dma_addr, unsigned long attrs`)}`,
  'kernel/dma/mapping.c': [
    declared('dma_map_page_attrs', `${D}, struct page *page, size_t offset, size_t size, ${DIR}, unsigned long attrs`),
    declared('dma_unmap_page_attrs', `${D}, dma_addr_t addr, size_t size, ${DIR}, unsigned long attrs`),
    declared('dma_map_resource', `${D}, phys_addr_t phys_addr, size_t size, ${DIR}, unsigned long attrs`),
    declared('dma_unmap_resource', `${D}, dma_addr_t addr, size_t size, ${DIR}, unsigned long attrs`),
    declared('dma_alloc_attrs', `${D}, size_t size, dma_addr_t *h, gfp_t flag, unsigned long attrs`),
    declared('dma_free_attrs', `${D}, size_t size, void *cpu_addr, dma_addr_t h, unsigned long attrs`),
    declared('dma_alloc_pages', `${D}, size_t size, dma_addr_t *h, ${DIR}, gfp_t gfp`),
    declared('dma_free_pages', `${D}, size_t size, struct page *page, dma_addr_t h, ${DIR}`),
    declared(
      'dma_mmap_attrs',
      `${D}, struct vm_area_struct *vma, void *cpu_addr, dma_addr_t h, size_t size, unsigned long attrs`
    )
  ].join(''),
  'include/linux/device.h':
    'enum struct_device_flags {\n\tDEV_FLAG_ONE = 0,\n\tDEV_FLAG_COUNT\n};\nstruct device_dma_parameters {\n\tint ' +
    'x;\n};\nstruct device {\n\tstruct kobject kobj;\n\tstruct strange_thing thing;\n\tu64 *dma_mask;\n\tu64 ' +
    'coherent_dma_mask;\n#if defined(CONFIG_A) || \\\n    defined(CONFIG_B)\n\tbool own:1;\n#endif\n\tstruct {\n' +
    '\t\tint inner;\n\t} nested;\n\tDECLARE_BITMAP(flags, DEV_FLAG_COUNT);\n};\n#define ' +
    '__create_dev_flag_accessors(a, b) \\\nstatic inline bool dev_##a(const struct device *dev) { return ' +
    'test_bit(b, dev->flags); }\n__create_dev_flag_accessors(one, DEV_FLAG_ONE);\nbool device_cc_accepted(struct ' +
    'device *dev);\n'
}
const treeOf = (
  edit: Record<string, (t: string) => string> = {},
  version: readonly [number, number] = [6, 12]
): Tree => ({
  name: 't',
  dir: 't',
  version: `${version[0]}.${version[1]}.0`,
  major: version[0],
  minor: version[1],
  read: (p) => {
    const t = files[p]
    return t === undefined ? null : (edit[p]?.(t) ?? t)
  }
})
const found = (t: Tree) => {
  const r = detect(t, 'arm64', 'recorded')
  if (!r.ok) throw new Error(`${r.error.code}: ${r.error.message}`)
  return r.value
}

test('calls are written with the parameters the tree declares, in its order', () => {
  expect(found(treeOf()).calls.get('TBIT_CALL_dma_direct_map')).toBe(
    'dma_direct_map_page(dev, phys_to_page(phys), offset_in_page(phys), size, (enum dma_data_direction)dir, attrs)'
  )
  const renamed = found(
    treeOf({
      'kernel/dma/direct.h': (t) =>
        t.replace(
          /int dma_direct_map_page\([^)]*\)/,
          `dma_addr_t dma_direct_map_phys(${D}, phys_addr_t phys, size_t size, ${DIR}, unsigned long attrs)`
        )
    })
  )
  expect(renamed.calls.get('TBIT_CALL_dma_direct_map')).toBe(
    'dma_direct_map_phys(dev, phys, size, (enum dma_data_direction)dir, attrs)'
  )
  expect(renamed.notes).toContain('dma-direct maps with dma_direct_map_phys')
  // 6.1 had an allocation size of its own; the series of 2026 hands attributes by reference
  const other = found(
    treeOf({
      'include/linux/swiotlb.h': (t) =>
        t.replace(
          'size_t mapping_size, unsigned int alloc_aligned_mask, enum dma_data_direction dir, unsigned long attrs',
          'size_t mapping_size, size_t alloc_size, unsigned int alloc_aligned_mask, enum dma_data_direction dir, ' +
            'unsigned long *attrs'
        )
    })
  )
  expect(other.calls.get('TBIT_CALL_swiotlb_tbl_map_single')).toBe(
    'swiotlb_tbl_map_single(dev, phys, size, (align_mask ? ALIGN(size, (u64)(u32)align_mask + 1) : size), ' +
      'align_mask, (enum dma_data_direction)dir, &attrs)'
  )
})

test(
  'what of struct device can be set by name: scalars with the conditionals around them, flags of its bitmap, ' +
    'predicates kept elsewhere',
  () => {
    const f = found(treeOf())
    expect(f.fields).toEqual(['coherent_dma_mask', 'own', 'one'])
    expect(f.fieldsHeader).toContain(
      '#if defined(CONFIG_A) ||      defined(CONFIG_B)\n\tcase 1: dev->own = v; break;\n#endif'
    )
    expect(f.fieldsHeader).toContain('case 2: assign_bit(DEV_FLAG_ONE, dev->flags, v); break;')
    expect(f.flagFunctions).toEqual(['device_cc_accepted'])
    expect(f.predicates).toBe('bool device_cc_accepted(struct device * dev) { return TBIT_FLAG(dev, 0); }\n')
  }
)

test('the configuration follows Kconfig, except where a profile fixes it', () => {
  expect(found(treeOf()).config.has('DMA_DIRECT_REMAP')).toBe(false)
  const guest = detect(treeOf(), 'arm64', 'guest')
  expect(guest.ok && [...guest.value.config.keys()]).toEqual(
    expect.arrayContaining(['DMA_DIRECT_REMAP', 'DMA_NONCOHERENT_MMAP', 'DMA_NEED_SYNC'])
  )
})

test('a parameter that nobody knows is an assumption, and can be taught by name', () => {
  const odd = found(
    treeOf({
      'kernel/dma/direct.h': (t) =>
        t.replace(
          'dma_direct_unmap_page(struct device *dev, dma_addr_t addr',
          'dma_direct_unmap_page(struct device *dev, struct riddle *r, bool now, dma_addr_t addr'
        )
    })
  )
  expect(odd.assumptions).toEqual([
    { call: 'dma_direct_unmap_page', parameter: 'struct riddle *r', value: 'NULL', file: 'kernel/dma/direct.h' },
    { call: 'dma_direct_unmap_page', parameter: 'bool now', value: 'false', file: 'kernel/dma/direct.h' }
  ])
  expect(odd.calls.get('TBIT_CALL_dma_direct_unmap')).toBe(
    'dma_direct_unmap_page(dev, TBIT_ARG_dma_direct_unmap_page_r, TBIT_ARG_dma_direct_unmap_page_now, addr, ' +
      'size, (enum dma_data_direction)dir, attrs)'
  )
})

test('what cannot be found is a message with its place', () => {
  const gone = detect(
    treeOf({ 'kernel/dma/mapping.c': (t) => t.replaceAll('dma_unmap_page_attrs', 'dma_unmap_it') }),
    'arm64',
    'recorded'
  )
  expect(gone).toMatchObject({
    ok: false,
    error: { code: 'TB-605', expected: ['dma_unmap_phys', 'dma_unmap_page_attrs'] }
  })
  const noDevice = detect(treeOf({ 'include/linux/device.h': () => 'struct gadget {};\n' }), 'arm64', 'recorded')
  expect(noDevice).toMatchObject({ ok: false, error: { code: 'TB-605', word: 'device' } })
})

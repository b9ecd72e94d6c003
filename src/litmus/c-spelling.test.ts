import { expect, test } from 'vitest'
import { parse, print, withoutPlaces } from './index.ts'

const whole = (statements: string): string =>
  `litmus t "x"\ndevice nic { tdisp }\ndevice gpu { }\nmmio bar { of gpu, shared }\nthread os {\n${statements}\n}\n`

/** The statements as the language prints them. */
function canonical(statements: string): string[] {
  const { test: t, errors, warnings } = parse(whole(statements), 'f')
  expect([...errors, ...warnings].map((e) => `${e.line}:${e.column} ${e.message}`)).toEqual([])
  if (t === undefined) throw new Error('no test')
  const text = print(t)
  expect(withoutPlaces(parse(text, 'f').test)).toEqual(withoutPlaces(t))
  return text
    .slice(text.indexOf('thread os {'))
    .split('\n')
    .slice(1, -2)
    .map((l) => l.trim())
}

const P = 'p = alloc_page()'
const H = 'h = dma_map_single(nic, p, TO_DEVICE)'
const B = 'b = dma_alloc_coherent(nic, 4K)'

// As the kernel writes it, and as the language has it.
const cases: ReadonlyArray<readonly [string, readonly string[]]> = [
  // words
  [
    `${P}\nh = dma_map_single(nic, p, DMA_TO_DEVICE, DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_NO_WARN)`,
    [P, 'h = dma_map_single(nic, p, TO_DEVICE, SKIP_CPU_SYNC, NO_WARN)']
  ],
  [`${P}\nh = dma_map_single(nic, p, DMA_BIDIRECTIONAL, 0)`, [P, 'h = dma_map_single(nic, p, BIDIRECTIONAL)']],
  ['b = dma_alloc_coherent(nic, 4K, GFP_ATOMIC)', ['b = dma_alloc_coherent(nic, 4K, ATOMIC)']],
  ['b = dma_alloc_coherent(nic, 4K, GFP_NOWAIT | __GFP_NOWARN)', ['b = dma_alloc_coherent(nic, 4K, ATOMIC, NO_WARN)']],
  ['b = dma_alloc_coherent(nic, 4K, GFP_KERNEL | __GFP_ZERO)', [B]],
  ['b = dma_alloc_coherent(&nic, SZ_4K, (GFP_KERNEL | __GFP_ZERO))', [B]],
  ['p = alloc_page(GFP_KERNEL)', [P]],
  ['b = kmalloc(64, GFP_KERNEL)', ['b = kmalloc(64)']],
  ['dma_set_mask(nic, DMA_BIT_MASK(32))', ['dma_set_mask(nic, 32)']],
  ['dma_set_mask(nic, 0xffffffff)', ['dma_set_mask(nic, 32)']],
  ['dma_set_mask(nic, 64)', ['dma_set_mask(nic, 64)']],
  // prototypes
  [
    `${P}\nh = dma_map_single(&nic, p, PAGE_SIZE, DMA_TO_DEVICE)\ndma_unmap_single(&nic, h, PAGE_SIZE, DMA_TO_DEVICE)`,
    [P, H, 'dma_unmap_single(nic, h, TO_DEVICE)']
  ],
  [
    `${P}\nh = dma_map_page(nic, p, 0, 4K, DMA_TO_DEVICE)\ndma_unmap_page(nic, h, 4K, DMA_TO_DEVICE)`,
    [P, H, 'dma_unmap_single(nic, h, TO_DEVICE)']
  ],
  [
    `${P}\nh = dma_map_page_attrs(nic, p, 0, 4K, DMA_TO_DEVICE, DMA_ATTR_CC_SHARED)\ndma_unmap_page_attrs(nic, ` +
      'h, 4K, DMA_TO_DEVICE, 0)',
    [P, 'h = dma_map_single(nic, p, TO_DEVICE, CC_SHARED)', 'dma_unmap_single(nic, h, TO_DEVICE, 0)']
  ],
  [
    `${P}\nh = dma_map_phys(nic, p, 4096, DMA_FROM_DEVICE, DMA_ATTR_REQUIRE_COHERENT)`,
    [P, 'h = dma_map_single(nic, p, FROM_DEVICE, REQUIRE_COHERENT)']
  ],
  [`${P}\nh = dma_map_phys(nic, p, TO_DEVICE)`, [P, H]],
  [
    `${P}\n${H}\ndma_sync_single_for_cpu(nic, h, 4K, DMA_TO_DEVICE)\ndma_sync_single_for_device(nic, h)`,
    [P, H, 'dma_sync_for_cpu(nic, h, TO_DEVICE)', 'dma_sync_for_device(nic, h)']
  ],
  [
    `${P}\nq = alloc_page()\nh = dma_map_sg(nic, [p, q], 2, DMA_TO_DEVICE)\ndma_sync_sg_for_cpu(nic, h, 2, ` +
      'DMA_TO_DEVICE)\ndma_unmap_sg(nic, h, 2, DMA_TO_DEVICE)',
    [
      P,
      'q = alloc_page()',
      'h = dma_map_sg(nic, [p, q], TO_DEVICE)',
      'dma_sync_for_cpu(nic, h, TO_DEVICE)',
      'dma_unmap_sg(nic, h, TO_DEVICE)'
    ]
  ],
  [
    'h = dma_map_resource(nic, bar, 4K, DMA_FROM_DEVICE, 0)\ndma_unmap_resource(nic, h, 4K, DMA_FROM_DEVICE, 0)',
    ['h = dma_map_resource(nic, bar, FROM_DEVICE)', 'dma_unmap_resource(nic, h, FROM_DEVICE, 0)']
  ],
  [`${P}\nr = set_memory_decrypted(p, 1)\n__free_page(p)`, [P, 'r = set_memory_decrypted(p)', 'free_page(p)']],
  // one value with two names
  [
    'b = dma_alloc_coherent(nic, 4K, &h, GFP_KERNEL)\nv = dev_read(nic, h)\ndma_free_coherent(nic, 4K, b, h)',
    [B, 'h = b', 'v = dev_read(nic, h)', 'dma_free_coherent(nic, b)']
  ],
  [
    'b = dma_alloc_attrs(nic, 4K, &h, GFP_ATOMIC, DMA_ATTR_NO_WARN)\ndma_free_attrs(nic, 4K, b, h, DMA_ATTR_NO_WARN)',
    ['b = dma_alloc_coherent(nic, 4K, ATOMIC, NO_WARN)', 'h = b', 'dma_free_coherent(nic, b, NO_WARN)']
  ],
  [
    'g = dma_alloc_pages(nic, 4K, &h, DMA_FROM_DEVICE, GFP_KERNEL)\ndma_free_pages(nic, 4K, g, h, DMA_FROM_DEVICE)',
    ['g = dma_alloc_pages(nic, 4K, FROM_DEVICE)', 'h = g', 'dma_free_pages(nic, g, FROM_DEVICE)']
  ],
  [
    'dma_alloc_coherent(nic, 4K, &h, GFP_KERNEL)\nv = dev_read(nic, h)',
    ['h = dma_alloc_coherent(nic, 4K)', 'v = dev_read(nic, h)']
  ],
  // questions
  [
    `${P}\n${H}\nif (unlikely(dma_mapping_error(nic, h))) { free_page(p) }`,
    [P, H, 'if (dma_mapping_error(nic, h)) {', 'free_page(p)', '}']
  ],
  [`${P}\n${H}\nassert (h != DMA_MAPPING_ERROR)`, [P, H, 'assert (ok(h))']],
  [
    `${B}\nif (b == NULL) { x = 1 }\nassert (b != 0)\nif (!b) { x = 2 }`,
    [B, 'if (!ok(b)) {', 'x = 1', '}', 'assert (ok(b))', 'if (!b) {', 'x = 2', '}']
  ],
  [
    'r = tsm_accept(nic)\nassert (r == -EBUSY || r < 0 || r)',
    ['r = tsm_accept(nic)', 'assert (r == EBUSY || r < 0 || r)']
  ]
]

for (const [c, own] of cases) {
  test(c.replaceAll('\n', '; '), () => {
    expect(canonical(c)).toEqual(own)
  })
}

test('device_cc_accepted(dev) is dev.accepted', () => {
  expect(canonical('assert (!device_cc_accepted(nic))')).toEqual(['assert (!nic.accepted)'])
})

test('PAGE_SIZE is the page of the guest', () => {
  const text = whole('b = kmalloc(PAGE_SIZE)').replace(
    'device nic',
    'config { guest_page 64K, host_granule 64K }\ndevice nic'
  )
  expect(print(parse(text, 'f').test as never)).toContain('b = kmalloc(64K)')
})

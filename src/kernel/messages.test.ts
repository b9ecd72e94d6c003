import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MessageId, formatMessage, messageTable, readMessage } from './messages.ts'

const ids = Object.keys(messageTable) as MessageId[]

test('what is written is read back, for every message, with time stamps and host names before it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ids),
      fc.array(fc.integer({ min: 0, max: 2 ** 44 }), { minLength: 6, maxLength: 6 }),
      fc.constantFrom('', '[   12.952791] ', 'Nov 22 16:18:01 vm kernel: [    1.2] ', '[    0.0][    T0] '),
      fc.constantFrom('nvme 0000:00:02.0', 'virtio-pci 0000:00:02.0', 'v3d fec00000.v3d'),
      (id, n, head, dev) => {
        const args: Record<string, string | number> = {}
        let i = 0
        for (const f of messageTable[id].text.matchAll(/\{(\w+)(?::(\w+))?\}/g))
          args[f[1] as string] =
            f[2] === undefined ? (f[1] === 'dev' ? dev : 'swiotlb_tbl_map_single') : (n[i++ % 6] as number)
        const line = formatMessage(id, args)
        expect(line).not.toContain('{')
        expect(readMessage(head + line)).toEqual({ id, args, end: (head + line).length })
      }
    )
  )
})

test('numbers beyond 2^53 are exact', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (mask) => {
      const args = { dev: 'foo 1', addr: 4096, size: 1, mask, limit: 0 }
      expect(readMessage(formatMessage('dma_overflow', args))).toMatchObject({ id: 'dma_overflow', args })
    })
  )
})

test('lines of real logs', () => {
  const cases: Array<[string, string, Record<string, unknown>]> = [
    ['[    0.090794] software IO TLB: area num 2.', 'area_num', { areas: 2 }],
    [
      '[    1.832230] software IO TLB: mapped [mem 0x000000007b9f3000-0x000000007f9f3000] (64MB)',
      'mapped',
      { start: 0x7b9f3000, end: 0x7f9f3000, mb: 64 }
    ],
    [
      '[   17.922567] nvme 0000:00:02.0: swiotlb buffer is full (sz: 258048 bytes), total 2048 (slots), used ' +
        '2010 (slots)',
      'full',
      { dev: 'nvme 0000:00:02.0', size: 258048, total: 2048, used: 2010 }
    ],
    [
      '[   30.541888] swiotlb_tbl_map_single: 191 callbacks suppressed',
      'suppressed',
      { fn: 'swiotlb_tbl_map_single', count: 191 }
    ],
    [
      '[   17.606812] v3d fec00000.v3d: overflow 0x0000000040898000+536576 of DMA mask 7ffffffff bus mask 3fffffff',
      'overflow_old',
      { size: 536576, mask: 0x7ffffffff, limit: 0x3fffffff }
    ],
    [
      '[  437.548691] dwc3 38200000.dwc3: swiotlb buffer is full (sz: 16384 bytes)',
      'full_old',
      { dev: 'dwc3 38200000.dwc3', size: 16384 }
    ],
    [
      '[  437.555402] dwc3 38200000.dwc3: DMA: Out of SW-IOMMU space for 16384 bytes ',
      'out_of_space_old',
      { size: 16384 }
    ],
    [
      'Nov 22 16:18:01 vm kernel: 0000:00:02.0: swiotlb buffer is full (sz: 1 bytes), total 512 (slots), used 2 ' +
        '(slots)',
      'full',
      { dev: '0000:00:02.0' }
    ],
    [
      '[Sun Nov 22 16:18:01 2026] nvme 0000:00:02.0: swiotlb buffer is full (sz: 1 bytes), total 512 (slots), ' +
        'used 2 (slots)',
      'full',
      { dev: 'nvme 0000:00:02.0' }
    ],
    ['software IO TLB: Memory encryption is active and system is using DMA bounce buffers', 'encrypted', {}],
    [
      '[    0.000000] software IO TLB: SWIOTLB bounce buffer size adjusted 524288 -> 262144 slabs',
      'size_halved',
      { from: 524288, to: 262144 }
    ]
  ]
  const older: typeof cases = [
    [
      '[    0.000000] software IO TLB [mem 0xf6000000-0xfa000000] (64MB) mapped at [ffffffc0f6000000-ffffffc0f9ffffff]',
      'mapped_old',
      { start: 0xf6000000, end: 0xfa000000 }
    ],
    [
      '[ 4851.947039] DMA: Out of SW-IOMMU space for 9100 bytes at device 0000:02:00.0',
      'out_of_space_at',
      { size: 9100, dev: '0000:02:00.0' }
    ],
    [
      'vc4-drm gpu: overflow 0x00000001a7296000+708608 of DMA mask ffffffff bus limit ffffffff',
      'overflow_limit',
      { dev: 'vc4-drm gpu', limit: 0xffffffff }
    ],
    [
      'nommu_map_single: overflow 137e4b000+4096 of device mask ffffffff',
      'overflow_device',
      { addr: 0x137e4b000, size: 4096 }
    ],
    [
      '[  675.891138] udmabuf udmabuf@1: swiotlb: coherent allocation failed, size=134217728',
      'coherent_failed',
      { dev: 'udmabuf udmabuf@1', size: 134217728 }
    ],
    [
      'swiotlb: coherent allocation failed for device 0000:00:03.0 size=16777216',
      'coherent_failed_old',
      { dev: '0000:00:03.0' }
    ],
    ['cma: cma_alloc: reserved: alloc failed, req-size: 2048 pages, ret: -12', 'cma_failed', { pages: 2048 }],
    [
      'foo 0000:01:00.0: DMA addr 0xffffffffffffffff+4096 overflow (mask ffffffffffffffff, bus limit 0).',
      'dma_overflow',
      { addr: 0xffff_ffff_ffff_ffffn, mask: 0xffff_ffff_ffff_ffffn, limit: 0 }
    ]
  ]
  for (const [line, id, args] of cases)
    expect([line, readMessage(line)]).toEqual([
      line,
      { id, args: expect.objectContaining(args), end: expect.any(Number) }
    ])
  for (const [line, id, args] of older)
    expect([line, readMessage(line)]).toEqual([
      line,
      { id, args: expect.objectContaining(args), end: expect.any(Number) }
    ])
  for (const line of ['', '[    2.936656] Freeing unused decrypted memory: 2028K', 'full (sz', '\u0000\u0001'])
    expect(readMessage(line)).toBe(null)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MessageId, formatMessage, messageTable, readMessage } from './messages.ts'

const ids = Object.keys(messageTable) as MessageId[]

test('what is written is read back, for every message, with time stamps and host names before it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ids), fc.array(fc.integer({ min: 0, max: 2 ** 44 }), { minLength: 6, maxLength: 6 }), fc.constantFrom('', '[   12.952791] ', 'Nov 22 16:18:01 vm kernel: [    1.2] ', '[    0.0][    T0] '), fc.constantFrom('nvme 0000:00:02.0', 'virtio-pci 0000:00:02.0', 'v3d fec00000.v3d'), (id, n, head, dev) => {
      const args: Record<string, string | number> = {}
      let i = 0
      for (const f of messageTable[id].text.matchAll(/\{(\w+)(?::(\w+))?\}/g)) args[f[1] as string] = f[2] === undefined ? (f[1] === 'dev' ? dev : 'swiotlb_tbl_map_single') : (n[i++ % 6] as number)
      const line = formatMessage(id, args)
      expect(line).not.toContain('{')
      expect(readMessage(head + line)).toEqual({ id, args })
    })
  )
})

test('lines of real logs', () => {
  const cases: Array<[string, string, Record<string, unknown>]> = [
    ['[    0.090794] software IO TLB: area num 2.', 'area_num', { areas: 2 }],
    ['[    1.832230] software IO TLB: mapped [mem 0x000000007b9f3000-0x000000007f9f3000] (64MB)', 'mapped', { start: 0x7b9f3000, end: 0x7f9f3000, mb: 64 }],
    ['[   17.922567] nvme 0000:00:02.0: swiotlb buffer is full (sz: 258048 bytes), total 2048 (slots), used 2010 (slots)', 'full', { dev: 'nvme 0000:00:02.0', size: 258048, total: 2048, used: 2010 }],
    ['[   30.541888] swiotlb_tbl_map_single: 191 callbacks suppressed', 'suppressed', { fn: 'swiotlb_tbl_map_single', count: 191 }],
    ['[   17.606812] v3d fec00000.v3d: overflow 0x0000000040898000+536576 of DMA mask 7ffffffff bus mask 3fffffff', 'overflow_old', { size: 536576, mask: 0x7ffffffff, limit: 0x3fffffff }],
    ['[  437.548691] dwc3 38200000.dwc3: swiotlb buffer is full (sz: 16384 bytes)', 'full_old', { dev: 'dwc3 38200000.dwc3', size: 16384 }],
    ['[  437.555402] dwc3 38200000.dwc3: DMA: Out of SW-IOMMU space for 16384 bytes ', 'out_of_space_old', { size: 16384 }],
    ['Nov 22 16:18:01 vm kernel: 0000:00:02.0: swiotlb buffer is full (sz: 1 bytes), total 512 (slots), used 2 (slots)', 'full', { dev: '0000:00:02.0' }],
    ['[Sun Nov 22 16:18:01 2026] nvme 0000:00:02.0: swiotlb buffer is full (sz: 1 bytes), total 512 (slots), used 2 (slots)', 'full', { dev: 'nvme 0000:00:02.0' }],
    ['software IO TLB: Memory encryption is active and system is using DMA bounce buffers', 'encrypted', {}],
    ['[    0.000000] software IO TLB: SWIOTLB bounce buffer size adjusted 524288 -> 262144 slabs', 'size_halved', { from: 524288, to: 262144 }]
  ]
  for (const [line, id, args] of cases) expect([line, readMessage(line)]).toEqual([line, { id, args: expect.objectContaining(args) }])
  for (const line of ['', '[    2.936656] Freeing unused decrypted memory: 2028K', 'full (sz', '\u0000\u0001']) expect(readMessage(line)).toBe(null)
})

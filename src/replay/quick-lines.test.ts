import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatTraceLine, traceEventsOf, type TraceValues } from '../kernel/trace-events.ts'
import { plain } from './_plain-event.ts'
import { Names } from './event.ts'
import { QuickLines } from './quick-lines.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'

/** A QuickLines that counts what it reads. */
function counting(): { readonly quick: QuickLines; readonly read: () => number } {
  const quick = QuickLines.make() as QuickLines
  let n = 0
  const read = quick.read.bind(quick)
  quick.read = (from, line, ev, sink) => {
    const at = read(from, line, ev, sink)
    n += quick.linesRead
    return at
  }
  return { quick, read: () => n }
}

/** What a sink is told of a text, and how many of its lines WebAssembly read. */
function told(text: string, quickly = true): { readonly events: readonly string[]; readonly quick: number } {
  const names = new Names()
  const events: string[] = []
  const { quick, read } = counting()
  const scanner = new TextScanner(
    {
      event: (ev) => events.push(JSON.stringify({ line: ev.line, ...plain(ev, names) }))
    },
    names,
    new Skips(),
    () => {},
    quickly ? quick : null
  )
  scanner.push(new TextEncoder().encode(text))
  scanner.end()
  return { events, quick: read() }
}

// ioload-1 on CPU 0 bounces, maps, synchronises and unmaps, twice.
const HEAD = '          ioload-1       [000] d.h1.     1.'
const DEVICE = '0000:00:02.0 dir='
const LINES = [
  'swiotlb_bounced: dev_name: 0000:00:02.0 dma_mask=ffffffffffffffff dev_addr=1477c7000 size=4096 FORCE',
  'swiotlb_bounced: dev_name: 0000:00:02.0 dma_mask=ffffffff dev_addr=1477c7000 size=4096 NORMAL',
  'swiotlb_bounced: dev_name: 0000:00:02.0 dev_addr=1477c7000 size=4096 NORMAL',
  `dma_map_page: ${DEVICE}TO_DEVICE dma_addr=7c9f3000 size=4096 phys_addr=1477c7000 attrs=`,
  `dma_map_phys: ${DEVICE}BIDIRECTIONAL dma_addr=7c9f3000 size=66 phys_addr=1477c7000 attrs=SKIP_CPU_SYNC`,
  `dma_unmap_page: ${DEVICE}FROM_DEVICE dma_addr=7c9f3000 size=4096 attrs=SKIP_CPU_SYNC`,
  `dma_unmap_phys: ${DEVICE}TO_DEVICE dma_addr=7c9f3000 size=4096 attrs=`,
  `dma_map_sg: ${DEVICE}TO_DEVICE nents=2/2 ents=2/2 dma_addrs={0x1000,0x3000} sizes={0x1000,0x40} ` +
    'phys_addrs={0x1477c7000,0x2000} attrs=',
  `dma_map_sg: ${DEVICE}TO_DEVICE dma_addrs={0x1000} sizes={0x1000} phys_addrs={0x1477c7000} attrs=`,
  `dma_unmap_sg: ${DEVICE}TO_DEVICE phys_addrs={0x1477c7000,0x2000} attrs=`,
  `dma_sync_single_for_cpu: ${DEVICE}FROM_DEVICE dma_addr=7c9f3000 size=4096`,
  `dma_sync_single_for_device: ${DEVICE}TO_DEVICE dma_addr=7c9f3000 size=4096`
]

test('a line of each kind that is read quickly is read so once its head, device and attributes are known', () => {
  const once = LINES.map((l, i) => `${HEAD}${String(i).padStart(6, '0')}: ${l}\n`).join('')
  const nanos = LINES.map((l, i) => `${HEAD}${String(i).padStart(9, '0')}: swiotlb:${l}\n`).join('')
  const text = once + once + nanos.replaceAll('swiotlb:dma_', 'dma:dma_')
  const { events, quick } = told(text)
  // The first line tells head and device, the fifth SKIP_CPU_SYNC.
  expect(quick).toBe(3 * LINES.length - 2)
  expect(events).toEqual(told(text, false).events)
})

test('of more heads than are kept each is read right', () => {
  const at = fc.record({
    task: fc.constantFrom('a', 'kworker/u8:1', 'long-name-of-16'),
    pid: fc.nat({ max: 99999 }),
    cpu: fc.nat({ max: 15 }),
    flags: fc.constantFrom('.....', 'd.h1.', 'dNH2.'),
    time: fc.nat({ max: 2 ** 31 - 1 }).map((n) => n * 1e3)
  })
  const line = fc.tuple(at, fc.nat({ max: 30 })).map(([place, n]) => {
    const spec = traceEventsOf('6.12').find((e) => e.name === 'swiotlb_bounced')
    const values = { dev_name: `0000:00:${n}.0`, dev_addr: 4096 * n, size: n, dma_mask: 0xffffffff, force: n % 2 === 0 }
    return formatTraceLine(spec as NonNullable<typeof spec>, values as unknown as TraceValues, place, '6.12')
  })
  fc.assert(
    fc.property(fc.array(line, { minLength: 500, maxLength: 900 }), (lines) => {
      const text = `${lines.join('\n')}\n`.repeat(2)
      expect(told(text).events).toEqual(told(text, false).events)
    }),
    { numRuns: 5 }
  )
})

test('lists up to the longest that is kept, and longer ones', () => {
  const listed = (n: number): string => {
    const list = (step: number): string =>
      `{${Array.from({ length: n }, (_, i) => `0x${(4096 + i * step).toString(16)}`)}}`
    return (
      `${HEAD}000001: dma_map_sg: ${DEVICE}TO_DEVICE nents=${n}/${n} ents=${n}/${n} dma_addrs=${list(4096)} ` +
      `sizes=${list(0)} phys_addrs=${list(8192)} attrs=\n`
    )
  }
  const text = [1, 0, 1, 128, 511, 512, 513, 2000, 1].map(listed).join('').repeat(3)
  const { events, quick } = told(text)
  expect(events).toEqual(told(text, false).events)
  // All but the first line and those with more entries than are kept.
  expect(quick).toBe(27 - 1 - 6)
})

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  DMA_ATTRS,
  formatAttrs,
  formatTraceArgs,
  formatTraceHeader,
  formatTraceLine,
  kernelAtLeast,
  MAPPING_ERROR,
  parseAttrs,
  Trace,
  TRACE_EVENTS,
  traceEvent,
  traceEventFor,
  traceEventsOf
} from './trace-events.ts'

test('a kernel has the events of its version: map_page until 6.17, map_phys from 6.18', () => {
  expect(traceEventFor('6.12', Trace.map)?.name).toBe('dma_map_page')
  expect(traceEventFor('linux-6.15', Trace.unmap)?.name).toBe('dma_unmap_page')
  expect(traceEventFor('6.18', Trace.map)?.name).toBe('dma_map_phys')
  expect(traceEventFor('linux-7.3', Trace.unmap)?.name).toBe('dma_unmap_phys')
  expect(traceEventsOf('6.1').map((e) => e.name)).toEqual(['swiotlb_bounced', 'tracing_mark_write', 'print'])
  expect([kernelAtLeast('6.12', '6.9'), kernelAtLeast('6.9', '6.12'), kernelAtLeast('7.0', '6.18')]).toEqual([
    true,
    false,
    true
  ])
})

test('lines are what the kernel prints', () => {
  const map = traceEvent('dma_map_page')
  const at = { task: 'kworker/u8:1', pid: 31, cpu: 1, time: 8_183_637_000 }
  if (!map) throw new Error('no dma_map_page')
  expect(
    formatTraceLine(
      map,
      { device: '0000:00:02.0', dir: 2, dma_addr: 0x7d9f3000, size: 4096, phys_addr: 0x101624000, attrs: 0 },
      at
    )
  ).toBe(
    '    kworker/u8:1-31      [001] .....     8.183637: dma_map_page: 0000:00:02.0 dir=FROM_DEVICE ' +
      'dma_addr=7d9f3000 size=4096 phys_addr=101624000 attrs='
  )
  expect(
    formatTraceArgs(map, { device: 'd', dir: 2, dma_addr: MAPPING_ERROR, size: 1, phys_addr: 2, attrs: 256 })
  ).toContain('dma_addr=ffffffffffffffff')
  const sg = traceEvent('dma_map_sg')
  if (!sg) throw new Error('no dma_map_sg')
  expect(
    formatTraceArgs(sg, {
      device: 'd',
      dir: 1,
      nents: 168,
      ents: 168,
      truncated: true,
      dma_addrs: [0x111c10000],
      sizes: [0x1000],
      phys_addrs: [0x111c10000],
      attrs: 256
    })
  ).toBe(
    'd dir=TO_DEVICE nents=128/168 ents=128/168 [TRUNCATED] dma_addrs={0x111c10000} sizes={0x1000} ' +
      'phys_addrs={0x111c10000} attrs=NO_WARN'
  )
  const bounced = traceEvent('swiotlb_bounced')
  if (!bounced) throw new Error('no swiotlb_bounced')
  expect(
    formatTraceArgs(bounced, { dev_name: 'd', dma_mask: 0xffffffff, dev_addr: 0x102bd78c0, size: 1522, force: false })
  ).toBe('dev_name: d dma_mask=ffffffff dev_addr=102bd78c0 size=1522 NORMAL')
  expect(formatTraceHeader(5, 2).split('\n').length).toBe(13)
})

test('attributes print by name where the kernel knows them, as a number where it does not, and read back', () => {
  expect(formatAttrs(256 + 1024, '6.12')).toBe('NO_WARN|0x400')
  expect(formatAttrs(256 + 1024, '6.18')).toBe('NO_WARN|MMIO')
  for (let i = 0; i < 1 << 14; i += 37) expect(parseAttrs(formatAttrs(i, '7.1'))).toBe(i)
  expect(parseAttrs('NOT_AN_ATTR')).toBeNull()
  for (let i = 0; i < 1 << 15; i += 41) expect(parseAttrs(formatAttrs(i, '7.3'))).toBe(i)
  expect(formatAttrs(0x7c00, '7.3')).toBe('MMIO|CACHELINES_OVERLAP|REQUIRE_COHERENT|CC_SHARED|ALLOC_CC_SHARED')
  // One name a bit in any one kernel.
  expect(new Set(DMA_ATTRS.filter((a) => a.until === undefined).map((a) => a.bit)).size).toBe(
    DMA_ATTRS.filter((a) => a.until === undefined).length
  )
})

// The kernel's own format files, if they are here: each event is known, each field in its print format is in our table,
// each binary field exists.
test.each([
  'traces/events-format',
  'traces/events-format-6.18',
  'traces-7.3/events-format-6.18.15-amd64',
  'traces-7.3/events-format-7.3.4-amd64'
])('the format files of %s', (name) => {
  const dir = join(__dirname, '../../../shared/data', name)
  if (!existsSync(dir)) {
    console.warn(`trace-events.test.ts: ${name} is not here, nothing is compared`)
    return
  }
  const kernel = /format-(\d+\.\d+)/.exec(name)?.[1] ?? '6.12'
  let n = 0
  for (const file of readdirSync(dir).filter((f) => f.endsWith('.format'))) {
    const format = readFileSync(join(dir, file), 'utf8')
    const event = /^name: (\S+)/m.exec(format)?.[1] ?? ''
    const spec = traceEventsOf(kernel).find((e) => e.name === event)
    expect(spec, event).toBeDefined()
    const fields = new Set([...format.matchAll(/field:[^;]*?(\w+)(?:\[\])?;/g)].map((m) => m[1] as string))
    const print = /print fmt: "([^"]*)"/.exec(format)?.[1] ?? ''
    for (const [, key] of print.matchAll(/(\w+)=%/g)) {
      if (key === 'err' || spec === undefined) continue
      expect(
        spec.fields.map((f) => f.key),
        `${event} prints ${key}=`
      ).toContain(key)
    }
    for (const f of spec?.fields ?? []) {
      if (print.includes(`${f.key}=`) && fields.has(f.key) === false)
        expect([...fields], `${event}.${f.key}`).toContain(f.binary ?? f.key)
    }
    n++
  }
  expect(n).toBe(kernel === '6.12' ? 19 : 17)
  expect(TRACE_EVENTS.length).toBeGreaterThan(20)
})

// The small parts of replay: live mappings, time line, kernel log, measured samples, merging, alignment masks.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeviceState, maxMappingSize } from './device.ts'
import { readKernelLog } from './kernel-log.ts'
import { minAlignMasks } from './pool-facts.ts'
import { LiveTable } from './live.ts'
import { Measured, parseDebugfs } from './measured.ts'
import { arrange, mergeByTime, peek } from './merge.ts'
import { areasFor } from './pool-guess.ts'
import { sparkline, Timeline } from './timeline.ts'
import { runs } from '../../test/runs.ts'

test('live mappings: found by device and address, the oldest whose size agrees, as a plain list would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 3 }), fc.nat({ max: 40 }), fc.nat({ max: 2 })), { maxLength: 300 }),
      (steps) => {
        const t = new LiveTable()
        let plain: { i: number; dev: number; key: number; tag: number }[] = []
        for (const [add, dev, k, tag] of steps) {
          const key = 0x7b9f3000 + k * 0x40000800
          if (add) plain.push({ i: t.add(dev, key, tag, 0), dev, key, tag })
          else {
            const same = plain.filter((p) => p.dev === dev && p.key === key)
            const want = same.find((p) => p.tag === tag) ?? same[0]
            const got = t.find(dev, key, tag, 0)
            expect(got).toBe(want?.i ?? 0)
            if (want) {
              t.remove(want.i)
              plain = plain.filter((p) => p !== want)
            }
          }
          expect(t.size).toBe(plain.length)
        }
      }
    ),
    { numRuns: runs(300) }
  )
})

test('the time line keeps maxima and last values while its buckets double', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 1e7 }), fc.nat({ max: 1000 })), { minLength: 1, maxLength: 200 }),
      (steps) => {
        const t = new Timeline(16)
        const track = t.track('x', 'device')
        let now = 5e9
        for (const [dt, v] of steps) {
          now += dt
          t.set(track, now, v)
        }
        const [x] = t.tracks()
        expect(Math.max(...(x?.max ?? []))).toBe(Math.max(...steps.map((s) => s[1])))
        expect(x?.last.at(-1)).toBe(steps.at(-1)?.[1])
        expect(x?.max.length).toBeLessThanOrEqual(16)
        expect(t.start + t.width * (x?.max.length ?? 0)).toBeGreaterThan(now)
      }
    )
  )
  const t = new Timeline(8)
  const a = t.track('a', 'device')
  t.set(a, 0, 5)
  t.set(a, 0, 1)
  t.set(a, 3e5, 2)
  expect([...(t.tracks()[0]?.max ?? [])]).toEqual([5, 1, 1, 2])
})

test('a sparkline shows the highest of each cell', () => {
  expect(sparkline([0, 1, 8, 4], 4, 8)).toBe(' ▂█▅')
  expect(sparkline([0, 8], 10, 8)).toBe(' █')
  expect(sparkline([], 10, 8)).toBe('')
})

test('a kernel log: pool, areas, drivers, full messages; with and without time stamps', () => {
  const log = `[    0.000000] Linux version 6.12.117+deb12-amd64 (x) #1
[    0.000000] Command line: console=ttyS0 swiotlb=512,force
[    0.000000] software IO TLB: area num 2.
[    1.229886] software IO TLB: mapped [mem 0x000000007f8f3000-0x000000007f9f3000] (1MB)
[    2.000000] nvme nvme0: pci function 0000:00:02.0
[    2.100000] ahci 0000:00:1f.2: version 3.0
[    2.100000] pci 0000:00:03.0: [1af4:1042] type 00
[   12.952791] nvme 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 512 (slots)
[   30.541888] swiotlb_tbl_map_single: 191 callbacks suppressed`
  for (const text of [log, log.replace(/^\[ *[\d.]+\] /gm, ''), log.replace(/^/gm, '<6>')]) {
    const f = readKernelLog(text)
    expect(f).toMatchObject({
      start: 0x7f8f3000,
      nslabs: 512,
      nareas: 2,
      pools: 1,
      forced: true,
      full: 1,
      suppressed: 191,
      kernel: '6.12.117+deb12-amd64'
    })
    expect([...f.drivers]).toEqual([
      ['0000:00:02.0', 'nvme'],
      ['0000:00:1f.2', 'ahci']
    ])
    expect([...minAlignMasks(f)]).toEqual([['0000:00:02.0', 4095]])
  }
  expect(readKernelLog('nothing here')).toMatchObject({
    start: null,
    nslabs: null,
    nareas: null,
    pools: 0,
    kernel: null
  })
  expect(readKernelLog('Linux version 5.10.0\nsoftware IO TLB: mapped [mem 0x1000-0x4001000] (64MB)').nareas).toBe(1)
})

test('samples: five columns, named values, marks in the trace; unreadable values do not count', () => {
  const five = parseDebugfs('# a b c d e\n5.2 5.3 0 0 32768\n5.4 5.5 12 14 32768\n5.6 5.7 -1 -1 -1\nwhat\n')
  expect(five.samples.length).toBe(3)
  expect(five.samples[1]).toEqual({ time: 5.45e9, used: 12, hiwater: 14, nslabs: 32768 })
  expect(five.unread).toBe(1)
  expect(parseDebugfs('# after\nio_tlb_nslabs 512\nio_tlb_used 3\nio_tlb_used_hiwater 9\n').samples).toEqual([
    { time: Number.NaN, used: 3, hiwater: 9, nslabs: 512 }
  ])
  const m = new Measured()
  m.mark('swiotlb_sample used=7 hiwater=11 nslabs=512', 1)
  m.mark('swiotlb_sample used=3 hiwater=12 nslabs=512', 2)
  m.mark('phase nvme start', 3)
  for (const s of five.samples) m.sample(s)
  expect([m.hiwater, m.maxUsed, m.nslabs, m.marks.length]).toEqual([14, 12, 32768, 1])
})

test('min_align_mask is what the low bits of the addresses say', () => {
  const mask = (pairs: readonly (readonly [number, number])[]): [number, string] => {
    const d = new DeviceState(0, 'd')
    for (const [p, a] of pairs) d.observe(p, a)
    return [d.minAlignMask, d.maskSource]
  }
  expect(mask([[0x101624000, 0x7d9f3000]])).toEqual([0, 'assumed'])
  expect(
    mask([
      [0x100d99a00, 0x7d9f5a00],
      [0x100d9a200, 0x7d9f6200]
    ])
  ).toEqual([4095, 'observed'])
  expect(mask([[0x10bd78c0, 0x7da03000]])).toEqual([0, 'observed'])
  // 64 KiB: bits 12 to 15 agree every time.
  expect(
    mask(
      Array.from({ length: 40 }, (_, i): [number, number] => [
        0x100000200 + i * 0x1000,
        0x7d000200 + ((i * 0x1000) & 0xf000) + i * 0x10000
      ])
    )
  ).toEqual([65535, 'observed'])
  expect([maxMappingSize(0), maxMappingSize(4095), maxMappingSize(511)]).toEqual([262144, 258048, 260096])
})

test('areas: a power of two for the CPUs, each with a segment at least', () => {
  expect([areasFor(1, 32768), areasFor(3, 32768), areasFor(64, 512), areasFor(2, 128)]).toEqual([1, 4, 4, 1])
})

async function* stream(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const b = new TextEncoder().encode(text)
  for (let i = 0; i < b.length; i += size) yield b.subarray(i, i + size)
}

test('files of one CPU each are merged by time; parts follow each other in the order of their times', async () => {
  const line = (cpu: number, t: number): string => `x-1 [00${cpu}] ..... ${t}.000001: e: a\n`
  const a = `# tracer: nop\n${line(0, 1)}${line(0, 4)}`
  const b = `# tracer: nop\n${line(1, 2)}${line(1, 3)}CPU:1 [LOST 3 EVENTS]\n${line(1, 5)}`
  const bytes = (t: string): Uint8Array => new TextEncoder().encode(t)
  expect(arrange([peek(bytes(a)), peek(bytes(b))])).toMatchObject({ how: 'merge' })
  let out = ''
  for await (const c of mergeByTime([stream(a), stream(b, 1000)])) out += new TextDecoder().decode(c)
  expect(out.match(/(\d)\.000001|LOST/g)).toEqual(['1.000001', '2.000001', '3.000001', 'LOST', '4.000001', '5.000001'])
  expect(out.length).toBe(a.length + b.length)
  const mixed = peek(bytes(`${line(0, 7)}${line(1, 8)}`))
  expect(arrange([mixed, peek(bytes(`${line(0, 1)}${line(1, 2)}`))])).toEqual({
    how: 'follow',
    order: [1, 0],
    reordered: true
  })
  expect(arrange([peek(bytes('rubbish')), mixed])).toMatchObject({ how: 'follow', order: [0, 1], reordered: false })
})

// What `_trace-dat-maker.ts` writes must be read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAPPING_ERROR, Trace } from '../kernel/trace-events.ts'
import { Irq, Names, type TraceEvent } from './event.ts'
import { Skips } from './skips.ts'
import { TraceDat, type Unpackers } from './trace-dat.ts'
import { isTraceDat } from './trace-dat-magic.ts'
import { version6, version7 } from './_trace-dat-maker.ts'
import { runs } from '../../test/runs.ts'

// Frames of one raw block, whose header says the size: all that the maker writes.
const rawFrames: Unpackers = {
  zstd: (data, size) => {
    const plain = data.subarray(12)
    if (plain.length !== size) throw new Error(`${plain.length} bytes where ${size} were promised`)
    return plain
  }
}

interface Seen {
  kind: number
  time: number
  cpu: number
  pid: number
  irq: number
  device: string
  dma: number
  phys: number
  size: number
  physs: number[]
  text: string
  count: number
}

function read(file: Uint8Array): { seen: Seen[]; dat: TraceDat; skips: Skips } {
  const names = new Names()
  const skips = new Skips()
  const r = TraceDat.open(
    { name: 'trace.dat', size: file.length, read: (o, n) => file.subarray(o, Math.min(file.length, o + n)) },
    names,
    skips,
    rawFrames
  )
  if (!r.ok) throw new Error(r.error.message)
  const seen: Seen[] = []
  const sink = {
    event: (e: TraceEvent) => {
      seen.push({
        kind: e.kind,
        time: e.time,
        cpu: e.cpu,
        pid: e.pid,
        irq: e.irq,
        device: e.has & 1 ? names.name(e.dev) : '',
        dma: e.dma,
        phys: e.phys,
        size: e.size,
        physs: [...e.physs.subarray(0, e.nphys)],
        text: e.kind === Trace.mark ? e.text : '',
        count: e.count
      })
    }
  }
  while (r.value.pump(sink, 3));
  return { seen, dat: r.value, skips }
}

describe.each([
  ['6', false, version6(false)],
  ['6, big-endian', true, version6(true)],
  ['7', false, version7(false, false)],
  ['7, zstd', false, version7(false, true)],
  ['7, zstd, big-endian', true, version7(true, true)]
] as const)('version %s', (_, be, file) => {
  test('events of all CPUs in the order of time, fields by name, losses and marks', () => {
    expect(isTraceDat(file)).toBe(true)
    const { seen, dat, skips } = read(file)
    expect(skips.list()).toEqual([])
    expect(dat.info.bigEndian).toBe(be)
    expect(seen.map((s) => [s.kind, s.time, s.cpu])).toEqual([
      [Trace.map, 1000, 0],
      [Trace.map, 1003, 1],
      [Trace.unmapSg, 1005, 0],
      [Trace.lost, 3_000_000_000 + 2 ** 28, 0],
      [Trace.mark, 3_000_000_000 + 2 ** 28, 0]
    ])
    expect(seen[0]).toMatchObject({
      pid: 42,
      irq: Irq.hard,
      device: '0000:00:02.0',
      dma: 0x7d9f3000,
      phys: 0x101624000,
      size: 4096
    })
    expect(seen[1]).toMatchObject({ pid: 0, irq: Irq.soft, dma: MAPPING_ERROR })
    expect(seen[2]).toMatchObject({ device: 'dev', physs: [0x1000, 0x10c000000], irq: Irq.task })
    expect(seen[3]).toMatchObject({ count: 17 })
    expect(seen[4]).toMatchObject({ text: 'phase begin' })
    expect([...dat.others]).toEqual([['sched_switch', 1]])
    expect(dat.records).toBe(5)
  })

  test('cut anywhere: an error that says so, or what was whole; never a crash', () => {
    for (let n = 0; n < file.length; n += 97) {
      const cut = file.slice(0, n)
      const skips = new Skips()
      const r = TraceDat.open(
        { name: 'trace.dat', size: n, read: (o, m) => cut.subarray(o, Math.min(n, o + m)) },
        new Names(),
        skips,
        rawFrames
      )
      if (!r.ok) {
        expect(r.error).toMatchObject({ code: 'TB-356', file: 'trace.dat' })
        continue
      }
      let events = 0
      while (
        r.value.pump(
          {
            event: () => {
              events++
            }
          },
          10
        )
      );
      expect(events).toBeLessThanOrEqual(30)
    }
  })

  test('a flipped byte anywhere never crashes or hangs', () => {
    for (let i = 0; i < file.length; i += 61) {
      const bad = file.slice()
      bad[i] = (bad[i] as number) ^ 0xff
      const r = TraceDat.open(
        { name: 'x', size: bad.length, read: (o, m) => bad.subarray(o, Math.min(bad.length, o + m)) },
        new Names(),
        new Skips(),
        rawFrames
      )
      if (r.ok) for (let k = 0; k < 2000 && r.value.pump({ event: () => {} }, 10); k++);
    }
  })
})

test('an unknown version and an unknown compression are said, with what to do', () => {
  const v = version6(false)
  v[10] = 57
  const open = (b: Uint8Array) =>
    TraceDat.open(
      { name: 'x', size: b.length, read: (o, m) => b.subarray(o, Math.min(b.length, o + m)) },
      new Names(),
      new Skips(),
      rawFrames
    )
  const nine = open(v)
  expect(nine.ok ? '' : nine.error.message).toContain('version 9')
  const text = open(new TextEncoder().encode('# tracer: nop'))
  expect(text.ok ? '' : text.error.message).toContain('not a trace.dat')
})

describe('what the head says of itself is checked', () => {
  const open = (b: Uint8Array): ReturnType<typeof TraceDat.open> =>
    TraceDat.open(
      { name: 'x', size: b.length, read: (o, m) => b.subarray(o, Math.min(b.length, o + m)) },
      new Names(),
      new Skips(),
      rawFrames
    )
  const pumpAll = (b: Uint8Array): number => {
    const r = open(b)
    if (!r.ok) return -1
    let n = 0
    while (
      r.value.pump(
        {
          event: () => {
            n++
          }
        },
        1000
      )
    );
    return n
  }
  const at = (b: Uint8Array, text: string): number => Buffer.from(b).indexOf(text)
  const changed = (b: Uint8Array, place: number, ...bytes: number[]): Uint8Array => {
    const c = Uint8Array.from(b)
    c.set(bytes, place)
    return c
  }

  test('page sizes that no ring buffer has', () => {
    for (const size of [0, 1, 511, 4095, 0x80000000, 0xffffffff]) {
      const b = version6(false)
      new DataView(b.buffer).setUint32(at(b, '6\x00') + 4, size, true)
      const r = open(b)
      expect(r.ok ? null : r.error.message).toMatch(/pages of|damaged/)
    }
  })

  test('a section that leads back to itself ends', () => {
    const b = version7(false, false)
    // The last option of the last section: where the next one is.
    const first = at(b, 'none\x001\x00') + 7
    const options = new DataView(b.buffer).getBigUint64(first, true)
    new DataView(b.buffer).setBigUint64(b.length - 8, options, true)
    expect(pumpAll(b)).toBeGreaterThanOrEqual(-1)
    expect(open(b).ok).toBe(false)
  })

  test('data of two CPUs that overlap, counts of CPUs, sizes beyond the file', () => {
    const b = version6(false)
    const index = at(b, 'flyrecord\x00') + 10
    const copy = Uint8Array.from(b)
    copy.set(b.subarray(index, index + 8), index + 16)
    const r = open(copy)
    expect(r.ok ? '' : r.error.message).toMatch(/lies within that of another/)
    expect(open(changed(b, at(b, 'options  ') - 4, 255, 255, 255, 255)).ok).toBe(false)
    for (const far of [0xff, 0x7f])
      expect(pumpAll(changed(b, index + 8, far, far, far, far, far, far, far, far))).toBeGreaterThanOrEqual(-1)
  })

  test('any bytes of a head changed: an error or events, never an exception, never a hang', () => {
    const files = [version6(false), version6(true), version7(false, false), version7(true, true)]
    fc.assert(
      fc.property(
        fc.nat({ max: files.length - 1 }),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 4, 16, 127, 128, 254, 255), fc.constantFrom(1, 2, 4, 8)), {
          minLength: 1,
          maxLength: 8
        }),
        (which, changes) => {
          const b = Uint8Array.from(files[which] as Uint8Array)
          for (const [where, value, length] of changes) b.fill(value, where % b.length, (where % b.length) + length)
          expect(pumpAll(b)).toBeGreaterThanOrEqual(-1)
        }
      ),
      { numRuns: runs(1500) }
    )
  })
})

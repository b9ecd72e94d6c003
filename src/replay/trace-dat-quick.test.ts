// Records that are read at once against their slow twin, the reading field by field, which is that of a big-endian
// file: the same records in both orders of bytes come to the same events.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Trace } from '../kernel/trace-events.ts'
import { Names, type TraceEvent } from './event.ts'
import { Skips } from './skips.ts'
import { TraceDat } from './trace-dat.ts'
import { format, Out, page, version6Of } from './_trace-dat-maker.ts'

interface Shown {
  readonly type: string
  readonly name: string
  readonly size: number
}
const loc = (type: string, name: string): Shown => ({ type: `__data_loc ${type}[]`, name, size: 4 })
const plain = (type: string, name: string, size: number): Shown => ({ type, name, size })
const U64 = (name: string): Shown => plain('u64', name, 8)
const U32 = (name: string): Shown => plain('unsigned int', name, 4)

/** Those of a 64-bit kernel, and some that no kernel has: other widths, a name in its place, no device. */
const EVENTS: readonly { readonly name: string; readonly fields: readonly Shown[] }[] = [
  {
    name: 'dma_map_page',
    fields: [loc('char', 'device'), U64('phys_addr'), U64('dma_addr'), U64('size'), U32('dir'), U64('attrs')]
  },
  { name: 'dma_unmap_page', fields: [loc('char', 'device'), U64('addr'), U64('size'), U32('dir'), U64('attrs')] },
  {
    name: 'dma_map_sg',
    fields: [
      loc('char', 'device'),
      U32('full_nents'),
      U32('full_ents'),
      plain('bool', 'truncated', 1),
      loc('u64', 'phys_addrs'),
      loc('u64', 'dma_addrs'),
      loc('unsigned int', 'lengths'),
      U32('dir'),
      U64('attrs')
    ]
  },
  { name: 'dma_unmap_sg', fields: [loc('char', 'device'), loc('u64', 'addrs'), U32('dir'), U64('attrs')] },
  {
    name: 'swiotlb_bounced',
    fields: [loc('char', 'dev_name'), U64('dma_mask'), U64('dev_addr'), U64('size'), plain('bool', 'force', 1)]
  },
  { name: 'dma_alloc', fields: [loc('char', 'device'), U64('virt_addr'), U64('dma_addr'), U64('size'), U64('attrs')] },
  { name: 'dma_map_phys', fields: [loc('char', 'device'), U32('phys_addr'), U32('dma_addr'), U32('size'), U32('dir')] },
  { name: 'dma_unmap_phys', fields: [plain('char', 'device[16]', 16), U64('addr'), U64('size'), U32('dir')] },
  { name: 'dma_sync_single_for_cpu', fields: [U64('dma_addr'), U64('size'), U32('dir')] }
]
const FIRST_ID = 400
const COMMON = 8

const FORMATS = EVENTS.map((e, i) => {
  let at = COMMON
  const lines = e.fields.map((f) => {
    const line = `\tfield:${f.type} ${f.name};\toffset:${at};\tsize:${f.size};\tsigned:0;\n`
    at += f.size
    return line
  })
  return format(e.name, FIRST_ID + i, lines.join(''))
})

interface Made {
  readonly event: number
  readonly pid: number
  readonly flags: number
  /** One for each field. */
  readonly numbers: readonly number[]
  readonly device: string
  readonly entries: readonly number[]
  /** Bytes that the record lacks at its end, in words; and whether what stands behind it is empty or beyond its end. */
  readonly short: number
  readonly wild: boolean
}

/** The record in one order of bytes. */
function recordOf(be: boolean, m: Made): Uint8Array {
  const { fields } = EVENTS[m.event] as (typeof EVENTS)[number]
  const fixed = fields.reduce((n, f) => n + f.size, COMMON)
  const o = new Out(be)
    .int(FIRST_ID + m.event, 2)
    .raw(m.flags, 0)
    .int(m.pid, 4)
  const behind = new Out(be)
  fields.forEach((f, k) => {
    const value = m.numbers[k % m.numbers.length] as number
    if (f.type.startsWith('__data_loc')) {
      const from = fixed + behind.length
      if (f.type.includes('char')) behind.string(m.device)
      else
        for (const e of m.entries) behind.int(f.type.includes('u64') ? e : e % 2 ** 32, f.type.includes('u64') ? 8 : 4)
      o.int(m.wild ? (value % 2) * 60000 * 65536 + 30 : from + (fixed + behind.length - from) * 65536, 4)
    } else if (f.size === 16) o.text(m.device.padEnd(16, '\0').slice(0, 16))
    else if (f.name === 'dir') o.int(value % 5, 4)
    else o.int(f.size === 1 ? value % 2 : f.size === 4 ? value % 2 ** 32 : value, f.size)
  })
  o.put(behind.done())
  const whole = o.pad(Math.ceil(o.length / 4) * 4).done()
  return whole.subarray(0, Math.max(4, whole.length - 4 * m.short))
}

const number = fc.oneof(fc.nat({ max: 8 }), fc.constantFrom(0x7d9f3000, 0x101624000, 2 ** 40 + 4096), fc.nat())
const made = fc.record({
  event: fc.nat({ max: EVENTS.length - 1 }),
  pid: fc.nat({ max: 2 ** 22 }),
  flags: fc.nat({ max: 255 }),
  numbers: fc.array(number, { minLength: 1, maxLength: 8 }),
  device: fc.constantFrom('0000:00:02.0', '0000:00:06.0', 'virtio3', '', '0000:00:02.0x'),
  entries: fc.array(number, { maxLength: 6 }),
  short: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat({ max: 20 })),
  wild: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.boolean())
})

/** What a file holds. `reuse`: its source answers in the room that it is given. */
function eventsOf(file: Uint8Array, reuse = false): { seen: unknown[]; skips: unknown; others: unknown } {
  const [names, skips] = [new Names(), new Skips()]
  const source = {
    name: 'x',
    size: file.length,
    read: (o: number, n: number, into?: Uint8Array) => {
      const got = file.subarray(o, o + n)
      if (!reuse || into === undefined || into.length < got.length) return got
      into.fill(0xff)
      into.set(got)
      return into.subarray(0, got.length)
    }
  }
  const r = TraceDat.open(source, names, skips, {})
  if (!r.ok) throw new Error(r.error.message)
  const seen: unknown[] = []
  const event = (e: TraceEvent): void => {
    const sg = e.kind === Trace.mapSg || e.kind === Trace.unmapSg
    seen.push({
      ...e,
      dev: names.name(e.dev),
      dmas: sg ? [...e.dmas.subarray(0, e.ndma)] : [],
      sizes: sg ? [...e.sizes.subarray(0, e.nsize)] : [],
      physs: sg ? [...e.physs.subarray(0, e.nphys)] : []
    })
  }
  while (r.value.pump({ event }, 100));
  return { seen, skips: skips.list(), others: [...r.value.others] }
}

function read(be: boolean, records: readonly Made[]): ReturnType<typeof eventsOf> {
  const cpus = [0, 1].map((cpu) => [
    page(
      be,
      1000 + cpu,
      records.filter((_, i) => i % 2 === cpu).map((m) => [3, recordOf(be, m)] as const)
    )
  ])
  return eventsOf(version6Of(be, FORMATS, cpus))
}

test('records of the usual formats, of others, cut off, with lists anywhere: as read field by field', () => {
  const kinds = new Set<number>()
  fc.assert(
    fc.property(fc.array(made, { minLength: 1, maxLength: 20 }), (records) => {
      const quick = read(false, records)
      expect(quick).toEqual(read(true, records))
      for (const e of quick.seen as { kind: number }[]) kinds.add(e.kind)
    }),
    { numRuns: 60 }
  )
  // Nothing passes for want of events.
  expect(kinds.size).toBeGreaterThanOrEqual(6)
})

test('pages that are read to where those before them lay', () => {
  const some = fc.sample(made, { numRuns: 12, seed: 5 }).map((m) => ({ ...m, short: 0, wild: false }))
  const pages = (n: number, cpu: number): Uint8Array[] =>
    Array.from({ length: n }, (_, i) =>
      page(
        false,
        1000 * i + cpu,
        some.slice((i + cpu) % 5, ((i + cpu) % 5) + 1 + (i % 6)).map((m) => [2, recordOf(false, m)] as const)
      )
    )
  // One CPU's data ends in the middle of what is read at once.
  const file = version6Of(false, FORMATS, [pages(150, 0), pages(64, 1)])
  const want = eventsOf(file)
  expect(want.seen.length).toBeGreaterThan(300)
  expect(eventsOf(file, true)).toEqual(want)
})

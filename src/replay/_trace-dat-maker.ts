// trace.dat made by hand, version 6 and 7, either byte order, plain and in zstd frames of raw blocks. For tests and
// benchmarks.
import { MAPPING_ERROR } from '../kernel/trace-events.ts'

/** Bytes one after the other, in either order. */
export class Out {
  private bytes: number[] = []
  constructor(readonly be: boolean) {}
  get length(): number {
    return this.bytes.length
  }
  raw(...b: number[]): this {
    for (const x of b) this.bytes.push(x)
    return this
  }
  put(b: Uint8Array): this {
    for (const x of b) this.bytes.push(x)
    return this
  }
  int(value: number, width: number): this {
    const one: number[] = []
    let v = value
    for (let i = 0; i < width; i++) {
      one.push(v % 256)
      v = Math.floor(v / 256)
    }
    return this.raw(...(this.be ? one.reverse() : one))
  }
  text(t: string): this {
    return this.raw(...new TextEncoder().encode(t))
  }
  string(t: string): this {
    return this.text(t).raw(0)
  }
  sized(t: string): this {
    return this.int(t.length, 8).text(t)
  }
  pad(to: number): this {
    while (this.bytes.length < to) this.bytes.push(0)
    return this
  }
  set(at: number, value: number, width: number): void {
    const w = new Out(this.be).int(value, width).done()
    for (let i = 0; i < width; i++) this.bytes[at + i] = w[i] as number
  }
  done(): Uint8Array {
    return new Uint8Array(this.bytes)
  }
}

/** The format of a ring buffer page. */
export const PAGE =
  '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t ' +
  'commit;\toffset:8;\tsize:8;\tsigned:1;\n\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char ' +
  'data;\toffset:16;\tsize:4080;\tsigned:0;\n'
const COMMON =
  '\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:unsigned char ' +
  'common_flags;\toffset:2;\tsize:1;\tsigned:0;\n\tfield:unsigned char ' +
  'common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n' +
  '\n'
/** The format of an event, with fields beside the common ones. */
export const format = (name: string, id: number, fields: string): string =>
  `name: ${name}\nID: ${id}\nformat:\n${COMMON}${fields}\nprint fmt: ""\n`
// Another order of fields than the kernel's: only names count.
const MAP = format(
  'dma_map_phys',
  440,
  '\tfield:unsigned long attrs;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:u64 ' +
    'dma_addr;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:u64 phys_addr;\toffset:24;\tsize:8;\tsigned:0;\n' +
    '\tfield:size_t size;\toffset:32;\tsize:8;\tsigned:0;\n\tfield:enum dma_data_direction ' +
    'dir;\toffset:40;\tsize:4;\tsigned:0;\n\tfield:__data_loc char[] device;\toffset:44;\tsize:4;\tsigned:0;\n'
)
const SG = format(
  'dma_unmap_sg',
  368,
  '\tfield:__data_loc char[] device;\toffset:8;\tsize:4;\tsigned:0;\n\tfield:__data_loc u64[] ' +
    'addrs;\toffset:12;\tsize:4;\tsigned:0;\n\tfield:enum dma_data_direction dir;\toffset:16;\tsize:4;\tsigned:0;\n' +
    '\tfield:unsigned long attrs;\toffset:24;\tsize:8;\tsigned:0;\n'
)
const PRINT = format(
  'print',
  5,
  '\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:char buf[];\toffset:16;\tsize:0;\tsigned:0;\n'
)
const OTHER = format('sched_switch', 300, '\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n')

function mapRecord(be: boolean, flags: number, pid: number, device: string, dma: number, phys: number): Uint8Array {
  const name = new TextEncoder().encode(`${device}\0`)
  const o = new Out(be).int(440, 2).raw(flags, 0).int(pid, 4).int(256, 8)
  if (dma === MAPPING_ERROR) o.raw(255, 255, 255, 255, 255, 255, 255, 255)
  else o.int(dma, 8)
  o.int(phys, 8)
    .int(4096, 8)
    .int(2, 4)
    .int(48 + name.length * 65536, 4)
    .put(name)
  return o.pad(Math.ceil(o.length / 4) * 4).done()
}
function sgRecord(be: boolean, addrs: readonly number[]): Uint8Array {
  const o = new Out(be)
    .int(368, 2)
    .raw(0, 0)
    .int(7, 4)
    .int(32 + 8 * addrs.length + 4 * 65536, 4)
    .int(32 + 8 * addrs.length * 65536, 4)
    .int(1, 4)
    .int(0, 4)
    .int(0, 8)
  for (const a of addrs) o.int(a, 8)
  return o.text('dev').raw(0).done()
}
const printRecord = (be: boolean, text: string): Uint8Array => {
  const o = new Out(be).int(5, 2).raw(0, 0).int(1, 4).int(0, 8).string(text)
  return o.pad(Math.ceil(o.length / 4) * 4).done()
}

/** A ring buffer page: records with their time after the one before. */
export function page(
  be: boolean,
  time: number,
  records: readonly (readonly [number, Uint8Array])[],
  missed = 0
): Uint8Array {
  const o = new Out(be).int(time, 8).int(0, 8)
  for (const [delta, data] of records) {
    let d = delta
    if (d >= 2 ** 27) {
      // A time extend: type 30, low 27 bits in the word, the rest behind it.
      const low = d % 2 ** 27
      o.int(be ? 30 * 2 ** 27 + low : low * 32 + 30, 4).int(Math.floor(d / 2 ** 27), 4)
      d = 0
    }
    if (data.length <= 112) o.int(be ? (data.length / 4) * 2 ** 27 + d : d * 32 + data.length / 4, 4)
    else o.int(be ? d : d * 32, 4).int(data.length + 4, 4)
    o.put(data)
  }
  const commit = o.length - 16
  // Eight bytes; the flags are in the low 32 bits.
  o.set(8, commit + (missed > 0 ? 2 ** 31 + 2 ** 30 : 0), 8)
  if (missed > 0) o.int(missed, 8)
  return o.pad(4096).done()
}

const pages = (be: boolean): Uint8Array[][] => [
  [
    page(be, 1000, [
      [0, mapRecord(be, 0x08, 42, '0000:00:02.0', 0x7d9f3000, 0x101624000)],
      [5, sgRecord(be, [0x1000, 0x10c000000])]
    ]),
    page(be, 3_000_000_000, [[2 ** 28, printRecord(be, 'phase begin\n')]], 17)
  ],
  [
    page(be, 1002, [
      [1, mapRecord(be, 0x10, 0, '0000:00:02.0', MAPPING_ERROR, 0x20000)],
      [1, new Out(be).int(300, 2).raw(0, 0).int(1, 4).int(1, 4).done()]
    ])
  ]
]

// A zstd frame of one raw block.
function zstdRaw(data: Uint8Array): Uint8Array {
  const o = new Out(false).raw(0x28, 0xb5, 0x2f, 0xfd, 0xa0).int(data.length, 4)
  return o
    .int(data.length * 8 + 1, 3)
    .put(data)
    .done()
}

export const version6 = (be: boolean): Uint8Array => version6Of(be, [MAP, SG], pages(be))

/** A file with these formats of the system dma, and the pages of each of two CPUs. */
export function version6Of(be: boolean, dma: readonly string[], cpus: readonly (readonly Uint8Array[])[]): Uint8Array {
  const o = new Out(be)
    .raw(0x17, 8, 0x44)
    .text('tracing')
    .string('6')
    .raw(be ? 1 : 0, 8)
    .int(4096, 4)
  o.string('header_page').sized(PAGE).string('header_event').sized('')
  o.int(1, 4).sized(PRINT).int(2, 4).string('dma').int(dma.length, 4)
  for (const f of dma) o.sized(f)
  o.string('sched').int(1, 4).sized(OTHER)
  o.int(3, 4).text('sym').int(2, 4).text('pf').int(1, 8).text('c').int(2, 4)
  o.text('options  \0')
    .int(4, 2)
    .int(9, 4)
    .text('local [m]')
    .int(2, 2)
    .int(25, 4)
    .text('CPU: 0\noverrun: 11\nx: 01\n')
    .int(0, 2)
  o.text('flyrecord\0')
  const index = o.length
  for (let i = 0; i < 4; i++) o.int(0, 8)
  cpus.forEach((ps, c) => {
    o.pad(Math.ceil(o.length / 4096) * 4096)
    o.set(index + c * 16, o.length, 8)
    o.set(index + c * 16 + 8, ps.length * 4096, 8)
    for (const p of ps) o.put(p)
  })
  return o.done()
}

export function version7(be: boolean, compressed: boolean): Uint8Array {
  const o = new Out(be)
    .raw(0x17, 8, 0x44)
    .text('tracing')
    .string('7')
    .raw(be ? 1 : 0, 8)
    .int(4096, 4)
    .string(compressed ? 'zstd' : 'none')
    .string('1')
    .int(0, 8)
  const first = o.length - 8
  const section = (id: number, content: Uint8Array, pack: boolean): number => {
    const at = o.length
    const body = pack
      ? new Out(be).int(zstdRaw(content).length, 4).int(content.length, 4).put(zstdRaw(content)).done()
      : content
    o.int(id, 2)
      .int(pack ? 1 : 0, 2)
      .int(0, 4)
      .int(body.length, 8)
      .put(body)
    return at
  }
  const head = section(
    16,
    new Out(be).string('header_page').sized(PAGE).string('header_event').sized('').done(),
    compressed
  )
  const ftrace = section(17, new Out(be).int(1, 4).sized(PRINT).done(), compressed)
  const events = section(
    18,
    new Out(be).int(2, 4).string('dma').int(2, 4).sized(MAP).sized(SG).string('sched').int(1, 4).sized(OTHER).done(),
    compressed
  )
  const buffer = o.length
  o.int(3, 2)
    .int(compressed ? 1 : 0, 2)
    .int(0, 4)
    .int(0, 8)
  const cpus: [number, number][] = []
  pages(be).forEach((ps) => {
    o.pad(Math.ceil(o.length / 4096) * 4096)
    const at = o.length
    if (compressed) {
      o.int(ps.length, 4)
      for (const p of ps) o.int(zstdRaw(p).length, 4).int(p.length, 4).put(zstdRaw(p))
    } else for (const p of ps) o.put(p)
    cpus.push([at, o.length - at])
  })
  o.set(buffer + 8, o.length - buffer - 16, 8)
  o.set(first, o.length, 8)
  const opts = new Out(be)
  for (const [id, at] of [
    [16, head],
    [17, ftrace],
    [18, events]
  ] as const)
    opts.int(id, 2).int(8, 4).int(at, 8)
  const b = new Out(be).int(buffer, 8).string('').string('mono').int(4096, 4).int(2, 4)
  cpus.forEach(([at, size], c) => {
    b.int(c, 4).int(at, 8).int(size, 8)
  })
  opts.int(3, 2).int(b.length, 4).put(b.done()).int(0, 2).int(8, 4).int(0, 8)
  section(0, opts.done(), false)
  return o.done()
}

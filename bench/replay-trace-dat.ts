// A trace.dat (version 6, little-endian, not compressed) of the events that a text holds, in the formats of Linux 6.12:
// the same load for the reader of the binary form.
import { closeSync, openSync, readSync } from 'node:fs'
import { Trace } from '../src/kernel/trace-events.ts'
import { Names, Skips, TextScanner, type TraceEvent } from '../src/replay/index.ts'

const PAGE = 4096
const PAGE_HEAD = 16
/** A longer record has its length behind its first word. */
const SHORT = 112
const HEADER_PAGE =
  '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n' +
  '\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n'

type Shown = readonly [type: string, name: string, offset: number, size: number]
const COMMON: readonly Shown[] = [
  ['unsigned short', 'common_type', 0, 2],
  ['unsigned char', 'common_flags', 2, 1],
  ['unsigned char', 'common_preempt_count', 3, 1],
  ['int', 'common_pid', 4, 4]
]
const format = (name: string, id: number, fields: readonly Shown[]): string =>
  `name: ${name}\nID: ${id}\nformat:\n${[...COMMON, ...fields]
    .map(([type, field, offset, size]) => `\tfield:${type} ${field};\toffset:${offset};\tsize:${size};\tsigned:0;\n`)
    .join('')}\nprint fmt: ""\n`
const ONE: readonly Shown[] = [
  ['__data_loc char[]', 'device', 8, 4],
  ['u64', 'phys_addr', 16, 8],
  ['u64', 'dma_addr', 24, 8],
  ['size_t', 'size', 32, 8],
  ['enum dma_data_direction', 'dir', 40, 4],
  ['unsigned long', 'attrs', 48, 8]
]
const FORMATS: ReadonlyMap<number, string> = new Map([
  [Trace.map, format('dma_map_page', Trace.map, ONE)],
  [Trace.unmap, format('dma_unmap_page', Trace.unmap, ONE)],
  [
    Trace.mapSg,
    format('dma_map_sg', Trace.mapSg, [
      ['__data_loc char[]', 'device', 8, 4],
      ['__data_loc u64[]', 'phys_addrs', 12, 4],
      ['__data_loc u64[]', 'dma_addrs', 16, 4],
      ['__data_loc unsigned int[]', 'lengths', 20, 4],
      ['enum dma_data_direction', 'dir', 24, 4],
      ['unsigned long', 'attrs', 32, 8]
    ])
  ],
  [
    Trace.unmapSg,
    format('dma_unmap_sg', Trace.unmapSg, [
      ['__data_loc char[]', 'device', 8, 4],
      ['__data_loc u64[]', 'addrs', 12, 4],
      ['enum dma_data_direction', 'dir', 16, 4],
      ['unsigned long', 'attrs', 24, 8]
    ])
  ],
  [
    Trace.bounced,
    format('swiotlb_bounced', Trace.bounced, [
      ['__data_loc char[]', 'dev_name', 8, 4],
      ['u64', 'dma_mask', 16, 8],
      ['u64', 'dev_addr', 24, 8],
      ['size_t', 'size', 32, 8],
      ['bool', 'force', 40, 1]
    ])
  ]
])

/** One record at a time, in room for the largest. */
class Scratch {
  readonly bytes = new Uint8Array(1 << 16)
  readonly view = new DataView(this.bytes.buffer)
  length = 0
  u64(at: number, value: number): void {
    this.view.setUint32(at, value % 2 ** 32, true)
    this.view.setUint32(at + 4, Math.min(2 ** 32 - 1, Math.floor(value / 2 ** 32)), true)
  }
  /** An array behind the fields, and where it is at `at`. */
  list(at: number, values: Float64Array, n: number, width: 4 | 8): void {
    this.view.setUint32(at, this.length | ((n * width) << 16), true)
    for (let i = 0; i < n; i++, this.length += width) {
      if (width === 8) this.u64(this.length, values[i] as number)
      else this.view.setUint32(this.length, values[i] as number, true)
    }
  }
  text(at: number, text: string): void {
    this.view.setUint32(at, this.length | ((text.length + 1) << 16), true)
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i)
    this.bytes[this.length++] = 0
    while (this.length % 4 !== 0) this.bytes[this.length++] = 0
  }
}

/** The pages of one CPU. */
class Pages {
  readonly list: Uint8Array[] = []
  private view = new DataView(new ArrayBuffer(0))
  private at = PAGE
  private last = 0

  add(time: number, record: Uint8Array): void {
    const need = record.length + (record.length > SHORT ? 8 : 4)
    if (this.at + need > PAGE || time - this.last >= 2 ** 27) this.fresh(time)
    const delta = time - this.last
    const type = record.length > SHORT ? 0 : record.length / 4
    this.view.setUint32(this.at, delta * 32 + type, true)
    if (type === 0) this.view.setUint32(this.at + 4, record.length + 4, true)
    ;(this.list.at(-1) as Uint8Array).set(record, this.at + need - record.length)
    this.at += need
    this.last = time
    this.view.setUint32(8, this.at - PAGE_HEAD, true)
  }

  private fresh(time: number): void {
    const page = new Uint8Array(PAGE)
    this.list.push(page)
    this.view = new DataView(page.buffer)
    this.view.setUint32(0, time % 2 ** 32, true)
    this.view.setUint32(4, Math.floor(time / 2 ** 32), true)
    this.at = PAGE_HEAD
    this.last = time
  }
}

function record(s: Scratch, ev: TraceEvent, device: string): Uint8Array {
  s.bytes.fill(0, 0, 64)
  s.view.setUint16(0, ev.kind, true)
  s.view.setInt32(4, ev.pid, true)
  if (ev.kind === Trace.mapSg) {
    s.length = 40
    s.list(12, ev.physs, ev.nphys, 8)
    s.list(16, ev.dmas, ev.ndma, 8)
    s.list(20, ev.sizes, ev.nsize, 4)
    s.view.setUint32(24, ev.dir, true)
    s.u64(32, ev.attrs)
  } else if (ev.kind === Trace.unmapSg) {
    s.length = 32
    s.list(12, ev.physs, ev.nphys, 8)
    s.view.setUint32(16, ev.dir, true)
    s.u64(24, ev.attrs)
  } else if (ev.kind === Trace.bounced) {
    s.length = 44
    s.u64(16, ev.mask)
    s.u64(24, ev.phys)
    s.u64(32, ev.size)
    s.bytes[40] = ev.force ? 1 : 0
  } else {
    s.length = 56
    s.u64(16, ev.phys)
    s.u64(24, ev.dma)
    s.u64(32, ev.size)
    s.view.setUint32(40, ev.dir, true)
    s.u64(48, ev.attrs)
  }
  s.text(8, device)
  return s.bytes.subarray(0, s.length)
}

const ascii = (t: string): Uint8Array => new TextEncoder().encode(t)
function integer(value: number, width: number): Uint8Array {
  const b = new Uint8Array(width)
  for (let i = 0, v = value; i < width; i++, v = Math.floor(v / 256)) b[i] = v % 256
  return b
}
const sized = (t: string): Uint8Array[] => [integer(t.length, 8), ascii(t)]

function file(cpus: readonly Pages[]): Uint8Array {
  const head = [
    Uint8Array.of(0x17, 8, 0x44),
    ascii('tracing6\0'),
    Uint8Array.of(0, 8),
    integer(PAGE, 4),
    ascii('header_page\0'),
    ...sized(HEADER_PAGE),
    ascii('header_event\0'),
    ...sized(''),
    // No events of ftrace itself; those of the one system.
    integer(0, 4),
    integer(1, 4),
    ascii('dma\0'),
    integer(FORMATS.size, 4),
    ...[...FORMATS.values()].flatMap(sized),
    // Symbols, formats of printk, command lines; CPUs; options.
    integer(0, 4),
    integer(0, 4),
    integer(0, 8),
    integer(cpus.length, 4),
    ascii('options  \0'),
    integer(0, 2),
    ascii('flyrecord\0')
  ]
  const length = head.reduce((n, b) => n + b.length, 0) + 16 * cpus.length
  let at = Math.ceil(length / PAGE) * PAGE
  const parts = [...head]
  for (const c of cpus) {
    parts.push(integer(at, 8), integer(c.list.length * PAGE, 8))
    at += c.list.length * PAGE
  }
  parts.push(new Uint8Array(Math.ceil(length / PAGE) * PAGE - length), ...cpus.flatMap((c) => c.list))
  return new Uint8Array(Buffer.concat(parts))
}

/** The events of the first `most` bytes of a text as a trace.dat, and how many they are. */
export function traceDatOf(path: string, most: number): { readonly bytes: Uint8Array; readonly events: number } {
  const names = new Names()
  const scratch = new Scratch()
  const cpus: Pages[] = []
  let events = 0
  const scanner = new TextScanner(
    {
      event: (ev) => {
        if (!FORMATS.has(ev.kind)) return
        while (cpus.length <= ev.cpu) cpus.push(new Pages())
        ;(cpus[ev.cpu] as Pages).add(ev.time, record(scratch, ev, names.name(ev.dev)))
        events++
      }
    },
    names,
    new Skips()
  )
  const fd = openSync(path, 'r')
  const buffer = new Uint8Array(1 << 20)
  for (let left = most; left > 0; ) {
    const n = readSync(fd, buffer, 0, Math.min(left, buffer.length), null)
    if (n === 0) break
    scanner.push(buffer.subarray(0, n))
    left -= n
  }
  closeSync(fd)
  return { bytes: file(cpus), events }
}

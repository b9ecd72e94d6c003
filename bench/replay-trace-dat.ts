// A trace.dat (version 6, little-endian, not compressed) of the events that a text holds, in the formats of Linux 6.12:
// the same load for the reader of the binary form.
import { closeSync, openSync, readSync } from 'node:fs'
import { Trace } from '../src/kernel/trace-events.ts'
import { format, Out, PAGE } from '../src/replay/_trace-dat-maker.ts'
import { Names, Skips, TextScanner, type TraceEvent } from '../src/replay/index.ts'

const PAGE_BYTES = 4096
const PAGE_HEAD = 16
/** A longer record has its length behind its first word. */
const SHORT = 112

type Shown = readonly [type: string, name: string, offset: number, size: number]
const formatOf = (name: string, id: number, fields: readonly Shown[]): string =>
  format(
    name,
    id,
    fields
      .map(([type, field, offset, size]) => `\tfield:${type} ${field};\toffset:${offset};\tsize:${size};\tsigned:0;\n`)
      .join('')
  )
const ONE: readonly Shown[] = [
  ['__data_loc char[]', 'device', 8, 4],
  ['u64', 'phys_addr', 16, 8],
  ['u64', 'dma_addr', 24, 8],
  ['size_t', 'size', 32, 8],
  ['enum dma_data_direction', 'dir', 40, 4],
  ['unsigned long', 'attrs', 48, 8]
]
const FORMATS: ReadonlyMap<number, string> = new Map([
  [Trace.map, formatOf('dma_map_page', Trace.map, ONE)],
  [Trace.unmap, formatOf('dma_unmap_page', Trace.unmap, ONE)],
  [
    Trace.mapSg,
    formatOf('dma_map_sg', Trace.mapSg, [
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
    formatOf('dma_unmap_sg', Trace.unmapSg, [
      ['__data_loc char[]', 'device', 8, 4],
      ['__data_loc u64[]', 'addrs', 12, 4],
      ['enum dma_data_direction', 'dir', 16, 4],
      ['unsigned long', 'attrs', 24, 8]
    ])
  ],
  [
    Trace.bounced,
    formatOf('swiotlb_bounced', Trace.bounced, [
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
  private at = PAGE_BYTES
  private last = 0

  add(time: number, record: Uint8Array): void {
    const need = record.length + (record.length > SHORT ? 8 : 4)
    if (this.at + need > PAGE_BYTES || time - this.last >= 2 ** 27) this.fresh(time)
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
    const page = new Uint8Array(PAGE_BYTES)
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

function file(cpus: readonly Pages[]): Uint8Array {
  const head = new Out(false).raw(0x17, 8, 0x44).text('tracing').string('6').raw(0, 8).int(PAGE_BYTES, 4)
  head.string('header_page').sized(PAGE).string('header_event').sized('')
  // No events of ftrace itself; those of the one system.
  head.int(0, 4).int(1, 4).string('dma').int(FORMATS.size, 4)
  for (const f of FORMATS.values()) head.sized(f)
  // Symbols, formats of printk, command lines; CPUs; options.
  head.int(0, 4).int(0, 4).int(0, 8).int(cpus.length, 4).text('options  \0').int(0, 2).string('flyrecord')
  const first = Math.ceil((head.length + 16 * cpus.length) / PAGE_BYTES) * PAGE_BYTES
  let at = first
  for (const c of cpus) {
    head.int(at, 8).int(c.list.length * PAGE_BYTES, 8)
    at += c.list.length * PAGE_BYTES
  }
  return new Uint8Array(Buffer.concat([head.pad(first).done(), ...cpus.flatMap((c) => c.list)]))
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

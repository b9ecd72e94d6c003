// The kernel's trace events about DMA: their names, fields and text formats by kernel version, for those who read them
// (replay) and those who write them (run). Sources: the `format` files of 6.12.117 and 6.18 under events/dma and
// events/swiotlb, and recordings of both tracefs and trace-cmd text. The class dma arrived in 6.12; before it there is
// swiotlb_bounced alone. In 6.18 dma_map_page and dma_unmap_page became dma_map_phys and dma_unmap_phys with the same
// fields.
import { own } from '../base/index.ts'

/** What an event means, whatever its name in this or that kernel. */
export const Trace = {
  none: 0,
  map: 1,
  unmap: 2,
  mapSg: 3,
  unmapSg: 4,
  bounced: 5,
  alloc: 6,
  free: 7,
  sync: 8,
  syncSg: 9,
  mapResource: 10,
  unmapResource: 11,
  mapSgErr: 12,
  mark: 13,
  lost: 14,
  syncDevice: 15,
  syncSgDevice: 16,
  /** An allocation that failed, by the event's name (dma_alloc_sgt_err). */
  allocErr: 17,
  // Events beside the classes dma and swiotlb that tell something about mappings: block requests, and kprobes on
  // swiotlb.
  blockIssue: 18,
  blockComplete: 19,
  probeMap: 20,
  probeMapReturn: 21,
  probeUnmap: 22
} as const
export type TraceKind = (typeof Trace)[keyof typeof Trace]

/**
 * How a value is printed: `hex` without 0x, `dec`, `dir` and `attrs` by name, `dev` a bare name, arrays as {0x..,0x..}.
 */
export type TraceStyle =
  | 'dev'
  | 'devName'
  | 'dir'
  | 'hex'
  | 'dec'
  | 'hexArray'
  | 'attrs'
  | 'gfp'
  | 'force'
  | 'ofSegments'
  | 'truncated'
  | 'virt'
  | 'err'

/** One printed field: `key=` in text, and the name of the binary field behind it where it differs. */
export interface TraceFieldSpec {
  readonly key: string
  readonly style: TraceStyle
  /** Name of the field in the event's binary format; the key when not given. */
  readonly binary?: string
  /** The event means nothing without this field. */
  readonly required?: boolean
}

/** One event of one range of kernels. */
export interface TraceEventSpec {
  readonly name: string
  readonly system: 'dma' | 'swiotlb' | 'ftrace'
  readonly kind: TraceKind
  /** First kernel that has it, `major.minor`. */
  readonly since: string
  /** First kernel that no longer has it. */
  readonly until?: string
  readonly fields: readonly TraceFieldSpec[]
}

const device: TraceFieldSpec = { key: 'device', style: 'dev', required: true }
const dir: TraceFieldSpec = { key: 'dir', style: 'dir', required: true }
const dmaAddr: TraceFieldSpec = { key: 'dma_addr', style: 'hex', required: true }
// The unmap and resource events store the DMA address in a field called addr.
const dmaAddrOfAddr: TraceFieldSpec = { key: 'dma_addr', style: 'hex', binary: 'addr', required: true }
const size: TraceFieldSpec = { key: 'size', style: 'dec', required: true }
const phys: TraceFieldSpec = { key: 'phys_addr', style: 'hex', required: true }
const attrs: TraceFieldSpec = { key: 'attrs', style: 'attrs' }
const virt: TraceFieldSpec = { key: 'virt_addr', style: 'virt' }
const gfp: TraceFieldSpec = { key: 'flags', style: 'gfp' }
const physAddrs: TraceFieldSpec = { key: 'phys_addrs', style: 'hexArray', required: true }
const dmaAddrs: TraceFieldSpec = { key: 'dma_addrs', style: 'hexArray', required: true }
const sizes: TraceFieldSpec = { key: 'sizes', style: 'hexArray', binary: 'lengths', required: true }

const mapFields = [device, dir, dmaAddr, size, phys, attrs]
const unmapFields = [device, dir, dmaAddrOfAddr, size, attrs]

/** Every event that the tool knows, in the order of include/trace/events/dma.h, then swiotlb.h. */
export const TRACE_EVENTS: readonly TraceEventSpec[] = [
  { name: 'dma_map_page', system: 'dma', kind: Trace.map, since: '6.12', until: '6.18', fields: mapFields },
  { name: 'dma_map_phys', system: 'dma', kind: Trace.map, since: '6.18', fields: mapFields },
  { name: 'dma_map_resource', system: 'dma', kind: Trace.mapResource, since: '6.12', until: '6.18', fields: mapFields },
  { name: 'dma_unmap_page', system: 'dma', kind: Trace.unmap, since: '6.12', until: '6.18', fields: unmapFields },
  { name: 'dma_unmap_phys', system: 'dma', kind: Trace.unmap, since: '6.18', fields: unmapFields },
  {
    name: 'dma_unmap_resource',
    system: 'dma',
    kind: Trace.unmapResource,
    since: '6.12',
    until: '6.18',
    fields: unmapFields
  },
  {
    name: 'dma_alloc',
    system: 'dma',
    kind: Trace.alloc,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, virt, gfp, attrs]
  },
  {
    name: 'dma_alloc_pages',
    system: 'dma',
    kind: Trace.alloc,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, virt, gfp, attrs]
  },
  {
    name: 'dma_alloc_sgt',
    system: 'dma',
    kind: Trace.alloc,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, { key: 'phys_addrs', style: 'hexArray' }, gfp, attrs]
  },
  {
    name: 'dma_alloc_sgt_err',
    system: 'dma',
    kind: Trace.allocErr,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, virt, gfp, attrs]
  },
  {
    name: 'dma_free',
    system: 'dma',
    kind: Trace.free,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, virt, attrs]
  },
  {
    name: 'dma_free_pages',
    system: 'dma',
    kind: Trace.free,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, virt, attrs]
  },
  {
    name: 'dma_free_sgt',
    system: 'dma',
    kind: Trace.free,
    since: '6.12',
    fields: [device, dir, dmaAddr, size, { key: 'phys_addrs', style: 'hexArray' }]
  },
  {
    name: 'dma_map_sg',
    system: 'dma',
    kind: Trace.mapSg,
    since: '6.12',
    fields: [
      device,
      dir,
      { key: 'nents', style: 'ofSegments', binary: 'full_nents' },
      { key: 'ents', style: 'ofSegments', binary: 'full_ents' },
      { key: 'truncated', style: 'truncated' },
      dmaAddrs,
      sizes,
      physAddrs,
      attrs
    ]
  },
  {
    name: 'dma_map_sg_err',
    system: 'dma',
    kind: Trace.mapSgErr,
    since: '6.12',
    fields: [
      device,
      dir,
      { key: 'dma_addrs', style: 'hexArray', binary: 'phys_addrs' },
      { key: 'err', style: 'err' },
      attrs
    ]
  },
  {
    name: 'dma_unmap_sg',
    system: 'dma',
    kind: Trace.unmapSg,
    since: '6.12',
    fields: [device, dir, { key: 'phys_addrs', style: 'hexArray', binary: 'addrs', required: true }, attrs]
  },
  {
    name: 'dma_sync_single_for_cpu',
    system: 'dma',
    kind: Trace.sync,
    since: '6.12',
    fields: [device, dir, dmaAddr, size]
  },
  {
    name: 'dma_sync_single_for_device',
    system: 'dma',
    kind: Trace.syncDevice,
    since: '6.12',
    fields: [device, dir, dmaAddr, size]
  },
  {
    name: 'dma_sync_sg_for_cpu',
    system: 'dma',
    kind: Trace.syncSg,
    since: '6.12',
    fields: [device, dir, dmaAddrs, sizes]
  },
  {
    name: 'dma_sync_sg_for_device',
    system: 'dma',
    kind: Trace.syncSgDevice,
    since: '6.12',
    fields: [device, dir, dmaAddrs, sizes]
  },
  {
    name: 'swiotlb_bounced',
    system: 'swiotlb',
    kind: Trace.bounced,
    since: '3.14',
    fields: [
      { key: 'dev_name', style: 'devName', required: true },
      { key: 'dma_mask', style: 'hex' },
      { key: 'dev_addr', style: 'hex', required: true },
      size,
      { key: 'force', style: 'force' }
    ]
  },
  { name: 'tracing_mark_write', system: 'ftrace', kind: Trace.mark, since: '2.6.30', fields: [] },
  { name: 'print', system: 'ftrace', kind: Trace.mark, since: '2.6.30', fields: [] }
]

/**
 * A scatter-gather event holds at most so many entries in its arrays (DMA_TRACE_MAX_ENTRIES); more are marked
 * [TRUNCATED].
 */
const DMA_TRACE_MAX_ENTRIES = 128

/** enum dma_data_direction by value. */
export const DMA_DIRECTIONS = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE', 'NONE'] as const
export const DIR_BIDIRECTIONAL = 0
export const DIR_TO_DEVICE = 1
export const DIR_FROM_DEVICE = 2

/**
 * Bits of `attrs` as decode_dma_attrs prints them, with the first kernel whose table has the name (before it the bit
 * prints as a number) and the first that has another. Bits 10 to 14 as the format files of 6.18.15 and 7.3.4 have them.
 */
export const DMA_ATTRS: ReadonlyArray<{
  readonly bit: number
  readonly name: string
  readonly since: string
  readonly until?: string
}> = [
  { bit: 1, name: 'WEAK_ORDERING', since: '6.12' },
  { bit: 2, name: 'WRITE_COMBINE', since: '6.12' },
  { bit: 4, name: 'NO_KERNEL_MAPPING', since: '6.12' },
  { bit: 5, name: 'SKIP_CPU_SYNC', since: '6.12' },
  { bit: 6, name: 'FORCE_CONTIGUOUS', since: '6.12' },
  { bit: 7, name: 'ALLOC_SINGLE_PAGES', since: '6.12' },
  { bit: 8, name: 'NO_WARN', since: '6.12' },
  { bit: 9, name: 'PRIVILEGED', since: '6.12' },
  { bit: 10, name: 'MMIO', since: '6.18' },
  { bit: 11, name: 'CACHE_CLEAN', since: '6.18', until: '7.3' },
  { bit: 11, name: 'CACHELINES_OVERLAP', since: '7.3' },
  { bit: 12, name: 'REQUIRE_COHERENT', since: '7.1' },
  { bit: 13, name: 'CC_SHARED', since: '7.1' },
  { bit: 14, name: 'ALLOC_CC_SHARED', since: '7.3' }
]
export const ATTR_SKIP_CPU_SYNC = 1 << 5
export const ATTR_NO_WARN = 1 << 8
export const ATTR_MMIO = 1 << 10
export const ATTR_CC_SHARED = 1 << 13
/** An allocation that dma_alloc_attrs() made shared because force_dma_unencrypted() says so: the device is at T=0. */
export const ATTR_ALLOC_CC_SHARED = 1 << 14

/** DMA_MAPPING_ERROR as a number: all ones, which no double holds exactly; 2^64 stands for it. */
export const MAPPING_ERROR = 2 ** 64

let byName: ReadonlyMap<string, TraceEventSpec> | undefined

/** The event of this name, whatever the kernel; undefined when no known kernel has it. */
export const traceEvent = (name: string): TraceEventSpec | undefined =>
  (byName ??= new Map(TRACE_EVENTS.map((e) => [e.name, e]))).get(name)

/** `6.12` < `6.18`, `7.1`: compares major.minor; trailing text is ignored. */
export function kernelAtLeast(kernel: string, wanted: string): boolean {
  const [a, b] = [kernel, wanted].map((v) => /(\d+)\.(\d+)/.exec(v))
  if (!a || !b) return true
  return Number(a[1]) !== Number(b[1]) ? Number(a[1]) > Number(b[1]) : Number(a[2]) >= Number(b[2])
}

/** The events that a kernel has: `major.minor`, or a name such as linux-6.12. */
export function traceEventsOf(kernel: string): readonly TraceEventSpec[] {
  return TRACE_EVENTS.filter(
    (e) => kernelAtLeast(kernel, e.since) && (e.until === undefined || !kernelAtLeast(kernel, e.until))
  )
}

/** The event of a meaning in one kernel: `dma_map_page` or `dma_map_phys` for Trace.map. */
export function traceEventFor(kernel: string, kind: TraceKind): TraceEventSpec | undefined {
  return traceEventsOf(kernel).find((e) => e.kind === kind)
}

/** `attrs=` as the kernel prints it: known names joined by |, what is left in hex. */
export function formatAttrs(value: number, kernel: string): string {
  const out: string[] = []
  let rest = value
  for (const a of DMA_ATTRS) {
    if (
      Math.floor(value / 2 ** a.bit) % 2 === 1 &&
      kernelAtLeast(kernel, a.since) &&
      (a.until === undefined || !kernelAtLeast(kernel, a.until))
    ) {
      out.push(a.name)
      rest -= 2 ** a.bit
    }
  }
  if (rest > 0) out.push(`0x${rest.toString(16)}`)
  return out.join('|')
}

/** The inverse of formatAttrs; null for a name that is not known. */
export function parseAttrs(text: string): number | null {
  let value = 0
  for (const word of text.split('|')) {
    if (word === '') continue
    const known = DMA_ATTRS.find((a) => a.name === word)
    if (known) value += 2 ** known.bit
    else if (/^0x[0-9a-f]+$/i.test(word)) value += Number.parseInt(word, 16)
    else return null
  }
  return value
}

/**
 * Values of one event for the writer; arrays for scatter-gather. Addresses are bytes; MAPPING_ERROR prints as all ones.
 */
export type TraceValues = Readonly<Record<string, string | number | boolean | readonly number[]>>

const hexOf = (v: number): string => (v >= MAPPING_ERROR ? 'ffffffffffffffff' : v.toString(16))
const arrayOf = (v: unknown): string => `{${(v as readonly number[]).map((x) => `0x${hexOf(x)}`).join(',')}}`

function field(spec: TraceFieldSpec, v: TraceValues, kernel: string): string {
  const value = own(v, spec.key)
  const n = typeof value === 'number' ? value : 0
  const of = (): string => `${spec.key}=${Math.min(n, DMA_TRACE_MAX_ENTRIES)}/${n}`
  switch (spec.style) {
    case 'dev':
      return String(value ?? '')
    case 'devName':
      return `dev_name: ${String(value ?? '')}`
    case 'dir':
      return `dir=${DMA_DIRECTIONS[n] ?? `0x${n.toString(16)}`}`
    case 'hex':
      return `${spec.key}=${hexOf(n)}`
    case 'dec':
      return `${spec.key}=${n}`
    case 'err':
      return `err=${n}`
    case 'virt':
      return `virt_addr=${n.toString(16).padStart(16, '0')}`
    case 'gfp':
      return `flags=${String(value ?? 'none')}`
    case 'attrs':
      return `attrs=${formatAttrs(n, kernel)}`
    case 'hexArray':
      return `${spec.key}=${arrayOf((value ?? []) as readonly number[])}`
    case 'force':
      return value === true ? 'FORCE' : 'NORMAL'
    case 'ofSegments':
      return of()
    case 'truncated':
      return value === true ? '[TRUNCATED]' : ''
  }
}

/** The text of an event after its name, as tracefs prints it. Missing values print as zero or empty. */
export function formatTraceArgs(spec: TraceEventSpec, values: TraceValues, kernel = '6.12'): string {
  if (spec.kind === Trace.mark) return String(values['text'] ?? '')
  return spec.fields
    .map((f) => field(f, values, kernel))
    .filter((t) => t !== '')
    .join(' ')
}

/**
 * Where and when an event happened. `time` in nanoseconds of the trace clock; `flags` the five characters of the irq
 * column.
 */
export interface TraceOrigin {
  readonly task: string
  readonly pid: number
  readonly cpu: number
  readonly flags?: string
  readonly time: number
}

/** One line of tracefs text, without the line end. */
export function formatTraceLine(spec: TraceEventSpec, values: TraceValues, at: TraceOrigin, kernel = '6.12'): string {
  const us = Math.floor(at.time / 1000)
  const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`
  return (
    `${at.task.padStart(16)}-${String(at.pid).padEnd(7)} [${String(at.cpu).padStart(3, '0')}] ` +
    `${at.flags ?? '.....'} ${stamp.padStart(12)}: ${spec.name}: ${formatTraceArgs(spec, values, kernel)}`
  )
}

/** The header that tracefs puts above such lines. */
export function formatTraceHeader(entries: number, cpus: number): string {
  return [
    '# tracer: nop',
    '#',
    `# entries-in-buffer/entries-written: ${entries}/${entries}   #P:${cpus}`,
    '#',
    '#                                _-----=> irqs-off/BH-disabled',
    '#                               / _----=> need-resched',
    '#                              | / _---=> hardirq/softirq',
    '#                              || / _--=> preempt-depth',
    '#                              ||| / _-=> migrate-disable',
    '#                              |||| /     delay',
    '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
    '#              | |         |   |||||     |         |',
    ''
  ].join('\n')
}

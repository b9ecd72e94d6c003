// Replays as Parquet, for whoever asks many recordings at once: one row a recording, its devices, the occupancy, every
// simulated event. Rows are written in groups, so memory does not grow with the trace.
import { ParquetWriter, type SchemaElement, type Writer } from 'hyparquet-writer'
import { DMA_DIRECTIONS, MAPPING_ERROR, Trace } from '../kernel/trace-events.ts'
import type { ReplayResult, SimulatedEvent } from '../replay/index.ts'
import { replayVerdict } from './replay-verdict.ts'

const ROWS = 32768

// The meaning, not the name of one kernel: dma_map_page and dma_map_phys are both `map`.
const EVENT_NAMES: Readonly<Record<number, string>> = {
  [Trace.map]: 'map',
  [Trace.unmap]: 'unmap',
  [Trace.mapSg]: 'map_sg',
  [Trace.unmapSg]: 'unmap_sg',
  [Trace.bounced]: 'bounced',
  [Trace.alloc]: 'alloc',
  [Trace.free]: 'free',
  [Trace.sync]: 'sync_for_cpu',
  [Trace.syncSg]: 'sync_sg_for_cpu',
  [Trace.syncDevice]: 'sync_for_device',
  [Trace.syncSgDevice]: 'sync_sg_for_device',
  [Trace.mapResource]: 'map_resource',
  [Trace.unmapResource]: 'unmap_resource'
}

type Kind = 'int64' | 'int32' | 'double' | 'boolean' | 'string'
interface Column {
  readonly name: string
  readonly kind: Kind
  readonly optional: boolean
  readonly meaning: string
}

/** Version of the tables: of their names, columns and meanings. */
const PARQUET_FORMAT = 1

const column = (name: string, kind: Kind, meaning: string): Column => ({ name, kind, optional: false, meaning })
const perhaps = (name: string, kind: Kind, meaning: string): Column => ({ name, kind, optional: true, meaning })
const INPUT = column('input', 'string', 'the recording: its file name and a hash of its beginning')

/** The tables that `replay --parquet` writes; host and day are in the paths. */
export const parquetTables = {
  recordings: [
    INPUT,
    column('format', 'int32', 'version of these tables'),
    column('source', 'string', 'the files as they were named'),
    perhaps('machine', 'string', 'instance type or model'),
    perhaps('kernel', 'string', 'release'),
    column('seconds', 'double', 'length of the recording'),
    column('events', 'int64', 'events of dma and swiotlb'),
    column('lossy', 'boolean', 'events are missing: figures are too low'),
    perhaps('nslabs', 'int32', 'slots of the pool (2 KiB each)'),
    perhaps('nareas', 'int32', 'areas of the pool'),
    perhaps('hiwater', 'int32', 'most slots in use at once'),
    perhaps('needed_slots', 'int32', 'the smallest pool that carries the recorded load, with room to spare'),
    column('failed_calls', 'int64', 'mapping calls that found no room'),
    column('bounced_bytes', 'int64', 'mapped through the pool'),
    column('copied_bytes', 'int64', 'copied for that'),
    column('answer', 'string', 'fits, fills, leaks, grows, direct or nothing')
  ],
  devices: [
    INPUT,
    column('device', 'string', 'as the events name it'),
    perhaps('driver', 'string', 'as the kernel log names it'),
    column('maps', 'int64', 'mapping calls that succeeded'),
    column('bytes', 'int64', 'mapped'),
    column('bounced_bytes', 'int64', 'of these, through the pool'),
    column('forced_share', 'double', 'of what bounces, the part that was forced: accepting the device ends it'),
    column('copied_bytes', 'int64', 'copied for that'),
    column('peak_slots', 'int32', 'most slots in use at once'),
    column('failed_calls', 'int64', 'mapping calls that failed'),
    column('leaks', 'boolean', 'mappings are made that nothing will ever unmap'),
    column('leaked_slots', 'int64', 'slots of such mappings at the end'),
    column('leaked_per_second', 'double', 'slots a second')
  ],
  samples: [
    INPUT,
    column('time_ns', 'int64', "beginning of the stretch, by the trace's clock"),
    column('length_ns', 'int64', 'its length'),
    column('track', 'string', 'pool, an area, a device'),
    column('max_slots', 'int32', 'most slots in use in it'),
    column('last_slots', 'int32', 'slots in use at its end')
  ],
  events: [
    INPUT,
    column('time_ns', 'int64', "by the trace's clock"),
    column('event', 'string', 'map, unmap, bounced, ...'),
    column('device', 'string', 'as the event names it'),
    column('cpu', 'int32', ''),
    column('pid', 'int32', ''),
    perhaps('direction', 'string', ''),
    perhaps('dma_addr', 'int64', ''),
    perhaps('phys_addr', 'int64', ''),
    perhaps('size', 'int64', 'bytes'),
    column('nents', 'int32', 'entries of a scatter-gather list'),
    perhaps('predicted_addr', 'int64', 'of a bounce: what the algorithm takes; -1: it fails'),
    perhaps('recorded_addr', 'int64', 'of a bounce: what the kernel took; -1: it failed')
  ]
} as const satisfies Record<string, readonly Column[]>
export type ParquetTable = keyof typeof parquetTables

const TYPES = { int64: 'INT64', int32: 'INT32', double: 'DOUBLE', boolean: 'BOOLEAN', string: 'BYTE_ARRAY' } as const

const schema = (columns: readonly Column[]): SchemaElement[] => [
  { name: 'tbit', num_children: columns.length },
  ...columns.map(
    (c): SchemaElement => ({
      name: c.name,
      type: TYPES[c.kind],
      repetition_type: c.optional ? 'OPTIONAL' : 'REQUIRED',
      ...(c.kind === 'string' ? { converted_type: 'UTF8' as const } : {})
    })
  )
]

type Value = bigint | number | string | boolean | null

class Table {
  private data: Value[][]
  private readonly writer: ParquetWriter
  rows = 0

  constructor(
    private readonly columns: readonly Column[],
    out: Writer
  ) {
    this.writer = new ParquetWriter({
      writer: out,
      schema: schema(columns),
      createdBy: 'tbit replay',
      kvMetadata: [{ key: 'tbit.format', value: String(PARQUET_FORMAT) }]
    })
    this.data = columns.map(() => [])
  }

  row(values: readonly Value[]): void {
    for (let i = 0; i < values.length; i++) (this.data[i] as Value[]).push(values[i] as Value)
    if (++this.rows % ROWS === 0) this.flush()
  }

  private flush(): void {
    if ((this.data[0] as Value[]).length === 0) return
    this.writer.write({
      columnData: this.columns.map((c, i) => ({ name: c.name, data: this.data[i] as Value[] })),
      rowGroupSize: ROWS
    })
    this.data = this.columns.map(() => [])
  }

  finish(): void {
    this.flush()
    this.writer.finish()
  }
}

// Addresses as signed 64-bit integers: a failed mapping is -1.
const address = (v: number): bigint | null => (Number.isNaN(v) ? null : v >= MAPPING_ERROR || v < 0 ? -1n : BigInt(v))

/** Takes events as the replay simulates them. */
export class EventTable {
  private readonly table: Table

  constructor(
    out: Writer,
    private readonly input: string,
    private readonly deviceName: (id: number) => string
  ) {
    this.table = new Table(parquetTables.events, out)
  }

  add(e: SimulatedEvent): void {
    this.table.row([
      this.input,
      BigInt(Math.round(e.time)),
      EVENT_NAMES[e.kind] ?? 'other',
      this.deviceName(e.dev),
      e.cpu,
      e.pid,
      e.kind === Trace.bounced ? null : (DMA_DIRECTIONS[e.dir] ?? null),
      address(e.dma),
      address(e.phys),
      Number.isNaN(e.size) ? null : BigInt(e.size),
      e.nents,
      address(e.predicted),
      address(e.actual)
    ])
  }

  get rows(): number {
    return this.table.rows
  }

  finish(): void {
    this.table.finish()
  }
}

/** Occupancy over time: a row for each stretch in which a track does not change. */
export function writeSamples(out: Writer, input: string, r: ReplayResult): number {
  const table = new Table(parquetTables.samples, out)
  const { start, width } = r.timeline
  for (const t of r.timeline.tracks.filter((x) => x.kind !== 'failed')) {
    let from = 0
    for (let i = 1; i <= t.max.length; i++) {
      if (i < t.max.length && t.max[i] === t.max[from] && t.last[i] === t.last[from]) continue
      const length = BigInt(Math.round((i - from) * width))
      const time = BigInt(Math.round(start + from * width))
      table.row([input, time, length, t.name, t.max[from] as number, t.last[from] as number])
      from = i
    }
  }
  table.finish()
  return table.rows
}

export function writeDevices(out: Writer, input: string, r: ReplayResult): void {
  const table = new Table(parquetTables.devices, out)
  for (const d of r.devices) {
    const live = r.live.find((l) => l.device === d.name)
    const leaks = live?.leaks === true
    table.row([
      input,
      d.name,
      d.driver,
      BigInt(d.maps),
      BigInt(d.bytes),
      BigInt(d.bouncedBytes),
      // a driver may map parts of a page that are bounced as one
      d.bouncedBytes === 0 ? 0 : Math.min(1, d.forcedBytes / d.bouncedBytes),
      BigInt(d.copiedIn + d.copiedOut),
      d.peakSlots,
      BigInt(d.failedMaps + d.failedSg),
      leaks,
      BigInt(leaks ? live.slots : 0),
      leaks ? live.slope : 0
    ])
  }
  table.finish()
}

/** The row of the recording itself. `machine`: what is known of it. */
export function writeRecording(out: Writer, input: string, machine: string | null, r: ReplayResult): void {
  const table = new Table(parquetTables.recordings, out)
  const sum = (f: (d: ReplayResult['devices'][number]) => number): bigint =>
    BigInt(r.devices.reduce((n, d) => n + f(d), 0))
  table.row([
    input,
    PARQUET_FORMAT,
    r.source.files.join(' '),
    machine,
    r.source.kernel,
    Number.isNaN(r.clock.first) ? 0 : (r.clock.last - r.clock.first) / 1e9,
    BigInt(r.events),
    r.lossy,
    r.pool?.nslabs ?? null,
    r.pool?.nareas ?? null,
    r.predicted.hiwater,
    r.needed?.recommended ?? null,
    BigInt(r.failures.total),
    sum((d) => d.bouncedBytes),
    sum((d) => d.copiedIn + d.copiedOut),
    replayVerdict(r).kind
  ])
  table.finish()
}

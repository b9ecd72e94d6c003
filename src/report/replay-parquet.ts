// A replay as Parquet: every simulated event, and the occupancy samples. Rows are written in groups, so memory does not grow with the trace.
import { ParquetWriter, type SchemaElement, type Writer } from 'hyparquet-writer'
import { DMA_DIRECTIONS, MAPPING_ERROR, Trace } from '../kernel/trace-events.ts'
import type { ReplayResult, SimulatedEvent } from '../replay/index.ts'

const ROWS = 32768

// The meaning, not the name of one kernel: dma_map_page and dma_map_phys are both `map`.
const EVENT_NAMES: Readonly<Record<number, string>> = {
  [Trace.map]: 'map', [Trace.unmap]: 'unmap', [Trace.mapSg]: 'map_sg', [Trace.unmapSg]: 'unmap_sg', [Trace.bounced]: 'bounced', [Trace.alloc]: 'alloc', [Trace.free]: 'free', [Trace.sync]: 'sync_for_cpu',
  [Trace.syncSg]: 'sync_sg_for_cpu', [Trace.syncDevice]: 'sync_for_device', [Trace.syncSgDevice]: 'sync_sg_for_device', [Trace.mapResource]: 'map_resource', [Trace.unmapResource]: 'unmap_resource'
}

type Kind = 'int64' | 'int32' | 'string'
interface Column {
  readonly name: string
  readonly kind: Kind
  readonly optional: boolean
}

const EVENT_COLUMNS: readonly Column[] = [
  { name: 'time_ns', kind: 'int64', optional: false }, { name: 'event', kind: 'string', optional: false }, { name: 'device', kind: 'string', optional: false }, { name: 'cpu', kind: 'int32', optional: false },
  { name: 'pid', kind: 'int32', optional: false }, { name: 'direction', kind: 'string', optional: true }, { name: 'dma_addr', kind: 'int64', optional: true }, { name: 'phys_addr', kind: 'int64', optional: true },
  { name: 'size', kind: 'int64', optional: true }, { name: 'nents', kind: 'int32', optional: false }, { name: 'predicted_addr', kind: 'int64', optional: true }, { name: 'recorded_addr', kind: 'int64', optional: true }
]
const SAMPLE_COLUMNS: readonly Column[] = [
  { name: 'time_ns', kind: 'int64', optional: false }, { name: 'track', kind: 'string', optional: false }, { name: 'max_slots', kind: 'int32', optional: false }, { name: 'last_slots', kind: 'int32', optional: false }
]

const schema = (columns: readonly Column[]): SchemaElement[] => [
  { name: 'tbit', num_children: columns.length },
  ...columns.map((c): SchemaElement => ({
    name: c.name, type: c.kind === 'int64' ? 'INT64' : c.kind === 'int32' ? 'INT32' : 'BYTE_ARRAY', repetition_type: c.optional ? 'OPTIONAL' : 'REQUIRED',
    ...(c.kind === 'string' ? { converted_type: 'UTF8' as const } : {})
  }))
]

type Value = bigint | number | string | null

class Table {
  private data: Value[][]
  private readonly writer: ParquetWriter
  rows = 0

  constructor(private readonly columns: readonly Column[], out: Writer) {
    this.writer = new ParquetWriter({ writer: out, schema: schema(columns), createdBy: 'tbit replay' })
    this.data = columns.map(() => [])
  }

  row(values: readonly Value[]): void {
    for (let i = 0; i < values.length; i++) (this.data[i] as Value[]).push(values[i] as Value)
    if (++this.rows % ROWS === 0) this.flush()
  }

  private flush(): void {
    if ((this.data[0] as Value[]).length === 0) return
    this.writer.write({ columnData: this.columns.map((c, i) => ({ name: c.name, data: this.data[i] as Value[] })), rowGroupSize: ROWS })
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

  constructor(out: Writer, private readonly deviceName: (id: number) => string) {
    this.table = new Table(EVENT_COLUMNS, out)
  }

  add(e: SimulatedEvent): void {
    this.table.row([
      BigInt(Math.round(e.time)), EVENT_NAMES[e.kind] ?? 'other', this.deviceName(e.dev), e.cpu, e.pid, e.kind === Trace.bounced ? null : (DMA_DIRECTIONS[e.dir] ?? null), address(e.dma), address(e.phys),
      Number.isNaN(e.size) ? null : BigInt(e.size), e.nents, address(e.predicted), address(e.actual)
    ])
  }

  get rows(): number {
    return this.table.rows
  }

  finish(): void {
    this.table.finish()
  }
}

/** Occupancy over time: one row for each stretch in which a track changed, with the highest and the last number of slots. */
export function writeSamples(out: Writer, r: ReplayResult): number {
  const table = new Table(SAMPLE_COLUMNS, out)
  for (const t of r.timeline.tracks.filter((x) => x.kind !== 'failed')) {
    let before = -1
    for (let i = 0; i < t.max.length; i++) {
      const max = t.max[i] as number
      const last = t.last[i] as number
      if (max === before && last === before) continue
      table.row([BigInt(Math.round(r.timeline.start + i * r.timeline.width)), t.name, max, last])
      before = last
    }
  }
  table.finish()
  return table.rows
}

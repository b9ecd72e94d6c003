// A replay as a trace for the Perfetto UI (ui.perfetto.dev, Open trace file): Chrome's JSON trace format with one
// counter track for the pool, one for each area and one for each device, the recording's marks as instants. Written by
// hand: the format is a list of small objects.
import type { ReplayResult, Track } from '../replay/index.ts'

interface TraceObject {
  readonly name: string
  readonly ph: 'C' | 'M' | 'i'
  readonly pid: number
  readonly tid?: number
  readonly ts?: number
  readonly s?: 'g'
  readonly args?: Readonly<Record<string, number | string>>
}

const POOL = 1
const DEVICES = 2

// Only changes are written; a counter holds its value until the next one.
function counter(out: TraceObject[], t: Track, pid: number, start: number, width: number): void {
  let before = -1
  for (let i = 0; i < t.max.length; i++) {
    const ts = (start + i * width) / 1000
    // The highest value of the bucket, then the one it ends with: a short peak is not lost.
    for (const [at, v] of [
      [ts, t.max[i] as number],
      [ts + width / 2000, t.last[i] as number]
    ] as const) {
      if (v === before) continue
      out.push({ name: t.name, ph: 'C', pid, ts: at, args: { slots: v } })
      before = v
    }
  }
}

/** The JSON text. Time stamps are microseconds of the recording's clock. */
export function perfettoTrace(r: ReplayResult): string {
  const out: TraceObject[] = [
    { name: 'process_name', ph: 'M', pid: POOL, args: { name: `swiotlb pool (${r.pool?.nslabs ?? '?'} slots)` } },
    { name: 'process_name', ph: 'M', pid: DEVICES, args: { name: 'slots held by device' } },
    { name: 'process_sort_index', ph: 'M', pid: POOL, args: { sort_index: 1 } },
    { name: 'process_sort_index', ph: 'M', pid: DEVICES, args: { sort_index: 2 } }
  ]
  const { start, width, tracks } = r.timeline
  const known = new Set(r.devices.map((d) => d.name))
  if (Number.isFinite(start)) {
    for (const t of tracks) {
      const pool = t.kind === 'pool' || t.kind === 'area'
      if (!pool && !(t.kind === 'device' && known.has(t.name))) continue
      counter(out, t, pool ? POOL : DEVICES, start, width)
    }
  }
  for (const m of r.marks) out.push({ name: m.text, ph: 'i', pid: POOL, tid: 0, ts: m.time / 1000, s: 'g' })
  if (Number.isFinite(r.failures.firstTime))
    out.push({ name: 'first failed mapping', ph: 'i', pid: POOL, tid: 0, ts: r.failures.firstTime / 1000, s: 'g' })
  return (
    `{"displayTimeUnit":"ns","otherData":{"producer":"tbit replay","events":"${r.events}",` +
    `"lost":"${r.losses.total}"},"traceEvents":[\n${out.map((o) => JSON.stringify(o)).join(',\n')}\n]}\n`
  )
}

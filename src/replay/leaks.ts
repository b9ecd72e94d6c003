// Mappings that are never unmapped: what is live at the end, by device and age, and whether it grows. A ring of buffers
// that a network card keeps mapped is no leak: it was made at once, or its buffers come and go. Slots are lost when
// their device is gone (it has freed all of its coherent memory and maps no more), or when mappings that have outlived
// nearly all others of their device were made all along.
import type { DeviceState } from './device.ts'
import type { LiveTable } from './live.ts'
import type { PoolSim } from './pool-sim.ts'

/** Bounced mappings of one device that are live at the end. */
export interface LiveOfDevice {
  readonly device: string
  readonly mappings: number
  readonly slots: number
  /** Nanoseconds: age of the oldest and of the youngest. */
  readonly oldest: number
  readonly youngest: number
  /** Slots of those that have outlived nearly all others of the device. */
  readonly staleSlots: number
  /** Stale slots a second, from the first to the last stale mapping; 0 when they were made at once. */
  readonly slope: number
  /** The device has freed what it had allocated: nothing will unmap these. */
  readonly gone: boolean
  readonly leaks: boolean
}

/** A recording is cut into so many stretches; stale mappings made in this many of them were made all along. */
const STRETCHES = 16
const SPREAD = 3
/** Fewer stale mappings are no trend. */
const FEW = 16

interface Stale {
  readonly born: number
  readonly slots: number
}

/**
 * What is live at the end of a recording that began and ended at these times, most slots first. `missed`: unmaps that
 * the recording may lack: as many are no leak.
 */
export function liveAtEnd(
  live: LiveTable,
  sim: PoolSim | null,
  devices: readonly DeviceState[],
  first: number,
  last: number,
  missed = 0
): LiveOfDevice[] {
  if (sim === null) return []
  const by = new Map<number, { mappings: number; slots: number; oldest: number; youngest: number; stale: Stale[] }>()
  live.forEach((i) => {
    const chain = live.block[i] as number
    if (chain <= 0) return
    const dev = live.dev[i] as number
    let slots = 0
    for (let id = chain; id > 0; id = sim.after(id)) slots += sim.slots(id)
    const age = last - (live.time[i] as number)
    const d = by.get(dev) ?? { mappings: 0, slots: 0, oldest: 0, youngest: Number.POSITIVE_INFINITY, stale: [] }
    d.mappings++
    d.slots += slots
    d.oldest = Math.max(d.oldest, age)
    d.youngest = Math.min(d.youngest, age)
    if (age > (devices[dev] as DeviceState).outlived) d.stale.push({ born: live.time[i] as number, slots })
    by.set(dev, d)
  })
  const out: LiveOfDevice[] = []
  for (const [dev, d] of by) {
    const state = devices[dev] as DeviceState
    const gone = state.allocs > 0 && state.frees >= state.allocs
    const births = d.stale.map((s) => s.born)
    const from = Math.min(...births)
    const to = Math.max(...births)
    const stretches = new Set(births.map((t) => Math.floor(((t - first) / Math.max(1, last - first)) * STRETCHES))).size
    const staleSlots = d.stale.reduce((n, s) => n + s.slots, 0)
    out.push({
      device: state.name,
      mappings: d.mappings,
      slots: d.slots,
      oldest: d.oldest,
      youngest: d.youngest,
      staleSlots,
      slope: d.stale.length > 1 && to > from ? staleSlots / ((to - from) / 1e9) : 0,
      gone,
      leaks: gone || (d.stale.length >= FEW + missed && stretches >= SPREAD)
    })
  }
  return out.sort((a, b) => b.slots - a.slots)
}

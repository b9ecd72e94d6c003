// Slots in use over time: the pool, each of its areas, each device; and the calls that failed, by cause.
import type { PoolSim } from './pool-sim.ts'
import type { Timeline } from './timeline.ts'

export class Occupancy {
  private readonly total: number
  private readonly areas: number[] = []
  private readonly devices: number[] = []
  /** When the memory had how many slots (io_tlb_nslabs), from its first pool on. */
  readonly sizes: { readonly time: number; readonly nslabs: number }[] = []

  constructor(readonly timeline: Timeline) {
    this.total = timeline.track('pool', 'pool')
  }

  /** The memory has another pool from `time` on. */
  grew(sim: PoolSim, time: number): void {
    this.sizes.push({ time, nslabs: sim.nslabs })
  }

  /** A device's track, in the order of device ids. */
  device(name: string): void {
    this.devices.push(this.timeline.track(name, 'device'))
  }

  /** Tracks for the areas of the pool that boot made. */
  pool(sim: PoolSim): void {
    for (let a = 0; a < sim.pool.nareas; a++) this.areas.push(this.timeline.track(`area ${a}`, 'area'))
  }

  private readonly failed = new Map<string, { readonly track: number; count: number }>()

  /** A call failed for this cause. */
  failure(time: number, cause: string): void {
    let f = this.failed.get(cause)
    if (f === undefined) this.failed.set(cause, (f = { track: this.timeline.track(cause, 'failed'), count: 0 }))
    this.timeline.set(f.track, time, ++f.count)
  }

  /** What is in use from `time` on, after something of a device changed; `area` -1: any area may have. */
  stamp(sim: PoolSim, time: number, dev: number, area: number): void {
    const t = this.timeline
    t.go(time)
    t.put(this.total, sim.usage.total_used)
    t.put(this.devices[dev] as number, sim.devSlots[dev] as number)
    if (area >= 0) t.put(this.areas[area] as number, sim.pool.area_used[area] as number)
    else for (let a = 0; a < this.areas.length; a++) t.put(this.areas[a] as number, sim.pool.area_used[a] as number)
  }
}

// Bounces whose address the model did not predict, sorted by what the recording shows around them.
import type { DeviceState } from './device.ts'
import type { PoolSim } from './pool-sim.ts'

/**
 * Why a prediction was not met. All are races that the order of log lines cannot show, except `start` and `alignment`.
 */
export const MISS_REASONS = {
  lateRelease: 'the kernel used slots whose release is logged later, by another CPU',
  swapped: 'two CPUs took slots of one area in the other order than their events were logged',
  rollback: 'slots of a failed scatter-gather call whose places the trace does not show',
  full: 'the model had no room: a release or roll-back is logged later than it happened',
  earlier: 'the kernel passed over slots that are free in the model',
  start: 'mappings made before the trace began hold slots that the model does not know'
} as const
export type MissReason = keyof typeof MISS_REASONS

export interface Miss {
  readonly time: number
  readonly device: string
  readonly cpu: number
  readonly size: number
  /** Slot numbers; -1 when the model found none. */
  readonly predicted: number
  readonly actual: number
  reason: MissReason
}

const KEEP = 64
const NEAR = 4096

export class Misses {
  readonly counts = new Map<MissReason, number>()
  readonly list: Miss[] = []
  total = 0
  private last: Miss | null = null
  private lastId = Number.NEGATIVE_INFINITY

  miss(
    sim: PoolSim,
    id: number,
    dev: DeviceState,
    cpu: number,
    time: number,
    size: number,
    predicted: number,
    actual: number
  ): void {
    const p = predicted < 0 ? -1 : sim.slotAt(predicted)
    const a = sim.slotAt(actual)
    let reason: MissReason = 'earlier'
    const last = this.last
    const holder = sim.at(actual)
    if (last !== null && id - this.lastId < NEAR && last.reason === 'earlier' && a === last.predicted) {
      // The slot that the last miss left free goes to this one: the two changed places.
      reason = 'swapped'
      this.counts.set('earlier', (this.counts.get('earlier') ?? 1) - 1)
      this.counts.set('swapped', (this.counts.get('swapped') ?? 0) + 1)
      last.reason = 'swapped'
    } else if (holder !== 0 && holder !== sim.at(predicted))
      reason = sim.isConfirmed(holder) ? 'lateRelease' : 'rollback'
    else if (p < 0) reason = 'full'
    this.total++
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1)
    const m: Miss = { time, device: dev.name, cpu, size, predicted: p, actual: a, reason }
    this.last = m
    this.lastId = id
    if (this.list.length < KEEP) this.list.push(m)
  }

  /** Counts by reason, most first. */
  reasons(): { reason: MissReason; count: number }[] {
    return [...this.counts]
      .filter(([, n]) => n > 0)
      .map(([reason, count]) => ({ reason, count }))
      .sort((a, b) => b.count - a.count)
  }
}

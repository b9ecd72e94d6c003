// The smallest pool that carries the recorded load as it is: a ladder of pools beside the replay, nothing forced, nothing accepted. Cheaper than
// a what-if question, as it is asked of every recording.
import { type DeviceState, maxMappingSize } from './device.ts'
import { Ladder, SMALLEST_POOL } from './ladder.ts'
import { roundUpPow2 } from './pool-guess.ts'
import type { Replay } from './replay.ts'
import type { Follower, SegmentLists } from './simulate.ts'
import type { Segment, Trial } from './trial.ts'
import type { NeededPool } from './what-if.ts'

/** A pool that is fuller than this at its peak is too tight to be recommended: two boots of one load differ by about as much. */
export const HEADROOM = 0.9

export class Sizing implements Follower {
  private ladder: Ladder | null = null

  constructor(private readonly replay: () => Replay) {}

  private pools(): Ladder {
    if (this.ladder === null) {
      const r = this.replay()
      const place = r.sim?.place
      this.ladder = new Ladder(place?.start ?? 0x40000000, place?.nareas ?? r.cpus, 0, (dev) => r.device(dev).minAlignMask)
    }
    return this.ladder
  }

  bounced(dev: DeviceState, cpu: number, time: number, phys: number, size: number, _forced: boolean, owner: number): void {
    this.pools().map(this.fill(dev, cpu, time, phys, size, owner))
  }

  // One record for all segments: pools do not keep it.
  private readonly segment: { -readonly [K in keyof Segment]: Segment[K] } = { dev: 0, cpu: 0, time: 0, mask: 0, phys: 0, size: 0, limit: 0, owner: 0 }
  private fill(dev: DeviceState, cpu: number, time: number, phys: number, size: number, owner: number): Segment {
    const s = this.segment
    s.dev = dev.id
    s.cpu = cpu
    s.time = time
    s.mask = dev.minAlignMask
    s.phys = phys
    s.size = size
    s.limit = maxMappingSize(s.mask)
    s.owner = owner
    return s
  }

  mapped(_dev: DeviceState, _cpu: number, _time: number, owner: number, live: number): void {
    this.ladder?.complete(owner, live, false)
    if (owner !== -1) this.ladder?.complete(-1, live, true)
  }

  unmapped(_dev: DeviceState, _time: number, live: number): void {
    this.ladder?.release(live)
  }

  over(): void {}

  failed(dev: DeviceState, cpu: number, time: number, _forced: boolean, lists: SegmentLists): void {
    const gaveUp = new Set<Trial>()
    for (let k = 0; k < lists.n; k++) {
      this.pools().wait(this.fill(dev, cpu, time, lists.phys[k] as number, lists.size[k] as number, -1), dev.patience, gaveUp)
    }
  }

  synced(): void {}

  /** What the recording needs; null when nothing bounced. */
  needed(): NeededPool | null {
    if (this.ladder === null) return null
    const r = this.replay()
    const carrying = this.ladder.carrying
    const failed = r.counts.actualFailedMaps + r.counts.actualFailedSg - r.counts.failedUnbounced > 0
    const slots = carrying === null ? null : Math.max(SMALLEST_POOL, carrying.place.nslabs)
    const peak = carrying?.sim.usage.used_hiwater ?? 0
    return {
      slots, basis: failed ? 'bound' : 'simulated', atLeast: failed ? roundUpPow2((r.sim?.place.nslabs ?? 0) + 1) : (slots ?? 0),
      recommended: slots === null ? null : Math.max(slots, roundUpPow2(peak / HEADROOM)), peak
    }
  }
}

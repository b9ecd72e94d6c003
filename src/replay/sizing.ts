// The smallest pool that carries the recorded load as it is, nothing forced, nothing accepted: asked of every
// recording, so it must cost little. As long as no call fails, the peak tells: the pool that holds it with room to
// spare. From the first call that fails on, the peak is the pool's own size and tells nothing; then a ladder of larger
// pools takes over what is held, and follows the load.
import { Ladder, SMALLEST_POOL } from './ladder.ts'
import { roundUpPow2 } from './pool-guess.ts'
import type { Replay } from './replay.ts'
import type { FollowedDevice, Follower, SegmentLists } from './simulate.ts'
import { SegmentRecord, type Trial } from './trial.ts'

/** How far a figure can be trusted: from the recording, simulated, or no more than a bound. */
export type Basis = 'recorded' | 'simulated' | 'bound'

/** The smallest pool that carries the load. */
export interface NeededPool {
  /** Slots, a power of two; 0: nothing bounces; null: not even the largest that was tried, or none ever would. */
  readonly slots: number | null
  readonly basis: Basis
  /**
   * The need is not below this; and a pool to write down that holds in spite of all that the recording cannot tell.
   * Null when none can be named.
   */
  readonly atLeast: number
  readonly recommended: number | null
  /** Most slots in use, were there room. */
  readonly peak: number
}

/**
 * A pool that is fuller than this at its peak is too tight to be recommended: two boots of one load differ by about as
 * much.
 */
export const HEADROOM = 0.9

export class Sizing implements Follower {
  readonly wantsDirect = false
  private ladder: Ladder | null = null

  constructor(private readonly replay: () => Replay) {}

  // The pools from the one above the recorded one on, which hold what is live.
  private begin(): Ladder | null {
    const r = this.replay()
    const sim = r.sim
    if (sim === null) return null
    const chains: (readonly [number, number])[] = []
    r.live.forEach((i) => {
      if ((r.live.block[i] as number) > 0) chains.push([i, r.live.block[i] as number])
    })
    const ladder = new Ladder(sim.place, 0, roundUpPow2(sim.nslabs + 1))
    ladder.carrying?.adopt({ sim, chains, pending: [], waiting: [] })
    return ladder
  }

  private readonly segment = new SegmentRecord()

  bounced(
    dev: FollowedDevice,
    cpu: number,
    time: number,
    phys: number,
    size: number,
    _forced: boolean,
    owner: number
  ): void {
    this.ladder?.map(this.segment.of(dev, cpu, time, phys, size, owner))
  }

  mapped(_dev: FollowedDevice, _cpu: number, _time: number, owner: number, live: number): void {
    if (this.ladder === null) return
    this.ladder.complete(owner, live, false)
    if (owner !== -1) this.ladder.complete(-1, live, true)
  }

  unmapped(_dev: FollowedDevice, _time: number, live: number): void {
    this.ladder?.release(live)
  }

  over(): void {}

  failed(dev: FollowedDevice, cpu: number, time: number, _forced: boolean, lists: SegmentLists): void {
    this.ladder ??= this.begin()
    const gaveUp = new Set<Trial>()
    for (let k = 0; k < lists.n; k++)
      this.ladder?.wait(
        this.segment.of(dev, cpu, time, lists.phys[k] as number, lists.size[k] as number, -1),
        dev.patience,
        gaveUp
      )
  }

  synced(): void {}

  /** What the recording needs; null when nothing bounced. */
  needed(): NeededPool | null {
    const r = this.replay()
    const sim = r.sim
    const mark = sim?.usage.used_hiwater ?? 0
    if (sim === null || mark === 0) return null
    const failed = r.counts.actualFailedMaps + r.counts.actualFailedSg - r.counts.failedUnbounced > 0
    if (!failed || this.ladder === null) {
      const slots = Math.max(SMALLEST_POOL, roundUpPow2(mark / HEADROOM))
      return {
        slots,
        basis: failed ? 'bound' : 'simulated',
        atLeast: Math.max(SMALLEST_POOL, roundUpPow2(mark)),
        recommended: slots,
        peak: mark
      }
    }
    const carrying = this.ladder.carrying
    const slots = carrying?.place.nslabs ?? null
    const peak = carrying?.sim.usage.used_hiwater ?? mark
    return {
      slots,
      basis: 'bound',
      atLeast: roundUpPow2(sim.nslabs + 1),
      recommended: slots === null ? null : Math.max(slots, roundUpPow2(peak / HEADROOM)),
      peak
    }
  }
}

// The smallest pool that carries a load: pools of 128, 256, 512, ... slots, one after the other. Only the smallest that
// has refused nothing yet is simulated; when it has to refuse, the next size takes over what is held. So every size up
// to the answer is tried, and none above it has to be.
import { areasFor } from './pool-guess.ts'
import { type Segment, Trial } from './trial.ts'
import { Cause, type PoolPlace } from './pool-sim.ts'

/** Slots of the largest pool that is tried: 1 GiB. */
export const LARGEST_POOL = 1 << 19
/** Slots of the smallest that is advised (IO_TLB_MIN_SLABS), and of the smallest that is tried. */
export const SMALLEST_POOL = 512
const FIRST = 128

export class Ladder {
  /** Pools that refused something, smallest first, as far as they are kept. */
  readonly failing: Trial[] = []
  /** The smallest pool that has refused nothing; null when none is left. */
  carrying: Trial | null

  /**
   * Pools of up to `keep` slots go on after they have refused something: how often they do is asked for. `first`: slots
   * of the smallest that is tried.
   */
  constructor(
    private readonly place: Omit<PoolPlace, 'nslabs'>,
    readonly keep: number,
    first = FIRST
  ) {
    this.carrying = first > LARGEST_POOL ? null : this.make(first)
  }

  private make(nslabs: number): Trial {
    return new Trial({ ...this.place, nslabs, nareas: areasFor(this.place.nareas, nslabs) })
  }

  // Hands on to the next size. The pool that is left still holds all that it held.
  private climb(from: Trial): void {
    const nslabs = from.place.nslabs * 2
    if (from.place.nslabs <= this.keep) this.failing.push(from)
    this.carrying = nslabs > LARGEST_POOL ? null : this.make(nslabs)
    this.carrying?.adopt(from.holdings())
  }

  /** A segment of a mapping. */
  map(s: Segment): void {
    for (const t of this.failing) if (!t.map(s)) t.refuse(s)
    for (let t = this.carrying; t !== null && !t.map(s); t = this.carrying) {
      const hopeless = this.leave(t)
      t.refuse(s)
      if (hopeless) return
    }
  }

  /** A segment of a call that failed in the recording. Pools in `gaveUp` have refused another segment of it. */
  wait(s: Segment, patience: number, gaveUp: Set<Trial>): void {
    for (const t of this.failing) if (!gaveUp.has(t) && !t.wait(s, patience)) giveUp(t, s, gaveUp)
    for (let t = this.carrying; t !== null && !gaveUp.has(t) && !t.wait(s, patience); t = this.carrying) {
      const hopeless = this.leave(t)
      giveUp(t, s, gaveUp)
      if (hopeless) return
    }
  }

  // Goes on to the next size, unless no pool is large enough for what was asked (true).
  private leave(t: Trial): boolean {
    if (t.sim.cause === Cause.tooLarge) return true
    this.climb(t)
    return false
  }

  complete(owner: number, live: number, joins: boolean): void {
    for (const t of this.failing) t.complete(owner, live, joins)
    this.carrying?.complete(owner, live, joins)
  }

  release(live: number): void {
    for (const t of this.failing) t.release(live)
    this.carrying?.release(live)
  }
}

function giveUp(t: Trial, s: Segment, gaveUp: Set<Trial>): void {
  t.giveUp(s)
  gaveUp.add(t)
}

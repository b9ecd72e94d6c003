// The trace's clock and its gaps: first and last time, jumps backwards, and where events are known to be missing.
import type { TraceEvent } from './event.ts'

export class TraceClock {
  /** Nanoseconds; NaN before the first event. */
  first = Number.NaN
  last = Number.NaN
  /** Events older than one before them; by how much at most, and the line of the first. */
  backwards = 0
  backwardsMost = 0
  backwardsLine = 0

  /** Takes the next event's time into account. */
  tick(time: number, line: number): void {
    if (Number.isNaN(this.first)) this.first = time
    if (time < this.last) {
      if (this.backwards++ === 0) this.backwardsLine = line
      this.backwardsMost = Math.max(this.backwardsMost, this.last - time)
    } else this.last = time
  }
}

/** What is known to be missing from a trace. */
export class Losses {
  events = 0
  places = 0
  /** Places that do not say how many. */
  unknown = 0
  readonly byCpu = new Map<number, number>()
  /** Time of the last loss; events after it may refer to what is missing. Minus infinity: nothing is missing. */
  last = Number.NEGATIVE_INFINITY
  private overwrites = false
  private readonly seen = new Set<number>()

  /** Events are missing somewhere before the present one. */
  get lossy(): boolean {
    return this.last !== Number.NEGATIVE_INFINITY
  }

  /** Events are missing somewhere, or will turn out to be. */
  get expected(): boolean {
    return this.overwrites || this.last !== Number.NEGATIVE_INFINITY
  }

  /** A LOST record; `now` is the clock before it. A count of 0 marks a place whose events are counted elsewhere. */
  lost(ev: TraceEvent, now: number): void {
    this.last = now
    if (ev.count === 0) return
    this.places++
    if (ev.count < 0) this.unknown++
    else this.events += ev.count
    this.byCpu.set(ev.cpu, (this.byCpu.get(ev.cpu) ?? 0) + Math.max(0, ev.count))
  }

  /** The header says that the oldest events were overwritten. */
  overwritten(): void {
    this.overwrites = true
  }

  /**
   * In an overwritten buffer each CPU's events begin at another time: until its first one, those of that CPU are
   * missing.
   */
  cpu(cpu: number, time: number): void {
    if (!this.overwrites || this.seen.has(cpu)) return
    this.seen.add(cpu)
    this.last = time
  }
}

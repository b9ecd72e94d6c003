// Replays a trace against the pool: what each device mapped, what bounced, which slot the kernel's algorithm takes for
// each bounce and whether the recording shows that one. One pass, memory bounded by a window of events and by what is
// live.
//
// Events wait in a window (window.ts) until the outcomes of all bounces before them are known (outcome.ts); then they
// are simulated in order (simulate.ts). Both is done for many events in turn, as what runs again and again is at hand
// to the processor; where an event would change what is to be simulated before it, that is done first (settle()).
import { Trace } from '../kernel/trace-events.ts'
import { Addresses } from './addresses.ts'
import { Losses, TraceClock } from './clock.ts'
import { CostFit } from './cost.ts'
import { Counts } from './counts.ts'
import { DeviceState } from './device.ts'
import { type EventSink, Has, type Names, type TraceEvent } from './event.ts'
import { Growth, LOOK_AHEAD } from './growth.ts'
import type { LiveTable } from './live.ts'
import { Measured } from './measured.ts'
import { Misses } from './misses.ts'
import { Occupancy } from './occupancy.ts'
import { Outcomes } from './outcome.ts'
import { type PoolPlace, PoolSim } from './pool-sim.ts'
import { PoolGuess, type PoolHint } from './pool-guess.ts'
import { type Follower, type SimulatedEvent, Simulation } from './simulate.ts'
import { Timeline } from './timeline.ts'
import { EventWindow, Flag, Outcome } from './window.ts'

export interface ReplayOptions {
  /** Where the pool lies (kernel log, command line); what is null is found out from the addresses. */
  readonly pool: PoolHint
  /** Whose word `pool` is. */
  readonly poolSource?: 'log' | 'option'
  /** min_align_mask by device name, where a driver is known to set one. */
  readonly minAlignMask?: ReadonlyMap<string, number>
  /** Devices whose driver is known to leave out unmaps that it does not need. */
  readonly leavesOutUnmaps?: ReadonlySet<string>
  readonly followers?: readonly Follower[]
  readonly recorder?: (ev: SimulatedEvent) => void
  readonly buckets?: number
  /** Measure what copying costs from the time between a bounce's two events. */
  readonly fitCost?: boolean
  /** Events that arrive before they are simulated, at most; 1 is the slow twin. */
  readonly together?: number
}

const TOGETHER = 256

/** After so many events a bounce without outcome in a lossy, roomy recording is taken to have lost its map event. */
const GAP = 4096
/** A pool with so much of it free does not refuse a mapping. */
const ROOMY = 0.75

export class Replay implements EventSink {
  readonly devices: DeviceState[] = []
  readonly counts = new Counts()
  readonly clock = new TraceClock()
  readonly losses = new Losses()
  readonly measured = new Measured()
  readonly misses = new Misses()
  readonly addresses = new Addresses()
  readonly window = new EventWindow()
  readonly growth = new Growth(this.window, this.devices)
  readonly timeline: Timeline
  readonly occupancy: Occupancy
  readonly outcomes: Outcomes
  readonly simulation: Simulation
  readonly costFit: CostFit | null
  readonly followers: readonly Follower[]
  readonly recorder: ((ev: SimulatedEvent) => void) | null
  poolSource: 'log' | 'option' | 'trace' | 'none' = 'none'
  /** Collects addresses while the pool's place is not known. */
  guess: PoolGuess | null = null
  private maxCpu = 0
  private cpusInHeader: number | null = null
  private ended = false
  private readonly together: number
  /** Events that may arrive until the next are simulated. */
  private room: number

  constructor(
    private readonly names: Names,
    private readonly options: ReplayOptions
  ) {
    this.followers = options.followers ?? []
    this.recorder = options.recorder ?? null
    this.together = this.room = options.together ?? TOGETHER
    this.costFit = options.fitCost === true ? new CostFit() : null
    this.timeline = new Timeline(options.buckets ?? 4096)
    this.occupancy = new Occupancy(this.timeline)
    this.outcomes = new Outcomes(this)
    this.simulation = new Simulation(this)
    const { start, nslabs, nareas, before_6_3 = false } = options.pool
    if (start !== null && nslabs !== null && nareas !== null)
      this.setPool({ start, nslabs, nareas, before_6_3 }, options.poolSource ?? 'log')
    else this.guess = new PoolGuess(options.pool)
  }

  /** The bounce memory; null as long as no pool is known. */
  get sim(): PoolSim | null {
    return this.addresses.sim
  }

  get live(): LiveTable {
    return this.simulation.live
  }

  /** The memory is known to grow (SWIOTLB_DYNAMIC), by its samples or by what was seen so far. */
  get grows(): boolean {
    return this.sim?.canGrow === true || this.measured.grew
  }

  /** Nanoseconds from the first transient pool to the first new pool; null as long as it is not known. */
  get growsAfter(): number | null {
    const t = this.simulation.firstTransient
    const grew = this.occupancy.sizes.find((s) => s.time >= t)
    return grew === undefined || Number.isNaN(t) ? null : grew.time - t
  }

  /** A follower wants the segments that do not bounce, too. Followers may come after the replay was made. */
  get keepDirect(): boolean {
    for (const f of this.followers) if (f.wantsDirect) return true
    return false
  }

  /** A follower wants to know what failed calls asked for. */
  get keepFailed(): boolean {
    return this.followers.length > 0
  }

  /** The device of an id. */
  device(id: number): DeviceState {
    const known = this.devices[id]
    if (known !== undefined) return known
    this.settle()
    for (let i = this.devices.length; i <= id; i++) {
      const name = this.names.name(i)
      const made = new DeviceState(i, name)
      const mask = this.options.minAlignMask?.get(name)
      if (mask !== undefined) made.driverMask(mask)
      if (this.options.leavesOutUnmaps?.has(name)) this.simulation.lifetimes.expect(i)
      this.devices.push(made)
      this.occupancy.device(name)
    }
    return this.devices[id] as DeviceState
  }

  /** The header says that the oldest events were overwritten. */
  headerOverwrites(): void {
    this.settle()
    this.losses.overwritten()
  }

  /** Number of CPUs that the trace's header names; used to find the pool's areas when the log is not there. */
  headerCpus(n: number): void {
    this.settle()
    this.cpusInHeader = n
  }

  /** CPUs as far as known: of the header, else of the events. */
  get cpus(): number {
    return this.cpusInHeader ?? this.maxCpu + 1
  }

  private setPool(place: PoolPlace, source: 'log' | 'option' | 'trace'): void {
    const sim = new PoolSim(place)
    this.addresses.sim = sim
    this.poolSource = source
    this.occupancy.pool(sim)
  }

  event(ev: TraceEvent): void {
    const kind = ev.kind
    if (kind === Trace.lost) {
      this.settle()
      this.losses.lost(ev, this.clock.last)
      return
    }
    this.clock.tick(ev.time, ev.line)
    if (kind === Trace.mark) {
      this.settle()
      this.measured.mark(ev.text, ev.time)
      return
    }
    if (kind === Trace.blockIssue || kind === Trace.blockComplete) {
      this.outcomes.request(ev)
      this.arrived()
      return
    }
    if (kind === Trace.probeMap || kind === Trace.probeMapReturn || kind === Trace.probeUnmap) {
      // Where the class dma is in the trace it tells more, and the same would be told twice.
      if (this.dmaClass || !this.probe(ev)) return
    } else if (kind !== Trace.bounced) this.dmaClass = true
    this.counts.dmaEvents++
    if (ev.cpu > this.maxCpu) {
      this.settle()
      this.maxCpu = ev.cpu
    }
    this.losses.cpu(ev.cpu, ev.time)
    this.arrive(ev, ev.dev < this.devices.length ? (this.devices[ev.dev] as DeviceState) : this.device(ev.dev))
    this.arrived()
  }

  // Where what comes may tell the outcome of what waits, nothing is put off.
  private arrived(): void {
    if (
      --this.room > 0 &&
      this.outcomes.waiting === 0 &&
      !this.growth.seen &&
      !this.losses.expected &&
      this.guess === null &&
      !this.window.full
    )
      return
    this.room = this.together
    this.drain(false)
  }

  /**
   * Simulates what has arrived, as far as outcomes are known. For whoever is about to change something that a step of
   * the simulation, or a follower, may look at. `mapping`: window id of a mapping that is just being taken in; it and
   * its bounces stay.
   */
  settle(mapping = -1): void {
    if (this.room === this.together) return
    this.room = this.together
    const w = this.window
    while (w.head < w.tail) {
      const id = w.head
      const at = w.at(id)
      if (w.state[at] === Outcome.open || (mapping >= 0 && (id === mapping || w.owner[at] === mapping))) return
      this.simulation.step(id, at)
      w.head = id + 1
    }
  }

  // Turns a kprobe's event into the one that it stands for; false when it stands for none.
  private probe(ev: TraceEvent): boolean {
    this.counts.probeEvents++
    if (ev.kind === Trace.probeMapReturn) return this.outcomes.probeReturn(ev)
    if (ev.kind === Trace.probeUnmap) {
      ev.kind = Trace.unmap
      ev.dev = this.outcomes.probed(ev.dev)
      return true
    }
    const dev = this.outcomes.probeMap(ev)
    if (dev < 0) return false
    ev.kind = Trace.bounced
    ev.dev = dev
    ev.force = true
    ev.has = Has.device | Has.phys | Has.size
    return true
  }
  /** An event of the class dma was seen. */
  private dmaClass = false

  private arrive(ev: TraceEvent, dev: DeviceState): void {
    const { counts, window: w } = this
    switch (ev.kind) {
      case Trace.bounced:
        this.outcomes.bounced(ev, dev)
        break
      case Trace.map:
        counts.mapEvents++
        this.outcomes.map(ev, dev, this.recorder !== null)
        break
      case Trace.mapSg:
        counts.mapEvents++
        this.outcomes.mapSg(ev, dev)
        break
      case Trace.unmap:
        counts.unmapEvents++
        w.push(ev)
        break
      case Trace.unmapSg: {
        counts.unmapEvents++
        const at = w.at(w.push(ev))
        w.nents[at] = ev.nphys
        w.phys[at] = ev.nphys > 0 ? (ev.physs[0] as number) : 0
        w.dma[at] = ev.nphys > 0 ? (ev.physs[Math.min(ev.nphys, 128) - 1] as number) : 0
        break
      }
      case Trace.allocErr:
        dev.failedAllocs++
        break
      case Trace.alloc:
        if (ev.failed) {
          dev.failedAllocs++
          break
        }
        dev.allocs++
        dev.allocBytes += ev.size
        if (this.addresses.pooled(this.addresses.plain(ev.dma))) counts.poolAllocs++
        if (this.recorder) w.push(ev)
        break
      case Trace.sync:
      case Trace.syncDevice:
        w.push(ev)
        break
      case Trace.free:
        dev.frees++
        if (this.recorder) w.push(ev)
        break
      case Trace.mapSgErr:
        counts.mapSgErrs++
        break
      default:
        if (this.recorder) w.push(ev)
    }
  }

  // Simulates from the head of the window as far as outcomes are known; all of it when `all`.
  private drain(all: boolean): void {
    const w = this.window
    if (this.guess !== null && !all) {
      if (!w.full) return
      this.settlePool()
    }
    while (w.head < w.tail) {
      const id = w.head
      const at = w.at(id)
      // Whether it is in a pool that is new is told by what follows.
      if (!all && w.has(at, Flag.outside) && w.tail - id < LOOK_AHEAD && !w.full) return
      if (
        w.state[at] === Outcome.open &&
        !(this.outcomes.mayResolve(id) && this.outcomes.resolveFailedCall(id, at, !(this.losses.lossy && this.roomy)))
      ) {
        if (!all && !w.full && !(w.tail - w.head > GAP && this.losses.lossy && this.roomy)) return
        this.simulation.unknown(id, at)
      } else this.simulation.step(id, at)
      w.head = id + 1
    }
    w.rest()
  }

  /** Decides about the pool when no log said where it is. */
  private settlePool(): void {
    const guess = this.guess
    if (guess === null) return
    this.guess = null
    const place = guess.place(this.cpus, this.measured.firstNslabs, this.window, this.devices)
    if (place === null) return
    this.setPool(place, this.options.pool.start !== null ? (this.options.poolSource ?? 'log') : 'trace')
    const { window: w, sim } = this
    for (let id = w.head; id < w.tail; id++) {
      const at = w.at(id)
      if (w.state[at] === Outcome.ok && sim?.contains(w.dma[at] as number) === false)
        this.growth.note(at, w.dma[at] as number)
    }
  }

  // So much of the pool is free that a failure is not to be thought of.
  private get roomy(): boolean {
    const sim = this.sim
    return sim !== null && sim.usage.total_used < sim.nslabs * ROOMY
  }

  /** No more events: what still waits is simulated with what is known. */
  end(): void {
    if (this.ended) return
    this.ended = true
    if (this.guess !== null) this.settlePool()
    this.drain(true)
    this.simulation.end()
  }
}

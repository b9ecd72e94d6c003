// The events of a trace, in order and with known outcomes, against the bounce memory. An allocation happens at
// swiotlb_bounced (on the event's CPU), a release at the unmap event. After a wrong prediction the model is put where
// the kernel was.
import { DIR_BIDIRECTIONAL, DIR_FROM_DEVICE, DIR_TO_DEVICE, Trace } from '../kernel/trace-events.ts'
import type { Addresses } from './addresses.ts'
import type { Losses } from './clock.ts'
import type { Growth } from './growth.ts'
import type { Counts } from './counts.ts'
import { causeName, type DeviceState, UNPREDICTED } from './device.ts'
import { Lifetimes } from './lifetimes.ts'
import { LiveTable } from './live.ts'
import type { Misses } from './misses.ts'
import type { Occupancy } from './occupancy.ts'
import type { Context, Outcomes } from './outcome.ts'
import { NO_LIMIT, type PoolSim } from './pool-sim.ts'
import { type EventWindow, Flag, Outcome } from './window.ts'

/** What a follower may ask of a device: as it is at this moment. */
export type FollowedDevice = Pick<DeviceState, 'id' | 'name' | 'minAlignMask' | 'forced' | 'patience'>

/** Follows events as they are simulated, for whoever simulates something else beside (what-if). */
export interface Follower {
  /** It wants the segments that do not bounce, too. */
  readonly wantsDirect: boolean
  /**
   * A successful mapping or part of one was allocated in the recording's pool at this time, on this CPU, for this
   * mapping (by window id).
   */
  bounced(
    dev: FollowedDevice,
    cpu: number,
    time: number,
    phys: number,
    size: number,
    forced: boolean,
    owner: number
  ): void
  /** A mapping is complete: its window id, its live index, and the segments that did not bounce in the recording. */
  mapped(dev: FollowedDevice, cpu: number, time: number, owner: number, live: number, lists: SegmentLists): void
  unmapped(dev: FollowedDevice, time: number, live: number, copyBack: boolean): void
  /** The mapping has ended without an unmap, as far as that can be told (Lifetimes). */
  over(dev: FollowedDevice, time: number, live: number, copyBack: boolean): void
  /** A call found no room in the recording: the segments that it asked for, as far as they are known. */
  failed(dev: FollowedDevice, cpu: number, time: number, forced: boolean, lists: SegmentLists): void
  /**
   * dma_sync_*: so many bytes are copied (`into` the pool or out of it) if the mapping bounces; `pooled`: it does in
   * the recording.
   */
  synced(dev: FollowedDevice, size: number, into: boolean, pooled: boolean): void
}

/**
 * Segments of the mapping that is being completed; `direct[i]` is 1 when segment i did not bounce, 2 when it never
 * would (MMIO, memory that is shared already).
 */
export interface SegmentLists {
  n: number
  phys: Float64Array
  size: Float64Array
  direct: Uint8Array
}

/** One simulated event for a recorder. */
export interface SimulatedEvent {
  time: number
  kind: number
  dev: number
  cpu: number
  pid: number
  dir: number
  dma: number
  phys: number
  size: number
  nents: number
  /** Address that the model predicted for a bounce, -1 none (failed), NaN when it is no bounce. */
  predicted: number
  /** Address that the recording shows for it; NaN when it shows none. */
  actual: number
}

/** Events between two sweeps after a loss. */
const SWEEP = 512
/** Nanoseconds between two bounces of one scatter-gather call, at most. */
const LONGEST_CALL = 1e6
const PAGE_SIZE = 4096

/** The dma_mask as PoolSim takes it; all ones is a small integer so. */
const limitOf = (mask: number): number => (mask >= Number.MAX_SAFE_INTEGER ? NO_LIMIT : mask)

/** What a Simulation works on. */
export interface SimulationHost {
  readonly window: EventWindow
  readonly outcomes: Outcomes
  readonly addresses: Addresses
  readonly counts: Counts
  readonly losses: Losses
  readonly misses: Misses
  readonly growth: Growth
  readonly occupancy: Occupancy
  readonly devices: readonly DeviceState[]
  readonly followers: readonly Follower[]
  readonly recorder: ((ev: SimulatedEvent) => void) | null
}

/** The device may have written, and the CPU will look: an unmap or sync copies back. */
const copiesBack = (dir: number): boolean => dir === DIR_FROM_DEVICE || dir === DIR_BIDIRECTIONAL

export class Simulation {
  readonly live = new LiveTable()
  readonly lifetimes = new Lifetimes(this.live, (entry) => this.over(entry))
  /** High-water mark counted from what was live before the trace began, less what of that was released by then. */
  hiwaterWithPrior = 0
  private priorReleased = 0
  /** Time of the first mapping in a transient pool; NaN when there was none. */
  firstTransient = Number.NaN
  /** Time of the event that is being simulated. */
  private now = 0
  private nextSweep = 0
  /** Contexts with a run of bounces without outcome. */
  private readonly runs: Context[] = []
  private readonly segs: SegmentLists = {
    n: 0,
    phys: new Float64Array(256),
    size: new Float64Array(256),
    direct: new Uint8Array(256)
  }
  private readonly record: SimulatedEvent = {
    time: 0,
    kind: 0,
    dev: 0,
    cpu: 0,
    pid: 0,
    dir: 0,
    dma: 0,
    phys: 0,
    size: 0,
    nents: 0,
    predicted: 0,
    actual: 0
  }

  constructor(private readonly host: SimulationHost) {}

  /** Simulates the event at the head of the window. */
  step(id: number, at: number): void {
    const { window: w, addresses, losses } = this.host
    const kind = w.kind[at] as number
    const dev = this.host.devices[w.dev[at] as number] as DeviceState
    this.now = w.time[at] as number
    if (id >= this.nextSweep && losses.lossy) this.sweep(id)
    if (this.runs.length > 0 && addresses.sim !== null) this.endOldRuns(addresses.sim)
    let predicted = Number.NaN
    switch (kind) {
      case Trace.bounced:
        predicted = this.bounce(id, at, dev)
        break
      case Trace.map:
        // A failed one is in the window only for the recorder.
        if (w.state[at] !== Outcome.failed) this.map(id, at, dev, false)
        break
      case Trace.mapSg:
        this.map(id, at, dev, true)
        break
      case Trace.unmap:
        this.unmap(at, dev, false)
        break
      case Trace.unmapSg:
        this.unmap(at, dev, true)
        break
      case Trace.sync:
      case Trace.syncDevice:
        this.sync(at, dev, kind === Trace.sync)
        break
      case Trace.blockIssue:
        this.lifetimes.issued(requestKey(w, at), w.context[at] as number)
        return
      case Trace.blockComplete:
        this.lifetimes.completed(requestKey(w, at), this.now)
        return
      default:
        break
    }
    if (this.host.recorder) this.tell(at, kind, predicted)
  }

  // A mapping ends without an unmap: a bouncing boot would have copied back what the device wrote.
  private over(entry: number): void {
    const dev = this.host.devices[this.live.dev[entry] as number] as DeviceState
    const back = this.live.skipSync[entry] === 0 && copiesBack(this.live.dir[entry] as number)
    for (const f of this.host.followers) f.over(dev, this.now, entry, back)
  }

  private tell(at: number, kind: number, predicted: number): void {
    const w = this.host.window
    const s = this.record
    s.time = w.time[at] as number
    s.kind = kind
    s.dev = w.dev[at] as number
    s.cpu = w.cpu[at] as number
    s.pid = w.pid[at] as number
    s.dir = w.dir[at] as number
    const bounce = kind === Trace.bounced
    s.dma = bounce || kind === Trace.mapSg || kind === Trace.unmapSg ? Number.NaN : (w.dma[at] as number)
    s.phys =
      kind === Trace.unmap || kind === Trace.sync || kind === Trace.syncDevice ? Number.NaN : (w.phys[at] as number)
    s.size = kind === Trace.unmapSg ? Number.NaN : (w.size[at] as number)
    s.nents = w.nents[at] as number
    s.predicted = predicted
    s.actual = bounce && w.state[at] === Outcome.ok ? (w.dma[at] as number) : Number.NaN
    this.host.recorder?.(s)
  }

  private stamp(sim: PoolSim, dev: number, area: number): void {
    this.host.occupancy.stamp(sim, this.now, dev, area)
  }

  // The address that the model predicts, -1 when it finds none, NaN without a pool or in a transient one.
  private bounce(id: number, at: number, dev: DeviceState): number {
    const { window: w, addresses } = this.host
    const sim = addresses.sim
    const state = w.state[at] as number
    const phys = w.phys[at] as number
    const size = w.size[at] as number
    const cpu = w.cpu[at] as number
    const owner = w.owner[at] as number
    if (state === Outcome.ok) {
      dev.copyIn(size)
      for (const f of this.host.followers) f.bounced(dev, cpu, this.now, phys, size, w.has(at, Flag.forced), owner)
    }
    if (sim === null) return Number.NaN
    // A device that has the top address bit reaches the pool through its alias: the limit then says nothing about the
    // pool's own address.
    const limit = addresses.aliasBit !== 0 ? NO_LIMIT : limitOf(w.mask[at] as number)
    let mine = sim.take(dev.id, cpu, dev.minAlignMask, phys, size, limit)
    const predicted = mine === 0 ? -1 : sim.address(mine)
    // In memory that grows, a refusal at a mapping that the recording shows elsewhere was no refusal.
    if (mine === 0 && !(w.has(at, Flag.outside) && state === Outcome.ok)) this.countPredictedFailure(state, w.at(owner))
    if (state === Outcome.ok) {
      // An address that was predicted is in a pool.
      if (mine !== 0 && predicted === w.dma[at]) {
        this.host.counts.compared++
        this.host.counts.equal++
        sim.confirm(mine)
      } else mine = this.compare(sim, id, at, dev, mine, predicted, limit)
    } else if (state === Outcome.failed || state === Outcome.sgFailed) {
      this.failedHere(sim, at, dev, mine)
      return predicted
    }
    if (mine !== 0) {
      const oat = w.at(owner)
      w.chain[oat] = sim.link(mine, w.chain[oat] as number)
      this.stamp(sim, dev.id, sim.area(mine))
      const high = sim.usage.total_used - this.priorReleased
      if (high > this.hiwaterWithPrior) this.hiwaterWithPrior = high
    }
    return predicted
  }

  private countPredictedFailure(state: number, ownerAt: number): void {
    const single = state === Outcome.failed || (state === Outcome.ok && this.host.window.kind[ownerAt] === Trace.map)
    if (single) this.host.counts.predictedFailedMaps++
    else this.host.counts.predictedFailedSg++
  }

  // The recording shows the bounce's address, and it is not the predicted one: the allocation that has it afterwards, 0
  // when there is none to have.
  private compare(
    sim: PoolSim,
    id: number,
    at: number,
    dev: DeviceState,
    mine: number,
    predicted: number,
    limit: number
  ): number {
    const { window: w, counts } = this.host
    const actual = w.dma[at] as number
    if (Number.isNaN(actual)) return mine
    const phys = w.phys[at] as number
    const size = w.size[at] as number
    const cpu = w.cpu[at] as number
    if (!sim.contains(actual)) return this.outside(sim, id, at, dev, mine, actual, limit)
    counts.compared++
    this.host.misses.miss(sim, id, dev, cpu, this.now, size, predicted, actual)
    if (sim.poolCount > 1) sim.doubtOrder(predicted, actual)
    if (dev.maskSource === 'assumed' && actual % PAGE_SIZE === phys % PAGE_SIZE) {
      // Slots that are passed over betray a mask before the first odd offset does.
      if (mine !== 0) sim.undo(mine)
      mine = sim.take(dev.id, cpu, PAGE_SIZE - 1, phys, size, limit)
      if (mine !== 0 && sim.address(mine) === actual) {
        dev.suppose(PAGE_SIZE - 1)
        sim.confirm(mine)
        return mine
      }
    }
    const spare = mine === 0 ? -1 : sim.address(mine)
    sim.undo(mine)
    return sim.put(dev.id, dev.minAlignMask, phys, size, actual, spare)
  }

  // The recording shows an address in no pool that is known: a pool that the kernel has just added, a transient one, or
  // one that is no business of this memory (a restricted pool; or the place of the pool is wrong).
  private outside(
    sim: PoolSim,
    id: number,
    at: number,
    dev: DeviceState,
    mine: number,
    actual: number,
    limit: number
  ): number {
    const { window: w, counts, growth } = this.host
    const phys = w.phys[at] as number
    const size = w.size[at] as number
    const roomy = mine !== 0 && !sim.isTransient(mine)
    // The kernel makes pools after a search in vain, not before.
    const place = sim.canGrow || !roomy ? growth.poolOf(sim, id, actual, roomy) : null
    if (place !== null) {
      sim.undo(mine)
      sim.addPool(place, place.behind)
      counts.grown++
      this.host.occupancy.grew(sim, this.now)
      const again = sim.take(dev.id, w.cpu[at] as number, dev.minAlignMask, phys, size, limit)
      if (again !== 0 && sim.address(again) === actual) {
        sim.confirm(again)
        return again
      }
      sim.undo(again)
      return sim.put(dev.id, dev.minAlignMask, phys, size, actual, -1)
    }
    if (!sim.canGrow && roomy) {
      if (counts.outsidePool++ === 0) counts.firstOutside = actual
      sim.undo(mine)
      return 0
    }
    sim.canGrow = true
    if (Number.isNaN(this.firstTransient)) this.firstTransient = this.now
    counts.transients++
    if (!roomy) counts.transientsAgreed++
    if (mine !== 0 && !roomy) {
      sim.placeTransient(mine, actual)
      return mine
    }
    sim.undo(mine)
    return sim.putTransient(dev.id, dev.minAlignMask, phys, size, actual)
  }

  // The recording shows a failure here.
  private failedHere(sim: PoolSim, at: number, dev: DeviceState, mine: number): void {
    const { window: w, counts } = this.host
    if (mine === 0) {
      counts.failuresAgreed++
      this.cause(dev, sim.cause)
    } else {
      this.cause(dev, UNPREDICTED)
      sim.undo(mine)
    }
    if (w.state[at] === Outcome.sgFailed) {
      counts.actualFailedSg++
      dev.failedSg++
      // A later call that began with the same memory told that it failed.
      dev.triedAgain++
      counts.fail(this.now)
      // The kernel takes back what the call had mapped so far.
      const oat = w.at(w.owner[at] as number)
      const gone = w.chain[oat] as number
      if (gone !== 0) {
        sim.releaseChain(gone)
        w.chain[oat] = 0
      }
      this.stamp(sim, dev.id, -1)
    }
    this.attempt(at, dev)
  }

  private cause(dev: DeviceState, cause: number): void {
    dev.cause(cause)
    this.host.occupancy.failure(this.now, causeName(cause))
  }

  // Tells followers what the failed call asked for: of a scatter-gather call all of it, where a later call that
  // succeeded shows it.
  private attempt(at: number, dev: DeviceState): void {
    if (this.host.followers.length === 0) return
    const w = this.host.window
    const list = w.takeList(w.owner[at] as number)
    this.segs.n = 0
    if (list !== undefined && w.state[at] === Outcome.sgFailed)
      for (let k = 0; k < list.length / 3; k++)
        this.segment(k, list[3 * k + 2] as number, list[3 * k + 1] as number, false, false)
    else this.segment(0, w.phys[at] as number, w.size[at] as number, false, false)
    for (const f of this.host.followers) f.failed(dev, w.cpu[at] as number, this.now, w.has(at, Flag.forced), this.segs)
  }

  /**
   * A bounce whose outcome the trace does not tell: its mapping's event was lost, or it belongs to a failed call that
   * was never repeated.
   */
  unknown(id: number, at: number): void {
    const { window: w, addresses, counts, losses } = this.host
    const dev = this.host.devices[w.dev[at] as number] as DeviceState
    const size = w.size[at] as number
    this.now = w.time[at] as number
    counts.unknownOutcome++
    const c = this.host.outcomes.abandon(id, at)
    const sim = addresses.sim
    if (counts.mapEvents === 0) {
      // A kernel before 6.12, or the class dma was not enabled: bounces can be counted, but no address and no release
      // is known.
      dev.copyIn(size)
      dev.bouncedSegments++
      dev.bouncedBytes += size
      return
    }
    if (sim === null || c === undefined) return
    const phys = w.phys[at] as number
    if (c.run.length > 0 && c.runFirst === phys) this.endRun(c, sim, true)
    const mine = sim.take(dev.id, w.cpu[at] as number, dev.minAlignMask, phys, size, limitOf(w.mask[at] as number))
    if (mine === 0) {
      this.cause(dev, sim.cause)
      counts.predictedFailedSg++
      counts.actualFailedSg++
      dev.failedSg++
      this.endRun(c, sim, false)
      this.attempt(at, dev)
    } else if (losses.lossy) {
      // The map event was lost: the slots stay taken until an unmap or another owner says otherwise.
      dev.copyIn(size)
      const entry = this.addLive(dev.id, sim.address(mine), size, 0)
      this.live.block[entry] = mine
      this.live.bytes[entry] = size
      this.live.bouncedBytes[entry] = size
      this.live.time[entry] = this.now
    } else this.continueRun(c, dev.id, phys, mine)
    this.stamp(sim, dev.id, mine === 0 ? -1 : sim.area(mine))
    if (this.host.recorder) this.tell(at, Trace.bounced, mine === 0 ? -1 : sim.address(mine))
  }

  private continueRun(c: Context, dev: number, phys: number, mine: number): void {
    if (c.run.length === 0) {
      c.runFirst = phys
      c.runDev = dev
      this.runs.push(c)
    }
    c.runTime = this.now
    c.run.push(mine)
  }

  // The call that these bounces belong to is over: what it held is given back. `failed` when the model had room for all
  // of them.
  private endRun(c: Context, sim: PoolSim, failed: boolean): void {
    if (c.run.length === 0) return
    for (const id of c.run) sim.release(id)
    if (failed) {
      const dev = this.host.devices[c.runDev] as DeviceState
      this.cause(dev, UNPREDICTED)
      this.host.counts.actualFailedSg++
      dev.failedSg++
    }
    c.run = []
    c.runFirst = -1
    this.runs.splice(this.runs.indexOf(c), 1)
    this.stamp(sim, c.runDev, -1)
  }

  // No call maps for so long: runs that were not continued are over.
  private endOldRuns(sim: PoolSim): void {
    for (const c of [...this.runs]) if (this.now - c.runTime > LONGEST_CALL) this.endRun(c, sim, true)
  }

  private addLive(dev: number, key: number, tag: number, nents: number): number {
    const victim = this.live.victim()
    if (victim !== 0) this.dropLive(victim)
    return this.live.add(dev, key, tag, nents)
  }

  private dropLive(entry: number): void {
    const chain = this.live.block[entry] as number
    if (chain > 0) this.host.addresses.sim?.releaseChain(chain)
    for (const f of this.host.followers)
      f.unmapped(this.host.devices[this.live.dev[entry] as number] as DeviceState, this.now, entry, false)
    this.live.remove(entry)
  }

  // After a loss: mappings from before it that have outlived what their device's mappings last are taken for unmapped
  // in the gap.
  private sweep(id: number): void {
    const live = this.live
    const limit = new Map<number, number>()
    const gone: number[] = []
    live.forEach((i) => {
      const d = live.dev[i] as number
      let most = limit.get(d)
      if (most === undefined) {
        most = (this.host.devices[d] as DeviceState).outlived
        limit.set(d, most)
      }
      const t = live.time[i] as number
      if (t <= this.host.losses.last && this.now - t > most) gone.push(i)
    })
    for (const i of gone) {
      const dev = live.dev[i] as number
      this.dropLive(i)
      this.host.counts.presumedGone++
      if (this.host.addresses.sim) this.stamp(this.host.addresses.sim, dev, -1)
    }
    this.nextSweep = id + Math.max(SWEEP, live.size / 4)
  }

  private map(id: number, at: number, dev: DeviceState, sg: boolean): void {
    const { window: w, addresses } = this.host
    const pooled = w.has(at, Flag.pooled)
    const n = sg ? Math.max(1, w.nents[at] as number) : 0
    const key = sg ? (w.phys[at] as number) : addresses.plain(w.dma[at] as number)
    const tag = sg ? (w.dma[at] as number) : (w.size[at] as number)
    const same = sg ? 0 : this.live.youngest(dev.id, key, sg)
    if (pooled && same !== 0) this.host.counts.mapsOverLive++
    const entry = this.addLive(dev.id, key, tag, n)
    const live = this.live
    live.dir[entry] = w.dir[at] as number
    live.cpu[entry] = w.cpu[at] as number
    live.skipSync[entry] = w.has(at, Flag.skipSync) ? 1 : 0
    live.time[entry] = this.now
    live.bytes[entry] = w.size[at] as number
    live.bouncedBytes[entry] = pooled ? ((sg ? w.mask[at] : w.size[at]) as number) : 0
    let chain = w.chain[at] as number
    this.segs.n = 0
    if (sg) {
      chain = this.listSegments(id, at, dev, chain)
      this.host.outcomes.forget(dev.id, key, id)
    } else {
      const size = w.size[at] as number
      if (pooled && !w.has(at, Flag.announced))
        chain = this.unannounced(dev, at, w.phys[at] as number, size, key, chain)
      this.segment(0, w.phys[at] as number, size, pooled, w.has(at, Flag.direct))
    }
    live.block[entry] = chain
    for (const f of this.host.followers) f.mapped(dev, w.cpu[at] as number, this.now, id, entry, this.segs)
    if (!pooled && !sg)
      this.lifetimes.mapped(
        dev.id,
        entry,
        same !== 0 && live.bouncedBytes[same] === 0 ? same : 0,
        w.cpu[at] as number,
        w.context[at] as number,
        this.now
      )
  }

  // Fills `segs` from the list that a scatter-gather mapping left in the window, and places what bounced without being
  // announced.
  private listSegments(id: number, at: number, dev: DeviceState, chain: number): number {
    const { window: w, addresses } = this.host
    const list = w.takeList(id)
    if (list === undefined || w.has(at, Flag.physOnly)) return chain
    for (let k = 0; k < list.length / 3; k++) {
      const dma = addresses.plain(list[3 * k] as number)
      const size = list[3 * k + 1] as number
      const phys = list[3 * k + 2] as number
      const bounced = addresses.pooled(dma)
      this.segment(k, phys, size, bounced, w.has(at, Flag.direct))
      if (bounced && !w.has(at, Flag.announced)) chain = this.unannounced(dev, at, phys, size, dma, chain)
    }
    return chain
  }

  private segment(k: number, phys: number, size: number, bounced: boolean, never: boolean): void {
    const s = this.segs
    if (k >= s.phys.length) {
      const n = s.phys.length * 2
      const doubles = (a: Float64Array): Float64Array => {
        const b = new Float64Array(n)
        b.set(a)
        return b
      }
      s.phys = doubles(s.phys)
      s.size = doubles(s.size)
      const direct = new Uint8Array(n)
      direct.set(s.direct)
      s.direct = direct
    }
    s.phys[k] = phys
    s.size[k] = size
    s.direct[k] = bounced ? 0 : never ? 2 : 1
    s.n = k + 1
  }

  // A bounced segment whose swiotlb_bounced event is not in the trace: the slots are taken where the address says.
  private unannounced(dev: DeviceState, at: number, phys: number, size: number, addr: number, chain: number): number {
    const sim = this.host.addresses.sim
    dev.copyIn(size)
    for (const f of this.host.followers)
      f.bounced(dev, this.host.window.cpu[at] as number, this.now, phys, size, true, -1)
    if (sim === null || !sim.contains(addr)) return chain
    const mine = sim.put(dev.id, dev.minAlignMask, phys, size, addr, -1)
    if (mine === 0) return chain
    this.stamp(sim, dev.id, sim.area(mine))
    return sim.link(mine, chain)
  }

  private unmap(at: number, dev: DeviceState, sg: boolean): void {
    const { window: w, addresses } = this.host
    const live = this.live
    const key = sg ? (w.phys[at] as number) : addresses.plain(w.dma[at] as number)
    const tag = (sg ? w.dma[at] : w.size[at]) as number
    const nents = sg ? Math.max(1, w.nents[at] as number) : 0
    const entry = live.find(dev.id, key, tag, nents)
    const sim = addresses.sim
    if (entry === 0) {
      this.unmapWithoutMap(dev, key, tag, nents)
      return
    }
    const dir = w.dir[at] as number
    const back = !w.has(at, Flag.skipSync) && copiesBack(dir)
    const bounced = live.bouncedBytes[entry] as number
    // Across a gap the unmap may be that of a later mapping.
    if ((live.time[entry] as number) > this.host.losses.last) dev.lived(this.now - (live.time[entry] as number))
    if (back && bounced > 0) dev.copyOut(bounced, Math.max(1, nents))
    for (const f of this.host.followers) f.unmapped(dev, this.now, entry, back)
    if (nents === 0 && bounced === 0) this.lifetimes.unmapped(dev.id, entry, this.now)
    const chain = live.block[entry] as number
    if (chain > 0 && sim !== null) {
      const area = sim.after(chain) === 0 ? sim.area(chain) : -1
      sim.releaseChain(chain)
      this.stamp(sim, dev.id, area)
    }
    live.remove(entry)
  }

  private unmapWithoutMap(dev: DeviceState, key: number, tag: number, nents: number): void {
    const sim = this.host.addresses.sim
    this.host.counts.unmapsWithoutMap++
    dev.unmapsWithoutMap++
    if (sim === null || nents !== 0 || !sim.contains(key)) return
    const there = sim.at(key)
    // Its map was lost, and so is the unmap of whoever the model still sees there.
    if (there !== 0) sim.evict(there)
    else {
      const n = sim.slotsFor(dev.minAlignMask, key, tag)
      this.host.counts.priorSlots += n
      this.priorReleased += n
    }
    this.stamp(sim, dev.id, -1)
  }

  private sync(at: number, dev: DeviceState, forCpu: boolean): void {
    const { window: w, addresses } = this.host
    const dir = w.dir[at] as number
    const size = w.size[at] as number
    if (forCpu ? !copiesBack(dir) : dir !== DIR_TO_DEVICE && dir !== DIR_BIDIRECTIONAL) return
    const pooled = addresses.pooled(addresses.plain(w.dma[at] as number))
    if (pooled && forCpu) dev.copyOut(size)
    else if (pooled) dev.copyIn(size)
    for (const f of this.host.followers) f.synced(dev, size, !forCpu, pooled)
  }

  /** No more events: runs that are open are over. */
  end(): void {
    this.lifetimes.finish(this.now)
    const sim = this.host.addresses.sim
    if (sim !== null) for (const c of [...this.runs]) this.endRun(c, sim, false)
  }
}

// A block request as its issue and its completion name it.
const requestKey = (w: EventWindow, at: number): string => `${w.phys[at]} ${w.dma[at]} ${w.size[at]}`

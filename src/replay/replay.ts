// Replays a trace against the pool: what each device mapped, what bounced, which slot the kernel's algorithm takes for each bounce and
// whether the recording shows that one. One pass, memory bounded by a window of events and by what is live.
//
// An allocation happens at swiotlb_bounced (in the log's order, on the event's CPU), a release at the unmap event. The outcome of a bounce
// (its address, or a failure) is only told by a later event, so events wait in a window until the outcomes of all bounces before them are
// known; then they are simulated in order. A failed dma_map_sg leaves no event at all: its bounces are a prefix of that device's next
// successful scatter-gather mapping with the same first address, and its last bounce is the one that failed. After a wrong prediction the
// model is put where the kernel was.
import {
  ATTR_CC_SHARED, ATTR_MMIO, ATTR_SKIP_CPU_SYNC, DIR_BIDIRECTIONAL, DIR_FROM_DEVICE, DIR_TO_DEVICE, MAPPING_ERROR, Trace
} from '../kernel/trace-events.ts'
import { CostFit } from './cost.ts'
import { DeviceState } from './device.ts'
import { type EventSink, Has, type Names, type TraceEvent } from './event.ts'
import { LiveTable } from './live.ts'
import { Measured } from './measured.ts'
import { Misses } from './misses.ts'
import { Cause, type PoolPlace, PoolSim } from './pool-sim.ts'
import { PoolGuess, type PoolHint } from './pool-guess.ts'
import { Timeline } from './timeline.ts'

/** What is known of a bounce. */
const St = { open: 0, ok: 1, failed: 2, back: 3, sgFailed: 4, other: 5 } as const

/** Most events that wait for an outcome. */
export const WINDOW = 1 << 18
/** Most list entries (addresses and sizes of scatter-gather events) that wait. */
const WINDOW_ENTRIES = 1 << 21

/** Follows events as they are simulated, for whoever wants each one (parquet) or simulates something else beside (what-if). */
export interface Follower {
  /** A successful mapping or part of one was allocated in the recording's pool at this time, on this CPU, for this mapping (by window id). */
  bounced(dev: DeviceState, cpu: number, time: number, phys: number, size: number, forced: boolean, owner: number): void
  /** A mapping is complete: its window id, its live index, and the segments that did not bounce in the recording. */
  mapped(dev: DeviceState, cpu: number, time: number, owner: number, live: number, lists: SegmentLists): void
  unmapped(dev: DeviceState, time: number, live: number, copyBack: boolean): void
  failed(dev: DeviceState, time: number): void
}

/** Segments of the mapping that is being completed; `direct[i]` is 1 when segment i did not bounce, 2 when it never would (MMIO, memory that is shared already). */
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

export interface ReplayOptions {
  /** Where the pool lies (kernel log, command line); what is null is found out from the addresses. */
  readonly pool: PoolHint
  /** Whose word `pool` is. */
  readonly poolSource?: 'log' | 'option'
  /** min_align_mask by device name, where a driver is known to set one. */
  readonly minAlignMask?: ReadonlyMap<string, number>
  readonly followers?: readonly Follower[]
  readonly recorder?: (ev: SimulatedEvent) => void
  readonly buckets?: number
  /** Measure what copying costs from the time between a bounce's two events. */
  readonly fitCost?: boolean
}

interface Context {
  /** Window ids of bounces without outcome, oldest first. */
  open: number[]
  /** A run of simulated bounces without known outcome: allocations to take back when the run ends. */
  run: number[]
  runFirst: number
  runDev: number
  runTime: number
}

export class Replay implements EventSink {
  readonly devices: DeviceState[] = []
  readonly live = new LiveTable()
  readonly timeline: Timeline
  readonly measured = new Measured()
  readonly misses = new Misses()
  sim: PoolSim | null = null
  poolSource: 'log' | 'option' | 'trace' | 'none' = 'none'

  // Counts over the whole trace.
  dmaEvents = 0
  lostEvents = 0
  lostPlaces = 0
  lostUnknown = 0
  readonly lostByCpu = new Map<number, number>()
  backwards = 0
  backwardsMost = 0
  backwardsLine = 0
  firstTime = Number.NaN
  lastTime = Number.NaN
  unmapsWithoutMap = 0
  mapsOverLive = 0
  truncated = 0
  hiddenSegments = 0
  mapsWithoutBounce = 0
  outsidePool = 0
  addressBits = 0
  unknownOutcome = 0
  maxCpu = 0
  poolAllocs = 0
  mapSgErrs = 0
  compared = 0
  equal = 0
  predictedFailedMaps = 0
  predictedFailedSg = 0
  actualFailedMaps = 0
  actualFailedSg = 0
  failuresAgreed = 0
  /** Failed mappings that no bounce came before: no pool, or no address in reach. */
  failedUnbounced = 0
  firstFailure = Number.NaN
  /** Slots of mappings that were live before the trace began (unmapped without a map), and what they still held at the peak. */
  priorSlots = 0
  private priorReleased = 0
  hiwaterWithPrior = 0
  readonly trackTotal: number
  readonly areaTracks: number[] = []
  readonly deviceTracks: number[] = []

  private readonly contexts = new Map<number, Context>()
  private lastKey = -1
  private lastContext: Context = { open: [], run: [], runFirst: -1, runDev: 0, runTime: 0 }
  // The window: events by id (a running number), at id & mask.
  private cap = 4096
  private headId = 0
  private tailId = 0
  private kind = new Uint8Array(this.cap)
  private state = new Uint8Array(this.cap)
  private flags = new Uint8Array(this.cap)
  private dir = new Uint8Array(this.cap)
  private cpu = new Uint16Array(this.cap)
  private dev = new Uint16Array(this.cap)
  private pid = new Int32Array(this.cap)
  private key = new Float64Array(this.cap)
  private time = new Float64Array(this.cap)
  private dma = new Float64Array(this.cap)
  private phys = new Float64Array(this.cap)
  private size = new Float64Array(this.cap)
  private mask = new Float64Array(this.cap)
  private nents = new Int32Array(this.cap)
  /** For a bounce: window id of its mapping, or of the last bounce of its failed run. */
  private owner = new Float64Array(this.cap)
  /** For a mapping: head of its chain of allocations; for a scatter-gather one: its lists, by id. */
  private head = new Int32Array(this.cap)
  private readonly lists = new Map<number, Float64Array>()
  private waitingEntries = 0
  /** Bounces without outcome in the window. */
  private openCount = 0
  /** Map and unmap events seen: without any, a trace says little. */
  mapEvents = 0
  unmapEvents = 0
  /** Successful scatter-gather mappings in the window: by device and first address, their ids. */
  private readonly sgIndex: Map<number, number[]>[] = []
  private sgVersion = 0
  private checkedId = -1
  private checkedVersion = -1
  private readonly names: Names
  private readonly options: ReplayOptions
  private readonly followers: readonly Follower[]
  private readonly recorder: ((ev: SimulatedEvent) => void) | null
  private readonly simulated: SimulatedEvent = { time: 0, kind: 0, dev: 0, cpu: 0, pid: 0, dir: 0, dma: 0, phys: 0, size: 0, nents: 0, predicted: 0, actual: 0 }
  private readonly segs: SegmentLists = { n: 0, phys: new Float64Array(256), size: new Float64Array(256), direct: new Uint8Array(256) }
  private guess: PoolGuess | null
  private ended = false
  private cpusInHeader: number | null = null
  readonly costFit: CostFit | null

  constructor(names: Names, options: ReplayOptions) {
    this.names = names
    this.options = options
    this.followers = options.followers ?? []
    this.recorder = options.recorder ?? null
    this.costFit = options.fitCost === true ? new CostFit() : null
    this.timeline = new Timeline(options.buckets ?? 4096)
    this.trackTotal = this.timeline.track('pool')
    this.guess = null
    const { start, nslabs, nareas } = options.pool
    if (start !== null && nslabs !== null && nareas !== null) this.setPool({ start, nslabs, nareas }, options.poolSource ?? 'log')
    else this.guess = new PoolGuess(options.pool)
  }

  /** The device of an id. */
  device(id: number): DeviceState {
    let d = this.devices[id]
    if (d === undefined) {
      for (let i = this.devices.length; i <= id; i++) {
        const name = this.names.name(i)
        const made = new DeviceState(i, name)
        const mask = this.options.minAlignMask?.get(name)
        if (mask !== undefined) made.driverMask(mask)
        this.devices.push(made)
        this.sgIndex.push(new Map())
        this.deviceTracks.push(this.timeline.track(name))
      }
      d = this.devices[id] as DeviceState
    }
    return d
  }

  /** The header says that the oldest events were overwritten. */
  headerOverwrites(): void {
    this.overwrites = true
  }
  private overwrites = false
  private readonly seenCpus = new Set<number>()

  /** Number of CPUs that the trace's header names; used to find the pool's areas when the log is not there. */
  headerCpus(n: number): void {
    this.cpusInHeader = n
  }

  /** CPUs as far as known: of the header, else of the events. */
  get cpus(): number {
    return this.cpusInHeader ?? this.maxCpu + 1
  }

  private setPool(place: PoolPlace, source: 'log' | 'option' | 'trace'): void {
    this.sim = new PoolSim(place)
    this.poolSource = source
    for (let a = 0; a < this.sim.pool.nareas; a++) this.areaTracks.push(this.timeline.track(`area ${a}`))
  }

  /** True when the (unaliased) address lies in the pool. Alias bits of the bounce address (top address bit of a realm) are learnt from the first. */
  private pooled(addr: number): boolean {
    const sim = this.sim
    if (sim === null) return false
    return sim.contains(addr)
  }

  private plain(addr: number): number {
    const bit = this.addressBits
    return bit !== 0 && addr >= bit && addr < 2 * bit ? addr - bit : addr
  }

  private learnAlias(dma: number, phys: number): void {
    const sim = this.sim
    if (sim === null || this.addressBits !== 0 || dma === phys || sim.contains(dma) || dma >= MAPPING_ERROR) return
    const top = 2 ** Math.floor(Math.log2(dma))
    if (top >= 2 ** 32 && sim.contains(dma - top)) this.addressBits = top
  }

  event(ev: TraceEvent): void {
    const kind = ev.kind
    if (kind === Trace.lost) {
      this.lastLoss = this.lastTime
      if (ev.count === 0) return
      this.lostPlaces++
      if (ev.count < 0) this.lostUnknown++
      else this.lostEvents += ev.count
      this.lostByCpu.set(ev.cpu, (this.lostByCpu.get(ev.cpu) ?? 0) + Math.max(0, ev.count))
      return
    }
    const time = ev.time
    if (time < this.lastTime) {
      if (this.backwards++ === 0) this.backwardsLine = ev.line
      this.backwardsMost = Math.max(this.backwardsMost, this.lastTime - time)
    } else this.lastTime = time
    if (Number.isNaN(this.firstTime)) {
      this.firstTime = time
      this.lastTime = time
    }
    if (kind === Trace.mark) {
      this.measured.mark(ev.text, time)
      return
    }
    this.dmaEvents++
    if (ev.cpu > this.maxCpu) this.maxCpu = ev.cpu
    // In an overwritten buffer each CPU's events begin at another time: until its first one, those of that CPU are missing.
    if (this.overwrites && !this.seenCpus.has(ev.cpu)) {
      this.seenCpus.add(ev.cpu)
      this.lastLoss = time
    }
    const dev = ev.dev < this.devices.length ? (this.devices[ev.dev] as DeviceState) : this.device(ev.dev)
    switch (kind) {
      case Trace.bounced: this.onBounced(ev, dev); break
      case Trace.map:
        this.mapEvents++
        this.onMap(ev, dev)
        break
      case Trace.mapSg:
        this.mapEvents++
        this.onMapSg(ev, dev)
        break
      case Trace.unmap: {
        this.unmapEvents++
        const id = this.push(ev)
        this.nents[id & (this.cap - 1)] = 0
        break
      }
      case Trace.unmapSg: {
        this.unmapEvents++
        const id = this.push(ev)
        const at = id & (this.cap - 1)
        this.nents[at] = ev.nphys
        this.phys[at] = ev.nphys > 0 ? (ev.physs[0] as number) : 0
        this.dma[at] = ev.nphys > 0 ? (ev.physs[Math.min(ev.nphys, 128) - 1] as number) : 0
        break
      }
      case Trace.alloc:
        dev.allocs++
        dev.allocBytes += ev.size
        if (this.pooled(this.plain(ev.dma))) this.poolAllocs++
        if (this.recorder) this.push(ev)
        break
      case Trace.sync:
      case Trace.syncDevice: this.push(ev); break
      case Trace.mapSgErr: this.mapSgErrs++; break
      default: if (this.recorder) this.push(ev)
    }
    this.drain(false)
  }

  private context(ev: TraceEvent): Context {
    const key = (ev.pid === 0 ? 4194304 + ev.cpu : ev.pid) * 8 + ev.irq
    if (key === this.lastKey) return this.lastContext
    let c = this.contexts.get(key)
    if (c === undefined) {
      if (this.contexts.size > 8192) for (const [k, old] of this.contexts) if (old.open.length === 0 && old.run.length === 0) this.contexts.delete(k)
      c = { open: [], run: [], runFirst: -1, runDev: 0, runTime: 0 }
      this.contexts.set(key, c)
    }
    this.lastKey = key
    this.lastContext = c
    return c
  }

  private push(ev: TraceEvent): number {
    if (this.tailId - this.headId >= this.cap) this.grow()
    const id = this.tailId++
    const at = id & (this.cap - 1)
    this.kind[at] = ev.kind
    this.state[at] = St.other
    this.flags[at] = (ev.force ? 1 : 0) | (ev.attrs & ATTR_SKIP_CPU_SYNC ? 2 : 0) | (ev.attrs & (ATTR_MMIO | ATTR_CC_SHARED) ? 64 : 0)
    this.dir[at] = ev.dir
    this.cpu[at] = ev.cpu
    this.dev[at] = ev.dev
    this.pid[at] = ev.pid
    this.time[at] = ev.time
    this.dma[at] = ev.dma
    this.phys[at] = ev.phys
    this.size[at] = ev.size
    this.nents[at] = 0
    this.owner[at] = -1
    this.head[at] = 0
    return id
  }

  private grow(): void {
    const old = this.cap
    const n = old * 2
    const move = <T extends { length: number; [i: number]: number }>(a: T, b: T): T => {
      for (let id = this.headId; id < this.tailId; id++) b[id & (n - 1)] = a[id & (old - 1)] as number
      return b
    }
    this.kind = move(this.kind, new Uint8Array(n))
    this.state = move(this.state, new Uint8Array(n))
    this.flags = move(this.flags, new Uint8Array(n))
    this.dir = move(this.dir, new Uint8Array(n))
    this.cpu = move(this.cpu, new Uint16Array(n))
    this.dev = move(this.dev, new Uint16Array(n))
    this.pid = move(this.pid, new Int32Array(n))
    this.key = move(this.key, new Float64Array(n))
    this.time = move(this.time, new Float64Array(n))
    this.dma = move(this.dma, new Float64Array(n))
    this.phys = move(this.phys, new Float64Array(n))
    this.size = move(this.size, new Float64Array(n))
    this.mask = move(this.mask, new Float64Array(n))
    this.nents = move(this.nents, new Int32Array(n))
    this.owner = move(this.owner, new Float64Array(n))
    this.head = move(this.head, new Int32Array(n))
    this.cap = n
  }

  private onBounced(ev: TraceEvent, dev: DeviceState): void {
    dev.bounces++
    if (ev.force) dev.forced++
    if (ev.has & Has.mask) dev.dmaMask = ev.mask
    const c = this.context(ev)
    const id = this.push(ev)
    const at = id & (this.cap - 1)
    this.state[at] = St.open
    this.mask[at] = ev.has & Has.mask ? ev.mask : MAPPING_ERROR
    this.key[at] = this.lastKey
    c.open.push(id)
    this.openCount++
  }

  // The latest bounce without outcome in this context for this original; its window id, or -1. Bus and physical address may differ by an
  // encryption bit.
  private takeOpen(c: Context, dev: number, phys: number, size: number): number {
    const open = c.open
    for (let k = open.length - 1; k >= 0; k--) {
      const id = open[k] as number
      const at = id & (this.cap - 1)
      if (this.dev[at] !== dev || this.size[at] !== size) continue
      const p = this.phys[at] as number
      if (p === phys || p % TWO46 === phys % TWO46) {
        if (k === open.length - 1) open.pop()
        else open.splice(k, 1)
        this.openCount--
        return id
      }
    }
    return -1
  }

  private onMap(ev: TraceEvent, dev: DeviceState): void {
    const failed = ev.dma >= MAPPING_ERROR
    const c = this.context(ev)
    if (ev.size > dev.largest) dev.largest = ev.size
    const b = c.open.length > 0 && (failed || ev.dma !== ev.phys) ? this.takeOpen(c, ev.dev, ev.phys, ev.size) : -1
    if (failed) {
      dev.failedMaps++
      this.actualFailedMaps++
      if (b >= 0) this.state[b & (this.cap - 1)] = St.failed
      else {
        this.failedUnbounced++
        dev.causes[Cause.mask] = (dev.causes[Cause.mask] as number) + 1
      }
      if (Number.isNaN(this.firstFailure)) this.firstFailure = ev.time
      if (this.recorder) this.state[this.push(ev) & (this.cap - 1)] = St.failed
      return
    }
    dev.maps++
    dev.segments++
    dev.bytes += ev.size
    if (b >= 0) this.learnAlias(ev.dma, ev.phys)
    const addr = this.plain(ev.dma)
    const inPool = this.sim !== null ? this.sim.contains(addr) : b >= 0
    const id = this.push(ev)
    const at = id & (this.cap - 1)
    if (b >= 0) {
      const bat = b & (this.cap - 1)
      this.state[bat] = St.ok
      this.dma[bat] = addr
      this.owner[bat] = id
      this.costFit?.add(ev.size, ev.time - (this.time[bat] as number))
    }
    if (inPool || b >= 0) {
      dev.bouncedSegments++
      dev.bouncedBytes += ev.size
      dev.observe(ev.phys, addr)
      this.guess?.bounce(ev.cpu, addr, ev.size)
      if (b < 0) this.mapsWithoutBounce++
    }
    this.flags[at] = (this.flags[at] as number) | (inPool || b >= 0 ? 4 : 0) | (b >= 0 ? 8 : 0)
  }

  private onMapSg(ev: TraceEvent, dev: DeviceState): void {
    const c = this.context(ev)
    const shown = ev.ndma
    const n = Math.max(ev.nents, shown)
    dev.maps++
    dev.segments += n
    if (ev.truncated || n > shown) {
      this.truncated++
      this.hiddenSegments += n - shown
      dev.hiddenSegments += n - shown
    }
    const id = this.push(ev)
    const at = id & (this.cap - 1)
    this.nents[at] = n
    this.phys[at] = ev.nphys > 0 ? (ev.physs[0] as number) : 0
    this.dma[at] = ev.nphys > 0 ? (ev.physs[Math.min(ev.nphys, 128) - 1] as number) : 0
    let bytes = 0
    let bounced = 0
    let bouncedBytes = 0
    let keep = false
    let announced = 0
    // Bounces that a truncated event does not show come last; they have no address to compare.
    if (n > shown && c.open.length > 0) {
      for (let k = n - 1; k >= shown && c.open.length > shown; k--) {
        const b = c.open[c.open.length - 1] as number
        const bat = b & (this.cap - 1)
        if (this.dev[bat] !== ev.dev) break
        c.open.pop()
        this.openCount--
        this.state[bat] = St.ok
        this.dma[bat] = Number.NaN
        this.owner[bat] = id
        bounced++
        bouncedBytes += this.size[bat] as number
        bytes += this.size[bat] as number
        announced++
      }
    }
    for (let k = shown - 1; k >= 0; k--) {
      const dma = ev.dmas[k] as number
      const phys = ev.physs[k] as number
      const size = ev.sizes[k] as number
      bytes += size
      if (size > dev.largest) dev.largest = size
      const b = c.open.length > 0 && dma !== phys ? this.takeOpen(c, ev.dev, phys, size) : -1
      if (b >= 0) this.learnAlias(dma, phys)
      const addr = this.plain(dma)
      if (b >= 0) {
        const bat = b & (this.cap - 1)
        this.state[bat] = St.ok
        this.dma[bat] = addr
        this.owner[bat] = id
        announced++
      }
      if (b >= 0 || this.sim?.contains(addr) === true) {
        bounced++
        bouncedBytes += size
        dev.observe(phys, addr)
        this.guess?.bounce(ev.cpu, addr, size)
        if (b < 0) {
          this.mapsWithoutBounce++
          keep = true
        }
      } else if (this.followers.length > 0) keep = true
    }
    dev.bytes += bytes
    dev.bouncedSegments += bounced
    dev.bouncedBytes += bouncedBytes
    this.size[at] = bytes
    this.mask[at] = bouncedBytes
    this.flags[at] = (this.flags[at] as number) | (bounced > 0 ? 4 : 0) | (announced > 0 ? 8 : 0)
    if (keep) {
      const list = new Float64Array(shown * 3)
      for (let k = 0; k < shown; k++) {
        list[3 * k] = ev.dmas[k] as number
        list[3 * k + 1] = ev.sizes[k] as number
        list[3 * k + 2] = ev.physs[k] as number
      }
      this.lists.set(id, list)
      this.waitingEntries += list.length
    }
    if (bounced > 0 && this.openCount > 0) {
      // Some bounce before this one has no outcome yet: a failed call is recognised by these addresses.
      const index = this.sgIndex[ev.dev] as Map<number, number[]>
      const first = this.phys[at] as number
      const known = index.get(first)
      if (known) known.push(id)
      else index.set(first, [id])
      if (!keep) {
        const list = this.physList(ev)
        this.lists.set(id, list)
        this.waitingEntries += list.length
        this.flags[at] = (this.flags[at] as number) | 16
      }
      this.sgVersion++
    }
  }

  private physList(ev: TraceEvent): Float64Array {
    return ev.physs.slice(0, ev.nphys)
  }

  // Simulates from the head of the window as far as outcomes are known; all of it when `all`.
  private drain(all: boolean): void {
    if (this.sim === null && this.guess !== null && !all) {
      if (this.tailId - this.headId < WINDOW && this.waitingEntries < WINDOW_ENTRIES) return
      this.settlePool()
    }
    while (this.headId < this.tailId) {
      const id = this.headId
      const at = id & (this.cap - 1)
      if (this.state[at] === St.open && !this.resolveHead(id, at)) {
        const waited = this.tailId - this.headId
        if (!all && waited < WINDOW && this.waitingEntries < WINDOW_ENTRIES && !(waited > GAP && this.lossy && this.roomy())) return
        this.unknown(id, at)
      } else this.simulate(id, at)
      this.headId = id + 1
    }
  }

  /** Decides about the pool when no log said where it is. */
  private settlePool(): void {
    const guess = this.guess
    if (guess === null) return
    this.guess = null
    const place = guess.place(this.cpusInHeader ?? this.maxCpu + 1)
    if (place) this.setPool(place, this.options.pool.start !== null ? (this.options.poolSource ?? 'log') : 'trace')
  }

  // So much of the pool is free that a failure is not to be thought of.
  private roomy(): boolean {
    const sim = this.sim
    return sim !== null && sim.pool.usage.total_used < sim.pool.nslabs * 0.75
  }

  // The head is a bounce without outcome: does a later scatter-gather mapping of its device begin at the same address?
  private resolveHead(id: number, at: number): boolean {
    if (this.checkedId === id && this.checkedVersion === this.sgVersion) return false
    this.checkedId = id
    this.checkedVersion = this.sgVersion
    const index = this.sgIndex[this.dev[at] as number]
    const later = index?.get(this.phys[at] as number)?.find((x) => x > id)
    // Where events are lost and there is room, its map event is missing; the later mapping is another one of the same memory.
    if (later === undefined || (this.lossy && this.roomy())) return false
    const list = this.lists.get(later)
    const c = this.contexts.get(this.key[at] as number)
    if (list === undefined || c === undefined || c.open[0] !== id) return false
    const whole = ((this.flags[later & (this.cap - 1)] as number) & 16) === 0
    const n = whole ? list.length / 3 : list.length
    let m = 1
    while (m < n && m < c.open.length) {
      const next = (c.open[m] as number) & (this.cap - 1)
      if (this.dev[next] !== this.dev[at] || this.phys[next] !== (whole ? list[3 * m + 2] : list[m])) break
      m++
    }
    const run = c.open.splice(0, m)
    this.openCount -= m
    const last = run[m - 1] as number
    for (const b of run) {
      const bat = b & (this.cap - 1)
      this.state[bat] = b === last ? St.sgFailed : St.back
      this.owner[bat] = last
    }
    return true
  }

  private stamp(dev: number, id: number): void {
    const sim = this.sim as PoolSim
    const t = this.lastStamp
    this.timeline.set(this.trackTotal, t, sim.pool.usage.total_used)
    this.timeline.set(this.deviceTracks[dev] as number, t, sim.devSlots[dev] as number)
    const a = id > 0 && sim.first(id) >= 0 ? sim.area(id) : -1
    if (a >= 0) this.timeline.set(this.areaTracks[a] as number, t, sim.pool.area_used[a] as number)
    else for (let k = 0; k < this.areaTracks.length; k++) this.timeline.set(this.areaTracks[k] as number, t, sim.pool.area_used[k] as number)
  }
  private lastStamp = 0

  // After a loss: mappings from before it that have outlived what their device's mappings last are taken for unmapped in the gap.
  private sweep(): void {
    const live = this.live
    const limit = new Map<number, number>()
    const gone: number[] = []
    live.forEach((i) => {
      const d = live.dev[i] as number
      let most = limit.get(d)
      if (most === undefined) {
        most = (this.devices[d] as DeviceState).outlived
        limit.set(d, most)
      }
      const t = live.time[i] as number
      if (t <= this.lastLoss && this.lastStamp - t > most) gone.push(i)
    })
    for (const i of gone) {
      const dev = live.dev[i] as number
      this.dropLive(i)
      this.presumedGone++
      if (this.sim) this.stamp(dev, 0)
    }
    this.nextSweep = this.headId + Math.max(SWEEP, live.size / 4)
  }
  /** Events are missing somewhere before the present one. */
  get lossy(): boolean {
    return this.lastLoss !== Number.NEGATIVE_INFINITY
  }
  private lastLoss = Number.NEGATIVE_INFINITY
  private nextSweep = 0
  /** Mappings whose unmap is taken for lost. */
  presumedGone = 0

  private simulate(id: number, at: number): void {
    const kind = this.kind[at] as number
    const dev = this.devices[this.dev[at] as number] as DeviceState
    this.lastStamp = this.time[at] as number
    if (id >= this.nextSweep && this.lossy) this.sweep()
    if (this.runs.length > 0 && this.sim !== null) this.endOldRuns(this.sim)
    let predicted = Number.NaN
    switch (kind) {
      case Trace.bounced: predicted = this.simulateBounce(id, at, dev); break
      case Trace.map:
        // A failed one is in the window only for the recorder.
        if (this.state[at] !== St.failed) this.simulateMap(id, at, dev, false)
        break
      case Trace.mapSg: this.simulateMap(id, at, dev, true); break
      case Trace.unmap: this.simulateUnmap(at, dev, this.plain(this.dma[at] as number), this.size[at] as number, 0); break
      case Trace.unmapSg: this.simulateUnmap(at, dev, this.phys[at] as number, this.dma[at] as number, Math.max(1, this.nents[at] as number)); break
      case Trace.sync:
      case Trace.syncDevice: this.simulateSync(at, dev, kind === Trace.sync); break
      default: break
    }
    if (this.recorder) this.record(at, kind, predicted)
  }

  private record(at: number, kind: number, predicted: number): void {
    const s = this.simulated
    s.time = this.time[at] as number
    s.kind = kind
    s.dev = this.dev[at] as number
    s.cpu = this.cpu[at] as number
    s.pid = this.pid[at] as number
    s.dir = this.dir[at] as number
    const bounce = kind === Trace.bounced
    s.dma = bounce || kind === Trace.mapSg || kind === Trace.unmapSg ? Number.NaN : (this.dma[at] as number)
    s.phys = kind === Trace.unmap || kind === Trace.sync || kind === Trace.syncDevice ? Number.NaN : (this.phys[at] as number)
    s.size = kind === Trace.unmapSg ? Number.NaN : (this.size[at] as number)
    s.nents = this.nents[at] as number
    s.predicted = predicted
    s.actual = bounce && this.state[at] === St.ok ? (this.dma[at] as number) : Number.NaN
    this.recorder?.(s)
  }

  private cause(dev: DeviceState, cause: number): void {
    dev.causes[cause] = (dev.causes[cause] as number) + 1
  }

  // The address that the model predicts, -1 when it finds none, NaN without a pool.
  private simulateBounce(id: number, at: number, dev: DeviceState): number {
    const sim = this.sim
    const state = this.state[at] as number
    const phys = this.phys[at] as number
    const size = this.size[at] as number
    const cpu = this.cpu[at] as number
    const owner = this.owner[at] as number
    const forced = ((this.flags[at] as number) & 1) !== 0
    if (state === St.ok) {
      dev.copiedIn += size
      dev.crossings++
      for (const f of this.followers) f.bounced(dev, cpu, this.time[at] as number, phys, size, forced, owner)
    }
    if (sim === null) return Number.NaN
    const mask = dev.minAlignMask
    // A device that has the top address bit reaches the pool through its alias: the limit then says nothing about the pool's own address.
    const limit = this.addressBits !== 0 ? Number.MAX_SAFE_INTEGER : (this.mask[at] as number)
    let mine = sim.take(dev.id, cpu, mask, phys, size, limit)
    const predicted = mine === 0 ? -1 : sim.address(mine)
    const oat = owner & (this.cap - 1)
    const single = state === St.failed || (state === St.ok && this.kind[oat] === Trace.map)
    if (mine === 0) {
      if (single) this.predictedFailedMaps++
      else this.predictedFailedSg++
    }
    switch (state) {
      case St.ok: {
        const actual = this.dma[at] as number
        if (Number.isNaN(actual)) break
        if (!sim.contains(actual)) {
          this.outsidePool++
          if (mine !== 0) sim.undo(mine)
          mine = 0
          break
        }
        this.compared++
        if (predicted === actual) {
          this.equal++
          sim.confirm(mine)
          break
        }
        this.misses.miss(sim, id, dev, cpu, this.time[at] as number, size, predicted, actual)
        if (dev.maskSource === 'assumed' && actual % PAGE_SIZE === phys % PAGE_SIZE) {
          // Slots that are passed over betray a mask before the first odd offset does.
          if (mine !== 0) sim.undo(mine)
          const other = sim.take(dev.id, cpu, PAGE_SIZE - 1, phys, size, limit)
          if (other !== 0 && sim.address(other) === actual) {
            dev.suppose(PAGE_SIZE - 1)
            mine = other
            sim.confirm(mine)
            break
          }
          mine = other
        }
        const spare = mine === 0 ? -1 : sim.first(mine)
        sim.undo(mine)
        mine = sim.put(dev.id, mask, phys, size, actual, spare)
        break
      }
      case St.failed:
      case St.sgFailed:
        if (mine === 0) {
          this.failuresAgreed++
          this.cause(dev, sim.cause)
        } else {
          this.cause(dev, UNPREDICTED)
          sim.undo(mine)
          mine = 0
        }
        if (state === St.sgFailed) {
          this.actualFailedSg++
          dev.failedSg++
          if (Number.isNaN(this.firstFailure)) this.firstFailure = this.time[at] as number
          // The kernel takes back what the call had mapped so far.
          const gone = this.head[oat] as number
          if (gone !== 0) {
            sim.releaseChain(gone)
            this.head[oat] = 0
          }
          this.stamp(dev.id, 0)
        }
        for (const f of this.followers) f.failed(dev, this.time[at] as number)
        return predicted
      default: break
    }
    if (mine !== 0) {
      this.head[oat] = sim.link(mine, this.head[oat] as number)
      this.stamp(dev.id, mine)
      const high = sim.pool.usage.total_used - this.priorReleased
      if (high > this.hiwaterWithPrior) this.hiwaterWithPrior = high
    }
    return predicted
  }

  // A bounce whose outcome the trace does not tell: its mapping's event was lost, or it belongs to a failed call that was never repeated.
  private unknown(id: number, at: number): void {
    const dev = this.devices[this.dev[at] as number] as DeviceState
    this.lastStamp = this.time[at] as number
    this.unknownOutcome++
    const key = this.key[at] as number
    const c = this.contexts.get(key)
    if (c && c.open[0] === id) c.open.shift()
    this.openCount--
    this.state[at] = St.other
    const sim = this.sim
    if (this.mapEvents === 0) {
      // A kernel before 6.12, or the class dma was not enabled: bounces can be counted, but no address and no release is known.
      dev.copiedIn += this.size[at] as number
      dev.crossings++
      dev.bouncedSegments++
      dev.bouncedBytes += this.size[at] as number
      return
    }
    if (sim === null || c === undefined) return
    const phys = this.phys[at] as number
    if (c.run.length > 0 && c.runFirst === phys) this.endRun(c, sim, true)
    const mine = sim.take(dev.id, this.cpu[at] as number, dev.minAlignMask, phys, this.size[at] as number, this.mask[at] as number)
    if (mine === 0) {
      this.cause(dev, sim.cause)
      this.predictedFailedSg++
      this.actualFailedSg++
      dev.failedSg++
      this.endRun(c, sim, false)
    } else if (this.lossy) {
      // The map event was lost: the slots stay taken until an unmap or another owner says otherwise.
      dev.copiedIn += this.size[at] as number
      dev.crossings++
      const entry = this.addLive(dev.id, sim.address(mine), this.size[at] as number, 0)
      this.live.block[entry] = mine
      this.live.bytes[entry] = this.size[at] as number
      this.live.bouncedBytes[entry] = this.size[at] as number
      this.live.time[entry] = this.time[at] as number
    } else {
      if (c.run.length === 0) {
        c.runFirst = phys
        c.runDev = dev.id
        this.runs.push(c)
      }
      c.runTime = this.lastStamp
      c.run.push(mine)
    }
    this.stamp(dev.id, mine)
    if (this.recorder) this.record(at, Trace.bounced, mine === 0 ? -1 : sim.address(mine))
  }

  // The call that these bounces belong to is over: what it held is given back. `failed` when the model had room for all of them.
  private endRun(c: Context, sim: PoolSim, failed: boolean): void {
    if (c.run.length === 0) return
    for (const id of c.run) sim.release(id)
    if (failed) {
      const dev = this.devices[c.runDev] as DeviceState
      this.cause(dev, UNPREDICTED)
      this.actualFailedSg++
      dev.failedSg++
    }
    c.run = []
    c.runFirst = -1
    this.runs.splice(this.runs.indexOf(c), 1)
    this.stamp(c.runDev, 0)
  }
  private readonly runs: Context[] = []

  // No call maps for so long: runs that were not continued are over.
  private endOldRuns(sim: PoolSim): void {
    for (const c of [...this.runs]) if (this.lastStamp - c.runTime > LONGEST_CALL) this.endRun(c, sim, true)
  }

  private addLive(dev: number, key: number, tag: number, nents: number): number {
    const victim = this.live.victim()
    if (victim !== 0) this.dropLive(victim)
    return this.live.add(dev, key, tag, nents)
  }

  private dropLive(entry: number): void {
    const chain = this.live.block[entry] as number
    if (chain > 0) this.sim?.releaseChain(chain)
    for (const f of this.followers) f.unmapped(this.devices[this.live.dev[entry] as number] as DeviceState, this.lastStamp, entry, false)
    this.live.remove(entry)
  }

  private simulateMap(id: number, at: number, dev: DeviceState, sg: boolean): void {
    const flags = this.flags[at] as number
    const n = sg ? Math.max(1, this.nents[at] as number) : 0
    const key = sg ? (this.phys[at] as number) : this.plain(this.dma[at] as number)
    const tag = sg ? (this.dma[at] as number) : (this.size[at] as number)
    if ((flags & 4) !== 0 && !sg && this.live.overlaps(dev.id, key, sg)) this.mapsOverLive++
    const entry = this.addLive(dev.id, key, tag, n)
    const live = this.live
    live.dir[entry] = this.dir[at] as number
    live.time[entry] = this.time[at] as number
    live.bytes[entry] = this.size[at] as number
    live.bouncedBytes[entry] = (flags & 4) === 0 ? 0 : sg ? (this.mask[at] as number) : (this.size[at] as number)
    let chain = this.head[at] as number
    const list = sg ? this.lists.get(id) : undefined
    const segs = this.segs
    segs.n = 0
    if (sg) {
      if (list !== undefined) {
        this.lists.delete(id)
        this.waitingEntries -= list.length
        if ((flags & 16) === 0) {
          const shown = list.length / 3
          this.roomFor(shown)
          for (let k = 0; k < shown; k++) {
            const dma = this.plain(list[3 * k] as number)
            const bounced = this.pooled(dma)
            segs.phys[k] = list[3 * k + 2] as number
            segs.size[k] = list[3 * k + 1] as number
            segs.direct[k] = bounced ? 0 : flags & 64 ? 2 : 1
            if (bounced && (flags & 8) === 0) chain = this.unannounced(dev, at, segs.phys[k] as number, segs.size[k] as number, dma, chain)
          }
          segs.n = shown
        }
      }
      const index = this.sgIndex[dev.id] as Map<number, number[]>
      const ids = index.get(key)
      if (ids !== undefined) {
        if (ids[0] === id) ids.shift()
        if (ids.length === 0) index.delete(key)
      }
    } else {
      if ((flags & 12) === 4) chain = this.unannounced(dev, at, this.phys[at] as number, this.size[at] as number, key, chain)
      segs.n = 1
      segs.phys[0] = this.phys[at] as number
      segs.size[0] = this.size[at] as number
      segs.direct[0] = flags & 4 ? 0 : flags & 64 ? 2 : 1
    }
    live.block[entry] = chain
    for (const f of this.followers) f.mapped(dev, this.cpu[at] as number, this.time[at] as number, id, entry, segs)
  }

  // A bounced segment whose swiotlb_bounced event is not in the trace: the slots are taken where the address says.
  private unannounced(dev: DeviceState, at: number, phys: number, size: number, addr: number, chain: number): number {
    const sim = this.sim
    dev.copiedIn += size
    dev.crossings++
    for (const f of this.followers) f.bounced(dev, this.cpu[at] as number, this.time[at] as number, phys, size, true, -1)
    if (sim === null || !sim.contains(addr)) return chain
    const mine = sim.put(dev.id, dev.minAlignMask, phys, size, addr, -1)
    if (mine === 0) return chain
    this.stamp(dev.id, mine)
    return sim.link(mine, chain)
  }

  private roomFor(n: number): void {
    if (n <= this.segs.phys.length) return
    const size = 2 ** Math.ceil(Math.log2(n))
    this.segs.phys = new Float64Array(size)
    this.segs.size = new Float64Array(size)
    this.segs.direct = new Uint8Array(size)
  }

  private simulateUnmap(at: number, dev: DeviceState, key: number, tag: number, nents: number): void {
    const live = this.live
    const entry = live.find(dev.id, key, tag, nents)
    const sim = this.sim
    if (entry === 0) {
      this.unmapsWithoutMap++
      dev.unmapsWithoutMap++
      if (sim !== null && nents === 0 && sim.contains(key)) {
        const there = sim.at(key)
        // Its map was lost, and so is the unmap of whoever the model still sees there.
        if (there !== 0) sim.evict(there)
        else {
          const n = sim.slotsFor(dev.minAlignMask, key, tag)
          this.priorSlots += n
          this.priorReleased += n
        }
        this.stamp(dev.id, 0)
      }
      return
    }
    const dir = this.dir[at] as number
    const back = ((this.flags[at] as number) & 2) === 0 && (dir === DIR_FROM_DEVICE || dir === DIR_BIDIRECTIONAL)
    const bounced = live.bouncedBytes[entry] as number
    // Across a gap the unmap may be that of a later mapping.
    if ((live.time[entry] as number) > this.lastLoss) dev.lived((this.time[at] as number) - (live.time[entry] as number))
    if (back && bounced > 0) {
      dev.copiedOut += bounced
      dev.crossings += Math.max(1, nents)
    }
    for (const f of this.followers) f.unmapped(dev, this.time[at] as number, entry, back)
    const chain = live.block[entry] as number
    if (chain > 0 && sim !== null) {
      const one = sim.after(chain) === 0 && sim.first(chain) >= 0 ? sim.area(chain) : -1
      sim.releaseChain(chain)
      const t = this.lastStamp
      this.timeline.set(this.trackTotal, t, sim.pool.usage.total_used)
      this.timeline.set(this.deviceTracks[dev.id] as number, t, sim.devSlots[dev.id] as number)
      if (one >= 0) this.timeline.set(this.areaTracks[one] as number, t, sim.pool.area_used[one] as number)
      else for (let k = 0; k < this.areaTracks.length; k++) this.timeline.set(this.areaTracks[k] as number, t, sim.pool.area_used[k] as number)
    }
    live.remove(entry)
  }

  private simulateSync(at: number, dev: DeviceState, forCpu: boolean): void {
    const addr = this.plain(this.dma[at] as number)
    if (!this.pooled(addr)) return
    const dir = this.dir[at] as number
    const size = this.size[at] as number
    if (forCpu && (dir === DIR_FROM_DEVICE || dir === DIR_BIDIRECTIONAL)) {
      dev.copiedOut += size
      dev.crossings++
    } else if (!forCpu && (dir === DIR_TO_DEVICE || dir === DIR_BIDIRECTIONAL)) {
      dev.copiedIn += size
      dev.crossings++
    }
  }

  /** No more events: what still waits is simulated with what is known. */
  end(): void {
    if (this.ended) return
    this.ended = true
    if (this.sim === null && this.guess !== null) this.settlePool()
    this.drain(true)
    if (this.sim !== null) for (const c of [...this.runs]) this.endRun(c, this.sim, false)
  }
}

const TWO46 = 2 ** 46
const PAGE_SIZE = 4096
/** Events between two sweeps after a loss. */
const SWEEP = 512
/** After so many events a bounce without outcome in a lossy, roomy recording is taken to have lost its map event. */
const GAP = 4096
/** Nanoseconds between two bounces of one scatter-gather call, at most. */
const LONGEST_CALL = 1e6
/** The kernel failed where the model found slots; index into DeviceState.causes. */
export const UNPREDICTED = 5

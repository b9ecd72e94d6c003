// What became of each bounce. swiotlb_bounced is written before the slots are searched; its outcome (an address, or a
// failure) is told by the mapping's event that follows in the same context (pid, CPU, interrupt level). A failed
// dma_map_sg leaves no event at all: its bounces are a prefix of that device's next successful scatter-gather mapping
// with the same first address, and its last bounce is the one that failed.
import { MAPPING_ERROR, Trace } from '../kernel/trace-events.ts'
import type { Addresses } from './addresses.ts'
import type { CostFit } from './cost.ts'
import type { Counts } from './counts.ts'
import type { DeviceState } from './device.ts'
import { Has, type TraceEvent } from './event.ts'
import type { Growth } from './growth.ts'
import { Cause } from './pool-sim.ts'
import type { PoolGuess } from './pool-guess.ts'
import { type EventWindow, Flag, Outcome } from './window.ts'

/** One strand of execution: events of different contexts interleave, those of one do not. */
export interface Context {
  /** Window ids of bounces without outcome, oldest first. */
  open: number[]
  /** A run of simulated bounces without known outcome: allocations to take back when the run ends. */
  run: number[]
  runFirst: number
  runDev: number
  runTime: number
}

const emptyContext = (): Context => ({ open: [], run: [], runFirst: -1, runDev: 0, runTime: 0 })
const MOST_CONTEXTS = 8192
const RECENT = 256
/** Above every pid: the idle task is one per CPU. */
const IDLE = 4194304
const IRQ_LEVELS = 8
const TWO46 = 2 ** 46

/** What Outcomes needs of the replay. */
export interface OutcomeHost {
  readonly window: EventWindow
  readonly counts: Counts
  readonly addresses: Addresses
  readonly costFit: CostFit | null
  readonly growth: Growth
  /** Someone wants the segments that do not bounce, too. */
  readonly keepDirect: boolean
  /** Someone wants to know what failed calls asked for. */
  readonly keepFailed: boolean
  /** Collects addresses while the pool's place is not known. */
  guess: PoolGuess | null
  /** Replay's: to be called before anything is changed that the simulation of earlier events looks at. */
  settle(mapping?: number): void
}

export class Outcomes {
  /** Bounces without outcome in the window. */
  open = 0
  private readonly contexts = new Map<number, Context>()
  private lastKey = -1
  /** Some of `contexts`, by bits of their keys. */
  private readonly recentKeys = new Float64Array(RECENT).fill(-1)
  private readonly recent: Context[] = Array.from({ length: RECENT }, emptyContext)
  /** Successful scatter-gather mappings in the window: by device and first address, their ids. */
  private readonly sgIndex: Map<number, number[]>[] = []
  private sgVersion = 0
  /** Mappings in `sgIndex`: some bounce of a failed call may wait for them. */
  waiting = 0
  private checkedId = -1
  private checkedVersion = -1

  constructor(private readonly host: OutcomeHost) {}

  private contextOf(ev: TraceEvent): Context {
    const key = (ev.pid === 0 ? IDLE + ev.cpu : ev.pid) * IRQ_LEVELS + ev.irq
    this.lastKey = key
    const slot = (key ^ (key >> 3)) & (RECENT - 1)
    const recent = this.recent[slot] as Context
    if (this.recentKeys[slot] === key) return recent
    const c = this.lookUp(key)
    this.recentKeys[slot] = key
    this.recent[slot] = c
    return c
  }

  private lookUp(key: number): Context {
    let c = this.contexts.get(key)
    if (c === undefined) {
      if (this.contexts.size > MOST_CONTEXTS) {
        this.recentKeys.fill(-1)
        for (const [k, old] of this.contexts) if (old.open.length === 0 && old.run.length === 0) this.contexts.delete(k)
      }
      c = emptyContext()
      this.contexts.set(key, c)
    }
    return c
  }

  /** The context that a waiting bounce belongs to. */
  contextAt(at: number): Context | undefined {
    return this.contexts.get(this.host.window.context[at] as number)
  }

  private index(dev: number): Map<number, number[]> {
    let m = this.sgIndex[dev]
    if (m === undefined) {
      for (let i = this.sgIndex.length; i <= dev; i++) this.sgIndex.push(new Map())
      m = this.sgIndex[dev] as Map<number, number[]>
    }
    return m
  }

  /** swiotlb_bounced. */
  bounced(ev: TraceEvent, dev: DeviceState): void {
    dev.bounces++
    if (ev.force) {
      if (dev.forced === 0) this.host.settle()
      dev.forced++
      dev.forcedBytes += ev.size
    }
    if (ev.has & Has.mask) dev.dmaMask = ev.mask
    const c = this.contextOf(ev)
    const w = this.host.window
    const id = w.push(ev)
    const at = w.at(id)
    w.state[at] = Outcome.open
    w.mask[at] = ev.has & Has.mask ? ev.mask : MAPPING_ERROR
    w.context[at] = this.lastKey
    c.open.push(id)
    this.open++
  }

  // The latest bounce without outcome in this context for this original; its window id, or -1. Bus and physical address
  // may differ by an encryption bit.
  private take(c: Context, dev: number, phys: number, size: number): number {
    const w = this.host.window
    const open = c.open
    for (let k = open.length - 1; k >= 0; k--) {
      const id = open[k] as number
      const at = w.at(id)
      if (w.dev[at] !== dev || w.size[at] !== size) continue
      const p = w.phys[at] as number
      if (p === phys || p % TWO46 === phys % TWO46) {
        if (k === open.length - 1) open.pop()
        else open.splice(k, 1)
        this.open--
        return id
      }
    }
    return -1
  }

  private succeed(bounce: number, addr: number, mapping: number): void {
    const w = this.host.window
    const at = w.at(bounce)
    w.state[at] = Outcome.ok
    w.dma[at] = addr
    w.owner[at] = mapping
    if (this.host.addresses.sim?.contains(addr) !== false) return
    if (!this.host.growth.seen) this.host.settle(mapping)
    this.host.growth.note(at, addr)
  }

  private learn(dma: number, phys: number, mapping: number): void {
    const { addresses } = this.host
    if (!addresses.learning) return
    this.host.settle(mapping)
    addresses.learn(dma, phys)
  }

  private observe(dev: DeviceState, phys: number, addr: number, mapping: number): void {
    if (!dev.learnsFrom(phys, addr)) return
    this.host.settle(mapping)
    dev.observe(phys, addr)
  }

  /** A single mapping; true when it waits in the window (a failed one does only for a recorder: `keepFailed`). */
  map(ev: TraceEvent, dev: DeviceState, keepFailed: boolean): void {
    const { window: w, counts, addresses } = this.host
    const failed = ev.dma >= MAPPING_ERROR
    const c = this.contextOf(ev)
    if (ev.size > dev.largest) dev.largest = ev.size
    const b = c.open.length > 0 && (failed || ev.dma !== ev.phys) ? this.take(c, ev.dev, ev.phys, ev.size) : -1
    if (failed) {
      this.host.settle()
      dev.failedMaps++
      dev.failedFor(ev.phys)
      counts.actualFailedMaps++
      counts.fail(ev.time)
      if (b >= 0) w.state[w.at(b)] = Outcome.failed
      else {
        counts.failedUnbounced++
        dev.cause(Cause.mask)
      }
      if (keepFailed) w.state[w.at(w.push(ev))] = Outcome.failed
      return
    }
    dev.maps++
    dev.segments++
    dev.bytes += ev.size
    const id = w.push(ev)
    const at = w.at(id)
    if (b >= 0) this.learn(ev.dma, ev.phys, id)
    const addr = addresses.plain(ev.dma)
    const inPool = b >= 0 || addresses.pooled(addr)
    w.context[at] = this.lastKey
    if (b >= 0) {
      this.succeed(b, addr, id)
      this.host.costFit?.add(ev.size, ev.time - (w.time[w.at(b)] as number))
      w.mark(at, Flag.announced)
    }
    if (!inPool) return
    w.mark(at, Flag.pooled)
    if (dev.failing) {
      this.host.settle(id)
      dev.succeededFor(ev.phys)
    }
    dev.bouncedSegments++
    dev.bouncedBytes += ev.size
    this.observe(dev, ev.phys, addr, id)
    this.host.guess?.bounce(ev.cpu, addr, ev.size)
    if (b < 0) counts.mapsWithoutBounce++
  }

  // Kprobes (kernels before 6.12). A pointer that a probe prints in place of a name is learnt from the swiotlb_bounced
  // event before it.
  private readonly named = new Map<number, number>()

  /**
   * swiotlb_tbl_map_single() is entered: a bounce, unless its swiotlb_bounced event told it already. The device's id.
   */
  probeMap(ev: TraceEvent): number {
    const w = this.host.window
    const c = this.contextOf(ev)
    const last = c.open[c.open.length - 1]
    if (last !== undefined) {
      const at = w.at(last)
      if (w.size[at] === ev.size && (w.phys[at] as number) % TWO46 === ev.phys % TWO46) {
        this.named.set(ev.dev, w.dev[at] as number)
        w.dir[at] = ev.dir
        return -1
      }
    }
    return this.named.get(ev.dev) ?? ev.dev
  }

  /**
   * swiotlb_tbl_map_single() returns: the bounce that it answers, as a mapping of its own. False when its entry is not
   * in the trace.
   */
  probeReturn(ev: TraceEvent): boolean {
    const c = this.contextOf(ev)
    const id = c.open[c.open.length - 1]
    if (id === undefined) return false
    const w = this.host.window
    const at = w.at(id)
    ev.kind = Trace.map
    ev.dev = w.dev[at] as number
    ev.phys = w.phys[at] as number
    ev.size = w.size[at] as number
    ev.dir = w.dir[at] as number
    ev.attrs = 0
    return true
  }

  /** The device that a probe means. */
  probed(dev: number): number {
    return this.named.get(dev) ?? dev
  }

  /** A block request was issued or is complete. */
  request(ev: TraceEvent): void {
    this.contextOf(ev)
    const w = this.host.window
    w.context[w.at(w.push(ev))] = this.lastKey
  }

  /** A scatter-gather mapping. */
  mapSg(ev: TraceEvent, dev: DeviceState): void {
    const { window: w, counts, addresses } = this.host
    const c = this.contextOf(ev)
    const shown = ev.ndma
    const n = Math.max(ev.nents, shown)
    dev.maps++
    dev.segments += n
    if (ev.truncated || n > shown) {
      counts.truncated++
      counts.hiddenSegments += n - shown
      dev.hiddenSegments += n - shown
    }
    const id = w.push(ev)
    const at = w.at(id)
    w.nents[at] = n
    w.phys[at] = ev.nphys > 0 ? (ev.physs[0] as number) : 0
    w.dma[at] = ev.nphys > 0 ? (ev.physs[Math.min(ev.nphys, 128) - 1] as number) : 0
    const hidden = n > shown ? this.hiddenBounces(c, ev, id, n, shown) : { count: 0, bytes: 0 }
    let bytes = hidden.bytes
    let bounced = hidden.count
    let bouncedBytes = hidden.bytes
    let announced = hidden.count
    let keep = false
    for (let k = shown - 1; k >= 0; k--) {
      const dma = ev.dmas[k] as number
      const phys = ev.physs[k] as number
      const size = ev.sizes[k] as number
      bytes += size
      if (size > dev.largest) dev.largest = size
      const b = c.open.length > 0 && dma !== phys ? this.take(c, ev.dev, phys, size) : -1
      if (b >= 0) this.learn(dma, phys, id)
      const addr = addresses.plain(dma)
      if (b >= 0) {
        this.succeed(b, addr, id)
        announced++
      }
      if (b >= 0 || addresses.pooled(addr)) {
        bounced++
        bouncedBytes += size
        this.observe(dev, phys, addr, id)
        this.host.guess?.bounce(ev.cpu, addr, size)
        if (b < 0) {
          counts.mapsWithoutBounce++
          keep = true
        }
      } else if (this.host.keepDirect) keep = true
    }
    dev.bytes += bytes
    dev.bouncedSegments += bounced
    dev.bouncedBytes += bouncedBytes
    w.size[at] = bytes
    w.mask[at] = bouncedBytes
    w.mark(at, (bounced > 0 ? Flag.pooled : 0) | (announced > 0 ? Flag.announced : 0))
    if (keep || (this.host.keepFailed && bounced > 0 && this.open > 0)) w.keepList(id, entries(ev))
    if (bounced > 0 && this.open > 0) this.remember(ev, id, at, keep || this.host.keepFailed)
  }

  // Bounces that a truncated event does not show come last; they have no address to compare.
  private hiddenBounces(
    c: Context,
    ev: TraceEvent,
    mapping: number,
    n: number,
    shown: number
  ): { count: number; bytes: number } {
    const w = this.host.window
    let count = 0
    let bytes = 0
    for (let k = n - 1; k >= shown && c.open.length > shown; k--) {
      const b = c.open[c.open.length - 1] as number
      const bat = w.at(b)
      if (w.dev[bat] !== ev.dev) break
      c.open.pop()
      this.open--
      this.succeed(b, Number.NaN, mapping)
      count++
      bytes += w.size[bat] as number
    }
    return { count, bytes }
  }

  // Some bounce before this mapping has no outcome yet: a failed call is recognised by these addresses.
  private remember(ev: TraceEvent, id: number, at: number, kept: boolean): void {
    const w = this.host.window
    const index = this.index(ev.dev)
    const first = w.phys[at] as number
    const known = index.get(first)
    if (known) known.push(id)
    else index.set(first, [id])
    this.waiting++
    if (!kept) {
      w.keepList(id, ev.physs.slice(0, ev.nphys))
      w.mark(at, Flag.physOnly)
    }
    this.sgVersion++
  }

  /** The mapping is simulated: it can explain no failed call any more. */
  forget(dev: number, first: number, id: number): void {
    const index = this.sgIndex[dev]
    const ids = index?.get(first)
    if (index === undefined || ids === undefined) return
    if (ids[0] === id) {
      ids.shift()
      this.waiting--
    }
    if (ids.length === 0) index.delete(first)
  }

  /** Whether resolveFailedCall() may know more of this bounce than it did when it was asked last. */
  mayResolve(id: number): boolean {
    return this.waiting > 0 && (this.checkedId !== id || this.checkedVersion !== this.sgVersion)
  }

  /**
   * The oldest waiting event is a bounce without outcome: does a later scatter-gather mapping of its device begin at
   * the same address? Then it and those after it in its context are a failed call. False when nothing is known yet.
   * `trust` false: events are lost, and the later mapping is more likely another one of the same memory.
   */
  resolveFailedCall(id: number, at: number, trust: boolean): boolean {
    this.checkedId = id
    this.checkedVersion = this.sgVersion
    const w = this.host.window
    const index = this.sgIndex[w.dev[at] as number]
    const later = index?.get(w.phys[at] as number)?.find((x) => x > id)
    if (later === undefined || !trust) return false
    const list = w.lists.get(later)
    const c = this.contextAt(at)
    if (list === undefined || c === undefined || c.open[0] !== id) return false
    const whole = !w.has(w.at(later), Flag.physOnly)
    const n = whole ? list.length / 3 : list.length
    let m = 1
    while (m < n && m < c.open.length) {
      const next = w.at(c.open[m] as number)
      if (w.dev[next] !== w.dev[at] || w.phys[next] !== (whole ? list[3 * m + 2] : list[m])) break
      m++
    }
    const run = c.open.splice(0, m)
    this.open -= m
    const last = run[m - 1] as number
    for (const b of run) {
      const bat = w.at(b)
      w.state[bat] = b === last ? Outcome.sgFailed : Outcome.back
      w.owner[bat] = last
    }
    if (whole && this.host.keepFailed) w.keepList(last, list)
    return true
  }

  /** The oldest waiting bounce is given up: no event will tell its outcome. Its context, if it is still known. */
  abandon(id: number, at: number): Context | undefined {
    const c = this.contextAt(at)
    if (c && c.open[0] === id) c.open.shift()
    this.open--
    this.host.window.state[at] = Outcome.other
    return c
  }
}

// dma, size and phys of each entry that the event shows.
function entries(ev: TraceEvent): Float64Array {
  const list = new Float64Array(ev.ndma * 3)
  for (let k = 0; k < ev.ndma; k++) {
    list[3 * k] = ev.dmas[k] as number
    list[3 * k + 1] = ev.sizes[k] as number
    list[3 * k + 2] = ev.physs[k] as number
  }
  return list
}

// The same load in another pool, with other devices forced or accepted. Runs beside the replay of the recording, in the
// same pass: each question has pools of its own.
//
// What it can and cannot say. Mappings come and go as they did in the recording. A mapping that finds no room is
// counted as failed and holds nothing; its bytes count as bounced, as a storage driver tries again until it has room (a
// network driver drops the packet). A call that failed in the recording is tried, too, and if there is room it holds
// its slots from its first try on, until the memory is mapped with success. What the load would have done beyond that,
// had it not been held up, the recording does not know: such answers are bounds, and say so. So are those about
// mappings that bounce here and did not in the recording: a boot that copies has other requests in flight.
//
// A question that changes nothing is answered from the recording itself; and no pool is said to refuse more than a
// smaller one.
import { nearest } from '../base/index.ts'
import { type CostTerms, copyCost } from './cost.ts'
import { causesOf, type DeviceState } from './device.ts'
import { Ladder, SMALLEST_POOL } from './ladder.ts'
import type { AssumedLives } from './lifetimes.ts'
import { areasFor, roundUpPow2 } from './pool-guess.ts'
import type { PoolPlace, PoolSim } from './pool-sim.ts'
import type { Counts } from './counts.ts'
import type { LiveTable } from './live.ts'
import type { FollowedDevice, Follower, SegmentLists } from './simulate.ts'
import type { Timeline } from './timeline.ts'
import { type Basis, HEADROOM, type NeededPool } from './sizing.ts'
import { GROWS_AFTER, SegmentRecord, Trial } from './trial.ts'
import type { WhatIfSpec } from './what-if-spec.ts'

export interface WhatIfDevice {
  readonly name: string
  readonly accepted: boolean
  readonly bouncedSegments: number
  readonly bouncedBytes: number
  readonly directBytes: number
  readonly copiedBytes: number
  readonly crossings: number
  readonly peakSlots: number
  readonly failedMaps: number
}

export interface WhatIfResult {
  readonly text: string
  readonly spec: WhatIfSpec
  /** The pool that was simulated. */
  readonly pool: { readonly nslabs: number; readonly nareas: number }
  readonly kernel: string
  /** This kernel knows accepted devices: acceptance ends forced bouncing. */
  readonly acceptanceHelps: boolean
  readonly bouncedSegments: number
  readonly bouncedBytes: number
  readonly copiedBytes: number
  readonly crossings: number
  /** The recording cannot show copies that syncs would make here: copied bytes are a lower bound. */
  readonly copiedAtLeast: boolean
  readonly hiwater: number
  /**
   * Where the mark of a boot that really bounced would lie, when mappings bounce here that did not in the recording;
   * null otherwise.
   */
  readonly hiwaterRange: readonly [number, number] | null
  readonly failedMaps: number
  /** `recorded`: the question changes nothing. `bound`: calls failed in the recording, or bounce here alone. */
  readonly basis: Basis
  readonly causes: Readonly<Record<string, number>>
  readonly firstFailure: number
  /**
   * SWIOTLB_DYNAMIC: slots of all pools at the end, and mappings in transient pools; null when the memory does not
   * grow.
   */
  readonly grown: { readonly nslabs: number; readonly transients: number } | null
  readonly needed: NeededPool
  /** Bytes copied in the recording less those here; negative when more is copied. */
  readonly copiedLess: number
  /** Seconds of copying, when terms were given. */
  readonly seconds: number | null
  readonly devices: readonly WhatIfDevice[]
  /**
   * Mappings whose end is assumed here, as the driver leaves out their unmaps, and those of them whose request is seen
   * to complete.
   */
  readonly assumedEnds: number
  readonly exactEnds: number
  /** Names after accepted= that the trace does not have. */
  readonly unknownDevices: readonly { readonly name: string; readonly nearest: readonly string[] }[]
}

/** What a question asks of the recording: the replay itself, or what a stored log (BounceLog) kept of it. */
export interface Recording {
  readonly sim: PoolSim | null
  readonly cpus: number
  readonly grows: boolean
  readonly growsAfter: number | null
  readonly timeline: Timeline
  readonly live: Pick<LiveTable, 'skipSync' | 'bouncedBytes'>
  /** With all that they counted, when the recording is at its end. */
  readonly devices: readonly DeviceState[]
  readonly counts: Counts
  readonly simulation: { readonly lifetimes: { told(dev: number): AssumedLives | null } }
}

/** What one device does here. */
class Tally {
  bouncedSegments = 0
  bouncedBytes = 0
  directBytes = 0
  copied = 0
  crossings = 0
  /** Copies that the recording made, counted by the same rules. */
  copiedThere = 0

  constructor(
    readonly state: FollowedDevice,
    readonly accepted: boolean
  ) {}
}

const DEFAULT_SLABS = 32768
/**
 * The peak of a boot that really bounces, as a part of that of the same load which did not: from 0.63 (r01 and s01,
 * mixed loads) to 1.52 (s15, a deep queue) in the recordings of one load, plain and forced (docs/accuracy.md). Where a
 * boot that copies is slower, fewer requests are in flight; where it completes them more slowly than it submits them,
 * more. Two forced boots of one load differ by up to 15 %.
 */
const RANGE_LOW = 0.58
const RANGE_HIGH = 1.7
const NO_LIVES: AssumedLives = { assumed: 0, exact: 0, early: 0, low: 0, high: 0 }

/**
 * The ladders of questions that are asked in one pass. What a ladder comes to depends on the load alone: questions
 * about one load share it, and the first of them climbs it.
 */
export class SharedLadders {
  private readonly made = new Map<string, Ladder>()

  /**
   * `quick`: where a question's own pool will do, as far as can be told beforehand, smaller ones are not followed after
   * they have refused something. When it does not do after all, there is no answer (WhatIf.outgrown).
   */
  constructor(
    private readonly specs: readonly WhatIfSpec[],
    private readonly quick: boolean
  ) {}

  /**
   * The ladder of a question; `mine`: it is new, and the question climbs it. `recorded`: slots without pool=. `more`:
   * something bounces that did not in the recording.
   */
  of(
    spec: WhatIfSpec,
    place: Omit<PoolPlace, 'nslabs'>,
    recorded: number,
    more: boolean
  ): { readonly ladder: Ladder; readonly mine: boolean } {
    const load = loadOf(spec)
    const key = `${load} ${JSON.stringify(place)}`
    const known = this.made.get(key)
    if (known !== undefined) return { ladder: known, mine: false }
    const asked = this.specs.filter((s) => loadOf(s) === load).map((s) => s.pool?.nslabs ?? recorded)
    const followed = this.quick && !more ? asked.filter((n) => n < recorded) : asked
    const ladder = new Ladder(place, Math.max(0, ...followed))
    this.made.set(key, ladder)
    return { ladder, mine: true }
  }
}

// What of a question decides what bounces.
const loadOf = (s: WhatIfSpec): string => JSON.stringify([s.force, s.knows, s.knows ? [...s.accepted].sort() : []])

export class WhatIf implements Follower {
  readonly wantsDirect = true
  private readonly tallies: (Tally | undefined)[] = []
  private main: Trial | null = null
  private ladder: Ladder | null = null
  /** The ladder is its own to climb. */
  private climbs: boolean
  private track = 0
  private bytesOf = new Float64Array(1024)
  private segsOf = new Int32Array(1024)
  /** What of a mapping that is not complete bounces here, by window id. */
  private readonly open = new Map<number, { readonly bytes: number; readonly segs: number }>()
  private lastOwner = -1
  private lastBytes = 0
  private lastSegs = 0
  /** Something bounces here that did not in the recording, or the other way round. */
  private more = false
  private less = false
  private syncsHidden = false
  private readonly knows: boolean
  private readonly kernel: string

  /**
   * `known`: the ladder of pools that an earlier question with the same load climbed; this one then simulates its own
   * pool alone. `keep`: pools of up to so many slots stay on the ladder after they have refused something (null: up to
   * the size that is asked for). `shared`: where questions of the same pass have their ladders.
   */
  constructor(
    readonly spec: WhatIfSpec,
    private readonly replay: () => Recording,
    private readonly known: Ladder | null = null,
    private readonly keep: number | null = null,
    private readonly shared: SharedLadders | null = null
  ) {
    this.climbs = known === null
    this.knows = spec.knows
    this.kernel = spec.kernel ?? ''
  }

  // The pools, made when the first mapping comes: by then the recording's own is known.
  private trials(): { main: Trial; ladder: Ladder } {
    return this.main !== null && this.ladder !== null ? { main: this.main, ladder: this.ladder } : this.make()
  }

  private make(): { main: Trial; ladder: Ladder } {
    const r = this.replay()
    const place = r.sim?.place ?? null
    const recorded = place?.nslabs ?? DEFAULT_SLABS
    const nslabs = this.spec.pool?.nslabs ?? recorded
    const known = this.spec.pool?.nareas ?? place?.nareas ?? areasFor(r.cpus, nslabs)
    const nareas = Math.min(known, 2 ** Math.floor(Math.log2(Math.max(1, nslabs / 128))))
    const start = place?.start ?? 0x40000000
    // Another kernel that is asked for is a newer one.
    const before_6_3 = this.kernel === '' && place?.before_6_3 === true
    const grows = this.spec.dynamic ?? r.grows
    this.main = new Trial(
      { start, nslabs: nslabs - (nslabs % nareas), nareas, before_6_3 },
      grows ? (r.growsAfter ?? GROWS_AFTER) : null
    )
    this.track = r.timeline.track(this.spec.text, 'what-if')
    const rungs = { start, nareas: place?.nareas ?? nareas, before_6_3 }
    this.ladder = this.known ?? this.sharedLadder(rungs, recorded) ?? new Ladder(rungs, this.keep ?? nslabs)
    return { main: this.main, ladder: this.ladder }
  }

  private sharedLadder(rungs: Omit<PoolPlace, 'nslabs'>, recorded: number): Ladder | null {
    if (this.shared === null) return null
    const { ladder, mine } = this.shared.of(this.spec, rungs, recorded, this.more)
    this.climbs = mine
    return ladder
  }

  // What is in use in the pool that is asked for, from this time on.
  private stamp(time: number): void {
    if (this.main !== null) this.replay().timeline.set(this.track, time, this.main.sim.usage.total_used)
  }

  private tally(dev: FollowedDevice): Tally {
    let t = this.tallies[dev.id]
    if (t === undefined) {
      t = new Tally(dev, this.knows && (this.spec.accepted.includes(dev.name) || this.spec.accepted.includes('all')))
      this.tallies[dev.id] = t
    }
    return t
  }

  // What bounced for its address (NORMAL) bounces whatever the guest thinks of the device.
  private staysDirect(t: Tally, forced: boolean): boolean {
    return forced && (t.accepted || this.spec.force === false)
  }

  bounced(
    dev: FollowedDevice,
    cpu: number,
    time: number,
    phys: number,
    size: number,
    forced: boolean,
    owner: number
  ): void {
    const t = this.tally(dev)
    t.copiedThere += size
    if (this.staysDirect(t, forced)) {
      this.less = true
      t.directBytes += size
    } else this.map(t, cpu, time, phys, size, owner)
  }

  private readonly segment = new SegmentRecord()

  private map(t: Tally, cpu: number, time: number, phys: number, size: number, owner: number): void {
    const { main, ladder } = this.trials()
    const s = this.segment.of(t.state, cpu, time, phys, size, owner)
    if (!main.map(s)) main.refuse(s)
    if (this.climbs) ladder.map(s)
    this.stamp(time)
    if (owner !== this.lastOwner) this.turnTo(owner)
    this.lastBytes += size
    this.lastSegs++
  }

  // The mapping that the last segment was of stands apart from the others that are not complete: it mostly is the only
  // one.
  private turnTo(owner: number): void {
    if (this.lastSegs > 0) this.open.set(this.lastOwner, { bytes: this.lastBytes, segs: this.lastSegs })
    const known = this.open.size > 0 ? this.open.get(owner) : undefined
    if (known !== undefined) this.open.delete(owner)
    this.lastOwner = owner
    this.lastBytes = known?.bytes ?? 0
    this.lastSegs = known?.segs ?? 0
  }

  mapped(dev: FollowedDevice, cpu: number, time: number, owner: number, live: number, lists: SegmentLists): void {
    const t = this.tally(dev)
    const forced = this.spec.force === true && !t.accepted
    for (let k = 0; k < lists.n; k++) {
      if (lists.direct[k] === 0) continue
      const size = lists.size[k] as number
      if (forced && lists.direct[k] === 1) {
        this.more = true
        this.map(t, cpu, time, lists.phys[k] as number, size, owner)
        if (this.replay().live.skipSync[live] === 1) this.syncsHidden = true
      } else t.directBytes += size
    }
    this.settle(t, owner, live)
    // Segments without a swiotlb_bounced event of their own came under no mapping's number.
    if (owner !== -1 && (this.lastOwner === -1 ? this.lastSegs > 0 : this.open.size > 0 && this.open.has(-1)))
      this.settle(t, -1, live)
  }

  // The mapping is complete.
  private settle(t: Tally, owner: number, live: number): void {
    this.roomFor(live)
    const joins = owner === -1
    if (!joins) {
      this.bytesOf[live] = 0
      this.segsOf[live] = 0
    }
    this.main?.complete(owner, live, joins)
    if (this.climbs) this.ladder?.complete(owner, live, joins)
    if (owner !== this.lastOwner && this.open.size > 0) this.turnTo(owner)
    if (owner !== this.lastOwner || this.lastSegs === 0) return
    const { lastBytes: bytes, lastSegs: segs } = this
    this.lastBytes = 0
    this.lastSegs = 0
    this.bytesOf[live] = (this.bytesOf[live] as number) + bytes
    this.segsOf[live] = (this.segsOf[live] as number) + segs
    t.bouncedBytes += bytes
    t.bouncedSegments += segs
    t.copied += bytes
    t.crossings += segs
  }

  private roomFor(live: number): void {
    if (live < this.bytesOf.length) return
    const n = Math.max(this.bytesOf.length * 2, live + 1)
    const bytes = new Float64Array(n)
    bytes.set(this.bytesOf)
    this.bytesOf = bytes
    const segs = new Int32Array(n)
    segs.set(this.segsOf)
    this.segsOf = segs
  }

  unmapped(dev: FollowedDevice, time: number, live: number, copyBack: boolean): void {
    const there = this.replay().live.bouncedBytes[live] as number
    if (copyBack && there > 0) this.tally(dev).copiedThere += there
    this.end(dev, live, copyBack)
    this.stamp(time)
  }

  over(dev: FollowedDevice, time: number, live: number, copyBack: boolean): void {
    this.end(dev, live, copyBack)
    this.stamp(time)
  }

  private end(dev: FollowedDevice, live: number, copyBack: boolean): void {
    if (live >= this.bytesOf.length) return
    const bytes = this.bytesOf[live] as number
    if (copyBack && bytes > 0) {
      const t = this.tally(dev)
      t.copied += bytes
      t.crossings += this.segsOf[live] as number
    }
    this.bytesOf[live] = 0
    this.segsOf[live] = 0
    this.main?.release(live)
    if (this.climbs) this.ladder?.release(live)
  }

  failed(dev: FollowedDevice, cpu: number, time: number, forced: boolean, lists: SegmentLists): void {
    const t = this.tally(dev)
    if (this.staysDirect(t, forced)) {
      this.less = true
      return
    }
    const { main, ladder } = this.trials()
    const { patience } = dev
    const gaveUp = new Set<Trial>()
    for (let k = 0; k < lists.n; k++) {
      const s = this.segment.of(t.state, cpu, time, lists.phys[k] as number, lists.size[k] as number, -1)
      if (!gaveUp.has(main) && !main.wait(s, patience)) {
        main.giveUp(s)
        gaveUp.add(main)
      }
      if (this.climbs) ladder.wait(s, patience, gaveUp)
    }
    this.stamp(time)
  }

  synced(dev: FollowedDevice, size: number, _into: boolean, pooled: boolean): void {
    const t = this.tally(dev)
    if (pooled) t.copiedThere += size
    // A sync of a mapping that would go direct copies nothing; one that would bounce does, as in the recording.
    const bounces = pooled ? !this.staysDirect(t, t.state.forced > 0) : this.spec.force === true && !t.accepted
    if (!bounces) return
    t.copied += size
    t.crossings++
  }

  /** The ladder that was climbed, for other questions with the same load; null before the first mapping. */
  get climbed(): Ladder | null {
    return this.ladder
  }

  /** Smaller pools than the one asked for do without failure: what they refuse on the way to that is not asked for. */
  get carriedBelow(): boolean {
    return (
      this.main !== null &&
      this.ladder?.carrying !== undefined &&
      this.ladder.carrying !== null &&
      this.ladder.carrying.place.nslabs <= this.main.place.nslabs
    )
  }

  /**
   * The load does not fit into the pool that is asked for, and what smaller ones refuse was not followed: there is no
   * answer without that. A pool that grows is compared with none.
   */
  get outgrown(): boolean {
    const { main, ladder } = this
    return (
      main !== null && ladder !== null && ladder.keep < main.place.nslabs && !main.sim.canGrow && !this.carriedBelow
    )
  }

  // Nothing bounces or goes direct here that did not in the recording.
  private get sameLoad(): boolean {
    return !this.more && !this.less
  }

  /** What came of it, when the replay is at its end. `terms`: the price of copying. */
  result(terms: CostTerms | null): WhatIfResult {
    const r = this.replay()
    const { main, ladder } = this.trials()
    const place = r.sim?.place ?? null
    const samePool =
      place !== null &&
      main.place.nslabs === place.nslabs &&
      main.place.nareas === place.nareas &&
      main.sim.canGrow === r.sim?.canGrow
    const unchanged = this.sameLoad && (samePool || (place === null && this.spec.pool === null))
    // Failures without a bounce (no pool, no address in reach) are the same in every pool.
    const unbounced = r.counts.failedUnbounced
    const recordedFailures = r.counts.actualFailedMaps + r.counts.actualFailedSg - unbounced
    const tallies = this.tallies.filter((t): t is Tally => t !== undefined)
    const sum = (f: (t: Tally) => number): number => tallies.reduce((n, t) => n + f(t), 0)
    const bouncedSegments = sum((t) => t.bouncedSegments)
    const comparable = place !== null && this.sameLoad && main.sim.canGrow === r.sim?.canGrow
    const failures = unchanged
      ? { count: recordedFailures, causes: causesOf(r.devices.map((d) => d.causes)) }
      : this.failures(main, ladder, r, comparable ? recordedFailures : null)
    const failedMaps = unbounced + failures.count
    const hiwater = unchanged ? (r.sim?.usage.used_hiwater ?? 0) : main.sim.usage.used_hiwater
    const throttled =
      this.sameLoad || !this.less
        ? recordedFailures > 0
        : sum((t) => (t.accepted ? 0 : recordedFailuresOf(r, t.state.id))) > 0
    const copied = unchanged ? r.devices.reduce((n, d) => n + d.copiedIn + d.copiedOut, 0) : sum((t) => t.copied)
    const crossings = unchanged ? r.devices.reduce((n, d) => n + d.crossings, 0) : sum((t) => t.crossings)
    const peak = ladder.carrying?.sim.usage.used_hiwater ?? hiwater
    const range = this.more ? rangeOf(peak) : null
    const ends = (f: (x: AssumedLives) => number): number =>
      this.more
        ? tallies.reduce((n, t) => n + (t.accepted ? 0 : f(r.simulation.lifetimes.told(t.state.id) ?? NO_LIVES)), 0)
        : 0
    return {
      text: this.spec.text,
      spec: this.spec,
      pool: { nslabs: main.place.nslabs, nareas: main.place.nareas },
      kernel: this.kernel,
      acceptanceHelps: this.knows,
      bouncedSegments,
      bouncedBytes: sum((t) => t.bouncedBytes),
      copiedBytes: copied,
      crossings,
      copiedAtLeast: this.syncsHidden,
      hiwater,
      hiwaterRange:
        range === null
          ? null
          : [
              Math.min(main.place.nslabs, range[0]),
              main.sim.canGrow ? range[1] : Math.min(main.place.nslabs, range[1])
            ],
      failedMaps,
      basis: unchanged ? 'recorded' : throttled || this.more ? 'bound' : 'simulated',
      causes: failures.causes,
      firstFailure: failedMaps === 0 ? Number.NaN : unchanged ? r.counts.firstFailure : main.firstFailure,
      grown: main.sim.canGrow
        ? {
            nslabs: unchanged ? (r.sim?.nslabs ?? 0) : main.sim.nslabs,
            transients: unchanged ? r.counts.transients : main.sim.transientsMade
          }
        : null,
      needed: this.needed(
        ladder,
        bouncedSegments + failedMaps > unbounced,
        throttled,
        range,
        place,
        comparable && recordedFailures === 0 && !main.sim.canGrow ? roundUpPow2(place.nslabs) : null
      ),
      copiedLess: unchanged ? 0 : sum((t) => t.copiedThere) - copied,
      seconds: terms === null ? null : copyCost(crossings, copied, terms),
      devices: this.devices(tallies, main, unchanged ? r : null),
      assumedEnds: ends((x) => x.assumed + x.exact - x.early),
      exactEnds: ends((x) => x.exact),
      unknownDevices: this.unknown(r.devices.map((d) => d.name))
    }
  }

  // A failed mapping holds nothing, so that a larger pool, which serves it, can by chance refuse others more often. No
  // pool is said to refuse more than a smaller one, nor more than the recording's own when that is smaller, nor less
  // when that is larger.
  private failures(
    main: Trial,
    ladder: Ladder,
    recording: Recording,
    pinned: number | null
  ): { readonly count: number; readonly causes: Readonly<Record<string, number>> } {
    const { nslabs, nareas } = main.place
    // The ladder's own pool of this size has seen the same, but for the order in which it took over what smaller ones
    // held.
    const same = main.sim.canGrow
      ? undefined
      : ladder.failing.find((t) => t.place.nslabs === nslabs && t.place.nareas === nareas)
    const own = same ?? main
    let least = { count: own.failed, causes: causesOf([own.causes]) }
    const below = ladder.failing.filter((t) => t.place.nslabs < nslabs)
    if (ladder.carrying !== null && ladder.carrying.place.nslabs <= nslabs) below.push(ladder.carrying)
    for (const t of below)
      if (t.failed < least.count && !main.sim.canGrow) least = { count: t.failed, causes: causesOf([t.causes]) }
    if (pinned === null) return least
    const larger = main.place.nslabs >= (recording.sim?.place.nslabs ?? 0)
    return (larger ? least.count > pinned : least.count < pinned)
      ? { count: pinned, causes: causesOf(recording.devices.map((d) => d.causes)) }
      : least
  }

  /** `carried`: slots of the recording's own pool, where it refused nothing of the same load. */
  private needed(
    ladder: Ladder,
    any: boolean,
    throttled: boolean,
    range: readonly [number, number] | null,
    place: PoolPlace | null,
    carried: number | null
  ): NeededPool {
    const carrying = ladder.carrying
    const peak = carrying?.sim.usage.used_hiwater ?? 0
    if (!any) return { slots: 0, basis: 'simulated', atLeast: 0, recommended: 0, peak: 0 }
    // A pool of the ladder holds what a smaller one has left in its own places, and may refuse where one that was there
    // from the beginning did not: what the recording shows to be enough is enough.
    const enough = Math.min(carrying?.place.nslabs ?? Number.POSITIVE_INFINITY, carried ?? Number.POSITIVE_INFINITY)
    const slots = enough === Number.POSITIVE_INFINITY ? null : Math.max(SMALLEST_POOL, enough)
    const basis: Basis = throttled || range !== null ? 'bound' : 'simulated'
    const atLeast =
      range !== null
        ? roundUpPow2(Math.max(SMALLEST_POOL, range[0]))
        : throttled && place !== null
          ? roundUpPow2(place.nslabs + 1)
          : (slots ?? 0)
    const full = range !== null ? range[1] : peak
    const roomy = slots === null ? null : Math.max(slots, roundUpPow2(range !== null ? full : full / HEADROOM))
    return { slots, basis, atLeast, recommended: roomy, peak }
  }

  private devices(tallies: readonly Tally[], main: Trial, recording: Recording | null): WhatIfDevice[] {
    const out = tallies.map(
      (t): WhatIfDevice => ({
        name: t.state.name,
        accepted: t.accepted,
        bouncedSegments: t.bouncedSegments,
        bouncedBytes: t.bouncedBytes,
        directBytes: t.directBytes,
        ...(recording === null
          ? { copiedBytes: t.copied, crossings: t.crossings, failedMaps: main.failedBy[t.state.id] ?? 0 }
          : recorded(recording, t.state.id)),
        peakSlots: (recording?.sim ?? main.sim).devPeak[t.state.id] ?? 0
      })
    )
    return out.sort(
      (a, b) => b.bouncedBytes - a.bouncedBytes || b.directBytes - a.directBytes || (a.name < b.name ? -1 : 1)
    )
  }

  private unknown(names: readonly string[]): WhatIfResult['unknownDevices'] {
    return this.spec.accepted
      .filter((n) => n !== 'all' && !names.includes(n))
      .map((name) => ({ name, nearest: nearest(name, names) }))
  }
}

const recordedFailuresOf = (r: Recording, dev: number): number =>
  (r.devices[dev]?.failedMaps ?? 0) + (r.devices[dev]?.failedSg ?? 0)

// What the recording itself shows of a device.
function recorded(r: Recording, dev: number): Pick<WhatIfDevice, 'copiedBytes' | 'crossings' | 'failedMaps'> {
  const d = r.devices[dev]
  return {
    copiedBytes: (d?.copiedIn ?? 0) + (d?.copiedOut ?? 0),
    crossings: d?.crossings ?? 0,
    failedMaps: recordedFailuresOf(r, dev)
  }
}

// No wider than three times, whatever rounding does to small figures.
function rangeOf(peak: number): readonly [number, number] {
  const low = Math.max(Math.min(1, peak), Math.floor(peak * RANGE_LOW))
  return [low, Math.max(peak, Math.min(3 * low, Math.ceil(peak * RANGE_HIGH)))]
}

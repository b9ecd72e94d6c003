// What followers of a replay are told, kept: 24 bytes an operation in typed arrays, so that another question about the
// same recording (what-if) is answered without reading the trace again. What differs from telling them at once:
// nothing; a property test holds the two together.
//
// An operation is a time, a number of 53 bits (an address, a size, a patience), a size, a reference (window id or live
// index), and a word of kind, flags, CPU and device. Segments stand before the mapping or failed call that they belong
// to.
import type { CostTerms } from './cost.ts'
import { type Ladder, LARGEST_POOL } from './ladder.ts'
import type { AssumedLives } from './lifetimes.ts'
import type { Replay } from './replay.ts'
import type { FollowedDevice, Follower, SegmentLists } from './simulate.ts'
import { Timeline } from './timeline.ts'
import type { WhatIfSpec } from './what-if-spec.ts'
import { type Recording, WhatIf, type WhatIfResult } from './what-if.ts'

/**
 * Kinds of operations. `clock`, `wide`, `mask` and `state` say what holds from here on; `direct` and `asked` are
 * segments of what follows them.
 */
const Op = {
  clock: 0,
  wide: 1,
  mask: 2,
  state: 3,
  bounced: 4,
  direct: 5,
  mapped: 6,
  unmapped: 7,
  over: 8,
  asked: 9,
  failed: 10,
  synced: 11
} as const

// The word: kind, three flags, 11 bits of device (MOST_NAMES), 14 bits of CPU.
const KIND = 15
const A = 1 << 4
const B = 1 << 5
const C = 1 << 6
const DEV_SHIFT = 7
const DEV = 2047
const CPU_SHIFT = 18
const CPU = 16383

const CHUNK = 1 << 15
const BYTES_PER_OP = 24
/** A size that the size column does not hold stands in a `wide` operation before. */
const WIDE = 0xffffffff

/** So many operations, at most: 192 MiB. */
export const MOST_OPERATIONS = 8 << 20

/** Columns of so many operations. */
class Chunk {
  readonly value = new Float64Array(CHUNK)
  readonly dt = new Uint32Array(CHUNK)
  readonly size = new Uint32Array(CHUNK)
  readonly ref = new Uint32Array(CHUNK)
  readonly word = new Uint32Array(CHUNK)
}

export class BounceLog implements Follower {
  readonly wantsDirect = true
  /** The recording has more operations than are kept: no question can be answered. */
  full = false
  private chunks: Chunk[] = []
  private last: Chunk | null = null
  private used = CHUNK
  private time = 0
  private cpus = -1
  private grows = false
  private growsAfter: number | null = null
  private readonly masks: number[] = []

  constructor(
    private readonly replay: () => Replay,
    private readonly most = MOST_OPERATIONS
  ) {}

  /** Operations kept. */
  get length(): number {
    return this.chunks.length * CHUNK - (CHUNK - this.used)
  }

  get bytes(): number {
    return this.chunks.length * CHUNK * BYTES_PER_OP
  }

  private put(word: number, value: number, size: number, ref: number, dt: number): void {
    if (this.full) return
    if (size !== size >>> 0 || size === WIDE) {
      this.put(Op.wide, size, 0, 0, 0)
      size = WIDE
    }
    if (this.used === CHUNK) {
      if (this.length + CHUNK > this.most) {
        this.full = true
        this.chunks = []
        this.last = null
        return
      }
      this.last = new Chunk()
      this.chunks.push(this.last)
      this.used = 0
    }
    const c = this.last as Chunk
    const at = this.used++
    c.value[at] = value
    c.dt[at] = dt
    c.size[at] = size
    c.ref[at] = ref
    c.word[at] = word
  }

  /** Nanoseconds since the operation before; where that is no whole number of 32 bits, the clock is set. */
  private since(time: number): number {
    const dt = time - this.time
    this.time = time
    if (dt === dt >>> 0) return dt
    this.put(Op.clock, time, 0, 0, 0)
    return 0
  }

  /** What a question asks of the recording at the moment of its first mapping. */
  private state(): void {
    const r = this.replay()
    const { cpus, grows } = r
    const growsAfter = grows ? r.growsAfter : null
    if (cpus === this.cpus && grows === this.grows && growsAfter === this.growsAfter) return
    this.cpus = cpus
    this.grows = grows
    this.growsAfter = growsAfter
    this.put(Op.state | (grows ? A : 0), growsAfter ?? Number.NaN, 0, cpus, 0)
  }

  private mask(dev: FollowedDevice): void {
    const mask = dev.minAlignMask
    if (this.masks[dev.id] === mask) return
    this.masks[dev.id] = mask
    this.put(Op.mask | (dev.id << DEV_SHIFT), mask, 0, 0, 0)
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
    this.state()
    this.mask(dev)
    const dt = this.since(time)
    this.put(wordOf(Op.bounced | (forced ? A : 0), dev, cpu), phys, size, owner, dt)
  }

  mapped(dev: FollowedDevice, cpu: number, time: number, owner: number, live: number, lists: SegmentLists): void {
    this.state()
    this.mask(dev)
    const dt = this.since(time)
    for (let k = 0; k < lists.n; k++)
      if (lists.direct[k] !== 0)
        this.put(Op.direct | (lists.direct[k] === 1 ? A : 0), lists.phys[k] as number, lists.size[k] as number, 0, 0)
    this.put(wordOf(Op.mapped | (this.replay().live.skipSync[live] === 1 ? A : 0), dev, cpu), live, 0, owner, dt)
  }

  unmapped(dev: FollowedDevice, time: number, live: number, copyBack: boolean): void {
    this.end(Op.unmapped, dev, time, live, copyBack)
  }

  over(dev: FollowedDevice, time: number, live: number, copyBack: boolean): void {
    this.end(Op.over, dev, time, live, copyBack)
  }

  private end(kind: number, dev: FollowedDevice, time: number, live: number, copyBack: boolean): void {
    const dt = this.since(time)
    this.put(wordOf(kind | (copyBack ? A : 0), dev, 0), this.replay().live.bouncedBytes[live] as number, 0, live, dt)
  }

  failed(dev: FollowedDevice, cpu: number, time: number, forced: boolean, lists: SegmentLists): void {
    this.state()
    this.mask(dev)
    const dt = this.since(time)
    for (let k = 0; k < lists.n; k++) this.put(Op.asked, lists.phys[k] as number, lists.size[k] as number, 0, 0)
    this.put(wordOf(Op.failed | (forced ? A : 0), dev, cpu), dev.patience, 0, 0, dt)
  }

  synced(dev: FollowedDevice, size: number, into: boolean, pooled: boolean): void {
    this.put(wordOf(Op.synced | (into ? A : 0) | (pooled ? B : 0) | (dev.forced > 0 ? C : 0), dev, 0), size, 0, 0, 0)
  }

  /**
   * Tells a follower all of it, as the replay did, and pauses now and then. `recording`: what the follower asks
   * meanwhile.
   */
  *telling(f: Follower, recording: StoredRecording): Generator<void> {
    const segs: SegmentLists = {
      n: 0,
      phys: new Float64Array(256),
      size: new Float64Array(256),
      direct: new Uint8Array(256)
    }
    let [time, wide] = [0, 0]
    for (const c of this.chunks) {
      const n = c === this.last ? this.used : CHUNK
      for (let i = 0; i < n; i++) {
        const word = c.word[i] as number
        const value = c.value[i] as number
        const ref = c.ref[i] as number
        const size = c.size[i] === WIDE ? wide : (c.size[i] as number)
        const a = (word & A) !== 0
        time += c.dt[i] as number
        const id = (word >>> DEV_SHIFT) & DEV
        switch (word & KIND) {
          case Op.clock:
            time = value
            break
          case Op.wide:
            wide = value
            break
          case Op.mask:
            recording.device(id).minAlignMask = value
            break
          case Op.state:
            recording.now(ref, a, Number.isNaN(value) ? null : value)
            break
          case Op.bounced:
            f.bounced(recording.device(id), word >>> CPU_SHIFT, time, value, size, a, ownerOf(ref))
            break
          case Op.direct:
          case Op.asked:
            add(segs, value, size, a ? 1 : 2)
            break
          case Op.mapped:
            recording.mapping(value, a)
            f.mapped(recording.device(id), word >>> CPU_SHIFT, time, ownerOf(ref), value, segs)
            segs.n = 0
            break
          case Op.unmapped:
            recording.bounced(ref, value)
            f.unmapped(recording.device(id), time, ref, a)
            break
          case Op.over:
            f.over(recording.device(id), time, ref, a)
            break
          case Op.failed: {
            const dev = recording.device(id)
            dev.patience = value
            f.failed(dev, word >>> CPU_SHIFT, time, a, segs)
            segs.n = 0
            break
          }
          default: {
            const dev = recording.device(id)
            dev.forced = (word & C) !== 0 ? 1 : 0
            f.synced(dev, value, a, (word & B) !== 0)
          }
        }
      }
      yield
    }
  }
}

const wordOf = (kind: number, dev: FollowedDevice, cpu: number): number =>
  (kind | ((dev.id & DEV) << DEV_SHIFT) | ((cpu & CPU) << CPU_SHIFT)) >>> 0

/** No mapping's own window id is -1; it stands for segments without a swiotlb_bounced event. */
const ownerOf = (ref: number): number => (ref === WIDE ? -1 : ref)

function add(s: SegmentLists, phys: number, size: number, direct: number): void {
  if (s.n === s.phys.length) {
    const [p, z, d] = [new Float64Array(s.n * 2), new Float64Array(s.n * 2), new Uint8Array(s.n * 2)]
    p.set(s.phys)
    z.set(s.size)
    d.set(s.direct)
    Object.assign(s, { phys: p, size: z, direct: d })
  }
  s.phys[s.n] = phys
  s.size[s.n] = size
  s.direct[s.n++] = direct
}

type StoredDevice = { -readonly [K in keyof FollowedDevice]: FollowedDevice[K] }

/** The recording as it was at each operation; what it came to is the replay's. */
export class StoredRecording implements Recording {
  cpus = 1
  grows = false
  growsAfter: number | null = null
  readonly timeline: Timeline
  readonly live = { skipSync: new Uint8Array(1024), bouncedBytes: new Float64Array(1024) }
  private readonly states: StoredDevice[] = []

  constructor(private readonly replay: Replay) {
    this.timeline = new Timeline(replay.timeline.buckets)
  }

  get sim(): Recording['sim'] {
    return this.replay.sim
  }
  get devices(): Recording['devices'] {
    return this.replay.devices
  }
  get counts(): Recording['counts'] {
    return this.replay.counts
  }
  get simulation(): { readonly lifetimes: { told(dev: number): AssumedLives | null } } {
    return this.replay.simulation
  }

  device(id: number): StoredDevice {
    const known = this.states[id]
    if (known !== undefined) return known
    const made = { id, name: this.replay.device(id).name, minAlignMask: 0, forced: 0, patience: 0 }
    this.states[id] = made
    return made
  }

  now(cpus: number, grows: boolean, growsAfter: number | null): void {
    this.cpus = cpus
    this.grows = grows
    this.growsAfter = growsAfter
  }

  mapping(live: number, skipSync: boolean): void {
    this.room(live)
    this.live.skipSync[live] = skipSync ? 1 : 0
  }

  bounced(live: number, bytes: number): void {
    this.room(live)
    this.live.bouncedBytes[live] = bytes
  }

  private room(live: number): void {
    if (live < this.live.skipSync.length) return
    const n = Math.max(live + 1, this.live.skipSync.length * 2)
    const [skipSync, bouncedBytes] = [new Uint8Array(n), new Float64Array(n)]
    skipSync.set(this.live.skipSync)
    bouncedBytes.set(this.live.bouncedBytes)
    Object.assign(this.live, { skipSync, bouncedBytes })
  }
}

/** The answer, and the slots in use over the recording's time. */
export interface Answer {
  readonly result: WhatIfResult
  readonly timeline: Timeline
}

/**
 * Questions about a recording that was read to its end, or to where reading stopped. The pools of other sizes that an
 * answer needs beside its own (Ladder) depend on the load alone: they are simulated once for each choice of devices,
 * and further sizes and areas cost one pool each.
 */
export class Questions {
  private readonly ladders = new Map<string, { readonly ladder: Ladder; readonly keep: number }>()

  constructor(
    private readonly log: BounceLog,
    private readonly replay: Replay
  ) {}

  ask(spec: WhatIfSpec, terms: CostTerms | null): Answer {
    const key = this.loadOf(spec)
    const nslabs = spec.pool?.nslabs ?? this.replay.sim?.place.nslabs ?? 0
    const known = this.ladders.get(key)
    if (
      known !== undefined &&
      (known.keep >= nslabs || (known.ladder.carrying?.place.nslabs ?? Number.POSITIVE_INFINITY) <= nslabs)
    )
      return this.told(key, spec, terms, known.ladder, null)
    // Where the pool is large enough, none that is too small has to be followed to its end.
    const quick = this.told(key, spec, terms, null, 0)
    return quick.carriedBelow ? quick : this.told(key, spec, terms, null, Math.max(nslabs, LARGEST_POOL))
  }

  /** Prepares for questions of any size about this load; pauses now and then, and may be left at any pause. */
  *preparing(spec: WhatIfSpec): Generator<void> {
    const key = this.loadOf(spec)
    if ((this.ladders.get(key)?.keep ?? 0) >= LARGEST_POOL) return
    const recording = new StoredRecording(this.replay)
    const asked = new WhatIf(spec, () => recording, null, LARGEST_POOL)
    yield* this.log.telling(asked, recording)
    if (asked.climbed !== null) this.ladders.set(key, { ladder: asked.climbed, keep: LARGEST_POOL })
  }

  // What bounces, and in which kind of pool: all that a ladder depends on.
  private loadOf(spec: WhatIfSpec): string {
    return JSON.stringify([
      spec.force,
      [...spec.accepted].sort(),
      spec.kernel,
      this.replay.sim === null ? spec.pool : null
    ])
  }

  private told(
    key: string,
    spec: WhatIfSpec,
    terms: CostTerms | null,
    known: Ladder | null,
    keep: number | null
  ): Answer & { readonly carriedBelow: boolean } {
    const recording = new StoredRecording(this.replay)
    const asked = new WhatIf(spec, () => recording, known, keep)
    for (const _ of this.log.telling(asked, recording)) {
      /* to its end */
    }
    const result = asked.result(terms)
    if (known === null && asked.climbed !== null)
      this.ladders.set(key, { ladder: asked.climbed, keep: keep ?? result.pool.nslabs })
    return { result, timeline: recording.timeline, carriedBelow: asked.carriedBelow }
  }
}

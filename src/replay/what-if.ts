// The same load in another pool, with other devices forced or accepted. Runs beside the replay of the recording, in the same pass: each
// question owns pools of its own.
//
// What it can and cannot say: mappings come and go as they did in the recording. A mapping that finds no room is counted as failed and holds
// nothing; its bytes count as bounced, as a storage driver tries again until it has room (a network driver drops the packet). That such a
// mapping comes later, and that copying takes time, is not simulated.
import { type Diagnostic, err, nearest, ok, type Result } from '../base/index.ts'
import { revisionByName, revisions } from '../kernel/revisions/index.ts'
import { type CostTerms, copyCost } from './cost.ts'
import { type DeviceState, maxMappingSize } from './device.ts'
import { areasFor } from './pool-guess.ts'
import { CAUSE_NAMES, type PoolPlace, PoolSim } from './pool-sim.ts'
import type { Follower, SegmentLists } from './simulate.ts'

export interface WhatIfSpec {
  /** As the user wrote it. */
  readonly text: string
  readonly pool: { readonly nslabs: number; readonly nareas: number | null } | null
  /** `force`: a guest that bounces for every device it has not accepted; `noforce`: only addresses out of reach bounce; null: as recorded. */
  readonly force: boolean | null
  /** Devices that the guest has accepted (T=1); `all` stands for each. */
  readonly accepted: readonly string[]
  readonly kernel: string | null
}

const WORDS = ['pool=', 'force', 'noforce', 'accepted=', 'kernel=']

/** `pool=SLOTS[,AREAS] force accepted=DEV[,DEV] kernel=K`, in any order, each at most once. SLOTS may be a size with a suffix (64M). */
export function parseWhatIf(text: string): Result<WhatIfSpec, Diagnostic> {
  const bad = (word: string, message: string, expected: readonly string[], hint?: string): Result<WhatIfSpec, Diagnostic> => {
    const column = text.indexOf(word) + 1
    const near = nearest(word, expected)
    return err({ code: 'TB-361', file: '--what-if', line: 1, column: Math.max(1, column), word, message, expected, ...(near.length > 0 ? { nearest: near } : {}), ...(hint ? { hint } : {}) })
  }
  let pool: WhatIfSpec['pool'] = null
  let force: boolean | null = null
  let accepted: string[] = []
  let kernel: string | null = null
  const seen = new Set<string>()
  for (const word of text.split(/\s+/).filter((w) => w !== '')) {
    const eq = word.indexOf('=')
    const key = eq < 0 ? word : word.slice(0, eq + 1)
    const value = eq < 0 ? '' : word.slice(eq + 1)
    if (!WORDS.includes(key)) return bad(word, `'${word}' is not part of a what-if`, WORDS)
    if (seen.has(key)) return bad(word, `'${key}' stands twice`, WORDS)
    seen.add(key)
    if (key === 'pool=') {
      const m = /^(\d+)([KMG]?)(?:,(\d+))?$/i.exec(value)
      if (!m) return bad(word, `'${value}' is no pool`, ['pool=SLOTS', 'pool=SLOTS,AREAS', 'pool=64M'])
      const unit = { '': 2048, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[(m[2] as string).toUpperCase()] as number
      const nslabs = Math.ceil((Number(m[1]) * unit) / 2048 / 128) * 128
      const nareas = m[3] === undefined ? null : Number(m[3])
      if (nslabs < 128 || nslabs > 2 ** 24) return bad(word, `a pool of ${Number(m[1])}${m[2]} is out of range`, ['128 slots (256 KiB) to 16777216 slots (32 GiB)'])
      if (nareas !== null && (nareas < 1 || !Number.isInteger(Math.log2(nareas)) || nareas > nslabs / 128)) {
        return bad(word, `${nareas} areas do not divide ${nslabs} slots`, [`a power of two up to ${2 ** Math.floor(Math.log2(nslabs / 128))} (an area has at least 128 slots)`])
      }
      if (nareas !== null && nslabs % nareas !== 0) return bad(word, `${nareas} areas do not divide ${nslabs} slots`, ['a number of slots that is a multiple of the areas'])
      pool = { nslabs, nareas }
    } else if (key === 'force') force = true
    else if (key === 'noforce') force = false
    else if (key === 'accepted=') {
      accepted = value.split(',').filter((d) => d !== '')
      if (accepted.length === 0) return bad(word, 'accepted= names no device', ['accepted=DEV[,DEV]'])
    } else {
      const rev = revisionByName(value)
      if (!rev) return bad(value === '' ? word : value, `unknown kernel '${value}'`, revisions.map((r) => r.name))
      kernel = rev.name
    }
  }
  if (seen.has('force') && seen.has('noforce')) return bad('noforce', 'force and noforce contradict each other', WORDS)
  if (seen.size === 0) return bad(text, 'an empty what-if', WORDS)
  return ok({ text, pool, force, accepted, kernel })
}

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
  /** The pool that was simulated; null when none is known and none was given and nothing bounced. */
  readonly pool: { readonly nslabs: number; readonly nareas: number }
  readonly kernel: string
  /** This kernel knows accepted devices: acceptance ends forced bouncing. */
  readonly acceptanceHelps: boolean
  readonly bouncedSegments: number
  readonly bouncedBytes: number
  readonly copiedBytes: number
  readonly crossings: number
  readonly hiwater: number
  /** Where the mark of a boot that really bounced would lie, when mappings bounce here that did not in the recording; null otherwise. */
  readonly hiwaterRange: readonly [number, number] | null
  readonly failedMaps: number
  readonly causes: Readonly<Record<string, number>>
  readonly firstFailure: number
  /** Smallest power-of-two pool (with the same areas, as far as it has room for them) in which nothing failed; null when not even the largest tried. */
  readonly neededSlots: number | null
  /** Bytes copied in the recording less those here; negative when more is copied. */
  readonly copiedLess: number
  /** Seconds of copying, when terms were given. */
  readonly seconds: number | null
  readonly devices: readonly WhatIfDevice[]
  /** Names after accepted= that the trace does not have. */
  readonly unknownDevices: readonly { readonly name: string; readonly nearest: readonly string[] }[]
}

class Tally {
  bouncedSegments = 0
  bouncedBytes = 0
  directBytes = 0
  copied = 0
  crossings = 0
  failed = 0
  accepted = false
  state: DeviceState
  constructor(state: DeviceState) {
    this.state = state
  }
}

// One pool of a question: what each live mapping holds in it.
class Copy {
  readonly sim: PoolSim
  chains = new Int32Array(1024)
  readonly pending = new Map<number, number>()
  failed = 0
  dropped = false
  constructor(place: PoolPlace) {
    this.sim = new PoolSim(place)
  }
  set(live: number, chain: number): void {
    if (live >= this.chains.length) {
      const more = new Int32Array(Math.max(this.chains.length * 2, live + 1))
      more.set(this.chains)
      this.chains = more
    }
    this.chains[live] = chain
  }
  take(live: number): number {
    return live < this.chains.length ? (this.chains[live] as number) : 0
  }
}

/** Slots of the largest pool that is tried for `neededSlots`: 1 GiB. */
const LARGEST = 1 << 19
const SMALLEST = 512
const DEFAULT_SLABS = 32768
// A boot that bounces is slower than the one recorded, so fewer requests are in flight; near-repeats of one load differ by 9 to 10 %. From
// recordings of one load, plain and forced (docs/accuracy.md): the real mark lay between 10 % above the predicted one and a third below it.
const RANGE_LOW = 0.65
const RANGE_HIGH = 1.12
/** Chain of a mapping that found no room: nothing is held for it. */
const FAILED = -1

export class WhatIf implements Follower {
  private readonly tallies: (Tally | undefined)[] = []
  private main: Copy | null = null
  private ladder: Copy[] = []
  private bytesOf = new Float64Array(1024)
  private segsOf = new Int32Array(1024)
  private readonly openBytes = new Map<number, { bytes: number; segs: number }>()
  private readonly causes = new Float64Array(6)
  private firstFailure = Number.NaN
  private forcedHere = false
  private readonly knows: boolean
  private readonly kernel: string

  /** `recorded` is asked once, when the first mapping comes: the recording's own pool. */
  constructor(readonly spec: WhatIfSpec, private readonly recorded: () => PoolPlace | null, private readonly cpus: () => number) {
    const rev = spec.kernel === null ? undefined : revisionByName(spec.kernel)
    this.knows = rev === undefined || rev.accept !== 'none'
    this.kernel = rev?.name ?? ''
  }

  private copies(): Copy {
    if (this.main !== null) return this.main
    const place = this.recorded()
    const nslabs = this.spec.pool?.nslabs ?? place?.nslabs ?? DEFAULT_SLABS
    const nareas = this.spec.pool?.nareas ?? Math.min(place?.nareas ?? areasFor(this.cpus(), nslabs), 2 ** Math.floor(Math.log2(Math.max(1, nslabs / 128))))
    const start = place?.start ?? 0x40000000
    this.main = new Copy({ start, nslabs: nslabs - (nslabs % nareas), nareas })
    // Every smaller pool that could do, and a few larger ones for when this one does not.
    for (let n = SMALLEST; n <= LARGEST; n *= 2) if (n <= nslabs * 4 || n === LARGEST) this.ladder.push(new Copy({ start, nslabs: n, nareas: areasFor(nareas, n) }))
    return this.main
  }

  private tally(dev: DeviceState): Tally {
    let t = this.tallies[dev.id]
    if (t === undefined) {
      t = new Tally(dev)
      t.accepted = this.knows && (this.spec.accepted.includes(dev.name) || this.spec.accepted.includes('all'))
      this.tallies[dev.id] = t
    }
    return t
  }

  bounced(dev: DeviceState, cpu: number, time: number, phys: number, size: number, forced: boolean, owner: number): void {
    const t = this.tally(dev)
    // What bounced for its address (NORMAL) bounces whatever the guest thinks of the device.
    if (forced && (t.accepted || this.spec.force === false)) {
      t.directBytes += size
      return
    }
    this.allocate(t, cpu, time, phys, size, owner)
  }

  private allocate(t: Tally, cpu: number, time: number, phys: number, size: number, owner: number): void {
    const main = this.copies()
    const limit = maxMappingSize(t.state.minAlignMask)
    for (let off = 0; off < size; off += limit) {
      const part = Math.min(limit, size - off)
      if (!this.one(main, t, cpu, phys + off, part, owner) && Number.isNaN(this.firstFailure)) this.firstFailure = time
      for (const c of this.ladder) if (!c.dropped) this.one(c, t, cpu, phys + off, part, owner)
    }
    let open = this.openBytes.get(owner)
    if (open === undefined) {
      open = { bytes: 0, segs: 0 }
      this.openBytes.set(owner, open)
    }
    open.bytes += size
    open.segs++
  }

  private one(c: Copy, t: Tally, cpu: number, phys: number, size: number, owner: number): boolean {
    const head = c.pending.get(owner) ?? 0
    if (head === FAILED) return true
    const id = c.sim.take(t.state.id, cpu, t.state.minAlignMask, phys, size)
    if (id === 0) {
      c.failed++
      if (c === this.main) {
        t.failed++
        this.causes[c.sim.cause] = (this.causes[c.sim.cause] as number) + 1
      } else {
        c.dropped = true
        this.ladder = this.ladder.filter((x) => !x.dropped)
      }
      if (head > 0) c.sim.releaseChain(head)
      c.pending.set(owner, FAILED)
      return false
    }
    c.pending.set(owner, c.sim.link(id, head))
    return true
  }

  mapped(dev: DeviceState, cpu: number, time: number, owner: number, live: number, lists: SegmentLists): void {
    const t = this.tally(dev)
    const forced = this.spec.force === true && !t.accepted
    for (let k = 0; k < lists.n; k++) {
      if (lists.direct[k] === 0) continue
      const bounces = forced && lists.direct[k] === 1
      if (bounces) this.forcedHere = true
      if (bounces) this.allocate(t, cpu, time, lists.phys[k] as number, lists.size[k] as number, owner)
      else t.directBytes += lists.size[k] as number
    }
    this.settle(t, owner, live)
    if (owner !== -1 && this.openBytes.has(-1)) this.settle(t, -1, live)
  }

  private settle(t: Tally, owner: number, live: number): void {
    if (live >= this.bytesOf.length) {
      const b = new Float64Array(Math.max(this.bytesOf.length * 2, live + 1))
      b.set(this.bytesOf)
      this.bytesOf = b
      const s = new Int32Array(b.length)
      s.set(this.segsOf)
      this.segsOf = s
    }
    if (owner !== -1) {
      this.bytesOf[live] = 0
      this.segsOf[live] = 0
    }
    const open = this.openBytes.get(owner)
    if (this.main !== null) {
      for (const c of [this.main, ...this.ladder]) {
        const head = c.pending.get(owner)
        if (owner === -1 && head === undefined) continue
        const before = owner === -1 ? c.take(live) : 0
        if (head !== undefined) c.pending.delete(owner)
        if (head !== undefined && head > 0 && before > 0) {
          let tail = head
          while (c.sim.after(tail) !== 0) tail = c.sim.after(tail)
          c.sim.link(tail, before)
        }
        c.set(live, head === undefined ? 0 : head === FAILED ? 0 : head)
      }
    }
    if (open === undefined) return
    this.openBytes.delete(owner)
    this.bytesOf[live] = (this.bytesOf[live] as number) + open.bytes
    this.segsOf[live] = (this.segsOf[live] as number) + open.segs
    t.bouncedBytes += open.bytes
    t.bouncedSegments += open.segs
    t.copied += open.bytes
    t.crossings += open.segs
  }

  unmapped(dev: DeviceState, _time: number, live: number, copyBack: boolean): void {
    if (this.main === null || live >= this.bytesOf.length) return
    const bytes = this.bytesOf[live] as number
    if (copyBack && bytes > 0) {
      const t = this.tally(dev)
      t.copied += bytes
      t.crossings += this.segsOf[live] as number
    }
    this.bytesOf[live] = 0
    this.segsOf[live] = 0
    const m = this.main.take(live)
    if (m > 0) this.main.sim.releaseChain(m)
    this.main.set(live, 0)
    for (const c of this.ladder) {
      const chain = c.take(live)
      if (chain > 0) c.sim.releaseChain(chain)
      c.set(live, 0)
    }
  }

  failed(): void {
    // A mapping that failed in the recording is not in the load: what it would have needed is not known beyond its first bounces.
  }

  /** What came of it. `copiedRecorded` are the bytes that the recording copied, by device id summed. */
  result(copiedRecorded: number, deviceNames: readonly string[], terms: CostTerms | null): WhatIfResult {
    const main = this.copies()
    const devices: WhatIfDevice[] = []
    let bouncedSegments = 0
    let bouncedBytes = 0
    let copied = 0
    let crossings = 0
    let failedMaps = 0
    for (const t of this.tallies) {
      if (t === undefined) continue
      bouncedSegments += t.bouncedSegments
      bouncedBytes += t.bouncedBytes
      copied += t.copied
      crossings += t.crossings
      failedMaps += t.failed
      devices.push({
        name: t.state.name, accepted: t.accepted, bouncedSegments: t.bouncedSegments, bouncedBytes: t.bouncedBytes, directBytes: t.directBytes, copiedBytes: t.copied,
        crossings: t.crossings, peakSlots: main.sim.devPeak[t.state.id] ?? 0, failedMaps: t.failed
      })
    }
    devices.sort((a, b) => b.bouncedBytes - a.bouncedBytes || b.directBytes - a.directBytes || (a.name < b.name ? -1 : 1))
    const causes: Record<string, number> = {}
    for (let i = 1; i < CAUSE_NAMES.length; i++) if ((this.causes[i] as number) > 0) causes[CAUSE_NAMES[i] as string] = this.causes[i] as number
    const smallest = this.ladder[0]
    const hiwater = main.sim.usage.used_hiwater
    const nslabs = main.sim.pool.nslabs
    return {
      text: this.spec.text, spec: this.spec, pool: { nslabs: main.sim.pool.nslabs, nareas: main.sim.pool.nareas }, kernel: this.kernel, acceptanceHelps: this.knows,
      bouncedSegments, bouncedBytes, copiedBytes: copied, crossings, hiwater,
      hiwaterRange: this.forcedHere && failedMaps === 0 ? [Math.min(nslabs, Math.floor(hiwater * RANGE_LOW)), Math.min(nslabs, Math.ceil(hiwater * RANGE_HIGH))] : null, failedMaps, causes, firstFailure: this.firstFailure,
      neededSlots: bouncedSegments + failedMaps === 0 ? 0 : smallest ? smallest.sim.pool.nslabs : null, copiedLess: copiedRecorded - copied,
      seconds: terms === null ? null : copyCost(crossings, copied, terms), devices,
      unknownDevices: this.spec.accepted.filter((n) => n !== 'all' && !deviceNames.includes(n)).map((name) => ({ name, nearest: nearest(name, deviceNames) }))
    }
  }
}

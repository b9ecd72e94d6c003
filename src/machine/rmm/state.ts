// What the RMM holds: granules, Realms, RECs; and the walk. Commands of the two generations are in rmi1.ts and rmi2.ts.
import { assertTrue, ensure } from '../../base/index.ts'
import { type Content, noContent, UniformContent } from './content.ts'
import { Granule, Gpi, type Exit, realmStateNames, granuleNames, RealmState } from './codes.ts'
import { copyTable, DRAIN, eachTable, hasPa, Kind, KIND_MASK, kindNames, newTable, type Table, XN } from './entry.ts'
import { ENTRIES, type Geometry, ipaEnd, levelSize, MAX_S2SZ, parEnd } from './geometry.ts'
import { GranuleArray, type PaRange } from './granules.ts'
import { type RimParams, type RimRules, rimRules, toHex } from './rim.ts'

/** The features REALM_CREATE checks against (feature register 0 of the modelled firmware). */
export interface Features {
  readonly s2sz: number
  readonly lpa2: boolean
  /** Breakpoints and watchpoints, minus one. */
  readonly bps: number
  readonly wps: number
  readonly sve: boolean
  /** Vector length in units of 128 bits, minus one. */
  readonly sveVl: number
  readonly pmu: boolean
  readonly pmuCtrs: number
  readonly da: boolean
  readonly auxPlanes: number
  /** Largest legal VMID. */
  readonly vmid: number
  readonly mecid: number
}

export const defaultFeatures: Features = {
  s2sz: MAX_S2SZ,
  lpa2: false,
  bps: 16,
  wps: 16,
  sve: false,
  sveVl: 0,
  pmu: false,
  pmuCtrs: 0,
  da: true,
  auxPlanes: 0,
  vmid: 0xffff,
  mecid: 0
}

/** What an observer of the RMM may want to know: GPT changes, broken stage-2 entries, TLB invalidations. */
export interface RmmObserver {
  gpi?(granule: number, gpi: number): void
  /**
   * A valid entry is broken before it is made anew: accesses to [ipa, ipa+size) can fault until the command returns.
   */
  brokenEntry?(rd: number, ipa: number, size: number): void
  tlbi?(rd: number, ipa: number, size: number): void
}

export interface RmmConfig {
  readonly dram: PaRange
  readonly dev: PaRange
  readonly features?: Partial<Features>
  readonly content?: Content
  /** Compute RIM values (default true); the number of extensions is counted either way. */
  readonly measure?: boolean
  readonly rim?: Partial<RimRules>
  readonly observer?: RmmObserver
}

export interface Realm {
  readonly rd: number
  state: number
  readonly geo: Geometry
  /** Start of the contiguous root granules. */
  readonly rootBase: number
  readonly roots: Table[]
  readonly params: RimParams
  /** The host's choice in 1.x; allocated by the RMM in 2.0. */
  readonly vmid: number
  /** Devices may be assigned to it. */
  readonly da: boolean
  /** RECs that exist: the reference count of the RD granule. */
  refcount: number
  /** Index the next REC must have (1.x); in 2.0 the number of RECs there ever were. */
  recIndex: number
  /** MPIDRs in use (2.0: any free one will do). */
  readonly mpidrs: Set<number>
  /** VDEVs that exist: REALM_DESTROY refuses while there are any. */
  vdevs: number
  rim: Uint8Array | null
  /** Extensions of the RIM so far. */
  extensions: number
}

export interface Rec {
  readonly granule: number
  readonly realm: Realm
  readonly aux: readonly number[]
  runnable: boolean
  readonly index: number
  readonly mpidr: number
  /** A PE executes it: RTT_SET_RIPAS, REC_DESTROY and REC_ENTER answer ERROR_REC. */
  running: boolean
  psciPending: boolean
  /** MPIDR that the pending CPU_ON means; null when the Realm's action did not say. */
  psciTarget: number | null
  /** The Realm's RIPAS change under way; top 0 when there is none. */
  ripas: { base: number; top: number; addr: number; value: number; destroyed: boolean }
  /** The Realm's device mapping under way; top 0 when there is none. */
  dev: DevRequest
  /**
   * An RSI call that waits until the host has said which VDEV an identifier means (VDEV_COMPLETE); null when there is
   * none.
   */
  vdev: VdevRequest | null
  hostCall: boolean
  /** Syndrome of the last exit, for EMUL_MMIO and INJECT_SEA; 0 when the last exit was no abort. */
  lastEsr: number
  lastIpa: number
}

/** A device mapping the Realm has asked for, with the evidence it asked under. */
export interface DevRequest {
  base: number
  top: number
  addr: number
  pa: number
  vdevId: number
  nonces: Nonces
}

/**
 * The three nonces that tie what a Realm allows to the evidence it has seen: fresh at each lock, measurement and
 * report.
 */
export interface Nonces {
  lock: number
  meas: number
  report: number
}

export interface VdevRequest {
  readonly vdevId: number
  /** VDEV the host has named; 0 before VDEV_COMPLETE. */
  vdev: number
  /** The RSI call to finish at the next entry. */
  readonly call: VdevCall
}

/** RSI calls on a VDEV. Nonces a Realm does not give are those it would read with VDEV_GET_INFO at that moment. */
export type VdevCall =
  | { readonly op: 'get_info'; readonly ipa: number }
  | { readonly op: 'dma_enable'; readonly nonces: Partial<Nonces> }
  | { readonly op: 'dma_disable' }
  | {
      readonly op: 'validate_mapping'
      readonly base: number
      readonly top: number
      readonly pa: number
      readonly nonces: Partial<Nonces>
    }
  // RSI_RDEV_* of 1.x: the Realm drives lock, start, stop and evidence itself.
  | { readonly op: 'rdev'; readonly request: RdevRequest }

export type RdevRequest = 'get_instance_id' | 'lock' | 'start' | 'stop' | 'get_measurements' | 'get_interface_report'

/** What RSI_VDEV_GET_INFO writes: identity, nonces and digests as values. */
export interface VdevInfo {
  readonly state: number
  readonly nonces: Nonces
  readonly vca: number
  readonly cert: number
  readonly meas: number
  readonly report: number
}

/**
 * A command at which the modelled firmware does not answer: it waits for a lock it holds itself, or stops at an
 * assertion. The word the model returns there is the specified one.
 */
export interface Stop {
  readonly kind: 'self-deadlock' | 'assertion'
  readonly what: string
}

/** How a REC left, and what the Realm got. */
export interface RecExit {
  reason: (typeof Exit)[keyof typeof Exit]
  esr?: number
  hpfar?: number
  far?: number
  ripas?: { base: number; top: number; value: number }
  dev?: { base: number; top: number; pa: number; vdevId: number }
  /** VDEV_REQUEST or VDEV_COMM: the identifier the Realm used. */
  vdevId?: number
  info?: VdevInfo
  /** x0 to x2 of the RSI call that returned to the Realm during this entry. */
  rsi?: readonly [number, number, number]
  /** The Realm got a synchronous external abort. */
  sea?: boolean
  /** The entry ended an RSI call the REC had waited in; the Realm's next action has not begun. */
  completed?: boolean
}

/**
 * State and walk shared by both generations of the interface. Addresses are numbers; a command returns `status | index
 * << 8` and leaves its other outputs in x1 to x4.
 */
export class RmmState {
  dram: GranuleArray
  dev: GranuleArray
  readonly features: Features
  readonly rules: RimRules
  readonly measure: boolean
  content: Content
  observer: RmmObserver | undefined
  readonly realms = new Map<number, Realm>()
  readonly recs = new Map<number, Rec>()
  /** Tables by the granule that backs them, roots included. */
  readonly tables = new Map<number, Table>()
  readonly vmids = new Set<number>()
  /** Memory that EL3 has given to another world, by granule address: Gpi.SECURE or Gpi.ROOT. */
  readonly foreign = new Map<number, number>()

  x1 = 0
  x2 = 0
  x3 = 0
  x4 = 0
  /** Set when the last command is one at which the modelled firmware hangs or stops. */
  stop: Stop | null = null

  // Where the last walk ended.
  protected wTable: Table
  protected wIndex = 0
  protected wLevel = 0

  constructor(
    readonly generation: '1.x' | '2.0',
    readonly config: RmmConfig
  ) {
    this.dram = new GranuleArray(config.dram)
    this.dev = new GranuleArray(config.dev)
    this.features = { ...defaultFeatures, ...config.features }
    this.rules = { ...rimRules[generation], ...config.rim }
    this.measure = config.measure ?? true
    this.content = config.content ?? (this.measure ? new UniformContent() : noContent)
    this.observer = config.observer
    this.wTable = newTable(0, 0, 0)
  }

  /** State of a memory granule, -1 when the address is unaligned or unknown. */
  granule(pa: number): number {
    const i = this.dram.index(pa)
    return i < 0 ? -1 : this.dram.at(i)
  }

  /** State of a device granule, -1 when the address is unaligned or unknown. */
  devGranule(pa: number): number {
    const i = this.dev.index(pa)
    return i < 0 ? -1 : this.dev.at(i)
  }

  /** Writes the tracked state of a granule that was checked. */
  protected setGranule(pa: number, state: number): void {
    const i = this.dram.index(pa)
    assertTrue(i >= 0, 'a granule address that was checked')
    this.dram.set(i, state)
  }

  /** What the GPT says of an address: who may access it. */
  gpi(pa: number): number {
    const page = pa - (pa % 4096)
    const foreign = this.foreign.get(page)
    if (foreign !== undefined) return foreign
    const s = this.granule(page)
    if (s >= 0) return s === Granule.NS ? Gpi.NS : Gpi.REALM
    const d = this.devGranule(page)
    return d < 0 ? Gpi.NS : d === Granule.NS ? Gpi.NS : Gpi.REALM
  }

  /** EL3 gives a non-secure granule to another world (or takes it back with Gpi.NS); the RMM does not know. */
  setForeign(pa: number, gpi: number): void {
    if (gpi === Gpi.NS) this.foreign.delete(pa)
    else this.foreign.set(pa, gpi)
  }

  /** The host's buffer at `pa` can be read: a known NS granule whose access does not fault. */
  protected nsReadable(pa: number): boolean {
    return this.granule(pa) === Granule.NS && !this.foreign.has(pa)
  }

  /** The Realm whose RD is at `pa`, or undefined (unaligned, unknown, another state). */
  realm(pa: number): Realm | undefined {
    return this.granule(pa) === Granule.RD ? ensure(this.realms.get(pa), 'the realm of an RD granule') : undefined
  }
  rec(pa: number): Rec | undefined {
    return this.granule(pa) === Granule.REC ? ensure(this.recs.get(pa), 'the REC of a REC granule') : undefined
  }

  /** Reference count as the RMM tracks it (section 2). */
  refcount(pa: number): number {
    switch (this.granule(pa)) {
      case Granule.RD:
        return this.realms.get(pa)?.refcount ?? 0
      case Granule.REC:
        return this.recs.get(pa)?.running === true ? 1 : 0
      case Granule.RTT:
        return this.tables.get(pa)?.refcount ?? 0
      default:
        return 0
    }
  }

  /**
   * Walks to `level` at most; stops at an entry that is not a table. Result in wTable, wIndex, wLevel. The ipa must be
   * in the Realm's space and level >= start.
   */
  protected walk(r: Realm, ipa: number, level: number): void {
    let l = r.geo.start
    const first = Math.floor(ipa / levelSize(l))
    let t = r.roots[first >>> 9] as Table
    let i = first & (ENTRIES - 1)
    while (l < level && (t.kind[i] as number) === Kind.TABLE) {
      t = ensure(t.child?.[i], 'the table behind a TABLE entry')
      l++
      i = Math.floor(ipa / levelSize(l)) % ENTRIES
    }
    this.wTable = t
    this.wIndex = i
    this.wLevel = l
  }

  /** The entry that translates `ipa` now: its table, index and level. Null outside the Realm's IPA space. */
  entryAt(r: Realm, ipa: number): { table: Table; index: number; level: number; entry: number; pa: number } | null {
    if (ipa < 0 || ipa >= ipaEnd(r.geo)) return null
    this.walk(r, ipa, 3)
    const { wTable: table, wIndex: index, wLevel: level } = this
    return {
      table,
      index,
      level,
      entry: table.kind[index] as number,
      pa: table.pa === null ? 0 : (table.pa[index] as number)
    }
  }

  protected inPar(r: Realm, ipa: number): boolean {
    return ipa < parEnd(r.geo)
  }

  /** The address `top` of destroy and unmap commands, from where the last walk ended (section 3, "skip liveness"). */
  protected skipNonLive(ipa: number): number {
    const t = this.wTable
    if (hasPa(t.kind[this.wIndex] as number)) return ipa
    const size = levelSize(this.wLevel)
    let i = this.wIndex + 1
    while (i < ENTRIES && !hasPa(t.kind[i] as number)) i++
    return ipa - (ipa % size) + (i - this.wIndex) * size
  }

  protected noOutputs(): void {
    this.x1 = 0
    this.x2 = 0
    this.x3 = 0
    this.x4 = 0
    this.stop = null
  }

  /** Notes that the modelled firmware stops here; returns the word it should have answered. */
  protected stops(kind: Stop['kind'], what: string, word: number): number {
    this.stop = { kind, what }
    return word
  }

  /** Calls `f` for each table of a Realm, roots first. */
  eachTable(r: Realm, f: (t: Table) => void): void {
    for (const root of r.roots) eachTable(root, f)
  }

  /** Leaf mappings of the protected half by level: how many 1G, 2M and 4K entries of RAM the Realm has. */
  blocks(r: Realm): { '4K': number; '2M': number; '1G': number } {
    const n = { '4K': 0, '2M': 0, '1G': 0 }
    this.eachTable(r, (t) => {
      let c = 0
      for (let i = 0; i < ENTRIES; i++) {
        const k = (t.kind[i] as number) & KIND_MASK
        if (k >= Kind.ASSIGNED_EMPTY && k <= Kind.ASSIGNED_DESTROYED) c++
      }
      if (t.level === 3) n['4K'] += c
      else if (t.level === 2) n['2M'] += c
      else if (t.level === 1) n['1G'] += c
    })
    return n
  }

  /** The whole state as text, equal for equal states: for interning, comparing and error reports. */
  describe(): string {
    const lines: string[] = []
    this.dram.each((pa, s) => {
      lines.push(`${pa.toString(16)} ${granuleNames[s]} ${this.refcount(pa)}`)
    })
    this.dev.each((pa, s) => {
      lines.push(`dev ${pa.toString(16)} ${granuleNames[s]}`)
    })
    for (const rd of [...this.realms.keys()].sort((a, b) => a - b)) {
      const r = ensure(this.realms.get(rd), 'a realm')
      lines.push(
        `realm ${rd.toString(16)} ${realmStateNames[r.state]} s2sz=${r.geo.s2sz} start=${r.geo.start} ` +
          `vmid=${r.vmid} rec=${r.recIndex} rim=${r.rim === null ? r.extensions : toHex(r.rim)}`
      )
      this.eachTable(r, (t) => {
        const runs: string[] = []
        for (let i = 0; i < ENTRIES; ) {
          const e = t.kind[i] as number
          const pa = hasPa(e) && t.pa !== null ? (t.pa[i] as number) : -1
          let j = i + 1
          while (
            j < ENTRIES &&
            t.kind[j] === e &&
            (pa < 0 || e === Kind.TABLE || (t.pa?.[j] ?? -1) === pa + (j - i) * levelSize(t.level))
          )
            j++
          if (e === Kind.TABLE) j = i + 1
          runs.push(
            `${i}-${j - 1}:${kindNames[e & KIND_MASK]}${e & XN ? '+xn' : ''}${e & DRAIN ? '+drain' : ''}` +
              `${pa >= 0 ? `@${pa.toString(16)}` : ''}`
          )
          i = j
        }
        lines.push(`  L${t.level} ${t.granule.toString(16)} ${runs.join(' ')}`)
      })
    }
    for (const pa of [...this.recs.keys()].sort((a, b) => a - b)) {
      const c = ensure(this.recs.get(pa), 'a REC')
      lines.push(
        `rec ${pa.toString(16)} ${c.realm.rd.toString(16)} ${c.runnable ? 'runnable' : 'off'} ${c.running} ` +
          `${c.psciPending} ${c.hostCall} ripas=${c.ripas.base.toString(16)},${c.ripas.top.toString(16)},` +
          `${c.ripas.addr.toString(16)},${c.ripas.value},${c.ripas.destroyed} dev=${c.dev.addr.toString(16)},` +
          `${c.dev.top.toString(16)},${c.dev.pa.toString(16)} ${c.lastEsr.toString(16)}`
      )
    }
    for (const [pa, g] of [...this.foreign].sort((a, b) => a[0] - b[0])) lines.push(`foreign ${pa.toString(16)} ${g}`)
    return lines.join('\n')
  }

  /** Copies another model's state into this one (content is shared unless it is a UniformContent). */
  protected copyFrom(o: RmmState): void {
    this.dram = o.dram.clone()
    this.dev = o.dev.clone()
    this.content = o.content instanceof UniformContent ? o.content.clone() : o.content
    this.observer = o.observer
    this.realms.clear()
    this.recs.clear()
    this.tables.clear()
    this.vmids.clear()
    this.foreign.clear()
    for (const v of o.vmids) this.vmids.add(v)
    for (const [pa, g] of o.foreign) this.foreign.set(pa, g)
    for (const [pa, r] of o.realms) {
      const copy: Realm = {
        ...r,
        roots: r.roots.map(copyTable),
        rim: r.rim === null ? null : r.rim.slice(),
        mpidrs: new Set(r.mpidrs)
      }
      this.realms.set(pa, copy)
      this.eachTable(copy, (t) => {
        this.tables.set(t.granule, t)
      })
    }
    for (const [pa, c] of o.recs)
      this.recs.set(pa, {
        ...c,
        realm: ensure(this.realms.get(c.realm.rd), 'the realm of a REC'),
        ripas: { ...c.ripas },
        dev: { ...c.dev },
        vdev: c.vdev === null ? null : { ...c.vdev }
      })
    this.x1 = o.x1
    this.x2 = o.x2
    this.x3 = o.x3
    this.x4 = o.x4
  }

  /** Ends a Realm for the commands that need it running: a PSCI SYSTEM_OFF of one of its RECs. */
  protected systemOff(r: Realm): void {
    r.state = RealmState.SYSTEM_OFF
  }
}

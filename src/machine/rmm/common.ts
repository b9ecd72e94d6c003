// Commands that both generations of the interface have: Realms, and the commands on RTT structure. Checks stand in the
// order in which the firmware makes them, because a call that breaks two rules is answered for the first. Source:
// reference arm-cca.md sections 4 and 5; command names and conditions as in the RMM specification, order as in TF-RMM.
import { ensure } from '../../base/index.ts'
import { Gpi, Granule, HashAlgo, RealmState, Ripas, Rmi, rttError } from './codes.ts'
import {
  DRAIN,
  isCounted,
  isDevice,
  isUnassignedProtected,
  Kind,
  KIND_MASK,
  kindFacts,
  newTable,
  paOf,
  type Table,
  XN
} from './entry.ts'
import {
  aligned,
  ENTRIES,
  type Geometry,
  geometryFault,
  ipaEnd,
  levelSize,
  PA_LIMIT,
  PAGE_LEVEL,
  parEnd
} from './geometry.ts'
import { rimInit, type RimParams } from './rim.ts'
import { RmmState, type Realm } from './state.ts'

export const PAGE = 4096
/** A granule's reference count has ten bits. */
export const REFCOUNT_MAX = 1023

/** The host's parameter page of REALM_CREATE. */
export interface RealmParams {
  /** Granule that holds the parameters: must be readable non-secure memory. */
  readonly params: number
  readonly geo: Geometry
  /** First of the root granules. */
  readonly rttBase: number
  readonly algo: number
  readonly vmid: number
  readonly flags?: number
  readonly lpa2?: boolean
  readonly sve?: boolean
  readonly sveVl?: number
  readonly bps?: number
  readonly wps?: number
  readonly pmu?: boolean
  readonly pmuCtrs?: number
  readonly da?: boolean
  readonly auxPlanes?: number
  readonly mecid?: number
}

export class RmmCommon extends RmmState {
  // ---- Realms

  /**
   * REALM_CREATE(rd, params): checks the parameters, takes the root granules, then the RD; undone when the RD cannot be
   * taken.
   */
  realmCreate(rd: number, p: RealmParams): number {
    this.noOutputs()
    if (!this.nsReadable(p.params)) return Rmi.ERROR_INPUT
    if (!this.realmParamsValid(p)) return Rmi.ERROR_INPUT
    const roots: number[] = []
    for (let i = 0; i < p.geo.num; i++) {
      const g = p.rttBase + i * PAGE
      if (this.granule(g) !== Granule.DELEGATED) {
        for (const r of roots) this.setGranule(r, Granule.DELEGATED)
        return Rmi.ERROR_INPUT
      }
      this.setGranule(g, Granule.RTT)
      roots.push(g)
    }
    if (this.granule(rd) !== Granule.DELEGATED) {
      for (const r of roots) this.setGranule(r, Granule.DELEGATED)
      return Rmi.ERROR_INPUT
    }
    this.setGranule(rd, Granule.RD)
    this.content.own(rd)
    const measured: RimParams = {
      algo: p.algo,
      s2sz: p.geo.s2sz,
      flags: p.flags ?? 0,
      sveVl: p.sveVl ?? 0,
      bps: p.bps ?? 1,
      wps: p.wps ?? 1,
      pmuCtrs: p.pmuCtrs ?? 0
    }
    const vmid = this.generation === '1.x' ? p.vmid : this.freeVmid()
    const realm: Realm = {
      rd,
      state: RealmState.NEW,
      geo: p.geo,
      rootBase: p.rttBase,
      roots: roots.map((g, n) => this.rootTable(p.geo, g, n)),
      params: measured,
      vmid,
      da: p.da === true,
      refcount: 0,
      recIndex: 0,
      mpidrs: new Set(),
      vdevs: 0,
      rim: this.measure ? rimInit(measured, this.rules) : null,
      extensions: 0
    }
    this.realms.set(rd, realm)
    this.vmids.add(vmid)
    return Rmi.SUCCESS
  }

  private realmParamsValid(p: RealmParams): boolean {
    const f = this.features
    if (p.lpa2 === true && !f.lpa2) return false
    if (p.geo.s2sz > f.s2sz) return false
    const bps = p.bps ?? 1
    const wps = p.wps ?? 1
    if (bps < 1 || bps > f.bps || wps < 1 || wps > f.wps) return false
    if (p.sve === true && (!f.sve || (p.sveVl ?? 0) > f.sveVl)) return false
    if (p.pmu === true && (!f.pmu || (p.pmuCtrs ?? 0) > f.pmuCtrs)) return false
    if (p.da === true && !f.da) return false
    if (geometryFault(p.geo, f.s2sz) !== null) return false
    if ((p.auxPlanes ?? 0) > f.auxPlanes) return false
    if (!aligned(p.rttBase, p.geo.num * PAGE)) return false
    if (
      p.algo !== HashAlgo.SHA256 &&
      p.algo !== HashAlgo.SHA512 &&
      !(this.generation === '2.0' && p.algo === HashAlgo.SHA384)
    )
      return false
    if ((p.mecid ?? 0) > f.mecid) return false
    // In 2.0 the RMM allocates VMIDs: what a host writes there is not looked at.
    if (this.generation === '2.0') return this.vmids.size <= f.vmid
    return Number.isInteger(p.vmid) && p.vmid >= 0 && p.vmid <= f.vmid && !this.vmids.has(p.vmid)
  }

  private freeVmid(): number {
    let v = 0
    while (this.vmids.has(v)) v++
    return v
  }

  /**
   * Root granule `n`: protected entries unassigned_empty, the others unassigned_ns; always 512 entries, also where the
   * IPA space ends sooner.
   */
  private rootTable(geo: Geometry, granule: number, n: number): Table {
    const t = newTable(granule, geo.start, Kind.UNASSIGNED_NS)
    const inPar = Math.floor(parEnd(geo) / levelSize(geo.start)) - n * ENTRIES
    if (inPar > 0) t.kind.fill(Kind.UNASSIGNED_EMPTY, 0, Math.min(inPar, ENTRIES))
    this.tables.set(granule, t)
    this.content.own(granule)
    return t
  }

  /** REALM_ACTIVATE(rd): NEW becomes ACTIVE and the RIM is final. */
  realmActivate(rd: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    r.state = RealmState.ACTIVE
    return Rmi.SUCCESS
  }

  /**
   * REALM_DESTROY(rd): no RECs, no VDEVs, nothing in the root tables. In 1.x any state will do, in 2.0 the Realm must
   * be a ZOMBIE.
   */
  realmDestroy(rd: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (this.generation === '2.0' && r.state !== RealmState.ZOMBIE) return Rmi.ERROR_REALM
    if (r.refcount !== 0) return Rmi.ERROR_REALM
    if (r.roots.some((t) => t.refcount !== 0) || r.vdevs !== 0) return Rmi.ERROR_REALM
    // Tables and NS mappings under the unprotected half would have counted as tables; what is left are root entries
    // without references.
    for (const t of r.roots) {
      this.tables.delete(t.granule)
      this.setGranule(t.granule, Granule.DELEGATED)
    }
    this.setGranule(rd, Granule.DELEGATED)
    this.realms.delete(rd)
    this.vmids.delete(r.vmid)
    return Rmi.SUCCESS
  }

  // ---- RTT structure

  /**
   * Bounds of the commands that create, destroy or fold a table: level in [start + 1, 3], ipa in the space and aligned
   * to an entry of the parent.
   */
  protected structureArgs(r: Realm, ipa: number, level: number): boolean {
    return (
      Number.isInteger(level) &&
      level > r.geo.start &&
      level <= PAGE_LEVEL &&
      ipa < ipaEnd(r.geo) &&
      ipa >= 0 &&
      aligned(ipa, levelSize(level - 1))
    )
  }

  /** Bounds of the commands on one entry: level in [min, 3], ipa in the space and aligned to the entry. */
  protected entryArgs(r: Realm, ipa: number, level: number, min: number): boolean {
    return (
      Number.isInteger(level) &&
      level >= Math.max(min, r.geo.start) &&
      level <= PAGE_LEVEL &&
      ipa < ipaEnd(r.geo) &&
      ipa >= 0 &&
      aligned(ipa, levelSize(level))
    )
  }

  /** RTT_CREATE(rd, rtt, ipa, level): a table at `level` in place of the entry above it (unfold). */
  rttCreate(rd: number, rtt: number, ipa: number, level: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (this.granule(rtt) !== Granule.DELEGATED || r === undefined) return Rmi.ERROR_INPUT
    if (!this.structureArgs(r, ipa, level)) return Rmi.ERROR_INPUT
    if (!this.paInReach(rtt)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level - 1)
    if (this.wLevel < level - 1) return rttError(this.wLevel)
    const e = this.wTable.kind[this.wIndex] as number
    if (e === Kind.TABLE) return rttError(level - 1)
    if (e & DRAIN) return Rmi.BUSY
    this.unfold(r, rtt, ipa, level)
    return Rmi.SUCCESS
  }

  /**
   * The effect of RTT_CREATE on the entry the last walk ended at: a table whose entries inherit what the parent entry
   * was.
   */
  protected unfold(r: Realm, rtt: number, ipa: number, level: number): void {
    const parent = this.wTable
    const at = this.wIndex
    const e = parent.kind[at] as number
    const kind = e & KIND_MASK
    const t = newTable(rtt, level, e)
    const facts = ensure(kindFacts[kind], 'the facts of an entry kind')
    if (facts.hasPa) {
      const pa = paOf(t)
      const first = paOf(parent)[at] as number
      const size = levelSize(level)
      for (let i = 0; i < ENTRIES; i++) pa[i] = first + i * size
      if (facts.valid) {
        // Break before make: until the table entry is written and the TLB invalidated, CPU and T=1 DMA can fault here.
        this.observer?.brokenEntry?.(r.rd, ipa, levelSize(level - 1))
        this.observer?.tlbi?.(r.rd, ipa, levelSize(level - 1))
      }
    }
    if (facts.counted) t.refcount = ENTRIES
    else parent.refcount++ // an assigned protected block was counted already
    parent.kind[at] = Kind.TABLE
    paOf(parent)[at] = rtt
    const children = (parent.child ??= new Array<Table | undefined>(ENTRIES).fill(undefined))
    children[at] = t
    this.tables.set(rtt, t)
    this.setGranule(rtt, Granule.RTT)
    this.content.own(rtt)
  }

  /** Removes the table behind the entry the last walk ended at and writes `entry` there. */
  private removeTable(t: Table, entry: number, pa: number): void {
    const parent = this.wTable
    const at = this.wIndex
    parent.kind[at] = entry
    if (parent.pa !== null) parent.pa[at] = pa
    if (parent.child !== null) parent.child[at] = undefined
    if (!isCounted(entry)) parent.refcount--
    this.tables.delete(t.granule)
    this.setGranule(t.granule, Granule.DELEGATED)
  }

  /** RTT_DESTROY(rd, ipa, level): x1 = the table's granule, x2 = top of the non-live run. */
  rttDestroy(rd: number, ipa: number, level: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.structureArgs(r, ipa, level)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level - 1)
    if (this.wLevel < level - 1 || this.wTable.kind[this.wIndex] !== Kind.TABLE) {
      this.x2 = this.skipNonLive(ipa)
      return rttError(this.wLevel)
    }
    const t = ensure(this.wTable.child?.[this.wIndex], 'the table behind a TABLE entry')
    if (t.refcount !== 0) {
      this.x2 = ipa
      return rttError(level)
    }
    const par = this.inPar(r, ipa)
    this.observer?.brokenEntry?.(r.rd, ipa, levelSize(level - 1))
    this.removeTable(t, par ? Kind.UNASSIGNED_DESTROYED : Kind.UNASSIGNED_NS, 0)
    this.observer?.tlbi?.(r.rd, ipa, levelSize(level - 1))
    this.x1 = t.granule
    this.x2 = this.skipNonLive(ipa)
    return Rmi.SUCCESS
  }

  /**
   * RTT_FOLD(rd, ipa, level): x1 = the table's granule. All 512 entries must be alike, permissions and (for blocks)
   * addresses included.
   */
  rttFold(rd: number, ipa: number, level: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.structureArgs(r, ipa, level)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level - 1)
    if (this.wLevel < level - 1) return rttError(this.wLevel)
    if (this.wTable.kind[this.wIndex] !== Kind.TABLE) return rttError(level - 1)
    const t = ensure(this.wTable.child?.[this.wIndex], 'the table behind a TABLE entry')
    const first = t.kind[0] as number
    const kind = first & KIND_MASK
    let pa = 0
    if (t.refcount === 0) {
      if (isUnassignedProtected(first) || kind === Kind.UNASSIGNED_NS) {
        if (!this.uniform(t, first)) return rttError(level)
      } else if (kind === Kind.ASSIGNED_NS) {
        if (!this.contiguous(t, first, level)) return rttError(level)
        if (level <= 1) return rttError(level - 1)
        pa = paOf(t)[0] as number
      } else return rttError(level)
    } else if (t.refcount === ENTRIES) {
      if (level <= 1) return rttError(level - 1)
      if (first & DRAIN || kind === Kind.TABLE || kind === Kind.ASSIGNED_NS || !this.contiguous(t, first, level))
        return rttError(level)
      pa = paOf(t)[0] as number
    } else return rttError(level)
    this.observer?.brokenEntry?.(r.rd, ipa, levelSize(level - 1))
    this.removeTable(t, first, pa)
    this.observer?.tlbi?.(r.rd, ipa, levelSize(level - 1))
    this.x1 = t.granule
    return Rmi.SUCCESS
  }

  private uniform(t: Table, entry: number): boolean {
    for (let i = 1; i < ENTRIES; i++) if (t.kind[i] !== entry) return false
    return true
  }

  /**
   * All entries alike and their addresses one block aligned to an entry of the level above; the low bits of an NS
   * address are the host's attributes and must be equal too.
   */
  private contiguous(t: Table, entry: number, level: number): boolean {
    if (!this.uniform(t, entry)) return false
    const pa = paOf(t)
    const first = pa[0] as number
    if (!aligned(first - (first % PAGE), levelSize(level - 1))) return false
    const size = levelSize(level)
    for (let i = 1; i < ENTRIES; i++) if (pa[i] !== first + i * size) return false
    return true
  }

  /** RTT_READ_ENTRY(rd, ipa, level): x1 = level reached, x2 = HIPAS, x3 = descriptor, x4 = RIPAS. */
  rttReadEntry(rd: number, ipa: number, level: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.entryArgs(r, ipa, level, 0)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level)
    const e = (this.wTable.kind[this.wIndex] as number) & KIND_MASK
    const facts = ensure(kindFacts[e], 'the facts of an entry kind')
    this.x1 = this.wLevel
    this.x2 = facts.hipas
    this.x3 = facts.hasPa && e !== Kind.ASSIGNED_DEV_DESTROYED ? (paOf(this.wTable)[this.wIndex] as number) : 0
    this.x4 = facts.ripas
    return Rmi.SUCCESS
  }

  /**
   * RTT_SET_RIPAS(rd, rec, base, top): the part of a Realm's RIPAS request that one table holds; x1 = where it got to.
   */
  rttSetRipas(rd: number, recPa: number, base: number, top: number): number {
    this.noOutputs()
    if (top <= base || !aligned(top, PAGE)) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    const rec = this.rec(recPa)
    if (r === undefined || rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running) return Rmi.ERROR_REC
    if (rec.realm !== r) return Rmi.ERROR_REC
    if (base !== rec.ripas.addr || top > rec.ripas.top) return Rmi.ERROR_INPUT
    this.walk(r, base, PAGE_LEVEL)
    const level = this.wLevel
    const size = levelSize(level)
    if (!aligned(base, size)) return rttError(level)
    const t = this.wTable
    let at = base
    if ((t.kind[this.wIndex] as number) & DRAIN) return Rmi.BUSY
    for (let i = this.wIndex; i < ENTRIES && at + size <= top; i++) {
      if ((t.kind[i] as number) & DRAIN) break
      const next = changedRipas(t.kind[i] as number, rec.ripas.value, rec.ripas.destroyed)
      if (next < 0) break
      if (next !== t.kind[i] && rec.ripas.value === Ripas.EMPTY && isCounted(next))
        this.observer?.tlbi?.(r.rd, at, size)
      t.kind[i] = next
      at += size
    }
    if (at === base) return rttError(level)
    rec.ripas.addr = at
    this.x1 = at
    return Rmi.SUCCESS
  }

  /** An RTT granule address a Realm without LPA2 may use. */
  protected paInReach(pa: number): boolean {
    return pa < PA_LIMIT
  }

  /** Gives a granule to the Realm world in the GPT. */
  protected toRealmPas(pa: number): void {
    this.observer?.gpi?.(pa, Gpi.REALM)
  }
  protected toNsPas(pa: number): void {
    this.observer?.gpi?.(pa, Gpi.NS)
  }
}

/** The entry after a RIPAS change, the entry itself when it has that RIPAS already, -1 where the change stops. */
function changedRipas(entry: number, ripas: number, destroyed: boolean): number {
  const kind = entry & KIND_MASK
  const xn = entry & XN
  if (kind >= Kind.UNASSIGNED_NS) return -1
  if (ripas === Ripas.RAM) {
    if (isDevice(entry)) return -1
    switch (kind) {
      case Kind.UNASSIGNED_EMPTY:
        return Kind.UNASSIGNED_RAM | xn
      case Kind.ASSIGNED_EMPTY:
        return Kind.ASSIGNED_RAM | xn
      case Kind.UNASSIGNED_DESTROYED:
        return destroyed ? Kind.UNASSIGNED_RAM | xn : -1
      case Kind.ASSIGNED_DESTROYED:
        return destroyed ? Kind.ASSIGNED_RAM | xn : -1
      default:
        return entry
    }
  }
  switch (kind) {
    case Kind.UNASSIGNED_RAM:
    case Kind.UNASSIGNED_DESTROYED:
      return Kind.UNASSIGNED_EMPTY | xn
    case Kind.ASSIGNED_RAM:
    case Kind.ASSIGNED_DESTROYED:
      return Kind.ASSIGNED_EMPTY | xn
    case Kind.ASSIGNED_DEV_DEV:
    case Kind.ASSIGNED_DEV_DESTROYED:
      return Kind.ASSIGNED_DEV_EMPTY | XN
    default:
      return entry
  }
}

// Commands that both generations of the interface have: Realms, RECs, and the commands on RTT structure. Checks stand in the order
// in which the firmware makes them, because a call that breaks two rules is answered for the first. Source: reference arm-cca.md
// sections 4 and 5; command names and conditions as in the RMM specification, order as in TF-RMM.
import { ensure } from '../../base/index.ts'
import { EnterFlag, Exit, Gpi, Granule, HashAlgo, REC_AUX_COUNT, RealmState, Ripas, Rmi, Rsi, rttError } from './codes.ts'
import { isCounted, isDevice, isUnassignedProtected, Kind, KIND_MASK, kindFacts, newTable, paOf, type Table, XN } from './entry.ts'
import { aligned, ENTRIES, type Geometry, geometryFault, ipaEnd, levelSize, PA_LIMIT, PAGE_LEVEL, parEnd } from './geometry.ts'
import { rimInit, type RimParams, rimRec, type RecParams } from './rim.ts'
import { RmmState, type Realm, type Rec, type RecExit } from './state.ts'

const PAGE = 4096
/** A granule's reference count has ten bits. */
const REFCOUNT_MAX = 1023

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

/** The host's parameter page of REC_CREATE. */
export interface RecCreateParams {
  readonly params: number
  readonly aux: readonly number[]
  readonly mpidr?: number
  readonly flags?: number
  readonly pc?: number
  readonly gprs?: readonly number[]
}

/** What a Realm does when it runs: an RSI call or a memory access that aborts. */
export type RealmAction =
  | { readonly op: 'ripas_set'; readonly base: number; readonly top: number; readonly ripas: number; readonly destroyed: boolean }
  | { readonly op: 'ripas_get'; readonly start: number; readonly end: number }
  /** A data access (or fetch) for which the hardware reports a stage-2 abort at `level`. */
  | { readonly op: 'abort'; readonly ipa: number; readonly level: number; readonly write: boolean; readonly fetch?: boolean }
  | { readonly op: 'dev_validate'; readonly base: number; readonly top: number; readonly pa: number }
  | { readonly op: 'psci'; readonly call: 'SYSTEM_OFF' | 'CPU_ON' }
  | { readonly op: 'host_call' }

export interface RecEnterOptions {
  /** Granule of the run page; must be readable non-secure memory. */
  readonly run: number
  readonly flags?: number
  /** GIC state that the RMM refuses. */
  readonly badGic?: boolean
  readonly action?: RealmAction
  /** The Realm goes on to `action` in the same entry after a call it waited in has returned (the recorded harness does not). */
  readonly resume?: boolean
}

// Syndrome of a stage-2 data abort as the host sees it (ESR_EL2).
const EC_DATA_ABORT = 0x90000000
const EC_INSTRUCTION_ABORT = 0x80000000
const ISV = 0x01000000
const SAS_DOUBLEWORD = 0x00c00000
const WNR = 0x40
const FSC_TRANSLATION = 0x04

export class RmmCommon extends RmmState {
  /** How the REC of the last successful REC_ENTER left. */
  exit: RecExit = { reason: Exit.FIQ }

  // ---- Realms

  /** REALM_CREATE(rd, params): checks the parameters, takes the root granules, then the RD; undone when the RD cannot be taken. */
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
      algo: p.algo, s2sz: p.geo.s2sz, flags: p.flags ?? 0, sveVl: p.sveVl ?? 0, bps: p.bps ?? 1, wps: p.wps ?? 1, pmuCtrs: p.pmuCtrs ?? 0
    }
    const realm: Realm = {
      rd, state: RealmState.NEW, geo: p.geo, rootBase: p.rttBase, roots: roots.map((g, n) => this.rootTable(p.geo, g, n)), params: measured, vmid: p.vmid,
      refcount: 0, recIndex: 0, rim: this.measure ? rimInit(measured, this.rules) : null, extensions: 0
    }
    this.realms.set(rd, realm)
    this.vmids.add(p.vmid)
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
    if (p.algo !== HashAlgo.SHA256 && p.algo !== HashAlgo.SHA512) return false
    if ((p.mecid ?? 0) > f.mecid) return false
    return Number.isInteger(p.vmid) && p.vmid >= 0 && p.vmid <= f.vmid && !this.vmids.has(p.vmid)
  }

  /** Root granule `n`: protected entries unassigned_empty, the others unassigned_ns; always 512 entries, also where the IPA space ends sooner. */
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

  /** REALM_DESTROY(rd): no RECs, nothing in the root tables; any state will do. */
  realmDestroy(rd: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (r.refcount !== 0) return Rmi.ERROR_REALM
    if (r.roots.some((t) => t.refcount !== 0)) return Rmi.ERROR_REALM
    // Tables and NS mappings under the unprotected half would have counted as tables; what is left are root entries without references.
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

  /** Bounds of the commands that create, destroy or fold a table: level in [start + 1, 3], ipa in the space and aligned to an entry of the parent. */
  protected structureArgs(r: Realm, ipa: number, level: number): boolean {
    return Number.isInteger(level) && level > r.geo.start && level <= PAGE_LEVEL && ipa < ipaEnd(r.geo) && ipa >= 0 && aligned(ipa, levelSize(level - 1))
  }

  /** Bounds of the commands on one entry: level in [min, 3], ipa in the space and aligned to the entry. */
  protected entryArgs(r: Realm, ipa: number, level: number, min: number): boolean {
    return Number.isInteger(level) && level >= Math.max(min, r.geo.start) && level <= PAGE_LEVEL && ipa < ipaEnd(r.geo) && ipa >= 0 && aligned(ipa, levelSize(level))
  }

  /** The effect of RTT_CREATE on the entry the last walk ended at: a table whose entries inherit what the parent entry was. */
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

  /** RTT_FOLD(rd, ipa, level): x1 = the table's granule. All 512 entries must be alike, permissions and (for blocks) addresses included. */
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
      if (kind === Kind.TABLE || kind === Kind.ASSIGNED_NS || !this.contiguous(t, first, level)) return rttError(level)
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

  /** All entries alike and their addresses one block aligned to an entry of the level above; the low bits of an NS address are the host's attributes and must be equal too. */
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

  /** RTT_SET_RIPAS(rd, rec, base, top): the part of a Realm's RIPAS request that one table holds; x1 = where it got to. */
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
    for (let i = this.wIndex; i < ENTRIES && at + size <= top; i++) {
      const next = changedRipas(t.kind[i] as number, rec.ripas.value, rec.ripas.destroyed)
      if (next < 0) break
      if (next !== t.kind[i] && rec.ripas.value === Ripas.EMPTY && isCounted(next)) this.observer?.tlbi?.(r.rd, at, size)
      t.kind[i] = next
      at += size
    }
    if (at === base) return rttError(level)
    rec.ripas.addr = at
    this.x1 = at
    return Rmi.SUCCESS
  }

  /** RTT_DEV_MEM_VALIDATE / RTT_DEV_VALIDATE(rd, rec, base, top): the part of a Realm's device mapping request that one table holds; x1 = where it got to. */
  protected devValidate(rd: number, recPa: number, base: number, top: number): number {
    this.noOutputs()
    if (top <= base || !aligned(top, PAGE)) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    const rec = this.rec(recPa)
    if (r === undefined || rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running) return Rmi.ERROR_REC
    if (rec.realm !== r) return Rmi.ERROR_REC
    if (base !== rec.dev.addr || top > rec.dev.top) return Rmi.ERROR_INPUT
    this.walk(r, base, PAGE_LEVEL)
    const level = this.wLevel
    const size = levelSize(level)
    if (!aligned(base, size)) return rttError(level)
    const t = this.wTable
    let at = base
    for (let i = this.wIndex; i < ENTRIES && at + size <= top; i++) {
      const e = t.kind[i] as number
      if ((e & KIND_MASK) !== Kind.ASSIGNED_DEV_EMPTY || paOf(t)[i] !== rec.dev.pa + (at - base)) break
      t.kind[i] = Kind.ASSIGNED_DEV_DEV | (e & XN)
      at += size
    }
    if (at === base) return rttError(level)
    rec.dev.addr = at
    // The next part of the request starts at the address that belongs to it.
    rec.dev.pa += at - base
    this.x1 = at
    return Rmi.SUCCESS
  }

  /** An RTT granule address a Realm without LPA2 may use. */
  protected paInReach(pa: number): boolean { return pa < PA_LIMIT }

  // ---- RECs

  /** REC_CREATE(rd, rec, params). The auxiliary granules are taken first and given back when a later check fails. */
  recCreate(rd: number, recPa: number, p: RecCreateParams): number {
    this.noOutputs()
    if (!this.nsReadable(p.params)) return Rmi.ERROR_INPUT
    if (p.aux.length > REC_AUX_COUNT) return Rmi.ERROR_INPUT
    const taken: number[] = []
    const fail = (status: number): number => {
      for (const a of taken) this.setGranule(a, Granule.DELEGATED)
      return status
    }
    for (const a of p.aux) {
      if (this.granule(a) !== Granule.DELEGATED) return fail(Rmi.ERROR_INPUT)
      this.setGranule(a, Granule.REC_AUX)
      taken.push(a)
    }
    const r = this.realm(rd)
    if (this.granule(recPa) !== Granule.DELEGATED || r === undefined) return fail(Rmi.ERROR_INPUT)
    if (r.refcount === REFCOUNT_MAX) return fail(Rmi.ERROR_REALM)
    if (r.state !== RealmState.NEW) return fail(Rmi.ERROR_REALM)
    if ((p.mpidr ?? r.recIndex) !== r.recIndex) return fail(Rmi.ERROR_INPUT)
    if (p.aux.length !== REC_AUX_COUNT) return fail(Rmi.ERROR_INPUT)
    const flags = p.flags ?? 1
    const runnable = flags % 2 === 1
    if (runnable) {
      const measured: RecParams = { flags, pc: p.pc ?? 0, gprs: p.gprs ?? [] }
      r.extensions++
      if (r.rim !== null) r.rim = rimRec(r.params.algo, r.rim, measured)
    }
    this.setGranule(recPa, Granule.REC)
    for (const a of [recPa, ...p.aux]) this.content.own(a)
    this.recs.set(recPa, {
      granule: recPa, realm: r, aux: [...p.aux], runnable, index: r.recIndex, running: false, psciPending: false,
      ripas: { base: 0, top: 0, addr: 0, value: 0, destroyed: false }, dev: { base: 0, top: 0, addr: 0, pa: 0 }, hostCall: false, lastEsr: 0, lastIpa: 0
    })
    r.refcount++
    r.recIndex++
    return Rmi.SUCCESS
  }

  /** REC_DESTROY(rec). */
  recDestroy(recPa: number): number {
    this.noOutputs()
    const rec = this.rec(recPa)
    if (rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running) return Rmi.ERROR_REC
    for (const a of rec.aux) this.setGranule(a, Granule.DELEGATED)
    this.setGranule(recPa, Granule.DELEGATED)
    this.recs.delete(recPa)
    rec.realm.refcount--
    return Rmi.SUCCESS
  }

  /** REC_AUX_COUNT(rd): x1 = auxiliary granules a REC needs. */
  recAuxCount(rd: number): number {
    this.noOutputs()
    if (this.realm(rd) === undefined) return Rmi.ERROR_INPUT
    this.x1 = REC_AUX_COUNT
    return Rmi.SUCCESS
  }

  /** REC_ENTER(rec, run): on SUCCESS `exit` says how the REC left. The Realm finishes the call it was waiting in; else it does `action`; else it leaves with FIQ. */
  recEnter(recPa: number, o: RecEnterOptions): number {
    this.noOutputs()
    if (this.granule(o.run) !== Granule.NS) return Rmi.ERROR_INPUT
    const rec = this.rec(recPa)
    if (rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running) return Rmi.ERROR_REC
    if (!this.nsReadable(o.run)) return Rmi.ERROR_INPUT
    const r = rec.realm
    if (r.state === RealmState.NEW) return Rmi.ERROR_REALM
    if (r.state === RealmState.SYSTEM_OFF) return Rmi.ERROR_REALM | (1 << 8)
    if (!rec.runnable) return Rmi.ERROR_REC
    if (rec.psciPending) return Rmi.ERROR_REC
    if (o.badGic === true) return Rmi.ERROR_REC
    const flags = o.flags ?? 0
    const dataAbort = rec.lastEsr !== 0 && rec.lastEsr < EC_INSTRUCTION_ABORT + 0x20000000 && rec.lastEsr >= EC_DATA_ABORT
    let sea = false
    if (flags & EnterFlag.INJECT_SEA) {
      if (!dataAbort || this.inPar(r, rec.lastIpa)) return Rmi.ERROR_REC
      sea = true
    } else if (flags & EnterFlag.EMUL_MMIO && (!dataAbort || (rec.lastEsr & ISV) === 0)) return Rmi.ERROR_REC
    rec.lastEsr = 0
    rec.lastIpa = 0
    this.exit = { reason: Exit.FIQ }
    if (sea) this.exit.sea = true
    if (this.completeRequests(rec, flags) && o.resume !== true) {
      this.exit.completed = true
      return Rmi.SUCCESS
    }
    rec.hostCall = false
    if (o.action !== undefined) this.act(rec, o.action)
    return Rmi.SUCCESS
  }

  /** Ends the RSI call a REC waited in. */
  private completeRequests(rec: Rec, flags: number): boolean {
    const q = rec.ripas
    if (q.base !== q.top) {
      const rejected = q.value === Ripas.RAM && q.addr !== q.top && (flags & EnterFlag.RIPAS_RESPONSE) !== 0
      this.exit.rsi = [Rsi.SUCCESS, q.addr, rejected ? Rsi.REJECT : Rsi.ACCEPT]
      rec.ripas = { base: 0, top: 0, addr: q.addr, value: q.value, destroyed: q.destroyed }
      return true
    }
    const d = rec.dev
    if (d.base !== d.top) {
      const rejected = d.addr !== d.top && (flags & EnterFlag.DEV_MEM_RESPONSE) !== 0
      this.exit.rsi = [Rsi.SUCCESS, d.addr, rejected ? Rsi.REJECT : Rsi.ACCEPT]
      rec.dev = { base: 0, top: 0, addr: d.addr, pa: d.pa }
      return true
    }
    return false
  }

  private act(rec: Rec, a: RealmAction): void {
    switch (a.op) {
      case 'ripas_set':
        this.ipaStateSet(rec, a.base, a.top, a.ripas, a.destroyed)
        return
      case 'ripas_get':
        this.ipaStateGet(rec, a.start, a.end)
        return
      case 'abort':
        this.abort(rec, a)
        return
      case 'dev_validate':
        this.validateMapping(rec, a.base, a.top, a.pa)
        return
      case 'psci':
        this.exit.reason = Exit.PSCI
        if (a.call === 'SYSTEM_OFF') this.systemOff(rec.realm)
        else rec.psciPending = true
        return
      case 'host_call':
        this.exit.reason = Exit.HOST_CALL
        rec.hostCall = true
        return
    }
  }

  private regionInPar(r: Realm, base: number, top: number): boolean { return base >= 0 && top > base && top <= parEnd(r.geo) }

  /** RSI_IPA_STATE_SET: leaves with RIPAS_CHANGE, or returns ERROR_INPUT to the Realm without an exit. */
  private ipaStateSet(rec: Rec, base: number, top: number, ripas: number, destroyed: boolean): void {
    if (ripas > Ripas.RAM || ripas < 0 || !aligned(base, PAGE) || !aligned(top, PAGE) || top <= base || !this.regionInPar(rec.realm, base, top)) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return
    }
    rec.ripas = { base, top, addr: base, value: ripas, destroyed }
    this.exit.reason = Exit.RIPAS_CHANGE
    this.exit.ripas = { base, top, value: ripas }
  }

  /** RSI_IPA_STATE_GET: x1 = end of the run with one RIPAS within its last-level table, x2 = that RIPAS. */
  private ipaStateGet(rec: Rec, start: number, end: number): void {
    const r = rec.realm
    if (!aligned(start, PAGE) || !aligned(end, PAGE) || start >= end || !this.regionInPar(r, start, end)) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return
    }
    this.walk(r, start, PAGE_LEVEL)
    const t = this.wTable
    const size = levelSize(this.wLevel)
    const ripasAt = (i: number): number => {
      const k = (t.kind[i] as number) & KIND_MASK
      return k === Kind.TABLE ? -1 : ensure(kindFacts[k], 'the facts of an entry kind').ripas
    }
    const ripas = ripasAt(this.wIndex)
    let top = start - (start % size) + size
    for (let i = this.wIndex + 1; i < ENTRIES && top < end && ripasAt(i) === ripas; i++) top += size
    this.exit.rsi = [Rsi.SUCCESS, Math.min(top, end), ripas]
  }

  /** RSI_RDEV_VALIDATE_MAPPING / RSI_VDEV_VALIDATE_MAPPING: the memory side only; the device's identity and ranges are not modelled. */
  private validateMapping(rec: Rec, base: number, top: number, pa: number): void {
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || !aligned(pa, PAGE) || top <= base || !this.regionInPar(rec.realm, base, top)) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return
    }
    rec.dev = { base, top, addr: base, pa }
    this.exit.reason = Exit.DEV_MEM_MAP
    this.exit.dev = { base, top, pa }
  }

  /** A stage-2 abort of the Realm: injected as SEA when the address can never be repaired by the host, else reported to it (section 3, "Realm CPU access"). */
  private abort(rec: Rec, a: { readonly ipa: number; readonly level: number; readonly write: boolean; readonly fetch?: boolean }): void {
    const r = rec.realm
    const outside = a.ipa >= ipaEnd(r.geo)
    const par = !outside && this.inPar(r, a.ipa)
    if (outside || (par && this.ripasOf(r, a.ipa) === Ripas.EMPTY) || (!par && a.fetch === true)) {
      this.exit.sea = true
      return
    }
    const fsc = FSC_TRANSLATION + a.level
    const emulatable = !par
    const esr = (a.fetch === true ? EC_INSTRUCTION_ABORT : EC_DATA_ABORT) + fsc + (emulatable ? ISV + SAS_DOUBLEWORD + (a.write ? WNR : 0) : 0)
    this.exit.reason = Exit.SYNC
    this.exit.esr = esr
    this.exit.hpfar = Math.floor(a.ipa / PAGE) * 16
    this.exit.far = emulatable ? a.ipa % PAGE : 0
    rec.lastEsr = esr
    rec.lastIpa = a.ipa
  }

  /** RIPAS of a protected address. */
  protected ripasOf(r: Realm, ipa: number): number {
    this.walk(r, ipa, PAGE_LEVEL)
    return ensure(kindFacts[(this.wTable.kind[this.wIndex] as number) & KIND_MASK], 'the facts of an entry kind').ripas
  }

  /** Gives a granule to the Realm world in the GPT. */
  protected toRealmPas(pa: number): void { this.observer?.gpi?.(pa, Gpi.REALM) }
  protected toNsPas(pa: number): void { this.observer?.gpi?.(pa, Gpi.NS) }
}

/** The entry after a RIPAS change, the entry itself when it has that RIPAS already, -1 where the change stops. */
function changedRipas(entry: number, ripas: number, destroyed: boolean): number {
  const kind = entry & KIND_MASK
  const xn = entry & XN
  if (kind >= Kind.UNASSIGNED_NS) return -1
  if (ripas === Ripas.RAM) {
    if (isDevice(entry)) return -1
    switch (kind) {
      case Kind.UNASSIGNED_EMPTY: return Kind.UNASSIGNED_RAM | xn
      case Kind.ASSIGNED_EMPTY: return Kind.ASSIGNED_RAM | xn
      case Kind.UNASSIGNED_DESTROYED: return destroyed ? Kind.UNASSIGNED_RAM | xn : -1
      case Kind.ASSIGNED_DESTROYED: return destroyed ? Kind.ASSIGNED_RAM | xn : -1
      default: return entry
    }
  }
  switch (kind) {
    case Kind.UNASSIGNED_RAM:
    case Kind.UNASSIGNED_DESTROYED: return Kind.UNASSIGNED_EMPTY | xn
    case Kind.ASSIGNED_RAM:
    case Kind.ASSIGNED_DESTROYED: return Kind.ASSIGNED_EMPTY | xn
    case Kind.ASSIGNED_DEV_DEV:
    case Kind.ASSIGNED_DEV_DESTROYED: return Kind.ASSIGNED_DEV_EMPTY | XN
    default: return entry
  }
}

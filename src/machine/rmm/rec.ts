// RECs: creation and destruction of 1.x, REC_ENTER, and the RSI calls a REC makes about memory. Source: reference
// arm-cca.md sections 4 and 5; order of the checks as in TF-RMM.
import { ensure } from '../../base/index.ts'
import { EnterFlag, Exit, Granule, REC_AUX_COUNT, RealmState, Ripas, Rmi, Rsi } from './codes.ts'
import { PAGE, REFCOUNT_MAX, RmmCommon } from './common.ts'
import { Kind, KIND_MASK, kindFacts } from './entry.ts'
import { aligned, ENTRIES, ipaEnd, levelSize, PAGE_LEVEL, parEnd } from './geometry.ts'
import { rimRec, type RecParams } from './rim.ts'
import type { DevRequest, Realm, Rec, RecExit, VdevCall } from './state.ts'

/** The host's parameter page of REC_CREATE. */
export interface RecCreateParams {
  readonly params: number
  /**
   * Auxiliary granules. In 2.0 they are donated in calls of their own; where they stand here, the whole operation is
   * carried out.
   */
  readonly aux?: readonly number[]
  readonly mpidr?: number
  readonly flags?: number
  readonly pc?: number
  readonly gprs?: readonly number[]
}

/** What a Realm does when it runs: an RSI call or a memory access that aborts. */
export type RealmAction =
  | {
      readonly op: 'ripas_set'
      readonly base: number
      readonly top: number
      readonly ripas: number
      readonly destroyed: boolean
    }
  | { readonly op: 'ripas_get'; readonly start: number; readonly end: number }
  /** A data access (or fetch) for which the hardware reports a stage-2 abort at `level`. */
  | {
      readonly op: 'abort'
      readonly ipa: number
      readonly level: number
      readonly write: boolean
      readonly fetch?: boolean
    }
  /** A device mapping request whose VDEV and evidence nobody looks at: the memory side of VALIDATE_MAPPING alone. */
  | { readonly op: 'dev_validate'; readonly base: number; readonly top: number; readonly pa: number }
  /** An RSI call on the VDEV with this identifier. */
  | { readonly op: 'vdev'; readonly vdevId: number; readonly call: VdevCall }
  /** RSI_RDEV_CONTINUE and RSI_RDEV_GET_STATE of 1.x. */
  | { readonly op: 'rdev_continue' | 'rdev_get_state'; readonly vdevId: number }
  /** CPU_ON names the MPIDR of the REC it means. */
  | { readonly op: 'psci'; readonly call: 'SYSTEM_OFF' | 'CPU_ON'; readonly mpidr?: number }
  | { readonly op: 'host_call' }

export interface RecEnterOptions {
  /** Granule of the run page; must be readable non-secure memory. */
  readonly run: number
  readonly flags?: number
  /** GIC state that the RMM refuses. */
  readonly badGic?: boolean
  readonly action?: RealmAction
  /**
   * The Realm goes on to `action` in the same entry after a call it waited in has returned (the recorded harness does
   * not).
   */
  readonly resume?: boolean
}

// Syndrome of a stage-2 data abort as the host sees it (ESR_EL2).
const EC_DATA_ABORT = 0x90000000
const EC_INSTRUCTION_ABORT = 0x80000000
const ISV = 0x01000000
const SAS_DOUBLEWORD = 0x00c00000
const WNR = 0x40
const FSC_TRANSLATION = 0x04

/** PSCI return values a host may give to PSCI_COMPLETE. */
const PSCI_SUCCESS = 0
const PSCI_DENIED = -3

export const noDevRequest = (): DevRequest => ({
  base: 0,
  top: 0,
  addr: 0,
  pa: 0,
  vdevId: 0,
  nonces: { lock: 0, meas: 0, report: 0 }
})

export class RmmRecs extends RmmCommon {
  /** How the REC of the last successful REC_ENTER left. */
  exit: RecExit = { reason: Exit.FIQ }

  /** A Realm can have no further REC: its reference count is full. */
  protected recsFull(r: Realm): boolean {
    return r.refcount === REFCOUNT_MAX
  }

  /** The effect of REC_CREATE on granules and the Realm; the auxiliary granules are REC_AUX already. */
  protected addRec(r: Realm, recPa: number, aux: readonly number[], mpidr: number, p: RecCreateParams): void {
    const flags = p.flags ?? 1
    const runnable = flags % 2 === 1
    if (runnable) {
      const measured: RecParams = { flags, pc: p.pc ?? 0, gprs: p.gprs ?? [] }
      r.extensions++
      if (r.rim !== null) r.rim = rimRec(r.params.algo, r.rim, measured)
    }
    this.setGranule(recPa, Granule.REC)
    for (const a of [recPa, ...aux]) this.content.own(a)
    this.recs.set(recPa, {
      granule: recPa,
      realm: r,
      aux: [...aux],
      runnable,
      index: r.recIndex,
      mpidr,
      running: false,
      psciPending: false,
      psciTarget: null,
      ripas: { base: 0, top: 0, addr: 0, value: 0, destroyed: false },
      dev: noDevRequest(),
      vdev: null,
      hostCall: false,
      lastEsr: 0,
      lastIpa: 0
    })
    r.refcount++
    r.recIndex++
    r.mpidrs.add(mpidr)
  }

  /**
   * REC_CREATE(rd, rec, params) of 1.x. The auxiliary granules are taken first and given back when a later check fails.
   */
  recCreate(rd: number, recPa: number, p: RecCreateParams): number {
    this.noOutputs()
    const aux = p.aux ?? []
    if (!this.nsReadable(p.params)) return Rmi.ERROR_INPUT
    if (aux.length > REC_AUX_COUNT) return Rmi.ERROR_INPUT
    const taken: number[] = []
    const fail = (status: number): number => {
      for (const a of taken) this.setGranule(a, Granule.DELEGATED)
      return status
    }
    for (const a of aux) {
      if (this.granule(a) !== Granule.DELEGATED) return fail(Rmi.ERROR_INPUT)
      this.setGranule(a, Granule.REC_AUX)
      taken.push(a)
    }
    const r = this.realm(rd)
    if (this.granule(recPa) !== Granule.DELEGATED || r === undefined) return fail(Rmi.ERROR_INPUT)
    if (this.recsFull(r)) return fail(Rmi.ERROR_REALM)
    if (r.state !== RealmState.NEW) return fail(Rmi.ERROR_REALM)
    if ((p.mpidr ?? r.recIndex) !== r.recIndex) return fail(Rmi.ERROR_INPUT)
    if (aux.length !== REC_AUX_COUNT) return fail(Rmi.ERROR_INPUT)
    this.addRec(r, recPa, aux, r.recIndex, p)
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
    rec.realm.mpidrs.delete(rec.mpidr)
    return Rmi.SUCCESS
  }

  /**
   * REC_ENTER(rec, run): on SUCCESS `exit` says how the REC left. The Realm finishes the call it was waiting in; else
   * it does `action`; else it leaves with FIQ.
   */
  recEnter(recPa: number, o: RecEnterOptions): number {
    this.noOutputs()
    if (this.granule(o.run) !== Granule.NS) return Rmi.ERROR_INPUT
    const rec = this.rec(recPa)
    if (rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running) return Rmi.ERROR_REC
    if (!this.nsReadable(o.run)) return Rmi.ERROR_INPUT
    const r = rec.realm
    if (r.state === RealmState.NEW) return Rmi.ERROR_REALM
    if (r.state !== RealmState.ACTIVE) return Rmi.ERROR_REALM | (1 << 8)
    if (!rec.runnable) return Rmi.ERROR_REC
    if (rec.psciPending) return Rmi.ERROR_REC
    if (o.badGic === true) return Rmi.ERROR_REC
    const flags = o.flags ?? 0
    const dataAbort =
      rec.lastEsr !== 0 && rec.lastEsr < EC_INSTRUCTION_ABORT + 0x20000000 && rec.lastEsr >= EC_DATA_ABORT
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

  /** PSCI_COMPLETE(calling, target, status): the host's answer to a CPU_ON that left with PSCI. */
  psciComplete(callingPa: number, targetPa: number, status: number): number {
    this.noOutputs()
    const calling = this.rec(callingPa)
    const target = this.rec(targetPa)
    if (calling === undefined || target === undefined || calling === target) return Rmi.ERROR_INPUT
    if (!calling.psciPending) return Rmi.ERROR_INPUT
    if (calling.realm !== target.realm || (calling.psciTarget !== null && calling.psciTarget !== target.mpidr))
      return Rmi.ERROR_INPUT
    if (status !== PSCI_SUCCESS && status !== PSCI_DENIED) return Rmi.ERROR_INPUT
    if (status === PSCI_SUCCESS) target.runnable = true
    calling.psciPending = false
    calling.psciTarget = null
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
      rec.dev = { ...noDevRequest(), addr: d.addr, pa: d.pa }
      return true
    }
    return this.finishVdevCall(rec)
  }

  /** Ends an RSI call on a VDEV once the host has named it. Added by the layer that has devices. */
  protected finishVdevCall(_rec: Rec): boolean {
    return false
  }

  /** Begins an RSI call on a VDEV. Added by the layer that has devices. */
  protected vdevCall(_rec: Rec, _vdevId: number, _call: VdevCall): void {
    this.exit.rsi = [Rsi.ERROR_STATE, 0, 0]
  }
  protected rdevCall(_rec: Rec, _vdevId: number, _op: 'rdev_continue' | 'rdev_get_state'): void {
    this.exit.rsi = [Rsi.ERROR_STATE, 0, 0]
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
        this.requestDevMem(rec, a.base, a.top, a.pa)
        return
      case 'vdev':
        this.vdevCall(rec, a.vdevId, a.call)
        return
      case 'rdev_continue':
      case 'rdev_get_state':
        this.rdevCall(rec, a.vdevId, a.op)
        return
      case 'psci':
        this.exit.reason = Exit.PSCI
        if (a.call === 'SYSTEM_OFF') this.systemOff(rec.realm)
        else {
          rec.psciPending = true
          rec.psciTarget = a.mpidr ?? null
        }
        return
      case 'host_call':
        this.exit.reason = Exit.HOST_CALL
        rec.hostCall = true
        return
    }
  }

  protected regionInPar(r: Realm, base: number, top: number): boolean {
    return base >= 0 && top > base && top <= parEnd(r.geo)
  }

  /** RSI_IPA_STATE_SET: leaves with RIPAS_CHANGE, or returns ERROR_INPUT to the Realm without an exit. */
  private ipaStateSet(rec: Rec, base: number, top: number, ripas: number, destroyed: boolean): void {
    if (
      ripas > Ripas.RAM ||
      ripas < 0 ||
      !aligned(base, PAGE) ||
      !aligned(top, PAGE) ||
      top <= base ||
      !this.regionInPar(rec.realm, base, top)
    ) {
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

  private requestDevMem(rec: Rec, base: number, top: number, pa: number): void {
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || !aligned(pa, PAGE) || !this.regionInPar(rec.realm, base, top)) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return
    }
    rec.dev = { ...noDevRequest(), base, top, addr: base, pa }
    this.exit.reason = Exit.DEV_MEM_MAP
    this.exit.dev = { base, top, pa, vdevId: 0 }
  }

  /**
   * A stage-2 abort of the Realm: injected as SEA when the address can never be repaired by the host, else reported to
   * it (section 3, "Realm CPU access").
   */
  private abort(
    rec: Rec,
    a: { readonly ipa: number; readonly level: number; readonly write: boolean; readonly fetch?: boolean }
  ): void {
    const r = rec.realm
    const outside = a.ipa >= ipaEnd(r.geo)
    const par = !outside && this.inPar(r, a.ipa)
    if (outside || (par && this.ripasOf(r, a.ipa) === Ripas.EMPTY) || (!par && a.fetch === true)) {
      this.exit.sea = true
      return
    }
    const fsc = FSC_TRANSLATION + a.level
    const emulatable = !par
    const esr =
      (a.fetch === true ? EC_INSTRUCTION_ABORT : EC_DATA_ABORT) +
      fsc +
      (emulatable ? ISV + SAS_DOUBLEWORD + (a.write ? WNR : 0) : 0)
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
}

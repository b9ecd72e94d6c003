// VDEV commands and the RSI calls on them: a device interface given to a Realm. Who may lock, start and DMA-enable it
// is decided here. Source: TF-RMM runtime/rmi/vdev.c and runtime/rsi/vdev.c, main of July 2026 (2.0) and of v0.8.0's
// time (1.x), read; reference arm-cca.md section 8; conditions as in the specification's compliance suite. No recording
// holds a device command.
import { Exit, Granule, Rmi, Rsi, rttError } from './codes.ts'
import { PAGE } from './common.ts'
import { lockInterface, startInterface, stopInterface, Tdi, tdiOf } from './device.ts'
import { Kind, KIND_MASK, paOf, XN } from './entry.ts'
import { aligned, ENTRIES, levelSize, PAGE_LEVEL } from './geometry.ts'
import {
  type AddressRange,
  Category,
  Comm,
  type CommEnter,
  commNames,
  commResult,
  type Pdev,
  PdevState,
  RmmPdev
} from './pdev.ts'
import type { Nonces, Rec, RdevRequest, RmmState, VdevCall, VdevInfo } from './state.ts'

export const VdevState = { NEW: 0, UNLOCKED: 1, LOCKED: 2, STARTED: 3, ERROR: 4 } as const
export const vdevStateNames = ['NEW', 'UNLOCKED', 'LOCKED', 'STARTED', 'ERROR'] as const

/** What a VDEV is doing; ended by VDEV_COMMUNICATE. */
export const VdevOp = { NONE: 0, UNLOCK: 1, LOCK: 2, START: 3, GET_MEAS: 4, GET_REPORT: 5 } as const
export const vdevOpNames = ['NONE', 'UNLOCK', 'LOCK', 'START', 'GET_MEAS', 'GET_REPORT'] as const

/** The host's parameter page of VDEV_CREATE. */
export interface VdevParams {
  readonly params: number
  readonly vdevId: number
  readonly tdiId?: number
  readonly flags?: number
  /** 1.x: auxiliary granules; none are needed, so any number but 0 is refused. */
  readonly numAux?: number
  /** 2.0: device address ranges, ascending, not overlapping. */
  readonly ranges?: readonly AddressRange[]
}

export interface Vdev {
  readonly granule: number
  readonly rd: number
  readonly pdev: number
  readonly id: number
  readonly tdiId: number
  readonly ranges: readonly AddressRange[]
  readonly slot: number
  state: number
  op: number
  comm: number
  /** V bit of its stream table entry: T=1 requests reach the Realm's stage 2. */
  ste: boolean
  nonces: Nonces
  /** Nonce that START_INTERFACE has to carry. */
  startNonce: number
  /** Digests of the last measurements and interface report, as values; 0 before there were any. */
  meas: number
  report: number
  /** Mapped pages and blocks (1.x). */
  maps: number
}

const RANGES_MOST = 4

export class RmmVdev extends RmmPdev {
  readonly vdevs = new Map<number, Vdev>()
  /** What VDEV commands answer when the VDEV is another Realm's: TF-RMM says DEVICE, the specification INPUT. */
  protected notOwner: number = Rmi.ERROR_DEVICE
  /** Nonces given out: each is used once. */
  private nonce = 0

  vdev(pa: number): Vdev | undefined {
    return this.granule(pa) === Granule.VDEV ? this.vdevs.get(pa) : undefined
  }

  // ---- creation

  /** VDEV_AUX_COUNT(pdev flags, vdev flags) of 1.x: x1 = 0. */
  vdevAuxCount(_pdevFlags: number, _vdevFlags: number): number {
    this.noOutputs()
    return this.da ? Rmi.SUCCESS : Rmi.ERROR_NOT_SUPPORTED
  }

  /** VDEV_CREATE(rd, pdev, vdev, params): the stream table entry is made, not valid yet. */
  vdevCreate(rd: number, pdevPa: number, pa: number, p: VdevParams): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    const ranges = p.ranges ?? []
    if (rd % PAGE !== 0 || pdevPa % PAGE !== 0 || pa % PAGE !== 0 || !this.nsReadable(p.params)) return Rmi.ERROR_INPUT
    if ((p.flags ?? 0) !== 0 || (p.numAux ?? 0) !== 0 || ranges.length > RANGES_MOST || !ascending(ranges))
      return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    const pd = this.pdev(pdevPa)
    if (r === undefined || pd === undefined) return Rmi.ERROR_INPUT
    const one = this.generation === '1.x'
    const free = this.granule(pa) === Granule.DELEGATED
    if (one && !free) return Rmi.ERROR_INPUT
    if (!r.da) return Rmi.ERROR_REALM
    if (one) {
      if (r.vdevs > 0) return Rmi.ERROR_REALM
      if (pd.state !== PdevState.READY || pd.category !== Category.ENDPOINT_OFF_CHIP) return Rmi.ERROR_DEVICE
    } else {
      if (pd.category !== Category.ENDPOINT_OFF_CHIP && pd.category !== Category.ENDPOINT_ON_CHIP)
        return Rmi.ERROR_DEVICE
      if (pd.state !== PdevState.READY || pd.vdevs === pd.maxVdevs) return Rmi.ERROR_DEVICE
      if (pd.slots.some((s) => s !== null && overlap(s, ranges))) return Rmi.ERROR_INPUT
      if (!this.connectedStream(pd)) return Rmi.ERROR_DEVICE
      if (!free) return Rmi.ERROR_INPUT
    }
    const tdiId = p.tdiId ?? pd.pdevId
    if (this.steTaken(tdiId)) return Rmi.ERROR_DEVICE
    let slot = pd.slots.indexOf(null)
    if (slot < 0) slot = pd.slots.length
    pd.slots[slot] = ranges
    pd.vdevs++
    r.vdevs++
    this.setGranule(pa, Granule.VDEV)
    this.content.own(pa)
    this.vdevs.set(pa, {
      granule: pa,
      rd,
      pdev: pdevPa,
      id: p.vdevId,
      tdiId,
      ranges,
      slot,
      state: VdevState.NEW,
      op: VdevOp.UNLOCK,
      comm: Comm.PENDING,
      ste: false,
      nonces: { lock: 0, meas: 0, report: 0 },
      startNonce: 0,
      meas: 0,
      report: 0,
      maps: 0
    })
    return Rmi.SUCCESS
  }

  /** A stream table entry for this requester exists. */
  private steTaken(tdiId: number): boolean {
    for (const v of this.vdevs.values()) if (v.tdiId === tdiId) return true
    return false
  }

  /**
   * VDEV_DESTROY(rd, pdev, vdev): only when it was never locked, or is unlocked again; the stream table entry goes with
   * it.
   */
  vdevDestroy(rd: number, pdevPa: number, pa: number): number {
    this.noOutputs()
    const f = this.owned(rd, pdevPa, pa, this.notOwner)
    if (typeof f === 'number') return f
    const { v, pd } = f
    if (v.state !== VdevState.NEW && v.state !== VdevState.UNLOCKED) return Rmi.ERROR_DEVICE
    if (v.maps !== 0) return Rmi.ERROR_DEVICE
    if (v.ste) this.stops('assertion', 'a VDEV is destroyed while its stream table entry is valid', Rmi.ERROR_DEVICE)
    const r = this.realm(rd)
    if (r !== undefined) r.vdevs--
    pd.slots[v.slot] = null
    pd.vdevs--
    this.vdevs.delete(pa)
    this.setGranule(pa, Granule.DELEGATED)
    return Rmi.SUCCESS
  }

  /** The VDEV with its PDEV, or the word that refuses them. `notOwner` answers a VDEV of another Realm. */
  private owned(
    rd: number,
    pdevPa: number,
    pa: number,
    notOwner: number
  ): { readonly v: Vdev; readonly pd: Pdev } | number {
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    if (this.realm(rd) === undefined) return Rmi.ERROR_INPUT
    const pd = this.pdev(pdevPa)
    const v = this.vdev(pa)
    if (pd === undefined || v === undefined) return Rmi.ERROR_INPUT
    if (v.rd !== rd) return notOwner
    return v.pdev === pdevPa ? { v, pd } : Rmi.ERROR_DEVICE
  }

  // ---- life cycle

  /** VDEV_GET_STATE(vdev): x1 = state. */
  vdevGetState(pa: number): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    const v = this.vdev(pa)
    if (v === undefined) return Rmi.ERROR_INPUT
    this.x1 = v.state
    return Rmi.SUCCESS
  }

  /** VDEV_LOCK(rd, pdev, vdev): LOCK_INTERFACE will be sent by the next communication. */
  vdevLock(rd: number, pdevPa: number, pa: number): number {
    return this.begin(
      rd,
      pdevPa,
      pa,
      Rmi.ERROR_INPUT,
      VdevOp.LOCK,
      (v) => v.state === VdevState.UNLOCKED && v.comm === Comm.IDLE
    )
  }

  /** VDEV_START(rd, pdev, vdev): START_INTERFACE with the nonce of the lock. DMA stays off. */
  vdevStart(rd: number, pdevPa: number, pa: number): number {
    return this.begin(
      rd,
      pdevPa,
      pa,
      Rmi.ERROR_INPUT,
      VdevOp.START,
      (v) => v.state === VdevState.LOCKED && v.comm === Comm.IDLE
    )
  }

  /** VDEV_GET_INTERFACE_REPORT(rd, pdev, vdev): of a locked or started interface. */
  vdevGetInterfaceReport(rd: number, pdevPa: number, pa: number): number {
    return this.begin(
      rd,
      pdevPa,
      pa,
      this.notOwner,
      VdevOp.GET_REPORT,
      (v) => (v.state === VdevState.LOCKED || v.state === VdevState.STARTED) && v.comm === Comm.IDLE
    )
  }

  /** VDEV_GET_MEASUREMENTS(rd, pdev, vdev, params): in any state; the device's other communication must be at rest. */
  vdevGetMeasurements(rd: number, pdevPa: number, pa: number, params: number): number {
    this.noOutputs()
    const f = this.owned(rd, pdevPa, pa, this.notOwner)
    if (typeof f === 'number') return f
    if (f.pd.comm !== Comm.IDLE) return Rmi.ERROR_DEVICE
    if (!this.nsReadable(params)) return Rmi.ERROR_INPUT
    f.v.op = VdevOp.GET_MEAS
    f.v.comm = Comm.PENDING
    return Rmi.SUCCESS
  }

  private begin(
    rd: number,
    pdevPa: number,
    pa: number,
    notOwner: number,
    op: number,
    ready: (v: Vdev) => boolean
  ): number {
    this.noOutputs()
    const f = this.owned(rd, pdevPa, pa, notOwner)
    if (typeof f === 'number') return f
    if (!ready(f.v)) return Rmi.ERROR_DEVICE
    if (op === VdevOp.LOCK) f.v.startNonce = 0
    f.v.op = op
    f.v.comm = Comm.PENDING
    return Rmi.SUCCESS
  }

  /**
   * VDEV_UNLOCK(rd, pdev, vdev): no device granule of its ranges is mapped (x1 = the first that is); DMA stops at once,
   * the interface at the next communication.
   */
  vdevUnlock(rd: number, pdevPa: number, pa: number): number {
    this.noOutputs()
    const f = this.owned(rd, pdevPa, pa, this.notOwner)
    if (typeof f === 'number') return f
    const { v } = f
    if (v.state !== VdevState.LOCKED && v.state !== VdevState.STARTED && v.state !== VdevState.ERROR)
      return Rmi.ERROR_DEVICE
    if (v.comm !== Comm.IDLE) return Rmi.ERROR_DEVICE
    const mapped = this.generation === '2.0' ? this.mappedIn(v.ranges) : -1
    if (mapped >= 0) {
      this.x1 = mapped
      return Rmi.ERROR_GRANULE
    }
    if (v.maps !== 0) return Rmi.ERROR_DEVICE
    v.ste = false
    v.op = VdevOp.UNLOCK
    v.comm = Comm.PENDING
    return Rmi.SUCCESS
  }

  /**
   * The first mapped device granule of these ranges, or -1. Granules outside the device ranges the RMM knows do not
   * count.
   */
  private mappedIn(ranges: readonly AddressRange[]): number {
    const { base, granules } = this.dev.range
    for (const r of ranges) {
      const end = Math.min(r.top, base + granules * PAGE)
      for (let a = Math.max(r.base, base); a < end; a += PAGE) if (this.devGranule(a) === Granule.MAPPED) return a
    }
    return -1
  }

  /**
   * VDEV_ABORT([rd, pdev,] vdev): gives up a communication; the VDEV is in ERROR and has to be unlocked. v0.8.0 has the
   * last argument only.
   */
  vdevAbort(pa: number, of?: { readonly rd: number; readonly pdev: number }): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    if (of !== undefined && (this.realm(of.rd) === undefined || this.pdev(of.pdev) === undefined))
      return Rmi.ERROR_INPUT
    const v = this.vdev(pa)
    if (v === undefined) return Rmi.ERROR_INPUT
    if (of !== undefined && v.rd !== of.rd && this.generation === '1.x') return Rmi.ERROR_INPUT
    if (v.comm === Comm.IDLE) return Rmi.ERROR_DEVICE
    if (of !== undefined && (v.rd !== of.rd || v.pdev !== of.pdev)) return Rmi.ERROR_DEVICE
    v.state = VdevState.ERROR
    v.comm = Comm.IDLE
    return Rmi.SUCCESS
  }

  // ---- communication

  /** VDEV_COMMUNICATE(rd, pdev, vdev, data): one step; the operation takes effect when the device has answered. */
  vdevCommunicate(rd: number, pdevPa: number, pa: number, enter: CommEnter): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    const pd = this.pdev(pdevPa)
    const v = this.vdev(pa)
    if (this.realm(rd) === undefined || pd === undefined || v === undefined || v.rd !== rd) return Rmi.ERROR_INPUT
    if (this.granule(enter.data) !== Granule.NS) return Rmi.ERROR_INPUT
    if (v.pdev !== pdevPa) return Rmi.ERROR_DEVICE
    const status = this.commArgs(v.comm, pd.comm, enter)
    if (status !== Rmi.SUCCESS) return status
    // Nothing has to be said to a device that was never locked.
    const silent = v.op === VdevOp.UNLOCK && v.state === VdevState.NEW
    let result = silent ? ('success' as const) : this.exchange(v.comm === Comm.ACTIVE, enter)
    if (result === 'success' && !silent && !this.tellDevice(v, pd)) result = 'error'
    v.comm = commResult(result)
    if (v.comm === Comm.ERROR) v.state = VdevState.ERROR
    else if (v.comm === Comm.IDLE) this.afterVdev(v)
    return Rmi.SUCCESS
  }

  /** The TDISP or measurement request of the operation under way; false: the device refused. */
  private tellDevice(v: Vdev, pd: Pdev): boolean {
    const { dsm } = pd
    const tdi = tdiOf(dsm, v.tdiId)
    switch (v.op) {
      case VdevOp.LOCK: {
        const locked = lockInterface(dsm, v.tdiId)
        v.startNonce = tdi.nonce
        return locked
      }
      case VdevOp.START:
        return startInterface(dsm, v.tdiId, v.startNonce)
      case VdevOp.UNLOCK:
        return stopInterface(dsm, v.tdiId)
      case VdevOp.GET_REPORT:
        if (!dsm.session || (tdi.state !== Tdi.CONFIG_LOCKED && tdi.state !== Tdi.RUN)) return false
        v.report = tdi.report
        this.commExit.cache = true
        return true
      default:
        if (!dsm.session) return false
        v.meas = dsm.measurement
        this.commExit.cache = true
        return true
    }
  }

  private afterVdev(v: Vdev): void {
    switch (v.op) {
      case VdevOp.UNLOCK:
        v.state = VdevState.UNLOCKED
        break
      case VdevOp.LOCK:
        v.state = VdevState.LOCKED
        v.nonces.lock = ++this.nonce
        break
      case VdevOp.START:
        v.state = VdevState.STARTED
        break
      case VdevOp.GET_MEAS:
        v.nonces.meas = ++this.nonce
        break
      case VdevOp.GET_REPORT:
        v.nonces.report = ++this.nonce
        break
    }
    v.op = VdevOp.NONE
  }

  /** VDEV_COMPLETE(rec, vdev): the host says which VDEV the identifier of a waiting RSI call means. */
  vdevComplete(recPa: number, pa: number): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    const rec = this.rec(recPa)
    const v = this.vdev(pa)
    if (rec === undefined || v === undefined || rec.vdev === null || rec.vdev.vdev !== 0) return Rmi.ERROR_INPUT
    if (rec.realm.rd !== v.rd || rec.vdev.vdevId !== v.id) return Rmi.ERROR_INPUT
    if (this.generation === '2.0' && v.comm !== Comm.IDLE) return Rmi.ERROR_DEVICE
    rec.vdev.vdev = pa
    return Rmi.SUCCESS
  }

  // ---- RSI

  protected override vdevCall(rec: Rec, vdevId: number, call: VdevCall): void {
    if (!rec.realm.da) {
      this.exit.rsi = [Rsi.ERROR_STATE, 0, 0]
      return
    }
    if (!this.callArgs(rec, call)) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return
    }
    rec.vdev = { vdevId, vdev: 0, call }
    this.exit.reason = Exit.VDEV_REQUEST
    this.exit.vdevId = vdevId
  }

  /** What is checked before the host is asked: addresses only. */
  private callArgs(rec: Rec, call: VdevCall): boolean {
    switch (call.op) {
      case 'get_info':
        return aligned(call.ipa, 512) && call.ipa >= 0 && this.inPar(rec.realm, call.ipa)
      case 'validate_mapping':
        return (
          aligned(call.base, PAGE) &&
          aligned(call.top, PAGE) &&
          aligned(call.pa, PAGE) &&
          this.regionInPar(rec.realm, call.base, call.top)
        )
      default:
        return true
    }
  }

  /**
   * The second half of an RSI call, at the next entry: an error when the host has named no VDEV. False: there was no
   * call.
   */
  protected override finishVdevCall(rec: Rec): boolean {
    const q = rec.vdev
    if (q === null) return false
    rec.vdev = null
    const v = this.vdev(q.vdev)
    if (v === undefined) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return true
    }
    const { call } = q
    switch (call.op) {
      case 'get_info':
        this.exit.rsi = this.getInfo(rec, v, call.ipa)
        return true
      case 'dma_enable':
        this.exit.rsi = [this.dmaEnable(v, call.nonces), 0, 0]
        return true
      case 'dma_disable':
        v.ste = false
        this.exit.rsi = [Rsi.SUCCESS, 0, 0]
        return true
      case 'rdev':
        this.exit.rsi = this.rdevRequest(v, call.request)
        return true
      case 'validate_mapping':
        return this.validateMapping(rec, v, call)
    }
  }

  private getInfo(rec: Rec, v: Vdev, ipa: number): readonly [number, number, number] {
    this.walk(rec.realm, ipa, PAGE_LEVEL)
    if (((this.wTable.kind[this.wIndex] as number) & KIND_MASK) !== Kind.ASSIGNED_RAM) return [Rsi.ERROR_INPUT, 0, 0]
    const pd = this.pdev(v.pdev)
    // NEW looks UNLOCKED to the Realm.
    const info: VdevInfo = {
      state: v.state === VdevState.NEW ? 0 : v.state - 1,
      nonces: { ...v.nonces },
      vca: pd?.vca ?? 0,
      cert: pd?.cert ?? 0,
      meas: v.meas,
      report: v.report
    }
    this.exit.info = info
    return [Rsi.SUCCESS, 0, 0]
  }

  /** RSI_VDEV_DMA_ENABLE: a started interface, and all evidence as the Realm saw it. */
  private dmaEnable(v: Vdev, given: Partial<Nonces>): number {
    if (v.state !== VdevState.STARTED || !fresh(v, given)) return Rsi.ERROR_DEVICE
    v.ste = true
    return Rsi.SUCCESS
  }

  /** RSI_VDEV_VALIDATE_MAPPING: leaves again, for the host to map and validate. */
  private validateMapping(rec: Rec, v: Vdev, c: Extract<VdevCall, { op: 'validate_mapping' }>): boolean {
    if (v.state !== VdevState.LOCKED && v.state !== VdevState.STARTED) {
      this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
      return true
    }
    if (!fresh(v, c.nonces)) {
      this.exit.rsi = [Rsi.ERROR_DEVICE, 0, 0]
      return true
    }
    rec.dev = { base: c.base, top: c.top, addr: c.base, pa: c.pa, vdevId: v.id, nonces: { ...v.nonces } }
    this.exit.reason = Exit.DEV_MEM_MAP
    this.exit.dev = { base: c.base, top: c.top, pa: c.pa, vdevId: v.id }
    // The exit is this entry's only event: nothing of the Realm's next action has begun.
    this.exit.completed = true
    return true
  }

  /** RSI_RDEV_* of 1.x: the Realm asks the RMM to talk to the device, and goes on with RDEV_CONTINUE. */
  private rdevRequest(v: Vdev, request: RdevRequest): readonly [number, number, number] {
    if (request === 'get_instance_id') return [Rsi.SUCCESS, v.granule, 0]
    const need: Readonly<
      Record<Exclude<RdevRequest, 'get_instance_id'>, { readonly op: number; readonly states: readonly number[] }>
    > = {
      lock: { op: VdevOp.LOCK, states: [VdevState.UNLOCKED] },
      start: { op: VdevOp.START, states: [VdevState.LOCKED] },
      stop: { op: VdevOp.UNLOCK, states: [VdevState.LOCKED, VdevState.STARTED, VdevState.ERROR] },
      get_measurements: { op: VdevOp.GET_MEAS, states: [VdevState.UNLOCKED, VdevState.LOCKED, VdevState.STARTED] },
      get_interface_report: { op: VdevOp.GET_REPORT, states: [VdevState.LOCKED, VdevState.STARTED] }
    }
    const { op, states } = need[request]
    if (!states.includes(v.state) || v.comm !== Comm.IDLE) return [Rsi.ERROR_STATE, 0, 0]
    if (op === VdevOp.UNLOCK) v.ste = false
    v.op = op
    v.comm = Comm.PENDING
    return [Rsi.SUCCESS, 0, 0]
  }

  protected override rdevCall(rec: Rec, vdevId: number, op: 'rdev_continue' | 'rdev_get_state'): void {
    const v = [...this.vdevs.values()].find((x) => x.rd === rec.realm.rd && x.id === vdevId)
    if (!rec.realm.da) this.exit.rsi = [Rsi.ERROR_STATE, 0, 0]
    else if (v === undefined) this.exit.rsi = [Rsi.ERROR_INPUT, 0, 0]
    else if (op === 'rdev_get_state') this.exit.rsi = [Rsi.SUCCESS, v.state === VdevState.NEW ? 0 : v.state - 1, 0]
    else if (v.comm === Comm.ERROR) this.exit.rsi = [Rsi.ERROR_DEVICE, 0, 0]
    else if (v.comm === Comm.IDLE) this.exit.rsi = [Rsi.SUCCESS, 0, 0]
    else {
      this.exit.reason = Exit.VDEV_COMM
      this.exit.vdevId = vdevId
      this.exit.rsi = [Rsi.INCOMPLETE, 0, 0]
    }
  }

  // ---- device memory

  /**
   * RTT_DEV_MEM_VALIDATE / RTT_DEV_VALIDATE(rd, rec, base, top): the part of a Realm's device mapping request that one
   * table holds; x1 = where it got to.
   */
  protected devValidate(rd: number, recPa: number, base: number, top: number): number {
    this.noOutputs()
    if (top <= base || !aligned(top, PAGE)) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    const rec = this.rec(recPa)
    if (r === undefined || rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running || rec.realm !== r) return Rmi.ERROR_REC
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

  // ---- copies

  protected copyVdevs(o: RmmVdev): void {
    this.vdevs.clear()
    for (const [pa, v] of o.vdevs) this.vdevs.set(pa, { ...v, nonces: { ...v.nonces } })
    this.nonce = o.nonce
  }

  protected override copyFrom(o: RmmState): void {
    super.copyFrom(o)
    if (!(o instanceof RmmVdev)) return
    this.copyOperations(o, (t) => this.tables.get(t.granule) ?? t)
    this.copyPdevs(o)
    this.copyVdevs(o)
  }

  override describe(): string {
    const lines = [super.describe()]
    for (const v of [...this.vdevs.values()].sort((a, b) => a.granule - b.granule)) {
      lines.push(
        `vdev ${v.granule.toString(16)} ${v.rd.toString(16)} ${v.pdev.toString(16)} id=${v.id} tdi=${v.tdiId} ` +
          `${vdevStateNames[v.state]} ${vdevOpNames[v.op]} ${commNames[v.comm]} ste=${v.ste} ${v.nonces.lock},` +
          `${v.nonces.meas},${v.nonces.report} ${v.meas},${v.report}`
      )
    }
    return lines.join('\n')
  }
}

/** The nonces a Realm gave are those of this moment; what it did not give it has just read. */
const fresh = (v: Vdev, n: Partial<Nonces>): boolean =>
  (n.lock ?? v.nonces.lock) === v.nonces.lock &&
  (n.meas ?? v.nonces.meas) === v.nonces.meas &&
  (n.report ?? v.nonces.report) === v.nonces.report

function ascending(ranges: readonly AddressRange[]): boolean {
  let last = 0
  for (const r of ranges) {
    if (r.base >= r.top || r.base < last) return false
    last = r.top
  }
  return true
}

const overlap = (a: readonly AddressRange[], b: readonly AddressRange[]): boolean =>
  a.some((x) => b.some((y) => x.base < y.top && y.base < x.top))

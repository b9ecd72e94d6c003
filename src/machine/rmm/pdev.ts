// PDEV commands: physical devices, their streams, and how the host carries messages between the RMM and a device.
// Source: TF-RMM runtime/rmi/pdev.c, main of July 2026 (2.0) and of v0.8.0's time (1.x), read; conditions as in the
// specification's compliance suite. No recording holds a device command.
import { Granule, HashAlgo, Rmi } from './codes.ts'
import { PAGE } from './common.ts'
import { copyDsm, type DsmState, endSession, newDsm } from './device.ts'
import { type ObjectOperation, RmmOperations } from './operations.ts'

/** States of a PDEV in both generations; their values differ, see `pdevStateValue`. */
export const PdevState = {
  NEW: 0,
  NEEDS_KEY: 1,
  HAS_KEY: 2,
  READY: 3,
  IDE_RESETTING: 4,
  COMMUNICATING: 5,
  STOPPING: 6,
  STOPPED: 7,
  ERROR: 8
} as const
export const pdevStateNames = [
  'NEW',
  'NEEDS_KEY',
  'HAS_KEY',
  'READY',
  'IDE_RESETTING',
  'COMMUNICATING',
  'STOPPING',
  'STOPPED',
  'ERROR'
] as const

/** The number PDEV_GET_STATE returns. In 2.0 operations have their own state, so three of the nine are gone. */
export function pdevStateValue(generation: '1.x' | '2.0', state: number): number {
  if (generation === '1.x' || state <= PdevState.READY) return state
  return state === PdevState.STOPPED ? 4 : 5
}

/** Communication of a PDEV or VDEV with its device. */
export const Comm = { IDLE: 0, PENDING: 1, ACTIVE: 2, ERROR: 3 } as const
export const commNames = ['IDLE', 'PENDING', 'ACTIVE', 'ERROR'] as const

/** What a PDEV is doing (2.0). */
export const PdevOp = {
  NONE: 0,
  STOP: 1,
  CONNECT: 2,
  DISCONNECT: 3,
  KEY_REFRESH: 4,
  KEY_PURGE: 5,
  STREAM_COMPLETE: 6
} as const

export const Category = { ENDPOINT_OFF_CHIP: 0, ENDPOINT_ON_CHIP: 1, ROOT_PORT: 2, CMEM_CXL: 3 } as const

/** Streams of an endpoint; only the non-coherent IDE one can be connected. */
export const StreamType = { NCOH: 0, COH: 1, NCOH_SYS: 2, COH_SYS: 3 } as const
const STREAM_TYPES = 4
const StreamState = { DISCONNECTED: 0, CONNECTING: 1, CONNECTED: 2, DISCONNECTING: 3, KEY_REFRESHING: 4 } as const
/**
 * How far two PDEVs have got with one stream operation: the root port is first, the endpoint talks to the device, the
 * root port ends it.
 */
const StreamOp = { NONE: 0, START: 1, RP_READY: 2, EP_READY: 3, RP_CONNECTED: 4 } as const

export interface PdevStream {
  taken: boolean
  state: number
  op: number
  peer: number
  sid: number
}

export interface AddressRange {
  readonly base: number
  readonly top: number
}

/** The host's parameter page of PDEV_CREATE. */
export interface PdevParams {
  readonly params: number
  /** Auxiliary granules. In 2.0 they are donated; where they stand here, the whole operation is carried out. */
  readonly aux?: readonly number[]
  readonly numAux?: number
  readonly category?: number
  readonly spdm?: boolean
  readonly ncohIde?: boolean
  readonly cohIde?: boolean
  readonly cohAddr?: boolean
  readonly p2p?: boolean
  /** 1.x: comprehensive instead of selective trust, which the firmware does not support. */
  readonly trustComp?: boolean
  /** Flag bits the firmware does not know. */
  readonly flags?: number
  readonly pdevId?: number
  readonly segment?: number
  readonly ridBase?: number
  readonly ridTop?: number
  readonly certId?: number
  /** 1.x: IDE selective stream identifier. */
  readonly ideSid?: number
  readonly numAddrRange?: number
  readonly hash?: number
  /** What EL3 says: the host bridge or the device identifier is unknown. */
  readonly unknownId?: boolean
}

export interface Pdev {
  readonly granule: number
  state: number
  comm: number
  op: number
  opStream: number
  readonly category: number
  readonly ncohIde: boolean
  readonly pdevId: number
  readonly aux: readonly number[]
  readonly maxVdevs: number
  vdevs: number
  /** Address ranges of its VDEVs, by slot. */
  readonly slots: Array<readonly AddressRange[] | null>
  readonly streams: PdevStream[]
  /** Root port: the endpoint whose stream object it works on; 0 none. */
  streamOwner: number
  associated: number
  certId: number
  readonly hash: number
  /** Digests as values: 0 until the device has said them. */
  vca: number
  cert: number
  readonly dsm: DsmState
  /** A request is with the device; the host has to bring the answer. */
  yielded: boolean
}

/** What the host puts into RmiDevCommEnter. Absent: what a well-behaved host would put there. */
export interface CommEnter {
  readonly data: number
  readonly status?: 'NONE' | 'SUCCESS' | 'ERROR' | 'RESPONSE'
  readonly req?: number
  readonly resp?: number
  readonly respLen?: number
  /**
   * What the device does with the request: it answers (default), answers with an error, or goes on asking for another
   * exchange.
   */
  readonly device?: 'ok' | 'error' | 'more'
}

/** What the RMM leaves in RmiDevCommExit. */
export interface CommExit {
  request: boolean
  streamWait: boolean
  cache: boolean
}

type CommResult = 'blocked' | 'error' | 'success'

export const PublicKeyAlgo = { RSASSA_3072: 0, ECDSA_P256: 1, ECDSA_P384: 2 } as const
const KEY_SIZE: Readonly<Record<number, number>> = { 0: 384, 1: 65, 2: 97 }
const KEY_MOST = 1024
/**
 * Auxiliary granules a PDEV of v0.8.0 needs; in 2.0 three more for streams and ranges are in it. The number is a
 * build's, not the specification's.
 */
export const PDEV_AUX_COUNT = 21
const MAX_VDEVS = 512

export class RmmPdev extends RmmOperations {
  readonly pdevs = new Map<number, Pdev>()
  commExit: CommExit = { request: false, streamWait: false, cache: false }

  pdev(pa: number): Pdev | undefined {
    return this.granule(pa) === Granule.PDEV ? this.pdevs.get(pa) : undefined
  }

  /** Device assignment is there at all; without it every command here answers that it is not supported. */
  protected get da(): boolean {
    return this.features.da
  }

  // ---- creation

  /** PDEV_AUX_COUNT(flags) of 1.x: x1 = auxiliary granules. */
  pdevAuxCount(_flags: number): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    this.x1 = PDEV_AUX_COUNT
    return Rmi.SUCCESS
  }

  /**
   * PDEV_CREATE(pdev, params). In 2.0 an endpoint's auxiliary memory is donated before the object exists; a root port
   * has none.
   */
  pdevCreate(pa: number, p: PdevParams): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    if (pa % PAGE !== 0 || !this.nsReadable(p.params)) return Rmi.ERROR_INPUT
    return this.generation === '1.x' ? this.pdevCreate1(pa, p) : this.pdevCreate2(pa, p)
  }

  private pdevCreate1(pa: number, p: PdevParams): number {
    if (
      p.spdm === false ||
      p.ncohIde === false ||
      p.cohIde === true ||
      p.cohAddr === true ||
      p.p2p === true ||
      p.trustComp === true
    )
      return Rmi.ERROR_NOT_SUPPORTED
    if ((p.category ?? Category.ENDPOINT_OFF_CHIP) !== Category.ENDPOINT_OFF_CHIP) return Rmi.ERROR_NOT_SUPPORTED
    const aux = p.aux ?? []
    if ((p.numAux ?? aux.length) !== PDEV_AUX_COUNT) return Rmi.ERROR_INPUT
    if ((p.ideSid ?? 0) > 31) return Rmi.ERROR_INPUT
    if ((p.numAddrRange ?? 0) > 16) return Rmi.ERROR_INPUT
    if ((p.hash ?? 0) !== HashAlgo.SHA256 && p.hash !== HashAlgo.SHA512) return Rmi.ERROR_INPUT
    if (p.unknownId === true) return Rmi.ERROR_INPUT
    const taken: number[] = []
    const fail = (): number => {
      for (const a of taken) this.setGranule(a, Granule.DELEGATED)
      return Rmi.ERROR_INPUT
    }
    for (let i = 0; i < PDEV_AUX_COUNT; i++) {
      const a = aux[i] ?? -1
      if (this.granule(a) !== Granule.DELEGATED) return fail()
      this.setGranule(a, Granule.PDEV_AUX)
      taken.push(a)
    }
    if (this.granule(pa) !== Granule.DELEGATED) return fail()
    this.addPdev(pa, p, taken)
    return Rmi.SUCCESS
  }

  private pdevCreate2(pa: number, p: PdevParams): number {
    const category = p.category ?? Category.ENDPOINT_OFF_CHIP
    const root = category === Category.ROOT_PORT
    const span = (p.ridTop ?? 1) - (p.ridBase ?? 0)
    if (!root && (span <= 0 || span > MAX_VDEVS)) return Rmi.ERROR_INPUT
    if (
      !root &&
      p.hash !== undefined &&
      p.hash !== HashAlgo.SHA256 &&
      p.hash !== HashAlgo.SHA512 &&
      p.hash !== HashAlgo.SHA384
    )
      return Rmi.ERROR_INPUT
    if ((p.flags ?? 0) !== 0) return Rmi.ERROR_INPUT
    if (category === Category.ENDPOINT_OFF_CHIP ? p.spdm === false : !root) return Rmi.ERROR_NOT_SUPPORTED
    if ((p.segment ?? 0) > 0xffff || (p.pdevId ?? 0) > 0xffff || p.unknownId === true) return Rmi.ERROR_INPUT
    if (this.granule(pa) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    if (root) {
      this.addPdev(pa, p, [])
      return Rmi.SUCCESS
    }
    const word = this.beginCreate('PDEV_CREATE', pa, Granule.PDEV_AUX, PDEV_AUX_COUNT + 2 + Math.ceil(span / 16), p)
    return p.aux === undefined ? word : this.drive(word, p.aux)
  }

  protected override create(op: ObjectOperation): number {
    if (op.command !== 'PDEV_CREATE') return super.create(op)
    this.addPdev(op.object, op.args as PdevParams, op.taken)
    return Rmi.SUCCESS
  }

  private addPdev(pa: number, p: PdevParams, aux: readonly number[]): void {
    const maxVdevs = p.category === Category.ROOT_PORT ? 0 : (p.ridTop ?? 1) - (p.ridBase ?? 0)
    this.setGranule(pa, Granule.PDEV)
    for (const a of [pa, ...aux]) this.content.own(a)
    this.pdevs.set(pa, {
      granule: pa,
      state: PdevState.NEW,
      comm: Comm.PENDING,
      op: PdevOp.NONE,
      opStream: 0,
      category: p.category ?? Category.ENDPOINT_OFF_CHIP,
      ncohIde: p.ncohIde !== false,
      pdevId: p.pdevId ?? 0,
      aux: [...aux],
      maxVdevs: Math.max(1, maxVdevs),
      vdevs: 0,
      slots: [],
      streams: Array.from({ length: STREAM_TYPES }, () => newStream()),
      streamOwner: 0,
      associated: 0,
      certId: p.certId ?? 0,
      hash: p.hash ?? 0,
      vca: 0,
      cert: 0,
      dsm: newDsm(1 + (p.pdevId ?? 0)),
      yielded: false
    })
  }

  /** PDEV_DESTROY(pdev): a stopped PDEV. */
  pdevDestroy(pa: number, whole = true): number {
    this.noOutputs()
    const pd = this.pdevArg(pa)
    if (typeof pd === 'number') return pd
    if (pd.state !== PdevState.STOPPED) return Rmi.ERROR_DEVICE
    this.pdevs.delete(pa)
    if (this.generation === '2.0' && pd.category !== Category.ROOT_PORT) {
      const word = this.beginDestroy('PDEV_DESTROY', pa, Granule.PDEV_AUX, pd.aux)
      return whole ? this.drive(word, []) : word
    }
    for (const a of [...pd.aux, pa]) this.setGranule(a, Granule.DELEGATED)
    return Rmi.SUCCESS
  }

  /** The PDEV at an address, or the word that refuses it. */
  protected pdevArg(pa: number): Pdev | number {
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    return this.pdev(pa) ?? Rmi.ERROR_INPUT
  }

  // ---- life cycle

  /** PDEV_GET_STATE(pdev): x1 = state. */
  pdevGetState(pa: number): number {
    this.noOutputs()
    const pd = this.pdevArg(pa)
    if (typeof pd === 'number') return pd
    this.x1 = pdevStateValue(this.generation, pd.state)
    return Rmi.SUCCESS
  }

  /** PDEV_SET_PUBKEY(pdev, params): the key from the certificate chain that the host has cached. */
  pdevSetPubkey(
    pa: number,
    k: {
      readonly params: number
      readonly algo?: number
      readonly keyLen?: number
      readonly metadataLen?: number
      readonly bad?: boolean
    }
  ): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    if (pa % PAGE !== 0 || !this.nsReadable(k.params)) return Rmi.ERROR_INPUT
    const size = KEY_SIZE[k.algo ?? PublicKeyAlgo.ECDSA_P256]
    const length = k.keyLen ?? size ?? 0
    if (length > KEY_MOST || (k.metadataLen ?? 0) > KEY_MOST) return Rmi.ERROR_INPUT
    if (size === undefined || length !== size) return Rmi.ERROR_INPUT
    const pd = this.pdev(pa)
    if (pd === undefined) return Rmi.ERROR_INPUT
    if (pd.state !== PdevState.NEEDS_KEY || k.bad === true) return Rmi.ERROR_DEVICE
    pd.state = PdevState.HAS_KEY
    pd.comm = Comm.PENDING
    return Rmi.SUCCESS
  }

  /**
   * PDEV_STOP(pdev): no VDEVs, in 2.0 no streams and nothing under way; the device is told by the next communication.
   */
  pdevStop(pa: number): number {
    this.noOutputs()
    const pd = this.pdevArg(pa)
    if (typeof pd === 'number') return pd
    if (this.generation === '1.x') {
      if (pd.state === PdevState.COMMUNICATING || pd.state === PdevState.STOPPING || pd.state === PdevState.STOPPED)
        return Rmi.ERROR_DEVICE
      if (pd.vdevs !== 0) return Rmi.ERROR_DEVICE
      pd.state = PdevState.STOPPING
    } else {
      if (pd.comm !== Comm.IDLE || pd.associated > 0 || pd.vdevs !== 0) return Rmi.ERROR_DEVICE
      pd.op = PdevOp.STOP
    }
    pd.comm = Comm.PENDING
    return Rmi.SUCCESS
  }

  /**
   * PDEV_ABORT(pdev): gives up a communication. 1.x starts it anew, 2.0 leaves the PDEV idle with its operation undone.
   */
  pdevAbort(pa: number): number {
    this.noOutputs()
    const pd = this.pdevArg(pa)
    if (typeof pd === 'number') return pd
    if (this.generation === '1.x') {
      if (pd.state !== PdevState.NEW && pd.state !== PdevState.HAS_KEY && pd.state !== PdevState.COMMUNICATING)
        return Rmi.ERROR_DEVICE
      const back = pd.state === PdevState.COMMUNICATING
      if (back) pd.state = PdevState.READY
      pd.comm = back ? Comm.IDLE : Comm.PENDING
    } else {
      if (pd.comm === Comm.IDLE) return Rmi.ERROR_DEVICE
      pd.comm = Comm.IDLE
    }
    pd.yielded = false
    return Rmi.SUCCESS
  }

  /** PDEV_IDE_KEY_REFRESH(pdev, coherent) of 1.x. */
  pdevIdeKeyRefresh(pa: number, coherent: number): number {
    return this.ideCommand(pa, PdevState.COMMUNICATING, (pd) => (coherent === 0) === pd.ncohIde)
  }
  /** PDEV_IDE_RESET(pdev) of 1.x: with no VDEVs. */
  pdevIdeReset(pa: number): number {
    return this.ideCommand(pa, PdevState.IDE_RESETTING, (pd) => pd.vdevs === 0)
  }

  private ideCommand(pa: number, next: number, allowed: (pd: Pdev) => boolean): number {
    this.noOutputs()
    const pd = this.pdevArg(pa)
    if (typeof pd === 'number') return pd
    if (pd.state !== PdevState.READY || !allowed(pd)) return Rmi.ERROR_DEVICE
    pd.state = next
    pd.comm = Comm.PENDING
    return Rmi.SUCCESS
  }

  // ---- communication

  /** PDEV_COMMUNICATE(pdev, data): one step of the exchange; `commExit` is what the RMM asks the host to do next. */
  pdevCommunicate(pa: number, enter: CommEnter): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    const pd = this.pdev(pa)
    if (pd === undefined) return Rmi.ERROR_INPUT
    if (this.granule(enter.data) !== Granule.NS) return Rmi.ERROR_INPUT
    const status = this.commArgs(pd.comm, pd.comm, enter)
    if (status !== Rmi.SUCCESS) return status
    const result = this.pdevDispatch(pd, enter)
    pd.comm = commAfter(result)
    this.afterPdev(pd)
    return Rmi.SUCCESS
  }

  /**
   * What DEV_COMMUNICATE checks of both kinds: something is to be said, and the host's buffers are its own. `pending`
   * is the PDEV's.
   */
  protected commArgs(comm: number, pending: number, e: CommEnter): number {
    if (comm === Comm.IDLE || comm === Comm.ERROR) return Rmi.ERROR_DEVICE
    if (!this.nsReadable(e.data)) return Rmi.ERROR_INPUT
    const respLen = e.respLen ?? 64
    if ((e.req ?? e.data) % PAGE !== 0 || (e.resp ?? e.data) % PAGE !== 0 || respLen > PAGE) return Rmi.ERROR_INPUT
    if (e.status === 'RESPONSE' && respLen === 0) return Rmi.ERROR_INPUT
    if (!this.nsReadable(e.req ?? e.data) || !this.nsReadable(e.resp ?? e.data)) return Rmi.ERROR_INPUT
    if (pending === Comm.PENDING && e.status !== undefined && e.status !== 'NONE') return Rmi.ERROR_DEVICE
    this.commExit = { request: false, streamWait: false, cache: false }
    return Rmi.SUCCESS
  }

  /** One exchange with the device: the first step hands the host a request, the next one brings the answer. */
  protected exchange(began: boolean, e: CommEnter): CommResult {
    if (!began || e.device === 'more') {
      this.commExit.request = true
      return 'blocked'
    }
    return e.device === 'error' || e.status === 'ERROR' ? 'error' : 'success'
  }

  private pdevDispatch(pd: Pdev, e: CommEnter): CommResult {
    if (pd.category === Category.ROOT_PORT)
      return pd.op === PdevOp.STOP || pd.state !== PdevState.READY ? 'success' : this.rootPortStep(pd)
    if (!pd.yielded && pd.op !== PdevOp.STOP && this.generation === '2.0' && pd.state === PdevState.READY) {
      const wait = this.endpointWaits(pd)
      if (wait !== null) return wait
    }
    const result = this.exchange(pd.yielded, e)
    pd.yielded = result === 'blocked'
    // The endpoint has done its part of a stream operation: the root port ends it.
    if (result === 'success' && this.generation === '2.0' && pd.state === PdevState.READY && pd.op !== PdevOp.STOP) {
      streamOf(pd).op = StreamOp.EP_READY
      this.commExit.streamWait = true
      return 'blocked'
    }
    return result
  }

  private rootPortStep(pd: Pdev): CommResult {
    const owner = this.pdevs.get(pd.streamOwner)
    if (owner === undefined) {
      this.stops('assertion', 'a root port communicates with no stream operation', Rmi.ERROR_DEVICE)
      return 'error'
    }
    const s = owner.streams[pd.opStream] as PdevStream
    if (s.op === StreamOp.EP_READY) {
      s.op = StreamOp.RP_CONNECTED
      return 'success'
    }
    if (s.op === StreamOp.START) s.op = StreamOp.RP_READY
    this.commExit.streamWait = true
    return 'blocked'
  }

  /** Where an endpoint has to wait for its root port, or is done; null when it has to talk to the device. */
  private endpointWaits(pd: Pdev): CommResult | null {
    switch (streamOf(pd).op) {
      case StreamOp.START:
      case StreamOp.EP_READY:
        this.commExit.streamWait = true
        return 'blocked'
      case StreamOp.RP_CONNECTED:
        return 'success'
      default:
        return null
    }
  }

  /** What a finished or failed communication makes of a PDEV. */
  private afterPdev(pd: Pdev): void {
    if (pd.comm === Comm.ERROR) {
      pd.state = pd.state === PdevState.STOPPING ? PdevState.STOPPED : PdevState.ERROR
      return
    }
    if (pd.comm !== Comm.IDLE) return
    if (pd.op === PdevOp.STOP || pd.state === PdevState.STOPPING) {
      pd.state = PdevState.STOPPED
      pd.op = PdevOp.NONE
      endSession(pd.dsm)
      return
    }
    if (pd.state === PdevState.NEW) this.connected(pd)
    else if (pd.state !== PdevState.READY) {
      pd.state = PdevState.READY
      pd.dsm.session = true
    } else if (this.generation === '1.x') pd.state = PdevState.ERROR
    pd.op =
      pd.op === PdevOp.CONNECT || pd.op === PdevOp.DISCONNECT || pd.op === PdevOp.KEY_REFRESH
        ? PdevOp.STREAM_COMPLETE
        : PdevOp.NONE
  }

  /** The first exchange: version and certificate chain are known; an endpoint now needs its key. */
  private connected(pd: Pdev): void {
    if (pd.category === Category.ROOT_PORT) {
      pd.state = PdevState.READY
      return
    }
    pd.state = PdevState.NEEDS_KEY
    pd.vca = 1
    pd.cert = pd.dsm.certificate
    this.commExit.cache = true
  }

  // ---- streams (2.0)

  /** PDEV_STREAM_CONNECT(params): between an endpoint and its root port; x1 = handle of the stream. */
  pdevStreamConnect(p: {
    readonly params: number
    readonly pdev1: number
    readonly pdev2: number
    readonly type?: number
    readonly sid?: number
    readonly numAddrRange?: number
  }): number {
    this.noOutputs()
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    if (!this.nsReadable(p.params) || (p.numAddrRange ?? 0) > 16) return Rmi.ERROR_INPUT
    if ((p.type ?? StreamType.NCOH) !== StreamType.NCOH) return Rmi.ERROR_NOT_SUPPORTED
    const pair = this.pdevPair(p.pdev1, p.pdev2)
    if (pair === null) return Rmi.ERROR_INPUT
    const [a, b] = pair
    if (a.category !== Category.ENDPOINT_OFF_CHIP || b.category !== Category.ROOT_PORT || !idle(a) || !idle(b))
      return Rmi.ERROR_INPUT
    const s = a.streams[StreamType.NCOH] as PdevStream
    if (s.taken) return Rmi.ERROR_INPUT
    startStream(pair, s, PdevOp.CONNECT, StreamType.NCOH)
    a.associated++
    b.associated++
    Object.assign(s, { taken: true, state: StreamState.CONNECTING, peer: p.pdev2, sid: p.sid ?? 0 })
    this.x1 = p.pdev1 + StreamType.NCOH
    return Rmi.SUCCESS
  }

  /** PDEV_STREAM_DISCONNECT(pdev1, pdev2, handle): a connected stream, no VDEVs. */
  pdevStreamDisconnect(pdev1: number, pdev2: number, handle: number): number {
    this.noOutputs()
    const f = this.stream(pdev1, pdev2, handle)
    if (typeof f === 'number') return f
    const {
      s,
      pair: [a, b],
      type
    } = f
    if (s.state !== StreamState.CONNECTED) return Rmi.ERROR_DEVICE
    if (s.peer !== pdev2) return Rmi.ERROR_INPUT
    for (const pd of [a, b])
      if ((pd.state !== PdevState.READY && pd.state !== PdevState.ERROR) || pd.comm !== Comm.IDLE)
        return Rmi.ERROR_INPUT
    if (a.vdevs !== 0) return Rmi.ERROR_DEVICE
    s.state = StreamState.DISCONNECTING
    startStream([a, b], s, PdevOp.DISCONNECT, type)
    return Rmi.SUCCESS
  }

  /** PDEV_STREAM_KEY_REFRESH(pdev1, pdev2, handle). */
  pdevStreamKeyRefresh(pdev1: number, pdev2: number, handle: number): number {
    this.noOutputs()
    const f = this.stream(pdev1, pdev2, handle)
    if (typeof f === 'number') return f
    const {
      s,
      pair: [a, b],
      type
    } = f
    if (s.peer !== pdev2 || !idle(a) || !idle(b)) return Rmi.ERROR_INPUT
    if (type === StreamType.NCOH_SYS || type === StreamType.COH_SYS || s.state !== StreamState.CONNECTED)
      return Rmi.ERROR_DEVICE
    s.state = StreamState.KEY_REFRESHING
    startStream([a, b], s, PdevOp.KEY_REFRESH, type)
    return Rmi.SUCCESS
  }

  /** PDEV_STREAM_COMPLETE(pdev1, pdev2, handle): both sides have said that they are done. */
  pdevStreamComplete(pdev1: number, pdev2: number, handle: number): number {
    this.noOutputs()
    const f = this.stream(pdev1, pdev2, handle)
    if (typeof f === 'number') return f
    const {
      s,
      pair: [a, b]
    } = f
    if (s.peer !== pdev2) return Rmi.ERROR_INPUT
    for (const pd of [a, b]) if (pd.state !== PdevState.READY || pd.comm !== Comm.IDLE) return Rmi.ERROR_INPUT
    if (a.op !== PdevOp.STREAM_COMPLETE || b.op !== PdevOp.STREAM_COMPLETE) return Rmi.ERROR_DEVICE
    if (s.state === StreamState.DISCONNECTING) {
      Object.assign(s, { state: StreamState.DISCONNECTED, taken: false })
      a.associated--
      b.associated--
    } else s.state = StreamState.CONNECTED
    s.op = StreamOp.NONE
    a.op = PdevOp.NONE
    b.op = PdevOp.NONE
    b.streamOwner = 0
    return Rmi.SUCCESS
  }

  /** PDEV_STREAM_KEY_PURGE(pdev1, pdev2, handle): not supported by this firmware. */
  pdevStreamKeyPurge(_pdev1: number, _pdev2: number, _handle: number): number {
    this.noOutputs()
    return Rmi.ERROR_NOT_SUPPORTED
  }

  private pdevPair(pdev1: number, pdev2: number): readonly [Pdev, Pdev] | null {
    const a = this.pdev(pdev1)
    const b = this.pdev(pdev2)
    return a === undefined || b === undefined || a === b ? null : [a, b]
  }

  private stream(
    pdev1: number,
    pdev2: number,
    handle: number
  ): { readonly s: PdevStream; readonly pair: readonly [Pdev, Pdev]; readonly type: number } | number {
    if (!this.da) return Rmi.ERROR_NOT_SUPPORTED
    const type = handle - pdev1
    const pair = this.pdevPair(pdev1, pdev2)
    if (pair === null || type < 0 || type >= STREAM_TYPES) return Rmi.ERROR_INPUT
    const s = pair[0].streams[type] as PdevStream
    return s.taken ? { s, pair, type } : Rmi.ERROR_INPUT
  }

  /** The endpoint's non-coherent stream is connected: what VDEV_CREATE asks for. */
  protected connectedStream(pd: Pdev): boolean {
    const s = pd.streams[StreamType.NCOH] as PdevStream
    return s.taken && s.state === StreamState.CONNECTED
  }

  // ---- copies

  protected copyPdevs(o: RmmPdev): void {
    this.pdevs.clear()
    for (const [pa, p] of o.pdevs)
      this.pdevs.set(pa, { ...p, slots: [...p.slots], streams: p.streams.map((s) => ({ ...s })), dsm: copyDsm(p.dsm) })
    this.commExit = { ...o.commExit }
  }

  override describe(): string {
    const lines = [super.describe()]
    for (const p of [...this.pdevs.values()].sort((a, b) => a.granule - b.granule)) {
      const tdis = [...p.dsm.tdis]
        .sort((a, b) => a[0] - b[0])
        .map(([id, t]) => `${id}:${t.state},${t.nonce},${t.report}`)
        .join(' ')
      lines.push(
        `pdev ${p.granule.toString(16)} ${pdevStateNames[p.state]} ${commNames[p.comm]} op=${p.op} ` +
          `vdevs=${p.vdevs} streams=${p.streams.map((s) => `${s.state}/${s.op}`).join(',')} ` +
          `owner=${p.streamOwner.toString(16)} ${p.yielded} session=${p.dsm.session} m=${p.dsm.measurement} ` +
          `${tdis}`
      )
    }
    return lines.join('\n')
  }
}

const newStream = (): PdevStream => ({
  taken: false,
  state: StreamState.DISCONNECTED,
  op: StreamOp.NONE,
  peer: 0,
  sid: 0
})
const streamOf = (pd: Pdev): PdevStream => pd.streams[pd.opStream] as PdevStream
const idle = (pd: Pdev): boolean => pd.state === PdevState.READY && pd.op === PdevOp.NONE && pd.comm === Comm.IDLE
const commAfter = (r: CommResult): number => (r === 'blocked' ? Comm.ACTIVE : r === 'error' ? Comm.ERROR : Comm.IDLE)
export const commResult = commAfter

/** Both PDEVs begin one operation on a stream of the first. */
function startStream([a, b]: readonly [Pdev, Pdev], s: PdevStream, op: number, type: number): void {
  s.op = StreamOp.START
  for (const pd of [a, b]) {
    pd.op = op
    pd.opStream = type
    pd.comm = Comm.PENDING
  }
  b.streamOwner = a.granule
}

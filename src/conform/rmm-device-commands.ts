// Device assignment in the sequence language: PDEV and VDEV commands of both generations, the RSI calls on a VDEV, and
// what a test may do to the device behind the RMM's back. Keys name the fields of the parameter pages; a field left out
// has the value a well-behaved host gives it.
import { ensure, own } from '../base/index.ts'
import {
  type AddressRange,
  breakInterface,
  Category,
  type CommEnter,
  type DsmState,
  endSession,
  type Nonces,
  PAGE,
  PDEV_AUX_COUNT,
  type PdevParams,
  PdevState,
  pdevStateNames,
  type RdevRequest,
  Rmi,
  Rmm1,
  Rmm2,
  t1Access,
  tdiNames,
  tdiOf,
  vdevStateNames
} from '../machine/rmm/index.ts'
import {
  addr,
  type Answer,
  args,
  bool,
  both,
  type Command,
  type Keys,
  lastGranule,
  type Line,
  n,
  num,
  only1,
  only2,
  parseAddress,
  queue,
  type Session
} from './rmm-session.ts'

const PDEV_KEYS = [
  'params',
  'aux',
  'num_aux',
  'category',
  'spdm',
  'ncoh_ide',
  'coh_ide',
  'coh_addr',
  'p2p',
  'trust',
  'flags',
  'id',
  'segment',
  'rid_base',
  'rid_top',
  'cert',
  'sid',
  'ranges',
  'hash',
  'unknown'
] as const
const COMM_KEYS = ['status', 'req', 'resp', 'resp_len', 'device'] as const
const NONCE_KEYS = ['lock', 'meas', 'report'] as const

const categories: Readonly<Record<string, number>> = {
  'off-chip': Category.ENDPOINT_OFF_CHIP,
  'on-chip': Category.ENDPOINT_ON_CHIP,
  'root-port': Category.ROOT_PORT,
  cxl: Category.CMEM_CXL,
  smem: Category.ENDPOINT_OFF_CHIP
}

/** The words of `category=`. */
export const deviceCategories: readonly string[] = Object.keys(categories)

function pdevParams(s: Session, keys: Keys): PdevParams {
  const aux = keys.get('aux')
  const count = num(keys, 'num_aux', s.rmm instanceof Rmm1 ? PDEV_AUX_COUNT : 128)
  const list =
    aux === undefined
      ? undefined
      : aux.includes(',')
        ? aux.split(',').map((a) => parseAddress(s, a))
        : Array.from({ length: Math.min(count, 128) }, (_, i) => parseAddress(s, aux) + i * PAGE)
  const category = keys.get('category')
  return {
    params: addr(s, keys, 'params', lastGranule(s, 0)),
    ...(list === undefined ? {} : { aux: list }),
    ...(keys.has('num_aux') ? { numAux: count } : {}),
    category:
      category === undefined
        ? Category.ENDPOINT_OFF_CHIP
        : (own(categories, category.toLowerCase()) ?? Number(category)),
    spdm: num(keys, 'spdm', 1) === 1,
    ncohIde: num(keys, 'ncoh_ide', 1) === 1,
    cohIde: bool(keys, 'coh_ide'),
    cohAddr: bool(keys, 'coh_addr'),
    p2p: bool(keys, 'p2p'),
    trustComp: bool(keys, 'trust'),
    flags: num(keys, 'flags', 0),
    pdevId: num(keys, 'id', 0),
    segment: num(keys, 'segment', 0),
    ridBase: num(keys, 'rid_base', 0),
    ridTop: num(keys, 'rid_top', 1),
    certId: num(keys, 'cert', 0),
    ideSid: num(keys, 'sid', 0),
    numAddrRange: num(keys, 'ranges', 0),
    hash: num(keys, 'hash', 0),
    unknownId: bool(keys, 'unknown')
  }
}

const statuses: Readonly<Record<string, NonNullable<CommEnter['status']>>> = {
  NONE: 'NONE',
  SUCCESS: 'SUCCESS',
  ERROR: 'ERROR',
  RESPONSE: 'RESPONSE'
}

/** The words of `status=`. */
export const commStatuses: readonly string[] = Object.keys(statuses)

function commEnter(s: Session, data: number, keys: Keys): CommEnter {
  const status = own(statuses, (keys.get('status') ?? '').toUpperCase())
  const device = keys.get('device')?.toLowerCase()
  return {
    data,
    ...(status === undefined ? {} : { status }),
    ...(keys.has('req') ? { req: addr(s, keys, 'req', 0) } : {}),
    ...(keys.has('resp') ? { resp: addr(s, keys, 'resp', 0) } : {}),
    ...(keys.has('resp_len') ? { respLen: num(keys, 'resp_len', 0) } : {}),
    ...(device === 'error' || device === 'more' ? { device } : {})
  }
}

/** `gN..gM` or `dN*COUNT`, joined by commas: ranges of device addresses. */
function ranges(s: Session, text: string | undefined): AddressRange[] {
  if (text === undefined || text === '') return []
  return text.split(',').map((one) => {
    const [a = '', b = ''] = one.split('..')
    const m = /^(.+)\*(\d+)$/.exec(one)
    if (m !== null) {
      const base = parseAddress(s, m[1] ?? '')
      return { base, top: base + Number(m[2]) * PAGE }
    }
    return { base: parseAddress(s, a), top: parseAddress(s, b) }
  })
}

const vdevParams = (s: Session, keys: Keys) => ({
  params: addr(s, keys, 'params', lastGranule(s, 0)),
  vdevId: num(keys, 'id', 0),
  ...(keys.has('tdi') ? { tdiId: num(keys, 'tdi', 0) } : {}),
  flags: num(keys, 'flags', 0),
  numAux: num(keys, 'num_aux', 0),
  ranges: ranges(s, keys.get('ranges'))
})

const nonces = (keys: Keys): Partial<Nonces> =>
  Object.fromEntries(NONCE_KEYS.filter((k) => keys.has(k)).map((k) => [k, num(keys, k, 0)]))

const whole = (s: Session): boolean => !s.stepwise

/** More exchanges than any operation takes. */
const EXCHANGES = 8

const pdevOf = (s: Session, pa: number) => ensure(s.rmm.pdev(pa), 'a PDEV that was checked')

/** Communicates until the PDEV is at rest; the last word. */
function settlePdev(s: Session, pa: number): number {
  let word: number = Rmi.SUCCESS
  for (let i = 0; i < EXCHANGES && word === Rmi.SUCCESS; i++) {
    const pd = s.rmm.pdev(pa)
    if (pd === undefined || pd.comm === 0 || pd.comm === 3) return word
    word = s.rmm.pdevCommunicate(pa, { data: lastGranule(s, 2) })
  }
  return word
}

/** Takes a new PDEV to a state by the calls a host would make. */
function pdevTo(s: Session, pa: number, state: string): number {
  const m = s.rmm
  const steps: ReadonlyArray<readonly [string, () => number]> = [
    ['NEEDS_KEY', () => settlePdev(s, pa)],
    ['HAS_KEY', () => m.pdevSetPubkey(pa, { params: lastGranule(s, 0) })],
    ['READY', () => settlePdev(s, pa)],
    ['STOPPING', () => m.pdevStop(pa)],
    ['STOPPED', () => settlePdev(s, pa)]
  ]
  if (m.pdev(pa) === undefined) return Rmi.ERROR_INPUT
  for (const [, step] of steps) {
    const pd = pdevOf(s, pa)
    if (pdevStateNames[pd.state] === state) return Rmi.SUCCESS
    // A root port has no key: it is READY after its first communication.
    if (pd.state === PdevState.READY && (state === 'NEEDS_KEY' || state === 'HAS_KEY')) return Rmi.ERROR_DEVICE
    const skip = pd.state >= PdevState.READY && step !== steps[3]?.[1] && step !== steps[4]?.[1]
    const word = skip ? Rmi.SUCCESS : step()
    if (word !== Rmi.SUCCESS) return word
  }
  return pdevStateNames[pdevOf(s, pa).state] === state ? Rmi.SUCCESS : Rmi.ERROR_DEVICE
}

/** Connects the stream of an endpoint and its root port, both sides communicating in turn. */
function streamTo(s: Session, ep: number, rp: number): number {
  const m = s.rmm
  if (!(m instanceof Rmm2)) return Rmi.SUCCESS // 1.x has no stream objects
  let word = m.pdevStreamConnect({ params: lastGranule(s, 0), pdev1: ep, pdev2: rp })
  const handle = m.x1
  if (word !== Rmi.SUCCESS) return word
  for (let i = 0; i < EXCHANGES && word === Rmi.SUCCESS; i++) {
    for (const pa of [rp, ep]) if (pdevOf(s, pa).comm !== 0) word = m.pdevCommunicate(pa, { data: lastGranule(s, 2) })
    if (pdevOf(s, ep).comm === 0 && pdevOf(s, rp).comm === 0) return m.pdevStreamComplete(ep, rp, handle)
  }
  return word
}

function settleVdev(s: Session, rd: number, pdev: number, pa: number): number {
  let word: number = Rmi.SUCCESS
  for (let i = 0; i < EXCHANGES && word === Rmi.SUCCESS; i++) {
    const v = s.rmm.vdev(pa)
    if (v === undefined || v.comm === 0 || v.comm === 3) return word
    word = s.rmm.vdevCommunicate(rd, pdev, pa, { data: lastGranule(s, 2) })
  }
  return word
}

/** Takes a new VDEV to UNLOCKED, LOCKED or STARTED. */
function vdevTo(s: Session, rd: number, pdev: number, pa: number, state: string): number {
  const m = s.rmm
  if (m.vdev(pa) === undefined) return Rmi.ERROR_INPUT
  for (const begin of [null, () => m.vdevLock(rd, pdev, pa), () => m.vdevStart(rd, pdev, pa)]) {
    if (vdevStateNames[m.vdev(pa)?.state ?? 0] === state) return Rmi.SUCCESS
    const word = (begin?.() ?? Rmi.SUCCESS) || settleVdev(s, rd, pdev, pa)
    if (word !== Rmi.SUCCESS) return word
  }
  return vdevStateNames[m.vdev(pa)?.state ?? 0] === state ? Rmi.SUCCESS : Rmi.ERROR_DEVICE
}

const vdevCall = (op: 'get_info' | 'dma_enable' | 'dma_disable' | 'validate_mapping', l: Line) => {
  switch (op) {
    case 'get_info':
      return { op, ipa: n(l, 1) } as const
    case 'dma_enable':
      return { op, nonces: nonces(l.keys) } as const
    case 'dma_disable':
      return { op } as const
    case 'validate_mapping':
      return { op, base: n(l, 1), top: n(l, 2), pa: n(l, 3), nonces: nonces(l.keys) } as const
  }
}
const rsi = (spec: string, op: Parameters<typeof vdevCall>[0], keys?: readonly string[]): Command =>
  queue(spec, (l) => ({ op: 'vdev', vdevId: n(l, 0), call: vdevCall(op, l) }), keys)
const rdev = (request: RdevRequest): Command =>
  queue('id:number', (l) => ({ op: 'vdev', vdevId: n(l, 0), call: { op: 'rdev', request } }))

/** Where a T=1 request of the device behind a VDEV ends: the interface, the stream table entry, the Realm's stage 2. */
function t1(s: Session, pa: number, ipa: number): Answer {
  const v = s.rmm.vdev(pa)
  const r = v === undefined ? undefined : s.rmm.realm(v.rd)
  if (v === undefined || r === undefined) return { state: 'no VDEV' }
  const tdi = tdiNames[tdiOf(pdevOf(s, v.pdev).dsm, v.tdiId).state] ?? ''
  if (tdi !== 'RUN') return { state: `no T=1: ${tdi}` }
  if (!v.ste) return { state: 'abort: C_BAD_STE' }
  const a = t1Access(s.rmm, r, ipa)
  return { state: a.result === 'ok' ? `ok ${a.pas}` : a.result }
}

/** Something that happens to the device of a PDEV; nothing where there is no PDEV. */
const device = (spec: string, happens: (d: DsmState, l: Line) => void): Command => ({
  args: args(spec),
  run: (s, l) => {
    const pd = s.rmm.pdev(n(l, 0))
    if (pd === undefined) return { state: 'no PDEV' }
    happens(pd.dsm, l)
    return {}
  }
})

const stateOf = (word: string | undefined): Answer => ({ state: word ?? 'none' })

export const deviceCommands: Readonly<Record<string, Command>> = {
  PDEV_AUX_COUNT: only1('flags:number', 1, (m, l) => m.pdevAuxCount(n(l, 0))),
  PDEV_CREATE: both('pdev', 2, (m, l, s) => m.pdevCreate(n(l, 0), pdevParams(s, l.keys)), PDEV_KEYS),
  PDEV_DESTROY: both('pdev', 0, (m, l, s) => m.pdevDestroy(n(l, 0), whole(s))),
  PDEV_GET_STATE: both('pdev', 1, (m, l) => m.pdevGetState(n(l, 0))),
  PDEV_COMMUNICATE: both(
    'pdev data',
    0,
    (m, l, s) => m.pdevCommunicate(n(l, 0), commEnter(s, n(l, 1), l.keys)),
    COMM_KEYS
  ),
  PDEV_SET_PUBKEY: both(
    'pdev',
    0,
    (m, l, s) =>
      m.pdevSetPubkey(n(l, 0), {
        params: addr(s, l.keys, 'params', lastGranule(s, 0)),
        ...(l.keys.has('algo') ? { algo: num(l.keys, 'algo', 1) } : {}),
        ...(l.keys.has('key_len') ? { keyLen: num(l.keys, 'key_len', 0) } : {}),
        metadataLen: num(l.keys, 'metadata_len', 0),
        bad: bool(l.keys, 'bad')
      }),
    ['params', 'algo', 'key_len', 'metadata_len', 'bad']
  ),
  PDEV_STOP: both('pdev', 0, (m, l) => m.pdevStop(n(l, 0))),
  PDEV_ABORT: both('pdev', 0, (m, l) => m.pdevAbort(n(l, 0))),
  PDEV_IDE_KEY_REFRESH: only1('pdev coherent:number', 0, (m, l) => m.pdevIdeKeyRefresh(n(l, 0), n(l, 1))),
  PDEV_IDE_RESET: only1('pdev', 0, (m, l) => m.pdevIdeReset(n(l, 0))),
  PDEV_STREAM_CONNECT: only2(
    'pdev1 pdev2',
    1,
    (m, l, s) =>
      m.pdevStreamConnect({
        params: addr(s, l.keys, 'params', lastGranule(s, 0)),
        pdev1: n(l, 0),
        pdev2: n(l, 1),
        type: num(l.keys, 'type', 0),
        sid: num(l.keys, 'sid', 0),
        numAddrRange: num(l.keys, 'ranges', 0)
      }),
    ['params', 'type', 'sid', 'ranges']
  ),
  PDEV_STREAM_DISCONNECT: only2('pdev1 pdev2 handle:address', 0, (m, l) =>
    m.pdevStreamDisconnect(n(l, 0), n(l, 1), n(l, 2))
  ),
  PDEV_STREAM_COMPLETE: only2('pdev1 pdev2 handle:address', 0, (m, l) =>
    m.pdevStreamComplete(n(l, 0), n(l, 1), n(l, 2))
  ),
  PDEV_STREAM_KEY_REFRESH: only2('pdev1 pdev2 handle:address', 0, (m, l) =>
    m.pdevStreamKeyRefresh(n(l, 0), n(l, 1), n(l, 2))
  ),
  PDEV_STREAM_KEY_PURGE: only2('pdev1 pdev2 handle:address', 0, (m, l) =>
    m.pdevStreamKeyPurge(n(l, 0), n(l, 1), n(l, 2))
  ),

  VDEV_AUX_COUNT: only1('pdev_flags:number vdev_flags:number', 1, (m, l) => m.vdevAuxCount(n(l, 0), n(l, 1))),
  VDEV_CREATE: both('rd pdev vdev', 0, (m, l, s) => m.vdevCreate(n(l, 0), n(l, 1), n(l, 2), vdevParams(s, l.keys)), [
    'params',
    'id',
    'tdi',
    'flags',
    'num_aux',
    'ranges'
  ]),
  VDEV_DESTROY: both('rd pdev vdev', 0, (m, l) => m.vdevDestroy(n(l, 0), n(l, 1), n(l, 2))),
  VDEV_GET_STATE: both('vdev', 1, (m, l) => m.vdevGetState(n(l, 0))),
  VDEV_LOCK: both('rd pdev vdev', 0, (m, l) => m.vdevLock(n(l, 0), n(l, 1), n(l, 2))),
  VDEV_START: both('rd pdev vdev', 0, (m, l) => m.vdevStart(n(l, 0), n(l, 1), n(l, 2))),
  VDEV_UNLOCK: both('rd pdev vdev', 1, (m, l) => m.vdevUnlock(n(l, 0), n(l, 1), n(l, 2))),
  VDEV_STOP: only1('rd pdev vdev', 0, (m, l) => m.vdevUnlock(n(l, 0), n(l, 1), n(l, 2))),
  /** `VDEV_ABORT vdev`, or with rd and pdev in front of it, as 2.0 and the compliance suite have it. */
  VDEV_ABORT: both('first second? third?', 0, (m, l) =>
    l.a.length === 1 ? m.vdevAbort(n(l, 0)) : m.vdevAbort(n(l, 2), { rd: n(l, 0), pdev: n(l, 1) })
  ),
  VDEV_COMMUNICATE: both(
    'rd pdev vdev data',
    0,
    (m, l, s) => m.vdevCommunicate(n(l, 0), n(l, 1), n(l, 2), commEnter(s, n(l, 3), l.keys)),
    COMM_KEYS
  ),
  VDEV_COMPLETE: both('rec vdev', 0, (m, l) => m.vdevComplete(n(l, 0), n(l, 1))),
  VDEV_GET_MEASUREMENTS: both(
    'rd pdev vdev',
    0,
    (m, l, s) => m.vdevGetMeasurements(n(l, 0), n(l, 1), n(l, 2), addr(s, l.keys, 'params', lastGranule(s, 0))),
    ['params']
  ),
  VDEV_GET_INTERFACE_REPORT: both('rd pdev vdev', 0, (m, l) => m.vdevGetInterfaceReport(n(l, 0), n(l, 1), n(l, 2))),
  /** The compliance suite's name and arguments for RTT_DEV_MEM_VALIDATE. */
  VDEV_VALIDATE_MAPPING: only1('rd rec pdev vdev base:address top:address', 1, (m, l) =>
    m.vdevValidateMapping(n(l, 0), n(l, 1), n(l, 2), n(l, 3), n(l, 4), n(l, 5))
  ),
  VDEV_MAP: only1('rd vdev ipa:address level:signed pa', 0, (m, l) =>
    m.vdevMap(n(l, 0), n(l, 1), n(l, 2), n(l, 3), n(l, 4))
  ),
  VDEV_UNMAP: only1('rd vdev ipa:address level:signed', 2, (m, l) => m.vdevUnmap(n(l, 0), n(l, 1), n(l, 2), n(l, 3))),

  // RSI, at the Realm's next entry.
  REALM_VDEV_GET_INFO: rsi('id:number ipa:address', 'get_info'),
  REALM_VDEV_DMA_ENABLE: rsi('id:number', 'dma_enable', NONCE_KEYS),
  REALM_VDEV_DMA_DISABLE: rsi('id:number', 'dma_disable'),
  REALM_VDEV_VALIDATE_MAPPING: rsi('id:number base:address top:address pa', 'validate_mapping', NONCE_KEYS),
  REALM_RDEV_VALIDATE_MAPPING: rsi('id:number base:address top:address pa', 'validate_mapping', NONCE_KEYS),
  REALM_RDEV_GET_INFO: rsi('id:number ipa:address', 'get_info'),
  REALM_RDEV_GET_INSTANCE_ID: rdev('get_instance_id'),
  REALM_RDEV_LOCK: rdev('lock'),
  REALM_RDEV_START: rdev('start'),
  REALM_RDEV_STOP: rdev('stop'),
  REALM_RDEV_GET_MEASUREMENTS: rdev('get_measurements'),
  REALM_RDEV_GET_INTERFACE_REPORT: rdev('get_interface_report'),
  REALM_RDEV_CONTINUE: queue('id:number', (l) => ({ op: 'rdev_continue', vdevId: n(l, 0) })),
  REALM_RDEV_GET_STATE: queue('id:number', (l) => ({ op: 'rdev_get_state', vdevId: n(l, 0) })),

  // The host's whole part, for preparations: the calls it takes to get there, or the word of the first that fails.
  PDEV_TO: both('pdev state:word(NEEDS_KEY|HAS_KEY|READY|STOPPING|STOPPED)', 0, (_m, l, s) =>
    pdevTo(s, n(l, 0), l.words[0] ?? '')
  ),
  STREAM_TO: both('endpoint root_port state:word(CONNECTED)?', 0, (_m, l, s) => streamTo(s, n(l, 0), n(l, 1))),
  VDEV_TO: both('rd pdev vdev state:word(UNLOCKED|LOCKED|STARTED)', 0, (_m, l, s) =>
    vdevTo(s, n(l, 0), n(l, 1), n(l, 2), l.words[0] ?? '')
  ),
  PDEV_SETTLE: both('pdev', 0, (_m, l, s) => settlePdev(s, n(l, 0))),
  VDEV_SETTLE: both('rd pdev vdev', 0, (_m, l, s) => settleVdev(s, n(l, 0), n(l, 1), n(l, 2))),

  // The device behind the RMM's back, and looking at it.
  DEVICE_ERROR: device('pdev tdi:number', (d, l) => {
    breakInterface(d, n(l, 1))
  }),
  DEVICE_UPDATE: device('pdev', (d) => {
    d.measurement++
  }),
  DEVICE_RESET: device('pdev', endSession),
  PSTATE: { args: args('pdev'), run: (s, l) => stateOf(pdevStateNames[s.rmm.pdev(n(l, 0))?.state ?? -1]) },
  VSTATE: { args: args('vdev'), run: (s, l) => stateOf(vdevStateNames[s.rmm.vdev(n(l, 0))?.state ?? -1]) },
  TDI: {
    args: args('vdev'),
    run: (s, l) => {
      const v = s.rmm.vdev(n(l, 0))
      return stateOf(v === undefined ? undefined : tdiNames[tdiOf(pdevOf(s, v.pdev).dsm, v.tdiId).state])
    }
  },
  DMA: { args: args('vdev'), run: (s, l) => stateOf(s.rmm.vdev(n(l, 0))?.ste === true ? 'on' : 'off') },
  T1: { args: args('vdev ipa:address'), run: (s, l) => t1(s, n(l, 0), n(l, 1)) }
}

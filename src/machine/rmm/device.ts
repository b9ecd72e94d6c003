// The device's side of assignment: the DSM that the RMM talks to over SPDM, and the interface (TDI) behind each VDEV.
// Source: reference pcie-tdisp.md sections 2, 3 and 5. What a device measures and reports is a number here: it changes
// when the thing itself changes.

/** TDISP states of an interface. */
export const Tdi = { CONFIG_UNLOCKED: 0, CONFIG_LOCKED: 1, RUN: 2, ERROR: 3 } as const
export const tdiNames = ['CONFIG_UNLOCKED', 'CONFIG_LOCKED', 'RUN', 'ERROR'] as const

export interface TdiState {
  state: number
  /** Nonce of the last LOCK_INTERFACE, 0 when it has none. */
  nonce: number
  /** What GET_DEVICE_INTERFACE_REPORT returns, as a value: another one after each lock. */
  report: number
}

export interface DsmState {
  /** An SPDM session exists. */
  session: boolean
  /** What GET_MEASUREMENTS returns, as a value: another one after a firmware update. */
  measurement: number
  certificate: number
  /** Interfaces by TDI identifier. */
  readonly tdis: Map<number, TdiState>
  /** Nonces given out so far. */
  nonces: number
}

export const newDsm = (certificate: number): DsmState => ({
  session: false,
  measurement: 1,
  certificate,
  tdis: new Map(),
  nonces: 0
})

export const copyDsm = (d: DsmState): DsmState => ({
  ...d,
  tdis: new Map([...d.tdis].map(([id, t]) => [id, { ...t }]))
})

export function tdiOf(d: DsmState, id: number): TdiState {
  let t = d.tdis.get(id)
  if (t === undefined) {
    t = { state: Tdi.CONFIG_UNLOCKED, nonce: 0, report: 0 }
    d.tdis.set(id, t)
  }
  return t
}

/** LOCK_INTERFACE: a fresh nonce and report. False: the device refuses, and nothing has changed. */
export function lockInterface(d: DsmState, id: number): boolean {
  const t = tdiOf(d, id)
  if (!d.session || t.state !== Tdi.CONFIG_UNLOCKED) return false
  t.state = Tdi.CONFIG_LOCKED
  t.nonce = ++d.nonces
  t.report = d.nonces
  return true
}

/** START_INTERFACE with the nonce of the lock, which is used up. */
export function startInterface(d: DsmState, id: number, nonce: number): boolean {
  const t = tdiOf(d, id)
  if (!d.session || t.state !== Tdi.CONFIG_LOCKED || t.nonce !== nonce) return false
  t.state = Tdi.RUN
  t.nonce = 0
  return true
}

/** STOP_INTERFACE: legal in all four states. Without a session it does not arrive. */
export function stopInterface(d: DsmState, id: number): boolean {
  if (!d.session) return false
  const t = tdiOf(d, id)
  t.state = Tdi.CONFIG_UNLOCKED
  t.nonce = 0
  return true
}

/** Something happened behind the guest (section 5): a locked or running interface is in ERROR. */
export function breakInterface(d: DsmState, id: number): void {
  const t = tdiOf(d, id)
  if (t.state !== Tdi.CONFIG_LOCKED && t.state !== Tdi.RUN) return
  t.state = Tdi.ERROR
  t.nonce = 0
}

/** The end of the session (reset, disconnect): every locked interface is in ERROR, the rest is forgotten. */
export function endSession(d: DsmState): void {
  d.session = false
  for (const id of d.tdis.keys()) breakInterface(d, id)
}

// The PCI TSM core of the guest, by revision: rfc-v1 (04/38), rfc-v1-05 (with 05/38), tio-v2 (March 2026; the cc series
// run on it). Each entry follows the handler's order: rwsem, state, pf0.lock, device lock, driver, TSM call, state,
// flag.
import {
  action,
  aside,
  down_read,
  down_write,
  isZero,
  peek,
  read,
  spin_lock,
  spin_unlock,
  up_read,
  up_write,
  write
} from '../step/index.ts'
import type { TsmStep } from '../machine/index.ts'
import { doorCommands } from '../machine/rmm/door.ts'
import { set_accepted, set_dma_skip_sync } from './device.ts'
import { EBUSY, EINVAL, EIO, ENODEV, ENOENT, ENXIO, EOPNOTSUPP, EPERM } from './errno.ts'
import type { Device, Kernel, TsmOp } from './types.ts'
import type { Decisions } from './revisions/decisions.ts'
import { CONTEXT, STATE, tsmCores } from './tsm-cores.ts'
import { TRUST_NOBODY, trustLevels } from './trust.ts'
import { tsmDriver } from './tsm-drivers.ts'

/**
 * An operation is in flight from its first to its last step; what it reported is told to the observer with the last.
 */
function inFlight(k: Kernel, op: TsmOp, dev: Device | null, body: () => number): number {
  entered(k, op, dev)
  const rc = body()
  left(k, op, dev, rc)
  return rc
}
const entered = action<[k: Kernel, op: TsmOp, dev: Device | null]>('tsm enter', {
  perform: (st, _outcome, k) => {
    k.f.tsm_in_flight.set(st, k.f.tsm_in_flight.get(st) + 1)
    return 0
  },
  text: (_r, _outcome, _k, op, dev) => `tsm ${op} ${dev?.name ?? 'tsm'}`,
  results: [0]
})
const left = aside<[k: Kernel, op: TsmOp, dev: Device | null, rc: number]>(
  'tsm exit',
  (st, k, op, dev, rc) => {
    k.f.tsm_in_flight.set(st, k.f.tsm_in_flight.get(st) - 1)
    if (dev !== null && tsmCores[k.rev.accept].reportsAtEnd) k.tsmDone(st, op, dev, rc)
  },
  (_k, op, dev, rc) => `tsm ${op} ${dev?.name ?? 'tsm'} = ${rc}`
)

/** RFC: what an operation reports is decided, and true, under pf0.lock; after that another administrator may go on. */
const reported = aside<[dev: Device, op: TsmOp, rc: number]>(
  'tsm rc',
  (st, dev, op, rc) => {
    dev.k.tsmDone(st, op, dev, rc)
  },
  (dev, op, rc) => `tsm ${op} ${dev.name} = ${rc}`
)

/** A call of the TSM into firmware and device: one step, or with `tsm_fails` the driver's own; true on success. */
function ops(dev: Device, call: 'lock' | 'accept' | 'unlock'): boolean {
  if (peek(dev.k.f.tsm_state, dev.index) === tsmCores[dev.k.rev.accept].departed) {
    dev.k.crash(
      `pci_tsm_${call}`,
      'ops of a departed TSM',
      `pdev->tsm of ${dev.name} still points to a TSM that has gone, and its ops->${call}() is called`
    )
  }
  const ok = (call !== 'accept' || sameNonce(dev)) && ops_steps(dev, call)
  if (ok && call === 'lock' && dev.k.machine.nonce !== null) nonceSeen(dev)
  return ok
}
function ops_steps(dev: Device, call: 'lock' | 'accept' | 'unlock'): boolean {
  const driver = dev.k.config.tsm_fails.length === 0 ? null : tsmDriver(dev.k.rev, dev.k.platform)
  if (driver === null) return called(dev, call) === 1
  let all = true
  for (const step of driver[call]) {
    if (drive(dev, call, step) === 1) continue
    all = false
    if (call !== 'unlock' || driver.leavesAfter.includes(step)) return false
  }
  return all
}
const drive = action<[dev: Device, call: 'lock' | 'accept' | 'unlock', step: TsmStep]>('tsm driver', {
  perform: (st, outcome, dev, _call, step) => {
    const driver = tsmDriver(dev.k.rev, dev.k.platform)
    return outcome === 0 && driver !== null && dev.k.machine.tsmStep(st, dev.index, step, driver) ? 1 : 0
  },
  text: (r, _outcome, dev, call, step) => `ops->${call}(${dev.name}): ${step}${r ? '' : ' fails'}`,
  outcomes: (dev, _call, step) => (dev.k.config.tsm_fails.includes(step) ? 2 : 1),
  results: [0, 1]
})
const called = action<[dev: Device, call: 'lock' | 'accept' | 'unlock']>('tsm ops', {
  perform: (st, _outcome, dev, call) => dev.k.machine.tsmCall(st, dev.index, call),
  text: (r, _outcome, dev, call) =>
    `ops->${call}(${dev.name})${r === 1 ? '' : r === 0 ? ' fails' : ` fails: ${doorCommands[r - 2] ?? ''}`}`,
  results: (dev, call) => dev.k.machine.tsmResults(call)
})

/**
 * The driver's accept: the interface is still under the nonce of its own lock. Where no host locks behind the guest's
 * back there is nothing to ask.
 */
function sameNonce(dev: Device): boolean {
  if (dev.k.machine.nonce === null || tsmDriver(dev.k.rev, dev.k.platform)?.comparesNonce !== true) return true
  return nonceAgrees(dev) === 1
}
const nonceAgrees = action<[dev: Device]>('tsm nonce', {
  perform: (st, _outcome, { index, k: { machine: m } }) =>
    m.nonce?.get(st, index) === m.seen_nonce?.get(st, index) ? 1 : 0,
  text: (r, _outcome, dev) => `${dev.name}: the lock nonce is ${r ? 'that of the lock' : 'another'}`,
  results: [0, 1]
})
const nonceSeen = aside<[dev: Device]>('tsm nonce seen', (st, { index, k: { machine: m } }) => {
  m.seen_nonce?.set(st, m.nonce?.get(st, index) ?? 0, index)
})

// --- evidence
// ---------------------------------------------------------------------------------------------------------------

/** Nobody gave evidence. */
const NO_EVIDENCE = -1

/**
 * Evidence of an interface: the nonce of its lock, which stands for the report and the measurements under it; or an
 * errno. The report is there in CONFIG_LOCKED and RUN.
 */
export function tsm_evidence(dev: Device): number {
  const no = available(dev)
  return no === 0 ? collect(dev) : no
}
const collect = action<[dev: Device]>('tsm evidence', {
  perform: (st, _outcome, dev) => {
    const m = dev.k.machine
    if (tsmCores[dev.k.rev.accept].word(dev.k.f.tsm_state.get(st, dev.index), false) === 'none') return ENXIO
    return m.assigned(st, dev.index) ? (m.nonce?.get(st, dev.index) ?? 0) : EIO
  },
  text: (r, _outcome, dev) => `evidence of ${dev.name}${r < 0 ? ': none' : `: nonce ${r}`}`
})

/** accept of a revision that looks at evidence: it is of the lock that stands. */
const evidenceHolds = action<[dev: Device, evidence: number]>('tsm evidence holds', {
  perform: (st, _outcome, dev, evidence) => (dev.k.machine.nonce?.get(st, dev.index) === evidence ? 1 : 0),
  text: (r, _outcome, dev) => `the evidence is of ${r ? 'the lock that stands' : 'another lock'} of ${dev.name}`,
  results: [0, 1]
})
/** The interface that accept has just started against the evidence that it was given. */
const acceptedOn = aside<[dev: Device, evidence: number]>('tsm accepted on', (st, dev, evidence) => {
  if (dev.k.machine.nonce?.get(st, dev.index) !== evidence)
    dev.k.observer.event(st, { kind: 'stale_evidence', dev: dev.index })
})

/** ops->accept() with what must hold before it; the evidence is looked at where the revision does. 0 or an errno. */
function accept_ops(dev: Device, evidence: number): number {
  if (evidence !== NO_EVIDENCE && dev.k.rev.acceptEvidence === 'same_lock' && evidenceHolds(dev, evidence) === 0)
    return EINVAL
  if (!ops(dev, 'accept')) return EIO
  if (evidence !== NO_EVIDENCE) acceptedOn(dev, evidence)
  return 0
}

/** pci_tsm's driver-idle check: device lock taken, then the driver. The caller unlocks. */
const busy = (dev: Device): boolean => {
  spin_lock(dev.k.f.device_lock, dev.index)
  return !isZero(dev.k.f.driver, dev.index)
}
const device_unlock = (dev: Device): void => {
  spin_unlock(dev.k.f.device_lock, dev.index)
}

const available = (dev: Device): number =>
  !dev.k.accepts
    ? EOPNOTSUPP
    : !dev.config.tdisp
      ? ENXIO
      : peek(dev.k.f.present, dev.index) === 0
        ? ENODEV
        : dev.config.vf > 0 && !tsmCores[dev.k.rev.accept].everyFunction
          ? ENOENT
          : 0

// --- RFC: 04/38 and 05/38
// ---------------------------------------------------------------------------------------------------

// write 1 to tsm/connect (04/38: TDISP LOCK), write 1 to tsm/lock (05/38: no test whether it is locked already; state
// becomes CONNECT, not LOCK)
function rfc_lock(dev: Device, testsState: boolean): number {
  const k = dev.k
  down_read(k.f.tsm_rwsem)
  const body = (): number => {
    if (isZero(k.f.tsm_registered)) return ENXIO
    spin_lock(k.f.pf0_lock, dev.index)
    const locked = (): number => {
      if (testsState && read(k.f.tsm_state, dev.index) >= STATE.CONNECT) return 0
      if (busy(dev)) {
        device_unlock(dev)
        return EBUSY
      }
      if (!ops(dev, 'lock')) {
        device_unlock(dev)
        return EIO
      }
      write(k.f.tsm_state, dev.index, STATE.CONNECT)
      device_unlock(dev)
      return 0
    }
    const rc = locked()
    reported(dev, 'lock', rc)
    spin_unlock(k.f.pf0_lock, dev.index)
    return rc
  }
  const rc = body()
  up_read(k.f.tsm_rwsem)
  return rc
}

function rfc_accept(dev: Device, evidence: number): number {
  const k = dev.k
  down_read(k.f.tsm_rwsem)
  const body = (): number => {
    if (isZero(k.f.tsm_registered)) return ENXIO
    spin_lock(k.f.pf0_lock, dev.index)
    const locked = (): number => {
      const state = read(k.f.tsm_state, dev.index)
      if (state < STATE.CONNECT) return ENXIO
      if (state >= STATE.ACCEPT) return 0
      if (busy(dev)) {
        device_unlock(dev)
        return EBUSY
      }
      const rc = accept_ops(dev, evidence)
      if (rc !== 0) {
        device_unlock(dev)
        return rc
      }
      write(k.f.tsm_state, dev.index, STATE.ACCEPT)
      set_accepted(dev, true, 'pci_tsm_accept')
      device_unlock(dev)
      return 0
    }
    const rc = locked()
    reported(dev, 'accept', rc)
    spin_unlock(k.f.pf0_lock, dev.index)
    return rc
  }
  const rc = body()
  up_read(k.f.tsm_rwsem)
  return rc
}

// The body of disconnect (04/38) and unlock (05/38): hardware first, flag second, no device lock, no look at the
// driver.
function rfc_disconnect(dev: Device, from: number): number {
  const k = dev.k
  spin_lock(k.f.pf0_lock, dev.index)
  const locked = (): number => {
    if (read(k.f.tsm_state, dev.index) < from) return 0
    ops(dev, 'unlock')
    write(k.f.tsm_state, dev.index, STATE.INIT)
    set_accepted(dev, false, 'pci_tsm_disconnect')
    return 0
  }
  const rc = locked()
  reported(dev, 'unlock', rc)
  spin_unlock(k.f.pf0_lock, dev.index)
  return rc
}

function rfc_unlock(dev: Device, from: number): number {
  const k = dev.k
  down_read(k.f.tsm_rwsem)
  const rc = isZero(k.f.tsm_registered) ? ENXIO : rfc_disconnect(dev, from)
  up_read(k.f.tsm_rwsem)
  return rc
}

// --- TEE I/O infrastructure v2
// ------------------------------------------------------------------------------------------------

function tio_lock(dev: Device): number {
  const k = dev.k
  down_write(k.f.tsm_rwsem)
  const body = (): number => {
    if (!isZero(k.f.tsm_state, dev.index)) return EBUSY
    if (isZero(k.f.tsm_registered)) return ENXIO
    if (busy(dev)) {
      device_unlock(dev)
      return EBUSY
    }
    if (!ops(dev, 'lock')) {
      device_unlock(dev)
      return EIO
    }
    write(k.f.tsm_state, dev.index, CONTEXT.set)
    device_unlock(dev)
    return 0
  }
  const rc = body()
  up_write(k.f.tsm_rwsem)
  return rc
}

function tio_accept(dev: Device, evidence: number): number {
  const k = dev.k
  down_read(k.f.tsm_rwsem)
  const body = (): number => {
    if (isZero(k.f.tsm_state, dev.index)) return EINVAL
    if (busy(dev)) {
      device_unlock(dev)
      return EBUSY
    }
    const rc = accept_ops(dev, evidence)
    if (rc !== 0) {
      device_unlock(dev)
      return rc
    }
    set_accepted(dev, true, 'device_cc_accept')
    device_unlock(dev)
    return 0
  }
  const rc = body()
  up_read(k.f.tsm_rwsem)
  return rc
}

// Flag first, hardware second. The caller holds the rwsem for writing and the device lock.
function tio_unlock_body(dev: Device): void {
  set_accepted(dev, false, 'device_cc_reject')
  ops(dev, 'unlock')
  write(dev.k.f.tsm_state, dev.index, CONTEXT.none)
}

function tio_unlock(dev: Device): number {
  const k = dev.k
  down_write(k.f.tsm_rwsem)
  const body = (): number => {
    if (isZero(k.f.tsm_state, dev.index)) return EINVAL
    if (busy(dev)) {
      device_unlock(dev)
      return EBUSY
    }
    tio_unlock_body(dev)
    device_unlock(dev)
    return 0
  }
  const rc = body()
  up_write(k.f.tsm_rwsem)
  return rc
}

/** The TSM module came: the RFC's __pci_tsm_init makes every flag what it is at the start, without the device lock. */
function rfc_init(k: Kernel): void {
  for (const d of k.devices) {
    if (d.config.tdisp) write(k.f.tsm_state, d.index, STATE.INIT)
    set_accepted(d, k.rev.acceptedAtInit && !d.config.tdisp, '__pci_tsm_init')
  }
}

/** The TSM goes from a device. RFC: it is disconnected, whatever its driver does. */
function rfc_teardown(dev: Device, from: number): void {
  const k = dev.k
  if (read(k.f.tsm_state, dev.index) > STATE.INIT) {
    rfc_disconnect(dev, from)
    // The context goes whatever that did; a new one begins at INIT.
    write(k.f.tsm_state, dev.index, STATE.INIT)
  }
}

/** tio-v2: with a driver bound it warns once and leaves the device as it is, its pointer to the TSM included. */
function tio_teardown(dev: Device, tsmGoes: boolean): void {
  const k = dev.k
  if (isZero(k.f.tsm_state, dev.index)) return
  if (busy(dev)) {
    k.warn('pci_tsm_destroy', 'driver still bound: no unlock')
    if (tsmGoes) leftBehind(dev)
    device_unlock(dev)
    return
  }
  tio_unlock_body(dev)
  device_unlock(dev)
}

const leftBehind = aside<[dev: Device]>('tsm left behind', (st, dev) => {
  dev.k.f.tsm_state.set(st, CONTEXT.departed, dev.index)
})

interface TsmCalls {
  readonly lock: (dev: Device) => number
  readonly accept: (dev: Device, evidence: number) => number
  readonly unlock: (dev: Device) => number
  /** The guest's connect and disconnect attributes are the lock; else they are the host's. */
  readonly connectLocks: boolean
  readonly init: (k: Kernel) => void
  /** `tsmGoes`: the TSM module goes; else the device does. */
  readonly teardown: (dev: Device, tsmGoes: boolean) => void
}

const rfc = (connectLocks: boolean, lockTestsState: boolean, from: number): TsmCalls => ({
  lock: (dev) => rfc_lock(dev, lockTestsState),
  accept: rfc_accept,
  unlock: (dev) => rfc_unlock(dev, from),
  connectLocks,
  init: rfc_init,
  teardown: (dev) => rfc_teardown(dev, from)
})

/** By the decision `accept`. */
const calls: Readonly<Record<Decisions['accept'], TsmCalls>> = {
  // available() and `accepts` keep every caller away.
  none: {
    lock: () => EOPNOTSUPP,
    accept: () => EOPNOTSUPP,
    unlock: () => EOPNOTSUPP,
    connectLocks: false,
    init: () => {},
    teardown: () => {}
  },
  'rfc-v1': rfc(true, true, STATE.CONNECT),
  'rfc-v1-05': rfc(false, false, STATE.LOCK),
  'tio-v2': {
    lock: tio_lock,
    accept: tio_accept,
    unlock: tio_unlock,
    connectLocks: false,
    init: () => {},
    teardown: tio_teardown
  }
}
const core = (k: Kernel): TsmCalls => calls[k.rev.accept]

/** tsm_connect and tsm_disconnect are the guest's lock and unlock; else they are the host's. */
export const connectIsLock = (rev: Decisions): boolean => calls[rev.accept].connectLocks

// --- the entries
// ----------------------------------------------------------------------------------------------------------------

export function tsm_lock(dev: Device): number {
  const no = available(dev)
  if (no !== 0) return no
  return inFlight(dev.k, 'lock', dev, () => core(dev.k).lock(dev))
}

/** `evidence`: what tsm_evidence() gave, or nothing. */
export function tsm_accept(dev: Device, evidence = NO_EVIDENCE): number {
  const no = available(dev)
  if (no !== 0) return no
  return inFlight(dev.k, 'accept', dev, () => core(dev.k).accept(dev, evidence))
}

export function tsm_unlock(dev: Device): number {
  const no = available(dev)
  if (no !== 0) return no
  return inFlight(dev.k, 'unlock', dev, () => core(dev.k).unlock(dev))
}

/** A device in RUN: its requests at T=1 are let through, or no more. Where accept does that there is no such call. */
export function tsm_dma(dev: Device, on: boolean): number {
  const no = available(dev)
  if (no !== 0) return no
  const { k } = dev
  if (k.rev.dmaEnable === 'with_run') return EOPNOTSUPP
  return inFlight(k, on ? 'dma_enable' : 'dma_disable', dev, () => {
    down_read(k.f.tsm_rwsem)
    const body = (): number => {
      if (isZero(k.f.tsm_state, dev.index)) return EINVAL
      if (busy(dev)) {
        device_unlock(dev)
        return EBUSY
      }
      const rc = trustedDma(dev, on) === 1 ? 0 : EIO
      device_unlock(dev)
      return rc
    }
    const rc = body()
    up_read(k.f.tsm_rwsem)
    return rc
  })
}
const trustedDma = action<[dev: Device, on: boolean]>('tsm dma', {
  perform: (st, outcome, dev, on) => (outcome === 0 && dev.k.machine.setTrustedDma(st, dev.index, on) ? 1 : 0),
  text: (r, _outcome, dev, on) => `ops->dma_${on ? 'enable' : 'disable'}(${dev.name})${r ? '' : ' fails'}`,
  outcomes: (dev, on) => (on && dev.k.config.tsm_fails.includes('dma_enable') ? 2 : 1),
  results: [0, 1]
})

/**
 * rfc-v1: the guest's connect attribute is TDISP LOCK. Later the host connects: an SPDM session and IDE stream, which
 * LOCK needs.
 */
export function tsm_connect(dev: Device): number {
  const no = available(dev)
  if (no !== 0) return no
  if (core(dev.k).connectLocks) return tsm_lock(dev)
  return host_connect(dev)
}
const host_connect = action<[dev: Device]>('host connect', {
  perform: (st, _outcome, dev) => {
    const { session } = dev.k.machine
    const pf = dev.k.machine.dsmOf(dev.index)
    if (session.get(st, pf)) return EBUSY
    session.set(st, 1, pf)
    return 0
  },
  text: (r, _outcome, dev) => `host: tsm connect ${dev.name}${r ? ': EBUSY' : ''}`,
  results: [0, EBUSY]
})

/**
 * rfc-v1: write 0 to the guest's connect. Later the host disconnects: the session that locked the interface is gone,
 * which is an ERROR for it.
 */
export function tsm_disconnect(dev: Device): number {
  const no = available(dev)
  if (no !== 0) return no
  if (core(dev.k).connectLocks) return tsm_unlock(dev)
  return host_disconnect(dev)
}
const host_disconnect = action<[dev: Device]>('host disconnect', {
  perform: (st, _outcome, dev) => {
    dev.k.machine.endSession(st, dev.index)
    return 0
  },
  text: (_r, _outcome, dev) => `host: tsm disconnect ${dev.name}`,
  results: [0]
})

/** The TSM module comes: a test has one, so a second registration answers EBUSY. */
export function tsm_register(k: Kernel): number {
  if (!k.accepts) return EOPNOTSUPP
  return inFlight(k, 'register', null, () => {
    down_write(k.f.tsm_rwsem)
    const body = (): number => {
      if (!isZero(k.f.tsm_registered)) return EBUSY
      write(k.f.tsm_registered, 0, 1)
      core(k).init(k)
      return 0
    }
    const rc = body()
    up_write(k.f.tsm_rwsem)
    return rc
  })
}

/** The TSM module goes, and with it from each device. */
export function tsm_unregister(k: Kernel): number {
  if (!k.accepts) return EOPNOTSUPP
  return inFlight(k, 'unregister', null, () => {
    down_write(k.f.tsm_rwsem)
    const body = (): number => {
      if (isZero(k.f.tsm_registered)) return ENXIO
      for (const d of k.devices) if (d.config.tdisp) core(k).teardown(d, true)
      write(k.f.tsm_registered, 0, 0)
      return 0
    }
    const rc = body()
    up_write(k.f.tsm_rwsem)
    return rc
  })
}

/** Device removal: the TSM's part, then the driver goes, then the device. */
export function remove(dev: Device): number {
  const k = dev.k
  if (peek(k.f.present, dev.index) === 0) return ENODEV
  const body = (): number => {
    if (k.accepts && dev.config.tdisp) {
      down_write(k.f.tsm_rwsem)
      core(k).teardown(dev, false)
      up_write(k.f.tsm_rwsem)
    }
    spin_lock(k.f.device_lock, dev.index)
    write(k.f.driver, dev.index, 0)
    write(k.f.present, dev.index, 0)
    spin_unlock(k.f.device_lock, dev.index)
    return 0
  }
  return k.accepts ? inFlight(k, 'remove', dev, body) : body()
}

/** really_probe(): the driver's dma_set_mask makes dma_skip_sync what the device's coherence says. */
export function bind(dev: Device): number {
  const k = dev.k
  spin_lock(k.f.device_lock, dev.index)
  const body = (): number => {
    if (isZero(k.f.present, dev.index)) return ENODEV
    if (!isZero(k.f.driver, dev.index)) return EBUSY
    if (k.f.trust !== null && read(k.f.trust, dev.index) === TRUST_NOBODY) return EPERM
    write(k.f.driver, dev.index, 1)
    set_dma_skip_sync(dev, dev.coherent, 'dma_setup_need_sync')
    return 0
  }
  const rc = body()
  spin_unlock(k.f.device_lock, dev.index)
  return rc
}

export function unbind(dev: Device): number {
  const k = dev.k
  spin_lock(k.f.device_lock, dev.index)
  const bound = !isZero(k.f.driver, dev.index)
  if (bound) write(k.f.driver, dev.index, 0)
  spin_unlock(k.f.device_lock, dev.index)
  return bound ? 0 : ENODEV
}

/**
 * The level of trust that the administrator asks for, under the device lock while no driver is bound: it is fixed
 * before probe. -EINVAL for a level that the design has not, -EOPNOTSUPP where there is no trust.
 */
export function device_set_trust(dev: Device, level: string): number {
  const { k } = dev
  if (k.f.trust === null) return EOPNOTSUPP
  const to = (trustLevels[k.rev.trust] as readonly string[]).indexOf(level)
  if (to < 0) return EINVAL
  if (peek(k.f.present, dev.index) === 0) return ENODEV
  const rc = busy(dev) ? EBUSY : 0
  if (rc === 0) write(k.f.trust, dev.index, to)
  device_unlock(dev)
  return rc
}

/** pci_set_master(), pci_clear_master(): a write of the command register, one step. */
const pci_command = action<[dev: Device, master: boolean]>('pci command', {
  perform: (st, _outcome, dev, master) => {
    if (dev.k.f.present.get(st, dev.index) === 0) return ENODEV
    dev.k.machine.writeBusMaster(st, dev.index, master)
    return 0
  },
  text: (_r, _outcome, dev, master) => `${dev.name}: Bus Master Enable = ${master ? 1 : 0}`,
  results: [0, ENODEV]
})

/**
 * pcie_flr(): the command register is reset; a TDI in CONFIG_LOCKED or RUN goes to ERROR. pci_reset_function() restores
 * what it saved of configuration space. One step.
 */
const flr = action<[dev: Device, restores: boolean]>('pcie flr', {
  perform: (st, _outcome, dev, restores) => {
    const m = dev.k.machine
    if (dev.k.f.present.get(st, dev.index) === 0) return ENODEV
    const master = m.bus_master.get(st, dev.index)
    m.functionLevelReset(st, dev.index)
    if (restores) m.bus_master.set(st, master, dev.index)
    return 0
  },
  text: (_r, _outcome, dev, restores) =>
    `${dev.name}: function-level reset${restores ? ', configuration restored' : ''}`,
  results: [0, ENODEV]
})

/**
 * What an administrator may do, to a device or (`tsm_register`, `tsm_unregister`) to all. A row an operation: whoever
 * offers them has them from here.
 */
export const adminOperations = {
  bind: (k, dev) => bind(k.device(dev)),
  unbind: (k, dev) => unbind(k.device(dev)),
  remove: (k, dev) => remove(k.device(dev)),
  pci_set_master: (k, dev) => pci_command(k.device(dev), true),
  pci_clear_master: (k, dev) => pci_command(k.device(dev), false),
  pcie_flr: (k, dev) => flr(k.device(dev), false),
  pci_reset_function: (k, dev) => flr(k.device(dev), true),
  tsm_connect: (k, dev) => tsm_connect(k.device(dev)),
  tsm_disconnect: (k, dev) => tsm_disconnect(k.device(dev)),
  tsm_lock: (k, dev) => tsm_lock(k.device(dev)),
  tsm_accept: (k, dev) => tsm_accept(k.device(dev)),
  tsm_dma_enable: (k, dev) => tsm_dma(k.device(dev), true),
  tsm_dma_disable: (k, dev) => tsm_dma(k.device(dev), false),
  tsm_unlock: (k, dev) => tsm_unlock(k.device(dev)),
  tsm_register: (k) => tsm_register(k),
  tsm_unregister: (k) => tsm_unregister(k)
} as const satisfies Record<string, (k: Kernel, dev: number) => number>
export type AdminOp = keyof typeof adminOperations

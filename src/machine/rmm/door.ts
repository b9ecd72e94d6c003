// What a guest's TSM driver asks of the RMM for its device, as pure functions on small numbers: the state of the VDEV,
// whether its stream table entry is valid, and what the device answers. A state vector can hold it; a property test
// holds it against the RMM's own commands (door.test.ts). Each answer names the command that failed: who may lock,
// start and DMA-enable is decided there, not in the guest.

/** VDEV states that a created VDEV goes through, from UNLOCKED on. */
export const Door = { unlocked: 0, locked: 1, started: 2, error: 3 } as const
export const doorNames = ['unlocked', 'locked', 'started', 'error'] as const

/** The firmware's commands behind the three calls. */
export const doorCommands = ['VDEV_LOCK', 'VDEV_START', 'VDEV_UNLOCK', 'VDEV_COMMUNICATE', 'VDEV_DMA_ENABLE'] as const
export type DoorCommand = (typeof doorCommands)[number]
/** Which of them each call can fail at; VDEV_DMA_ENABLE follows VDEV_START in one step, and finds what it needs. */
export const doorFailures: Readonly<Record<'lock' | 'accept' | 'unlock', readonly DoorCommand[]>> = {
  lock: ['VDEV_LOCK', 'VDEV_COMMUNICATE'],
  accept: ['VDEV_START', 'VDEV_COMMUNICATE'],
  unlock: ['VDEV_UNLOCK', 'VDEV_COMMUNICATE']
}

/** The device's side of one TDISP request: it answers, or refuses. */
export type Tell = () => boolean

export interface DoorState {
  readonly vdev: number
  /** V bit of the stream table entry: T=1 requests reach the Realm's stage 2. */
  readonly ste: boolean
}

export interface DoorAnswer {
  readonly state: DoorState
  /** The command that failed, or null. */
  readonly failed: DoorCommand | null
}

const went = (state: DoorState): DoorAnswer => ({ state, failed: null })
const refused = (state: DoorState, failed: DoorCommand): DoorAnswer => ({ state, failed })
/** The device did not do as it was told: the VDEV is in ERROR until it is unlocked. */
const broken = (s: DoorState): DoorAnswer => refused({ ...s, vdev: Door.error }, 'VDEV_COMMUNICATE')

/** VDEV_LOCK and the communication that carries LOCK_INTERFACE. */
export function doorLock(s: DoorState, tell: Tell): DoorAnswer {
  if (s.vdev !== Door.unlocked) return refused(s, 'VDEV_LOCK')
  return tell() ? went({ ...s, vdev: Door.locked }) : broken(s)
}

/** VDEV_START and the communication that carries START_INTERFACE. */
export function doorStart(s: DoorState, tell: Tell): DoorAnswer {
  if (s.vdev !== Door.locked) return refused(s, 'VDEV_START')
  return tell() ? went({ ...s, vdev: Door.started }) : broken(s)
}

/** doorStart(), and the Realm's RSI_VDEV_DMA_ENABLE with the nonces it has just read. */
export function doorAccept(s: DoorState, tell: Tell): DoorAnswer {
  const started = doorStart(s, tell)
  return started.failed === null ? doorDmaEnable(started.state) : started
}

/** RSI_VDEV_DMA_ENABLE alone. */
export const doorDmaEnable = (s: DoorState): DoorAnswer =>
  s.vdev === Door.started ? went({ ...s, ste: true }) : refused(s, 'VDEV_DMA_ENABLE')

/**
 * VDEV_UNLOCK (after VDEV_ABORT, where a communication failed), which stops DMA at once, and the communication that
 * carries STOP_INTERFACE.
 */
export function doorUnlock(s: DoorState, tell: Tell): DoorAnswer {
  if (s.vdev === Door.unlocked) return refused(s, 'VDEV_UNLOCK')
  const off = { ...s, ste: false }
  return tell() ? went({ ...off, vdev: Door.unlocked }) : broken(off)
}

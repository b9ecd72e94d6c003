// The TSM cores that guests have had, as data: what the core keeps of a device, what its attributes show of that, and
// in which words. The functions of each are in tsm.ts.
import type { Decisions } from './revisions/decisions.ts'

/** Function-0 states of the RFC (struct pci_tsm_pf0.state). ERR exists in the source and is never written. */
export const STATE = { INIT: 0, CONNECT: 1, LOCK: 2, ACCEPT: 3 } as const
/** From tio-v2: whether pdev->tsm is set; departed: it is, and points to a TSM that is gone. */
export const CONTEXT = { none: 0, set: 1, departed: 2 } as const

export interface TsmCore {
  /** Every function has the attributes; else only function 0, and a virtual one has no tsm/ directory. */
  readonly everyFunction: boolean

  /** What the state field holds, by value. */
  readonly states: readonly string[]
  /** The state of a device that starts accepted. */
  readonly accepted: number
  /** The state of a device whose pointer to a TSM outlives it; null: none does. */
  readonly departed: number | null
  /**
   * What an operation reports is told when it ends; false: it is decided, and true, under pf0.lock, after which another
   * administrator may go on.
   */
  readonly reportsAtEnd: boolean
  /** What the core's attributes show: the belief that must agree with the hardware. */
  readonly belief: (state: number, accepted: boolean) => 'unlocked' | 'locked' | 'run'
  /** `DEV.tsm` of the language. */
  readonly word: (state: number, accepted: boolean) => 'none' | 'connected' | 'locked' | 'accepted'
}

const RFC_STATES = Object.keys(STATE)

/** By the decision `accept`. */
export const tsmCores: Readonly<Record<Decisions['accept'], TsmCore>> = {
  none: {
    everyFunction: false,
    states: RFC_STATES,
    accepted: STATE.INIT,
    departed: null,
    reportsAtEnd: true,
    belief: () => 'unlocked',
    word: () => 'none'
  },
  // 04/38: the guest's connect attribute is the lock.
  'rfc-v1': {
    everyFunction: false,
    states: RFC_STATES,
    accepted: STATE.ACCEPT,
    departed: null,
    reportsAtEnd: false,
    belief: (s) => (s >= STATE.ACCEPT ? 'run' : s >= STATE.CONNECT ? 'locked' : 'unlocked'),
    word: (s) => (s >= STATE.ACCEPT ? 'accepted' : s >= STATE.CONNECT ? 'locked' : 'none')
  },
  // 05/38 gives the lock a state of its own, which it does not use.
  'rfc-v1-05': {
    everyFunction: false,
    states: RFC_STATES,
    accepted: STATE.ACCEPT,
    departed: null,
    reportsAtEnd: false,
    belief: (s) => (s >= STATE.ACCEPT ? 'run' : s >= STATE.LOCK ? 'locked' : 'unlocked'),
    word: (s) => (['none', 'connected', 'locked', 'accepted'] as const)[s] ?? 'none'
  },
  'tio-v2': {
    everyFunction: true,
    states: ['NULL', 'set', 'departed'],
    accepted: CONTEXT.set,
    departed: CONTEXT.departed,
    reportsAtEnd: true,
    belief: (s, accepted) => (s === CONTEXT.none ? 'unlocked' : accepted ? 'run' : 'locked'),
    word: (s, accepted) => (s === CONTEXT.none ? 'none' : accepted ? 'accepted' : 'locked')
  }
}

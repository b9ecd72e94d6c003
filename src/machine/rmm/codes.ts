// Numbers of the RMM's interfaces, as the specification words them. Source: reference arm-cca.md sections 2 to 5
// (TF-RMM v0.8.0 for RMI 1.x, TF-RMM main 9a7f8ef4 for RMI 2.0).
import { own } from '../../base/index.ts'

/**
 * RMI status of a command; the word a command returns is `status | index << 8` (index is an RTT level for RTT and
 * RTT_AUX).
 */
export const Rmi = {
  SUCCESS: 0,
  ERROR_INPUT: 1,
  ERROR_REALM: 2,
  ERROR_REC: 3,
  ERROR_RTT: 4,
  ERROR_NOT_SUPPORTED: 5,
  ERROR_DEVICE: 6,
  ERROR_RTT_AUX: 7,
  // RMI 2.0 only
  ERROR_PSMMU_ST: 8,
  ERROR_DPT: 9,
  BUSY: 10,
  ERROR_GLOBAL: 11,
  ERROR_TRACKING: 12,
  INCOMPLETE: 13,
  BLOCKED: 14,
  ERROR_GPT: 15,
  ERROR_GRANULE: 16
} as const

const statusNames = new Map<number, string>(Object.entries(Rmi).map(([k, v]) => [v, k]))

/** The status part of a return word. */
export const statusOf = (word: number): number => word & 0xff
/** The index part of a return word: the RTT level for ERROR_RTT, the memory request and CAN_CANCEL for INCOMPLETE. */
export const indexOf = (word: number): number => (word >> 8) & 0xff
/** `ERROR_RTT`, `SUCCESS`, ...: the status of a return word by name. */
export const statusName = (word: number): string => statusNames.get(statusOf(word)) ?? `status ${statusOf(word)}`
/** The RMI status with this name (an `RMI_` in front is allowed), or undefined. */
export function statusByName(name: string): number | undefined {
  return own(Rmi, name.startsWith('RMI_') ? name.slice(4) : name)
}
/** The name of a status number, or undefined. */
export const statusByNumber = (n: number): string | undefined => statusNames.get(n)
/** A return word for a walk that ended at `level`. */
export const rttError = (level: number): number => Rmi.ERROR_RTT | ((level & 0xff) << 8)

/**
 * What the RMM believes a 4 KiB granule is (section 2). DEV_* are states of device granules, which live in an array of
 * their own.
 */
export const Granule = {
  NS: 0,
  DELEGATED: 1,
  RD: 2,
  REC: 3,
  REC_AUX: 4,
  DATA: 5,
  RTT: 6,
  PDEV: 7,
  PDEV_AUX: 8,
  VDEV: 9,
  VDEV_AUX: 10,
  MAPPED: 11,
  /** RMI 2.0: an object under construction or destruction, while its operation waits for the host. */
  PARTIAL: 12
} as const
export const granuleNames = [
  'NS',
  'DELEGATED',
  'RD',
  'REC',
  'REC_AUX',
  'DATA',
  'RTT',
  'PDEV',
  'PDEV_AUX',
  'VDEV',
  'VDEV_AUX',
  'MAPPED',
  'PARTIAL'
] as const

/** Granule protection information, as the GPT holds it (section 1). */
export const Gpi = { NONE: 0x0, SECURE: 0x8, NS: 0x9, ROOT: 0xa, REALM: 0xb, ANY: 0xf } as const

/** Realm IPA state, as the Realm sees it. */
export const Ripas = { EMPTY: 0, RAM: 1, DESTROYED: 2, DEV: 3 } as const

/** Host IPA state, as RTT_READ_ENTRY reports it in x2. */
export const Hipas = { UNASSIGNED: 0, ASSIGNED: 1, TABLE: 2, ASSIGNED_DEV: 3 } as const

/** Life of a Realm; ZOMBIE (RMI 2.0) is what REALM_TERMINATE makes of it, and what REALM_DESTROY needs. */
export const RealmState = { NEW: 0, ACTIVE: 1, SYSTEM_OFF: 2, ZOMBIE: 3 } as const
export const realmStateNames = ['NEW', 'ACTIVE', 'SYSTEM_OFF', 'ZOMBIE'] as const

/** Exit reasons of REC_ENTER (section 4). */
export const Exit = {
  SYNC: 0,
  IRQ: 1,
  FIQ: 2,
  PSCI: 3,
  RIPAS_CHANGE: 4,
  HOST_CALL: 5,
  SERROR: 6,
  S2AP_CHANGE: 7,
  VDEV_REQUEST: 8,
  VDEV_COMM: 9,
  DEV_MEM_MAP: 10
} as const
export const exitNames = [
  'SYNC',
  'IRQ',
  'FIQ',
  'PSCI',
  'RIPAS_CHANGE',
  'HOST_CALL',
  'SERROR',
  'S2AP_CHANGE',
  'VDEV_REQUEST',
  'VDEV_COMM',
  'DEV_MEM_MAP'
] as const

/** Flags of REC_ENTER, as bit masks (section 4). */
export const EnterFlag = {
  EMUL_MMIO: 1 << 0,
  INJECT_SEA: 1 << 1,
  TRAP_WFI: 1 << 2,
  TRAP_WFE: 1 << 3,
  RIPAS_RESPONSE: 1 << 4,
  S2AP_RESPONSE: 1 << 5,
  DEV_MEM_RESPONSE: 1 << 6,
  FORCE_P0: 1 << 7
} as const

/** RSI return codes (section 5). */
export const Rsi = {
  SUCCESS: 0,
  ERROR_INPUT: 1,
  ERROR_STATE: 2,
  INCOMPLETE: 3,
  ERROR_UNKNOWN: 4,
  ERROR_DEVICE: 5,
  ACCEPT: 0,
  REJECT: 1
} as const

/** Hash algorithm of a Realm or a device; SHA-384 came with RMI 2.0. */
export const HashAlgo = { SHA256: 0, SHA512: 1, SHA384: 2 } as const

/** Auxiliary granules each REC of TF-RMM v0.8.0 needs. */
export const REC_AUX_COUNT = 16

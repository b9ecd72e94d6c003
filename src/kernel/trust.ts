// How far the guest trusts a device, apart from T=1: the levels of the two designs that are argued.
import type { Decisions } from './revisions/decisions.ts'

/**
 * Levels of trust, as numbers of the field: those of the branch (none, adversary, auto, tcb), or of the design that
 * keeps trust apart from T=1.
 */
export const trustLevels = {
  absent: [],
  decides: ['none', 'adversary', 'auto', 'tcb'],
  independent: ['disabled', 'adversary', 'full']
} as const satisfies Readonly<Record<Decisions['trust'], readonly string[]>>
/** DEVICE_TRUST_NONE, DEVICE_TRUST_DISABLED: no driver may bind. */
export const TRUST_NOBODY = 0
/** DEVICE_TRUST_TCB: private memory. */
export const TRUST_TCB = trustLevels.decides.indexOf('tcb')
/**
 * Where a device begins: with the usual privileges; one that starts accepted, as the policy that accepted it left it.
 */
export const bootTrust = (trust: Decisions['trust'], accepted: boolean): number =>
  trust === 'decides'
    ? accepted
      ? TRUST_TCB
      : trustLevels.decides.indexOf('auto')
    : trustLevels.independent.indexOf('full')

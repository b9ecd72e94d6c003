// Kernel revisions: the records, how one is named, and what a revision and a platform are together.
import { type ByRevision, type MachineConfig, type Platform, platformByName } from '../../machine/index.ts'
import type { Decisions } from './decisions.ts'
import { revisionByName } from './resolve.ts'
import type { Revision } from './revision.ts'

export {
  type BooleanDecision,
  type Decision,
  decisionNames,
  type Decisions,
  type DecisionSpec,
  decisionTable,
  decisionText
} from './decisions.ts'
export {
  flipText,
  releaseAtMost,
  resolveRevision,
  revisionByName,
  type RevisionError,
  withDecisions
} from './resolve.ts'
export { differences, type Revision } from './revision.ts'
export { partlyKnown, revisions } from './sorted.ts'

/** A fact of a platform that may hang on a decision of the revision. */
export const holds = (rev: Decisions, fact: ByRevision): boolean => (typeof fact === 'boolean' ? fact : rev[fact])

/** Whether this pair has an accepted state at all. */
export const accepts = (rev: Decisions, p: Platform): boolean => rev.accept !== 'none' && p.tdisp

/** What cc_platform_has() answers for memory encryption: the default of `memory_encrypt_reported`. */
export const memoryEncryptReported = (rev: Decisions, p: Platform): boolean => holds(rev, p.reportsMemoryEncryption)

/** Where the accepted flag is kept: the default of `flag_storage`. */
export const flagStorage = (rev: Decisions, p: Platform): MachineConfig['flag_storage'] =>
  rev[`flagStorage.${p.architecture}`]

/** Why a pair of revision and platform has no meaning, or null. @throws RangeError for an unknown name */
export function noMeaning(kernel: string | Revision, platform: string | Platform): string | null {
  const rev = typeof kernel === 'string' ? revisionByName(kernel) : kernel
  const p = typeof platform === 'string' ? platformByName(platform) : platform
  if (rev === undefined || p === undefined) throw new RangeError(`unknown pair ${String(kernel)} ${String(platform)}`)
  if (!holds(rev, p.runs))
    return `${rev.name} has ${p.since !== null && 'lacks' in p.since ? p.since.lacks : `no support for ${p.name}`}`
  if (rev.needsTsm && p.conversion !== 'none' && !p.tdisp) return `${p.name} has no TSM for ${rev.name} to build on`
  return null
}

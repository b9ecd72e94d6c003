// A kernel revision as one complete record: a value for each decision and the commit or message that each comes from. A
// file of this folder is one revision; what it does not say is as in the revision it follows.
import { type Decision, type Decisions, decisionNames } from './decisions.ts'

export interface Revision extends Decisions {
  readonly name: string
  /** As the reports name it. */
  readonly title: string
  /** One line for the manual and for completion. */
  readonly does: string
  /** A mainline release, or patches as they were posted. */
  readonly kind: 'release' | 'posted'
  /** The day of the release or of the mail, YYYY-MM-DD, or its month where the day is not known. */
  readonly date: string
  /**
   * What of it was not seen, where that is more than a detail: such a revision is named by itself, and `all` leaves it
   * out.
   */
  readonly partly?: string
  /** Source of each decision's value. */
  readonly sources: { readonly [D in Decision]: string }
}

/** A value and its source. */
type Said<D extends Decision> = readonly [value: Decisions[D], source: string]

export interface RevisionSpec extends Pick<Revision, 'name' | 'title' | 'does' | 'kind' | 'date' | 'partly'> {
  /** What it changes, each with the commit or message that does it. */
  readonly decisions: { readonly [D in Decision]?: Said<D> }
}

/** A revision that follows another one. */
export function follows(base: Decisions & Pick<Revision, 'sources'>, spec: RevisionSpec): Revision {
  const { decisions, ...rest } = spec
  const values: Record<string, unknown> = {}
  const sources: Record<string, string> = {}
  for (const [d, [value, source]] of Object.entries(decisions)) {
    values[d] = value
    sources[d] = source
  }
  // Copied whole: a record that is written key by key is a slow object, and every start makes some twenty of these.
  return { ...base, partly: undefined, ...rest, ...values, sources: { ...base.sources, ...sources } } as Revision
}

/** The oldest revision: it says every decision itself. */
export function oldest(spec: RevisionSpec & { readonly decisions: { readonly [D in Decision]: Said<D> } }): Revision {
  // Every decision is said: the base is never asked.
  return follows({} as Revision, spec)
}

/** Decisions in which two records differ, in the order of the table. */
export const differences = (a: Decisions, b: Decisions): Decision[] => decisionNames.filter((d) => a[d] !== b[d])

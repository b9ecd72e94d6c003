// All revisions in the order of the documents: releases by version, then what was posted by date.
import { all } from './all.ts'
import type { Revision } from './revision.ts'

const rank = (r: Revision): string => `${r.kind === 'release' ? 0 : 1}${r.date}`

const every: readonly Revision[] = [...all].sort((a, b) =>
  rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : a.name < b.name ? -1 : 1
)

/** Those that are known, in the order of the documents: what `all` and the tables are about. */
export const revisions: readonly Revision[] = every.filter((r) => r.partly === undefined)

/** Those of which only a part was seen: each is named by itself. */
export const partlyKnown: readonly Revision[] = every.filter((r) => r.partly !== undefined)

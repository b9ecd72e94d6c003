// All revisions in the order of the documents: releases by version, then what was posted by date.
import { all } from './all.ts'
import type { Revision } from './revision.ts'

const rank = (r: Revision): string => `${r.kind === 'release' ? 0 : 1}${r.date}`

/** In the order of the documents. */
export const revisions: readonly Revision[] = [...all].sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : a.name < b.name ? -1 : 1))

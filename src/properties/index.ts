// Properties of a run: which there are, and all of them watching a system.
import { all } from './all.ts'
import type { Property } from './property.ts'

/** In the order in which findings are told. */
export const properties: readonly Property[] = [...all].sort((a, b) => a.order - b.order)

export { isGhost, type Judge, type Judgement, type Property, type PropertyName } from './property.ts'
export { watch } from './watch.ts'

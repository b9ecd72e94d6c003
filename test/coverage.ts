import type { Coverage } from '../src/check/index.ts'

/** What a run covered, for results made by hand. */
export const COVERAGE: Coverage = {
  interleave: 'steps',
  maxStates: 10,
  threads: 1,
  operations: 1,
  operationsKnown: 2,
  operationNames: [],
  rowNames: [],
  absent: [],
  switches: [],
  rows: 0,
  rowsKnown: 1,
  depth: 3
}

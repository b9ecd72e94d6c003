// An `exists` of the test held in no final state. Told after a complete search only (check.ts).
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    unreached: true
  }
}

export const property: Property = {
  name: 'unreached',
  order: 140,
  does: 'an `exists` held in no final state',
  violated: 'an `exists` held in no final state, and the search was complete',
  byDefault: true,
  always: true,
  judge: { by: 'test', where: 'exists (EXPR)' }
}

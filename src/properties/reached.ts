// A `never` of the test held at the end. The search tells it (check.ts).
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    reached: true
  }
}

export const property: Property = {
  name: 'reached',
  order: 130,
  does: 'a `never` held in a final state',
  violated: 'a `never` held in a final state',
  byDefault: true,
  always: true,
  judge: { by: 'test', where: 'never (EXPR)' }
}

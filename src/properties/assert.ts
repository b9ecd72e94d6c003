// An `assert` of the test did not hold. The statement tells it (litmus/threads.ts).
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    assert: true
  }
}

export const property: Property = {
  name: 'assert',
  order: 120,
  does: 'an `assert` failed',
  violated: 'an `assert` failed',
  byDefault: true,
  always: true,
  judge: { by: 'test', where: 'assert (EXPR)' }
}

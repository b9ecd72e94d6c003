// Nobody can go on. The search tells it (check.ts).
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    deadlock: true
  }
}

export const property: Property = {
  name: 'deadlock',
  order: 100,
  does: 'threads wait for each other, or a `wait` is blocked for ever',
  violated: 'threads wait for each other, or a `wait` is blocked for ever',
  byDefault: true,
  judge: { by: 'test', where: 'a state that is not final and in which no thread has a step' }
}

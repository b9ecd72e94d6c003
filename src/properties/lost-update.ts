// The kernel's bitfields are read, changed and written back: two steps (rmwBit of step/layout.ts, which tells it).
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    lost_update: true
  }
}

export const property: Property = {
  name: 'lost_update',
  order: 70,
  does: "a read-modify-write overwrites another thread's update",
  violated: "a read-modify-write of a shared storage unit overwrites another thread's update",
  byDefault: true,
  judge: { by: 'access', where: 'a plain read-modify-write of a bit' }
}

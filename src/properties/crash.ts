// The kernel's end. Kernel.crash tells it, and a tree's own C where it traps, halts or never returns; the thread stops
// there.
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    crash: true
  }
}

export const property: Property = {
  name: 'crash',
  order: 90,
  does: 'the kernel would oops, corrupt its allocator, sleep in atomic context or be killed',
  violated:
    'the kernel would oops, corrupt its allocator, sleep in atomic context, never return, or be killed by the ' +
    'platform; the thread stops there',
  byDefault: true,
  judge: { by: 'access', where: 'BUG_ON, an aborted access of the kernel, a double free, a sleep in atomic context' }
}

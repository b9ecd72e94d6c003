// An access that was promised to work does not. The system tells it: a device's request, or user space through dma_mmap
// (system.ts).
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    fault: true
  }
}

export const property: Property = {
  name: 'fault',
  order: 30,
  does: 'an access that the kernel told a device or user space to make is blocked or goes to the wrong alias',
  violated:
    'an access that the kernel told a device or user space to make is blocked, aborted or reaches the wrong ' +
    "alias (the kernel's own aborted access is `crash`)",
  byDefault: true,
  judge: { by: 'access', where: 'dev_read, dev_write, and read and fill of a user mapping' }
}

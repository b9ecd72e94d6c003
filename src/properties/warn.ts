// What panic_on_warn would stop. Kernel.warn tells it, and a tree's own C where it warns.
import type { Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    warn: true
  }
}

export const property: Property = {
  name: 'warn',
  order: 80,
  does: 'a WARN, WARN_ON, WARN_ONCE or dev_WARN_ONCE',
  violated:
    'a WARN, WARN_ON, WARN_ONCE or dev_WARN_ONCE: what panic_on_warn would stop. Messages of the pr_warn and ' +
    'dev_warn family, once or rate-limited, are never `warn`',
  byDefault: true,
  judge: { by: 'access', where: "the kernel's WARN family" }
}

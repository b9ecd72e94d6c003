// Which decisions of a revision a run asks for.
import type { Revision } from '../kernel/index.ts'

/** The record, noting in `asked` which of its decisions a run asks for: the others cannot matter to it. */
export function watched(rev: Revision, asked: Set<string>): Revision {
  return new Proxy(rev, {
    get: (target, key) => {
      if (typeof key === 'string') asked.add(key)
      return target[key as keyof Revision]
    }
  })
}

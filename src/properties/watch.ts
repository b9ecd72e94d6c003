// All properties of a system together: what happens is told to those that want to know, and a state is asked of those
// that judge states.
import { type Finding, remembered, type Store } from '../step/index.ts'
import type { System, Watcher } from '../system/index.ts'
import { all } from './all.ts'
import { type Judgement, NONE } from './property.ts'

type Hooks = Omit<Judgement, 'ofComponents' | 'looksAt' | 'ofState'>
type Hook = (...args: never[]) => void

/** Every hook that somebody has, as one function that calls all who have it. */
function together(all: readonly Judgement[]): Hooks {
  const heard: Record<keyof Hooks, true> = {
    event: true,
    request: true,
    cpuWrite: true,
    cpuRead: true,
    mapped: true,
    unmapped: true,
    synced: true,
    allocated: true,
    freed: true,
    deviceRead: true,
    deviceWrote: true,
    explicitConversion: true,
    hostWrote: true,
    pageForgotten: true,
    onlyHeld: true
  }
  const out: Partial<Record<keyof Hooks, Hook>> = {}
  for (const name of Object.keys(heard) as Array<keyof Hooks>) {
    const fns = all.flatMap((j): Hook[] => (j[name] === undefined ? [] : [(j[name] as Hook).bind(j)]))
    const [only] = fns
    if (only !== undefined)
      out[name] =
        fns.length === 1
          ? only
          : (...args) => {
              for (const f of fns) f(...args)
            }
  }
  // Each entry is made of entries of that name: its arguments are theirs.
  return out as Hooks
}

/** Makes the properties watch a system, and answers what is wrong with a state. */
export function watch(sys: System): (st: Store) => readonly Finding[] | null {
  const judges = all.flatMap(({ judge }): Judgement[] => (typeof judge === 'function' ? [judge(sys)] : []))
  const { event, request, ...watcher } = together(judges)
  sys.watcher = watcher satisfies Watcher
  sys.kernel.observer = {
    event: (st, e) => {
      event?.(st, e)
    }
  }
  sys.request = request ?? null

  const components = [...new Set(judges.flatMap((j) => j.looksAt ?? []))]
  const ofComponents = judges.filter((j) => j.ofComponents !== undefined)
  const ofState = judges.filter((j) => j.ofState !== undefined)
  const known = remembered(components, (st): readonly Finding[] =>
    ofComponents.flatMap((j) => j.ofComponents?.(st) ?? NONE)
  )
  return (st) => {
    let found = known(st)
    for (const j of ofState) {
      const more = j.ofState?.(st) ?? NONE
      if (more.length > 0) found = found.length === 0 ? more : [...found, ...more]
    }
    return found.length === 0 ? null : found
  }
}

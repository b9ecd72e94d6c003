// Memory that the test itself asked to be shared, and whether a device that runs now may use memory that the host
// reaches.
import { EMPTY, encodeIntervals, type Intervals, PAGE_SIZE, pieces, setRange } from '../base/index.ts'
import { ATTR } from '../kernel/index.ts'
import { change, Interned, type Store } from '../step/index.ts'
import type { System, TbitObject } from '../system/index.ts'
import { ghost } from './property.ts'

/** One for all properties of a system: `tampered` keeps it, `exposed` reads it. */
const known = new WeakMap<System, Interned<Intervals>>()

/** Byte ranges that the test itself asked to be shared: 1. */
export function sharedOnPurpose(sys: System): Interned<Intervals> {
  let x = known.get(sys)
  if (x === undefined)
    known.set(sys, (x = new Interned<Intervals>(sys.layout, ghost('explicit'), EMPTY, encodeIntervals)))
  return x
}

export const askedFor = (sys: System, st: Store, addr: number): boolean =>
  pieces(sharedOnPurpose(sys).get(st), addr, addr + 1, 0)[0]?.[2] === 1
const ASKED = change((m: Intervals, addr: number, len: number, shared: boolean) =>
  setRange(m, addr, addr + len, shared ? 1 : 0, 0)
)
export const setAskedFor = (sys: System, st: Store, addr: number, len: number, shared: boolean): void => {
  sharedOnPurpose(sys).update(st, ASKED, addr, len, shared)
}

/**
 * A device that runs now uses memory that the host reaches, whoever it was made for; and nobody said that the memory is
 * shared: no CC_SHARED, no conversion by the test.
 */
export function usesHostMemory(sys: System, st: Store, dev: number, o: TbitObject, phys: number): boolean {
  if (o.kind !== 'mapping' && o.kind !== 'coherent' && o.kind !== 'pages') return false
  return (
    (o.attrs & ATTR.CC_SHARED) === 0 &&
    sys.running(st, dev) &&
    sys.machine.hostReaches(st, Math.floor(phys / PAGE_SIZE)) &&
    !askedFor(sys, st, phys)
  )
}

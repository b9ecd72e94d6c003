// Where in memory an address lies, and what the memory of some pages holds: for the findings of several properties.
import { EMPTY, PAGE_SIZE, pieces } from '../base/index.ts'
import { TAG } from '../kernel/index.ts'
import type { Store } from '../step/index.ts'
import type { System } from '../system/index.ts'

/** Whose memory it is, in words. */
export function place(sys: System, st: Store, addr: number): string {
  const k = sys.kernel
  for (const m of k.mems)
    if (m.contains(addr)) return m.kind.restricted ? 'a restricted bounce pool' : 'the bounce pool'
  if (k.dynamic?.contains(st, addr)) return 'a dynamic bounce pool'
  if (k.atomic.contains(st, addr)) return 'an atomic pool'
  switch (k.pages.owner(st, Math.floor(addr / PAGE_SIZE))) {
    case TAG.free:
      return 'a free page'
    case TAG.page:
      return 'a page'
    case TAG.slab:
      return 'a kmalloc page'
    case TAG.dma:
      return 'a DMA buffer'
    case TAG.leaked:
      return 'a leaked page'
    default:
      return 'kernel memory'
  }
}

/** The labels in pages [first, end): [address, its end, label]. */
export const contentOf = (
  sys: System,
  st: Store,
  first: number,
  end: number
): ReadonlyArray<readonly [number, number, number]> =>
  pieces(sys.labels?.state.get(st) ?? EMPTY, first * PAGE_SIZE, end * PAGE_SIZE, 0)

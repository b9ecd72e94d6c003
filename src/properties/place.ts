// Where in memory an address lies, and what the memory of some pages holds: for the findings of several properties.
import { EMPTY, PAGE_SIZE } from '../base/index.ts'
import { TAG } from '../kernel/index.ts'
import { CLASS, classOf } from '../machine/index.ts'
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

const NONE: ReadonlyArray<readonly [number, number]> = []

/** What lies in pages [first, end) and is more than plain: [address, label]. Asked in each state; most have none. */
export function markedIn(sys: System, st: Store, first: number, end: number): ReadonlyArray<readonly [number, number]> {
  const labels = sys.labels?.state.get(st) ?? EMPTY
  let out: Array<readonly [number, number]> | null = null
  for (let i = 0; i < labels.length; i += 3) {
    const label = labels[i + 2] as number
    if (classOf(label) === CLASS.plain) continue
    const from = Math.max(labels[i] as number, first * PAGE_SIZE)
    if (from < Math.min(labels[i + 1] as number, end * PAGE_SIZE)) (out ??= []).push([from, label])
  }
  return out ?? NONE
}

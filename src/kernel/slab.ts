// kmalloc: objects of the kernel's size classes that share a page; lowest free object first, the one freed last before all.
import { PAGE_ALIGN, PAGE_SIZE } from '../base/index.ts'
import { action, change, Interned, type Layout, type Store } from '../step/index.ts'
import type { Kernel } from './kernel.ts'
import { TAG } from './page-alloc.ts'

export const KMALLOC_SIZES = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192] as const

/** kmalloc_size_roundup(). */
export function kmalloc_size_roundup(size: number): number {
  for (const s of KMALLOC_SIZES) if (size <= s) return s
  return PAGE_ALIGN(size)
}

/** [page, object size, used objects as a bit set in text, last freed object or -1], one a slab page. */
type SlabPage = readonly [pfn: number, size: number, used: string, last: number]

type Pages = readonly SlabPage[]
const NEW_PAGE = change((s: Pages, pfn: number, cls: number): Pages => [...s, [pfn, cls, '0'.repeat(PAGE_SIZE / cls), -1]])
const TAKE = change((s: Pages, pfn: number, i: number): Pages => s.map((p) => (p[0] === pfn ? [p[0], p[1], setAt(p[2], i, '1'), p[3] === i ? -1 : p[3]] : p)))
const GIVE = change((s: Pages, pfn: number, i: number): Pages => s.map((p) => (p[0] === pfn ? [p[0], p[1], setAt(p[2], i, '0'), i] : p)))

export class Slab {
  readonly state: Interned<readonly SlabPage[]>
  constructor(layout: Layout, private readonly k: Kernel) {
    this.state = new Interned<readonly SlabPage[]>(layout, 'slab', [], (s) => JSON.stringify(s))
  }

  /** kmalloc(size): address, or -1. One step beside a new slab page. */
  kmalloc(size: number): number {
    const cls = kmalloc_size_roundup(size)
    if (cls > 4096) {
      const order = Math.ceil(Math.log2(cls / PAGE_SIZE))
      const pfn = this.k.pages.alloc_pages(order, { tag: TAG.slab, why: 'kmalloc' })
      return pfn < 0 ? -1 : pfn * PAGE_SIZE
    }
    const at = Slab.taken(this, size, cls)
    if (at >= 0) return at
    const pfn = this.k.pages.alloc_pages(0, { tag: TAG.slab, zero: true, why: `kmalloc-${cls}` })
    if (pfn < 0) return -1
    return Slab.takenFrom(this, size, cls, pfn)
  }
  private static readonly taken = action<[s: Slab, size: number, cls: number]>('kmalloc', {
    perform: (st, _outcome, s, _size, cls) => s.take(st, cls),
    text: (r, _outcome, _s, size) => (r < 0 ? `kmalloc(${size}): no free object` : `kmalloc(${size}) = 0x${r.toString(16)}`)
  })
  private static readonly takenFrom = action<[s: Slab, size: number, cls: number, pfn: number]>('kmalloc, new page', {
    perform: (st, _outcome, s, _size, cls, pfn) => {
      s.state.update(st, NEW_PAGE, pfn, cls)
      return s.take(st, cls)
    },
    text: (r, _outcome, _s, size) => `kmalloc(${size}) = 0x${r.toString(16)}`, silent: true
  })

  private take(st: Store, cls: number): number {
    const s = this.state.get(st)
    for (const [pfn, size, used, last] of s) {
      if (size !== cls) continue
      const i = last >= 0 && used[last] === '0' ? last : used.indexOf('0')
      if (i < 0) continue
      this.state.update(st, TAKE, pfn, i)
      return pfn * PAGE_SIZE + i * cls
    }
    return -1
  }

  /** kfree(addr): one step. The page stays a slab page. */
  kfree(addr: number, size: number): void {
    const cls = kmalloc_size_roundup(size)
    if (cls > 4096) { this.k.pages.free_pages(addr / PAGE_SIZE, Math.ceil(Math.log2(cls / PAGE_SIZE)), 'kfree'); return }
    if (Slab.freed(this, addr, cls) === 1) this.k.crash('kfree', 'double free', 'an object is freed that is not allocated')
  }
  private static readonly freed = action<[s: Slab, addr: number, cls: number]>('kfree', {
    perform: (st, _outcome, s, addr, cls) => {
      const pfn = Math.floor(addr / PAGE_SIZE)
      const i = Math.floor((addr % PAGE_SIZE) / cls)
      const page = s.state.get(st).find((p) => p[0] === pfn)
      if (page === undefined || page[2][i] !== '1') return 1
      s.k.observer.event(st, { kind: 'kfree', addr, size: cls, site: 'kfree' })
      s.state.update(st, GIVE, pfn, i)
      return 0
    },
    text: (_r, _outcome, _s, addr) => `kfree(0x${addr.toString(16)})`, results: [0, 1]
  })
}

const setAt = (s: string, i: number, c: string): string => s.slice(0, i) + c + s.slice(i + 1)

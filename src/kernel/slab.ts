// kmalloc: objects of the kernel's size classes that share a page; lowest free object first, the one freed last before
// all.
import { type CpuAddr, PAGE_ALIGN, PAGE_SIZE } from '../base/index.ts'
import { action, change, Interned, type Layout, type Store } from '../step/index.ts'
import type { Kernel, Slab, SlabPage } from './types.ts'
import { TAG } from './page-alloc.ts'

export const KMALLOC_SIZES = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192] as const

/** Objects of this size and below share a page of the kernel; larger ones have pages of their own. */
const LARGEST = 4096

/** kmalloc_size_roundup(). */
export function kmalloc_size_roundup(size: number): number {
  for (const s of KMALLOC_SIZES) if (size <= s) return s
  return PAGE_ALIGN(size)
}

type Pages = readonly SlabPage[]
const NEW_PAGE = change((s: Pages, pfn: number, cls: number, n: number): Pages => [...s, [pfn, cls, '0'.repeat(n), -1]])
const TAKE = change(
  (s: Pages, pfn: number, i: number): Pages =>
    s.map((p) => (p[0] === pfn ? [p[0], p[1], setAt(p[2], i, '1'), p[3] === i ? -1 : p[3]] : p))
)
const GIVE = change(
  (s: Pages, pfn: number, i: number): Pages => s.map((p) => (p[0] === pfn ? [p[0], p[1], setAt(p[2], i, '0'), i] : p))
)

export class GuestSlab implements Slab {
  readonly state: Interned<readonly SlabPage[]>
  constructor(
    layout: Layout,
    private readonly k: Kernel
  ) {
    this.state = new Interned<readonly SlabPage[]>(layout, 'slab', [], (s) => JSON.stringify(s))
  }

  /** kmalloc(size): address, or -1. One step beside a new slab page. */
  kmalloc(size: number): CpuAddr {
    const cls = kmalloc_size_roundup(size)
    if (cls > LARGEST) {
      const pfn = this.k.pages.alloc_pages(this.k.order(cls), { tag: TAG.slab, why: 'kmalloc' })
      return pfn < 0 ? -1 : pfn * PAGE_SIZE
    }
    const at = GuestSlab.taken(this, size, cls)
    if (at >= 0) return at
    const pfn = this.k.pages.alloc_pages(this.k.pageOrder, { tag: TAG.slab, zero: true, why: `kmalloc-${cls}` })
    if (pfn < 0) return -1
    return GuestSlab.takenFrom(this, size, cls, pfn)
  }
  private static readonly taken = action<[s: GuestSlab, size: number, cls: number]>('kmalloc', {
    perform: (st, _outcome, s, _size, cls) => s.take(st, cls),
    text: (r, _outcome, _s, size) =>
      r < 0 ? `kmalloc(${size}): no free object` : `kmalloc(${size}) = 0x${r.toString(16)}`
  })
  private static readonly takenFrom = action<[s: GuestSlab, size: number, cls: number, pfn: number]>(
    'kmalloc, new page',
    {
      perform: (st, _outcome, s, _size, cls, pfn) => {
        s.state.update(st, NEW_PAGE, pfn, cls, s.k.page / cls)
        return s.take(st, cls)
      },
      text: (r, _outcome, _s, size) => `kmalloc(${size}) = 0x${r.toString(16)}`,
      silent: true
    }
  )

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
  kfree(addr: CpuAddr, size: number): void {
    const cls = kmalloc_size_roundup(size)
    if (cls > LARGEST) {
      this.k.pages.free_pages(addr / PAGE_SIZE, this.k.order(cls), 'kfree')
      return
    }
    if (GuestSlab.freed(this, addr, cls) === 1)
      this.k.crash('kfree', 'double free', 'an object is freed that is not allocated')
  }
  private static readonly freed = action<[s: GuestSlab, addr: CpuAddr, cls: number]>('kfree', {
    perform: (st, _outcome, s, addr, cls) => {
      const { page } = s.k
      const pfn = Math.floor(addr / page) * (page / PAGE_SIZE)
      const i = Math.floor((addr % page) / cls)
      const slab = s.state.get(st).find((p) => p[0] === pfn)
      if (slab === undefined || slab[2][i] !== '1') return 1
      s.k.observer.event(st, { kind: 'kfree', addr, size: cls, site: 'kfree' })
      s.state.update(st, GIVE, pfn, i)
      return 0
    },
    text: (_r, _outcome, _s, addr) => `kfree(0x${addr.toString(16)})`,
    results: [0, 1]
  })
}

const setAt = (s: string, i: number, c: string): string => s.slice(0, i) + c + s.slice(i + 1)

// The page allocator. It hands out the lowest free block of the order, except that a block freed last is handed out first.
import { EMPTY, encodeIntervals, type Intervals, intervalAt, PAGE_SIZE, pieces, setRange } from '../base/index.ts'
import { action, aside, change, Interned, type Layout, type Store } from '../step/index.ts'
import { HIGH_BANK } from '../machine/index.ts'
import type { Kernel } from './kernel.ts'
import type { DmaZone } from './surroundings.ts'

/** Who owns a page. */
export const TAG = { free: 0, kernel: 1, page: 2, slab: 3, dma: 4, pool: 5, leaked: 6 } as const
export const tagNames = ['free', 'kernel', 'page', 'slab', 'dma', 'pool', 'leaked'] as const

interface State {
  readonly owner: Intervals
  /** Freed blocks, last first: [pfn, pages, pfn, pages, ...]; an entry goes when any of its pages is taken again. */
  readonly recent: readonly number[]
}

/** The kernel's image and early data: never handed out. */
const KERNEL_RESERVED = 0x100000

const TAKE = change((s: State, pfn: number, n: number, tag: number): State => {
  const recent: number[] = []
  for (let i = 0; i < s.recent.length; i += 2) {
    const a = s.recent[i] as number
    const c = s.recent[i + 1] as number
    if (a + c <= pfn || a >= pfn + n) recent.push(a, c)
  }
  return { owner: setRange(s.owner, pfn, pfn + n, tag, 0), recent }
})
const FREE = change((s: State, pfn: number, n: number): State => ({ owner: setRange(s.owner, pfn, pfn + n, TAG.free, 0), recent: [pfn, n, ...s.recent] }))

export class PageAllocator {
  readonly state: Interned<State>
  constructor(layout: Layout, private readonly k: Kernel, private readonly top: number) {
    this.state = new Interned<State>(layout, 'page_owner', { owner: EMPTY, recent: [] }, (s) => `${encodeIntervals(s.owner)}|${s.recent.join(',')}`)
  }

  boot(st: Store): void {
    let owner = setRange(EMPTY, 0, KERNEL_RESERVED / PAGE_SIZE, TAG.kernel, 0)
    owner = setRange(owner, Math.floor(this.top / PAGE_SIZE), Math.ceil(this.k.config.ram / PAGE_SIZE), TAG.pool, 0)
    this.state.set(st, { owner, recent: [] })
  }

  owner(st: Store, pfn: number): number { return intervalAt(this.state.get(st).owner, pfn, 0) }

  private find(s: State, n: number, high: boolean): number {
    const ram = this.k.config.ram
    const from = high ? HIGH_BANK / PAGE_SIZE : 0
    const to = from + ram / PAGE_SIZE
    for (let i = 0; i < s.recent.length; i += 2) {
      const pfn = s.recent[i] as number
      if ((s.recent[i + 1] as number) === n && pfn >= from && pfn + n <= to) return pfn
    }
    for (const [a, b, v] of pieces(s.owner, from, to, 0)) {
      if (v !== TAG.free) continue
      const at = Math.ceil(a / n) * n
      if (at + n <= b) return at
    }
    return -1
  }

  /** alloc_pages: 2^order pages as one step; the page frame number, or -1. Content is what the last owner left. */
  alloc_pages(order: number, o: { high?: boolean; tag: number; zero?: boolean; why: string }): number {
    return PageAllocator.allocated(this, order, o.high ?? false, o.tag, o.zero ?? false, o.why)
  }
  private static readonly allocated = action<[a: PageAllocator, order: number, high: boolean, tag: number, zero: boolean, why: string]>('alloc_pages', {
    perform: (st, _outcome, a, order, high, tag, zero) => {
      const n = 2 ** order
      const pfn = a.find(a.state.get(st), n, high)
      if (pfn < 0) return -1
      a.take(st, pfn, n, tag)
      if (zero) a.k.machine.content.fill(st, pfn * PAGE_SIZE, n * PAGE_SIZE, 0)
      return pfn
    },
    text: (r, _outcome, _a, order, _high, _tag, _zero, why) => (r < 0 ? `alloc_pages(order ${order}) fails` : `alloc_pages(order ${order}) for ${why}: page 0x${r.toString(16)}`)
  })

  /** alloc_pages() for DMA from a zone: the page frame number, or -1. A scene's low bank is its lowest zone. */
  alloc_dma(order: number, zone: DmaZone, o: { tag: number; why: string }): number {
    const { host, allocator } = this.k.parts
    if (host !== undefined) { const phys = host.alloc_pages(order, zone); return phys < 0 ? -1 : phys / PAGE_SIZE }
    const pfn = allocator ? allocator.alloc(order, zone) : this.alloc_pages(order, o)
    if (pfn >= 0) this.k.record('ap', pfn * PAGE_SIZE, 2 ** order)
    return pfn
  }
  /** __free_pages() of what alloc_dma() gave. */
  free_dma(pfn: number, order: number, site: string): void {
    const { host, allocator } = this.k.parts
    if (host !== undefined) { host.free_pages(pfn * PAGE_SIZE, order); return }
    if (allocator) allocator.free(pfn, order)
    else this.free_pages(pfn, order, site)
    this.k.record('fp', pfn * PAGE_SIZE, 2 ** order)
  }

  take(st: Store, pfn: number, n: number, tag: number): void { this.state.update(st, TAKE, pfn, n, tag) }

  /** __free_pages: one step. Freeing what is free corrupts the allocator. */
  free_pages(pfn: number, order: number, site: string): void {
    if (PageAllocator.freed(this, pfn, 2 ** order, site) === 1) this.k.crash(site, 'double free', `page 0x${pfn.toString(16)} is freed twice`)
  }

  private static readonly freed = action<[a: PageAllocator, pfn: number, n: number, site: string]>('free_pages', {
    perform: (st, _outcome, a, pfn, n, site) => {
      for (let p = pfn; p < pfn + n; p++) { const t = a.owner(st, p); if (t === TAG.free || t === TAG.kernel) return 1 }
      a.k.observer.event(st, { kind: 'free_pages', pfn, n, site })
      a.state.update(st, FREE, pfn, n)
      return 0
    },
    text: (_r, _outcome, _a, pfn, n, site) => `${site}: page 0x${pfn.toString(16)}${n > 1 ? ` and ${n - 1} more` : ''} back to the page allocator`, results: [0, 1]
  })

  /** Pages given up: nobody will ever give them back. */
  leak(pfn: number, n: number, site: string, onPurpose: boolean): void { if (this.k.parts.host === undefined) PageAllocator.leaked(this, pfn, n, site, onPurpose) }
  private static readonly leaked = aside<[a: PageAllocator, pfn: number, n: number, site: string, onPurpose: boolean]>('leak', (st, a, pfn, n, site, onPurpose) => {
    a.take(st, pfn, n, TAG.leaked)
    a.k.observer.event(st, { kind: 'leak', pfn, n, site, onPurpose })
  }, (_a, pfn, _n, site, onPurpose) => `${site}: page 0x${pfn.toString(16)} leaked${onPurpose ? ' on purpose' : ''}`)
}

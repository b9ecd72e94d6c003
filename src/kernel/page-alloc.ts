// The page allocator. It hands out the lowest free block of the order, except that a block freed last is handed out
// first.
import { EMPTY, encodeIntervals, intervalAt, PAGE_SIZE, pieces, setRange, type Pfn } from '../base/index.ts'
import { action, aside, change, Interned, type Layout, type Store } from '../step/index.ts'
import { HIGH_BANK } from '../machine/index.ts'
import type { CmaArea, Kernel, PageAllocator, PageOwners } from './types.ts'
import type { DmaZone } from './surroundings.ts'

/** Who owns a page; `cma`: a free page of a CMA area. */
export const TAG = { free: 0, kernel: 1, page: 2, slab: 3, dma: 4, pool: 5, leaked: 6, cma: 7 } as const
export const tagNames = ['free', 'kernel', 'page', 'slab', 'dma', 'pool', 'leaked', 'cma'] as const

/** CONFIG_CMA_ALIGNMENT, the largest order to which an allocation is aligned. */
const CMA_ALIGNMENT = 8

/** The kernel's image and early data: never handed out. */
const KERNEL_RESERVED = 0x100000

const TAKE = change((s: PageOwners, pfn: Pfn, n: number, tag: number): PageOwners => {
  const recent: number[] = []
  for (let i = 0; i < s.recent.length; i += 2) {
    const a = s.recent[i] as number
    const c = s.recent[i + 1] as number
    if (a + c <= pfn || a >= pfn + n) recent.push(a, c)
  }
  return { owner: setRange(s.owner, pfn, pfn + n, tag, 0), recent }
})
const FREE = change(
  (s: PageOwners, pfn: Pfn, n: number): PageOwners => ({
    owner: setRange(s.owner, pfn, pfn + n, TAG.free, 0),
    recent: [pfn, n, ...s.recent]
  })
)

export class GuestPages implements PageAllocator {
  readonly state: Interned<PageOwners>
  /** `kept`: pages that boot has reserved, from the top of the low bank and (zones) of the high bank downwards. */
  constructor(
    layout: Layout,
    private readonly k: Kernel,
    private readonly top: number,
    private readonly areas: readonly CmaArea[],
    private readonly highTop: number
  ) {
    this.state = new Interned<PageOwners>(
      layout,
      'page_owner',
      { owner: EMPTY, recent: [] },
      (s) => `${encodeIntervals(s.owner)}|${s.recent.join(',')}`
    )
  }

  boot(st: Store): void {
    let owner = setRange(EMPTY, 0, KERNEL_RESERVED / PAGE_SIZE, TAG.kernel, 0)
    owner = setRange(owner, Math.floor(this.top / PAGE_SIZE), Math.ceil(this.k.config.ram / PAGE_SIZE), TAG.pool, 0)
    if (this.highTop < HIGH_BANK + this.k.config.ram)
      owner = setRange(owner, this.highTop / PAGE_SIZE, (HIGH_BANK + this.k.config.ram) / PAGE_SIZE, TAG.pool, 0)
    for (const a of this.areas) owner = setRange(owner, a.pfn, a.pfn + a.n, TAG.cma, 0)
    // What boot took from the areas for the atomic pools.
    for (const p of this.k.atomic.pools)
      if (this.areaOf(p.start / PAGE_SIZE) !== undefined)
        owner = setRange(owner, p.start / PAGE_SIZE, (p.start + p.size) / PAGE_SIZE, TAG.pool, 0)
    this.state.set(st, { owner, recent: [] })
  }

  owner(st: Store, pfn: Pfn): number {
    return intervalAt(this.state.get(st).owner, pfn, 0)
  }

  /** What pools have taken since boot: [first page, end). */
  pooled(st: Store): ReadonlyArray<readonly [from: Pfn, to: Pfn]> {
    const { owner } = this.state.get(st)
    return [
      [0, Math.floor(this.top / PAGE_SIZE)] as const,
      [HIGH_BANK / PAGE_SIZE, Math.floor(this.highTop / PAGE_SIZE)] as const
    ].flatMap(([from, to]) =>
      pieces(owner, from, to, 0).flatMap(([a, b, tag]) => (tag === TAG.pool ? [[a, b] as const] : []))
    )
  }

  private find(s: PageOwners, n: number, high: boolean): number {
    const from = high ? HIGH_BANK / PAGE_SIZE : 0
    return this.findIn(s, n, from, from + this.k.config.ram / PAGE_SIZE)
  }

  private findIn(s: PageOwners, n: number, from: number, to: number): number {
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

  /**
   * alloc_pages() of the guest's own: 2^order pages as one step; the page frame number, or -1. Content is what the last
   * owner left.
   */
  alloc_pages(order: number, o: { high?: boolean; tag: number; zero?: boolean; why: string }): number {
    return GuestPages.allocated(this, order, o.high ?? false, o.tag, o.zero ?? false, o.why)
  }
  private static readonly allocated = action<
    [a: GuestPages, order: number, high: boolean, tag: number, zero: boolean, why: string]
  >('alloc_pages', {
    perform: (st, _outcome, a, order, high, tag, zero) => {
      const n = 2 ** order
      const pfn = a.find(a.state.get(st), n, high)
      if (pfn < 0) return -1
      a.take(st, pfn, n, tag)
      if (zero) a.k.machine.content.fill(st, pfn * PAGE_SIZE, n * PAGE_SIZE, 0)
      return pfn
    },
    text: (r, _outcome, _a, order, _high, _tag, _zero, why) =>
      r < 0 ? `alloc_pages(order ${order}) fails` : `alloc_pages(order ${order}) for ${why}: page 0x${r.toString(16)}`
  })

  /** The zones of an allocation, the highest first: [first page, end). */
  private zonelist(zone: DmaZone): ReadonlyArray<readonly [from: number, to: number]> {
    const { ram } = this.k.config
    const dma = Math.min(ram, this.k.memory.zone_dma_limit + 1) / PAGE_SIZE
    const below: ReadonlyArray<readonly [number, number]> =
      zone === 'dma'
        ? [[0, dma]]
        : [
            [dma, ram / PAGE_SIZE],
            [0, dma]
          ]
    return zone === 'normal' ? [[HIGH_BANK / PAGE_SIZE, (HIGH_BANK + ram) / PAGE_SIZE], ...below] : below
  }
  private static readonly fromZone = action<[a: GuestPages, order: number, zone: DmaZone, tag: number, why: string]>(
    'alloc_pages zone',
    {
      perform: (st, _outcome, a, order, zone, tag) => {
        const n = 2 ** order
        for (const [from, to] of a.zonelist(zone)) {
          const pfn = from < to ? a.findIn(a.state.get(st), n, from, to) : -1
          if (pfn >= 0) {
            a.take(st, pfn, n, tag)
            return pfn
          }
        }
        return -1
      },
      text: (r, _outcome, _a, order, zone, _tag, why) =>
        `alloc_pages(${{ normal: '', dma32: 'GFP_DMA32, ', dma: 'GFP_DMA, ' }[zone]}order ${order})` +
        `${r < 0 ? ' fails' : ` for ${why}: page 0x${r.toString(16)}`}`
    }
  )

  // --- CMA (mm/cma.c) ---

  private areaOf(pfn: Pfn): CmaArea | undefined {
    return this.areas.find((a) => pfn >= a.pfn && pfn < a.pfn + a.n)
  }

  /** cma_alloc(): `n` pages aligned to 2^order, or -1. */
  cma_alloc(area: CmaArea, n: number, order: number, o: { tag: number; why: string }): number {
    return GuestPages.fromArea(this, area, n, Math.min(order, CMA_ALIGNMENT), o.tag, o.why)
  }
  private static readonly fromArea = action<
    [a: GuestPages, area: CmaArea, n: number, order: number, tag: number, why: string]
  >('cma_alloc', {
    perform: (st, _outcome, a, area, n, order, tag) => {
      for (const [from, to, owner] of pieces(a.state.get(st).owner, area.pfn, area.pfn + area.n, 0)) {
        const at = Math.ceil(from / 2 ** order) * 2 ** order
        if (owner !== TAG.cma || at + n > to) continue
        a.take(st, at, n, tag)
        return at
      }
      return -1
    },
    text: (r, _outcome, _a, _area, n, _order, _tag, why) =>
      r < 0 ? `cma_alloc(${n} pages) fails` : `cma_alloc(${n} pages) for ${why}: page 0x${r.toString(16)}`
  })

  /** cma_release(): false where the area does not have them. */
  cma_release(area: CmaArea, pfn: Pfn, n: number, site: string): boolean {
    if (pfn < area.pfn || pfn + n > area.pfn + area.n) return false
    if (GuestPages.toArea(this, pfn, n, site) === 1)
      this.k.crash(
        site,
        'double free',
        `pages that are free in the CMA area are released, from 0x${pfn.toString(16)} on`
      )
    return true
  }
  private static readonly toArea = action<[a: GuestPages, pfn: Pfn, n: number, site: string]>('cma_release', {
    perform: (st, _outcome, a, pfn, n, site) => {
      for (let p = pfn; p < pfn + n; p++) {
        const t = a.owner(st, p)
        if (t === TAG.free || t === TAG.cma) return 1
      }
      a.k.observer.event(st, { kind: 'free_pages', pfn, n, site })
      a.take(st, pfn, n, TAG.cma)
      return 0
    },
    text: (_r, _outcome, _a, pfn, n, site) =>
      `${site}: page 0x${pfn.toString(16)}${n > 1 ? ` and ${n - 1} more` : ''} back to the CMA area`,
    results: [0, 1]
  })

  /**
   * The pages of an allocation of `n` at `pfn`: exactly those from a CMA area, a power of two from the page allocator.
   */
  allocated(pfn: Pfn, n: number): number {
    return this.areaOf(pfn) === undefined ? 2 ** Math.ceil(Math.log2(n)) : n
  }

  /**
   * alloc_pages() for DMA from a zone: the page frame number, or -1. Without `zones` a scene's low bank is its lowest
   * zone, and comes first.
   */
  alloc_dma(order: number, zone: DmaZone, o: { tag: number; why: string }): number {
    const { host, allocator } = this.k.parts
    if (host !== undefined) {
      const phys = host.alloc_pages(order, zone)
      return phys < 0 ? -1 : phys / PAGE_SIZE
    }
    const pfn = allocator
      ? allocator.alloc(order, zone)
      : this.k.config.zones
        ? GuestPages.fromZone(this, order, zone, o.tag, o.why)
        : this.alloc_pages(order, o)
    if (pfn >= 0) this.k.record('ap', pfn * PAGE_SIZE, 2 ** order)
    return pfn
  }
  /** __free_pages() of what alloc_dma() gave. */
  free_dma(pfn: Pfn, order: number, site: string): void {
    const { host, allocator } = this.k.parts
    if (host !== undefined) {
      host.free_pages(pfn * PAGE_SIZE, order)
      return
    }
    if (allocator) allocator.free(pfn, order)
    else this.free_pages(pfn, order, site)
    this.k.record('fp', pfn * PAGE_SIZE, 2 ** order)
  }

  take(st: Store, pfn: Pfn, n: number, tag: number): void {
    this.state.update(st, TAKE, pfn, n, tag)
  }

  /** __free_pages: one step. Freeing what is free corrupts the allocator. */
  free_pages(pfn: Pfn, order: number, site: string): void {
    if (GuestPages.freed(this, pfn, 2 ** order, site) === 1)
      this.k.crash(site, 'double free', `page 0x${pfn.toString(16)} is freed twice`)
  }

  private static readonly freed = action<[a: GuestPages, pfn: Pfn, n: number, site: string]>('free_pages', {
    perform: (st, _outcome, a, pfn, n, site) => {
      for (let p = pfn; p < pfn + n; p++) {
        const t = a.owner(st, p)
        if (t === TAG.free || t === TAG.kernel) return 1
      }
      a.k.observer.event(st, { kind: 'free_pages', pfn, n, site })
      a.state.update(st, FREE, pfn, n)
      return 0
    },
    text: (_r, _outcome, _a, pfn, n, site) =>
      `${site}: page 0x${pfn.toString(16)}${n > 1 ? ` and ${n - 1} more` : ''} back to the page allocator`,
    results: [0, 1]
  })

  /** Pages given up: nobody will ever give them back. */
  leak(pfn: Pfn, n: number, site: string, onPurpose: boolean): void {
    if (this.k.parts.host === undefined) GuestPages.leaked(this, pfn, n, site, onPurpose)
  }
  private static readonly leaked = aside<[a: GuestPages, pfn: Pfn, n: number, site: string, onPurpose: boolean]>(
    'leak',
    (st, a, pfn, n, site, onPurpose) => {
      a.take(st, pfn, n, TAG.leaked)
      a.k.observer.event(st, { kind: 'leak', pfn, n, site, onPurpose })
    },
    (_a, pfn, _n, site, onPurpose) => `${site}: page 0x${pfn.toString(16)} leaked${onPurpose ? ' on purpose' : ''}`
  )
}

// The atomic pools (kernel/dma/pool.c): memory that is ready for allocations that cannot block. Up to three by zone,
// made at boot, each of which may fail; they grow by a worker and never shrink. Where non-coherent memory is remapped
// (CONFIG_DMA_DIRECT_REMAP) a pool has a mapping of its own, and its CPU addresses are none of the linear map.
import {
  type CpuAddr,
  EMPTY,
  encodeIntervals,
  type Intervals,
  PAGE_SIZE,
  pieces,
  setRange,
  type Pfn,
  type Phys
} from '../../base/index.ts'
import { action, aside, change, choose, Interned, type Layout, type Store } from '../../step/index.ts'
import { coherent_limit } from '../device.ts'
import { DMA_MAPPING_ERROR, dmaAddrBit, translate_phys_to_dma, withAddrBit } from './address.ts'
import { TAG } from '../page-alloc.ts'
import { conversionsMayFail, hostRefuses, mappingOfRefused, set_memory_decrypted } from '../set-memory.ts'
import { arch_dma_prep_coherent, dma_common_contiguous_remap, PGPROT } from './map-ops.ts'
import { get_order } from '../swiotlb/index.ts'
import type { AtomicPools, CpuAlias, Device, DmaZone, FromPool, Kernel } from '../types.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const MAX_PAGE_ORDER = 10

/**
 * dma_atomic_pool_init(): coherent_pool=SIZE, else 128 KiB a GiB of RAM, at least 128 KiB, at most a block of
 * MAX_PAGE_ORDER; 0 on the command line means that default.
 */
export function atomic_pool_size(ram: number, cmdline = ''): number {
  const asked = /(?:^|\s)coherent_pool=(\d+)([KMG]?)/i.exec(cmdline)
  const unit = { '': 1, K: KiB, M: MiB, G: GiB }[(asked?.[2] ?? '').toUpperCase()] ?? 1
  const size = asked ? Number(asked[1]) * unit : 0
  return size > 0
    ? size
    : Math.max(128 * KiB, Math.min(Math.floor(ram / PAGE_SIZE / (GiB / (128 * KiB))), 2 ** MAX_PAGE_ORDER) * PAGE_SIZE)
}

/** Zones in the order of dma_guess_pool(): the pool for any memory, for DMA32, for DMA. */
const POOLS = ['atomic_pool_kernel', 'atomic_pool_dma32', 'atomic_pool_dma'] as const
const [KERNEL, DMA32, DMA] = [0, 1, 2]
const ZONE: readonly DmaZone[] = ['normal', 'dma32', 'dma']

/**
 * How a pool's conversion at boot went: done, failed before anything changed, or at the host. The difference shows
 * where the pages are used again.
 */
const FAILED = { no: 0, atOnce: 1, atHost: 2 } as const

/** Whether boot made a pool; `unknown` where its conversion may have failed and nobody has looked yet. */
const UP = { no: 0, yes: 1, unknown: 2 } as const

/**
 * The newest first, as list_add_rcu() leaves them. `addr`: the chunk's address in its pool, by which it is looked up:
 * the physical one, as long as no other chunk has it (pages that were freed although they were the pool's can come back
 * in a new chunk, with a mapping of its own).
 */
type Chunk = readonly [addr: CpuAddr, size: number, phys: Phys]
/** CONFIG_ZONE_DMA32. */
const hasZoneDma32 = (k: Kernel): boolean => k.platform.architecture !== 's390'

const chunkOf = (chunks: readonly Chunk[], addr: CpuAddr): Chunk | undefined =>
  chunks.find(([start, n]) => addr >= start && addr < start + n)

interface GenPool {
  readonly up: number
  readonly chunks: readonly Chunk[]
}
interface State {
  readonly pools: readonly GenPool[]
  /** Pages in use, over all pools, by address in the pool. */
  readonly used: Intervals
  /** atomic_pool_work is scheduled and has not run. */
  readonly work: boolean
}

const encode = (s: State): string =>
  `${s.pools.map((p) => `${p.up}:${p.chunks.join(';')}`).join('|')}|${encodeIntervals(s.used)}|${s.work ? 1 : 0}`

const SETTLE = change(
  (s: State, i: number, failed: boolean): State => ({
    ...s,
    pools: s.pools.map((p, j) => (j === i ? (failed ? { up: UP.no, chunks: [] } : { ...p, up: UP.yes }) : p))
  })
)
/** gen_pool_avail(): free bytes of a pool. */
function available(s: State, i: number): number {
  let free = 0
  for (const [start, n] of s.pools[i]?.chunks ?? [])
    for (const [a, b, v] of pieces(s.used, start, start + n, 0)) if (v === 0) free += b - a
  return free
}
const TAKE = change((s: State, wanted: number, i: number, addr: CpuAddr, size: number): State => {
  const used = setRange(s.used, addr, addr + size, 1, 0)
  return { ...s, used, work: s.work || available({ ...s, used }, i) < wanted }
})
const GIVE = change(
  (s: State, addr: CpuAddr, size: number): State => ({ ...s, used: setRange(s.used, addr, addr + size, 0, 0) })
)
const WORK_DONE = change((s: State): State => ({ ...s, work: false }))
const GROW = change((s: State, i: number, pfn: Pfn, n: number): State => {
  const [phys, size] = [pfn * PAGE_SIZE, n * PAGE_SIZE]
  const all = s.pools.flatMap((p) => p.chunks)
  const addr = all.some(([a, m]) => a < phys + size && phys < a + m) ? Math.max(...all.map(([a, m]) => a + m)) : phys
  return {
    ...s,
    pools: s.pools.map((p, j) => (j === i ? { up: UP.yes, chunks: [[addr, size, phys], ...p.chunks] } : p))
  }
})

/** Work is scheduled: whether it runs at this moment, before the `next` operation (`late`) or right after the last. */
export const workerRuns = (late: boolean, work = 'atomic_pool_work', next = 'allocation'): boolean =>
  choose(late ? `${work}: not before the next ${next}, or now` : `${work}: later, or now`, 2) === 1

export class GuestAtomicPools implements AtomicPools {
  /** The first chunk of each pool. */
  readonly pools: ReadonlyArray<{ readonly name: string; readonly start: number; readonly size: number }>
  private readonly state: Interned<State>
  /** atomic_pool_size: with less than this left a pool wants to grow. */
  private readonly wanted: number

  constructor(
    layout: Layout,
    private readonly k: Kernel,
    reserve: { readonly low: (bytes: number) => number; readonly high: (bytes: number) => number }
  ) {
    const { ram, cmdline } = k.config
    this.wanted = k.parts.atomic_pool_size ?? atomic_pool_size(ram, cmdline)
    const none = { up: UP.no, chunks: [] }
    if (k.parts.host !== undefined) {
      this.pools = []
      this.state = new Interned<State>(
        layout,
        'atomic_pools',
        { pools: [none, none, none], used: EMPTY, work: false },
        encode,
        true
      )
      return
    }
    // atomic_pool_expand() takes a smaller block where the page allocator has none so large: a scene has a sixteenth of
    // its RAM for each pool.
    let order = Math.min(k.order(this.wanted), MAX_PAGE_ORDER)
    while (order > k.pageOrder && PAGE_SIZE * 2 ** order > ram / 16) order--
    const size = PAGE_SIZE * 2 ** order
    // From the default CMA area in the order in which boot makes them, where that lies in the zone and has room; else
    // from the page allocator.
    let cma = k.cma_default === null ? 0 : Math.ceil((k.cma_default.pfn * PAGE_SIZE) / size) * size
    const fromCma = (zone: DmaZone): number | null => {
      if (
        !this.cma_in_zone(zone) ||
        k.cma_default === null ||
        cma + size > (k.cma_default.pfn + k.cma_default.n) * PAGE_SIZE
      )
        return null
      cma += size
      return cma - size
    }
    // Without memory in a zone there is no pool of it: has_managed_dma(), has_managed_zone(); before these asked for
    // ZONE_DMA32, too, without the zone.
    const dma32 = (): boolean =>
      k.rev.atomicPoolLookup === 'nearest'
        ? k.memory.zone_dma_limit + 1 < Math.min(k.config.ram, 2 ** 32)
        : hasZoneDma32(k)
    const made = k.config.zones ? [KERNEL, DMA, ...(dma32() ? [DMA32] : [])] : [KERNEL, DMA32, DMA]
    const starts = new Map(
      made.map((i) => [
        i,
        fromCma(ZONE[i] as DmaZone) ?? (i === KERNEL && k.config.zones ? reserve.high(size) : reserve.low(size))
      ])
    )
    this.pools = POOLS.map((name, i) => ({ name, size: starts.has(i) ? size : 0, start: starts.get(i) ?? 0 }))
    const up = this.shared && conversionsMayFail(k) ? UP.unknown : UP.yes
    this.state = new Interned<State>(
      layout,
      'atomic_pools',
      {
        pools: this.pools.map((p) => (p.size === 0 ? none : { up, chunks: [[p.start, p.size, p.start]] })),
        used: EMPTY,
        work: false
      },
      encode
    )
  }

  /** cc_shared of every pool: whether what is added to it is decrypted. */
  get shared(): boolean {
    const { platform, config, rev } = this.k
    if (platform.conversion === 'none') return false
    // An encrypting host's set_memory_decrypted() does nothing where no memory encryption is reported.
    return rev.atomicPoolsShared === 'reported' || !platform.guest ? config.memory_encrypt_reported : true
  }

  /** The mapping of their own that pools have under remap; null: the linear map. */
  get alias(): CpuAlias {
    if (!this.k.dmaDirectRemap) return null
    return this.shared || this.k.rev.atomicPoolAlias === 'shared' ? 'shared' : 'private'
  }

  /**
   * Pages that could not be made shared are given up; else they are freed, in whatever state: under
   * CONFIG_DMA_DIRECT_REMAP alone (pool.c, free_page).
   */
  private get leaksUnconverted(): boolean {
    return this.k.rev.atomicPoolFailure === 'leaked' || !this.k.dmaDirectRemap
  }

  /** dma_atomic_pool_init(): what boot converts, as one step. */
  boot(): void {
    if (this.k.parts.host !== undefined) {
      this.dma_atomic_pool_init()
      return
    }
    if (!this.shared) return
    GuestAtomicPools.converted(this)
    for (const i of this.refused()) GuestAtomicPools.settled(this, i, FAILED.atHost)
  }

  // The pools that the host does not share, whatever else may fail.
  private refused(): number[] {
    return this.shared
      ? POOLS.map((_, i) => i).filter((i) => {
          const p = this.pools[i]
          return p !== undefined && p.size > 0 && hostRefuses(this.k, p.start / PAGE_SIZE, p.size / PAGE_SIZE)
        })
      : []
  }

  /**
   * Whether each pool's conversion fails at boot, chosen at once: for a kernel that cannot be asked later. The numbers
   * of those that do.
   */
  bootFailures(): number[] {
    if (!this.shared) return []
    if (!conversionsMayFail(this.k)) return this.refused()
    this.bootResult()
    return POOLS.map((_, i) => i).filter((i) => GuestAtomicPools.absent(this, i) === 1)
  }

  private static readonly absent = action<[a: GuestAtomicPools, i: number]>('pool absent', {
    perform: (st, _outcome, a, i) => (a.state.get(st).pools[i]?.up === UP.no ? 1 : 0),
    text: (r, _o, _a, i) => `${POOLS[i]} is ${r ? 'not there' : 'there'}`,
    results: [0, 1],
    silent: true
  })

  private static readonly converted = aside<[a: GuestAtomicPools]>(
    'boot, atomic pools',
    (st, a) => {
      for (const p of a.pools)
        if (p.size > 0 && !hostRefuses(a.k, p.start / PAGE_SIZE, p.size / PAGE_SIZE))
          a.k.bootShare(st, p.start / PAGE_SIZE, p.size / PAGE_SIZE)
    },
    () => 'boot: atomic pools shared'
  )

  // Whether a pool's conversion failed at boot shows when it is first asked: until then no run could tell, so the
  // choice is made here.
  private bootResult(): void {
    for (let i = 0; i < POOLS.length; i++)
      if (GuestAtomicPools.unknown(this, i) === 1)
        GuestAtomicPools.settled(
          this,
          i,
          choose(`boot: converting ${POOLS[i]} may have failed`, this.leaksUnconverted ? 2 : 3)
        )
  }

  private static readonly unknown = action<[a: GuestAtomicPools, i: number]>('pool unknown', {
    perform: (st, _outcome, a, i) => (a.state.get(st).pools[i]?.up === UP.unknown ? 1 : 0),
    text: (r, _outcome, _a, i) => (r ? `${POOLS[i]} is looked at first` : `${POOLS[i]}`),
    results: [0, 1],
    silent: true
  })

  private static readonly settled = aside<[a: GuestAtomicPools, i: number, failed: number]>(
    'pool up',
    (st, a, i, failed) => {
      if (failed !== FAILED.no) a.undo(st, i, failed === FAILED.atHost)
      a.state.update(st, SETTLE, i, failed !== FAILED.no)
    },
    (_a, i, failed) =>
      failed === FAILED.no
        ? `boot: ${POOLS[i]} is shared`
        : `boot: converting ${POOLS[i]} failed${failed === FAILED.atHost ? ' at the host' : ''}`
  )

  // A pool that boot could not convert: its pages are private still, and leaked, or given back to the page allocator.
  private undo(st: Store, i: number, atHost: boolean): void {
    const p = this.pools[i]
    if (p === undefined) return
    const [pfn, n] = [p.start / PAGE_SIZE, p.size / PAGE_SIZE]
    this.k.bootUnshare(st, pfn, n)
    if (atHost) mappingOfRefused(this.k, st, pfn, n)
    this.k.pages.take(st, pfn, n, this.leaksUnconverted ? TAG.leaked : TAG.free)
  }

  /** Size and free bytes of a pool (0 kernel, 1 DMA32, 2 DMA); null where boot could not make it. */
  sizes(st: Store, i: number): { size: number; available: number } | null {
    const s = this.state.get(st)
    const p = s.pools[i]
    return p === undefined || p.up !== UP.yes
      ? null
      : { size: p.chunks.reduce((n, [, size]) => n + size, 0), available: available(s, i) }
  }

  /** gen_pool_has_addr(), by physical address. */
  contains(st: Store, phys: Phys): boolean {
    if (this.k.calls !== null) return this.k.calls.atomicAt(st, phys)
    return this.state.get(st).pools.some((p) => p.chunks.some(([, n, a]) => phys >= a && phys < a + n))
  }

  usedAt(st: Store, phys: Phys): boolean {
    if (this.k.calls !== null) return this.k.calls.usedAt(st, phys)
    return this.addressOf(st, phys) !== null
  }

  // The chunk that has an address of the pools.
  private chunkAt(st: Store, addr: CpuAddr): Chunk | undefined {
    const chunks = this.state.get(st).pools.flatMap((p) => p.chunks)
    return chunkOf(chunks, addr)
  }

  // Where the pools have this memory in use; null: nowhere.
  private addressOf(st: Store, phys: Phys): number | null {
    const { pools, used } = this.state.get(st)
    for (const [addr, size, start] of pools.flatMap((p) => p.chunks)) {
      const at = phys - start + addr
      if (phys >= start && phys < start + size && pieces(used, at, at + 1, 0)[0]?.[2] === 1) return at
    }
    return null
  }

  /** cma_in_zone(): the default CMA area lies in the zone. */
  private cma_in_zone(zone: DmaZone): boolean {
    const { cma_default, memory } = this.k
    if (cma_default === null) return false
    const end = (cma_default.pfn + cma_default.n) * PAGE_SIZE - 1
    return zone === 'dma'
      ? end <= memory.zone_dma_limit
      : zone !== 'dma32' || end <= Math.max(0xffffffff, memory.zone_dma_limit)
  }

  /**
   * atomic_pool_expand(): a block of the order or, where there is none, of a lower one; false where nothing is added.
   */
  private atomic_pool_expand(i: number, most: number): boolean {
    const { k } = this
    let order = most
    let pfn = -1
    do {
      if (k.cma_default !== null && this.cma_in_zone(ZONE[i] as DmaZone))
        pfn = k.pages.cma_alloc(k.cma_default, 2 ** order, order, { tag: TAG.pool, why: POOLS[i] as string })
      if (pfn < 0) pfn = k.pages.alloc_dma(order, ZONE[i] as DmaZone, { tag: TAG.pool, why: POOLS[i] as string })
    } while (pfn < 0 && order-- > k.pageOrder)
    if (pfn < 0) return false
    const n = 2 ** order
    const phys = pfn * PAGE_SIZE
    arch_dma_prep_coherent(k, phys, n * PAGE_SIZE)
    const remap = k.dmaDirectRemap
    if (
      remap &&
      !dma_common_contiguous_remap(
        k,
        phys,
        n * PAGE_SIZE,
        PGPROT.dmacoherent | (this.alias === 'shared' ? PGPROT.decrypted : 0)
      )
    ) {
      k.pages.free_dma(pfn, order, 'atomic_pool_expand')
      return false
    }
    if (this.shared && set_memory_decrypted(k, phys, n) !== 0) {
      if (remap) k.parts.host?.vunmap(phys)
      if (this.leaksUnconverted) k.pages.leak(pfn, n, 'atomic_pool_expand', true)
      else k.pages.free_dma(pfn, order, 'atomic_pool_expand')
      return false
    }
    GuestAtomicPools.added(this, i, pfn, n)
    return true
  }

  private static readonly added = action<[a: GuestAtomicPools, i: number, pfn: Pfn, n: number]>('gen_pool_add', {
    perform: (st, _outcome, a, i, pfn, n) => {
      a.state.update(st, GROW, i, pfn, n)
      return 0
    },
    text: (_r, _outcome, _a, i, pfn, n) => `${POOLS[i]}: ${n} pages at 0x${pfn.toString(16)} more`,
    results: [0]
  })

  private atomic_pool_resize(i: number): void {
    const order = GuestAtomicPools.wants(this, i)
    if (order >= 0) this.atomic_pool_expand(i, order)
  }

  private static readonly wants = action<[a: GuestAtomicPools, i: number]>('atomic_pool_resize', {
    perform: (st, _outcome, a, i) => {
      const s = a.state.get(st)
      const p = s.pools[i]
      if (p === undefined || p.up !== UP.yes || available(s, i) >= a.wanted) return -1
      return Math.min(get_order(p.chunks.reduce((n, [, size]) => n + size, 0)), MAX_PAGE_ORDER)
    },
    text: (r, _outcome, _a, i) => (r < 0 ? `${POOLS[i]} has enough` : `${POOLS[i]} grows by order ${r}`),
    silent: true
  })

  private atomic_pool_work_fn(): void {
    GuestAtomicPools.begun(this)
    for (const i of [DMA, DMA32, KERNEL]) this.atomic_pool_resize(i)
  }

  /**
   * atomic_pool_work on a kworker: pools that have less than they began with grow by as much as they have. The worker
   * runs in this thread, at one of two moments: right after the allocation that scheduled it, or just before the next
   * one; what it does between those is not explored.
   */
  private atomicPoolWork(late: boolean): void {
    if (GuestAtomicPools.scheduled(this) === 0 || !workerRuns(late)) return
    this.atomic_pool_work_fn()
  }

  private static readonly scheduled = action<[a: GuestAtomicPools]>('atomic_pool_work', {
    perform: (st, _outcome, a) => (a.state.get(st).work ? 1 : 0),
    text: (r) => (r ? 'atomic_pool_work is scheduled' : 'no atomic_pool_work'),
    results: [0, 1],
    silent: true
  })

  private static readonly begun = action<[a: GuestAtomicPools]>('atomic_pool_work_fn', {
    perform: (st, _outcome, a) => {
      a.state.update(st, WORK_DONE)
      return 0
    },
    text: () => 'kworker: atomic_pool_work_fn',
    results: [0]
  })

  // Where the surroundings tell what memory there is: each pool from its zone, as the C makes it.
  private dma_atomic_pool_init(): void {
    const { memory } = this.k
    for (const i of [KERNEL, DMA, DMA32]) {
      if (!memory.zones.includes(ZONE[i] as DmaZone)) continue
      if (!this.atomic_pool_expand(i, Math.min(get_order(this.wanted), MAX_PAGE_ORDER)))
        this.k.message('pool_prealloc_failed', { kib: this.wanted / KiB })
    }
  }

  /** dma_guess_pool(): the pools to try, in order. After the first it always goes on from kernel to DMA32 to DMA. */
  private dma_guess_pool(s: State, zone: DmaZone): number[] {
    const up = (i: number): boolean => s.pools[i]?.up === UP.yes
    const order = { dma: [DMA, DMA32, KERNEL], dma32: [DMA32, DMA, KERNEL], normal: [KERNEL, DMA32, DMA] }[zone]
    const own = zone === 'dma32' && hasZoneDma32(this.k) ? DMA32 : zone === 'dma' && up(DMA) ? DMA : KERNEL
    // Where boot made them all, kernels do not differ.
    const first =
      own === order[0] && up(own) ? own : (this.k.rev.atomicPoolLookup === 'nearest' ? order : [own]).find(up)
    if (first === undefined) return []
    return [first, ...[KERNEL, DMA32, DMA].slice([KERNEL, DMA32, DMA].indexOf(first) + 1).filter(up)]
  }

  /**
   * gen_pool_alloc() with gen_pool_first_fit_order_align(): the lowest free block aligned to its order, in the newest
   * chunk that has one.
   */
  private firstFit(s: State, i: number, size: number): { addr: CpuAddr; phys: Phys } | null {
    const align = PAGE_SIZE * 2 ** get_order(size)
    for (const [start, n, phys] of s.pools[i]?.chunks ?? []) {
      for (const [a, b, v] of pieces(s.used, start, start + n, 0)) {
        if (v !== 0) continue
        const at = start + Math.ceil((a - start) / align) * align
        if (at + size <= b) return { addr: at, phys: at - start + phys }
      }
    }
    return null
  }

  /**
   * dma_alloc_from_pool(): the first pool of the right state with room at an address that the device can use.
   * `request`: the state wanted, where pools must match it; null: any. `limited`: the block must fit the device's
   * coherent mask, in the form `shared` says.
   */
  dma_alloc_from_pool(
    dev: Device,
    size: number,
    request: boolean | null,
    o: { readonly shared: boolean; readonly zone: DmaZone; readonly limited: boolean; readonly noWarn: boolean }
  ): FromPool | null {
    const { k } = this
    if (k.parts.host === undefined) {
      if (conversionsMayFail(k) && this.shared) this.bootResult()
      this.atomicPoolWork(true)
    }
    const limit = o.limited ? coherent_limit(dev) : Number.POSITIVE_INFINITY
    // What the form that the device uses adds to an address.
    const probe = dmaAddrBit(dev, o.shared)
    const matches = request === null || request === this.shared
    const addr = GuestAtomicPools.taken(this, dev, k.pageAlign(size), size, limit, probe, matches, o.zone)
    if (addr < 0) {
      // WARN(1, ...) where no pool was of the right state: __GFP_NOWARN silences exhaustion only.
      if (addr !== -2 && o.noWarn) return null
      k.warn(
        'dma_alloc_from_pool',
        addr === -2 ? 'no suitable atomic pool' : 'atomic pool exhausted or no suitable pool'
      )
      k.message(addr === -2 ? 'pool_unsuitable' : 'pool_exhausted', { dev: dev.name })
      return null
    }
    const { alias } = this
    const phys = GuestAtomicPools.physOf(this, addr)
    k.memzero('dma_alloc_from_pool', phys, size, alias)
    if (k.parts.host === undefined) this.atomicPoolWork(false)
    return { phys, addr, alias }
  }

  /** -1: no room, -2: no pool of the right state. */
  private static readonly taken = action<
    [
      a: GuestAtomicPools,
      dev: Device,
      whole: number,
      size: number,
      limit: number,
      probe: number,
      matches: boolean,
      zone: DmaZone
    ]
  >('gen_pool_alloc', {
    perform: (st, _outcome, a, dev, whole, size, limit, probe, matches, zone) => {
      const s = a.state.get(st)
      const candidates = matches ? a.dma_guess_pool(s, zone) : []
      for (const i of candidates) {
        const at = a.firstFit(s, i, whole)
        if (at === null) continue
        const bus = translate_phys_to_dma(dev, at.phys)
        if (bus === DMA_MAPPING_ERROR || withAddrBit(bus, probe) + size - 1 > limit) continue
        a.state.update(st, TAKE, a.wanted, i, at.addr, whole)
        if (!s.work && a.state.get(st).work)
          a.k.parts.host?.schedule('atomic', () => {
            a.atomic_pool_work_fn()
          })
        return at.addr
      }
      return candidates.length > 0 ? -1 : -2
    },
    text: (r, _outcome, _a, _dev, _whole, size) =>
      r < 0 ? `atomic pools: nothing for ${size} bytes` : `atomic pool: ${size} bytes at 0x${r.toString(16)}`
  })

  /** gen_pool_virt_to_phys(). */
  private static readonly physOf = action<[a: GuestAtomicPools, addr: CpuAddr]>('gen_pool_virt_to_phys', {
    perform: (st, _outcome, a, addr) => {
      const [start, , phys] = a.chunkAt(st, addr) ?? [0, 0, 0]
      return addr - start + phys
    },
    text: (r) => `0x${r.toString(16)}`,
    silent: true
  })

  /** dma_free_from_pool(), dma_free_from_pool_page(): back to its pool, never converted; false where no pool has it. */
  dma_free_from_pool(addr: CpuAddr, size: number): boolean {
    return GuestAtomicPools.given(this, addr, size) === 1
  }

  private static readonly given = action<[a: GuestAtomicPools, addr: CpuAddr, size: number]>('gen_pool_free', {
    perform: (st, _outcome, a, addr, size) => {
      const s = a.state.get(st)
      // The pools are gone through as for a request of any zone.
      if (!a.dma_guess_pool(s, 'normal').some((i) => chunkOf(s.pools[i]?.chunks ?? [], addr) !== undefined)) return 0
      a.state.update(st, GIVE, addr, a.k.pageAlign(size))
      return 1
    },
    text: (r, _outcome, _a, addr, size) =>
      `atomic pool: ${size} bytes at 0x${addr.toString(16)}${r ? ' back' : ' are none of it'}`,
    results: [0, 1]
  })

  /** The same for who knows the physical address alone. */
  dma_free_from_pool_phys(phys: Phys, size: number): boolean {
    const addr = GuestAtomicPools.inUse(this, phys)
    return addr >= 0 && this.dma_free_from_pool(addr, size)
  }

  private static readonly inUse = action<[a: GuestAtomicPools, phys: Phys]>('gen_pool_has_addr', {
    perform: (st, _outcome, a, phys) => a.addressOf(st, phys) ?? -1,
    text: (r) => (r < 0 ? 'no atomic pool has it' : 'an atomic pool has it'),
    silent: true
  })
}

// The plan in numbers, computed and not simulated: what one full entry needs is worked out once and multiplied. emit.ts
// performs the same plan command by command; a property test runs that on the RMM model and compares every number.
import { PAGE_SIZE } from '../base/index.ts'
import { ENTRIES, levelSize, REC_AUX_COUNT } from '../machine/rmm/index.ts'
import { abi, Planner } from './planner.ts'
import { imagePages, type PlanSpec } from './spec.ts'
import { Tally } from './tally.ts'

/** One page converted: what the guest's request costs in each direction, with the block it lies in whole. */
export interface Conversion {
  /** Level of the entry that maps the page before: 1, 2 or 3. */
  readonly level: number
  readonly toShared: Tally
  readonly toPrivate: Tally
  /** Bytes of private memory that T=1 DMA can miss for a moment while the block is broken up (and put together). */
  readonly window: number
}

/** Counts of a whole plan. */
export class Counter extends Planner {
  readonly tally = new Tally()
  private readonly names
  private readonly v2: boolean
  private readonly made = new Set<number>()
  private readonly units = new Map<string, Tally>()

  constructor(spec: PlanSpec) {
    super(spec)
    this.v2 = spec.generation === '2.0'
    this.names = abi[spec.generation]
  }

  override run(): void {
    super.run()
    // Table granules are reused, so as many were delegated as were ever in use at a time.
    this.delegate(this.tally, this.tally.peakTables, this.tally.peakTables)
  }

  /** Delegates `granules` in `calls` calls, where a call can move more than one. */
  private delegate(t: Tally, granules: number, calls: number): void {
    t.add(this.names.delegate, this.firmware.oneGranuleRanges ? granules : calls)
    if (this.v2) t.addWork('delegated granule', granules)
  }

  private table(t: Tally): void {
    t.add('RTT_CREATE')
    t.take()
  }

  protected createRealm(): void {
    this.delegate(this.tally, 1, 1)
    this.tally.take(this.spec.geo.num)
    this.tally.add('REALM_CREATE')
  }

  protected createTable(level: number, ipa: number): void {
    this.made.add(tableKey(level, ipa))
    this.table(this.tally)
  }

  protected initRipas(_ipa: number, entries: number): void {
    this.tally.add('RTT_INIT_RIPAS')
    if (this.v2) return // measures nothing there
    this.tally.addWork('measured RIPAS entry', entries)
    this.tally.extensions += entries
  }

  protected imageTables(image: number): void {
    const i = this.spec.images[image]
    if (i === undefined) return
    const end = i.addr + imagePages(i) * PAGE_SIZE
    for (let level = this.spec.geo.start; level < 3; level++) {
      const size = levelSize(level)
      for (let e = i.addr - (i.addr % size); e < end; e += size)
        if (!this.made.has(tableKey(level + 1, e))) this.createTable(level + 1, e)
    }
  }

  protected loadImage(_image: number, _page: number, n: number): void {
    const t = this.tally
    this.delegate(t, n, this.pageLevel === 3 ? n : 1)
    t.add(this.names.dataInit, n).addWork('measured granule', n)
    t.extensions += n
    t.blocks['4K'] += n
  }

  protected createRecs(): void {
    this.delegate(this.tally, this.spec.vcpus * (1 + REC_AUX_COUNT), this.spec.vcpus)
    this.tally.add('REC_CREATE', this.spec.vcpus)
    if (this.firmware.donates) this.tally.add('OP_MEM_DONATE', this.spec.vcpus).add('OP_CONTINUE', this.spec.vcpus)
  }

  protected activate(): void {
    this.tally.add('REALM_ACTIVATE')
  }
  protected enter(): void {
    this.tally.add('REC_ENTER')
  }

  protected fold(level: number): void {
    this.foldIn(this.tally, level)
  }

  private foldIn(t: Tally, level: number): void {
    if (this.readsBeforeFold) t.add('RTT_READ_ENTRY')
    t.add('RTT_FOLD')
    t.give()
    const [from, to] = level === 3 ? (['4K', '2M'] as const) : (['2M', '1G'] as const)
    t.blocks[from] -= ENTRIES
    t.blocks[to]++
  }

  /** `n` granules mapped as pages, in `calls` range calls in 2.0. */
  private pages(t: Tally, n: number, calls: number): void {
    this.delegate(t, n, calls)
    t.add(this.names.dataMap, this.v2 ? calls : n)
    if (this.v2) t.addWork('mapped granule', n)
    t.blocks['4K'] += n
  }

  private fault(t: Tally, n = 1): void {
    t.faults += n
    t.add('REC_ENTER', n)
  }

  protected fillPages(_ipa: number, n: number): void {
    this.pages(this.tally, n, this.pageLevel === 3 ? n : 1)
  }

  protected faultPages(_ipa: number, n: number): void {
    this.fault(this.tally, n)
    this.pages(this.tally, n, n)
  }

  protected fullRun(level: number, _ipa: number, n: number): void {
    this.tally.apply(this.unit(level, false), n)
  }

  /** What one full entry of a level needs; `covered` when the fault that brings its host page is counted already. */
  private unit(level: number, covered: boolean): Tally {
    const key = `${level} ${covered}`
    const known = this.units.get(key)
    if (known !== undefined) return known
    const t = new Tally()
    const coarser = level < this.pageLevel
    if (!coarser && this.faultIn && !covered) this.fault(t)
    if (!coarser && this.direct) {
      const granules = levelSize(level) / PAGE_SIZE
      this.delegate(t, granules, 1)
      t.add('RTT_DATA_MAP').addWork('mapped granule', granules)
      t.blocks[level === 1 ? '1G' : '2M']++
    } else {
      this.table(t)
      if (level < 2) t.apply(this.unit(level + 1, !coarser), ENTRIES)
      else {
        if (this.faultIn && this.pageLevel === 3) this.fault(t, ENTRIES)
        this.pages(t, ENTRIES, this.pageLevel === 3 ? ENTRIES : 1)
      }
      if (!coarser) this.foldIn(t, level + 1)
    }
    this.units.set(key, t)
    return t
  }

  /**
   * The two halves of a conversion of one page that an entry of `level` maps; `refold` puts the block together again.
   */
  conversion(level: number, refold: boolean): Conversion {
    const s = new Tally()
    s.add('REC_ENTER')
    for (let l = level; l < 3; l++) {
      this.table(s)
      s.addWork('TLBI') // the entry that is broken up is valid
    }
    s.add('RTT_SET_RIPAS').addWork('TLBI').add(this.names.dataUnmap).add(this.names.undelegate).add(this.names.nsMap)
    if (this.v2) s.addWork('undelegated granule')
    const p = new Tally()
    p.add('REC_ENTER').add(this.names.nsUnmap).add('RTT_SET_RIPAS')
    this.delegate(p, 1, 1)
    p.add(this.names.dataMap)
    if (this.v2) p.addWork('mapped granule')
    if (refold) p.add('RTT_FOLD', 3 - level)
    if (refold && this.readsBeforeFold) p.add('RTT_READ_ENTRY', 3 - level)
    return { level, toShared: s, toPrivate: p, window: level < 3 ? levelSize(level) : 0 }
  }

  /** What a conversion costs after this plan is done; null when every page is an image page. */
  conversionAfter(): Conversion | null {
    const ipa = this.conversionTarget()
    return ipa === null ? null : this.conversion(this.finalLevel(ipa), this.spec.strategy === 'lazy')
  }

  protected convert(_ipa: number, level: number, n: number): void {
    const t = this.tally
    const c = this.conversion(level, true)
    // Tables of the shared alias are made once and stay.
    const alias = 3 - this.spec.geo.start
    t.peakTables = Math.max(t.peakTables, t.tables + c.toShared.peakTables + alias)
    for (const half of [c.toShared, c.toPrivate]) {
      for (const [k, v] of half.commands) t.add(k, v * n)
      for (const [k, v] of half.work) t.addWork(k, v * n)
    }
    t.add('RTT_CREATE', alias)
    t.tables += alias
    t.add('REC_ENTER') // the guest goes on after its last request
  }
}

const tableKey = (level: number, ipa: number): number => Math.floor(ipa / levelSize(level - 1)) * 4 + level

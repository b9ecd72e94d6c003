// The plan command by command: what a VMM would call, with addresses. The sink decides what becomes of a command: text,
// or a call of the RMM model.
import { PAGE_SIZE } from '../base/index.ts'
import { DRAM_BASE, ENTRIES, levelSize, REC_AUX_COUNT } from '../machine/rmm/index.ts'
import { Planner } from './planner.ts'
import { imagePages, type PlanSpec } from './spec.ts'

/**
 * Where the commands go. Addresses are physical or intermediate physical; for DATA_CREATE `image` and `page` say what
 * is copied.
 */
export interface Sink {
  delegate(pa: number): void
  undelegate(pa: number): void
  rangeDelegate(base: number, top: number): void
  rangeUndelegate(base: number, top: number): void
  realmCreate(rd: number, rtt: number): void
  realmActivate(rd: number): void
  recCreate(rd: number, rec: number, aux: number, runnable: boolean): void
  recEnter(
    rec: number,
    action:
      | { readonly op: 'touch'; readonly ipa: number; readonly level: number }
      | { readonly op: 'ripas'; readonly ipa: number; readonly ram: boolean }
      | null
  ): void
  rttCreate(rd: number, rtt: number, ipa: number, level: number): void
  /** Returns the granule that held the table. */
  rttFold(rd: number, ipa: number, level: number): void
  readEntry(rd: number, ipa: number, level: number): void
  initRipas(rd: number, base: number, top: number): void
  setRipas(rd: number, rec: number, base: number, top: number): void
  dataCreate(rd: number, data: number, ipa: number, src: number, image: number, page: number): void
  dataCreateUnknown(rd: number, data: number, ipa: number): void
  dataDestroy(rd: number, ipa: number): void
  dataMap(rd: number, base: number, top: number, pa: number, level: number): void
  dataUnmap(rd: number, base: number, top: number): void
  mapUnprotected(rd: number, ipa: number, pa: number): void
  unmapUnprotected(rd: number, ipa: number): void
}

const GIB = 2 ** 30
/** MemAttr write-back, S2AP read and write: what a host maps its memory with. */
export const NS_ATTRS = 0xd8

/**
 * Physical addresses of a plan: firmware objects and tables first, then the guest's memory at 1 GiB alignment, then the
 * files.
 */
export interface Placement {
  readonly rd: number
  readonly roots: number
  readonly recs: number
  readonly tables: number
  /** Add an IPA to get the granule behind it. */
  readonly data: number
  readonly src: number
  readonly end: number
}

export function placement(spec: PlanSpec, tables: number): Placement {
  const rd = DRAM_BASE
  const roots = DRAM_BASE + 16 * PAGE_SIZE
  const recs = roots + spec.geo.num * PAGE_SIZE
  const first = recs + spec.vcpus * (1 + REC_AUX_COUNT) * PAGE_SIZE
  const up = (a: number): number => Math.ceil(a / GIB) * GIB
  const ram = up(first + tables * PAGE_SIZE)
  const low = spec.ramBase - (spec.ramBase % GIB)
  const data = ram - low
  const src = ram + up(spec.ramBase + spec.ramSize - low)
  const end = src + up(spec.images.reduce((n, i) => n + imagePages(i) * PAGE_SIZE, 0)) + GIB
  return { rd, roots, recs, tables: first, data, src, end }
}

export class Emitter extends Planner {
  private readonly v2: boolean
  private readonly made = new Set<number>()
  private readonly pool: number[] = []
  private readonly stack = new Map<number, number>()
  private nextTable: number
  private readonly srcOf: number[] = []

  constructor(
    spec: PlanSpec,
    readonly place: Placement,
    private readonly sink: Sink
  ) {
    super(spec)
    this.v2 = spec.generation === '2.0'
    this.nextTable = place.tables
    let src = place.src
    for (const i of spec.images) {
      this.srcOf.push(src)
      src += imagePages(i) * PAGE_SIZE
    }
  }

  private delegateRange(base: number, n: number): void {
    const each = this.firmware.oneGranuleRanges ? 1 : n
    for (let i = 0; i < n; i += each) {
      if (this.v2) this.sink.rangeDelegate(base + i * PAGE_SIZE, base + (i + each) * PAGE_SIZE)
      else this.sink.delegate(base + i * PAGE_SIZE)
    }
  }

  protected createRealm(): void {
    this.delegateRange(this.place.rd, 1)
    for (let i = 0; i < this.spec.geo.num; i++) this.delegateRange(this.place.roots + i * PAGE_SIZE, 1)
    this.sink.realmCreate(this.place.rd, this.place.roots)
  }

  protected createTable(level: number, ipa: number): void {
    const key = tableKey(level, ipa)
    this.made.add(key)
    const free = this.pool.pop()
    const rtt = free ?? this.nextTable
    if (free === undefined) {
      this.nextTable += PAGE_SIZE
      this.delegateRange(rtt, 1)
    }
    this.stack.set(key, rtt)
    const size = levelSize(level - 1)
    this.sink.rttCreate(this.place.rd, rtt, ipa - (ipa % size), level)
  }

  protected fold(level: number, ipa: number): void {
    const key = tableKey(level, ipa)
    if (this.readsBeforeFold) this.sink.readEntry(this.place.rd, ipa, level - 1)
    this.sink.rttFold(this.place.rd, ipa, level)
    const rtt = this.stack.get(key)
    if (rtt !== undefined) this.pool.push(rtt)
    this.stack.delete(key)
    this.made.delete(key)
  }

  protected initRipas(ipa: number, entries: number, level: number): void {
    this.sink.initRipas(this.place.rd, ipa, ipa + entries * levelSize(level))
  }

  protected imageTables(image: number): void {
    const i = this.spec.images[image]
    if (i === undefined) return
    // Level by level, as count.ts does: which table is made first changes nothing, all of them stay until the image is
    // loaded.
    const end = i.addr + imagePages(i) * PAGE_SIZE
    for (let level = this.spec.geo.start; level < 3; level++) {
      const size = levelSize(level)
      for (let e = i.addr - (i.addr % size); e < end; e += size)
        if (!this.made.has(tableKey(level + 1, e))) this.createTable(level + 1, e)
    }
  }

  protected loadImage(image: number, page: number, n: number): void {
    const i = this.spec.images[image]
    if (i === undefined) return
    const first = i.addr + page * PAGE_SIZE
    if (this.v2 && this.pageLevel < 3) this.delegateRange(this.place.data + first, n)
    for (let k = 0; k < n; k++) {
      const ipa = first + k * PAGE_SIZE
      if (!this.v2 || this.pageLevel === 3) this.delegateRange(this.place.data + ipa, 1)
      this.sink.dataCreate(
        this.place.rd,
        this.place.data + ipa,
        ipa,
        (this.srcOf[image] ?? 0) + (page + k) * PAGE_SIZE,
        image,
        page + k
      )
    }
  }

  private rec(n: number): number {
    return this.place.recs + n * (1 + REC_AUX_COUNT) * PAGE_SIZE
  }

  protected createRecs(): void {
    for (let n = 0; n < this.spec.vcpus; n++) {
      this.delegateRange(this.rec(n), 1 + REC_AUX_COUNT)
      this.sink.recCreate(this.place.rd, this.rec(n), this.rec(n) + PAGE_SIZE, n === 0)
    }
  }

  protected activate(): void {
    this.sink.realmActivate(this.place.rd)
  }
  protected enter(): void {
    this.sink.recEnter(this.rec(0), null)
  }

  /** `n` granules as pages of one level-3 table; in 2.0 one call, unless host pages are 4K. */
  private pages(ipa: number, n: number, each: boolean): void {
    const { rd, data } = this.place
    if (!this.v2) {
      for (let k = 0; k < n; k++) {
        this.sink.delegate(data + ipa + k * PAGE_SIZE)
        this.sink.dataCreateUnknown(rd, data + ipa + k * PAGE_SIZE, ipa + k * PAGE_SIZE)
      }
      return
    }
    const step = each ? 1 : n
    for (let k = 0; k < n; k += step) {
      this.delegateRange(data + ipa + k * PAGE_SIZE, step)
      this.sink.dataMap(rd, ipa + k * PAGE_SIZE, ipa + (k + step) * PAGE_SIZE, data + ipa + k * PAGE_SIZE, 3)
    }
  }

  private touch(ipa: number, level: number): void {
    this.sink.recEnter(this.rec(0), { op: 'touch', ipa, level })
  }

  protected fillPages(ipa: number, n: number): void {
    this.pages(ipa, n, this.pageLevel === 3)
  }

  protected faultPages(ipa: number, n: number): void {
    for (let k = 0; k < n; k++) {
      this.touch(ipa + k * PAGE_SIZE, 3)
      this.pages(ipa + k * PAGE_SIZE, 1, true)
    }
  }

  protected fullRun(level: number, ipa: number, n: number): void {
    for (let i = 0; i < n; i++) this.full(level, ipa + i * levelSize(level), false)
  }

  private full(level: number, ipa: number, covered: boolean): void {
    const coarser = level < this.pageLevel
    const size = levelSize(level)
    if (!coarser && this.faultIn && !covered) this.touch(ipa, level)
    if (!coarser && this.direct) {
      this.delegateRange(this.place.data + ipa, size / PAGE_SIZE)
      this.sink.dataMap(this.place.rd, ipa, ipa + size, this.place.data + ipa, level)
      return
    }
    this.createTable(level + 1, ipa)
    if (level < 2) for (let i = 0; i < ENTRIES; i++) this.full(level + 1, ipa + i * levelSize(level + 1), !coarser)
    else if (this.faultIn && this.pageLevel === 3) this.faultPages(ipa, ENTRIES)
    else this.pages(ipa, ENTRIES, this.pageLevel === 3)
    if (!coarser) this.fold(level + 1, ipa)
  }

  protected convert(ipa: number, level: number, n: number): void {
    const { rd, data } = this.place
    const alias = ipa + 2 ** (this.spec.geo.s2sz - 1)
    const pa = data + ipa
    for (let k = 0; k < n; k++) {
      this.sink.recEnter(this.rec(0), { op: 'ripas', ipa, ram: false })
      for (let l = level; l < 3; l++) this.createTable(l + 1, ipa - (ipa % levelSize(l)))
      this.sink.setRipas(rd, this.rec(0), ipa, ipa + PAGE_SIZE)
      if (this.v2) {
        this.sink.dataUnmap(rd, ipa, ipa + PAGE_SIZE)
        this.sink.rangeUndelegate(pa, pa + PAGE_SIZE)
      } else {
        this.sink.dataDestroy(rd, ipa)
        this.sink.undelegate(pa)
      }
      if (k === 0) for (let l = this.spec.geo.start; l < 3; l++) this.createTable(l + 1, alias - (alias % levelSize(l)))
      this.sink.mapUnprotected(rd, alias, pa)
      this.sink.recEnter(this.rec(0), { op: 'ripas', ipa, ram: true })
      this.sink.unmapUnprotected(rd, alias)
      this.sink.setRipas(rd, this.rec(0), ipa, ipa + PAGE_SIZE)
      this.delegateRange(pa, 1)
      if (this.v2) this.sink.dataMap(rd, ipa, ipa + PAGE_SIZE, pa, 3)
      else this.sink.dataCreateUnknown(rd, pa, ipa)
      for (let l = 3; l > level; l--) this.fold(l, ipa - (ipa % levelSize(l - 1)))
    }
    this.sink.recEnter(this.rec(0), null)
  }
}

const tableKey = (level: number, ipa: number): number => Math.floor(ipa / levelSize(level - 1)) * 4 + level

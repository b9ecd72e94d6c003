// The order of commands that fills a guest's stage 2, by strategy and interface generation. Written once; performed
// twice: emit.ts issues each command, count.ts adds up runs. What differs is only how a run of equal entries is done.
//
//   fold      measured images, then every other page, each table folded when it is complete (1.x: by page; 2.0: by
//   ranges of pages)
//   blocks    RTT_DATA_MAP of whole blocks; only tables with an image in them are filled by page and folded (2.0)
//   fault-in  images; the guest runs and touches; each fault brings one granule (1.x, which maps pages) or one host
//   page (2.0)
//   lazy      as fold (1.x) or blocks (2.0), then the guest shares a page, takes it back, and the host folds again
import { PAGE_SIZE } from '../base/index.ts'
import { ENTRIES, levelSize } from '../machine/rmm/index.ts'
import { Layout } from './layout.ts'
import { type FirmwareProfile, firmwareProfiles, type VmmProfile, vmmProfiles } from './profiles.ts'
import { imagePages, pageLevels, pageSize, type PlanSpec } from './spec.ts'

export abstract class Planner {
  readonly layout: Layout
  /**
   * Level of the unit that arrives whole: the host's page, or what the VMM makes of it; with fault-in by RMI 1.x alone
   * the granule the guest touched.
   */
  readonly pageLevel: number
  protected readonly firmware: FirmwareProfile
  protected readonly vmm: VmmProfile | null

  constructor(readonly spec: PlanSpec) {
    this.layout = new Layout(spec)
    this.firmware = firmwareProfiles[spec.firmware]
    this.vmm = spec.vmm === null ? null : vmmProfiles[spec.vmm]
    if (this.vmm !== null) this.pageLevel = Math.max(pageLevels[spec.page], this.vmm.faultLevel)
    else this.pageLevel = spec.strategy === 'fault-in' && spec.generation === '1.x' ? 3 : pageLevels[spec.page]
  }

  /** The entry of a table is read before the table is folded. */
  protected get readsBeforeFold(): boolean {
    return this.vmm?.readsBeforeFold === true && this.spec.generation === '1.x'
  }

  // What emit and count do differently.
  protected abstract createRealm(): void
  protected abstract createTable(level: number, ipa: number): void
  protected abstract initRipas(ipa: number, entries: number, level: number): void
  /** `n` image granules from `page` on, inside one host page, tables already there. */
  protected abstract loadImage(image: number, page: number, n: number): void
  protected abstract createRecs(): void
  protected abstract activate(): void
  /** `n` consecutive full entries of a level. */
  protected abstract fullRun(level: number, ipa: number, n: number): void
  /** `n` consecutive free granules of one level-3 table. */
  protected abstract fillPages(ipa: number, n: number): void
  protected abstract fold(level: number, ipa: number): void
  /** The guest touches `n` granules of one table, one host page fault each. */
  protected abstract faultPages(ipa: number, n: number): void
  protected abstract enter(): void
  protected abstract convert(ipa: number, level: number, n: number): void

  get faultIn(): boolean {
    return this.spec.strategy === 'fault-in'
  }
  /** Blocks are mapped directly. */
  get direct(): boolean {
    return this.spec.generation === '2.0' && this.spec.strategy !== 'fold'
  }

  run(): void {
    this.createRealm()
    this.layout.ripas({
      call: (ipa, n, level) => this.initRipas(ipa, n, level),
      table: (ipa, level) => this.createTable(level, ipa)
    })
    this.loadImages()
    this.createRecs()
    if (this.faultIn) this.activate()
    const root = levelSize(this.spec.geo.start) * ENTRIES * this.spec.geo.num
    this.fill(this.spec.geo.start, 0, root)
    if (!this.faultIn) this.activate()
    else this.enter()
    if (this.spec.strategy === 'lazy' && this.spec.conversions > 0) {
      const ipa = this.conversionTarget()
      if (ipa !== null) this.convert(ipa, this.finalLevel(ipa), this.spec.conversions)
    }
  }

  protected abstract imageTables(image: number): void

  private loadImages(): void {
    const chunk = pageSize(this.spec)
    this.spec.images.forEach((image, i) => {
      this.imageTables(i)
      const pages = imagePages(image)
      for (let p = 0; p < pages; ) {
        const ipa = image.addr + p * PAGE_SIZE
        const n = Math.min(pages - p, (chunk - (ipa % chunk)) / PAGE_SIZE)
        this.loadImage(i, p, n)
        p += n
      }
    })
  }

  /** Fills what is not filled in [lo, hi), entries of `level`. */
  protected fill(level: number, lo: number, hi: number): void {
    for (const r of this.layout.runs(level, lo, hi)) {
      if (r.kind === 'full') this.fullRun(level, r.ipa, r.n)
      else this.fillMixed(level, r.ipa)
    }
  }

  /** An entry with a table below it already. */
  private fillMixed(level: number, ipa: number): void {
    const size = levelSize(level)
    if (level === 2) {
      for (const f of this.layout.free(ipa, ipa + size)) {
        if (this.faultIn) this.faultPages(f.ipa, f.n)
        else this.fillPages(f.ipa, f.n)
      }
    } else this.fill(level + 1, ipa, ipa + size)
    if (!this.faultIn && level >= 1 && level >= this.pageLevel && this.layout.inside(ipa, size))
      this.fold(level + 1, ipa)
  }

  /**
   * The page that conversions are about: one in the largest block the plan leaves, so that the cost is that of breaking
   * it up. Null when every page is an image page.
   */
  conversionTarget(): number | null {
    const end = levelSize(this.spec.geo.start) * ENTRIES * this.spec.geo.num
    for (const level of [1, 2]) {
      if (level < this.pageLevel || level < this.spec.geo.start) continue
      for (const r of this.layout.runs(level, 0, end)) {
        if (r.kind === 'full') return r.ipa
        if (this.faultIn || !this.layout.inside(r.ipa, levelSize(level))) continue
        for (const f of this.layout.free(r.ipa, r.ipa + levelSize(level))) return f.ipa
      }
    }
    return this.layout.lastFree()
  }

  /** Level of the entry that maps a free granule when the plan is done. */
  finalLevel(ipa: number): number {
    for (const level of [1, 2]) {
      if (level < this.pageLevel || level < this.spec.geo.start) continue
      const size = levelSize(level)
      const entry = ipa - (ipa % size)
      if (this.faultIn ? this.layout.full(entry, level) : this.layout.inside(entry, size)) return level
    }
    return 3
  }
}

/** Names of the commands that do the same work in the two generations. */
export const abi = {
  '1.x': {
    delegate: 'GRANULE_DELEGATE',
    undelegate: 'GRANULE_UNDELEGATE',
    dataInit: 'DATA_CREATE',
    dataMap: 'DATA_CREATE_UNKNOWN',
    dataUnmap: 'DATA_DESTROY',
    nsMap: 'RTT_MAP_UNPROTECTED',
    nsUnmap: 'RTT_UNMAP_UNPROTECTED'
  },
  '2.0': {
    delegate: 'GRANULE_RANGE_DELEGATE',
    undelegate: 'GRANULE_RANGE_UNDELEGATE',
    dataInit: 'RTT_DATA_MAP_INIT',
    dataMap: 'RTT_DATA_MAP',
    dataUnmap: 'RTT_DATA_UNMAP',
    nsMap: 'RTT_UNPROT_MAP',
    nsUnmap: 'RTT_UNPROT_UNMAP'
  }
} as const

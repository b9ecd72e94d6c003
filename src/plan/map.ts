// What stage 2 looks like when a plan is done: which entry maps an address, a block, a page or nothing; and what
// becomes of it when the guest shares one page (the one that `share` and `back` are counted for) and takes it back.
// Nothing is stored: 12 TB are asked address by address.
import { PAGE_SIZE } from '../base/index.ts'
import { levelSize } from '../machine/rmm/index.ts'
import { Counter } from './count.ts'
import type { PlanSpec } from './spec.ts'

/** When: the plan is done; a page was shared; it was taken back. */
export const moments = ['planned', 'shared', 'back'] as const
export type Moment = (typeof moments)[number]

/** `none`: no memory of the guest; `shared`: taken out of the private half and mapped in the other one. */
export type LeafKind = 'none' | 'mapped' | 'shared'

/** The entry that maps an address: all of its range. */
export interface Leaf {
  readonly kind: LeafKind
  /** 1, 2 or 3: a 1G block, a 2M block, a page; of no memory 0. */
  readonly level: number
  readonly from: number
  /** Behind its last byte. */
  readonly to: number
  /** A measured image has bytes in it. */
  readonly image: boolean
}

export class StageTwo {
  /** The page that is shared; null when every page is an image page. */
  readonly target: number | null
  /** Level of the entry that maps it when the plan is done. */
  readonly targetLevel: number
  private readonly plan: Counter

  constructor(
    readonly spec: PlanSpec,
    readonly moment: Moment
  ) {
    this.plan = new Counter(spec)
    this.target = this.plan.conversionTarget()
    this.targetLevel = this.target === null ? 3 : this.plan.finalLevel(this.target)
  }

  /** Where the guest's memory begins and ends. */
  get base(): number {
    return this.plan.layout.base
  }
  get top(): number {
    return this.plan.layout.top
  }

  /** The block that holds the page is in pieces: it is shared, or nobody put the block together again. */
  get broken(): boolean {
    return (
      this.target !== null && (this.moment === 'shared' || (this.moment === 'back' && this.spec.strategy !== 'lazy'))
    )
  }

  leafAt(ipa: number): Leaf {
    const { base, top, target } = this
    if (ipa < base) return { kind: 'none', level: 0, from: 0, to: base, image: false }
    if (ipa >= top) return { kind: 'none', level: 0, from: top, to: Number.POSITIVE_INFINITY, image: false }
    let level = this.plan.finalLevel(ipa)
    // Along the walk to the page each table has its other entries as they were, one level finer.
    if (this.broken && target !== null) while (level < 3 && entryOf(ipa, level) === entryOf(target, level)) level++
    const from = entryOf(ipa, level)
    const to = from + levelSize(level)
    const shared = this.moment === 'shared' && from === target && level === 3
    return { kind: shared ? 'shared' : 'mapped', level, from, to, image: this.plan.layout.touched(from, to) }
  }
}

const entryOf = (ipa: number, level: number): number => ipa - (ipa % levelSize(level))

/** Leaves of one kind beside each other in one row of a picture. */
export interface MapRun {
  readonly row: number
  /** Pixels from the left edge. */
  readonly x: number
  readonly width: number
  readonly leaf: Leaf
  /** Pixels that one leaf takes; less than one: they cannot be told apart. */
  readonly each: number
}

export interface MapWindow {
  /** First byte, and how many; a row shows its part of them from left to right. */
  readonly from: number
  readonly bytes: number
  readonly rows: number
  readonly width: number
}

/** The window as runs, the page that is shared last, so that it is seen however small it is. */
export function mapRuns(map: StageTwo, w: MapWindow): MapRun[] {
  const out: MapRun[] = []
  const perRow = w.bytes / w.rows
  const perPixel = perRow / w.width
  for (let row = 0; row < w.rows; row++) {
    const first = w.from + row * perRow
    let run: { -readonly [K in keyof MapRun]: MapRun[K] } | null = null
    for (let x = 0; x < w.width; ) {
      const leaf = map.leafAt(first + x * perPixel)
      const end = Math.min(w.width, Math.max(x + 1, (leaf.to - first) / perPixel))
      if (run !== null && alike(run.leaf, leaf)) run.width = end - run.x
      else out.push((run = { row, x, width: end - x, leaf, each: Math.min(w.width, (leaf.to - leaf.from) / perPixel) }))
      x = end
    }
  }
  const { target } = map
  if (target !== null && target >= w.from && target < w.from + w.bytes && map.broken) {
    const row = Math.floor((target - w.from) / perRow)
    const leaf = map.leafAt(target)
    const x = (target - w.from - row * perRow) / perPixel
    out.push({
      row,
      x: Math.min(x, w.width - 2),
      width: Math.max(2, PAGE_SIZE / perPixel),
      leaf,
      each: Math.max(2, PAGE_SIZE / perPixel)
    })
  }
  return out
}

const alike = (a: Leaf, b: Leaf): boolean => a.kind === b.kind && a.level === b.level && a.image === b.image

// The guest's memory cut along stage-2 entries. At each level an entry's range is outside RAM, `full` (wholly RAM, no
// image in it) or `mixed` (the rest). A mixed entry needs a table below it to set the RIPAS of part of it or to load an
// image page by page; full entries come in runs, which is what makes counting fast. All arithmetic is on ranges: the
// cost is that of the images, not of the RAM.
import { PAGE_SIZE } from '../base/index.ts'
import { levelSize } from '../machine/rmm/index.ts'
import { type PlanSpec, ramTop } from './spec.ts'

export interface Run {
  readonly kind: 'full' | 'mixed'
  readonly ipa: number
  /** Number of entries; 1 when mixed. */
  readonly n: number
}

const down = (a: number, size: number): number => a - (a % size)
const up = (a: number, size: number): number => down(a + size - 1, size)

export class Layout {
  /** Granule ranges of images, sorted, adjacent ones joined. */
  private readonly starts: number[] = []
  private readonly ends: number[] = []
  readonly base: number
  readonly top: number

  constructor(readonly spec: PlanSpec) {
    this.base = spec.ramBase
    this.top = ramTop(spec)
    const ranges = spec.images.map((i) => [i.addr, up(i.addr + i.size, PAGE_SIZE)] as const).sort((a, b) => a[0] - b[0])
    for (const [s, e] of ranges) {
      const last = this.ends.length - 1
      if (last >= 0 && this.ends[last] === s) this.ends[last] = e
      else {
        this.starts.push(s)
        this.ends.push(e)
      }
    }
  }

  /** Index of the first image range that ends above `ipa`. */
  private firstAbove(ipa: number): number {
    let lo = 0
    let hi = this.ends.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      if ((this.ends[mid] as number) > ipa) hi = mid
      else lo = mid + 1
    }
    return lo
  }

  /** An image has a granule in [ipa, end). */
  touched(ipa: number, end: number): boolean {
    const k = this.firstAbove(ipa)
    return k < this.starts.length && (this.starts[k] as number) < end
  }

  /** [ipa, ipa+size) lies in RAM. */
  inside(ipa: number, size: number): boolean {
    return ipa >= this.base && ipa + size <= this.top
  }

  full(ipa: number, level: number): boolean {
    const size = levelSize(level)
    return this.inside(ipa, size) && !this.touched(ipa, ipa + size)
  }

  /**
   * The entries of a level that meet RAM within [lo, hi), ascending; full ones in runs. `lo` and `hi` are aligned to
   * the level.
   */
  *runs(level: number, lo: number, hi: number): Generator<Run> {
    const size = levelSize(level)
    let at = Math.max(lo, down(this.base, size))
    const end = Math.min(hi, up(this.top, size))
    while (at < end) {
      if (at < this.base || at + size > this.top || this.touched(at, at + size)) {
        yield { kind: 'mixed', ipa: at, n: 1 }
        at += size
        continue
      }
      const k = this.firstAbove(at)
      const stop = Math.min(
        end,
        down(this.top, size),
        k < this.starts.length ? down(this.starts[k] as number, size) : end
      )
      yield { kind: 'full', ipa: at, n: (stop - at) / size }
      at = stop
    }
  }

  /** Runs of RAM granules that no image occupies, within [lo, hi). */
  *free(lo: number, hi: number): Generator<{ readonly ipa: number; readonly n: number }> {
    let at = Math.max(lo, this.base)
    const end = Math.min(hi, this.top)
    for (let k = this.firstAbove(at); at < end; k++) {
      const s = k < this.starts.length ? Math.min(this.starts[k] as number, end) : end
      if (s > at) yield { ipa: at, n: (s - at) / PAGE_SIZE }
      if (k >= this.starts.length) return
      at = Math.max(at, this.ends[k] as number)
    }
  }

  /** Number of mixed entries of a level. */
  mixed(level: number): number {
    const size = levelSize(level)
    let n = 0
    let counted = -1 // highest index counted so far
    const count = (first: number, last: number): void => {
      const from = Math.max(first, counted + 1)
      if (last >= from) {
        n += last - from + 1
        counted = last
      }
    }
    const low = Math.floor(this.base / size)
    const high = Math.floor((this.top - 1) / size)
    if (!this.inside(low * size, size)) count(low, low)
    for (let k = 0; k < this.starts.length; k++)
      count(Math.floor((this.starts[k] as number) / size), Math.floor(((this.ends[k] as number) - 1) / size))
    if (!this.inside(high * size, size)) count(high, high)
    return n
  }

  /** The highest RAM granule without an image, or null. */
  lastFree(): number | null {
    let at = this.top
    for (let k = this.starts.length - 1; k >= 0 && (this.ends[k] as number) === at; k--) at = this.starts[k] as number
    return at > this.base ? at - PAGE_SIZE : null
  }

  /**
   * RTT_INIT_RIPAS over all RAM at the coarsest entries: one call per table and run, in ascending order. `create` runs
   * where an entry is only partly RAM.
   */
  ripas(visit: {
    call(ipa: number, entries: number, level: number): void
    table(ipa: number, level: number): void
  }): void {
    const { start } = this.spec.geo
    const walk = (level: number, lo: number, hi: number): void => {
      const size = levelSize(level)
      const from = Math.max(lo, down(this.base, size))
      const to = Math.min(hi, up(this.top, size))
      const whole = [Math.max(from, up(this.base, size)), Math.min(to, down(this.top, size))] as const
      if (from < to && !this.inside(from, size)) below(level, from)
      if (whole[1] > whole[0]) visit.call(whole[0], (whole[1] - whole[0]) / size, level)
      if (to - size > from && !this.inside(to - size, size)) below(level, to - size)
    }
    const below = (level: number, ipa: number): void => {
      visit.table(ipa, level + 1)
      walk(level + 1, ipa, ipa + levelSize(level))
    }
    // Concatenated roots are tables of their own.
    const root = levelSize(start) * 512
    for (let r = 0; r < this.spec.geo.num; r++) {
      const lo = r * root
      if (lo < this.top && lo + root > this.base) walk(start, lo, lo + root)
    }
  }
}

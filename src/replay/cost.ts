// What copying costs, in two terms: a toll for each crossing (one copy, one entry into the pool), and the rate of one
// serial copier. Published measurements are explained by these two and the pool's limit; no default is given, as no
// public measurement would be true of the user's machine. The terms are the user's, or fitted to the recording itself.

export interface CostTerms {
  /** Nanoseconds per crossing. */
  readonly toll: number
  /** Bytes per second of one copier. */
  readonly rate: number
  /** Copiers that work at the same time; 1 unless areas, queues or buffers born shared lift it. */
  readonly copiers: number
  readonly from: 'given' | 'measured'
}

/** Seconds that so many crossings and bytes take. */
export function copyCost(crossings: number, bytes: number, t: CostTerms): number {
  return ((crossings * t.toll) / 1e9 + bytes / t.rate) / t.copiers
}

/** A load as far as the two terms see it. */
export interface RequestLoad {
  /** Bytes of one request, and how often they are copied (2 for data that a device writes). */
  readonly bytes: number
  readonly copies: number
  /** Crossings of one request (one per segment and copy). */
  readonly crossings: number
  /** Nanoseconds that a request takes without any copying: device, protocol, the rest of the stack. */
  readonly otherNs: number
  /** Requests that the load would keep in flight. */
  readonly depth: number
  /** Bytes of the pool; no more than this is in flight. Infinity where nothing bounces. */
  readonly poolBytes: number
}

/** Requests per second: as many as are in flight allow, and no more than the copiers can copy. */
export function requestRate(l: RequestLoad, t: CostTerms): number {
  const copy = (l.crossings * t.toll) / 1e9 + (l.copies * l.bytes) / t.rate
  const inFlight = Math.min(l.depth, Math.floor(l.poolBytes / l.bytes))
  if (inFlight < 1) return 0
  const alone = inFlight / (l.otherNs / 1e9 + copy)
  return copy === 0 ? alone : Math.min(alone, t.copiers / copy)
}

const CLASSES = 32
const BINS = 256

/**
 * Fits the two terms to the time between a bounce's two events: swiotlb_bounced before the search, dma_map_* after the
 * copy.
 */
export class CostFit {
  private readonly counts = new Uint32Array(CLASSES * BINS)
  private readonly sizes = new Float64Array(CLASSES)
  private readonly n = new Float64Array(CLASSES)

  /** One bounce of `size` bytes that took `ns`. */
  add(size: number, ns: number): void {
    if (!(ns >= 0) || size <= 0) return
    const cls = Math.min(CLASSES - 1, 31 - Math.clz32(size))
    const bin = Math.min(BINS - 1, ns < 1 ? 0 : Math.floor(Math.log2(ns) * 8))
    const at = cls * BINS + bin
    this.counts[at] = (this.counts[at] as number) + 1
    this.sizes[cls] = (this.sizes[cls] as number) + size
    this.n[cls] = (this.n[cls] as number) + 1
  }

  /** Bounces that were added. */
  get samples(): number {
    return this.n.reduce((a, b) => a + b, 0)
  }

  /**
   * Median times by size class, a line through them by weight; null when the recording has too few sizes to tell the
   * two terms apart.
   */
  terms(): CostTerms | null {
    let w = 0
    let sx = 0
    let sy = 0
    let sxx = 0
    let sxy = 0
    let classes = 0
    for (let c = 0; c < CLASSES; c++) {
      const n = this.n[c] as number
      if (n < 20) continue
      classes++
      const x = (this.sizes[c] as number) / n
      let seen = 0
      let bin = 0
      while (bin < BINS - 1 && seen + (this.counts[c * BINS + bin] as number) < n / 2)
        seen += this.counts[c * BINS + bin++] as number
      const y = 2 ** ((bin + 0.5) / 8)
      w += n
      sx += n * x
      sy += n * y
      sxx += n * x * x
      sxy += n * x * y
    }
    const det = w * sxx - sx * sx
    if (classes < 2 || det <= 0) return null
    const slope = (w * sxy - sx * sy) / det
    const toll = (sy - slope * sx) / w
    if (slope <= 0 || toll < 0) return null
    return { toll, rate: 1e9 / slope, copiers: 1, from: 'measured' }
  }
}

// Values over time in bounded memory: a fixed number of buckets whose width doubles when time runs out of them. Each
// track keeps the highest and the last value of each bucket.

const NONE = -1
/** Tracks that there is room for at first. */
const FIRST_TRACKS = 8

/**
 * What a track counts: slots in use of the pool, an area, a device, or in the pool of a what-if question; or calls that
 * failed so far, by cause.
 */
export type TrackKind = 'pool' | 'area' | 'device' | 'what-if' | 'failed'

/** One track as its reader gets it: values per bucket, carried on where nothing changed. */
export interface Track {
  readonly name: string
  readonly kind: TrackKind
  readonly max: Int32Array
  readonly last: Int32Array
}

export class Timeline {
  /** Nanoseconds per bucket. */
  width = 1e5
  /** Time of the first bucket's start; NaN before the first value. */
  start = Number.NaN
  private end = 0
  private readonly names: { readonly name: string; readonly kind: TrackKind }[] = []
  // The buckets of all tracks, one track behind the other; of the present bucket what was told since it was gone to.
  private max = new Int32Array(0)
  private last = new Int32Array(0)
  private presentMax = new Int32Array(0)
  private presentLast = new Int32Array(0)
  private limit = 0
  private at = 0
  private atFrom = Number.POSITIVE_INFINITY
  private atTo = Number.NEGATIVE_INFINITY

  constructor(readonly buckets = 4096) {}

  /** A new track; its number. */
  track(name: string, kind: TrackKind): number {
    const track = this.names.push({ name, kind }) - 1
    const used = track * this.buckets
    if (used + this.buckets > this.max.length) {
      const more = (from: Int32Array, least: number): Int32Array<ArrayBuffer> => {
        const to = new Int32Array(Math.max(least, from.length * 2)).fill(NONE)
        to.set(from)
        return to
      }
      this.max = more(this.max, FIRST_TRACKS * this.buckets)
      this.last = more(this.last, FIRST_TRACKS * this.buckets)
      this.presentMax = more(this.presentMax, FIRST_TRACKS)
      this.presentLast = more(this.presentLast, FIRST_TRACKS)
    }
    return track
  }

  /** The value of a track from this time on. Times before the present bucket count as the present one. */
  set(track: number, time: number, value: number): void {
    this.go(time)
    this.put(track, value)
  }

  /** Goes to the bucket of a time, for put(). */
  go(time: number): void {
    if (time >= this.atTo || time < this.atFrom) this.seek(time)
  }

  /** The value of a track from the time on that go() was told last. */
  put(track: number, value: number): void {
    if (value > (this.presentMax[track] as number)) this.presentMax[track] = value
    this.presentLast[track] = value
  }

  // Puts what was told of the present bucket where it belongs: seldom, as the tracks lie far apart.
  private store(): void {
    for (let t = 0, i = this.at; t < this.names.length; t++, i += this.buckets) {
      if (this.presentLast[t] === NONE) continue
      this.max[i] = Math.max(this.max[i] as number, this.presentMax[t] as number)
      this.last[i] = this.presentLast[t] as number
    }
    this.presentMax.fill(NONE)
    this.presentLast.fill(NONE)
  }

  // The buckets of one track.
  private of(all: Int32Array, track: number): Int32Array {
    return all.subarray(track * this.buckets, (track + 1) * this.buckets)
  }

  private seek(time: number): void {
    this.store()
    if (Number.isNaN(this.start)) {
      this.start = time
      this.limit = time + this.width * this.buckets
    }
    while (time >= this.limit) this.halve()
    const at = Math.max(this.at, Math.floor((time - this.start) / this.width))
    this.at = at
    this.atFrom = Number.NEGATIVE_INFINITY
    this.atTo = this.start + (at + 1) * this.width
    this.end = Math.max(this.end, at)
  }

  private halve(): void {
    for (let t = 0; t < this.names.length; t++) {
      const max = this.of(this.max, t)
      const last = this.of(this.last, t)
      for (let i = 0; i < this.buckets / 2; i++) {
        max[i] = Math.max(max[2 * i] as number, max[2 * i + 1] as number)
        last[i] = last[2 * i + 1] !== NONE ? (last[2 * i + 1] as number) : (last[2 * i] as number)
      }
      max.fill(NONE, this.buckets / 2)
      last.fill(NONE, this.buckets / 2)
    }
    this.width *= 2
    this.at = Math.floor(this.at / 2)
    this.end = Math.floor(this.end / 2)
    this.limit = this.start + this.width * this.buckets
  }

  /** Buckets in use. */
  get length(): number {
    return Number.isNaN(this.start) ? 0 : this.end + 1
  }

  /** All tracks, gaps filled: a bucket without a change holds what the one before it ended with (0 at first). */
  tracks(): Track[] {
    this.store()
    return this.names.map(({ name, kind }, t) => {
      const n = this.length
      const max = new Int32Array(n)
      const last = new Int32Array(n)
      const [allMax, allLast] = [this.of(this.max, t), this.of(this.last, t)]
      let carry = 0
      for (let i = 0; i < n; i++) {
        const m = allMax[i] as number
        max[i] = m === NONE ? carry : Math.max(m, carry)
        const l = allLast[i] as number
        if (l !== NONE) carry = l
        last[i] = carry
      }
      return { name, kind, max, last }
    })
  }
}

/** Eight levels of block, for one line of text: `max` per cell, scaled to `top`. */
export function sparkline(values: ArrayLike<number>, cells: number, top: number): string {
  const marks = '▁▂▃▄▅▆▇█'
  const n = values.length
  if (n === 0 || top <= 0) return ''
  const width = Math.min(cells, n)
  let out = ''
  for (let c = 0; c < width; c++) {
    let m = 0
    for (
      let i = Math.floor((c * n) / width);
      i < Math.max(Math.floor(((c + 1) * n) / width), Math.floor((c * n) / width) + 1);
      i++
    )
      m = Math.max(m, values[i] as number)
    out += m === 0 ? ' ' : marks[Math.min(7, Math.floor((m / top) * 8))]
  }
  return out
}

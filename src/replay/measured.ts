// What the kernel itself said about its pool while the trace ran: samples of debugfs, written into the trace as marks
// or kept in a file.

export interface PoolSample {
  /** Nanoseconds of the trace clock; NaN when the sample has no time. */
  readonly time: number
  readonly used: number
  readonly hiwater: number
  readonly nslabs: number
}

export class Measured {
  hiwater: number | null = null
  maxUsed: number | null = null
  nslabs: number | null = null
  /** Slots at the first sample: the pool that boot made. */
  firstNslabs: number | null = null
  /** The samples show a memory that grows. */
  grew = false
  samples = 0
  /** Phases that the recording marks: `phase NAME start`. */
  readonly marks: { time: number; text: string }[] = []

  /** A tracing_mark_write: `swiotlb_sample used=N hiwater=N nslabs=N`, or a phase. */
  mark(text: string, time: number): void {
    const m = /\bused=(-?\d+) hiwater=(-?\d+)(?: nslabs=(-?\d+))?/.exec(text)
    if (m) this.sample({ time, used: Number(m[1]), hiwater: Number(m[2]), nslabs: Number(m[3] ?? -1) })
    else if (this.marks.length < 256) this.marks.push({ time, text: text.trim() })
  }

  sample(s: PoolSample): void {
    this.samples++
    if (s.hiwater >= 0) this.hiwater = Math.max(this.hiwater ?? 0, s.hiwater)
    if (s.used >= 0) this.maxUsed = Math.max(this.maxUsed ?? 0, s.used)
    if (s.nslabs > 0) {
      if (this.nslabs !== null && s.nslabs > this.nslabs) this.grew = true
      this.nslabs = s.nslabs
      this.firstNslabs ??= s.nslabs
    }
  }
}

/**
 * Samples of io_tlb_used, io_tlb_used_hiwater and io_tlb_nslabs as text: lines of five numbers (clock before and after
 * in seconds, used, hiwater, nslabs; -1 = unreadable), or `io_tlb_used_hiwater 4140` lines. Lines that are neither are
 * counted.
 */
export function parseDebugfs(text: string): { samples: PoolSample[]; unread: number } {
  const samples: PoolSample[] = []
  let unread = 0
  let open = { used: -1, hiwater: -1, nslabs: -1 }
  const flush = (): void => {
    if (open.used >= 0 || open.hiwater >= 0 || open.nslabs >= 0) samples.push({ time: Number.NaN, ...open })
    open = { used: -1, hiwater: -1, nslabs: -1 }
  }
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) {
      flush()
      continue
    }
    const five = /^(\d+(?:\.\d+)?)\s+(\d+(?:\.\d+)?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)$/.exec(line)
    const named = /^(?:.*\/)?io_tlb_(used_hiwater|used|nslabs)[\s:=]+(-?\d+)$/.exec(line)
    if (five)
      samples.push({
        time: ((Number(five[1]) + Number(five[2])) / 2) * 1e9,
        used: Number(five[3]),
        hiwater: Number(five[4]),
        nslabs: Number(five[5])
      })
    else if (named) {
      if (named[1] === 'used') open.used = Number(named[2])
      else if (named[1] === 'nslabs') open.nslabs = Number(named[2])
      else open.hiwater = Number(named[2])
    } else unread++
  }
  flush()
  return { samples, unread }
}

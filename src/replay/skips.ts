// What a reader passed over, and why: nothing is dropped in silence.
import { printableLine } from '../base/index.ts'

/** Reasons for passing over a line or record, with what to tell the user. */
export const SKIP_REASONS = {
  noEvent: { code: 'TB-350', text: 'not an event of a trace' },
  binary: { code: 'TB-351', text: 'binary bytes in a text trace' },
  longLine: { code: 'TB-352', text: 'a line over 1 MiB' },
  missingField: { code: 'TB-353', text: 'a known event without a field that it needs' },
  badNumber: { code: 'TB-354', text: 'a known event with a value that cannot be read' },
  cutLine: { code: 'TB-355', text: 'the last line is cut off' },
  cutRecord: { code: 'TB-356', text: 'the binary trace is cut off or damaged here' }
} as const
export type SkipReason = keyof typeof SKIP_REASONS

export interface Skip {
  readonly reason: SkipReason
  count: number
  /** Line or record number of the first one. */
  readonly first: number
  /** The beginning of the first one, when it is text. */
  readonly sample: string
}

export class Skips {
  private readonly byReason = new Map<SkipReason, Skip>()

  add(reason: SkipReason, at: number, sample?: () => string): void {
    const known = this.byReason.get(reason)
    if (known) known.count++
    else this.byReason.set(reason, { reason, count: 1, first: at, sample: sample ? printableLine(sample().slice(0, 200)) : '' })
  }

  get total(): number {
    let n = 0
    for (const s of this.byReason.values()) n += s.count
    return n
  }

  /** In the order of first appearance. */
  list(): readonly Skip[] {
    return [...this.byReason.values()]
  }
}

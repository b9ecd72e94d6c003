// What a reader passed over, and why: nothing is dropped in silence.
import { type Diagnostic, plural, printableLine } from '../base/index.ts'

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
    else
      this.byReason.set(reason, {
        reason,
        count: 1,
        first: at,
        sample: sample ? printableLine(sample().slice(0, 200)) : ''
      })
  }

  /** What another reader passed over of the same input, and this one does not know. */
  take(list: readonly Skip[]): void {
    for (const s of list) this.byReason.set(s.reason, { ...s })
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

/**
 * What is broken in a file of text, with the place of the first of each kind; other lines than events are not. Lines
 * are counted through `files`: a place is named where there is one. What cuts a trace.dat says its reader.
 */
export function brokenLines(skips: Skips, files: readonly string[]): Diagnostic[] {
  return skips
    .list()
    .filter((s) => s.reason !== 'noEvent' && s.reason !== 'cutRecord')
    .map(({ reason, count, first, sample }) => ({
      code: SKIP_REASONS[reason].code,
      severity: 'warning',
      file: files.join(' '),
      line: files.length === 1 ? first : 0,
      column: 0,
      word: '',
      message:
        `${SKIP_REASONS[reason].text}${count > 1 ? `, the first of ${plural(count, 'such line')}` : ''}` +
        `${sample === '' ? '' : `: ${sample}`}`,
      hint: 'the rest of it is read'
    }))
}

// The door to kernel logs and their diagnosis.
import { type BootExplained, explainBoot } from './diagnose.ts'
import type { LogFacts } from './context.ts'
import { LogReader } from './reader.ts'

export type { BootExplained, LogFailure, RankedCause, TraceShown } from './diagnose.ts'
export type { LogFacts } from './context.ts'
export { causes, bounceReasons } from './causes.ts'
export { kindOf } from './failure.ts'
export { knownFixes } from './fixes.ts'
export { type BootSize, bootSize } from './boot-size.ts'
export { LogBytes } from './bytes.ts'
export { LogReader } from './reader.ts'
export { decoderOf, encodingOf } from './encoding.ts'

/** A log explained: the last boot, and those before it, newest first. */
export interface LogExplanation extends BootExplained {
  readonly lines: number
  readonly understood: number
  /** Lines with any word of DMA, bouncing, IOMMUs or coherent memory. */
  readonly subject: number
  readonly boots: number
  readonly earlier: readonly BootExplained[]
}

/** Reads a log, line by line or by way of LogBytes. */
export class KernelLog {
  readonly reader = new LogReader()
  private ended = false

  /** The next line, without its end. */
  next(line: string): void {
    this.reader.line(line)
  }

  /** Whether most of what was read is no text at all. */
  get looksBinary(): boolean {
    return this.reader.looksBinary
  }

  /** What it all means. */
  explain(facts: LogFacts = {}): LogExplanation {
    if (!this.ended) this.reader.end()
    this.ended = true
    const { boots, lines, understood, subject } = this.reader
    const all = boots.map((b) => explainBoot(b, facts, lines > 60)).reverse()
    return { ...(all[0] as BootExplained), lines, understood, subject, boots: boots.length, earlier: all.slice(1) }
  }
}

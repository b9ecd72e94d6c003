// The shared state of one run that nobody searches: its words, and what was noticed on the way.
import { UNSET } from './program.ts'
import type { Run } from './schedule.ts'
import type { Finding, Store } from './step.ts'

export class OneStore implements Store {
  readonly u32: Uint32Array
  readonly u8: Uint8Array
  readonly findings: Finding[] = []
  /** Whose variables are asked for; null: there are none. */
  run: Run | null = null
  constructor(words: number) {
    this.u32 = new Uint32Array(words)
    this.u8 = new Uint8Array(this.u32.buffer)
  }
  local(thread: number, index: number): number {
    return this.run === null ? UNSET : this.run.local(thread, index)
  }
  finding(f: Finding): void {
    this.findings.push(f)
  }
}

// What a verb may touch of the outside world. Verbs get it from main.ts; tests give their own.
import type { Shares } from './shares.ts'

export interface Io {
  /** stdout and stderr. What acts on a terminal is shown there as what it is: this is the door for every format. */
  out(text: string): void
  err(text: string): void
  /** Text of our own that moves the cursor of the terminal at stderr. */
  draw?(text: string): void
  /** Colour is wanted (colour.ts). */
  readonly colour: boolean
  /** stderr is a terminal: progress may be shown there. */
  readonly progress: boolean
  /** Columns of the terminal; absent when stdout is none. */
  readonly width?: number
  /** Arguments of the verb as they were given; tbit merge gives its own. */
  readonly argv?: readonly string[]
  /** tbit merge: the answers of all shares in the place of work. */
  readonly shares?: Shares
  /** Sets the exit code: 0 as expected, 1 a finding, 2 wrong use or bad input, 125 undecided. */
  exit(code: number): void
}

/** Of several exit codes the first that applies: 2, 1, 125, 0. */
export function worst(codes: Iterable<number>): number {
  const set = new Set(codes)
  for (const c of [2, 1, 125]) if (set.has(c)) return c
  return 0
}

// A thread's program: a short list of instructions, most of them calls of plain functions. What happens inside a call
// is seen through the function's own steps (thread.ts); between calls a thread only has its variables.
import type { Store } from './step.ts'

/** A variable that nothing has been assigned to. */
export const UNSET = -1000000000

/** Where an instruction stands in its source, 1-based. */
export interface Place {
  readonly line: number
  readonly column: number
  readonly file?: string
}

/** An argument: a number, or the value that variable `v` has when the call begins. */
export type Operand = number | { readonly v: number }

/** A function as a thread calls it: numbers in, a number out; its accesses go through `step`. */
export type CallFn = (...args: number[]) => number

export interface Call {
  readonly op: 'call'
  readonly fn: CallFn
  readonly args: readonly Operand[]
  /** The variable that takes the result; -1: none. */
  readonly dst: number
  /** The statement, for the reader. */
  readonly text: string
  readonly place?: Place
  /** Its steps, which are all silent, go with the step before them: nothing of another thread comes between. */
  readonly follows?: true
  /**
   * Neighbouring instructions of one group run together when only whole calls interleave. Default: a group of its own.
   */
  readonly group?: number
}

/** Goes on at `yes` when the variable is above 0, else (0, ERR, UNSET) at `no`. No step. */
export interface Branch {
  readonly op: 'branch'
  readonly v: number
  readonly yes: number
  readonly no: number
  readonly text?: string
  readonly place?: Place
}
export interface Jump {
  readonly op: 'jump'
  readonly to: number
}
/**
 * The environment picks one of `targets`: one step; with `when` and `leads` it goes with the first step of what is
 * chosen.
 */
export interface Choose {
  readonly op: 'choose'
  readonly targets: readonly number[]
  readonly text: string
  readonly place?: Place
  readonly group?: number
  readonly when?: When
  readonly leads?: true
}

/**
 * A target can be taken always, never, or in the states of which this is true. It looks at bytes and words of the
 * state, never at a thread's variables.
 */
export type Enabled = boolean | ((st: Store) => boolean)

/**
 * Which targets of a choice can be taken. `of` is asked once for each set of values of the variables `reads`, in their
 * order, and answers for each target; what is left to ask in each state is then a look at the state. A choice none of
 * whose targets can be taken waits.
 */
export interface When {
  readonly reads: readonly number[]
  readonly of: (values: readonly number[]) => readonly Enabled[]
}
export interface End {
  readonly op: 'end'
}
export type Instr = Call | Branch | Jump | Choose | End

export interface Program {
  /** The thread's name. */
  readonly name: string
  /** Names of the variables; all are UNSET at first. */
  readonly variables: readonly string[]
  readonly code: readonly Instr[]
  /** Variables that others look at: other threads, properties, final conditions. They keep their value to the end. */
  readonly keep?: Iterable<number>
  /**
   * Of `keep` those that other threads look at while this one runs: a call without any step that sets one is a step of
   * its own. Default: all of `keep`.
   */
  readonly watched?: Iterable<number>
  /** First values of variables, UNSET where missing: how threads get what `init` has set. */
  readonly initial?: readonly number[]
}

/** Runs off the end of the list as if an `end` stood there. */
export function instrAt(p: Program, pc: number): Instr {
  return p.code[pc] ?? END
}
const END: End = { op: 'end' }

/**
 * For each instruction the variables whose value can still be read when it begins (`before`) and after it (`after`).
 */
export interface Liveness {
  readonly before: readonly ReadonlySet<number>[]
  readonly after: readonly ReadonlySet<number>[]
}

/** Which variables are still needed where; those of `keep` always are. */
export function live(p: Program, keep: ReadonlySet<number>): Liveness {
  const n = p.code.length
  const before: Array<Set<number>> = Array.from({ length: n + 1 }, () => new Set(keep))
  const after: Array<Set<number>> = Array.from({ length: n + 1 }, () => new Set(keep))
  for (let changed = true; changed; ) {
    changed = false
    for (let pc = n - 1; pc >= 0; pc--) {
      const i = instrAt(p, pc)
      const out = after[pc] as Set<number>
      const into = before[pc] as Set<number>
      const size = out.size + into.size
      for (const to of targets(i, pc)) for (const v of before[Math.min(to, n)] as Set<number>) out.add(v)
      for (const v of out) if (i.op !== 'call' || v !== i.dst || keep.has(v)) into.add(v)
      if (i.op === 'branch') into.add(i.v)
      if (i.op === 'choose') for (const v of i.when?.reads ?? []) into.add(v)
      if (i.op === 'call') for (const a of i.args) if (typeof a !== 'number') into.add(a.v)
      if (out.size + into.size !== size) changed = true
    }
  }
  return { before, after }
}

function targets(i: Instr, pc: number): readonly number[] {
  switch (i.op) {
    case 'call':
      return [pc + 1]
    case 'branch':
      return [i.yes, i.no]
    case 'jump':
      return [i.to]
    case 'choose':
      return i.targets
    case 'end':
      return []
  }
}

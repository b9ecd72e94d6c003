// A thread followed along one run: the slow twin of positions (thread.ts). It runs the real function again for each
// step over the results so far, so it knows which kernel functions a step belongs to. For counterexamples, single runs
// and as reference.
import { assignment, choice } from './thread.ts'
import {
  type Call,
  type CallFn,
  instrAt,
  type Instr,
  live,
  type Liveness,
  type Place,
  type Program,
  UNSET
} from './program.ts'
import { type Action, replay } from './step.ts'

export interface Here {
  readonly action: Action
  /** The statement's text and place. */
  readonly statement: string
  readonly place: Place | null
  readonly pc: number
  /** No step of the statement has happened yet. */
  readonly entry: boolean
}

/** A statement that came to its end, with what it yielded. */
export interface Passed {
  readonly pc: number
  readonly text: string
  readonly value: number
}

/** Calls so far of one statement: what a position would merge. */
export class Walk {
  private pc = 0
  private env: readonly number[]
  private args: readonly number[] = []
  private history: number[] = []
  /** A step-less call that waits to be a step of its own, with its result. */
  private pending: number | null = null
  private here: Here | null = null
  private readonly keep: ReadonlySet<number>
  private readonly watched: ReadonlySet<number>
  private readonly liveness: Liveness
  /** Statements that ended at the last `advance` (or at the start), in order. */
  passed: Passed[] = []

  constructor(
    readonly program: Program,
    initial: readonly number[] = program.initial ?? []
  ) {
    this.keep = new Set(program.keep ?? [])
    this.watched = program.watched === undefined ? this.keep : new Set(program.watched)
    this.liveness = live(program, this.keep)
    this.env = program.variables.map((_, i) => initial[i] ?? UNSET)
    this.settle()
  }

  /** A second walk at the same place. */
  copy(): Walk {
    const w = Object.create(Walk.prototype) as Walk
    Object.assign(w, this, { history: [...this.history], passed: [] })
    return w
  }

  /** The next step; null at the thread's end. */
  at(): Here | null {
    return this.here
  }
  local(variable: number): number {
    return this.env[variable] ?? UNSET
  }

  /** Names the place for a search without merging: equal keys are the same past, as far as it can still matter. */
  key(): string {
    const i = instrAt(this.program, this.pc)
    const needed = i.op === 'call' ? this.liveness.after[this.pc] : this.liveness.before[this.pc]
    const env = this.env.map((x, v) =>
      (needed ?? this.keep).has(v) && (i.op !== 'call' || v !== i.dst || this.keep.has(v)) ? x : 0
    )
    return `${this.pc}|${this.here?.entry ?? ''}|${this.pending ?? ''}|${this.args}|${this.history}|${env}`
  }

  /** Goes on after the step had `result`. */
  advance(result: number): void {
    this.passed = []
    const i = instrAt(this.program, this.pc)
    if (i.op === 'choose') {
      const to = i.targets[result]
      if (to === undefined) throw new Error(`invariant broken: choice ${result} of ${i.targets.length}`)
      this.pc = to
      this.settle()
      return
    }
    if (i.op !== 'call' || this.here === null) throw new Error('invariant broken: a thread at its end has no next step')
    if (this.pending !== null) {
      this.leave(i, this.pending)
      this.settle()
      return
    }
    this.history.push(result)
    const probe = replay(() => i.fn(...this.args), this.history)
    if (probe.done) {
      this.leave(i, probe.value)
      this.settle()
    } else this.here = { ...this.here, action: probe.action, entry: false }
  }

  /** The chain of functions that the next step is in, innermost first; empty when the stack tells nothing. */
  site(): readonly string[] {
    const i = instrAt(this.program, this.pc)
    if (i.op !== 'call' || this.pending !== null) return []
    const known = sitesOf(i.fn)
    const key = `${this.args}|${this.history}`
    let site = known.get(key)
    if (site === undefined) {
      const probe = replay(() => runStatement(i.fn, this.args), this.history, true)
      known.set(key, (site = probe.done || probe.stack === null ? [] : siteOf(probe.stack)))
    }
    return site
  }

  private leave(i: Call, value: number): void {
    if (i.dst >= 0) {
      const env = this.env.slice()
      env[i.dst] = value
      this.env = env
    }
    this.passed.push({ pc: this.pc, text: i.text, value })
    this.pending = null
    this.history = []
    this.args = []
    this.pc++
  }

  private settle(): void {
    for (let budget = 100_000; budget > 0; budget--) {
      const i: Instr = instrAt(this.program, this.pc)
      switch (i.op) {
        case 'end':
          this.here = null
          return
        case 'jump':
          this.pc = i.to
          break
        case 'branch':
          this.pc = this.local(i.v) > 0 ? i.yes : i.no
          break
        case 'choose':
          this.here = {
            action: choice(i, this.pc, this.env),
            statement: i.text,
            place: i.place ?? null,
            pc: this.pc,
            entry: true
          }
          return
        case 'call': {
          this.args = i.args.map((a) => (typeof a === 'number' ? a : this.local(a.v)))
          this.history = []
          const probe = replay(() => i.fn(...this.args), this.history)
          const stand = { statement: i.text, place: i.place ?? null, pc: this.pc, entry: true }
          if (!probe.done) {
            this.here = { action: probe.action, ...stand }
            return
          }
          if (i.dst >= 0 && this.watched.has(i.dst) && this.local(i.dst) !== probe.value) {
            this.pending = probe.value
            this.here = { action: assignment(i, this.pc, probe.value), ...stand }
            return
          }
          this.leave(i, probe.value)
        }
      }
    }
    throw new Error(`invariant broken: thread ${this.program.name} loops without a step`)
  }
}

const sites = new WeakMap<CallFn, Map<string, readonly string[]>>()
/**
 * The chains of a call by its arguments and results so far: the ways to several findings begin alike, and a stack costs
 * more than all else of a step.
 */
function sitesOf(fn: CallFn): Map<string, readonly string[]> {
  let known = sites.get(fn)
  if (known === undefined) sites.set(fn, (known = new Map()))
  return known
}

/** Marks in the stack where kernel code ends and the engine begins. */
function runStatement(fn: CallFn, args: readonly number[]): number {
  const value = fn(...args)
  return value
}

/** How kernel code touches state: not part of a site. A bundler may number them apart. */
const PRIMITIVES = new Set([
  'step',
  'stackHere',
  'read',
  'peek',
  'test',
  'isZero',
  'write',
  'poke',
  'tryWrite',
  'spin_lock',
  'spin_unlock',
  'down_read',
  'up_read',
  'down_write',
  'up_write',
  'rmwBit',
  'atomicBit',
  'choose',
  'workerRuns',
  'moment',
  'act'
])

/**
 * The functions of a stack, innermost first: what lies between the step primitive and the statement, without functions
 * that have no name. Reads V8's form and `name@place`.
 */
export function siteOf(stack: string): readonly string[] {
  const names: string[] = []
  let inside = false
  for (const line of stack.split('\n')) {
    const m = /^\s*at (?:async )?(?:new )?(\S+)(?: \[as \S+\])? \(/.exec(line) ?? /^([^@\s]*)@/.exec(line)
    const name = (m?.[1] ?? '').replace(/^.*[./<]/, '')
    const plain = name.replace(/\d+$/, '')
    if (plain === 'runStatement') break
    if (!inside && (name === '' || PRIMITIVES.has(name) || PRIMITIVES.has(plain))) continue
    if (/^(Error|Recorder)\b/.test(line.trim()) || name === '' || name === 'fn' || name === 'anonymous>') continue
    inside = true
    // A bundler numbers functions of one name apart; a kernel name that ends in a number has an underscore before it.
    names.push(name.replace(/([a-z])\d+$/, '$1'))
  }
  return names
}

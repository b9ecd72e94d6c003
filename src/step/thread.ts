// A thread as a set of positions: where its program stands, the values of its variables, and what its current call can
// still do (graph.ts). Each position is a small number, so that a search stores a thread in one or two bytes and goes
// on from a position by looking into a table.
import { actionOf, type Kind } from './action.ts'
import { type Action, BLOCKED, type FastKind } from './step.ts'
import { assertTrue } from '../base/index.ts'
import type { Graphs, Node } from './graph.ts'
import { type Call, type Choose, instrAt, type Liveness, live, type Program, UNSET } from './program.ts'

/**
 * Kinds of a position's action, as the search dispatches on them: the byte accesses, any other action, the thread's
 * end.
 */
export const KIND: Readonly<Record<FastKind, number>> = {
  read: 0,
  test: 1,
  zero: 2,
  write: 3,
  try: 4,
  lock: 5,
  unlock: 6,
  none: 7
}
export const OTHER = 8
export const ENDED = 9

/**
 * How a position's action relates to steps: it is one; it is silent and begins a statement; it is silent and goes with
 * the step before.
 */
export const STEP = 0
export const LEADS = 1
export const FOLLOWS = 2

/** A silent action with several outcomes is a step all the same. */
export const isSilent = (a: Action): boolean => a.silent && a.outcomes === 1

/** A choice with which the first step of what is chosen goes (program.ts, `leads`). */
const LEADING = 'leading choice'
export const isLeadingChoice = (a: Action): boolean => a.kind === LEADING

interface Position {
  readonly pc: number
  readonly env: readonly number[]
  /** The call's node; null between calls (a choice, the end). */
  readonly node: Node | null
  readonly action: Action | null
  /** No step of the instruction at `pc` has happened yet. */
  readonly entry: boolean
  /** What the call at an entry was given; null elsewhere. */
  readonly args: readonly number[] | null
  /** Next positions by results that are not in the table; null: none yet. */
  far: Map<number, number> | null
}

/** Results from 0 below this are looked up by index when an action does not say what its results are. */
const NEAR = 16

export class Positions {
  private readonly list: Position[] = []
  /** Positions + 1 by what they are, each at the first free place from its hash on; half of it is free. */
  private found = new Int32Array(128)
  private readonly liveness: Liveness
  private readonly keep: ReadonlySet<number>
  private readonly watched: ReadonlySet<number>
  private tableUsed = 0

  /** By position: KIND, OTHER or ENDED. */
  kind = new Uint8Array(64)
  /** By position: address and operand of a byte access. */
  addr = new Uint16Array(64)
  value = new Uint8Array(64)
  /** By position: outcomes of the action. */
  outcomes = new Uint16Array(64)
  /** By position: STEP, LEADS or FOLLOWS. */
  glue = new Uint8Array(64)
  /** By position: 1 for a choice that is no step of its own. */
  leads = new Uint8Array(64)
  /** By position: 1 when no step of its instruction has happened yet. */
  entries = new Uint8Array(64)
  /** Where a position's part of `table` starts, and how many results it has there. */
  base = new Int32Array(64)
  width = new Uint16Array(64)
  /** Next position + 1 by result; 0: not known yet. */
  table = new Int32Array(256)
  readonly actions: Array<Action | null> = []

  /** The position at the thread's start. */
  readonly start: number

  constructor(
    readonly program: Program,
    private readonly graphs: Graphs
  ) {
    this.keep = new Set(program.keep ?? [])
    this.watched = program.watched === undefined ? this.keep : new Set(program.watched)
    this.liveness = live(program, this.keep)
    this.start = this.startWith(program.initial ?? [])
  }

  /** The position at the start when variables already have values (UNSET where missing). */
  startWith(initial: readonly number[]): number {
    return this.settle(
      0,
      this.program.variables.map((_, i) => initial[i] ?? UNSET)
    )
  }

  get size(): number {
    return this.list.length
  }

  /** What happens next; null at the thread's end. */
  action(id: number): Action | null {
    return this.at(id).action
  }
  pc(id: number): number {
    return this.at(id).pc
  }
  ended(id: number): boolean {
    return this.kind[id] === ENDED
  }
  /** The variables; those that nobody can still read are 0. */
  locals(id: number): readonly number[] {
    return this.at(id).env
  }
  local(id: number, variable: number): number {
    return this.at(id).env[variable] ?? UNSET
  }
  /** The instruction's group, for whole-call interleaving: one of its own below 0. */
  group(id: number): number {
    const { pc } = this.at(id)
    const i = instrAt(this.program, pc)
    return (i.op === 'call' || i.op === 'choose' ? i.group : undefined) ?? -1 - pc
  }

  /** The position after the action of `id` had `result`. */
  next(id: number, result: number): number {
    if (result >= 0 && result < (this.width[id] as number)) {
      const known = this.table[(this.base[id] as number) + result] as number
      if (known !== 0) return known - 1
    }
    return this.advance(id, result)
  }

  /** `next` for a result met for the first time, or too large for the table. */
  advance(id: number, result: number): number {
    const p = this.at(id)
    const known = p.far?.get(result)
    if (known !== undefined) return known
    const to = this.follow(p, result)
    if (result >= 0 && result < (this.width[id] as number)) this.table[(this.base[id] as number) + result] = to + 1
    else (p.far ??= new Map()).set(result, to)
    return to
  }

  /**
   * The things that a position names by variables of `names`, as number + 1 up to `size`: pairs of role (the variable,
   * or behind the variables the argument of the call that begins) and thing. What a call has done with names cannot be
   * renumbered: a position inside one answers null.
   */
  naming(id: number, names: readonly number[], size: number): number[] | null {
    const p = this.at(id)
    const i = instrAt(this.program, p.pc)
    if (i.op === 'call' && p.args === null) return null
    const out: number[] = []
    const add = (role: number, v: number): void => {
      if (v > 0 && v <= size) out.push(role, v - 1)
    }
    for (const [role, v] of names.entries()) add(role, p.env[v] ?? 0)
    if (i.op === 'call')
      for (const [k, a] of i.args.entries())
        if (typeof a !== 'number' && names.includes(a.v)) add(names.length + k, p.args?.[k] ?? 0)
    return out
  }

  /** The position with `to` of each thing that it names, in the place of the thing. */
  renamed(id: number, names: readonly number[], to: (v: number) => number): number {
    const p = this.at(id)
    const i = instrAt(this.program, p.pc)
    const env = p.env.map((x, v) => (names.includes(v) ? to(x) : x))
    if (i.op === 'choose') return this.intern(p.pc, env, null, choice(i, p.pc, env), true)
    if (i.op !== 'call' || p.args === null) return this.intern(p.pc, env, p.node, p.action, p.entry, p.args)
    const args = p.args.map((x, k) => {
      const a = i.args[k]
      return typeof a === 'object' && names.includes(a.v) ? to(x) : x
    })
    const n = this.graphs.entry(i.fn, args)
    return this.intern(p.pc, env, n, n.action, p.entry, args)
  }

  private at(id: number): Position {
    const p = this.list[id]
    if (p === undefined) throw new Error(`invariant broken: position ${id} of ${this.program.name}`)
    return p
  }

  private follow(p: Position, result: number): number {
    const i = instrAt(this.program, p.pc)
    if (i.op === 'choose') {
      const to = i.targets[result]
      if (to === undefined) throw new Error(`invariant broken: choice ${result} of ${i.targets.length}`)
      return this.settle(to, p.env)
    }
    assertTrue(i.op === 'call' && p.node !== null, 'a thread at its end has no next step')
    const n = p.node.action === null ? p.node : this.graphs.next(p.node, result)
    return n.action === null
      ? this.settle(p.pc + 1, assigned(p.env, i.dst, n.value))
      : this.intern(p.pc, p.env, n, n.action, false)
  }

  /** Goes on over everything that is no step, to the next position. */
  private settle(pc: number, env: readonly number[]): number {
    for (let budget = 100_000; budget > 0; budget--) {
      const i = instrAt(this.program, pc)
      switch (i.op) {
        case 'end':
          return this.intern(pc, this.masked(env, this.keep), null, null, true)
        case 'jump':
          pc = i.to
          break
        case 'branch':
          pc = (env[i.v] ?? UNSET) > 0 ? i.yes : i.no
          break
        case 'choose':
          return this.intern(
            pc,
            this.masked(env, this.liveness.before[pc] ?? this.keep),
            null,
            choice(i, pc, env),
            true
          )
        case 'call': {
          const args = i.args.map((a) => (typeof a === 'number' ? a : (env[a.v] ?? UNSET)))
          const n = this.graphs.entry(i.fn, args)
          if (n.action !== null)
            return this.intern(pc, this.after(pc, env, i.dst), n, n.action, i.follows !== true, args)
          // A call without a step belongs to what came before it, unless others can see what it sets.
          if (i.dst >= 0 && this.watched.has(i.dst) && env[i.dst] !== n.value)
            return this.intern(pc, this.after(pc, env, i.dst), n, assignment(i, pc, n.value), true)
          env = assigned(env, i.dst, n.value)
          pc++
        }
      }
    }
    throw new Error(`invariant broken: thread ${this.program.name} loops without a step`)
  }

  /**
   * Variables as they are while the call at `pc` runs: its arguments are already taken, its result is not there yet.
   */
  private after(pc: number, env: readonly number[], dst: number): readonly number[] {
    return this.masked(env, this.liveness.after[pc] ?? this.keep, this.keep.has(dst) ? -1 : dst)
  }

  private masked(env: readonly number[], needed: ReadonlySet<number>, but = -1): readonly number[] {
    return env.map((x, v) => (v !== but && needed.has(v) ? x : 0))
  }

  private intern(
    pc: number,
    env: readonly number[],
    node: Node | null,
    action: Action | null,
    entry: boolean,
    args: readonly number[] | null = null
  ): number {
    let at = this.placeOf(pc, env, node, entry)
    const known = this.found[at] as number
    if (known !== 0) return known - 1
    const id = this.list.length
    this.list.push({ pc, env, node, action, entry, args, far: null })
    this.actions.push(action)
    this.describe(id, action, entry)
    if (2 * this.list.length > this.found.length) {
      this.found = new Int32Array(2 * this.found.length)
      for (const [i, p] of this.list.entries())
        if (i !== id) this.found[this.placeOf(p.pc, p.env, p.node, p.entry)] = i + 1
      at = this.placeOf(pc, env, node, entry)
    }
    this.found[at] = id + 1
    return id
  }

  /** Where the position that is this stands in `found`, or would stand. */
  private placeOf(pc: number, env: readonly number[], node: Node | null, entry: boolean): number {
    let h = Math.imul(2 * pc + (entry ? 1 : 0), 0x9e3779b1) ^ (node === null ? -1 : node.id)
    for (let v = 0; v < env.length; v++) h = Math.imul(h ^ (env[v] as number), 0x85ebca6b) ^ (h >>> 15)
    h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35)
    const last = this.found.length - 1
    for (let at = (h ^ (h >>> 13)) & last; ; at = (at + 1) & last) {
      const n = this.found[at] as number
      if (n === 0) return at
      const p = this.list[n - 1] as Position
      if (p.node === node && p.pc === pc && p.entry === entry && alike(p.env, env)) return at
    }
  }

  private describe(id: number, a: Action | null, entry: boolean): void {
    if (id >= this.kind.length) this.enlarge(id * 2)
    this.entries[id] = entry ? 1 : 0
    if (a === null) {
      this.kind[id] = ENDED
      return
    }
    const { fast, results } = a
    this.kind[id] = fast === undefined || fast.addr > 0xffff ? OTHER : KIND[fast.kind]
    this.addr[id] = fast?.addr ?? 0
    this.value[id] = fast?.value ?? 0
    this.outcomes[id] = a.outcomes
    this.glue[id] = isLeadingChoice(a) ? LEADS : !isSilent(a) ? STEP : entry ? LEADS : FOLLOWS
    this.leads[id] = isLeadingChoice(a) ? 1 : 0
    let width = NEAR
    if (results !== null) {
      width = 0
      for (const r of results) if (r >= width && r < 4096) width = r + 1
    }
    if (this.tableUsed + width > this.table.length) {
      const bigger = new Int32Array(Math.max(this.table.length * 2, this.tableUsed + width))
      bigger.set(this.table)
      this.table = bigger
    }
    this.base[id] = this.tableUsed
    this.width[id] = width
    this.tableUsed += width
  }

  private enlarge(n: number): void {
    const grown = <T extends Uint8Array | Uint16Array | Int32Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.kind = grown(this.kind, new Uint8Array(n))
    this.addr = grown(this.addr, new Uint16Array(n))
    this.value = grown(this.value, new Uint8Array(n))
    this.outcomes = grown(this.outcomes, new Uint16Array(n))
    this.glue = grown(this.glue, new Uint8Array(n))
    this.leads = grown(this.leads, new Uint8Array(n))
    this.entries = grown(this.entries, new Uint8Array(n))
    this.base = grown(this.base, new Int32Array(n))
    this.width = grown(this.width, new Uint16Array(n))
  }
}

function alike(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true
  for (let v = 0; v < a.length; v++) if (a[v] !== b[v]) return false
  return true
}

function assigned(env: readonly number[], dst: number, value: number): readonly number[] {
  if (dst < 0) return env
  const e = env.slice()
  e[dst] = value
  return e
}

const ONLY_ZERO: readonly number[] = [0]

const CHOICE: Kind<[text: string, n: number, pc: number]> = {
  perform: (_st, outcome) => outcome,
  text: (_r, outcome, text, n) => `${text}: ${outcome + 1} of ${n}`,
  outcomes: (_text, n) => n,
  results: (_text, n) => Array.from({ length: n }, (_, k) => k)
}
/** The step of a choice between statements, for these variables: answers the number of the one taken. */
export function choice(i: Choose, pc: number, env: readonly number[]): Action {
  const n = i.targets.length
  if (i.when === undefined) return actionOf('choice', CHOICE, [i.text, n, pc])
  const values = i.when.reads.map((v) => env[v] ?? UNSET)
  const enabled = i.when.of(values)
  assertTrue(enabled.length === n, 'a condition for each target of a choice')
  // What the variables forbid is no outcome. Where they forbid all, there is one, which waits.
  const possible = enabled.flatMap((e, k) => (e === false ? [] : [k]))
  return {
    kind: i.leads === true ? LEADING : 'choice',
    silent: false,
    key: `choice:${pc}:${values.join()}`,
    outcomes: Math.max(1, possible.length),
    results: possible,
    text: (r) => (r === BLOCKED ? i.text : `${i.text}: ${r + 1} of ${n}`),
    perform: (st, outcome) => {
      const k = possible[outcome] ?? -1
      const e = enabled[k] ?? false
      return e === true || (e !== false && e(st)) ? k : BLOCKED
    }
  }
}

const ASSIGNMENT: Kind<[text: string, pc: number, value: number]> = {
  perform: () => 0,
  text: (_r, _o, text) => text,
  results: ONLY_ZERO
}
/** The step of a call that has none of its own but sets a variable that others look at. */
export const assignment = (i: Call, pc: number, value: number): Action =>
  actionOf('assignment', ASSIGNMENT, [i.text, pc, value])

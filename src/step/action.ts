// A step that is more than the access of one byte. Its kind is declared once, when its module is made:
//
//     const copy = action<[m: Machine, dst: number, src: number, len: number]>('memcpy', {
//       perform: (st, _outcome, m, dst, src, len) => { m.content.copy(st, dst, src, len); return 0 },
//       text: (_result, _outcome, _m, dst, src, len) => `copy ${len} bytes 0x${src.toString(16)} ->
//       0x${dst.toString(16)}`,
//       results: [0]
//     })
//
// and a call copy(machine, 4096, 8192, 64) is one step. What it does depends on its arguments and the store, on nothing
// that a call has beside them; so its key, by which positions are shared, is made of the kind and the arguments, and
// cannot forget one.
import { type Action, type BitWrite, step, stepped, type Store } from './step.ts'

export interface Kind<A extends readonly unknown[]> {
  /** What happens; `outcome` is the environment's decision. */
  readonly perform: (st: Store, outcome: number, ...args: A) => number
  /** For the reader of a counterexample. */
  readonly text: (result: number, outcome: number, ...args: A) => string
  /** How many ways the environment may decide; default 1. */
  readonly outcomes?: number | ((...args: A) => number)
  /** All results it can have, when few and known beforehand. */
  readonly results?: readonly number[] | ((...args: A) => readonly number[])
  /** Happens together with the step before it. */
  readonly silent?: boolean
  /** Which bits of a byte it writes, for who reads the run. */
  readonly bits?: (...args: A) => BitWrite
}

const kinds = new Set<string>()
const identities = new WeakMap<object, number>()
let identified = 0

/** Whether it is an object of a class, which no other is equal to. */
function isItself(x: unknown): x is object {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) return false
  const proto: unknown = Object.getPrototypeOf(x)
  return proto !== Object.prototype && proto !== null
}

/**
 * An argument as part of a key: equal texts are equal arguments. Plain data and lists are what they hold, an object of
 * a class is itself. What a class's object holds and another call may change belongs into the store.
 */
function argKey(x: unknown): string {
  switch (typeof x) {
    case 'number':
      return `${x}`
    case 'string':
      return JSON.stringify(x)
    case 'boolean':
    case 'undefined':
      return String(x)
    case 'object':
      break
    default:
      throw new Error(`invariant broken: a ${typeof x} as an argument of a step`)
  }
  if (x === null) return 'null'
  if (Array.isArray(x)) return `[${x.map(argKey).join()}]`
  if (!isItself(x))
    return `{${Object.entries(x)
      .map(([k, v]) => `${k}:${argKey(v)}`)
      .join()}}`
  let id = identities.get(x)
  if (id === undefined) identities.set(x, (id = ++identified))
  return `#${id}`
}

/** The arguments of a call as part of a key. */
export function argsKey(args: readonly unknown[]): string {
  let key = ''
  for (const a of args) key += typeof a === 'number' ? `,${a}` : `,${argKey(a)}`
  return key
}

/**
 * A step of a declared kind. A class and not a literal: a literal with a getter and a part that may be missing takes V8
 * a hundred times as long to make, and one is made for each step that a run of a kernel function comes to.
 */
class Declared<A extends readonly unknown[]> implements Action {
  readonly outcomes: number
  readonly results: readonly number[] | null
  readonly silent: boolean
  readonly bits: BitWrite | undefined
  private known: string | null = null
  /** What it does, once it is done: of those that are made most never are. */
  private does: Action['perform'] | null = null
  constructor(
    readonly kind: string,
    readonly of: Kind<A>,
    readonly args: A
  ) {
    const { outcomes, results, bits } = of
    this.outcomes = typeof outcomes === 'function' ? outcomes(...args) : (outcomes ?? 1)
    this.results = typeof results === 'function' ? results(...args) : (results ?? null)
    this.silent = of.silent ?? false
    this.bits = bits?.(...args)
  }
  /** A running system never asks for it. */
  get key(): string {
    return (this.known ??= `${this.kind}${argsKey(this.args)}`)
  }
  perform(st: Store, outcome: number): number {
    return (this.does ??= bound(this.of.perform, this.args))(st, outcome)
  }
  text(result: number, outcome: number): string {
    return this.of.text(result, outcome, ...this.args)
  }
}

/** What values lead to, one after the other, and the number of what ends here. */
export class Fork {
  number = -1
  private readonly to = new Map<unknown, Fork>()
  after(x: unknown): Fork {
    let f = this.to.get(x)
    if (f === undefined) this.to.set(x, (f = new Fork()))
    return f
  }
}

/**
 * Of each action the first that was like it: of the same kind, with equal arguments; and numbers for them. A text for
 * each action that is asked for would take longer than to follow its arguments.
 */
export class Firsts {
  private readonly ofKinds = new Fork()
  private readonly byKey = new Map<string, Action>()
  private readonly list: Action[] = []
  private readonly numbers = new Map<Action, number>()

  of(a: Action): Action {
    const f = a instanceof Declared ? this.fork(a) : null
    if (f === null) return this.sole(a)
    if (f.number < 0) f.number = this.added(a)
    return this.list[f.number] as Action
  }

  /** @throws Error for an action that is no first one */
  number(a: Action): number {
    const n = this.numbers.get(a)
    if (n === undefined) throw new Error(`invariant broken: '${a.key}' is not the first of its like`)
    return n
  }

  private sole(a: Action): Action {
    let first = this.byKey.get(a.key)
    if (first === undefined) {
      this.byKey.set(a.key, (first = a))
      this.added(a)
    }
    return first
  }

  private added(a: Action): number {
    const n = this.list.push(a) - 1
    this.numbers.set(a, n)
    return n
  }

  /** Null where an argument is compared by what it holds: then the key tells. */
  private fork(a: Declared<readonly unknown[]>): Fork | null {
    let f = this.ofKinds.after(a.of)
    for (const x of a.args) {
      if ((typeof x === 'object' && x !== null && !isItself(x)) || typeof x === 'function') return null
      f = f.after(x)
    }
    return f
  }
}

/** The step that a call of the kind with these arguments is. */
export const actionOf = <A extends readonly unknown[]>(name: string, kind: Kind<A>, args: A): Action =>
  new Declared(name, kind, args)

// A search performs an action many times for each time that it is made.
function bound<A extends readonly unknown[]>(perform: Kind<A>['perform'], args: A): Action['perform'] {
  const f = perform as unknown as (st: Store, outcome: number, ...args: unknown[]) => number
  const [a, b, c, d, e, g] = args
  switch (args.length) {
    case 0:
      return (st, o) => f(st, o)
    case 1:
      return (st, o) => f(st, o, a)
    case 2:
      return (st, o) => f(st, o, a, b)
    case 3:
      return (st, o) => f(st, o, a, b, c)
    case 4:
      return (st, o) => f(st, o, a, b, c, d)
    case 5:
      return (st, o) => f(st, o, a, b, c, d, e)
    case 6:
      return (st, o) => f(st, o, a, b, c, d, e, g)
    default:
      return (st, o) => f(st, o, ...args)
  }
}

/**
 * Declares a kind of step. Call it where a module is made, never in a function: what it is given must capture nothing
 * of a call.
 * @throws Error when two kinds have one name
 */
export function action<A extends readonly unknown[]>(name: string, kind: Kind<A>): (...args: A) => number {
  if (kinds.has(name)) throw new Error(`invariant broken: two kinds of step are called '${name}'`)
  kinds.add(name)
  // A result that is known already needs no key.
  return function act(...args: A): number {
    return stepped() ?? step(actionOf(name, kind, args))
  }
}

/** A kind that happens with the step before it and answers nothing: a ghost's, an observer's. */
export function aside<A extends readonly unknown[]>(
  name: string,
  perform: (st: Store, ...args: A) => void,
  text?: (...args: A) => string
): (...args: A) => void {
  const kind: Kind<A> = {
    perform: (st, _outcome, ...args) => {
      perform(st, ...args)
      return 0
    },
    text: (_r, _o, ...args) => (text === undefined ? name : text(...args)),
    results: ZERO,
    silent: true
  }
  const run = action(name, kind)
  return function act(...args: A): void {
    run(...args)
  }
}
const ZERO = [0] as const

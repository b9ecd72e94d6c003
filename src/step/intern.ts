// State that is too rich for bytes (page states, memory content, a bounce pool, what the properties remember) is kept
// as whole immutable values, each with a small number; the shared vector holds the number. Equal values have equal
// numbers, so that states compare as words. An operation on such a value is remembered by the number, so that it is
// computed once, and so is what is asked of several values together.
import { argsKey, Fork } from './action.ts'
import type { Store } from './step.ts'
import type { Layout } from './layout.ts'
import { Tuples } from './tuples.ts'

export class Interned<T> {
  private readonly ids = new Map<string, number>()
  private readonly values: T[] = []
  /** By a value's number and a change's what the change leads to. */
  private changed: Tuples | null = null
  private readonly to: number[] = []
  private readonly changes = new ChangeNumbers()
  private readonly word: number

  /**
   * `encode` must be canonical: equal values give equal strings. `inPlace`: there is one store and no way back, only
   * the value of now is kept.
   */
  constructor(
    private readonly layout: Layout,
    readonly name: string,
    readonly initial: T,
    private readonly encode: (v: T) => string,
    private readonly inPlace = false
  ) {
    this.word = layout.word(name)
    this.id(initial)
  }

  /** The number of a value. The initial value is 0. */
  id(v: T): number {
    if (this.inPlace) {
      this.values[0] = v
      return 0
    }
    const key = this.encode(v)
    let id = this.ids.get(key)
    if (id === undefined) {
      id = this.values.length
      this.ids.set(key, id)
      this.values.push(v)
    }
    return id
  }

  value(id: number): T {
    return this.values[id] as T
  }
  get size(): number {
    return this.values.length
  }

  at(st: Store): number {
    return st.u32[this.layout.byteWords + this.word] as number
  }
  get(st: Store): T {
    return this.values[this.at(st)] as T
  }
  /** Puts the value of this number there. */
  setAt(st: Store, id: number): void {
    st.u32[this.layout.byteWords + this.word] = id
  }
  set(st: Store, v: T): void {
    st.u32[this.layout.byteWords + this.word] = this.id(v)
  }

  /** Replaces the value by what the change makes of it and the arguments. */
  update<A extends readonly unknown[]>(st: Store, change: Change<T, A>, ...args: A): void {
    const w = this.layout.byteWords + this.word
    const from = st.u32[w] as number
    if (this.inPlace) {
      this.values[0] = change.apply(this.values[0] as T, ...args)
      return
    }
    const changed = (this.changed ??= new Tuples(2))
    const { asked } = changed
    asked[0] = from
    asked[1] = this.changes.of(change, args)
    const n = changed.number()
    st.u32[w] = this.to[n] ??= this.id(change.apply(this.values[from] as T, ...args))
  }
}

/**
 * What is done to a component's value depends on its arguments and on nothing else, so that it can be remembered by
 * them.
 */
export interface Change<T, A extends readonly unknown[], R = T> {
  readonly id: number
  readonly apply: (v: T, ...args: A) => R
}

let changes = 0
/** Declares a change. Call it where a module is made, never in a function: `apply` must capture nothing of a call. */
export const change = <T, A extends readonly unknown[], R = T>(apply: (v: T, ...args: A) => R): Change<T, A, R> => ({
  id: ++changes,
  apply
})

/** A change with its arguments as a text. */
export const changeKey = (c: { readonly id: number }, args: readonly unknown[]): string => `${c.id}${argsKey(args)}`

/**
 * The number under which what a change does with its arguments is remembered: equal where `changeKey` is. Arguments are
 * numbers nearly always, and a text takes several times as long to make and to find as they do to follow.
 */
export class ChangeNumbers {
  private readonly forks: Fork[] = []
  private readonly others = new Map<string, number>()
  private used = 0

  of(c: { readonly id: number }, args: readonly unknown[]): number {
    let f = (this.forks[c.id] ??= new Fork())
    for (let i = 0; i < args.length; i++) {
      const x = args[i]
      if (typeof x !== 'number') return this.other(c, args)
      f = f.after(x)
    }
    if (f.number < 0) f.number = this.used++
    return f.number
  }

  private other(c: { readonly id: number }, args: readonly unknown[]): number {
    const key = changeKey(c, args)
    let n = this.others.get(key)
    if (n === undefined) this.others.set(key, (n = this.used++))
    return n
  }
}

/** What follows from the values of these components and nothing else, computed once for each of their numbers. */
export function remembered<T>(
  components: ReadonlyArray<Pick<Interned<unknown>, 'at'>>,
  compute: (st: Store) => T
): (st: Store) => T {
  if (components.length === 0) return compute
  const tuples = new Tuples(components.length)
  const { asked } = tuples
  const known: Array<T | undefined> = []
  return (st) => {
    for (let i = 0; i < asked.length; i++) asked[i] = (components[i] as Pick<Interned<unknown>, 'at'>).at(st)
    const n = tuples.number()
    return (known[n] ??= compute(st))
  }
}

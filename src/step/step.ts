// How kernel code touches shared state. A kernel function is a plain function; every access that another thread could
// observe is one step and goes through `step(action)`. Two contexts run the same functions:
//
// * * a recorder (`replay`): results of earlier steps are given back from a history, and the first access beyond it
//   pauses the
//   function by throwing PAUSE. That is how a thread becomes a set of positions that a search can go on from.
// * a store (`runOn`): every access happens at once, which makes a call atomic. That is how a booted system is used.
//
// A function run by `replay` must depend on its arguments and on step results only: no module state, no clock, no
// randomness; a `catch` in kernel code must not swallow PAUSE (there is none in this repository).

/** What an action answers when it cannot happen now (a lock that is held, a wait that is not yet true). */
export const BLOCKED = -0x40000000

/**
 * All state that threads share: one flat vector. Bytes hold small fields, 32-bit words hold ids of interned components
 * (intern.ts). `local` answers the value of a thread's variable, `finding` takes what an action notices while it is
 * performed.
 */
export interface Store {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  /** Value of variable `index` of thread `thread`. */
  local(thread: number, index: number): number
  /** Something the action itself sees to be wrong (a fault, a lost update, a WARN). */
  finding(f: Finding): void
  /** The thread whose step it is, where several run and the store knows. */
  readonly thread?: number | undefined
}

/**
 * The properties there are: each file of src/properties adds its own name. So whoever tells a finding (an access, the
 * kernel, the system) can only say what somebody defines and judges, although none of them knows those files.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled where the properties are
export interface PropertyNames {}
export type PropertyName = keyof PropertyNames

/** What went wrong, where; `site` and `decision` make up its identity together with the property. */
export interface Finding {
  readonly property: PropertyName
  /** Kernel or machine function that did it. */
  readonly site: string
  /** The rule or decision at work: a row of a platform's table, a revision's decision, a message. */
  readonly decision: string
  /** One sentence for the reader. */
  readonly summary: string
  /** The thread stops here and the state is not explored further. */
  readonly fatal?: boolean
}

export interface Action {
  /** What kind of step it is: the name under which it was declared, or the access. */
  readonly kind: string
  /** Equal keys are the same action: positions are shared by it. */
  readonly key: string
  /** For the reader of a counterexample. Only called when one is printed. */
  readonly text: (result: number, outcome: number) => string
  /** What went on inside, line by line, when it was performed last: for an action that is code of somebody else's. */
  readonly inside?: (() => readonly string[]) | undefined
  /** How many ways the environment may decide; 1 for a deterministic action. */
  readonly outcomes: number
  /** All results it can have, when few and known beforehand: lets the call's decision graph be built eagerly. */
  readonly results: readonly number[] | null
  /** Happens together with the step before it: no other thread can come in between. */
  readonly silent: boolean
  /** Byte accesses are done by the search itself. */
  readonly fast?: Fast | undefined
  /**
   * Of a call that keeps its own place (a C function that has stopped): `begins` it, or it `goes on`. What follows a
   * step that goes on depends on its key and result, and on what the function had met before the step that began it; on
   * nothing that lies between.
   */
  readonly keeps?: 'begins' | 'goes on' | undefined
  /** A write to some bits of a byte whose other bits others write. For who reads the run; the search does not look. */
  readonly bits?: BitWrite | undefined
  perform(store: Store, outcome: number): number
}

/** `mask` of byte `addr` set or cleared: by which C function, and whether atomically or by a read-modify-write. */
export interface BitWrite {
  readonly addr: number
  readonly mask: number
  readonly on: boolean
  readonly by: string
  readonly atomic: boolean
}

export type FastKind = 'none' | 'read' | 'test' | 'zero' | 'write' | 'try' | 'lock' | 'unlock'
/**
 * `kind` (`none`: a moment that touches nothing) on byte `addr` with operand `value` (write: new value; test: mask).
 */
export interface Fast {
  readonly kind: FastKind
  readonly addr: number
  readonly value: number
}

/** Thrown by an access beyond the recorded results. */
export const PAUSE: { readonly pause: true } = { pause: true }

interface Context {
  step(action: Action): number
  /** The result of the next step if it is known already, which then counts as taken. */
  stepped(): number | undefined
}

let current: Context | null = null

/** Performs one access in the current context. @throws PAUSE in a recorder, Error outside any context */
export function step(action: Action): number {
  if (current === null)
    throw new Error(`'${action.key}' outside of a run: call kernel functions through runOn or replay`)
  return current.step(action)
}

/** The next step's result where a recording has it: the step is taken without saying what it is. */
export const stepped = (): number | undefined => current?.stepped()

/** The action with `by` in the place of what it has: one need not be a plain object, which `...` would copy whole. */
export const changed = (a: Action, by: Partial<Action>): Action => ({
  kind: a.kind,
  key: a.key,
  text: (result, outcome) => a.text(result, outcome),
  inside: a.inside,
  outcomes: a.outcomes,
  results: a.results,
  silent: a.silent,
  fast: a.fast,
  keeps: a.keeps,
  bits: a.bits,
  perform: (st, outcome) => a.perform(st, outcome),
  ...by
})

/** Runs `fn` with each of its accesses as `as` makes it. The result must be a function of the access. */
export function altered<T>(fn: () => T, as: (a: Action) => Action): T {
  const saved = current
  if (saved === null) return fn()
  current = { step: (a) => saved.step(as(a)), stepped: () => saved.stepped() }
  try {
    return fn()
  } finally {
    current = saved
  }
}

/**
 * What is read for the observer alone, as a tracepoint's arguments are: its accesses go with the step before, so that
 * who watches does not change whose turn it is.
 */
export const quietly = <T>(fn: () => T): T =>
  altered(fn, (a) => (a.silent ? a : changed(a, { silent: true, key: `quietly:${a.key}` })))

/** The stack as text, deep enough for a kernel call chain (engines that know no limit ignore it). */
function stackHere(): string {
  const E = Error as { stackTraceLimit?: number }
  const limit = E.stackTraceLimit
  E.stackTraceLimit = 100
  const { stack } = new Error()
  if (limit !== undefined) E.stackTraceLimit = limit
  return stack ?? ''
}

class Recorder implements Context {
  private i = 0
  next: Action | null = null
  site: string | null = null
  constructor(
    private readonly history: readonly number[],
    private readonly wantSite: boolean
  ) {}
  stepped(): number | undefined {
    // A `finally` that runs while pausing may access state: it pauses again.
    if (this.next !== null) throw PAUSE
    const r = this.history[this.i]
    if (r !== undefined) this.i++
    return r
  }
  step(action: Action): number {
    const r = this.stepped()
    if (r !== undefined) return r
    this.next = action
    if (this.wantSite) this.site = stackHere()
    throw PAUSE
  }
}

export type Probe =
  | { readonly done: true; readonly value: number }
  | { readonly done: false; readonly action: Action; readonly stack: string | null }

/** Runs `fn` over the results in `history` and says where it stands: at its next action, or returned. */
export function replay(fn: () => number, history: readonly number[], wantSite = false): Probe {
  const recorder = new Recorder(history, wantSite)
  const saved = current
  current = recorder
  try {
    const value = fn()
    if (recorder.next !== null) return { done: false, action: recorder.next, stack: recorder.site }
    return { done: true, value }
  } catch (e) {
    if (e !== PAUSE || recorder.next === null) throw e
    return { done: false, action: recorder.next, stack: recorder.site }
  } finally {
    current = saved
  }
}

/** How a run ended: at an action that nobody answered, by returning, or by throwing. */
export type Ended = 'paused' | { readonly value: number } | { readonly thrown: unknown }

/**
 * Runs of functions over results that are known, and then on over what `guess` answers to each further action, until
 * that is undefined. One such run stands for as many of `replay` as there are actions in it. For one run after the
 * other: its lists are used again, since a search makes thousands of runs.
 */
export class Ahead implements Context {
  /** The results that were given, and behind them those that were guessed: so many as `taken` says. */
  readonly results: number[] = []
  taken = 0
  /** The actions beyond the results that were given, in order: so many as `beyond` says. */
  readonly met: Action[] = []
  beyond = 0
  private i = 0
  private stopped = false
  private guess: (a: Action) => number | undefined = () => undefined

  /** Runs `fn` over the first `given` of `results`. */
  run(fn: () => number, given: number, guess: (a: Action) => number | undefined): Ended {
    this.taken = given
    this.beyond = 0
    this.i = 0
    this.stopped = false
    this.guess = guess
    const saved = current
    current = this
    try {
      const value = fn()
      return this.stopped ? 'paused' : { value }
    } catch (thrown) {
      if (thrown === PAUSE && this.stopped) return 'paused'
      // thrown on the way out: the action at which it paused was not answered
      if (this.stopped) this.beyond--
      return { thrown }
    } finally {
      current = saved
    }
  }

  stepped(): number | undefined {
    if (this.stopped) throw PAUSE
    return this.i < this.taken ? this.results[this.i++] : undefined
  }
  step(action: Action): number {
    const r = this.stepped()
    if (r !== undefined) return r
    this.met[this.beyond++] = action
    const guessed = this.guess(action)
    if (guessed === undefined) {
      this.stopped = true
      throw PAUSE
    }
    this.results[this.taken++] = guessed
    this.i++
    return guessed
  }
}

class Direct implements Context {
  constructor(
    private readonly store: Store,
    private readonly choose: (action: Action) => number,
    private readonly seen: ((action: Action, result: number, outcome: number) => void) | null
  ) {}
  stepped(): undefined {
    return undefined
  }
  step(action: Action): number {
    const outcome = action.outcomes > 1 ? this.choose(action) : 0
    const r = action.perform(this.store, outcome)
    if (r === BLOCKED) throw new Error(`'${action.key}' blocks for ever: nobody else runs`)
    if (this.seen !== null) this.seen(action, r, outcome)
    return r
  }
}

/**
 * Runs `fn` to its end on `store`, each access at once. `choose` decides actions with several outcomes (default: the
 * first).
 * @throws Error when an action blocks, since no other thread can unblock it
 */
export function runOn<T>(
  store: Store,
  fn: () => T,
  choose: (action: Action) => number = () => 0,
  seen: ((action: Action, result: number, outcome: number) => void) | null = null
): T {
  const saved = current
  current = new Direct(store, choose, seen)
  try {
    return fn()
  } finally {
    current = saved
  }
}

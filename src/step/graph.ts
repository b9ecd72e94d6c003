// What a call can still do, as a graph: a node is the next action or the value returned, an edge is the action's
// result. The plain function is run over every result its actions may have, and equal futures become one node
// (hash-consing from the leaves), which gives the least graph: two histories that will behave alike are one position of
// the thread.
//
// Where that would take too many runs, or an action does not say which results it may have, the node is lazy: it is
// told apart by its history, and what follows a result is built when that result is met. Right in any case; lazy nodes
// only merge less.
//
// A run costs as much as the whole way to where it stands, so a run that has come to something new goes on over first
// results to the call's end, and what it meets is kept (`Known`): each way through a call is run once. A lazy action's
// answer is not known then, but mostly it answers what it answered last, and the run goes on over that. The slow twin
// runs the function for each node (test/engine/plain-graphs.ts).
import { type Action, replayAhead } from './step.ts'
import type { CallFn } from './program.ts'

export interface Node {
  /** Numbered in order of making; equal futures of eager nodes have equal numbers. */
  readonly id: number
  /** The next action; null when the call has returned. */
  readonly action: Action | null
  /** What the call has returned. */
  readonly value: number
  /** What follows each result: all that the action declares, of a lazy node those that were met. */
  results: readonly number[]
  kids: readonly Node[]
  /** What a lazy node needs to go on. */
  readonly call: {
    readonly fn: CallFn
    readonly args: readonly number[]
    readonly history: readonly number[]
    readonly past: Past
    readonly known: Known
  } | null
  /** What the function threw over results that need not be possible: thrown again if they are. */
  readonly error: { readonly thrown: unknown } | null
}

export interface GraphOptions {
  /** Runs spent on a whole call before it is built lazily. 0: always lazy. */
  readonly budget?: number
  /** Runs spent at each lazy node on what follows it. */
  readonly lazyBudget?: number
  /** Results of one action above which it is not worth trying them all. */
  readonly widest?: number
}

/**
 * What of a history the future depends on: `at` as a text, of which `begun` was there when a call that keeps its own
 * place began.
 */
interface Past {
  readonly at: string
  readonly begun: string
}
/** No call has kept its own place: the future depends on the whole history, which then is told by no text. */
const NO_PAST: Past = { at: '', begun: '' }

/** The past after one more step, which answered `result` after `history`. */
function past(p: Past, history: readonly number[], a: Action, result: number): Past {
  if (p === NO_PAST) {
    if (a.keeps === undefined) return NO_PAST
    p = { at: `,${history.join()}`, begun: '' }
  }
  switch (a.keeps) {
    case 'begins':
      return { at: `${p.at},${result}`, begun: p.at }
    case 'goes on':
      return { at: `${p.begun}~${a.key}>${result}`, begun: p.begun }
    default:
      return { at: `${p.at},${result}`, begun: p.begun }
  }
}

/** What runs have shown of a call after one history: its next action, what it returned, or what it threw. */
interface Known {
  readonly action: Action | null
  readonly value: number
  readonly error: { readonly thrown: unknown } | null
  /** What is known after one more result, as far as runs went: the first of a chain, each of another result. */
  kid: Known | null
  readonly result: number
  sibling: Known | null
  /** All that can follow, where it was built, and of how many histories. */
  whole: Node | null
  size: number
}
/** Answers of wide actions that one run guesses at most: behind a wrong one all others are of no use. */
const MOST_GUESSED = 8
/** Of these so many are kept; then what was shown is forgotten, and run again where it is needed. */
const MOST_KNOWN = 1 << 19

const NO_RESULTS: readonly number[] = []
const NO_KIDS: readonly Node[] = []
class OverBudget {
  readonly overBudget = true
}
const OVER = new OverBudget()

/** The graphs of all calls of a model: nodes are shared between calls, statements and threads. */
export class Graphs {
  private readonly nodes: Node[] = []
  private readonly byKey = new Map<string, Node>()
  private readonly entries = new Map<string, Node>()
  private readonly fnIds = new Map<CallFn, number>()
  /** By its key the first action that had it: others like it are dropped at once, which is most that is made. */
  private readonly actions = new Map<string, Action>()
  private readonly actionIds = new Map<Action, number>()
  private readonly budget: number
  private readonly lazyBudget: number
  private readonly widest: number
  private left = 0
  /** Of `Known` so many. */
  private known = 0
  private errors = 0
  /** By the key of a wide action what it answered last. */
  private readonly lately = new Map<string, number>()
  /** Runs of kernel functions so far. */
  runs = 0
  /** Lazy nodes so far. */
  lazy = 0

  constructor(o: GraphOptions = {}) {
    this.budget = o.budget ?? 2000
    this.lazyBudget = o.lazyBudget ?? Math.min(200, this.budget)
    this.widest = o.widest ?? 64
  }

  get size(): number {
    return this.nodes.length
  }

  /** Where a call stands before its first action. @throws what `fn` throws before its first action */
  entry(fn: CallFn, args: readonly number[]): Node {
    let f = this.fnIds.get(fn)
    if (f === undefined) this.fnIds.set(fn, (f = this.fnIds.size))
    const key = `${f}(${args.join(',')})`
    let n = this.entries.get(key)
    if (n === undefined) this.entries.set(key, (n = this.grow(fn, args, [], NO_PAST, this.budget)))
    return checked(n)
  }

  /** Where it stands after its next action had `result`. @throws Error for a result that the action had not declared */
  next(n: Node, result: number): Node {
    const at = n.results.indexOf(result)
    let kid = at < 0 ? undefined : n.kids[at]
    if (kid === undefined) {
      const a = n.action
      if (a === null) throw new Error('invariant broken: a call that has returned has no next step')
      if (a.results !== null && !a.results.includes(result))
        throw new Error(`invariant broken: '${a.key}' answered ${result}, which is outside of its declared results`)
      if (n.call === null) throw new Error(`invariant broken: '${a.key}' answered ${result}, which was not tried`)
      const { fn, args, history, past: before, known } = n.call
      if (a.keeps === undefined) this.lately.set(a.key, result)
      kid = this.grow(
        fn,
        args,
        [...history, result],
        past(before, history, a, result),
        this.lazyBudget,
        kidOf(known, result)
      )
      n.results = [...n.results, result]
      n.kids = [...n.kids, kid]
    }
    return checked(kid)
  }

  private grow(
    fn: CallFn,
    args: readonly number[],
    history: readonly number[],
    before: Past,
    budget: number,
    known: Known | null = null
  ): Node {
    const at: Way = { fn, args, history: [...history] }
    this.left = budget
    const k = known ?? this.show(at)
    if (budget > 0) {
      try {
        return this.eager(at, k, before)
      } catch (e) {
        if (e !== OVER) throw e
        at.history.length = history.length
      }
    }
    return this.leaf(k) ?? this.lazily(at, k, before)
  }

  /**
   * Runs the call over a history that no run has come to. While there is a budget it goes on from there, and what it
   * meets on the way is known, too: over first results, and where an action may answer anything, over what it answered
   * last. A wrong guess costs what was run behind it.
   */
  private show(at: Way): Known {
    this.runs++
    const { fn, args } = at
    const from = at.history.length
    // Twice what the budget can look at now: the nodes behind this one then find their part of it.
    const to = from + 2 * Math.max(0, this.left)
    const ahead = [...at.history]
    let guesses = MOST_GUESSED
    const { met, end } = replayAhead(
      () => fn(...args),
      ahead,
      (a) => {
        if (ahead.length >= to) return undefined
        if (!this.wide(a)) return a.results?.[0]
        return guesses-- > 0 ? this.lately.get(a.key) : undefined
      }
    )
    if (this.known + met.length > MOST_KNOWN) this.forget()
    this.known += met.length + 1
    let k: Known | null = end === 'paused' ? null : ended(fn, end, ahead.at(-1) ?? 0)
    for (let i = met.length - 1; i >= 0; i--) k = knownAt(this.sole(met[i] as Action), ahead[from + i - 1] ?? 0, k)
    if (k === null) throw new Error('invariant broken: a run that pauses has met an action')
    return k
  }

  /** Whether not all that an action may answer is tried. */
  private wide(a: Action): boolean {
    return a.results === null || a.results.length > this.widest
  }

  private forget(): void {
    for (const n of this.nodes) if (n.call !== null) n.call.known.kid = null
    this.known = 0
  }

  /** What is known after `result`: from a run to there, if there was none before. */
  private after(at: Way, k: Known, result: number): Known {
    const known = kidOf(k, result)
    if (known !== null) return known
    const kid = this.show(at)
    kid.sibling = k.kid
    return (k.kid = kid)
  }

  /** The node of a call that goes no further; null where it does. */
  private leaf(k: Known): Node | null {
    if (k.error !== null) return failed(k.error.thrown)
    return k.action === null ? this.cons(`R${k.value}`, null, k.value, NO_KIDS, null) : null
  }

  /** The node after a history, with all that follows it. @throws OVER when the budget is used up */
  private eager(at: Way, k: Known, before: Past): Node {
    if (k.whole !== null && k.size <= this.left) {
      this.left -= k.size
      return k.whole
    }
    const budget = this.left
    if (k.whole !== null || this.left-- <= 0) throw OVER
    k.whole = this.leaf(k) ?? this.built(at, k, before)
    k.size = budget - this.left
    // What is built whole needs no run again, but where it is too large for the budget of a lazy node. A lazy node is
    // not: what follows it may have been guessed.
    if (k.size <= this.lazyBudget && k.whole.call === null) k.kid = null
    return k.whole
  }

  private built(at: Way, k: Known, before: Past): Node {
    const action = k.action as Action
    const { results } = action
    if (results === null || this.wide(action)) return this.lazily(at, k, before)
    let key = `A${this.actionIds.get(action)}`
    const kids: Node[] = []
    for (const r of results) {
      const then = past(before, at.history, action, r)
      at.history.push(r)
      const kid = this.eager(at, this.after(at, k, r), then)
      at.history.pop()
      kids.push(kid)
      // A failing future is nobody else's.
      key += kid.error !== null ? `:e${this.errors++}` : `:${kid.id}`
    }
    return this.cons(key, action, 0, kids, null)
  }

  /** The node after a history by itself. */
  private lazily({ fn, args, history }: Way, k: Known, before: Past): Node {
    const action = k.action as Action
    this.lazy++
    const call = { fn, args, history: [...history], past: before, known: k }
    // A history is come to once.
    if (before === NO_PAST && action.keeps !== 'goes on') return this.made(action, 0, NO_KIDS, call)
    const f = this.fnIds.get(fn) as number
    return this.cons(`L${f}(${args.join(',')})${placeOf(before, action)}`, action, 0, NO_KIDS, call)
  }

  private sole(a: Action): Action {
    let first = this.actions.get(a.key)
    if (first === undefined) {
      this.actions.set(a.key, (first = a))
      this.actionIds.set(a, this.actionIds.size)
    }
    return first
  }

  private cons(key: string, action: Action | null, value: number, kids: readonly Node[], call: Node['call']): Node {
    let n = this.byKey.get(key)
    if (n === undefined) this.byKey.set(key, (n = this.made(action, value, kids, call)))
    return n
  }

  private made(action: Action | null, value: number, kids: readonly Node[], call: Node['call']): Node {
    const results = call === null ? (action?.results ?? NO_RESULTS) : NO_RESULTS
    const n: Node = { id: this.nodes.length, action, value, results, kids, call, error: null }
    this.nodes.push(n)
    return n
  }
}

// Where a call that keeps its own place goes on, what it has met since it began is in the step itself.
const placeOf = (p: Past, a: Action): string => (a.keeps === 'goes on' ? `${p.begun}~${a.key}` : p.at)

/** A call, and the results so far of a way through it. */
interface Way {
  readonly fn: CallFn
  readonly args: readonly number[]
  readonly history: number[]
}

function kidOf(k: Known, result: number): Known | null {
  let kid = k.kid
  while (kid !== null && kid.result !== result) kid = kid.sibling
  return kid
}

const knownAt = (action: Action | null, result: number, kid: Known | null): Known => ({
  action,
  value: 0,
  error: null,
  result,
  kid,
  sibling: null,
  whole: null,
  size: 0
})

/** What is known after the last `result`, with which the call has ended. */
function ended(fn: CallFn, end: { readonly value: number } | { readonly thrown: unknown }, result: number): Known {
  const at = knownAt(null, result, null)
  if ('thrown' in end) return { ...at, error: end }
  const { value } = end
  if (Number.isFinite(value)) return { ...at, value }
  return {
    ...at,
    error: { thrown: new Error(`invariant broken: ${fn.name || 'a call'} answered ${String(value)}`) }
  }
}

function failed(thrown: unknown): Node {
  return { id: -1, action: null, value: 0, results: NO_RESULTS, kids: NO_KIDS, call: null, error: { thrown } }
}

function checked(n: Node): Node {
  if (n.error !== null) throw n.error.thrown
  return n
}

// What a call can still do, as a graph: a node is the next action or the value returned, an edge is the action's
// result. The plain function is run over every result its actions may have, and equal futures become one node
// (hash-consing from the leaves), which gives the least graph: two histories that will behave alike are one position of
// the thread.
//
// Where that would take too many runs, or an action does not say which results it may have, the node is lazy: it is
// told apart by its history, and what follows a result is built when that result is met. Right in any case; lazy nodes
// only merge less. A node from which a lazy one can be reached equals no other either: as soon as a way to one is
// known, it is lazy itself, and what nobody comes to is never built.
//
// A run costs as much as the whole way to where it stands, so a run that has come to something new goes on over first
// results to the call's end, and what it meets is kept (`Known`): each way through a call is run once. A lazy action's
// answer is not known then, but mostly it answers what it answered last, and the run goes on over that. The slow twin
// runs the function for each node (test/engine/plain-graphs.ts).
import { Firsts } from './action.ts'
import { type Action, Ahead } from './step.ts'
import type { CallFn } from './program.ts'

export interface Node {
  /** Numbered in order of making; equal futures of eager nodes have equal numbers. */
  readonly id: number
  /** The next action; null when the call has returned. */
  readonly action: Action | null
  /** What the call has returned. */
  readonly value: number
  /** What follows each result; of a lazy node what is known tells it. */
  readonly results: readonly number[]
  readonly kids: readonly Node[]
  /** What a lazy node needs to go on. */
  readonly call: {
    readonly of: Called
    readonly past: Past
    readonly known: Known
    /** The beginning of the call, where that is alone and so is all from there to here: its budget counts still. */
    readonly first: Known | null
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
  /** Of histories that runs have shown so many are kept; then they are forgotten, and run again where needed. */
  readonly mostKnown?: number
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

/** The past after one more step, which stands at `k` and answered `result`. */
function past(p: Past, k: Known, a: Action, result: number): Past {
  if (p === NO_PAST) {
    if (a.keeps === undefined) return NO_PAST
    p = { at: `,${historyAt(k).join()}`, begun: '' }
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

/** A function and what it is called with. */
interface Called {
  readonly fn: CallFn
  readonly args: readonly number[]
}

/** What runs have shown of a call after one history: its next action, what it returned, or what it threw. */
class Known {
  value = 0
  error: { readonly thrown: unknown } | null = null
  sibling: Known | null = null
  /** Before its last result; null at the call's beginning. */
  up: Known | null = null
  /** The node of this history, where a lazy one was gone on from. */
  node: Node | null = null
  /** All that can follow, where it was built, and of how many histories. */
  whole: Node | null = null
  size = 0
  /** A lazy node or a failure is reached from here: it is equal to no other. */
  alone = false
  /** Of a call's beginning, once it was asked: whether there are more histories than its budget. */
  over: boolean | null = null
  constructor(
    readonly action: Action | null,
    readonly result: number,
    /** What is known after one more result, as far as runs went: the first of a chain, each of another result. */
    public kid: Known | null
  ) {
    if (kid !== null) kid.up = this
  }
}

/** The results on the way to what is known here. */
function historyAt(k: Known): number[] {
  const out = new Array<number>(lengthAt(k))
  fillHistory(k, out, out.length)
  return out
}

function lengthAt(k: Known): number {
  let n = 0
  for (let at = k; at.up !== null; at = at.up) n++
  return n
}

function fillHistory(k: Known, out: number[], length: number): void {
  let n = length
  for (let at = k; at.up !== null; at = at.up) out[--n] = at.result
}

/** The results that a lazy node is told apart by; null of any other. */
export const historyOf = (n: Node): readonly number[] | null => (n.call === null ? null : historyAt(n.call.known))

/** Answers of wide actions that one run guesses at most: behind a wrong one all others are of no use. */
const MOST_GUESSED = 8

const NO_RESULTS: readonly number[] = []
const NO_KIDS: readonly Node[] = []

/** The graphs of all calls of a model: nodes are shared between calls, statements and threads. */
export class Graphs {
  private readonly nodes: Node[] = []
  private readonly byKey = new Map<string, Node>()
  private readonly entries = new Map<string, Node>()
  private readonly fnIds = new Map<CallFn, number>()
  /** Of equal actions the first is kept: others are dropped at once, which is most that is made. */
  private readonly firsts = new Firsts()
  private readonly ahead = new Ahead()
  private readonly budget: number
  private readonly lazyBudget: number
  private readonly widest: number
  private readonly mostKnown: number
  private left = 0
  /** Of `Known` so many. */
  private known = 0
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
    this.mostKnown = o.mostKnown ?? 1 << 19
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
    if (n === undefined) {
      this.left = this.budget
      const of = { fn, args }
      const k = this.show(of, null, 0)
      this.entries.set(key, (n = this.grow(of, k, NO_PAST, k)))
    }
    return checked(n)
  }

  /** Where it stands after its next action had `result`. @throws Error for a result that the action had not declared */
  next(n: Node, result: number): Node {
    const kid = n.call === null ? n.kids[n.results.indexOf(result)] : kidOf(n.call.known, result)?.node
    return checked(kid ?? this.found(n, result))
  }

  private found(n: Node, result: number): Node {
    const a = n.action
    if (a === null) throw new Error('invariant broken: a call that has returned has no next step')
    if (a.results !== null && !a.results.includes(result))
      throw new Error(`invariant broken: '${a.key}' answered ${result}, which is outside of its declared results`)
    if (n.call === null) throw new Error(`invariant broken: '${a.key}' answered ${result}, which was not tried`)
    const { of, past: before, known, first } = n.call
    if (a.keeps === undefined && this.wide(a)) this.lately.set(a.key, result)
    this.left = this.lazyBudget
    return this.grow(of, this.after(of, known, result), past(before, known, a, result), first)
  }

  /**
   * The node after a history, with `left` to be spent. `first`: the call's beginning, where all of it up to here is
   * alone. What is whole there belongs to the call if that is within its budget; only a node that is too large for the
   * smaller one of what follows a lazy node asks for the size of the call.
   */
  private grow(of: Called, k: Known, before: Past, first: Known | null): Node {
    let n = this.left > 0 ? this.eager(of, k, before) : null
    if (n === null && first !== null && k !== first && !k.alone && !this.isOver(of, first)) {
      this.left = this.budget
      n = this.eager(of, k, before)
    }
    return (k.node = n ?? this.leaf(k) ?? this.lazily(of, k, before, k.alone ? first : null))
  }

  private isOver(of: Called, first: Known): boolean {
    return (first.over ??= this.remaining(of, first, NO_PAST, this.budget) < 0)
  }

  /** What of `left` is left when the histories from here on are counted; below 0 when they are more. */
  private remaining(of: Called, k: Known, before: Past, left: number): number {
    if (k.whole !== null) return left - k.size
    left--
    const { action } = k
    if (left < 0 || action === null || action.results === null || this.wide(action)) return left
    for (const r of action.results) {
      this.left = left
      left = this.remaining(of, this.after(of, k, r), past(before, k, action, r), left)
      if (left < 0) break
    }
    return left
  }

  /**
   * Runs the call to `result` at `up`, where no run has come to. While there is a budget it goes on from there, and
   * what it meets on the way is known, too: over first results, and where an action may answer anything, over what it
   * answered last. A wrong guess costs what was run behind it.
   */
  private show({ fn, args }: Called, up: Known | null, result: number): Known {
    this.runs++
    const { ahead } = this
    const { results, met } = ahead
    const from = up === null ? 0 : lengthAt(up) + 1
    if (up !== null) {
      fillHistory(up, results, from - 1)
      results[from - 1] = result
    }
    // Twice what the budget can look at now: the nodes behind this one then find their part of it.
    const to = from + 2 * Math.max(0, this.left)
    let guesses = MOST_GUESSED
    const end = ahead.run(
      () => fn(...args),
      from,
      (a) => {
        if (ahead.taken >= to) return undefined
        if (!this.wide(a)) return a.results?.[0]
        return guesses-- > 0 ? this.lately.get(a.key) : undefined
      }
    )
    const { taken, beyond } = ahead
    if (this.known + beyond > this.mostKnown) this.forget()
    this.known += beyond + 1
    let k: Known | null = end === 'paused' ? null : ended(fn, end, taken > 0 ? (results[taken - 1] as number) : 0)
    // each action that was met stands behind the result before it
    for (let i = beyond - 1, at = from + i - 1; i >= 0; i--, at--)
      k = new Known(this.firsts.of(met[i] as Action), at < 0 ? 0 : (results[at] as number), k)
    if (k === null) throw new Error('invariant broken: a run that pauses has met an action')
    k.up = up
    return k
  }

  /** Whether not all that an action may answer is tried. */
  private wide(a: Action): boolean {
    return a.results === null || a.results.length > this.widest
  }

  /** Keeps of what was shown where nodes stand. */
  private forget(): void {
    for (const n of this.nodes) {
      if (n.call === null) continue
      const { known } = n.call
      let k = known.kid
      known.kid = null
      while (k !== null) {
        const next = k.sibling
        if (k.node !== null) {
          k.sibling = known.kid
          known.kid = k
        }
        k = next
      }
    }
    this.known = 0
  }

  /** What is known after `result`: from a run to there, if there was none before. */
  private after(of: Called, k: Known, result: number): Known {
    const known = kidOf(k, result)
    if (known !== null) return known
    const kid = this.show(of, k, result)
    kid.sibling = k.kid
    return (k.kid = kid)
  }

  /** The node of a call that goes no further; null where it does. */
  private leaf(k: Known): Node | null {
    if (k.error !== null) return failed(k.error.thrown)
    return k.action === null ? this.cons(`R${k.value}`, null, k.value, NO_KIDS, null) : null
  }

  /** The node after a history, with all that follows it; null where that is too much, or equal to no other. */
  private eager(of: Called, k: Known, before: Past): Node | null {
    if (k.whole !== null && k.size <= this.left) {
      this.left -= k.size
      return k.whole
    }
    const budget = this.left
    if (k.whole !== null || k.alone || this.left-- <= 0) return null
    const whole = this.leaf(k) ?? this.built(of, k, before)
    if (whole === null) return null
    k.whole = whole
    k.size = budget - this.left
    // What is built whole needs no run again, but where it is too large for the budget of a lazy node. A lazy node is
    // not: what follows it may have been guessed.
    if (k.size <= this.lazyBudget && whole.call === null) k.kid = null
    return whole
  }

  private built(of: Called, k: Known, before: Past): Node | null {
    const action = k.action as Action
    const { results } = action
    if (results === null || this.wide(action)) return this.lazily(of, k, before, null)
    let key = `A${this.firsts.number(action)}`
    const kids: Node[] = []
    for (const r of results) {
      const to = this.after(of, k, r)
      const then = past(before, k, action, r)
      const kid = to.alone || this.isAlone(to, then) ? null : this.eager(of, to, then)
      if (kid === null) {
        k.alone = to.alone || this.isAlone(to, then)
        return null
      }
      kids.push(kid)
      key += `:${kid.id}`
    }
    return this.cons(key, action, 0, kids, null)
  }

  /** Whether a node is equal to no other for what it is itself: a failure, or lazy where a history is come to once. */
  private isAlone({ action, error }: Known, before: Past): boolean {
    if (action === null) return error !== null
    return this.wide(action) && before === NO_PAST && action.keeps !== 'goes on'
  }

  /** The node after a history by itself. */
  private lazily(of: Called, k: Known, before: Past, first: Known | null): Node {
    const action = k.action as Action
    this.lazy++
    const call = { of, past: before, known: k, first }
    // A history is come to once.
    if (before === NO_PAST && action.keeps !== 'goes on') return this.made(action, 0, NO_KIDS, call)
    const f = this.fnIds.get(of.fn) as number
    return this.cons(`L${f}(${of.args.join(',')})${placeOf(before, action)}`, action, 0, NO_KIDS, call)
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

function kidOf(k: Known, result: number): Known | null {
  let kid = k.kid
  while (kid !== null && kid.result !== result) kid = kid.sibling
  return kid
}

/** What is known after the last `result`, with which the call has ended. */
function ended(fn: CallFn, end: { readonly value: number } | { readonly thrown: unknown }, result: number): Known {
  const at = new Known(null, result, null)
  if ('thrown' in end) at.error = end
  else if (Number.isFinite(end.value)) at.value = end.value
  else at.error = { thrown: new Error(`invariant broken: ${fn.name || 'a call'} answered ${String(end.value)}`) }
  return at
}

function failed(thrown: unknown): Node {
  return { id: -1, action: null, value: 0, results: NO_RESULTS, kids: NO_KIDS, call: null, error: { thrown } }
}

function checked(n: Node): Node {
  if (n.error !== null) throw n.error.thrown
  return n
}

// What a call can still do, as a graph: a node is the next action or the value returned, an edge is the action's result.
// The plain function is run over every result its actions may have, and equal futures become one node (hash-consing from the
// leaves), which gives the least graph: two histories that will behave alike are one position of the thread.
//
// Where that would take too many runs, or an action does not say which results it may have, the node is lazy: it is told apart
// by its history, and what follows a result is built when that result is met. Right in any case; lazy nodes only merge less.
import { type Action, replay } from './step.ts'
import type { CallFn } from './program.ts'

export interface Node {
  /** Numbered in order of making; equal futures of eager nodes have equal numbers. */
  readonly id: number
  /** The next action; null when the call has returned. */
  readonly action: Action | null
  /** What the call has returned. */
  readonly value: number
  /** By result. */
  readonly kids: Map<number, Node>
  /** What a lazy node needs to go on. */
  readonly call: { readonly fn: CallFn; readonly args: readonly number[]; readonly history: readonly number[] } | null
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

const NONE: Map<number, Node> = new Map()
class OverBudget { readonly overBudget = true }
const OVER = new OverBudget()

/** The graphs of all calls of a model: nodes are shared between calls, statements and threads. */
export class Graphs {
  private readonly nodes: Node[] = []
  private readonly byKey = new Map<string, Node>()
  private readonly entries = new Map<string, Node>()
  private readonly fnIds = new Map<CallFn, number>()
  private readonly actionIds = new Map<string, number>()
  private readonly budget: number
  private readonly lazyBudget: number
  private readonly widest: number
  private left = 0
  private errors = 0
  /** Runs of kernel functions so far. */
  runs = 0
  /** Lazy nodes so far. */
  lazy = 0

  constructor(o: GraphOptions = {}) {
    this.budget = o.budget ?? 2000
    this.lazyBudget = o.lazyBudget ?? Math.min(200, this.budget)
    this.widest = o.widest ?? 64
  }

  get size(): number { return this.nodes.length }

  /** Where a call stands before its first action. @throws what `fn` throws before its first action */
  entry(fn: CallFn, args: readonly number[]): Node {
    let f = this.fnIds.get(fn)
    if (f === undefined) this.fnIds.set(fn, f = this.fnIds.size)
    const key = `${f}(${args.join(',')})`
    let n = this.entries.get(key)
    if (n === undefined) this.entries.set(key, n = this.grow(fn, args, [], this.budget))
    return checked(n)
  }

  /** Where it stands after its next action had `result`. @throws Error for a result that the action had not declared */
  next(n: Node, result: number): Node {
    let kid = n.kids.get(result)
    if (kid === undefined) {
      const a = n.action
      if (a === null) throw new Error('invariant broken: a call that has returned has no next step')
      if (a.results !== null && !a.results.includes(result)) throw new Error(`invariant broken: '${a.key}' answered ${result}, which is outside of its declared results`)
      if (n.call === null) throw new Error(`invariant broken: '${a.key}' answered ${result}, which was not tried`)
      const history = [...n.call.history, result]
      n.kids.set(result, kid = this.grow(n.call.fn, n.call.args, history, this.lazyBudget))
    }
    return checked(kid)
  }

  private grow(fn: CallFn, args: readonly number[], history: readonly number[], budget: number): Node {
    if (budget > 0) {
      this.left = budget
      try {
        return this.eager(fn, args, history)
      } catch (e) {
        if (e !== OVER) throw e
      }
    }
    return this.eager(fn, args, history, true)
  }

  /** The node after `history`; all that follows it too, unless `lazily`. @throws OVER when the budget is used up */
  private eager(fn: CallFn, args: readonly number[], history: readonly number[], lazily = false): Node {
    this.runs++
    if (this.left-- <= 0 && !lazily) throw OVER
    let probe: ReturnType<typeof replay>
    try {
      probe = replay(() => fn(...args), history)
    } catch (thrown) {
      return failed(thrown)
    }
    if (probe.done) {
      const { value } = probe
      if (!Number.isFinite(value)) return failed(new Error(`invariant broken: ${fn.name || 'a call'} answered ${String(value)}`))
      return this.cons(`R${value}`, null, value, NONE, null)
    }
    const { action } = probe
    const { results } = action
    if (lazily || results === null || results.length > this.widest) {
      this.lazy++
      const f = this.fnIds.get(fn) as number
      return this.cons(`L${f}(${args.join(',')})${history.join(',')}`, action, 0, null, { fn, args, history })
    }
    let key = `A${this.actionId(action)}`
    const kids = new Map<number, Node>()
    for (const r of results) {
      const kid = this.eager(fn, args, [...history, r])
      kids.set(r, kid)
      // A failing future is nobody else's.
      key += kid.error !== null ? `:e${this.errors++}` : `:${kid.id}`
    }
    return this.cons(key, action, 0, kids, null)
  }

  private actionId(a: Action): number {
    let id = this.actionIds.get(a.key)
    if (id === undefined) this.actionIds.set(a.key, id = this.actionIds.size)
    return id
  }

  private cons(key: string, action: Action | null, value: number, kids: Map<number, Node> | null, call: Node['call']): Node {
    let n = this.byKey.get(key)
    if (n === undefined) {
      n = { id: this.nodes.length, action, value, kids: kids ?? new Map(), call, error: null }
      this.nodes.push(n)
      this.byKey.set(key, n)
    }
    return n
  }
}

function failed(thrown: unknown): Node { return { id: -1, action: null, value: 0, kids: NONE, call: null, error: { thrown } } }

function checked(n: Node): Node {
  if (n.error !== null) throw n.error.thrown
  return n
}

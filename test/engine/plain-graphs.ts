// The slow twin of step/graph.ts: the function is run again for each node, from its beginning. It says which nodes
// there are, and with which budget a call becomes lazy.
import { type Action, type CallFn, replay } from '../../src/step/index.ts'

export interface PlainNode {
  readonly id: number
  readonly action: Action | null
  readonly value: number
  readonly kids: Map<number, PlainNode>
  /** The history of a lazy node. */
  readonly history: readonly number[] | null
  readonly error: { readonly thrown: unknown } | null
}

const OVER = Symbol('over the budget')

export class PlainGraphs {
  private readonly byKey = new Map<string, PlainNode>()
  private left = 0
  private failures = 0
  runs = 0

  constructor(
    private readonly fn: CallFn,
    private readonly o: { readonly budget: number; readonly lazyBudget: number; readonly widest: number }
  ) {}

  entry(): PlainNode {
    return this.grow([], this.o.budget)
  }

  next(n: PlainNode, result: number): PlainNode {
    let kid = n.kids.get(result)
    if (kid === undefined && n.history !== null)
      n.kids.set(result, (kid = this.grow([...n.history, result], this.o.lazyBudget)))
    if (kid === undefined) throw new Error(`no result ${result}`)
    return kid
  }

  private grow(history: readonly number[], budget: number): PlainNode {
    this.left = budget
    try {
      return this.eager(history, false)
    } catch (e) {
      if (e !== OVER) throw e
      return this.eager(history, true)
    }
  }

  private eager(history: readonly number[], lazily: boolean): PlainNode {
    this.runs++
    if (!lazily && this.left-- <= 0) throw OVER
    let probe: ReturnType<typeof replay>
    try {
      probe = replay(() => this.fn(), history)
    } catch (thrown) {
      return { id: -1, action: null, value: 0, kids: new Map(), history: null, error: { thrown } }
    }
    if (probe.done) return this.cons(`R${probe.value}`, null, probe.value, new Map(), null)
    const { action } = probe
    if (lazily || action.results === null || action.results.length > this.o.widest)
      return this.cons(`L${history.join()}`, action, 0, new Map(), history)
    const kids = new Map<number, PlainNode>()
    for (const r of action.results) kids.set(r, this.eager([...history, r], false))
    const key = [...kids.values()].map((k) => (k.error === null ? k.id : `e${this.failures++}`)).join(':')
    return this.cons(`A${action.key}:${key}`, action, 0, kids, null)
  }

  private cons(
    key: string,
    action: Action | null,
    value: number,
    kids: Map<number, PlainNode>,
    history: readonly number[] | null
  ): PlainNode {
    let n = this.byKey.get(key)
    if (n === undefined) this.byKey.set(key, (n = { id: this.byKey.size, action, value, kids, history, error: null }))
    return n
  }
}

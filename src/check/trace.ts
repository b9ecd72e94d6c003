// From a finding back to the steps that lead to it. The states on the way come from the search's parent links; the
// steps are then done again, with the real functions on a store of their own, and compared with what the search saw.
import { assertTrue, ensure } from '../base/index.ts'
import {
  type Finding,
  type Layout,
  type Passed,
  type Place,
  Run,
  scheduleText,
  type Store,
  Walk
} from '../step/index.ts'
import type { Start } from './model.ts'
import type { Exploration, Found, Move, Search } from './search.ts'

/** Something of the shared state that a step has changed, as text. */
export interface Change {
  readonly what: string
  readonly before: string
  readonly after: string
  /** What of a page it is (describe.ts), and which. A change of a field has neither. */
  readonly of?: ChangeKind
  readonly pfn?: number
  /** Pages from `pfn` on that it touches. Default 1. */
  readonly pages?: number
}

export type ChangeKind = 'protection' | 'owner' | 'content' | 'iova' | 'slots'

export interface TraceAccess {
  readonly text: string
  readonly site: readonly string[]
  readonly silent: boolean
}

export interface TraceStep {
  readonly thread: number
  /** The thread's name. */
  readonly name: string
  /** The access that others can observe; where there is none, the silent ones. */
  readonly text: string
  /** Kernel functions of that access, innermost first. */
  readonly site: readonly string[]
  /** The statement it belongs to. */
  readonly statement: string
  readonly place: Place | null
  /** All accesses of the step, silent ones too. */
  readonly accesses: readonly TraceAccess[]
  /** What went on inside them, where they are code of a tree: the branches taken. */
  readonly inside?: readonly string[]
  /** How the environment decided, for a schedule. */
  readonly outcome: number
  readonly changed: readonly Change[]
  /** Statements that ended with this step, and what they yielded. */
  readonly passed: readonly Passed[]
  /** The same for the reader (naming.ts): `buf = 0x8000100000`, `tsm_lock(nic) yields EBUSY`. */
  readonly yields?: readonly string[]
  /** What was noticed during the step. */
  readonly findings: readonly Finding[]
  /** The state after it, when the trace was asked for with it. */
  readonly after?: Snapshot
}

/**
 * The shared words and each thread's variables after a step, and which decisions of the revision the kernel asked for
 * on its way to it.
 */
export interface Snapshot {
  readonly words: Uint32Array
  readonly locals: ReadonlyArray<readonly number[]>
  readonly asked: readonly string[]
}

export interface Trace {
  /** Which of the model's starts. */
  readonly start: number
  readonly steps: readonly TraceStep[]
  /** Replays the trace: thread names, with the outcome where it is not the first. */
  readonly schedule: string
  /** The shared state at the end. */
  readonly end: Store
}

export interface TraceOptions {
  /** Text for a changed component word. Default: the numbers. */
  readonly describe?: (component: string, before: number, after: number) => readonly Change[]
  /**
   * Keeps the state after each step. In the set stand the decisions that the kernel asks for while it runs (asked.ts).
   */
  readonly asked?: Set<string>
}

/** The moves of the shortest way to `found`, not done again: which accesses, without the reader's names for them. */
export function movesTo(x: Exploration, found: Found): Move[] {
  return wayTo(x, found.state, found).moves
}

/**
 * The shortest way to a state, with `found` to a finding that was made there: its start, and its moves redone forward
 * from the start as it is. A state that the search keeps may be another numbering of what a move gives (symmetry.ts).
 */
function wayTo(
  { search }: Exploration,
  state: number,
  found: Found | null
): { readonly start: number; readonly moves: Move[] } {
  const [first, ...rest] = search.path(state)
  const start = search.startOf(first as number)
  let end = search.startVector(start)
  const moves = rest.map((to): Move => {
    const move = ensure(
      search.movesFrom(end).find((m) => m.to !== null && search.isState(m.to, to)),
      `a move to state ${to}`
    )
    end = move.to as Int32Array
    return move
  })
  return { start, moves: found === null ? moves : [...moves, ...lastMove(search, found, end)] }
}

/** The move during which a finding was made; none when its state itself is wrong. */
function lastMove(search: Search, found: Found, from: Int32Array): Move[] {
  if (found.thread < 0) return []
  return [
    ensure(
      search
        .movesFrom(from)
        .find(
          (m) =>
            m.thread === found.thread && m.micros.some((a) => a.findings.some((f) => search.keyOf(f) === found.key))
        ),
      'the move that made the finding'
    )
  ]
}

/** The shortest way to `found`. @throws Error when doing it again gives anything else */
export function traceOf(x: Exploration, found: Found, o: TraceOptions = {}): Trace {
  return traced(x, found.state, found, o)
}

/** The shortest way to a state. */
export function traceTo(x: Exploration, state: number, o: TraceOptions = {}): Trace {
  return traced(x, state, null, o)
}

function traced(x: Exploration, state: number, found: Found | null, o: TraceOptions): Trace {
  const { start, moves } = wayTo(x, state, found)
  return perform(x.search, start, ensure(x.search.model.starts[start], 'a start for the first state'), moves, o)
}

/** A store of its own for one run. */
class TraceStore implements Store {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  findings: Finding[] = []
  run: Run | null = null
  constructor(
    words: number,
    private readonly judged: (f: Finding) => Finding | null
  ) {
    this.u32 = new Uint32Array(words)
    this.u8 = new Uint8Array(this.u32.buffer)
  }
  local(thread: number, index: number): number {
    return ensure(this.run, 'a run').local(thread, index)
  }
  finding(f: Finding): void {
    const finding = this.judged(f)
    if (finding !== null) this.findings.push(finding)
  }
}

function perform(search: Search, startIndex: number, start: Start, moves: readonly Move[], o: TraceOptions): Trace {
  const { layout, programs } = search.model
  const store = new TraceStore(layout.totalWords, (f) => search.judged(f))
  start.init(store)
  const locals = programs.map((p, t) => start.locals?.[t] ?? p.initial ?? [])
  const run = new Run(programs, store, start.locals === undefined ? undefined : locals, true)
  store.run = run
  const steps: TraceStep[] = []
  const after = o.asked === undefined ? null : new Snapshots(run, locals, o.asked)
  for (const move of moves) {
    for (let done = 0; done < move.micros.length; ) {
      const before = store.u32.slice()
      store.findings = []
      const rest = move.micros.slice(done)
      const turn = run.turn(
        move.thread,
        () => rest.find((m) => m.action.outcomes > 1)?.outcome ?? 0,
        () => store.findings.some((f) => f.fatal)
      )
      assertTrue(turn.accesses.length > 0, 'a step of a trace can be done again')
      for (const [i, a] of turn.accesses.entries()) {
        const m = rest[i]
        assertTrue(
          m !== undefined && m.action.key === a.action.key && m.result === a.result,
          `doing '${a.action.key}' again gives the same`
        )
      }
      done += turn.accesses.length
      const visible =
        turn.accesses.find((a) => !a.action.silent || a.action.outcomes > 1) ?? ensure(turn.accesses[0], 'an access')
      const text = (a: typeof visible): string => a.action.text(a.result, a.outcome)
      const inside = turn.accesses.flatMap((a) => a.action.inside?.() ?? [])
      steps.push({
        thread: move.thread,
        name: programs[move.thread]?.name ?? String(move.thread),
        text: text(visible),
        site: visible.site,
        statement: visible.statement,
        place: visible.place,
        accesses: turn.accesses.map((a) => ({ text: text(a), site: a.site, silent: a.action.silent })),
        ...(inside.length === 0 ? {} : { inside }),
        outcome: visible.outcome,
        changed: changes(layout, before, store.u32, o),
        passed: turn.passed,
        findings: store.findings,
        ...(after === null ? {} : { after: after.take(store, move.thread, turn.passed.length > 0) })
      })
    }
    if (move.to !== null)
      for (let w = 0; w < layout.totalWords; w++)
        assertTrue(
          move.to[w] === ((store.u32[w] as number) | 0),
          `word ${w} after '${steps[steps.length - 1]?.text ?? ''}' is what the search saw`
        )
  }
  return { start: startIndex, steps, schedule: scheduleText(steps), end: store }
}

/**
 * The states of a run, step by step. A walk runs its call again from the start for each step, so what it asks for after
 * a step is what leads to the thread's next one; of a call each decision is told once, where it was asked for first.
 */
class Snapshots {
  private readonly next: Array<readonly string[]>
  private readonly told: Array<Set<string>>
  constructor(
    private readonly run: Run,
    locals: ReadonlyArray<readonly number[]>,
    private readonly asked: Set<string>
  ) {
    // What leads to each thread's first step: a walk of its own, to the same place.
    this.next = run.programs.map((p, t) => {
      asked.clear()
      new Walk(p, locals[t])
      return [...asked]
    })
    this.told = this.next.map((list) => new Set(list))
    asked.clear()
  }

  /** `ended`: with this step a call of the thread ended; what it asked for on its way out belongs to this step. */
  take(store: Store, thread: number, ended: boolean): Snapshot {
    const told = this.told[thread] as Set<string>
    const led = this.next[thread] ?? []
    const fresh = [...this.asked].filter((d) => !told.has(d))
    const next = ended ? this.begins(thread) : fresh
    this.next[thread] = next
    this.told[thread] = new Set(ended ? next : [...told, ...fresh])
    this.asked.clear()
    return {
      words: store.u32.slice(),
      locals: this.run.programs.map((p, t) => p.variables.map((_, i) => this.run.local(t, i))),
      asked: ended ? [...led, ...fresh.filter((d) => !next.includes(d))] : led
    }
  }

  /** What the thread's next call asks for before its first step: it is run that far once more. */
  private begins(thread: number): readonly string[] {
    this.asked.clear()
    this.run.walks[thread]?.site()
    return [...this.asked]
  }
}

/** What differs between two shared states, field by field, then component by component. */
export function changes(layout: Layout, before: Uint32Array, after: Uint32Array, o: TraceOptions = {}): Change[] {
  const out: Change[] = []
  const b8 = new Uint8Array(before.buffer, before.byteOffset)
  const a8 = new Uint8Array(after.buffer, after.byteOffset)
  for (const f of layout.fields) {
    for (let i = 0; i < f.count; i++) {
      const [b, a] = [b8[f.base + i] as number, a8[f.base + i] as number]
      if (b !== a) out.push({ what: f.label(i), before: f.valueName(b), after: f.valueName(a) })
    }
  }
  for (const [i, name] of layout.names.entries()) {
    const [b, a] = [before[layout.byteWords + i] as number, after[layout.byteWords + i] as number]
    if (b !== a) out.push(...(o.describe?.(name, b, a) ?? [{ what: name, before: String(b), after: String(a) }]))
  }
  return out
}

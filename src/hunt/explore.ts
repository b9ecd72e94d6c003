// One scene explored: the client loops over the calls that its contract allows, and the engine's own search visits
// every state that this reaches.
import { explore, type Exploration, findingKey, type Move, movesTo, systemFor, type Waiting } from '../check/index.ts'
import { own } from '../base/index.ts'
import type { KernelParts, Revision } from '../kernel/index.ts'
import { watch } from '../properties/index.ts'
import { type Finding, isLeadingChoice, type PropertyName, type Store } from '../step/index.ts'
import type { System } from '../system/index.ts'
import { Client, doerOf, type Given, type Interleave, isFailure, type Thread } from './client.ts'
import type { Agent, Statement } from './statement.ts'
import type { ClauseName } from './contract.ts'
import type { Scene } from './scenes.ts'

/** Calls that overlap: the thread of each, and how many of the first run alone before the others begin. */
export interface Race {
  readonly by: readonly Agent[]
  readonly alone: number
}

/** A finding with its sequence of calls in this scene. */
export interface Raw {
  readonly key: string
  readonly finding: Finding
  /** In the order in which they begin; the last is the one that shows it. */
  readonly calls: readonly Statement[]
  /** null: the calls come one after the other. */
  readonly race: Race | null
  /** Another finding comes before it on every way to it. */
  readonly hidden: boolean
  /** The call in which a conversion or a step of the TSM driver has to fail, or `boot`; null: nothing has to. */
  readonly failing: string | null
}

export interface Explored {
  readonly scene: Scene
  readonly interleave: Interleave
  readonly raw: readonly Raw[]
  readonly states: number
  readonly transitions: number
  readonly complete: boolean
}

export interface ExploreSceneOptions {
  readonly maxStates?: number
  /** `steps`: every interleaving of the single steps of driver, administrator and host. Default `calls`. */
  readonly interleave?: Interleave
  /** Keys of findings that are known from whole calls: they end a run and are not told again. */
  readonly known?: ReadonlySet<string>
  /** Asked now and then with the states so far; false stops. */
  readonly onProgress?: (states: number) => boolean
  /** Clauses of the contract that do not hold: for showing what each is there for. */
  readonly without?: readonly ClauseName[]
  /** Instead of the named revision. */
  readonly revision?: Revision
  /** false: states keep what nobody can observe. The slow twin. */
  readonly forget?: boolean
  /** Parts of the kernel that are not ours: a tree's own C, in whole calls. */
  readonly parts?: KernelParts
  /** Instead of the scene's places and statements. */
  readonly given?: Given
  /** false: only what no other finding hides. */
  readonly hidden?: boolean
}

/** What comes after one of these is its consequence: the run ends there. */
export const ENDS: ReadonlySet<PropertyName> = new Set<PropertyName>([
  'exposed',
  'tampered',
  'fault',
  'crash',
  'wrong_data',
  'stale_state',
  'leak'
])

/** Whole calls need no equal futures made one: only what is met is built. */
const LAZY = { budget: 0 }

/**
 * All findings of a scene. A finding can hide another: the search goes on behind the known ones until nothing is new.
 */
export function exploreScene(scene: Scene, kernel: string, platform: string, o: ExploreSceneOptions = {}): Explored {
  const interleave = o.interleave ?? 'calls'
  const { client, threads, x, muted, starts } = search(scene, kernel, platform, o, null)
  const plain = new Set(muted.plain)
  const raw = x.findings
    .filter((found) => o.known?.has(found.key) !== true)
    .map((found): Raw => {
      // Behind the others, this one ends its run.
      muted.but = found.key
      const moves = movesTo(x, found)
      const { calls, race, at } = made(moves, threads)
      const failed = moves.findIndex((m) => m.micros.some((a) => a.outcome > 0 && isFailure(a.action)))
      const failing =
        failed >= 0
          ? (at[failed] as Statement).op
          : client.failedIn(x.search.view(x.search.path(found.state)[0] ?? 0))
            ? 'boot'
            : null
      const hidden = !plain.has(found.key)
      const r: Raw = { key: found.key, finding: found.finding, calls, race, hidden, failing }
      return race === null && !hidden ? r : shortened(scene, kernel, platform, r, o)
    })
  return {
    scene,
    interleave,
    raw,
    states: x.states,
    transitions: x.transitions,
    complete: x.complete && starts.complete
  }
}

/** Whether a scene has calls that can overlap: more than one thread. */
export const overlaps = (scene: Scene, kernel: string, platform: string): boolean =>
  new Client(scene, systemFor(Client.test(scene, kernel, platform), kernel, platform)).threads('steps').length > 1

/**
 * The calls of a run, in the order in which they begin, and the statement of each move. A move that is a choice answers
 * the number of the statement.
 */
function made(
  moves: readonly Move[],
  threads: readonly Thread[]
): { readonly calls: readonly Statement[]; readonly race: Race | null; readonly at: readonly Statement[] } {
  interface Span {
    readonly statement: Statement
    readonly thread: number
    begins: number
    ends: number
    begun: boolean
  }
  const list: Span[] = []
  const now: Span[] = []
  const at = moves.map((m, i) => {
    for (const a of m.micros) {
      if (isLeadingChoice(a.action))
        list.push(
          (now[m.thread] = {
            statement: threads[m.thread]?.statements[a.result] as Statement,
            thread: m.thread,
            begins: i,
            ends: i,
            begun: false
          })
        )
      const span = now[m.thread] as Span
      if (!span.begun && !isLeadingChoice(a.action)) Object.assign(span, { begins: i, begun: true })
      span.ends = i
    }
    return (now[m.thread] as Span).statement
  })
  const last = now[moves.at(-1)?.thread ?? 0]
  // A statement that a thread has chosen and not begun is none. The one that shows the finding comes last: it is the
  // last of its thread.
  const begun = list.filter((s) => s === last || s.begun || !now.includes(s)).sort((a, b) => a.begins - b.begins)
  const order = [...begun.filter((s) => s !== last), ...(last === undefined ? [] : [last])]
  const alone = begun.findIndex((s, i) => begun.slice(i + 1).some((later) => later.begins <= s.ends))
  return {
    calls: order.map((s) => s.statement),
    at,
    race: alone < 0 ? null : { alone, by: order.map((s) => doerOf(s.statement)) }
  }
}

/**
 * The findings, by key, of the calls in this order alone, those of a race in every interleaving; null where the
 * contract does not allow one of them.
 */
export function findingsOf(
  scene: Scene,
  kernel: string,
  platform: string,
  calls: readonly Statement[],
  o: ExploreSceneOptions = {}
): ReadonlySet<string> | null {
  const { x } = search(scene, kernel, platform, { maxStates: 5000, ...o }, calls)
  return x.finals === 0 && x.findings.length === 0 ? null : new Set(x.findings.map((f) => f.key))
}

/**
 * A way to what another finding hid need not be a shortest: what can be left out of it, call by call, within the
 * contract, is.
 */
function shortened(scene: Scene, kernel: string, platform: string, r: Raw, o: ExploreSceneOptions): Raw {
  let best = r
  const interleave = r.race === null ? 'calls' : 'steps'
  for (let i = best.calls.length - 2; i >= 0; i--) {
    const rest = <T>(list: readonly T[]): T[] => list.filter((_, k) => k !== i)
    const calls = rest(best.calls)
    if (
      findingsOf(scene, kernel, platform, calls, { ...o, interleave, maxStates: 20_000, hidden: true })?.has(r.key) !==
      true
    )
      continue
    best = {
      ...best,
      calls,
      race:
        best.race === null ? null : { by: rest(best.race.by), alone: best.race.alone - (i < best.race.alone ? 1 : 0) }
    }
  }
  return best
}

interface Searched {
  readonly client: Client
  readonly threads: readonly Thread[]
  readonly x: Exploration
  readonly starts: Starts
  /** Known findings end no run, but for one; those of the first round have nothing before them. */
  readonly muted: { readonly keys: Set<string>; plain: readonly string[]; but: string | null }
}

/** `calls`: these once and in order; null: all of the client's, for ever. */
function search(
  scene: Scene,
  kernel: string,
  platform: string,
  o: ExploreSceneOptions,
  calls: readonly Statement[] | null
): Searched {
  const { interleave = 'calls' } = o
  const sys = systemFor(Client.test(scene, kernel, platform), kernel, platform, {
    ...(o.revision === undefined ? {} : { revision: o.revision }),
    ...(o.parts === undefined ? {} : { parts: o.parts }),
    vunmaps: own(scene.slots, 'v') !== undefined || o.given?.slots.some((s) => s.kind === 'vmap') === true
  })
  const onState = watch(sys)
  const client = new Client(scene, sys, o.forget ?? true, o.given)
  const threads = client.threads(interleave, calls ?? client.statements)
  const without = new Set(o.without ?? [])
  const programs =
    calls === null
      ? client.loops(threads, without, kernel, platform)
      : client.sequences(threads, without, kernel, platform)
  const starts = booted(client, sys, o.forget !== false)
  const muted: Searched['muted'] = { keys: new Set(), plain: [], but: null }
  const judge = (f: Finding): Finding | null => {
    const key = findingKey(f)
    return key !== muted.but && muted.keys.has(key) ? null : ENDS.has(f.property) ? { ...f, fatal: true } : f
  }
  const again = (found: readonly { readonly key: string }[]): boolean => {
    const known = muted.keys.size
    for (const f of found) muted.keys.add(f.key)
    if (known === 0) muted.plain = found.map((f) => f.key)
    return muted.keys.size > known && o.hidden !== false
  }
  const x = explore(
    { layout: sys.layout, programs, starts: starts.list },
    {
      interleave,
      onState,
      judge,
      again,
      onDeadlock: stuck,
      ...(interleave === 'steps' ? {} : { graph: LAZY }),
      maxStates: o.maxStates ?? 300_000,
      ...(o.onProgress ? { onProgress: o.onProgress } : {})
    }
  )
  for (const f of x.findings) muted.keys.add(f.key)
  if (muted.plain.length === 0) muted.plain = x.findings.map((f) => f.key)
  return { client, threads, x, starts, muted }
}

/**
 * Threads that wait within a call are stuck, as `check` has it; one that waits for something that it may do is idle,
 * and one of a dead kernel is none.
 */
function stuck(_st: Store, waiting: readonly Waiting[]): Finding[] | null {
  const inside = waiting.filter((w) => !isLeadingChoice(w.action)).map((w) => w.action.text(0, 0))
  return inside.length === 0 || inside.includes('halted')
    ? null
    : [
        {
          property: 'deadlock',
          site: 'threads',
          decision: inside.join(' / '),
          summary: `nobody can go on: ${inside.join(', ')}`,
          fatal: true
        }
      ]
}

interface Starts {
  readonly list: ReadonlyArray<{ readonly init: (st: Store) => void }>
  readonly complete: boolean
}

/** Boot alone, each way it can end: a start. */
function booted(client: Client, sys: System, forget: boolean): Starts {
  const boot = explore(
    {
      layout: sys.layout,
      starts: [{ init: (st) => sys.reset(st) }],
      programs: [
        {
          name: 'boot',
          variables: [],
          code: [{ op: 'call', fn: () => client.boot(), args: [], dst: -1, text: 'boot' }]
        }
      ]
    },
    { interleave: 'calls' }
  )
  const list = Array.from({ length: boot.states }, (_, i) => i)
    .filter((i) => boot.search.threads[0]?.ended(boot.search.vector(i)[boot.search.sharedWords] as number))
    .map((i) => {
      const words = new Uint32Array(boot.search.vector(i)).slice(0, sys.layout.totalWords)
      // As after every call: what nobody holds is forgotten.
      return {
        init: (st: Store) => {
          st.u32.set(words)
          if (forget) sys.forget(st, [])
        }
      }
    })
  return { list, complete: boot.complete }
}

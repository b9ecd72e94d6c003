// One scene explored: the client loops over the calls that its contract allows, and the engine's own search visits every state that this reaches.
import { explore, type Exploration, findingKey, movesTo, systemFor } from '../check/index.ts'
import type { Revision } from '../kernel/index.ts'
import { watch } from '../properties/index.ts'
import type { Finding, Program, PropertyName, Store } from '../step/index.ts'
import type { System } from '../system/index.ts'
import { Client, isFailure, type Statement } from './client.ts'
import type { ClauseName } from './contract.ts'
import type { Scene } from './scenes.ts'

/** A finding with its sequence of calls in this scene. */
export interface Raw {
  readonly key: string
  readonly finding: Finding
  readonly calls: readonly Statement[]
  /** The call in which a conversion or a step of the TSM driver has to fail, or `boot`; null: nothing has to. */
  readonly failing: string | null
}

export interface Explored {
  readonly scene: Scene
  readonly raw: readonly Raw[]
  readonly states: number
  readonly transitions: number
  readonly complete: boolean
}

export interface ExploreSceneOptions {
  readonly maxStates?: number
  /** Asked now and then with the states so far; false stops. */
  readonly onProgress?: (states: number) => boolean
  /** Clauses of the contract that do not hold: for showing what each is there for. */
  readonly without?: readonly ClauseName[]
  /** Instead of the named revision. */
  readonly revision?: Revision
  /** false: states keep what nobody can observe. The slow twin. */
  readonly forget?: boolean
  /** false: only what no other finding hides. */
  readonly hidden?: boolean
}

/** What comes after one of these is its consequence: the run ends there. */
const ENDS: ReadonlySet<PropertyName> = new Set<PropertyName>(['exposed', 'tampered', 'fault', 'crash', 'wrong_data', 'stale_state', 'leak'])

/** Whole calls need no equal futures made one: only what is met is built. */
const LAZY = { budget: 0 }

/** All findings of a scene, in whole calls. A finding can hide another: the search goes on behind the known ones until nothing is new. */
export function exploreScene(scene: Scene, kernel: string, platform: string, o: ExploreSceneOptions = {}): Explored {
  const { client, x, muted, starts } = search(scene, kernel, platform, o, (c) => c.program(new Set(o.without ?? []), kernel, platform))
  const plain = new Set(muted.plain)
  const raw = x.findings.map((found): Raw => {
    // Behind the others, this one ends its run.
    muted.but = found.key
    const moves = movesTo(x, found)
    // A move is a choice, whose result is the statement's number, and the whole call.
    const calls = moves.map((m) => client.statements[m.micros[0]?.result ?? -1] as Statement)
    const failed = moves.findIndex((m) => m.micros.some((a) => a.outcome > 0 && isFailure(a.action)))
    const failing = failed >= 0 ? (calls[failed] as Statement).op : client.failedIn(x.search.view(x.search.path(found.state)[0] ?? 0)) ? 'boot' : null
    const r: Raw = { key: found.key, finding: found.finding, calls, failing }
    return plain.has(found.key) ? r : { ...r, calls: shortened(scene, kernel, platform, r, o) }
  })
  return { scene, raw, states: x.states, transitions: x.transitions, complete: x.complete && starts.complete }
}

/** The findings, by key, of the calls in this order alone; null where the contract does not allow one of them. */
export function findingsOf(scene: Scene, kernel: string, platform: string, calls: readonly Statement[], o: ExploreSceneOptions = {}): ReadonlySet<string> | null {
  const { x } = search(scene, kernel, platform, { maxStates: 5000, ...o }, (c) => c.sequence(calls, kernel, platform))
  return x.finals === 0 && x.findings.length === 0 ? null : new Set(x.findings.map((f) => f.key))
}

/** A way to what another finding hid need not be a shortest: what can be left out of it, call by call, within the contract, is. */
function shortened(scene: Scene, kernel: string, platform: string, { key, calls }: Raw, o: ExploreSceneOptions): readonly Statement[] {
  let best = calls
  for (let i = best.length - 2; i >= 0; i--) {
    const less = best.filter((_, k) => k !== i)
    if (findingsOf(scene, kernel, platform, less, o)?.has(key) === true) best = less
  }
  return best
}

interface Searched {
  readonly client: Client
  readonly x: Exploration
  readonly starts: Starts
  /** Known findings end no run, but for one; those of the first round have nothing before them. */
  readonly muted: { readonly keys: Set<string>; plain: readonly string[]; but: string | null }
}

function search(scene: Scene, kernel: string, platform: string, o: ExploreSceneOptions, programOf: (c: Client) => Program): Searched {
  const sys = systemFor(Client.test(scene, kernel, platform), kernel, platform, o.revision === undefined ? {} : { revision: o.revision })
  const onState = watch(sys)
  const client = new Client(scene, sys, o.forget ?? true)
  const program = programOf(client)
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
  const x = explore({ layout: sys.layout, programs: [program], starts: starts.list }, {
    interleave: 'calls', onState, judge, again, graph: LAZY, onDeadlock: () => null, maxStates: o.maxStates ?? 300_000, ...(o.onProgress ? { onProgress: o.onProgress } : {})
  })
  for (const f of x.findings) muted.keys.add(f.key)
  if (muted.plain.length === 0) muted.plain = x.findings.map((f) => f.key)
  return { client, x, starts, muted }
}

interface Starts { readonly list: ReadonlyArray<{ readonly init: (st: Store) => void }>; readonly complete: boolean }

/** Boot alone, each way it can end: a start. */
function booted(client: Client, sys: System, forget: boolean): Starts {
  const boot = explore({ layout: sys.layout, starts: [{ init: (st) => sys.reset(st) }], programs: [{ name: 'boot', variables: [], code: [{ op: 'call', fn: () => client.boot(), args: [], dst: -1, text: 'boot' }] }] }, { interleave: 'calls' })
  const list = Array.from({ length: boot.states }, (_, i) => i).filter((i) => boot.search.threads[0]?.ended(boot.search.vector(i)[boot.search.sharedWords] as number)).map((i) => {
    const words = new Uint32Array(boot.search.vector(i)).slice(0, sys.layout.totalWords)
    // As after every call: what nobody holds is forgotten.
    return { init: (st: Store) => { st.u32.set(words); if (forget) sys.forget(st, []) } }
  })
  return { list, complete: boot.complete }
}

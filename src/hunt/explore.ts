// One scene explored: the client loops over the calls that its contract allows, and the engine's own search visits every state that this reaches.
import { explore, findingKey, movesTo, systemFor } from '../check/index.ts'
import type { Revision } from '../kernel/index.ts'
import { watch } from '../properties/index.ts'
import type { Finding, PropertyName, Store } from '../step/index.ts'
import { Client, isFailure, type Statement } from './client.ts'
import type { ClauseName } from './contract.ts'
import type { Scene } from './scenes.ts'

/** A finding with its shortest sequence of calls in this scene. */
export interface Raw {
  readonly key: string
  readonly finding: Finding
  readonly calls: readonly Statement[]
  /** A conversion or step of the TSM driver has to fail. */
  readonly failing: boolean
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
  /** At most this many rounds, each with the findings of those before muted. Default: until nothing new appears. */
  readonly rounds?: number
}

/** What comes after one of these is its consequence: the run ends there. */
const ENDS: ReadonlySet<PropertyName> = new Set<PropertyName>(['exposed', 'tampered', 'fault', 'crash', 'wrong_data', 'stale_state', 'leak'])


/** All findings of a scene, in whole calls. A finding can hide another: the search is repeated with the known ones muted until nothing is new. */
export function exploreScene(scene: Scene, kernel: string, platform: string, o: ExploreSceneOptions = {}): Explored {
  const raw: Raw[] = []
  const muted = new Set<string>()
  let [states, transitions, complete] = [0, 0, true]
  for (let round = 0; round < (o.rounds ?? Number.POSITIVE_INFINITY); round++) {
    const r = once(scene, kernel, platform, muted, o)
    states += r.states
    transitions += r.transitions
    complete &&= r.complete
    for (const f of r.raw) muted.add(f.key)
    raw.push(...r.raw)
    if (r.raw.length === 0 || !r.complete) break
  }
  return { scene, raw, states, transitions, complete }
}

function once(scene: Scene, kernel: string, platform: string, muted: ReadonlySet<string>, o: ExploreSceneOptions): Explored {
  const sys = systemFor(Client.test(scene, kernel, platform), kernel, platform, o.revision === undefined ? {} : { revision: o.revision })
  const onState = watch(sys)
  const client = new Client(scene, sys, o.forget ?? true)
  const program = client.program(new Set(o.without ?? []), kernel, platform)
  // Boot alone, each way it can end: a start.
  const boot = explore({ layout: sys.layout, starts: [{ init: (st) => sys.reset(st) }], programs: [{ name: 'boot', variables: [], code: [{ op: 'call', fn: () => client.boot(), args: [], dst: -1, text: 'boot' }] }] }, { interleave: 'calls' })
  const starts = Array.from({ length: boot.states }, (_, i) => i).filter((i) => boot.search.threads[0]?.ended(boot.search.vector(i)[boot.search.sharedWords] as number)).map((i) => {
    const words = new Uint32Array(boot.search.vector(i)).slice(0, sys.layout.totalWords)
    // As after every call: what nobody holds is forgotten.
    return { init: (st: Store) => { st.u32.set(words); if (o.forget !== false) sys.forget(st, []) } }
  })
  const judge = (f: Finding): Finding | null => (muted.has(findingKey(f)) ? null : ENDS.has(f.property) ? { ...f, fatal: true } : f)
  const x = explore({ layout: sys.layout, programs: [program], starts }, {
    interleave: 'calls', onState, judge, onDeadlock: () => null, maxStates: o.maxStates ?? 300_000, ...(o.onProgress ? { onProgress: o.onProgress } : {})
  })
  const raw = x.findings.map((found): Raw => {
    const moves = movesTo(x, found)
    // A move is a choice, whose result is the statement's number, and the whole call.
    const calls = moves.map((m) => client.statements[m.micros[0]?.result ?? -1] as Statement)
    const failing = client.failedIn(x.search.view(found.state)) || moves.some((m) => m.micros.some((a) => a.outcome > 0 && isFailure(a.action)))
    return { key: found.key, finding: found.finding, calls, failing }
  })
  return { scene, raw, states: x.states, transitions: x.transitions, complete: x.complete && boot.complete }
}

// A hunt on all cores: a scene explored, or a candidate confirmed and blamed, is one task for a worker thread. Results
// come back in order, so that two hunts answer the same.
import {
  type Blame,
  blame,
  type Candidate,
  exploreScene,
  type Explored,
  type Interleave,
  locate,
  type Located,
  type Scene,
  scenes
} from '../hunt/index.ts'
import { Checkpoint } from './checkpoint.ts'
import type { Shares } from './shares.ts'
import { type Answer, type InWorkers, inWorkers, type Task, workersFor } from './worker-pool.ts'

interface Pair {
  readonly kernel: string
  readonly platform: string /** Entries of `config` that every scene has. */
  readonly config: readonly string[]
}
/** Scenes by name: a scene has functions, which go to no thread. */
export type HuntTask = Pair & { readonly scene: string } & (
    | {
        readonly kind: 'scene'
        readonly maxStates: number
        readonly interleave: Interleave
        readonly known: readonly string[]
      }
    | {
        readonly kind: 'locate'
        readonly candidate: Omit<Candidate, 'scene' | 'known'> & {
          readonly known: ReadonlyArray<readonly [string, number]>
        }
      }
  )
/** What a task comes to, without its scene. */
type Value = Omit<Explored, 'scene'> | Omit<Located, 'candidate'> | null

// Of the pair that this thread works on: what is found of scenes serves the next candidate.
let pair: { readonly key: string; readonly by: Blame; readonly list: readonly Scene[] } | null = null
function pairOf({ kernel, platform, config }: Pair): { readonly by: Blame; readonly list: readonly Scene[] } {
  const key = `${kernel} ${platform} ${config.join()}`
  if (pair?.key !== key) pair = { key, by: blame(kernel, platform), list: scenes(kernel, platform, config).list }
  return pair
}

/** @throws Error for a broken invariant of the model */
export function runHunt(t: HuntTask, onProgress: (states: number) => boolean): Value {
  const { by, list } = pairOf(t)
  const scene = list.find((s) => s.name === t.scene)
  if (scene === undefined) throw new Error(`no scene ${t.scene}`)
  if (t.kind === 'scene') {
    const { scene: _, ...explored } = exploreScene(scene, t.kernel, t.platform, {
      maxStates: t.maxStates,
      interleave: t.interleave,
      known: new Set(t.known),
      onProgress
    })
    return explored
  }
  const located = locate({ ...t.candidate, known: new Map(t.candidate.known), scene }, by)
  if (located === null) return null
  const { candidate: _, ...rest } = located
  return rest
}

export interface HuntPool extends InWorkers {
  /** The work is one of several shares, or all of them joined. */
  readonly shares?: Shares | null
  /** Default: one a core. 0: everything here. */
  readonly workers?: number
  /** Where what is done is noted. */
  readonly checkpoint?: Checkpoint | null
}

const statesOf = (v: Value): number => (v !== null && 'states' in v ? v.states : 0)

/** Fewer tasks are done here: starting workers costs as much. */
const FEW = 6

/**
 * What goes to one share as a whole: the scenes of a subject, since what whole calls show of it is not looked for again
 * in steps.
 */
export const huntItem = ({ kernel, platform }: Pair, s: Scene): string =>
  `${kernel} on ${platform}: ${s.with[0] ?? s.name}`

/**
 * The values of the tasks, in their order; undefined where one was not begun. `items`: what each is shared by; null:
 * what was found is confirmed where the shares are joined, as which candidate stands for a cause only all of them tell.
 * @throws Error for a broken invariant of the model
 */
async function runAll(
  all: readonly HuntTask[],
  items: readonly string[] | null,
  o: HuntPool
): Promise<ReadonlyArray<Value | undefined>> {
  const keys = o.checkpoint == null && o.shares == null ? [] : all.map((t) => Checkpoint.keyOf(t))
  const values = all.map(
    (_, i) =>
      (o.checkpoint?.get(keys[i] ?? '') ??
        (items === null ? undefined : o.shares?.known(items[i] ?? '', keys[i] ?? ''))) as Value | undefined
  )
  const isMine = (i: number): boolean =>
    o.shares == null || (items === null ? o.shares.merging : o.shares.mine(items[i] ?? ''))
  const left = all.flatMap(
    (task, index): Array<HuntTask & Task> => (values[index] === undefined && isMine(index) ? [{ index, ...task }] : [])
  )
  const before = all.length - left.length
  let states = 0
  const take = (index: number, value: Value): void => {
    values[index] = value
    states += statesOf(value)
    // What ^C stopped in its middle is done again.
    if (o.signal?.aborted === true) return
    o.checkpoint?.note(keys[index] ?? '', value)
    if (items !== null) o.shares?.done(items[index] ?? '', keys[index] ?? '', value)
  }
  const workers = left.length < FEW ? 0 : workersFor(left.length, o.workers)
  if (workers > 1) {
    let broken: string | null = null
    await inWorkers(
      left.map((task, index) => ({ ...task, index })),
      0,
      workers,
      (a: Answer) => {
        if ('message' in a) broken ??= a.message
        else take((left[a.index] as HuntTask & Task).index, a.value as Value)
      },
      { ...o, onProgress: (done, running) => o.onProgress?.(before + done, states + running) }
    )
    if (broken !== null) throw new Error(broken)
  } else {
    for (const [i, t] of left.entries()) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      if (o.signal?.aborted) break
      take(
        t.index,
        runHunt(t, (n) => {
          o.onProgress?.(before + i, states + n)
          return true
        })
      )
      o.onProgress?.(before + i + 1, states)
    }
  }
  return values
}

/**
 * How scenes are explored: the limit of states of each, whole calls or single steps, and by scene the findings that are
 * known already.
 */
export interface Pass {
  readonly maxStates: number
  readonly interleave: Interleave
  readonly known: (s: Scene) => readonly string[]
}

const pairData = ({ kernel, platform, config }: Pair): Pair => ({ kernel, platform, config })

/** Scenes explored, those that were begun. */
export async function exploreAll(
  list: readonly Scene[],
  pair: Pair,
  { known, ...pass }: Pass,
  o: HuntPool
): Promise<Explored[]> {
  const values = await runAll(
    list.map((s) => ({ kind: 'scene', scene: s.name, ...pass, known: known(s), ...pairData(pair) })),
    list.map((s) => huntItem(pair, s)),
    o
  )
  return list.flatMap((scene, i) => (values[i] == null ? [] : [{ scene, ...(values[i] as Omit<Explored, 'scene'>) }]))
}

/** Candidates confirmed and blamed; null where `check` does not find one in its text. */
export async function locateAll(list: readonly Candidate[], pair: Pair, o: HuntPool): Promise<(Located | null)[]> {
  const values = await runAll(
    list.map(({ scene, ...candidate }) => ({
      kind: 'locate',
      scene: scene.name,
      candidate: { ...candidate, known: [...candidate.known] },
      ...pairData(pair)
    })),
    null,
    o
  )
  return list.map((candidate, i) =>
    values[i] == null ? null : { candidate, ...(values[i] as Omit<Located, 'candidate'>) }
  )
}

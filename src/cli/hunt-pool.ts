// A hunt on all cores: a scene explored, or a candidate confirmed and blamed, is one task for a worker thread. Results come back in order, so that
// two hunts answer the same.
import { type Blame, blame, type Candidate, exploreScene, type Explored, locate, type Located, type Scene, scenes } from '../hunt/index.ts'
import { type Answer, type InWorkers, inWorkers, type Task, workersFor } from './worker-pool.ts'

interface Pair { readonly kernel: string; readonly platform: string }
/** Scenes by name: a scene has functions, which go to no thread. */
export type HuntTask = Pair & { readonly scene: string } & ({ readonly kind: 'scene'; readonly maxStates: number } | { readonly kind: 'locate'; readonly candidate: Omit<Candidate, 'scene'> })
/** What a task comes to, without its scene. */
type Value = Omit<Explored, 'scene'> | Omit<Located, 'candidate'> | null

// Of the pair that this thread works on: what is found of scenes serves the next candidate.
let pair: { readonly key: string; readonly by: Blame; readonly list: readonly Scene[] } | null = null
function pairOf({ kernel, platform }: Pair): { readonly by: Blame; readonly list: readonly Scene[] } {
  const key = `${kernel} ${platform}`
  if (pair?.key !== key) pair = { key, by: blame(kernel, platform), list: scenes(kernel, platform).list }
  return pair
}

/** @throws Error for a broken invariant of the model */
export function runHunt(t: HuntTask, onProgress: (states: number) => boolean): Value {
  const { by, list } = pairOf(t)
  const scene = list.find((s) => s.name === t.scene)
  if (scene === undefined) throw new Error(`no scene ${t.scene}`)
  if (t.kind === 'scene') {
    const { scene: _, ...explored } = exploreScene(scene, t.kernel, t.platform, { maxStates: t.maxStates, onProgress })
    return explored
  }
  const located = locate({ ...t.candidate, scene }, by)
  if (located === null) return null
  const { candidate: _, ...rest } = located
  return rest
}

export interface HuntPool extends InWorkers { /** Default: one a core. 0: everything here. */ readonly workers?: number }

const statesOf = (v: Value): number => (v !== null && 'states' in v ? v.states : 0)

/** Fewer tasks are done here: starting workers costs as much. */
const FEW = 6

/** The values of the tasks, in their order; undefined where one was not begun. @throws Error for a broken invariant of the model */
async function runAll(tasks: readonly HuntTask[], o: HuntPool): Promise<ReadonlyArray<Value | undefined>> {
  const values = new Array<Value | undefined>(tasks.length).fill(undefined)
  const workers = tasks.length < FEW ? 0 : workersFor(tasks.length, o.workers)
  let states = 0
  if (workers > 1) {
    const numbered = tasks.map((t, index): Task => ({ index, ...t }))
    let broken: string | null = null
    const take = (a: Answer): void => {
      if ('message' in a) broken ??= a.message
      else {
        values[a.index] = a.value as Value
        states += statesOf(a.value as Value)
      }
    }
    await inWorkers(numbered, 0, workers, take, { ...o, onProgress: (done, running) => o.onProgress?.(done, states + running) })
    if (broken !== null) throw new Error(broken)
  } else {
    for (const [i, t] of tasks.entries()) {
      await new Promise((resolve) => { setImmediate(resolve) })
      if (o.signal?.aborted) break
      const value = runHunt(t, (n) => { o.onProgress?.(i, states + n); return true })
      values[i] = value
      states += statesOf(value)
      o.onProgress?.(i + 1, states)
    }
  }
  return values
}

/** Scenes explored, those that were begun. */
export async function exploreAll(list: readonly Scene[], { kernel, platform }: Pair, maxStates: number, o: HuntPool): Promise<Explored[]> {
  const values = await runAll(list.map((s) => ({ kind: 'scene', scene: s.name, maxStates, kernel, platform })), o)
  return list.flatMap((scene, i) => (values[i] == null ? [] : [{ scene, ...(values[i] as Omit<Explored, 'scene'>) }]))
}

/** Candidates confirmed and blamed; null where `check` does not find one in its text. */
export async function locateAll(list: readonly Candidate[], { kernel, platform }: Pair, o: HuntPool): Promise<(Located | null)[]> {
  const values = await runAll(list.map(({ scene, ...candidate }) => ({ kind: 'locate', scene: scene.name, candidate, kernel, platform })), o)
  return list.map((candidate, i) => (values[i] == null ? null : { candidate, ...(values[i] as Omit<Located, 'candidate'>) }))
}

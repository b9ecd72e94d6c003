// Many runs of the checker on all cores. A few quick ones are done here and now; the rest, and any that turns out long, go to worker
// threads, so that ^C and progress work while they search. Results come back in the order of the jobs.
import { messageOf } from '../base/index.ts'
import { type CheckOptions, type CheckResult, checkTest, explainTest, type Explanation } from '../check/index.ts'
import type { Test } from '../litmus/index.ts'
import { type Answer, inWorkers, type Task, workersFor } from './worker-pool.ts'

export interface Job {
  readonly test: Test
  readonly kernel: string
  readonly platform: string
  /** The verdict changed from that of an earlier revision, as both runs have told: which decisions did it. The answer is in `explanations`. */
  readonly explain?: { readonly before: CheckResult; readonly after: CheckResult }
}

/** A broken invariant of the model, caught so that the other runs go on. */
export interface Broken { readonly job: Job; readonly message: string }

export interface PoolOptions extends Pick<CheckOptions, 'maxStates' | 'interleave' | 'frames'> {
  /** Milliseconds of search in this thread before workers start. Default 300. */
  readonly here?: number
  /** Called from time to time while workers run. */
  readonly onProgress?: (done: number, all: number, states: number) => void
  /** Aborted: searches stop where they are, jobs not begun are left out. */
  readonly signal?: AbortSignal
  /** Default: one a core. 0: everything here. */
  readonly workers?: number
}

export interface PoolResult {
  /** In the order of the jobs; undefined where it was not begun or broke. */
  readonly results: ReadonlyArray<CheckResult | undefined>
  readonly broken: readonly Broken[]
  /** In the order of the jobs, where a job asks for it. */
  readonly explanations: ReadonlyArray<Explanation | null | undefined>
}

/** A job for a worker, and its answer. */
export interface CheckTask extends Job { readonly kind: 'check'; readonly options: Pick<CheckOptions, 'maxStates' | 'interleave' | 'frames'> }
export interface Done { readonly result: CheckResult; readonly explanation?: Explanation | null }

/** What a job asks for; a search that was stopped keeps what it has found. @throws Error for a broken invariant of the model */
export function runJob(job: Job, options: CheckTask['options'], onProgress: (states: number) => boolean): Done & { readonly stopped: boolean } {
  let stopped = false
  const o: CheckOptions = { ...options, onProgress: (states) => { stopped = !onProgress(states); return !stopped } }
  if (job.explain === undefined) {
    const result = checkTest(job.test, job.kernel, job.platform, o)
    return { result, stopped }
  }
  const { before, after } = job.explain
  const explanation = explainTest(job.test, before.kernel, after.kernel, job.platform, before, after, o)
  return { result: after, explanation: stopped ? null : explanation, stopped }
}

export async function runJobs(jobs: readonly Job[], o: PoolOptions = {}): Promise<PoolResult> {
  const results: Array<CheckResult | undefined> = new Array<CheckResult | undefined>(jobs.length).fill(undefined)
  const broken: Broken[] = []
  const explanations: Array<Explanation | null | undefined> = new Array<Explanation | null | undefined>(jobs.length).fill(undefined)
  const options = { ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates }), ...(o.interleave === undefined ? {} : { interleave: o.interleave }), ...(o.frames === undefined ? {} : { frames: o.frames }) }
  const workers = workersFor(jobs.length, o.workers)
  const begun = performance.now()
  const budget = o.here ?? 300
  let next = 0
  // One here and now; false when the time is up.
  const here = (): boolean => {
    const job = jobs[next] as Job
    try {
      const r = runJob(job, options, () => workers === 0 || performance.now() - begun <= budget)
      if (r.stopped) return false
      results[next] = r.result
      explanations[next] = r.explanation
    } catch (e) {
      broken.push({ job, message: messageOf(e) })
    }
    next++
    return true
  }
  const hereFirst = jobs.length <= MANY || workers === 0
  while (hereFirst && next < jobs.length && (workers === 0 || performance.now() - begun <= budget)) if (!here()) break
  // ^C during the search above is delivered now.
  if (next < jobs.length) await new Promise((resolve) => { setImmediate(resolve) })
  const take = (a: Answer): void => {
    if ('message' in a) {
      broken.push({ job: jobs[a.index] as Job, message: a.message })
      return
    }
    const { result, explanation } = a.value as Done
    results[a.index] = result
    explanations[a.index] = explanation
  }
  const tasks = jobs.map((job, index): Task => ({ kind: 'check', index, ...job, options }))
  const finished = (): number => results.reduce((n, r) => n + (r?.states ?? 0), 0)
  if (next < jobs.length && !o.signal?.aborted) await inWorkers(tasks, next, Math.min(workers, jobs.length - next), take, { ...(o.signal ? { signal: o.signal } : {}), onProgress: (done, running) => o.onProgress?.(done, jobs.length, finished() + running) })
  return { results, broken, explanations }
}

/** More jobs than these go to workers at once; fewer are begun here, since starting workers costs as much as many a run. */
const MANY = 100

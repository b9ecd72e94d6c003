// Many runs of the checker on all cores. A few quick ones are done here and now; the rest, and any that turns out long, go to worker
// threads, so that ^C and progress work while they search. Results come back in the order of the jobs.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type CheckOptions, type CheckResult, checkTest, explainTest, type Explanation } from '../check/index.ts'
import type { Test } from '../litmus/index.ts'

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

/** What goes to a worker, and what comes back. */
export interface Task extends Job { readonly index: number; readonly options: Pick<CheckOptions, 'maxStates' | 'interleave' | 'frames'> }
export interface Done { readonly result: CheckResult; readonly explanation?: Explanation | null }
export type Answer = ({ readonly index: number } & Done) | { readonly index: number; readonly message: string }

/** What a job asks for; a search that was stopped keeps what it has found. @throws Error for a broken invariant of the model */
export function runJob(job: Job, options: Task['options'], onProgress: (states: number) => boolean): Done & { readonly stopped: boolean } {
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

/** Shared words: 0 stop, then one counter of states a worker. */
export const STOP = 0

const messageOf = (e: unknown): string => (e instanceof Error ? e.message : String(e))

export async function runJobs(jobs: readonly Job[], o: PoolOptions = {}): Promise<PoolResult> {
  const results: Array<CheckResult | undefined> = new Array<CheckResult | undefined>(jobs.length).fill(undefined)
  const broken: Broken[] = []
  const explanations: Array<Explanation | null | undefined> = new Array<Explanation | null | undefined>(jobs.length).fill(undefined)
  const options = { ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates }), ...(o.interleave === undefined ? {} : { interleave: o.interleave }), ...(o.frames === undefined ? {} : { frames: o.frames }) }
  // Bundled, the worker is a file beside this one; run from source there is none.
  const bundled = /\.[cm]js$/.test(import.meta.url)
  const workers = bundled ? Math.min(o.workers ?? availableParallelism(), jobs.length) : 0
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
  if (next < jobs.length && !o.signal?.aborted) await onWorkers(jobs, next, results, explanations, broken, options, Math.min(workers, jobs.length - next), o)
  return { results, broken, explanations }
}

/** More jobs than these go to workers at once; fewer are begun here, since starting workers costs as much as many a run. */
const MANY = 100

async function onWorkers(jobs: readonly Job[], from: number, results: Array<CheckResult | undefined>, explanations: Array<Explanation | null | undefined>, broken: Broken[], options: Task['options'], count: number, o: PoolOptions): Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(4 * (1 + count)))
  let next = from
  let done = from
  const stop = (): void => { Atomics.store(shared, STOP, 1) }
  o.signal?.addEventListener('abort', stop)
  const timer = setInterval(() => {
    let states = 0
    for (let i = 0; i < count; i++) states += Atomics.load(shared, 1 + i)
    for (const r of results) states += r?.states ?? 0
    o.onProgress?.(done, jobs.length, states)
  }, 200)
  const one = (slot: number): Promise<void> => new Promise((resolve) => {
    const worker = new Worker(new URL('./check-worker.mjs', import.meta.url), { workerData: { shared, slot } })
    let current = -1
    const feed = (): void => {
      if (next >= jobs.length || Atomics.load(shared, STOP) === 1) {
        void worker.terminate().then(() => resolve())
        return
      }
      current = next++
      const job = jobs[current] as Job
      worker.postMessage({ index: current, ...job, options } satisfies Task)
    }
    worker.on('message', (a: Answer) => {
      if ('result' in a) {
        results[a.index] = a.result
        explanations[a.index] = a.explanation
      } else broken.push({ job: jobs[a.index] as Job, message: a.message })
      done++
      feed()
    })
    worker.on('error', (e) => {
      // The thread itself died (out of memory): its job is lost, a new thread takes over.
      if (current >= 0) broken.push({ job: jobs[current] as Job, message: messageOf(e) })
      done++
      void one(slot).then(resolve)
    })
    feed()
  })
  await Promise.all(Array.from({ length: count }, (_, i) => one(i)))
  clearInterval(timer)
  o.signal?.removeEventListener('abort', stop)
}

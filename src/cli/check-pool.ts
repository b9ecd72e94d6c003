// Many runs of the checker on all cores. A few quick ones are done here and now; the rest, and any that turns out long, go to worker
// threads, so that ^C and progress work while they search. Results come back in the order of the jobs.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type CheckOptions, type CheckResult, checkTest, type Flip, flipped, watched } from '../check/index.ts'
import type { Test } from '../litmus/index.ts'

export interface Job {
  readonly test: Test
  readonly kernel: string
  readonly platform: string
  /** One decision of another revision in the place of this one's: `compare`. */
  readonly flip?: Flip
  /** Note which decisions of the revision are asked for. */
  readonly watch?: boolean
}

/** A broken invariant of the model, caught so that the other runs go on. */
export interface Broken { readonly job: Job; readonly message: string }

export interface PoolOptions extends Pick<CheckOptions, 'maxStates' | 'interleave'> {
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
  /** Decisions asked for, in the order of the jobs, where a job wants to know. */
  readonly asked: ReadonlyArray<readonly string[] | undefined>
}

/** What goes to a worker, and what comes back. */
export interface Task extends Job { readonly index: number; readonly options: Pick<CheckOptions, 'maxStates' | 'interleave'> }
export type Answer = { readonly index: number; readonly result: CheckResult; readonly asked?: readonly string[] } | { readonly index: number; readonly message: string }

/** The revision of a job as checkTest takes it. @throws Error for an unknown revision or decision */
export function revisionOf(job: Job, asked: Set<string>): Pick<CheckOptions, 'revision'> {
  if (job.watch) return { revision: watched(job.kernel, job.flip, asked) }
  return job.flip === undefined ? {} : { revision: flipped(job.kernel, job.flip) }
}

/** Shared words: 0 stop, then one counter of states a worker. */
export const STOP = 0

const messageOf = (e: unknown): string => (e instanceof Error ? e.message : String(e))

export async function runJobs(jobs: readonly Job[], o: PoolOptions = {}): Promise<PoolResult> {
  const results: Array<CheckResult | undefined> = new Array<CheckResult | undefined>(jobs.length).fill(undefined)
  const broken: Broken[] = []
  const asked: Array<readonly string[] | undefined> = new Array<readonly string[] | undefined>(jobs.length).fill(undefined)
  const options = { ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates }), ...(o.interleave === undefined ? {} : { interleave: o.interleave }) }
  // Bundled, the worker is a file beside this one; run from source there is none.
  const bundled = import.meta.url.endsWith('.mjs')
  const workers = bundled ? Math.min(o.workers ?? availableParallelism(), jobs.length) : 0
  const begun = performance.now()
  const budget = o.here ?? 300
  let next = 0
  // One here and now; false when the time is up.
  const here = (): boolean => {
    const job = jobs[next] as Job
    let stopped = false
    const keys = new Set<string>()
    try {
      const r = checkTest(job.test, job.kernel, job.platform, {
        ...options, ...revisionOf(job, keys),
        onProgress: () => {
          stopped = workers > 0 && performance.now() - begun > budget
          return !stopped
        }
      })
      if (stopped) return false
      results[next] = r
      if (job.watch) asked[next] = [...keys]
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
  if (next < jobs.length && !o.signal?.aborted) await onWorkers(jobs, next, results, asked, broken, options, Math.min(workers, jobs.length - next), o)
  return { results, broken, asked }
}

/** More jobs than these go to workers at once; fewer are begun here, since starting workers costs as much as many a run. */
const MANY = 100

async function onWorkers(jobs: readonly Job[], from: number, results: Array<CheckResult | undefined>, asked: Array<readonly string[] | undefined>, broken: Broken[], options: Task['options'], count: number, o: PoolOptions): Promise<void> {
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
        asked[a.index] = a.asked
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

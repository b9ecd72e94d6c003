// Many runs of the checker on all cores. A few quick ones are done here and now; the rest, and any that turns out long,
// go to worker threads, so that ^C and progress work while they search. Results come back in the order of the jobs.
// Where there are many, the runs of one test go to one thread together: some of them are alike (check/alike.ts).
import { type Diagnostic, messageOf } from '../base/index.ts'
import {
  AlikeRuns,
  beginCheck,
  toItsEnd,
  ways,
  type CheckOptions,
  type CheckResult,
  checkTest,
  explainTest,
  type Explanation
} from '../check/index.ts'
import type { Test } from '../litmus/index.ts'
import { isTold } from '../report/check-run.ts'
import type { Shares } from './shares.ts'
import { type Answer, inWorkers, type Task, workersFor } from './worker-pool.ts'

export interface Job {
  readonly test: Test
  readonly kernel: string
  readonly platform: string
  /**
   * The verdict changed from that of an earlier revision, as both runs have told: which decisions did it. The answer is
   * in `explanations`.
   */
  readonly explain?: { readonly before: CheckResult; readonly after: CheckResult }
}

/** A broken invariant of the model, caught so that the other runs go on. */
export interface Broken {
  readonly job: Job
  readonly message: string
}

/** What is said of a job that broke. */
export const brokenJob = ({ job, message }: Broken): Diagnostic => ({
  code: 'TB-005',
  file: job.test.file,
  line: job.test.at.line,
  column: job.test.at.column,
  word: job.test.name,
  message: `${job.kernel} on ${job.platform}: ${message}`,
  hint: 'the model contradicts itself here: a bug of tbit, worth a report with this file'
})

/** How a job is searched, and what of it is kept. */
interface RunOptions extends Pick<CheckOptions, 'maxStates' | 'interleave' | 'frames'> {
  /** The ways to findings only of what a summary of many tells: what is as expected does without. */
  readonly lean?: boolean
}

export interface PoolOptions extends RunOptions {
  /** Milliseconds of search in this thread before workers start. Default 300. */
  readonly here?: number
  /** Called from time to time while workers run. */
  readonly onProgress?: (done: number, all: number, states: number) => void
  /** Aborted: searches stop where they are, jobs not begun are left out. */
  readonly signal?: AbortSignal
  /** Default: one a core. 0: everything here. */
  readonly workers?: number
  /** The work is one of several shares, or all of them joined. */
  readonly shares?: Shares | null
  /** Told each answer as it comes. */
  readonly onAnswer?: (index: number, a: Done | string) => void
}

export interface PoolResult {
  /** In the order of the jobs; undefined where it was not begun or broke. */
  readonly results: ReadonlyArray<CheckResult | undefined>
  readonly broken: readonly Broken[]
  /** In the order of the jobs, where a job asks for it. */
  readonly explanations: ReadonlyArray<Explanation | null | undefined>
}

/** Jobs of one test for a worker; an answer for each. */
export interface CheckTask {
  readonly kind: 'check'
  readonly test: Test
  readonly jobs: ReadonlyArray<Omit<Job, 'test'>>
  readonly options: RunOptions
}
export interface Done {
  readonly result: CheckResult
  readonly explanation?: Explanation | null
}

/** What a worker does with its task: for each job its answer, or why it has none. Stopped, it begins no further one. */
export function runTask(t: CheckTask, onProgress: (states: number) => boolean): ReadonlyArray<Done | string> {
  const runs = new AlikeRuns(t.test)
  const out: Array<Done | string> = []
  for (const job of t.jobs) {
    try {
      const { stopped, ...done } = runJob({ test: t.test, ...job }, t.options, onProgress, runs)
      out.push(done)
      if (stopped) break
    } catch (e) {
      out.push(messageOf(e))
    }
  }
  return out
}

/**
 * What a job asks for; a search that was stopped keeps what it has found. `runs`: those of its test so far. @throws
 * Error for a broken invariant of the model
 */
export function runJob(
  job: Job,
  options: CheckTask['options'],
  onProgress: (states: number) => boolean,
  runs: AlikeRuns
): Done & { readonly stopped: boolean } {
  let stopped = false
  const o: CheckOptions = {
    ...options,
    onProgress: (states) => {
      stopped = !onProgress(states)
      return !stopped
    }
  }
  if (job.explain === undefined) {
    const lean = options.lean === true
    const search = (watched: CheckOptions): { result: CheckResult; whole: boolean } => {
      const result = lean ? leanResult(job, watched) : checkTest(job.test, job.kernel, job.platform, watched)
      return { result, whole: !stopped }
    }
    // What is told one by one needs the ways, which a lean run has only where it was told itself.
    const serves = (here: CheckResult, earlier: CheckResult): boolean => !lean || !isTold(here) || isTold(earlier)
    return { result: runs.on(job.kernel, job.platform, o, search, serves), stopped }
  }
  const { before, after } = job.explain
  const explanation = explainTest(job.test, before.kernel, after.kernel, job.platform, before, after, o)
  return { result: after, explanation: stopped ? null : explanation, stopped }
}

/** A result whose findings have the ways to them where they are told one by one. */
export function leanResult(job: Pick<Job, 'test' | 'kernel' | 'platform'>, o: CheckOptions): CheckResult {
  const session = toItsEnd(beginCheck(job.test, job.kernel, job.platform, o))
  const r = session.result(null)
  return isTold(r) ? session.result(ways) : r
}

const itemOf = (job: Job): string => job.test.file
const keyOf = (job: Job): string =>
  `${job.test.file} ${job.kernel} ${job.platform}` +
  `${job.explain === undefined ? '' : ` since ${job.explain.before.kernel}`}`

const inOrder = (jobs: readonly Job[], broken: readonly Broken[]): Broken[] =>
  [...broken].sort((a, b) => jobs.indexOf(a.job) - jobs.indexOf(b.job))

/** Jobs whose answers are known are not done again, those of other shares not at all. */
async function runShare(jobs: readonly Job[], o: PoolOptions, shares: Shares): Promise<PoolResult> {
  const known = jobs.map((job) => shares.known(itemOf(job), keyOf(job)) as Done | string | undefined)
  const open = jobs.flatMap((job, i) => (known[i] === undefined && shares.mine(itemOf(job)) ? [i] : []))
  const done = await runJobs(
    open.map((i) => jobs[i] as Job),
    {
      ...o,
      shares: null,
      onAnswer: (index, a) => {
        const job = jobs[open[index] as number] as Job
        shares.done(itemOf(job), keyOf(job), a)
      }
    }
  )
  const results = known.map((k) => (typeof k === 'object' ? k.result : undefined))
  const explanations = known.map((k) => (typeof k === 'object' ? k.explanation : undefined))
  for (const [at, i] of open.entries()) [results[i], explanations[i]] = [done.results[at], done.explanations[at]]
  const broken = jobs.flatMap((job, i) => (typeof known[i] === 'string' ? [{ job, message: known[i] }] : []))
  return { results, explanations, broken: inOrder(jobs, [...broken, ...done.broken]) }
}

export async function runJobs(jobs: readonly Job[], o: PoolOptions = {}): Promise<PoolResult> {
  if (o.shares != null) return runShare(jobs, o, o.shares)
  const results: Array<CheckResult | undefined> = new Array<CheckResult | undefined>(jobs.length).fill(undefined)
  const broken: Broken[] = []
  const explanations: Array<Explanation | null | undefined> = new Array<Explanation | null | undefined>(
    jobs.length
  ).fill(undefined)
  const options = {
    ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates }),
    ...(o.interleave === undefined ? {} : { interleave: o.interleave }),
    ...(o.frames === undefined ? {} : { frames: o.frames }),
    ...(o.lean === undefined ? {} : { lean: o.lean })
  }
  const workers = workersFor(jobs.length, o.workers)
  const begun = Date.now()
  const budget = o.here ?? 300
  let next = 0
  let runs: AlikeRuns | null = null
  // One here and now; false when the time is up.
  const here = (): boolean => {
    const job = jobs[next] as Job
    if (runs?.test !== job.test) runs = new AlikeRuns(job.test)
    try {
      const r = runJob(job, options, () => workers === 0 || Date.now() - begun <= budget, runs)
      if (r.stopped) return false
      const { stopped: _, ...done } = r
      results[next] = r.result
      explanations[next] = r.explanation
      o.onAnswer?.(next, done)
    } catch (e) {
      broken.push({ job, message: messageOf(e) })
      o.onAnswer?.(next, messageOf(e))
    }
    next++
    return true
  }
  const hereFirst = jobs.length <= MANY || workers === 0
  while (hereFirst && next < jobs.length && (workers === 0 || Date.now() - begun <= budget)) if (!here()) break
  // ^C during the search above is delivered now.
  if (next < jobs.length)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  // Of many jobs those of one test are one task; of a few each, so that all cores have something to do.
  const groups = grouped(jobs, next, hereFirst ? 1 : Number.POSITIVE_INFINITY)
  const tasks = groups.map(taskOf)
  function taskOf(group: readonly number[], index: number): CheckTask & Task {
    const of = group.map((i) => jobs[i] as Job)
    return { kind: 'check', index, test: (of[0] as Job).test, jobs: of.map(({ test: _, ...j }) => j), options }
  }
  const one = (i: number, done: Done | string): void => {
    if (typeof done === 'string') broken.push({ job: jobs[i] as Job, message: done })
    else [results[i], explanations[i]] = [done.result, done.explanation]
    if (typeof done === 'string' || !o.signal?.aborted) o.onAnswer?.(i, done)
  }
  const take = (a: Answer): void => {
    const group = groups[a.index] as readonly number[]
    if (!('message' in a)) {
      for (const [k, done] of (a.value as ReadonlyArray<Done | string>).entries()) one(group[k] as number, done)
    } else if (group.length === 1) one(group[0] as number, a.message)
    // A thread died over one of them: each gets a thread of its own.
    else for (const i of group) tasks.push(taskOf([i], groups.push([i]) - 1))
  }
  const count = (): number => results.reduce((n, r) => n + (r === undefined ? 0 : 1), broken.length)
  const finished = (): number => results.reduce((n, r) => n + (r?.states ?? 0), 0)
  if (next < jobs.length && !o.signal?.aborted)
    await inWorkers(tasks, 0, Math.min(workers, tasks.length), take, {
      ...(o.signal ? { signal: o.signal } : {}),
      onProgress: (_, running) => o.onProgress?.(count(), jobs.length, finished() + running)
    })
  return { results, broken: inOrder(jobs, broken), explanations }
}

/**
 * More jobs than these go to workers at once; fewer are begun here, since starting workers costs as much as many a run.
 */
const MANY = 100

/** The jobs from `from` on by their numbers: neighbours of one test together, at most so many. */
function grouped(jobs: readonly Job[], from: number, most: number): number[][] {
  const out: number[][] = []
  for (let i = from; i < jobs.length; i++) {
    const last = out.at(-1)
    if (last !== undefined && last.length < most && jobs[last[0] as number]?.test === jobs[i]?.test) last.push(i)
    else out.push([i])
  }
  return out
}

// Worker threads that search, one task at a time each, so that ^C and progress work meanwhile. What a task is,
// check-pool.ts and hunt-pool.ts say.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { messageOf } from '../base/index.ts'

/** What goes to a worker: data only. */
export interface Task {
  readonly index: number
}
/** What comes back: the task's value, or why it has none. */
export type Answer =
  | { readonly index: number; readonly value: unknown }
  | { readonly index: number; readonly message: string }

/** Shared words: 0 stop, then one counter of states a worker. */
export const STOP = 0

/** Bundled, the worker is a file beside this one; run from source there is none. */
export const bundled = /\.[cm]js$/.test(import.meta.url)
export const workersFor = (tasks: number, most?: number): number =>
  bundled ? Math.min(most ?? availableParallelism(), tasks) : 0

export interface InWorkers {
  /** Called from time to time, with the states of the searches that run. */
  readonly onProgress?: (done: number, states: number) => void
  /** Aborted: searches stop where they are, tasks not begun are left out. */
  readonly signal?: AbortSignal
  /** The file of the thread, beside this one. */
  readonly script?: './check-worker.mjs' | './replay-worker.mjs'
}

/** The tasks from `from` on in `count` threads; `take` is given each answer as it comes. */
export async function inWorkers(
  tasks: readonly { readonly index: number }[],
  from: number,
  count: number,
  take: (a: Answer) => void,
  o: InWorkers
): Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(4 * (1 + count)))
  let next = from
  let done = from
  const stop = (): void => {
    Atomics.store(shared, STOP, 1)
  }
  o.signal?.addEventListener('abort', stop)
  const timer = setInterval(() => {
    let states = 0
    for (let i = 0; i < count; i++) states += Atomics.load(shared, 1 + i)
    o.onProgress?.(done, states)
  }, 200)
  const one = (slot: number): Promise<void> =>
    new Promise((resolve) => {
      const worker = new Worker(new URL(o.script ?? './check-worker.mjs', import.meta.url), {
        workerData: { shared, slot }
      })
      let current = -1
      const feed = (): void => {
        if (next >= tasks.length || Atomics.load(shared, STOP) === 1) {
          void worker.terminate().then(() => resolve())
          return
        }
        current = next++
        try {
          worker.postMessage(tasks[current])
        } catch (e) {
          // No data: a mistake of the one who made the task, not of the input.
          take({ index: current, message: messageOf(e) })
          done++
          feed()
        }
      }
      worker.on('message', (a: Answer) => {
        take(a)
        done++
        feed()
      })
      worker.on('error', (e) => {
        // The thread itself died (out of memory): its task is lost, a new thread takes over.
        if (current >= 0) take({ index: current, message: messageOf(e) })
        done++
        void one(slot).then(resolve)
      })
      feed()
    })
  try {
    await Promise.all(Array.from({ length: count }, (_, i) => one(i)))
  } finally {
    clearInterval(timer)
    o.signal?.removeEventListener('abort', stop)
  }
}

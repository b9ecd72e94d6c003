// A worker thread of `tbit check`: one run at a time (check-pool.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { checkTest } from '../check/index.ts'
import { type Answer, revisionOf, STOP, type Task } from './check-pool.ts'

const { shared, slot } = workerData as { shared: Int32Array; slot: number }
const port = parentPort
if (port === null) throw new Error('check-worker runs as a worker thread')

port.on('message', (t: Task) => {
  let answer: Answer
  const asked = new Set<string>()
  try {
    const onProgress = (states: number): boolean => {
      Atomics.store(shared, 1 + slot, states)
      return Atomics.load(shared, STOP) === 0
    }
    answer = { index: t.index, result: checkTest(t.test, t.kernel, t.platform, { ...t.options, ...revisionOf(t, asked), onProgress }), ...(t.watch ? { asked: [...asked] } : {}) }
  } catch (e) {
    answer = { index: t.index, message: e instanceof Error ? e.message : String(e) }
  }
  Atomics.store(shared, 1 + slot, 0)
  port.postMessage(answer)
})

// A worker thread of `tbit check`: one run at a time (check-pool.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, runJob, STOP, type Task } from './check-pool.ts'

const { shared, slot } = workerData as { shared: Int32Array; slot: number }
const port = parentPort
if (port === null) throw new Error('check-worker runs as a worker thread')

port.on('message', (t: Task) => {
  let answer: Answer
  try {
    const { result, explanation } = runJob(t, t.options, (states) => {
      Atomics.store(shared, 1 + slot, states)
      return Atomics.load(shared, STOP) === 0
    })
    answer = { index: t.index, result, ...(explanation === undefined ? {} : { explanation }) }
  } catch (e) {
    answer = { index: t.index, message: e instanceof Error ? e.message : String(e) }
  }
  Atomics.store(shared, 1 + slot, 0)
  port.postMessage(answer)
})

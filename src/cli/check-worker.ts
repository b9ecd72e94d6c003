// A worker thread: one task at a time (worker-pool.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../base/index.ts'
import { type CheckTask, runTask } from './check-pool.ts'
import { type HuntTask, runHunt } from './hunt-pool.ts'
import { type Answer, STOP, type Task } from './worker-pool.ts'

const { shared, slot } = workerData as { shared: Int32Array; slot: number }
const port = parentPort
if (port === null) throw new Error('check-worker runs as a worker thread')

const progress = (states: number): boolean => {
  Atomics.store(shared, 1 + slot, states)
  return Atomics.load(shared, STOP) === 0
}

/** What a worker is given. */
type Work = Task & (CheckTask | HuntTask)

function answerTo(t: Work): unknown {
  return t.kind === 'check' ? runTask(t, progress) : runHunt(t, progress)
}

port.on('message', (t: Work) => {
  let answer: Answer
  try {
    answer = { index: t.index, value: answerTo(t) }
  } catch (e) {
    answer = { index: t.index, message: messageOf(e) }
  }
  Atomics.store(shared, 1 + slot, 0)
  port.postMessage(answer)
})

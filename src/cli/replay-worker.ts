// A worker thread: one recording at a time (replay-each.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../base/index.ts'
import { type EachTask, replayOne } from './replay-each.ts'
import { type Answer, STOP } from './worker-pool.ts'

const { shared, slot } = workerData as { shared: Int32Array; slot: number }
const port = parentPort
if (port === null) throw new Error('replay-worker runs as a worker thread')

port.on('message', async (t: EachTask) => {
  let answer: Answer
  try {
    const value = await replayOne(t, {
      stop: () => Atomics.load(shared, STOP) !== 0,
      progress: (kib) => {
        Atomics.store(shared, 1 + slot, kib)
      }
    })
    answer = { index: t.index, value }
  } catch (e) {
    answer = { index: t.index, message: messageOf(e) }
  }
  Atomics.store(shared, 1 + slot, 0)
  port.postMessage(answer)
})

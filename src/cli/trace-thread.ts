// A recording read by a thread of its own: while that reads and unpacks, this one simulates. What comes of it is the
// same as without (readTraces()), and a recording of any size takes the same memory.
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isMainThread, MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { assertTrue } from '../base/index.ts'
import {
  type EventSink,
  type Names,
  packing,
  type ReadHooks,
  type Skip,
  type Skips,
  TraceEvent,
  type TraceFields,
  type TraceInput
} from '../replay/index.ts'
import { RING_BYTES, RingTaker } from './trace-ring.ts'
import { bundled } from './worker-pool.ts'

/** What the thread gets. */
export interface ReaderTask {
  readonly paths: readonly string[]
  readonly memory: SharedArrayBuffer
  readonly besides: MessagePort
}
/** What stands among the events and is no numbers. */
export type Beside =
  | { readonly name: string }
  | { readonly event: TraceFields }
  | { readonly cpus: number }
  | { readonly overwritten: true }
/** There is a block, or this is all. */
export type FromReader = 'more' | { readonly input: TraceInput; readonly skips: readonly Skip[] }

/** Below so many bytes a thread costs more than it saves; a packed file holds ten times what it is. */
const WORTH_A_THREAD = 16 << 20
const PACKED_WORTH_A_THREAD = 2 << 20
/** Blocks between two looks at what else there is: an interrupt, progress. */
const BLOCKS_A_TURN = 32

/** These files are worth a thread, and there is a core for it. */
export function worthAThread(paths: readonly string[]): boolean {
  if (!bundled || !isMainThread || availableParallelism() < 2) return false
  try {
    let worth = 0
    for (const p of paths) {
      const s = statSync(p)
      if (!s.isFile()) return false
      worth += s.size / (isPacked(p) ? PACKED_WORTH_A_THREAD : WORTH_A_THREAD)
    }
    return worth >= 1
  } catch {
    // Reading says what is wrong.
    return false
  }
}

function isPacked(path: string): boolean {
  const first = new Uint8Array(8)
  const fd = openSync(path, 'r')
  try {
    readSync(fd, first, 0, first.length, 0)
  } finally {
    closeSync(fd)
  }
  return packing(first) !== null
}

/** As readTraces(). `script`: the thread's, which is beside this one. */
export async function readTracesBeside(
  paths: readonly string[],
  sink: EventSink,
  names: Names,
  skips: Skips,
  hooks: ReadHooks,
  script = new URL('./trace-worker.mjs', import.meta.url)
): Promise<TraceInput> {
  const memory = new SharedArrayBuffer(RING_BYTES)
  const { port1, port2 } = new MessageChannel()
  const task: ReaderTask = { paths, memory, besides: port2 }
  const worker = new Worker(script, { workerData: task, transferList: [port2] })
  const reader = new Reader(worker)
  const ring = new RingTaker(memory)
  let named = 0
  const beside = (): void => {
    const m = receiveMessageOnPort(port1)?.message as Beside
    if ('name' in m) assertTrue(names.id(m.name) === named++, 'names of devices have the same numbers in both threads')
    else if ('event' in m) sink.event(Object.assign(new TraceEvent(), m.event))
    else if ('cpus' in m) hooks.cpus(m.cpus)
    else hooks.overwritten()
  }
  try {
    for (let blocks = 1; ; blocks++) {
      const full = ring.next()
      if (full === null) {
        if (reader.last !== null) break
        if (ring.sleeps()) await reader.woken()
        continue
      }
      full.block.tell(full.events, sink, beside)
      ring.took()
      if (blocks % BLOCKS_A_TURN !== 0) continue
      hooks.progress(ring.done, ring.total)
      if (hooks.stop()) ring.stop()
      await new Promise((turn) => setImmediate(turn))
    }
    skips.take(reader.last.skips)
    return reader.last.input
  } finally {
    port1.close()
    await worker.terminate()
  }
}

/** The thread's messages. */
class Reader {
  last: Exclude<FromReader, string> | null = null
  private failed: Error | null = null
  private wake: (() => void) | null = null

  constructor(worker: Worker) {
    worker.on('message', (m: FromReader) => {
      if (m !== 'more') this.last = m
      this.wake?.()
    })
    worker.on('error', (e) => this.fail(e as Error))
    worker.on('exit', () => this.fail(new Error('the thread that reads ended before its last word')))
  }

  private fail(e: Error): void {
    this.failed ??= e
    this.wake?.()
  }

  /** Until there is a message. @throws Error when the thread ended without its last one */
  async woken(): Promise<void> {
    if (this.last === null && this.failed === null)
      await new Promise<void>((done) => {
        this.wake = done
      })
    this.wake = null
    if (this.last === null && this.failed !== null) throw this.failed
  }
}

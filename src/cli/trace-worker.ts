// A worker thread that reads a recording for the thread that simulates it (trace-thread.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { type EventSink, Names, Skips, type TraceEvent, type TraceFields } from '../replay/index.ts'
import { PackedEvents } from '../replay/packed-events.ts'
import { readTraces } from './trace-input.ts'
import { RingFiller } from './trace-ring.ts'
import type { Beside, FromReader, ReaderTask } from './trace-thread.ts'

const { paths, memory, besides } = workerData as ReaderTask
const say = (m: FromReader): void => parentPort?.postMessage(m)
const ring = new RingFiller(memory, () => say('more'))
const names = new Names()
const skips = new Skips()

/** What is no numbers: a message, and a place among the events. */
function beside(m: Beside): void {
  besides.postMessage(m)
  ring.addBeside()
}

// An event of its own, its lists as long as they are.
const copied = (ev: TraceEvent): TraceFields => ({
  ...ev,
  dmas: ev.dmas.slice(0, ev.ndma),
  sizes: ev.sizes.slice(0, ev.nsize),
  physs: ev.physs.slice(0, ev.nphys)
})

let named = 0
function tellNames(): void {
  while (named < names.size) beside({ name: names.name(named++) })
}

const sink: EventSink = {
  event: (ev) => {
    tellNames()
    if (PackedEvents.packs(ev)) ring.add(ev)
    else beside({ event: copied(ev) })
  }
}

const input = await readTraces(
  paths,
  sink,
  names,
  skips,
  {
    stop: () => ring.stopped,
    progress: (done, total) => ring.progress(done, total),
    cpus: (cpus) => beside({ cpus }),
    overwritten: () => beside({ overwritten: true })
  },
  true
)
tellNames()
ring.pass()
say({ input, skips: skips.list() })

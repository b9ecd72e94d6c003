// Blocks of packed events in memory that two threads share, used in turn: trace-worker.ts reads a recording and fills
// them, trace-thread.ts takes what is in them. One waits where all are full, the other where none is.
import type { TraceEvent } from '../replay/index.ts'
import { BLOCK_BYTES, PackedEvents } from '../replay/packed-events.ts'

const BLOCKS = 64
/** Who reads is woken when so many are free again: to wake a thread takes as long as a hundred events. */
const WORTH_WAKING = BLOCKS / 2
/** Words in front of the blocks: how many were filled and taken so far, ... */
const FILLED = 0
const TAKEN = 1
/** ... 1: whoever fills waits, whoever takes sleeps, no more is wanted; KiB read and in all (0: not known), ... */
const WAITS = 2
const SLEEPS = 3
const STOP = 4
const DONE = 5
const TOTAL = 6
/** ... and the events of each block. */
const SIZES = 8
const HEAD_BYTES = 64 + 4 * BLOCKS
const KIB = 1024

export const RING_BYTES = HEAD_BYTES + BLOCKS * BLOCK_BYTES

class Ring {
  protected readonly control: Int32Array
  protected readonly blocks: readonly PackedEvents[]

  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, HEAD_BYTES / 4)
    this.blocks = Array.from({ length: BLOCKS }, (_, i) => new PackedEvents(memory, HEAD_BYTES + i * BLOCK_BYTES))
  }
}

/** Who reads. */
export class RingFiller extends Ring {
  private filled = 0

  /** `wake`: the other thread sleeps. */
  constructor(
    memory: SharedArrayBuffer,
    private readonly wake: () => void
  ) {
    super(memory)
  }

  private get block(): PackedEvents {
    return this.blocks[this.filled % BLOCKS] as PackedEvents
  }

  get stopped(): boolean {
    return Atomics.load(this.control, STOP) === 1
  }

  progress(done: number, total: number): void {
    Atomics.store(this.control, DONE, Math.floor(done / KIB))
    Atomics.store(this.control, TOTAL, Math.floor(total / KIB))
  }

  /** An event that PackedEvents.packs(). */
  add(ev: TraceEvent): void {
    if (this.block.add(ev)) return
    this.pass()
    this.block.add(ev)
  }

  /** A place for something that is told beside. */
  addBeside(): void {
    if (this.block.addBeside()) return
    this.pass()
    this.block.addBeside()
  }

  /** Passes the block on, and waits until there is another one. */
  pass(): void {
    const { control } = this
    control[SIZES + (this.filled % BLOCKS)] = this.block.size
    Atomics.store(control, FILLED, ++this.filled)
    if (Atomics.exchange(control, SLEEPS, 0) === 1) this.wake()
    while (this.filled - Atomics.load(control, TAKEN) === BLOCKS) {
      Atomics.store(control, WAITS, 1)
      if (this.filled - Atomics.load(control, TAKEN) === BLOCKS) Atomics.wait(control, WAITS, 1)
    }
    this.block.clear()
  }
}

/** Who simulates. */
export class RingTaker extends Ring {
  private taken = 0

  /** A full block, of which what is in it was not taken yet; null when there is none. */
  next(): { readonly block: PackedEvents; readonly events: number } | null {
    if (Atomics.load(this.control, FILLED) === this.taken) return null
    const i = this.taken % BLOCKS
    return { block: this.blocks[i] as PackedEvents, events: this.control[SIZES + i] as number }
  }

  /** The block that next() gave is free again. */
  took(): void {
    const { control } = this
    Atomics.store(control, TAKEN, ++this.taken)
    if (Atomics.load(control, WAITS) === 0 || Atomics.load(control, FILLED) - this.taken > BLOCKS - WORTH_WAKING) return
    Atomics.store(control, WAITS, 0)
    Atomics.notify(control, WAITS)
  }

  /** Says that this thread sleeps until it is woken; false when there is a block by now. */
  sleeps(): boolean {
    Atomics.store(this.control, SLEEPS, 1)
    return Atomics.load(this.control, FILLED) === this.taken
  }

  stop(): void {
    Atomics.store(this.control, STOP, 1)
  }

  get done(): number {
    return Atomics.load(this.control, DONE) * KIB
  }

  get total(): number {
    return Atomics.load(this.control, TOTAL) * KIB
  }
}

// Events as numbers in memory that two threads share: one reads a recording and packs what it finds, the other unpacks
// and simulates. Nothing is allocated per event on either side.
import { type EventSink, TraceEvent } from './event.ts'
import { Trace, type TraceKind } from '../kernel/trace-events.ts'

/** Events of a block, at most, and numbers of their lists. */
const EVENTS = 256
const LISTED = 6144
const WORDS = 10
const DOUBLES = 6
/** Bytes that a block takes. */
export const BLOCK_BYTES = EVENTS * (4 * WORDS + 8 * DOUBLES) + 8 * LISTED

/** In place of an event's kind: something stands here that is no numbers, and is told beside. */
const BESIDE = 255
const FORCE = 1 << 24
const TRUNCATED = 1 << 25
/** Beside the bits of Has: counts or lists are there. */
const COUNTED = 1 << 20
const UINT8 = 2 ** 8
const UINT16 = 2 ** 16
const INT32 = 2 ** 31

/** Room for some events, in shared memory from `offset` on (a multiple of 8). */
export class PackedEvents {
  private readonly words: Int32Array
  private readonly doubles: Float64Array
  private readonly listed: Float64Array
  private events = 0
  private numbers = 0
  private readonly ev = new TraceEvent()

  constructor(memory: ArrayBufferLike, offset: number) {
    this.doubles = new Float64Array(memory, offset, EVENTS * DOUBLES)
    this.listed = new Float64Array(memory, offset + 8 * EVENTS * DOUBLES, LISTED)
    this.words = new Int32Array(memory, offset + 8 * (EVENTS * DOUBLES + LISTED), EVENTS * WORDS)
  }

  /** Events in it. */
  get size(): number {
    return this.events
  }

  clear(): void {
    this.events = 0
    this.numbers = 0
  }

  /** Whether an event is one that fits into an empty block: numbers and short lists. */
  static packs(ev: TraceEvent): boolean {
    return (
      ev.kind !== Trace.mark &&
      ev.count === 0 &&
      !ev.failed &&
      ev.ndma + ev.nsize + ev.nphys <= LISTED &&
      ev.cpu < UINT16 &&
      ev.dir < UINT8 &&
      ev.pid < INT32 &&
      ev.line < INT32 &&
      ev.nents < INT32 &&
      ev.ents < INT32
    )
  }

  /** Puts an event, of which packs() is true, behind those that are in it; false when it has no room. */
  add(ev: TraceEvent): boolean {
    const n = ev.ndma + ev.nsize + ev.nphys
    if (this.events === EVENTS || this.numbers + n > LISTED) return false
    const w = this.events * WORDS
    const d = this.events++ * DOUBLES
    const { words, doubles } = this
    words[w] = ev.kind | (ev.irq << 8) | (ev.dir << 16) | (ev.force ? FORCE : 0) | (ev.truncated ? TRUNCATED : 0)
    words[w + 1] = ev.has | (n === 0 && ev.nents === 0 && ev.ents === 0 ? 0 : COUNTED)
    words[w + 2] = ev.cpu | (ev.dev << 16)
    words[w + 3] = ev.pid
    words[w + 4] = ev.line
    doubles[d] = ev.time
    doubles[d + 1] = ev.dma
    doubles[d + 2] = ev.phys
    doubles[d + 3] = ev.size
    doubles[d + 4] = ev.attrs
    doubles[d + 5] = ev.mask
    if ((words[w + 1] as number) & COUNTED) this.addLists(w, ev)
    return true
  }

  private addLists(w: number, ev: TraceEvent): void {
    const { words } = this
    words[w + 5] = ev.nents
    words[w + 6] = ev.ents
    words[w + 7] = ev.ndma
    words[w + 8] = ev.nsize
    words[w + 9] = ev.nphys
    this.put(ev.dmas, ev.ndma)
    this.put(ev.sizes, ev.nsize)
    this.put(ev.physs, ev.nphys)
  }

  private put(list: Float64Array, n: number): void {
    const { listed } = this
    const from = this.numbers
    for (let i = 0; i < n; i++) listed[from + i] = list[i] as number
    this.numbers = from + n
  }

  /** Something is told beside at this place; false when there is no room. */
  addBeside(): boolean {
    if (this.events === EVENTS) return false
    this.words[this.events++ * WORDS] = BESIDE
    return true
  }

  /** Hands `n` events on, in their order; `beside` where something stands that is told beside. */
  tell(n: number, sink: EventSink, beside: () => void): void {
    const { words, doubles, ev } = this
    this.numbers = 0
    ev.clear()
    for (let i = 0, w = 0, d = 0; i < n; i++, w += WORDS, d += DOUBLES) {
      const first = words[w] as number
      if ((first & 0xff) === BESIDE) {
        beside()
        continue
      }
      const has = words[w + 1] as number
      const where = words[w + 2] as number
      ev.kind = (first & 0xff) as TraceKind
      ev.irq = (first >> 8) & 0xff
      ev.dir = (first >> 16) & 0xff
      ev.force = (first & FORCE) !== 0
      ev.has = has & ~COUNTED
      ev.cpu = where & 0xffff
      ev.dev = where >>> 16
      ev.time = doubles[d] as number
      ev.dma = doubles[d + 1] as number
      ev.phys = doubles[d + 2] as number
      ev.size = doubles[d + 3] as number
      ev.attrs = doubles[d + 4] as number
      ev.mask = doubles[d + 5] as number
      ev.pid = words[w + 3] as number
      ev.line = words[w + 4] as number
      if ((has & COUNTED) === 0 && (first & TRUNCATED) === 0) {
        sink.event(ev)
        continue
      }
      ev.truncated = (first & TRUNCATED) !== 0
      if (has & COUNTED) this.takeLists(w, ev)
      sink.event(ev)
      // Lists and counts are none of the next one's.
      ev.clear()
    }
  }

  private takeLists(w: number, ev: TraceEvent): void {
    const { words } = this
    ev.nents = words[w + 5] as number
    ev.ents = words[w + 6] as number
    ev.ndma = words[w + 7] as number
    ev.nsize = words[w + 8] as number
    ev.nphys = words[w + 9] as number
    while (Math.max(ev.ndma, ev.nsize, ev.nphys) > ev.dmas.length) ev.grow()
    this.take(ev.dmas, ev.ndma)
    this.take(ev.sizes, ev.nsize)
    this.take(ev.physs, ev.nphys)
  }

  private take(list: Float64Array, n: number): void {
    const { listed } = this
    const from = this.numbers
    for (let i = 0; i < n; i++) list[i] = listed[from + i] as number
    this.numbers = from + n
  }
}

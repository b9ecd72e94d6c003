// The lines that most of a text is made of, read by WebAssembly (wasm/lines.ts) some two hundred at a time: twice the
// speed of the readers of scan.ts, which read all others and tell what was in them (heads of lines, devices,
// attributes), by which the next ones like them are known.
import { Wasm, type WasmGlobal, type WasmMemory } from '../base/wasm.ts'
import { Trace, type TraceKind } from '../kernel/trace-events.ts'
import { type EventSink, Has, type TraceEvent } from './event.ts'
import * as at from './lines-layout.ts'
import { LINES_WASM } from './lines-wasm.ts'

interface Exports {
  readonly memory: WasmMemory
  readonly records: WasmGlobal
  readonly headLength: WasmGlobal
  readonly otherLength: WasmGlobal
  headSlot(p: number, n: number): number
  textSlot(p: number, n: number): number
  lines(p: number, to: number): number
}

// By what KIND says.
const KINDS: readonly TraceKind[] = [
  Trace.bounced,
  Trace.map,
  Trace.unmap,
  Trace.mapSg,
  Trace.unmapSg,
  Trace.sync,
  Trace.syncDevice
]
const ONE = Has.device | Has.dir | Has.dma | Has.size
const HAS: readonly number[] = [
  Has.device | Has.phys | Has.size,
  ONE | Has.phys | Has.attrs,
  ONE | Has.attrs,
  Has.device | Has.dir | Has.attrs | Has.dmaList | Has.sizeList | Has.physList,
  Has.device | Has.dir | Has.attrs | Has.physList,
  ONE,
  ONE
]

const RECORD_WORDS = at.RECORD_BYTES >> 2
const RECORD_DOUBLES = at.RECORD_BYTES >> 3

/** A task's id that a head can be kept with. */
const MOST_PID = 0x7fffffff

let compiled: ConstructorParameters<typeof Wasm.Instance>[0] | null | undefined

// Once for all scanners; null where a page may not compile anything.
function moduleOfLines(): typeof compiled {
  if (compiled === undefined) {
    try {
      compiled = new Wasm.Module(Uint8Array.from(atob(LINES_WASM), (c) => c.charCodeAt(0)))
    } catch {
      compiled = null
    }
  }
  return compiled
}

/** Bytes of text that are read at once, at most: as much as a processor keeps at hand. */
export const TEXT_ROOM = at.TEXT_ROOM

export class QuickLines {
  private readonly wasm: Exports
  private readonly bytes: Uint8Array
  private readonly words: Int32Array
  private readonly doubles: Float64Array
  private from = 0
  private end = 0
  /** Lines that the last read() handed on. */
  linesRead = 0

  private constructor(compiledLines: ConstructorParameters<typeof Wasm.Instance>[0]) {
    this.wasm = new Wasm.Instance(compiledLines).exports as unknown as Exports
    const { buffer } = this.wasm.memory
    this.bytes = new Uint8Array(buffer)
    this.words = new Int32Array(buffer)
    this.doubles = new Float64Array(buffer)
  }

  /** Null where WebAssembly, or memory for it, is not to be had. */
  static make(): QuickLines | null {
    const m = moduleOfLines()
    if (!m) return null
    try {
      return new QuickLines(m)
    } catch {
      return null
    }
  }

  /** Takes over bytes [from, to) of a text, whole lines, at most TEXT_ROOM. */
  load(text: Uint8Array, from: number, to: number): void {
    this.bytes.set(text.subarray(from, to), at.TEXT)
    this.from = from
    this.end = at.TEXT + to - from
  }

  /**
   * Hands events of the text that was taken over, from its byte `from` on, to the sink; the place behind them: of a
   * line that is none of these, or the end. `line`: how many lines there are before `from`.
   */
  read(from: number, line: number, ev: TraceEvent, sink: EventSink): number {
    let p = from - this.from + at.TEXT
    let n = 0
    while (p > 0 && p < this.end) {
      p = this.wasm.lines(p, this.end)
      const more = this.wasm.records.value as number
      this.tell(more, line + n, ev, sink)
      n += more
    }
    this.linesRead = n
    return Math.abs(p) - at.TEXT + this.from
  }

  // One function, for most of a replay's text comes through it.
  private tell(n: number, line: number, ev: TraceEvent, sink: EventSink): void {
    const { words, doubles } = this
    ev.clear()
    for (let i = 0, w = at.RECORDS >> 2, d = at.RECORDS >> 3; i < n; i++, w += RECORD_WORDS, d += RECORD_DOUBLES) {
      const kind = words[w + (at.KIND >> 2)] as number
      const attrsOrMask = doubles[d + (at.ATTRS_OR_MASK >> 3)] as number
      ev.kind = KINDS[kind] as TraceKind
      ev.has = HAS[kind] as number
      ev.line = line + i + 1
      ev.cpu = words[w + (at.CPU >> 2)] as number
      ev.pid = words[w + (at.PID >> 2)] as number
      ev.irq = words[w + (at.IRQ >> 2)] as number
      ev.dev = words[w + (at.DEV >> 2)] as number
      ev.time = doubles[d + (at.TIME >> 3)] as number
      ev.size = doubles[d + (at.SIZE >> 3)] as number
      ev.phys = doubles[d + (at.PHYS >> 3)] as number
      if (kind === at.BOUNCED) {
        ev.dir = 0
        ev.attrs = 0
        ev.force = words[w + (at.DIR >> 2)] === 1
        if (attrsOrMask !== at.NO_MASK) {
          ev.mask = attrsOrMask
          ev.has |= Has.mask
        }
        sink.event(ev)
        continue
      }
      ev.force = false
      ev.dir = words[w + (at.DIR >> 2)] as number
      ev.dma = doubles[d + (at.DMA >> 3)] as number
      ev.attrs = kind < at.SYNC ? attrsOrMask : 0
      if (kind === at.MAP_SG || kind === at.UNMAP_SG) {
        this.lists(w, ev, kind)
        sink.event(ev)
        // Lists and counts are none of the next one's.
        ev.clear()
      } else sink.event(ev)
    }
  }

  private lists(w: number, ev: TraceEvent, kind: number): void {
    const n = this.words[w + (at.LISTED >> 2)] as number
    const from = (this.words[w + (at.LIST_AT >> 2)] as number) >> 3
    while (n > ev.physs.length) ev.grow()
    ev.nphys = n
    if (kind === at.UNMAP_SG) {
      this.copy(ev.physs, from, n)
      return
    }
    this.copy(ev.dmas, from, n)
    this.copy(ev.sizes, from + n, n)
    this.copy(ev.physs, from + 2 * n, n)
    ev.ndma = ev.nsize = n
    ev.nents = this.words[w + (at.NENTS >> 2)] as number
    ev.ents = this.words[w + (at.ENTS >> 2)] as number
    ev.settleCounts()
  }

  private copy(to: Float64Array, from: number, n: number): void {
    const { doubles } = this
    for (let i = 0; i < n; i++) to[i] = doubles[from + i] as number
  }

  /** What stands before the time of a line, and what it says: its first bracket with digits is the CPU's. */
  learnHead(text: Uint8Array, from: number, to: number, ev: Pick<TraceEvent, 'cpu' | 'irq' | 'pid'>): void {
    const n = to - from
    if (n < at.SHORTEST_HEAD || n > at.LONGEST_HEAD || ev.pid > MOST_PID) return
    const { wasm, words } = this
    const q = this.scratch(text, from, to)
    const slot = wasm.headSlot(q, n)
    const head = this.placeOf(q, n, slot, at.HEADS, at.HEAD_BYTES, at.HEAD_LENGTH)
    this.bytes.copyWithin(head, q, q + n)
    words[(head + at.HEAD_LENGTH) >> 2] = n
    words[(head + at.HEAD_CPU) >> 2] = ev.cpu
    words[(head + at.HEAD_PID) >> 2] = ev.pid
    words[(head + at.HEAD_IRQ) >> 2] = ev.irq
    if (wasm.headLength.value === n) return
    wasm.otherLength.value = wasm.headLength.value
    wasm.headLength.value = n
  }

  /** The name of a device, and its id. */
  learnDevice(text: Uint8Array, from: number, to: number, id: number): void {
    this.learnText(at.DEVICES, text, from, to, id)
  }

  /** What stands behind `attrs=`, and the attributes that it names. */
  learnAttrs(text: Uint8Array, from: number, to: number, attrs: number): void {
    this.learnText(at.ATTRS, text, from, to, attrs)
  }

  private learnText(table: number, text: Uint8Array, from: number, to: number, value: number): void {
    const n = to - from
    if (n < at.SHORTEST_TEXT || n > at.LONGEST_TEXT) return
    const q = this.scratch(text, from, to)
    const place = this.placeOf(q, n, this.wasm.textSlot(q, n), table, at.TEXT_BYTES, at.TEXT_LENGTH)
    this.bytes.copyWithin(place, q, q + n)
    this.words[(place + at.TEXT_LENGTH) >> 2] = n
    this.doubles[(place + at.TEXT_VALUE) >> 3] = value
  }

  // Of a slot and the one beside it the one that has this text of n bytes, is free, or whose turn it is.
  private placeOf(q: number, n: number, slot: number, table: number, bytes: number, length: number): number {
    const first = table + slot * bytes
    const second = table + (slot ^ 1) * bytes
    for (const place of [first, second])
      if (this.words[(place + length) >> 2] === n && this.same(place, q, n)) return place
    for (const place of [first, second]) if (this.words[(place + length) >> 2] === 0) return place
    return ++this.turn & 1 ? first : second
  }
  private turn = 0

  private same(p: number, q: number, n: number): boolean {
    for (let i = 0; i < n; i++) if (this.bytes[p + i] !== this.bytes[q + i]) return false
    return true
  }

  // A copy of few bytes behind the text, where nothing is read from.
  private scratch(text: Uint8Array, from: number, to: number): number {
    this.bytes.set(text.subarray(from, to), at.SCRATCH)
    return at.SCRATCH
  }
}

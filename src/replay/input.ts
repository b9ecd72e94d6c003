// Trace files as a stream of events: finds out by content what each file is (text, trace.dat, either of them packed),
// reads it in bounded memory and hands events to a sink. Several files are one trace: parts follow each other; a
// trace.dat stands alone. The command line and the page read by this; what is theirs (files, unpacking) comes as a
// Machine.
import { joined } from '../base/bytes.ts'
import type { Diagnostic } from '../base/index.ts'
import type { EventSink, Names } from './event.ts'
import { isLatency, LatencyLines } from './latency.ts'
import { arrange, mergeByTime, peek } from './merge.ts'
import { CannotUnpack, packing, type Packing } from './packing.ts'
import type { SectionUnpackers } from './packing-zstd.ts'
import { isRecording, RecordingHead } from './recording.ts'
import { TextScanner } from './scan.ts'
import type { Skips } from './skips.ts'
import type { ByteSource } from './trace-dat.ts'
import { isTraceDat } from './trace-dat-magic.ts'

/** What reading came to. */
export interface TraceInput {
  /** `text`, `trace.dat`, with `(gzip)` or `(zstd)` after it. */
  format: string
  /** Bytes of trace text or records, unpacked. */
  bytes: number
  lines: number
  events: number
  /** Number of CPUs that a header names. */
  cpus: number | null
  overwritten: number
  others: Map<string, number>
  errors: Diagnostic[]
  /** How files were put together, when that is not plain. */
  notes: string[]
  interrupted: boolean
  kernel: string | null
  /** The first bytes of the first file of text, unpacked; null when there is none. */
  beginning: Uint8Array | null
}

export interface ReadHooks {
  /** Asked now and then; true stops reading where it is. */
  stop(): boolean
  /** Bytes of the input files read so far and in all (0: not known). */
  progress(done: number, total: number): void
  /** A header said how many CPUs there are. */
  cpus(n: number): void
  /** A header said that the oldest events were overwritten. */
  overwritten(): void
}

/** A file, or what comes from a pipe. */
export interface TraceSource {
  /** As it is shown. */
  readonly name: string
  /** Bytes; null when that is not known. */
  readonly size: number | null
  /** Bytes given so far. */
  readonly done: number
  /** Its bytes from front to back. */
  chunks(): AsyncGenerator<Uint8Array>
  /** The file itself, to be read anywhere; null where that cannot be. @throws what Machine.why understands */
  random(): RandomSource | null
}

export interface RandomSource {
  readonly source: ByteSource
  close(): void
}

/** What reading needs of where it runs. */
export interface Machine {
  /** As unpackWith(). */
  unpack(kind: Packing, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>
  sectionUnpackers(): Promise<SectionUnpackers>
  /** Keeps a stream so that it can be read anywhere; what went wrong as text. */
  keep(name: string, stream: AsyncGenerator<Uint8Array>): Promise<RandomSource | string>
  /** Why something could not be read. */
  why(e: unknown): string
  /** Lets other things happen: an interrupt, a message. */
  turn(): Promise<void>
}

interface Opened {
  readonly from: TraceSource
  readonly kind: 'text' | 'trace.dat'
  readonly layers: readonly string[]
  readonly first: Uint8Array
  readonly stream: AsyncGenerator<Uint8Array>
}

type Complain = (code: string, message: string, hint?: string) => void

const label = (o: Opened): string => `${o.kind}${o.layers.length > 0 ? ` (${o.layers.join(', ')})` : ''}`

/** The reading of all files of a run: where their events go, and what is said of them. */
class TraceReader {
  readonly out: TraceInput
  private readonly scanner: TextScanner
  private readonly formats = new Set<string>()

  constructor(
    private readonly machine: Machine,
    private readonly sources: readonly TraceSource[],
    private readonly sink: EventSink,
    private readonly names: Names,
    private readonly skips: Skips,
    private readonly hooks: ReadHooks
  ) {
    this.scanner = new TextScanner(sink, names, skips, (h) => {
      if (h.cpus !== null) hooks.cpus(h.cpus)
      if ((h.entriesWritten ?? 0) > (h.entriesInBuffer ?? 0)) hooks.overwritten()
    })
    this.out = {
      format: '',
      bytes: 0,
      lines: 0,
      events: 0,
      cpus: null,
      overwritten: 0,
      others: this.scanner.others,
      errors: [],
      notes: [],
      interrupted: false,
      kernel: null,
      beginning: null
    }
  }

  complain(file: string): Complain {
    return (code, message, hint) => {
      this.out.errors.push({ code, file, line: 0, column: 0, word: '', message, ...(hint ? { hint } : {}) })
    }
  }

  /** Tells how much is done, `part` of it in a file that is read in another order. */
  private report(part = 0): void {
    let total = 0
    let done = part
    for (const r of this.sources) {
      total += r.size ?? Number.NaN
      done += r.done
    }
    this.hooks.progress(done, Number.isNaN(total) ? 0 : total)
  }

  async open(): Promise<Opened[]> {
    const opened: Opened[] = []
    for (const from of this.sources) {
      const o = await unwrap(this.machine, from, this.complain(from.name))
      if (o !== null) opened.push(o)
    }
    return opened
  }

  private async feed(stream: AsyncGenerator<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.scanner.push(chunk)
      this.report()
      if (this.hooks.stop()) {
        this.out.interrupted = true
        return
      }
    }
  }

  /** Files of text, one after the other or merged by time: which it is, is a note. */
  async texts(texts: readonly Opened[]): Promise<void> {
    const { out } = this
    const plan = arrange(texts.map((o) => peek(o.first)))
    if (plan.how === 'merge' && texts.length > 1) {
      out.notes.push(`${texts.length} files of one CPU each are merged by time`)
      for (const o of texts) this.formats.add(label(o))
      return this.feed(mergeByTime(texts.map((o) => chain(o.first, o.stream))))
    }
    if (plan.reordered)
      out.notes.push(
        'the parts are read in the order of their times: ' +
          `${plan.order.map((i) => (texts[i] as Opened).from.name).join(' ')}`
      )
    for (const [i, k] of plan.order.entries()) {
      const o = texts[k] as Opened
      this.formats.add(label(o))
      if (i > 0) this.scanner.boundary(o.first[0] as number)
      await this.feed(chain(o.first, o.stream))
      if (out.interrupted) return
    }
  }

  async traceDat(o: Opened): Promise<void> {
    const { machine, sink, names, skips, hooks, out } = this
    this.formats.add(label(o))
    const progress = (part: number): void => this.report(part * (o.from.size ?? 0) - o.from.done)
    await readTraceDat({ machine, sink, names, skips, hooks, out, bad: this.complain(o.from.name), progress }, o)
  }

  end(): TraceInput {
    const { out, scanner } = this
    scanner.end()
    out.format = [...this.formats].join(' + ')
    out.bytes += scanner.bytes
    out.lines += scanner.lines
    out.events += scanner.events
    out.cpus = scanner.header.cpus ?? out.cpus
    const { entriesInBuffer, entriesWritten } = scanner.header
    if (entriesInBuffer !== null && entriesWritten !== null)
      out.overwritten += Math.max(0, entriesWritten - entriesInBuffer)
    return out
  }
}

/** Reads all files into the sink, in their order. Never throws for what a file holds. */
export async function readTraces(
  machine: Machine,
  sources: readonly TraceSource[],
  sink: EventSink,
  names: Names,
  skips: Skips,
  hooks: ReadHooks
): Promise<TraceInput> {
  const reading = new TraceReader(machine, sources, sink, names, skips, hooks)
  const { out } = reading
  const opened = await reading.open()
  const texts = opened.filter((o) => o.kind === 'text')
  out.beginning = texts[0]?.first.slice() ?? null
  try {
    await reading.texts(texts)
    for (const o of opened) if (o.kind === 'trace.dat' && !out.interrupted) await reading.traceDat(o)
  } catch (e) {
    reading.complain(sources.map((s) => s.name).join(' '))('TB-002', `cannot be read: ${machine.why(e)}`)
  }
  return reading.end()
}

// Takes compression off, layer by layer, and sees what is inside; null when it is nothing that can be read.
async function unwrap(machine: Machine, from: TraceSource, bad: Complain): Promise<Opened | null> {
  const layers: string[] = []
  try {
    let stream = from.chunks()
    let first = await head(stream)
    for (let depth = 0; depth < 3; depth++) {
      const kind = packing(first)
      if (kind === null) break
      layers.push(kind)
      stream = tolerant(machine.unpack(kind, chain(first, stream)), (message, hint) =>
        bad('TB-357', message, hint ?? 'what could be unpacked before that is in the report')
      )
      first = await head(stream)
    }
    const wrong = unreadable(first)
    if (wrong !== null) bad('TB-358', wrong.message, wrong.hint)
    else if (isTraceDat(first)) return { from, kind: 'trace.dat', layers, first, stream }
    else if (isRecording(first)) {
      const trace = behindHead(chain(first, stream))
      return { from, kind: 'text', layers, first: await head(trace), stream: trace }
    } else if (first.length === 0)
      bad('TB-359', layers.length > 0 ? 'there is nothing in the compressed file' : 'the file is empty')
    else {
      if (!isLatency(first)) return { from, kind: 'text', layers, first, stream }
      const lines = inUsualFormat(chain(first, stream))
      return { from, kind: 'text', layers, first: await head(lines), stream: lines }
    }
  } catch (e) {
    bad('TB-002', `cannot be read: ${machine.why(e)}`)
  }
  return null
}

async function* inUsualFormat(stream: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const lines = new LatencyLines()
  for await (const chunk of stream) {
    const text = lines.push(chunk)
    if (text.length > 0) yield text
  }
  const last = lines.end()
  if (last.length > 0) yield last
}

// The trace of a recording of `tbit record`: what stands behind its sections.
async function* behindHead(stream: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sections: RecordingHead | null = new RecordingHead()
  for await (const chunk of stream) {
    const got = sections === null ? chunk : sections.feed(chunk)
    if (got === null) continue
    if (got === 'broken') return
    sections = null
    if (got.length > 0) yield got
  }
}

// The first bytes of a stream (at least 16, if there are as many); the stream goes on behind them.
async function head(stream: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array(0)
  while (bytes.length < 16) {
    const n = await stream.next()
    if (n.done) break
    bytes = joined([bytes, n.value])
  }
  return bytes
}

async function* chain(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first
  yield* rest
}

// Formats that people have at hand and that are not ours.
function unreadable(b: Uint8Array): { message: string; hint: string } | null {
  const ascii = String.fromCharCode(...b.subarray(0, 8))
  if ((b[0] === 0xff && b[1] === 0xfe) || (b[0] === 0xfe && b[1] === 0xff))
    return { message: 'UTF-16 text, and UTF-8 is read here', hint: 'iconv -f UTF-16 -t UTF-8 FILE | tbit replay -' }
  if (ascii === 'PERFILE2')
    return { message: 'a perf.data file', hint: 'perf script -i FILE makes the text that is read here' }
  if (b[0] === 0xfd && ascii.startsWith('7zXZ', 1))
    return { message: 'compressed with xz, which is not read here', hint: 'xz -dc FILE | tbit replay -' }
  if (ascii.startsWith('BZh'))
    return { message: 'compressed with bzip2, which is not read here', hint: 'bzip2 -dc FILE | tbit replay -' }
  if (b[0] === 0x50 && b[1] === 0x4b && b[2] === 3 && b[3] === 4)
    return { message: 'a zip archive', hint: 'unzip -p FILE | tbit replay -' }
  if (b[0] === 0x04 && b[1] === 0x22 && b[2] === 0x4d && b[3] === 0x18)
    return { message: 'compressed with lz4, which is not read here', hint: 'lz4 -dc FILE | tbit replay -' }
  return null
}

// What is damaged ends the file, not the reading: what came before it counts.
async function* tolerant(
  slices: AsyncGenerator<Uint8Array>,
  broken: (message: string, hint?: string) => void
): AsyncGenerator<Uint8Array> {
  try {
    yield* slices
  } catch (e) {
    if (!(e instanceof CannotUnpack)) throw e
    broken(e.message, e.hint)
  }
}

interface Reading {
  readonly machine: Machine
  readonly sink: EventSink
  readonly names: Names
  readonly skips: Skips
  readonly hooks: ReadHooks
  readonly out: TraceInput
  bad(code: string, message: string, hint?: string): void
  progress(part: number): void
}

// Its parts lie all over the file: a packed one, or one from a pipe, is kept somewhere first.
async function readTraceDat(r: Reading, o: Opened): Promise<void> {
  const { machine, out, hooks, skips } = r
  const plain = o.layers.length === 0 ? o.from.random() : null
  const kept = plain ?? (await machine.keep(o.from.name, chain(o.first, o.stream)))
  if (typeof kept === 'string') {
    r.bad('TB-002', kept)
    return
  }
  try {
    // Its reader is large, and most traces are text.
    const { TraceDat } = await import('./trace-dat.ts')
    const opened = TraceDat.open(kept.source, r.names, skips, await machine.sectionUnpackers())
    if (!opened.ok) {
      out.errors.push(opened.error)
      return
    }
    const dat = opened.value
    out.cpus = Math.max(out.cpus ?? 0, dat.info.cpus)
    hooks.cpus(dat.info.cpus)
    if (dat.info.overrun > 0) hooks.overwritten()
    if (dat.info.uname) out.kernel = dat.info.uname
    while (dat.pump(r.sink, 16384)) {
      r.progress(dat.dataBytes > 0 ? dat.done / dat.dataBytes : 1)
      if (hooks.stop()) {
        out.interrupted = true
        break
      }
      await machine.turn()
    }
    out.bytes += kept.source.size
    out.lines += dat.records
    out.events += dat.records
    // The recorder's statistics count what pages already said.
    out.overwritten += Math.max(0, dat.info.overrun + dat.info.dropped - dat.lost)
    for (const [name, n] of dat.others) out.others.set(name, (out.others.get(name) ?? 0) + n)
    if (skips.list().some((s) => s.reason === 'cutRecord'))
      r.bad(
        'TB-356',
        'this trace.dat is cut off or damaged',
        'what could be read is in the report; events of a CPU whose data is missing look like losses'
      )
  } finally {
    kept.close()
  }
}

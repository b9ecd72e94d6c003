// Trace files as a stream of events: finds out by content what each file is (text, trace.dat, either of them packed), reads it in bounded
// memory and hands events to a sink. Several files are one trace: parts follow each other; a trace.dat stands alone.
import { closeSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Diagnostic } from '../base/index.ts'
import { remove, temporaryFolder } from './cleanup.ts'
import { why } from './file-access.ts'
import { CannotUnpack, packing, sectionUnpackers, unpack } from './unpack.ts'
import { arrange, type ByteSource, type EventSink, isLatency, isRecording, isTraceDat, LatencyLines, mergeByTime, type Names, peek, RecordingHead, type Skips, TextScanner, TraceDat } from '../replay/index.ts'
import { chunks } from './read-lines.ts'

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

const CHUNK = 1 << 20
const FIRST = 1 << 16
const STDIN = '-'
const nameOf = (path: string): string => (path === STDIN ? '(standard input)' : path)

interface Opened {
  readonly path: string
  readonly raw: RawFile
  readonly kind: 'text' | 'trace.dat'
  readonly layers: readonly string[]
  readonly first: Uint8Array
  readonly stream: AsyncGenerator<Uint8Array>
}

/** Reads all files into the sink, in their order. Never throws for what a file holds. */
export async function readTraces(paths: readonly string[], sink: EventSink, names: Names, skips: Skips, hooks: ReadHooks): Promise<TraceInput> {
  const scanner = new TextScanner(sink, names, skips, (h) => {
    if (h.cpus !== null) hooks.cpus(h.cpus)
    if ((h.entriesWritten ?? 0) > (h.entriesInBuffer ?? 0)) hooks.overwritten()
  })
  const out: TraceInput = { format: '', bytes: 0, lines: 0, events: 0, cpus: null, overwritten: 0, others: scanner.others, errors: [], notes: [], interrupted: false, kernel: null, beginning: null }
  const formats = new Set<string>()
  const raws: RawFile[] = []
  const bad = (path: string) => (code: string, message: string, hint?: string): void => { out.errors.push({ code, file: nameOf(path), line: 0, column: 0, word: '', message, ...(hint ? { hint } : {}) }) }
  const report = (part = 0): void => {
    let total = 0
    let done = part
    for (const r of raws) {
      total += r.seekable ? r.size : Number.NaN
      done += r.done
    }
    hooks.progress(done, Number.isNaN(total) ? 0 : total)
  }

  const opened: Opened[] = []
  for (const path of paths) {
    const raw = new RawFile(path)
    const wrong = await raw.open()
    if (wrong !== null) bad(path)('TB-002', wrong)
    else {
      raws.push(raw)
      const o = await unwrap(path, raw, bad(path))
      if (o !== null) opened.push(o)
    }
  }
  const texts = opened.filter((o) => o.kind === 'text')
  out.beginning = texts[0]?.first.slice() ?? null
  const plan = arrange(texts.map((o) => peek(o.first)))
  if (plan.how === 'merge' && texts.length > 1) out.notes.push(`${texts.length} files of one CPU each are merged by time`)
  else if (plan.reordered) out.notes.push(`the parts are read in the order of their times: ${plan.order.map((i) => (texts[i] as Opened).path).join(' ')}`)

  const feed = async (stream: AsyncGenerator<Uint8Array>): Promise<void> => {
    for await (const chunk of stream) {
      scanner.push(chunk)
      report()
      if (hooks.stop()) {
        out.interrupted = true
        return
      }
    }
  }
  const label = (o: Opened): string => `${o.kind}${o.layers.length > 0 ? ` (${o.layers.join(', ')})` : ''}`
  try {
    if (plan.how === 'merge' && texts.length > 1) {
      for (const o of texts) formats.add(label(o))
      await feed(mergeByTime(texts.map((o) => chain(o.first, o.stream))))
    } else {
      for (const [i, k] of plan.order.entries()) {
        const o = texts[k] as Opened
        formats.add(label(o))
        if (i > 0) scanner.boundary(o.first[0] as number)
        await feed(chain(o.first, o.stream))
        if (out.interrupted) break
      }
    }
    for (const o of opened) {
      if (o.kind !== 'trace.dat' || out.interrupted) continue
      formats.add(label(o))
      await readTraceDat(o.path, o.layers.length > 0 || !o.raw.seekable, chain(o.first, o.stream), sink, names, skips, hooks, out, bad(o.path), (part) => report(part * o.raw.size - o.raw.done))
    }
  } catch (e) {
    bad(paths.join(' '))('TB-002', `cannot be read: ${why(e)}`)
  } finally {
    for (const r of raws) await r.close()
  }
  scanner.end()
  out.format = [...formats].join(' + ')
  out.bytes += scanner.bytes
  out.lines += scanner.lines
  out.events += scanner.events
  out.cpus = scanner.header.cpus ?? out.cpus
  const { entriesInBuffer, entriesWritten } = scanner.header
  if (entriesInBuffer !== null && entriesWritten !== null) out.overwritten += Math.max(0, entriesWritten - entriesInBuffer)
  return out
}

// Takes compression off, layer by layer, and sees what is inside; null when it is nothing that can be read.
async function unwrap(path: string, raw: RawFile, bad: (code: string, message: string, hint?: string) => void): Promise<Opened | null> {
  const layers: string[] = []
  try {
    let stream = raw.chunks()
    let first = await head(stream)
    for (let depth = 0; depth < 3; depth++) {
      const kind = packing(first)
      if (kind === null) break
      layers.push(kind)
      stream = tolerant(unpack(kind, chain(first, stream)), (message, hint) => bad('TB-357', message, hint ?? 'what could be unpacked before that is in the report'))
      first = await head(stream)
    }
    const wrong = unreadable(first)
    if (wrong !== null) bad('TB-358', wrong.message, wrong.hint)
    else if (isTraceDat(first)) return { path, raw, kind: 'trace.dat', layers, first, stream }
    else if (isRecording(first)) {
      const trace = behindHead(chain(first, stream))
      return { path, raw, kind: 'text', layers, first: await head(trace), stream: trace }
    }
    else if (first.length === 0) bad('TB-359', layers.length > 0 ? 'there is nothing in the compressed file' : 'the file is empty')
    else {
      if (!isLatency(first)) return { path, raw, kind: 'text', layers, first, stream }
      const lines = inUsualFormat(chain(first, stream))
      return { path, raw, kind: 'text', layers, first: await head(lines), stream: lines }
    }
  } catch (e) {
    bad('TB-002', `cannot be read: ${why(e)}`)
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

/** The sections of a recording of `tbit record`, by name; null: the file is none, or cannot be read (readTraces then says so). */
export async function recordingSections(path: string): Promise<ReadonlyMap<string, string> | null> {
  if (path === STDIN) return null
  const sections = new RecordingHead()
  let first = true
  try {
    // What is read of a pipe here would be missing from the trace.
    if (!statSync(path).isFile()) return null
    for await (const chunk of chunks(path)) {
      if (first && !isRecording(chunk)) return null
      first = false
      const got = sections.feed(chunk)
      if (got === 'broken') return null
      if (got !== null) return sections.sections
    }
  } catch {
    return null
  }
  return first ? null : sections.sections
}

// A file or standard input, read ahead by one chunk.
class RawFile {
  done = 0
  size = 0
  seekable = false
  private handle: FileHandle | null = null

  constructor(private readonly path: string) {}

  /** What went wrong, or null. */
  async open(): Promise<string | null> {
    if (this.path === STDIN) return null
    try {
      this.handle = await open(this.path, 'r')
      const s = await this.handle.stat()
      if (s.isDirectory()) {
        await this.close()
        return 'cannot be read: it is a directory; name the trace files in it'
      }
      this.seekable = s.isFile()
      this.size = s.isFile() ? s.size : 0
      return null
    } catch (e) {
      return `cannot be read: ${why(e)}`
    }
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const handle = this.handle
    if (handle === null) {
      for await (const c of process.stdin as AsyncIterable<Buffer>) {
        this.done += c.length
        yield c
      }
      return
    }
    // A small beginning, so that many parts can be looked at at once; then two buffers: one is filled while the other is parsed.
    const first = new Uint8Array(FIRST)
    const got = (await handle.read(first, 0, FIRST, null)).bytesRead
    if (got === 0) return
    this.done += got
    yield first.subarray(0, got)
    const buffers = [new Uint8Array(CHUNK), new Uint8Array(CHUNK)]
    let turn = 0
    let pending = handle.read(buffers[0] as Uint8Array, 0, CHUNK, null)
    for (;;) {
      const { bytesRead } = await pending
      if (bytesRead === 0) return
      const mine = buffers[turn] as Uint8Array
      turn = 1 - turn
      pending = handle.read(buffers[turn] as Uint8Array, 0, CHUNK, null)
      pending.catch(() => {})
      this.done += bytesRead
      yield mine.subarray(0, bytesRead)
    }
  }

  async close(): Promise<void> {
    await this.handle?.close().catch(() => {})
  }
}

// The first bytes of a stream (at least 16, if there are as many); the stream goes on behind them.
async function head(stream: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array(0)
  while (bytes.length < 16) {
    const n = await stream.next()
    if (n.done) break
    const more = new Uint8Array(bytes.length + n.value.length)
    more.set(bytes)
    more.set(n.value, bytes.length)
    bytes = more
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
  if ((b[0] === 0xff && b[1] === 0xfe) || (b[0] === 0xfe && b[1] === 0xff)) return { message: 'UTF-16 text, and UTF-8 is read here', hint: 'iconv -f UTF-16 -t UTF-8 FILE | tbit replay -' }
  if (ascii === 'PERFILE2') return { message: 'a perf.data file', hint: 'perf script -i FILE makes the text that is read here' }
  if (b[0] === 0xfd && ascii.startsWith('7zXZ', 1)) return { message: 'compressed with xz, which is not read here', hint: 'xz -dc FILE | tbit replay -' }
  if (ascii.startsWith('BZh')) return { message: 'compressed with bzip2, which is not read here', hint: 'bzip2 -dc FILE | tbit replay -' }
  if (b[0] === 0x50 && b[1] === 0x4b && b[2] === 3 && b[3] === 4) return { message: 'a zip archive', hint: 'unzip -p FILE | tbit replay -' }
  if (b[0] === 0x04 && b[1] === 0x22 && b[2] === 0x4d && b[3] === 0x18) return { message: 'compressed with lz4, which is not read here', hint: 'lz4 -dc FILE | tbit replay -' }
  return null
}

// What is damaged ends the file, not the reading: what came before it counts.
async function* tolerant(slices: AsyncGenerator<Uint8Array>, broken: (message: string, hint?: string) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* slices
  } catch (e) {
    if (!(e instanceof CannotUnpack)) throw e
    broken(e.message, e.hint)
  }
}

/** A packed trace.dat, or one from a pipe, is put into a temporary file of at most so many bytes. */
const LARGEST_SPOOLED = 16 * 2 ** 30

// What went wrong, or null.
async function spoolTo(file: string, stream: AsyncGenerator<Uint8Array>): Promise<string | null> {
  const to = openSync(file, 'wx')
  let size = 0
  try {
    for await (const c of stream) {
      size += c.length
      if (size > LARGEST_SPOOLED) return `cannot be read: it unpacks to more than ${LARGEST_SPOOLED / 2 ** 30} GiB; unpacked to a file it is read where it is`
      for (let at = 0; at < c.length;) at += writeSync(to, c, at)
    }
    return null
  } catch (e) {
    return `cannot be unpacked to the temporary folder ${file}: ${why(e)}`
  } finally {
    closeSync(to)
  }
}

async function readTraceDat(
  path: string, spool: boolean, stream: AsyncGenerator<Uint8Array>, sink: EventSink, names: Names, skips: Skips, hooks: ReadHooks, out: TraceInput,
  bad: (code: string, message: string, hint?: string) => void, progress: (part: number) => void
): Promise<void> {
  let file = path
  let dir: string | null = null
  if (spool) {
    // Its parts lie all over the file: a packed one, or one from a pipe, goes through a temporary file.
    dir = temporaryFolder()
    file = join(dir, 'trace.dat')
    const wrong = await spoolTo(file, stream)
    if (wrong !== null) {
      remove(dir)
      bad('TB-002', wrong)
      return
    }
  }
  const fd = openSync(file, 'r')
  try {
    const size = fstatSync(fd).size
    const source: ByteSource = {
      name: nameOf(path), size,
      read(offset, length) {
        const b = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
        let n = 0
        while (n < b.length) {
          const got = readSync(fd, b, n, b.length - n, offset + n)
          if (got === 0) break
          n += got
        }
        return b.subarray(0, n)
      }
    }
    const opened = TraceDat.open(source, names, skips, await sectionUnpackers())
    if (!opened.ok) {
      out.errors.push(opened.error)
      return
    }
    const dat = opened.value
    out.cpus = Math.max(out.cpus ?? 0, dat.info.cpus)
    hooks.cpus(dat.info.cpus)
    if (dat.info.overrun > 0) hooks.overwritten()
    if (dat.info.uname) out.kernel = dat.info.uname
    while (dat.pump(sink, 16384)) {
      progress(dat.dataBytes > 0 ? dat.done / dat.dataBytes : 1)
      if (hooks.stop()) {
        out.interrupted = true
        break
      }
      await new Promise<void>((done) => setImmediate(done))
    }
    out.bytes += size
    out.lines += dat.records
    out.events += dat.records
    // The recorder's statistics count what pages already said.
    out.overwritten += Math.max(0, dat.info.overrun + dat.info.dropped - dat.lost)
    for (const [name, n] of dat.others) out.others.set(name, (out.others.get(name) ?? 0) + n)
    if (skips.list().some((s) => s.reason === 'cutRecord')) bad('TB-356', 'this trace.dat is cut off or damaged', 'what could be read is in the report; events of a CPU whose data is missing look like losses')
  } finally {
    closeSync(fd)
    if (dir !== null) remove(dir)
  }
}

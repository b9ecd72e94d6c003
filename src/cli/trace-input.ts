// Trace files of Node: files, pipes, and what is kept beside them (replay/input.ts reads).
import { closeSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Diagnostic } from '../base/index.ts'
import {
  type EventSink,
  isRecording,
  type Machine,
  type Names,
  type RandomSource,
  readTraces as readSources,
  type ReadHooks,
  RecordingHead,
  type Skips,
  type TraceInput,
  type TraceSource
} from '../replay/index.ts'
import { remove, temporaryFolder } from './cleanup.ts'
import { why } from './file-access.ts'
import { chunks } from './read-lines.ts'
import { sectionUnpackers, unpack } from './unpack.ts'

const CHUNK = 1 << 20
const FIRST = 1 << 16
/** What a processor has at hand when it is parsed. */
const BLOCKING_CHUNK = 1 << 18
const STDIN = '-'
const nameOf = (path: string): string => (path === STDIN ? '(standard input)' : path)

/**
 * Reads all files into the sink, in their order. Never throws for what a file holds. `blocking`: this thread has
 * nothing else to do meanwhile.
 */
export async function readTraces(
  paths: readonly string[],
  sink: EventSink,
  names: Names,
  skips: Skips,
  hooks: ReadHooks,
  blocking = false
): Promise<TraceInput> {
  const errors: Diagnostic[] = []
  const raws: RawFile[] = []
  for (const path of paths) {
    const raw = new RawFile(path, blocking)
    const wrong = await raw.open()
    if (wrong === null) raws.push(raw)
    else errors.push({ code: 'TB-002', file: raw.name, line: 0, column: 0, word: '', message: wrong })
  }
  try {
    const input = await readSources(node, raws, sink, names, skips, hooks)
    return { ...input, errors: [...errors, ...input.errors] }
  } finally {
    for (const r of raws) await r.close()
  }
}

/**
 * The sections of a recording of `tbit record`, by name; null: the file is none, or cannot be read (readTraces then
 * says so).
 */
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
class RawFile implements TraceSource {
  readonly name: string
  done = 0
  size: number | null = null
  private handle: FileHandle | null = null

  constructor(
    private readonly path: string,
    private readonly blocking: boolean
  ) {
    this.name = nameOf(path)
  }

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
      if (s.isFile()) this.size = s.size
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
    // A small beginning, so that many parts can be looked at at once; then two buffers: one is filled while the other
    // is parsed.
    const first = new Uint8Array(FIRST)
    const got = (await handle.read(first, 0, FIRST, null)).bytesRead
    if (got === 0) return
    this.done += got
    yield first.subarray(0, got)
    if (this.blocking) {
      yield* this.blockingChunks(handle.fd)
      return
    }
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

  // To wait for another thread that reads costs more than reading, where both cores are at work.
  private *blockingChunks(fd: number): Generator<Uint8Array> {
    const buffer = new Uint8Array(BLOCKING_CHUNK)
    for (;;) {
      const n = readSync(fd, buffer, 0, BLOCKING_CHUNK, null)
      if (n === 0) return
      this.done += n
      yield buffer.subarray(0, n)
    }
  }

  random(): RandomSource | null {
    return this.size === null ? null : fileSource(this.path, this.name, () => {})
  }

  async close(): Promise<void> {
    await this.handle?.close().catch(() => {})
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
      if (size > LARGEST_SPOOLED)
        return (
          `cannot be read: it unpacks to more than ${LARGEST_SPOOLED / 2 ** 30} GiB; unpacked to a file it is read ` +
          'where it is'
        )
      for (let at = 0; at < c.length; ) at += writeSync(to, c, at)
    }
    return null
  } catch (e) {
    return `cannot be unpacked to the temporary folder ${file}: ${why(e)}`
  } finally {
    closeSync(to)
  }
}

// A file to be read anywhere; `after`: when it is closed.
function fileSource(file: string, name: string, after: () => void): RandomSource {
  const fd = openSync(file, 'r')
  const size = fstatSync(fd).size
  return {
    close() {
      closeSync(fd)
      after()
    },
    source: {
      name,
      size,
      read(offset, length, into) {
        const most = Math.max(0, Math.min(length, size - offset))
        const b = into !== undefined && into.length >= most ? into.subarray(0, most) : new Uint8Array(most)
        let n = 0
        while (n < b.length) {
          const got = readSync(fd, b, n, b.length - n, offset + n)
          if (got === 0) break
          n += got
        }
        return b.subarray(0, n)
      }
    }
  }
}

const node: Machine = {
  unpack,
  sectionUnpackers,
  why,
  async keep(name, stream) {
    const dir = temporaryFolder()
    const file = join(dir, 'trace.dat')
    const wrong = await spoolTo(file, stream)
    if (wrong === null) return fileSource(file, name, () => remove(dir))
    remove(dir)
    return wrong
  },
  turn: () =>
    new Promise((done) => {
      setImmediate(done)
    })
}

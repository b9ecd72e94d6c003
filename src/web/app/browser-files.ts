// A browser's part of reading traces (replay/input.ts): files that were dropped, gzip by the browser, zlib in trace.dat
// by fflate. In a worker.
import { messageOf } from '../../base/diagnostic.ts'
import type { Machine, RandomSource, TraceSource } from '../../replay/input.ts'
import { unpackWith } from '../../replay/packing.ts'
import { turn } from './turn.ts'

/** A packed trace.dat is kept as a whole, at most so many bytes: what a page may ask of a machine. */
const LARGEST_KEPT = 2 * 2 ** 30

/** Bytes read at once. */
const CHUNK = 1 << 20

/** Readers at work: Chromium collects one that nobody holds, and with it all that waits for what it reads. */
const atWork = new Set<ReadableStreamBYOBReader>()

interface Reader {
  /** null: the end. */
  read(): Promise<Uint8Array | null>
  cancel(): Promise<void>
}

/**
 * Reads into one buffer: else every part of a file is garbage of its own, and comes faster than it is collected. null
 * where a browser's files cannot be read so.
 */
function oneBuffer(stream: ReadableStream<Uint8Array>): Reader | null {
  let reader: ReadableStreamBYOBReader
  try {
    reader = stream.getReader({ mode: 'byob' })
  } catch {
    return null
  }
  atWork.add(reader)
  let buffer = new ArrayBuffer(CHUNK)
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(buffer))
      if (value !== undefined) buffer = value.buffer
      return done || value === undefined ? null : value
    },
    cancel() {
      atWork.delete(reader)
      return reader.cancel()
    }
  }
}

function buffers(stream: ReadableStream<Uint8Array>): Reader {
  const reader = stream.getReader()
  return {
    async read() {
      const { done, value } = await reader.read()
      return done ? null : value
    },
    cancel: () => reader.cancel()
  }
}

export class FileSource implements TraceSource {
  done = 0

  constructor(
    private readonly file: Blob,
    readonly name: string
  ) {}

  get size(): number {
    return this.file.size
  }

  /** What is given is overwritten by what comes next. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const stream = this.file.stream() as ReadableStream<Uint8Array>
    const { read, cancel } = oneBuffer(stream) ?? buffers(stream)
    try {
      for (let c = await read().catch(this.failed); c !== null; c = await read().catch(this.failed)) {
        this.done += c.length
        yield c
      }
      // What was cut off after it was chosen ends early, without an error.
      if (this.done < this.size) this.failed('it ends there')
    } finally {
      cancel().catch(() => {})
    }
  }

  /** Browsers say `network error` of a file on a disk. */
  private readonly failed = (e: unknown): never => {
    throw new Error(
      `after ${this.done} of ${this.size} bytes the browser could not read on (${messageOf(e)}): the file was ` +
        'changed or moved meanwhile, or its disk fails'
    )
  }

  random(): RandomSource {
    return randomOf(this.file, this.name)
  }
}

/** A worker's way to read a file at once; the types of a page do not have it. */
declare const FileReaderSync: new () => { readAsArrayBuffer(b: Blob): ArrayBuffer }

function randomOf(file: Blob, name: string): RandomSource {
  const reader = new FileReaderSync()
  return {
    close: () => {},
    source: {
      name,
      size: file.size,
      read: (offset, length) =>
        new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, Math.min(file.size, offset + length))))
    }
  }
}

export const browser: Machine = {
  unpack: (kind, source) =>
    unpackWith(
      async function* (packed, damaged) {
        yield* (await import('./gunzip.ts')).gunzip(packed, damaged)
      },
      kind,
      source
    ),
  async sectionUnpackers() {
    const [{ unzlibSync }, { sectionUnpackersWith }] = await Promise.all([
      import('fflate'),
      import('../../replay/packing-zstd.ts')
    ])
    return sectionUnpackersWith((data, size) => unzlibSync(data, { out: new Uint8Array(size) }))
  },
  async keep(name, stream) {
    const parts: Uint8Array<ArrayBuffer>[] = []
    let size = 0
    for await (const c of stream) {
      size += c.length
      if (size > LARGEST_KEPT)
        return (
          `cannot be read: it unpacks to more than ${LARGEST_KEPT / 2 ** 30} GiB; unpacked to a file it is read ` +
          'where it is'
        )
      parts.push(Uint8Array.from(c))
    }
    return randomOf(new Blob(parts), name)
  },
  why: messageOf,
  turn
}

// The files of `replay --parquet`: for each recording one in each table, at DIR/TABLE/host=HOST/day=DAY/INPUT.parquet,
// all of them or none. The name is the recording's own, so that reading it again replaces what it wrote before. A disk
// that fills up while the trace is read ends the writing, not the reading.
import { createHash } from 'node:crypto'
import { closeSync, existsSync, fstatSync, openSync, readSync, rmdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileWriter } from 'hyparquet-writer'
import type { Diagnostic } from '../base/index.ts'
import type { Provenance, ReplayResult, SimulatedEvent } from '../replay/index.ts'
import {
  EventTable,
  type ParquetTable,
  parquetTables,
  writeDevices,
  writeRecording,
  writeSamples
} from '../report/replay-parquet.ts'
import { partOf } from './cleanup.ts'
import { cannotWrite, openWhole, outputAt, type WholeFile } from './file-access.ts'
import { makeDirectory } from '../kernel-build/directory.ts'

/** Bytes of a file's beginning that tell it from others of its name. */
const BEGINNING = 1 << 16

// The beginning of a regular file; of a pipe nothing, as it can be read once.
function beginning(path: string): Uint8Array {
  try {
    const fd = openSync(path, 'r')
    try {
      const bytes = new Uint8Array(fstatSync(fd).isFile() ? BEGINNING : 0)
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return new Uint8Array(0)
  }
}

/**
 * How a recording is called among others: the same file has the same name, wherever it lies and how far it has grown.
 */
export function inputName(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const f of files) hash.update(`${basename(f)}\0`).update(f === '-' ? '' : beginning(f))
  const stem = basename(files[0] ?? '-').replace(/[^\w.-]/g, '_')
  return `${stem === '-' ? 'stdin' : stem.slice(0, 100)}-${hash.digest('hex').slice(0, 12)}`
}

const TABLES = Object.keys(parquetTables) as ParquetTable[]
/** Where nothing is known: what Hive and those who follow it read as NULL. */
const UNKNOWN = '__HIVE_DEFAULT_PARTITION__'

const partial = (dir: string, input: string, table: ParquetTable): string => join(dir, `${input}.${table}`)
/** The files that are written before they are whole, of this process. */
export const partialFiles = (dir: string, input: string): string[] => TABLES.map((t) => partOf(partial(dir, input, t)))

export class ParquetOutput {
  private failed: unknown = null
  private readonly table: EventTable

  private constructor(
    private readonly dir: string,
    private readonly made: boolean,
    private readonly input: string,
    private readonly files: ReadonlyMap<ParquetTable, WholeFile>,
    deviceName: (id: number) => string
  ) {
    this.table = new EventTable(fileWriter(this.path('events')), input, deviceName)
  }

  static open(dir: string, input: string, deviceName: (id: number) => string): ParquetOutput | Diagnostic {
    const made = !existsSync(dir)
    const files = new Map<ParquetTable, WholeFile>()
    const discard = (): void => {
      for (const f of files.values()) f.discard()
    }
    try {
      makeDirectory(dir)
      for (const t of TABLES) {
        const file = openWhole(partial(dir, input, t))
        if ('code' in file) {
          discard()
          return file
        }
        files.set(t, file)
      }
      return new ParquetOutput(dir, made, input, files, deviceName)
    } catch (e) {
      discard()
      return cannotWrite(dir, e)
    }
  }

  private path(t: ParquetTable): string {
    return (this.files.get(t) as WholeFile).path
  }

  add(e: SimulatedEvent): void {
    this.attempt(() => this.table.add(e))
  }

  /** Writes what is left and puts the files into their places. What went wrong, or null. */
  finish(result: ReplayResult, from: Provenance): Diagnostic | null {
    this.attempt(() => {
      this.table.finish()
      writeSamples(fileWriter(this.path('samples')), this.input, result)
      writeDevices(fileWriter(this.path('devices')), this.input, result)
      writeRecording(fileWriter(this.path('recordings')), this.input, from.machine, result)
    })
    const wrong = this.failed === null ? this.commit(from) : cannotWrite(this.dir, this.failed)
    if (wrong !== null) this.discard()
    return wrong
  }

  // The row of the recording comes last: what it stands for is whole.
  private commit(from: Provenance): Diagnostic | null {
    const value = (v: string | null): string => (v === null ? UNKNOWN : encodeURIComponent(v))
    const places = [...TABLES].reverse().map((t) => {
      const at = join(this.dir, t, `host=${value(from.host)}`, `day=${value(from.day)}`)
      return { table: t, at, file: join(at, `${this.input}.parquet`) }
    })
    try {
      for (const p of places) {
        const there = outputAt(p.file)
        if ('code' in there) return there
      }
      for (const p of places) makeDirectory(p.at)
      for (const p of places) this.files.get(p.table)?.commit(p.file)
      return null
    } catch (e) {
      return cannotWrite(this.dir, e)
    }
  }

  discard(): void {
    for (const f of this.files.values()) f.discard()
    // A folder that we made goes as well, unless somebody has put something into it.
    try {
      if (this.made) rmdirSync(this.dir)
    } catch {
      /* it stays */
    }
  }

  private attempt(work: () => void): void {
    if (this.failed !== null) return
    try {
      work()
    } catch (e) {
      this.failed = e
    }
  }
}

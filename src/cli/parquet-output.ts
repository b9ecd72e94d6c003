// The files of `replay --parquet`: both whole, or neither. A disk that fills up while the trace is read ends the writing, not the reading.
import { existsSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileWriter } from 'hyparquet-writer'
import type { Diagnostic } from '../base/index.ts'
import type { ReplayResult, SimulatedEvent } from '../replay/index.ts'
import { EventTable, writeSamples } from '../report/replay-parquet.ts'
import { cannotWrite, makeDirectory, openWhole, type WholeFile } from './file-access.ts'

export class ParquetOutput {
  private failed: unknown = null
  private readonly table: EventTable

  private constructor(private readonly dir: string, private readonly made: boolean, private readonly events: WholeFile, private readonly samples: WholeFile, deviceName: (id: number) => string) {
    this.table = new EventTable(fileWriter(events.path), deviceName)
  }

  static open(dir: string, deviceName: (id: number) => string): ParquetOutput | Diagnostic {
    const made = !existsSync(dir)
    try {
      makeDirectory(dir)
      const events = openWhole(join(dir, 'events.parquet'))
      if ('code' in events) return events
      const samples = openWhole(join(dir, 'samples.parquet'))
      if ('code' in samples) {
        events.discard()
        return samples
      }
      return new ParquetOutput(dir, made, events, samples, deviceName)
    } catch (e) {
      return cannotWrite(dir, e)
    }
  }

  add(e: SimulatedEvent): void {
    this.attempt(() => this.table.add(e))
  }

  /** Writes what is left and puts both files into their places. What went wrong, or null. */
  finish(result: ReplayResult): Diagnostic | null {
    this.attempt(() => {
      this.table.finish()
      writeSamples(fileWriter(this.samples.path), result)
      this.events.commit()
      this.samples.commit()
    })
    if (this.failed === null) return null
    this.discard()
    return cannotWrite(this.dir, this.failed)
  }

  discard(): void {
    this.events.discard()
    this.samples.discard()
    // A folder that we made goes as well, unless somebody has put something into it.
    try { if (this.made) rmdirSync(this.dir) } catch { /* it stays */ }
  }

  private attempt(work: () => void): void {
    if (this.failed !== null) return
    try { work() } catch (e) { this.failed = e }
  }
}

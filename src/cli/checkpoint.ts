// `tbit hunt --checkpoint FILE`: what is done is noted there at once, a line each, so that a hunt that was stopped goes
// on where it was. A torn last line, of a machine that died, counts for nothing. What another version or another hunt
// noted is refused: its results need not be ours.
import { createHash } from 'node:crypto'
import type { Diagnostic } from '../base/index.ts'
import { aboutFile } from './file-access.ts'
import { GrowingFile } from './growing-file.ts'

export class Checkpoint {
  private constructor(
    private readonly file: GrowingFile,
    private readonly values: ReadonlyMap<string, unknown>
  ) {}

  /** Why something could not be noted; the hunt itself goes on. */
  get error(): Diagnostic | null {
    return this.file.failed
  }

  /** Opens or makes the file. `about` says which hunt it is of. */
  static async open(path: string, about: string): Promise<Checkpoint | Diagnostic> {
    const head = { format: 1, hunt: about }
    const values = new Map<string, unknown>()
    let begun = false
    const file = await GrowingFile.open(path, (line, n) => {
      if (n === 1 && line !== JSON.stringify(head))
        return aboutFile(path, 'is no checkpoint of this hunt by this version', 'another file name begins anew')
      begun = true
      const noted = entry(line)
      if (noted !== null) values.set(noted.key, noted.value)
      return null
    })
    if ('code' in file) return file
    if (!begun) file.append(head)
    return file.failed ?? new Checkpoint(file, values)
  }

  /** A task by its content. */
  static keyOf(task: unknown): string {
    return createHash('sha256').update(JSON.stringify(task)).digest('hex').slice(0, 32)
  }

  /** What came of a task; undefined: it was not done. */
  get(key: string): unknown {
    return this.values.get(key)
  }

  note(key: string, value: unknown): void {
    this.file.append({ key, value })
  }
}

function entry(line: string): { readonly key: string; readonly value: unknown } | null {
  try {
    const v: unknown = JSON.parse(line)
    return v !== null && typeof v === 'object' && 'key' in v && 'value' in v && typeof v.key === 'string'
      ? { key: v.key, value: v.value }
      : null
  } catch {
    return null
  }
}

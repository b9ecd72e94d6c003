// A file of JSON lines that grows while work is done, so that a run that was stopped goes on from what it has: the
// answers of a share, the checkpoint of a hunt. Half a line, which a killed run leaves at the end, goes when the file
// is opened again.
import { constants, existsSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import type { Diagnostic } from '../base/index.ts'
import { cannotWrite, outputAt } from './file-access.ts'
import { readLines } from './read-lines.ts'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants

/** Bytes of the longest line: an answer with its traces. */
export const LONGEST_LINE = 256 << 20

export class GrowingFile {
  /** Why a line could not be written; the first time only, the work goes on. */
  failed: Diagnostic | null = null

  private constructor(
    private readonly path: string,
    private readonly fd: number
  ) {}

  /**
   * Tells each line that is there, numbered from 1, then opens the file for more. What `each` answers is wrong with the
   * file, and it stays as it is.
   */
  static async open(
    path: string,
    each: (line: string, n: number) => Diagnostic | null
  ): Promise<GrowingFile | Diagnostic> {
    const at = outputAt(path)
    if ('code' in at) return at
    // A pipe or a device has nothing that was written before, or no end.
    const before = !at.direct && existsSync(at.path)
    let [n, bytes] = [0, 0]
    let wrong: Diagnostic | null = null
    const unread = before
      ? await readLines(
          at.path,
          (line, whole) => {
            // Half a line behind whole ones is what a killed run leaves; a file that is nothing else is somebody's.
            if (!whole && n > 0) return true
            wrong = each(line, ++n)
            bytes += Buffer.byteLength(line) + 1
            return wrong === null
          },
          undefined,
          LONGEST_LINE
        )
      : null
    if (unread !== null || wrong !== null) return (unread ?? wrong) as Diagnostic
    try {
      const fd = openSync(at.path, at.direct ? 'a' : O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW)
      if (before) ftruncateSync(fd, bytes)
      return new GrowingFile(path, fd)
    } catch (e) {
      return cannotWrite(path, e)
    }
  }

  append(value: unknown): void {
    if (this.failed !== null) return
    try {
      writeSync(this.fd, `${JSON.stringify(value)}\n`)
    } catch (e) {
      this.failed = cannotWrite(this.path, e)
    }
  }
}

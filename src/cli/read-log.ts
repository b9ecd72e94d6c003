// The bytes of a kernel log: a file, standard input, or the message itself on the command line.
import { existsSync } from 'node:fs'
import type { Diagnostic } from '../base/index.ts'
import { BEGINNING, kindOfInput } from '../replay/index.ts'
import type { LogBytes } from '../replay/log/index.ts'
import { aboutFile, cannotRead } from './file-access.ts'
import { chunks } from './read-lines.ts'
import { CannotUnpack } from './unpack.ts'

/** A message pasted as the argument itself, as long as no file has that name. */
export const looksPasted = (text: string): boolean =>
  /\s/.test(text) &&
  /swiotlb|software IO TLB|DMA|SWIOTLB|dma_|coherent|Linux version|BUG|Oops|\[\s*\d+\.\d+\]/.test(text) &&
  !existsSync(text)

/**
 * Gives a log to its reader. Answers what went wrong with the file itself, null when it was read to its end. A trace of
 * events is not read.
 */
export async function readLog(path: string, into: LogBytes): Promise<Diagnostic | null> {
  const name = path === '-' ? '(standard input)' : path
  try {
    let first = true
    for await (const chunk of chunks(path)) {
      if (first && kindOfInput(chunk.subarray(0, BEGINNING)) === 'trace') {
        const hint =
          `tbit replay ${path} reads traces` + `${path === '-' ? '' : ' (with --dmesg FILE, the log of the same boot)'}`
        return {
          code: 'TB-304',
          file: name,
          line: 0,
          column: 0,
          word: '',
          message: 'this is a trace of events, not a kernel log',
          hint
        }
      }
      first = false
      into.feed(chunk)
    }
  } catch (e) {
    if (e instanceof CannotUnpack)
      return {
        ...aboutFile(
          name,
          e.message,
          e.hint ?? (into.count > 0 ? `the ${into.count} lines before that were used` : undefined)
        ),
        word: ''
      }
    return cannotRead(name, e)
  }
  return null
}

// `check --watch`: waits until a file that was read is another.
import { statSync } from 'node:fs'
import { litmusFiles } from './files.ts'

/** Milliseconds between two looks. Looking, unlike being told by the system, sees an editor's renaming, a new file and a network's file system alike. */
const EVERY = 250

/** Name, time and size of each file, and of what cannot be read that it is so. */
function signature(names: readonly string[]): string {
  return litmusFiles(names).files.map((f) => {
    try {
      const { mtimeMs, size, ino } = statSync(f)
      return `${f} ${mtimeMs} ${size} ${ino}`
    } catch {
      return `${f} -`
    }
  }).join('\n')
}

export interface Watch {
  /** Resolves to true when a file changed since the watch began or the last answer, to false when the user wants an end. */
  next(): Promise<boolean>
  readonly files: number
  done(): void
}

/** Watches what `names` name, directories with what comes into them. ^C ends it once, between runs. */
export function watch(names: readonly string[]): Watch {
  let before = signature(names)
  let stopped = false
  let wake = (): void => {}
  const stop = (): void => {
    stopped = true
    wake()
  }
  process.on('SIGINT', stop)
  const next = async (): Promise<boolean> => {
    while (!stopped) {
      const now = signature(names)
      if (now !== before) {
        before = now
        return true
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return false
  }
  return { next, get files() { return before === '' ? 0 : before.split('\n').length }, done: () => { process.off('SIGINT', stop) } }
}

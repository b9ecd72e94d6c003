// `check --watch`: waits until a file that was read is another.
import { statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { litmusFiles } from './files.ts'
import { interruptible } from './interrupt.ts'

/**
 * Milliseconds between two looks. Looking, unlike being told by the system, sees an editor's renaming, a new file and a
 * network's file system alike.
 */
const EVERY = 250

/**
 * Milliseconds for which nothing may change before a change counts: a writer that first empties the file is not yet
 * done.
 */
const SETTLED = 50

/** Name, time and size of each file, and of what cannot be read that it is so. */
function signature(names: readonly string[]): string {
  return litmusFiles(names)
    .files.map((f) => {
      try {
        const { mtimeMs, size, ino } = statSync(f)
        return `${f} ${mtimeMs} ${size} ${ino}`
      } catch {
        return `${f} -`
      }
    })
    .join('\n')
}

export interface Watch {
  /**
   * Resolves to true when a file changed since the watch began or the last answer, to false when the user wants an end.
   */
  next(): Promise<boolean>
  readonly files: number
  done(): void
}

/** Watches what `names` name, directories with what comes into them. ^C ends it once, between runs. */
export function watch(names: readonly string[]): Watch {
  let before = signature(names)
  const { signal, done } = interruptible()
  // ^C ends the wait.
  const wait = (ms: number): Promise<void> => setTimeout(ms, undefined, { signal }).catch(() => {})
  const next = async (): Promise<boolean> => {
    let last = before
    while (!signal.aborted) {
      const now = signature(names)
      if (now !== before && now === last) {
        before = now
        return true
      }
      last = now
      await wait(now === before ? EVERY : SETTLED)
    }
    return false
  }
  return {
    next,
    get files() {
      return before === '' ? 0 : before.split('\n').length
    },
    done
  }
}

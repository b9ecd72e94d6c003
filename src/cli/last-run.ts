// The last run of the same tests, remembered in the user's cache so that the next one can say what is new. A cache that
// cannot be read or written is no error: then nothing is known of the last run.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hash } from '../check/index.ts'
import { cacheDir } from '../kernel-build/cache.ts'
import { isRecord, type RunRecord } from '../report/check-news.ts'
import { makeDirectory } from '../kernel-build/directory.ts'
import { writeWhole } from './file-access.ts'

/** Records kept: the oldest go. */
const KEPT = 32

const directory = (): string => join(cacheDir(), 'runs')

/** Names the run: what was asked for, seen from where. */
export const runName = (names: readonly string[], ...asked: ReadonlyArray<string | undefined>): string =>
  `${hash(JSON.stringify([names.map((n) => resolve(n)), asked]))}.json`

export function lastRun(name: string): RunRecord | null {
  try {
    const v: unknown = JSON.parse(readFileSync(join(directory(), name), 'utf8'))
    return isRecord(v) ? v : null
  } catch {
    return null
  }
}

export function rememberRun(name: string, record: RunRecord): void {
  try {
    makeDirectory(directory())
    writeWhole(join(directory(), name), JSON.stringify(record))
    const all = readdirSync(directory())
      .map((f) => join(directory(), f))
      .map((path) => ({ path, at: statSync(path).mtimeMs }))
      .sort((a, b) => b.at - a.at)
    for (const old of all.slice(KEPT)) rmSync(old.path, { force: true })
  } catch {
    /* nothing is remembered */
  }
}

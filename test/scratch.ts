// Folders for tests, removed after them. A program that has just been stopped may still write to its folder: to remove
// it is tried for two seconds, and what is left after that fails no test.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A new folder in the system's folder for such. Whoever asks removes it, with discard(). */
export const newFolder = (name: string): string => mkdtempSync(join(tmpdir(), `tbit-${name}-`))

export function discard(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 150 })
  } catch (e) {
    console.warn(`left behind: ${dir}: ${e instanceof Error ? e.message : String(e)}`)
  }
}

/** A new folder for the tests of a file or of a describe(), removed after the last of them. */
export function scratch(name: string): string {
  const dir = newFolder(name)
  afterAll(() => discard(dir))
  return dir
}

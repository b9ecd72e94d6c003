// Directories, made where a file is about to be written.
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it. What another thread or process makes meanwhile is as good. `mkdir`: how one
 * is made (a test stands in for another thread there). @throws the file system's error (mkdir -p of Node never returns
 * on some file systems)
 */
export function makeDirectory(path: string, mkdir: (path: string) => void = mkdirSync): void {
  const e = failure(path, mkdir)
  if (e === null) return
  const above = dirname(path)
  if (e.code !== 'ENOENT' || above === path) throw e
  makeDirectory(above, mkdir)
  const again = failure(path, mkdir)
  if (again !== null) throw again
}

/** Why there is no such directory after an attempt to make it; null: there is. */
function failure(path: string, mkdir: (path: string) => void): NodeJS.ErrnoException | null {
  try {
    mkdir(path)
    return null
  } catch (e) {
    return isDirectory(path) ? null : (e as NodeJS.ErrnoException)
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

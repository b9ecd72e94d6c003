// Directories, made where a file is about to be written.
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it. @throws the file system's error (mkdir -p of Node never returns on some file
 * systems)
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path)
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    const above = dirname(path)
    if (code !== 'ENOENT' || above === path || isDirectory(above)) throw e
    makeDirectory(above)
    mkdirSync(path)
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

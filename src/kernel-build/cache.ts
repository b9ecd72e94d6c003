// Where built kernels are kept: outside any repository, by content, so that nothing of a kernel is ever committed by
// accident.
import { existsSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../base/index.ts'
import { makeDirectory } from './directory.ts'

/** `$XDG_CACHE_HOME/tbit`, else `~/.cache/tbit`; `TBIT_CACHE` overrides both. */
export function cacheDir(): string {
  const own = process.env['TBIT_CACHE']
  if (own) return own
  const xdg = process.env['XDG_CACHE_HOME']
  return join(xdg?.startsWith('/') ? xdg : join(homedir(), '.cache'), 'tbit')
}

/** Folders of the cache: images, compiled units, and what builds looked at. */
type Folder = 'kernels' | 'objects' | 'seen'
const pathOf = (name: string, folder: Folder): string => join(cacheDir(), folder, name)

export function cacheRead(name: string, folder: Folder = 'kernels'): Uint8Array | null {
  const p = pathOf(name, folder)
  return existsSync(p) ? readFileSync(p) : null
}

/** What is kept was used: it is the last to go. Answers where it lies. */
export function cacheUsed(name: string, folder: Folder = 'kernels'): string {
  const p = pathOf(name, folder)
  try {
    const now = new Date()
    utimesSync(p, now, now)
  } catch {
    // A cache that cannot be written is as good.
  }
  return p
}

/** Writes beside and renames, so that a reader never sees half a file. A cache that cannot be written is no error. */
export function cacheWrite(name: string, data: Uint8Array | string, folder: Folder = 'kernels'): string | null {
  try {
    makeDirectory(join(cacheDir(), folder))
    const p = pathOf(name, folder)
    const part = `${p}.part-${process.pid}`
    writeFileSync(part, data)
    renameSync(part, p)
    return p
  } catch {
    return null
  }
}

/**
 * The folder `name` of unpacked trees in the cache: as it is, or made by `fill`, which is given an empty folder beside
 * it and answers what went wrong or null. Whole or not at all, whoever else makes it meanwhile. `unwritable` says what
 * is wrong where the cache cannot be written.
 */
export function cachedTree<E>(
  name: string,
  fill: (part: string) => E | null,
  unwritable: (dir: string, why: string) => E
): { readonly at: string } | { readonly error: E } {
  const at = join(cacheDir(), 'trees', name)
  if (existsSync(at)) return { at }
  const part = `${at}.part-${process.pid}`
  rmSync(part, { recursive: true, force: true })
  try {
    makeDirectory(part)
  } catch (e) {
    return { error: unwritable(cacheDir(), messageOf(e)) }
  }
  const error = fill(part)
  if (error !== null) {
    rmSync(part, { recursive: true, force: true })
    return { error }
  }
  try {
    renameSync(part, at)
  } catch (e) {
    // another process was faster
    rmSync(part, { recursive: true, force: true })
    if (!existsSync(at)) throw e
  }
  return { at }
}

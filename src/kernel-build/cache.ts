// Where built kernels are kept: outside any repository, by content, so that nothing of a kernel is ever committed by accident.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `$XDG_CACHE_HOME/tbit`, else `~/.cache/tbit`; `TBIT_CACHE` overrides both. */
export function cacheDir(): string {
  const own = process.env['TBIT_CACHE']
  if (own) return own
  const xdg = process.env['XDG_CACHE_HOME']
  return join(xdg?.startsWith('/') ? xdg : join(homedir(), '.cache'), 'tbit')
}

export function cacheRead(name: string): Uint8Array | null {
  const p = join(cacheDir(), 'kernels', name)
  return existsSync(p) ? readFileSync(p) : null
}

/** Writes beside and renames, so that a reader never sees half a file. A cache that cannot be written is no error. */
export function cacheWrite(name: string, data: Uint8Array | string): string | null {
  try {
    const dir = join(cacheDir(), 'kernels')
    mkdirSync(dir, { recursive: true })
    const p = join(dir, name)
    const part = `${p}.part-${process.pid}`
    writeFileSync(part, data)
    renameSync(part, p)
    return p
  } catch {
    return null
  }
}

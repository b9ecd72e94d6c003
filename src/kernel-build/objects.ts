// Compiled units are kept by what they are made of: an edit of the tree, or another tree, costs the units that it
// reaches.
import { createHash } from 'node:crypto'
import type { Sources } from './assemble.ts'
import { cacheRead, cacheUsed, cacheWrite } from './cache.ts'

/** Compiled units by the path of their source. */
export type Objects = ReadonlyMap<string, Uint8Array>

/** Whether a build takes and keeps them. */
export interface Keeping {
  readonly read: boolean
  readonly write: boolean
}

/** The files that compiling a unit may read: itself, what is included before it, and what those include in turn. */
export function reachedBy(s: Pick<Sources, 'includes' | 'preludes'>, unit: string): string[] {
  const seen = new Set([unit, ...s.preludes])
  for (const path of seen) for (const next of s.includes.get(path) ?? []) seen.add(next)
  return [...seen].sort()
}

/** The units' names in the cache. `told`: the compiler, and what it is told. Each file is read once for all units. */
export function objectNames(s: Sources, told: readonly string[]): ReadonlyMap<string, string> {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const hashes = new Map<string, string>()
  const hashOf = (path: string): string => {
    let h = hashes.get(path)
    if (h === undefined) hashes.set(path, (h = sha256(s.files.get(path) ?? '')))
    return h
  }
  const nameOf = (unit: string): string => {
    const read = reachedBy(s, unit).map((p) => [p, hashOf(p)])
    return `${sha256(JSON.stringify([unit, told, s.preludes, s.includeDirs, read])).slice(0, 20)}.o`
  }
  return new Map(s.units.map((u) => [u, nameOf(u)]))
}

/** The units that are kept from before. */
export function keptObjects(names: ReadonlyMap<string, string>): Objects {
  const out = new Map<string, Uint8Array>()
  for (const [unit, name] of names) {
    const kept = cacheRead(name, 'objects')
    if (kept === null) continue
    cacheUsed(name, 'objects')
    out.set(unit, kept)
  }
  return out
}

export function keepObjects(names: ReadonlyMap<string, string>, made: Objects): void {
  for (const [unit, name] of names) {
    const object = made.get(unit)
    if (object !== undefined) cacheWrite(name, object, 'objects')
  }
}

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

/** `told`: the compiler, and what it is told. */
function nameOf(s: Sources, unit: string, told: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify([unit, told, s.preludes, s.includeDirs]))
  for (const p of reachedBy(s, unit)) hash.update(JSON.stringify([p, s.files.get(p) ?? null]))
  return `${hash.digest('hex').slice(0, 20)}.o`
}

/** The units that are kept from before. */
export function keptObjects(s: Sources, told: readonly string[]): Objects {
  const out = new Map<string, Uint8Array>()
  for (const unit of s.units) {
    const name = nameOf(s, unit, told)
    const kept = cacheRead(name, 'objects')
    if (kept === null) continue
    cacheUsed(name, 'objects')
    out.set(unit, kept)
  }
  return out
}

export function keepObjects(s: Sources, made: Objects, told: readonly string[]): void {
  for (const [unit, object] of made) cacheWrite(nameOf(s, unit, told), object, 'objects')
}

// What a build looked at in a tree. As long as each of those files, and each that was looked for in vain, is as it was
// by size and times, the build is the one that is kept, and no text is read.
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Decisions } from '../kernel/index.ts'
import { cacheRead, cacheUsed, cacheWrite } from './cache.ts'
import { overlayDir } from './overlay-dir.ts'

type Read = (path: string) => string | null
/** What is asked of a tree (tree.ts). */
interface Looked {
  readonly dir: string
  read(path: string): string | null
}
/** What a file of a tree is, without its text; '' where there is none. */
type Stamp = (path: string) => string

/** By what reads the files: a tree with changes reads otherwise, and has no stamps. */
const stamps = new WeakMap<Read, Stamp>()

/** Says that what `read` answers for a path stays as long as the file at `place(path)` is as it was. */
export function stamped(read: Read, place: (path: string) => string): Read {
  stamps.set(read, (p) => stampOf(place(p)))
  return read
}

/** Size, times in milliseconds with their fraction, inode. */
function stampOf(file: string): string {
  try {
    const s = statSync(file, { throwIfNoEntry: false })
    return s?.isFile() ? `${s.size} ${s.mtimeMs} ${s.ctimeMs} ${s.ino}` : ''
  } catch {
    return ''
  }
}

/** Milliseconds within which a file may change twice and have the same times. */
const GRAIN = 2000
const changedAt = (stamp: string): number => Number(stamp.split(' ')[2] ?? 0)

/** What was found of a tree: the image's content, and what the tree decides. */
export interface Seen {
  readonly content: string
  readonly decisions: Partial<Decisions>
}

/** A note, by tree and what is asked of it. */
const nameOf = (tree: Looked, asked: readonly unknown[]): string =>
  `${createHash('sha256')
    .update(JSON.stringify([tree.dir, asked]))
    .digest('hex')
    .slice(0, 20)}.json`

interface Note extends Seen {
  /** What made it: another build of ours finds otherwise. */
  readonly by: readonly string[]
  readonly files: ReadonlyArray<readonly [path: string, stamp: string]>
}

// In a checkout the files of this room, else the bundle that this is in; and the overlay.
function ownCode(): string[] {
  const here = dirname(fileURLToPath(import.meta.url))
  return [...new Set([here, overlayDir()])].flatMap((dir) =>
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((f) => /\.(?:[cm]?js|ts|c|h)$/.test(f))
      .map((f) => `${f} ${stampOf(join(dir, f))}`)
      .sort()
  )
}

/** What the same build found, if nothing that it looked at has changed since; null when that is not known. */
export function seenBefore(tree: Looked, asked: readonly unknown[]): Seen | null {
  const stamp = stamps.get(tree.read)
  const kept = stamp === undefined ? null : cacheRead(nameOf(tree, asked), 'seen')
  if (stamp === undefined || kept === null) return null
  try {
    const { files, by, ...seen } = JSON.parse(Buffer.from(kept).toString('utf8')) as Note
    const same = by.join('\n') === ownCode().join('\n') && files.every(([p, was]) => stamp(p) === was)
    if (!same) return null
    cacheUsed(nameOf(tree, asked), 'seen')
    return seen
  } catch {
    return null
  }
}

/**
 * A tree whose files are noted as they are looked at; `note` keeps that with what was found. `begun`: now, in
 * milliseconds; what changed just before it is not kept.
 */
export function watched<T extends Looked>(
  tree: T,
  begun = Date.now()
): { readonly tree: T; note(asked: readonly unknown[], seen: Seen): void } {
  const stamp = stamps.get(tree.read)
  if (stamp === undefined) return { tree, note: () => undefined }
  const files = new Map<string, string>()
  const read: Read = (p) => {
    // before its text: what changes in between is noticed
    if (!files.has(p)) files.set(p, stamp(p))
    return tree.read(p)
  }
  return {
    tree: { ...tree, read },
    note: (asked, seen) => {
      if ([...files.values()].some((s) => changedAt(s) > begun - GRAIN)) return
      const note: Note = { ...seen, by: ownCode(), files: [...files] }
      cacheWrite(nameOf(tree, asked), JSON.stringify(note), 'seen')
    }
  }
}

// What a run makes for itself and must take away again, however it ends: temporary folders, and files that are not yet
// whole. Each has an owner here; whatever a killed run left behind, the next one that works at the same place takes
// away.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const owned = new Set<string>()
const FOLDER = /^tbit-(\d+)-[A-Za-z0-9]{6}$/
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function removeAll(): void {
  for (const path of owned) rmSync(path, { recursive: true, force: true })
  owned.clear()
}

let watching = false
function watch(): void {
  if (watching) return
  watching = true
  process.on('exit', removeAll)
  for (const signal of SIGNALS) {
    const end = (): void => {
      // A verb that has its own way to end on this signal goes on, and its things with it.
      if (process.listenerCount(signal) > 1) return
      removeAll()
      process.removeListener(signal, end)
      process.kill(process.pid, signal)
    }
    process.on(signal, end)
  }
}

/** From now on the path goes when the process ends, unless it is released. */
export function own(path: string): void {
  watch()
  owned.add(path)
}

/** The path is no longer ours to remove. */
export function release(path: string): void {
  owned.delete(path)
}

/** Removes what is owned, now. */
export function remove(path: string): void {
  rmSync(path, { recursive: true, force: true })
  owned.delete(path)
}

/** A folder for this run alone. @throws the file system's error */
export function temporaryFolder(): string {
  sweep(tmpdir(), (name) => FOLDER.exec(name)?.[1])
  const path = mkdtempSync(join(tmpdir(), `tbit-${process.pid}-`))
  own(path)
  return path
}

/** Of a folder of ours, keeps the newest entries. One of the last hour may be in use and stays. */
export function keepNewest(dir: string, most: number): void {
  try {
    const all = readdirSync(dir)
      .map((name) => ({ path: join(dir, name), at: statSync(join(dir, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at)
    for (const old of all.slice(most))
      if (Date.now() - old.at > 3_600_000) rmSync(old.path, { recursive: true, force: true })
  } catch {
    /* no such folder, or somebody else removes from it: the next run keeps house */
  }
}

/** Removes from a folder of ours what runs that were killed left half-made in it. */
export function sweepParts(dir: string): void {
  sweep(dir, (name) => /\.part-(\d+)$/.exec(name)?.[1])
}

/** The file beside `file` that it is written into until it is whole. What a dead run left of one is taken away. */
export function partOf(file: string): string {
  const begins = `${basename(file)}.part-`
  sweep(dirname(file), (name) => (name.startsWith(begins) ? name.slice(begins.length) : undefined))
  return `${file}.part-${process.pid}`
}

// Removes the entries that belong to a process which is no more.
function sweep(dir: string, pidOf: (name: string) => string | undefined): void {
  let names: string[] = []
  try {
    names = readdirSync(dir)
  } catch {
    return
  }
  for (const name of names) {
    const pid = pidOf(name)
    if (pid === undefined || !/^\d{1,9}$/.test(pid) || alive(Number(pid))) continue
    try {
      rmSync(join(dir, name), { recursive: true, force: true })
    } catch {
      /* somebody else's */
    }
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (e) {
    return (e as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

// Debian's kernel sources, where they are installed, and changed copies of them. Nothing of a kernel lies in this
// repository.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  type Arch,
  type BuildOptions,
  type Built,
  type Profile,
  type Tree,
  buildKernel,
  openTree
} from '../../src/kernel-build/index.ts'
import { KernelC, RecordingHost, Wasm, type WasmModule } from '../../src/kernel-c/index.ts'

// Images and unpacked sources are kept by content between runs, apart from what a developer has in her own cache.
process.env['TBIT_CACHE'] = join(tmpdir(), `tbit-test-cache-${process.getuid?.() ?? 0}`)

// Where scripts/kernel-trees.sh puts what this Debian release does not have.
const sources =
  process.env['TBIT_TREES'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tbit', 'sources')

/** `6.1`, `6.12`, `7.2`, `7.3`, or `rc` for the newest release candidate; null when it is not here. */
export const debian = (version: string): string | null =>
  ['/usr/src', sources].map((d) => `${d}/linux-source-${version}.tar.xz`).find((p) => existsSync(p)) ?? null

const opened = new Map<string, Tree>()
/** @throws when it is not installed. */
export function tree(version: string): Tree {
  const had = opened.get(version)
  if (had) return had
  const t = openTree(debian(version) ?? '')
  if (!t.ok) throw new Error(`${t.error.code}: ${t.error.message}`)
  opened.set(version, t.value)
  return t.value
}

/**
 * A tree with some of its files changed, as a patch would. An edit that changes nothing is an error: it would test
 * nothing.
 */
export function edited(t: Tree, name: string, edits: Readonly<Record<string, (text: string) => string>>): Tree {
  const changed = new Map<string, string>()
  for (const [path, edit] of Object.entries(edits)) {
    const before = t.read(path) ?? ''
    const after = edit(before)
    if (after === before) throw new Error(`the edit of ${path} changes nothing`)
    changed.set(path, after)
  }
  return { ...t, name, read: (p) => changed.get(p) ?? t.read(p) }
}

export async function built(t: Tree, arch: Arch, profile: Profile, more: Partial<BuildOptions> = {}): Promise<Built> {
  const b = await buildKernel(t, { arch, profile, ...more })
  if (!b.ok)
    throw new Error(b.error.map((e) => `${e.code} ${e.file}:${e.line}: ${e.message}; ${e.hint ?? ''}`).join('\n'))
  return b.value
}

export const moduleOf = (b: Built): WasmModule => new Wasm.Module(b.wasm)

const GB = 2 ** 30
/** A machine of 8 GB with a pool of 512 slots at 2 GB, memory for allocations above and below 4 GB. */
export function machine(
  m: WasmModule,
  cmdline = '512,2',
  more: { force?: boolean; conversions?: boolean; verbose?: boolean } = {}
): { k: KernelC; host: RecordingHost } {
  const host = new RecordingHost([
    [3 * GB, 512],
    [5 * GB, 1024]
  ])
  const k = new KernelC(m, host)
  k.boot({
    cpus: 2,
    ram: 8 * GB,
    swiotlb: { start: 2 * GB, cmdline, force: more.force ?? false },
    conversions: more.conversions ?? false,
    verbose: more.verbose ?? false
  })
  return { k, host }
}

export const recordings73 = join(import.meta.dirname, '../../../shared/data/swiotlb-7.3')
export const recordings = join(import.meta.dirname, '../../../shared/data/swiotlb')
export const recordingFiles = (dir = recordings): string[] =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((f) => f.endsWith('.jsonl.gz'))
        .sort()
    : []
export const recording = (f: string, dir = recordings): string[] =>
  gunzipSync(readFileSync(join(dir, f)))
    .toString('utf8')
    .split('\n')

/** For test.skipIf: says why, once. */
export function without(what: string, missing: boolean): boolean {
  if (missing) process.stdout.write(`skipped: ${what} is not there\n`)
  return missing
}

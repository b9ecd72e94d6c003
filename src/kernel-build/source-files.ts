// All C files of a tree that contain one of some words: of a directory, a tarball read through once, or a commit.
// Nothing is unpacked.
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gitSpec } from './git.ts'
import { LARGEST_SOURCE, packerOf } from './tree.ts'

export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** How much was looked at: said beside the answer. */
export interface Scanned {
  files: number
}

const isSource = (path: string): boolean => /\.[ch]$/.test(path)
// Not the kernel: programs that are built beside it, with structures of their own.
const OUTSIDE = /^(?:tools|scripts|samples|usr|Documentation)\//

const matches = (b: Buffer, words: readonly string[]): boolean => words.some((w) => b.includes(w))

/** @throws Error with one line when git or the packer fails */
export async function sourcesWith(given: string, words: readonly string[], seen: Scanned): Promise<SourceFile[]> {
  const files = await found(given, words, seen)
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function found(given: string, words: readonly string[], seen: Scanned): Promise<SourceFile[]> {
  const spec = gitSpec(given)
  if (spec !== null) return ofCommit(spec.repo, spec.ref, words, seen)
  return statSync(given).isDirectory() ? ofDirectory(given, words, seen) : ofTarball(given, words, seen)
}

function ofDirectory(dir: string, words: readonly string[], seen: Scanned): SourceFile[] {
  const out: SourceFile[] = []
  const queue = ['']
  for (let below = queue.pop(); below !== undefined; below = queue.pop()) {
    for (const e of readdirSync(join(dir, below), { withFileTypes: true })) {
      const path = below === '' ? e.name : `${below}/${e.name}`
      if (e.isDirectory()) {
        if (e.name !== '.git' && !OUTSIDE.test(`${path}/`)) queue.push(path)
      } else if (e.isFile() && isSource(e.name)) {
        const full = join(dir, path)
        if (statSync(full).size > LARGEST_SOURCE) continue
        seen.files++
        const b = readFileSync(full)
        if (matches(b, words)) out.push({ path, text: b.toString('utf8') })
      }
    }
  }
  return out
}

function git(repo: string, args: readonly string[]): Buffer {
  const r = spawnSync('git', ['-C', repo, ...args], { maxBuffer: 1 << 30 })
  if (r.error !== undefined) throw r.error
  // 1: git grep found nothing
  if (r.status !== 0 && !(args[0] === 'grep' && r.status === 1))
    throw new Error(r.stderr.toString().trim().split('\n')[0] ?? 'git fails')
  return r.stdout
}

function ofCommit(repo: string, given: string, words: readonly string[], seen: Scanned): SourceFile[] {
  const ref = git(repo, ['rev-parse', '--verify', '--end-of-options', `${given}^{commit}`])
    .toString('utf8')
    .trim()
  seen.files += git(repo, ['ls-tree', '-r', '--name-only', '-z', ref])
    .toString('utf8')
    .split('\0')
    .filter((p) => isSource(p) && !OUTSIDE.test(p)).length
  const list = git(repo, ['grep', '-lzF', ...words.flatMap((w) => ['-e', w]), ref, '--', '*.c', '*.h'])
    .toString('utf8')
    .split('\0')
    .filter((l) => l !== '')
  return list
    .map((l) => l.slice(l.indexOf(':') + 1))
    .filter((p) => !OUTSIDE.test(p))
    .map((path) => ({ path, text: git(repo, ['cat-file', 'blob', `${ref}:./${path}`]).toString('utf8') }))
}

const BLOCK = 512
const textOf = (b: Buffer, from: number, length: number): string =>
  b.toString('utf8', from, from + length).replace(/\0.*$/s, '')

/** Reads a tar file as it comes: a header of one block, the content, rounded up to whole blocks. */
class TarReader {
  private rest: Buffer = Buffer.alloc(0)
  private entry: { path: string; size: number; left: number; parts: Buffer[] | null; long: boolean } | null = null
  private longName: string | null = null
  constructor(
    private readonly wanted: (path: string) => boolean,
    private readonly file: (path: string, content: Buffer) => void
  ) {}

  take(chunk: Buffer): void {
    let b = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    for (;;) {
      if (this.entry === null) {
        if (b.length < BLOCK) break
        this.header(b.subarray(0, BLOCK))
        b = b.subarray(BLOCK)
        continue
      }
      const e = this.entry
      const n = Math.min(b.length, e.left)
      if (n === 0 && e.left > 0) break
      e.parts?.push(b.subarray(0, n))
      e.left -= n
      b = b.subarray(n)
      if (e.left > 0) continue
      this.entry = null
      if (e.parts === null) continue
      const content = Buffer.concat(e.parts).subarray(0, e.size)
      if (e.long) this.longName = longNameOf(content)
      else this.file(e.path, content)
    }
    this.rest = Buffer.from(b)
  }

  private header(h: Buffer): void {
    const name = textOf(h, 0, 100)
    if (name === '') return
    const size = Number.parseInt(textOf(h, 124, 12).trim(), 8) || 0
    const type = String.fromCharCode(h[156] as number)
    const prefix = textOf(h, 257, 5) === 'ustar' ? textOf(h, 345, 155) : ''
    const path = (this.longName ?? (prefix === '' ? name : `${prefix}/${name}`))
      .replace(/^\.\//, '')
      .replace(/^[^/]*\//, '')
    const long = type === 'L' || type === 'x'
    if (!long) this.longName = null
    const keep = long || ((type === '0' || type === '\0') && size <= LARGEST_SOURCE && this.wanted(path))
    this.entry = { path, size, left: Math.ceil(size / BLOCK) * BLOCK, parts: keep ? [] : null, long }
  }
}

/** GNU tar says a long name plainly, pax as one of several `LENGTH path=NAME` lines. */
const longNameOf = (content: Buffer): string | null => {
  const text = content.toString('utf8').replace(/\0+$/, '')
  return /^\d+ \w+=/.test(text) ? (/^\d+ path=(.*)$/m.exec(text)?.[1] ?? null) : text
}

function ofTarball(file: string, words: readonly string[], seen: Scanned): Promise<SourceFile[]> {
  const out: SourceFile[] = []
  const tar = new TarReader(
    (p) => isSource(p) && !OUTSIDE.test(p),
    (path, content) => {
      seen.files++
      if (matches(content, words)) out.push({ path, text: content.toString('utf8') })
    }
  )
  const [tool, ...args] = packerOf(file)
  const p = spawn(tool as string, [...args, file], { stdio: ['ignore', 'pipe', 'ignore'] })
  return new Promise((resolve, reject) => {
    p.stdout.on('data', (b: Buffer) => tar.take(b))
    p.on('error', reject)
    p.on('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new Error(`${tool} ends with ${code}`))
    })
  })
}

// Finding and reading litmus files: what the user names, directories down to the last *.litmus, the library of the
// package.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brokenInvariant, type Diagnostic, nearest } from '../base/index.ts'
import { duplicateTests, parse, type Test } from '../litmus/index.ts'
import { aboutFile, cannotRead, readText } from './file-access.ts'

export interface Loaded {
  readonly tests: readonly Test[]
  readonly errors: readonly Diagnostic[]
  /** Of the files that are read, what is odd but allowed. */
  readonly warnings: readonly Diagnostic[]
  readonly texts: ReadonlyMap<string, string>
}

/** Bytes of the largest litmus file that is read: tests are written by hand. */
const LARGEST = 4 << 20

/** The checkout that this program runs from: the directory of package.json. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'package.json')) && dirname(dir) !== dir) dir = dirname(dir)
  return dir
}

/** The package's own library, named as seen from here when that is shorter to read. */
export function libraryDirectory(): string {
  const full = join(packageRoot(), 'litmus')
  const near = relative(process.cwd(), full)
  return near === '' || near.startsWith('..') ? full : near
}

/**
 * Tells the litmus files of a directory and those below it, in the order of names, and what of it cannot be read;
 * answers how many there are.
 */
function under(dir: string, found: (path: string) => void, failed: (path: string, e: unknown) => void): number {
  let n = 0
  const entries = readdirSync(dir, { withFileTypes: true }).sort((a, b) => (stem(a.name) < stem(b.name) ? -1 : 1))
  for (const e of entries) {
    const path = join(dir, e.name)
    if (e.name.startsWith('.') || e.name === 'node_modules') continue
    try {
      if (e.isDirectory()) n += under(path, found, failed)
      // A pipe or a device in a directory is nobody's test: opening it may wait for ever.
      else if (e.name.endsWith('.litmus') && statSync(path).isFile()) {
        found(path)
        n++
      }
    } catch (x) {
      failed(path, x)
    }
  }
  return n
}

/** The library's tests: path by name. */
function library(): Map<string, string> {
  const tests = new Map<string, string>()
  if (existsSync(libraryDirectory()))
    under(
      libraryDirectory(),
      (path) => tests.set(stem(basename(path)), path),
      () => {}
    )
  return tests
}

/** Names of the library's tests, as `check` takes them. */
export const libraryNames = (): string[] => [...library().keys()]

const bareName = (name: string): boolean => /^[\w.-]+$/.test(name) && name !== '-' && !existsSync(name)

/** A test of the library may be named without its path, `coherent-at-t0`; anything else stays as it is. */
export const byName = (name: string): string => (bareName(name) ? (library().get(stem(name)) ?? name) : name)

// A test stands before its twins: `x.litmus` before `x-without-y.litmus`.
const stem = (name: string): string => name.replace(/\.litmus$/, '')

/**
 * Litmus files under `names` (files as they are, directories by their *.litmus in the order of names, tests of the
 * library by name), each once. `-` is standard input.
 */
export function litmusFiles(names: readonly string[]): { files: string[]; errors: Diagnostic[]; directories: boolean } {
  const files: string[] = []
  const errors: Diagnostic[] = []
  let directories = false
  const seen = new Set<string>()
  const add = (file: string): void => {
    let real = file
    try {
      real = file === '-' ? file : realpathSync(file)
    } catch {
      /* reading it says why */
    }
    if (seen.has(real)) return
    seen.add(real)
    files.push(file)
  }
  for (const given of names) {
    const name = byName(given)
    try {
      if (name === '-' || !statSync(name).isDirectory()) {
        add(name)
        continue
      }
      directories = true
      if (
        under(name, add, (path, x) => {
          errors.push(cannotRead(path, x))
        }) === 0
      )
        errors.push(
          aboutFile(name, 'no litmus test in this directory', 'a test is a file whose name ends in .litmus', 'TB-004')
        )
    } catch (e) {
      const like = bareName(name) ? nearest(stem(name), library().keys()) : []
      errors.push({
        ...cannotRead(name, e),
        ...(like.length > 0 ? { nearest: like } : {})
      })
    }
  }
  return { files, errors, directories }
}

/** A file as messages name it. */
export const shownName = (file: string): string => (file === '-' ? '<stdin>' : file)

/** The text of a litmus file (`-`: standard input). */
export const readLitmus = (file: string): { readonly text: string } | Diagnostic =>
  readText(file, LARGEST, shownName(file))

/** Reads and checks the files. A file with an error gives no test; the others do. */
export function loadTests(files: readonly string[]): Loaded {
  const tests: Test[] = []
  const errors: Diagnostic[] = []
  const warnings: Diagnostic[] = []
  const texts = new Map<string, string>()
  for (const file of files) {
    const shown = shownName(file)
    const read = readLitmus(file)
    if ('code' in read) {
      errors.push(read)
      continue
    }
    const { text } = read
    texts.set(shown, text)
    let parsed: ReturnType<typeof parse>
    try {
      parsed = parse(text, shown)
    } catch (e) {
      errors.push(brokenInvariant(shown, e))
      continue
    }
    errors.push(...parsed.errors)
    // Of a file that cannot be read, what is wrong is enough.
    if (parsed.errors.length === 0) warnings.push(...parsed.warnings)
    if (parsed.test !== undefined && parsed.errors.length === 0) tests.push(parsed.test)
  }
  const doubles = duplicateTests(tests)
  const bad = new Set(doubles.map((d) => d.file))
  return { tests: tests.filter((t) => !bad.has(t.file)), errors: [...errors, ...doubles], warnings, texts }
}

// From a kernel source tree to a kernel that runs: detect, assemble, compile, weave, keep.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { joined } from '../base/bytes.ts'
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { IMAGE_SECTION, type KernelMeta, Wasm, kernelMeta } from '../kernel-c/index.ts'
import { type Sources, type Teaching, assemble, readTeaching } from './assemble.ts'
import { cacheRead, cacheUsed, cacheWrite } from './cache.ts'
import {
  type CompileError,
  type CompileOptions,
  type Compiler,
  compile,
  type Linked,
  startCompiler,
  toolText
} from './compile.ts'
import { type Arch, type Profile, secondConfig } from './config.ts'
import { type Features, detect } from './detect.ts'
import { imageText, loadBinaryen, withStops } from './asyncify.ts'
import { complain } from './complain.ts'
import { type Seen, seenBefore, watched } from './seen.ts'
import { type Tree, openTree } from './tree.ts'
import { name as nameBytes, SECTION, sectionsOf, uint } from './wasm-binary.ts'
import { weave } from './weave.ts'

export { audit } from './audit.ts'
export { ARCHES, type Arch, PROFILES, type Profile } from './config.ts'
export { cacheDir } from './cache.ts'
export { type Commit, commitsOf, gitSpec, openGit } from './git.ts'
export { alreadyThere, applyPatch, concerns, mailsOf, subjectOf, touched } from './mail.ts'
export { overlayDir } from './overlay-dir.ts'
export { compiledFrom, openTree, textsOf, type Tree } from './tree.ts'
export { withAcceptance } from './acceptance.ts'

export interface BuildOptions {
  readonly arch: Arch
  readonly profile: Profile
  /** Kconfig symbols by name, `y`, `n` or a value, in the place of what the profile chooses. */
  readonly kconfig?: Readonly<Record<string, string>> | undefined
  /** A directory of additions: headers by include path, extra.h, further units. */
  readonly teach?: string | undefined
  /** false: what is built is not kept. */
  readonly keep?: boolean | undefined
  /** Builds even if the cache has it. */
  readonly fresh?: boolean | undefined
  /** Also an image whose calls can stop in their middle, for interleaving inside the C: larger and slower. */
  readonly steps?: boolean | undefined
  /** Each `if` tells what it decided: an image to explain a counterexample with, larger and slower. */
  readonly branches?: boolean | undefined
  readonly progress?: ((what: string) => void) | undefined
}

export interface Built {
  readonly wasm: Uint8Array
  /** The image whose calls can stop, where it was asked for. */
  readonly steps: Uint8Array | null
  readonly meta: KernelMeta
  readonly cached: boolean
  /** Where the image is kept; null when the cache cannot be written. */
  readonly path: string | null
}

const MISSING: ReadonlyArray<{ readonly re: RegExp; readonly what: string }> = [
  { re: /call to undeclared (?:library )?function '(\w+)'/, what: 'function' },
  { re: /use of undeclared identifier '(\w+)'/, what: 'identifier' },
  { re: /unknown type name '(\w+)'/, what: 'type' },
  { re: /(?:incomplete type|incomplete definition of type) '(?:struct |enum |union )?(\w+)'/, what: 'structure' },
  { re: /no member named '(\w+)' in '([^']+)'/, what: 'member' },
  { re: /(?:too (?:few|many) arguments .*(?:call|invocation)[^']*)(?:'(\w+)')?/, what: 'argument list' },
  { re: /'([\w/.-]+\.h)' file not found/, what: 'header' }
]

function missingIn(e: CompileError): { name: string; what: string } | null {
  for (const m of MISSING) {
    const r = m.re.exec(e.text)
    if (r) return { name: r[1] ?? '', what: m.what }
  }
  return null
}

/** How --shim teaches what is missing, with an example for its kind. */
function example(name: string, what: string): string {
  switch (what) {
    case 'header':
      return 'put a file of that name into a directory and give it with --shim DIR'
    case 'function':
      return `define ${name} in DIR/extra.h (for example: #define ${name}(...) 0) and give --shim DIR`
    case 'type':
      return `define ${name} in DIR/extra.h (for example: typedef unsigned long ${name};) and give --shim DIR`
    case 'structure':
      return (
        `define ${name} in DIR/extra.h (for example: struct ${name} { unsigned long ` +
        'opaque; };) and give --shim DIR'
      )
    case 'member':
      return (
        'the structure has no such member in this tree: a header of the same include path under DIR, given with ' +
        "--shim DIR, stands in front of the tree's"
      )
    case 'identifier':
      return `define ${name} in DIR/extra.h (for example: #define ${name} 0) and give --shim DIR`
    default:
      return 'a header of the same include path under DIR, given with --shim DIR, stands in front of all others'
  }
}

/** The compiler's errors as messages about the tree: which identifier is missing in which file, and what to do. */
function explainErrors(errors: readonly CompileError[], tree: Tree): Diagnostic[] {
  const out: Diagnostic[] = []
  const said = new Set<string>()
  for (const e of errors) {
    const m = missingIn(e)
    const key = m?.name ?? e.text
    if (said.has(key)) continue
    said.add(key)
    const place = e.file.startsWith('tree/') ? `${tree.name}/${e.file.slice(5)}` : e.file
    out.push(
      complain('TB-607', place, m ? `${m.what} '${m.name}' is not known` : e.text, {
        line: e.line,
        column: e.column,
        word: m?.name ?? '',
        hint: example(m?.name ?? '', m?.what ?? '')
      })
    )
  }
  return out
}

function teachingOf(dir: string | undefined): Result<Teaching | null, Diagnostic> {
  if (dir === undefined) return ok(null)
  if (!existsSync(dir) || !statSync(dir).isDirectory())
    return err(
      complain('TB-608', dir, 'no such directory of additions', {
        hint: 'it holds headers by include path, extra.h (included everywhere) and further units *.c'
      })
    )
  if (readdirSync(dir).length === 0) return err(complain('TB-608', dir, 'the directory of additions is empty'))
  return ok(readTeaching(dir))
}

/** What an image depends on beside what it is made of. */
const tools = (): string[] => [toolText(), imageText()]

/** Everything that an image depends on, as a name. */
function contentOf(sources: Sources, features: Features, tree: Tree): string {
  const hash = createHash('sha256').update(tools().join('\0'))
  for (const [p, t] of [...sources.files].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
    hash.update(p).update('\0').update(t).update('\0')
  return hash
    .update(features.defines.join('\0'))
    .update(sources.units.join('\0'))
    .update(tree.version)
    .digest('hex')
    .slice(0, 20)
}

/**
 * Compiles; a unit that does not is left out if the rest can do without it, and said to be: the boundary of what is
 * answered moves, the answer stays. The units that the calls go through cannot be missed.
 */
async function compileAll(
  sources: Sources,
  features: Features,
  notes: string[],
  options: CompileOptions
): Promise<Result<Linked, CompileError[] | Diagnostic>> {
  const whole = await compile(sources, features.defines, options)
  if (whole.ok || !Array.isArray(whole.error)) return whole
  const apart = { ...sources, units: sources.units.flatMap((u) => sources.groups.get(u) ?? [u]) }
  const next = { ...options, compiler: null }
  const first = await compile(apart, features.defines, next)
  if (first.ok || !Array.isArray(first.error)) return first
  const failing = new Set(first.error.map((e) => e.unit))
  // a unit may need what another includes before it: what is wrong with the tree is what failed both ways
  const both = first.error.filter((e) =>
    (whole.error as CompileError[]).some((w) => w.file === e.file && w.line === e.line)
  )
  if (![...failing].every((u) => u.startsWith('tree/'))) return both.length > 0 ? err(both) : first
  for (const u of failing) {
    const e = first.error.find((x) => x.unit === u)
    notes.push(`${u.slice(5)} is left out: ${e?.file.replace(/^tree\//, '')}:${e?.line}: ${e?.text}`)
  }
  return compile({ ...apart, units: apart.units.filter((u) => !failing.has(u)) }, features.defines, next)
}

/** What an image depends on beside the tree and the additions. */
const askedFor = (o: BuildOptions): unknown[] => [
  tools(),
  [o.arch, o.profile, Object.entries(o.kconfig ?? {}).sort(), o.branches ?? false]
]

/** Builds the DMA code of a tree. Many diagnostics when it does not compile, one otherwise. */
export async function buildKernel(path: string | Tree, options: BuildOptions): Promise<Result<Built, Diagnostic[]>> {
  const opened = typeof path === 'string' ? openTree(path) : ok(path)
  if (!opened.ok) return err([opened.error])
  const teach = teachingOf(options.teach)
  if (!teach.ok) return err([teach.error])
  const asked = teach.value === null && options.keep !== false ? askedFor(options) : null
  const seen = asked === null || options.fresh ? null : seenBefore(opened.value, asked)
  const known = seen === null ? null : keptImage(opened.value, options, seen)
  if (known !== null) return ok(known)
  const compiler = startCompiler()
  try {
    return await build(opened.value, teach.value, options, asked, compiler)
  } finally {
    compiler.stop()
  }
}

/** Reads the tree, and compiles it where the image is not kept. `asked` null: what is seen of it is not noted. */
async function build(
  opened: Tree,
  teach: Teaching | null,
  options: BuildOptions,
  asked: unknown[] | null,
  compiler: Compiler
): Promise<Result<Built, Diagnostic[]>> {
  const looking = watched(opened)
  const { tree } = looking
  const detected = detect(tree, options.arch, options.profile, options.kconfig)
  if (!detected.ok) return err([{ ...detected.error, file: `${tree.name}/${detected.error.file}` }])
  const features = detected.value
  const sources = assemble(tree, features, teach, options.branches)
  const found = { content: contentOf(sources, features, tree), decisions: features.decisions }
  if (asked !== null) looking.note(asked, found)
  const kept = options.fresh ? null : keptImage(tree, options, found)
  return kept !== null ? ok(kept) : made(tree, features, sources, found.content, options, compiler)
}

type Kind = '' | '-steps' | '-linked'
const imageName = (tree: Tree, o: BuildOptions, content: string, kind: Kind): string =>
  `linux-${tree.version}-${o.arch}-${o.profile}${kind}-${content}.wasm`

/** The image that is kept, with the one whose calls can stop if that is asked for. */
function keptImage(tree: Tree, o: BuildOptions, { content, decisions }: Seen): Built | null {
  const name = (kind: Kind): string => imageName(tree, o, content, kind)
  const wasm = cacheRead(name(''))
  const steps = o.steps ? cacheRead(name('-steps')) : null
  const meta = wasm ? readMeta(wasm) : null
  if (!wasm || !meta || (o.steps && steps === null)) return null
  return { wasm, steps, meta: { ...meta, tree: tree.name, decisions }, cached: true, path: cacheUsed(name('')) }
}

/** Compiles, weaves and keeps. */
async function made(
  tree: Tree,
  features: Features,
  sources: Sources,
  content: string,
  options: BuildOptions,
  compiler: Compiler
): Promise<Result<Built, Diagnostic[]>> {
  const keep = (kind: Kind, data: Uint8Array): string | null =>
    options.keep === false ? null : cacheWrite(imageName(tree, options, content, kind), data)
  options.progress?.('loading the compiler')
  // once the compiler has its job: loading keeps this thread, which hands it over, for a second
  let loading: ReturnType<typeof loadBinaryen> | null = null
  const progress = (what: string): void => {
    if (options.steps) loading ??= loadBinaryen()
    options.progress?.(what)
  }
  // of a tree that was built without steps the compiler's part is there
  const before = options.fresh ? null : readLinked(cacheRead(imageName(tree, options, content, '-linked')))
  const notes = [...(before ?? features).notes]
  const keeping = { read: !options.fresh, write: options.keep !== false }
  const linked =
    before !== null ? ok(before) : await compileAll(sources, features, notes, { progress, keeping, compiler })
  if (!linked.ok) return err(Array.isArray(linked.error) ? explainErrors(linked.error, tree) : [linked.error])
  if (before === null)
    keep(
      '-linked',
      withSection(
        linked.value.wasm,
        LINKED_SECTION,
        new TextEncoder().encode(JSON.stringify(linkedNote(linked.value, notes)))
      )
    )
  options.progress?.('weaving')
  const woven = weave(linked.value.wasm)
  const unresolved = Wasm.Module.imports(new Wasm.Module(woven))
    .filter((i) => i.module !== 'tbit')
    .map((i) => i.name)
    .sort()
  for (const f of linked.value.mismatched)
    notes.push(`${f}() is called with other parameters than the machine has it with`)
  const meta = metaOf(tree, features, sources, [...unresolved, ...linked.value.mismatched], notes, content)
  const image = (code: Uint8Array): Uint8Array =>
    withSection(code, IMAGE_SECTION, new TextEncoder().encode(JSON.stringify(meta)))
  const wasm = image(woven)
  let steps: Uint8Array | null = null
  if (options.steps) {
    options.progress?.('weaving, with calls that can stop')
    const binaryen = await (loading ?? loadBinaryen())
    if (!binaryen.ok) return err([binaryen.error])
    steps = image(withStops(binaryen.value, linked.value.wasm))
    keep('-steps', steps)
  }
  return ok({ wasm, steps, meta, cached: false, path: keep('', wasm) })
}

/**
 * A tree's guest build, and a second one with CONFIG_SWIOTLB_DYNAMIC and CONFIG_IOMMU_DMA where tests ask for it and
 * the tree has either.
 */
export interface GuestBuild {
  readonly plain: Built
  readonly second: Built | null
  /** Why the second is none, or lacks dma-iommu, although it was asked for: that does not compile. */
  readonly failed: readonly Diagnostic[]
}

/** Builds both beside each other: the compiler is a process of its own. */
export async function buildGuest(
  path: string | Tree,
  o: Omit<BuildOptions, 'profile' | 'kconfig'>,
  second: boolean
): Promise<Result<GuestBuild, Diagnostic[]>> {
  const opened = typeof path === 'string' ? openTree(path) : ok(path)
  if (!opened.ok) return err([opened.error])
  const tree = opened.value
  const [plain, other] = await Promise.all([
    buildKernel(tree, { ...o, profile: 'guest' }),
    second ? buildSecond(tree, o) : null
  ])
  if (!plain.ok) return plain
  return ok({ plain: plain.value, second: other?.built ?? null, failed: other?.failed ?? [] })
}

// A dma-iommu.c that does not compile costs nobody the pools that grow.
async function buildSecond(
  tree: Tree,
  o: Omit<BuildOptions, 'profile' | 'kconfig'>
): Promise<{ readonly built: Built | null; readonly failed: readonly Diagnostic[] }> {
  const { IOMMU_DMA, ...dynamic } = secondConfig(tree)
  const failed: Diagnostic[] = []
  for (const kconfig of [...(IOMMU_DMA === undefined ? [] : [{ ...dynamic, IOMMU_DMA }]), dynamic]) {
    const names = Object.keys(kconfig)
    if (names.length === 0) break
    const b = await buildKernel(tree, { ...o, profile: 'guest', kconfig })
    if (b.ok) return { built: b.value, failed }
    failed.push(...b.error.map((e) => ({ ...e, message: `with CONFIG_${names.join(', CONFIG_')}: ${e.message}` })))
  }
  return { built: null, failed }
}

const LINKED_SECTION = 'tbit.linked'

/** What is kept behind a linked module: with its hash, since a damaged one cannot be woven. */
interface LinkedNote {
  readonly mismatched: readonly string[]
  readonly notes: readonly string[]
  readonly sha256: string
}
const linkedNote = ({ wasm, mismatched }: Linked, notes: readonly string[]): LinkedNote => ({
  mismatched,
  notes,
  sha256: sha256(wasm)
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What the compiler made, as it was kept; null when there is none, or it is damaged. */
function readLinked(kept: Uint8Array | null): (Linked & { readonly notes: readonly string[] }) | null {
  try {
    for (const { id, from, contents } of sectionsOf(kept ?? new Uint8Array())) {
      if (id !== SECTION.custom || contents.name() !== LINKED_SECTION) continue
      const note = JSON.parse(new TextDecoder().decode(contents.take(contents.end - contents.at))) as LinkedNote
      const wasm = (kept as Uint8Array).subarray(0, from)
      return sha256(wasm) === note.sha256 ? { wasm, mismatched: note.mismatched, notes: note.notes } : null
    }
  } catch {
    // damaged before its note
  }
  return null
}

function metaOf(
  tree: Tree,
  f: Features,
  s: Sources,
  unresolved: readonly string[],
  notes: readonly string[],
  content: string
): KernelMeta {
  return {
    format: 1,
    version: tree.version,
    tree: tree.name,
    arch: f.arch,
    profile: f.profile,
    config: [...f.config.keys()],
    files: s.fromTree,
    headers: s.headers,
    fields: f.fields,
    flagFunctions: f.flagFunctions,
    attributes: f.attributes,
    decisions: f.decisions,
    unresolved,
    notes,
    assumptions: f.assumptions,
    content,
    has: f.has
  }
}

/**
 * An image without its custom sections: what is run of it. Two trees with the same code differ in nothing that a test
 * could see.
 */
export function codeOf(wasm: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [wasm.subarray(0, 8)]
  for (const { id, from, contents } of sectionsOf(wasm))
    if (id !== SECTION.custom) kept.push(wasm.subarray(from, contents.end))
  return joined(kept)
}

/** Appends a custom section: id 0, size, name length, name, bytes. */
export function withSection(wasm: Uint8Array, name: string, data: Uint8Array): Uint8Array {
  const head = nameBytes(name)
  return joined([wasm, Uint8Array.of(SECTION.custom, ...uint(head.length + data.length), ...head), data])
}

function readMeta(wasm: Uint8Array): KernelMeta | null {
  try {
    return kernelMeta(new Wasm.Module(wasm))
  } catch {
    return null
  }
}

// From a kernel source tree to a kernel that runs: detect, assemble, compile, lower, keep.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { IMAGE_SECTION, type KernelMeta, Wasm, kernelMeta } from '../kernel-c/index.ts'
import { type Cuts, type Teaching, assemble, readTeaching, shimText } from './assemble.ts'
import { blank, cutEnums, cutFunction, cutMacro, cutStruct } from './c-text.ts'
import { cacheRead, cacheWrite } from './cache.ts'
import { type CompileError, compile, toolText } from './compile.ts'
import { type Arch, type Features, type Profile, detect } from './detect.ts'
import { loadBinaryen, lower, weave } from './lower.ts'
import { type Tree, complain, openTree } from './tree.ts'

export { ARCHES, type Arch, PROFILES, type Profile } from './detect.ts'
export { cacheDir } from './cache.ts'
export { applyPatch, concerns, touched } from './mail.ts'
export { shimDir } from './shim-dir.ts'
export { openTree, type Tree } from './tree.ts'

export interface BuildOptions {
  readonly arch: Arch
  readonly profile: Profile
  /** A directory of additions to the shim. */
  readonly teach?: string | undefined
  /** Builds even if the cache has it. */
  readonly fresh?: boolean | undefined
  readonly progress?: ((what: string) => void) | undefined
}

export interface Built {
  readonly wasm: Uint8Array
  readonly meta: KernelMeta
  readonly cached: boolean
  /** Where the image is kept; null when the cache cannot be written. */
  readonly path: string | null
}

// Where a definition that a unit asks for may be cut from, when the header that has it is one of the emptied ones.
function cutFor(name: string, tree: Tree, headers: readonly string[]): { text: string; from: string; late: boolean } | null {
  for (const h of headers) {
    const raw = tree.read(h)
    if (!raw || !new RegExp(`\\b${name}\\b`).test(raw)) continue
    const fn = cutFunction(name, raw)
    if (fn) return { text: fn, from: h, late: true }
    const macro = cutMacro(name, raw)
    if (macro) return { text: macro, from: h, late: false }
    const struct = cutStruct(name, raw)
    if (struct) return { text: struct, from: h, late: true }
    const e = cutEnums([name], raw)[0]
    if (e) return { text: e, from: h, late: false }
    const proto = cutFunction(name, raw, true)
    if (proto) return { text: proto, from: h, late: true }
    const typedef = new RegExp(`^typedef\\s[^;{}]*\\b${name}\\s*;`, 'm').exec(blank(raw))
    if (typedef) return { text: raw.slice(typedef.index, typedef.index + typedef[0].length), from: h, late: false }
  }
  return null
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

function whereDefined(name: string, tree: Tree, headers: readonly string[]): string | null {
  for (const h of headers) {
    const raw = tree.read(h)
    const i = raw === null ? -1 : blank(raw).search(new RegExp(`\\b${name}\\b`))
    if (raw !== null && i >= 0) return `${h}:${raw.slice(0, i).split('\n').length}`
  }
  return null
}

/** The compiler's errors as messages about the tree: which identifier is missing in which file, and how to teach the shim. */
function explainErrors(errors: readonly CompileError[], tree: Tree, headers: readonly string[]): Diagnostic[] {
  const out: Diagnostic[] = []
  const said = new Set<string>()
  for (const e of errors) {
    const m = missingIn(e)
    const place = e.file.replace(/^tree\//, `${tree.name}/`).replace(/^gen\/linux\/device\.h$/, 'struct device, cut from include/linux/device.h').replace(/^(shim|gen|teach)\//, '$1/')
    const key = `${m?.name ?? e.text}`
    if (said.has(key)) continue
    said.add(key)
    const inTree = e.file.startsWith('tree/') || e.file.startsWith('gen/linux')
    const at = m ? whereDefined(m.name, tree, headers) : null
    const how = m === null
      ? 'the compiler does not accept this line together with the shim (src/kernel-build/shim/kernel.h); a directory given with --shim may override any header'
      : m.what === 'member' ? `the shim's structure has no such member: define the structure in DIR/extra.h and give --shim DIR${at ? `; the tree has it at ${at}` : ''}`
        : m.what === 'header' ? `put a file of that name into a directory and give it with --shim DIR`
          : `define ${m.name} in DIR/extra.h (${m.what === 'function' ? `for example: #define ${m.name}(...) 0` : m.what === 'type' ? `for example: typedef u64 ${m.name};` : m.what === 'structure' ? `for example: struct ${m.name} { u64 opaque; };` : `for example: #define ${m.name} 0`}) and give --shim DIR${at ? `; the tree mentions it at ${at}` : ''}`
    out.push(complain('TB-607', place, m ? `${m.what} '${m.name}' is not known to the shim` : e.text, { line: e.line, column: e.column, word: m?.name ?? '', hint: inTree || m ? how : `${how} (the error is in the shim's own text: the tree changed something it relies on)` }))
  }
  return out
}

function teachingOf(dir: string | undefined): Result<Teaching | null, Diagnostic> {
  if (dir === undefined) return ok(null)
  if (!existsSync(dir) || !statSync(dir).isDirectory()) return err(complain('TB-608', dir, 'no such directory of additions to the shim', { hint: 'it holds headers by include path, extra.h (included everywhere) and further units *.c' }))
  if (readdirSync(dir).length === 0) return err(complain('TB-608', dir, 'the directory of additions to the shim is empty'))
  return ok(readTeaching(dir))
}

const PACKAGES = 'clang 22.0.0-git20542-10, binaryen 132.0.0'

/** Builds the DMA code of a tree. Many diagnostics when it does not compile, one otherwise. */
export async function buildKernel(path: string | Tree, options: BuildOptions): Promise<Result<Built, Diagnostic[]>> {
  const opened = typeof path === 'string' ? openTree(path) : ok(path)
  if (!opened.ok) return err([opened.error])
  const tree = opened.value
  const teach = teachingOf(options.teach)
  if (!teach.ok) return err([teach.error])
  const shim = shimText()
  const detected = detect(tree, options.arch, options.profile, shim)
  if (!detected.ok) return err([{ ...detected.error, file: `${tree.name}/${detected.error.file}` }])
  const features = detected.value

  const early: string[] = []
  const late: string[] = []
  const cutNotes: string[] = []
  let sources = assemble(tree, features, teach.value)
  const hash = createHash('sha256').update([PACKAGES, toolText(), String(weave), String(lower)].join('\0'))
  for (const [p, t] of [...sources.files].sort((a, b) => (a[0] < b[0] ? -1 : 1))) hash.update(p).update('\0').update(t).update('\0')
  hash.update(features.defines.join('\0')).update(tree.version)
  const content = hash.digest('hex').slice(0, 20)
  const file = `linux-${tree.version}-${options.arch}-${options.profile}-${content}.wasm`
  if (!options.fresh) {
    const had = cacheRead(file)
    const meta = had ? readMeta(had) : null
    if (had && meta) return ok({ wasm: had, meta: { ...meta, tree: tree.name }, cached: true, path: cacheWrite(file, had) })
  }

  options.progress?.('loading the compiler')
  const headers = ['include/linux/device.h', ...new Set([...sources.empty.map((e) => `include/${e}`), ...sources.empty.filter((e) => e.startsWith('asm/')).map((e) => `arch/${options.arch}/include/${e}`)])]
  const loading = loadBinaryen()
  let objects = await compile(sources, features.defines, options.progress)
  for (let round = 0; round < 4 && !objects.ok && Array.isArray(objects.error); round++) {
    let found = false
    for (const e of objects.error) {
      const m = missingIn(e)
      if (!m || m.what === 'member' || m.what === 'header' || m.what === 'argument list') continue
      const cut = cutFor(m.name, tree, headers)
      if (!cut || early.includes(cut.text) || late.includes(cut.text)) continue
      if (cut.late) late.push(cut.text)
      else early.push(cut.text)
      cutNotes.push(`${m.name} taken from ${cut.from}`)
      found = true
    }
    if (!found) break
    const cuts: Cuts = { early, late: [...late].reverse() }
    sources = assemble(tree, features, teach.value, cuts)
    objects = await compile(sources, features.defines, options.progress)
  }
  // the architecture's file holds one function that matters here: where the rest does not compile, that one is cut out
  const archPath = `arch/${options.arch}/mm/mem_encrypt.c`
  const predicate = cutFunction('force_dma_unencrypted', tree.read(archPath) ?? '')
  if (!objects.ok && Array.isArray(objects.error) && predicate && objects.error.every((e) => e.file === `tree/${archPath}`)) {
    const files = new Map(sources.files)
    files.set('shim/arch.c', `#include <linux/dma-direct.h>\n#include <linux/cc_platform.h>\n${predicate}\n`)
    sources = { ...sources, files }
    objects = await compile(sources, features.defines, options.progress)
    cutNotes.push(`only force_dma_unencrypted() is taken from ${archPath}: the rest of the file does not compile with the shim`)
  }
  if (!objects.ok) return err(Array.isArray(objects.error) ? explainErrors(objects.error, tree, headers) : [objects.error])
  const binaryen = await loading
  if (!binaryen.ok) return err([binaryen.error])
  options.progress?.('lowering')
  const lowered = lower(binaryen.value, objects.value)
  const module = new Wasm.Module(lowered)
  const unresolved = Wasm.Module.imports(module).filter((i) => i.module !== 'tbit').map((i) => i.name).sort()
  const meta: KernelMeta = metaOf(tree, features, sources.fromTree, unresolved, [...features.notes, ...cutNotes], content)
  const wasm = withSection(lowered, IMAGE_SECTION, new TextEncoder().encode(JSON.stringify(meta)))
  return ok({ wasm, meta, cached: false, path: cacheWrite(file, wasm) })
}

function metaOf(tree: Tree, f: Features, files: readonly string[], unresolved: readonly string[], notes: readonly string[], content: string): KernelMeta {
  return { format: 1, version: tree.version, tree: tree.name, arch: f.arch, profile: f.profile, config: f.config, files, fields: f.fields, flagFunctions: f.flagFunctions, attributes: f.attributes, unresolved, notes, content, has: { mapPhys: f.has.mapPhys, hiwater: f.has.hiwater, padSlots: f.has.padSlots, coherentPool: f.has.coherentPool, restricted: f.has.restricted, realm: f.has.realm } }
}

/** Appends a custom section: id 0, size, name length, name, bytes. */
export function withSection(wasm: Uint8Array, name: string, data: Uint8Array): Uint8Array {
  const leb = (n: number): number[] => {
    const out: number[] = []
    do {
      const b = n & 0x7f
      n >>>= 7
      out.push(n ? b | 0x80 : b)
    } while (n)
    return out
  }
  const n = new TextEncoder().encode(name)
  const head = [...leb(n.length), ...n]
  const size = leb(head.length + data.length)
  const out = new Uint8Array(wasm.length + 1 + size.length + head.length + data.length)
  out.set(wasm)
  out.set([0, ...size, ...head], wasm.length)
  out.set(data, wasm.length + 1 + size.length + head.length)
  return out
}

function readMeta(wasm: Uint8Array): KernelMeta | null {
  try {
    return kernelMeta(new Wasm.Module(wasm))
  } catch {
    return null
  }
}

// Bundles src/cli/main.ts into dist/: one script, of which V8's code cache keeps what each verb ran (cached.cjs), so
// that a verb compiles nothing but what is new to it; the same with `check` only, which is asked most, and without any
// verb, for who asks what they are; and the worker threads of `check` and `replay`, which start from files of their
// own.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, relative } from 'node:path'
import { caches } from './cached.cjs'
import start from './current.cjs'
import { ensureInstalled, root } from './install.mjs'

export const { current } = start
const { lastBuild, out, signature, stamp } = start

/** A script whose name says its content. */
const isNamed = (file) => /^(?:main|check|usage)-\w+\.cjs$/.test(file)

// Beside, then renamed: a process that starts meanwhile never reads half a file.
function place(file, data) {
  const path = join(out, file)
  const part = `${path}.part-${process.pid}`
  writeFileSync(part, data)
  renameSync(part, path)
}

const common = {
  absWorkingDir: root,
  write: false,
  metafile: true,
  outdir: out,
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  logLevel: 'error',
  minifySyntax: true,
  minifyWhitespace: true,
  external: ['@yowasp/clang', 'binaryen'],
  loader: { '.wasm': 'file', '.css': 'text' }
}

/** The command line without what is loaded late, where `leaves` says so. */
const without = (leaves) => ({
  name: 'without verbs',
  setup: ({ onResolve }) => {
    onResolve({ filter: /./ }, (asked) =>
      asked.kind === 'dynamic-import' && leaves(asked) ? { path: asked.path, external: true } : undefined
    )
  }
})
const noVerb = without(() => true)
const onlyCheck = without(({ path, importer }) => basename(importer) === 'verbs.ts' && path !== './check.ts')

/**
 * Modules of Node that load many others and that most command lines never come to: loaded when something of them is
 * first asked for.
 */
const lateModules = {
  name: 'late modules',
  setup: ({ onResolve, onLoad }) => {
    const require = createRequire(import.meta.url)
    onResolve({ filter: /^node:(?:child_process|crypto|worker_threads)$/ }, ({ path, namespace }) =>
      namespace === 'late' ? { path, external: true } : { path, namespace: 'late' }
    )
    onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({
      contents: Object.keys(require(path))
        .map((name) => `Object.defineProperty(exports, '${name}', ${getter(path, name)});`)
        .join('\n')
    }))
  }
}
const getter = (path, name) => `{ enumerable: true, get: () => require('${path}').${name} }`

/** Name, time and size of every source and of every folder of sources, before a build reads them. */
function signatures(folders) {
  const paths = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => relative(root, join(e.parentPath ?? e.path, e.name)))
  return new Map([...paths, ...folders, 'package-lock.json', 'scripts/build.mjs'].map((p) => [p, signature(p)]))
}

/** A script with what it is made of: inputs, and what decides for all how they are built. */
function made(part, also, folders, signed) {
  const inputs = [part, ...also].flatMap((p) => Object.keys(p.metafile.inputs)).filter((p) => signed.has(p))
  const sources = [...new Set([...inputs, ...folders, 'package-lock.json', 'scripts/build.mjs'])]
  const file = part.outputFiles.map((f) => basename(f.path)).find(isNamed)
  return { file, sources: sources.sort().map((p) => [p, signed.get(p)]) }
}

/** Makes dist/ and answers the path of a script of it. */
export async function build(script = 'main') {
  // Loaded here: a start that builds nothing needs neither.
  const [{ register, registries }, esbuild] = await Promise.all([import('./registry.mjs'), import('esbuild')])
  register()
  // A new file of these is a new import of their lists.
  const folders = registries.map((r) => r.dir)
  const signed = signatures(folders)
  const commandLine = {
    ...common,
    entryNames: '[name]-[hash]',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': '__url' },
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" }
  }
  const entry = join(root, 'src/cli/main.ts')
  const parts = await Promise.all([
    esbuild.build({ ...commandLine, entryPoints: { main: entry }, plugins: [lateModules] }),
    esbuild.build({ ...commandLine, entryPoints: { check: entry }, plugins: [lateModules, onlyCheck] }),
    esbuild.build({ ...commandLine, entryPoints: { usage: entry }, plugins: [noVerb] }),
    esbuild.build({
      ...common,
      entryPoints: ['check', 'replay', 'trace'].map((w) => join(root, `src/cli/${w}-worker.ts`)),
      format: 'esm',
      outExtension: { '.js': '.mjs' }
    })
  ])
  const [main, check, usage, workers] = parts
  const scripts = {
    main: made(main, [workers], folders, signed),
    check: made(check, [workers], folders, signed),
    usage: made(usage, [], [], signed)
  }
  mkdirSync(out, { recursive: true })
  const before = lastBuild().files
  const files = parts.flatMap((p) => p.outputFiles).map((f) => ({ name: basename(f.path), data: f.contents }))
  // What is named by its content and there is right.
  for (const f of files) if (!isNamed(f.name) || !whole(f)) place(f.name, f.data)
  place(basename(stamp), JSON.stringify({ scripts, files: files.map((f) => f.name) }))
  // The build before this one stays, for processes that still run from it.
  const kept = new Set(['.stamp', ...before, ...files.map((f) => f.name)])
  for (const f of readdirSync(out))
    if (!kept.has(f) && !kept.has(caches(f)) && !/\.part-\d+$/.test(f))
      rmSync(join(out, f), { recursive: true, force: true })
  for (const f of readdirSync(out))
    if (/\.part-\d+$/.test(f) && !alive(Number(f.slice(f.lastIndexOf('-') + 1)))) rmSync(join(out, f), { force: true })
  return join(out, scripts[script].file)
}

/** A script of dist/, installed and built if need be. */
export async function ready(script) {
  ensureInstalled()
  return current(script) ?? (await build(script))
}

const whole = (f) => existsSync(join(out, f.name)) && statSync(join(out, f.name)).size === f.data.length

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (e) {
    return e.code !== 'ESRCH'
  }
}

if (process.argv[1]?.endsWith('build.mjs')) await build()

// Bundles src/cli/main.ts into dist/: one script, of which V8's code cache keeps what each verb ran (cached.mjs), so
// that a verb compiles nothing but what is new to it; the same without the verbs, for who asks what they are; and the
// worker threads of `check` and `replay`, which start from files of their own.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { caches } from './cached.mjs'
import { root } from './install.mjs'

const out = join(root, 'dist')
// What the last whole build was made of and which files it wrote. It comes last: a build that was killed is built
// again.
const stamp = join(out, '.stamp')

// Name, time and size of every source. Times are compared with themselves only, so that a clock that was wrong costs
// one build, not all.
function sources(dir = 'src') {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? sources(`${dir}/${e.name}`) : [signature(`${dir}/${e.name}`)]
  )
}
function signature(path) {
  const { mtimeMs, size } = statSync(`${root}/${path}`)
  return `${path} ${mtimeMs} ${size}`
}
const signatures = () =>
  [...sources(), signature('package-lock.json'), signature('scripts/build.mjs')].sort().join('\n')

function lastBuild() {
  try {
    const { sources, files } = JSON.parse(readFileSync(stamp, 'utf8'))
    return { sources, files: Array.isArray(files) ? files : [] }
  } catch {
    return { sources: '', files: [] }
  }
}

/** A script whose name says its content. */
const isNamed = (file) => /^(?:main|usage)-\w+\.cjs$/.test(file)
const pathOf = (script, files) =>
  join(
    out,
    files.find((f) => isNamed(f) && f.startsWith(`${script}-`))
  )

/**
 * A script of the last build, `main` or `usage`; null when sources changed since, or a file of it is gone.
 */
export function current(script = 'main') {
  const { sources, files } = lastBuild()
  return sources === signatures() && files.every((f) => existsSync(join(out, f))) ? pathOf(script, files) : null
}

// Beside, then renamed: a process that starts meanwhile never reads half a file.
function place(file, data) {
  const path = join(out, file)
  const part = `${path}.part-${process.pid}`
  writeFileSync(part, data)
  renameSync(part, path)
}

const common = {
  write: false,
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

/** The command line without what a verb loads. */
const withoutVerbs = {
  name: 'without verbs',
  setup: ({ onResolve }) => {
    onResolve({ filter: /./ }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined))
  }
}

/** Makes dist/ and answers the path of a script of it. */
export async function build(script = 'main') {
  // Loaded here: a start that builds nothing needs neither.
  const [{ register }, esbuild] = await Promise.all([import('./registry.mjs'), import('esbuild')])
  register()
  const made = signatures()
  const commandLine = {
    ...common,
    entryNames: '[name]-[hash]',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': '__url' },
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" }
  }
  const main = join(root, 'src/cli/main.ts')
  const parts = await Promise.all([
    esbuild.build({ ...commandLine, entryPoints: { main } }),
    esbuild.build({ ...commandLine, entryPoints: { usage: main }, plugins: [withoutVerbs] }),
    esbuild.build({
      ...common,
      entryPoints: ['check', 'replay'].map((w) => join(root, `src/cli/${w}-worker.ts`)),
      format: 'esm',
      outExtension: { '.js': '.mjs' }
    })
  ])
  mkdirSync(out, { recursive: true })
  const before = lastBuild().files
  const files = parts.flatMap((p) => p.outputFiles).map((f) => ({ name: basename(f.path), data: f.contents }))
  // What is named by its content and there is right.
  for (const f of files) if (!isNamed(f.name) || !whole(f)) place(f.name, f.data)
  place('.stamp', JSON.stringify({ sources: made, files: files.map((f) => f.name) }))
  // The build before this one stays, for processes that still run from it.
  const kept = new Set(['.stamp', ...before, ...files.map((f) => f.name)])
  for (const f of readdirSync(out))
    if (!kept.has(f) && !kept.has(caches(f)) && !/\.part-\d+$/.test(f))
      rmSync(join(out, f), { recursive: true, force: true })
  for (const f of readdirSync(out))
    if (/\.part-\d+$/.test(f) && !alive(Number(f.slice(f.lastIndexOf('-') + 1)))) rmSync(join(out, f), { force: true })
  return pathOf(
    script,
    files.map((f) => f.name)
  )
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

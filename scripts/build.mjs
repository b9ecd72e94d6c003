// Bundles src/cli/main.ts into dist/, one chunk a verb, so that a verb loads only its own code.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './install.mjs'
import { register } from './registry.mjs'

const out = join(root, 'dist')
// What the last whole build was made of and which files it wrote. It comes last: a build that was killed is built again.
const stamp = join(out, '.stamp')

// Name, time and size of every source. Times are compared with themselves only, so that a clock that was wrong costs one build, not all.
function sources(dir = join(root, 'src')) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? sources(join(dir, e.name)) : [signature(join(dir, e.name))]))
}
function signature(path) {
  const { mtimeMs, size } = statSync(path)
  return `${relative(root, path)} ${mtimeMs} ${size}`
}
const signatures = () => [...sources(), signature(join(root, 'package-lock.json')), signature(join(root, 'scripts', 'build.mjs'))].sort().join('\n')

function lastBuild() {
  try {
    const { sources, files } = JSON.parse(readFileSync(stamp, 'utf8'))
    return { sources, files: Array.isArray(files) ? files : [] }
  } catch {
    return { sources: '', files: [] }
  }
}

export function stale() {
  const { sources, files } = lastBuild()
  return sources !== signatures() || !files.every((f) => existsSync(join(out, f)))
}

// Beside, then renamed: a process that starts meanwhile never reads half a file.
function place(file, data) {
  const path = join(out, file)
  const part = `${path}.part-${process.pid}`
  writeFileSync(part, data)
  renameSync(part, path)
}

export async function build() {
  register()
  const esbuild = await import('esbuild')
  const made = signatures()
  const { outputFiles } = await esbuild.build({
    write: false,
    // The worker threads of `check` start from a file of their own.
    entryPoints: [join(root, 'src/cli/main.ts'), join(root, 'src/cli/check-worker.ts')],
    outdir: out,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    sourcemap: 'linked',
    logLevel: 'error',
    outExtension: { '.js': '.mjs' },
    external: ['@yowasp/clang', 'binaryen'],
    loader: { '.wasm': 'file', '.css': 'text' },
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
  })
  mkdirSync(out, { recursive: true })
  const before = lastBuild().files
  const files = outputFiles.map((f) => ({ name: relative(out, f.path), data: f.contents }))
  // Parts are named by their content: what is there is right. The ones that name others come after them.
  const entry = (f) => /^(main|check-worker)\.mjs/.test(f.name)
  for (const f of [...files.filter((f) => !entry(f)), ...files.filter(entry)]) if (entry(f) || !whole(f)) place(f.name, f.data)
  place('.stamp', JSON.stringify({ sources: made, files: files.map((f) => f.name) }))
  // The build before this one stays, for processes that still run from it.
  const kept = new Set(['.stamp', ...before, ...files.map((f) => f.name)])
  for (const f of readdirSync(out)) if (!kept.has(f) && !/\.part-\d+$/.test(f)) rmSync(join(out, f), { recursive: true, force: true })
  for (const f of readdirSync(out)) if (/\.part-\d+$/.test(f) && !alive(Number(f.slice(f.lastIndexOf('-') + 1)))) rmSync(join(out, f), { force: true })
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

// `npm run build:web [-- --out DIR] [LITMUS ...]`: the site as a folder that any static host serves: the library run once into pages that need
// no script, and the app. With tests or directories named, only those are run.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { root } from './install.mjs'
import { register } from './registry.mjs'

const KIB = 1024

/** The builder itself, bundled for Node beside the worker of `check`; answers the folder. */
async function builder(esbuild) {
  // Below the checkout: what stays outside of the bundle is found from there.
  mkdirSync(join(root, '.cache'), { recursive: true })
  const dir = mkdtempSync(join(root, '.cache', 'web-'))
  await esbuild.build({
    entryPoints: { build: join(root, 'src/web/static/build.ts'), 'check-worker': join(root, 'src/cli/check-worker.ts') }, outdir: dir, bundle: true, platform: 'node', target: 'node20', format: 'esm',
    outExtension: { '.js': '.mjs' }, packages: 'external', loader: { '.wasm': 'file', '.css': 'text' }, logLevel: 'error'
  })
  return dir
}

/** Files below a folder, as paths from it. */
export function filesIn(dir, from = dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? filesIn(join(dir, e.name), from) : [relative(from, join(dir, e.name))]))
}

/** Writes the site into `out`, which is replaced when all of it is there. @returns pages, files, bytes, compressed bytes */
export async function buildWeb({ out, only = [], say = () => {} }) {
  register()
  const esbuild = await import('esbuild')
  const dir = await builder(esbuild)
  // Beside the place it goes to: a build that breaks leaves the site before it.
  const part = `${out}.part-${process.pid}`
  try {
    const { librarySite, writeSite } = await import(pathToFileURL(join(dir, 'build.mjs')).href)
    mkdirSync(part, { recursive: true })
    const options = { root, out: part, only, say }
    const lib = await librarySite(options)
    const then = performance.now()
    const pages = writeSite(options, lib)
    say(`${pages} pages written: ${((performance.now() - then) / 1000).toFixed(1)} s`)
    for (const f of ['player.js']) {
      const { code } = await esbuild.transform(readFileSync(join(part, f), 'utf8'), { minify: true, legalComments: 'none' })
      writeFileSync(join(part, f), code)
    }
    rmSync(out, { recursive: true, force: true })
    renameSync(part, out)
    return { pages, ...sizeOf(out) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
    rmSync(part, { recursive: true, force: true })
  }
}

/** Of a folder: how many files, their bytes, and the bytes of each compressed on its own. */
export function sizeOf(dir) {
  const files = filesIn(dir)
  return { files: files.length, bytes: files.reduce((n, f) => n + statSync(join(dir, f)).size, 0), compressed: files.reduce((n, f) => n + gzipSync(readFileSync(join(dir, f)), { level: 9 }).length, 0) }
}

if (process.argv[1] === join(root, 'scripts', 'build-web.mjs')) {
  const args = process.argv.slice(2)
  const at = args.indexOf('--out')
  const out = resolve(at < 0 ? join(root, 'dist-web') : (args[at + 1] ?? ''))
  const only = args.filter((_, i) => at < 0 || (i !== at && i !== at + 1)).map((p) => resolve(p))
  const began = performance.now()
  const r = await buildWeb({ out, only, say: (line) => process.stdout.write(`${line}\n`) })
  process.stdout.write(`${relative(process.cwd(), out) || '.'}: ${r.pages} pages, ${r.files} files, ${(r.bytes / KIB / KIB).toFixed(1)} MiB (${(r.compressed / KIB / KIB).toFixed(1)} MiB compressed) in ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
}

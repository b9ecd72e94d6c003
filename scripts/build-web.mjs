// `npm run build:web [-- --out DIR] [LITMUS ...]`: the site as a folder that any static host serves: the library run once into pages that need
// no script, and the app. With tests or directories named, only those are run.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
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

const app = (f) => join(root, 'src/web/app', f)
/** Packages of the page, each in one of two files of their own. */
const VENDORS = { ui: /^(?:preact(?:\/.*)?|@preact\/signals)$/, editor: /^@codemirror\// }

/**
 * The app into `out`: what comes from packages with short names, and the engine with its own, since steps are named by the functions on the
 * stack (docs/decisions/0008-names-in-the-page.md). Pages and worker share their parts.
 */
export async function buildApp(out) {
  const esbuild = await import('esbuild')
  const common = { bundle: true, format: 'esm', platform: 'browser', target: 'es2022', legalComments: 'none', logLevel: 'error', outdir: out, metafile: true, define: { 'process.env.NODE_ENV': '"production"' } }
  const vendor = await esbuild.build({ ...common, minify: true, splitting: true, entryPoints: { ui: app('vendor-ui.ts'), editor: app('vendor-editor.ts') }, entryNames: 'vendor-[name]-[hash]', chunkNames: 'vendor-[hash]' })
  const files = Object.keys(vendor.metafile.outputs).map((f) => basename(f))
  const fromVendor = {
    name: 'packages of the page', setup(b) {
      for (const [name, filter] of Object.entries(VENDORS)) b.onResolve({ filter }, () => ({ path: `./${files.find((f) => f.startsWith(`vendor-${name}-`))}`, external: true }))
    }
  }
  await esbuild.build({
    ...common, minifyWhitespace: true, splitting: true, chunkNames: 'part-[hash]', jsx: 'automatic', jsxImportSource: 'preact', plugins: [fromVendor],
    entryPoints: ['playground.tsx', 'explain.tsx', 'verify.tsx', 'check.worker.ts'].map(app)
  })
  await esbuild.build({ entryPoints: [app('app.css')], outdir: out, minify: true, logLevel: 'error' })
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
    const { librarySite, seconds, writeSite } = await import(pathToFileURL(join(dir, 'build.mjs')).href)
    mkdirSync(part, { recursive: true })
    const options = { root, out: part, only, say }
    const lib = await librarySite(options)
    const then = performance.now()
    const pages = writeSite(options, lib)
    say(`${pages} pages written: ${seconds(then)}`)
    const player = join(part, 'player.js')
    writeFileSync(player, (await esbuild.transform(readFileSync(player, 'utf8'), { minify: true, legalComments: 'none' })).code)
    const before = performance.now()
    await buildApp(join(part, 'app'))
    say(`the app: ${seconds(before)}`)
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

/** A script with all that it imports, as paths from the folder. */
function closure(dir, entry, into = new Set()) {
  if (into.has(entry)) return into
  into.add(entry)
  for (const [, to] of readFileSync(join(dir, entry), 'utf8').matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) closure(dir, `app/${to}`, into)
  return into
}

/** Compressed bytes (gzip -9, each file on its own) of what a reader of each kind of page is sent until it stands. */
export function pageSizes(dir) {
  const gz = (files) => [...new Set(files)].reduce((n, f) => n + gzipSync(readFileSync(join(dir, f)), { level: 9 }).length, 0)
  const every = ['site.css', 'icon.svg']
  const finding = filesIn(join(dir, 'f')).map((f) => `f/${f}`).sort((a, b) => statSync(join(dir, a)).size - statSync(join(dir, b)).size)
  const app = (name, ...workers) => gz([`${name}.html`, ...every, 'app/app.css', ...[`app/${name}.js`, ...workers].flatMap((e) => [...closure(dir, e)])])
  return {
    'finding, the largest, without script': gz([finding.at(-1), ...every]), 'player, with the largest finding': gz([finding.at(-1), ...every, 'player.js']), 'first screen': gz(['index.html', ...every, 'player.js']),
    playground: app('playground', 'app/check.worker.js'), explain: app('explain'), verify: app('verify', 'app/check.worker.js'), 'library, when a test of it is opened': gz(['app/library.json'])
  }
}

if (process.argv[1] === join(root, 'scripts', 'build-web.mjs')) {
  const args = process.argv.slice(2)
  const at = args.indexOf('--out')
  const out = resolve(at < 0 ? join(root, 'dist-web') : (args[at + 1] ?? ''))
  const only = args.filter((_, i) => at < 0 || (i !== at && i !== at + 1)).map((p) => resolve(p))
  const began = performance.now()
  const r = await buildWeb({ out, only, say: (line) => process.stdout.write(`${line}\n`) })
  process.stdout.write(`${relative(process.cwd(), out) || '.'}: ${r.pages} pages, ${r.files} files, ${(r.bytes / KIB / KIB).toFixed(1)} MiB (${(r.compressed / KIB / KIB).toFixed(1)} MiB compressed) in ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
  for (const [name, bytes] of Object.entries(pageSizes(out))) process.stdout.write(`  ${(bytes / KIB).toFixed(1).padStart(6)} KiB  ${name}\n`)
}

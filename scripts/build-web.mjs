// `npm run build:web [-- --out DIR] [--hunt FILE ...] [LITMUS ...]`: the site as a folder that any static host serves:
// the library run once into pages that need no script, and the app. With tests or directories named, only those are
// run; with files of `tbit hunt --format json`, their findings are pages, too.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
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
    entryPoints: {
      build: join(root, 'src/web/static/build.ts'),
      'check-worker': join(root, 'src/cli/check-worker.ts')
    },
    outdir: dir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    packages: 'external',
    loader: { '.wasm': 'file', '.css': 'text' },
    logLevel: 'error'
  })
  return dir
}

const app = (f) => join(root, 'src/web/app', f)
/** Packages of the page, each in one of three files of their own; the third is fetched behind the editor. */
const VENDORS = {
  ui: /^(?:preact(?:\/.*)?|@preact\/signals)$/,
  editor: /^@codemirror\/(?:commands|state|view)$/,
  assist: /^@codemirror\/(?:autocomplete|lint)$/
}

/** Rooms whose functions stand in no step: before the stack of a step begins, or after it has ended. */
const NAMELESS = /[/\\]src[/\\](?:base|check|litmus|properties|report|web)[/\\].*\.tsx?$/

/** CodeMirror's parsers are not sent to the page: its language is told by tokens. */
const noSyntax = {
  name: 'an editor without a syntax tree',
  setup(b) {
    const instead = { commands: app('vendor-indent.ts'), autocomplete: app('vendor-completion.ts') }
    b.onResolve({ filter: /^(?:@codemirror\/language|@lezer\/common)$/ }, ({ importer }) => {
      const path = instead[/@codemirror[/\\](\w+)[/\\]/.exec(importer)?.[1]]
      return path === undefined ? undefined : { path }
    })
  }
}
/** @throws Error where the editor asks for what is not there */
function checkNoSyntax(metafile) {
  for (const { inputs } of Object.values(metafile.outputs))
    for (const [file, { bytesInOutput }] of Object.entries(inputs))
      if (file.endsWith('vendor-no-syntax.ts') && bytesInOutput > 0)
        throw new Error('what the editor takes of CodeMirror needs a syntax tree, which the page does not have')
}

/** Tables whose words have one line of meaning, `does`: only completion and hover ask for it, behind the editor. */
const WORDS =
  /[/\\]src[/\\](?:litmus[/\\](?:operations|vocabulary)|kernel[/\\]revisions[/\\]decisions|properties[/\\][\w-]+)\.ts$/
const LITERAL = /\bdoes:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\$]|\\.)*`)/g
/** A word's meaning taken from another table. */
const COPIED = /\bdoes:([\w$]+)\.does\b/g
/** Meanings go into a file of their own; who reads one before that file is there finds nothing. */
class Meanings {
  texts = []
  apart(code) {
    const short = code
      .replace(LITERAL, (_, text) => `get does(){return said[${this.texts.push(text) - 1}]}`)
      .replace(COPIED, 'get does(){return $1.does}')
    return short === code ? code : `import{said}from"meanings";${short}`
  }
}
/** Files that are fetched behind the rest and are asked for by name: the door of their room would bring them along. */
const LATE = /^export \* from '\.\/(?:assist|complete|format)\.ts'$/gm
const DOOR = /[/\\]src[/\\]litmus[/\\]index\.ts$/
const ASSIST = /[/\\]src[/\\]web[/\\]app[/\\]assist\.ts$/

/** Sources on their way into the page: short names where they can be, meanings apart, what is late not at a door. */
export function lighter(esbuild) {
  const code = async (path) => {
    const nameless = NAMELESS.test(path)
    const { code } = await esbuild.transform(readFileSync(path, 'utf8').replace(DOOR.test(path) ? LATE : /$^/, ''), {
      loader: path.endsWith('x') ? 'tsx' : 'ts',
      minify: nameless,
      minifyWhitespace: true,
      target: 'es2022',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      legalComments: 'none'
    })
    return code
  }
  const src = join(root, 'src')
  const meanings = new Meanings()
  const told = new Map()
  return {
    name: 'sources made light',
    setup(b) {
      b.onStart(async () => {
        for (const f of filesIn(src).sort()) {
          const path = join(src, f)
          if (WORDS.test(path) && !path.endsWith('.test.ts')) told.set(path, meanings.apart(await code(path)))
        }
      })
      b.onResolve({ filter: /^meanings(?:-told)?$/ }, ({ path }) => ({ path, namespace: 'meanings' }))
      b.onLoad({ filter: /^meanings$/, namespace: 'meanings' }, () => ({ contents: 'export const said=[]' }))
      b.onLoad({ filter: /^meanings-told$/, namespace: 'meanings' }, () => ({
        contents: `import{said}from"meanings";said.push(${meanings.texts.join()})`
      }))
      b.onLoad({ filter: WORDS }, ({ path }) => ({ loader: 'js', contents: told.get(path) }))
      b.onLoad({ filter: NAMELESS }, async ({ path }) => ({
        loader: 'js',
        contents: `${ASSIST.test(path) ? 'import"meanings-told";' : ''}${await code(path)}`
      }))
    }
  }
}

/** What a name is given to that may be a function: its own name then is that one. */
const MAYBE_FUNCTION = /([\w$]+)=(?:async\b|function\b|class\b|\(|[\w$]+=>)/g

/** Written files once more, shorter: `named` with the names of functions, by which steps are told. */
async function shorten(files, named) {
  const { minify } = await import('terser')
  const kept = { keep_fnames: true, keep_classnames: true }
  // What puts a function where it is used, or takes one away, is not for the engine.
  const careful = {
    defaults: false,
    booleans: true,
    conditionals: true,
    evaluate: true,
    if_return: true,
    join_vars: true
  }
  for (const file of files) {
    const code = readFileSync(file, 'utf8')
    const reserved = [...new Set([...code.matchAll(MAYBE_FUNCTION)].map((m) => m[1]))]
    const short = await minify(code, {
      ecma: 2020,
      module: !named,
      parse: { module: true },
      compress: named ? { ...kept, ...careful } : {},
      mangle: named ? { ...kept, toplevel: true, reserved } : {},
      format: { comments: false }
    })
    writeFileSync(file, short.code)
  }
}

/**
 * The app into `out`: what comes from packages with short names, and the engine with its own, since steps are named by
 * the functions on the stack (docs/decisions/0008-names-in-the-page.md). Pages and worker share their parts.
 */
export async function buildApp(out) {
  const esbuild = await import('esbuild')
  const common = {
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'error',
    outdir: out,
    metafile: true,
    define: { 'process.env.NODE_ENV': '"production"' }
  }
  const vendor = await esbuild.build({
    ...common,
    minify: true,
    splitting: true,
    plugins: [noSyntax],
    entryPoints: Object.fromEntries(Object.keys(VENDORS).map((name) => [name, app(`vendor-${name}.ts`)])),
    entryNames: 'vendor-[name]-[hash]',
    chunkNames: 'vendor-[hash]'
  })
  checkNoSyntax(vendor.metafile)
  const files = Object.keys(vendor.metafile.outputs).map((f) => basename(f))
  const fromVendor = {
    name: 'packages of the page',
    setup(b) {
      for (const [name, filter] of Object.entries(VENDORS))
        b.onResolve({ filter }, () => ({
          path: `./${files.find((f) => f.startsWith(`vendor-${name}-`))}`,
          external: true
        }))
    }
  }
  const engine = await esbuild.build({
    ...common,
    minifyWhitespace: true,
    splitting: true,
    chunkNames: 'part-[hash]',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [fromVendor, lighter(esbuild)],
    entryPoints: ['playground.tsx', 'explain.tsx', 'verify.tsx', 'check.worker.ts'].map(app)
  })
  const written = ({ metafile }) => Object.keys(metafile.outputs).map((f) => join(out, basename(f)))
  await shorten(written(vendor), false)
  await shorten(written(engine), true)
  // Traces and plans name no function after the stack: their engine may be as short as it can.
  const small = {
    ...common,
    minify: true,
    splitting: true,
    chunkNames: 'small-[hash]',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [fromVendor]
  }
  for (const entries of [['replay.tsx', 'replay.worker.ts'], ['plan.tsx']])
    await esbuild.build({ ...small, entryPoints: entries.map(app) })
  await esbuild.build({
    entryPoints: ['app.css', 'editor.css', 'explain.css'].map(app),
    outdir: out,
    minify: true,
    logLevel: 'error'
  })
}

/** Files below a folder, as paths from it. */
export function filesIn(dir, from = dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? filesIn(join(dir, e.name), from) : [relative(from, join(dir, e.name))]
  )
}

/**
 * Writes the site into `out`, which is replaced when all of it is there. @returns pages, files, bytes, compressed bytes
 */
export async function buildWeb({ out, only = [], hunts = [], say = () => {} }) {
  register()
  const esbuild = await import('esbuild')
  const dir = await builder(esbuild)
  // Beside the place it goes to: a build that breaks leaves the site before it.
  const part = `${out}.part-${process.pid}`
  try {
    const { huntSite, librarySite, seconds, writeSite } = await import(pathToFileURL(join(dir, 'build.mjs')).href)
    mkdirSync(part, { recursive: true })
    const options = { root, out: part, only, hunts, say }
    // What is wrong with a file is said before the library is run.
    const hunted = await huntSite(options)
    const lib = await librarySite(options)
    const then = performance.now()
    const pages = writeSite(options, lib, hunted)
    say(`${pages} pages written: ${seconds(then)}`)
    const player = join(part, 'player.js')
    writeFileSync(
      player,
      (await esbuild.transform(readFileSync(player, 'utf8'), { minify: true, legalComments: 'none' })).code
    )
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
  return {
    files: files.length,
    bytes: files.reduce((n, f) => n + statSync(join(dir, f)).size, 0),
    compressed: files.reduce((n, f) => n + gzipSync(readFileSync(join(dir, f)), { level: 9 }).length, 0)
  }
}

/** A script with all that it imports from the beginning, as paths from the folder. */
function closure(dir, entry, into = new Set()) {
  if (into.has(entry)) return into
  into.add(entry)
  for (const [, to] of readFileSync(join(dir, entry), 'utf8').matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g))
    closure(dir, `app/${to}`, into)
  return into
}

/** Compressed bytes (gzip -9, each file on its own) of what a reader of each kind of page is sent until it stands. */
export function pageSizes(dir) {
  const gz = (files) =>
    [...new Set(files)].reduce((n, f) => n + gzipSync(readFileSync(join(dir, f)), { level: 9 }).length, 0)
  const every = ['site.css', 'icon.svg']
  const finding = filesIn(join(dir, 'f'))
    .map((f) => `f/${f}`)
    .sort((a, b) => statSync(join(dir, a)).size - statSync(join(dir, b)).size)
  const app = (name, ...workers) =>
    gz([
      `${name}.html`,
      ...every,
      'app/app.css',
      ...['app/views.css', 'app/editor.css', 'app/explain.css', 'app/plan.css'].filter((f) =>
        readFileSync(join(dir, `${name}.html`), 'utf8').includes(f)
      ),
      ...[`app/${name}.js`, ...workers].flatMap((e) => [...closure(dir, e)])
    ])
  return {
    'finding, the largest, without script': gz([finding.at(-1), ...every]),
    'player, with the largest finding': gz([finding.at(-1), ...every, 'player.js']),
    'first screen': gz(['index.html', ...every, 'player.js']),
    playground: app('playground', 'app/check.worker.js'),
    explain: app('explain'),
    verify: app('verify', 'app/check.worker.js'),
    replay: app('replay', 'app/replay.worker.js'),
    plan: app('plan'),
    'library, when a test of it is opened': gz(['app/library.json'])
  }
}

if (process.argv[1] === join(root, 'scripts', 'build-web.mjs')) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string', default: join(root, 'dist-web') }, hunt: { type: 'string', multiple: true } }
  })
  const out = resolve(values.out)
  const began = performance.now()
  const r = await buildWeb({
    out,
    only: positionals.map((p) => resolve(p)),
    hunts: values.hunt ?? [],
    say: (line) => process.stdout.write(`${line}\n`)
  })
  process.stdout.write(
    `${relative(process.cwd(), out) || '.'}: ${r.pages} pages, ${r.files} files, ` +
      `${(r.bytes / KIB / KIB).toFixed(1)} MiB (${(r.compressed / KIB / KIB).toFixed(1)} MiB compressed) in ` +
      `${((performance.now() - began) / 1000).toFixed(1)} s\n`
  )
  for (const [name, bytes] of Object.entries(pageSizes(out)))
    process.stdout.write(`  ${(bytes / KIB).toFixed(1).padStart(6)} KiB  ${name}\n`)
}

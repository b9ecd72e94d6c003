// Bundles src/cli/main.ts into dist/, one chunk a verb, so that a verb loads only its own code.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'
import { register } from './registry.mjs'

const stamp = join(root, 'dist', '.stamp')

function newest(dir) {
  let t = statSync(dir).mtimeMs
  for (const e of readdirSync(dir, { withFileTypes: true })) {
    const p = join(dir, e.name)
    if (e.isDirectory()) t = Math.max(t, newest(p))
    else if (e.name.endsWith('.ts') || e.name.endsWith('.json')) t = Math.max(t, statSync(p).mtimeMs)
  }
  return t
}

export function stale() {
  if (!existsSync(stamp)) return true
  const built = statSync(stamp).mtimeMs
  return newest(join(root, 'src')) > built || statSync(join(root, 'package-lock.json')).mtimeMs > built ||
    statSync(join(root, 'scripts', 'build.mjs')).mtimeMs > built
}

export async function build() {
  register()
  const esbuild = await import('esbuild')
  const out = join(root, 'dist')
  const begun = new Date()
  await esbuild.build({
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
  rmSync(stamp, { force: true })
  writeFileSync(stamp, '')
  const { utimesSync } = await import('node:fs')
  utimesSync(stamp, begun, begun)
}

if (process.argv[1]?.endsWith('build.mjs')) await build()

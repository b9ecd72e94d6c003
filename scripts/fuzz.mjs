// `npm run fuzz -- TARGET --seconds N`: bundles test/fuzz/main.ts and runs it.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as esbuild from 'esbuild'
import { root } from './install.mjs'

const outdir = join(root, 'bench', 'out', 'fuzz')
mkdirSync(outdir, { recursive: true })
await esbuild.build({
  // The worker threads of `check` start from a file of their own.
  entryPoints: [join(root, 'test/fuzz/main.ts'), join(root, 'src/cli/check-worker.ts')],
  outdir,
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'error',
  external: ['@yowasp/clang', 'binaryen'],
  banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
})
process.exit(
  spawnSync(
    process.execPath,
    ['--stack-size=4000', '--enable-source-maps', join(outdir, 'main.mjs'), ...process.argv.slice(2)],
    { cwd: root, stdio: 'inherit' }
  ).status ?? 1
)

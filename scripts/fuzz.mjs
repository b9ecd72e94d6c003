// `npm run fuzz -- TARGET --seconds N`: bundles test/fuzz/main.ts and runs it.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as esbuild from 'esbuild'
import { root } from './install.mjs'

const out = join(root, 'bench', 'out', 'fuzz.mjs')
mkdirSync(join(root, 'bench', 'out'), { recursive: true })
await esbuild.build({
  entryPoints: [join(root, 'test/fuzz/main.ts')], outfile: out, bundle: true, format: 'esm', platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'error', external: ['@yowasp/clang', 'binaryen'],
  banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
})
process.exit(spawnSync(process.execPath, ['--stack-size=4000', '--enable-source-maps', out, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1)

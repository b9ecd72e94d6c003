// The grammars in editors/ from the tables of the language (src/lsp/grammars.ts). Run it after a change of the
// vocabulary; a test holds them. With --vsix, the VS Code extension too: its client in one file, packed by VS Code's
// own tool, which npm fetches for it.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { root } from './install.mjs'
import { register } from './registry.mjs'

const editors = join(root, 'editors')
const VSCE = '@vscode/vsce@4.1.0'

export async function grammars() {
  register()
  const out = await build({
    entryPoints: [join(root, 'src/lsp/grammars.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error'
  })
  const { madeFiles } = await import(
    `data:text/javascript;base64,${Buffer.from(out.outputFiles[0].contents).toString('base64')}`
  )
  for (const [path, text] of Object.entries(madeFiles())) {
    mkdirSync(dirname(join(editors, path)), { recursive: true })
    writeFileSync(join(editors, path), text)
  }
}

/** The client with all it needs but VS Code itself. */
export const bundleClient = (outfile) =>
  build({
    entryPoints: [join(editors, 'vscode/client.js')],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: ['vscode'],
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
    // Its own package says the CommonJS of a library that is ES modules elsewhere.
    mainFields: ['module', 'main']
  })

async function vsix() {
  const dir = join(root, 'dist', 'vscode')
  for (const f of ['package.json', 'language-configuration.json', 'README.md', 'syntaxes'])
    cpSync(join(editors, 'vscode', f), join(dir, f), { recursive: true })
  cpSync(join(root, 'LICENSE'), join(dir, 'LICENSE'))
  await bundleClient(join(dir, 'client.js'))
  execFileSync(
    'npm',
    [
      'exec',
      '--yes',
      '--',
      VSCE,
      'package',
      '--no-dependencies',
      '--allow-missing-repository',
      '--out',
      join(root, 'dist', 'tbit-litmus.vsix')
    ],
    { cwd: dir, stdio: 'inherit' }
  )
}

if (process.argv[1]?.endsWith('editors.mjs')) {
  await grammars()
  if (process.argv.includes('--vsix')) await vsix()
}

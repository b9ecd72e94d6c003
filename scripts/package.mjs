// What `npm pack` ships, made into pkg/: the command line and the library as JavaScript that share their parts,
// declarations, source maps. The rooms of the library are pure, so no part of it needs Node; names are kept, since
// steps are named by the functions on the stack.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'
import { register } from './registry.mjs'

const out = join(root, 'pkg')

/** Entries of the library by name, as package.json exports them. */
export const entries = () =>
  Object.entries(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports)
    .filter(([name]) => name !== './package.json')
    .map(([name, to]) => ({
      name: name.slice(2),
      source: to.types.replace('./pkg/types/', 'src/').replace(/\.d\.ts$/, '.ts')
    }))

// The language server's protocol goes in: it is CommonJS of five packages, and nobody else needs them. A file of its
// own, since CommonJS asks for `require`, which the library's files must not.
const PROTOCOL = 'lsp-protocol.cjs'
const protocol = {
  name: 'protocol',
  setup(build) {
    build.onResolve({ filter: /_protocol\.ts$/ }, () => ({ path: `./${PROTOCOL}`, external: true }))
  }
}

export async function pack() {
  register()
  const esbuild = await import('esbuild')
  rmSync(out, { recursive: true, force: true })
  const library = Object.fromEntries(entries().map((e) => [`lib/${e.name.replaceAll('/', '-')}`, join(root, e.source)]))
  const made = await esbuild.build({
    entryPoints: {
      ...library,
      main: join(root, 'src/cli/main.ts'),
      'check-worker': join(root, 'src/cli/check-worker.ts'),
      'replay-worker': join(root, 'src/cli/replay-worker.ts'),
      'trace-worker': join(root, 'src/cli/trace-worker.ts')
    },
    outdir: out,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    chunkNames: '[name]-[hash]',
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'error',
    outExtension: { '.js': '.mjs' },
    packages: 'external',
    plugins: [protocol],
    define: { TBIT_COMMIT: JSON.stringify(commit()) },
    loader: { '.wasm': 'file', '.css': 'text' },
    absWorkingDir: root,
    metafile: true
  })
  withoutMaps(made.metafile.outputs)
  const { metafile } = await esbuild.build({
    entryPoints: [join(root, 'src/lsp/_protocol.ts')],
    outfile: join(out, PROTOCOL),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
    metafile: true
  })
  writeFileSync(join(out, 'NOTICES.txt'), notices(Object.keys(metafile.inputs)))
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.package.json')],
    { cwd: root, stdio: 'inherit' }
  )
}

/** Source maps are for who debugs a program that uses the library: what the command alone loads has none. */
function withoutMaps(outputs) {
  const reached = new Set(Object.keys(outputs).filter((o) => o.startsWith('pkg/lib/')))
  for (const o of reached) for (const i of outputs[o].imports) if (i.path in outputs) reached.add(i.path)
  for (const o of Object.keys(outputs).filter((f) => f.endsWith('.mjs') && !reached.has(f))) {
    const file = join(root, o)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\/\/# sourceMappingURL=.*\n$/, ''))
    rmSync(`${file}.map`, { force: true })
  }
}

/** The licences of packages whose files a bundle has. */
function notices(inputs) {
  const packages = [
    ...new Set(inputs.map((i) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(i)?.[1]).filter((n) => n !== undefined))
  ].sort()
  return packages
    .map((name) => {
      const dir = join(root, 'node_modules', name)
      const { version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
      const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f))
      if (file === undefined) throw new Error(`${name} has no text of its licence`)
      return (
        `${PROTOCOL} has parts of ${name} ${version} (${license}):\n\n` +
        `${readFileSync(join(dir, file), 'utf8').trim()}\n`
      )
    })
    .join('\n')
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    }).trim()
  } catch {
    return ''
  }
}

if (process.argv[1] === join(root, 'scripts', 'package.mjs')) await pack()

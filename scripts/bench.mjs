// `npm run bench -- [NAME ...] [--write] [options of the benchmark]`: builds each benchmark of bench/ (a file no other
// one imports) and runs it in a process of its own. --write puts what was printed into docs/performance.md. --against
// REF [--pairs N]: the ratios to another commit instead (bench-against.mjs).
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { against, QUICK } from './bench-against.mjs'
import { root } from './install.mjs'

const dir = join(root, 'bench')
const BY_HAND = 'Where it stands'
const files = readdirSync(dir).filter((f) => f.endsWith('.ts'))
const text = new Map(files.map((f) => [f, readFileSync(join(dir, f), 'utf8')]))
const imported = new Set(
  [...text.values()].flatMap((t) => [...t.matchAll(/from '\.\/([\w-]+\.ts)'/g)].map((m) => m[1]))
)
const all = files
  .filter((f) => !imported.has(f))
  .map((f) => f.slice(0, -3))
  .sort()

const argv = process.argv.slice(2)
/** Takes an option with its value out of the arguments. */
function taken(option) {
  const i = argv.indexOf(option)
  return i < 0 ? undefined : argv.splice(i, 2)[1]
}
const [ref, pairs] = [taken('--against'), Number(taken('--pairs') ?? 3)]
const write = argv.includes('--write')
const firstOption = argv.findIndex((a) => a.startsWith('--') && a !== '--write')
const names = argv.slice(0, firstOption < 0 ? undefined : firstOption).filter((a) => a !== '--write')
const options = firstOption < 0 ? [] : argv.slice(firstOption).filter((a) => a !== '--write')
const wrong = names.filter((n) => !all.includes(n))
if (wrong.length > 0) {
  process.stderr.write(`no benchmark '${wrong[0]}'; there are: ${all.join(', ')}\n`)
  process.exit(2)
}

const esbuild = await import('esbuild')
/** Builds a benchmark from the sources of a checkout; answers the script. */
async function bundle(checkout, name) {
  const outfile = join(checkout, 'bench', 'out', `${name}.mjs`)
  mkdirSync(join(checkout, 'bench', 'out'), { recursive: true })
  await esbuild.build({
    entryPoints: [join(checkout, 'bench', `${name}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    // With them esbuild leaves out the beginning of a module that is also imported at run time.
    ignoreAnnotations: true,
    loader: { '.wasm': 'file', '.css': 'text' },
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
  })
  return outfile
}
if (ref !== undefined) {
  const print = (text) => process.stdout.write(text)
  const chosen = names.length > 0 ? names : QUICK
  process.exit(await against({ root, ref, names: chosen, options, rounds: pairs, bundle, print }))
}
let failed = 0
const sections = []
for (const name of names.length > 0 ? names : all) {
  process.stdout.write(`\n== ${name}\n`)
  const out = await bundle(root, name)
  const r = spawnSync(process.execPath, [out, ...options], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26
  })
  process.stdout.write(r.stdout)
  if (r.status !== 0) {
    failed++
    process.stdout.write(`benchmark ${name} failed\n`)
  } else sections.push({ name, text: r.stdout })
}

if (write && sections.length > 0) {
  // Each section says which run it is from; those of benchmarks that did not run stay as they are.
  const file = join(root, 'docs', 'performance.md')
  const kept = new Map()
  try {
    for (const part of readFileSync(file, 'utf8').split(/^## /m).slice(1))
      kept.set(part.split('\n')[0], part.slice(part.indexOf('\n') + 1).trim())
  } catch {
    /* the first run */
  }
  const version = (command, args) =>
    spawnSync(command, args, { encoding: 'utf8' }).stdout?.split('\n')[0]?.trim() || `no ${command}`
  const about = (name) => {
    const lines = text.get(`${name}.ts`).split('\n')
    return lines
      .slice(
        0,
        lines.findIndex((l) => !l.startsWith('//'))
      )
      .map((l) => l.replace(/^\/\/ ?/, ''))
      .join('\n')
  }
  const machine =
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, ` +
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, node ${process.version}, ` +
    `${version('spin', ['-V'])}, ${version('cc', ['--version'])}`
  for (const s of sections)
    kept.set(s.name, `${about(s.name)}\n\nRun of ${machine}:\n\n\`\`\`\n${s.text.trimEnd()}\n\`\`\``)
  const page = [
    '# Performance',
    '',
    'Written by `npm run bench -- --write` (`npm run bench -- NAME --write` for one of them): every figure was ' +
      'printed by the benchmark of that',
    'name, bench/NAME.ts, in one run. Peers are run in turn with ours on the same machine and the best of the ' +
      'rounds is compared, since equal runs differ.'
  ]
  // What no benchmark prints, written by hand: it comes first and stays.
  for (const name of [BY_HAND, ...all]) if (kept.has(name)) page.push('', `## ${name}`, '', kept.get(name))
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(file, `${page.join('\n')}\n`)
  process.stdout.write(`\ndocs/performance.md: written ${sections.map((s) => s.name).join(', ')}\n`)
}
process.exit(failed > 0 ? 1 : 0)

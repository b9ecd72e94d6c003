// `npm run bench [-- NAME ...] [--write] [-- args of the benchmark]`: builds each benchmark of bench/ (a file no other one imports) and
// runs it in a process of its own. --write makes docs/performance.md of what was printed, and of nothing else.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { root } from './install.mjs'

const dir = join(root, 'bench')
const files = readdirSync(dir).filter((f) => f.endsWith('.ts'))
const text = new Map(files.map((f) => [f, readFileSync(join(dir, f), 'utf8')]))
const imported = new Set([...text.values()].flatMap((t) => [...t.matchAll(/from '\.\/([\w-]+\.ts)'/g)].map((m) => m[1])))
const all = files.filter((f) => !imported.has(f)).map((f) => f.slice(0, -3)).sort()

const argv = process.argv.slice(2)
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
mkdirSync(join(dir, 'out'), { recursive: true })
let failed = 0
const sections = []
for (const name of names.length > 0 ? names : all) {
  process.stdout.write(`\n== ${name}\n`)
  const out = join(dir, 'out', `${name}.mjs`)
  await esbuild.build({
    entryPoints: [join(dir, `${name}.ts`)], outfile: out, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'error',
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
  })
  const r = spawnSync(process.execPath, [out, ...options], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 })
  process.stdout.write(r.stdout)
  if (r.status !== 0) {
    failed++
    process.stdout.write(`benchmark ${name} failed\n`)
  } else sections.push({ name, text: r.stdout })
}

if (write) {
  const version = (command, args) => spawnSync(command, args, { encoding: 'utf8' }).stdout?.split('\n')[0]?.trim() || 'not installed'
  const about = (name) => {
    const lines = text.get(`${name}.ts`).split('\n')
    const end = lines.findIndex((l) => !l.startsWith('//'))
    return lines.slice(0, end).map((l) => l.replace(/^\/\/ ?/, '')).join('\n')
  }
  const page = [
    '# Performance', '',
    `Written by \`npm run bench -- --write\` from one run (${new Date().toISOString().slice(0, 10)}): every figure below was printed by the benchmark of that name. Peers`,
    'are run in turn with ours on the same machine, and the best of the rounds is compared, since equal runs differ.', '',
    `Machine: ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, node ${process.version}, ${version('spin', ['-V'])}, ${version('cc', ['--version'])}.`
  ]
  for (const s of sections) page.push('', `## ${s.name}`, '', about(s.name), '', '```', s.text.trimEnd(), '```')
  if (names.length > 0) process.stdout.write('docs/performance.md is written by a run of all benchmarks: not written\n')
  else if (failed > 0) process.stdout.write('a benchmark failed: docs/performance.md is not written\n')
  else {
    mkdirSync(join(root, 'docs'), { recursive: true })
    writeFileSync(join(root, 'docs', 'performance.md'), `${page.join('\n')}\n`)
    process.stdout.write('docs/performance.md written\n')
  }
}
process.exit(failed > 0 ? 1 : 0)

// `node scripts/hunt-score.mjs KERNEL PLATFORM [--max-steps N | --found FILE] [DIR ...]`: how much of what the tests
// of a directory (default: the library) show on a pair `tbit hunt` finds without them, and why not the rest
// (test/_hunt-score.ts). FILE: what a hunt has told with --format json; without, it hunts, in one thread.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { root } from './install.mjs'

const args = process.argv.slice(2)
const option = (name, otherwise) => {
  const at = args.indexOf(name)
  return at < 0 ? otherwise : args.splice(at, 2)[1]
}
const maxSteps = Number(option('--max-steps', 100_000))
const file = option('--found', null)
const [kernel, platform, ...dirs] = args
if (kernel === undefined || platform === undefined || !Number.isInteger(maxSteps)) {
  process.stderr.write('node scripts/hunt-score.mjs KERNEL PLATFORM [--max-steps N | --found FILE] [DIR ...]\n')
  process.exit(2)
}
const out = mkdtempSync(join(tmpdir(), 'tbit-score-'))
try {
  await build({
    entryPoints: [join(root, 'test/_hunt-score.ts')],
    outfile: join(out, 'score.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    external: ['@yowasp/clang', 'binaryen']
  })
  const { foundIn, hunted, score, scoreText } = await import(pathToFileURL(join(out, 'score.mjs')).href)
  const found =
    file === null ? hunted(kernel, platform, { maxStates: 10_000, maxSteps }) : foundIn(readFileSync(file, 'utf8'))
  const s = score(kernel, platform, dirs.length > 0 ? dirs : [join(root, 'litmus')], found)
  process.stdout.write(`${scoreText(kernel, platform, s)}\n`)
} finally {
  rmSync(out, { recursive: true, force: true })
}

// Builds of a tree's C as a maintainer makes them: from cold, of a tarball and of a directory; again, with nothing
// changed; with one line of one file changed. Node with nothing to do stands beside it. Best and worst of the rounds.
// `--tree TARBALL` (default: Debian's linux-source-6.12), `--rounds 3`. Goals: 20 s from cold, 0.3 s unchanged, 3 s
// with one changed file.
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { figure } from './figures.ts'
import { bareNode, timed } from './processes.ts'
import { treeGiven } from './trees.ts'

const at = process.argv.indexOf('--rounds')
const rounds = at < 0 ? 3 : Number(process.argv[at + 1])

function main(tarball: string, cache: string): void {
  const env = { ...process.env, TBIT_CACHE: cache }
  const build = (tree: string): number => {
    const r = timed('./tbit', ['kernel', 'build', tree], env)
    if (r.code !== 0) throw new Error(`tbit kernel build ${tree} ends with ${r.code}`)
    return r.seconds
  }
  const forget = (...folders: readonly string[]): void => {
    for (const f of folders) rmSync(join(cache, f), { recursive: true, force: true })
  }
  const said = (name: string, of: () => number): void => {
    const all = Array.from({ length: rounds }, of)
    const best = Math.min(...all)
    figure(`kernel build, ${name}`, best, 's')
    process.stdout.write(`${name}: ${best.toFixed(2)} s (worst ${Math.max(...all).toFixed(2)})\n`)
  }
  // the bundle and its code cache
  timed('./tbit', ['kernel', 'build', '--help'], env)
  said('from cold, a tarball', () => {
    forget('kernels', 'objects', 'seen', 'trees')
    return build(tarball)
  })
  const tree = join(cache, 'trees', readdirSync(join(cache, 'trees'))[0] as string)
  said('from cold, a directory', () => {
    forget('kernels', 'objects', 'seen')
    return build(tree)
  })
  let n = 0
  said('one changed file', () => {
    appendFileSync(join(tree, 'kernel/dma/direct.c'), `int tbit_bench_${n++};\n`)
    return build(tree)
  })
  // what has just been changed is not noted as seen: a file may change twice within the grain of its times
  timed('sleep', ['3'])
  build(tree)
  said('nothing changed', () => build(tree))
  process.stdout.write(`node -e 0: ${Math.min(...bareNode(rounds)).toFixed(2)} s\n`)
}

const given = treeGiven()
if (given !== null) {
  const cache = mkdtempSync(join(tmpdir(), 'tbit-bench-'))
  try {
    main(given, cache)
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
}

// The checker as it is used: one file from a cold start, the whole library on the revisions and platforms its tests
// name, and the search of single tests in a warm process. Goals: a cold `./tbit check FILE` under 400 ms, the library
// under 30 s, 50 ms of search for a test of up to 10,000 states. `--rounds 5`.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { checkTest, pairsOf } from '../src/check/index.ts'
import { parse } from '../src/litmus/index.ts'
import { figure } from './figures.ts'
import { bareNode, timed } from './processes.ts'

const at = process.argv.indexOf('--rounds')
const rounds = at < 0 ? 5 : Number(process.argv[at + 1])
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
say(`# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}; best of ${rounds}`)

const files = readdirSync('litmus', { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.litmus'))
  .map((f) => join('litmus', f))
  .sort()
const tbit = (args: readonly string[]): ReturnType<typeof timed> => timed('./tbit', args)

const first = files[0] as string
tbit(['check', first])
const cold = Array.from({ length: rounds }, () => tbit(['check', first]).seconds)
const nothing = bareNode(rounds)
say(
  `./tbit check ${first}: ${(Math.min(...cold) * 1000).toFixed(0)} ms (worst ` +
    `${(Math.max(...cold) * 1000).toFixed(0)}); node -e 0: ${(Math.min(...nothing) * 1000).toFixed(0)} ms`
)

figure('cold check of a file', Math.min(...cold) * 1000, 'ms')
figure('node -e 0', Math.min(...nothing) * 1000, 'ms')
// A tbit of before there was a cache knows no --no-cache, and needs none.
const anew = spawnSync('./tbit', ['check', '--help'], { encoding: 'utf8' }).stdout.includes('--no-cache')
  ? ['check', '--no-cache']
  : ['check']
const all = tbit(anew)
figure('the library', all.seconds, 's')
tbit(['check'])
const again = tbit(['check'])
figure('the library, nothing changed', again.seconds, 's')
say(
  `./tbit ${anew.join(' ')}, ${files.length} files: ${all.seconds.toFixed(1)} s; again, what is unchanged kept: ` +
    `${again.seconds.toFixed(1)} s`
)

interface Row {
  readonly what: string
  readonly states: number
  readonly ms: number
}
const rows: Row[] = []
for (const f of files) {
  const { test } = parse(readFileSync(f, 'utf8'), f)
  if (test === undefined) continue
  const pair = pairsOf(test)[0]
  if (pair === undefined) continue
  let best = Number.POSITIVE_INFINITY
  let states = 0
  for (let i = 0; i < rounds; i++) {
    const begun = performance.now()
    states = checkTest(test, pair.kernel, pair.platform).states
    best = Math.min(best, performance.now() - begun)
  }
  rows.push({ what: `${f} ${pair.kernel} ${pair.platform}`, states, ms: best })
}
figure(
  'one run of each test, warm',
  rows.reduce((n, r) => n + r.ms, 0),
  'ms'
)
rows.sort((a, b) => b.ms - a.ms)
say(
  `one run of each test, warm, system, search and traces: ${rows.length} runs, ` +
    `${rows.reduce((n, r) => n + r.ms, 0).toFixed(0)} ms in all; the longest:`
)
for (const r of rows.slice(0, 5)) say(`  ${r.what}: ${r.states} states, ${r.ms.toFixed(1)} ms`)

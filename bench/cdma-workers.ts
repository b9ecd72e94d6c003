// One search by two threads, as a trial (bench/shared-search.ts, docs/decisions/0012): the cdma model in shared memory,
// beside the same by one thread, the library's search and SPIN, in turn, best of the rounds; each run is a process of
// its own. Seconds by the clock with the start of the threads, and seconds of the processor of all threads.
// `--rounds 5 --pages 6 --buffers 3 --workers 2 --seed 10000` (states that each worker finds by itself first).
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { spawnSync } from 'node:child_process'
import { explore } from '../src/check/search.ts'
import { COUNTS, cdma } from './models/cdma.ts'
import { type Counts, type Shared, searchTogether, shared } from './shared-search.ts'
import { buildSpin, MODES, spinRun } from './spin.ts'

const arg = (name: string, otherwise: number): number => {
  const i = process.argv.indexOf(`--${name}`)
  return i < 0 ? otherwise : Number(process.argv[i + 1])
}
const [pages, buffers, rounds, most] = [arg('pages', 6), arg('buffers', 3), arg('rounds', 5), arg('workers', 2)]
const seed = arg('seed', 10_000)
const known = COUNTS.find((c) => c.pages === pages && c.buffers === buffers)

interface Run {
  readonly states: number
  readonly transitions: number
  readonly depth?: number
  readonly seconds: number
  /** Of the processor; unknown of SPIN. */
  readonly cpu: number
  readonly mib: number
}

/** Main thread: begins with the others at once. */
function together(workers: number): Counts {
  const { model, options } = cdma({ pages, buffers })
  const s = shared(model, { workers, seed, maxStates: 2 * (known?.states ?? 5_000_000) })
  for (let worker = 1; worker < workers; worker++)
    new Worker(process.argv[1] as string, { argv: process.argv.slice(2), workerData: { shared: s, worker } })
  return searchTogether(model, options, s, 0)
}

/** `workers` 0: the search of the library. */
function once(workers: number): Run {
  const begun = performance.now()
  const { model, options } = cdma({ pages, buffers })
  const r = workers === 0 ? explore(model, options) : together(workers)
  const seconds = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage()
  const findings = typeof r.findings === 'number' ? r.findings : r.findings.length
  if (findings > 0) throw new Error('the model is right: the search is not')
  const { states, transitions, depth } = r
  const mib = process.resourceUsage().maxRSS / 1024
  return { states, transitions, depth, seconds, cpu: (user + system) / 1e6, mib }
}

function ours(workers: number): Run {
  const r = spawnSync(
    process.execPath,
    [process.argv[1] as string, '--once', String(workers), ...process.argv.slice(2)],
    {
      encoding: 'utf8'
    }
  )
  if (r.status !== 0) throw new Error(r.stderr)
  return JSON.parse(r.stdout) as Run
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

function compare(): void {
  say(
    `# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}; ${pages} pages, ${buffers} ` +
      `buffers, best of ${rounds}`
  )
  const missing = buildSpin(pages, buffers)
  if (missing !== null) say(`SPIN is left out: ${missing}`)
  const kinds = new Map<string, () => Run>([['library, 1 thread', () => ours(0)]])
  for (let n = 1; n <= most; n++) kinds.set(`shared, ${n} ${n === 1 ? 'thread' : 'threads'}`, () => ours(n))
  if (missing === null)
    for (const [mode] of MODES) kinds.set(`SPIN ${mode}`, () => ({ ...spinRun(mode), cpu: Number.NaN }))
  const runs = new Map([...kinds.keys()].map((name) => [name, [] as Run[]]))
  for (let i = 0; i < rounds; i++) for (const [name, run] of kinds) runs.get(name)?.push(run())

  const least = (name: string, of: (r: Run) => number): number => Math.min(...(runs.get(name) ?? []).map(of))
  const [first] = kinds.keys() as unknown as [string]
  const number = (n: number, digits: number, width: number): string =>
    (Number.isNaN(n) ? '-' : n.toFixed(digits)).padStart(width)
  say(
    `${'run'.padEnd(20)}${'states'.padStart(10)}${'best s'.padStart(8)}${'worst s'.padStart(9)}` +
      `${'cpu s'.padStart(7)}${'MiB'.padStart(6)}${'speed'.padStart(7)}`
  )
  for (const [name, list] of runs) {
    const best = least(name, (r) => r.seconds)
    say(
      `${name.padEnd(20)}${String(list[0]?.states).padStart(10)}${number(best, 2, 8)}` +
        number(Math.max(...list.map((r) => r.seconds)), 2, 9) +
        number(
          least(name, (r) => r.cpu),
          2,
          7
        ) +
        number(Math.max(...list.map((r) => r.mib)), 0, 6) +
        number(least(first, (r) => r.seconds) / best, 2, 7)
    )
  }
  const own = runs.get(first)?.[0] as Run
  const same = [...runs]
    .filter(([name]) => !name.startsWith('SPIN'))
    .every(([, list]) => list.every((r) => r.states === own.states && r.transitions === own.transitions))
  say(`states and transitions ${same ? 'are' : 'are NOT'} the same in all runs of ours`)
}

if (!isMainThread) {
  const { shared: s, worker } = workerData as { shared: Shared; worker: number }
  const { model, options } = cdma({ pages, buffers })
  searchTogether(model, options, s, worker)
} else if (process.argv.includes('--once')) process.stdout.write(JSON.stringify(once(arg('once', 0))))
else compare()

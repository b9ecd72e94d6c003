// Exploring the cdma model (6 pages, 3 buffers; bench/models/cdma.pml and cdma.ts are one model) against SPIN, in turn,
// best of the rounds. SPIN is run in its two exhaustive modes, without partial-order reduction and breadth first; each
// run, ours too, is a process of its own. Goals: three times SPIN's best, at most 48 bytes a state, under 300 MiB.
// `--rounds 5 --pages 6 --buffers 3`.
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { explore } from '../src/check/search.ts'
import { COUNTS, cdma } from './models/cdma.ts'
import { buildSpin, MODES, type Run, spinRun } from './spin.ts'

const arg = (name: string, otherwise: number): number => {
  const i = process.argv.indexOf(`--${name}`)
  return i < 0 ? otherwise : Number(process.argv[i + 1])
}
const [pages, buffers, rounds] = [arg('pages', 6), arg('buffers', 3), arg('rounds', 5)]

function once(): Run {
  const begun = performance.now()
  const { model, options } = cdma({ pages, buffers })
  const r = explore(model, options)
  const seconds = (performance.now() - begun) / 1000
  if (!r.complete || r.findings.length > 0) throw new Error('the model is right and small enough: the search is not')
  return {
    states: r.states,
    transitions: r.transitions,
    seconds,
    bytes: r.bytesPerState,
    mib: process.resourceUsage().maxRSS / 1024
  }
}

function ours(): Run {
  const r = spawnSync(
    process.execPath,
    [process.argv[1] as string, '--once', '--pages', String(pages), '--buffers', String(buffers)],
    { encoding: 'utf8' }
  )
  if (r.status !== 0) throw new Error(r.stderr)
  return JSON.parse(r.stdout) as Run
}

if (process.argv.includes('--once')) process.stdout.write(JSON.stringify(once()))
else {
  const say = (text: string): void => {
    process.stdout.write(`${text}\n`)
  }
  say(
    `# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}; ${pages} pages, ${buffers} ` +
      `buffers, best of ${rounds}`
  )
  const missing = buildSpin(pages, buffers)
  if (missing !== null) say(`SPIN is left out: ${missing}`)
  const runs = new Map<string, Run[]>()
  const add = (name: string, r: Run): void => {
    runs.set(name, [...(runs.get(name) ?? []), r])
  }
  for (let i = 0; i < rounds; i++) {
    add('tbit', ours())
    if (missing === null) for (const [name] of MODES) add(`SPIN ${name}`, spinRun(name))
  }
  const best = new Map<string, number>()
  say(
    `${'run'.padEnd(16)}${'states'.padStart(10)}${'best s'.padStart(8)}${'worst s'.padStart(9)}` +
      `${'states/s'.padStart(11)}${'B/state'.padStart(9)}${'MiB'.padStart(6)}`
  )
  for (const [name, list] of runs) {
    const seconds = list.map((r) => r.seconds).sort((a, b) => a - b)
    const r = list[0] as Run
    const rate = r.states / (seconds[0] as number)
    best.set(name, rate)
    say(
      `${name.padEnd(16)}${String(r.states).padStart(10)}` +
        (seconds[0] as number).toFixed(2).padStart(8) +
        (seconds.at(-1) as number).toFixed(2).padStart(9) +
        `${rate.toFixed(0).padStart(11)}${r.bytes.toFixed(1).padStart(9)}` +
        Math.max(...list.map((x) => x.mib))
          .toFixed(0)
          .padStart(6)
    )
  }
  const known = COUNTS.find((c) => c.pages === pages && c.buffers === buffers)
  const own = runs.get('tbit')?.[0] as Run
  if (known !== undefined)
    say(
      `states ${own.states === known.states ? 'as' : 'NOT as'} known (${known.states}), transitions without the ` +
        `host's looks ${own.transitions === known.transitions ? 'as' : 'NOT as'} known (${known.transitions})`
    )
  const peer = Math.max(...[...best].filter(([n]) => n !== 'tbit').map(([, v]) => v))
  if (missing === null) say(`ratio to SPIN's best: ${((best.get('tbit') as number) / peer).toFixed(2)} (needed: 3)`)
}

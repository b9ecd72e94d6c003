// Exploring real functions, one access a step (bench/models/small-kernel.ts), against the number of states that step
// machines written by hand need. Goals: no more states, and 1 M states/s on the larger sets; a litmus-sized test under
// 50 ms in a warm process. `--rounds 5`.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { type Exploration, explore } from '../src/check/search.ts'
import { figure } from './figures.ts'
import { cdma } from './models/cdma.ts'
import { KNOWN, xlModel } from './models/xl.ts'

const at = process.argv.indexOf('--rounds')
const rounds = at < 0 ? 5 : Number(process.argv[at + 1])
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
say(`# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}; best of ${rounds}`)

const found = [{ property: 'exposed' as const, site: '', decision: '', summary: '' }]
function measure(run: () => Exploration, times: number): { r: Exploration; ms: number[] } {
  const ms: number[] = []
  let r: Exploration | null = null
  for (let i = 0; i < times; i++) {
    const begun = performance.now()
    r = run()
    ms.push(performance.now() - begun)
  }
  return { r: r as Exploration, ms }
}

say(
  `${'set'.padEnd(6)}${'states'.padStart(9)}${'by hand'.padStart(9)}${'best ms'.padStart(10)}` +
    `${'states/s'.padStart(11)}${'B/state'.padStart(9)}${'positions'.padStart(11)}`
)
for (const [set, known] of Object.entries(KNOWN)) {
  const { r, ms } = measure(() => {
    const { model, kernel } = xlModel(set)
    return explore(model, { onState: (st) => (kernel.exposed(st) ? found : null) })
  }, rounds)
  const best = Math.min(...ms)
  figure(set, (r.states / best) * 1000, 'states/s')
  say(
    `${set.padEnd(6)}${String(r.states).padStart(9)}${String(known.hand).padStart(9)}` +
      `${best.toFixed(1).padStart(10)}${((r.states / best) * 1000).toFixed(0).padStart(11)}` +
      `${r.bytesPerState.toFixed(1).padStart(9)}${String(r.positions).padStart(11)}`
  )
}
for (const [name, run] of [
  ['s3, a litmus-sized test', () => explore(xlModel('s3').model)],
  [
    'cdma 4,2',
    () => {
      const { model, options } = cdma({ pages: 4, buffers: 2 })
      return explore(model, options)
    }
  ]
] as const) {
  const { r, ms } = measure(run, 30)
  figure(`${name}, warm`, Math.min(...ms), 'ms')
  say(
    `${name}: ${r.states} states, first of this process ${(ms[0] as number).toFixed(1)} ms, warm ` +
      `${Math.min(...ms).toFixed(1)} ms`
  )
}

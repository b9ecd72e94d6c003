// Speed of the RMM model: commands that hash nothing (we need 1 M/s), and commands that do, beside the hash library
// alone on the same bytes. Best of five rounds. Run: npx esbuild bench/rmm.ts --bundle --platform=node --format=esm
// --outfile=bench/out/rmm.mjs && node bench/out/rmm.mjs
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { sha256 } from '@noble/hashes/sha2.js'
import { DRAM_BASE, hash, Rmm1 } from '../src/machine/rmm/index.ts'
import { makePlan, makeSpec, simulate } from '../src/plan/index.ts'
import { figure, type Unit } from './figures.ts'

const rounds = 5
process.stdout.write(`# ${cpus()[0]?.model ?? 'cpu'}, node ${process.version}\n`)

const say = (what: string, rates: number[], unit: string): void => {
  rates.sort((a, b) => b - a)
  figure(what.trim(), rates[0] ?? 0, unit as Unit)
  process.stdout.write(
    `${what.padEnd(72)} ${(rates[0] ?? 0).toFixed(2)} ${unit} (worst of ${rounds}: ${(rates.at(-1) ?? 0).toFixed(2)})\n`
  )
}

const spec = (q: Parameters<typeof makeSpec>[0]) => {
  const r = makeSpec(q)
  if (!r.ok) throw new Error(r.error[0]?.message ?? 'plan')
  return r.value
}

/** A whole folded gigabyte: 525 k commands, of which 513 create and 513 fold tables. */
function fold(): number {
  const s = spec({ ram: 2 ** 30 })
  const from = performance.now()
  const r = simulate(s)
  if (r.refused !== null) throw new Error(r.refused)
  return r.tally.total / (performance.now() - from) / 1000
}

/** A realm with one table, for commands that are repeated on it. */
function realm(measure: boolean): Rmm1 {
  const m = new Rmm1({ measure })
  const g = (n: number): number => DRAM_BASE + n * 4096
  for (let i = 0; i < 8; i++) m.granuleDelegate(g(i))
  const ok =
    m.realmCreate(g(0), { params: g(100), geo: { s2sz: 39, start: 1, num: 1 }, rttBase: g(1), algo: 0, vmid: 1 }) |
    m.rttCreate(g(0), g(2), 0, 2) |
    m.rttCreate(g(0), g(3), 0, 3)
  if (ok !== 0) throw new Error('realm')
  return m
}

/** The mix of a page that comes and goes. */
function pages(n: number): number {
  const m = realm(false)
  const g = (k: number): number => DRAM_BASE + k * 4096
  const from = performance.now()
  for (let i = 0; i < n; i++) {
    const ipa = (i & 511) * 4096
    const bad =
      m.granuleDelegate(g(50)) |
      m.dataCreateUnknown(g(0), g(50), ipa) |
      m.rttReadEntry(g(0), ipa, 3) |
      m.dataDestroy(g(0), ipa) |
      m.granuleUndelegate(g(50))
    if (bad !== 0) throw new Error('refused')
  }
  return (n * 5) / (performance.now() - from) / 1000
}

/** RTT_INIT_RIPAS over a level-3 table: 512 extensions a call; the library alone on the same 256 bytes beside it. */
function ripas(calls: number): number {
  const m = realm(true)
  const from = performance.now()
  for (let i = 0; i < calls; i++) if (m.rttInitRipas(DRAM_BASE, 0, 0x200000) !== 0) throw new Error('refused')
  return (calls * 512) / (performance.now() - from)
}
function library(n: number): number {
  const d = new Uint8Array(256)
  let x: Uint8Array = d
  const from = performance.now()
  for (let i = 0; i < n; i++) {
    x = sha256(d)
    d.set(x, 16)
  }
  return n / (performance.now() - from)
}
function data(n: number): number {
  const page = new Uint8Array(4096)
  const m = realm(true)
  const from = performance.now()
  for (let i = 0; i < n; i++) {
    page[0] = i & 255
    hash(0, page)
  }
  void m
  return n / (performance.now() - from)
}

for (const f of [fold, () => pages(300_000), () => ripas(40), () => library(20_000), () => data(1000)]) f()
say('fold 1 GiB, step by step, nothing hashed', Array.from({ length: rounds }, fold), 'M commands/s')
say(
  'delegate, map, read, destroy, undelegate',
  Array.from({ length: rounds }, () => pages(300_000)),
  'M commands/s'
)
const ours: number[] = []
const theirs: number[] = []
for (let i = 0; i < rounds; i++) {
  ours.push(ripas(60))
  theirs.push(library(30_000))
}
say('RIM extensions through RTT_INIT_RIPAS', ours, 'k/s')
say('  the hash library alone, 256 bytes', theirs, 'k/s')
say(
  '  the hash library alone, 4096 bytes (a measured page)',
  Array.from({ length: rounds }, () => data(2000)),
  'k/s'
)
const count = (ram: number): number => {
  const from = performance.now()
  makePlan(spec({ ram }))
  return 1 / ((performance.now() - from) / 1000)
}
say(
  'plan of 12 TB, counted',
  Array.from({ length: rounds }, () => count(12 * 2 ** 40)),
  'plans/s'
)

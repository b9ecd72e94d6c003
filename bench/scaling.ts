// How cost grows with work: states and time of a search against threads, calls and pages; replay against the size of a
// trace and the CPUs of its machine; plan against RAM; hunt against the ingredients of a scene. Each row is a series of
// sizes, fitted as a power (cost = a * size^b) and as an exponential (cost = a * b^size) by least squares over the
// logarithms; the better of the two is told with its r2. Times are those of the processor, so that others on the
// machine disturb less. `--rounds 3`.
import { cpus } from 'node:os'
import { join } from 'node:path'
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs'
import { checkTest } from '../src/check/index.ts'
import { explore } from '../src/check/search.ts'
import { exploreScene, scenes } from '../src/hunt/index.ts'
import { parse } from '../src/litmus/index.ts'
import { makePlan, makeSpec, simulate } from '../src/plan/index.ts'
import { Names, Replay, Skips, TextScanner } from '../src/replay/index.ts'
import { growth } from './growth.ts'
import { cdma } from './models/cdma.ts'
import { SHAPE, writeTrace } from './replay-trace.ts'

const at = process.argv.indexOf('--rounds')
const rounds = at < 0 ? 3 : Number(process.argv[at + 1])
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

interface Point {
  readonly size: number
  /** What the work came to, where it can be counted: states, events. */
  readonly count: number | null
  readonly ms: number
}

/** A cost that changes less over a series does not grow with it. */
const FLAT = 1.6

/** Milliseconds of the processor since the process began. */
function clock(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The best of the rounds, after one that warms up. `run` answers what is counted. */
function point(size: number, run: () => number | null): Point {
  let ms = Number.POSITIVE_INFINITY
  let count = run()
  for (let i = 0; i < rounds; i++) {
    const begun = clock()
    count = run()
    ms = Math.min(ms, clock() - begun)
  }
  return { size, count, ms }
}

function series(what: string, counted: string | null, points: readonly Point[]): void {
  say(`\n${what}`)
  const number = (n: number): string =>
    n >= 1e9 ? n.toExponential(2) : n >= 1000 ? Math.round(n).toLocaleString('en-US') : n.toPrecision(3)
  const row = (name: string, of: (p: Point) => string): void =>
    say(`  ${name.padEnd(8)}${points.map((p) => of(p).padStart(12)).join('')}`)
  row('size', (p) => p.size.toLocaleString('en-US'))
  if (counted !== null) row(counted, (p) => number(p.count as number))
  row('ms', (p) => number(p.ms))
  const told = (name: string, of: (p: Point) => number): void => {
    const costs = points.map(of)
    const most = Math.max(...costs) / Math.min(...costs)
    const g = growth(points.map((p) => [p.size, of(p)] as const))
    const grows = g.kind === 'power' ? `size^${g.b.toFixed(2)}` : `${g.b.toFixed(2)}^size`
    say(
      most < FLAT
        ? `  ${name} hardly change: the most is ${most.toFixed(2)} times the least`
        : `  ${name} grow as ${grows} (r2 ${g.r2.toFixed(3)})`
    )
  }
  if (counted !== null) told(counted, (p) => p.count as number)
  told('ms', (p) => p.ms)
}

say(`# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}; best of ${rounds}`)

// Threads that map and unmap a page of their own, `calls` statements each.
function streams(threads: number, calls: number): number {
  const body = (t: number): string =>
    Array.from({ length: calls }, (_, i) =>
      i % 2 === 0 ? `  m = dma_map_single(nic, p${t}, TO_DEVICE)` : '  dma_unmap_single(nic, m)'
    ).join('\n')
  const text = [
    'litmus scaling "streams beside each other"',
    'platform arm-cca',
    'kernel cc-v8',
    'device nic { tdisp }',
    ...Array.from({ length: threads }, (_, t) => `thread t${t} {\n  p${t} = alloc_page()\n${body(t)}\n}`)
  ].join('\n')
  const { test, errors } = parse(`${text}\n`, 'scaling.litmus')
  if (test === undefined || errors.length > 0) throw new Error(errors[0]?.message ?? 'no test')
  const r = checkTest(test, 'cc-v8', 'arm-cca')
  if (!r.complete) throw new Error(`${threads} threads of ${calls} calls: too large`)
  return r.states
}
series(
  'check, threads that map and unmap once, in steps',
  'states',
  [1, 2, 3].map((n) => point(n, () => streams(n, 2)))
)
series(
  'check, two threads, calls each, in steps',
  'states',
  [2, 4, 8, 16].map((n) => point(n, () => streams(2, n)))
)
series(
  'search of the cdma model, pages (3 buffers)',
  'states',
  [3, 4, 5, 6].map((pages) =>
    point(pages, () => {
      const { model, options } = cdma({ pages, buffers: 3 })
      return explore(model, options).states
    })
  )
)

function replay(path: string, nareas: number): number {
  const names = new Names()
  const r = new Replay(names, { pool: { start: SHAPE.start, nslabs: SHAPE.nslabs, nareas } })
  const s = new TextScanner(r, names, new Skips())
  const fd = openSync(path, 'r')
  const buffer = new Uint8Array(1 << 20)
  for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) s.push(buffer.subarray(0, n))
  closeSync(fd)
  s.end()
  r.end()
  if (r.counts.equal < r.counts.compared * 0.99) throw new Error('the replay is not that of this trace')
  return r.counts.dmaEvents
}
const trace = (bytes: number, nareas: number): string => {
  const path = join(process.cwd(), '.cache', 'bench', `scaling-${bytes}-${nareas}.txt`)
  writeTrace(path, { ...SHAPE, bytes, nareas })
  return path
}
const made: string[] = []
series(
  'replay, megabytes of tracefs text (4 areas)',
  'events',
  [8, 16, 32, 64, 128].map((mb) => {
    const path = trace(mb * 1e6, 4)
    made.push(path)
    return point(Math.round(statSync(path).size / 1e6), () => replay(path, 4))
  })
)
series(
  'replay, areas of the pool: one a CPU of the machine (16 MB)',
  'events',
  [1, 4, 16, 64].map((nareas) => {
    const path = trace(16e6, nareas)
    made.push(path)
    return point(nareas, () => replay(path, nareas))
  })
)
for (const path of made) rmSync(path, { force: true })

const spec = (ram: number): Parameters<typeof makePlan>[0] => {
  const r = makeSpec({ ram })
  if (!r.ok) throw new Error(r.error[0]?.message ?? 'plan')
  return r.value
}
const GIB = 2 ** 30
series(
  'plan counted, GiB of RAM (fold); 2000 plans each',
  'commands',
  [1, 16, 256, 4096, 12288].map((gib) =>
    point(gib, () => {
      const s = spec(gib * GIB)
      let n = 0
      for (let i = 0; i < 2000; i++) n = makePlan(s).total
      return n
    })
  )
)
series(
  'plan step by step, MiB of RAM (fold)',
  'commands',
  [128, 256, 512, 1024].map((mib) => point(mib, () => simulate(spec(mib * 2 ** 20)).tally.total))
)

// A plain scene (a subject and a trust) against scenes with more ingredients around the same two: searches of different
// subjects differ more than their number of ingredients. The geometric mean over the plain ones.
const PLAIN = 2
const SCENES = 8
let cut = 0
function searched(s: ReturnType<typeof scenes>['list'][number]): { states: number; ms: number } {
  const begun = clock()
  const r = exploreScene(s, 'rfc-v1', 'arm-cca', { maxStates: 10_000 })
  if (!r.complete) cut++
  return { states: r.states, ms: clock() - begun }
}
const { list } = scenes('rfc-v1', 'arm-cca')
const logs = new Map<number, { states: number[]; ms: number[] }>()
for (const base of list.filter((s) => s.with.length === PLAIN).slice(0, SCENES)) {
  const around = list.filter((s) => base.with.every((i) => s.with.includes(i)))
  const counts = [...new Set(around.map((s) => s.with.length))]
  if (counts.length < 3) continue
  searched(base)
  for (const n of counts) {
    const of = around.filter((s) => s.with.length === n).slice(0, SCENES)
    const into = logs.get(n) ?? { states: [], ms: [] }
    for (const r of of.map(searched)) {
      into.states.push(Math.log(r.states))
      into.ms.push(Math.log(r.ms))
    }
    logs.set(n, into)
  }
}
const mean = (l: readonly number[]): number => Math.exp(l.reduce((a, b) => a + b, 0) / l.length)
series(
  'hunt, ingredients of a scene (geometric mean, whole calls)',
  'states',
  [...logs]
    .sort((x, y) => x[0] - y[0])
    .filter(([, l]) => l.ms.length >= SCENES)
    .map(([size, l]) => ({ size, count: mean(l.states), ms: mean(l.ms) }))
)
say(`  ${cut} of these searches gave up at 10,000 states: the growth is at least this`)

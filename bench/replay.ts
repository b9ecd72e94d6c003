// Reading and replaying a generated tracefs text on one core and with a thread that reads, with mawk, Node's readline
// and DuckDB (when they are there) beside it on the same file. Each measurement is a process of its own, since what one
// ran changes what the engine makes of the next; in it the best of three passes, of interleaved rounds the best.
// `--bytes 1e9 --rounds 5`; the file is kept in .cache/bench. Its first 300 MB are replayed as a trace.dat, too:
// millions of events a second.
import { spawnSync } from 'node:child_process'
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { readTracesBeside } from '../src/cli/trace-thread.ts'
import { type EventSink, Names, Replay, Skips, TextScanner, TraceDat } from '../src/replay/index.ts'
import { figure } from './figures.ts'
import { timed } from './processes.ts'
import { traceDatOf } from './replay-trace-dat.ts'
import { SHAPE, writeTrace } from './replay-trace.ts'

const arg = (name: string, otherwise: number): number => {
  const i = process.argv.indexOf(`--${name}`)
  return i < 0 ? otherwise : Number(process.argv[i + 1])
}
const bytes = arg('bytes', 1e9)
const rounds = arg('rounds', 5)
const path = join(process.cwd(), '.cache', 'bench', `trace-${bytes}.txt`)

function feed(push: (chunk: Uint8Array) => void): void {
  const fd = openSync(path, 'r')
  const buffer = new Uint8Array(1 << 20)
  for (;;) {
    const n = readSync(fd, buffer, 0, buffer.length, null)
    if (n === 0) break
    push(buffer.subarray(0, n))
  }
  closeSync(fd)
}

/** Bytes of the text that is a trace.dat, too. */
const TEXT_OF_DAT = 300e6
const datPath = `${path}.dat`
/** Name of the one measurement that this process makes; null: it starts a process for each. */
const only = process.argv.includes('--only') ? (process.argv[process.argv.indexOf('--only') + 1] as string) : null
const PASSES = 3
/** Hands all events of the trace.dat to a sink. */
function pump(sink: EventSink, names: Names): void {
  const b = datBytes()
  // Where there is room, as files are read.
  const read = (at: number, n: number, into?: Uint8Array): Uint8Array => {
    const found = b.subarray(at, at + n)
    if (into === undefined || into.length < found.length) return found
    into.set(found)
    return into.subarray(0, found.length)
  }
  const source = { name: 'trace.dat', size: b.length, read }
  const opened = TraceDat.open(source, names, new Skips(), {})
  if (!opened.ok) throw new Error(opened.error.message)
  while (opened.value.pump(sink, 16384));
  handled = opened.value.records
}
let datRead: Uint8Array | null = null
const datBytes = (): Uint8Array => (datRead ??= readFileSync(datPath))
/** Events of the last measurement, and what it says of itself. */
let handled = 0
let note = ''
const pool = { start: SHAPE.start, nslabs: SHAPE.nslabs, nareas: SHAPE.nareas }

const worker = pathToFileURL(join(process.cwd(), 'dist', 'trace-worker.mjs'))
const quiet = { stop: () => false, progress: () => {}, cpus: () => {}, overwritten: () => {} }
/** A replay of a file that a thread reads. */
async function withThread(file: string): Promise<void> {
  const names = new Names()
  const r = new Replay(names, { pool })
  handled = (await readTracesBeside([file], r, names, new Skips(), quiet, worker)).events
  r.end()
  if (r.counts.compared === 0) throw new Error('nothing replayed')
}

const work: Record<string, () => void | Promise<void>> = {
  'parse only': () => {
    const s = new TextScanner({ event: () => {} }, new Names(), new Skips())
    feed((c) => s.push(c))
    s.end()
  },
  'whole replay': () => {
    const names = new Names()
    const r = new Replay(names, { pool })
    const s = new TextScanner(r, names, new Skips())
    feed((c) => s.push(c))
    s.end()
    r.end()
    note = `${r.counts.equal} of ${r.counts.compared} addresses exact, high-water ${r.sim?.pool.used_hiwater}`
  },
  'trace.dat, parse only': () => pump({ event: () => {} }, new Names()),
  'trace.dat, whole replay': () => {
    const names = new Names()
    const r = new Replay(names, { pool })
    pump(r, names)
    r.end()
    if (r.counts.compared - r.counts.equal > 1) throw new Error('the trace.dat is not the text')
  },
  'whole replay, two threads': () => withThread(path),
  'trace.dat, two threads': () => withThread(datPath),
  'read only': () => feed(() => {}),
  'node readline': async () => {
    let n = 0
    for await (const line of createInterface({ input: createReadStream(path, { highWaterMark: 1 << 20 }) }))
      if (line.includes('dma_map')) n++
    if (n === 0) throw new Error('nothing read')
  }
}
const peer = (name: string, command: string, args: readonly string[]): void => {
  if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) {
    if (only === null) process.stdout.write(`${name}: not installed here\n`)
    return
  }
  work[name] = () => {
    const r = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (r.status !== 0) throw new Error(`${name} failed`)
  }
}
peer('mawk', 'mawk', [
  '{ n[$5]++ } /swiotlb_bounced/ { s += substr($10, 6) } END { for (k in n) print k, n[k]; print s }',
  path
])
peer('duckdb', 'duckdb', [
  '-c',
  `select split_part(l, ': ', 2) e, count(*) from read_csv('${path}', columns={'l':'varchar'}, delim='\\x01', ` +
    `header=false, quote='') group by 1`
])

/** Those that are told in events. */
const inEvents = (name: string): boolean => name.startsWith('trace.dat')

interface Measured {
  readonly seconds: number
  readonly events: number
  readonly note: string
  readonly mib: number
}

/** One measurement, in this process. */
async function measure(name: string): Promise<Measured> {
  if (inEvents(name)) datBytes()
  let seconds = Number.POSITIVE_INFINITY
  for (let i = 0; i < PASSES; i++) {
    const t = performance.now()
    await (work[name] as () => void | Promise<void>)()
    seconds = Math.min(seconds, (performance.now() - t) / 1000)
  }
  return { seconds, events: handled, note, mib: process.memoryUsage().rss / 2 ** 20 }
}

/** All of them, each in a process. */
function measureAll(): void {
  const made = writeTrace(path, { ...SHAPE, bytes })
  const size = statSync(path).size
  const dat = traceDatOf(path, TEXT_OF_DAT)
  writeFileSync(datPath, dat.bytes)
  process.stdout.write(
    `${basename(path)}: ${(size / 1e6).toFixed(0)} MB${made >= 0 ? `, ${made} events, made now` : ''}\n` +
      `${cpus()[0]?.model ?? '?'} x ${cpus().length}, node ${process.version}\n`
  )
  const best: Record<string, number> = {}
  let whole: Measured | null = null
  for (let i = 0; i < rounds; i++)
    for (const name of Object.keys(work)) {
      const { last, code } = timed(process.execPath, [...process.argv.slice(1), '--only', name])
      if (code !== 0) throw new Error(`${name}: ${last}`)
      const m = JSON.parse(last) as Measured
      if (inEvents(name) && m.events !== dat.events) throw new Error(`${m.events} of ${dat.events} records read`)
      if (name === 'whole replay') whole = m
      best[name] = Math.max(best[name] ?? 0, (inEvents(name) ? m.events : size) / 1e6 / m.seconds)
    }
  for (const [name, rate] of Object.entries(best)) {
    const [unit, digits] = inEvents(name) ? (['M events/s', 2] as const) : (['MB/s', 0] as const)
    figure(name, rate, unit)
    process.stdout.write(`${name.padEnd(26)} ${rate.toFixed(digits).padStart(5)} ${unit}\n`)
  }
  process.stdout.write(`${whole?.note}; resident ${whole?.mib.toFixed(0)} MiB at the end\n`)
}

if (only === null) measureAll()
else process.stdout.write(`${JSON.stringify(await measure(only))}\n`)

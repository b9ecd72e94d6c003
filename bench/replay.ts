// Reading and replaying a generated tracefs text on one core and on two, with mawk, Node's readline and DuckDB (when they are
// there) beside it on the same file. Best of interleaved rounds. `--bytes 1e9 --rounds 5`; the file is kept in
// .cache/bench. Its first 60 MB are replayed as a trace.dat, too, out of memory: millions of events a second.
import { spawnSync } from 'node:child_process'
import { closeSync, createReadStream, openSync, readSync, statSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { readTracesBeside } from '../src/cli/trace-thread.ts'
import { type EventSink, Names, Replay, Skips, TextScanner, TraceDat } from '../src/replay/index.ts'
import { figure } from './figures.ts'
import { traceDatOf } from './replay-trace-dat.ts'
import { SHAPE, writeTrace } from './replay-trace.ts'

const arg = (name: string, otherwise: number): number => {
  const i = process.argv.indexOf(`--${name}`)
  return i < 0 ? otherwise : Number(process.argv[i + 1])
}
const bytes = arg('bytes', 1e9)
const rounds = arg('rounds', 5)
const path = join(process.cwd(), '.cache', 'bench', `trace-${bytes}.txt`)
const made = writeTrace(path, { ...SHAPE, bytes })
const size = statSync(path).size
process.stdout.write(
  `${basename(path)}: ${(size / 1e6).toFixed(0)} MB${made >= 0 ? `, ${made} events, made now` : ''}\n` +
    `${cpus()[0]?.model ?? '?'} x ${cpus().length}, node ${process.version}\n`
)

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

const TEXT_OF_DAT = 60e6
const dat = traceDatOf(path, TEXT_OF_DAT)
const datPath = `${path}.dat`
writeFileSync(datPath, dat.bytes)
/** Hands all events of the trace.dat to a sink. */
function pump(sink: EventSink, names: Names): void {
  const { bytes: b } = dat
  const source = { name: 'trace.dat', size: b.length, read: (at: number, n: number) => b.subarray(at, at + n) }
  const opened = TraceDat.open(source, names, new Skips(), {})
  if (!opened.ok) throw new Error(opened.error.message)
  while (opened.value.pump(sink, 16384));
  if (opened.value.records !== dat.events) throw new Error(`${opened.value.records} of ${dat.events} records read`)
}
const pool = { start: SHAPE.start, nslabs: SHAPE.nslabs, nareas: SHAPE.nareas }

const worker = pathToFileURL(join(process.cwd(), 'dist', 'trace-worker.mjs'))
const quiet = { stop: () => false, progress: () => {}, cpus: () => {}, overwritten: () => {} }
/** A replay of a file that a thread reads. */
async function withThread(file: string): Promise<Replay> {
  const names = new Names()
  const r = new Replay(names, { pool })
  await readTracesBeside([file], r, names, new Skips(), quiet, worker)
  r.end()
  return r
}

let replayed = ''
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
    replayed = `${r.counts.equal} of ${r.counts.compared} addresses exact, high-water ${r.sim?.pool.used_hiwater}`
  },
  'trace.dat, parse only': () => pump({ event: () => {} }, new Names()),
  'trace.dat, whole replay': () => {
    const names = new Names()
    const r = new Replay(names, { pool })
    pump(r, names)
    r.end()
    if (r.counts.compared - r.counts.equal > 1) throw new Error('the trace.dat is not the text')
  },
  'whole replay, two threads': async () => {
    const r = await withThread(path)
    if (r.counts.compared === 0) throw new Error('nothing replayed')
  },
  'trace.dat, two threads': async () => {
    const r = await withThread(datPath)
    if (r.counts.compared === 0) throw new Error('nothing replayed')
  },
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
    process.stdout.write(`${name}: not installed here\n`)
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
const best: Record<string, number> = {}
for (let i = 0; i < rounds; i++) {
  for (const [name, f] of Object.entries(work)) {
    const t = performance.now()
    await f()
    const done = inEvents(name) ? dat.events : size
    best[name] = Math.max(best[name] ?? 0, done / 1000 / (performance.now() - t))
  }
}
for (const [name, rate] of Object.entries(best)) figure(name, rate, inEvents(name) ? 'M events/s' : 'MB/s')
for (const [name, rate] of Object.entries(best))
  process.stdout.write(
    inEvents(name)
      ? `${name.padEnd(26)} ${rate.toFixed(2).padStart(5)} M events/s\n`
      : `${name.padEnd(26)} ${rate.toFixed(0).padStart(5)} MB/s\n`
  )
process.stdout.write(`${replayed}; resident ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB at the end\n`)

// `npm run fuzz -- TARGET --seconds N [--seed S] [--inputs N]`: inputs of growing seeds, in a thread that is watched
// from here. An exception, an input that takes 10 s of CPU, or 512 MiB more than at the beginning ends it, with the
// seed that does it again: --seed S --inputs 1.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { targets } from './targets.ts'

const HANG = 10_000
const GROWTH = 512 << 20

async function work(name: string, seed: number, seconds: number, inputs: number, shared: Int32Array): Promise<void> {
  const target = targets[name as keyof typeof targets]
  if (target === undefined) throw new Error(`no target ${name}`)
  const end = Date.now() + seconds * 1000
  let n = 0
  let nothing = 0
  for (; n < inputs && Date.now() < end; n++) {
    Atomics.store(shared, 0, n)
    try {
      if ((await target(seed + n)) === false) nothing++
    } catch (e) {
      parentPort?.postMessage({ seed: seed + n, error: e instanceof Error ? (e.stack ?? e.message) : String(e) })
      return
    }
  }
  parentPort?.postMessage({ inputs: n, nothing })
}

function watch(name: string, seed: number, seconds: number, inputs: number): void {
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { name, seed, seconds, inputs, shared } })
  const begun = process.memoryUsage().rss
  let last = -1
  // CPU time and not the clock: the run may share its machine.
  const spent = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  let since = spent()
  let most = 0
  const stop = (code: number, line: string): void => {
    process.stdout.write(`${line}\n`)
    process.exit(code)
  }
  setInterval(() => {
    const at = Atomics.load(shared, 0)
    if (at !== last) {
      last = at
      since = spent()
    }
    most = Math.max(most, process.memoryUsage().rss - begun)
    if (spent() - since > HANG) stop(1, `${name}: seed ${seed + at} takes more than 10 s of CPU`)
    if (most > GROWTH) stop(1, `${name}: grew by ${most >> 20} MiB, at seed ${seed + at}`)
  }, 100)
  worker.on('message', (m: { seed?: number; error?: string; inputs?: number; nothing?: number }) => {
    if (m.error !== undefined) stop(1, `${name}: seed ${m.seed}: ${m.error}`)
    else
      stop(
        0,
        `${name}: ${m.inputs} inputs from seed ${seed}` +
          `${m.nothing ? ` (${m.nothing} of them nothing to try)` : ''}, no crash, no hang, ${most >> 20} MiB more ` +
          'at most'
      )
  })
  worker.on('error', (e) => stop(1, `${name}: ${e.stack ?? e.message}`))
}

if (isMainThread) {
  const [name = '', ...rest] = process.argv.slice(2)
  const number = (option: string, otherwise: number): number => {
    const i = rest.indexOf(option)
    return i < 0 ? otherwise : Number(rest[i + 1])
  }
  if (!Object.hasOwn(targets, name)) {
    process.stderr.write(
      `usage: npm run fuzz -- TARGET --seconds N [--seed S] [--inputs N]\ntargets: ${Object.keys(targets).join(', ')}\n`
    )
    process.exit(2)
  }
  watch(name, number('--seed', 1), number('--seconds', 60), number('--inputs', Number.POSITIVE_INFINITY))
} else {
  const d = workerData as { name: string; seed: number; seconds: number; inputs: number; shared: Int32Array }
  await work(d.name, d.seed, d.seconds, d.inputs, d.shared)
}

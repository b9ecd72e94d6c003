// Random legal programs, asked in two ways each: what holds of the search must hold of every other way to the same
// answer.
import { type CheckResult, checkTest, compareTest, outcome, systemFor, watchRun } from '../../src/check/index.ts'
import { runJobs } from '../../src/cli/check-pool.ts'
import { parse, print, runTest, type Test } from '../../src/litmus/index.ts'
import { checkFormats } from '../../src/report/check-formats.ts'
import { type CheckRun, verdictText } from '../../src/report/check-run.ts'
import { Random } from './random.ts'

const KERNELS = [
  'linux-6.12',
  'linux-6.15',
  'linux-7.1',
  'linux-7.3',
  'rfc-v1',
  'rfc-v1-05',
  'tio-v2',
  'cc-v4',
  'cc-v6',
  'cc-v7',
  'cc-v8'
]
const PLATFORMS = ['arm-cca', 'amd-sev-snp', 'intel-tdx', 'pkvm', 's390-pv', 'amd-sme-host', 'none']
const DIRS = ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL']
const MOST = 20_000

interface Program {
  readonly kernel: string
  readonly platform: string
  readonly devices: readonly string[]
  readonly threads: ReadonlyArray<readonly [string, readonly string[]]>
}

function body(r: Random, own: string, n: number): string[] {
  const out = [`${own}p = alloc_page()`]
  const memory = [`${own}p`]
  const maps: string[] = []
  const buffers: string[] = []
  for (let i = 0; i < n; i++) {
    const v = `${own}${i}`
    switch (r.below(12)) {
      case 0:
        out.push(`${v} = kmalloc(${r.pick([64, 512, 2048])})`)
        memory.push(v)
        break
      case 1:
        out.push(`fill(${r.pick(memory)}, ${r.pick(['secret', 'data'])})`)
        break
      case 2:
      case 3:
      case 4:
        out.push(`${v} = dma_map_single(nic, ${r.pick(memory)}, ${r.pick(DIRS)})`)
        maps.push(v)
        break
      case 5:
        if (maps.length > 0) out.push(`dma_unmap_single(nic, ${maps.splice(r.below(maps.length), 1)[0]})`)
        break
      case 6:
        if (maps.length > 0) out.push(`${r.chance(1, 2) ? 'try ' : ''}dev_read(nic, ${r.pick(maps)})`)
        break
      case 7:
        if (maps.length > 0) out.push(`try dev_write(nic, ${r.pick(maps)}, data)`)
        break
      case 8:
        out.push(`${v} = dma_alloc_coherent(nic, 4K)`)
        buffers.push(v)
        break
      case 9:
        if (buffers.length > 0) out.push(`dma_free_coherent(nic, ${buffers.splice(r.below(buffers.length), 1)[0]})`)
        break
      default:
        out.push(r.pick(['tsm_lock(nic)', 'tsm_accept(nic)', 'tsm_unlock(nic)', 'tsm_lock(nic)', 'tsm_accept(nic)']))
    }
  }
  return out
}

function program(r: Random): Program {
  const threads: [string, string[]][] = [['os', body(r, 'a', 2 + r.below(5))]]
  if (r.chance(2, 3)) threads.push(['admin', body(r, 'b', 1 + r.below(3))])
  return {
    kernel: r.pick(KERNELS),
    platform: r.pick(PLATFORMS),
    devices: [`device nic { ${r.pick(['tdisp', 'tdisp accepted', '', 'noncoherent'])} }`],
    threads
  }
}

const written = (p: Program): string =>
  `litmus fuzz "generated"\nplatform ${p.platform}\nkernel ${p.kernel}\n${p.devices.join('\n')}\n` +
  `${p.threads.map(([n, b]) => `thread ${n} {\n${b.map((s) => `  ${s}`).join('\n')}\n}`).join('\n')}\n`

const found = (r: CheckResult): ReadonlySet<string> => new Set([...r.violations, ...r.reported].map((v) => v.property))
const answer = (r: CheckResult): string => `${r.verdict}: ${[...found(r)].sort().join(', ')}`

function read(text: string): Test | null {
  const p = parse(text, 'f')
  return p.test === undefined || p.errors.length > 0 ? null : p.test
}

/**
 * One program: three schedules of `run` within `check`, and one of idle threads, another order of threads, calls within
 * steps, the normal form, a smaller limit, another revision by `compare`, JSON and text.
 * @returns whether it was compared: a program that is not legal, has no meaning on its platform, or is too large is not
 */
export function differential(seed: number): boolean {
  const r = new Random(seed)
  const p = program(r)
  const text = written(p)
  const test = read(text)
  if (test === null) return false
  const x = checkTest(test, p.kernel, p.platform, { maxStates: MOST })
  if (x.verdict === 'skipped' || !x.complete) return false
  const have = found(x)
  const fail = (what: string): Error => new Error(`${what}\n${text}`)
  const same = (other: string, what: string): void => {
    const t = read(other)
    if (t === null) throw fail(`${what}: not legal any more`)
    const y = checkTest(t, p.kernel, p.platform, { maxStates: 20 * MOST, traces: false })
    if (y.complete && answer(x) !== answer(y)) throw fail(`${what}: ${answer(x)} against ${answer(y)}`)
  }
  for (let i = 0; i < 3; i++) {
    const sys = systemFor(test, p.kernel, p.platform, { content: 'both' })
    const run = runTest(test, sys, { schedule: { seed: r.next() }, onState: watchRun(sys) })
    for (const f of run.findings)
      if (!have.has(f.property)) throw fail(`run found ${f.property}, check ${answer(x)}; schedule ${run.schedule}`)
  }
  switch (r.below(7)) {
    case 0:
      same(written({ ...p, threads: [...p.threads].reverse() }), 'threads in another order')
      break
    case 1:
      same(written({ ...p, threads: [...p.threads, ['idle', []]] }), 'with an idle thread')
      break
    case 2:
      same(print(test), 'in normal form')
      break
    case 3: {
      const calls = checkTest(test, p.kernel, p.platform, { maxStates: MOST, interleave: 'calls', traces: false })
      const extra = [...found(calls)].filter((k) => !have.has(k))
      if (calls.complete && extra.length > 0) throw fail(`calls found ${extra.join(', ')}, steps ${answer(x)}`)
      break
    }
    case 4: {
      const other = r.pick(KERNELS)
      const y = checkTest(test, other, p.platform, { maxStates: MOST, traces: false })
      const c = compareTest(test, p.kernel, other, p.platform, { maxStates: MOST })
      if (outcome(c.before) !== outcome(x) || outcome(c.after) !== outcome(y))
        throw fail(`compare says ${outcome(c.before)}, ${outcome(c.after)}; check ${outcome(x)}, ${outcome(y)}`)
      if (y.complete && y.verdict !== 'skipped' && c.changed !== (outcome(x) !== outcome(y)))
        throw fail(
          `compare with ${other}: ${outcome(x)} and ${outcome(y)} are ${c.changed ? '' : 'not '}told as a change`
        )
      break
    }
    case 5: {
      const wrong = formatsDiffer(test, x)
      if (wrong !== null) throw fail(wrong)
      break
    }
    default: {
      const y = checkTest(test, p.kernel, p.platform, { maxStates: 1 + r.below(Math.max(2, x.states)), traces: false })
      if (y.complete && answer(x) !== answer(y)) throw fail(`a smaller limit: ${answer(x)} against ${answer(y)}`)
      if (!y.complete && [...found(y)].some((k) => !have.has(k)))
        throw fail('a search that was cut short found what the whole one did not')
      if (!y.complete && (y.verdict === 'ok' || y.verdict === 'vacuous'))
        throw fail(`a search that was cut short says ${y.verdict}`)
    }
  }
  return true
}

// What JSON and text say of one result must be the same.
function formatsDiffer(test: Test, x: CheckResult): string | null {
  const run: CheckRun = { tests: [test], results: [x], errors: [], texts: new Map(), interrupted: null }
  const render = (format: 'json' | 'text'): string =>
    checkFormats[format].render(run, { width: 80, level: 2, shape: 'tests' })
  const json = (
    JSON.parse(render('json')) as {
      results: Array<{
        verdict: string
        states: number
        violations: Array<{ id: string; property: string }>
        reported: Array<{ id: string; property: string }>
      }>
    }
  ).results[0]
  const text = render('text').replace(/\s+/g, ' ')
  if (json === undefined || json.verdict !== x.verdict || json.states !== x.states)
    return `JSON says ${json?.verdict} in ${json?.states} states, the search ${answer(x)} in ${x.states}`
  if (!text.includes(verdictText(x))) return `the text does not say ${verdictText(x)}`
  const missing = [...json.violations, ...json.reported].find((v) => !text.includes(v.property))
  if (
    missing !== undefined ||
    json.violations.length !== x.violations.length ||
    json.reported.length !== x.reported.length
  )
    return `JSON and text tell other findings: ${missing?.property}`
  return null
}

/** Four programs in worker threads and here: the same results in the same order. @returns whether any was compared */
export async function workers(seed: number): Promise<boolean> {
  const r = new Random(seed)
  const jobs = Array.from({ length: 4 }, () => program(r)).flatMap((p) => {
    const test = read(written(p))
    return test === null ? [] : [{ test, kernel: p.kernel, platform: p.platform }]
  })
  const options = { maxStates: MOST }
  const there = await runJobs(jobs, { ...options, here: 0, workers: 2 })
  const here = jobs.map((j) => checkTest(j.test, j.kernel, j.platform, options))
  if (there.broken.length > 0) throw new Error(`broken in a worker: ${there.broken[0]?.message}`)
  const [a, b] = [JSON.stringify(there.results), JSON.stringify(here)]
  if (a !== b) {
    const at = [...a].findIndex((c, i) => b[i] !== c)
    throw new Error(
      `a worker thread has another result: ${a.slice(at - 200, at + 100)}\nhere: ${b.slice(at - 200, at + 100)}`
    )
  }
  return jobs.length > 0
}

// Measures what the library of tests notices in a tree's DMA code: single changes of direct.c, direct.h, swiotlb.c and
// pool.c, each built and run against the library until one verdict or finding differs.
//   node scripts/mutants.mjs TREE [--arch arm64|x86] [--sample N] [--seed N] [--file PATH] [--function NAME] [--steps]
//                           [--jobs N] [--list]
// killed: something differs, or it does not boot or return. not built: the compiler refuses it. same code: the compiler
// made the same of it. Only runs that enter the changed function are asked, the others cannot tell. On what the library
// leaves, random operations of every DMA call are tried beside our model (conform kernel): they have the scatterlists,
// sizes and failures that no test has. What is the same code without CONFIG_SWIOTLB_DYNAMIC is built with it and run
// against the tests of pools that grow. Survivors are printed with file and line. --steps also interleaves inside the C
// those tests that have several threads.
// --list prints the mutants only. --sample N takes N of them, drawn by --seed (default 1).
import { fork } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { root } from './install.mjs'

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arch: { type: 'string', default: 'arm64' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    file: { type: 'string' },
    function: { type: 'string' },
    steps: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(availableParallelism()) },
    list: { type: 'boolean', default: false }
  }
})
const given = positionals[0]
if (given === undefined || !['arm64', 'x86'].includes(o.arch)) {
  process.stderr.write(
    'usage: node scripts/mutants.mjs TREE [--arch arm64|x86] [--sample N] [--seed N] [--file PATH] ' +
      '[--function NAME] [--steps] [--jobs N] [--list]\n'
  )
  process.exit(2)
}

async function loaded() {
  const bundle = join(root, 'dist', `mutants-${process.pid}.mjs`)
  mkdirSync(join(root, 'dist'), { recursive: true })
  await build({
    stdin: {
      contents: [
        "export { buildKernel, codeOf, openTree } from './src/kernel-build/index.ts'",
        "export { MUTATED, mutantsOf, tellingEntries } from './src/kernel-build/mutants.ts'",
        "export { reachedFunctions } from './src/kernel-build/audit.ts'",
        "export { checkOnTree, imageOf, releaseOf, revisionOf, runsOf } from './src/conform/kernel-check.ts'",
        "export { conformKernel, scenariosFor } from './src/conform/kernel.ts'",
        "export { apiScenarios, conformApi, hasApi } from './src/conform/api-scenarios.ts'",
        "export { libraryDirectory, litmusFiles, loadTests } from './src/cli/files.ts'",
        "export { platformByName } from './src/machine/index.ts'"
      ].join('\n'),
      resolveDir: root,
      loader: 'ts'
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile: bundle,
    logLevel: 'error'
  })
  const made = await import(bundle)
  rmSync(bundle)
  return made
}
const t = await loaded()

const opened = t.openTree(given)
if (!opened.ok) {
  process.stderr.write(`${opened.error.message}\n`)
  process.exit(2)
}
const tree = opened.value

/** The mutants that are asked for, and those that no test can tell from the original. */
function chosen() {
  const reached = t.reachedFunctions(tree)
  const all = t.MUTATED.filter((f) => o.file === undefined || f === o.file)
    .flatMap((f) => t.mutantsOf(f, tree.read(f) ?? '', reached))
    .filter((m) => o.function === undefined || m.function === o.function)
  const apart = all.filter((m) => m.apart !== null)
  const mutants = all.filter((m) => m.apart === null)
  if (o.sample === undefined) return { mutants, apart }
  // A small generator of our own: the same sample on every machine.
  let state = Number(o.seed) >>> 0
  const drawn = []
  while (drawn.length < Number(o.sample) && mutants.length > 0) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    drawn.push(...mutants.splice(Math.floor((state / 2 ** 32) * mutants.length), 1))
  }
  return { mutants: drawn, apart }
}
const place = (m) =>
  `${m.file}:${m.line} ${m.function}(): ${m.kind}: ${m.before}${m.after === '' ? '' : `  ->  ${m.after}`}`

const { mutants, apart } = chosen()
if (o.list) {
  for (const m of mutants) process.stdout.write(`${place(m)}\n`)
  process.stdout.write(`${mutants.length} mutants; apart: ${apart.length}\n`)
  process.exit(0)
}

/** Errors of the C itself; any other says that nothing was compiled. */
const OF_THE_CODE = new Set(['TB-602', 'TB-604', 'TB-605', 'TB-607'])

/** A build of the tree with some files read otherwise; null: the C does not compile. */
async function image(read, keep, profile = 'guest', kconfig = {}) {
  const from = { ...tree, name: `${tree.name} with changes`, read }
  const make = () =>
    t.buildKernel(from, { arch: o.arch, profile, kconfig, steps: o.steps && profile === 'guest', keep })
  const isOfTheCode = (r) => r.error.every((e) => OF_THE_CODE.has(e.code))
  let b = await make()
  // a compiler that was killed is started again
  if (!b.ok && !isOfTheCode(b)) b = await make()
  if (b.ok) return { code: Buffer.from(t.codeOf(b.value.wasm)), image: t.imageOf(b.value) }
  if (isOfTheCode(b)) return null
  process.stderr.write(`${b.error.map((e) => `${e.code}: ${e.message}`).join('\n')}\n`)
  process.exit(1)
}
/** The tree as it is, and with its functions telling when they are entered. */
const unchanged = async (kconfig) => ({
  kconfig,
  original: await image((p) => tree.read(p), true, 'guest', kconfig),
  telling: await image(
    (p) => (t.MUTATED.includes(p) ? t.tellingEntries(tree.read(p) ?? '') : tree.read(p)),
    true,
    'guest',
    kconfig
  )
})
const plain = await unchanged({})
const { original } = plain
if (original === null || plain.telling === null) {
  process.stderr.write('the tree itself does not build: tbit kernel build says why\n')
  process.exit(2)
}
const kernel = t.revisionOf(original.image.meta)

function answer(run, i, interleave, entered) {
  try {
    const options = { interleave, maxStates: 20_000, traces: false, entered }
    const on = grows(run) ? { ...original.image, second: i } : i
    const r = t.checkOnTree(run, kernel, { arm64: on, x86: on }, options)
    return `${r.verdict} ${[...r.violations, ...r.reported]
      .map((v) => v.id.replace(/\/[0-9a-f]+$/, ''))
      .sort()
      .join()}`
  } catch (e) {
    return `does not boot: ${e.message}`
  }
}

const grows = (run) => run.test.config.some((e) => e.key === 'swiotlb_dynamic')

/** The library's runs on a build, each with what the original answers and the functions that it enters. */
function asked({ original: before, telling, kconfig }) {
  const runs = t
    .runsOf(t.loadTests(t.litmusFiles([t.libraryDirectory()]).files).tests, [kernel], null, false)
    .filter((r) => t.platformByName(r.platform)?.architecture === o.arch)
    .filter((r) => grows(r) === (kconfig.SWIOTLB_DYNAMIC === 'y'))
  return runs.flatMap((run) => {
    const enters = new Set()
    answer(run, telling.image, 'calls', (fn) => enters.add(fn))
    const ways = o.steps && run.test.threads.length > 1 ? ['calls', 'steps'] : ['calls']
    return ways.map((way) => ({ run, way, enters, before: answer(run, before.image, way) }))
  })
}

const RANDOM_OPERATIONS = 30_000

const dynamic = (tree.read('kernel/dma/Kconfig') ?? '').includes('config SWIOTLB_DYNAMIC')

/** What random operations are tried in: direct calls of dma-direct and swiotlb, then the whole API where it is. */
function randomScenarios() {
  const { meta } = original.image
  const release = t.releaseOf(meta)
  const api = t.hasApi(tree.read('kernel/dma/mapping.c'))
    ? t.apiScenarios([o.arch], release, false, meta.has.trackHiwater)
    : []
  return [...t.scenariosFor(release, [o.arch], [], null), ...api]
}

/** Whether random operations on a build part from our model. */
function parts(made, scenario) {
  const conform = 'api' in scenario ? t.conformApi : t.conformKernel
  try {
    return conform(made.image.module, scenario, RANDOM_OPERATIONS, 1).first !== null
  } catch {
    return true
  }
}

/** Whether random operations tell a mutant from our model: the scenario in which they do, or null. */
async function divergesIn(m) {
  const builds = new Map()
  const buildOf = async ({ profile, kconfig }, text) => {
    const key = JSON.stringify([profile, kconfig, text !== null])
    const read = (p) => (text !== null && p === m.file ? text : tree.read(p))
    if (!builds.has(key)) builds.set(key, await image(read, text === null, profile, kconfig))
    return builds.get(key)
  }
  for (const { scenario, build } of randomScenarios()) {
    const made = await buildOf(build, m.text)
    if (made === null) return 'a build that fails'
    // Where the tree itself parts from our model, nothing is told by a mutant that does.
    if (parts(made, scenario) && !parts(await buildOf(build, null), scenario)) return scenario.name
  }
  return null
}

/** What becomes of each mutant of one share; who killed the last one is asked first. */
async function judge(share, told) {
  const first = { ...plain, jobs: asked(plain) }
  let growing = null
  for (const m of share) {
    const on = ({ kconfig }) => image((p) => (p === m.file ? m.text : tree.read(p)), false, 'guest', kconfig)
    let [side, made] = [first, await on(first)]
    if (dynamic && made?.code.equals(original.code)) {
      if (growing === null) {
        const second = await unchanged({ SWIOTLB_DYNAMIC: 'y' })
        growing = { ...second, jobs: asked(second) }
      }
      side = growing
      made = await on(growing)
    }
    const { jobs } = side
    const entering = jobs.filter((j) => j.enters.has(m.function))
    let end = 'survived'
    let by = ''
    if (made === null) end = 'not built'
    else if (made.code.equals(side.original.code)) end = 'same code'
    else {
      const job = entering.find((j) => answer(j.run, made.image, j.way) !== j.before)
      if (job !== undefined) {
        end = 'killed'
        by = `${job.run.test.name} on ${job.run.platform}`
        jobs.unshift(...jobs.splice(jobs.indexOf(job), 1))
      } else {
        const scenario = side === first ? await divergesIn(m) : null
        if (scenario !== null) {
          end = 'diverges'
          by = `random operations (${scenario})`
        }
      }
    }
    told({ end, by, runs: entering.length, index: mutants.indexOf(m) })
  }
}

/** A share of the mutants is a child's, which tells its parent. */
const SHARE = 'TBIT_MUTANTS_SHARE'
async function child() {
  const [i, n] = process.env[SHARE].split('/').map(Number)
  await judge(
    mutants.filter((_, k) => k % n === i),
    (r) => process.send(r)
  )
  process.exit(0)
}

/** Why no test can tell a mutant from the original (src/kernel-build/mutants.ts). */
const REASONS = ['prints', 'statistics', 'barriers', 'build time', 'initcall', 'not reached']

async function parent() {
  const n = Math.max(1, Math.min(Number(o.jobs) || 1, mutants.length))
  const count = { killed: 0, diverges: 0, survived: 0, 'not built': 0, 'same code': 0 }
  const survivors = []
  const of = (w) => apart.filter((m) => m.apart === w).length
  process.stdout.write(
    `${tree.version} ${o.arch}: ${mutants.length} mutants, apart: ` +
      `${REASONS.map((w) => `${of(w)} ${w}`).join(', ')}\n`
  )
  const one = (r) => {
    const m = mutants[r.index]
    count[r.end]++
    if (r.end === 'survived') survivors.push({ m, runs: r.runs })
    process.stdout.write(`${r.end}${r.by === '' ? '' : ` by ${r.by}`}: ${place(m)}\n`)
  }
  const codes = await Promise.all(
    Array.from({ length: n }, (_, i) => {
      const env = { ...process.env, [SHARE]: `${i}/${n}` }
      const c = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { env })
      c.on('message', one)
      return new Promise((resolve) => c.on('exit', resolve))
    })
  )
  const judged = count.killed + count.diverges + count.survived
  const share = (n) => `${n} of ${judged}${judged === 0 ? '' : ` (${((100 * n) / judged).toFixed(0)} %)`}`
  process.stdout.write(
    `${share(count.killed)} killed by the library, ${share(count.killed + count.diverges)} with random operations; ` +
      `not built ${count['not built']}, same code ${count['same code']}\n`
  )
  for (const { m, runs } of survivors) process.stdout.write(`survivor (entered by ${runs} runs) ${place(m)}\n`)
  process.exit(codes.every((c) => c === 0) ? 0 : 1)
}

await (process.env[SHARE] === undefined ? parent() : child())

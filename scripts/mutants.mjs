// Measures what the library of tests notices in a tree's DMA code: single changes of direct.c, direct.h, swiotlb.c and
// pool.c, each run against the library until one verdict or finding differs.
//   node scripts/mutants.mjs TREE [--arch arm64|x86] [--sample N] [--seed N] [--file PATH] [--function NAMES] [--steps]
//                           [--jobs N] [--list]
// One build has all mutants asleep, and each is woken by its number. killed: something differs, or it does not boot
// or return. Only runs that enter the changed function are asked, the others cannot tell: first those of the plain
// build, then those of pools that grow and of vIOMMUs, in the second build of kernel check; of a lock that is removed
// also those with several threads, in steps inside the C (--steps: of every mutant). What they leave is tried at
// random beside our model (conform kernel): boots, then operations of every DMA call. What nothing notices is built
// alone. not built: the compiler refuses it. same code: the compiler makes the same of it. All others survived, and
// are printed with file and line. --list prints the mutants only. --sample N takes N of them, drawn by --seed
// (default 1).
import { fork } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import binaryen from 'binaryen'
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
      '[--function NAMES] [--steps] [--jobs N] [--list]\n'
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
        "export { APART, MUTATED, mutantsOf, tellingEntries } from './src/kernel-build/mutants.ts'",
        "export { secondConfig } from './src/kernel-build/config.ts'",
        "export { asleep, SLEEPING } from './src/kernel-build/mutants-asleep.ts'",
        "export { reachedFunctions } from './src/kernel-build/audit.ts'",
        "export * from './src/conform/kernel-check.ts'",
        "export { conformKernel, scenariosFor } from './src/conform/kernel.ts'",
        "export { conformBoots } from './src/conform/kernel-boots.ts'",
        "export { apiOfTree, apiScenarios, conformApi } from './src/conform/api-scenarios.ts'",
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
    .filter((m) => o.function === undefined || o.function.split(',').includes(m.function))
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

/** Whether a mutant is asked in steps, too; whole calls never meet inside a lock. */
const stepsOf = (m) => o.steps || m.kind === 'lock removed'
const inSteps = mutants.some(stepsOf)

const numberOf = new Map(mutants.map((m, i) => [m, i + 1]))

/** A build of the tree with some files read otherwise; what the compiler refuses is answered as its errors. */
async function built(read, keep, profile, kconfig) {
  const from = { ...tree, name: `${tree.name} with changes`, read }
  const make = () =>
    t.buildKernel(from, { arch: o.arch, profile, kconfig, steps: inSteps && profile === 'guest', keep })
  const isOfTheCode = (r) => r.error.every((e) => OF_THE_CODE.has(e.code))
  let b = await make()
  // a compiler that was killed is started again
  if (!b.ok && !isOfTheCode(b)) b = await make()
  if (b.ok || isOfTheCode(b)) return b
  process.stderr.write(`${b.error.map((e) => `${e.code}: ${e.message}`).join('\n')}\n`)
  process.exit(1)
}
/** Errors of the C itself; any other says that nothing was compiled. */
const OF_THE_CODE = new Set(['TB-602', 'TB-604', 'TB-605', 'TB-607'])

async function original(profile, kconfig) {
  const b = await built((p) => tree.read(p), true, profile, kconfig)
  if (b.ok) return b.value
  process.stderr.write('the tree itself does not build: tbit kernel build says why\n')
  process.exit(2)
}

/**
 * A build in which all mutants sleep: one of them is woken by its number, so that none needs a build of its own. What
 * the compiler refuses to have asleep is left out (`out`) and built alone.
 */
async function asleep(profile, kconfig, meta) {
  const out = new Set()
  for (;;) {
    const texts = new Map(
      t.MUTATED.map((file) => {
        const here = mutants.filter((m) => m.file === file && !out.has(m)).map((m) => [numberOf.get(m), m])
        const made = t.asleep(tree.read(file) ?? '', here, file.endsWith('/swiotlb.c'))
        for (const m of made.out) out.add(m)
        return [file, made.text]
      })
    )
    const b = await built((p) => texts.get(p) ?? tree.read(p), true, profile, kconfig)
    if (b.ok) return { built: { ...b.value, meta }, out }
    const refused = mutants.filter(
      (m) => !out.has(m) && b.error.some((e) => e.file.endsWith(m.file) && e.line === m.line)
    )
    if (refused.length === 0) {
      process.stderr.write(`${b.error.map((e) => `${e.file}:${e.line}: ${e.message}`).join('\n')}\n`)
      process.exit(1)
    }
    for (const m of refused) out.add(m)
  }
}

/** The image of a build in which one mutant, or none (0), is awake. */
function awake(image, number) {
  const woken = (wasm) => {
    if (wasm === null) return null
    const bytes = Buffer.from(wasm)
    const word = Buffer.alloc(4)
    word.writeUInt32LE(t.SLEEPING)
    const at = bytes.indexOf(word)
    // no mutant is in this build: whichever is woken, it is the tree's own
    if (at < 0) return bytes
    if (bytes.indexOf(word, at + 1) >= 0) throw new Error('the word that wakes a mutant is there twice')
    bytes.writeUInt32LE(number, at)
    return bytes
  }
  return t.imageOf({ ...image, wasm: woken(image.wasm), steps: woken(image.steps) })
}

const kernel = t.revisionOf((await original('guest', {})).meta)
/** The second build of kernel check, for pools that grow and devices behind a vIOMMU; empty: the tree has neither. */
const second = t.secondConfig(tree)
const onSecond = (run) => t.needSecond([run.test])

function answer(run, image, plain, interleave, entered) {
  try {
    const options = { interleave, maxStates: 20_000, traces: false, entered }
    const on = onSecond(run) ? { ...plain, second: image } : image
    const r = t.checkOnTree(run, kernel, { arm64: on, x86: on }, options)
    return `${r.verdict} ${[...r.violations, ...r.reported]
      .map((v) => v.id.replace(/\/[0-9a-f]+$/, ''))
      .sort()
      .join()}`
  } catch (e) {
    return `does not boot: ${e.message}`
  }
}

/** A configuration of the tree: its mutants asleep, and the library's runs on it. */
async function side(kconfig) {
  const was = await original('guest', kconfig)
  const plain = t.imageOf(was)
  const told = (p) => (t.MUTATED.includes(p) ? t.tellingEntries(tree.read(p) ?? '') : tree.read(p))
  const telling = t.imageOf((await built(told, true, 'guest', kconfig)).value)
  const { built: sleeping, out } = await asleep('guest', kconfig, was.meta)
  const none = awake(sleeping, 0)
  const runs = t
    .runsOf(t.loadTests(t.litmusFiles([t.libraryDirectory()]).files).tests, [kernel], null, false)
    .filter((r) => t.platformByName(r.platform)?.architecture === o.arch)
    .filter((r) => onSecond(r) === Object.keys(kconfig).length > 0)
  // Each with what the original answers and the functions that it enters.
  const jobs = runs.flatMap((run) => {
    const enters = new Set()
    answer(run, telling, plain, 'calls', (fn) => enters.add(fn))
    const ways = inSteps && run.test.threads.length > 1 ? ['calls', 'steps'] : ['calls']
    return ways
      .map((way) => ({ run, way, enters, before: answer(run, plain, plain, way) }))
      .filter((j) => answer(run, none, plain, j.way) === j.before)
  })
  return { kconfig, plain, code: optimised(was.wasm), sleeping, out, jobs, runs: runs.length }
}

/** The image of one mutant on a side: woken, or built alone. */
async function imageOn(s, m) {
  if (!s.out.has(m)) return awake(s.sleeping, numberOf.get(m))
  const b = await built((p) => (p === m.file ? m.text : tree.read(p)), false, 'guest', s.kconfig)
  return b.ok ? t.imageOf(b.value) : null
}

/** The run of the library that tells a mutant from the original on a side; it is asked first of the next. */
async function killer(s, m) {
  const image = await imageOn(s, m)
  if (image === null) return null
  const asked = (j) => j.enters.has(m.function) && (j.way === 'calls' || stepsOf(m))
  const job = s.jobs.find((j) => asked(j) && answer(j.run, image, s.plain, j.way) !== j.before)
  if (job !== undefined) s.jobs.unshift(...s.jobs.splice(s.jobs.indexOf(job), 1))
  return job ?? null
}

const RANDOM_OPERATIONS = 30_000
const RANDOM_BOOTS = 200

/** What is tried at random: boots, direct calls of dma-direct and swiotlb, then the whole API where it is. */
function randomScenarios({ meta }) {
  const release = t.releaseOf(meta)
  const has = t.apiOfTree((p) => tree.read(p))
  const api =
    has === null
      ? []
      : t.apiScenarios([o.arch], release, { ...has, flips: false, tracksOnRequest: meta.has.trackHiwater })
  const [first, ...others] = t.scenariosFor(release, [o.arch], [], null)
  const boots = { scenario: { name: 'boots', boots: release }, build: first.build }
  return [boots, first, ...others, ...api]
}

/** Whether random operations on an image part from our model. */
function parts(image, scenario) {
  const conform = 'api' in scenario ? t.conformApi : t.conformKernel
  try {
    if ('boots' in scenario) return t.conformBoots(image.module, scenario.boots, RANDOM_BOOTS, 1) !== null
    return conform(image.module, scenario, RANDOM_OPERATIONS, 1).first !== null
  } catch {
    return true
  }
}

const profiles = new Map()
/** The scenarios in which the tree itself keeps to our model, each with its build in which the mutants sleep. */
async function scenarios(meta) {
  const all = []
  for (const { scenario, build } of randomScenarios({ meta })) {
    const { profile, kconfig } = build
    const key = JSON.stringify([profile, kconfig])
    if (!profiles.has(key))
      profiles.set(key, await asleep(profile, kconfig ?? {}, (await original(profile, kconfig)).meta))
    const s = profiles.get(key)
    if (!parts(awake(s.built, 0), scenario)) all.push({ scenario, ...s })
  }
  return all
}

/** The scenario in which random operations tell a mutant from our model: it is asked first of the next. */
function divergesIn(m, tried) {
  const found = tried.find(({ scenario, built: b, out }) => !out.has(m) && parts(awake(b, numberOf.get(m)), scenario))
  if (found !== undefined) tried.unshift(...tried.splice(tried.indexOf(found), 1))
  return found?.scenario.name ?? null
}

/** The code of an image, optimised over all of it: what clang leaves different, since it sees a unit, is equal then. */
function optimised(wasm) {
  const m = binaryen.readBinary(t.codeOf(wasm))
  m.setFeatures(binaryen.Features.All)
  binaryen.setOptimizeLevel(2)
  m.optimize()
  const code = Buffer.from(m.emitBinary())
  m.dispose()
  return code
}

/** Of what nothing noticed: the compiler refuses it, or makes the same of it on every side. */
async function unseen(m, sides) {
  let same = true
  for (const s of sides) {
    const b = await built((p) => (p === m.file ? m.text : tree.read(p)), false, 'guest', s.kconfig)
    if (!b.ok) return 'not built'
    same &&= s.code.equals(optimised(b.value.wasm))
  }
  return same ? 'same code' : 'survived'
}

/** What becomes of each mutant of one share. */
async function judge(share, told) {
  const sides = [await side({})]
  if (Object.keys(second).length > 0) sides.push(await side(second))
  for (const s of sides)
    if (s.jobs.length < s.runs)
      process.stderr.write(
        `${s.runs - s.jobs.length} of ${s.runs} runs left out: with sleeping mutants they answer otherwise\n`
      )
  let tried = null
  for (const m of share) {
    const runs = sides.flatMap((s) => s.jobs.filter((j) => j.enters.has(m.function))).length
    let job = null
    for (const s of sides) job ??= await killer(s, m)
    let [end, by] = ['killed', '']
    if (job !== null) by = `${job.run.test.name} on ${job.run.platform}${job.way === 'steps' ? ', in steps' : ''}`
    else {
      tried ??= await scenarios(sides[0].sleeping.meta)
      const scenario = divergesIn(m, tried)
      end = scenario === null ? await unseen(m, sides) : 'diverges'
      if (scenario !== null) by = `random operations (${scenario})`
    }
    told({ end, by, runs, index: numberOf.get(m) - 1 })
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

async function parent() {
  const n = Math.max(1, Math.min(Number(o.jobs) || 1, mutants.length))
  const count = { killed: 0, diverges: 0, survived: 0, 'not built': 0, 'same code': 0 }
  const survivors = []
  const of = (w) => apart.filter((m) => m.apart === w).length
  process.stdout.write(
    `${tree.version} ${o.arch}: ${mutants.length} mutants, apart: ` +
      `${t.APART.map((w) => `${of(w)} ${w}`).join(', ')}\n`
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

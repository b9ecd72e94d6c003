// `npm run bench -- [NAME ...] --against REF`: the same benchmarks on this checkout and on that of REF, in turn, and
// the ratio of each figure. The benchmarks are those of this checkout on both sides, so that both do the same work;
// one that cannot be built from REF's sources is said and left out. Times at load are noise, ratios of runs in turn
// less so: the median of the pairs is told, with the least and the greatest.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What the comparison runs when no benchmark is named: what takes seconds, not minutes. */
export const QUICK = ['check', 'pool', 'replay', 'rmm', 'xl']

const run = (command, args, more = {}) =>
  spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'], ...more })

/** A directory with REF's sources, our benchmarks and our packages; or what is wrong. */
export function checkout(root, ref) {
  const commit = run('git', ['-C', root, 'rev-parse', '--verify', '--quiet', `${ref}^{commit}`]).stdout.trim()
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return { error: `'${ref}' is no commit that git knows` }
  const dir = join(root, '.cache', 'bench', `against-${commit.slice(0, 12)}`)
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const packed = spawnSync('sh', ['-c', 'git -C "$1" archive "$2" | tar -x -C "$3"', 'sh', root, commit, dir])
  if (packed.status !== 0) return { error: `the files of ${ref} cannot be taken out: ${packed.stderr}` }
  // What bench/ itself imports from test/ comes along with it.
  for (const own of ['bench', 'test']) {
    rmSync(join(dir, own), { recursive: true, force: true })
    cpSync(join(root, own), join(dir, own), { recursive: true, filter: (f) => !/\/bench\/out(\/|$)/.test(f) })
  }
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  const trace = join(root, '.cache', 'bench')
  mkdirSync(join(dir, '.cache'), { recursive: true })
  symlinkSync(trace, join(dir, '.cache', 'bench'))
  return { dir, commit: commit.slice(0, 12) }
}

/** Figures of one run, by name; null when it failed. */
function once(dir, script, options, file) {
  rmSync(file, { force: true })
  const r = run(process.execPath, [script, ...options], { cwd: dir, env: { ...process.env, BENCH_FIGURES: file } })
  if (r.status !== 0 || !existsSync(file)) return null
  return new Map(
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((l) => {
        const f = JSON.parse(l)
        return [f.name, f]
      })
  )
}

/** How many times better the new value is than the old. */
export const ratioOf = (before, after) =>
  after.better === 'less' ? before.value / after.value : after.value / before.value

/** Median, least and greatest of each figure's ratios over pairs of runs; figures that a run lacks are left out. */
export function ratios(pairs) {
  const out = []
  for (const [name, f] of pairs[0]?.after ?? []) {
    const list = pairs
      .flatMap((p) => (p.before.has(name) && p.after.has(name) ? [ratioOf(p.before.get(name), p.after.get(name))] : []))
      .sort((a, b) => a - b)
    if (list.length < pairs.length) continue
    const middle = (list[(list.length - 1) >> 1] + list[list.length >> 1]) / 2
    out.push({ name, unit: f.unit, median: middle, least: list[0], most: list.at(-1) })
  }
  return out
}

const two = (n) => n.toFixed(2)

/**
 * Runs them and prints; answers the exit code. `bundle(dir, name)` builds a benchmark and answers its script, or
 * throws.
 */
export async function against({ root, ref, names, options, rounds, bundle, print }) {
  const other = checkout(root, ref)
  if (other.error) {
    print(`bench: ${other.error}\n`)
    return 2
  }
  const file = join(root, '.cache', 'bench', `figures-${process.pid}.jsonl`)
  let failed = 0
  print(`this checkout against ${ref} (${other.commit}): more than 1 is better here; ${rounds} pairs of runs in turn\n`)
  for (const name of names) {
    print(`\n== ${name}\n`)
    const scripts = []
    for (const dir of [other.dir, root]) {
      try {
        scripts.push({ dir, script: await bundle(dir, name) })
      } catch (e) {
        print(
          'does not build on the sources of ' +
            (dir === root ? 'this checkout' : ref) +
            `: ${String(e.message).split('\n')[0]}\n`
        )
        failed++
      }
    }
    if (scripts.length < 2) continue
    const pairs = []
    for (let i = 0; i < rounds; i++) {
      // the first of a pair is warmer for the second: they take turns
      const order = i % 2 === 0 ? [0, 1] : [1, 0]
      const got = []
      for (const k of order) got[k] = once(scripts[k].dir, scripts[k].script, options, file)
      if (got[0] === null || got[1] === null) {
        print(`failed on ${got[1] === null ? 'this checkout' : ref}, or has no figures\n`)
        failed++
        break
      }
      pairs.push({ before: got[0], after: got[1] })
    }
    if (pairs.length < rounds) continue
    for (const r of ratios(pairs)) print(`${r.name.padEnd(58)} ${two(r.median)} (${two(r.least)} to ${two(r.most)})\n`)
  }
  rmSync(file, { force: true })
  rmSync(other.dir, { recursive: true, force: true })
  return failed > 0 ? 1 : 0
}

// The peer of the cdma benchmarks: SPIN on the same model (bench/models/cdma.pml), in its two exhaustive modes.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export interface Run {
  readonly states: number
  readonly transitions: number
  readonly seconds: number
  /** Of a state. */
  readonly bytes: number
  readonly mib: number
}

/** Without partial-order reduction, and breadth first. */
export const MODES = [
  ['NOREDUCE', '-DNOREDUCE'],
  ['BFS', '-DBFS']
] as const

const dir = join(process.cwd(), '.cache/bench/spin')

/** Builds the verifiers; answers why not. */
export function buildSpin(pages: number, buffers: number): string | null {
  mkdirSync(dir, { recursive: true })
  const spin = spawnSync(
    'spin',
    [`-DP=${pages}`, `-DB=${buffers}`, '-a', join(process.cwd(), 'bench/models/cdma.pml')],
    { cwd: dir, encoding: 'utf8' }
  )
  if (spin.error || spin.status !== 0) return spin.error ? 'spin is not installed' : spin.stdout + spin.stderr
  for (const [name, flag] of MODES) {
    const cc = spawnSync('cc', ['-O2', '-DSAFETY', flag, '-o', `pan-${name}`, 'pan.c'], { cwd: dir, encoding: 'utf8' })
    if (cc.error || cc.status !== 0) return cc.error ? 'there is no C compiler' : cc.stderr
  }
  return null
}

export function spinRun(mode: string): Run {
  const r = spawnSync(join(dir, `pan-${mode}`), ['-m2500000', '-w24'], { cwd: dir, encoding: 'utf8' })
  const number = (re: RegExp): number => Number(re.exec(r.stdout)?.[1] ?? Number.NaN)
  const states = number(/(\d+) states, stored/)
  return {
    states,
    transitions: number(/(\d+) transitions/),
    seconds: number(/elapsed time ([\d.]+)/),
    bytes: (number(/([\d.]+)\tactual memory usage for states/) * 2 ** 20) / states,
    mib: number(/([\d.]+)\ttotal actual memory usage/)
  }
}

// The recipes of docs/farm.md as they stand there, on this machine: the report is that of one machine.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root } from '../_transcripts.ts'
import { missing, start } from './slurm.ts'
import { scratch } from '../scratch.ts'

const dir = scratch('farm')

/** The first block of shell in a section. */
const recipe = (title: string): string =>
  new RegExp(`^## ${title}\\n[\\s\\S]*?^\`\`\`sh\\n([\\s\\S]*?)^\`\`\``, 'm').exec(
    readFileSync(join(root, 'docs/farm.md'), 'utf8')
  )?.[1] ?? ''
let one = ''
beforeAll(() => {
  mkdirSync(join(dir, 'bin'))
  symlinkSync(join(root, 'tbit'), join(dir, 'bin/tbit'))
  one = execFileSync(join(root, 'tbit'), ['check', 'litmus/stage2', '--format', 'json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28
  })
}, 120_000)

/** Runs it in a folder that has the tests under the names that it uses. */
function run(name: string, env: Readonly<Record<string, string>>): string {
  const cwd = join(dir, name)
  mkdirSync(cwd)
  symlinkSync(join(root, 'litmus'), join(cwd, 'litmus'))
  const r = spawnSync('sh', ['-ec', recipe(name)], {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, ...env, PATH: `${join(dir, 'bin')}:${process.env['PATH']}` }
  })
  expect(r.stderr).toBe('')
  expect(r.status).toBe(0)
  return cwd
}

test('GNU parallel', (t) => {
  if (!/GNU parallel/.test(spawnSync('parallel', ['--version'], { encoding: 'utf8' }).stdout ?? ''))
    return t.skip('no GNU parallel here')
  const cwd = run('GNU parallel', { PARALLEL_HOME: join(dir, 'parallel') })
  expect(readFileSync(join(cwd, 'report.json'), 'utf8')).toBe(one)
})

test('Slurm', async (t) => {
  const absent = missing()
  if (absent !== null) return t.skip(absent)
  mkdirSync(join(dir, 'slurm'))
  const slurm = start(join(dir, 'slurm'), 26_817)
  try {
    const cwd = run('Slurm', slurm.env)
    const queued = (): string =>
      spawnSync('squeue', ['--noheader', '--format=%T'], {
        encoding: 'utf8',
        env: { ...process.env, ...slurm.env }
      }).stdout.trim()
    const until = Date.now() + 300_000
    while (queued() !== '' && Date.now() < until)
      await new Promise((r) => {
        setTimeout(r, 500)
      })
    expect(
      existsSync(join(cwd, 'shares/merge.log')) ? readFileSync(join(cwd, 'shares/merge.log'), 'utf8') : queued()
    ).toBe('')
    expect(readFileSync(join(cwd, 'report.json'), 'utf8')).toBe(one)
  } finally {
    await slurm.stop()
  }
})

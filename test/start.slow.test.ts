// A start with what an earlier start compiled (scripts/cached.cjs).
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import zlib from 'node:zlib'
import { expect, test } from 'vitest'
import { discard, newFolder } from './scratch.ts'

const root = new URL('..', import.meta.url).pathname
const cached = new URL('../scripts/cached.cjs', import.meta.url).href

test('a module that is no part of the script is imported at every start', () => {
  const dir = newFolder('start')
  try {
    const file = join(dir, 'x.cjs')
    const late = "globalThis[Symbol.for('tbit.import')]('node:os')"
    writeFileSync(file, `async function late() { console.log(typeof (await ${late}).cpus) }\nlate()\n`)
    const start = (): string =>
      execFileSync(
        process.execPath,
        ['--no-warnings', '--input-type=module', '-e', `import { run } from '${cached}'; run('${file}', 'kernel')`],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
      )
    for (let i = 0; i < 2; i++) expect([i, start()]).toEqual([i, 'function\n'])
    const kept = readdirSync(dir).filter((f) => f.endsWith('.v8'))
    expect(kept).toEqual('crc32' in zlib ? ['x.cjs.kernel.v8'] : [])
  } finally {
    discard(dir)
  }
})

test('what compiles different functions has a cache of its own: a verb, and the second word of some', async () => {
  const { partOf } = ((await import(cached)) as { default: { partOf(words: readonly string[]): string } }).default
  const parts = [['check', 'litmus'], ['kernel', 'build', '~/linux'], ['kernel', '--help'], ['../x.litmus'], []]
  expect(parts.map(partOf)).toEqual(['check', 'kernel-build', 'kernel', 'other', 'other'])
})

test('what `./tbit check` found as expected is kept, and a second run takes it from there', () => {
  const dir = newFolder('kept')
  try {
    const env = { ...process.env, TBIT_CACHE: dir }
    const check = (): string =>
      execFileSync('./tbit', ['check', 'litmus/flag-races'], { cwd: root, env, encoding: 'utf8' })
    const first = check()
    const kept = readdirSync(join(dir, 'results')).length
    expect(kept).toBe(readdirSync(join(root, 'litmus/flag-races')).filter((f) => f.endsWith('.litmus')).length)
    expect(check()).toBe(first)
    expect(readdirSync(join(dir, 'results'))).toHaveLength(kept)
  } finally {
    discard(dir)
  }
}, 60_000)

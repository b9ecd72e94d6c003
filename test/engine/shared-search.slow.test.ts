import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test as it } from 'vitest'
import { COUNTS, cdma } from '../../bench/models/cdma.ts'
import { explore } from '../../src/check/search.ts'

// Threads of one process need the trial as a script.
const dir = mkdtempSync(join(tmpdir(), 'tbit-shared-search-'))
const script = join(dir, 'cdma-workers.mjs')
beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, '../../bench/cdma-workers.ts')],
    outfile: script,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent'
  })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

type Known = (typeof COUNTS)[number]
function run(
  workers: number,
  { pages, buffers }: Known,
  seed: number
): { status: number | null; stdout: string; stderr: string } {
  const options = { once: workers, pages, buffers, seed }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
}

function found(r: ReturnType<typeof run>): unknown {
  expect(r.stderr).toBe('')
  return JSON.parse(r.stdout)
}

const [small, large] = COUNTS as unknown as [Known, Known]
for (const [c, seed] of [
  [small, 5000],
  [large, 25_000]
] as const)
  for (const workers of [1, 2, 3])
    it(`cdma ${c.pages},${c.buffers} by ${workers} workers: states, transitions and depth of one`, () => {
      const { model, options } = cdma(c)
      const { states, transitions, depth } = explore(model, options)
      expect([states, transitions]).toEqual([c.states, c.transitions])
      expect(found(run(workers, c, seed))).toMatchObject({ states, transitions, depth })
    })

it('a search that ends before the workers part is done', () => {
  expect(found(run(2, small, 1_000_000))).toMatchObject({ states: small.states, transitions: small.transitions })
})

it('a lane that is too narrow ends all workers', () => {
  const r = run(2, small, 1)
  expect(r.status).not.toBe(0)
  expect(r.stderr).toMatch(/a lane is too narrow|another worker failed/)
})

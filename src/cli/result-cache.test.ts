// Results kept by content, and results without the ways to what is as expected: each against doing it in full.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CheckResult, checkTest, pairsOf } from '../check/index.ts'
import { isTold } from '../report/check-run.ts'
import { checkText } from '../report/check-text.ts'
import { type Job, leanResult } from './check-pool.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { engineName, ResultCache } from './result-cache.ts'
import { discard, newFolder } from '../../test/scratch.ts'

const dir = newFolder('results')
const had = process.env['TBIT_CACHE']
beforeAll(() => {
  process.env['TBIT_CACHE'] = dir
})
afterAll(() => {
  if (had === undefined) delete process.env['TBIT_CACHE']
  else process.env['TBIT_CACHE'] = had
  discard(dir)
})
afterEach(() => {
  rmSync(join(dir, 'results'), { recursive: true, force: true })
})

// Tests of all kinds: as expected, not as expected, without an expectation, vacuous.
const fixtures = join(import.meta.dirname, '../../test/fixtures/litmus')
const loaded = loadTests(litmusFiles([join(libraryDirectory(), 'coherent'), fixtures]).files)
const selection = { kernels: null, platforms: null }
const jobs: Job[] = loaded.tests.flatMap((t) =>
  pairsOf(t, selection)
    .filter((_, i) => i % 9 === 0)
    .map((p) => ({ test: t, ...p }))
)
const full = jobs.map((j) => checkTest(j.test, j.kernel, j.platform))
const lean = jobs.map((j) => leanResult(j, {}))

test('a summary of many says the same without the ways to what is as expected', () => {
  expect(full.filter(isTold).length).toBeGreaterThan(1)
  expect(full.filter((r) => !isTold(r) && r.violations.length > 0).length).toBeGreaterThan(10)
  expect(lean.filter((r) => r.violations.some((v) => v.trace.length > 0)).length).toBeLessThan(
    full.filter((r) => r.violations.some((v) => v.trace.length > 0)).length
  )
  const text = (results: CheckResult[], level: -1 | 0 | 1): string =>
    checkText(
      { tests: loaded.tests, results, errors: [], texts: loaded.texts, interrupted: null },
      { width: 80, level, shape: 'many' }
    )
  for (const level of [-1, 0, 1] as const) expect(text(lean, level)).toBe(text(full, level))
})

describe('results that are kept', () => {
  const cache = (engine = 'e', about = 'a', texts = loaded.texts): ResultCache => new ResultCache(engine, about, texts)
  const fill = (): void => {
    const c = cache()
    for (const [i, j] of jobs.entries()) c.put(j, lean[i] as CheckResult)
    c.write()
  }

  test('are what a search gives; what is told one by one is not kept', () => {
    fill()
    const c = cache()
    for (const [i, j] of jobs.entries()) {
      const r = lean[i] as CheckResult
      expect(c.get(j)).toEqual(isTold(r) ? undefined : JSON.parse(JSON.stringify(r)))
    }
  })

  test('are of one engine, of one set of bounds and of one text', () => {
    fill()
    const job = jobs[lean.findIndex((r) => !isTold(r))] as Job
    expect(cache().get(job)).toBeDefined()
    expect(cache('other').get(job)).toBeUndefined()
    expect(cache('e', 'other').get(job)).toBeUndefined()
    const texts = new Map(loaded.texts).set(job.test.file, `${loaded.texts.get(job.test.file)} `)
    expect(cache('e', 'a', texts).get(job)).toBeUndefined()
  })

  test('are none when a byte is missing or another', () => {
    fill()
    const folder = join(dir, 'results')
    for (const [i, f] of readdirSync(folder).entries()) {
      const bytes = readFileSync(join(folder, f))
      const at = (i * 7919) % bytes.length
      if (i % 2 === 0) bytes[at] = (bytes[at] as number) ^ 1
      writeFileSync(join(folder, f), i % 2 === 0 ? bytes : bytes.subarray(0, at))
    }
    const c = cache()
    expect(jobs.map((j) => c.get(j)).filter((r) => r !== undefined)).toEqual([])
  })

  test('a cache that cannot be written or read is no error', () => {
    process.env['TBIT_CACHE'] = '/proc/none'
    try {
      fill()
      expect(cache().get(jobs[0] as Job)).toBeUndefined()
    } finally {
      process.env['TBIT_CACHE'] = dir
    }
  })
})

test('what is not a build that its name tells keeps nothing', () => {
  const clean = 'tbit 0.2.0 (0123456789ab), formats 1\n'
  expect(engineName('file:///x/dist/main-ABC123.cjs', '')).toBe('main-ABC123.cjs')
  expect(engineName('file:///x/dist/check-ABC123.cjs', '')).toBe('check-ABC123.cjs')
  expect(engineName('file:///x/pkg/chunk-1.mjs', clean)).toBe(clean)
  expect(engineName('file:///x/pkg/chunk-1.mjs', 'tbit 0.2.0 (0123456789ab+), formats 1\n')).toBeNull()
  expect(engineName('file:///x/pkg/chunk-1.mjs', 'tbit 0.2.0, formats 1\n')).toBeNull()
  expect(engineName('file:///x/src/cli/result-cache.ts', clean)).toBeNull()
})

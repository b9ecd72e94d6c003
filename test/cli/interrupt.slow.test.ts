// ^C prints what was found so far and exits 130; a limit ends a long search as incomplete.
import { spawn, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const large = 'test/fixtures/large/four-threads.litmus'

beforeAll(() => {
  spawnSync(join(root, 'tbit'), ['--version'])
}, 120_000)

interface Interrupted {
  results: Array<{ test: string; verdict: string; complete: boolean; states: number }>
  interrupted: { of: number }
}

/**
 * What a search that would take hours says when it is interrupted after so many milliseconds; null where a loaded
 * machine had not started it by then, and it said nothing.
 */
async function interruptedAfter(ms: number): Promise<{ code: number | null; json: Interrupted } | null> {
  const child = spawn(
    join(root, 'tbit'),
    ['check', large, 'test/fixtures/litmus/wrong-expectation.litmus', '--max-states', '100000000', '--format', 'json'],
    { cwd: root }
  )
  let out = ''
  child.stdout.on('data', (d: Buffer) => {
    out += d.toString()
  })
  const timer = setTimeout(() => {
    child.kill('SIGINT')
  }, ms)
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve)
  })
  clearTimeout(timer)
  return code === null && out === '' ? null : { code, json: JSON.parse(out) as Interrupted }
}

test('^C: what was found stands there, exit 130', async () => {
  const first = (r: Interrupted): Interrupted['results'][number] | undefined =>
    r.results.find((x) => x.test === 'four-threads')
  // how long a machine takes to find the violation is no matter
  let ms = 2000
  let ended = await interruptedAfter(ms)
  while ((ended === null || first(ended.json)?.verdict !== 'violated') && ms < 100_000) {
    if (ended !== null) expect(ended.code).toBe(130)
    ms *= 2
    ended = await interruptedAfter(ms)
  }
  expect(ended?.code).toBe(130)
  expect(ended?.json.interrupted.of).toBe(2)
  const found = ended === null ? undefined : first(ended.json)
  expect(found).toMatchObject({ verdict: 'violated', complete: false })
  expect(found?.states).toBeGreaterThan(1000)
})

test('a limit: incomplete, and not ok', () => {
  const r = spawnSync(
    join(root, 'tbit'),
    ['check', large, '--max-states', '20000', '--kernel', 'linux-6.15', '--format', 'json'],
    { cwd: root, encoding: 'utf8' }
  )
  expect(r.status).toBe(125)
  expect(JSON.parse(r.stdout)).toMatchObject({ results: [{ verdict: 'incomplete', complete: false, expected: null }] })
})

test('worker threads and this thread give the same results in the same order', () => {
  const args = ['check', 'test/fixtures/litmus', '--kernel', 'all', '--format', 'json']
  const once = spawnSync(join(root, 'tbit'), args, { cwd: root, encoding: 'utf8' })
  const again = spawnSync(join(root, 'tbit'), args, { cwd: root, encoding: 'utf8' })
  expect(again.stdout).toBe(once.stdout)
  const results = (JSON.parse(once.stdout) as { results: Array<{ test: string }> }).results
  expect(results.length).toBeGreaterThan(50)
  const one = results.filter((r) => r.test === 'free-after-accept')
  const alone = spawnSync(
    join(root, 'tbit'),
    ['check', 'test/fixtures/litmus/free-after-accept.litmus', '--kernel', 'rfc-v1,rfc-v1-05', '--format', 'json'],
    { cwd: root, encoding: 'utf8' }
  )
  const names = new Set(['rfc-v1', 'rfc-v1-05'])
  expect((JSON.parse(alone.stdout) as { results: unknown[] }).results).toEqual(
    one.filter((r) => names.has((r as unknown as { kernel: string }).kernel))
  )
})

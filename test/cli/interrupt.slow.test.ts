// ^C prints what was found so far and exits 130; a limit ends a long search as incomplete.
import { spawn, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const large = 'test/fixtures/large/four-threads.litmus'

beforeAll(() => { spawnSync(join(root, 'tbit'), ['--version']) }, 120_000)

test('^C: what was found stands there, exit 130', async () => {
  const child = spawn(join(root, 'tbit'), ['check', large, 'test/fixtures/litmus/wrong-expectation.litmus', '--max-states', '100000000', '--format', 'json'], { cwd: root })
  let out = ''
  child.stdout.on('data', (d: Buffer) => { out += d.toString() })
  const ended = new Promise<number | null>((resolve) => { child.on('close', resolve) })
  setTimeout(() => { child.kill('SIGINT') }, 4000)
  expect(await ended).toBe(130)
  const json = JSON.parse(out) as { results: Array<{ test: string; verdict: string; complete: boolean; states: number }>; interrupted: { of: number } }
  expect(json.interrupted.of).toBe(2)
  const first = json.results.find((r) => r.test === 'four-threads')
  expect(first).toMatchObject({ verdict: 'violated', complete: false })
  expect(first?.states).toBeGreaterThan(1000)
})

test('a limit: incomplete, and not ok', () => {
  const r = spawnSync(join(root, 'tbit'), ['check', large, '--max-states', '20000', '--kernel', 'linux-6.15', '--format', 'json'], { cwd: root, encoding: 'utf8' })
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
  const alone = spawnSync(join(root, 'tbit'), ['check', 'test/fixtures/litmus/free-after-accept.litmus', '--kernel', 'rfc-v1,rfc-v1-05', '--format', 'json'], { cwd: root, encoding: 'utf8' })
  const names = new Set(['rfc-v1', 'rfc-v1-05'])
  expect((JSON.parse(alone.stdout) as { results: unknown[] }).results).toEqual(one.filter((r) => names.has((r as unknown as { kernel: string }).kernel)))
})

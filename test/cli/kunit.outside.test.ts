// The kernel's own KTAP reader (tools/testing/kunit/kunit.py parse, Linux 6.12) on what we write: it reads it without
// an error and counts what we count. Needs Debian's linux-source-6.12, python3 and xz.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { discard, newFolder } from '../scratch.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const source = '/usr/src/linux-source-6.12.tar.xz'
const able = existsSync(source) && ['python3', 'xz', 'tar'].every((c) => spawnSync(c, ['--version']).status === 0)
if (!able) process.stderr.write(`skipped: kunit.py parse needs ${source}, python3 and xz\n`)

interface Group {
  readonly name: string
  readonly sub_groups: readonly Group[]
  readonly test_cases: ReadonlyArray<{ readonly name: string; readonly status: string }>
}

const cases = (g: Group): string[] => [...g.test_cases.map((c) => c.status), ...g.sub_groups.flatMap(cases)]
const count = (list: readonly string[], what: string): number => list.filter((s) => s === what).length

describe.skipIf(!able)('kunit.py parse', () => {
  let dir = ''
  let kunit = ''
  beforeAll(() => {
    dir = newFolder('kunit')
    const r = spawnSync('tar', ['-xJf', source, '-C', dir, '--wildcards', '*/tools/testing/kunit/*'])
    expect(r.status).toBe(0)
    kunit = join(dir, 'linux-source-6.12', 'tools/testing/kunit/kunit.py')
  })
  afterAll(() => {
    discard(dir)
  })

  const tbit = (args: readonly string[]): { out: string; code: number | null } => {
    const r = spawnSync(join(root, 'tbit'), ['check', ...args], { cwd: root, encoding: 'utf8', maxBuffer: 256 << 20 })
    return { out: r.stdout, code: r.status }
  }

  for (const [name, args] of [
    ['all kinds of results', ['test/fixtures/litmus', '--kernel', 'linux-6.12,linux-6.15,rfc-v1,cc-v8']],
    ['limits', ['test/fixtures/litmus/untrusted.litmus', 'test/fixtures/litmus/waits.litmus', '--max-states', '5']],
    ['the library', ['--kernel', 'linux-6.12,rfc-v1,cc-v8', '--platform', 'arm-cca']]
  ] as const) {
    test(name, () => {
      const ktap = tbit([...args, '--format', 'ktap'])
      const json = JSON.parse(tbit([...args, '--format', 'json']).out) as {
        results: Array<{ verdict: string; expected: string | null }>
        errors: Array<{ file: string }>
      }
      // A test that is skipped counts as skipped; a file that cannot be read is one failed test.
      const skipped = json.results.filter((r) => r.verdict === 'skipped').length
      const passed = json.results.filter(
        (r) => r.verdict !== 'skipped' && (r.expected === 'match' || (r.expected === null && r.verdict === 'ok'))
      ).length
      const failed = json.results.length - skipped - passed + new Set(json.errors.map((e) => e.file)).size
      expect(json.results.length).toBeGreaterThan(1)

      const parsed = spawnSync('python3', [kunit, 'parse', '--json'], {
        input: ktap.out,
        encoding: 'utf8',
        maxBuffer: 256 << 20,
        cwd: dir
      })
      expect(parsed.stdout + parsed.stderr).not.toMatch(/\[ERROR\]/)
      const totals = /Ran (\d+) tests?: (.*)/.exec(parsed.stdout)
      const number = (what: string): number => Number(new RegExp(`${what}: (\\d+)`).exec(totals?.[2] ?? '')?.[1] ?? 0)
      expect({
        ran: Number(totals?.[1]),
        passed: number('passed'),
        failed: number('failed'),
        skipped: number('skipped'),
        errors: number('errors')
      }).toEqual({ ran: passed + failed + skipped, passed, failed, skipped, errors: 0 })
      const start = parsed.stdout.indexOf('{\n')
      const all = cases(JSON.parse(parsed.stdout.slice(start, parsed.stdout.lastIndexOf('}') + 1)) as Group)
      expect({ pass: count(all, 'PASS'), fail: count(all, 'FAIL'), skip: count(all, 'SKIP') }).toEqual({
        pass: passed,
        fail: failed,
        skip: skipped
      })
      expect(ktap.code).toBe(failed > 0 ? 1 : passed === 0 ? 4 : 0)
    })
  }
})

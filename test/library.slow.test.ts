// The library is the test suite: every test on every kernel and platform it names. `run` comes to each finding by its
// schedule; `tbit check --explain` prints a test that reads back as the same one and gives the same findings.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type CheckResult, checkTest, pairsOf } from '../src/check/index.ts'
import { parse, type Test } from '../src/litmus/index.ts'
import { parsed, schedulesTried, wrong } from './_library.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const r = spawnSync(join(root, 'tbit'), ['check', '--explain', 'litmus', '--format', 'json'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 << 20
})
const explained = new Map(
  (JSON.parse(r.stdout) as { explain: Array<{ test: string; text: string }> }).explain.map((e) => [e.test, e.text])
)

/** Findings by property, site and rule; the rule of a condition names its line, which moves. */
const outcome = (c: CheckResult): string =>
  `${c.verdict} ${c.expected} ${[...c.violations, ...c.reported]
    .map((v) => `${v.property} ${v.site} ${v.decision.replace(/ line \d+$/, '')}`)
    .sort()
    .join('; ')}`

/** Whether a test's normal form gives a result's findings. */
function readBack(original: Test, file: string): (r: CheckResult) => string[] {
  const again = parse(explained.get(original.name) ?? '', file)
  expect(again.errors).toEqual([])
  const pairs = pairsOf(original)
  const last = pairs.at(-1)?.kernel
  return (r) => {
    // Every kernel on one platform, and every platform on one kernel: what differs by default differs along these.
    if (r.platform !== pairs[0]?.platform && r.kernel !== last) return []
    const c = outcome(checkTest(again.test as Test, r.kernel, r.platform, { traces: false }))
    return c === outcome(r) ? [] : [`explained: ${c}, not ${outcome(r)}`]
  }
}

test('each test has a normal form', () => {
  expect(explained.size).toBe(parsed.filter((p) => p.test).length)
})

describe('verdicts', () => {
  for (const p of parsed)
    if (p.test) {
      const original = p.test
      test(p.file, async () => {
        expect(await wrong(original, 'all', readBack(original, p.file))).toEqual([])
      })
    }
})

test('there were schedules to try', () => {
  expect(schedulesTried()).toBeGreaterThan(400)
})

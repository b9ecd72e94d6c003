// `tbit check --explain`: the normal form of every test of the library is the same test: it reads back, and gives the same findings.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkTest, pairsOf } from '../../src/check/index.ts'
import { parse, type Test } from '../../src/litmus/index.ts'
import { parsed } from '../_library.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const r = spawnSync(join(root, 'tbit'), ['check', '--explain', 'litmus', '--format', 'json'], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 })
const explained = new Map((JSON.parse(r.stdout) as { explain: Array<{ test: string; text: string }> }).explain.map((e) => [e.test, e.text]))

// Findings by property, site and rule; the rule of a condition names its line, which moves.
const outcome = (t: Test, kernel: string, platform: string): string => {
  const c = checkTest(t, kernel, platform)
  return `${c.verdict} ${c.expected} ${[...c.violations, ...c.reported].map((v) => `${v.property} ${v.site} ${v.decision.replace(/ line \d+$/, '')}`).sort().join('; ')}`
}

test('all of them', () => { expect(explained.size).toBe(parsed.filter((p) => p.test).length) })

describe('read back', () => {
  for (const p of parsed) {
    if (!p.test) continue
    const original = p.test
    test(original.name, () => {
      const again = parse(explained.get(original.name) ?? '', p.file)
      expect(again.errors).toEqual([])
      const pairs = pairsOf(original)
      // Every kernel on one platform, and every platform on one kernel: what differs by default differs along these.
      const some = pairs.filter((x) => x.platform === pairs[0]?.platform || x.kernel === pairs.at(-1)?.kernel)
      for (const { kernel, platform } of some) expect(outcome(again.test as Test, kernel, platform), `${kernel} on ${platform}`).toBe(outcome(original, kernel, platform))
    })
  }
})

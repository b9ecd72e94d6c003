// `compare` between neighbours of the list of revisions: every changed verdict has its smallest set of decisions, which
// makes the change when it is carried out by hand, and each decision's own source. A part of the library for each pair;
// together the pairs see most of it.
import { expect, test } from 'vitest'
import { checkTest, compareTest, outcome } from '../src/check/index.ts'
import {
  type Decision,
  type Decisions,
  differences,
  noMeaning,
  revisionByName,
  revisions,
  withDecisions,
  type Revision
} from '../src/kernel/index.ts'
import { platformsOf } from '../src/litmus/index.ts'
import { parsed } from './_library.ts'

const EVERY = Number(process.env['TBIT_EVERY'] ?? 40)
const tests = parsed.flatMap((p) => (p.test === undefined ? [] : [p.test]))
const pairs = revisions.slice(1).map((r, i) => [revisions[i] as Revision, r] as const)

test.each(pairs.map(([a, b], i) => [a.name, b.name, i] as const))('%s and %s', (before, after, n) => {
  const [a, b] = [revisionByName(before) as Revision, revisionByName(after) as Revision]
  const differ = differences(a, b)
  let changed = 0
  for (const t of tests.filter((_, i) => i % EVERY === n % EVERY))
    for (const platform of platformsOf(t)) {
      if (noMeaning(a, platform) !== null || noMeaning(b, platform) !== null) continue
      const c = compareTest(t, before, after, platform)
      if (!c.changed) continue
      changed++
      const where = `${t.name} on ${platform}`
      expect(c.explanation, where).not.toBeNull()
      const { causes = [], role } = c.explanation ?? {}
      expect(causes.length, where).toBeGreaterThan(0)
      for (const k of causes) expect(k.source, where).toBe(b.sources[k.decision])
      const set = Object.fromEntries(causes.map((k) => [k.decision, b[k.decision]])) as Partial<Decisions>
      if (role !== 'needed')
        expect(outcome(checkTest(t, before, platform, { revision: withDecisions(a, set, before) })), where).toBe(
          outcome(c.after)
        )
      // Of several, no single one does it.
      if (causes.length > 1)
        for (const d of differ) {
          const one = { [d]: b[d] } as Partial<Record<Decision, unknown>> as Partial<Decisions>
          expect(
            outcome(checkTest(t, before, platform, { revision: withDecisions(a, one, before) })),
            `${where}: ${d} alone`
          ).not.toBe(outcome(c.after))
        }
    }
  process.stdout.write(`${before} -> ${after}: ${changed} changed verdicts explained\n`)
})

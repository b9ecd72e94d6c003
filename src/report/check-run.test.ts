import { expect, test } from 'vitest'
import { checkTest, type CheckResult, type Verdict } from '../check/index.ts'
import { parse } from '../litmus/index.ts'
import type { PropertyName } from '../properties/index.ts'
import { checkB4 } from './check-b4.ts'
import { checkJunit } from './check-junit.ts'
import { checkKtap } from './check-ktap.ts'
import { checkMail } from './check-mail.ts'
import { type CheckRun, exitCode, standing } from './check-run.ts'
import { shownSteps, traceTable } from './check-trace.ts'
import { COVERAGE } from '../../test/coverage.ts'

const result = (verdict: Verdict, expected: CheckResult['expected'], o: Partial<CheckResult> = {}): CheckResult => ({
  file: 'a#b.litmus',
  test: 't',
  kernel: 'cc-v8',
  platform: 'arm-cca',
  verdict,
  reason: verdict === 'skipped' ? 'no <meaning> & "none"' : null,
  violations: [],
  reported: [],
  states: 7,
  transitions: 9,
  complete: verdict !== 'incomplete',
  expected,
  expectation: expected === null ? null : { kind: 'ok' },
  notes: [],
  coverage: COVERAGE,
  ...o
})
const found = (property: PropertyName, complete = true): CheckResult =>
  result('violated', null, {
    complete,
    violations: [
      {
        id: `${property}/x`,
        property,
        site: 's',
        decision: 'd',
        summary: 'because <x> & y',
        trace: [],
        initSteps: [],
        schedule: '',
        final: false
      }
    ]
  })
const run = (...results: CheckResult[]): CheckRun => ({
  tests: [{ file: 'a#b.litmus', name: 't', text: 'x', sources: [] }],
  results,
  errors: [],
  texts: new Map(),
  interrupted: null
})

test('standings: what a verdict means for who asks', () => {
  expect(
    [
      result('ok', null),
      result('ok', 'match'),
      result('ok', 'mismatch'),
      result('violated', 'match'),
      found('leak'),
      result('vacuous', null),
      result('vacuous', 'match'),
      result('incomplete', null),
      result('skipped', null)
    ].map(standing)
  ).toEqual(['pass', 'pass', 'fail', 'xfail', 'fail', 'fail', 'xfail', 'undecided', 'skip'])
})

test('exit codes: the first that applies of 2, 1, 125, 0; those of kselftest and nipa', () => {
  const error = { ...run(), errors: [{ code: 'TB-002', file: 'f', line: 0, column: 0, word: '', message: 'm' }] }
  const table: Array<[Pick<CheckRun, 'results' | 'errors'>, number, number, number]> = [
    [run(result('ok', null), result('violated', 'match')), 0, 0, 0],
    [run(result('ok', null), result('skipped', null)), 0, 0, 0],
    [run(result('skipped', null)), 0, 4, 0],
    [run(), 0, 0, 0],
    [run(result('incomplete', null), result('ok', null)), 125, 1, 250],
    [run(result('incomplete', null), found('leak')), 1, 1, 1],
    [run(found('leak', false)), 1, 1, 1],
    [run(found('refused')), 1, 1, 250],
    [run(result('ok', null, { reported: found('refused').violations })), 0, 0, 250],
    [run(result('vacuous', null)), 1, 1, 1],
    [error, 2, 1, 1]
  ]
  for (const [r, tbit, kselftest, nipa] of table)
    expect([exitCode(r, 'tbit'), exitCode(r, 'kselftest'), exitCode(r, 'nipa')]).toEqual([tbit, kselftest, nipa])
})

test('ktap: no # in a name, directives as the specification has them', () => {
  const out = checkKtap(
    run(
      result('incomplete', null),
      result('vacuous', null),
      result('vacuous', 'match'),
      result('skipped', null),
      found('leak')
    )
  )
  expect(out).toContain('    not ok 1 cc-v8 on arm-cca # TIMEOUT 7 states\n')
  expect(out).toContain('    not ok 2 cc-v8 on arm-cca # ERROR vacuous\n')
  expect(out).toContain('    ok 3 cc-v8 on arm-cca # XFAIL vacuous\n')
  expect(out).toContain('    ok 4 cc-v8 on arm-cca # SKIP no <meaning> & "none"\n')
  expect(out).toMatch(
    / {4}not ok 5 cc-v8 on arm-cca\n {2}not ok 1 t\nnot ok 1 a_b\.litmus\n# not covered: .*docs\/limits\.md\n$/
  )
})

test('junit: what XML cannot carry is escaped, the counts agree', () => {
  const out = checkJunit(run(found('leak'), result('skipped', null), result('incomplete', null), result('ok', null)))
  expect(out).toContain('<testsuites name="tbit check" tests="4" failures="1" errors="1" skipped="1">')
  expect(out).toContain('<skipped message="no &lt;meaning&gt; &amp; &quot;none&quot;"/>')
  expect(out).toContain('leak: because &lt;x&gt; &amp; y')
  expect(out.match(/<testcase /g)).toHaveLength(4)
  expect(
    checkJunit({
      ...run(),
      errors: [{ code: 'TB-200', file: 'f', line: 1, column: 1, word: '\u0001', message: 'a \u0001' }]
    })
  ).not.toContain('\u0001')
})

test('b4: pass, warn for what is not forbidden, fail for the rest', () => {
  const status = (...r: CheckResult[]): string =>
    (JSON.parse(checkB4(run(...r))) as Array<{ status: string }>).map((e) => e.status).join()
  expect(status(result('ok', 'match'), result('skipped', null))).toBe('pass')
  expect(status(result('ok', null, { reported: found('refused').violations }))).toBe('warn')
  expect(status(result('skipped', null))).toBe('warn')
  expect([
    status(found('leak')),
    status(result('incomplete', null)),
    status(result('vacuous', null)),
    status(result('violated', 'match'))
  ]).toEqual(['fail', 'fail', 'fail', 'fail'])
})

const race = parse(
  `litmus race "two threads"
platform arm-cca
device nic { tdisp }
init { b = kmalloc(64); fill(b, data) }
thread admin { tsm_lock(nic)
 tsm_accept(nic) }
thread driver { h = dma_map_single(nic, b, TO_DEVICE)
 v = dev_read(nic, h)
 dma_unmap_single(nic, h) }
`,
  'race.litmus'
).test

test('a counterexample: every statement has a line, the last step stands, the width holds', () => {
  if (race === undefined) throw new Error('the test parses')
  const r = checkTest(race, 'rfc-v1', 'arm-cca')
  expect(r.violations.length).toBeGreaterThan(0)
  for (const v of [...r.violations, ...r.reported]) {
    const all = [...v.initSteps, ...v.trace]
    const { shown, hidden } = shownSteps(v)
    expect(shown.length + hidden).toBe(all.length)
    expect(shown.at(-1)?.number).toBe(all.length)
    const statements = new Set(all.filter((s) => s.statement !== 'boot').map((s) => `${s.name} ${s.statement}`))
    expect(new Set(shown.map((s) => `${s.step.name} ${s.step.statement}`))).toEqual(statements)
    // Where a thread is interrupted inside a statement, the reader sees its last step.
    for (const [i, s] of v.trace.entries()) {
      const next = v.trace[i + 1]
      if (next && next.thread !== s.thread && s.passed.length === 0) expect(shown.some((x) => x.step === s)).toBe(true)
    }
    for (const width of [60, 78, 100, 160])
      for (const verbose of [false, true])
        for (const l of traceTable(v, { width, verbose })) expect(l.length, l).toBeLessThanOrEqual(width)
    expect(shownSteps(v, true).hidden).toBe(0)
  }
})

test('mail: the table has at most 78 columns', () => {
  if (race === undefined) throw new Error('the test parses')
  const results = ['rfc-v1', 'cc-v8', 'linux-6.12'].map((k) => checkTest(race, k, 'arm-cca'))
  const out = checkMail({
    tests: [{ file: race.file, name: race.name, text: race.text, sources: ['a source with a long name '.repeat(5)] }],
    results,
    errors: [],
    texts: new Map(),
    interrupted: null
  })
  for (const l of out.split('\n')) expect(l.length, l).toBeLessThanOrEqual(78)
  expect(out).toContain('tbit check race.litmus --kernel rfc-v1 --platform arm-cca')
  expect(out).toContain('linux-6.12 on arm-cca: skipped')
})

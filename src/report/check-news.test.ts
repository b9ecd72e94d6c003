import { expect, test } from 'vitest'
import type { CheckResult } from '../check/index.ts'
import type { PropertyName } from '../step/index.ts'
import { isRecord, newsText, recordOf } from './check-news.ts'
import type { CheckRun } from './check-run.ts'
import { COVERAGE } from '../../test/coverage.ts'

const result = (name: string, kernel: string, ...properties: PropertyName[]): CheckResult => ({
  file: `${name}.litmus`,
  test: name,
  kernel,
  platform: 'arm-cca',
  verdict: properties.length > 0 ? 'violated' : 'ok',
  reason: null,
  reported: [],
  states: 1,
  transitions: 1,
  complete: true,
  expected: null,
  expectation: null,
  notes: [],
  violations: properties.map((property) => ({
    id: property,
    property,
    site: 's',
    decision: 'd',
    summary: '',
    trace: [],
    initSteps: [],
    schedule: '',
    final: false
  })),
  coverage: COVERAGE
})
const run = (...results: CheckResult[]): CheckRun => ({
  tests: [],
  results,
  errors: [],
  texts: new Map(),
  interrupted: null
})

test('the same run is no news', () => {
  const r = run(result('a', 'cc-v8', 'leak'), result('b', 'cc-v8'))
  expect(newsText(r, recordOf(r), 80)).toEqual([])
})

test('verdicts that changed, findings and runs that came and went', () => {
  const before = recordOf(run(result('a', 'cc-v8', 'leak'), result('b', 'cc-v8'), result('gone', 'cc-v8')))
  expect(
    newsText(run(result('a', 'cc-v8'), result('b', 'cc-v8', 'fault', 'exposed'), result('fresh', 'cc-v8')), before, 120)
  ).toEqual([
    'since the last run: 2 verdicts changed, 2 findings are new, 1 finding is gone, 1 run is new, 1 run is gone',
    '  a (cc-v8 on arm-cca): violated: leak -> ok',
    '  b (cc-v8 on arm-cca): ok -> violated: fault, exposed'
  ])
  const many = run(...'abcdefgh'.split('').map((n) => result(n, 'cc-v8', 'leak')))
  expect(newsText(many, recordOf(run(...'abcdefgh'.split('').map((n) => result(n, 'cc-v8')))), 60).at(-1)).toBe(
    '  and 3 more'
  )
  for (const l of newsText(many, before, 60)) expect(l.length).toBeLessThanOrEqual(60)
})

test('what is read back is a record or nothing', () => {
  const r = recordOf(run(result('a', 'cc-v8', 'leak')))
  expect(isRecord(JSON.parse(JSON.stringify(r)))).toBe(true)
  for (const bad of [
    null,
    1,
    {},
    { format: 2, pairs: {} },
    { format: 1 },
    { format: 1, pairs: { a: 1 } },
    { format: 1, pairs: { a: null } },
    { format: 1, pairs: { a: { verdict: 'ok' } } }
  ])
    expect(isRecord(bad)).toBe(false)
})

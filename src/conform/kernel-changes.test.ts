import { expect, test } from 'vitest'
import { type CheckResult, checkTest, type Violation } from '../check/index.ts'
import { parse } from '../litmus/index.ts'
import { introducing } from './kernel-check.ts'
import { changesBetween, undecidedIn } from './kernel-changes.ts'

const { test: litmus } = parse(
  'litmus x "y"\nplatform none\nkernel linux-6.12\ndevice nic { }\nthread os {\n  p = alloc_page()\n}\n',
  'x.litmus'
)
if (!litmus) throw new Error('parse')
const plain = checkTest(litmus, 'linux-6.12', 'none', { interleave: 'calls' })

const v = (property: string, site: string, decision: string, steps = 1): Violation => ({
  id: `${property}/${site}`,
  property: property as Violation['property'],
  site,
  decision,
  summary: '',
  trace: Array(steps).fill({}) as never,
  initSteps: [],
  schedule: '',
  final: false
})
const result = (violations: Violation[], more: Partial<CheckResult> = {}): CheckResult => ({
  ...plain,
  verdict: violations.length > 0 ? 'violated' : 'ok',
  violations,
  reported: [],
  complete: true,
  ...more
})

test('a finding that comes, goes or becomes another is one entry, with the shortest counterexample of its runs', () => {
  const runs = [
    { before: result([]), after: result([v('leak', 'a', 'x', 9)]) },
    { before: result([]), after: result([v('leak', 'a', 'x', 3)], { platform: 'pkvm' }) },
    { before: result([v('exposed', 'b', 'y')]), after: result([]) },
    { before: result([v('fault', 'c', 'here')]), after: result([v('fault', 'c', 'there')]) },
    { before: result([v('crash', 'd', 'z')]), after: result([v('crash', 'd', 'z', 40)]) }
  ]
  const list = changesBetween(runs)
  expect(list.map((c) => [c.kind, c.property, c.runs.length, c.was?.decision ?? null])).toEqual([
    ['new', 'leak', 2, null],
    ['different', 'fault', 1, 'here'],
    ['fixed', 'exposed', 1, null]
  ])
  expect(list[0]?.example?.result.platform).toBe('pkvm')
})

test('one place that fails in two ways is one entry, which names both; two places are two', () => {
  const none = result([])
  const list = changesBetween([
    { before: none, after: result([v('fault', 'dev_read', 'one row', 4)]) },
    { before: none, after: result([v('fault', 'dev_read', 'another row', 2), v('fault', 'dev_write', 'one row')]) },
    { before: none, after: result([v('assert', 'os', 'line 3')]) },
    { before: none, after: result([v('assert', 'admin', 'line 5')]) }
  ])
  expect(list.map((c) => [c.property, c.runs.length, c.decision])).toEqual([
    ['assert', 2, 'line 3, line 5'],
    ['fault', 2, 'one row, another row'],
    ['fault', 1, 'one row']
  ])
  expect(list[1]?.example?.violation.decision).toBe('another row')
})

test('a question that another one replaces is not the same finding elsewhere; told where nothing else differs', () => {
  const unreached = (exists: string): Violation => v('unreached', 'exists', exists, 0)
  const other = { before: result([unreached('(!ok)'), v('fault', 'a', 'x')]), after: result([unreached('(ok)')]) }
  expect(changesBetween([other]).map((c) => [c.kind, c.property])).toEqual([['fixed', 'fault']])
  const alone = { before: result([unreached('(!ok)')]), after: result([unreached('(ok)')]) }
  expect(changesBetween([alone]).map((c) => [c.kind, c.property, c.decision])).toEqual([
    ['new', 'unreached', '(ok)'],
    ['fixed', 'unreached', '(!ok)']
  ])
})

test('beside our model a place may have another name; a property that comes or goes counts', () => {
  const run = {
    before: result([v('leak', 'dma_direct_free', 'x'), v('crash', 'a', 'y')]),
    after: result([v('leak', 'dma_free_attrs', 'x')])
  }
  expect(changesBetween([{ ...run, byModel: true }]).map((c) => [c.kind, c.property])).toEqual([['fixed', 'crash']])
  expect(changesBetween([run]).map((c) => c.kind)).toEqual(['different', 'fixed'])
})

test('a search that hit its limit vouches for what it found only', () => {
  const open = { complete: false }
  expect(changesBetween([{ before: result([], open), after: result([v('leak', 'a', 'x')]) }])).toEqual([])
  expect(changesBetween([{ before: result([v('leak', 'a', 'x')]), after: result([], open) }])).toEqual([])
  expect(
    changesBetween([{ before: result([]), after: result([v('leak', 'a', 'x')], open) }]).map((c) => c.kind)
  ).toEqual(['new'])
  expect(
    undecidedIn([
      { before: result([], open), after: result([]) },
      { before: result([]), after: result([]) }
    ])
  ).toBe(1)
})

test('a verdict that changes without a finding is said; a run that one side did not make is not', () => {
  expect(
    changesBetween([{ before: result([]), after: result([], { verdict: 'vacuous' }) }]).map((c) => [
      c.kind,
      c.decision,
      c.property
    ])
  ).toEqual([['verdict', 'ok', 'vacuous']])
  expect(
    changesBetween([{ before: result([], { verdict: 'skipped' }), after: result([v('leak', 'a', 'x')]) }])
  ).toEqual([])
  expect(
    changesBetween([{ before: result([v('leak', 'a', 'x')]), after: result([], { reported: [v('leak', 'a', 'x')] }) }])
  ).toHaveLength(1)
})

test('the release that introduces a platform', () => {
  expect(introducing('arm-cca')).toBe('linux-6.15')
  expect(introducing('amd-sev-snp')).toBe('linux-6.12')
})

import { expect, test } from 'vitest'
import { parse } from '../litmus/index.ts'
import { runJobs } from './check-pool.ts'

const one = parse('litmus one "a page"\nplatform none\nkernel linux-6.15\nthread os { p = alloc_page(); free_page(p) }\n', 'one.litmus').test

test('results stand in the order of the jobs; TB-005: a job that breaks the model does not stop the others', async () => {
  if (one === undefined) throw new Error('the test parses')
  // A kernel that no record describes: what a broken invariant looks like from outside.
  const { results, broken } = await runJobs([{ test: one, kernel: 'linux-6.15', platform: 'none' }, { test: one, kernel: 'no-such-record', platform: 'none' }, { test: one, kernel: 'cc-v8', platform: 'none' }])
  expect(results.map((r) => r?.kernel)).toEqual(['linux-6.15', undefined, 'cc-v8'])
  expect(broken).toMatchObject([{ job: { kernel: 'no-such-record' } }])
})

test('a flipped decision is checked in the place of the revision\'s own', async () => {
  if (one === undefined) throw new Error('the test parses')
  const { results, broken } = await runJobs([{ test: one, kernel: 'cc-v8', platform: 'none', flip: { decision: 'forceBounce', from: 'linux-6.15' } }, { test: one, kernel: 'cc-v8', platform: 'none', flip: { decision: 'no-such', from: 'linux-6.15' } }])
  expect(results.map((r) => r?.verdict)).toEqual(['ok', undefined])
  expect(broken).toHaveLength(1)
})

test('the decisions that a run asks for are noted', async () => {
  const mapped = parse('litmus one "a map"\nplatform arm-cca\nkernel cc-v8\ndevice nic { }\nthread os { p = alloc_page()\n h = dma_map_single(nic, p, TO_DEVICE) }\n', 'map.litmus').test
  if (one === undefined || mapped === undefined) throw new Error('the tests parse')
  const { asked } = await runJobs([{ test: one, kernel: 'cc-v8', platform: 'none', watch: true }, { test: mapped, kernel: 'cc-v8', platform: 'arm-cca', watch: true }, { test: mapped, kernel: 'cc-v8', platform: 'arm-cca' }])
  expect(asked.map((a) => a?.includes('mapPhys'))).toEqual([false, true, undefined])
})

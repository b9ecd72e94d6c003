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

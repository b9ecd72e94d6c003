import { expect, test } from 'vitest'
import { parse } from '../litmus/index.ts'
import { runJobs } from './check-pool.ts'

const one = parse(
  'litmus one "a page"\nplatform none\nkernel linux-6.15\nthread os { p = alloc_page(); free_page(p) }\n',
  'one.litmus'
).test

test(
  'results stand in the order of the jobs; TB-005: a job that breaks the model ' + 'does not stop the others',
  async () => {
    if (one === undefined) throw new Error('the test parses')
    // A kernel that no record describes: what a broken invariant looks like from outside.
    const { results, broken } = await runJobs([
      { test: one, kernel: 'linux-6.15', platform: 'none' },
      { test: one, kernel: 'no-such-record', platform: 'none' },
      { test: one, kernel: 'cc-v8', platform: 'none' }
    ])
    expect(results.map((r) => r?.kernel)).toEqual(['linux-6.15', undefined, 'cc-v8'])
    expect(broken).toMatchObject([{ job: { kernel: 'no-such-record' } }])
  }
)

test('a flipped revision is a kernel like any other', async () => {
  if (one === undefined) throw new Error('the test parses')
  const { results, broken } = await runJobs([
    { test: one, kernel: 'cc-v8 forceBounce=guest', platform: 'none' },
    { test: one, kernel: 'cc-v8 + no-such', platform: 'none' }
  ])
  expect(results.map((r) => r?.verdict)).toEqual(['ok', undefined])
  expect(broken).toHaveLength(1)
})

test('a changed verdict is explained where a job asks for it', async () => {
  const mapped = parse(
    'litmus one "a map"\nplatform pkvm\nkernel cc-v7, cc-v8\nforbid refused\ndevice nic { }\nthread os { p = ' +
      'alloc_page()\n h = dma_map_single(nic, p, TO_DEVICE) }\nexists (os.h.bounced == 1)\n',
    'map.litmus'
  ).test
  if (mapped === undefined) throw new Error('the test parses')
  const { results } = await runJobs(['cc-v7', 'cc-v8'].map((kernel) => ({ test: mapped, kernel, platform: 'pkvm' })))
  const [before, after] = results
  if (before === undefined || after === undefined) throw new Error('both ran')
  expect([before.verdict, after.verdict]).toEqual(['violated', 'ok'])
  const { explanations } = await runJobs([
    { test: mapped, kernel: 'cc-v8', platform: 'pkvm', explain: { before, after } }
  ])
  expect(explanations[0]).toMatchObject({
    role: 'both',
    smallest: true,
    causes: [{ decision: 'pkvmForces', before: 'no', after: 'yes' }]
  })
})

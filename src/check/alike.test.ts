import fc from 'fast-check'
import { expect, test as it } from 'vitest'
import { decisionNames, type Revision, revisions, withDecisions } from '../kernel/index.ts'
import { parse, type Test } from '../litmus/index.ts'
import { AlikeRuns, type CheckOptions, type CheckResult, checkTest } from './index.ts'

function testOf(text: string): Test {
  const { test, errors } = parse(`litmus t "x"\n${text}\n`, 't')
  if (test === undefined) throw new Error(errors.map((e) => e.message).join())
  return test
}

const tests = [
  'device nic { }\nthread os { p = alloc_page(); free_page(p) }',
  'device nic { accepted }\nforbid exposed\nthread os { p = alloc_page(); fill(p, data)\n' +
    ' h = dma_map_single(nic, p, TO_DEVICE); dma_unmap_single(nic, h) }\nexpect cc-* : ok\nexpect linux-* : exposed',
  'config { swiotlb 2 conversions may_fail }\ndevice nic { }\n' +
    'thread os { b = dma_alloc_coherent(nic, 4K); dma_free_coherent(nic, b) }\nexpect * : as linux-7.1',
  'device nic { tdisp }\nthread os { tsm_lock(nic); tsm_accept(nic) }\nthread host { host_stop(nic) }'
].map(testOf)

/** A revision, some of whose decisions have the value of another. */
const flipped: fc.Arbitrary<Revision> = fc
  .tuple(
    fc.constantFrom(...revisions),
    fc.constantFrom(...revisions),
    fc.subarray([...decisionNames], { maxLength: 4 })
  )
  .map(([base, other, names]) =>
    names.length === 0 ? base : withDecisions(base, Object.fromEntries(names.map((d) => [d, other[d]])), base.name)
  )

it('a result is the one of a search of its own, whatever ran before', () => {
  let searched = 0
  let all = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...tests),
      fc.array(fc.tuple(flipped, fc.constantFrom('arm-cca', 'intel-tdx', 's390-pv')), { minLength: 2, maxLength: 6 }),
      fc.record({ traces: fc.boolean(), frames: fc.boolean() }),
      (test, pairs, o) => {
        const runs = new AlikeRuns(test)
        for (const [revision, platform] of pairs) {
          const search = (with_: CheckOptions): { result: CheckResult; whole: boolean } => {
            searched++
            return { result: checkTest(test, revision.name, platform, with_), whole: true }
          }
          all++
          const options = { ...o, revision }
          expect(runs.on(revision.name, platform, options, search)).toEqual(
            checkTest(test, revision.name, platform, options)
          )
        }
      }
    ),
    { numRuns: 60 }
  )
  expect(searched).toBeLessThan(all)
})

it('what is alike is searched once, beside what is expected on each; what was stopped is not kept', () => {
  const [, test] = tests as [Test, Test]
  const of = (kernels: readonly string[], whole: boolean, serves = true): CheckResult[] => {
    const runs = new AlikeRuns(test)
    return kernels.map((kernel) =>
      runs.on(
        kernel,
        'arm-cca',
        {},
        (o) => {
          searched.push(kernel)
          return { result: checkTest(test, kernel, 'arm-cca', o), whole }
        },
        () => serves
      )
    )
  }
  let searched: string[] = []
  const results = of(['linux-7.2', 'linux-7.1', 'cc-v7', 'linux-6.18'], true)
  expect(searched).toEqual(['linux-7.2', 'cc-v7'])
  expect(results.map((r) => [r.kernel, r.expectation?.kind])).toEqual([
    ['linux-7.2', 'violated'],
    ['linux-7.1', 'violated'],
    ['cc-v7', 'ok'],
    ['linux-6.18', 'violated']
  ])
  searched = []
  of(['linux-7.2', 'linux-7.1'], false)
  of(['linux-7.2', 'linux-7.1'], true, false)
  expect(searched).toEqual(['linux-7.2', 'linux-7.1', 'linux-7.2', 'linux-7.1'])
})

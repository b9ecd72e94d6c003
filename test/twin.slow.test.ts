// The exhaustive slow twin of the search on the whole library: it follows each thread by running its functions again,
// merges nothing and shares nothing, and must find the same findings by ways of the same length, and so the same
// verdicts.
import { describe, expect, test } from 'vitest'
import { explore, type ExploreOptions, operationsOf, pairsOf, Scene, type Start } from '../src/check/index.ts'
import { type ReferenceResult, referenceExplore } from '../src/check/reference.ts'
import { noMeaning, type RefusalReason, refusals } from '../src/kernel/index.ts'
import { parse, revisionOf, type Test, vocabulary } from '../src/litmus/index.ts'
import { properties } from '../src/properties/index.ts'
import { parsed } from './_library.ts'

/** States of the slow twin that a run may have: a bound for the test's time, said where it is met. */
const MOST = 100_000
/** Above so many states one kernel a platform is enough: the search is the same for all. */
const LARGE = 10_000

interface Outcome {
  readonly findings: ReadonlyMap<string, number>
  readonly ends: number
  readonly held: readonly number[]
}

/** What the runs of the library have come to. */
const met = { properties: new Set<string>(), reasons: new Set<RefusalReason>(), operations: new Set<string>() }

const keyed = (list: ReadonlyArray<{ readonly key: string; readonly length: number }>): Map<string, number> =>
  new Map(list.map((f) => [f.key, f.length]))

function hooks(scene: Scene, o: ExploreOptions = {}): ExploreOptions {
  return {
    onState: scene.onState,
    onFinal: (st) => scene.onFinal(st),
    onDeadlock: (_st, waiting) => scene.onDeadlock(waiting),
    ...o
  }
}

function fast(t: Test, kernel: string, platform: string): [Outcome, Outcome] {
  const scene = new Scene(t, kernel, platform)
  const { observer } = scene.sys.kernel
  scene.sys.kernel.observer = {
    event: (st, e) => {
      if (e.kind === 'failed') met.reasons.add(e.reason)
      observer.event(st, e)
    }
  }
  const starts: Start[] = []
  const init = explore(scene.init, {
    onState: scene.onState,
    onFinal: (st) => {
      starts.push(scene.startFrom(st))
      return null
    }
  })
  const x = explore(scene.threads(starts), hooks(scene))
  expect(init.complete && x.complete).toBe(true)
  for (const f of [...init.findings, ...x.findings]) met.properties.add(f.finding.property)
  for (const f of scene.unreached()) met.properties.add(f.property)
  return [
    { findings: keyed(init.findings), ends: starts.length, held: [] },
    { findings: keyed(x.findings), ends: Math.sign(x.finals), held: [...scene.held].sort() }
  ]
}

/** null: more states than MOST. */
function slow(
  t: Test,
  kernel: string,
  platform: string
): { readonly outcomes: [Outcome, Outcome]; readonly states: number } | null {
  const scene = new Scene(t, kernel, platform)
  const starts: Start[] = []
  const init = referenceExplore(scene.init, {
    maxStates: MOST,
    onState: scene.onState,
    onFinal: (st) => {
      starts.push(scene.startFrom(st))
      return null
    }
  })
  const x: ReferenceResult | null =
    init === null ? null : referenceExplore(scene.threads(starts), hooks(scene, { maxStates: MOST }))
  if (init === null || x === null) return null
  return {
    outcomes: [
      { findings: init.findings, ends: starts.length, held: [] },
      { findings: x.findings, ends: Math.sign(x.finals), held: [...scene.held].sort() }
    ],
    states: init.states + x.states
  }
}

let runs = 0
const over: string[] = []
describe('the search and its slow twin agree', () => {
  for (const p of parsed) {
    const t = p.test
    if (!t) continue
    test(p.file, () => {
      const large = new Set<string>()
      for (const { kernel, platform } of pairsOf(t)) {
        if (large.has(platform) || noMeaning(revisionOf(t, kernel), platform) !== null) continue
        const want = slow(t, kernel, platform)
        if (want === null) over.push(`${p.file} ${kernel} ${platform}`)
        else {
          runs++
          if (want.states > LARGE) large.add(platform)
          for (const name of operationsOf(t)) met.operations.add(name)
          expect(fast(t, kernel, platform), `${kernel} on ${platform}`).toEqual(want.outcomes)
        }
      }
    })
  }
  test('and no run was too large for the slow one', () => {
    expect(over).toEqual([])
    expect(runs).toBeGreaterThan(4000)
  })
})

// Nothing is in a table that no run comes to. What the library, whose tests are as expected, has no scene for is here.
const others = [
  `litmus slot-state "The flag goes between the choice of the what-if pool and the look at the slot."
   platform arm-cca
   kernel cc-v8
   config { cmdline "swiotlb=force" private_pool 8 }
   device nic { tdisp accepted }
   thread os {
     p = alloc_page()
     h = dma_map_single(nic, p, TO_DEVICE)
   }
   thread admin { tsm_unlock(nic) }`,
  `litmus unreached "What cannot be."
   platform none
   kernel linux-6.12
   thread os { x = 1 }
   exists (os.x == 2)`
]
describe('everything that can be said is said by some run', () => {
  test('runs that the library has not', () => {
    for (const text of others) {
      const t = parse(text, 'inline').test as Test
      for (const { kernel, platform } of pairsOf(t))
        expect(fast(t, kernel, platform), `${t.name}: ${kernel} on ${platform}`).toEqual(
          slow(t, kernel, platform)?.outcomes
        )
    }
  })
  test('properties', () => {
    expect(properties.map((p) => p.name).filter((name) => !met.properties.has(name))).toEqual([])
  })
  test('reasons of refusals', () => {
    expect((Object.keys(refusals) as RefusalReason[]).filter((r) => !met.reasons.has(r))).toEqual([])
  })
  test('operations', () => {
    expect(vocabulary.operations.map((o) => o.name).filter((name) => !met.operations.has(name))).toEqual([])
  })
})

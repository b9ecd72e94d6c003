// Of the library, what a search of its own gives on each pair is what check/alike.ts gives: from the first pair to the
// last, and back.
import { expect, test } from 'vitest'
import { AlikeRuns, checkTest, pairsOf } from '../../src/check/index.ts'
import { parsed } from '../_library.ts'
import { turn } from '../turn.ts'

test('a result is the one of a search of its own', async () => {
  let [all, searched] = [0, 0]
  for (const [i, { test: t }] of parsed.entries()) {
    if (t === undefined || i % 4 !== 1) continue
    await turn()
    const pairs = pairsOf(t)
    const own = pairs.map((p) => checkTest(t, p.kernel, p.platform, { maxStates: 2000 }))
    for (const order of [pairs.keys(), [...pairs.keys()].reverse()]) {
      const runs = new AlikeRuns(t)
      for (const k of order) {
        const { kernel, platform } = pairs[k] as (typeof pairs)[number]
        all++
        const r = runs.on(kernel, platform, { maxStates: 2000 }, (o) => {
          searched++
          return { result: checkTest(t, kernel, platform, o), whole: true }
        })
        expect(r).toEqual(own[k])
      }
    }
  }
  expect(searched).toBeLessThan(all * 0.8)
})

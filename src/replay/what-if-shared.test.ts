// Questions that share ladders against their slow twin: each with a ladder of its own, followed to its end.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DISK, heavyOps, load, loadInPool, NET } from './_loads.ts'
import type { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { parseWhatIf, type WhatIfSpec } from './what-if-spec.ts'
import { SharedLadders, WhatIf } from './what-if.ts'

const specOf = (text: string): WhatIfSpec => {
  const r = parseWhatIf(text)
  if (!r.ok) throw new Error(r.error.message)
  return r.value
}

// Several about each load: smaller pools first and larger ones first.
const QUESTIONS = [
  'pool=512,1',
  'pool=4096,2',
  'pool=1024',
  'force pool=8192',
  'force',
  'force pool=256',
  'noforce',
  `accepted=${DISK}`,
  `accepted=${DISK} pool=2048`,
  `accepted=${DISK} kernel=linux-6.12`,
  `force accepted=${NET} pool=2048,4`,
  'accepted=all',
  'dynamic pool=512',
  'static pool=65536',
  'kernel=linux-7.3',
  'kernel=tio-v2 accepted=all'
].map(specOf)

interface Ways {
  readonly alone: readonly WhatIf[]
  readonly shared: readonly WhatIf[]
  readonly quick: readonly WhatIf[]
}

/** The trace read once, with all questions in three ways. */
function read(m: TraceMaker, knows: boolean): Ways {
  const names = new Names()
  const ask = (ladders: SharedLadders | null): WhatIf[] =>
    QUESTIONS.map((q) => new WhatIf(q, () => replay, null, null, ladders))
  const ways: Ways = {
    alone: ask(null),
    shared: ask(new SharedLadders(QUESTIONS, false)),
    quick: ask(new SharedLadders(QUESTIONS, true))
  }
  const pool = knows
    ? { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas }
    : { start: null, nslabs: null, nareas: null }
  const followers = [...ways.alone, ...ways.shared, ...ways.quick]
  const replay: Replay = new Replay(names, { pool, minAlignMask: new Map([[DISK, 4095]]), followers })
  const s = new TextScanner(replay, names, new Skips())
  s.push(new TextEncoder().encode(m.text()))
  s.end()
  replay.end()
  return ways
}

/** How many questions were answered quickly, and how many could not be. */
function agree(m: TraceMaker, knows: boolean): { quick: number; outgrown: number } {
  const { alone, shared, quick } = read(m, knows)
  const count = { quick: 0, outgrown: 0 }
  for (const [i, q] of QUESTIONS.entries()) {
    const want = alone[i]?.result(null)
    expect(shared[i]?.outgrown, q.text).toBe(false)
    expect(shared[i]?.result(null), q.text).toEqual(want)
    if (quick[i]?.outgrown === true) count.outgrown++
    else {
      count.quick++
      expect(quick[i]?.result(null), q.text).toEqual(want)
    }
  }
  return count
}

describe('questions of one pass answer as each alone', () => {
  test('loads that bounce, with failures, in pools of every size; some outgrow what a quick pass follows', () => {
    const seen = { quick: 0, outgrown: 0 }
    fc.assert(
      fc.property(...loadInPool, (o, nslabs, nareas, knows) => {
        const { quick, outgrown } = agree(load(o, { nslabs, nareas }), knows)
        seen.quick += quick
        seen.outgrown += outgrown
      }),
      { numRuns: 12 }
    )
    expect(seen.quick).toBeGreaterThan(0)
    // A pool that refuses calls is asked for again.
    const m = load(fc.sample(heavyOps, { numRuns: 1, seed: 7 })[0] ?? [], { nslabs: 512, nareas: 1 })
    expect(agree(m, true).outgrown).toBeGreaterThan(0)
  })

  test('memory that grows', () => {
    fc.assert(
      fc.property(heavyOps, (o) => {
        agree(load(o, { nslabs: 512, nareas: 1, growsAfter: 20_000 }), true)
      }),
      { numRuns: 4 }
    )
  })

  test('nothing bounces, and what is asked is to force it', () => {
    fc.assert(
      fc.property(heavyOps, fc.boolean(), (o, knows) => {
        agree(load(o, { force: false, bounces: false, nslabs: 512, nareas: 1 }), knows)
      }),
      { numRuns: 4 }
    )
  })
})

// A question asked of the stored log against its slow twin: the same question asked while the trace is read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Trace } from '../kernel/trace-events.ts'
import { DISK, heavyOps, load, loadInPool, NET } from './_loads.ts'
import { TraceMaker } from './_trace-maker.ts'
import { BounceLog, Questions } from './bounce-log.ts'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { parseWhatIf, type WhatIfSpec } from './what-if-spec.ts'
import { WhatIf } from './what-if.ts'

const specOf = (text: string): WhatIfSpec => {
  const r = parseWhatIf(text)
  if (!r.ok) throw new Error(r.error.message)
  return r.value
}

/** The trace read once with the log and all questions beside it. */
function read(
  text: string,
  m: TraceMaker,
  questions: readonly WhatIfSpec[],
  knows: boolean
): { replay: Replay; log: BounceLog; beside: readonly WhatIf[] } {
  const names = new Names()
  const log: BounceLog = new BounceLog(() => replay)
  const beside = questions.map((q) => new WhatIf(q, () => replay))
  const pool = knows
    ? { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas }
    : { start: null, nslabs: null, nareas: null }
  const replay: Replay = new Replay(names, { pool, minAlignMask: new Map([[DISK, 4095]]), followers: [log, ...beside] })
  const s = new TextScanner(replay, names, new Skips())
  s.push(new TextEncoder().encode(text))
  s.end()
  replay.end()
  return { replay, log, beside }
}

const QUESTIONS = [
  'pool=512,1',
  'pool=4096,2',
  'pool=1024',
  'force',
  'noforce',
  `accepted=${DISK}`,
  `force accepted=${NET} pool=2048,4`,
  'accepted=all',
  'dynamic pool=512',
  'static',
  'kernel=linux-7.3',
  'kernel=tio-v2 accepted=all'
].map(specOf)

function agree(text: string, m: TraceMaker, knows: boolean, prepared = false): void {
  const { replay, log, beside } = read(text, m, QUESTIONS, knows)
  const stored = new Questions(log, replay)
  if (prepared)
    for (const _ of stored.preparing(specOf('static'))) {
      /* to its end */
    }
  for (const [i, q] of QUESTIONS.entries()) expect(stored.ask(q, null).result, q.text).toEqual(beside[i]?.result(null))
  // In another order, with what was kept from the first time.
  for (const [i, q] of [...QUESTIONS.entries()].reverse())
    expect(stored.ask(q, null).result, q.text).toEqual(beside[i]?.result(null))
}

describe('the stored log answers as the replay does', () => {
  test('loads that bounce, with failures, in pools of every size', () => {
    fc.assert(
      fc.property(...loadInPool, (o, nslabs, nareas, knows) => {
        const m = load(o, { nslabs, nareas })
        agree(m.text(), m, knows, nareas === 2)
      }),
      { numRuns: 5 }
    )
  })

  test('memory that grows', () => {
    fc.assert(
      fc.property(heavyOps, (o) => {
        const m = load(o, { nslabs: 512, nareas: 1, growsAfter: 20_000 })
        agree(m.text(), m, true)
      }),
      { numRuns: 3 }
    )
  })

  test(
    'nothing bounces, and what is asked is to force it; syncs, long lists, a clock that ' +
      'steps back, a pause of days',
    () => {
      const m = new TraceMaker({ force: false, bounces: false })
      const made = []
      for (let i = 0; i < 200; i++) {
        if (i === 70) m.time += 3 * 86400e9
        if (i === 90) m.time -= 5e6
        made.push(
          m.direct(i % 3 === 0 ? NET : DISK, i & 1, 0x140000000 + i * 0x5000, i % 7 === 0 ? 300_000 : 1500, i % 3)
        )
        if (i % 5 === 0)
          m.log(Trace.sync, { device: DISK, dir: 2, dma_addr: 0x140000000 + i * 0x5000, size: 1500, attrs: 0 }, 0)
        if (i % 4 === 3) {
          const x = made.shift()
          if (x) m.unmap(x, 0)
        }
      }
      const many = Array.from({ length: 120 }, (_, i) => 0x180000000 + i * 0x2000)
      m.log(
        Trace.mapSg,
        {
          device: DISK,
          dir: 1,
          nents: many.length,
          ents: many.length,
          dma_addrs: many,
          sizes: many.map(() => 4096),
          phys_addrs: many,
          attrs: 0
        },
        1
      )
      agree(m.text(), m, false)
      agree(m.text(), m, true)
    }
  )
})

test('24 bytes an operation; a recording with more than are kept says so, and keeps nothing', () => {
  const m = load([...(fc.sample(heavyOps, { numRuns: 1, seed: 4 })[0] ?? [])], { nslabs: 4096, nareas: 2 })
  const { log } = read(m.text(), m, [], true)
  expect(log.length).toBeGreaterThan(50)
  expect(log.bytes).toBe(Math.ceil(log.length / 32768) * 32768 * 24)
  const small = new BounceLog(() => ({}) as Replay, 16)
  small.synced({ id: 0, name: DISK, minAlignMask: 0, forced: 0, patience: 0 }, 8, true, true)
  expect(small.full).toBe(true)
  expect(small.bytes).toBe(0)
})

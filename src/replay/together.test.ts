// Events that are simulated together tell what they tell one at a time (the slow twin), whatever the load: calls that
// fail, events that are lost, calls of several CPUs that interleave, memory that grows, aliases, questions.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DISK, heavyOps, load, ops } from './_loads.ts'
import type { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import type { SimulatedEvent } from './simulate.ts'
import { Sizing } from './sizing.ts'
import { Skips } from './skips.ts'
import { parseWhatIf } from './what-if-spec.ts'
import { WhatIf } from './what-if.ts'

interface Told {
  readonly pool: boolean
  readonly questions: readonly string[]
  readonly recorded: boolean
  /** What the header says, told when half of the text is read. */
  readonly header: 'overwritten' | 'four CPUs' | null
}

/** All that a replay of these lines knows at its end, and what it told a recorder. */
function replayed(m: TraceMaker, text: Uint8Array, told: Told, together: number): object {
  const names = new Names()
  const events: SimulatedEvent[] = []
  const followers: (Sizing | WhatIf)[] = []
  const r: Replay = new Replay(names, {
    pool: told.pool
      ? { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas }
      : { start: null, nslabs: null, nareas: null },
    minAlignMask: new Map(told.pool ? [[DISK, 4095]] : []),
    followers,
    together,
    fitCost: true,
    ...(told.recorded ? { recorder: (e: SimulatedEvent) => events.push({ ...e }) } : {})
  })
  if (told.questions.length > 0) followers.push(new Sizing(() => r))
  for (const q of told.questions) {
    const spec = parseWhatIf(q)
    if (!spec.ok) throw new Error(spec.error.message)
    followers.push(new WhatIf(spec.value, () => r))
  }
  const s = new TextScanner(r, names, new Skips())
  s.push(text.subarray(0, text.length >> 1))
  if (told.header === 'overwritten') r.headerOverwrites()
  if (told.header === 'four CPUs') r.headerCpus(4)
  s.push(text.subarray(text.length >> 1))
  s.end()
  r.end()
  return {
    events,
    counts: { ...r.counts },
    devices: r.devices.map((d) => ({ ...d, mask: d.minAlignMask, source: d.maskSource })),
    tracks: r.timeline.tracks(),
    sizes: r.occupancy.sizes,
    usage: r.sim?.usage,
    places: r.sim?.places,
    transients: r.sim?.transientsMade,
    alias: r.addresses.aliasBit,
    misses: r.misses,
    losses: { ...r.losses },
    hiwater: r.simulation.hiwaterWithPrior,
    live: r.live.size,
    answers: followers.map((f) => (f instanceof WhatIf ? f.result(null) : f.needed()))
  }
}

const QUESTIONS = ['pool=512', 'pool=4096,2', `accepted=${DISK}`, 'kernel=linux-6.12']

// A sample of debugfs at the time of a line.
const sampled = (line: string, nslabs: number): string =>
  line.replace(/: \w+: .*/, `: tracing_mark_write: swiotlb_sample used=9 hiwater=99 nslabs=${nslabs}`)

/** Some lines are lost (with or without a word), others change places, as those of CPUs that run beside each other. */
function torn(lines: readonly string[], lost: readonly number[], moved: readonly number[], word: boolean): Uint8Array {
  const all = [...lines]
  for (const k of moved) {
    const i = k % Math.max(1, all.length - 1)
    const [a, b] = [all[i] as string, all[i + 1] as string]
    if (a.startsWith('#') || b.startsWith('#')) continue
    all[i] = b
    all[i + 1] = a
  }
  for (const k of lost.slice(1)) {
    const i = k % all.length
    if (!all[i]?.startsWith('#')) all.splice(i, 1, ...(word ? ['CPU:0 [LOST 3 EVENTS]'] : []))
  }
  for (const k of lost.slice(0, 1))
    all.splice(k % all.length, 0, sampled(all[k % all.length] as string, 512 << (k % 4)))
  return new TextEncoder().encode(`${all.join('\n')}\n`)
}

const places = fc.array(fc.nat({ max: 1e6 }), { maxLength: 6 })
const maker = fc.record({
  nslabs: fc.constantFrom(512, 1024, 4096),
  nareas: fc.constantFrom(1, 2),
  poolAlias: fc.constantFrom(0, 0, 2 ** 47),
  growsAfter: fc.constantFrom(null, null, 20_000, 2_000_000),
  force: fc.boolean()
})
const told = fc.record({
  pool: fc.boolean(),
  questions: fc.subarray(QUESTIONS),
  recorded: fc.boolean(),
  header: fc.constantFrom('overwritten', 'four CPUs', null)
} as const)

test('events that are simulated together tell what they tell one at a time', () => {
  fc.assert(
    fc.property(
      fc.oneof(ops, heavyOps),
      maker,
      told,
      places,
      places,
      fc.boolean(),
      fc.constantFrom(3, 16, 256),
      (o, options, what, lost, moved, word, together) => {
        const m = load(o, options)
        const text = torn(m.text().trimEnd().split('\n'), lost, moved, word)
        expect(replayed(m, text, what, together)).toEqual(replayed(m, text, what, 1))
      }
    ),
    { numRuns: 60 }
  )
})

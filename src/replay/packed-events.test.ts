import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plain } from './_plain-event.ts'
import { Trace, type TraceKind } from '../kernel/trace-events.ts'
import { Has, Names, TraceEvent } from './event.ts'
import { BLOCK_BYTES, PackedEvents } from './packed-events.ts'

const number = fc.oneof(fc.nat(), fc.double({ min: 0, max: 2 ** 64, noNaN: true }))
const list = fc.array(fc.double({ min: 0, max: 2 ** 52, noNaN: true }), { maxLength: 400 })
const event = fc
  .record({
    kind: fc.constantFrom(...Object.values(Trace).filter((k) => k !== Trace.mark)),
    has: fc.nat({ max: 1023 }).map((h) => h & ~(Has.dmaList | Has.sizeList | Has.physList)),
    time: number,
    cpu: fc.nat({ max: 65535 }),
    pid: fc.nat({ max: 2 ** 31 - 1 }),
    irq: fc.nat({ max: 4 }),
    dev: fc.nat({ max: 2 }),
    dir: fc.nat({ max: 3 }),
    attrs: number,
    dma: number,
    phys: number,
    size: number,
    mask: number,
    force: fc.boolean(),
    truncated: fc.boolean(),
    nents: fc.nat({ max: 9999 }),
    ents: fc.nat({ max: 9999 }),
    line: fc.nat(),
    lists: fc.option(fc.tuple(list, list, list), { freq: 1 })
  })
  .map(({ lists, ...fields }) => {
    const ev = Object.assign(new TraceEvent(), fields)
    if (lists === null) return Object.assign(ev, fields.line % 2 === 0 ? { nents: 0, ents: 0 } : {})
    const [dmas, sizes, physs] = lists.map((l) => new Float64Array(Math.max(1024, l.length)).map((_, i) => l[i] ?? 0))
    const [ndma, nsize, nphys] = lists.map((l) => l.length)
    return Object.assign(ev, { dmas, sizes, physs, ndma, nsize, nphys, has: ev.has | Has.dmaList | Has.physList })
  })

const names = new Names()
for (const n of ['a', 'b', 'c']) names.id(n)
const told = (ev: TraceEvent): unknown => [ev.line, ev.dev, plain(ev, names)]

test('events come out as they went in, in as many blocks as they take', () => {
  const memory = new ArrayBuffer(8 + BLOCK_BYTES)
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ arbitrary: event, weight: 20 }, fc.constant(null)), { maxLength: 700 }),
      (events) => {
        const block = new PackedEvents(memory, 8)
        const out: unknown[] = []
        const empty = (): void => {
          new PackedEvents(memory, 8).tell(block.size, { event: (ev) => out.push(told(ev)) }, () => out.push('beside'))
          block.clear()
        }
        for (const ev of events) {
          if (ev !== null) expect(PackedEvents.packs(ev)).toBe(true)
          if (!(ev === null ? block.addBeside() : block.add(ev))) {
            expect(block.size).toBeGreaterThan(0)
            empty()
            expect(ev === null ? block.addBeside() : block.add(ev)).toBe(true)
          }
        }
        empty()
        expect(out).toEqual(events.map((ev) => (ev === null ? 'beside' : told(ev))))
      }
    ),
    { numRuns: 60 }
  )
})

test('what is no numbers, or too many of them, is told beside', () => {
  const packs = (fields: Partial<TraceEvent>): boolean =>
    PackedEvents.packs(Object.assign(new TraceEvent(), { kind: Trace.map as TraceKind }, fields))
  expect(packs({})).toBe(true)
  expect(packs({ kind: Trace.mark, text: 'phase' })).toBe(false)
  expect(packs({ count: 3 })).toBe(false)
  expect(packs({ failed: true })).toBe(false)
  expect(packs({ cpu: 65535, dir: 255 })).toBe(true)
  expect(packs({ cpu: 65536 })).toBe(false)
  expect(packs({ dir: 256 })).toBe(false)
  expect(packs({ pid: 9_999_999_999 })).toBe(false)
  expect(packs({ line: 2 ** 31 })).toBe(false)
  expect(packs({ nents: 2 ** 31 })).toBe(false)
  expect(packs({ ndma: 2048, nsize: 2048, nphys: 2048 })).toBe(true)
  expect(packs({ ndma: 2048, nsize: 2048, nphys: 2049 })).toBe(false)
})

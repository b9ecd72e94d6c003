import { expect, test } from 'vitest'
import { TraceEvent } from '../replay/index.ts'
import { RING_BYTES, RingFiller, RingTaker } from './trace-ring.ts'

const numbered = (line: number): TraceEvent => Object.assign(new TraceEvent(), { line })

/** Takes all blocks that are full; the lines of the events in them, 0 for what is told beside. */
function taken(taker: RingTaker): number[] {
  const lines: number[] = []
  for (let full = taker.next(); full !== null; full = taker.next()) {
    full.block.tell(full.events, { event: (ev) => lines.push(ev.line) }, () => lines.push(0))
    taker.took()
  }
  return lines
}

test('blocks are passed on when they are full, round after round, and what is left at the end', () => {
  const memory = new SharedArrayBuffer(RING_BYTES)
  const filler = new RingFiller(memory, () => {})
  const taker = new RingTaker(memory)
  const all: number[] = []
  for (let round = 0; round < 9; round++) {
    for (let i = 1; i <= 1000; i++) {
      filler.add(numbered(round * 1000 + i))
      if (i === 500) filler.addBeside()
    }
    all.push(...taken(taker))
  }
  expect(all.length).toBeGreaterThan(8000)
  filler.pass()
  all.push(...taken(taker))
  const expected = Array.from({ length: 9 }, (_, r) =>
    Array.from({ length: 1000 }, (_, i) => (i === 499 ? [r * 1000 + 500, 0] : [r * 1000 + i + 1]))
  ).flat(2)
  expect(all).toEqual(expected)
})

test('who sleeps is woken once, and does not sleep beside a block that is full', () => {
  const memory = new SharedArrayBuffer(RING_BYTES)
  let woken = 0
  const filler = new RingFiller(memory, () => woken++)
  const taker = new RingTaker(memory)
  expect(taker.sleeps()).toBe(true)
  filler.add(numbered(1))
  filler.pass()
  filler.add(numbered(2))
  filler.pass()
  expect(woken).toBe(1)
  expect(taker.sleeps()).toBe(false)
  expect(taken(taker)).toEqual([1, 2])
  taker.stop()
  expect(filler.stopped).toBe(true)
  filler.progress(3 * 2 ** 20 + 5, 2 ** 40)
  expect([taker.done, taker.total]).toEqual([3 * 2 ** 20, 2 ** 40])
})

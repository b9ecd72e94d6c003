// The ring against its slow twin: a record a waiting event.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Trace } from '../kernel/trace-events.ts'
import { TraceEvent } from './event.ts'
import { EventWindow } from './window.ts'

const many = fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(255, 256, 257, 1000, 5000, 9000))

test('what waits stays what it was, however the ring grows, and when it has rested', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(many, many), { minLength: 1, maxLength: 12 }), (steps) => {
      const w = new EventWindow()
      const ev = new TraceEvent()
      const twin = new Map<number, readonly [number, number, number, number]>()
      let n = 0
      const look = (id: number): void => {
        const at = w.at(id)
        expect([w.kind[at], w.time[at], w.phys[at], w.chain[at]]).toEqual(twin.get(id))
      }
      for (const [come, go] of steps) {
        for (let i = 0; i < come; i++) {
          n++
          ev.kind = n % 3 === 0 ? Trace.map : Trace.bounced
          ev.time = n * 1.5
          ev.phys = 2 ** 40 + n
          const id = w.push(ev)
          w.chain[w.at(id)] = n
          twin.set(id, [ev.kind, ev.time, ev.phys, n])
        }
        for (let id = w.head; id < w.tail; id += Math.max(1, (w.tail - w.head) >> 5)) look(id)
        for (let i = 0; i < go && w.head < w.tail; i++) {
          if (i % 50 === 0) look(w.head)
          w.head++
        }
        if (w.head === w.tail) w.rest()
      }
    }),
    { numRuns: 30 }
  )
})

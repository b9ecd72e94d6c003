import fc from 'fast-check'
import { expect, test as it } from 'vitest'
import { COUNTS, cdma } from '../../bench/models/cdma.ts'
import { KNOWN, xlModel } from '../../bench/models/xl.ts'
import { sameAsReference, shape } from '../../test/engine/random-model.ts'
import { explore } from './search.ts'

for (const set of ['xl', 'xxl']) {
  it(`${set}: the least states, and no more than by hand`, () => {
    const r = explore(xlModel(set).model)
    expect(r.states).toBe(KNOWN[set]?.least)
    expect(r.states).toBeLessThanOrEqual(KNOWN[set]?.hand ?? 0)
  })
}

for (const c of COUNTS) {
  it(`cdma with ${c.pages} pages and ${c.buffers} buffers has the counts of its Promela twin`, () => {
    const { model, options } = cdma(c)
    const r = explore(model, options)
    expect([r.states, r.transitions, r.findings.length]).toEqual([c.states, c.transitions, 0])
    if (c.states > 1_000_000) expect(r.bytesPerState).toBeLessThanOrEqual(48)
  })
}

it('the search is its slow twin on many more random models', () => {
  fc.assert(
    fc.property(shape, fc.constantFrom('steps' as const, 'calls' as const), (s, interleave) =>
      sameAsReference(s, interleave, 3000)
    ),
    { numRuns: 1500 }
  )
})

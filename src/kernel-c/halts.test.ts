import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Blobs } from './blobs.ts'
import { Halts, type Met } from './halts.ts'
import type { Frozen, Request } from './stepping.ts'

const NOTHING: Met = {
  kept: [],
  taken: [],
  held: [],
  conversionFailed: false,
  bounceAsked: false,
  full: false,
  unsupported: false,
  noPages: false,
  asked: false,
  gives: -1,
  released: false,
  seenClear: false
}

// few values of everything, so that equal calls come up
const few = fc.constantFrom(0, 1, 2, 256)
const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ kind: fc.constant('point' as const), at: few, writes: fc.boolean() }),
  fc.record({ kind: fc.constant('lock' as const), lock: few, name: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('alloc_pages' as const), order: few, zone: few }),
  fc.record({ kind: fc.constant('free_pages' as const), phys: few, order: few }),
  fc.record({ kind: fc.constant('set_memory' as const), decrypted: fc.boolean(), phys: few, numpages: few }),
  fc.record({ kind: fc.constant('copy' as const), dst: few, src: few, len: few }),
  fc.record({ kind: fc.constant('iommu_map' as const), dev: few, iova: few, phys: few, size: few }),
  fc.record({ kind: fc.constant('iommu_unmap' as const), dev: few, iova: few, size: few }),
  fc.record({
    kind: fc.constant('fill' as const),
    dst: few,
    len: few,
    alias: fc.constantFrom('private' as const, 'shared' as const, null)
  })
)
const bytes = fc.constantFrom([0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [], [7, 7, 7, 7, 7, 7, 7, 7])
/** As stepping.ts does it: from a memory in which it lies somewhere. */
const blobs = new Blobs()
function blob(list: readonly number[], at: number): ReturnType<Blobs['take']> {
  const memory = new Uint8Array(64).fill(9)
  memory.set(list, at * 4)
  return blobs.take(new Int32Array(memory.buffer), at * 4, at * 4 + list.length)
}
const places = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9))
const frozen: fc.Arbitrary<Frozen> = fc
  .tuple(request, few, bytes, bytes, bytes, places)
  .map(([r, sp, stack, context, buffer, [i, j, k]]) => ({
    request: r,
    where: '',
    sp: BigInt(sp),
    stack: blob(stack, i),
    context: blob(context, j),
    buffer: blob(buffer, k)
  }))
const pairs = fc.array(fc.tuple(few, few), { maxLength: 2 })
const met: fc.Arbitrary<Met> = fc.record({
  kept: pairs,
  taken: pairs,
  held: fc.array(few, { maxLength: 2 }),
  conversionFailed: fc.boolean(),
  bounceAsked: fc.boolean(),
  full: fc.boolean(),
  unsupported: fc.boolean(),
  noPages: fc.boolean(),
  asked: fc.boolean(),
  gives: few,
  released: fc.boolean(),
  seenClear: fc.boolean()
})

/** The slow twin: everything that is kept, as text. */
const twin = (f: Frozen, m: Met): string =>
  JSON.stringify(
    [f.request, Number(f.sp), m, [...f.stack.bytes], [...f.context.bytes], [...f.buffer.bytes]],
    (_, v: unknown) =>
      // in one order of names
      v !== null && typeof v === 'object' && !Array.isArray(v)
        ? Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))
        : v
  )

test('two calls that have stopped have one number exactly if everything that is kept of them is equal', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(frozen, met), { minLength: 2, maxLength: 60 }), (list) => {
      const halts = new Halts()
      const texts = new Map<string, number>()
      for (const [f, m] of list) {
        const id = halts.stopped(f, m)
        const had = texts.get(twin(f, m))
        if (had === undefined) expect([...texts.values()]).not.toContain(id)
        else expect(id).toBe(had)
        texts.set(twin(f, m), id)
        expect(halts.at(id)?.frozen?.request).toEqual(f.request)
      }
    }),
    { numRuns: 60 }
  )
})

test('a call that has ended is another than any that has stopped, and equal results are one', () => {
  const halts = new Halts()
  const a = halts.ended(5, NOTHING)
  expect(halts.ended(5, NOTHING)).toBe(a)
  expect(halts.ended(6, NOTHING)).not.toBe(a)
  expect(halts.at(a)).toMatchObject({ frozen: null, result: 5 })
})

// The work of `conform kernel` in pieces: whoever does which of them, the result is that of one loop over all programs.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conformPieces, type Divergence, type Piece, type PieceResult, piecesOf, PROGRAM } from './kernel.ts'

const found = (seed: number): Divergence => ({
  scenario: 'x',
  seed,
  drawn: 7,
  program: [],
  operation: '',
  what: '',
  model: '',
  kernel: ''
})

// A kernel whose programs of these seeds diverge at their eighth operation, as conformKernel goes through them.
const run =
  (bad: ReadonlySet<number>) =>
  (p: Piece): PieceResult => {
    const scenario = { name: `s${p.scenario}`, kernel: 'k', platform: 'p' }
    let [operations, programs] = [0, 0]
    while (operations < p.operations) {
      const seed = p.seed + programs++
      if (bad.has(seed * 10 + p.scenario))
        return { version: 'v', scenario, operations: operations + 8, programs, first: found(seed) }
      operations += Math.min(PROGRAM, p.operations - operations)
    }
    return { version: 'v', scenario, operations, programs, first: null }
  }

test('pieces of any size of work, done in any shares, are the whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400_000 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.uniqueArray(fc.record({ at: fc.nat({ max: 250 }), scenario: fc.nat({ max: 3 }) }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 5 }),
      async (ops, seed, slips, of) => {
        const answer = run(new Set(slips.map((s) => (seed + s.at) * 10 + s.scenario)))
        const pieces = piecesOf(4, ops, seed)
        expect(pieces.flat().reduce((n, p) => n + p.operations, 0)).toBe(ops)
        // the slow twin: each scenario in one go
        const whole = pieces.flatMap((list) =>
          list[0] === undefined ? [] : [answer({ ...list[0], operations: list.reduce((n, p) => n + p.operations, 0) })]
        )
        const kept = new Map<Piece, PieceResult>()
        for (let share = 0; share < of; share++)
          await conformPieces('t', pieces, async (p) => {
            if (pieces.flat().indexOf(p) % of !== share) return undefined
            kept.set(p, answer(p))
            return kept.get(p)
          })
        const joined = await conformPieces('t', pieces, async (p) => kept.get(p))
        expect(joined.scenarios).toEqual(
          whole.map((r) => ({
            ...r.scenario,
            operations: r.operations,
            programs: r.programs,
            diverged: r.first === null ? 0 : 1
          }))
        )
        expect(joined.operations).toBe(whole.reduce((n, r) => n + r.operations, 0))
        expect(joined.first).toEqual(whole.find((r) => r.first !== null)?.first ?? null)
      }
    ),
    { numRuns: 60 }
  )
})

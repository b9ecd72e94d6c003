// Each target for some inputs of fixed seeds. `npm run fuzz` goes on from there for as long as one likes.
import { expect, test } from 'vitest'
import { type Target, targets } from './targets.ts'

// Inputs that take about a second.
const INPUTS: Readonly<Record<string, number>> = {
  litmus: 1500,
  scan: 1500,
  replay: 600,
  'trace.dat': 600,
  logs: 600,
  lines: 3000,
  costs: 20_000,
  patches: 10_000,
  packed: 500,
  trees: 400,
  differential: 40,
  workers: 10
}

test.each(Object.keys(targets))('%s', async (name) => {
  const target = targets[name] as Target
  for (let seed = 1; seed <= (INPUTS[name] ?? 500); seed++) {
    try {
      await target(seed)
    } catch (e) {
      throw new Error(
        `npm run fuzz -- ${name} --seed ${seed} --inputs 1: ${e instanceof Error ? e.message : String(e)}`
      )
    }
  }
  expect(INPUTS[name]).toBeGreaterThan(0)
})

// What a benchmark measured, beside what it prints: with BENCH_FIGURES=FILE one line of JSON a figure, so that two runs
// can be compared (scripts/bench-against.mjs). The unit says which way is better.
import { appendFileSync } from 'node:fs'

/** Units of which less is better; of all others (a rate) more is. */
const LESS = ['ms', 's', 'us a pair', 'B/state', 'MiB'] as const
export type Unit = (typeof LESS)[number] | 'MB/s' | 'states/s' | 'transitions/s' | `M ${string}/s` | 'k/s' | 'plans/s'

export function figure(name: string, value: number, unit: Unit): void {
  const file = process.env['BENCH_FIGURES']
  if (file === undefined) return
  const less = (LESS as readonly string[]).includes(unit)
  appendFileSync(file, `${JSON.stringify({ name, value, unit, better: less ? 'less' : 'more' })}\n`)
}

/**
 * How often a property is tried: a quarter of `n` in the set that one runs on each change, all of it in `npm test` and
 * CI (TBIT_WHOLE, set by scripts/test.mjs). The seeds differ from run to run, so the quarters add up.
 */
export const runs = (n: number): number => (process.env['TBIT_WHOLE'] === undefined ? Math.ceil(n / 4) : n)

/**
 * Of a list of cases every fourth in the set that one runs on each change, from one by chance on; all of them in
 * `npm test` and CI.
 */
export function some<T>(cases: readonly T[]): T[] {
  if (process.env['TBIT_WHOLE'] !== undefined) return [...cases]
  const first = Math.floor(Math.random() * Math.min(4, cases.length))
  return cases.filter((_, i) => i % 4 === first)
}

// What commands cost, in relative units: 1 is an SMC round trip from the host to the RMM. A reconstruction from what the code does
// (reference arm-cca.md section 10, certainty "inference"); nobody measured these on silicon. `--costs FILE` replaces any of them.
import { type Diagnostic, err, ok, own, type Result, unknownWord } from '../base/index.ts'
import type { Tally } from './tally.ts'

/** Lower and upper bound, in units. */
export type Range = readonly [low: number, high: number]

export interface CostTable {
  readonly costs: Readonly<Record<string, Range>>
  /** Name of the unit, for reports. */
  readonly unit: string
  /** Nanoseconds a unit takes, when the user says so. */
  readonly unitNs: number | null
  readonly replaced: readonly string[]
}

interface Row { readonly cost: Range; readonly why: string }
const row = (low: number, high: number, why: string): Row => ({ cost: [low, high], why })

/** Commands by ABI name; other keys are work inside commands. A command that is not here costs its round trip, 1. */
export const defaultCosts: Readonly<Record<string, Row>> = {
  GRANULE_DELEGATE: row(2, 3, 'EL3 writes the GPT, TLBI by PA, cache to PoPA'),
  GRANULE_UNDELEGATE: row(3, 4, 'the same, and zeroes 4K'),
  RTT_CREATE: row(1.5, 1.5, 'writes 512 entries'),
  RTT_FOLD: row(2, 3, 'reads 512 entries, TLBI of 512 pages'),
  RTT_READ_ENTRY: row(1, 1, 'walk'),
  RTT_MAP_UNPROTECTED: row(1, 1, 'walk'),
  RTT_UNMAP_UNPROTECTED: row(1.5, 1.5, 'TLBI'),
  DATA_CREATE_UNKNOWN: row(1.5, 1.5, 'zeroes 4K'),
  DATA_CREATE: row(6, 10, 'measured: hashes 4K and 256 B'),
  DATA_DESTROY: row(1.5, 1.5, 'TLBI'),
  RTT_INIT_RIPAS: row(1, 1, 'round trip'),
  'measured RIPAS entry': row(0.5, 0.5, 'hashes 256 B each'),
  RTT_SET_RIPAS: row(1, 1, 'round trip'),
  TLBI: row(1, 1, 'a valid entry unfolded, an entry made EMPTY'),
  REC_ENTER: row(3, 5, 'REC exit and entry'),
  // 2.0: no figure exists for a range. Round trip plus the part of the 1.x command that is not its round trip, per granule.
  GRANULE_RANGE_DELEGATE: row(1, 1, 'round trip'),
  GRANULE_RANGE_UNDELEGATE: row(1, 1, 'round trip'),
  'delegated granule': row(1, 2, 'GRANULE_DELEGATE without its round trip'),
  'undelegated granule': row(2, 3, 'GRANULE_UNDELEGATE without its round trip'),
  RTT_DATA_MAP: row(1, 1, 'round trip'),
  'mapped granule': row(0.5, 0.5, 'DATA_CREATE_UNKNOWN without its round trip'),
  RTT_DATA_MAP_INIT: row(6, 10, 'as DATA_CREATE'),
  RTT_DATA_UNMAP: row(1.5, 1.5, 'as DATA_DESTROY'),
  RTT_UNPROT_MAP: row(1, 1, 'as RTT_MAP_UNPROTECTED'),
  RTT_UNPROT_UNMAP: row(1.5, 1.5, 'as RTT_UNMAP_UNPROTECTED'),
  // Only their round trip is known.
  REALM_CREATE: row(1, 1, 'round trip'),
  REALM_ACTIVATE: row(1, 1, 'round trip'),
  REC_CREATE: row(1, 1, 'round trip')
}

export const defaultTable: CostTable = {
  costs: Object.fromEntries(Object.entries(defaultCosts).map(([k, r]) => [k, r.cost])), unit: 'SMC round trip', unitNs: null, replaced: []
}

/** Keys that a cost file may have beside its costs. */
const BESIDE = ['unit', 'unit_ns', 'format', 'note', 'source']

/** Reads a cost file: `{"costs": {"RTT_FOLD": 2.5, "REC_ENTER": [3, 5]}, "unit": "...", "unit_ns": 1500}`; only what it names is replaced. */
export function parseCosts(file: string, text: string): Result<CostTable, Diagnostic> {
  const bad = (word: string, message: string, hint?: string): Result<never, Diagnostic> => err({ code: 'TB-509', file, line: 0, column: 0, word, message, ...(hint === undefined ? {} : { hint }) })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (e) {
    return bad('', `not JSON: ${(e as Error).message}`, 'a cost file is {"costs": {"RTT_FOLD": 2.5, "REC_ENTER": [3, 5]}, "unit_ns": 1500}')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return bad('', 'not a JSON object')
  const top = json as Record<string, unknown>
  const inside = top['costs']
  if (inside !== undefined && (typeof inside !== 'object' || inside === null || Array.isArray(inside))) return bad('costs', 'costs is no JSON object', '{"costs": {"RTT_FOLD": 2.5}}')
  const given = (inside ?? top) as Record<string, unknown>
  const odd = inside === undefined ? undefined : Object.keys(top).find((k) => k !== 'costs' && !BESIDE.includes(k))
  if (odd !== undefined) return err(unknownWord({ code: 'TB-509', file, line: 0, column: 0, word: odd, message: `unknown key '${odd}' beside costs`, expected: BESIDE }, BESIDE))
  if (top['unit'] !== undefined && typeof top['unit'] !== 'string') return bad('unit', `unit is ${JSON.stringify(top['unit'])}: the name of the unit is needed`)
  const costs: Record<string, Range> = { ...defaultTable.costs }
  const replaced: string[] = []
  for (const [k, v] of Object.entries(given)) {
    if (given === top && BESIDE.includes(k)) continue
    if (!Object.hasOwn(defaultCosts, k)) return err(unknownWord({ code: 'TB-509', file, line: 0, column: 0, word: k, message: `'${k}' is no command with a cost`, expected: Object.keys(defaultCosts) }, Object.keys(defaultCosts)))
    const range = typeof v === 'number' ? [v, v] : v
    if (!Array.isArray(range) || range.length !== 2 || range.some((x) => typeof x !== 'number' || !Number.isFinite(x) || x < 0) || (range[0] as number) > (range[1] as number)) {
      return bad(k, `the cost of ${k} is ${JSON.stringify(v)}: a number of units not below 0 is needed, or [low, high]`)
    }
    costs[k] = [range[0] as number, range[1] as number]
    replaced.push(k)
  }
  const ns = top['unit_ns']
  if (ns !== undefined && (typeof ns !== 'number' || !(ns > 0))) return bad('unit_ns', `unit_ns is ${JSON.stringify(ns)}: nanoseconds a unit takes, above 0`)
  return ok({ costs, unit: typeof top['unit'] === 'string' ? top['unit'] : defaultTable.unit, unitNs: typeof ns === 'number' ? ns : null, replaced })
}

export interface Cost { readonly low: number; readonly mid: number; readonly high: number }

/** Units a tally costs. */
export function costOf(t: Tally, table: CostTable): Cost {
  let low = 0
  let high = 0
  const add = (range: Range, n: number): void => { low += range[0] * n; high += range[1] * n }
  for (const [k, n] of t.commands) add(own(table.costs, k) ?? [1, 1], n)
  for (const [k, n] of t.work) add(own(table.costs, k) ?? [0, 0], n)
  return { low, mid: (low + high) / 2, high }
}

// What commands cost, in relative units: 1 is an SMC round trip from the host to the RMM. A reconstruction from what
// the code does (reference arm-cca.md section 10, certainty "inference"); nobody measured these on silicon. `--costs
// FILE` replaces any of them.
import { type Diagnostic, err, ok, own, PAGE_SIZE, type Result, unknownWord } from '../base/index.ts'
import type { Tally } from './tally.ts'

/** Lower and upper bound, in units. */
export type Range = readonly [low: number, high: number]

/** What time goes into. Everything but hashing, which is one chain, can be done by several CPUs at a time. */
export const kinds = ['calls', 'protection', 'zeroing', 'tables', 'hashing', 'entries'] as const
export type Kind = (typeof kinds)[number]
type Parts = Partial<Readonly<Record<Kind, Range>>>

export interface CostTable {
  readonly costs: Readonly<Record<string, Range>>
  /** Name of the unit, for reports. */
  readonly unit: string
  /** Nanoseconds a unit takes, when the user says so. */
  readonly unitNs: Range | null
  /** GB/s at which one CPU zeroes memory, when the user says so; else the rows decide. */
  readonly zeroGbs: Range | null
  /** GB/s of the whole machine's memory, when the user says so. */
  readonly machineGbs: number | null
  readonly replaced: readonly string[]
}

/** Nanoseconds of an SMC round trip where the user says nothing: an inference of the reference, not a measurement. */
export const UNIT_NS: Range = [1000, 2000]

interface Row {
  readonly cost: Range
  readonly parts: Parts
  readonly why: string
}
const sum = (p: Parts): Range => Object.values(p).reduce<Range>((a, r) => [a[0] + r[0], a[1] + r[1]], [0, 0])
const row = (parts: Parts, why: string): Row => ({ cost: sum(parts), parts, why })
const one: Range = [1, 1]
const call = (parts: Parts, why: string): Row => row({ calls: one, ...parts }, why)
const ROUND = 'round trip'

/** Commands by ABI name; other keys are work inside commands. A command that is not here costs its round trip, 1. */
export const defaultCosts: Readonly<Record<string, Row>> = {
  GRANULE_DELEGATE: call({ protection: [1, 2] }, 'EL3 writes the GPT, TLBI by PA, cache to PoPA'),
  GRANULE_UNDELEGATE: call({ protection: [1, 2], zeroing: one }, 'the same, and zeroes 4K'),
  RTT_CREATE: call({ tables: [0.5, 0.5] }, 'writes 512 entries'),
  RTT_FOLD: call({ tables: [1, 2] }, 'reads 512 entries, TLBI of 512 pages'),
  RTT_READ_ENTRY: call({}, 'walk'),
  RTT_MAP_UNPROTECTED: call({}, 'walk'),
  RTT_UNMAP_UNPROTECTED: call({ tables: [0.5, 0.5] }, 'TLBI'),
  DATA_CREATE_UNKNOWN: call({ zeroing: [0.5, 0.5] }, 'zeroes 4K'),
  DATA_CREATE: call({ hashing: [5, 9] }, 'measured: hashes 4K and 256 B'),
  DATA_DESTROY: call({ tables: [0.5, 0.5] }, 'TLBI'),
  RTT_INIT_RIPAS: call({}, ROUND),
  'measured RIPAS entry': row({ hashing: [0.5, 0.5] }, 'hashes 256 B each'),
  RTT_SET_RIPAS: call({}, ROUND),
  TLBI: row({ tables: one }, 'a valid entry unfolded, an entry made EMPTY'),
  REC_ENTER: row({ entries: [3, 5] }, 'REC exit and entry'),
  // 2.0: no figure exists for a range. Round trip plus the part of the 1.x command that is not its round trip, per
  // granule.
  GRANULE_RANGE_DELEGATE: call({}, ROUND),
  GRANULE_RANGE_UNDELEGATE: call({}, ROUND),
  'delegated granule': row({ protection: [1, 2] }, 'GRANULE_DELEGATE without its round trip'),
  'undelegated granule': row({ protection: [1, 2], zeroing: one }, 'GRANULE_UNDELEGATE without its round trip'),
  RTT_DATA_MAP: call({}, ROUND),
  'mapped granule': row({ zeroing: [0.5, 0.5] }, 'DATA_CREATE_UNKNOWN without its round trip'),
  RTT_DATA_MAP_INIT: call({ hashing: [5, 9] }, 'as DATA_CREATE'),
  RTT_DATA_UNMAP: call({ tables: [0.5, 0.5] }, 'as DATA_DESTROY'),
  RTT_UNPROT_MAP: call({}, 'as RTT_MAP_UNPROTECTED'),
  RTT_UNPROT_UNMAP: call({ tables: [0.5, 0.5] }, 'as RTT_UNMAP_UNPROTECTED'),
  // Only their round trip is known.
  REALM_CREATE: call({}, ROUND),
  REALM_ACTIVATE: call({}, ROUND),
  REC_CREATE: call({}, ROUND),
  OP_MEM_DONATE: call({}, ROUND),
  OP_CONTINUE: call({}, ROUND)
}

export const defaultTable: CostTable = {
  costs: Object.fromEntries(Object.entries(defaultCosts).map(([k, r]) => [k, r.cost])),
  unit: 'SMC round trip',
  unitNs: null,
  zeroGbs: null,
  machineGbs: null,
  replaced: []
}

/** Keys that a cost file may have beside its costs. */
const BESIDE = ['unit', 'unit_ns', 'zero_gb_s', 'machine_gb_s', 'format', 'note', 'source']
const EXAMPLE =
  'a cost file is {"costs": {"RTT_FOLD": 2.5, "REC_ENTER": [3, 5]}, "unit_ns": [1000, 2000], "zero_gb_s": 8}'

const range = (v: unknown): Range | null => {
  const r = typeof v === 'number' ? [v, v] : v
  if (
    !Array.isArray(r) ||
    r.length !== 2 ||
    r.some((x) => typeof x !== 'number' || !Number.isFinite(x) || x < 0) ||
    (r[0] as number) > (r[1] as number)
  )
    return null
  return [r[0] as number, r[1] as number]
}

/** Reads a cost file; only what it names is replaced. */
export function parseCosts(file: string, text: string): Result<CostTable, Diagnostic> {
  const bad = (word: string, message: string, hint?: string): Result<never, Diagnostic> =>
    err({ code: 'TB-509', file, line: 0, column: 0, word, message, ...(hint === undefined ? {} : { hint }) })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (e) {
    return bad('', `not JSON: ${(e as Error).message}`, EXAMPLE)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return bad('', 'not a JSON object')
  const top = json as Record<string, unknown>
  const inside = top['costs']
  if (inside !== undefined && (typeof inside !== 'object' || inside === null || Array.isArray(inside)))
    return bad('costs', 'costs is no JSON object', '{"costs": {"RTT_FOLD": 2.5}}')
  const given = (inside ?? top) as Record<string, unknown>
  const odd = inside === undefined ? undefined : Object.keys(top).find((k) => k !== 'costs' && !BESIDE.includes(k))
  if (odd !== undefined)
    return err(
      unknownWord(
        {
          code: 'TB-509',
          file,
          line: 0,
          column: 0,
          word: odd,
          message: `unknown key '${odd}' beside costs`,
          expected: BESIDE
        },
        BESIDE
      )
    )
  if (top['unit'] !== undefined && typeof top['unit'] !== 'string')
    return bad('unit', `unit is ${JSON.stringify(top['unit'])}: the name of the unit is needed`)
  const costs: Record<string, Range> = { ...defaultTable.costs }
  const replaced: string[] = []
  for (const [k, v] of Object.entries(given)) {
    if (given === top && BESIDE.includes(k)) continue
    if (!Object.hasOwn(defaultCosts, k))
      return err(
        unknownWord(
          {
            code: 'TB-509',
            file,
            line: 0,
            column: 0,
            word: k,
            message: `'${k}' is no command with a cost`,
            expected: Object.keys(defaultCosts)
          },
          Object.keys(defaultCosts)
        )
      )
    const r = range(v)
    if (r === null)
      return bad(k, `the cost of ${k} is ${JSON.stringify(v)}: a number of units not below 0 is needed, or [low, high]`)
    costs[k] = r
    replaced.push(k)
  }
  const above0 = (key: string, what: string): Result<Range | null, Diagnostic> => {
    const said = own(top, key)
    if (said === undefined) return ok(null)
    const r = range(said)
    return r === null || r[0] <= 0
      ? bad(key, `${key} is ${JSON.stringify(said)}: ${what}, above 0, or [low, high]`)
      : ok(r)
  }
  const unitNs = above0('unit_ns', 'nanoseconds a unit takes')
  const zeroGbs = above0('zero_gb_s', 'GB/s at which one CPU zeroes memory')
  const machine = above0('machine_gb_s', "GB/s of the machine's memory")
  for (const r of [unitNs, zeroGbs, machine]) if (!r.ok) return r
  const value = (r: Result<Range | null, Diagnostic>): Range | null => (r.ok ? r.value : null)
  return ok({
    costs,
    unit: typeof top['unit'] === 'string' ? top['unit'] : defaultTable.unit,
    unitNs: value(unitNs),
    zeroGbs: value(zeroGbs),
    machineGbs: value(machine)?.[0] ?? null,
    replaced
  })
}

export interface Cost {
  readonly low: number
  readonly mid: number
  readonly high: number
}

/** Units a tally costs. */
export function costOf(t: Tally, table: CostTable): Cost {
  let low = 0
  let high = 0
  const add = (r: Range, n: number): void => {
    low += r[0] * n
    high += r[1] * n
  }
  for (const [k, n] of t.commands) add(own(table.costs, k) ?? [1, 1], n)
  for (const [k, n] of t.work) add(own(table.costs, k) ?? [0, 0], n)
  return { low, mid: (low + high) / 2, high }
}

/** Parts of a row's cost; where the user replaced it, its round trip stays and the rest is shared out as before. */
function partsOf(key: string, table: CostTable): Parts {
  const known = own(defaultCosts, key)
  const cost = own(table.costs, key) ?? [1, 1]
  if (known === undefined) return { calls: cost }
  if (!table.replaced.includes(key)) return known.parts
  const calls: Range = known.parts.calls === undefined ? [0, 0] : [Math.min(1, cost[0]), Math.min(1, cost[1])]
  const rest = Object.entries(known.parts).filter(([k]) => k !== 'calls') as Array<[Kind, Range]>
  const total = rest.reduce((a, [, r]) => a + r[0] + r[1], 0)
  const left: Range = [cost[0] - calls[0], cost[1] - calls[1]]
  if (total === 0) return { calls: cost }
  const out: Record<string, Range> = calls[1] > 0 ? { calls } : {}
  for (const [k, r] of rest) out[k] = [(left[0] * (r[0] + r[1])) / total, (left[1] * (r[0] + r[1])) / total]
  return out
}

/** Units by kind. */
export function unitsByKind(t: Tally, table: CostTable): Record<Kind, Range> {
  const out: Record<Kind, Range> = {
    calls: [0, 0],
    protection: [0, 0],
    zeroing: [0, 0],
    tables: [0, 0],
    hashing: [0, 0],
    entries: [0, 0]
  }
  const add = (key: string, n: number): void => {
    for (const [k, r] of Object.entries(partsOf(key, table)) as Array<[Kind, Range]>)
      out[k] = [out[k][0] + r[0] * n, out[k][1] + r[1] * n]
  }
  for (const [k, n] of t.commands) add(k, n)
  for (const [k, n] of t.work) if (Object.hasOwn(defaultCosts, k)) add(k, n)
  return out
}

/** Granules of a tally that change hands, and that are zeroed. */
export interface GranuleWork {
  readonly protection: number
  readonly zeroed: number
}

export function granuleWork(t: Tally): GranuleWork {
  const c = (k: string): number => t.commands.get(k) ?? 0
  const w = (k: string): number => t.work.get(k) ?? 0
  const undelegated = c('GRANULE_UNDELEGATE') + w('undelegated granule')
  return {
    protection: c('GRANULE_DELEGATE') + w('delegated granule') + undelegated,
    zeroed: c('DATA_CREATE_UNKNOWN') + w('mapped granule') + undelegated
  }
}

/** Nanoseconds by kind when `cpus` host CPUs share the work, and their sum. Hashing is one chain and is not shared. */
export function timeOf(
  t: Tally,
  table: CostTable,
  cpus: number
): { readonly kinds: Record<Kind, Range>; readonly total: Range } {
  const ns = table.unitNs ?? UNIT_NS
  const units = unitsByKind(t, table)
  const by = {} as Record<Kind, Range>
  for (const k of kinds) {
    const n = k === 'hashing' ? 1 : cpus
    by[k] = [(units[k][0] * ns[0]) / n, (units[k][1] * ns[1]) / n]
  }
  const bytes = granuleWork(t).zeroed * PAGE_SIZE
  const z = table.zeroGbs
  if (z !== null)
    by.zeroing = [zeroNs(bytes, z[1], cpus, table.machineGbs), zeroNs(bytes, z[0], cpus, table.machineGbs)]
  else if (table.machineGbs !== null) {
    const least = bytes / table.machineGbs
    by.zeroing = [Math.max(by.zeroing[0], least), Math.max(by.zeroing[1], least)]
  }
  return { kinds: by, total: kinds.reduce<Range>((a, k) => [a[0] + by[k][0], a[1] + by[k][1]], [0, 0]) }
}

/** Nanoseconds to zero `bytes`: GB/s are bytes a nanosecond. */
const zeroNs = (bytes: number, gbs: number, cpus: number, machine: number | null): number =>
  bytes / Math.min(gbs * cpus, machine ?? Number.POSITIVE_INFINITY)

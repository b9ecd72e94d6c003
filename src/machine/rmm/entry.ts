// RTT entries and tables. An entry is a kind and, where it has one, an output address; the kind's byte also holds the
// one permission bit that matters to folding: an entry that was mapped as device memory stays execute-never afterwards.
// Source: reference arm-cca.md section 3 (table "Entry kinds") and the note on RTT_FOLD in section 4.
import { ENTRIES } from './geometry.ts'
import { Hipas, Ripas } from './codes.ts'

export const Kind = {
  UNASSIGNED_EMPTY: 0,
  UNASSIGNED_RAM: 1,
  UNASSIGNED_DESTROYED: 2,
  ASSIGNED_EMPTY: 3,
  ASSIGNED_RAM: 4,
  ASSIGNED_DESTROYED: 5,
  ASSIGNED_DEV_EMPTY: 6,
  ASSIGNED_DEV_DESTROYED: 7,
  ASSIGNED_DEV_DEV: 8,
  UNASSIGNED_NS: 9,
  ASSIGNED_NS: 10,
  TABLE: 11
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

export const kindNames = [
  'unassigned_empty',
  'unassigned_ram',
  'unassigned_destroyed',
  'assigned_empty',
  'assigned_ram',
  'assigned_destroyed',
  'assigned_dev_empty',
  'assigned_dev_destroyed',
  'assigned_dev_dev',
  'unassigned_ns',
  'assigned_ns',
  'table'
] as const

/** Execute-never, left behind by a device mapping: part of what FOLD compares. */
export const XN = 0x10
/**
 * RMI 2.0: an operation that has yielded still owes this entry work (zeroing, TLB invalidation, cache maintenance);
 * others wait or fail.
 */
export const DRAIN = 0x20
export const KIND_MASK = 0x0f

interface KindFacts {
  readonly hipas: number
  readonly ripas: number
  /** The hardware can translate through it. */
  readonly valid: boolean
  /** It holds an output address: counts for the `top` that destroy and unmap commands return. */
  readonly hasPa: boolean
  /** It counts in the reference count of its table (a TABLE does too, by its own rule). */
  readonly counted: boolean
}

const row = (hipas: number, ripas: number, valid: boolean, hasPa: boolean, counted: boolean): KindFacts => ({
  hipas,
  ripas,
  valid,
  hasPa,
  counted
})
const T = true
const F = false

/** Indexed by Kind. */
export const kindFacts: readonly KindFacts[] = [
  /* unassigned_empty       */ row(Hipas.UNASSIGNED, Ripas.EMPTY, F, F, F),
  /* unassigned_ram         */ row(Hipas.UNASSIGNED, Ripas.RAM, F, F, F),
  /* unassigned_destroyed   */ row(Hipas.UNASSIGNED, Ripas.DESTROYED, F, F, F),
  /* assigned_empty         */ row(Hipas.ASSIGNED, Ripas.EMPTY, F, T, T),
  /* assigned_ram           */ row(Hipas.ASSIGNED, Ripas.RAM, T, T, T),
  /* assigned_destroyed     */ row(Hipas.ASSIGNED, Ripas.DESTROYED, F, T, T),
  /* assigned_dev_empty     */ row(Hipas.ASSIGNED_DEV, Ripas.EMPTY, F, T, T),
  /* assigned_dev_destroyed */ row(Hipas.ASSIGNED_DEV, Ripas.DESTROYED, F, T, T),
  /* assigned_dev_dev       */ row(Hipas.ASSIGNED_DEV, Ripas.DEV, T, T, T),
  /* unassigned_ns          */ row(Hipas.UNASSIGNED, Ripas.EMPTY, F, F, F),
  /* assigned_ns            */ row(Hipas.ASSIGNED, Ripas.EMPTY, T, T, F),
  /* table                  */ row(Hipas.TABLE, Ripas.EMPTY, T, T, T)
]

const HAS_PA = Uint8Array.from(kindFacts, (f) => (f.hasPa ? 1 : 0))
const COUNTED = Uint8Array.from(kindFacts, (f) => (f.counted ? 1 : 0))

export const hasPa = (entry: number): boolean => HAS_PA[entry & KIND_MASK] === 1
export const isCounted = (entry: number): boolean => COUNTED[entry & KIND_MASK] === 1
export const kindOf = (entry: number): Kind => (entry & KIND_MASK) as Kind
export const isUnassignedProtected = (entry: number): boolean => (entry & KIND_MASK) <= Kind.UNASSIGNED_DESTROYED
export const isDevice = (entry: number): boolean => {
  const k = entry & KIND_MASK
  return k >= Kind.ASSIGNED_DEV_EMPTY && k <= Kind.ASSIGNED_DEV_DEV
}

/** One 512-entry table: a root granule or the target of a TABLE entry. */
export interface Table {
  /** The granule that backs it. */
  readonly granule: number
  readonly level: number
  /** Kind and XN of each entry. */
  readonly kind: Uint8Array
  /** Output address (NS entries: with the host's attributes in the low bits); null until an entry has one. */
  pa: Float64Array | null
  /** Next-level tables behind TABLE entries; null until there is one. */
  child: Array<Table | undefined> | null
  /** Assigned protected entries plus child tables (section 3, "refcount liveness"). */
  refcount: number
}

export function newTable(granule: number, level: number, entry: number): Table {
  const kind = new Uint8Array(ENTRIES)
  if (entry !== 0) kind.fill(entry)
  return { granule, level, kind, pa: null, child: null, refcount: 0 }
}

/** The address array of a table that is about to hold an address. */
export const paOf = (t: Table): Float64Array => (t.pa ??= new Float64Array(ENTRIES))

export function copyTable(t: Table): Table {
  return {
    granule: t.granule,
    level: t.level,
    kind: t.kind.slice(),
    pa: t.pa === null ? null : t.pa.slice(),
    child: t.child === null ? null : t.child.map((c) => (c === undefined ? undefined : copyTable(c))),
    refcount: t.refcount
  }
}

/** Calls `f` for a table and all tables below it. */
export function eachTable(t: Table, f: (t: Table) => void): void {
  f(t)
  if (t.child !== null) for (const c of t.child) if (c !== undefined) eachTable(c, f)
}

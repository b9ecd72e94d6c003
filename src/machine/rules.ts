// The shape of a platform's access rules: one row for each line of its table, so that a reader can hold the two side by
// side.
import type { MachineConfig } from './config.ts'

/**
 * What stands behind an address when a device asks. `priv`: private, accepted, populated. `unas`: private range with
 * nothing behind it. `shr`: shared page that the host has mapped. `shr_unmapped`: shared range without a mapping.
 * `shr_realm`: a shared mapping that the host pointed at a protected granule. `pmmio`: TEE range of a device in RUN;
 * `pmmio_empty`: of one that nobody has accepted, so that no trusted table has it; `pmmio_down`: of one that has left
 * RUN; `smmio`: a NON_TEE range.
 */
export type PageClass =
  | 'priv'
  | 'unas'
  | 'shr'
  | 'shr_unmapped'
  | 'shr_realm'
  | 'pmmio'
  | 'pmmio_empty'
  | 'pmmio_down'
  | 'smmio'

/**
 * `ok`; `cipher`, `ones`: the read returns this and nothing is reported; `drop`: the write is lost; `fault:NAME`:
 * aborted and reported.
 */
export type Outcome = 'ok' | 'cipher' | 'ones' | 'drop' | 'poison' | `fault:${string}`

export interface Row {
  /** Stable name of the row: part of a finding's identity. */
  readonly id: string
  readonly t: 0 | 1
  /** The alias of the request: P private, S shared; `any`. On SNP the attribute the IOMMU uses: C=1 is P, C=0 is S. */
  readonly alias: 'P' | 'S' | 'any'
  readonly page: PageClass
  readonly read: Outcome
  readonly write: Outcome
  /** H: code or on-list by an implementer, or observed; M: architecture knowledge; L: reconstruction. */
  readonly cert: 'H' | 'M' | 'L'
  readonly source: string
  readonly note?: string
  /** The row holds only under this setting of a named switch. */
  readonly when?: (c: MachineConfig) => boolean
  readonly switch?: string
}

/** The row that decides a request, or null when the table has none (the request then faults as unmapped). */
export function lookup(
  rows: readonly Row[],
  c: MachineConfig,
  t: 0 | 1,
  alias: 'P' | 'S',
  page: PageClass
): Row | null {
  for (const r of rows)
    if (r.t === t && (r.alias === 'any' || r.alias === alias) && r.page === page && (r.when === undefined || r.when(c)))
      return r
  return null
}

// A platform is a table: who may be accepted, how one page has two addresses, how memory is converted, what a request meets.
import type { MachineConfig } from './config.ts'
import type { Row } from './rules.ts'

export interface Platform {
  readonly name: string
  readonly title: string
  /** A confidential guest: its memory is private until it shares it, and the host is an adversary. */
  readonly guest: boolean
  /** Devices can be accepted (T=1). */
  readonly tdisp: boolean
  /** How set_memory_* works: see kernel/set-memory.ts. */
  readonly conversion: 'rsi' | 'psc' | 'mapgpa' | 'hypercall' | 'ultravisor' | 'pte' | 'none'
  /** The CPU's page tables choose the alias, so that a wrong one is a fault or garbage. */
  readonly cpuAlias: boolean
  /** The shared bit of an address as an addend; 0: the platform has none. */
  readonly sharedBit: (c: MachineConfig) => number
  /** The encryption bit (C-bit) as an addend; 0: none. */
  readonly encBit: number
  /** Guest CPU touching the shared alias of a private page. */
  readonly cpuSharedAliasOfPrivate: 'fault' | 'cipher'
  /** What a host read of a private page answers. */
  readonly hostReadPrivate: (c: MachineConfig) => 'fault' | 'cipher' | 'ones' | 'poison' | 'ok'
  readonly architecture: 'arm64' | 'x86' | 's390'
  readonly rows: readonly Row[]
  /** Words that name the switches in force for this platform, for reports. */
  readonly switches: ReadonlyArray<keyof MachineConfig>
}

// A platform is a table: who may be accepted, how one page has two addresses, how memory is converted, what a request
// meets, and what the guest kernel's architecture code knows of it. A file of platforms/ is one platform.
import type { MachineConfig } from './config.ts'
import type { Row } from './rules.ts'

/**
 * A fact of the guest's kernel: always so, never so, or as a decision of its revision has it
 * (kernel/revisions/decisions.ts).
 */
export type ByRevision = boolean | 'pkvmForces' | 's390Reports' | 'tdxSharedBit' | 'realmGuest'

export interface Platform {
  readonly name: string
  readonly title: string
  /** One line for the manual and for completion. */
  readonly does: string
  /** Its place among the platforms in documents and reports. */
  readonly order: number

  // --- the hardware and its firmware ---

  /** A confidential guest: its memory is private until it shares it, and the host is an adversary. */
  readonly guest: boolean
  /** Devices can be accepted (T=1). */
  readonly tdisp: boolean
  /**
   * Firmware between the guest's TSM and the device, with a state of its own for each device: who may lock and start it
   * is decided there.
   */
  readonly firmware: 'rmm' | null
  /** How set_memory_* works: see kernel/set-memory.ts. */
  readonly conversion: 'rsi' | 'psc' | 'mapgpa' | 'hypercall' | 'ultravisor' | 'pte' | 'none'
  /**
   * A conversion of what is converted already: succeeds and changes nothing, or is refused (`to_private`: only that way
   * round).
   */
  readonly convertAgain: 'unchanged' | 'refused' | 'to_private'
  /** Conversions can fail. s390's ultravisor calls always answer 0. */
  readonly conversionsFail: boolean
  /** The CPU's page tables choose the alias, so that a wrong one is a fault or garbage. */
  readonly cpuAlias: boolean
  /** The shared bit of an address as an addend; 0: the platform has none. */
  readonly sharedBit: (c: MachineConfig) => number
  /** The encryption bit (C-bit) as an addend; 0: none. */
  readonly encBit: number
  /**
   * What tells a device's request to a private page from one to a shared page: the shared bit of its address; the C-bit
   * of its address; the device's table entry with its vTOM (SNP), which the address cannot change; nothing.
   */
  readonly deviceAlias: 'shared_bit' | 'c_bit' | 'device_table' | 'none'
  /** Guest CPU touching the shared alias of a private page: a read, and a write. */
  readonly cpuSharedAliasOfPrivate: { readonly read: 'fault' | 'cipher'; readonly write: 'fault' | 'cipher' }
  /** Guest CPU touching the private alias of a shared page. */
  readonly cpuPrivateAliasOfShared: 'fault' | 'cipher'
  /** What a host read of a private page answers. */
  readonly hostReadPrivate: (c: MachineConfig) => 'fault' | 'cipher' | 'ones' | 'poison' | 'ok'
  readonly architecture: 'arm64' | 'x86' | 's390'
  /** The language names this architecture for it; `any`: what runs on it need not be of one. */
  readonly arch: 'arm' | 'x86' | 's390' | 'any'
  readonly rows: readonly Row[]
  /** Words that name the switches in force for this platform, for reports. */
  readonly switches: ReadonlyArray<keyof MachineConfig>

  // --- the guest kernel's architecture code ---

  /**
   * Devices that do not snoop exist: ARCH_HAS_SYNC_DMA_FOR_DEVICE, and with it CONFIG_DMA_DIRECT_REMAP and
   * CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC. Elsewhere dev_is_dma_coherent() is true (include/linux/dma-map-ops.h): arm64
   * selects all three, x86 and s390 none.
   */
  readonly noncoherentDevices: boolean
  /** Revisions that run on it at all. */
  readonly runs: ByRevision
  /**
   * The first mainline release that knows this guest: what an older kernel lacks, or what runs there in its place.
   * null: every kernel runs there.
   */
  readonly since:
    | { readonly release: string; readonly lacks: string }
    | { readonly release: string; readonly name: string; readonly instead: string }
    | null
  /**
   * The sizing rule that gives its guests a share of their RAM as bounce pool (kernel/swiotlb/sizing.ts); null: none.
   */
  readonly poolPercent: 'sev_percent' | 'guest_percent' | null
  /** cc_platform_has(CC_ATTR_MEM_ENCRYPT). */
  readonly reportsMemoryEncryption: ByRevision
  /**
   * force_dma_unencrypted() of a device that is not accepted; `mask`: when its coherent mask cannot express the C-bit
   * (SME host).
   */
  readonly forceUnencrypted: ByRevision | 'mask'
  /** Boot asked for SWIOTLB_FORCE, as long as there was one. */
  readonly forcesSwiotlb: boolean
  /**
   * Boot makes the default pool shared (swiotlb_update_mem_attributes()), as long as that was the architecture's own
   * decision.
   */
  readonly convertsDefaultPool: boolean
  /** phys_to_dma_unencrypted() sets the shared bit. */
  readonly dmaSharedBit: ByRevision
  /** phys_to_dma_encrypted() sets the C-bit: always, or as the decision snpPrivateHandle has it. */
  readonly dmaEncBit: 'always' | 'snpPrivateHandle'
}

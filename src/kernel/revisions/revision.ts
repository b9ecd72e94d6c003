// A kernel revision is a record of named decisions, each with the commit or message it comes from. Kernel functions ask the record;
// they know no revision by name. `compare` flips one decision at a time.
import type { Platform } from '../../machine/index.ts'

export interface Revision {
  readonly name: string
  readonly title: string
  /** Source of each decision, by its name. */
  readonly sources: Readonly<Record<string, string>>

  /** Which TSM core guests have, and with it whether a device can be accepted at all. */
  readonly accept: 'none' | 'rfc-v1' | 'rfc-v1-05' | 'tio-v2'
  /** force_dma_unencrypted: does acceptance clear it on this platform. */
  readonly acceptedClearsForce: (p: Platform) => boolean
  /** pKVM guests report themselves in force_dma_unencrypted. */
  readonly pkvmForces: boolean
  /** is_swiotlb_force_bounce for the default pool: `guest` SWIOTLB_FORCE by the platform; `unless_accepted` the same, and never for an accepted device (RFC: nor a restricted pool or the command line); `unaccepted` SWIOTLB_UNACCEPTED; `cmdline` only the command line. */
  readonly forceBounce: 'guest' | 'unless_accepted' | 'unaccepted' | 'cmdline'
  /** Which map function: `map_page` before CC_SHARED, `jiri` 7.1, `capable` the series (dma_capable sees the attributes). */
  readonly mapPhys: 'map_page' | 'jiri' | 'capable'
  /** dma_capable refuses an unshared address for a device that can reach only shared memory. */
  readonly capableChecksForce: boolean
  /** Attributes of map calls that exist. */
  readonly attributes: ReadonlyArray<'CC_SHARED' | 'MMIO' | 'REQUIRE_COHERENT'>
  /** When MMIO becomes CC_SHARED: never and always the raw address; when the device is forced; when the platform is an encrypting host. */
  readonly mmioIsShared: 'raw' | 'force' | 'host_encrypt'
  /** What a bounce pool must match: nothing; the source's attribute or the device; the device, always; the device in guests, shared in hosts. */
  readonly poolMatches: 'any' | 'attr_or_force' | 'device' | 'guest_device'
  /** Allocations carry an attribute decided once at the top, instead of asking force_dma_unencrypted at each place. */
  readonly allocByAttr: boolean
  /** set_memory_decrypted is called for remapped memory too. */
  readonly decryptRemapped: boolean
  /** Atomic pools and restricted pools are only used when their state equals the request's. */
  readonly poolsMatchRequest: boolean
  /** A restricted pool's page is (de)encrypted again by the allocator: the double conversion fixed in 7.3. */
  readonly convertRestricted: boolean
  /** A pool that boot could not decrypt: `ignore` used as if it were; `unusable` all slots marked used. */
  readonly decryptFailure: 'ignore' | 'unusable'
  /** At free: re-encrypt by what force_dma_unencrypted answers then. `at_alloc` would remember; no revision does. */
  readonly reencryptOnFree: 'force_now' | 'at_alloc'
  /** dma_direct_max_mapping_size also limited for a device that is forced to shared memory. */
  readonly maxMappingForced: boolean
  /** Private handles on SNP: with the C-bit; without it once accepted; never with it. */
  readonly snpPrivateHandle: 'cbit' | 'cbit_unless_accepted' | 'plain'
  /** phys_to_dma_unencrypted sets the shared bit on TDX. */
  readonly tdxSharedBit: boolean
  /** struct device's bits are an atomic bitmap: no lost updates. */
  readonly atomicDevFlags: boolean
  /** dma_alloc_pages from an atomic pool answers a struct page; before, the CPU address passed off as one. */
  readonly allocPagesReturnsPage: boolean
  /** dma_to_phys clears the encryption bit only after the range map was asked. */
  readonly clearBitsAfterRangeMap: boolean
  /** The pool of an accepted device is looked up at each map (private_pool what-if): never implemented. */
  readonly usesPrivatePool: boolean
}

// Host memory that T=0 DMA holds: what is mapped in the host's own SMMU or IOMMU stage 2 is pinned. A static map holds
// all of the guest's memory; a map of what is shared only holds that. Measured on a VMM (cloud-hypervisor pull request
// 8501, July 2026, an SNP guest of 16 GiB): VmPin 16,777,216 kB against 1,239,476 kB.

/**
 * Bytes the guest shares besides its bounce buffer: what that measured guest had. Queues, console, page-state
 * structures, device tables.
 */
export const OTHER_SHARED = 1_239_476 * 1024 - swiotlbPool(2 ** 34)

/**
 * Bytes of the bounce buffer of a confidential x86 guest: 6 % of its memory, 64 MiB to 1 GiB, in slots of 2 KiB (Linux,
 * mem_encrypt_setup_arch()).
 */
export function swiotlbPool(ram: number): number {
  const SLOTS = 128 * 2048
  const bytes = Math.min(2 ** 30, Math.max(2 ** 26, Math.floor((ram * 6) / 100)))
  return Math.min(ram, Math.ceil(bytes / SLOTS) * SLOTS)
}

export interface Pinned {
  /** Bytes. */
  readonly everything: number
  /** Bytes; an estimate: the pool by the kernel's rule, the rest as measured once. */
  readonly sharedOnly: number
  readonly pool: number
}

export function pinned(ram: number): Pinned {
  const pool = swiotlbPool(ram)
  return { everything: ram, sharedOnly: Math.min(ram, pool + OTHER_SHARED), pool }
}

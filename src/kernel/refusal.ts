// Why a map or an allocation fails, where the kernel only returns an error: one row a reason. `words` is for the
// reader; `refusal` says whether the property `refused` looks at such a failure at all, or the reason says nothing of
// what the device could reach.

export interface Refusal {
  readonly words: string
  /**
   * The kernel turned down a request that may have been possible; otherwise there was no memory, no such platform, no
   * such call.
   */
  readonly refusal: boolean
}

export const refusals = {
  mask: { words: 'no address within the mask', refusal: true },
  pool_state: { words: 'the only bounce pool is in the other state', refusal: true },
  slot_state: { words: 'the bounce slot is memory that the device may not be told of', refusal: true },
  no_pool: { words: 'there is no bounce pool', refusal: true },
  coherent_only: { words: 'REQUIRE_COHERENT forbids the bounce', refusal: true },
  cc_shared_unforced: { words: 'CC_SHARED for a device that is not forced to bounce', refusal: true },
  mmio_bounce: { words: 'MMIO cannot be bounced', refusal: true },
  mmio_state: { words: 'plain MMIO means private MMIO', refusal: true },
  iommu_cc_shared: { words: 'dma-iommu knows no shared mapping', refusal: true },
  iommu_shared_alloc: { words: 'dma-iommu cannot allocate shared memory', refusal: true },
  exhausted: { words: 'nothing of that size is free', refusal: false },
  too_large: { words: 'the request is larger than any bounce', refusal: false },
  conversion: { words: 'the conversion failed', refusal: false },
  noncoherent: { words: 'the platform has no non-coherent allocations', refusal: false },
  attribute: { words: 'the caller may not ask for the attribute', refusal: false }
} as const satisfies Record<string, Refusal>
export type RefusalReason = keyof typeof refusals

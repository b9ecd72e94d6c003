// include/linux/dma-mapping.h and dma-direction.h: what a caller of the DMA API says of a mapping.
import {
  ATTR_CC_SHARED,
  ATTR_MMIO,
  ATTR_NO_WARN,
  ATTR_SKIP_CPU_SYNC,
  DIR_BIDIRECTIONAL,
  DIR_FROM_DEVICE,
  DIR_TO_DEVICE
} from '../trace-events.ts'

export const DIR = { BIDIRECTIONAL: DIR_BIDIRECTIONAL, TO_DEVICE: DIR_TO_DEVICE, FROM_DEVICE: DIR_FROM_DEVICE } as const

/** DMA_ATTR_* as include/linux/dma-mapping.h has them (REQUIRE_COHERENT and CC_SHARED from 7.1). */
export const ATTR = {
  NO_KERNEL_MAPPING: 1 << 4,
  SKIP_CPU_SYNC: ATTR_SKIP_CPU_SYNC,
  NO_WARN: ATTR_NO_WARN,
  MMIO: ATTR_MMIO,
  REQUIRE_COHERENT: 1 << 12,
  CC_SHARED: ATTR_CC_SHARED
} as const

/** __DMA_ATTR_ALLOC_CC_SHARED, the DMA API's own (7.3). */
export { ATTR_ALLOC_CC_SHARED } from '../trace-events.ts'

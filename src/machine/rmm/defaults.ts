// Memory an RMM is told of when nobody says otherwise: that of the recorded host build (granule N at 0x400000000 +
// N*4096, device granule N at 0x300000000 + N*4096). Only the bases are recorded; the sizes are chosen: 64 GiB of
// memory, 1 GiB of device ranges.
import type { PaRange } from './granules.ts'

export const DRAM_BASE = 0x400000000
export const DEV_BASE = 0x300000000

export const rmmMemoryDefaults: { readonly dram: PaRange; readonly dev: PaRange } = {
  dram: { base: DRAM_BASE, granules: 16 * 2 ** 20 },
  dev: { base: DEV_BASE, granules: 262144 }
}

// The linear map. A page's address in it is its physical address here, so that these change no number: they say which
// of the two is meant, where the C does.
import type { CpuAddr, Phys } from '../base/index.ts'

/** phys_to_virt(), page_address() */
export const phys_to_virt = (phys: Phys): CpuAddr => phys as number
/** virt_to_phys(), __pa() */
export const virt_to_phys = (addr: CpuAddr): Phys => addr as number

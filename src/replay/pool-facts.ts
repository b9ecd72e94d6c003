// What a replay takes from a kernel log (kernel-log.ts reads it), apart from the reader of logs.
import { own } from '../base/index.ts'
import { kernelAtLeast } from '../kernel/trace-events.ts'
import { DRIVER_MIN_ALIGN_MASK } from './device.ts'
import { LEAVES_OUT_UNMAPS } from './lifetimes.ts'

export interface PoolFacts {
  /** Guest physical address of slot 0; null when the log has no "mapped" line. */
  readonly start: number | null
  readonly nslabs: number | null
  /** "area num N"; 1 for kernels before areas (6.0); null when not said. */
  readonly nareas: number | null
  /** More than one pool line: pools that grew or restricted ones are not modelled. */
  readonly pools: number
  /** Boots in the log; the facts are those of the last. */
  readonly boots: number
  /** The log tells of a restricted pool (DMA_RESTRICTED_POOL): a memory of its own beside the pool. */
  readonly restricted: boolean
  /** The command line forces bouncing. */
  readonly forced: boolean
  /** What follows swiotlb= on the command line (the last one counts); null when there is none. */
  readonly swiotlb: string | null
  readonly kernel: string | null
  /** The machine that logs, where the log's form names it (journal, syslog). */
  readonly host: string | null
  /** What the machine is: the DMI line, or the model of a device tree. */
  readonly machine: string | null
  /** The kernel is known and older than 6.3 (PoolPlace). */
  readonly before_6_3: boolean
  /** "swiotlb buffer is full" lines, and those the rate limit ate. */
  readonly full: number
  readonly suppressed: number
  /** PCI devices that the log names. */
  readonly pci: ReadonlySet<string>
  /** Driver by PCI or bus name. */
  readonly drivers: ReadonlyMap<string, string>
}

/** min_align_mask by device, for the drivers that are known to set one. */
export function minAlignMasks(facts: PoolFacts): Map<string, number> {
  const out = new Map<string, number>()
  for (const [device, driver] of facts.drivers) {
    const mask = own(DRIVER_MIN_ALIGN_MASK, driver)
    if (mask !== undefined) out.set(device, mask)
  }
  return out
}

/** Devices whose driver is known to leave out unmaps in this kernel (see Lifetimes). */
export function leavesOutUnmaps(facts: PoolFacts): Set<string> {
  const out = new Set<string>()
  for (const [device, driver] of facts.drivers) {
    const since = own(LEAVES_OUT_UNMAPS, driver)
    if (since !== undefined && facts.kernel !== null && kernelAtLeast(facts.kernel, since)) out.add(device)
  }
  return out
}

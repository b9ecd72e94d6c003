// What a kernel log tells about the pool of the boot that a trace comes from. Only facts that replay needs; `explain log` reads the rest.
import { own } from '../base/index.ts'
import { IO_TLB_SIZE, type MemoryRange } from '../kernel/swiotlb/index.ts'
import { kernelAtLeast } from '../kernel/trace-events.ts'
import { DRIVER_MIN_ALIGN_MASK } from './device.ts'
import { LEAVES_OUT_UNMAPS } from './lifetimes.ts'
import { type BootRead, LogReader } from './log/reader.ts'

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

/** What is read beside the facts that the log's reader has. */
interface Beside {
  /** The first pool that is told. */
  pool: MemoryRange | null
  full: number
  readonly pci: Set<string>
  readonly drivers: Map<string, string>
}

const empty = (): Beside => ({ pool: null, full: 0, pci: new Set(), drivers: new Map() })

/** More devices are not kept. */
const MOST_DEVICES = 65536

/**
 * Reads a kernel log in any form that `explain log` reads (dmesg, journal, serial, wrapped, JSON), its last boot where it has several. Never
 * fails: what is not there is null.
 */
export function readKernelLog(text: string): PoolFacts {
  const besides = new Map<BootRead, Beside>()
  const reader = new LogReader((b, r) => {
    let beside = besides.get(b)
    if (beside === undefined) besides.set(b, (beside = empty()))
    beside.pool ??= b.facts.mapped
    takeBeside(beside, r.text)
  })
  for (const line of text.split('\n')) reader.line(line)
  reader.end()
  const boot = reader.boots.at(-1) as BootRead
  const { pool, full, pci, drivers } = besides.get(boot) ?? empty()
  const { areas, kernel, cmdline, mappedCount, restricted } = boot.facts
  const swiotlb = /.*\bswiotlb=(\S+)/.exec(cmdline ?? '')?.[1] ?? null
  const [major = 6] = (kernel ?? '').split('.', 1).map(Number)
  return {
    start: pool?.[0] ?? null,
    nslabs: pool === null ? null : Math.round((pool[1] - pool[0]) / IO_TLB_SIZE),
    nareas: areas ?? (kernel !== null && major < 6 ? 1 : null),
    pools: mappedCount, boots: reader.boots.length, restricted: restricted > 0,
    forced: swiotlb?.split(',').includes('force') === true, swiotlb, kernel, before_6_3: kernel !== null && !kernelAtLeast(kernel, '6.3'), full, suppressed: boot.suppressed, pci, drivers
  }
}

function takeBeside(b: Beside, line: string): void {
  if (line.includes('swiotlb buffer is full')) b.full++
  const named = /\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b/.exec(line)
  if (named && b.pci.size < MOST_DEVICES) b.pci.add(named[0])
  if (b.drivers.size >= MOST_DEVICES) return
  const pci = /^nvme \S+: pci function (\S+)$/.exec(line)
  if (pci) b.drivers.set(pci[1] as string, 'nvme')
  const bound = /^([\w-]+) ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?:: | )/.exec(line)
  if (bound && !NOT_DRIVERS.has(bound[1] as string) && !b.drivers.has(bound[2] as string)) b.drivers.set(bound[2] as string, bound[1] as string)
  const vmbus = /^(hv_storvsc|storvsc|hv_netvsc) (\S+?):/.exec(line)
  if (vmbus) b.drivers.set(vmbus[2] as string, vmbus[1] as string)
}

const NOT_DRIVERS = new Set(['pci', 'pci_bus', 'pcieport', 'platform', 'system', 'acpi', 'IOMMU', 'iommu', 'usb', 'scsi', 'ata', 'device', 'pnp'])

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

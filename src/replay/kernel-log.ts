// What a kernel log tells about the pool of the boot that a trace comes from. Only facts that replay needs; `explain log` reads the rest.
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
  /** The log tells of a restricted pool (DMA_RESTRICTED_POOL): a memory of its own beside the pool. */
  readonly restricted: boolean
  /** The command line forces bouncing. */
  readonly forced: boolean
  /** What follows swiotlb= on the command line (the last one counts); null when there is none. */
  readonly swiotlb: string | null
  readonly kernel: string | null
  /** "swiotlb buffer is full" lines, and those the rate limit ate. */
  readonly full: number
  readonly suppressed: number
  readonly firstFull: string | null
  /** PCI devices that the log names. */
  readonly pci: ReadonlySet<string>
  /** Driver by PCI or bus name. */
  readonly drivers: ReadonlyMap<string, string>
}

/** Reads a kernel log (dmesg, with or without time stamps). Never fails: what is not there is null. */
export function readKernelLog(text: string): PoolFacts {
  let start: number | null = null
  let nslabs: number | null = null
  let nareas: number | null = null
  let pools = 0
  let restricted = false
  let forced = false
  let swiotlb: string | null = null
  let kernel: string | null = null
  let full = 0
  let suppressed = 0
  let firstFull: string | null = null
  const drivers = new Map<string, string>()
  const devices = new Set<string>()
  for (const raw of text.split('\n')) {
    const line = raw.replace(/\r$/, '').replace(/^(?:<\d+>)?\s*(?:\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s*)?/, '')
    const mapped = /software IO TLB: mapped \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]/i.exec(line)
    if (mapped) {
      pools++
      if (start === null) {
        start = Number.parseInt(mapped[1] as string, 16)
        nslabs = Math.round((Number.parseInt(mapped[2] as string, 16) - start) / 2048)
      }
      continue
    }
    if (/restricted DMA (?:memory )?pool/i.test(line)) restricted = true
    const area = /software IO TLB: area num (\d+)/.exec(line)
    if (area) {
      nareas = Number(area[1])
      continue
    }
    const version = /^Linux version (\S+)/.exec(line)
    if (version) kernel = version[1] as string
    const cmdline = /command line:.*\bswiotlb=(\S+)/i.exec(line)
    if (cmdline) swiotlb = cmdline[1] as string
    if (swiotlb?.split(',').includes('force')) forced = true
    if (line.includes('swiotlb buffer is full')) {
      full++
      firstFull ??= line
    }
    const callbacks = /swiotlb_tbl_map_single: (\d+) callbacks suppressed/.exec(line)
    if (callbacks) suppressed += Number(callbacks[1])
    const named = /\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b/.exec(line)
    if (named && devices.size < 65536) devices.add(named[0])
    const pci = /^nvme \S+: pci function (\S+)$/.exec(line)
    if (pci) drivers.set(pci[1] as string, 'nvme')
    const bound = /^([\w-]+) ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?:: | )/.exec(line)
    if (bound && !NOT_DRIVERS.has(bound[1] as string) && !drivers.has(bound[2] as string)) drivers.set(bound[2] as string, bound[1] as string)
    const vmbus = /^(hv_storvsc|storvsc|hv_netvsc) (\S+?):/.exec(line)
    if (vmbus) drivers.set(vmbus[2] as string, vmbus[1] as string)
  }
  if (nareas === null && kernel !== null) {
    const v = /^(\d+)\.(\d+)/.exec(kernel)
    if (v && Number(v[1]) < 6) nareas = 1
  }
  return { start, nslabs, nareas, pools, restricted, forced, swiotlb, kernel, full, suppressed, firstFull, pci: devices, drivers }
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

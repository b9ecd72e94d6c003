// What a kernel log tells about the pool of the boot that a trace comes from. Only facts that replay needs; `explain
// log` reads the rest.
import type { MemoryRange } from '../kernel/swiotlb/memory-map.ts'
import { IO_TLB_SIZE } from '../kernel/swiotlb/pool.ts'
import { kernelAtLeast } from '../kernel/trace-events.ts'
import { type BootRead, LogReader } from './log/reader.ts'
import type { PoolFacts } from './pool-facts.ts'

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
 * Reads a kernel log in any form that `explain log` reads (dmesg, journal, serial, wrapped, JSON), its last boot where
 * it has several. Never fails: what is not there is null.
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
  const { areas, kernel, cmdline, mappedCount, restricted, host, hardware } = boot.facts
  const swiotlb = /.*\bswiotlb=(\S+)/.exec(cmdline ?? '')?.[1] ?? null
  const [major = 6] = (kernel ?? '').split('.', 1).map(Number)
  return {
    start: pool?.[0] ?? null,
    nslabs: pool === null ? null : Math.round((pool[1] - pool[0]) / IO_TLB_SIZE),
    nareas: areas ?? (kernel !== null && major < 6 ? 1 : null),
    pools: mappedCount,
    boots: reader.boots.length,
    restricted: restricted > 0,
    forced: swiotlb?.split(',').includes('force') === true,
    swiotlb,
    kernel,
    host,
    machine: hardware,
    before_6_3: kernel !== null && !kernelAtLeast(kernel, '6.3'),
    full,
    suppressed: boot.suppressed,
    pci,
    drivers
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
  if (bound && !NOT_DRIVERS.has(bound[1] as string) && !b.drivers.has(bound[2] as string))
    b.drivers.set(bound[2] as string, bound[1] as string)
  const vmbus = /^(hv_storvsc|storvsc|hv_netvsc) (\S+?):/.exec(line)
  if (vmbus) b.drivers.set(vmbus[2] as string, vmbus[1] as string)
}

const NOT_DRIVERS = new Set([
  'pci',
  'pci_bus',
  'pcieport',
  'platform',
  'system',
  'acpi',
  'IOMMU',
  'iommu',
  'usb',
  'scsi',
  'ata',
  'device',
  'pnp'
])

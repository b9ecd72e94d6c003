// What a kernel says of itself and its machine while it boots: one table of facts, one row a line of the log.
import { KiB, MiB } from '../../base/index.ts'
import type { MemoryRange, SizingArch } from '../../kernel/swiotlb/index.ts'

/** A range of CPU addresses and the bus address at which an inbound window shows it. */
export interface Inbound {
  readonly first: number
  readonly last: number
  readonly bus: number
}

/** A platform and the line that shows it. */
export interface Shown {
  readonly name: string
  readonly by: string
}

/** The facts of one boot, as far as the log has them. */
export interface Boot {
  /** Lines of the log. */
  firstLine: number
  lastLine: number
  id: string | null
  host: string | null
  banner: string | null
  kernel: string | null
  arch: SizingArch | null
  cmdline: string | null
  /** Bytes. */
  ram: number | null
  cpus: number | null
  ranges: MemoryRange[]
  reserved: MemoryRange[]
  hotplugEnd: number | null
  /** End of ZONE_DMA (exclusive); `empty` zones are not there. */
  zoneDma: number | null
  zoneDma32: number | null
  platform: Shown | null
  /** KVM, Xen HVM, Microsoft Hyper-V, ...; "bare hardware". */
  hypervisor: string | null
  xen: 'dom0' | 'domU' | null
  hardware: string | null
  iommu: string | null
  inbound: Inbound[]
  areas: number | null
  mapped: MemoryRange | null
  mappedCount: number
  halved: { readonly from: number; readonly to: number } | null
  allocFailed: string | null
  noLowMem: boolean
  tornDown: boolean
  restricted: number
  encryptedBounce: boolean
  /** MiB of contiguous memory set aside. */
  cma: number | null
  hotplugged: string | null
  /** What happened to the pool, in order, in words. */
  story: string[]
}

export const newBoot = (line: number): Boot => ({
  firstLine: line,
  lastLine: line,
  id: null,
  host: null,
  banner: null,
  kernel: null,
  arch: null,
  cmdline: null,
  ram: null,
  cpus: null,
  ranges: [],
  reserved: [],
  hotplugEnd: null,
  zoneDma: null,
  zoneDma32: null,
  platform: null,
  hypervisor: null,
  xen: null,
  hardware: null,
  iommu: null,
  inbound: [],
  areas: null,
  mapped: null,
  mappedCount: 0,
  halved: null,
  allocFailed: null,
  noLowMem: false,
  tornDown: false,
  restricted: 0,
  encryptedBounce: false,
  cma: null,
  hotplugged: null,
  story: []
})

interface Fact {
  /** A part of every such line: most lines are passed by it. */
  readonly probe: string
  readonly pattern: RegExp
  take(b: Boot, m: RegExpExecArray, line: string): void
}

const range = (m: RegExpExecArray, a = 1): MemoryRange => [Number(m[a]), Number(m[(a ?? 1) + 1])]
const platform =
  (name: string) =>
  (b: Boot, _: RegExpExecArray, line: string): void => {
    // SEV-SNP and TDX lines are exact; what says less comes after and does not replace them.
    if (b.platform === null || b.platform.name === 'amd-sme-host') b.platform = { name, by: line.slice(0, 100) }
  }
/** Hyper-V's isolation types: the low four bits of group B (mshyperv.h). */
const HV_ISOLATION = ['none', 'VBS', 'SNP', 'TDX']

const facts: readonly Fact[] = [
  {
    probe: 'ommand line:',
    pattern: /(?:Kernel c|C)ommand line: ?(.*)$/,
    take(b, m) {
      b.cmdline = (m[1] ?? '').trim()
    }
  },
  {
    probe: 'Memory: ',
    pattern: /Memory: \d+[kK]\/(\d+)[kK] available/,
    take(b, m) {
      b.ram = Number(m[1]) * KiB
    }
  },
  {
    probe: 'e820: ',
    pattern: /BIOS-e820: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]\s+(?:usable|System RAM)\s*$/,
    take(b, m) {
      b.ranges.push(range(m))
    }
  },
  {
    probe: 'Xen: [mem',
    pattern: /Xen: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\] usable/,
    take(b, m) {
      b.ranges.push(range(m))
      b.xen ??= 'domU'
    }
  },
  {
    probe: 'node ',
    pattern: /^\s*node\s+\d+: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/,
    take(b, m) {
      if (b.arch !== 'x86') b.ranges.push(range(m))
    }
  },
  {
    probe: 'DMA ',
    pattern: /^\s*DMA\s+\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/,
    take(b, m) {
      b.zoneDma = Number(m[2]) + 1
    }
  },
  {
    probe: 'DMA32 ',
    pattern: /^\s*DMA32\s+\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/,
    take(b, m) {
      b.zoneDma32 = Number(m[2]) + 1
    }
  },
  {
    probe: 'hotplug',
    pattern: /SRAT: Node \d+ PXM \d+ \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\] hotplug/,
    take(b, m) {
      b.hotplugEnd = Math.max(b.hotplugEnd ?? 0, Number(m[2]) + 1)
    }
  },
  {
    probe: 'crashkernel',
    pattern: /crashkernel (?:low memory )?reserved: (0x[0-9a-f]+) - (0x[0-9a-f]+)/,
    take(b, m) {
      b.reserved.push([Number(m[1]), Number(m[2]) - 1])
    }
  },
  {
    probe: 'cma: Reserved',
    pattern: /cma: Reserved (\d+) MiB at (0x[0-9a-f]+)/,
    take(b, m) {
      b.cma = (b.cma ?? 0) + Number(m[1])
      b.reserved.push([Number(m[2]), Number(m[2]) + Number(m[1]) * MiB - 1])
    }
  },
  {
    probe: 'hotplug CPUs',
    pattern: /Allowing (\d+) (?:present )?CPUs(?: plus|,) (\d+) hotplug CPUs/,
    take(b, m, line) {
      b.cpus = line.includes('plus') ? Number(m[1]) + Number(m[2]) : Number(m[1])
    }
  },
  {
    probe: 'nr_cpu_ids',
    pattern: /nr_cpu_ids[:=](\d+)/,
    take(b, m) {
      b.cpus ??= Number(m[1])
    }
  },
  {
    probe: 'CPUs=',
    pattern: /SLUB: .*\bCPUs=(\d+)/,
    take(b, m) {
      b.cpus ??= Number(m[1])
    }
  },
  {
    probe: 'Brought up',
    pattern: /Brought up \d+ nodes?, (\d+) CPUs?/,
    take(b, m) {
      b.cpus ??= Number(m[1])
    }
  },
  {
    probe: 'SEV',
    pattern: new RegExp(
      String.raw`(?:Memory Encryption Features active:.*\bSEV\b|` +
        String.raw`Secure Encrypted Virtualization \(SEV\) active|SEV: SNP running at|SEV: Using SNP CPUID)`
    ),
    take: platform('amd-sev-snp')
  },
  { probe: 'TDX', pattern: /Memory Encryption Features active:.*Intel TDX/, take: platform('intel-tdx') },
  { probe: 'tdx: ', pattern: /tdx: (?:Guest detected|Attributes: )/, take: platform('intel-tdx') },
  {
    probe: 'SME',
    pattern: /(?:Memory Encryption Features active:.*\bSME\b|Secure Memory Encryption \(SME\) active)/,
    take: platform('amd-sme-host')
  },
  { probe: 'RSI', pattern: /(?:RME|RSI): Using RSI version/, take: platform('arm-cca') },
  { probe: 'pKVM', pattern: /pKVM guest|[Pp]rotected KVM guest|pkvm-guest/, take: platform('pkvm') },
  {
    probe: 'ltravisor',
    pattern: /Linux is running as a protected|secure execution.*guest|Ultravisor.*protected guest/i,
    take: platform('s390-pv')
  },
  {
    probe: 'Isolation Config',
    pattern: /Hyper-V: Isolation Config: Group A 0x[0-9a-f]+, Group B 0x([0-9a-f]+)/,
    take(b, m, line) {
      const type = Number.parseInt(m[1] as string, 16) & 0xf
      b.hypervisor = 'Microsoft Hyper-V'
      const name = HV_ISOLATION[type]
      if (name === 'SNP' || name === 'TDX') platform(name === 'SNP' ? 'amd-sev-snp' : 'intel-tdx')(b, m, line)
      b.story.push(`Hyper-V isolates this guest: type ${type}${name === undefined ? '' : `, ${name}`}`)
    }
  },
  {
    probe: 'ypervisor detected',
    pattern: /Hypervisor detected: (.+)$/,
    take(b, m) {
      b.hypervisor = (m[1] ?? '').trim()
    }
  },
  {
    probe: 'paravirtualized kernel',
    pattern: /Booting paravirtualized kernel (?:on )?(bare hardware|Xen(?: PV| PVH)?|KVM|Hyper-V|.*)$/,
    take(b, m) {
      const on = (m[1] ?? '').trim()
      b.hypervisor ??= on
      if (/^Xen(?: PV)?(?!H)/.test(on)) b.xen ??= 'domU'
    }
  },
  {
    probe: 'om0',
    pattern: /\bDom0 (?:has|alloc)|initial domain|Xen: .*dom0/i,
    take(b) {
      b.xen = 'dom0'
    }
  },
  {
    probe: 'Xen',
    pattern: /Xen version: [\d.]+.*(?:\(preserve-AD\)|$)|xen:swiotlb|swiotlb-xen/i,
    take(b) {
      b.xen ??= 'domU'
    }
  },
  {
    probe: 'DMI: ',
    pattern: /DMI: (?!SMBIOS|Memory slots)(.+?)(?:, BIOS .*)?$/,
    take(b, m) {
      b.hardware ??= (m[1] ?? '').trim()
    }
  },
  {
    probe: 'Machine model',
    pattern: /Machine model: (.+)$/,
    take(b, m) {
      b.hardware = (m[1] ?? '').trim()
    }
  },
  {
    probe: 'Hardware name',
    pattern:
      /Hardware name: (.+?)(?=\s+(?:Workqueue:|pstate:|pc :|epc :|Call [Tt]race|RIP:|Stack:|task:|Code:|Backtrace)|$)/,
    take(b, m) {
      b.hardware ??= (m[1] ?? '').trim()
    }
  },
  {
    probe: 'IOMMU enabled',
    pattern: /DMAR: IOMMU enabled/,
    take(b, _, line) {
      b.iommu = line
    }
  },
  {
    probe: 'Default domain type',
    pattern: /iommu: Default domain type: (\w+)/,
    take(b, m) {
      b.iommu = `default domain: ${(m[1] ?? '').toLowerCase()}`
    }
  },
  {
    probe: 'IB MEM',
    pattern: /IB MEM (0x[0-9a-f]+)\.\.(0x[0-9a-f]+) -> (0x[0-9a-f]+)/,
    take(b, m) {
      b.inbound.push({ first: Number(m[1]), last: Number(m[2]), bus: Number(m[3]) })
    }
  },
  {
    probe: 'virtio_mem',
    pattern: /virtio_mem \S+: (?:requested size|plugged size|memory starts)/,
    take(b, _, line) {
      b.hotplugged ??= line
    }
  },
  {
    probe: 'emory',
    pattern: /(?:acpi PNP0C80|memory hotplug|Hotplug memory|hv_balloon: .*[Hh]ot|online_pages|hot-?add)/i,
    take(b, _, line) {
      b.hotplugged ??= line
    }
  }
]

/** The architecture in a banner. */
function archOf(banner: string): SizingArch | null {
  if (/aarch64|arm64/.test(banner)) return 'arm64'
  if (/s390x/.test(banner)) return 's390'
  if (/riscv64/.test(banner)) return 'riscv'
  return /x86_64|amd64|i[36]86/.test(banner) ? 'x86' : null
}

/** The release of a "Linux version" line; null when the text is none. */
export const bannerOf = (text: string): string | null => /Linux version (\d+\.\d+\S*)/.exec(text)?.[1] ?? null

/** Begins a boot with its banner. */
export function takeBanner(b: Boot, text: string, kernel: string): void {
  b.banner = text
  b.kernel = kernel
  b.arch = archOf(text)
}

/** Takes what the line says; whether it says anything. */
export function takeFact(b: Boot, text: string): boolean {
  let hit = false
  for (const f of facts) {
    if (!text.includes(f.probe)) continue
    const m = f.pattern.exec(text)
    if (m === null) continue
    f.take(b, m, text)
    hit = true
  }
  return hit
}

/** Whether the line is a fact by itself, from its first word on. */
export const isFact = (text: string): boolean =>
  /^Linux version \d/.test(text) || facts.some((f) => text.includes(f.probe) && f.pattern.exec(text)?.index === 0)

/** Bytes of RAM: by the memory line, else by the ranges. */
export const ramOf = (b: Boot): number | null =>
  b.ram ?? (b.ranges.length > 0 ? b.ranges.reduce((n, [first, last]) => n + last - first + 1, 0) : null)

/** Whether the whole boot seems to be there: then what it does not say did not happen. */
export const isWhole = (b: Boot): boolean =>
  b.kernel !== null && b.cmdline !== null && (b.ram !== null || b.ranges.length > 0) && b.cpus !== null

/** Where RAM begins, if the log tells. */
export const ramStart = (b: Boot): number | null =>
  b.ranges.length > 0 ? Math.min(...b.ranges.map((r) => r[0])) : null
/** The first byte behind all RAM. */
export const ramEnd = (b: Boot): number | null =>
  b.ranges.length > 0 ? Math.max(...b.ranges.map((r) => r[1])) + 1 : null

// What is known when the causes of a failure are weighed: the boot, the failure, its addresses as exact numbers, and
// what the sizing rules say of the machine.
import { GiB } from '../../base/index.ts'
import { vendorOf, type VendorKernel } from '../../kernel/index.ts'
import {
  IO_TLB_SEGSIZE,
  IO_TLB_SIZE,
  type KernelVersion,
  type Sizing,
  type SizingArch,
  type SizingRequest,
  type SwiotlbParam,
  kernelVersion,
  parseSizingKernel,
  parseSwiotlbParam,
  sizePool
} from '../../kernel/swiotlb/index.ts'
import { type Boot, ramEnd, ramOf, ramStart } from './boot.ts'
import type { Failure } from './failure.ts'
import type { BootRead } from './reader.ts'
import { type CallTrace, concernsDma, inDma } from './trace.ts'

/** What the user knows beyond the log. */
export interface LogFacts {
  readonly platform?: string
  readonly kernel?: string
  /** Bytes. */
  readonly ram?: number
  readonly cpus?: number
  readonly cmdline?: string
}

/** The pool as the log shows it. */
export interface PoolShown {
  readonly slots: number
  readonly areas: number | null
  readonly start: number | null
  readonly end: number | null
  readonly grown: boolean
}

/** A machine and its boot. */
export interface Machine {
  readonly read: BootRead
  readonly boot: Boot
  readonly kernel: string | null
  readonly version: KernelVersion | null
  readonly noForce: boolean
  readonly vendor: VendorKernel | null
  readonly platform: string | null
  /** Guests whose memory devices cannot reach; false: not known to be one. */
  readonly encrypted: boolean
  readonly arch: SizingArch | null
  readonly cmdline: string | null
  readonly param: SwiotlbParam | null
  readonly ram: number | null
  readonly cpus: number | null
  readonly ramStart: number | null
  readonly ramEnd: number | null
  readonly hardware: string | null
  /** Why this is a machine and no guest; null: not known. */
  readonly bare: string | null
  /** Why it is a guest; null: not known. */
  readonly guest: string | null
  readonly pool: PoolShown | null
  readonly request: SizingRequest | null
  /** The pool by the rules; null when they cannot be asked. */
  readonly sized: Sizing | null
  /** Why the rules could not be asked, when the platform has no meaning with this kernel. */
  readonly sizingError: string | null
}

/** A failure on a machine. */
export interface Ctx extends Machine {
  readonly f: Failure
  /** Largest request, in bytes; 0: the message names none. */
  readonly largest: number
  readonly addr: bigint
  readonly end: bigint
  readonly mask: bigint
  readonly limit: bigint
  /** min_not_zero(mask, bus limit); 0: neither is known. */
  readonly bound: bigint
  readonly trace: CallTrace | null
  readonly dma: ReturnType<typeof inDma>
  /** Other failures of the boot. */
  readonly others: readonly Failure[]
}

const ENCRYPTED = new Set(['amd-sev-snp', 'intel-tdx', 'arm-cca', 's390-pv'])
const GUEST_HARDWARE = new RegExp(
  'QEMU|KVM|Virtual Machine|VMware|VirtualBox|Google Compute|Amazon EC2|OpenStack|Xen|' +
    'HVM domU|linux,dummy-virt|Bochs|cloud-hypervisor|Parallels|Nutanix|Alibaba Cloud|Bhyve',
  'i'
)
const BOARD = new RegExp(
  String.raw`\(DT\)|Raspberry|Rockchip|Amlogic|Allwinner|Apple|Board|BCM2|Pine64|Hardkernel|Jetson|` +
    'Renesas|Freescale|NXP|Qualcomm|Khadas',
  'i'
)
/** Names that the device tree gives: an address and a kind. */
const TREE_DEVICE = /(?:^|\s)[0-9a-f]{6,12}\.[a-z][\w-]*$/

/** What is known of the machine. */
export function machineOf(read: BootRead, given: LogFacts): Machine {
  const boot = read.facts
  // Other traces may be of other kernels: a log that was pasted together.
  const attached = [...read.failures.groups.values()].map((f) => f.trace)
  const traces = read.traces.traces.filter((t) => concernsDma(t) || attached.includes(t))
  const kernel = given.kernel ?? boot.kernel ?? traces.find((t) => t.kernel !== null)?.kernel ?? null
  const parsed = kernel === null ? null : parseSizingKernel(kernel)
  const platform = given.platform ?? boot.platform?.name ?? null
  const hardware = boot.hardware ?? traces.find((t) => t.hardware !== null)?.hardware ?? null
  const cmdline = given.cmdline ?? boot.cmdline
  const ram = given.ram ?? ramOf(boot)
  const cpus = given.cpus ?? boot.cpus ?? boot.areas
  const version = parsed?.version ?? null
  const param = cmdline === null ? null : parseSwiotlbParam(cmdline, version ?? kernelVersion(6, 12))
  const devices = [...read.failures.groups.values()].map((f) => f.device)
  const arch = boot.arch ?? archOf(hardware, devices, kernel)
  const guest = guestOf(boot, hardware, platform)
  const { request, sized, error } = rules(boot, {
    kernel: parsed?.name ?? null,
    platform,
    arch,
    ram,
    ramGiven: given.ram !== undefined,
    cpus,
    cmdline
  })
  return {
    read,
    boot,
    kernel,
    version,
    noForce: parsed?.noForce === true,
    vendor: kernel === null ? null : vendorOf(`${kernel} ${boot.banner ?? ''}`),
    platform,
    encrypted: platform !== null ? ENCRYPTED.has(platform) : boot.encryptedBounce,
    arch,
    cmdline,
    param,
    ram,
    cpus,
    ramStart: ramStart(boot),
    ramEnd: ramEnd(boot),
    hardware,
    bare: guest === null ? bareOf(boot, hardware, devices) : null,
    guest,
    pool: poolOf(read),
    request,
    sized,
    sizingError: error
  }
}

function archOf(hardware: string | null, devices: readonly string[], kernel: string | null): SizingArch | null {
  if (kernel !== null) {
    if (/aarch64|arm64|-v8\+|rockchip|-pi\d|asahi|tegra/.test(kernel)) return 'arm64'
    if (/riscv|linux4microchip/.test(kernel)) return 'riscv'
    if (/x86_64|amd64/.test(kernel)) return 'x86'
  }
  if (hardware !== null && /\(DT\)/.test(hardware))
    return /spacemit|StarFive|SiFive|Microchip/i.test(hardware) ? 'riscv' : 'arm64'
  return devices.some((d) => TREE_DEVICE.test(d)) ? 'arm64' : null
}

function guestOf(boot: Boot, hardware: string | null, platform: string | null): string | null {
  if (platform !== null && ENCRYPTED.has(platform)) return boot.platform?.by ?? platform
  if (hardware !== null && GUEST_HARDWARE.test(hardware)) return hardware
  if (boot.xen === 'domU') return 'Xen'
  return boot.hypervisor !== null && !/bare hardware/.test(boot.hypervisor) ? boot.hypervisor : null
}

function bareOf(boot: Boot, hardware: string | null, devices: readonly string[]): string | null {
  if (boot.hypervisor === 'bare hardware') return 'the kernel says: bare hardware'
  if (hardware !== null && (BOARD.test(hardware) || !GUEST_HARDWARE.test(hardware))) return hardware
  const tree = devices.find((d) => TREE_DEVICE.test(d))
  return tree === undefined ? null : `${tree} is a device of a device tree`
}

function poolOf(read: BootRead): PoolShown | null {
  const { mapped, areas } = read.facts
  const bytes = mapped ? mapped[1] - mapped[0] : null
  const slots = bytes !== null ? bytes / IO_TLB_SIZE : read.total
  if (slots === null || slots <= 0 || !Number.isFinite(slots)) return null
  return {
    slots,
    areas: areas === null ? null : Math.max(1, Math.min(areas, Math.floor(slots / IO_TLB_SEGSIZE))),
    start: mapped?.[0] ?? null,
    end: mapped?.[1] ?? null,
    grown: read.total !== null && bytes !== null && read.total * IO_TLB_SIZE > bytes
  }
}

interface Known {
  readonly kernel: string | null
  readonly platform: string | null
  readonly arch: SizingArch | null
  readonly ram: number | null
  readonly ramGiven: boolean
  readonly cpus: number | null
  readonly cmdline: string | null
}

/** The request that the sizing rules are asked, as far as the log and the user tell. */
function rules(boot: Boot, k: Known): { request: SizingRequest | null; sized: Sizing | null; error: string | null } {
  if (k.kernel === null || k.ram === null) return { request: null, sized: null, error: null }
  const zone = boot.arch === 'arm64' ? (boot.zoneDma ?? boot.zoneDma32) : null
  const request: SizingRequest = {
    ram: k.ram,
    platform: k.platform ?? 'none',
    ...(k.arch ? { arch: k.arch } : {}),
    kernel: k.kernel,
    cpus: k.cpus ?? 1,
    cmdline: k.cmdline ?? '',
    ...(boot.ranges.length > 0 && !k.ramGiven ? { ranges: boot.ranges, reserved: boot.reserved } : {}),
    ...(zone === null ? {} : { zone_dma_end: zone }),
    ...(boot.hotplugEnd === null ? {} : { hotplug_end: boot.hotplugEnd }),
    ...(boot.xen === null ? {} : { xen: boot.xen }),
    ...(boot.mapped !== null && boot.mapped[0] >= 4 * GiB && k.arch !== 'arm64' ? { swiotlb_any: true } : {})
  }
  const s = sizePool(request)
  return { request, sized: s.ok ? s.value : null, error: s.ok ? null : s.error }
}

const big = (v: string | number | bigint | undefined): bigint =>
  v === undefined || typeof v === 'string' ? 0n : BigInt(v)

/** The failure on its machine. */
export function contextOf(m: Machine, f: Failure): Ctx {
  const others = [...m.read.failures.groups.values()].filter((g) => g !== f)
  // What another message of the same device says of its limits counts here too.
  const sibling =
    f.args['mask'] === undefined
      ? others.find((o) => o.device === f.device && o.device !== '' && o.args['mask'] !== undefined)
      : undefined
  return {
    ...m,
    ...limitsOf(sibling ?? f),
    f,
    largest: Math.max(0, ...f.sizes.keys()),
    trace: f.trace,
    dma: f.trace === null ? null : inDma(f.trace),
    others
  }
}

function limitsOf(f: Failure): Pick<Ctx, 'addr' | 'end' | 'mask' | 'limit' | 'bound'> {
  const addr = big(f.args['addr'])
  const size = big(f.args['size'])
  const mask = big(f.args['mask'])
  const limit = big(f.args['limit'])
  const bound = [mask, limit].filter((x) => x > 0n).sort((a, b) => (a < b ? -1 : 1))[0] ?? 0n
  return { addr, end: addr + (size > 0n ? size - 1n : 0n), mask, limit, bound }
}

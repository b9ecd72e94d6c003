// How large a pool a kernel gives itself at boot: setup_io_tlb_npages(), the architecture's adjustment,
// swiotlb_init_remap() with its areas and its halving, in that order (kernel/dma/swiotlb.c, arch/x86/mm/mem_encrypt.c,
// arch/x86/kernel/pci-dma.c, arch/arm64/mm/init.c; read from 6.12.117 and 7.3.4). Rules that came later or earlier are
// in `sizingRules`, with the commit. What no source can tell, how much memory below 4 GiB is free in one piece, is an
// assumption that the result names and that can be set.
import { err, GiB, hex, MiB, ok, own, type Result } from '../../base/index.ts'
import { type Platform, platformByName, platforms } from '../../machine/index.ts'
import { revisionByName, revisions } from '../revisions/index.ts'
import { vendorOf } from '../vendor-kernels.ts'
import {
  type MemoryMap,
  type MemoryRange,
  type SizingArch,
  assumedMap,
  limitMemory,
  longest,
  mapBelow,
  mapBytes,
  mapEnd,
  mapStart,
  normalMap,
  without
} from './memory-map.ts'
import { type SwiotlbParam, align, isPowerOf2, parseSwiotlbParam, roundup_pow_of_two } from './param.ts'
import { IO_TLB_DEFAULT_SIZE, IO_TLB_SEGSIZE, IO_TLB_SIZE, LARGEST_MAPPING } from './pool.ts'
import { sizeText } from './size-text.ts'
import { type KernelVersion, formatVersion, kernelVersion, parseVersion } from './version.ts'

const IO_TLB_MIN_SLABS = MiB / IO_TLB_SIZE
const DEFAULT_SLABS = IO_TLB_DEFAULT_SIZE / IO_TLB_SIZE

/** One rule of pool sizing and the release it came with. */
export interface SizingRule {
  readonly id:
    | 'sev_percent'
    | 'guest_percent'
    | 'zone_dma_30'
    | 'zone_dma_firmware'
    | 'areas'
    | 'halving'
    | 'limit_nareas'
    | 'kmalloc_pool'
    | 'dynamic'
    | 'realm'
    | 'no_force'
    | 'no_realm'
    | 's390_any'
    | 'track_hiwater'
    | 'size_was_set'
  readonly since: string
  readonly what: string
  readonly source: string
}

/** Rules by the mainline release that has them first; stable kernels may have them earlier. */
export const sizingRules: readonly SizingRule[] = [
  {
    id: 'zone_dma_30',
    since: '5.5',
    what: 'arm64: ZONE_DMA is the first 1 GiB of RAM, and RAM behind it makes a pool of 64 MiB',
    source: '1a8e1cef7603 (Oct 2019)'
  },
  {
    id: 'zone_dma_firmware',
    since: '5.11',
    what:
      'arm64: ZONE_DMA ends where firmware says that all devices reach (dma-ranges, IORT), else at 4 GiB; RAM ' +
      'behind it makes a pool of 64 MiB',
    source: '8424ecdde7df, 2b8652936f0c (Nov 2020)'
  },
  {
    id: 'sev_percent',
    since: '5.11',
    what: 'SEV guests: 6 % of RAM, at least 64 MiB, at most 1 GiB',
    source: 'e998879d4fb7 (Dec 2020)'
  },
  {
    id: 'guest_percent',
    since: '5.16',
    what: 'the same for every x86 guest with encrypted memory, TDX too',
    source: '4d96f9109109 (Sep 2021)'
  },
  {
    id: 'areas',
    since: '6.0',
    what: 'the pool is split into areas, one a possible CPU; its size becomes a power of two',
    source: '20347fca71a3 (Jul 2022)'
  },
  {
    id: 'halving',
    since: '6.2',
    what:
      'when the memory cannot be had, half is tried, down to 1 MiB; before there was no pool at all (6.1.y has it ' +
      'since Jul 2023)',
    source: '8d58aa484920 (Oct 2022)'
  },
  {
    id: 'limit_nareas',
    since: '6.5',
    what: 'an area has at least 128 slots: fewer areas when the pool is small',
    source: '8ac04063354a (Jun 2023)'
  },
  {
    id: 'kmalloc_pool',
    since: '6.5',
    what: 'arm64 without a need for bouncing keeps RAM/1024 for unaligned kmalloc buffers',
    source: 'CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC (Jun 2023)'
  },
  {
    id: 'dynamic',
    since: '6.6',
    what: 'the pool can grow at run time, if built with CONFIG_SWIOTLB_DYNAMIC',
    source: '1aaa736815eb (Aug 2023)'
  },
  { id: 'realm', since: '6.13', what: 'Arm realms bounce everything', source: 'fbf979a01375 (Oct 2024)' },
  {
    id: 'no_force',
    since: '7.3',
    what: 'no platform forces bouncing: whether a device bounces follows from its own state',
    source: '04a19b35dc05 (Jul 2026)'
  },
  {
    id: 'no_realm',
    since: '7.3',
    what: 'arm64: a realm has the pool of any other arm64 machine',
    source: '04a19b35dc05 (Jul 2026); arch/arm64/mm/init.c of 7.3.4'
  },
  {
    id: 's390_any',
    since: '7.3',
    what: 's390 protected guests may have the pool anywhere in memory',
    source: 'f38ab0d7f549 (Jul 2026)'
  },
  {
    id: 'track_hiwater',
    since: '7.3',
    what: 'the high-water mark is counted only with swiotlb=...,track_hiwater',
    source: 'kernel/dma/swiotlb.c of 7.3.4'
  },
  {
    id: 'size_was_set',
    since: '7.4',
    what: 'swiotlb=32768 is a setting like any other: the platform no longer adjusts it',
    source: 'af3857eac74e, queued for 7.4 in Oct 2026; its text was not read'
  }
]

export const sizingKernelNames: readonly string[] = revisions.map((r) => r.name)

/** `linux-6.12`, `6.12.117-1`, `v6.6`, `5.15`, or a revision, flips included. Null when it is none of these. */
export function parseSizingKernel(
  text: string
): { readonly name: string; readonly version: KernelVersion; readonly noForce: boolean } | null {
  const rev = revisionByName(text)
  if (rev !== undefined) return { name: text, version: parseVersion(rev.base), noForce: rev.forceBounce === 'cmdline' }
  const m = /^(?:linux-|v)?(\d+)\.(\d+)(?:[.+-].*)?$/.exec(text)
  if (!m) return null
  const version = kernelVersion(Number(m[1]), Number(m[2]))
  return { name: text, version, noForce: version >= kernelVersion(7, 3) }
}

/** The architecture whose rules hold on a platform; where it may be any, x86 unless the request says another. */
export const sizingPlatforms: Readonly<Record<string, SizingArch>> = Object.fromEntries(
  platforms.map((p) => [p.name, p.arch === 'any' ? 'x86' : p.architecture])
)

export interface SizingRequest {
  /** Bytes of RAM as the kernel sees them (memblock). */
  readonly ram: number
  readonly platform: string
  /** For platform `none`; every other platform has its own. */
  readonly arch?: SizingArch
  readonly kernel: string
  /** Possible CPUs. */
  readonly cpus: number
  readonly cmdline: string
  /** How much of the RAM lies below 4 GiB (s390: 2 GiB), in bytes; by default QEMU's layout. */
  readonly low_ram?: number
  /** Where RAM begins; by default QEMU's layout. */
  readonly ram_start?: number
  /** RAM range by range, when a boot log tells; then `ram`, `low_ram` and `ram_start` say nothing. */
  readonly ranges?: readonly MemoryRange[]
  /** Parts of it that are gone before the pool is allocated (crashkernel, CMA). */
  readonly reserved?: readonly MemoryRange[]
  /**
   * arm64: the first byte behind ZONE_DMA, where firmware says that devices reach less than 4 GiB (dma-ranges, IORT).
   */
  readonly zone_dma_end?: number
  /** x86: the first byte behind all memory that may ever come (SRAT hotplug ranges). */
  readonly hotplug_end?: number
  /** x86: a Xen PV domain; `dom0` the first one. */
  readonly xen?: 'dom0' | 'domU'
  /**
   * Largest free stretch of memory below the limit (4 GiB, s390: 2 GiB, arm64: the end of ZONE_DMA) when the pool is
   * allocated, in bytes.
   */
  readonly low_free?: number
  /** The kernel carries the patch that gives x86 guests SWIOTLB_ANY (posted 2025-2026, in no release known here). */
  readonly swiotlb_any?: boolean
}

export interface SizingStep {
  readonly what: string
  readonly slots: number
  readonly source: string
}

export interface Sizing {
  /** Bytes of the pool, 0: none. */
  readonly bytes: number
  readonly slots: number
  readonly areas: number
  /** The limit that binds, in words. */
  readonly limited_by: string
  /** Bouncing is forced for all devices. */
  readonly force_bounce: boolean
  /** How the size came about, in the kernel's order. */
  readonly steps: readonly SizingStep[]
  /** What was assumed because no source tells. */
  readonly assumptions: readonly string[]
  /** Warnings about the command line and the kernel. */
  readonly notes: readonly string[]
}

/** swiotlb_max_mapping_size(): the largest single mapping of a device with this min_align_mask, in bytes. */
export const maxMappingSize = (min_align_mask: number): number =>
  LARGEST_MAPPING - (min_align_mask === 0 ? 0 : align(min_align_mask, IO_TLB_SIZE))

export const hasRule = (id: SizingRule['id'], version: KernelVersion): boolean => {
  const since = sizingRules
    .find((r) => r.id === id)
    ?.since.split('.')
    .map(Number) ?? [99, 0]
  return version >= kernelVersion(since[0] ?? 99, since[1] ?? 0)
}
const has = hasRule
const source = (id: SizingRule['id']): string => sizingRules.find((r) => r.id === id)?.source ?? ''

/** The newest release whose rules were read. */
const NEWEST = kernelVersion(7, 3)

/**
 * Memory that firmware, kernel image, initrd and page tables are assumed to have cut off the low stretch before the
 * pool is allocated.
 */
const ASSUMED_TAKEN = 128 * MiB

/** Who reaches only shared memory and has no say in it. */

/** A boot on its way to its pool. */
interface Boot {
  readonly q: SizingRequest
  readonly v: KernelVersion
  readonly platform: Platform
  readonly arch: SizingArch
  /** After mem=. */
  readonly map: MemoryMap
  readonly ram: number
  /** Where the map comes from. */
  readonly how: string
  readonly param: SwiotlbParam
  nslabs: number
  areas: number | null
  limited_by: string
  readonly steps: SizingStep[]
  readonly notes: string[]
  readonly assumptions: string[]
}

/**
 * What the architecture decides before swiotlb_init_remap(): is there a pool, why not, is bouncing forced, and below
 * which address it must lie.
 */
interface ArchChoice {
  readonly enable: boolean
  readonly why: string
  readonly force: boolean
  /** ARCH_LOW_ADDRESS_LIMIT; null: anywhere (SWIOTLB_ANY). */
  readonly below: number | null
}

function round_up_default_nslabs(b: Boot): void {
  if (b.areas === null) return
  if (b.nslabs < IO_TLB_SEGSIZE * b.areas) {
    b.nslabs = roundup_pow_of_two(IO_TLB_SEGSIZE * b.areas)
    b.limited_by = `areas: ${b.areas} of at least 128 slots`
    b.steps.push({
      what: `raised to ${b.areas} areas of 128 slots`,
      slots: b.nslabs,
      source: 'round_up_default_nslabs()'
    })
  } else if (!isPowerOf2(b.nslabs)) {
    b.nslabs = roundup_pow_of_two(b.nslabs)
    b.limited_by += ', rounded up to a power of two'
    b.steps.push({ what: 'rounded up to a power of two', slots: b.nslabs, source: 'round_up_default_nslabs()' })
  }
}

// early_param("swiotlb")
function setup_io_tlb_npages(b: Boot): void {
  const { param } = b
  b.notes.push(...param.notes)
  b.steps.push(
    param.nslabs === null
      ? { what: 'default', slots: b.nslabs, source: 'IO_TLB_DEFAULT_SIZE' }
      : {
          what: 'swiotlb= on the command line, in whole segments of 128 slots',
          slots: b.nslabs,
          source: 'setup_io_tlb_npages()'
        }
  )
  if (b.areas !== null) round_up_default_nslabs(b)
}

function swiotlb_adjust_size(b: Boot, bytes: number, why: string, what: string, from: string): void {
  if (b.nslabs !== DEFAULT_SLABS) return
  if (b.param.nslabs === DEFAULT_SLABS) {
    if (has('size_was_set', b.v)) return
    b.notes.push(
      'swiotlb=32768 is the default size, which the kernel takes for no setting at all: the platform still adjusts it'
    )
  }
  b.nslabs = align(Math.floor(align(bytes, IO_TLB_SIZE) / IO_TLB_SIZE), IO_TLB_SEGSIZE)
  b.limited_by = why
  b.steps.push({ what, slots: b.nslabs, source: from })
  round_up_default_nslabs(b)
}

// arch/x86/mm/mem_encrypt.c: mem_encrypt_setup_arch(); arch/x86/kernel/pci-dma.c: iommu_setup(), pci_iommu_alloc().
function x86(b: Boot): ArchChoice {
  const { q, v } = b
  const { platform } = b
  const encryptedGuest = platform.guest
  if (platform.poolPercent !== null && has(platform.poolPercent, v)) {
    const percent = Math.floor((b.ram * 6) / 100)
    const why =
      percent > GiB
        ? '1 GiB clamp (6% of RAM would be more)'
        : percent < IO_TLB_DEFAULT_SIZE
          ? '64 MiB minimum (6% of RAM would be less)'
          : '6% of RAM'
    swiotlb_adjust_size(
      b,
      Math.min(Math.max(percent, IO_TLB_DEFAULT_SIZE), GiB),
      why,
      `6 % of RAM (${sizeText(percent)}), at least 64 MiB, at most 1 GiB`,
      source('guest_percent')
    )
  }
  const words = [...q.cmdline.matchAll(/(?:^|\s)iommu=(\S*)/g)].flatMap((m) => (m[1] ?? '').split(','))
  const off = words.some((w) => w.startsWith('off'))
  const soft = words.some((w) => w.startsWith('soft'))
  const xen = q.xen ?? null
  // max_possible_pfn: RAM, or memory that may come later (SRAT), above 4 GiB.
  const highest = Math.max(mapEnd(b.map), q.hotplug_end ?? 0)
  const high = highest > 4 * GiB
  if (high && mapEnd(b.map) <= 4 * GiB && !off)
    b.notes.push(
      'RAM ends below 4 GiB, but firmware says that memory may come above it (hotplug): that makes a pool too'
    )
  if (soft) b.notes.push('iommu=soft: a pool whatever the RAM')
  if (xen !== null)
    b.notes.push(
      xen === 'dom0'
        ? 'Xen dom0 (PV): always a pool, of machine-contiguous pages; buffers bounce that are not contiguous in ' +
            'machine memory, whatever the mask'
        : 'a Xen PV guest has a pool only with RAM above 4 GiB or with passed-through PCI devices'
    )
  const enable = soft || platform.conversion !== 'none' || xen === 'dom0' || (high && !(off && xen === null))
  const any = (encryptedGuest && q.swiotlb_any === true) || xen !== null
  return {
    enable,
    why: off ? 'iommu=off on the command line' : 'no RAM above 4 GiB, and nothing forces bouncing',
    force: encryptedGuest && !no_force(b),
    below: any ? null : 4 * GiB
  }
}

/**
 * arm64: the first byte behind ZONE_DMA (arm64_dma_phys_limit). arch/arm64/mm/init.c: max_zone_phys(),
 * zone_sizes_init(), dma_limits_init().
 */
function arm64_dma_phys_limit(b: Boot): number {
  const [start, end] = [mapStart(b.map), mapEnd(b.map)]
  if (b.q.zone_dma_end !== undefined) return Math.min(b.q.zone_dma_end, end)
  if (has('zone_dma_firmware', b.v)) return start >= 4 * GiB ? end : Math.min(4 * GiB, end)
  const bits = has('zone_dma_30', b.v) ? GiB : 4 * GiB
  return Math.min(Math.floor(start / bits) * bits + bits, end)
}

// arch/arm64/mm/init.c: mem_init(), from 6.16 on arch_mm_preinit().
function arm64(b: Boot): ArchChoice {
  const limit = arm64_dma_phys_limit(b)
  const guest = b.platform.forcesSwiotlb
  const realm = guest && !has('no_realm', b.v)
  const beyond = mapEnd(b.map) > limit
  let enable = beyond || realm
  if (!enable && has('kmalloc_pool', b.v)) {
    kmalloc_pool(b)
    enable = true
    if (guest)
      b.notes.push(
        'this kernel gives a realm no larger pool than any arm64 machine whose RAM is all in ZONE_DMA, although ' +
          'every device of a realm that is not accepted bounces: ask for more with swiotlb=SLOTS'
      )
  }
  if (b.q.zone_dma_end !== undefined)
    b.notes.push(
      `ZONE_DMA ends at ${hex(limit)}: ${beyond ? 'RAM lies behind it' : 'no RAM lies behind it'}, and that decides`
    )
  return {
    enable,
    why:
      `all RAM lies in ZONE_DMA (below ${limit === 4 * GiB || limit === mapEnd(b.map) ? '4 GiB' : hex(limit)}), ` +
      'and nothing forces bouncing',
    force: realm && !no_force(b),
    below: limit
  }
}

// CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC: a small pool where no device needs one for its mask.
function kmalloc_pool(b: Boot): void {
  const bytes = Math.min(b.nslabs * IO_TLB_SIZE, Math.ceil(b.ram / 1024))
  swiotlb_adjust_size(
    b,
    bytes,
    'RAM/1024 (only unaligned kmalloc buffers bounce)',
    `RAM/1024 = ${sizeText(Math.ceil(b.ram / 1024))} for unaligned kmalloc buffers, at most 64 MiB`,
    source('kmalloc_pool')
  )
  b.assumptions.push(`the kernel is built with CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC, the default of ${b.arch}`)
}

// arch/riscv/mm/init.c: mem_init(), arch_mm_preinit().
function riscv(b: Boot): ArchChoice {
  const limit = Math.min(4 * GiB, mapEnd(b.map))
  const beyond = mapEnd(b.map) > limit && mapStart(b.map) < limit
  let enable = beyond
  let below: number | null = limit
  if (!enable && has('kmalloc_pool', b.v)) {
    kmalloc_pool(b)
    b.assumptions.push('the machine has devices that are not cache-coherent')
    enable = true
    below = null
  }
  return { enable, why: 'no RAM above 4 GiB, and nothing forces bouncing', force: false, below }
}

// arch/s390/mm/init.c: pv_init().
function s390(b: Boot): ArchChoice {
  const enable = b.platform.guest
  return {
    enable,
    why: 'only protected guests have a pool on s390',
    force: enable && !no_force(b),
    below: has('s390_any', b.v) ? null : 2 * GiB
  }
}

const arches: Readonly<Record<SizingArch, (b: Boot) => ArchChoice>> = { x86, arm64, riscv, s390 }

const no_force = (b: Boot): boolean => parseSizingKernel(b.q.kernel)?.noForce === true

/** The pool of one boot. The error says why the question has no answer. */
export function sizePool(q: SizingRequest): Result<Sizing, string> {
  const kernel = parseSizingKernel(q.kernel)
  if (!kernel) return err(`'${q.kernel}' is no kernel version or series`)
  const platform = platformByName(q.platform)
  if (platform === undefined) return err(`'${q.platform}' is no platform`)
  const rulesOf = own(sizingPlatforms, platform.name) as SizingArch
  const arch = platform.arch === 'any' ? (q.arch ?? rulesOf) : rulesOf
  const v = kernel.version
  const { since } = platform
  const older = since !== null && v < parseVersion(since.release)
  if (older && 'lacks' in since && vendorOf(q.kernel) === null) return err(`${q.kernel} has ${since.lacks}`)
  if (!(q.ram >= 16 * MiB)) return err('RAM must be at least 16M')
  if (!(q.cpus >= 1 && Number.isInteger(q.cpus))) return err('the number of CPUs must be a whole number, at least 1')

  const whole =
    q.ranges && q.ranges.length > 0
      ? { map: normalMap(q.ranges), how: 'the memory map of the log' }
      : assumedMap(arch, q.ram, q.low_ram, q.ram_start)
  const map = limitMemory(whole.map, arch, q.cmdline)
  const param = parseSwiotlbParam(q.cmdline, v)
  const b: Boot = {
    q,
    v,
    platform,
    arch,
    map,
    ram: mapBytes(map),
    how: whole.how,
    param,
    nslabs: param.nslabs ?? DEFAULT_SLABS,
    areas: param.nareas,
    limited_by: param.nslabs === null ? '64 MiB default' : 'command line',
    steps: [],
    notes: [],
    assumptions: []
  }
  if (older && 'instead' in since)
    b.notes.push(`${since.name} came with ${since.release}: on ${q.kernel} this is ${since.instead}`)
  if (b.ram !== mapBytes(whole.map))
    b.notes.push(`mem= leaves ${sizeText(b.ram)} of RAM${arch === 'x86' ? ', all of it below that address' : ''}`)
  setup_io_tlb_npages(b)
  const choice = arches[arch](b)
  const sizing = swiotlb_init_remap(b, choice)
  sizing.notes.push(...caveats(b, kernel.noForce, sizing.slots > 0))
  return ok(sizing)
}

type Building = { -readonly [K in keyof Sizing]: Sizing[K] } & { notes: string[]; assumptions: string[] }

const below = (limit: number | null): string =>
  limit === null ? 'all RAM' : limit % GiB === 0 ? `${limit / GiB} GiB` : hex(limit)

function swiotlb_init_remap(b: Boot, choice: ArchChoice): Building {
  const { q, v, param } = b
  const none = (limited_by: string, force: boolean): Building => ({
    bytes: 0,
    slots: 0,
    areas: 0,
    limited_by,
    force_bounce: force,
    steps: b.steps,
    assumptions: b.assumptions,
    notes: b.notes
  })
  if (!choice.enable && !param.force) {
    b.assumptions.push(where(b))
    return none(`no pool: ${choice.why}`, false)
  }
  if (param.noforce) {
    if (b.platform.forcesSwiotlb)
      b.notes.push('without a pool no device of this guest can do DMA to private memory: noforce makes them all fail')
    return none('no pool: swiotlb=noforce on the command line', false)
  }
  if (!has('areas', v)) b.areas = 1
  else if (b.areas === null) {
    b.areas = roundup_pow_of_two(q.cpus)
    b.steps.push({
      what: `${b.areas} areas: possible CPUs, rounded up to a power of two`,
      slots: b.nslabs,
      source: 'swiotlb_adjust_nareas()'
    })
    round_up_default_nslabs(b)
  }
  const limit_nareas = (n: number): number =>
    has('limit_nareas', v) && b.nslabs < n * IO_TLB_SEGSIZE ? Math.max(1, Math.floor(b.nslabs / IO_TLB_SEGSIZE)) : n
  b.areas = limit_nareas(b.areas)

  // swiotlb_memblock_alloc(): in one piece, from low memory unless the platform may have it anywhere.
  const free = freeInOnePiece(b, choice.below)
  b.assumptions.push(free.how)
  const wanted = b.nslabs
  while (b.nslabs * IO_TLB_SIZE > free.bytes) {
    if (!has('halving', v) || b.nslabs <= IO_TLB_MIN_SLABS) {
      b.notes.push(
        has('halving', v)
          ? 'even 1 MiB could not be had'
          : `${q.kernel} does not try less (halving came with 6.2 and 6.1.y): it boots without a pool; ask for ` +
              'less with swiotlb='
      )
      return none(
        `low memory: ${sizeText(wanted * IO_TLB_SIZE)} cannot be had in one piece below ${below(choice.below)}`,
        param.force || choice.force
      )
    }
    b.nslabs = align(Math.floor(b.nslabs / 2), IO_TLB_SEGSIZE)
    b.areas = limit_nareas(b.areas)
    b.limited_by =
      choice.below === null
        ? 'RAM'
        : `low memory: no more than ${sizeText(free.bytes)} in one piece below ${below(choice.below)}`
    b.steps.push({
      what: `halved: ${sizeText(b.nslabs * IO_TLB_SIZE * 2)} cannot be had in one piece below ${below(choice.below)}`,
      slots: b.nslabs,
      source: 'swiotlb_init_remap()'
    })
  }
  if (param.nslabs !== null && param.nslabs < IO_TLB_MIN_SLABS && b.limited_by.startsWith('command line'))
    b.notes.push(`a pool of ${param.nslabs} slots is smaller than the 1 MiB the kernel itself would stop at`)
  if (!isPowerOf2(wanted)) b.notes.push(`${q.kernel} does not round the pool to a power of two (areas came with 6.0)`)
  return {
    bytes: b.nslabs * IO_TLB_SIZE,
    slots: b.nslabs,
    areas: b.areas,
    limited_by: b.limited_by,
    force_bounce: param.force || choice.force,
    steps: b.steps,
    assumptions: b.assumptions,
    notes: b.notes
  }
}

const where = (b: Boot): string =>
  `${b.how}: ${sizeText(mapBytes(mapBelow(b.map, 4 * GiB)))} of RAM below 4 GiB, ` +
  `${mapEnd(b.map) > 4 * GiB ? `the last byte at ${hex(mapEnd(b.map) - 1)}` : 'none above'}`

/** Memory free in one piece when the pool is allocated, and what that is taken from. */
function freeInOnePiece(b: Boot, limit: number | null): { readonly bytes: number; readonly how: string } {
  if (limit === null) return { bytes: Math.max(0, b.ram - ASSUMED_TAKEN), how: 'the pool may lie anywhere in RAM' }
  if (b.q.low_free !== undefined)
    return { bytes: b.q.low_free, how: `${sizeText(b.q.low_free)} free in one piece below ${below(limit)}, as given` }
  const bytes = Math.max(0, longest(without(mapBelow(b.map, limit), b.q.reserved ?? [])) - ASSUMED_TAKEN)
  return {
    bytes,
    how:
      `${sizeText(bytes)} free in one piece below ${below(limit)} (${b.how}: ` +
      `${sizeText(mapBytes(mapBelow(b.map, limit)))} of RAM below ${below(limit)}, less ${sizeText(ASSUMED_TAKEN)} ` +
      'for firmware, kernel and initrd)'
  }
}

/** What the reader must know about the kernel itself. */
function caveats(b: Boot, noForce: boolean, pool: boolean): string[] {
  const { q, v } = b
  const out: string[] = []
  if (noForce && b.platform.forcesSwiotlb && !b.param.force && pool) {
    out.push(
      'nothing is forced, but a device that is not accepted (T=0) reaches only shared memory, so that each of ' +
        `its mappings bounces all the same; no released kernel accepts devices: on ${q.platform} all of them bounce`
    )
  }
  const vendor = vendorOf(q.kernel)
  if (vendor) out.push(`${vendor.caveat}. The rules of ${formatVersion(v)} are applied`)
  if (v >= kernelVersion(7, 4))
    out.push(
      '7.4 rounds slots in another way (d5093dbca791, queued in Oct 2026; its text was not read): sizes that are ' +
        'no power of two may differ'
    )
  if (v > NEWEST)
    out.push(
      `${q.kernel} is newer than any kernel whose rules are known here: those of ${formatVersion(NEWEST)} are applied`
    )
  if (v < kernelVersion(6, 12)) out.push('rules before 6.12 are from the commits named, not from a recorded kernel')
  return out
}

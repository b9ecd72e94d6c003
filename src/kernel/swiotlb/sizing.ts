// How large a pool a kernel gives itself at boot: setup_io_tlb_npages(), the architecture's adjustment, swiotlb_init_remap() with its areas
// and its halving, in that order (kernel/dma/swiotlb.c, arch/x86/mm/mem_encrypt.c, arch/x86/kernel/pci-dma.c, arch/arm64/mm/init.c; read from
// 6.12.117). Rules that came later or earlier are in `sizingRules`, with the commit. What no source can tell, how much memory below 4 GiB is
// free in one piece, is an assumption that the result names and that can be set.
import { GiB, KiB, MiB, type Result, err, ok } from '../../base/index.ts'
import { IO_TLB_DEFAULT_SIZE, IO_TLB_SEGSIZE, IO_TLB_SIZE } from './pool.ts'

const IO_TLB_MIN_SLABS = MiB / IO_TLB_SIZE
const DEFAULT_SLABS = IO_TLB_DEFAULT_SIZE / IO_TLB_SIZE

/** `major.minor` as a number that compares: 6.12 -> 6012. */
export type KernelVersion = number
export const kernelVersion = (major: number, minor: number): KernelVersion => major * 1000 + minor
export const formatVersion = (v: KernelVersion): string => `${Math.floor(v / 1000)}.${v % 1000}`

/** One rule of pool sizing and the release it came with. */
export interface SizingRule {
  readonly id: 'sev_percent' | 'guest_percent' | 'areas' | 'halving' | 'limit_nareas' | 'kmalloc_pool' | 'dynamic' | 'realm' | 'no_force' | 's390_any' | 'track_hiwater'
  readonly since: string
  readonly what: string
  readonly source: string
}

/** Rules by the mainline release that has them first; stable kernels may have them earlier. */
export const sizingRules: readonly SizingRule[] = [
  { id: 'sev_percent', since: '5.11', what: 'SEV guests: 6 % of RAM, at least 64 MiB, at most 1 GiB', source: 'e998879d4fb7 (Dec 2020)' },
  { id: 'guest_percent', since: '5.16', what: 'the same for every x86 guest with encrypted memory, TDX too', source: '4d96f9109109 (Sep 2021)' },
  { id: 'areas', since: '6.0', what: 'the pool is split into areas, one a possible CPU; its size becomes a power of two', source: '20347fca71a3 (Jul 2022)' },
  { id: 'halving', since: '6.2', what: 'when the memory cannot be had, half is tried, down to 1 MiB; before there was no pool at all (6.1.y has it since Jul 2023)', source: '8d58aa484920 (Oct 2022)' },
  { id: 'limit_nareas', since: '6.5', what: 'an area has at least 128 slots: fewer areas when the pool is small', source: '8ac04063354a (Jun 2023)' },
  { id: 'kmalloc_pool', since: '6.5', what: 'arm64 without a need for bouncing keeps RAM/1024 for unaligned kmalloc buffers', source: 'CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC (Jun 2023)' },
  { id: 'dynamic', since: '6.6', what: 'the pool can grow at run time, if built with CONFIG_SWIOTLB_DYNAMIC', source: '1aaa736815eb (Aug 2023)' },
  { id: 'realm', since: '6.13', what: 'Arm realms bounce everything', source: 'fbf979a01375 (Oct 2024)' },
  { id: 'no_force', since: '7.3', what: 'no platform forces bouncing: whether a device bounces follows from its own state', source: '04a19b35dc05 (Jul 2026)' },
  { id: 's390_any', since: '7.3', what: 's390 protected guests may have the pool anywhere in memory', source: 'f38ab0d7f549 (Jul 2026)' },
  { id: 'track_hiwater', since: '7.3', what: 'the high-water mark is counted only with swiotlb=...,track_hiwater', source: 'read in the tree that carries the cc-shared series; release inferred' }
]

/** The mainline release that a revision of a patch series is based on, for sizing. */
const seriesBase: Readonly<Record<string, string>> = {
  'rfc-v1': '6.16', 'rfc-v1-05': '6.16', 'tio-v2': '6.19', 'cc-v4': '7.1', 'cc-v6': '7.1', 'cc-v7': '7.1', 'cc-v8': '7.3'
}
/** Series since v3 have no SWIOTLB_FORCE. */
const seriesNoForce = ['cc-v4', 'cc-v6', 'cc-v7', 'cc-v8']

export const sizingKernelNames: readonly string[] = ['linux-6.12', 'linux-6.15', 'linux-7.1', 'linux-7.3', ...Object.keys(seriesBase)]

/** `linux-6.12`, `6.12.117-1`, `v6.6`, `5.15`, or the name of a series. Null when it is none of these. */
export function parseSizingKernel(text: string): { readonly name: string; readonly version: KernelVersion; readonly noForce: boolean } | null {
  const base = seriesBase[text]
  const m = /^(?:linux-|v)?(\d+)\.(\d+)(?:[.+-].*)?$/.exec(base ?? text)
  if (!m) return null
  const version = kernelVersion(Number(m[1]), Number(m[2]))
  return { name: text, version, noForce: seriesNoForce.includes(text) || version >= kernelVersion(7, 3) }
}

export type SizingArch = 'x86' | 'arm64' | 's390'
export const sizingPlatforms: Readonly<Record<string, SizingArch>> = {
  'arm-cca': 'arm64', 'amd-sev-snp': 'x86', 'intel-tdx': 'x86', pkvm: 'arm64', 's390-pv': 's390', 'amd-sme-host': 'x86', none: 'x86'
}

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
  /** Largest free stretch of memory below the limit (4 GiB, s390: 2 GiB) when the pool is allocated, in bytes. */
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

/** What swiotlb= said, after all its occurrences. */
export interface SwiotlbParam {
  /** As the kernel keeps it; null: not given. */
  readonly nslabs: number | null
  readonly nareas: number | null
  readonly force: boolean
  readonly noforce: boolean
  readonly notes: readonly string[]
}

const align = (n: number, a: number): number => Math.ceil(n / a) * a
const isPowerOf2 = (n: number): boolean => n > 0 && 2 ** Math.round(Math.log2(n)) === n
const roundup_pow_of_two = (n: number): number => 2 ** Math.ceil(Math.log2(n))

// simple_strtoul(str, &end, 0): decimal, 0x hexadecimal, leading 0 octal.
function strtoul(text: string): { value: number; rest: string } {
  const m = /^0x[0-9a-f]+/i.exec(text) ?? /^0[0-7]*(?![0-9])/.exec(text) ?? /^[1-9]\d*/.exec(text) ?? /^0[0-7]*/.exec(text)
  const digits = m?.[0] ?? ''
  const value = /^0x/i.test(digits) ? Number.parseInt(digits, 16) : digits.length > 1 && digits.startsWith('0') ? Number.parseInt(digits, 8) : Number(digits)
  return { value, rest: text.slice(digits.length) }
}

/** setup_io_tlb_npages() for each `swiotlb=` of a command line, in order: what each leaves behind, and what the kernel silently ignores. */
export function parseSwiotlbParam(cmdline: string, version: KernelVersion): SwiotlbParam {
  let nslabs: number | null = null
  let nareas: number | null = null
  let force = false
  let noforce = false
  const notes: string[] = []
  const given = cmdline.split(/\s+/).filter((w) => w.startsWith('swiotlb='))
  if (given.length > 1) notes.push(`swiotlb= is given ${given.length} times: a later size or number of areas replaces an earlier one, force and noforce stay`)
  for (const word of given) {
    let s = word.slice('swiotlb='.length)
    if (/^\d/.test(s)) {
      const n = strtoul(s)
      nslabs = align(n.value, IO_TLB_SEGSIZE)
      s = n.rest
    }
    if (s.startsWith(',')) s = s.slice(1)
    if (version >= kernelVersion(6, 0)) {
      if (/^\d/.test(s)) {
        const n = strtoul(s)
        nareas = n.value === 0 ? 1 : roundup_pow_of_two(n.value)
        if (nareas !== n.value) notes.push(`${n.value} areas become ${nareas}: their number is a power of two`)
        s = n.rest
      }
      if (s.startsWith(',')) s = s.slice(1)
    }
    let known = s === ''
    if (version >= kernelVersion(7, 3)) {
      if (s.startsWith('force')) {
        force = true
        s = s.slice(5)
      } else if (s.startsWith('noforce')) {
        noforce = true
        s = s.slice(7)
      }
      if (s.startsWith(',')) s = s.slice(1)
      known = s === '' || s.startsWith('track_hiwater')
    } else if (s === 'force') {
      force = true
      known = true
    } else if (s === 'noforce') {
      noforce = true
      known = true
    }
    if (!known) {
      const unit = /^([KMGT])i?B?\b/i.exec(s)
      if (unit && nslabs !== null) {
        const n = strtoul(word.slice('swiotlb='.length)).value
        const bytes = n * 1024 ** ('KMGT'.indexOf((unit[1] ?? 'K').toUpperCase()) + 1)
        notes.push(`'${word}': the number counts slots of 2 KiB, not bytes; '${s}' is ignored and ${n} slots are ${sizeText(nslabs * IO_TLB_SIZE)}; for ${sizeText(bytes)} write swiotlb=${bytes / IO_TLB_SIZE}`)
      } else if (/^(no)?force,/.test(s)) notes.push(`'${word}': force and noforce must come last (swiotlb=SLOTS,AREAS,force); '${s}' is ignored`)
      else notes.push(`'${word}': '${s}' means nothing to the kernel and is ignored without a message`)
    }
  }
  return { nslabs, nareas, force, noforce, notes }
}

/** The pool that a machine of `slots` and `areas` boots with under this command line: setup_io_tlb_npages(), round_up_default_nslabs(), limit_nareas(). 0 slots: none. */
export function bootPool(cmdline: string, version: KernelVersion, slots: number, areas: number): { readonly slots: number; readonly areas: number; readonly force: boolean } {
  const param = parseSwiotlbParam(cmdline, version)
  if (param.noforce) return { slots: 0, areas: 0, force: param.force }
  if (param.nslabs === null && param.nareas === null) return { slots, areas, force: param.force }
  const nareas = param.nareas ?? areas
  const asked = param.nslabs ?? slots
  const nslabs = version < kernelVersion(6, 0) ? asked : roundup_pow_of_two(Math.max(asked, IO_TLB_SEGSIZE * nareas))
  return { slots: nslabs, areas: Math.min(nareas, Math.max(1, Math.floor(nslabs / IO_TLB_SEGSIZE))), force: param.force }
}

/** A size for reading: whole units where it has one. */
export const sizeText = (bytes: number): string => {
  if (bytes >= GiB && bytes % (GiB / 4) === 0) return `${bytes / GiB} GiB`
  if (bytes >= MiB) return `${Number.isInteger(bytes / MiB) ? bytes / MiB : (bytes / MiB).toFixed(1)} MiB`
  return bytes % KiB === 0 ? `${bytes / KiB} KiB` : `${bytes} bytes`
}

/** Memory that firmware, kernel image, initrd and page tables are assumed to have cut off the low stretch before the pool is allocated. */
const ASSUMED_TAKEN = 128 * MiB

// Where RAM lies: below the pool's address limit, and whether any is above 4 GiB. QEMU's layouts, unless the caller knows better: q35 puts all
// RAM below 4 GiB up to 2.75 GiB and 2 GiB of it from there on (the recordings: 4 GiB, 2 of them low); virt begins at 1 GiB.
function layout(arch: SizingArch, ram: number, low_ram: number | undefined): { readonly low: number; readonly above4G: boolean; readonly how: string } {
  if (low_ram !== undefined) {
    const low = Math.min(ram, low_ram)
    return { low, above4G: ram > low, how: `${sizeText(low)} of RAM in low memory, as given` }
  }
  if (arch === 'x86') {
    const low = ram >= 2816 * MiB ? 2 * GiB : ram
    return { low, above4G: ram > low, how: `QEMU's q35: ${sizeText(low)} of RAM below 4 GiB` }
  }
  if (arch === 'arm64') {
    const low = Math.min(ram, 3 * GiB)
    return { low, above4G: ram > low, how: `QEMU's virt: RAM begins at 1 GiB, ${sizeText(low)} of it below 4 GiB` }
  }
  const low = Math.min(ram, 2 * GiB)
  return { low, above4G: ram > 4 * GiB, how: `RAM begins at 0, ${sizeText(low)} of it below 2 GiB` }
}

/** Largest single mapping, in bytes, whatever the pool's size. */
export const LARGEST_MAPPING = IO_TLB_SEGSIZE * IO_TLB_SIZE

/** swiotlb_max_mapping_size(): the largest single mapping of a device with this min_align_mask, in bytes. */
export const maxMappingSize = (min_align_mask: number): number => LARGEST_MAPPING - (min_align_mask === 0 ? 0 : align(min_align_mask, IO_TLB_SIZE))

const has = (id: SizingRule['id'], version: KernelVersion): boolean => {
  const since = sizingRules.find((r) => r.id === id)?.since.split('.').map(Number) ?? [99, 0]
  return version >= kernelVersion(since[0] ?? 99, since[1] ?? 0)
}
const source = (id: SizingRule['id']): string => sizingRules.find((r) => r.id === id)?.source ?? ''

/** The newest release whose rules were read. */
const NEWEST = kernelVersion(7, 3)

/** The pool of one boot. The error says why the question has no answer. */
export function sizePool(q: SizingRequest): Result<Sizing, string> {
  const kernel = parseSizingKernel(q.kernel)
  if (!kernel) return err(`'${q.kernel}' is no kernel version or series`)
  const platformArch = sizingPlatforms[q.platform]
  if (!platformArch) return err(`'${q.platform}' is no platform`)
  const arch = q.platform === 'none' ? q.arch ?? platformArch : platformArch
  const v = kernel.version
  if (q.platform === 'arm-cca' && !has('realm', v)) return err(`${q.kernel} has no realm guest support (it came with 6.13)`)
  if (q.platform === 'intel-tdx' && v < kernelVersion(5, 19)) return err(`${q.kernel} has no TDX guest support (it came with 5.19)`)
  if (!(q.ram >= 16 * MiB)) return err('RAM must be at least 16M')
  if (!(q.cpus >= 1 && Number.isInteger(q.cpus))) return err('the number of CPUs must be a whole number, at least 1')

  const steps: SizingStep[] = []
  const notes: string[] = []
  const assumptions: string[] = []
  if (q.platform === 'amd-sev-snp' && v < kernelVersion(5, 19)) notes.push(`SNP guests came with 5.19: on ${q.kernel} this is a SEV or SEV-ES guest`)
  const encryptedGuest = q.platform === 'amd-sev-snp' || q.platform === 'intel-tdx'

  const mem = /(?:^|\s)mem=(\d+)([KMG])\b/i.exec(q.cmdline)
  const ram = mem ? Math.min(q.ram, Number(mem[1]) * 1024 ** ('KMG'.indexOf((mem[2] ?? 'K').toUpperCase()) + 1)) : q.ram
  if (ram !== q.ram) notes.push(`mem= leaves ${sizeText(ram)} of RAM`)
  const where = layout(arch, ram, q.low_ram)

  // early_param("swiotlb")
  const param = parseSwiotlbParam(q.cmdline, v)
  notes.push(...param.notes)
  let nslabs = param.nslabs ?? DEFAULT_SLABS
  let limited_by = param.nslabs === null ? '64 MiB default' : 'command line'
  steps.push(param.nslabs === null ? { what: 'default', slots: nslabs, source: 'IO_TLB_DEFAULT_SIZE' } : { what: 'swiotlb= on the command line, in whole segments of 128 slots', slots: nslabs, source: 'setup_io_tlb_npages()' })
  let areas = param.nareas
  const round_up_default_nslabs = (): void => {
    if (areas === null) return
    if (nslabs < IO_TLB_SEGSIZE * areas) {
      nslabs = roundup_pow_of_two(IO_TLB_SEGSIZE * areas)
      limited_by = `areas: ${areas} of at least 128 slots`
      steps.push({ what: `raised to ${areas} areas of 128 slots`, slots: nslabs, source: 'round_up_default_nslabs()' })
    } else if (!isPowerOf2(nslabs)) {
      nslabs = roundup_pow_of_two(nslabs)
      limited_by += ', rounded up to a power of two'
      steps.push({ what: 'rounded up to a power of two', slots: nslabs, source: 'round_up_default_nslabs()' })
    }
  }
  if (areas !== null) round_up_default_nslabs()

  // The architecture: is there a pool, is it forced, and swiotlb_adjust_size().
  const swiotlb_adjust_size = (bytes: number, why: string, what: string, from: string): void => {
    if (nslabs !== DEFAULT_SLABS) return
    if (param.nslabs === DEFAULT_SLABS) notes.push('swiotlb=32768 is the default size, which the kernel takes for no setting at all: the platform still adjusts it')
    nslabs = align(Math.floor(align(bytes, IO_TLB_SIZE) / IO_TLB_SIZE), IO_TLB_SEGSIZE)
    limited_by = why
    steps.push({ what, slots: nslabs, source: from })
    round_up_default_nslabs()
  }
  let enable: boolean
  let flagForce = false
  let why: string
  if (arch === 'x86') {
    if (encryptedGuest && has(q.platform === 'amd-sev-snp' ? 'sev_percent' : 'guest_percent', v)) {
      const percent = Math.floor((ram * 6) / 100)
      const bytes = Math.min(Math.max(percent, IO_TLB_DEFAULT_SIZE), GiB)
      swiotlb_adjust_size(bytes, percent > GiB ? '1 GiB clamp (6% of RAM would be more)' : percent < IO_TLB_DEFAULT_SIZE ? '64 MiB minimum (6% of RAM would be less)' : '6% of RAM', `6 % of RAM (${sizeText(percent)}), at least 64 MiB, at most 1 GiB`, source('guest_percent'))
    }
    const noIommu = /(?:^|\s)iommu=(?:\S*,)?off\b/.test(q.cmdline)
    const limit = where.above4G && !noIommu
    enable = limit || encryptedGuest || q.platform === 'amd-sme-host'
    flagForce = encryptedGuest
    why = enable ? '' : noIommu ? 'iommu=off on the command line' : 'no RAM above 4 GiB, and nothing forces bouncing'
  } else if (arch === 'arm64') {
    const realm = q.platform === 'arm-cca'
    enable = where.above4G || realm
    flagForce = realm
    why = enable ? '' : 'all RAM lies below 4 GiB, and nothing forces bouncing'
    if (!enable && has('kmalloc_pool', v)) {
      const bytes = Math.min(nslabs * IO_TLB_SIZE, Math.ceil(ram / 1024))
      swiotlb_adjust_size(bytes, 'RAM/1024 (only unaligned kmalloc buffers bounce)', `RAM/1024 = ${sizeText(Math.ceil(ram / 1024))} for unaligned kmalloc buffers, at most 64 MiB`, source('kmalloc_pool'))
      enable = true
      assumptions.push('the kernel is built with CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC, the default of arm64')
    }
  } else {
    enable = q.platform === 's390-pv'
    flagForce = enable
    why = enable ? '' : 'only protected guests have a pool on s390'
  }
  if (kernel.noForce) flagForce = false

  // swiotlb_init_remap()
  if (!enable && !param.force) return ok({ bytes: 0, slots: 0, areas: 0, limited_by: `no pool: ${why}`, force_bounce: false, steps, assumptions: [where.how], notes })
  if (param.noforce) {
    if (encryptedGuest || q.platform === 'arm-cca' || q.platform === 's390-pv') notes.push('without a pool no device of this guest can do DMA to private memory: noforce makes them all fail')
    return ok({ bytes: 0, slots: 0, areas: 0, limited_by: 'no pool: swiotlb=noforce on the command line', force_bounce: false, steps, assumptions, notes })
  }
  if (!has('areas', v)) {
    areas = 1
  } else if (areas === null) {
    areas = roundup_pow_of_two(q.cpus)
    steps.push({ what: `${areas} areas: possible CPUs, rounded up to a power of two`, slots: nslabs, source: 'swiotlb_adjust_nareas()' })
    round_up_default_nslabs()
  }
  const limit_nareas = (n: number): number => (has('limit_nareas', v) && nslabs < n * IO_TLB_SEGSIZE ? Math.max(1, Math.floor(nslabs / IO_TLB_SEGSIZE)) : n)
  areas = limit_nareas(areas)

  // swiotlb_memblock_alloc(): in one piece, from low memory unless the platform may have it anywhere.
  const any = (arch === 'x86' && encryptedGuest && q.swiotlb_any === true) || (arch === 's390' && has('s390_any', v))
  const below = arch === 's390' ? '2 GiB' : '4 GiB'
  const free = any ? Math.max(0, ram - ASSUMED_TAKEN) : q.low_free ?? Math.max(0, where.low - ASSUMED_TAKEN)
  const freeHow = any ? 'the pool may lie anywhere in RAM' : q.low_free !== undefined ? `${sizeText(q.low_free)} free in one piece below ${below}, as given` : `${sizeText(free)} free in one piece below ${below} (${where.how}, less ${sizeText(ASSUMED_TAKEN)} for firmware, kernel and initrd)`
  assumptions.push(freeHow)
  const wanted = nslabs
  while (nslabs * IO_TLB_SIZE > free) {
    if (!has('halving', v) || nslabs <= IO_TLB_MIN_SLABS) {
      return ok({
        bytes: 0, slots: 0, areas: 0, limited_by: `low memory: ${sizeText(wanted * IO_TLB_SIZE)} cannot be had in one piece below ${below}`, force_bounce: param.force || flagForce, steps, assumptions,
        notes: [...notes, has('halving', v) ? 'even 1 MiB could not be had' : `${q.kernel} does not try less (halving came with 6.2 and 6.1.y): it boots without a pool; ask for less with swiotlb=`]
      })
    }
    nslabs = align(Math.floor(nslabs / 2), IO_TLB_SEGSIZE)
    areas = limit_nareas(areas)
    limited_by = any ? 'RAM' : `low memory: no more than ${sizeText(free)} in one piece below ${below}`
    steps.push({ what: `halved: ${sizeText(nslabs * IO_TLB_SIZE * 2)} cannot be had in one piece below ${below}`, slots: nslabs, source: 'swiotlb_init_remap()' })
  }
  if (param.nslabs !== null && param.nslabs < IO_TLB_MIN_SLABS && limited_by.startsWith('command line')) notes.push(`a pool of ${param.nslabs} slots is smaller than the 1 MiB the kernel itself would stop at`)
  if (!isPowerOf2(wanted)) notes.push(`${q.kernel} does not round the pool to a power of two (areas came with 6.0)`)
  if (kernel.noForce && (encryptedGuest || q.platform === 'arm-cca' || q.platform === 's390-pv') && !param.force) notes.push('nothing is forced: a device bounces when it can reach only shared memory, one by one')
  if (v > NEWEST) notes.push(`${q.kernel} is newer than any kernel whose rules are known here: those of ${formatVersion(NEWEST)} are applied`)
  if (v < kernelVersion(6, 12)) notes.push('rules before 6.12 are from the commits named, not from a recorded kernel')
  return ok({ bytes: nslabs * IO_TLB_SIZE, slots: nslabs, areas, limited_by, force_bounce: param.force || flagForce, steps, assumptions, notes })
}

/** What to write on the command line. */
export interface Advice {
  /** Bytes wished for. */
  readonly want: number
  /** Some setting gives at least that. */
  readonly reachable: boolean
  /** What to write in place of any swiotlb= there is; empty: nothing. When the wish cannot be met, the setting that gives most, or empty. */
  readonly setting: string
  /** What that setting gives. */
  readonly gives: Sizing
  readonly why: string
}

/** Finds the setting whose pool is at least `want` bytes and no larger than needed, by asking sizePool() itself. */
export function advise(q: SizingRequest, want: number): Result<Advice, string> {
  const rest = q.cmdline.split(/\s+/).filter((w) => w !== '' && !w.startsWith('swiotlb='))
  const now = sizePool(q)
  if (!now.ok) return now
  const kernel = parseSizingKernel(q.kernel)
  const old = parseSwiotlbParam(q.cmdline, kernel?.version ?? 0)
  const suffix = old.force ? ',force' : ''
  const tryOne = (setting: string): Sizing | null => {
    const r = sizePool({ ...q, cmdline: [...rest, setting].join(' ') })
    return r.ok ? r.value : null
  }
  if (now.value.bytes === want || (now.value.bytes > want && now.value.bytes / 2 < want)) return ok({ want, reachable: true, setting: '', gives: now.value, why: `the kernel gives ${sizeText(now.value.bytes)} as it is` })

  // Powers of two from the first that holds the wish (before areas, any whole number of segments); areas only where the CPUs' would blow it up.
  const first = Math.max(IO_TLB_SEGSIZE, align(Math.ceil(want / IO_TLB_SIZE), IO_TLB_SEGSIZE))
  const bare = now.value.slots === 0 && !old.noforce ? tryOne(`swiotlb=${first}${suffix}`) : null
  const needsForce = bare !== null && bare.slots === 0 && bare.limited_by.startsWith('no pool')
  const tail = suffix !== '' ? suffix : needsForce ? ',force' : ''
  const sizes = [first, roundup_pow_of_two(first), roundup_pow_of_two(first) * 2]
  let best: { setting: string; s: Sizing } | null = null
  for (const n of sizes) {
    for (const a of ['', `,${Math.max(1, 2 ** Math.floor(Math.log2(n / IO_TLB_SEGSIZE)))}`]) {
      if (a !== '' && kernel !== null && !has('areas', kernel.version)) continue
      const setting = `swiotlb=${n}${a}${tail}`
      const s = tryOne(setting)
      if (s && s.bytes >= want && (best === null || s.bytes < best.s.bytes)) best = { setting, s }
    }
  }
  const said = needsForce ? 'without force there is no pool, as nothing needs one; with force every device bounces. ' : ''
  if (best) {
    const exact = best.s.bytes === want
    const skipped = !exact && isPowerOf2(want) && want === IO_TLB_DEFAULT_SIZE ? '64 MiB (32768 slots) is the default, which the kernel takes for no setting; the next size is ' : ''
    return ok({ want, reachable: true, setting: best.setting, gives: best.s, why: `${said}${skipped}${exact ? `gives ${sizeText(best.s.bytes)}` : `${skipped === '' ? 'the pool is a power of two: gives ' : ''}${sizeText(best.s.bytes)}`}` })
  }
  // Nothing reaches the wish: the largest that any setting gives.
  let most: { setting: string; s: Sizing } | null = null
  for (let n = 512; n <= 2 ** 26; n *= 2) {
    const setting = `swiotlb=${n}${tail}`
    const s = tryOne(setting)
    if (s && s.bytes > 0 && s.slots >= n && (most === null || s.bytes >= most.s.bytes)) most = { setting, s }
  }
  const encrypted = q.platform === 'amd-sev-snp' || q.platform === 'intel-tdx'
  const why = most === null ? `${said}no setting gives a pool: ${now.value.limited_by}` : `${said}the pool must lie in one piece ${q.platform === 's390-pv' ? 'below 2 GiB' : 'below 4 GiB'} (${most.s.assumptions.at(-1) ?? ''}); the largest that fits is ${sizeText(most.s.bytes)}${has('halving', kernel?.version ?? 0) ? ', asking for more gives half and half again until it fits' : ', asking for more gives no pool at all'}.${encrypted && !q.swiotlb_any ? ' A kernel with the patch that gives x86 guests SWIOTLB_ANY is not bound by this (--swiotlb-any).' : ''}${has('dynamic', kernel?.version ?? 0) ? ' With CONFIG_SWIOTLB_DYNAMIC the pool also grows at run time, in pieces that lie below the same limit.' : ''}`
  return ok({ want, reachable: false, setting: most?.setting ?? '', gives: most?.s ?? now.value, why })
}

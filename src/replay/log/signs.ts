// The evidence: one sign a row, what in a log (or in what the user says) shows it, in words that name it. A sign is
// silent when it is not there.
import { GiB } from '../../base/index.ts'
import {
  IO_TLB_SEGSIZE,
  IO_TLB_SIZE,
  LARGEST_MAPPING,
  kernelVersion,
  nr_slots,
  sizeText
} from '../../kernel/swiotlb/index.ts'
import type { Ctx } from './context.ts'
import { trendOf } from './failure.ts'

export const hexOf = (n: number | bigint): string => `0x${n.toString(16)}`

/** A span of time for reading. */
export function span(seconds: number): string {
  if (seconds >= 2 * 86400) return `${Math.round(seconds / 86400)} days`
  if (seconds >= 2 * 3600) return `${Math.round(seconds / 3600)} hours`
  return seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds)} s`
}

const words = (c: Ctx): readonly string[] => (c.cmdline ?? '').split(/\s+/)
const frames = (c: Ctx, p: RegExp): string | null => c.trace?.frames.find((f) => p.test(f.fn))?.fn ?? null
const used = (c: Ctx): readonly [number, number] | null => c.f.used
const total = (c: Ctx): number | null => (c.f.total !== null && c.f.total > 0 ? c.f.total : null)
const trend = (c: Ctx): ReturnType<typeof trendOf> => trendOf(c.f.fills)
/** A pool is taken for full from here on: what is left fits nothing that is asked for. */
const FULL = 0.98
/** Requests up to here are those of rings: frames, commands, completions. */
const SMALL = 16384
/** So many requests under way at once are more than a driver's rings hold. */
const MANY = 4096
/** Physical addresses from here on are beyond the RAM of any machine (64 TiB). */
const NO_RAM = 2n ** 46n
const GIB4 = 4n * BigInt(GiB)
/** The C-bit of the processors that have one: bit 47 on the first EPYC, 51 since. */
const C_BITS = [47, 51]

/** The highest bit of the address, when the address fits without it. */
export function aliasBit(c: Ctx): number | null {
  if (c.addr < 2n ** 32n || c.bound === 0n) return null
  // The alias of an address lies above all RAM.
  if (c.ramEnd !== null && c.addr < BigInt(c.ramEnd)) return null
  const bit = c.addr.toString(2).length - 1
  return c.end - 2n ** BigInt(bit) <= c.bound && c.addr !== 2n ** BigInt(bit) ? bit : null
}

type Sign = (c: Ctx) => string | null | false

export const signs = {
  // How much, and how full.
  over_segment: (c) =>
    c.largest > LARGEST_MAPPING &&
    `${c.largest} bytes at once, and no bounce is larger than ${sizeText(LARGEST_MAPPING)} (128 slots)`,
  few_free: (c) => {
    const u = used(c)
    return (
      u !== null &&
      total(c) !== null &&
      c.f.room === 'pool_full' &&
      `${u[0] === u[1] ? u[0] : `${u[0]} to ${u[1]}`} of ${total(c)} slots in use, fewer left than the request needs`
    )
  },
  no_row: (c) =>
    c.f.room === 'fragmented' &&
    `enough slots are free, but not ${nr_slots(c.largest)} in a row inside a segment of ${IO_TLB_SEGSIZE}`,
  room_somewhere: (c) =>
    c.f.room === 'placement' &&
    `with ${c.f.used?.[0]} of ${c.f.total} slots in use some segment must have had ${nr_slots(c.largest)} free ` +
      'in a row',
  old_message: (c) => c.f.room === 'full_unknown' && 'this kernel does not print how full the pool was',
  to_the_last: (c) => {
    const [u, t] = [used(c), total(c)]
    return (
      u !== null &&
      t !== null &&
      u[0] === t &&
      `all ${t} slots (${sizeText(t * IO_TLB_SIZE)}) are in use, to the last one`
    )
  },
  small_requests: (c) => {
    const n = Math.floor((total(c) ?? 32768) / Math.max(1, nr_slots(c.largest)))
    return (
      c.largest > 0 &&
      c.largest <= SMALL &&
      n >= MANY &&
      `${n} requests of ${c.largest} bytes would have to be under way at once to fill the pool`
    )
  },
  one_device: (c) =>
    c.others.every((o) => o.kind !== 'full' || o.device === c.f.device) &&
    c.f.device !== '' &&
    'only this device complains',
  stays_full: (c) => {
    const [t, n] = [trend(c), total(c)]
    return (
      t !== null &&
      t.seconds >= 60 &&
      n !== null &&
      (used(c)?.[0] ?? 0) >= FULL * n &&
      `the pool is full over ${span(t.seconds)}: it never empties between the messages`
    )
  },
  long_apart: (c) =>
    c.f.first !== null &&
    c.f.last !== null &&
    c.f.last - c.f.first >= 60 &&
    c.f.used === null &&
    `failures over ${span(c.f.last - c.f.first)}`,
  rises: (c) => {
    const t = trend(c)
    return (
      t !== null &&
      t.seconds >= 600 &&
      !t.fell &&
      t.perHour > 1 &&
      c.f.fills.length >= 3 &&
      `the fill only rises, about ${Math.round(t.perHour)} slots an hour`
    )
  },
  falls: (c) => {
    const [t, n] = [trend(c), total(c)]
    return (
      t?.fell === true &&
      n !== null &&
      (used(c)?.[0] ?? 0) < 0.9 * n &&
      `the fill went down to ${used(c)?.[0]} slots between messages: slots do come back`
    )
  },
  nearly_empty: (c) => {
    const [u, t] = [used(c), total(c)]
    return u !== null && t !== null && u[1] < t / 2 && `at most ${u[1]} of ${t} slots are in use`
  },
  counted_by_debug: (c) => {
    const p = c.others.find((o) => o.kind === 'pending')
    return p !== undefined && `DMA-API debug counts ${String(p.args['count'])} mappings that a driver left behind`
  },
  driver_reports: (c) => {
    const d = [...c.read.drivers.values()][0]
    return d !== undefined && `the driver says: ${d.text.slice(0, 100)}`
  },

  // Who bounces, and why at all.
  guest_encrypted: (c) =>
    c.encrypted && c.platform !== null && `${c.platform}: every device that is not accepted reaches only shared memory`,
  bounce_line: (c) => c.boot.encryptedBounce && 'the kernel says that memory is encrypted and devices bounce',
  gib_pool: (c) =>
    c.platform === null &&
    c.bare === null &&
    c.pool?.slots === 524288 &&
    'a pool of exactly 1 GiB is what SEV and TDX guests give themselves',
  forced: (c) => c.param?.force === true && 'swiotlb=force on the command line',
  restricted: (c) => c.boot.restricted > 0 && 'the machine has restricted pools',
  xen: (c) =>
    c.boot.xen !== null && `a Xen PV domain (${c.boot.xen}): buffers bounce that are not contiguous in machine memory`,
  xen_host: (c) =>
    c.boot.xen === null &&
    /^dom0$/i.test(c.boot.host ?? '') &&
    'the host is called dom0: a Xen PV domain bounces what is not contiguous in machine memory',
  not_encrypted: (c) =>
    !c.encrypted &&
    (c.bare !== null || c.platform === 'none') &&
    `${c.bare ?? 'no encrypted memory'}: nothing forces devices to bounce`,
  iommu_off: (c) => {
    const w = words(c).find((x) =>
      /^(?:iommu=\S*\boff|intel_iommu=off|amd_iommu=off|iommu\.passthrough=1|iommu=pt|arm-smmu\.disable_bypass=0)/.test(
        x
      )
    )
    return w !== undefined && `${w} on the command line`
  },
  passthrough: (c) =>
    /passthrough/.test(c.boot.iommu ?? '') && 'the IOMMU passes through (default domain: passthrough)',

  // The address against what the device reaches.
  old_report: (c) =>
    (c.f.id === 'overflow_old' || c.f.id === 'overflow_limit') &&
    'this kernel prints the address when bouncing it has failed',
  fits: (c) =>
    c.bound > 0n &&
    c.addr !== 2n ** 64n - 1n &&
    c.end <= c.bound &&
    `${hexOf(c.addr)}+${String(c.f.args['size'])} fits the device's mask ${hexOf(c.mask)}` +
      `${c.limit > 0n ? ` and its bus limit ${hexOf(c.limit)}` : ''}`,
  all_ones: (c) =>
    c.addr === 2n ** 64n - 1n && 'the address is all ones (DMA_MAPPING_ERROR): the memory has no bus address at all',
  limit_binds: (c) =>
    c.limit > 0n &&
    (c.mask === 0n || c.limit < c.mask) &&
    c.end > c.limit &&
    `the bus limit ${hexOf(c.limit)} is lower than the device's mask ${hexOf(c.mask)}, and ${hexOf(c.addr)} lies ` +
      'beyond it',
  mask_binds: (c) =>
    c.mask > 0n &&
    (c.limit === 0n || c.mask <= c.limit) &&
    c.end > c.mask &&
    `${hexOf(c.addr)} lies beyond the device's mask ${hexOf(c.mask)}` +
      (c.limit === 0n
        ? ' (no bus limit)'
        : c.limit === c.mask
          ? ' (the bus limit is the same)'
          : ` (the bus limit ${hexOf(c.limit)} is wider)`),
  beyond_ram: (c) =>
    c.ramEnd !== null &&
    c.addr >= BigInt(c.ramEnd) &&
    c.addr < 2n ** 64n - 1n &&
    `${hexOf(c.addr)} lies above all RAM of this machine (which ends at ${hexOf(c.ramEnd)})`,
  far_out: (c) =>
    c.ramEnd === null &&
    c.addr >= NO_RAM &&
    c.addr < 2n ** 64n - 1n &&
    `no machine has RAM at ${hexOf(c.addr)} (${sizeText(Number(c.addr / BigInt(1024 * GiB)) * 1024 * GiB)})`,
  odd_address: (c) =>
    c.addr % 4n !== 0n && 'an address that is not even aligned to 4 bytes: a buffer inside something else',
  tiny: (c) => c.f.args['size'] !== undefined && Number(c.f.args['size']) < 128 && `${String(c.f.args['size'])} bytes`,
  in_ram: (c) =>
    c.boot.ranges.some(([first, last]) => c.addr >= BigInt(first) && c.addr <= BigInt(last)) &&
    `${hexOf(c.addr)} is RAM`,
  resource: (c) => {
    const f = frames(c, /^(?:dma_map_resource|dma_direct_map_resource)$/)
    return f !== null && `mapped by ${f}(): device registers (MMIO), not RAM`
  },
  below_4g_high: (c) => c.addr >= 0xe000_0000n && c.addr < GIB4 && 'just below 4 GiB, where device registers lie',
  ram_starts_high: (c) =>
    c.ramStart !== null && c.ramStart >= 4 * GiB && `RAM begins at ${hexOf(c.ramStart)}, above 4 GiB`,
  apple: (c) =>
    /Apple|asahi/i.test(`${c.hardware ?? ''} ${c.kernel ?? ''}`) &&
    `${c.hardware ?? c.kernel}: all RAM of these machines lies above 4 GiB`,
  pool_high: (c) =>
    c.pool?.start != null && c.pool.start >= 4 * GiB && `the pool itself lies at ${hexOf(c.pool.start)}, above 4 GiB`,
  window: (c) =>
    c.limit >= GIB4 &&
    c.mask < c.limit &&
    c.addr > c.mask &&
    c.addr <= c.limit &&
    `${hexOf(c.addr)} is within the bus limit ${hexOf(c.limit)}, which lies beyond 4 GiB: the bus shows RAM at ` +
      'an offset',
  inbound: (c) => {
    const w = c.boot.inbound.find((x) => x.bus !== x.first)
    return (
      w !== undefined && `the host bridge shows RAM ${hexOf(w.first)}..${hexOf(w.last)} at bus address ${hexOf(w.bus)}`
    )
  },
  pi: (c) =>
    /Raspberry|BCM2|-v8\+|-pi4|rpi/i.test(`${c.hardware ?? ''} ${c.kernel ?? ''}`) && `${c.hardware ?? c.kernel}`,
  bus_limit_given: (c) => c.limit > 0n && `a bus limit of ${hexOf(c.limit)}: device tree or ACPI describe this bus`,
  low_pool_misses: (c) =>
    c.mask > 0n &&
    c.mask < 0xffff_ffffn &&
    c.addr < GIB4 &&
    `the device's mask ${hexOf(c.mask)} is below 4 GiB, and so it misses part of low memory`,
  realm: (c) =>
    c.platform === 'arm-cca' &&
    (c.version === null || c.version >= kernelVersion(6, 13)) &&
    'an Arm realm: shared memory is given to devices with the top address bit set',
  realm_alias: (c) => {
    const bit = aliasBit(c)
    return bit !== null && c.f.kind === 'bounce_beyond' && `without bit ${bit} the address would fit`
  },
  no_alias_here: (c) =>
    c.platform !== null && c.platform !== 'arm-cca' && `${c.platform} has no alias in the address of a bounce`,
  no_platform: (c) => c.platform === null && c.bare === null && 'no line says what the machine is',
  c_bit: (c) => {
    const bit = aliasBit(c)
    return (
      bit !== null &&
      C_BITS.includes(bit) &&
      (c.platform === 'amd-sev-snp' || c.platform === 'amd-sme-host') &&
      c.f.kind === 'map_overflow' &&
      `without bit ${bit}, the C-bit of ${c.platform}, the address would fit`
    )
  },
  state_mismatch: (c) =>
    c.encrypted &&
    c.noForce &&
    `from 7.3 on a ${c.platform ?? 'confidential'} guest refuses memory in the wrong state with the same message`,

  // Is there a pool, and why not.
  total_zero: (c) =>
    c.f.kind === 'no_pool' && c.f.args['total'] !== undefined && 'the message says it: total 0 (slots)',
  noforce: (c) => c.param?.noforce === true && 'swiotlb=noforce on the command line',
  no_iommu_word: (c) => {
    const w = c.arch === 'x86' || c.arch === null ? words(c).find((x) => /^iommu=(?:\S*,)?off/.test(x)) : undefined
    return w !== undefined && `${w} on the command line: on x86 it takes the pool away as well`
  },
  alloc_failed: (c) => c.boot.allocFailed !== null && `at boot: ${c.boot.allocFailed}`,
  torn_down: (c) => c.boot.tornDown && 'the kernel gave the pool back at boot: nothing seemed to need it',
  memory_came_later: (c) => c.boot.hotplugged !== null && `memory came after boot: ${c.boot.hotplugged}`,
  low_ram: (c) =>
    c.ramEnd !== null && c.ramEnd <= 4 * GiB && `at boot all RAM lay below 4 GiB (it ended at ${hexOf(c.ramEnd)})`,
  rules_none: (c) => c.sized?.slots === 0 && `by the rules of ${c.kernel} this machine gets ${c.sized.limited_by}`,
  pool_exists: (c) => c.pool !== null && `there is a pool of ${c.pool.slots} slots`,
  decrypted_not: (c) => c.f.kind === 'decrypt' && 'the host refused to share its memory',

  // Coherent memory.
  above_buddy: (c) =>
    c.largest > 4 * 1024 * 1024 &&
    `${sizeText(c.largest)} in one piece: the page allocator gives 4 MiB at most (MAX_PAGE_ORDER, 4 KiB pages)`,
  large_order: (c) =>
    c.largest > 65536 && c.largest <= 4 * 1024 * 1024 && `${sizeText(c.largest)} in one piece of contiguous pages`,
  cma_says: (c) => {
    const f = c.f.id === 'cma_failed' ? c.f : c.others.find((o) => o.id === 'cma_failed')
    return f !== undefined && `CMA could not give ${String(f.args['pages'])} pages`
  },
  cma_none: (c) =>
    c.boot.kernel !== null &&
    c.boot.cma === null &&
    /cma=/.test(c.cmdline ?? '') === false &&
    c.boot.ranges.length > 0 &&
    'the boot lines show no CMA area',
  dma32_zone: (c) => /GFP_DMA32/.test(c.f.message) && 'only pages below 4 GiB were asked for (GFP_DMA32)',
  small_order: (c) => /order:0\b/.test(c.f.message) && 'not even one page was left there',
  coherent_stack: (c) => {
    const f = frames(c, /^(?:__?dma_(?:direct_)?alloc\w*|dma_alloc_\w+|dmam_alloc\w+|swiotlb_alloc\w*)$/)
    return f !== null && `called by ${f}()`
  },
  // Oopses: who was where.
  dynamic_stack: (c) => {
    const f = frames(c, /^swiotlb_(?:dyn_\w+|del_transient|del_pool|alloc_pool|alloc_tlb|free_tlb)$/)
    return f !== null && `${f}() is in the trace: a pool that grows or goes away at run time`
  },
  before_73: (c) => c.version !== null && c.version < kernelVersion(7, 3) && `${c.kernel} is before 7.3`,
  copy_in_bounce: (c) => frames(c, /^swiotlb_bounce$/) !== null && 'the copy of swiotlb_bounce()',
  fault_in_bounce: (c) =>
    (c.trace?.kind === 'oops' || c.trace?.kind === 'panic' || c.trace?.kind === 'stack') &&
    frames(c, /^swiotlb_bounce$/) !== null &&
    'a fault in the copy of swiotlb_bounce()',
  unmap_stack: (c) => {
    const f = frames(
      c,
      /^(?:swiotlb_(?:tbl_)?(?:unmap|sync)\w*|dma_(?:direct_)?(?:unmap|sync)\w*|iommu_dma_(?:unmap|sync)\w*)$/
    )
    return f !== null && `on the way back: ${f}()`
  },
  alloc_bounces: (c) => {
    const at = c.trace?.frames.findIndex((f) => f.fn === 'swiotlb_tbl_map_single') ?? -1
    return (
      at >= 0 &&
      c.trace?.frames.slice(at).some((f) => f.fn === 'swiotlb_alloc') === true &&
      frames(c, /^swiotlb_bounce$/) !== null &&
      'swiotlb_alloc() ended in a copy, which has nothing to copy from'
    )
  },
  arm_leaf: (c) =>
    (c.arch === 'arm64' || c.platform === 'arm-cca' || frames(c, /^__pi_memcpy/) !== null) &&
    (c.boot.encryptedBounce || c.platform === 'arm-cca') &&
    c.version !== null &&
    c.version >= kernelVersion(6, 18) &&
    'arm64 with encrypted memory',
  bug_in_pool: (c) =>
    c.trace?.kind === 'BUG' && /swiotlb\.c/.test(c.trace.at ?? c.trace.headline) && `${c.trace.headline}`,
  sanitizer: (c) =>
    c.trace !== null &&
    (c.trace.kind === 'KASAN' || c.trace.frames.some((f) => /^(?:__asan_|kasan_)/.test(f.fn))) &&
    `KASAN reports the access${c.trace.access === null ? '' : `: ${c.trace.access}`}`,
  wild: (c) =>
    c.trace !== null &&
    /wild-memory-access|null-ptr-deref|user-memory-access/.test(c.trace.headline) &&
    c.trace.headline,
  lockup: (c) => c.trace?.kind === 'lockup' && c.trace.headline,
  coherent_line: (c) =>
    (c.f.id === 'coherent_failed' || c.f.id === 'coherent_failed_old') && 'the kernel says it: a coherent allocation'
} as const satisfies Record<string, Sign>

export type SignId = keyof typeof signs

/** What a sign says of the failure; null when it is not there. */
export const see = (id: SignId, c: Ctx): string | null => signs[id](c) || null

// The machine line of a recording of format 2: what it may say, what is wrong with one, and our kernel booted as it
// says.
import { ensure, nearest, own } from '../base/index.ts'
import type { Platform } from '../machine/index.ts'
import { type Decisions, type DmaZone, revisionByName, type Surroundings } from '../kernel/index.ts'
import { BOUNDARY_ALL_ONES, IO_TLB_SEGSIZE, IO_TLB_SIZE } from '../kernel/swiotlb/index.ts'
import { SurroundedKernel } from '../system/index.ts'
import type { ZoneConfig } from '../kernel-c/index.ts'

/**
 * The recording's words for a platform: ours, and what is not as there. `bit` is the alias or encryption bit as an
 * addend, 0: none.
 */
const PLATFORMS: Readonly<
  Record<string, { readonly platform: string; readonly as: (bit: number) => Partial<Platform> }>
> = {
  none: { platform: 'none', as: () => ({}) },
  realm: { platform: 'arm-cca', as: (bit) => ({ sharedBit: () => bit }) },
  pkvm: { platform: 'pkvm', as: () => ({}) },
  snp: { platform: 'amd-sev-snp', as: (bit) => ({ encBit: bit }) },
  // vTOM: sme_me_mask is 0, an address says nothing.
  'snp-vtom': { platform: 'amd-sev-snp', as: () => ({ encBit: 0 }) },
  tdx: { platform: 'intel-tdx', as: () => ({}) },
  sme: { platform: 'amd-sme-host', as: (bit) => ({ encBit: bit }) }
}

/** A revision of ours by its name; `linux-7.3.4`, `linux-7.3-rc4` and what else a release is called: by the release. */
export const revisionOfMachine = (kernel: string): string =>
  revisionByName(kernel) === undefined ? (/^linux-\d+\.\d+/.exec(kernel)?.[0] ?? kernel) : kernel

/** Our name of a recording's platform. */
export const platformOf = (word: string): string => ensure(own(PLATFORMS, word), 'the platform').platform

export const TWO64 = 2 ** 64
const PAGE = 4096

/** The first line, found to be well-formed by wrongMachine(). */
export interface ApiMachine {
  readonly [key: string]: unknown
}

export const number = (v: unknown): number => Number(typeof v === 'string' || typeof v === 'number' ? v : 0)
/** coherent_pool=: bytes. */
const bytes = (text: string): number =>
  Number.parseInt(text, 10) * (/k$/i.test(text) ? 1024 : /m$/i.test(text) ? 1 << 20 : 1)
/** SIZE_MAX is -1. */
export const whole = (n: number): number => (n >= TWO64 ? -1 : n)

interface RecordedRange {
  readonly cpu_start: unknown
  readonly dma_start: unknown
  readonly size: unknown
}
interface Region {
  readonly start: number
  readonly size: number
}
export interface ApiDevice {
  readonly [key: string]: unknown
  readonly id: number
  readonly range: readonly RecordedRange[]
  readonly restricted: number | null
}

/** SWIOTLB_ANY or not: where swiotlb_init_remap() lets the pool grow to. */
const swiotlbLimit = (h: ApiMachine): number => (h['swiotlb_any'] === 1 ? number(h['max_pfn']) * PAGE - 1 : 0xffffffff)

/**
 * Our kernel after the boot that the line describes; what happens on the way goes to `host`, what is said to `said`.
 */
export function bootRecorded(
  h: ApiMachine,
  devices: readonly ApiDevice[],
  host: Surroundings,
  said: (text: string, once: boolean) => void
): SurroundedKernel {
  const named = ensure(own(PLATFORMS, String(h['platform'])), 'the platform')
  const x86 = String(h['build']).startsWith('x86')
  const mixed = String(h['build']).endsWith('+mixed')
  const regions = (h['restricted'] ?? []) as Region[]
  const zones = (h['zones'] as ZoneConfig[]).map((z) => z.name.toLowerCase() as DmaZone)
  const ram = h['ram'] as Array<[number, number]>
  const pool = bytes(String(h['coherent_pool']))
  const accepting: Partial<Decisions> = mixed ? { accept: 'tio-v2', acceptedClearsForce: 'yes' } : {}
  // Whether a pKVM guest of 7.2 can convert yet when boot asks for the default pool hangs on the order of its boot,
  // which the recorder made.
  const asked = (h['boot'] as unknown[]).some((e) => Array.isArray(e) && e[0] === 'dec' && e[1] === h['pool_start'])
  const machine: Partial<Platform> = {
    ...named.as(number(h['bit'])),
    ...(x86 ? { noncoherentDevices: false, architecture: 'x86' } : {}),
    ...(mixed ? { tdisp: true } : {}),
    ...(h['platform'] === 'pkvm' && asked ? { convertsDefaultPool: true } : {})
  }
  return new SurroundedKernel({
    kernel: revisionOfMachine(String(h['kernel'])),
    platform: named.platform,
    machine,
    decisions: accepting,
    said,
    pool: { start: number(h['pool_start']), nslabs: number(h['nslabs']), nareas: number(h['nareas']) },
    force: h['force_bounce'] === 1,
    forceBounce: 'cmdline',
    swiotlb_dynamic: h['swiotlb_dynamic'] === 1,
    dmaDirectRemap: !x86,
    bounceUnalignedKmalloc: h['kmalloc_bounce'] === 1,
    cache_line: 64,
    surroundings: {
      host,
      restricted: regions.map((r) => ({ start: r.start, nslabs: r.size / 2048 })),
      ...(pool > 0 ? { atomic_pool_size: pool } : {}),
      memory: {
        last: number(h['max_pfn']) * PAGE - 1,
        ram,
        zones,
        zone_dma_limit: number(h['zone_dma_limit']),
        swiotlb_limit: swiotlbLimit(h)
      }
    },
    devices: devices.map((d) => ({
      min_align_mask: number(d['min_align_mask']),
      boundary_mask: Math.min(number(d['segment_boundary_mask']), BOUNDARY_ALL_ONES),
      bus_limit: number(d['bus_dma_limit']),
      noncoherent: d['dma_coherent'] === 0,
      masks: { dma: number(d['dma_mask']), coherent: number(d['coherent_dma_mask']) },
      ...(d.range.length > 0
        ? {
            range_map: d.range.map((r) => ({
              cpu_start: number(r.cpu_start),
              dma_start: number(r.dma_start),
              size: number(r.size)
            }))
          }
        : {}),
      ...(typeof d.restricted === 'number'
        ? { restricted_pool: (regions[d.restricted]?.size ?? 0) / 2048, region: d.restricted + 1 }
        : {})
    }))
  })
}

// --- what is wrong with a machine line
// -------------------------------------------------------------------------------------

export interface WrongMachine {
  readonly word: string
  readonly message: string
  readonly expected?: readonly string[]
  readonly nearest?: readonly string[]
}

const isNumber = (v: unknown): boolean => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0
const isFlag = (v: unknown): boolean => v === 0 || v === 1
const isHex = (v: unknown): boolean => (typeof v === 'string' && /^0x[0-9a-f]{1,16}$/i.test(v)) || isNumber(v)
const isText = (v: unknown): boolean => typeof v === 'string'
const listOf =
  (fits: (v: unknown) => boolean) =>
  (v: unknown): boolean =>
    Array.isArray(v) && v.every(fits)
const record =
  (keys: Readonly<Record<string, (v: unknown) => boolean>>) =>
  (v: unknown): boolean =>
    typeof v === 'object' &&
    v !== null &&
    Object.entries(keys).every(([k, fits]) => fits(own(v as Record<string, unknown>, k)))
const isRange = record({ cpu_start: isHex, dma_start: isHex, size: isHex })
const isRegion = record({
  start: isNumber,
  size: (v) => isNumber(v) && (v as number) % IO_TLB_SIZE === 0 && (v as number) > 0 && (v as number) <= 1 << 30
})
const isZone = record({
  name: (v) => v === 'DMA' || v === 'DMA32' || v === 'NORMAL',
  start: (v) => isNumber(v) && (v as number) % PAGE === 0,
  pages: (v) => isNumber(v) && (v as number) <= 1 << 24
})
const isPair = (v: unknown): boolean => Array.isArray(v) && v.length === 2 && v.every(isNumber)
const isFailure = (v: unknown): boolean =>
  Array.isArray(v) && v.length === 3 && isText(v[0]) && isNumber(v[1]) && typeof v[2] === 'number'

/** The keys that the replay uses, with what they must be. */
const KEYS: Readonly<Record<string, readonly [fits: (v: unknown) => boolean, is: string]>> = {
  kernel: [isText, "text such as 'linux-7.3.4'"],
  build: [(v) => /^(arm64|x86)(\+mixed)?$/.test(String(v)), "'arm64' or 'x86', '+mixed' behind it"],
  platform: [isText, 'a name'],
  bit: [isHex, "'0x...'"],
  nslabs: [isNumber, 'a whole number'],
  nareas: [isNumber, 'a whole number'],
  pool_start: [(v) => isNumber(v) && (v as number) % IO_TLB_SIZE === 0, 'a multiple of 2048'],
  force_bounce: [isFlag, '0 or 1'],
  swiotlb_dynamic: [isFlag, '0 or 1'],
  kmalloc_bounce: [isFlag, '0 or 1'],
  swiotlb_any: [isFlag, '0 or 1'],
  track_hiwater: [isFlag, '0 or 1'],
  coherent_pool: [(v) => /^\d+[kmg]?$/i.test(String(v)), "a size such as '128K'"],
  zone_dma_limit: [isHex, "'0x...'"],
  max_pfn: [isNumber, 'a whole number'],
  ram: [listOf(isPair), 'pairs of addresses'],
  zones: [listOf(isZone), 'zones DMA, DMA32, NORMAL with start and pages'],
  restricted: [listOf(isRegion), 'regions with start and size'],
  boot_inject: [listOf(isFailure), 'triples [kind, k, errno]'],
  boot: [Array.isArray, 'events']
}
const DEVICE_KEYS: Readonly<Record<string, readonly [fits: (v: unknown) => boolean, is: string]>> = {
  id: [isNumber, 'a whole number'],
  min_align_mask: [isHex, 'a number'],
  segment_boundary_mask: [isHex, "'0x...'"],
  dma_mask: [isHex, "'0x...'"],
  coherent_dma_mask: [isHex, "'0x...'"],
  bus_dma_limit: [isHex, "'0x...'"],
  dma_coherent: [isFlag, '0 or 1'],
  range: [listOf(isRange), 'ranges with cpu_start, dma_start and size'],
  restricted: [(v) => v === null || isNumber(v), 'a number or null']
}
const OTHER_KEYS: readonly string[] = ['format', 'page_shift', 'devices', 'pool_cc_shared']

/** Keys of the line that nothing here looks at: how the recorder drew, where its buffers lay. */
export const unusedKeys = (h: ApiMachine): string[] =>
  Object.keys(h).filter((k) => own(KEYS, k) === undefined && !OTHER_KEYS.includes(k))

/** What is wrong with a machine line of format 2, or null. */
export function wrongMachine(h: ApiMachine): WrongMachine | null {
  for (const [key, [fits, is]] of Object.entries(KEYS))
    if (!fits(own(h, key))) return { word: key, message: `the machine has no usable '${key}'`, expected: [is] }
  if (own(PLATFORMS, String(h['platform'])) === undefined)
    return {
      word: String(h['platform']),
      message: `unknown platform '${String(h['platform'])}'`,
      expected: Object.keys(PLATFORMS),
      nearest: nearest(String(h['platform']), Object.keys(PLATFORMS))
    }
  const kernel = String(h['kernel'])
  if (!/^linux-(?:6\.12|7\.[23])(\D|$)/.test(kernel))
    return {
      word: kernel,
      message: 'recordings of format 2 are replayed as linux-6.12, linux-7.2 or linux-7.3',
      expected: ['linux-6.12...', 'linux-7.2...', 'linux-7.3...']
    }
  if (own(h, 'page_shift') !== 12)
    return { word: 'page_shift', message: 'only recordings with pages of 4 KiB can be replayed', expected: ['12'] }
  const [nslabs, nareas] = [number(h['nslabs']), number(h['nareas'])]
  if (
    nslabs < IO_TLB_SEGSIZE ||
    nslabs > 1 << 24 ||
    nslabs % IO_TLB_SEGSIZE !== 0 ||
    nareas < 1 ||
    (nareas & (nareas - 1)) !== 0 ||
    nareas * IO_TLB_SEGSIZE > nslabs
  ) {
    return {
      word: 'nslabs',
      message:
        'this is no pool of a kernel: whole segments of 128 slots, up to 16M, and a power of two of areas of ' +
        'whole segments'
    }
  }
  const devices = own(h, 'devices')
  if (!Array.isArray(devices) || devices.length === 0)
    return { word: 'devices', message: "the machine has no 'devices'", expected: ['an array'] }
  for (const d of devices as Array<Record<string, unknown>>) {
    for (const [key, [fits, is]] of Object.entries(DEVICE_KEYS))
      if (typeof d !== 'object' || d === null || !fits(own(d, key)))
        return { word: key, message: `device ${String(d?.['id'])} has no usable '${key}'`, expected: [is] }
    if (typeof d['restricted'] === 'number' && d['restricted'] >= (h['restricted'] as unknown[]).length)
      return {
        word: String(d['restricted']),
        message: `device ${String(d['id'])} has a restricted pool that the machine does not`
      }
  }
  return null
}

// What is to be planned: a guest's memory and the firmware that holds its stage 2. Checking the user's numbers, with
// the rule each one breaks and the nearest legal value.
import { Bytes, type Diagnostic, err, hex, ok, PAGE_SIZE, type Result } from '../base/index.ts'
import {
  aligned,
  type Features,
  type Geometry,
  ipaEnd,
  levelSize,
  MAX_S2SZ,
  MIN_S2SZ,
  parEnd,
  rootCount,
  startLevels
} from '../machine/rmm/index.ts'
import { firmwareOf, firmwareProfiles, type FirmwareName, type VmmName, vmmProfiles } from './profiles.ts'

export const strategies = ['fold', 'blocks', 'fault-in', 'lazy'] as const
export type Strategy = (typeof strategies)[number]
export const generations = ['1.x', '2.0'] as const
export type Generation = (typeof generations)[number]

/**
 * The host's page size under the guest: memory of one such page is contiguous and aligned, so it can become one block.
 */
export const pageLevels = { '4K': 3, '2M': 2, '1G': 1 } as const
export type PageName = keyof typeof pageLevels

/** A file that is in the guest before it starts. */
export interface Image {
  readonly name: string
  readonly addr: number
  readonly size: number
  /** `length` of its bytes from `offset` on (fewer at the end), when the RIM is wanted. */
  readonly read?: (offset: number, length: number) => Uint8Array
}

/** Reads from bytes in memory. */
export const bytesOf =
  (bytes: Uint8Array) =>
  (offset: number, length: number): Uint8Array =>
    bytes.subarray(offset, offset + length)

/** The fields of REALM_CREATE that the RIM measures besides the geometry, as their register values. */
export type Measured = Pick<Features, 'lpa2' | 'bps' | 'wps' | 'sve' | 'sveVl' | 'pmu' | 'pmuCtrs'>

/** RmiRealmFlags: LPA2, SVE, PMU. */
export const measuredFlags = (m: Measured): number => (m.lpa2 ? 1 : 0) + (m.sve ? 2 : 0) + (m.pmu ? 4 : 0)

export interface PlanSpec {
  readonly firmware: FirmwareName
  readonly generation: Generation
  /** Whose order and block sizes; null: the best the firmware allows. */
  readonly vmm: VmmName | null
  readonly measured: Measured
  /** Host CPUs that work on it at a time. */
  readonly cpus: number
  readonly strategy: Strategy
  readonly ramBase: number
  readonly ramSize: number
  readonly page: PageName
  readonly geo: Geometry
  /** In the order in which they are loaded: the RIM depends on it. */
  readonly images: readonly Image[]
  readonly vcpus: number
  /** Page conversions (to shared and back) that `lazy` counts. */
  readonly conversions: number
}

/** What the user said; everything but `ram` may be left out. */
export interface PlanRequest {
  readonly ram: number
  readonly ramBase?: number
  readonly images?: readonly Image[]
  readonly page?: PageName
  readonly strategy?: Strategy
  readonly generation?: Generation
  readonly firmware?: FirmwareName
  readonly vmm?: VmmName
  readonly cpus?: number
  /** Breakpoints and watchpoints the guest has: 2 to 64. */
  readonly bps?: number
  readonly wps?: number
  /** Bits of the largest vector: a multiple of 128 up to 2048; 0: no SVE. */
  readonly sveVl?: number
  /** PMU counters, 0 to 31; absent: no PMU. */
  readonly pmu?: number
  readonly lpa2?: boolean
  readonly s2sz?: number
  readonly start?: number
  readonly vcpus?: number
  readonly conversions?: number
}

/** MPIDRs that REC_CREATE can be given: four bits of Aff0, eight of Aff1 to Aff3. */
const MOST_VCPUS = 2 ** 28
/** So that no count of commands leaves the exact integers. */
const MOST_CONVERSIONS = 1e12

/** More host CPUs than any machine has. */
const MOST_CPUS = 65536

const diag = (code: string, word: string, message: string, hint?: string, expected?: string[]): Diagnostic => ({
  code,
  file: 'tbit plan',
  line: 0,
  column: 0,
  word,
  message,
  ...(hint === undefined ? {} : { hint }),
  ...(expected === undefined ? {} : { expected })
})

const down = (a: number, size: number): number => a - (a % size)
const up = (a: number, size: number): number => (aligned(a, size) ? a : down(a, size) + size)
const size = (n: number): string => (n === 0 ? '0' : Bytes.format(n))

/** The smallest IPA space that Linux and QEMU would pick: 40 bits, more when the memory needs it. */
export function defaultS2sz(top: number): number {
  let bits = 40
  while (bits < MAX_S2SZ && 2 ** (bits - 1) < top) bits++
  return bits
}

/** The start level with the shortest walk that still allows 1G blocks. */
export function defaultStart(s2sz: number): number {
  const legal = startLevels(s2sz).filter((l) => l <= 1)
  return legal[legal.length - 1] ?? startLevels(s2sz)[0] ?? 0
}

/** The measured parameters, or the rules they break. */
function measuredOf(q: PlanRequest, errors: Diagnostic[]): Measured {
  const within = (name: string, v: number | undefined, low: number, high: number, or: number): number => {
    if (v === undefined) return or
    if (Number.isInteger(v) && v >= low && v <= high) return v
    errors.push(
      diag(
        'TB-512',
        String(v),
        `--${name} ${v}: ${low} to ${high}`,
        `nearest legal value: --${name} ${Math.min(high, Math.max(low, Math.round(v) || low))}`
      )
    )
    return or
  }
  const bps = within('bps', q.bps, 2, 64, 2)
  const wps = within('wps', q.wps, 2, 64, 2)
  const pmuCtrs = within('pmu', q.pmu, 0, 31, 0)
  let sveVl = within('sve-vl', q.sveVl, 0, 2048, 0)
  if (sveVl % 128 !== 0) {
    errors.push(
      diag(
        'TB-512',
        String(sveVl),
        `--sve-vl ${sveVl}: vectors are multiples of 128 bits`,
        `nearest legal value: --sve-vl ${Math.min(2048, Math.max(128, Math.round(sveVl / 128) * 128))}`
      )
    )
    sveVl = 0
  }
  return {
    lpa2: q.lpa2 ?? false,
    bps: bps - 1,
    wps: wps - 1,
    sve: sveVl > 0,
    sveVl: sveVl > 0 ? sveVl / 128 - 1 : 0,
    pmu: q.pmu !== undefined,
    pmuCtrs
  }
}

/**
 * Files as the regions a VMM measures: ends moved outwards to `align`, the rest zeros, by address when it sorts them.
 */
function regions(images: readonly Image[], align: number, sorted: boolean): Image[] {
  const out = images
    .filter((i) => i.size > 0)
    .map((i): Image => {
      const addr = down(i.addr, align)
      const before = i.addr - addr
      const { read } = i
      return {
        name: i.name,
        addr,
        size: up(before + i.size, align),
        ...(read === undefined
          ? {}
          : { read: (offset: number, length: number) => shifted(read, i.size, offset - before, length) })
      }
    })
  return sorted ? out.sort((a, b) => a.addr - b.addr) : out
}

/** `length` bytes from `offset` of a file of `size`, zeros on both sides of it. */
function shifted(read: NonNullable<Image['read']>, size: number, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  const from = Math.max(0, offset)
  const to = Math.min(size, offset + length)
  for (let at = from; at < to; ) {
    const part = read(at, to - at)
    if (part.length === 0) break
    out.set(part.subarray(0, to - at), at - offset)
    at += part.length
  }
  return out
}

/**
 * Checks a request. All rules that are broken are told, each with the nearest legal value.
 * Long: one rule after the other, each with its nearest legal value.
 */
export function makeSpec(q: PlanRequest): Result<PlanSpec, Diagnostic[]> {
  const errors: Diagnostic[] = []
  const vmm = q.vmm === undefined ? null : vmmProfiles[q.vmm]
  const ramBase = q.ramBase ?? vmm?.ramBase ?? 0
  const page = q.page ?? '1G'
  const firmware = q.firmware ?? firmwareOf[q.generation ?? (q.strategy === 'blocks' ? '2.0' : '1.x')]
  const { generation } = firmwareProfiles[firmware]
  const strategy = q.strategy ?? (vmm === null ? 'fold' : 'fault-in')
  if (q.generation !== undefined && q.generation !== generation)
    errors.push(
      diag(
        'TB-506',
        firmware,
        `${firmware} speaks RMI ${generation}, not ${q.generation}`,
        `nearest legal value: --rmi ${generation}, or --firmware ${firmwareOf[q.generation]}`
      )
    )
  const measured = measuredOf(q, errors)

  if (q.ram <= 0) errors.push(diag('TB-503', size(q.ram), 'a guest needs memory', 'nearest legal value: --ram 4K'))
  else if (!aligned(q.ram, PAGE_SIZE))
    errors.push(
      diag(
        'TB-503',
        String(q.ram),
        `the RAM size ${q.ram} is not a multiple of the 4 KiB granule`,
        `nearest legal value: --ram ${Math.max(PAGE_SIZE, Math.round(q.ram / PAGE_SIZE) * PAGE_SIZE)}`
      )
    )
  if (!aligned(ramBase, PAGE_SIZE))
    errors.push(
      diag(
        'TB-503',
        hex(ramBase),
        `the RAM base ${hex(ramBase)} is not aligned to the 4 KiB granule`,
        `nearest legal value: --ram-base ${hex(Math.round(ramBase / PAGE_SIZE) * PAGE_SIZE)}`
      )
    )
  const top = ramBase + q.ram

  // The address space: the protected half must hold the memory.
  const s2sz = q.s2sz ?? vmm?.ipaBits(top) ?? defaultS2sz(top)
  if (!Number.isInteger(s2sz) || s2sz < MIN_S2SZ || s2sz > MAX_S2SZ) {
    errors.push(
      diag(
        'TB-504',
        String(s2sz),
        `an IPA space of ${s2sz} bits: the firmware has ${MIN_S2SZ} to ${MAX_S2SZ}`,
        `nearest legal value: --ipa-bits ${Math.min(MAX_S2SZ, Math.max(MIN_S2SZ, Math.round(s2sz) || MIN_S2SZ))}`
      )
    )
    return err(errors)
  }
  const legal = startLevels(s2sz)
  // KVM concatenates tables wherever it may: the walk is as short as it can be.
  const start = q.start ?? (vmm === null ? defaultStart(s2sz) : Math.max(...legal))
  if (!legal.includes(start)) {
    const near = [...legal].sort((a, b) => Math.abs(a - start) - Math.abs(b - start))[0] ?? 0
    errors.push(
      diag(
        'TB-505',
        String(start),
        `a stage 2 of ${s2sz} bits cannot start at level ${start}: with n = 3 - level, the bits must lie in ` +
          '[9n+13, 9n+21], four more at levels above 0',
        `nearest legal value: --start-level ${near} (${rootCount(s2sz, near)} root table` +
          `${rootCount(s2sz, near) === 1 ? '' : 's'})`,
        legal.map((l) => `--start-level ${l}`)
      )
    )
    return err(errors)
  }
  const geo: Geometry = { s2sz, start, num: rootCount(s2sz, start) }
  if (top > parEnd(geo)) {
    const bits = defaultS2sz(top)
    const fits = 2 ** (bits - 1) >= top
    errors.push(
      diag(
        'TB-502',
        size(q.ram),
        `RAM [${hex(ramBase)}, ${hex(top)}) runs beyond the protected half of a ${s2sz}-bit IPA space, which ` +
          `ends at ${hex(parEnd(geo))}; the other half is for shared aliases`,
        fits && bits !== s2sz
          ? `nearest legal value: --ipa-bits ${bits}, or --ram ${size(down(parEnd(geo) - ramBase, PAGE_SIZE))}`
          : `nearest legal value: --ram ${size(Math.max(0, 2 ** (MAX_S2SZ - 1) - ramBase))} (the largest IPA space ` +
              `has ${MAX_S2SZ} bits)`
      )
    )
  }

  if (Math.max(pageLevels[page], vmm?.faultLevel ?? 0) < start)
    errors.push(
      diag(
        'TB-506',
        page,
        `${page} blocks are entries of level ${pageLevels[page]} tables; a stage 2 that starts at level ${start} ` +
          'has none',
        `nearest legal value: --page ${start === 2 ? '2M' : '4K'}, or --start-level ${legal[0]}`
      )
    )
  if (strategy === 'blocks' && generation === '1.x')
    errors.push(
      diag(
        'TB-506',
        'blocks',
        'RMI 1.x maps pages only (DATA_CREATE and DATA_CREATE_UNKNOWN are page commands); blocks come from RTT_FOLD',
        'nearest legal value: --strategy fold, or --rmi 2.0'
      )
    )

  const images = vmm === null ? (q.images ?? []) : regions(q.images ?? [], vmm.imageAlign, vmm.sorted)
  for (const i of images) {
    const word = `${i.name}@${hex(i.addr)}`
    if (!aligned(i.addr, PAGE_SIZE)) {
      const near = Math.round(i.addr / PAGE_SIZE) * PAGE_SIZE
      errors.push(
        diag(
          'TB-503',
          word,
          `image ${i.name}: address ${hex(i.addr)} is not aligned to the 4 KiB granule (DATA_CREATE copies whole ` +
            'granules)',
          `nearest legal value: ${i.name}@${hex(near)}`
        )
      )
      continue
    }
    const end = up(i.addr + i.size, PAGE_SIZE)
    if (i.size > q.ram)
      errors.push(
        diag(
          'TB-507',
          word,
          `image ${i.name} has ${size(i.size)}, the guest has ${size(q.ram)} of RAM`,
          `nearest legal value: --ram ${size(up(i.size, PAGE_SIZE))}`
        )
      )
    else if (i.addr < ramBase || end > top) {
      const near = i.addr < ramBase ? up(ramBase, PAGE_SIZE) : down(top - up(i.size, PAGE_SIZE), PAGE_SIZE)
      errors.push(
        diag(
          'TB-507',
          word,
          `image ${i.name} at [${hex(i.addr)}, ${hex(end)}) lies outside RAM [${hex(ramBase)}, ${hex(top)})`,
          `nearest legal value: ${i.name}@${hex(near)}`
        )
      )
    }
  }
  const byAddr = images
    .map((image, n) => ({ image, n }))
    .filter(({ image }) => aligned(image.addr, PAGE_SIZE) && image.size > 0)
    .sort((a, b) => a.image.addr - b.image.addr || a.n - b.n)
  for (let k = 1; k < byAddr.length; k++) {
    const a = (byAddr[k - 1] as { image: Image }).image
    const b = (byAddr[k] as { image: Image }).image
    const end = up(a.addr + a.size, PAGE_SIZE)
    if (b.addr < end)
      errors.push(
        diag(
          'TB-501',
          `${b.name}@${hex(b.addr)}`,
          `image ${b.name} at ${hex(b.addr)} overlaps image ${a.name}, which occupies the granules ` +
            `[${hex(a.addr)}, ${hex(end)})`,
          `nearest legal value: ${b.name}@${hex(end)}`
        )
      )
  }
  const cpus = q.cpus ?? 1
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MOST_CPUS)
    errors.push(
      diag(
        'TB-508',
        String(cpus),
        `${cpus} host CPUs`,
        `nearest legal value: --cpus ${cpus > MOST_CPUS ? MOST_CPUS : 1}`
      )
    )
  const vcpus = q.vcpus ?? 1
  if (vcpus > MOST_VCPUS)
    errors.push(
      diag(
        'TB-508',
        String(vcpus),
        `${vcpus} vCPUs: an MPIDR names at most ${MOST_VCPUS} RECs`,
        `nearest legal value: --vcpus ${MOST_VCPUS}`
      )
    )
  if (!Number.isInteger(vcpus) || vcpus < 1)
    errors.push(diag('TB-508', String(vcpus), `${vcpus} vCPUs`, 'nearest legal value: --vcpus 1'))
  const conversions = q.conversions ?? 1
  if (conversions > MOST_CONVERSIONS)
    errors.push(
      diag(
        'TB-508',
        String(conversions),
        `${conversions} conversions are more than can be counted exactly`,
        `nearest legal value: --conversions ${MOST_CONVERSIONS}`
      )
    )
  if (!Number.isInteger(conversions) || conversions < 0)
    errors.push(
      diag('TB-508', String(conversions), `${conversions} conversions`, 'nearest legal value: --conversions 0')
    )
  if (errors.length > 0) return err(errors)
  return ok({
    firmware,
    generation,
    vmm: q.vmm ?? null,
    measured,
    cpus,
    strategy,
    ramBase,
    ramSize: q.ram,
    page,
    geo,
    images: images.filter((i) => i.size > 0),
    vcpus,
    conversions
  })
}

export const ramTop = (s: PlanSpec): number => s.ramBase + s.ramSize
/** Size of the host's pages in bytes. */
export const pageSize = (s: PlanSpec): number => levelSize(pageLevels[s.page])
/** Granules of an image, the last one filled with zeros. */
export const imagePages = (i: Image): number => Math.ceil(i.size / PAGE_SIZE)
export { ipaEnd, parEnd }

// Numbers with a unit, so that a bus address cannot be passed where a physical one is meant. A plain number passes as
// any of them: what comes out of a sum has no unit again, and needs no cast. Addresses are numbers below 2^53: every
// address of the model (52-bit physical, shared bit 51) fits; all-ones is DMA_MAPPING_ERROR.
import { own } from './table.ts'

declare const unit: unique symbol
type Unit<U extends string> = number & { readonly [unit]?: U }

/** phys_addr_t: physical (guest physical, intermediate physical) address, in bytes. */
export type Phys = Unit<'phys'>
/** dma_addr_t: what a device is given, a bus address with the platform's alias bits or an IOVA. */
export type DmaAddr = Unit<'dma'>
/** What the CPU uses: an address of the linear map or of a mapping of its own. */
export type CpuAddr = Unit<'cpu'>
/** Page frame number (4 KiB pages). */
export type Pfn = Unit<'pfn'>
/** A size in bytes. */
export type Bytes = Unit<'bytes'>

/** A physical address as the bus has it where nothing translates: no range map, no IOMMU, no alias bit. */
export const asDmaAddr = (phys: Phys): DmaAddr => phys as number
/** A bus address as a physical one where nothing translates. */
export const asPhys = (addr: DmaAddr): Phys => addr as number

export const PAGE_SHIFT = 12
export const PAGE_SIZE = 4096
/** Pages that hold so many bytes. */
export const PFN_UP = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE)
/** Bytes of whole pages. */
export const PAGE_ALIGN = (bytes: number): number => PFN_UP(bytes) * PAGE_SIZE
/** How many pages the bytes [at, at+size) touch; size > 0. */
export const pagesOf = (at: number, size: number): number =>
  Math.floor((at + size - 1) / PAGE_SIZE) - Math.floor(at / PAGE_SIZE) + 1
export const KiB = 1024
export const MiB = 1024 * 1024
export const GiB = 1024 * 1024 * 1024
export const TiB = 1024 * GiB

const SUFFIX: Record<string, number> = { '': 1, K: KiB, M: MiB, G: GiB, T: TiB }

export const Bytes = {
  /**
   * `4096`, `4K`, `2M`, `1G`, `12T`, `0x1000` (an `iB` or `B` after the letter is allowed). Null when it is none of
   * these.
   */
  parse(text: string): Bytes | null {
    const hex = /^0x[0-9a-f]+$/i.exec(text)
    if (hex) return Number.isSafeInteger(Number.parseInt(text, 16)) ? Number.parseInt(text, 16) : null
    const m = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text)
    if (!m) return null
    const n = Number(m[1]) * (own(SUFFIX, (m[2] ?? '').toUpperCase()) ?? 1)
    return Number.isSafeInteger(n) ? n : null
  },
  /** The shortest exact form: `4K`, `64M`, `1000`. */
  format(n: number): string {
    for (const s of ['T', 'G', 'M', 'K']) {
      const unit = own(SUFFIX, s) ?? 1
      if (n !== 0 && n % unit === 0) return `${n / unit}${s}`
    }
    return String(n)
  },
  /** For reading: `64 MiB`, `1.5 GiB`. */
  human(n: number): string {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
    let i = 0
    let v = n
    while (v >= 1024 && i < units.length - 1) {
      v /= 1024
      i++
    }
    return `${Number.isInteger(v) ? v : v.toFixed(v < 10 ? 2 : 1)} ${units[i]}`
  }
}

export const hex = (n: number): string => `0x${n.toString(16)}`

// The shape of a Realm's stage 2: level sizes, legal start levels, concatenated roots, the two halves of the IPA space.
// Source: reference arm-cca.md section 3 (4K granule; LPA2 and start level -1 are not offered by the modelled
// firmware).

export const ENTRIES = 512
export const PAGE_LEVEL = 3
/** Coarsest level that may hold a data or NS block. */
export const MIN_BLOCK_LEVEL = 1
/** Coarsest level that may hold a device block. */
export const MIN_DEV_BLOCK_LEVEL = 2
export const MIN_S2SZ = 32
export const MAX_S2SZ = 48
/** Physical addresses of a Realm without LPA2 end here. */
export const PA_LIMIT = 2 ** 48

const SIZES = [2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12] as const

/** Bytes one entry of a level-`level` table covers: 512 GiB, 1 GiB, 2 MiB, 4 KiB. */
export const levelSize = (level: number): number => SIZES[level] ?? 0

/** The stage 2 of one Realm: address bits, start level, number of concatenated root granules. */
export interface Geometry {
  readonly s2sz: number
  readonly start: number
  readonly num: number
}

/**
 * Start levels at which an IPA space of `s2sz` bits can be walked: with n = 3 - sl, s2sz lies in [9n+13, 9n+21], four
 * bits more when sl > 0.
 */
export function startLevels(s2sz: number): number[] {
  return [0, 1, 2, 3].filter((sl) => {
    const n = 3 - sl
    return s2sz >= 9 * n + 13 && s2sz <= 9 * n + 21 + (sl > 0 ? 4 : 0)
  })
}

/** Root granules needed at a start level: 2^max(0, s2sz - (9n+21)), 1 to 16. */
export const rootCount = (s2sz: number, start: number): number => 2 ** Math.max(0, s2sz - (9 * (3 - start) + 21))

/** The rule a geometry breaks, or null. The order is REALM_CREATE's. */
export function geometryFault(g: Geometry, maxS2sz = MAX_S2SZ): 's2sz' | 'start' | 'num' | null {
  if (!Number.isInteger(g.s2sz) || g.s2sz < MIN_S2SZ || g.s2sz > maxS2sz) return 's2sz'
  if (!startLevels(g.s2sz).includes(g.start)) return 'start'
  if (g.num !== rootCount(g.s2sz, g.start)) return 'num'
  return null
}

/** End of the IPA space. */
export const ipaEnd = (g: Geometry): number => 2 ** g.s2sz
/** End of the protected half; the unprotected alias of a protected address is `address + parEnd`. */
export const parEnd = (g: Geometry): number => 2 ** (g.s2sz - 1)

/** `a` is a multiple of `size` (any power of two; addresses exceed 32 bits, so no bit operators). */
export const aligned = (a: number, size: number): boolean => a % size === 0

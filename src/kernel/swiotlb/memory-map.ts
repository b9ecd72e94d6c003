// Physical memory as a kernel sees it when it sizes its bounce pool: where RAM lies, what mem= leaves of it, how much
// of it is free in one piece. From a boot log when there is one, else QEMU's layout.
import { GiB, KiB, MiB, own } from '../../base/index.ts'

/** First and last byte, both inside. */
export type MemoryRange = readonly [first: number, last: number]

/** RAM, ascending, without overlap. */
export type MemoryMap = readonly MemoryRange[]

/** Whose memory rules apply. */
export type SizingArch = 'x86' | 'arm64' | 's390' | 'riscv'

/** memblock_phys_mem_size(): bytes of RAM. */
export const mapBytes = (map: MemoryMap): number => map.reduce((n, [first, last]) => n + last - first + 1, 0)

/** memblock_start_of_DRAM(); 0 of an empty map. */
export const mapStart = (map: MemoryMap): number => map[0]?.[0] ?? 0

/** memblock_end_of_DRAM(): the first byte behind RAM. */
export const mapEnd = (map: MemoryMap): number => (map.at(-1)?.[1] ?? -1) + 1

/** The part of it below an address. */
export const mapBelow = (map: MemoryMap, limit: number): MemoryMap =>
  map.filter(([first]) => first < limit).map(([first, last]) => [first, Math.min(last, limit - 1)])

/** The same RAM in ascending order; ranges that touch or overlap are one. */
export function normalMap(ranges: readonly MemoryRange[]): MemoryMap {
  const out: Array<[number, number]> = []
  for (const [first, last] of [...ranges].filter(([a, b]) => b >= a).sort((a, b) => a[0] - b[0])) {
    const before = out.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else out.push([first, last])
  }
  return out
}

/** What is left of it when `taken` is reserved. */
export function without(map: MemoryMap, taken: readonly MemoryRange[]): MemoryMap {
  let left = [...map]
  for (const [from, to] of taken) {
    left = left.flatMap(([first, last]): MemoryRange[] => {
      if (to < first || from > last) return [[first, last]]
      const parts: MemoryRange[] = []
      if (from > first) parts.push([first, from - 1])
      if (to < last) parts.push([to + 1, last])
      return parts
    })
  }
  return left
}

/** The longest stretch, in bytes. */
export const longest = (map: MemoryMap): number => map.reduce((n, [first, last]) => Math.max(n, last - first + 1), 0)

/** Where QEMU's virt begins its RAM. */
const VIRT_RAM_START = GiB
/** q35 gives this much below 4 GiB from 2816 MiB of RAM on, and all of it before. */
const Q35_LOW = 2 * GiB
const Q35_ALL_LOW = 2816 * MiB

/**
 * The layout of a machine of which only the amount of RAM is known. `low`: how much of it lies below 4 GiB; `start`:
 * where it begins.
 */
export function assumedMap(
  arch: SizingArch,
  ram: number,
  low?: number,
  start?: number
): { readonly map: MemoryMap; readonly how: string } {
  const split = (n: number): MemoryMap =>
    n >= ram
      ? [[0, ram - 1]]
      : [
          [0, n - 1],
          [4 * GiB, 4 * GiB + ram - n - 1]
        ]
  if (low !== undefined) return { map: split(Math.min(ram, low)), how: 'low memory as given' }
  if (start !== undefined) return { map: [[start, start + ram - 1]], how: 'RAM in one piece from its start, as given' }
  if (arch === 'x86') return { map: split(ram >= Q35_ALL_LOW ? Q35_LOW : ram), how: "QEMU's q35" }
  if (arch === 's390') return { map: [[0, ram - 1]], how: 'RAM from 0 on' }
  const from = arch === 'riscv' ? 2 * GiB : VIRT_RAM_START
  return { map: [[from, from + ram - 1]], how: "QEMU's virt" }
}

const UNIT: Readonly<Record<string, number>> = { '': 1, K: KiB, M: MiB, G: GiB, T: 1024 * GiB }

/**
 * The values of mem= on a command line, in order, in bytes (memparse()); what is no number is left out, as the kernel
 * does.
 */
function memLimits(cmdline: string): number[] {
  const out: number[] = []
  for (const m of cmdline.matchAll(/(?:^|\s)mem=(0x[0-9a-f]+|\d+)([KMGT]?)/gi))
    out.push(Number(m[1]) * (own(UNIT, (m[2] ?? '').toUpperCase()) ?? 1))
  return out.filter((n) => n > 0 && Number.isSafeInteger(n))
}

/**
 * What mem= leaves. x86 removes RAM above that address (parse_memopt()), each time it is given; the others keep that
 * many bytes counted from the start of RAM (memblock_mem_limit_remove_map(), memblock_enforce_memory_limit()), the last
 * one given.
 */
export function limitMemory(map: MemoryMap, arch: SizingArch, cmdline: string): MemoryMap {
  const limits = memLimits(cmdline)
  if (limits.length === 0) return map
  if (arch === 'x86') return mapBelow(map, Math.min(...limits))
  let left = limits.at(-1) as number
  const out: MemoryRange[] = []
  for (const [first, last] of map) {
    if (left <= 0) break
    const n = Math.min(left, last - first + 1)
    out.push([first, first + n - 1])
    left -= n
  }
  return out
}

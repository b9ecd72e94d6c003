// Random loads for the tests of replay.
import fc from 'fast-check'
import { type MakerOptions, TraceMaker } from './_trace-maker.ts'

export const DISK = '0000:00:02.0'
export const NET = '0000:00:06.0'

// A random load: 0 disk scatter-gather, 1 disk page, 2 net packet, 3 direct, 4+ unmap. Failed scatter-gather calls are
// tried again until they fit.
export function load(ops: readonly (readonly [number, number, number])[], options: Partial<MakerOptions>): TraceMaker {
  const m = new TraceMaker(options)
  const again: { phys: number[]; size: number[] }[] = []
  let page = 0x100000000
  const retry = (cpu: number): void => {
    while (again.length > 0) {
      const a = again[0] as { phys: number[]; size: number[] }
      if (m.mapSg(DISK, cpu, a.phys, a.size, 2, 4095) === null) return
      again.shift()
    }
  }
  for (const [kind, x, y] of ops) {
    const cpu = y % 3
    page += 0x3000
    if (kind === 0) {
      const n = 2 + (x % 40)
      const phys = Array.from({ length: n }, (_, i) => page + i * 0x5000 + (i === 0 ? (y % 4) * 512 : 0))
      const size = phys.map((_, i) => (i === n - 1 ? 1024 : 4096 - (i === 0 ? (y % 4) * 512 : 0)))
      page += n * 0x5000
      if (m.mapSg(DISK, cpu, phys, size, 2, 4095) === null) again.push({ phys, size })
    } else if (kind === 1) m.map(DISK, cpu, page + (x % 8) * 512, 4096, 1, 4095)
    else if (kind === 2) m.map(NET, cpu, page + (x % 64) * 32, 60 + (x % 1460), 2)
    else if (kind === 3) m.direct('0000:00:03.0', cpu, page, 4096, 1)
    else if (m.live.length > 0) {
      m.unmap(m.live[x % m.live.length] as (typeof m.live)[number], cpu)
      retry(cpu)
    }
  }
  while (m.live.length > 0 || again.length > 0) {
    if (m.live.length > 0) m.unmap(m.live[0] as (typeof m.live)[number], 0)
    retry(1)
  }
  return m
}
export const ops = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 9999 }), fc.nat({ max: 9999 })), {
  minLength: 20,
  maxLength: 400
})

/** Loads that fill a small pool: long lists, few ends. */
export const heavyOps = fc.array(
  fc.tuple(fc.constantFrom(0, 0, 0, 1, 2, 3, 4), fc.nat({ max: 9999 }), fc.nat({ max: 9999 })),
  { minLength: 60, maxLength: 120 }
)

/** For fc.property(): a load, the slots and areas of its pool, and whether it is told of the pool. */
export const loadInPool = [
  fc.oneof(ops, heavyOps),
  fc.constantFrom(512, 1024, 4096),
  fc.constantFrom(1, 2),
  fc.boolean()
] as const

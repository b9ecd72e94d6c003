// Speed of the bounce pool: map+unmap pairs, a full pool that refuses, snapshot and restore. Run: npx esbuild
// bench/pool.ts --bundle --platform=node --format=esm --outfile=bench/out/pool.mjs && node bench/out/pool.mjs The peer
// is the kernel's own C on the same kind of machine: 5 to 12 M pairs/s (recorded elsewhere, not run here).
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import {
  IoTlbPool,
  restore,
  slotParams,
  snapshot,
  swiotlb_release_slots,
  swiotlb_tbl_map_single
} from '../src/kernel/swiotlb/index.ts'
import { figure, type Unit } from './figures.ts'

const rounds = 5
const best = (what: string, unit: string, run: () => number): void => {
  run()
  const rates = Array.from({ length: rounds }, run).sort((a, b) => (unit.startsWith('us') ? a - b : b - a))
  figure(what, rates[0] ?? 0, unit as Unit)
  process.stdout.write(
    `${what.padEnd(64)} ${(rates[0] ?? 0).toFixed(2)} ${unit} (best of ${rounds}, worst ` +
      `${(rates.at(-1) ?? 0).toFixed(2)})\n`
  )
}

process.stdout.write(`# ${cpus()[0]?.model ?? 'cpu'}, node ${process.version}\n`)

/** Pairs with `depth` mappings alive, sizes as a storage and network mix has them. */
function pairs(nslabs: number, nareas: number, depth: number, align: number, n: number): number {
  const pool = new IoTlbPool(0x7b9f3000, nslabs, nareas)
  const p = slotParams(align, 0, pool.start)
  const live = new Float64Array(depth).fill(-1)
  const sizes = [512, 1522, 4096, 4096, 4096, 8192, 16384, 2048]
  const begun = performance.now()
  let failed = 0
  for (let i = 0; i < n; i++) {
    const k = i % depth
    const old = live[k] as number
    if (old >= 0) swiotlb_release_slots(pool, align, old)
    const tlb = swiotlb_tbl_map_single(
      pool,
      i & 7,
      p,
      0x100000000 + ((i * 4096) % 0x40000000) + (align === 0 ? 0 : i & 0xfff),
      sizes[(i * 7) & 7] as number,
      0
    )
    live[k] = tlb
    if (tlb < 0) failed++
  }
  const ms = performance.now() - begun
  if (failed > 0) throw new Error(`${failed} maps failed: the load does not fit the pool`)
  return n / ms / 1000
}

best('map+unmap, 32768 slots, 4 areas, 64 alive', 'M pairs/s', () => pairs(32768, 4, 64, 0, 2_000_000))
best('map+unmap, 32768 slots, 4 areas, 2000 alive', 'M pairs/s', () => pairs(32768, 4, 2000, 0, 2_000_000))
best('map+unmap, 32768 slots, 4 areas, 2000 alive, min_align_mask 4095', 'M pairs/s', () =>
  pairs(32768, 4, 2000, 0xfff, 2_000_000)
)
best('map+unmap, one page, 32768 slots, 1 area, 1 alive', 'M pairs/s', () => {
  const pool = new IoTlbPool(0x7b9f3000, 32768, 1)
  const p = slotParams(0, 0, pool.start)
  const n = 5_000_000
  const begun = performance.now()
  for (let i = 0; i < n; i++) swiotlb_release_slots(pool, 0, swiotlb_tbl_map_single(pool, 0, p, 0x100001000, 4096, 0))
  return n / (performance.now() - begun) / 1000
})
best('refusals of a fragmented pool, 32768 slots, 4 areas', 'k/s', () => {
  const pool = new IoTlbPool(0x7b9f3000, 32768, 4)
  const p = slotParams(0, 0, pool.start)
  while (swiotlb_tbl_map_single(pool, 0, p, 0x100000000, 4096, 0) >= 0);
  for (let i = 0; i < pool.nslabs / 2; i += 10) swiotlb_release_slots(pool, 0, pool.start + 4096 * i)
  const n = 2_000
  const begun = performance.now()
  for (let i = 0; i < n; i++)
    if (swiotlb_tbl_map_single(pool, i, p, 0x100000000, 65536, 0) >= 0) throw new Error('the pool is not full')
  return n / (performance.now() - begun)
})
for (const [nslabs, nareas, used] of [
  [512, 1, 4],
  [512, 1, 40],
  [32768, 4, 4]
] as const) {
  best(`snapshot + restore, ${nslabs} slots, ${used} mappings alive`, 'us a pair', () => {
    const pool = new IoTlbPool(0x7b9f3000, nslabs, nareas)
    const p = slotParams(0, 0, pool.start)
    for (let i = 0; i < used; i++) swiotlb_tbl_map_single(pool, i, p, 0x100000000 + i * 0x10000, 4096, 0)
    const n = 100_000
    const begun = performance.now()
    for (let i = 0; i < n; i++) restore(pool, snapshot(pool))
    return ((performance.now() - begun) / n) * 1000
  })
}

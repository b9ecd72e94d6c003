import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { IoTlbPool, slotParams, swiotlb_release_slots, swiotlb_tbl_map_single } from './pool.ts'

const SLOT = 'tlb=\\+(\\w+) slot=(\\d+) pad=(\\d+) alloc_size=(\\d+)'
const MAPPED = new RegExp(`^map cpu=(\\d+) phys=(\\w+) len=(\\d+) am=(\\w+) -> (?:${SLOT}|(ERR))`)

// Golden vectors printed by the slot search, map and release functions of 6.12.117. Each block sets up a pool and lists
// calls with results.
const blocks = readFileSync(new URL('../../../test/fixtures/swiotlb/vectors.txt', import.meta.url), 'utf8').split(
  /^(?=# V)/m
)
const masks: Readonly<Record<string, { align: number; boundary: number; dmaOffset: number }>> = {
  V2: { align: 0xfff, boundary: 0, dmaOffset: 0 },
  V3: { align: 0xfff, boundary: 0, dmaOffset: 0 },
  V6: { align: 0, boundary: 0x3fff, dmaOffset: 0 },
  V7: { align: 0, boundary: 0, dmaOffset: 2 ** 47 }
}

for (const block of blocks) {
  const [title = '', ...lines] = block.trimEnd().split('\n')
  const name = /V\d+/.exec(title)?.[0] ?? ''
  if (name === 'V9') continue // a hash, tested in pool.test.ts
  test(`${title.slice(2)}`, () => {
    const set = masks[name] ?? { align: 0, boundary: 0, dmaOffset: 0 }
    const head = /^POOL start=(\w+) nslabs=(\d+) nareas=(\d+)/.exec(lines[0] ?? '')
    const pool = new IoTlbPool(Number(head?.[1]), Number(head?.[2]), Number(head?.[3]))
    let done = 0
    for (const line of lines.slice(1)) {
      const align = line.includes('with min_align_mask 0xfff') ? 0xfff : set.align
      const p = slotParams(align, set.boundary, pool.start + set.dmaOffset)
      const map = MAPPED.exec(line)
      const unmap = /^unmap \+(\w+)/.exec(line)
      const free = /^list\[0\.\.(\d+)\]: (.*)$/.exec(line)
      if (map) {
        const tlb = swiotlb_tbl_map_single(pool, Number(map[1]), p, Number(map[2]), Number(map[3]), Number(map[4]))
        if (map[9] === 'ERR') expect(tlb).toBe(-1)
        else {
          const slot = (tlb - pool.start) >> 11
          expect(
            [tlb - pool.start, slot, pool.pad_slots[slot], pool.alloc_size[slot - (pool.pad_slots[slot] ?? 0)]],
            line
          ).toEqual([
            Number(map[5]),
            Number(map[6]),
            Number(map[7]),
            name === 'V3' ? expect.anything() : Number(map[8])
          ])
          expect(pool.alloc_size[slot], line).toBe(Number(map[8]))
        }
        done++
      } else if (unmap) {
        expect(swiotlb_release_slots(pool, align, pool.start + Number(unmap[1]))).toBeGreaterThan(0)
        done++
      } else if (free) {
        expect(Array.from(pool.list.subarray(0, Number(free[1]) + 1)).join(' '), line).toBe(free[2])
        done++
      } else expect(line).toMatch(/^ {2}WARN full$/)
      const areas = /area idx\/used: ([\d/ ]+)/.exec(line)?.[1]?.trim()
      if (areas !== undefined)
        expect(Array.from(pool.area_index, (x, a) => `${x}/${pool.area_used[a]}`).join(' '), line).toBe(areas)
    }
    expect(done).toBeGreaterThan(1)
  })
}

import { expect, test } from 'vitest'
import { Counter, firmwares, makeSpec, simulate, type Tally, vmms } from './index.ts'

const MIB = 2 ** 20
const numbers = (t: Tally) => ({
  commands: Object.fromEntries([...t.commands].sort()),
  work: Object.fromEntries([...t.work].sort()),
  blocks: { ...t.blocks },
  tables: t.tables,
  peak: t.peakTables,
  faults: t.faults
})

for (const firmware of firmwares) {
  test(`whole gigabytes on ${firmware}: every page size, strategy and VMM, simulated and computed`, () => {
    let ran = 0
    for (const strategy of ['fold', 'blocks', 'fault-in', 'lazy'] as const) {
      for (const page of ['2M', '1G'] as const) {
        for (const vmm of strategy === 'fault-in' && page === '1G' ? [undefined, ...vmms] : [undefined]) {
          const base = vmm === 'kvmtool' ? 0x80000000 : vmm === undefined || vmm === 'kvm' ? 0 : 0x40000000
          const made = makeSpec({
            ram: 2 ** 30 + 6 * MIB,
            firmware,
            strategy,
            page,
            ...(vmm === undefined ? {} : { vmm }),
            images: [{ name: 'k', addr: base + 4 * MIB, size: 3 * MIB + 5 }]
          })
          if (!made.ok) continue
          ran++
          const c = new Counter(made.value)
          c.run()
          const sim = simulate(made.value)
          expect([firmware, strategy, page, vmm, sim.refused]).toEqual([firmware, strategy, page, vmm, null])
          expect(numbers(sim.tally)).toEqual(numbers(c.tally))
        }
      }
    }
    expect(ran).toBe((firmware === 'v0.8.0' ? 6 : 8) + vmms.length)
  })
}

// Snapshots of the instance against the plain way: a copy of all its memory.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DMA_BIDIRECTIONAL, GFP_KERNEL, type KernelC, KernelStates, STATE_BASE } from '../../src/kernel-c/index.ts'
import { built, debian, machine, moduleOf, tree, without } from './trees.ts'

const GB = 2 ** 30
const everything = (k: KernelC): string => Buffer.from(k.memory.buffer.slice(STATE_BASE)).toString('latin1')

describe.skipIf(without("Debian's linux-source-6.12", debian('6.12') === null))('states', () => {
  test('equal numbers for equal memory, and loading one brings back every byte', async () => {
    const module = moduleOf(await built(tree('6.12'), 'arm64', 'recorded'))
    const op = fc.record({
      what: fc.integer({ min: 0, max: 5 }),
      size: fc.integer({ min: 1, max: 9000 }),
      at: fc.integer({ min: 0, max: 20000 }),
      dev: fc.integer({ min: 0, max: 1 }),
      pick: fc.nat(50)
    })
    fc.assert(
      fc.property(
        fc.array(op, { minLength: 1, maxLength: 60 }),
        fc.constantFrom('128,1', '512,2', '2048,4'),
        (ops, pool) => {
          const { k } = machine(module, `${pool},force`)
          const devs = [
            k.device({ fields: { dma_coherent: true } }),
            k.device({ min_align_mask: 4095, fields: { dma_coherent: true } })
          ]
          const states = new KernelStates(k)
          const seen = new Map<string, number>([[everything(k), 0]])
          const copies: string[] = [everything(k)]
          let live: Array<{ dev: number; addr: number; size: number }> = []
          const lives: Array<typeof live> = [live]
          let now = 0
          for (const o of ops) {
            const dev = devs[o.dev] as number
            const phys = 5 * GB + o.at
            if (o.what <= 2) {
              const addr = k.dma_map(dev, o.pick % 2, phys, o.size, DMA_BIDIRECTIONAL)
              if (addr >= 0) live = [...live, { dev, addr, size: o.size }]
            } else if (o.what === 3 && live.length > 0) {
              const l = live[o.pick % live.length] as (typeof live)[number]
              k.dma_unmap(l.dev, l.addr, l.size, DMA_BIDIRECTIONAL)
              live = live.filter((x) => x !== l)
            } else if (o.what === 4) k.setField(dev, 'offline', o.pick % 2)
            else {
              // back to a state of before, from a dirty instance
              k.dma_map(dev, 0, phys, o.size, DMA_BIDIRECTIONAL)
              k.dma_alloc(dev, 0, 4096, GFP_KERNEL)
              now = o.pick % copies.length
              states.load(now)
              expect(everything(k) === copies[now]).toBe(true)
              live = lives[now] as typeof live
              continue
            }
            now = states.take()
            const all = everything(k)
            const had = seen.get(all)
            if (had === undefined) {
              expect(now).toBe(copies.length)
              seen.set(all, now)
              copies.push(all)
              lives.push(live)
            } else expect(now).toBe(had)
          }
          for (const [i, c] of copies.entries()) {
            states.load(i)
            expect(everything(k) === c).toBe(true)
            expect(states.take()).toBe(i)
          }
        }
      ),
      { numRuns: 60 }
    )
  })
})

import { expect, test } from 'vitest'
import { draw, type Program, programText, shrink } from './kernel-program.ts'

const kinds = { accepted: true, noncoherent: true, flipForce: true }

test('the same seed draws the same program; what an operation refers to stands before it and is of its kind', () => {
  expect(draw(7, 300, kinds)).toEqual(draw(7, 300, kinds))
  expect(draw(8, 300, kinds)).not.toEqual(draw(7, 300, kinds))
  const maker = {
    unmap: 'map',
    sync: 'map',
    unmap_sg: 'map_sg',
    tbl_unmap: 'tbl_map',
    free: 'alloc',
    free_pages: 'alloc_pages'
  } as const
  for (let seed = 0; seed < 50; seed++) {
    const p = draw(seed, 200, kinds)
    expect(p.ops).toHaveLength(200)
    p.ops.forEach((o, i) => {
      if (!('of' in o)) return
      expect(o.of).toBeLessThan(i)
      expect(p.ops[o.of]?.op).toBe(maker[o.op])
    })
  }
})

test('shrinking keeps what matters and only that', () => {
  // fails when a bounce of more than 5000 bytes is taken apart again while the force flag is clear
  const fails = (p: Program): boolean => {
    let force = p.force
    return p.ops.some((o) => {
      if (o.op === 'force') force = o.on
      if (o.op !== 'unmap') return false
      const m = p.ops[o.of]
      return m?.op === 'map' && m.size > 5000 && !force
    })
  }
  const big = Array.from({ length: 40 }, (_, s) => draw(s, 300, kinds)).find(fails) as Program
  const small = shrink(big, fails)
  expect(fails(small)).toBe(true)
  expect(small.ops.map((o) => o.op)).toEqual(expect.arrayContaining(['map', 'unmap']))
  expect(small.ops.length).toBeLessThanOrEqual(3)
  expect(small.devices).toHaveLength(1)
  expect(small.ops.find((o) => o.op === 'map')).toMatchObject({
    cpu: 0,
    attrs: 0,
    dir: 1,
    phys: 0x100000000,
    size: expect.toSatisfy((n: number) => n > 5000 && n <= 8192)
  })
  expect(programText(small).join('\n')).toMatch(
    /^pool 128 slots, 1 area[\s\S]*dma_map\(dev0, 0x100000000, \d+, TO_DEVICE\)[\s\S]*dma_unmap\(r\d\)$/
  )
})

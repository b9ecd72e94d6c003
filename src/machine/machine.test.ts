import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Layout, type Store } from '../step/index.ts'
import { defaultConfig } from './config.ts'
import { LabelContent, Words } from './content.ts'
import { Machine } from './machine.ts'
import { platforms } from './platforms/index.ts'

const PAGES = 12

test('the runs of pages that the host reaches are the pages that it reaches, however often they are asked for', () => {
  const convert = fc.record({ pfn: fc.nat(PAGES - 2), n: fc.constantFrom(1, 2), shared: fc.boolean() })
  fc.assert(
    fc.property(fc.constantFrom(...platforms), fc.array(convert, { maxLength: 20 }), (platform, ops) => {
      const layout = new Layout()
      const machine = new Machine(layout, platform, defaultConfig, [], [], new Words(), new LabelContent(layout))
      const bytes = new ArrayBuffer(Math.max(4, layout.totalWords * 4))
      const st = { u8: new Uint8Array(bytes), u32: new Uint32Array(bytes) } as unknown as Store
      for (const { pfn, n, shared } of ops) {
        machine.convert(st, pfn, n, shared)
        const runs = machine.hostPages(st)
        for (let i = 0; i < PAGES; i++)
          expect(runs.some(([first, end]) => first <= i && i < end)).toBe(machine.hostReaches(st, i))
      }
    })
  )
})

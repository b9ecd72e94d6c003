import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../test/runs.ts'
import { PCI_NAME, PciNames } from './pci-names.ts'

const digit = fc.constantFrom(...'0123456789abcdef')
const address = fc
  .tuple(digit, digit, digit, digit, digit)
  .map(([domain, bus, device, low, fn]) => `000${domain}:0${bus}:${device}${low}.${fn}`)
const name = fc.oneof(address, fc.string({ minLength: PCI_NAME, maxLength: PCI_NAME, unit: 'binary-ascii' }))

test('what is found is what was kept last of these bytes, or nothing: a map is the twin', () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 300 }), fc.nat({ max: 7 }), (list, at) => {
      const names = new PciNames()
      const twin = new Map<string, number>()
      const view = new DataView(new ArrayBuffer(at + PCI_NAME))
      list.forEach((n, i) => {
        for (let k = 0; k < PCI_NAME; k++) view.setUint8(at + k, n.charCodeAt(k))
        const found = names.find(view, at)
        if (found !== -1) expect(found).toBe(twin.get(n))
        const id = twin.get(n) ?? i
        twin.set(n, id)
        names.keep(view, at, id)
        expect(names.find(view, at)).toBe(id)
      })
    }),
    { numRuns: runs(500) }
  )
})

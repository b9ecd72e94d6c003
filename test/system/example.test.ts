import { expect, test } from 'vitest'
import { main } from '../../docs/examples/realm.ts'

test('the documented example: bounced and visible before accept, direct and hidden after', () => {
  const lines: string[] = []
  const guest = main((l) => lines.push(l))
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "nic (T=0): handle 0x8003e00000, bounced; device reads 'packet one'
      host at the device's memory: ok 'packet one'; at the page: fault
    nvme (T=0): handle 0x8003e01000, bounced; device reads 'block before'
      host at the device's memory: ok 'block before'; at the page: fault
    nvme (T=1): handle 0x102000, direct; device reads 'block after'
      host at the device's memory: fault '(all ones)'; at the page: fault
    nic (T=0): handle 0x8003e02000, bounced; device reads 'packet two'
      host at the device's memory: ok 'packet two'; at the page: fault
    nic: 8192 bytes copied by bouncing
    nvme: 4096 bytes copied by bouncing"
  `)
  expect(guest.findings).toEqual([])
  expect(guest.log.events.length).toBeGreaterThan(0)
})

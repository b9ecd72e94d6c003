// Boots a realm with an untrusted NIC and an NVMe controller that is accepted later, does I/O on both before and after, and prints
// what was bounced, what the host could see and what it could not. Run by test/system/example.test.ts.
import { boot, type Guest, type Held } from '../../src/system/index.ts'

const text = (b: Uint8Array): string => (b.every((x) => x === 255) ? '(all ones)' : new TextDecoder().decode(b))

/** One write request: data out of a fresh page to the device. */
function request(guest: Guest, dev: string, data: string, say: (line: string) => void): Held {
  const page = guest.alloc_page()
  guest.write(page, data)
  const h = guest.dma_map_single(dev, page, 'TO_DEVICE')
  const got = guest.dev_read(dev, h, data.length)
  say(`${dev} (T=${guest.state(dev).tdi === 'run' ? 1 : 0}): handle 0x${guest.handle(h).toString(16)}, ${guest.isBounced(h) ? 'bounced' : 'direct'}; device reads '${text(got.bytes)}'`)
  say(`  host at the device's memory: ${guest.host_read(h, data.length).outcome} '${text(guest.host_read(h, data.length).bytes)}'; at the page: ${guest.host_read(page, data.length).outcome}`)
  guest.dma_unmap_single(dev, h)
  return page
}

export function main(say: (line: string) => void): Guest {
  const guest = boot({ platform: 'arm-cca', kernel: 'cc-v8', ram: '64M', swiotlb: 1024, devices: [{ name: 'nic' }, { name: 'nvme', tdisp: true }] })
  request(guest, 'nic', 'packet one', say)
  request(guest, 'nvme', 'block before', say)
  guest.admin('tsm_lock', 'nvme')
  guest.admin('tsm_accept', 'nvme')
  request(guest, 'nvme', 'block after', say)
  request(guest, 'nic', 'packet two', say)
  for (const [dev, bytes] of guest.bounced) say(`${dev}: ${bytes} bytes copied by bouncing`)
  return guest
}

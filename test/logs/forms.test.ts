import { expect, test } from 'vitest'
import { KernelLog, LogBytes, type LogExplanation } from '../../src/replay/index.ts'
import { type Line, forms } from './_forms.ts'

const log: readonly Line[] = [
  [
    0,
    'Linux version 6.8.0-1021-azure (buildd@lcy02-amd64-011) (x86_64-linux-gnu-gcc-13 (Ubuntu 13.2.0-23ubuntu4) ' +
      '13.2.0, GNU ld (GNU Binutils for Ubuntu) 2.42) #25-Ubuntu SMP Wed Jan 15 20:45:09 UTC 2025 (Ubuntu ' +
      '6.8.0-1021.25-azure 6.8.12)'
  ],
  [
    0,
    'Command line: BOOT_IMAGE=/boot/vmlinuz-6.8.0-1021-azure root=PARTUUID=0 ro console=tty1 console=ttyS0 ' +
      'swiotlb=524288'
  ],
  [0, 'BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable'],
  [0, 'BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable'],
  [0, 'BIOS-e820: [mem 0x0000000100000000-0x000000047fffffff] usable'],
  [0.02, 'software IO TLB: area num 8.'],
  [0.04, 'software IO TLB: mapped [mem 0x0000000020000000-0x0000000060000000] (1024MB)'],
  [
    0.05,
    'Memory: 15000000K/16776828K available (22528K kernel code, 4445K rwdata, 14652K rodata, 4968K init, 4692K ' +
      'bss, 1700000K reserved, 0K cma-reserved)'
  ],
  [0.06, 'Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP'],
  [5, 'software IO TLB: Memory encryption is active and system is using DMA bounce buffers'],
  [1000.1, 'nvme 0000:00:05.0: swiotlb buffer is full (sz: 262144 bytes), total 524288 (slots), used 523564 (slots)'],
  [
    1000.2,
    'virtio-pci 0000:00:02.0: swiotlb buffer is full (sz: 65536 bytes), total 524288 (slots), used 524280 (slots)'
  ],
  [1070.3, 'swiotlb_tbl_map_single: 4361 callbacks suppressed'],
  [1070.3, 'foo 0000:00:06.0: DMA addr 0x0000000180001000+4096 overflow (mask ffffffff, bus limit 0).']
].map(([at, text]) => ({ at: at as number, text: text as string }))

function explain(data: string | Uint8Array): LogExplanation {
  const k = new KernelLog()
  const bytes = new LogBytes(k.reader)
  bytes.feed(typeof data === 'string' ? new TextEncoder().encode(data) : data)
  bytes.end()
  return k.explain()
}

/** What must not depend on the form: all but lines, times and the text of the message itself. */
const essence = (e: LogExplanation) => ({
  kernel: e.kernel,
  vendor: e.vendor,
  platform: e.platform,
  ram: e.ram,
  cpus: e.cpus,
  cmdline: e.cmdline,
  pool: e.pool,
  suppressed: e.suppressed,
  limits: e.limits,
  advice: e.advice,
  boot: e.boot,
  boots: e.boots,
  strange: e.strange.map((s) => s.text),
  failures: e.failures.map((f) => ({
    kind: f.kind,
    cause: f.cause,
    causes: f.causes,
    device: f.device,
    count: f.count,
    sizes: f.sizes,
    total: f.total,
    used: f.used,
    text: f.text,
    bounces: f.bounces
  }))
})

const right = essence(explain((forms['dmesg'] as (l: readonly Line[]) => string)(log)))

test('the log as dmesg prints it is understood', () => {
  expect(right).toMatchObject({
    platform: 'amd-sev-snp',
    suppressed: 4361,
    strange: [],
    failures: [
      { device: 'nvme 0000:00:05.0', used: [523564, 523564] },
      { device: 'virtio-pci 0000:00:02.0' },
      { kind: 'map_overflow' }
    ]
  })
  expect(right.cmdline).toMatch(/swiotlb=524288$/)
  expect(Object.keys(forms).length).toBeGreaterThanOrEqual(35)
})

test.each(Object.keys(forms))('%s', (name) => {
  expect(essence(explain((forms[name] as (l: readonly Line[]) => string | Uint8Array)(log)))).toEqual(right)
})

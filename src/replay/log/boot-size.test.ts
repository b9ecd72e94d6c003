import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sizePool } from '../../kernel/swiotlb/index.ts'
import { bootSize } from './boot-size.ts'
import { LogReader } from './reader.ts'

const of = (text: string) => {
  const reader = new LogReader()
  for (const line of text.split('\n')) reader.line(line)
  reader.end()
  return bootSize(reader, {})
}
const fixture = (name: string): string =>
  readFileSync(new URL(`../../../test/fixtures/swiotlb/${name}`, import.meta.url), 'utf8')

test('a boot log tells the rules all they need: layout, ZONE_DMA, what is reserved, CPUs, command line', () => {
  const arm = of(fixture('boot-7.3.4-arm64-a07.txt'))
  expect(arm.request).toMatchObject({
    arch: 'arm64',
    kernel: '7.3.4+deb13-arm64',
    cpus: 4,
    zone_dma_end: 0xc0000000,
    ranges: [[0x40000000, 0xbfffffff]]
  })
  expect(arm).toMatchObject({ slots: 65536, areas: 8 })
  const soft = of(fixture('boot-7.3.4-amd64-m29.txt'))
  expect(soft.request).toMatchObject({ arch: 'x86', cmdline: expect.stringContaining('iommu=soft'), cpus: 4 })
  expect(soft).toMatchObject({ slots: 32768, areas: 4 })
})

test('what the log does not tell is named; Xen, Hyper-V and hotplug ranges are read', () => {
  expect(of('hello')).toMatchObject({
    request: null,
    missing: [expect.stringContaining('kernel'), expect.stringContaining('RAM')]
  })
  const base =
    'Linux version 6.12.0-amd64 (x86_64)\nMemory: 1900000K/2097152K available\nCommand line: quiet\n' +
    'setup_percpu: NR_CPUS:8 nr_cpumask_bits:2 nr_cpu_ids:2\n'
  const size = (more: string) => {
    const b = of(base + more)
    const s = b.request ? sizePool(b.request) : null
    return s?.ok ? s.value : null
  }
  expect(size('')?.slots).toBe(0)
  expect(size('ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x8ffffffff] hotplug')?.slots).toBe(32768)
  expect(size('Dom0 has maximum 4 VCPUs')?.notes.join()).toContain('Xen dom0')
  expect(size('Hyper-V: Isolation Config: Group A 0x1, Group B 0xba2')).toMatchObject({
    slots: 65536,
    limited_by: expect.stringContaining('6%')
  })
  expect(of(base).text).toContain('there is none')
})

const dir = new URL('../../../../shared/data/traces-7.3/boots/', import.meta.url)
const here = existsSync(dir)
describe(
  'every recorded boot, from its log alone' + (here ? '' : ' (skipped: ../shared/data/traces-7.3 is absent)'),
  () => {
    const rows = readFileSync(new URL('../../../test/fixtures/swiotlb/boots-7.3.tsv', import.meta.url), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((l) => l.split('\t'))
    test.skipIf(!here).each(rows.map((r) => [r[0] as string, Number(r[7]), r[8] as string] as const))(
      '%s',
      (file, slots, areas) => {
        const b = of(readFileSync(new URL(file, dir), 'utf8'))
        const s = b.request === null ? null : sizePool(b.request)
        expect(s?.ok && s.value.slots).toBe(slots)
        if (areas !== '-') expect(s?.ok && s.value.areas).toBe(Number(areas))
        if (b.slots !== null) expect(b.slots).toBe(slots)
      }
    )
  }
)

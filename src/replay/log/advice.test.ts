// Every setting that is advised is tried: on the sizing rules, for the machine of the log.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GiB, MiB } from '../../base/index.ts'
import { sizePool } from '../../kernel/swiotlb/index.ts'
import { KernelLog, type LogExplanation } from './index.ts'
import { withSetting } from './diagnose.ts'
import { runs } from '../../../test/runs.ts'

interface Machine {
  readonly ram: number
  readonly cpus: number
  readonly kernel: string
  readonly platform: 'none' | 'amd-sev-snp' | 'intel-tdx'
  readonly cmdline: string
}

const LOW = 2 * GiB
const hex = (n: number): string => `0x${n.toString(16).padStart(16, '0')}`
const SHOWN = {
  none: '',
  'amd-sev-snp': '[    0.3] Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP\n',
  'intel-tdx': '[    0.3] Memory Encryption Features active: Intel TDX\n'
} as const

const sized = (m: Machine, cmdline = m.cmdline) => {
  const s = sizePool({ ram: m.ram, platform: m.platform, kernel: m.kernel, cpus: m.cpus, cmdline })
  return s.ok ? s.value.slots : null
}

// A log as this machine would write it when its pool is full.
function log(m: Machine, slots: number): string {
  const high = m.ram - LOW
  const [above, below] = [4 * GiB, 64 * MiB]
  const e820 = high > 0 ? `[    0.0] BIOS-e820: [mem ${hex(above)}-${hex(above + high - 1)}] usable\n` : ''
  const bytes = slots * 2048
  return `[    0.0] Linux version ${m.kernel}.5 (x) x86_64
[    0.0] Command line: ${m.cmdline}
[    0.0] BIOS-e820: [mem ${hex(0)}-${hex(Math.min(m.ram, LOW) - 1)}] usable
${e820}[    0.1] smpboot: Allowing ${m.cpus} CPUs, 0 hotplug CPUs
[    0.1] Memory: ${Math.floor(m.ram / 1024 - 300_000)}K/${m.ram / 1024}K available
${SHOWN[m.platform]}[    0.4] software IO TLB: mapped [mem ${hex(below)}-${hex(below + bytes)}] (${bytes / MiB}MB)
[   12.0] nvme 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total ${slots} (slots), used ${slots} (slots)
`
}

function explain(text: string): LogExplanation {
  const k = new KernelLog()
  for (const line of text.split('\n')) k.next(line)
  return k.explain()
}

const machines = fc.record({
  ram: fc.constantFrom(1, 2, 4, 8, 16, 64).map((g) => g * GiB),
  cpus: fc.constantFrom(1, 2, 8, 64),
  kernel: fc.constantFrom('5.15', '6.1', '6.6', '6.12', '6.18', '7.3'),
  platform: fc.constantFrom('none', 'amd-sev-snp', 'intel-tdx'),
  cmdline: fc.constantFrom('ro', 'ro swiotlb=force', 'swiotlb=4096,force', 'ro swiotlb=1024', 'swiotlb=262144 quiet')
}) as fc.Arbitrary<Machine>

describe("a setting that a log's answer advises", () => {
  test('gives at least what is said of it, and more than there was, by the rules', () => {
    let tried = 0
    fc.assert(
      fc.property(machines, (m) => {
        const slots = sized(m)
        if (slots === null || slots === 0) return
        const e = explain(log(m, slots))
        expect(e.failures[0]?.kind).toBe('full')
        for (const s of e.settings) {
          const got = sized(m, withSetting(m.cmdline, s.setting ?? ''))
          expect([s.setting, got ?? 0]).toEqual([s.setting, expect.any(Number)])
          expect(got).toBeGreaterThanOrEqual(s.slots ?? 0)
          if (s.text.startsWith('The load needs') || s.text.startsWith('If they do')) {
            expect(got).toBeGreaterThan(slots)
            tried++
          }
        }
        // What is written for the command line is what was tried, with the words that were there.
        for (const text of e.advice)
          for (const [word] of text.matchAll(/swiotlb=\d[\w,]*/g)) {
            const got = sized(m, withSetting(m.cmdline, word))
            if (got !== null && !/no setting gives/.test(text)) expect([word, got > slots]).toEqual([word, true])
            if (/swiotlb=\S*force/.test(m.cmdline)) expect(word).toMatch(/,force/)
          }
      }),
      { numRuns: runs(150) }
    )
    // how many depends on what was drawn
    expect(tried).toBeGreaterThan(0)
  })
})

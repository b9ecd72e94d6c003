import { existsSync, readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GiB } from '../../base/index.ts'
import { IoTlbPool, slotParams, swiotlb_release_slots, swiotlb_tbl_map_single } from '../../kernel/swiotlb/index.ts'
import { fullCause } from './failure.ts'
import { KernelLog, type LogExplanation, type LogFacts } from './index.ts'
import { runs } from '../../../test/runs.ts'

function explain(text: string, facts: LogFacts = {}): LogExplanation {
  const log = new KernelLog()
  for (const line of text.split('\n')) log.next(line)
  return log.explain(facts)
}
const full = (sz: number, total: number, used: number, dev = 'nvme 0000:00:02.0') =>
  `[   12.952791] ${dev}: swiotlb buffer is full (sz: ${sz} bytes), total ${total} (slots), used ${used} (slots)`
const causes = (e: LogExplanation): string[] => e.failures.map((f) => f.cause)

describe('recorded boots', () => {
  const boots = readFileSync(new URL('../../../test/fixtures/swiotlb/boots.txt', import.meta.url), 'utf8')
    .split(/^# /m)
    .slice(1)
  const of = (name: string): LogExplanation => explain(boots.find((b) => b.startsWith(name)) ?? '')
  test(
    'a pool of 512 slots that overflowed: ten lines, one cause, the size from the command line, a larger one to ' +
      'write',
    () => {
      const e = of('r04')
      expect(e).toMatchObject({
        kernel: '6.12.117+deb12-amd64',
        cpus: 2,
        platform: null,
        pool: { slots: 512, areas: 2, limited_by: 'command line', grown: false },
        suppressed: 0
      })
      expect(e.failures).toMatchObject([
        {
          cause: 'pool_full',
          device: 'nvme 0000:00:02.0',
          count: 10,
          total: 512,
          used: [512, 512],
          sizes: [{ bytes: 4096, count: 10 }],
          first: 12.952791,
          last: 12.963128
        }
      ])
      expect(e.limits).toEqual(['pool size', 'the pool has its size from: command line'])
      expect(e.advice[0]).toContain('swiotlb=1024,force')
      expect(e.notes.join()).toContain('lower bounds')
    }
  )
  test('boots without failures say so, on both architectures', () => {
    expect(of('r02')).toMatchObject({
      failures: [],
      limits: [],
      advice: [],
      pool: { slots: 32768, areas: 2, limited_by: '64 MiB default' }
    })
    expect(of('r17')).toMatchObject({
      failures: [],
      pool: { slots: 32768, start: 0xf8000000, end: 0xfc000000, limited_by: '64 MiB default' }
    })
  })
  const shared = new URL('../../../../shared/data/traces/', import.meta.url)
  const here = existsSync(shared)
  test.skipIf(!here)(
    'whole logs: the pool by the rules is the pool of the log' +
      `${here ? '' : ' (skipped: ../shared/data/traces is absent)'}`,
    () => {
      const runs = readdirSync(shared).filter((r) => existsSync(new URL(`${r}/dmesg.txt`, shared)))
      expect(runs.length).toBeGreaterThan(5)
      for (const r of runs) {
        const e = explain(readFileSync(new URL(`${r}/dmesg.txt`, shared), 'utf8'))
        expect([r, e.pool?.limited_by === null]).toEqual([r, false])
      }
    }
  )
})

describe('public logs', () => {
  test('1 GiB pool of a SEV or TDX guest, one message, wrapped and quoted as mail programs do', () => {
    const e = explain(
      '> virtio-pci 0000:00:02.0: swiotlb buffer is full (sz: 262144 bytes),\n> total 524288 (slots), used ' +
        '523564 (slots)'
    )
    expect(e.failures).toMatchObject([{ cause: 'fragmented', count: 1, total: 524288, used: [523564, 523564] }])
    expect(e.limits.join()).toContain('1 GiB clamp')
    expect(e.notes.join()).not.toContain('lower bounds')
  })
  test('2 MiB requests: the segment binds, and no pool size helps (AMDSEV issue 281)', () => {
    const e = explain(full(2097152, 524288, 515875), {
      platform: 'amd-sev-snp',
      kernel: '6.16',
      ram: 128 * GiB,
      cpus: 16
    })
    expect(causes(e)).toEqual(['too_large'])
    expect(e.limits).toEqual(['256 KiB segment'])
    expect(e.advice.join()).toContain('No pool size helps')
    expect(e.pool?.limited_by).toMatch(/^1 GiB clamp/)
  })
  test('what no setting can give is said with its reason', () => {
    const e = explain(full(4096, 524288, 524288), {
      platform: 'intel-tdx',
      kernel: 'linux-6.12',
      ram: 64 * GiB,
      cpus: 8
    })
    expect(e.advice[0]).toMatch(/no setting gives 2 GiB.*below 4 GiB/)
  })
  test('old kernels: no totals, report_addr, and an allocation that failed at boot', () => {
    expect(causes(explain('[  437.5] dwc3 38200000.dwc3: swiotlb buffer is full (sz: 16384 bytes)'))).toEqual([
      'full_unknown'
    ])
    const rpi = explain(
      `${full(536576, 32768, 3487, 'v3d fec00000.v3d')}\n[17.6] v3d fec00000.v3d: overflow ` +
        '0x0000000040898000+536576 of DMA mask 7ffffffff bus mask 3fffffff'
    )
    expect(causes(rpi)).toEqual(['too_large', 'bus_limit'])
    const sev = explain(
      'Linux version 6.1.0-x86_64\nMemory Encryption Features active: AMD SEV SEV-ES SEV-SNP\nsoftware IO TLB: ' +
        'swiotlb_init_remap: failed to allocate tlb structure\nvirtio-pci 0000:00:02.0: Can not allocate SWIOTLB ' +
        "buffer earlier and can't now provide you with the DMA bounce buffer"
    )
    expect(sev).toMatchObject({ platform: 'amd-sev-snp' })
    expect(sev.limits.join()).toContain('low memory')
    expect(sev.advice.join()).toContain('ask for less')
  })
})

test('each other message has its cause, limit and advice', () => {
  const one = (line: string, facts: LogFacts = {}): LogExplanation => explain(line, facts)
  const alias = 'e1000 0000:00:01.0: swiotlb addr 0x0000800080001000+1522 overflow (mask ffffffff, bus limit 0).'
  expect(causes(one(alias, { platform: 'arm-cca', kernel: '6.15' }))).toEqual(['alias'])
  // An alias is blamed only on a platform that has one.
  expect(causes(one(alias))).toEqual(['beyond_unknown'])
  for (const platform of ['amd-sev-snp', 'intel-tdx', 'none'])
    expect(one(alias, { platform }).failures[0]?.causes.map((c) => c.id)).not.toContain('alias')
  expect(
    causes(one('foo 0000:00:01.0: swiotlb addr 0x0000000080001000+1522 overflow (mask 3fffffff, bus limit 0).'))
  ).toEqual(['small_mask'])
  expect(
    causes(one('foo 0000:00:01.0: DMA addr 0x0000000180001000+1522 overflow (mask ffffffff, bus limit 0).'))
  ).toEqual(['mask'])
  expect(
    causes(
      one('foo 0000:00:01.0: DMA addr 0x0000000080001000+1522 overflow (mask ffffffff, bus limit 0).', {
        platform: 'arm-cca',
        kernel: 'linux-7.3'
      })
    )
  ).toEqual(['state_mismatch'])
  expect(causes(one('foo 1: Buffer overflow detected. Allocation size: 100. Mapping size: 200.'))).toEqual([
    'bounce_overflow'
  ])
  expect(causes(one('software IO TLB: Failed to decrypt default memory pool, disabling it'))).toEqual([
    'decrypt_failed'
  ])
  expect(causes(one('Failed to get suitable pool for 30be0000.ethernet'))).toEqual(['atomic_pool'])
  expect(one('software IO TLB: SWIOTLB bounce buffer size adjusted 1048576 -> 524288 slabs')).toMatchObject({
    failures: [],
    limits: [expect.stringMatching(/^low memory: 2 GiB/)]
  })
  expect(one('Command line: swiotlb=512M,force').notes.join()).toContain('slots of 2 KiB, not bytes')
  expect(one('Command line: quiet').notes).toEqual([])
  expect(one('Linux version 6.12.0\nCommand line: swiotlb=512M').notes.join()).toContain('slots of 2 KiB, not bytes')
  expect(causes(one(full(65536, 32768, 4)))).toEqual(['placement'])
})

test('suppressed messages are counted, other functions are not, and a second boot starts afresh', () => {
  const e = explain(
    `Linux version 6.12.1\n${full(4096, 512, 512)}\n[ 20.0] swiotlb_tbl_map_single: 191 callbacks suppressed\n[ ` +
      '21.0] net_ratelimit: 5 callbacks suppressed'
  )
  expect(e.suppressed).toBe(191)
  expect(e.limits.join()).toContain('191 more were not printed')
  const two = explain(
    `Linux version 6.12.1\n${full(4096, 512, 512)}\nLinux version 6.12.2\nsoftware IO TLB: area num 2.`
  )
  expect([two.boots, two.kernel, two.failures.length, two.earlier.map((b) => [b.kernel, b.failures.length])]).toEqual([
    2,
    '6.12.2',
    0,
    [['6.12.1', 1]]
  ])
  const leak = explain(`${full(4096, 512, 512)}\n${full(4096, 512, 511).replace('12.952791', '400.0')}`)
  expect(leak.advice.join()).toContain('leaked')
  const grown = explain(
    `software IO TLB: mapped [mem 0x0000000080000000-0x0000000080100000] (1MB)\n${full(4096, 2048, 2048)}`
  )
  expect(grown.pool).toMatchObject({ slots: 512, grown: true })
})

// The verdict is checked against the pool itself: fill one at random, let a request fail, and ask from the numbers that
// the kernel would print.
test('"fragmented" and "placement" are never said of a pool where the contrary holds', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(128, 256, 512, 1024),
      fc.array(fc.record({ size: fc.integer({ min: 1, max: 40000 }), free: fc.boolean(), pick: fc.nat() }), {
        minLength: 5,
        maxLength: 300
      }),
      fc.integer({ min: 1, max: 300000 }),
      (n, ops, size) => {
        const pool = new IoTlbPool(0x80000000, n, 1)
        const p = slotParams(0, 0, pool.start)
        const live: number[] = []
        for (const o of ops) {
          if (o.free && live.length > 0) swiotlb_release_slots(pool, 0, live.splice(o.pick % live.length, 1)[0]!)
          else {
            const tlb = swiotlb_tbl_map_single(pool, 0, p, 0x100000000, o.size, 0)
            if (tlb >= 0) live.push(tlb)
          }
        }
        if (swiotlb_tbl_map_single(pool, 0, p, 0x100000000, size, 0) >= 0) return
        const cause = fullCause(size, n, pool.total_used)
        const slots = Math.ceil(size / 2048)
        // A plain device: alignment and boundary never refuse, so the failure is one of these three, by definition.
        expect(cause).toBe(size > 262144 ? 'too_large' : slots > n - pool.total_used ? 'pool_full' : 'fragmented')
      }
    ),
    { numRuns: runs(300) }
  )
})

test('rubbish is read without harm', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          fc.constantFrom(
            'swiotlb buffer is full (sz: 1 bytes),',
            'total',
            'software IO TLB: mapped [mem 0x0-0x0] (0MB)',
            full(0, 0, 0),
            full(4096, 512, 600)
          )
        )
      ),
      (lines) => {
        const e = explain(lines.join('\n'))
        expect(e.lines).toBeGreaterThan(0)
        expect(JSON.stringify(e)).not.toContain('NaN')
      }
    )
  )
  const log = new KernelLog()
  for (let i = 0; i < 10; i++) log.next('\u0000\u0001\u0002rubbish\ufffd')
  expect(log.looksBinary).toBe(true)
})

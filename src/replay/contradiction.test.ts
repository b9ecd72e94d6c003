// A kernel log of another boot is told from the right one, and the right one is never refused.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DISK, heavyOps, load, ops } from './_loads.ts'
import type { TraceMaker } from './_trace-maker.ts'
import { contradictions } from './contradiction.ts'
import { Names } from './event.ts'
import { readKernelLog } from './kernel-log.ts'
import type { PoolFacts } from './pool-facts.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { runs } from '../../test/runs.ts'

const hex = (n: number): string => n.toString(16).padStart(16, '0')
const log = (start: number, nslabs: number, nareas: number, more = ''): string => `Linux version 6.12.1 (x)
software IO TLB: area num ${nareas}.
software IO TLB: mapped [mem 0x${hex(start)}-0x${hex(start + nslabs * 2048)}] (1MB)
${more}`

function judge(m: TraceMaker, facts: PoolFacts, kernel: string | null = null): string[] {
  const names = new Names()
  const r = new Replay(names, { pool: facts, poolSource: 'log', minAlignMask: new Map([[DISK, 4095]]) })
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(m.text()))
  s.end()
  r.end()
  return contradictions(facts, r, kernel)
}

describe('the right log', () => {
  test.each([
    ['in a roomy pool', ops, { nslabs: 4096, nareas: 2 }],
    ['in a full pool', heavyOps, { nslabs: 256, nareas: 2 }]
  ] as const)('is taken %s', (_, loads, pool) => {
    fc.assert(
      fc.property(loads, (list) => {
        const m = load(list, pool)
        expect(
          judge(
            m,
            readKernelLog(
              log(
                m.pool.start,
                m.pool.nslabs,
                m.pool.nareas,
                'pci 0000:00:02.0: x\npci 0000:00:06.0: x\npci 0000:00:07.0: x\n'
              )
            ),
            '6.12.1'
          )
        ).toEqual([])
      }),
      { numRuns: runs(15) }
    )
  })
})

describe('a log of another boot is refused with what contradicts it', () => {
  const m = load(
    Array.from({ length: 260 }, (_, i) => [[1, 2, 1, 4, 2, 1, 1][i % 7] as number, i * 31, i * 17] as const),
    { nslabs: 1024, nareas: 2 }
  )
  const { start, nslabs, nareas } = m.pool

  test('its pool lies elsewhere', () => {
    const [said, ...more] = judge(m, readKernelLog(log(start + nslabs * 4096, nslabs, nareas)))
    expect(more).toEqual([])
    expect(said).toContain(`none of the trace's`)
    expect(said).toContain(`the first elsewhere is at 0x${start.toString(16).slice(0, 4)}`)
  })

  test('its pool overlaps the right one', () => {
    expect(judge(m, readKernelLog(log(start - nslabs * 1024, nslabs, nareas)))[0]).toMatch(
      /only \d+ (of the trace's|%)/
    )
  })

  test("bounces elsewhere are a restricted pool's where the log tells of one", () => {
    expect(
      judge(
        m,
        readKernelLog(
          log(
            start + nslabs * 4096,
            nslabs,
            nareas,
            'software IO TLB: Reserved memory: created restricted DMA pool at 0x0000000100000000, size 4 MiB\n'
          )
        )
      )
    ).toEqual([])
  })

  test('its kernel is another; none of its devices is in the trace', () => {
    const facts = readKernelLog(
      log(start, nslabs, nareas, 'pci 0000:01:00.0: x\npci 0000:01:00.1: x\npci 0000:01:00.2: x\n')
    )
    expect(judge(m, facts, '6.8.0')).toEqual([
      'it is of kernel 6.12.1, the trace of 6.8.0',
      expect.stringMatching(
        /^it names 3 PCI devices, and none of the trace's \((?:0000:00:0[26]\.0(?:, )?){2}(\.\.\.)?\) is among them$/
      )
    ])
  })
})

import { describe, expect, test } from 'vitest'
import { Trace } from '../kernel/trace-events.ts'
import { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { parseWhatIf } from './what-if-spec.ts'
import { WhatIf, type WhatIfResult } from './what-if.ts'

const DISK = '0000:00:02.0'
const NET = '0000:00:06.0'

function ask(m: TraceMaker, questions: readonly string[]): WhatIfResult[] {
  const names = new Names()
  const followers: WhatIf[] = []
  const r: Replay = new Replay(names, {
    pool: { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas },
    minAlignMask: new Map([[DISK, 4095]]),
    followers
  })
  for (const q of questions) {
    const spec = parseWhatIf(q)
    if (!spec.ok) throw new Error(spec.error.message)
    followers.push(new WhatIf(spec.value, () => r))
  }
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(m.text()))
  s.end()
  r.end()
  return followers.map((f) => f.result(null))
}

// Bursts of disk requests and single packets; `plain` maps the disk directly.
function load(plain: boolean, nslabs = 4096): TraceMaker {
  const m = new TraceMaker({ nslabs, force: !plain })
  let page = 0x100000000
  for (let burst = 0; burst < 20; burst++) {
    const made = []
    for (let i = 0; i < 30; i++) {
      page += 0x4000
      made.push(plain ? m.direct(DISK, i & 1, page, 4096, 2) : m.map(DISK, i & 1, page, 4096, 2, 4095))
    }
    page += 0x4000
    made.push(plain ? m.direct(NET, 0, page, 1500, 1) : m.map(NET, 0, page, 1500, 1))
    for (const x of made) if (x) m.unmap(x, 0)
  }
  return m
}

describe('the question', () => {
  test.each([
    ['pool=65536', { pool: { nslabs: 65536, nareas: null }, force: null, accepted: [], kernel: null }],
    ['pool=64M,4 force', { pool: { nslabs: 32768, nareas: 4 }, force: true }],
    ['force accepted=a,b kernel=linux-6.12', { force: true, accepted: ['a', 'b'], kernel: 'linux-6.12' }],
    ['noforce', { force: false }],
    ['pool=100', { pool: { nslabs: 128, nareas: null } }]
  ])('%s', (text, want) => {
    const r = parseWhatIf(text)
    expect(r.ok && r.value).toMatchObject(want)
  })

  test.each([
    ['pol=512', 'pol=512', 'pool='],
    ['pool=512,3', '3 areas', 'power of two'],
    ['pool=512,8', '8 areas', 'power of two up to 4'],
    ['pool=x', 'is no pool', 'SLOTS'],
    ['kernel=linux-6.21', "unknown kernel 'linux-6.21'", 'linux-6.12'],
    ['force noforce', 'contradict', ''],
    ['accepted=', 'names no device', ''],
    ['', 'empty', ''],
    ['force force', 'twice', ''],
    ['pool=1', '', '']
  ])('%j is refused with the word, what was expected and a column', (text, message, expected) => {
    const r = parseWhatIf(text)
    if (r.ok) {
      expect(text).toBe('pool=1')
      return
    }
    expect(r.error).toMatchObject({ code: 'TB-361', file: '--what-if', line: 1 })
    expect(r.error.message).toContain(message)
    expect(r.error.expected?.join(' ')).toContain(expected)
    if (text === 'kernel=linux-6.21') expect(r.error.nearest?.[0]).toContain('linux-6.1')
  })
})

describe('the answer', () => {
  test(
    'accepted=all leaves only what bounces for its own reach; MMIO and memory that is ' + 'shared already never bounce',
    () => {
      expect(ask(load(false), ['accepted=all'])[0]).toMatchObject({
        bouncedSegments: 0,
        copiedBytes: 0,
        unknownDevices: []
      })
      const m = new TraceMaker({ kernel: '7.1' })
      m.log(Trace.map, { device: DISK, dir: 1, dma_addr: 0x9000, size: 4096, phys_addr: 0x9000, attrs: 1 << 10 }, 0)
      m.log(Trace.map, { device: DISK, dir: 1, dma_addr: 0xa000, size: 4096, phys_addr: 0xa000, attrs: 1 << 13 }, 0)
      m.log(Trace.map, { device: DISK, dir: 1, dma_addr: 0xb000, size: 4096, phys_addr: 0xb000, attrs: 0 }, 0)
      expect(ask(m, ['force'])[0]).toMatchObject({ bouncedSegments: 1, bouncedBytes: 4096 })
    }
  )

  test(
    'forcing a plain load bounces its bytes; the pool that it needs is the smallest power of two in which nothing ' +
      'fails',
    () => {
      const [w, small] = ask(load(true), ['force', 'force pool=512,1'])
      const bytes = 20 * (30 * 4096 + 1500)
      expect(w).toMatchObject({
        bouncedSegments: 620,
        bouncedBytes: bytes,
        copiedBytes: 20 * (30 * 8192 + 1500),
        failedMaps: 0,
        hiwater: 61,
        needed: { slots: 512 }
      })
      expect(w?.copiedLess).toBe(-(w?.copiedBytes ?? 0))
      expect(w?.hiwaterRange?.[0]).toBeLessThan(61)
      expect(w?.hiwaterRange?.[1]).toBeGreaterThan(61)
      expect(small).toMatchObject({ pool: { nslabs: 512, nareas: 1 }, failedMaps: 0 })
    }
  )

  test('an accepted device goes direct, on a kernel that knows it; on linux-6.12 nothing changes', () => {
    const [a, b, none] = ask(load(false), [
      `accepted=${DISK}`,
      `accepted=${DISK} kernel=linux-6.12`,
      `accepted=${DISK},${NET}`
    ])
    expect(a).toMatchObject({ bouncedBytes: 20 * 1500, acceptanceHelps: true, hiwater: 1 })
    expect(a?.devices.find((d) => d.name === DISK)).toMatchObject({
      accepted: true,
      bouncedSegments: 0,
      directBytes: 600 * 4096
    })
    expect(a?.copiedLess).toBe(600 * 8192)
    expect(b).toMatchObject({ bouncedBytes: 20 * (30 * 4096 + 1500), acceptanceHelps: false, copiedLess: 0 })
    expect(none).toMatchObject({ bouncedSegments: 0, needed: { slots: 0 } })
  })

  test('acceptance does not help a device that bounces for its own reach', () => {
    const m = new TraceMaker({ force: false })
    const x = m.map(NET, 0, 0x140000000, 1500, 2)
    if (x) m.unmap(x, 0)
    const [w] = ask(m, [`accepted=${NET}`])
    expect(w).toMatchObject({ bouncedBytes: 1500, copiedLess: 0 })
  })

  test('a smaller pool refuses mappings and says why; the needed pool is larger', () => {
    const m = new TraceMaker({ nslabs: 4096, nareas: 1 })
    const made = Array.from({ length: 400 }, (_, i) => m.map(DISK, 0, 0x100000000 + i * 0x3000, 4096, 1, 4095))
    for (const x of made) if (x) m.unmap(x, 0)
    const [w] = ask(m, ['pool=512,1'])
    expect(w).toMatchObject({
      failedMaps: 144,
      causes: { full: 144 },
      hiwater: 512,
      needed: { slots: 1024 },
      hiwaterRange: null
    })
  })

  test('segments above the mapping limit of a forced boot are split before they are placed', () => {
    const m = new TraceMaker()
    m.direct(DISK, 0, 0x100000000, 1 << 20, 2)
    const [w] = ask(m, ['force'])
    // 258 048 bytes at a time: four times 126 slots and one of 8.
    expect(w).toMatchObject({ failedMaps: 0, bouncedSegments: 1, bouncedBytes: 1 << 20, hiwater: 4 * 126 + 8 })
  })

  test('an unknown device after accepted= is named, with the nearest that the trace has', () => {
    const [w] = ask(load(false), ['accepted=0000:00:02.1'])
    expect(w?.unknownDevices).toEqual([{ name: '0000:00:02.1', nearest: expect.arrayContaining([DISK]) }])
  })
})

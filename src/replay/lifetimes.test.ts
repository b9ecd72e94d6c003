// Mappings whose unmap the driver leaves out: their ends are found well enough for the peak that a bouncing boot would
// have, exactly where the trace has block requests; and a driver that unmaps everything is left alone.
import { describe, expect, test } from 'vitest'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { parseWhatIf } from './what-if-spec.ts'
import { WhatIf, type WhatIfResult } from './what-if.ts'

const DISK = '0000:00:02.0'

interface Load {
  /** Lines of the trace, in order. */
  readonly lines: string[]
  /** Most slots that are mapped at one time, mappings without unmap included. */
  readonly peak: number
  readonly leftOut: number
}

// A disk as nvme drives it: requests of 1 to 32 pages out of a fixed set of buffers, so many in flight; only those of
// one segment are unmapped. `late`: nanoseconds by which a request may overtake others.
function disk(o: {
  requests: number
  depth: number
  late: number
  blocks: boolean
  leavesOut: boolean
  fresh?: boolean
}): Load {
  let seed = 12345
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const lines: string[] = []
  const at = (time: number, cpu: number, rest: string, irq = '.....'): void => {
    const us = Math.floor(time / 1000)
    lines.push(
      `          ioload-${300 + cpu}     [00${cpu}] ${irq} ${Math.floor(us / 1e6)}.` +
        `${String(us % 1e6).padStart(6, '0')}: ${rest}`
    )
  }
  const free = Array.from({ length: o.depth }, (_, i) => i)
  const flying: { done: number; cpu: number; buffer: number; pages: number; base: number; sector: number }[] = []
  let now = 1e9
  let slots = 0
  let peak = 0
  let leftOut = 0
  const finish = (): void => {
    flying.sort((a, b) => a.done - b.done)
    const r = flying.shift() as (typeof flying)[number]
    now = Math.max(now, r.done)
    for (let p = 0; p < r.pages; p++) {
      if (r.pages === 1 || !o.leavesOut)
        at(
          now,
          r.cpu,
          `dma_unmap_phys: ${DISK} dir=FROM_DEVICE dma_addr=${(r.base + p * 8192).toString(16)} size=4096 attrs=`,
          'd.h..'
        )
      else leftOut++
      slots -= 2
    }
    if (o.blocks) at(now, r.cpu, `block_rq_complete: 259,0 R () ${r.sector} + ${r.pages * 8} none,0,0 [0]`, 'd.h..')
    free.push(r.buffer)
  }
  for (let i = 0; i < o.requests; i++) {
    while (free.length === 0 || (flying.length > 0 && (flying[0] as (typeof flying)[number]).done < now)) finish()
    const buffer = free.shift() as number
    const cpu = i % 2
    const pages = random(3) === 0 ? 1 : 2 + random(31)
    const base = 0x100000000 + (o.fresh ? i * 0x100000 : buffer * 0x100000)
    for (let p = 0; p < pages; p++) {
      at(
        (now += 500),
        cpu,
        `dma_map_phys: ${DISK} dir=FROM_DEVICE dma_addr=${(base + p * 8192).toString(16)} size=4096 phys_addr=` +
          `${(base + p * 8192).toString(16)} attrs=`
      )
      slots += 2
    }
    peak = Math.max(peak, slots)
    if (o.blocks)
      at(now, cpu, `block_rq_issue: 259,0 R ${pages * 4096} () ${i * 1000} + ${pages * 8} none,0,0 [ioload]`)
    flying.push({ done: now + 1e6 + random(o.late), cpu, buffer, pages, base, sector: i * 1000 })
    flying.sort((a, b) => a.done - b.done)
  }
  while (flying.length > 0) finish()
  return { lines, peak, leftOut }
}

function force(load: Load, known = true): { r: Replay; w: WhatIfResult } {
  const names = new Names()
  const followers: WhatIf[] = []
  const r: Replay = new Replay(names, {
    pool: { start: 0x7b9f3000, nslabs: 32768, nareas: 2 },
    minAlignMask: new Map([[DISK, 4095]]),
    followers,
    ...(known ? { leavesOutUnmaps: new Set([DISK]) } : {})
  })
  const spec = parseWhatIf('force')
  if (!spec.ok) throw new Error(spec.error.message)
  followers.push(new WhatIf(spec.value, () => r))
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(`${load.lines.join('\n')}\n`))
  s.end()
  r.end()
  return { r, w: (followers[0] as WhatIf).result(null) }
}

const told = (r: Replay) => r.simulation.lifetimes.told(r.devices.find((d) => d.name === DISK)?.id ?? -1)

describe('a driver that leaves out unmaps', () => {
  test.each([
    { late: 1, depth: 64 },
    { late: 4e5, depth: 64 },
    { late: 1e6, depth: 16 }
  ])('the peak is near the truth: %o', ({ late, depth }) => {
    const load = disk({ requests: 700, depth, late, blocks: false, leavesOut: true })
    for (const known of [true, false]) {
      const { r, w } = force(load, known)
      expect(w.hiwater / load.peak).toBeGreaterThan(0.75)
      expect(w.hiwater / load.peak).toBeLessThan(1.25)
      expect(w.hiwaterRange?.[0]).toBeLessThan(load.peak)
      expect(w.hiwaterRange?.[1]).toBeGreaterThan(load.peak)
      expect((told(r)?.assumed ?? 0) / load.leftOut).toBeGreaterThan(0.95)
      // The bytes do not depend on the ends.
      expect(w.copiedBytes).toBe(2 * w.bouncedBytes)
      expect(w.basis).toBe('bound')
    }
  })

  test('with block requests in the trace the ends are exact', () => {
    const load = disk({ requests: 700, depth: 64, late: 1e6, blocks: true, leavesOut: true })
    const { r, w } = force(load)
    expect(w.hiwater).toBe(load.peak)
    expect(told(r)).toMatchObject({ exact: load.leftOut, assumed: 0, early: 0 })
    expect([w.assumedEnds, w.exactEnds]).toEqual([load.leftOut, load.leftOut])
    expect(r.counts.unmapsWithoutMap).toBe(0)
  })

  test("where nothing is mapped twice, the driver's name decides", () => {
    const load = disk({ requests: 700, depth: 32, late: 1e5, blocks: false, leavesOut: true, fresh: true })
    expect(force(load, true).w.hiwater / load.peak).toBeLessThan(1.25)
    expect(force(load, false).w.hiwater).toBeGreaterThan(load.peak * 2)
  })
})

describe('a driver that unmaps what it maps', () => {
  test('is taken at its word, also when its requests overtake each other', () => {
    const load = disk({ requests: 700, depth: 64, late: 2e6, blocks: false, leavesOut: false })
    const { r, w } = force(load, false)
    expect(w.hiwater).toBe(load.peak)
    expect(told(r)).toBeNull()
    expect(w.assumedEnds).toBe(0)
    expect(r.live.size).toBe(0)
  })

  test('the same memory mapped twice at a time is no sign of anything', () => {
    const lines: string[] = []
    for (let i = 0; i < 400; i++) {
      for (const kind of ['map', 'map', 'unmap', 'unmap']) {
        lines.push(
          `x-1     [000] ..... 1.${String(lines.length).padStart(6, '0')}: dma_${kind}_phys: ${DISK} ` +
            `dir=TO_DEVICE dma_addr=100000000 size=4096 ${kind === 'map' ? 'phys_addr=100000000 ' : ''}attrs=`
        )
      }
    }
    const { r, w } = force({ lines, peak: 4, leftOut: 0 }, false)
    expect([w.hiwater, told(r), r.live.size]).toEqual([4, null, 0])
  })
})

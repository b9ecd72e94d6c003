// A kernel before 6.12: kprobes on swiotlb, with and without swiotlb_bounced, tell what the class dma would.
import { describe, expect, test } from 'vitest'
import { DISK, load } from './_loads.ts'
import type { TraceMaker } from './_trace-maker.ts'
import { Names } from './event.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'

const OPS = Array.from({ length: 260 }, (_, i) => [[1, 2, 1, 4, 2, 1, 1][i % 7] as number, i * 31, i * 17] as const)

// The same load as such a kernel would log it: each single mapping's events in the form of kprobes. `pointer`: the
// probe prints the device's address, not its name.
function probes(m: TraceMaker, o: { bounced: boolean; pointer: boolean }): string {
  const out: string[] = []
  for (const line of m.lines) {
    const head = /^(.*?\d: )/.exec(line)?.[1] ?? ''
    const field = (k: string): string => new RegExp(`${k}=([0-9a-f]+)`).exec(line)?.[1] ?? ''
    const dev = /(0000:\S+)/.exec(line)?.[1] ?? ''
    const name = o.pointer ? `0xff43ced${dev.replace(/\D/g, '').padStart(9, '0')}` : `"${dev}"`
    if (line.includes('swiotlb_bounced')) {
      if (o.bounced) out.push(line)
      out.push(
        `${head}p_map: (swiotlb_tbl_map_single+0x4/0x770) dev=${name} orig=0x${field('dev_addr')} size=${field('size')}`
      )
    } else if (line.includes('dma_map_page'))
      out.push(`${head}r_map: (swiotlb_map+0x6c/0x280 <- swiotlb_tbl_map_single) tlb=0x${field('dma_addr')}`)
    else if (line.includes('dma_unmap_page'))
      out.push(
        `${head}p_unmap: (swiotlb_tbl_unmap_single+0x4/0x60) dev=${name} tlb=0x${field('dma_addr')} size=` +
          `${field('size')} dir=${line.includes('FROM') ? 2 : 1}`
      )
  }
  return `${out.join('\n')}\n`
}

function replay(m: TraceMaker, text: string): Replay {
  const names = new Names()
  const r = new Replay(names, {
    pool: { start: m.pool.start, nslabs: m.pool.nslabs, nareas: m.pool.nareas },
    minAlignMask: new Map([[DISK, 4095]])
  })
  const s = new TextScanner(r, names, new Skips())
  s.push(new TextEncoder().encode(text))
  s.end()
  r.end()
  return r
}

describe('kprobes in the place of the class dma', () => {
  test.each([
    { bounced: false, pointer: false },
    { bounced: true, pointer: false },
    { bounced: true, pointer: true }
  ])('%o', (o) => {
    const m = load(OPS, { nslabs: 512, nareas: 2 })
    const want = replay(m, m.text())
    const got = replay(m, probes(m, o))
    expect(want.counts.compared).toBeGreaterThan(100)
    for (const k of [
      'compared',
      'equal',
      'actualFailedMaps',
      'predictedFailedMaps',
      'unmapsWithoutMap',
      'unknownOutcome'
    ] as const)
      expect([k, got.counts[k]]).toEqual([k, want.counts[k]])
    expect(got.sim?.usage).toEqual(want.sim?.usage)
    const bounced = (r: Replay) =>
      r.devices
        .filter((d) => d.bouncedBytes > 0)
        .map((d) => [d.name, d.bouncedBytes, d.copiedIn, d.copiedOut])
        .sort()
    expect(bounced(got)).toEqual(bounced(want))
    expect(got.counts.probeEvents).toBeGreaterThan(100)
  })

  test('failed calls are seen; beside the class dma the probes are left out', () => {
    const m = load(
      Array.from({ length: 300 }, (_, i) => [1, i * 31, i * 17] as const),
      { nslabs: 512, nareas: 2 }
    )
    expect(m.failedMaps).toBeGreaterThan(10)
    expect(replay(m, probes(m, { bounced: false, pointer: false })).counts.actualFailedMaps).toBe(m.failedMaps)
    const both = replay(
      m,
      `x-1     [000] ..... 0.000001: dma_alloc: ${DISK} dir=BIDIRECTIONAL dma_addr=10b22e000 size=512 ` +
        `virt_addr=00000000ed095ed2 flags=GFP_KERNEL attrs=\n${m.text()}` +
        `${probes(m, { bounced: false, pointer: false })}`
    )
    expect([both.counts.probeEvents, both.counts.actualFailedMaps]).toEqual([0, m.failedMaps])
  })
})

// Every recording of a real kernel, if the shared data is here: what the issue asks for, and what an independent script
// counted.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Names } from './event.ts'
import { readKernelLog } from './kernel-log.ts'
import { minAlignMasks } from './pool-facts.ts'
import { parseDebugfs } from './measured.ts'
import { Replay, type ReplayOptions } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { sectionUnpackers } from '../cli/unpack.ts'
import { TraceDat } from './trace-dat.ts'

const dir = join(__dirname, '../../../shared/data/traces')
const runs = existsSync(dir)
  ? readdirSync(dir).filter((d) => /^r\d+/.test(d) && existsSync(join(dir, d, 'check.json')))
  : []
if (runs.length === 0)
  console.warn(`recordings.slow.test.ts: no recordings in ../shared/data/traces, nothing is tested`)

interface Check {
  events_dma_swiotlb?: number
  lost?: number
  swiotlb_bounced?: number
  hiwater?: number
  nslabs?: number
  failed?: Record<string, number>
  counts?: Record<string, number>
}

function inputs(run: string): string[][] {
  const files = readdirSync(join(dir, run))
    .filter((f) => /^(trace.*\.gz|trace\.dat)$/.test(f))
    .sort()
  const parts = files.filter((f) => /part\d+/.test(f))
  return parts.length > 0 ? [parts] : files.map((f) => [f])
}

const unpackers = await sectionUnpackers()

function replay(run: string, files: readonly string[], known: boolean): { r: Replay; lines: number; skips: Skips } {
  const facts = readKernelLog(readFileSync(join(dir, run, 'dmesg.txt'), 'utf8'))
  const options: ReplayOptions = known
    ? { pool: { start: facts.start, nslabs: facts.nslabs, nareas: facts.nareas }, minAlignMask: minAlignMasks(facts) }
    : { pool: { start: null, nslabs: null, nareas: null } }
  const names = new Names()
  const skips = new Skips()
  const r = new Replay(names, options)
  const samples = join(dir, run, 'swiotlb-debugfs.txt')
  if (existsSync(samples)) for (const s of parseDebugfs(readFileSync(samples, 'utf8')).samples) r.measured.sample(s)
  const scanner = new TextScanner(r, names, skips)
  for (const f of files) {
    const bytes = readFileSync(join(dir, run, f))
    if (f.endsWith('.dat')) {
      const dat = TraceDat.open(
        { name: f, size: bytes.length, read: (o, n) => bytes.subarray(o, Math.min(bytes.length, o + n)) },
        names,
        skips,
        unpackers
      )
      if (!dat.ok) throw new Error(dat.error.message)
      while (dat.value.pump(r, 4096));
      continue
    }
    const text = gunzipSync(bytes)
    for (let i = 0; i < text.length; i += 1 << 20) scanner.push(text.subarray(i, i + (1 << 20)))
  }
  scanner.end()
  if (scanner.header.cpus !== null) r.headerCpus(scanner.header.cpus)
  r.end()
  return { r, lines: scanner.lines, skips }
}

describe.each(runs.length > 0 ? runs : ['(none)'])('%s', (run) => {
  test.skipIf(run === '(none)')('addresses, high-water mark and counts', () => {
    const check = JSON.parse(readFileSync(join(dir, run, 'check.json'), 'utf8')) as Check
    const facts = readKernelLog(readFileSync(join(dir, run, 'dmesg.txt'), 'utf8'))
    for (const files of inputs(run)) {
      const { r, skips } = replay(run, files, true)
      expect(skips.list()).toEqual([])
      if (check.events_dma_swiotlb !== undefined) expect(r.counts.dmaEvents).toBe(check.events_dma_swiotlb)
      if (check.lost !== undefined) expect(r.losses.events).toBe(check.lost)
      if (check.swiotlb_bounced !== undefined)
        expect(r.devices.reduce((n, d) => n + d.bounces, 0)).toBe(check.swiotlb_bounced)
      if (check.failed !== undefined)
        expect(r.counts.actualFailedMaps).toBe(Object.values(check.failed).reduce((a, b) => a + b, 0))
      expect(r.sim?.pool.nslabs).toBe(facts.nslabs)
      if (r.losses.lossy || r.counts.compared === 0) continue
      const hiwater = r.sim?.pool.used_hiwater ?? 0
      const full = r.counts.actualFailedMaps + r.counts.actualFailedSg > 0
      expect(r.counts.equal / r.counts.compared).toBeGreaterThanOrEqual(full ? 0.985 : 0.999)
      expect(r.sim?.pool.total_used).toBe(0)
      const measured = r.measured.hiwater ?? check.hiwater
      if (measured === undefined || measured === null) continue
      if (full) expect(Math.abs(hiwater - measured)).toBeLessThanOrEqual(2)
      else expect(Math.abs(hiwater - measured)).toBeLessThanOrEqual(measured * 0.005)
    }
  })

  test.skipIf(run === '(none)')('without the kernel log the pool is found from the addresses', () => {
    for (const files of inputs(run)) {
      const { r } = replay(run, files, false)
      const facts = readKernelLog(readFileSync(join(dir, run, 'dmesg.txt'), 'utf8'))
      if (r.counts.compared === 0 || r.losses.lossy) continue
      // The trace may not reach the pool's ends; what it shows must fit.
      expect(r.counts.outsidePool).toBe(0)
      if (r.sim?.pool.start === facts.start)
        expect(r.counts.equal / r.counts.compared).toBeGreaterThanOrEqual(r.counts.actualFailedMaps > 0 ? 0.985 : 0.999)
    }
  })
})

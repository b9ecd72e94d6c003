// Recordings of 7.3.4 and 6.18.15, if the shared data is here: addresses, high-water mark, failures, a leak, and a pool
// that grows.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { contradictions } from './contradiction.ts'
import { Names } from './event.ts'
import { readKernelLog } from './kernel-log.ts'
import { leavesOutUnmaps, minAlignMasks } from './pool-facts.ts'
import { liveAtEnd } from './leaks.ts'
import { Replay } from './replay.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'

const dir = join(__dirname, '../../../shared/data/traces-7.3')
const here = existsSync(dir)
if (!here) console.warn('recordings-7.3.slow.test.ts: no recordings in ../shared/data/traces-7.3, nothing is tested')

const logOf = (run: string): string => readFileSync(join(dir, run, 'dmesg.txt'), 'utf8')

function replay(run: string, log = logOf(run)): Replay {
  const facts = readKernelLog(log)
  const names = new Names()
  const r = new Replay(names, {
    pool: { start: facts.start, nslabs: facts.nslabs, nareas: facts.nareas },
    poolSource: 'log',
    minAlignMask: minAlignMasks(facts),
    leavesOutUnmaps: leavesOutUnmaps(facts)
  })
  const s = new TextScanner(r, names, new Skips(), (h) => {
    if (h.cpus !== null) r.headerCpus(h.cpus)
  })
  s.push(gunzipSync(readFileSync(join(dir, run, 'trace.txt.gz'))))
  s.end()
  r.end()
  return r
}

const leaks = (r: Replay) => liveAtEnd(r.live, r.sim, r.devices, r.clock.first, r.clock.last).filter((d) => d.leaks)

// What the README of the recordings has from the kernel itself; bounces that may be missed: those of two CPUs in one
// area.
const RUNS = [
  ['s02-force-mixed', 78479, 6102, 0],
  ['s03-force-untracked', 35473, null, 0],
  ['s04-force512-nvme', 14604, 512, 1285],
  ['s06-force-2g', 33109, 4904, 0],
  ['s18-618-force-mixed', 49726, 7185, 0],
  ['d31-dyn-force512', 30620, 7399, 0]
] as const

describe.runIf(here)('recordings of newer kernels', () => {
  test.each(RUNS)('%s', (run, compared, hiwater, failed) => {
    const r = replay(run)
    expect(r.counts.compared).toBe(compared)
    expect(r.counts.equal).toBeGreaterThanOrEqual(compared * 0.9995)
    expect(r.counts.actualFailedMaps).toBe(failed)
    expect(Math.abs(r.counts.predictedFailedMaps - failed)).toBeLessThanOrEqual(failed * 0.002)
    if (hiwater !== null) expect(Math.abs((r.sim?.usage.used_hiwater ?? 0) - hiwater)).toBeLessThanOrEqual(2)
    expect(contradictions(readKernelLog(logOf(run)), r, null)).toEqual([])
  })

  test('the nvme of 6.18.15 leaks what the kernel counted: 2,981 slots of 148 mappings; that of 7.3.4 nothing', () => {
    expect(leaks(replay('s18-618-force-mixed'))).toMatchObject([{ device: '0000:00:02.0', mappings: 148, slots: 2981 }])
    expect(leaks(replay('s02-force-mixed'))).toEqual([])
  })

  test('the log of another boot is told', () => {
    const log = logOf('s03-force-untracked')
    expect(contradictions(readKernelLog(log), replay('s18-618-force-mixed', log), null)).not.toEqual([])
  })
})

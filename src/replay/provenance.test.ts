import { expect, test } from 'vitest'
import { readKernelLog } from './kernel-log.ts'
import { isDay, provenance, type ProvenanceSources } from './provenance.ts'

const nobody = { host: null, day: null, machine: null }
const from = (s: Partial<ProvenanceSources>): ReturnType<typeof provenance> =>
  provenance({ given: nobody, path: 'trace.txt', sections: null, log: null, kernel: null, ...s })

test('nothing is made up', () => {
  expect(from({})).toEqual(nobody)
  expect(from({ kernel: 'Linux (none) 6.12.117 x86_64' })).toEqual(nobody)
  expect(from({ kernel: '6.12.117' })).toEqual(nobody)
  expect(from({ path: 'host=/day=today/host=x' })).toEqual(nobody)
})

test('the user counts first, then the path, then the recording, then its kernel log', () => {
  const log = readKernelLog(
    '2026-11-28T10:00:00+0000 logged kernel: Linux version 6.12.1 (x)\n' +
      '2026-11-28T10:00:00+0000 logged kernel: DMI: Amazon EC2 c7a.4xlarge/, BIOS 1.0 10/16/2017\n'
  )
  expect(from({ log })).toEqual({ host: 'logged', day: null, machine: 'Amazon EC2 c7a.4xlarge/' })
  const sections = new Map([['record', 'seconds=60 cpus=2\nhost=db7 begun=1764288000']])
  expect(from({ log, sections })).toMatchObject({ host: 'db7', day: '2025-11-28' })
  expect(from({ log, kernel: 'Linux db8 6.12.1 x86_64' })).toMatchObject({ host: 'db8' })
  const path = 'x/host=db%2F9/day=2026-01-02/machine=m5/t.gz'
  expect(from({ log, sections, path })).toEqual({ host: 'db/9', day: '2026-01-02', machine: 'm5' })
  const given = { host: 'a', day: '2026-02-03', machine: 'b' }
  expect(from({ log, sections, path, given })).toEqual(given)
})

test('days are those of a calendar', () => {
  for (const d of ['2026-11-28', '2024-02-29']) expect(isDay(d)).toBe(true)
  for (const d of ['2026-02-30', '2026-13-01', '26-11-28', 'today', '2026-11-28T00']) expect(isDay(d)).toBe(false)
})

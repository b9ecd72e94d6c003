import { expect, test } from 'vitest'
import { type Platform, platformByName, platforms } from '../machine/index.ts'
import { beyondT1 } from './index.ts'

const brief = (name: string): string[] =>
  beyondT1(platformByName(name) as Platform).map(
    (b) => `${b.page} ${b.alias} ${b.t1?.id ?? '-'} ${b.under.map((u) => u.join('+') || 'default').join('|')}`
  )

test('Arm CCA: a subset where stage 2 follows conversions; static blocks reach more than the realm has', () => {
  expect(brief('arm-cca')).toEqual([
    'unas P cca-t1-p-unas host_stage2 static_1g_plain|host_stage2 static_1g',
    'shr P cca-t1-p-shr host_stage2 static_1g_plain|host_stage2 static_1g',
    'unas S cca-t1-s-unas host_stage2 static_1g_shared|host_stage2 static_1g'
  ])
})

test('SNP: without a vTOM a device in RUN reaches no shared page; TDX: the shared page lies at its alias alone', () => {
  expect(brief('amd-sev-snp')).toContain('shr S snp-t1-c1-shr default')
  expect(brief('intel-tdx')).toEqual(
    expect.arrayContaining(['shr P tdx-t1-p-shr default', 'shr S tdx-t1-s-shr-fault tdx_trusted_shared_dma fault'])
  )
})

test('no platform without T=1 is asked', () => {
  for (const p of platforms) if (!p.tdisp) expect(beyondT1(p)).toEqual([])
})

test('a row that T=1 is served by too is no counterexample', () => {
  const cca = platformByName('arm-cca') as Platform
  const rows = cca.rows.map((r) =>
    r.t === 1 && (r.page === 'shr' || r.page === 'unas') ? { ...r, read: 'ok' as const, write: 'ok' as const } : r
  )
  expect(beyondT1({ ...cca, rows })).toEqual([])
  // ... and without any row of T=1 everything that T=0 reaches is one.
  expect(beyondT1({ ...cca, rows: cca.rows.filter((r) => r.t === 0) }).map((b) => b.t1)).toContain(null)
})

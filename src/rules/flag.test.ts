import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { platformByName, type Platform } from '../machine/index.ts'
import { revisionByName, type Revision, revisions } from '../kernel/index.ts'
import { flagAudit } from './flag.ts'

const platform = (name: string): Platform => platformByName(name) as Platform
const revision = (name: string): Revision => revisionByName(name) as Revision

test('no writer that the kernel functions have is missed', () => {
  // Each call of the two setters names the C function it stands for.
  const named = new Set(
    readdirSync('src/kernel', { recursive: true })
      .map(String)
      .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && f !== 'device.ts')
      .flatMap((f) =>
        [
          ...readFileSync(`src/kernel/${f}`, 'utf8').matchAll(
            /(?:set_accepted|set_dma_skip_sync|clear_dma_skip_sync)\([^\n]*?'(\w+)'\)/g
          )
        ].map((m) => m[1] as string)
      )
  )
  expect(named.size).toBeGreaterThan(5)
  const met = new Set(revisions.flatMap((r) => flagAudit(platform('amd-sev-snp'), r).writers.map((w) => w.by)))
  expect(met).toEqual(named)
})

test('the RFC: nothing excludes disconnect and the first bounce; later one lock does', () => {
  const rfc = flagAudit(platform('amd-sev-snp'), revision('rfc-v1'))
  expect(rfc.common).toEqual([])
  const locks = (by: string): string[] => rfc.writers.filter((w) => w.by === by).map((w) => w.locks.join(', '))
  expect(locks('pci_tsm_accept')).toEqual(['pci_tsm_rwsem (read), tsm_pf0.lock, device lock'])
  expect(locks('pci_tsm_disconnect')).toEqual([
    'pci_tsm_rwsem (read), tsm_pf0.lock',
    'pci_tsm_rwsem (write), tsm_pf0.lock'
  ])
  expect(locks('swiotlb_tbl_map_single')).toEqual([''])
  expect(flagAudit(platform('intel-tdx'), revision('cc-v8')).common).toEqual(['device lock'])
  expect(
    flagAudit(platform('intel-tdx'), revision('cc-v8 flagStorage.x86=atomic')).writers.every((w) => w.atomic)
  ).toBe(true)
})

test('without an accept there is no flag', () => {
  for (const [p, r] of [
    ['arm-cca', 'linux-7.3'],
    ['none', 'cc-v8'],
    ['pkvm', 'cc-v8']
  ] as const)
    expect(flagAudit(platform(p), revision(r))).toMatchObject({ none: true, writers: [], common: [] })
})

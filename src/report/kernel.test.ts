import { expect, test } from 'vitest'
import { valid } from '../../test/_formats.ts'
import type { Divergence } from '../conform/kernel.ts'
import type { KernelMeta } from '../kernel-c/index.ts'
import { kernelBuildJson, kernelBuildText, selfTestJson, selfTestText } from './kernel.ts'
import { kernelConformJson, kernelConformText } from './kernel-conform.ts'

// A tree is needed to run these verbs: what they write is held against its schema here.
const meta: KernelMeta = {
  format: 1,
  version: '6.12.0',
  tree: 'linux',
  arch: 'arm64',
  profile: 'guest',
  config: ['SWIOTLB'],
  files: ['kernel/dma/swiotlb.c'],
  fields: ['id'],
  flagFunctions: ['device_cc_accepted'],
  attributes: {},
  headers: 500,
  assumptions: [{ call: 'dma_map', parameter: 'bool now', value: 'false', file: 'kernel/dma/direct.h' }],
  unresolved: ['mystery'],
  notes: ['no pad_slots in struct io_tlb_slot'],
  content: 'abc',
  has: {
    dynamic: false,
    iommu: false,
    trackHiwater: false,
    mapPhys: false,
    hiwater: true,
    padSlots: false,
    coherentPool: true,
    restricted: true,
    realm: false
  }
}
const divergence: Divergence = {
  scenario: 'arm64',
  seed: 7,
  drawn: 30,
  program: ['pool 128 slots, 1 area', 'dev0 { }', 'r0 = dma_map(dev0, 0x100000000, 1, TO_DEVICE)'],
  operation: 'r0 = dma_map(dev0, 0x100000000, 1, TO_DEVICE)',
  what: 'dma_addr',
  model: '1',
  kernel: '2'
}

test('a build says what it took, what differs, what is missing and what it cannot show', () => {
  const b = { meta, cached: false, path: '/cache/x.wasm', bytes: 70021, seconds: 5.04 }
  const text = kernelBuildText(b, 80)
  for (const part of [
    'linux: built in 5.0 s',
    "6.12.0, arm64, configuration 'guest'",
    '1 file and 500 headers, unmodified',
    "'bool now' of dma_map() is false",
    '70,021 bytes\n                 /cache/x.wasm',
    'no pad_slots',
    'mystery (calling one ends the call with a fault)',
    'id, device_cc_accepted()',
    'a call runs to its end'
  ])
    expect(text).toContain(part)
  expect(text.split('\n').filter((l) => l.length > 80)).toEqual([])
  expect(valid('kernel-build', kernelBuildJson(b))).toMatchObject({
    format: 1,
    version: '6.12.0',
    arch: 'arm64',
    unresolved: ['mystery'],
    cached: false,
    errors: []
  })
})

test('a self-test names the first difference, its values and whose it is', () => {
  const first = {
    file: 'f.jsonl',
    line: 3,
    operation: 'm',
    recorded: '["m",0]',
    differences: [{ what: 'tlb_addr', recorded: 1, kernel: 2 }],
    whose: 'tree' as const,
    reason: 'another version'
  }
  const r = {
    meta,
    files: [{ file: 'f.jsonl', recordedOn: 'linux-6.12.0', operations: 9, mismatches: 1, first, skipped: null }],
    errors: [],
    random: { operations: 20, first: divergence }
  }
  const text = selfTestText(r, 80)
  expect(text).toMatch(
    /first difference: f\.jsonl:3\n {2}\["m",0\]\n {2}tlb_addr {2}recorded 1 {2}kernel 2\n {2}the tree's: another version/
  )
  expect(text).toMatch(/first divergence \(arm64, seed 7, 30 operations shrunk to 3 lines\)/)
  expect(valid('kernel-test', selfTestJson(r))).toMatchObject({
    format: 1,
    files: 1,
    operations: 9,
    mismatches: 1,
    first: { line: 3, whose: 'tree' }
  })
  expect(selfTestText({ ...r, random: { operations: 0, first: null } }, 80)).toContain(
    'random programs beside our model: none'
  )
})

test('conformance counts by scenario and shows both answers', () => {
  const r = {
    tree: 'linux',
    version: '6.12.0',
    scenarios: [
      { name: 'arm64', kernel: 'linux-6.12', platform: 'none', operations: 1234567, programs: 3087, diverged: 1 }
    ],
    operations: 1234567,
    mismatches: 1,
    first: divergence
  }
  const text = kernelConformText(r)
  expect(text).toMatch(/arm64 +linux-6.12 on none +1,234,567 +DIVERGED/)
  expect(text).toMatch(/our model {8}1\n {2}the kernel's C {3}2/)
  expect(valid('conform-kernel', kernelConformJson(r))).toMatchObject({
    format: 1,
    files: 1,
    operations: 1234567,
    mismatches: 1,
    first: { seed: 7 }
  })
})

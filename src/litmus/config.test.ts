import { expect, test } from 'vitest'
import {
  acceptedIgnored,
  defaultCpus,
  expectFor,
  forbiddenProperties,
  kernelsOf,
  parse,
  platformsOf,
  resolveConfig,
  resolveDevices,
  type Test,
  vocabulary
} from './index.ts'
import { ensure } from '../base/index.ts'
import { flagStorage, memoryEncryptReported, type Revision, revisionByName } from '../kernel/index.ts'
import { type Platform, platformByName } from '../machine/index.ts'

const rev = (name: string): Revision => ensure(revisionByName(name), name)
const machine = (name: string): Platform => ensure(platformByName(name), name)

const read = (text: string): Test => {
  const { test: t, errors } = parse(`litmus t "x"\n${text}`, 'f')
  expect(errors).toEqual([])
  if (!t) throw new Error('no test')
  return t
}

test('every default of the configuration', () => {
  expect(resolveConfig(read('thread os { }'), 'arm-cca', 'rfc-v1')).toEqual({
    ram: 16 << 20,
    guest_page: 4096,
    host_granule: 4096,
    ipa_bits: 40,
    swiotlb_slots: 512,
    swiotlb_areas: 1,
    cmdline: '',
    cpus: 1,
    swiotlb_dynamic: false,
    cma: 0,
    zones: false,
    remap: true,
    conversions: 'succeed',
    tsm_fails: [],
    memory_encrypt_reported: true,
    flag_storage: 'own_byte',
    private_pool: 0,
    host_stage2: 'shared_only',
    host_mirror: 'exact',
    tdx_page_release: 'off',
    xt: false,
    vtom: null,
    misaligned_share: 'whole_granule',
    cache_line: 64,
    locked_dma: 'block',
    unlocked_stop: 'ok',
    bme_zero_over_zero: 'ok',
    tdx_trusted_shared_dma: 'walk',
    tdx_host_read: 'ones',
    tdx_p2p: 'fault',
    snp_p2p: 'fault',
    snp_cbit_in_iova: 'fault'
  })
})

test('everything said', () => {
  const t =
    read(`config { ram 32M guest_page 4K host_granule 64K ipa_bits 48 swiotlb 2048,8 cmdline "swiotlb=force" cpus 4
    conversions may_fail memory_encrypt_reported no
    flag_storage atomic private_pool 256 host_stage2 static_1g xt on vtom 2G misaligned_share refuse cache_line 128
    locked_dma t0 unlocked_stop error bme_zero_over_zero error
    tdx_trusted_shared_dma fault tdx_host_read poison tdx_p2p ok snp_p2p ok snp_cbit_in_iova stripped }\nthread os { }`)
  expect(resolveConfig(t, 'none', 'linux-6.12')).toEqual({
    ram: 32 << 20,
    guest_page: 4096,
    host_granule: 65536,
    ipa_bits: 48,
    swiotlb_slots: 2048,
    swiotlb_areas: 8,
    cmdline: 'swiotlb=force',
    cpus: 4,
    swiotlb_dynamic: false,
    cma: 0,
    zones: false,
    remap: true,
    conversions: 'may_fail',
    tsm_fails: [],
    memory_encrypt_reported: false,
    flag_storage: 'atomic',
    private_pool: 256,
    host_stage2: 'static_1g',
    host_mirror: 'exact',
    tdx_page_release: 'off',
    xt: true,
    vtom: 2 ** 31,
    misaligned_share: 'refuse',
    cache_line: 128,
    locked_dma: 't0',
    unlocked_stop: 'error',
    bme_zero_over_zero: 'error',
    tdx_trusted_shared_dma: 'fault',
    tdx_host_read: 'poison',
    tdx_p2p: 'ok',
    snp_p2p: 'ok',
    snp_cbit_in_iova: 'stripped'
  })
})

test('cpus is the highest cpu of a thread + 1', () => {
  expect(defaultCpus(read('thread a { }\nthread b cpu 3 { }\nthread c cpu 1 { }'))).toBe(4)
  expect(resolveConfig(read('config { cpus 8 }\nthread b cpu 3 { }'), 'none', 'cc-v8').cpus).toBe(8)
})

// Source: the language, "Pinned down".
test('memory_encrypt_reported by platform and revision', () => {
  const yes = (platform: vocabulary.PlatformName): string[] =>
    vocabulary.kernels.filter((k) => memoryEncryptReported(rev(k.name), machine(platform))).map((k) => k.name)
  const every = vocabulary.kernels.map((k) => k.name)
  for (const p of ['arm-cca', 'amd-sev-snp', 'amd-sme-host', 'intel-tdx'] as const) expect(yes(p)).toEqual(every)
  expect(yes('s390-pv')).toEqual(['linux-7.3', 'cc-v5', 'cc-v6', 'cc-v7', 'cc-v8', 'linux-7.3-merged'])
  expect(yes('pkvm')).toEqual(['linux-7.3', 'cc-v8', 'linux-7.3-merged'])
  expect(yes('none')).toEqual([])
})

test('flag_storage by platform and revision', () => {
  const table = (platform: vocabulary.PlatformName): string[] =>
    ['rfc-v1', 'rfc-v1-05', 'tio-v2', 'cc-v4', 'cc-v8'].map((k) => flagStorage(rev(k), machine(platform)))
  expect(table('arm-cca')).toEqual(['own_byte', 'own_byte', 'private_word', 'private_word', 'private_word'])
  expect(table('amd-sev-snp')).toEqual(['shared_byte', 'shared_byte', 'private_word', 'private_word', 'private_word'])
  expect(table('intel-tdx')).toEqual(['shared_byte', 'shared_byte', 'private_word', 'private_word', 'private_word'])
})

test('a device with nothing said, and with everything', () => {
  expect(resolveDevices(read('device d { }\nthread os { }'), 'arm-cca', 'rfc-v1')).toEqual([
    {
      name: 'd',
      tdisp: false,
      accepted: false,
      dma_mask: 64,
      coherent_mask: 64,
      bus_limit: 0,
      noncoherent: false,
      min_align_mask: 0,
      boundary_mask: 0xffffffff,
      restricted_pool: 0,
      region: 0,
      cma: 0,
      iommu: false,
      untrusted: false,
      driver: false,
      private_only: false,
      switch: 0,
      vf: 0
    }
  ])
  expect(
    resolveDevices(
      read(
        'device d { tdisp accepted dma_mask 32 coherent_mask 24 bus_limit 0xffffffff noncoherent min_align_mask ' +
          '4095 boundary_mask 0xffff restricted_pool 64 iommu driver private_only }\nthread os { }'
      ),
      'arm-cca',
      'rfc-v1'
    )
  ).toEqual([
    {
      name: 'd',
      tdisp: true,
      accepted: true,
      dma_mask: 32,
      coherent_mask: 24,
      bus_limit: 0xffffffff,
      noncoherent: true,
      min_align_mask: 4095,
      boundary_mask: 0xffff,
      restricted_pool: 64,
      region: 0,
      cma: 0,
      iommu: true,
      untrusted: false,
      driver: true,
      private_only: true,
      switch: 0,
      vf: 0
    }
  ])
})

test('accepted is ignored without accept and without T=1, and implies tdisp', () => {
  const t = read('device d { accepted }\nthread os { }')
  const accepted = (k: vocabulary.KernelName, p: vocabulary.PlatformName): boolean =>
    resolveDevices(t, p, k)[0]?.accepted === true
  expect(vocabulary.kernels.filter((k) => accepted(k.name, 'arm-cca')).map((k) => k.name)).toEqual([
    'rfc-v1',
    'rfc-v1-05',
    'tio-v2',
    'cc-v4',
    'cc-v5',
    'cc-v6',
    'cc-v7',
    'cc-v8'
  ])
  expect(vocabulary.platforms.filter((p) => accepted('cc-v8', p.name)).map((p) => p.name)).toEqual([
    'arm-cca',
    'amd-sev-snp',
    'intel-tdx'
  ])
  expect(resolveDevices(t, 'none', 'linux-6.12')[0]?.tdisp).toBe(true)
  expect(acceptedIgnored(rev('linux-7.3'), 'arm-cca')).toBe('linux-7.3 has no accept')
  expect(acceptedIgnored(rev('cc-v8'), 's390-pv')).toBe('s390-pv has no T=1')
  expect(acceptedIgnored(rev('cc-v8'), 'intel-tdx')).toBeNull()
})

test('expect: the last line that applies wins', () => {
  const t = read(
    'thread os { }\nexpect * : exposed\nexpect cc-* : ok\nexpect cc-v8, linux-6.1* on arm-cca, none : vacuous\n' +
      'expect rfc-v1* : fault, exposed'
  )
  expect(expectFor(t, 'tio-v2', 'arm-cca')).toEqual({ kind: 'violated', properties: ['exposed'] })
  expect(expectFor(t, 'cc-v8', 'arm-cca')).toEqual({ kind: 'vacuous' })
  expect(expectFor(t, 'cc-v8', 'intel-tdx')).toEqual({ kind: 'ok' })
  expect(expectFor(t, 'linux-6.15', 'none')).toEqual({ kind: 'vacuous' })
  expect(expectFor(t, 'rfc-v1-05', 'arm-cca')).toEqual({ kind: 'violated', properties: ['exposed', 'fault'] })
  expect(expectFor(read('thread os { }\nexpect rfc-v1 : ok'), 'rfc-v1-05', 'arm-cca')).toBeNull()
  expect(expectFor(read('thread os { }\nexpect all on all : ok'), 'cc-v4', 'pkvm')).toEqual({ kind: 'ok' })
})

test('forbid: lines add up, default without one, assert, reached and unreached always', () => {
  const set = (line: string): string[] => [...forbiddenProperties(read(`thread os { }\n${line}`))]
  const byDefault = [
    'exposed',
    'tampered',
    'fault',
    'wrong_data',
    'leak',
    'stale_state',
    'lost_update',
    'warn',
    'crash',
    'deadlock',
    'assert',
    'reached',
    'unreached'
  ]
  expect(set('')).toEqual(byDefault)
  expect(set('forbid default')).toEqual(byDefault)
  expect(set('forbid leak\nforbid exposed')).toEqual(['exposed', 'leak', 'assert', 'reached', 'unreached'])
  expect(set('forbid default, refused').toSorted()).toEqual([...byDefault, 'refused'].toSorted())
  expect(set('forbid all')).toContain('refused')
})

test('what a test is about: names in the order of the design, all, nothing said', () => {
  const t = read('platform none, arm-cca\nkernel cc-v8, linux-6.15\nthread os { }')
  expect([kernelsOf(t), platformsOf(t)]).toEqual([
    ['linux-6.15', 'cc-v8'],
    ['arm-cca', 'none']
  ])
  expect(kernelsOf(read('kernel all\nthread os { }'))).toHaveLength(vocabulary.kernels.length)
  expect(platformsOf(read('thread os { }'))).toHaveLength(7)
})

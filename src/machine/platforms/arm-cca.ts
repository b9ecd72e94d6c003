// Arm CCA. Source of every row: rules for T=0 (host SMMU stage 2, GPT) and T=1 (realm stage 2 = the CPU's) as told by
// the RMM's code (TF-RMM v0.8.0), its implementers on the kernel lists (July 2025 to March 2026) and the RME
// architecture.
import type { MachineConfig } from '../config.ts'
import type { Platform } from '../platform.ts'

// What the host's stage 2 for T=0 maps: `shared_only` follows conversions at the shared alias; the static ones are made
// once, in blocks of 1G over all of memory, at the plain alias, at the shared alias (J. Gunthorpe's proposal) or at
// both.
const plainStatic = (c: MachineConfig): boolean => c.host_stage2 === 'static_1g' || c.host_stage2 === 'static_1g_plain'
const sharedStatic = (c: MachineConfig): boolean =>
  c.host_stage2 === 'static_1g' || c.host_stage2 === 'static_1g_shared'
const noPlain = 'host_stage2 shared_only or static_1g_shared'
const plain1g = 'host_stage2 static_1g or static_1g_plain'
const shared1g = 'host_stage2 static_1g or static_1g_shared'
const noShared1g = 'host_stage2 shared_only or static_1g_plain'

export const platform: Platform = {
  name: 'arm-cca',
  title: 'Arm CCA realm (RME, RMM, SMMUv3)',
  does: 'Arm CCA: a realm under the RMM',
  order: 1,
  guest: true,
  tdisp: true,
  firmware: 'rmm',
  conversion: 'rsi',
  convertAgain: 'unchanged',
  conversionsFail: true,
  cpuAlias: true,
  architecture: 'arm64',
  arch: 'arm',
  encBit: 0,
  sharedBit: (c) => 2 ** (c.ipa_bits - 1),
  deviceAlias: 'shared_bit',
  cpuSharedAliasOfPrivate: { read: 'fault', write: 'fault' },
  cpuPrivateAliasOfShared: 'fault',
  hostReadPrivate: () => 'fault',
  switches: ['host_stage2', 'host_granule', 'misaligned_share', 'locked_dma', 'xt'],
  noncoherentDevices: true,
  runs: 'realmGuest',
  since: { release: '6.13', lacks: 'no realm guest support (it came with 6.13)' },
  poolPercent: null,
  reportsMemoryEncryption: true,
  forceUnencrypted: true,
  forcesSwiotlb: true,
  convertsDefaultPool: true,
  dmaSharedBit: true,
  dmaEncBit: 'always',
  rows: [
    {
      id: 'cca-t0-p-priv',
      t: 0,
      alias: 'P',
      page: 'priv',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'RFC thread, S. Poulose 31 Jul 2025',
      note: 'NS SMMU stage 2 maps no private page; reported to the host',
      when: (c) => !plainStatic(c),
      switch: noPlain
    },
    {
      id: 'cca-t0-p-priv-1g',
      t: 0,
      alias: 'P',
      page: 'priv',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'H',
      source: 'RFC thread, J. Gunthorpe 30 Jul 2025; RME',
      note: 'static 1G stage 2, the GPT protects (SMMU_ROOT_GPF)',
      when: plainStatic,
      switch: plain1g
    },
    {
      id: 'cca-t0-p-unas',
      t: 0,
      alias: 'P',
      page: 'unas',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'RFC thread',
      when: (c) => !plainStatic(c),
      switch: noPlain
    },
    {
      id: 'cca-t0-p-unas-1g',
      t: 0,
      alias: 'P',
      page: 'unas',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'inference',
      note: 'granule still NS: a stale page of the host, an aliasing hazard',
      when: plainStatic,
      switch: plain1g
    },
    {
      id: 'cca-t0-p-shr',
      t: 0,
      alias: 'P',
      page: 'shr',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'commit 7d953a062416',
      note: 'the host maps the shared alias only: a DMA address must carry the top bit',
      when: (c) => !plainStatic(c),
      switch: noPlain
    },
    {
      id: 'cca-t0-p-shr-1g',
      t: 0,
      alias: 'P',
      page: 'shr',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'inference',
      note: 'static 1G maps the low alias too, and the granule is NS',
      when: plainStatic,
      switch: plain1g
    },
    {
      id: 'cca-t0-s-shr',
      t: 0,
      alias: 'S',
      page: 'shr',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'RFC thread',
      when: (c) => c.host_stage2 !== 'static_1g_plain',
      switch: 'host_stage2 shared_only, static_1g or static_1g_shared'
    },
    {
      id: 'cca-t0-s-shr-plain',
      t: 0,
      alias: 'S',
      page: 'shr',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'M',
      source: 'inference',
      note: 'the plain alias alone is mapped: no address that carries the top bit',
      when: (c) => c.host_stage2 === 'static_1g_plain',
      switch: 'host_stage2 static_1g_plain'
    },
    {
      id: 'cca-t0-s-priv',
      t: 0,
      alias: 'S',
      page: 'priv',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'RME',
      note: 'the host unmapped the shared alias at the conversion',
      when: (c) => !sharedStatic(c),
      switch: noShared1g
    },
    {
      id: 'cca-t0-s-priv-1g',
      t: 0,
      alias: 'S',
      page: 'priv',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'H',
      source: 'RFC thread, J. Gunthorpe 31 Jul 2025; RME',
      note: 'stage 2 is never touched, the GPT protects',
      when: sharedStatic,
      switch: shared1g
    },
    {
      id: 'cca-t0-s-unas',
      t: 0,
      alias: 'S',
      page: 'unas',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'RME',
      when: (c) => !sharedStatic(c),
      switch: noShared1g
    },
    {
      id: 'cca-t0-s-unas-1g',
      t: 0,
      alias: 'S',
      page: 'unas',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'inference',
      note: 'granule still NS: a stale page of the host, an aliasing hazard',
      when: sharedStatic,
      switch: shared1g
    },
    {
      id: 'cca-t0-s-unmapped',
      t: 0,
      alias: 'any',
      page: 'shr_unmapped',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'RME'
    },
    {
      id: 'cca-t0-s-realm',
      t: 0,
      alias: 'any',
      page: 'shr_realm',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'H',
      source: 'RME'
    },
    {
      id: 'cca-t0-s-smmio',
      t: 0,
      alias: 'S',
      page: 'smmio',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'lists',
      note: 'mapped by the host at the shared alias only'
    },
    {
      id: 'cca-t0-p-smmio',
      t: 0,
      alias: 'P',
      page: 'smmio',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'M',
      source: 'lists'
    },
    {
      id: 'cca-t0-pmmio',
      t: 0,
      alias: 'any',
      page: 'pmmio',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'M',
      source: 'TF-RMM; RME',
      note: 'device granule in the Realm PAS'
    },
    {
      id: 'cca-t0-pmmio-empty',
      t: 0,
      alias: 'any',
      page: 'pmmio_empty',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'M',
      source: 'TF-RMM; RME'
    },
    {
      id: 'cca-t0-pmmio-down',
      t: 0,
      alias: 'any',
      page: 'pmmio_down',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'M',
      source: 'TF-RMM; RME'
    },
    {
      id: 'cca-t1-p-priv',
      t: 1,
      alias: 'P',
      page: 'priv',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'TF-RMM; lists'
    },
    {
      id: 'cca-t1-p-unas',
      t: 1,
      alias: 'P',
      page: 'unas',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM',
      note: 'realm stage 2, no stall: nobody faults DMA in'
    },
    {
      id: 'cca-t1-p-shr',
      t: 1,
      alias: 'P',
      page: 'shr',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM',
      note: 'the protected entry is empty or destroyed'
    },
    {
      id: 'cca-t1-p-unmapped',
      t: 1,
      alias: 'P',
      page: 'shr_unmapped',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM'
    },
    {
      id: 'cca-t1-p-realm',
      t: 1,
      alias: 'P',
      page: 'shr_realm',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM'
    },
    {
      id: 'cca-t1-s-shr',
      t: 1,
      alias: 'S',
      page: 'shr',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'RFC thread, S. Poulose 30 Jul 2025',
      note: 'while the mapping is active (assigned_ns)'
    },
    {
      id: 'cca-t1-s-priv',
      t: 1,
      alias: 'S',
      page: 'priv',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM',
      note: 'unassigned_ns'
    },
    {
      id: 'cca-t1-s-unas',
      t: 1,
      alias: 'S',
      page: 'unas',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM',
      note: 'unassigned_ns'
    },
    {
      id: 'cca-t1-s-unmapped',
      t: 1,
      alias: 'S',
      page: 'shr_unmapped',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM',
      note: 'unassigned_ns'
    },
    {
      id: 'cca-t1-s-realm',
      t: 1,
      alias: 'S',
      page: 'shr_realm',
      read: 'fault:GPF',
      write: 'fault:GPF',
      cert: 'H',
      source: 'TF-RMM; RME',
      note: 'assigned_ns over a granule whose GPI is Realm'
    },
    {
      id: 'cca-t1-p-pmmio',
      t: 1,
      alias: 'P',
      page: 'pmmio',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'TF-RMM',
      note: 'dev_dev, through the root complex; the target must be in RUN'
    },
    {
      id: 'cca-t1-p-pmmio-empty',
      t: 1,
      alias: 'P',
      page: 'pmmio_empty',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM',
      note: 'dev_empty: not validated'
    },
    {
      id: 'cca-t1-p-pmmio-down',
      t: 1,
      alias: 'P',
      page: 'pmmio_down',
      read: 'fault:UR',
      write: 'drop',
      cert: 'M',
      source: 'TF-RMM; TDISP',
      note: 'TEE range of a device that has left RUN: unsupported request, posted writes dropped'
    },
    {
      id: 'cca-t1-s-pmmio',
      t: 1,
      alias: 'S',
      page: 'pmmio',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM'
    },
    {
      id: 'cca-t1-s-pmmio-empty',
      t: 1,
      alias: 'S',
      page: 'pmmio_empty',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM'
    },
    {
      id: 'cca-t1-s-pmmio-down',
      t: 1,
      alias: 'S',
      page: 'pmmio_down',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'H',
      source: 'TF-RMM'
    },
    {
      id: 'cca-t1-s-smmio',
      t: 1,
      alias: 'S',
      page: 'smmio',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'lists; inference',
      note: 'an NS access, forwarded as T=0'
    },
    {
      id: 'cca-t1-p-smmio',
      t: 1,
      alias: 'P',
      page: 'smmio',
      read: 'fault:F_TRANSLATION',
      write: 'fault:F_TRANSLATION',
      cert: 'M',
      source: 'TF-RMM'
    }
  ]
}

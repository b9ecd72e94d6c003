// A protected guest of pKVM on arm64: devices are T=0, or passed through to private memory alone.
import type { Platform } from '../platform.ts'
import { sharedOnly } from './_shared-only.ts'

export const platform: Platform = {
  name: 'pkvm',
  title: 'protected KVM guest on arm64',
  does: 'a protected guest under pKVM',
  order: 4,
  guest: true,
  tdisp: false,
  firmware: null,
  conversion: 'hypercall',
  convertAgain: 'refused',
  conversionsFail: true,
  cpuAlias: false,
  architecture: 'arm64',
  arch: 'arm',
  encBit: 0,
  sharedBit: () => 0,
  deviceAlias: 'none',
  cpuSharedAliasOfPrivate: { read: 'fault', write: 'fault' },
  cpuPrivateAliasOfShared: 'fault',
  hostReadPrivate: () => 'fault',
  switches: ['memory_encrypt_reported'],
  noncoherentDevices: true,
  runs: true,
  since: null,
  poolPercent: null,
  reportsMemoryEncryption: 'pkvmForces',
  forceUnencrypted: 'pkvmForces',
  forcesSwiotlb: false,
  convertsDefaultPool: false,
  dmaSharedBit: true,
  dmaEncBit: 'always',
  rows: [
    ...sharedOnly('pkvm', 'M. Saleh, 14 May 2026'),
    // A passthrough device (private_only) walks the guest's private stage 2 alone; the request is counted as T=1 in
    // this table.
    {
      id: 'pkvm-pt-priv',
      t: 1,
      alias: 'any',
      page: 'priv',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'M. Saleh, 14 May 2026',
      note: 'passthrough device: guest-private memory only'
    },
    {
      id: 'pkvm-pt-shr',
      t: 1,
      alias: 'any',
      page: 'shr',
      read: 'fault:SMMU',
      write: 'fault:SMMU',
      cert: 'M',
      source: 'M. Saleh, 14 May 2026',
      note: "shared pages are the host's property"
    },
    {
      id: 'pkvm-pt-unas',
      t: 1,
      alias: 'any',
      page: 'unas',
      read: 'fault:SMMU',
      write: 'fault:SMMU',
      cert: 'M',
      source: 'inference'
    }
  ]
}

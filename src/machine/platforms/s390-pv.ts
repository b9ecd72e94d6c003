// An s390 protected virtualization guest: every device is T=0, conversions are ultravisor calls that never fail.
import type { Platform } from '../platform.ts'
import { sharedOnly } from './_shared-only.ts'

export const platform: Platform = {
  name: 's390-pv',
  title: 's390 protected virtualization guest',
  does: 'IBM Z protected virtualization',
  order: 5,
  guest: true,
  tdisp: false,
  firmware: null,
  conversion: 'ultravisor',
  convertAgain: 'unchanged',
  conversionsFail: false,
  cpuAlias: false,
  architecture: 's390',
  arch: 's390',
  encBit: 0,
  sharedBit: () => 0,
  deviceAlias: 'none',
  cpuSharedAliasOfPrivate: { read: 'fault', write: 'fault' },
  cpuPrivateAliasOfShared: 'fault',
  hostReadPrivate: () => 'fault',
  switches: ['memory_encrypt_reported'],
  noncoherentDevices: false,
  runs: true,
  since: null,
  poolPercent: null,
  reportsMemoryEncryption: 's390Reports',
  forceUnencrypted: true,
  forcesSwiotlb: true,
  convertsDefaultPool: true,
  dmaSharedBit: true,
  dmaEncBit: 'always',
  rows: sharedOnly('s390', 'series v7 06/22')
}

// A machine without confidential computing: every request is served.
import type { Platform } from '../platform.ts'

export const platform: Platform = {
  name: 'none', title: 'a machine without confidential computing', does: 'no confidential computing', order: 7,
  guest: false, tdisp: false, firmware: null, conversion: 'none', convertAgain: 'unchanged', conversionsFail: true, cpuAlias: false,
  architecture: 'arm64', arch: 'any', encBit: 0, sharedBit: () => 0, deviceAlias: 'none',
  cpuSharedAliasOfPrivate: { read: 'fault', write: 'fault' }, cpuPrivateAliasOfShared: 'fault',
  hostReadPrivate: () => 'ok',
  switches: [],
  noncoherentDevices: true,
  runs: true, since: null, poolPercent: null,
  reportsMemoryEncryption: false, forceUnencrypted: false, forcesSwiotlb: false, convertsDefaultPool: false,
  dmaSharedBit: true, dmaEncBit: 'always',
  rows: (['priv', 'shr', 'unas', 'smmio', 'pmmio', 'pmmio_empty', 'pmmio_down'] as const).map((page) => ({ id: `none-${page}`, t: 0 as const, alias: 'any' as const, page, read: 'ok' as const, write: 'ok' as const, cert: 'H' as const, source: 'no protection' }))
}

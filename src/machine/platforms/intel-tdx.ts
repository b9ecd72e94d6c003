// Intel TDX with TDX Connect. T=0 requests use the host's tables, T=1 requests the module's trusted tables over the TD's own secure EPT.
// Sources: Xu Yilun and D. Williams on linux-pci (2025, 2 Mar 2026), TDX module architecture.
import type { Platform } from '../platform.ts'

export const platform: Platform = {
  name: 'intel-tdx', title: 'Intel TDX guest (TDX Connect)', does: 'Intel TDX with TDX Connect', order: 3,
  guest: true, tdisp: true, firmware: null, conversion: 'mapgpa', convertAgain: 'to_private', conversionsFail: true, cpuAlias: true,
  architecture: 'x86', arch: 'x86', encBit: 0, sharedBit: () => 2 ** 47, deviceAlias: 'shared_bit',
  cpuSharedAliasOfPrivate: { read: 'fault', write: 'fault' }, cpuPrivateAliasOfShared: 'fault',
  hostReadPrivate: (c) => (c.tdx_host_read === 'poison' ? 'poison' : 'ones'),
  switches: ['tdx_trusted_shared_dma', 'tdx_host_read', 'tdx_p2p', 'locked_dma', 'xt'],
  noncoherentDevices: false,
  runs: true, since: { release: '5.19', lacks: 'no TDX guest support (it came with 5.19)' }, poolPercent: 'guest_percent',
  reportsMemoryEncryption: true, forceUnencrypted: true, forcesSwiotlb: true, convertsDefaultPool: true,
  dmaSharedBit: 'tdxSharedBit', dmaEncBit: 'always',
  rows: [
    { id: 'tdx-t0-shr', t: 0, alias: 'any', page: 'shr', read: 'ok', write: 'ok', cert: 'H', source: 'lists' },
    { id: 'tdx-t0-priv-poison', t: 0, alias: 'any', page: 'priv', read: 'ones', write: 'poison', cert: 'M', source: 'architecture', note: 'the write is later a machine check in the TD', when: (c) => c.tdx_host_read === 'poison', switch: 'tdx_host_read poison' },
    { id: 'tdx-t0-priv', t: 0, alias: 'any', page: 'priv', read: 'ones', write: 'drop', cert: 'M', source: 'architecture', note: 'blocked: reads all ones, writes dropped', switch: 'tdx_host_read ones' },
    { id: 'tdx-t0-unas', t: 0, alias: 'any', page: 'unas', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'H', source: 'architecture' },
    { id: 'tdx-t0-unmapped', t: 0, alias: 'any', page: 'shr_unmapped', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'H', source: 'architecture' },
    { id: 'tdx-t0-realm', t: 0, alias: 'any', page: 'shr_realm', read: 'ones', write: 'drop', cert: 'M', source: 'architecture' },
    { id: 'tdx-t0-smmio', t: 0, alias: 'any', page: 'smmio', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    { id: 'tdx-t0-pmmio', t: 0, alias: 'any', page: 'pmmio', read: 'fault:UR', write: 'drop', cert: 'M', source: 'TDISP', note: 'the device rejects T=0 to a TEE range' },
    { id: 'tdx-t0-pmmio-empty', t: 0, alias: 'any', page: 'pmmio_empty', read: 'fault:UR', write: 'drop', cert: 'M', source: 'TDISP' },
    { id: 'tdx-t0-pmmio-down', t: 0, alias: 'any', page: 'pmmio_down', read: 'fault:UR', write: 'drop', cert: 'M', source: 'TDISP' },
    { id: 'tdx-t1-p-priv', t: 1, alias: 'P', page: 'priv', read: 'ok', write: 'ok', cert: 'M', source: 'architecture', note: 'secure EPT entry MAPPED' },
    { id: 'tdx-t1-p-unas', t: 1, alias: 'P', page: 'unas', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'architecture', note: 'FREE, PENDING or BLOCKED: trusted fault log, no #VE' },
    { id: 'tdx-t1-p-shr', t: 1, alias: 'P', page: 'shr', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference', note: 'the secure EPT has no entry for it' },
    { id: 'tdx-t1-p-unmapped', t: 1, alias: 'P', page: 'shr_unmapped', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference' },
    { id: 'tdx-t1-p-realm', t: 1, alias: 'P', page: 'shr_realm', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference' },
    { id: 'tdx-t1-s-shr', t: 1, alias: 'S', page: 'shr', read: 'ok', write: 'ok', cert: 'M', source: 'Xu Yilun quoted by J. Gunthorpe, 2 Mar 2026', when: (c) => c.tdx_trusted_shared_dma === 'walk', switch: 'tdx_trusted_shared_dma walk' },
    { id: 'tdx-t1-s-shr-fault', t: 1, alias: 'S', page: 'shr', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'switch', when: (c) => c.tdx_trusted_shared_dma === 'fault', switch: 'tdx_trusted_shared_dma fault' },
    { id: 'tdx-t1-s-priv', t: 1, alias: 'S', page: 'priv', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference' },
    { id: 'tdx-t1-s-unas', t: 1, alias: 'S', page: 'unas', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference' },
    { id: 'tdx-t1-s-unmapped', t: 1, alias: 'S', page: 'shr_unmapped', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference' },
    { id: 'tdx-t1-s-realm', t: 1, alias: 'S', page: 'shr_realm', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'inference' },
    { id: 'tdx-t1-p-pmmio-ok', t: 1, alias: 'P', page: 'pmmio', read: 'ok', write: 'ok', cert: 'L', source: 'switch', when: (c) => c.tdx_p2p === 'ok', switch: 'tdx_p2p ok' },
    { id: 'tdx-t1-pmmio', t: 1, alias: 'any', page: 'pmmio', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'L', source: 'inference: not in the first generation', switch: 'tdx_p2p fault' },
    { id: 'tdx-t1-pmmio-empty', t: 1, alias: 'any', page: 'pmmio_empty', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'M', source: 'architecture', note: 'no MMIO.ACCEPT yet' },
    { id: 'tdx-t1-pmmio-down', t: 1, alias: 'any', page: 'pmmio_down', read: 'fault:UR', write: 'drop', cert: 'L', source: 'TDISP' },
    { id: 'tdx-t1-s-smmio-ok', t: 1, alias: 'S', page: 'smmio', read: 'ok', write: 'ok', cert: 'L', source: 'switch', when: (c) => c.tdx_p2p === 'ok', switch: 'tdx_p2p ok' },
    { id: 'tdx-t1-smmio', t: 1, alias: 'any', page: 'smmio', read: 'fault:DMAR', write: 'fault:DMAR', cert: 'L', source: 'inference', switch: 'tdx_p2p fault' }
  ]
}

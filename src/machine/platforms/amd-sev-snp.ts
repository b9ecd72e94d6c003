// AMD SEV-SNP with SEV-TIO. One IOMMU with one host-owned table for T=0 and T=1; the RMP checks each access; the sDTE's
// vTOM (or a secure vIOMMU's C-bit) says which key a T=1 request uses. Alias P stands for C=1, S for C=0. Sources: A.
// Kardashevskiy's series and replies (Aug 2024 to Apr 2026), APM vol. 2 section 15.36.
import type { Platform } from '../platform.ts'

export const platform: Platform = {
  name: 'amd-sev-snp',
  title: 'AMD SEV-SNP guest (SEV-TIO, sDTE, RMP)',
  does: 'AMD SEV-SNP with SEV-TIO',
  order: 2,
  guest: true,
  tdisp: true,
  firmware: null,
  conversion: 'psc',
  convertAgain: 'refused',
  conversionsFail: true,
  cpuAlias: true,
  architecture: 'x86',
  arch: 'x86',
  encBit: 2 ** 51,
  sharedBit: () => 0,
  deviceAlias: 'device_table',
  cpuSharedAliasOfPrivate: { read: 'cipher', write: 'fault' },
  cpuPrivateAliasOfShared: 'fault',
  hostReadPrivate: () => 'cipher',
  switches: ['vtom', 'snp_p2p', 'snp_cbit_in_iova', 'locked_dma', 'xt'],
  noncoherentDevices: false,
  runs: true,
  since: { release: '5.19', name: 'SNP guests', instead: 'a SEV or SEV-ES guest' },
  poolPercent: 'sev_percent',
  reportsMemoryEncryption: true,
  forceUnencrypted: true,
  forcesSwiotlb: true,
  convertsDefaultPool: true,
  dmaSharedBit: true,
  dmaEncBit: 'snpPrivateHandle',
  rows: [
    { id: 'snp-t0-shr', t: 0, alias: 'any', page: 'shr', read: 'ok', write: 'ok', cert: 'H', source: 'lists; APM' },
    {
      id: 'snp-t0-priv',
      t: 0,
      alias: 'any',
      page: 'priv',
      read: 'cipher',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'APM 15.36',
      note: 'reads are not RMP-checked: the device gets ciphertext'
    },
    {
      id: 'snp-t0-unas',
      t: 0,
      alias: 'any',
      page: 'unas',
      read: 'cipher',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'APM 15.36',
      note: 'Guest-Invalid'
    },
    {
      id: 'snp-t0-unmapped',
      t: 0,
      alias: 'any',
      page: 'shr_unmapped',
      read: 'fault:IO_PAGE_FAULT',
      write: 'fault:IO_PAGE_FAULT',
      cert: 'H',
      source: 'APM'
    },
    {
      id: 'snp-t0-realm',
      t: 0,
      alias: 'any',
      page: 'shr_realm',
      read: 'cipher',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'APM 15.36'
    },
    {
      id: 'snp-t0-pmmio',
      t: 0,
      alias: 'any',
      page: 'pmmio',
      read: 'fault:UR',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'TDISP; APM',
      note: 'the target rejects T=0 to a TEE range'
    },
    {
      id: 'snp-t0-pmmio-empty',
      t: 0,
      alias: 'any',
      page: 'pmmio_empty',
      read: 'fault:UR',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'TDISP; APM'
    },
    {
      id: 'snp-t0-pmmio-down',
      t: 0,
      alias: 'any',
      page: 'pmmio_down',
      read: 'fault:UR',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'TDISP; APM'
    },
    { id: 'snp-t0-smmio', t: 0, alias: 'any', page: 'smmio', read: 'ok', write: 'ok', cert: 'M', source: 'APM' },
    {
      id: 'snp-t1-c1-priv',
      t: 1,
      alias: 'P',
      page: 'priv',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'lists',
      note: 'ASID, GPA and VMPL match'
    },
    {
      id: 'snp-t1-c1-unas',
      t: 1,
      alias: 'P',
      page: 'unas',
      read: 'fault:RMP_PAGE_FAULT',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'APM'
    },
    {
      id: 'snp-t1-c1-shr',
      t: 1,
      alias: 'P',
      page: 'shr',
      read: 'fault:RMP_PAGE_FAULT',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'APM; inference',
      note: 'C=1 on a hypervisor page: with vTOM at its maximum a T=1 device cannot reach shared memory'
    },
    {
      id: 'snp-t1-unmapped',
      t: 1,
      alias: 'any',
      page: 'shr_unmapped',
      read: 'fault:IO_PAGE_FAULT',
      write: 'fault:IO_PAGE_FAULT',
      cert: 'H',
      source: 'APM'
    },
    {
      id: 'snp-t1-c1-realm',
      t: 1,
      alias: 'any',
      page: 'shr_realm',
      read: 'fault:RMP_PAGE_FAULT',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'M',
      source: 'APM'
    },
    {
      id: 'snp-t1-c0-shr',
      t: 1,
      alias: 'S',
      page: 'shr',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'lists, A. Kardashevskiy 2 Mar 2026',
      note: 'at or above vTOM'
    },
    {
      id: 'snp-t1-c0-priv',
      t: 1,
      alias: 'S',
      page: 'priv',
      read: 'cipher',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'L',
      source: 'inference'
    },
    {
      id: 'snp-t1-c0-unas',
      t: 1,
      alias: 'S',
      page: 'unas',
      read: 'cipher',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'L',
      source: 'inference'
    },
    {
      id: 'snp-t1-pmmio-ok',
      t: 1,
      alias: 'P',
      page: 'pmmio',
      read: 'ok',
      write: 'ok',
      cert: 'L',
      source: 'switch',
      when: (c) => c.snp_p2p === 'ok',
      switch: 'snp_p2p ok'
    },
    {
      id: 'snp-t1-pmmio',
      t: 1,
      alias: 'any',
      page: 'pmmio',
      read: 'fault:UR',
      write: 'fault:UR',
      cert: 'L',
      source: 'lists: BIND_P2P must be 0; inference',
      switch: 'snp_p2p fault'
    },
    {
      id: 'snp-t1-pmmio-empty',
      t: 1,
      alias: 'any',
      page: 'pmmio_empty',
      read: 'fault:RMP_PAGE_FAULT',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'L',
      source: 'inference',
      note: 'no MMIO_VALIDATE yet'
    },
    {
      id: 'snp-t1-pmmio-down',
      t: 1,
      alias: 'any',
      page: 'pmmio_down',
      read: 'fault:UR',
      write: 'fault:UR',
      cert: 'L',
      source: 'TDISP'
    },
    {
      id: 'snp-t1-c0-smmio',
      t: 1,
      alias: 'S',
      page: 'smmio',
      read: 'ok',
      write: 'ok',
      cert: 'L',
      source: 'lists; inference',
      note: 'when vTOM or the C-bit says shared'
    },
    {
      id: 'snp-t1-c1-smmio',
      t: 1,
      alias: 'P',
      page: 'smmio',
      read: 'fault:RMP_PAGE_FAULT',
      write: 'fault:RMP_PAGE_FAULT',
      cert: 'L',
      source: 'lists; inference',
      note: 'vTOM at its maximum'
    }
  ]
}

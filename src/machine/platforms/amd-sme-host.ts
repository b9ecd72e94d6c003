// An AMD host with SME: no guest and no T=1; the C-bit of an address decides whether bytes are deciphered.
import type { Platform } from '../platform.ts'

export const platform: Platform = {
  name: 'amd-sme-host',
  title: 'AMD host with SME',
  does: 'a bare-metal host with AMD SME',
  order: 6,
  guest: false,
  tdisp: false,
  firmware: null,
  conversion: 'pte',
  convertAgain: 'unchanged',
  conversionsFail: true,
  cpuAlias: true,
  architecture: 'x86',
  arch: 'x86',
  encBit: 2 ** 51,
  sharedBit: () => 0,
  deviceAlias: 'c_bit',
  cpuSharedAliasOfPrivate: { read: 'cipher', write: 'cipher' },
  cpuPrivateAliasOfShared: 'cipher',
  hostReadPrivate: () => 'ok',
  switches: [],
  noncoherentDevices: false,
  runs: true,
  since: null,
  poolPercent: null,
  reportsMemoryEncryption: true,
  forceUnencrypted: 'mask',
  forcesSwiotlb: false,
  convertsDefaultPool: true,
  dmaSharedBit: true,
  dmaEncBit: 'always',
  rows: [
    // P: the address carries the C-bit, S: it does not. Nothing faults; the wrong form gives the wrong bytes.
    {
      id: 'sme-c1-enc',
      t: 0,
      alias: 'P',
      page: 'priv',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'T. Lendacky, 6 Jul 2026'
    },
    {
      id: 'sme-c0-dec',
      t: 0,
      alias: 'S',
      page: 'shr',
      read: 'ok',
      write: 'ok',
      cert: 'H',
      source: 'T. Lendacky, 6 Jul 2026'
    },
    {
      id: 'sme-c0-enc',
      t: 0,
      alias: 'S',
      page: 'priv',
      read: 'cipher',
      write: 'poison',
      cert: 'H',
      source: 'T. Lendacky, 6 Jul 2026',
      note: 'ciphertext in, garbage out'
    },
    {
      id: 'sme-c1-dec',
      t: 0,
      alias: 'P',
      page: 'shr',
      read: 'cipher',
      write: 'poison',
      cert: 'M',
      source: 'architecture'
    },
    { id: 'sme-mmio', t: 0, alias: 'S', page: 'smmio', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    { id: 'sme-mmio-p', t: 0, alias: 'S', page: 'pmmio', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    {
      id: 'sme-mmio-empty',
      t: 0,
      alias: 'S',
      page: 'pmmio_empty',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'architecture'
    },
    {
      id: 'sme-mmio-down',
      t: 0,
      alias: 'S',
      page: 'pmmio_down',
      read: 'ok',
      write: 'ok',
      cert: 'M',
      source: 'architecture'
    },
    {
      id: 'sme-mmio-c1',
      t: 0,
      alias: 'P',
      page: 'smmio',
      read: 'fault:IO_PAGE_FAULT',
      write: 'fault:IO_PAGE_FAULT',
      cert: 'L',
      source: 'inference',
      note: 'no MMIO behind an address with the C-bit'
    },
    {
      id: 'sme-mmio-p-c1',
      t: 0,
      alias: 'P',
      page: 'pmmio',
      read: 'fault:IO_PAGE_FAULT',
      write: 'fault:IO_PAGE_FAULT',
      cert: 'L',
      source: 'inference'
    }
  ]
}

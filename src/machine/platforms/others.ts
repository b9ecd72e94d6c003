// Platforms without T=1: pKVM and s390 protected guests, the AMD host with SME, and a machine without any of it.
import type { Platform } from '../platform.ts'

const shared0 = (prefix: string, source: string): Platform['rows'] => [
  { id: `${prefix}-t0-shr`, t: 0, alias: 'any', page: 'shr', read: 'ok', write: 'ok', cert: 'H', source },
  { id: `${prefix}-t0-priv`, t: 0, alias: 'any', page: 'priv', read: 'fault:HOST', write: 'fault:HOST', cert: 'H', source, note: 'the host takes the fault' },
  { id: `${prefix}-t0-unas`, t: 0, alias: 'any', page: 'unas', read: 'fault:HOST', write: 'fault:HOST', cert: 'H', source },
  { id: `${prefix}-t0-unmapped`, t: 0, alias: 'any', page: 'shr_unmapped', read: 'fault:HOST', write: 'fault:HOST', cert: 'H', source },
  { id: `${prefix}-t0-realm`, t: 0, alias: 'any', page: 'shr_realm', read: 'fault:HOST', write: 'fault:HOST', cert: 'M', source },
  { id: `${prefix}-t0-smmio`, t: 0, alias: 'any', page: 'smmio', read: 'ok', write: 'ok', cert: 'M', source },
  { id: `${prefix}-t0-pmmio`, t: 0, alias: 'any', page: 'pmmio', read: 'fault:HOST', write: 'fault:HOST', cert: 'M', source },
  { id: `${prefix}-t0-pmmio-empty`, t: 0, alias: 'any', page: 'pmmio_empty', read: 'fault:HOST', write: 'fault:HOST', cert: 'M', source },
  { id: `${prefix}-t0-pmmio-down`, t: 0, alias: 'any', page: 'pmmio_down', read: 'fault:HOST', write: 'fault:HOST', cert: 'M', source }
]

export const pkvm: Platform = {
  name: 'pkvm', title: 'protected KVM guest on arm64',
  guest: true, tdisp: false, conversion: 'hypercall', cpuAlias: false, architecture: 'arm64', encBit: 0, sharedBit: () => 0,
  cpuSharedAliasOfPrivate: 'fault', hostReadPrivate: () => 'fault', switches: ['memory_encrypt_reported'],
  rows: [
    ...shared0('pkvm', 'M. Saleh, 14 May 2026'),
    // A passthrough device (private_only) walks the guest's private stage 2 alone; the request is counted as T=1 in this table.
    { id: 'pkvm-pt-priv', t: 1, alias: 'any', page: 'priv', read: 'ok', write: 'ok', cert: 'H', source: 'M. Saleh, 14 May 2026', note: 'passthrough device: guest-private memory only' },
    { id: 'pkvm-pt-shr', t: 1, alias: 'any', page: 'shr', read: 'fault:SMMU', write: 'fault:SMMU', cert: 'M', source: 'M. Saleh, 14 May 2026', note: 'shared pages are the host\'s property' },
    { id: 'pkvm-pt-unas', t: 1, alias: 'any', page: 'unas', read: 'fault:SMMU', write: 'fault:SMMU', cert: 'M', source: 'inference' }
  ]
}

export const s390Pv: Platform = {
  name: 's390-pv', title: 's390 protected virtualization guest',
  guest: true, tdisp: false, conversion: 'ultravisor', cpuAlias: false, architecture: 's390', encBit: 0, sharedBit: () => 0,
  cpuSharedAliasOfPrivate: 'fault', hostReadPrivate: () => 'fault', switches: ['memory_encrypt_reported'],
  rows: shared0('s390', 'series v7 06/22')
}

export const amdSmeHost: Platform = {
  name: 'amd-sme-host', title: 'AMD host with SME',
  guest: false, tdisp: false, conversion: 'pte', cpuAlias: true, architecture: 'x86', encBit: 2 ** 51, sharedBit: () => 0,
  cpuSharedAliasOfPrivate: 'cipher', hostReadPrivate: () => 'ok', switches: [],
  rows: [
    // P: the address carries the C-bit, S: it does not. Nothing faults; the wrong form gives the wrong bytes.
    { id: 'sme-c1-enc', t: 0, alias: 'P', page: 'priv', read: 'ok', write: 'ok', cert: 'H', source: 'T. Lendacky, 6 Jul 2026' },
    { id: 'sme-c0-dec', t: 0, alias: 'S', page: 'shr', read: 'ok', write: 'ok', cert: 'H', source: 'T. Lendacky, 6 Jul 2026' },
    { id: 'sme-c0-enc', t: 0, alias: 'S', page: 'priv', read: 'cipher', write: 'poison', cert: 'H', source: 'T. Lendacky, 6 Jul 2026', note: 'ciphertext in, garbage out' },
    { id: 'sme-c1-dec', t: 0, alias: 'P', page: 'shr', read: 'cipher', write: 'poison', cert: 'M', source: 'architecture' },
    { id: 'sme-mmio', t: 0, alias: 'S', page: 'smmio', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    { id: 'sme-mmio-p', t: 0, alias: 'S', page: 'pmmio', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    { id: 'sme-mmio-empty', t: 0, alias: 'S', page: 'pmmio_empty', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    { id: 'sme-mmio-down', t: 0, alias: 'S', page: 'pmmio_down', read: 'ok', write: 'ok', cert: 'M', source: 'architecture' },
    { id: 'sme-mmio-c1', t: 0, alias: 'P', page: 'smmio', read: 'fault:IO_PAGE_FAULT', write: 'fault:IO_PAGE_FAULT', cert: 'L', source: 'inference', note: 'no MMIO behind an address with the C-bit' },
    { id: 'sme-mmio-p-c1', t: 0, alias: 'P', page: 'pmmio', read: 'fault:IO_PAGE_FAULT', write: 'fault:IO_PAGE_FAULT', cert: 'L', source: 'inference' }
  ]
}

export const none: Platform = {
  name: 'none', title: 'a machine without confidential computing',
  guest: false, tdisp: false, conversion: 'none', cpuAlias: false, architecture: 'arm64', encBit: 0, sharedBit: () => 0,
  cpuSharedAliasOfPrivate: 'fault', hostReadPrivate: () => 'ok', switches: [],
  rows: (['priv', 'shr', 'unas', 'smmio', 'pmmio', 'pmmio_empty', 'pmmio_down'] as const).map((page) => ({ id: `none-${page}`, t: 0 as const, alias: 'any' as const, page, read: 'ok' as const, write: 'ok' as const, cert: 'H' as const, source: 'no protection' }))
}

// Every row of the rules matrix (sections 0 to 4), transcribed with its text, against the machine: the gate of a
// device, one request of it, the guest's CPU, the host. Outcomes stand as the reference has them; a row that a switch
// decides is asserted for each setting.
import { describe, expect, test } from 'vitest'
import {
  CLASS,
  defaultConfig,
  defaultDevice,
  type DeviceConfig,
  HW,
  label,
  type Machine,
  type MachineConfig,
  MMIO_BASE,
  MMIO_SIZE,
  type Outcome,
  type Platform,
  platformByName,
  platforms,
  PTE,
  TDI,
  wordOf
} from '../../src/machine/index.ts'
import { revisionByName } from '../../src/kernel/index.ts'
import { OneStore, type Store } from '../../src/step/index.ts'
import { System } from '../../src/system/index.ts'

const PAGE = 0x200000
const PFN = PAGE / 4096
const PRIVATE_BAR = MMIO_BASE
const SHARED_BAR = MMIO_BASE + MMIO_SIZE

interface Scene {
  readonly st: Store
  readonly m: Machine
  readonly platform: Platform
}

function scene(name: string, config: Partial<MachineConfig> = {}, device: Partial<DeviceConfig> = {}): Scene {
  const platform = platformByName(name)
  const revision = revisionByName('cc-v8')
  if (platform === undefined || revision === undefined) throw new Error(name)
  const sys = new System({
    platform,
    revision,
    config: { ...defaultConfig, ...config },
    devices: [
      { ...defaultDevice, name: 'dev', tdisp: true, ...device },
      { ...defaultDevice, name: 'peer', tdisp: true }
    ],
    mmios: [
      { name: 'tee', of: 'peer', state: 'private' },
      { name: 'non_tee', of: 'peer', state: 'shared' }
    ]
  })
  const st = new OneStore(sys.layout.totalWords)
  sys.reset(st)
  return { st, m: sys.machine, platform }
}

type Page =
  | 'priv'
  | 'unas'
  | 'shr'
  | 'shr, unmapped'
  | 'shr, realm granule'
  | 'pMMIO'
  | 'pMMIO, not validated'
  | 'pMMIO, left RUN'
  | 'sMMIO'
const hw: Partial<Record<Page, number>> = {
  priv: HW.priv,
  unas: HW.unas,
  shr: HW.shr,
  'shr, unmapped': HW.shr_unmapped,
  'shr, realm granule': HW.shr_realm
}

interface Row {
  /** The reference's line: who, alias, page, result. */
  readonly text: string
  readonly t: 0 | 1
  readonly alias: 'P' | 'S'
  readonly page: Page
  readonly read: Outcome
  /** Default: as the read. */
  readonly write?: Outcome
  readonly config?: Partial<MachineConfig>
  readonly device?: Partial<DeviceConfig>
  /** What the device asserts with `xt on`. */
  readonly xt?: 'tee' | 'non_tee'
  /** Added to the address. */
  readonly plus?: number
}

const met = new Map<string, Set<string>>()

function run(name: string, row: Row, write: boolean): string {
  const { st, m, platform } = scene(name, row.config, row.device)
  if (row.t === 1) m.startAccepted(st, 0)
  const at = row.page.startsWith('pMMIO') ? PRIVATE_BAR : row.page === 'sMMIO' ? SHARED_BAR : PAGE
  if (row.page === 'pMMIO') m.tdi.set(st, TDI.run, 1)
  if (row.page === 'pMMIO, left RUN') m.tdi.set(st, TDI.error, 1)
  const state = hw[row.page]
  if (state !== undefined) m.setHw(st, PFN, 1, state)
  const shared = row.alias === 'S' ? platform.sharedBit(m.config) : 0
  const r = m.request(st, 0, at + shared + (row.plus ?? 0), write, row.xt ?? 'tee')
  const seen = met.get(name) ?? new Set()
  met.set(name, seen.add(r.rule))
  return r.outcome
}

const F = 'fault:F_TRANSLATION'
const GPF = 'fault:GPF'
const XT = 'fault:XT_MISMATCH'
const st1g = { host_stage2: 'static_1g' } as const
const plain1g = { host_stage2: 'static_1g_plain' } as const
const shared1g = { host_stage2: 'static_1g_shared' } as const
const xt = { xt: true } as const

/** Section 1: T=0 through the host's NS STE and stage 2, T=1 through the realm's. */
const arm: readonly Row[] = [
  { text: '0 | P | priv, host S2 has no map (normal VMM) | F_TRANSLATION', t: 0, alias: 'P', page: 'priv', read: F },
  { text: '0 | P | priv, host S2 prepopulated 1:1/1G | GPF', t: 0, alias: 'P', page: 'priv', config: st1g, read: GPF },
  {
    text: '0 | P | unas, granule still NS, host S2 maps it | ok(shr) on a stale NS page',
    t: 0,
    alias: 'P',
    page: 'unas',
    config: st1g,
    read: 'ok'
  },
  { text: '0 | P | unas, host S2 maps shared pages only | F_TRANSLATION', t: 0, alias: 'P', page: 'unas', read: F },
  {
    text: '0 | P | shr page addressed by P alias, host maps only S | F_TRANSLATION',
    t: 0,
    alias: 'P',
    page: 'shr',
    read: F
  },
  { text: '0 | S | shr | ok(shr)', t: 0, alias: 'S', page: 'shr', read: 'ok' },
  {
    text: '0 | S | page converted private, host S2 stale | GPF',
    t: 0,
    alias: 'S',
    page: 'priv',
    config: st1g,
    read: GPF
  },
  { text: '0 | S | page converted private, host unmapped it | F_TRANSLATION', t: 0, alias: 'S', page: 'priv', read: F },
  {
    text: '0 | P | shr, the plain alias mapped in 1G | ok(shr)',
    t: 0,
    alias: 'P',
    page: 'shr',
    config: plain1g,
    read: 'ok'
  },
  {
    text: '0 | P | priv, the plain alias mapped in 1G | GPF',
    t: 0,
    alias: 'P',
    page: 'priv',
    config: plain1g,
    read: GPF
  },
  {
    text: '0 | P | shr, the shared alias alone mapped in 1G | F_TRANSLATION',
    t: 0,
    alias: 'P',
    page: 'shr',
    config: shared1g,
    read: F
  },
  {
    text: '0 | P | priv, the shared alias alone mapped in 1G | F_TRANSLATION',
    t: 0,
    alias: 'P',
    page: 'priv',
    config: shared1g,
    read: F
  },
  {
    text: '0 | S | shr, the shared alias mapped in 1G | ok(shr)',
    t: 0,
    alias: 'S',
    page: 'shr',
    config: shared1g,
    read: 'ok'
  },
  {
    text: '0 | S | shr, the plain alias alone mapped in 1G | F_TRANSLATION',
    t: 0,
    alias: 'S',
    page: 'shr',
    config: plain1g,
    read: F
  },
  {
    text: '0 | S | priv, the shared alias mapped in 1G and never touched | GPF',
    t: 0,
    alias: 'S',
    page: 'priv',
    config: shared1g,
    read: GPF
  },
  {
    text: '0 | S | priv, the plain alias alone mapped in 1G | F_TRANSLATION',
    t: 0,
    alias: 'S',
    page: 'priv',
    config: plain1g,
    read: F
  },
  {
    text: '0 | S | unas, the shared alias mapped in 1G, granule NS | ok(shr) on a stale NS page',
    t: 0,
    alias: 'S',
    page: 'unas',
    config: shared1g,
    read: 'ok'
  },
  { text: '0 | S | unas (shared alias unmapped) | F_TRANSLATION', t: 0, alias: 'S', page: 'unas', read: F },
  {
    text: '0 | S | shr, the host removed the mapping | F_TRANSLATION',
    t: 0,
    alias: 'S',
    page: 'shr, unmapped',
    read: F
  },
  {
    text: '0 | S | a shared mapping of a Realm granule | GPF',
    t: 0,
    alias: 'S',
    page: 'shr, realm granule',
    read: GPF
  },
  { text: '0 | S | sMMIO mapped by host | ok(shr)', t: 0, alias: 'S', page: 'sMMIO', read: 'ok' },
  {
    text: '0 | P | sMMIO, the host maps the shared alias only | F_TRANSLATION',
    t: 0,
    alias: 'P',
    page: 'sMMIO',
    read: F
  },
  { text: '0 | P | pMMIO | GPF', t: 0, alias: 'P', page: 'pMMIO', read: GPF },
  { text: '0 | S | pMMIO | GPF', t: 0, alias: 'S', page: 'pMMIO', read: GPF },
  { text: '0 | P | pMMIO of a device not in RUN | GPF', t: 0, alias: 'P', page: 'pMMIO, not validated', read: GPF },
  { text: '0 | P | pMMIO of a device that left RUN | GPF', t: 0, alias: 'P', page: 'pMMIO, left RUN', read: GPF },
  { text: '1 | P | priv (assigned_ram) | ok(priv)', t: 1, alias: 'P', page: 'priv', read: 'ok' },
  {
    text: '1 | P | unas RAM / EMPTY / DESTROYED, assigned_empty/destroyed | F_TRANSLATION, no stall',
    t: 1,
    alias: 'P',
    page: 'unas',
    read: F
  },
  {
    text: '1 | P | during RTT_CREATE unfold / FOLD break-before-make: the entry is invalid | F_TRANSLATION',
    t: 1,
    alias: 'P',
    page: 'unas',
    read: F
  },
  {
    text: '1 | P | page now shared (protected entry destroyed/empty) | F_TRANSLATION',
    t: 1,
    alias: 'P',
    page: 'shr',
    read: F
  },
  { text: '1 | S | shr, assigned_ns active | ok(shr)', t: 1, alias: 'S', page: 'shr', read: 'ok' },
  { text: '1 | S | shr, unassigned_ns | F_TRANSLATION', t: 1, alias: 'S', page: 'shr, unmapped', read: F },
  { text: '1 | P | shr, unassigned_ns | F_TRANSLATION', t: 1, alias: 'P', page: 'shr, unmapped', read: F },
  {
    text: '1 | S | private page, its shared alias unassigned_ns | F_TRANSLATION',
    t: 1,
    alias: 'S',
    page: 'priv',
    read: F
  },
  { text: '1 | S | unas, its shared alias unassigned_ns | F_TRANSLATION', t: 1, alias: 'S', page: 'unas', read: F },
  { text: '1 | S | assigned_ns but granule GPI Realm | GPF', t: 1, alias: 'S', page: 'shr, realm granule', read: GPF },
  {
    text: '1 | P | protected entry of a shared range whose mapping was redirected | F_TRANSLATION',
    t: 1,
    alias: 'P',
    page: 'shr, realm granule',
    read: F
  },
  { text: '1 | P | pMMIO, dev_dev | ok(priv) via RC; target must be RUN', t: 1, alias: 'P', page: 'pMMIO', read: 'ok' },
  {
    text: '1 | P | pMMIO, target has left RUN | UR / dropped at the target (TDISP)',
    t: 1,
    alias: 'P',
    page: 'pMMIO, left RUN',
    read: 'fault:UR',
    write: 'drop'
  },
  {
    text: '1 | P | pMMIO, dev_empty (not validated) | F_TRANSLATION',
    t: 1,
    alias: 'P',
    page: 'pMMIO, not validated',
    read: F
  },
  { text: '1 | S | pMMIO: nothing at the shared alias | F_TRANSLATION', t: 1, alias: 'S', page: 'pMMIO', read: F },
  {
    text: '1 | S | pMMIO not validated: nothing at the shared alias | F_TRANSLATION',
    t: 1,
    alias: 'S',
    page: 'pMMIO, not validated',
    read: F
  },
  {
    text: '1 | S | pMMIO, target has left RUN: nothing at the shared alias | F_TRANSLATION',
    t: 1,
    alias: 'S',
    page: 'pMMIO, left RUN',
    read: F
  },
  { text: '1 | S | sMMIO, assigned_ns | ok as NS access; forwarded T=0', t: 1, alias: 'S', page: 'sMMIO', read: 'ok' },
  { text: '1 | P | sMMIO at the protected alias | F_TRANSLATION', t: 1, alias: 'P', page: 'sMMIO', read: F },
  {
    text: 'any | - | IPA >= 2^s2sz | addr size / translation',
    t: 0,
    alias: 'P',
    page: 'priv',
    plus: 2 ** 40,
    read: 'fault:UNMAPPED'
  },
  {
    text: 'any | - | IPA >= 2^s2sz (T=1) | addr size / translation',
    t: 1,
    alias: 'P',
    page: 'priv',
    plus: 2 ** 40,
    read: 'fault:UNMAPPED'
  },
  { text: 'XT {1,1} | P | priv | as T=1', t: 1, alias: 'P', page: 'priv', config: xt, xt: 'tee', read: 'ok' },
  { text: 'XT {1,1} | P | pMMIO | as T=1', t: 1, alias: 'P', page: 'pMMIO', config: xt, xt: 'tee', read: 'ok' },
  { text: 'XT {1,1} | S | shr | XT mismatch', t: 1, alias: 'S', page: 'shr', config: xt, xt: 'tee', read: XT },
  { text: 'XT {1,1} | S | sMMIO | XT mismatch', t: 1, alias: 'S', page: 'sMMIO', config: xt, xt: 'tee', read: XT },
  {
    text: 'XT {1,0} | S | shr | ok(shr) through realm S2',
    t: 1,
    alias: 'S',
    page: 'shr',
    config: xt,
    xt: 'non_tee',
    read: 'ok'
  },
  {
    text: 'XT {1,0} | S | sMMIO | ok(shr) through realm S2',
    t: 1,
    alias: 'S',
    page: 'sMMIO',
    config: xt,
    xt: 'non_tee',
    read: 'ok'
  },
  { text: 'XT {1,0} | P | priv | XT mismatch', t: 1, alias: 'P', page: 'priv', config: xt, xt: 'non_tee', read: XT },
  { text: 'XT {1,0} | P | pMMIO | XT mismatch', t: 1, alias: 'P', page: 'pMMIO', config: xt, xt: 'non_tee', read: XT },
  { text: 'XT {0,0}: a T=0 request is not looked at', t: 0, alias: 'S', page: 'shr', config: xt, xt: 'tee', read: 'ok' }
]

const RMP = 'fault:RMP_PAGE_FAULT'
const IO = 'fault:IO_PAGE_FAULT'
const C0 = { vtom: PAGE } as const
const C0X = { vtom: PAGE, xt: true } as const

/**
 * Section 2: one IOMMU, one host table, RMP check, sDTE. C=1 is vTOM above the address (alias P), C=0 vTOM at or below
 * it.
 */
const snp: readonly Row[] = [
  { text: '0 | 0 | shr (Hypervisor) | ok(shr) | ok(shr)', t: 0, alias: 'P', page: 'shr', read: 'ok' },
  {
    text: '0 | 0 | priv (Guest-Valid) | CIPHER | RMP_PAGE_FAULT',
    t: 0,
    alias: 'P',
    page: 'priv',
    read: 'cipher',
    write: RMP
  },
  { text: '0 | 0 | unas: Guest-Invalid | CIPHER | RMP', t: 0, alias: 'P', page: 'unas', read: 'cipher', write: RMP },
  {
    text: '0 | 0 | unas: still Hypervisor (RMP state of a shared page) | ok(shr) stale | ok(shr)',
    t: 0,
    alias: 'P',
    page: 'shr',
    read: 'ok'
  },
  { text: '0 | 0 | page absent from host table | IO_PAGE_FAULT', t: 0, alias: 'P', page: 'shr, unmapped', read: IO },
  {
    text: '0 | 0 | a host mapping that points at a guest page | CIPHER | RMP',
    t: 0,
    alias: 'P',
    page: 'shr, realm granule',
    read: 'cipher',
    write: RMP
  },
  {
    text: '1 | 1 (below vTOM) | priv Guest-Valid, ASID+GPA+VMPL match | ok(priv)',
    t: 1,
    alias: 'P',
    page: 'priv',
    read: 'ok'
  },
  { text: '1 | 1 | Guest-Invalid (not PVALIDATEd) | RMP', t: 1, alias: 'P', page: 'unas', read: RMP },
  { text: '1 | 1 | shr Hypervisor page | RMP', t: 1, alias: 'P', page: 'shr', read: RMP },
  { text: '1 | 1 | other guest ASID / wrong GPA | RMP', t: 1, alias: 'P', page: 'shr, realm granule', read: RMP },
  { text: '1 | - | page absent from host table | IO_PAGE_FAULT', t: 1, alias: 'P', page: 'shr, unmapped', read: IO },
  { text: '1 | 0 (>= vTOM) | shr | ok(shr)', t: 1, alias: 'P', page: 'shr', config: C0, read: 'ok' },
  { text: '1 | 0 | priv | CIPHER | RMP', t: 1, alias: 'P', page: 'priv', config: C0, read: 'cipher', write: RMP },
  {
    text: '1 | 0 | Guest-Invalid | CIPHER | RMP',
    t: 1,
    alias: 'P',
    page: 'unas',
    config: C0,
    read: 'cipher',
    write: RMP
  },
  {
    text: '1 | C-bit set in the IOVA | any | IO_PAGE_FAULT (snp_cbit_in_iova fault)',
    t: 1,
    alias: 'P',
    page: 'priv',
    plus: 2 ** 51,
    read: IO
  },
  {
    text: '0 | C-bit set in the IOVA | any | IO_PAGE_FAULT (snp_cbit_in_iova fault)',
    t: 0,
    alias: 'P',
    page: 'shr',
    plus: 2 ** 51,
    read: IO
  },
  {
    text: '1 | C-bit set in the IOVA | stripped: as without (snp_cbit_in_iova stripped)',
    t: 1,
    alias: 'P',
    page: 'priv',
    plus: 2 ** 51,
    config: { snp_cbit_in_iova: 'stripped' },
    read: 'ok'
  },
  {
    text: '0 | 0 | pMMIO (RMP guest MMIO) | device rejects | RMP on W',
    t: 0,
    alias: 'P',
    page: 'pMMIO',
    read: 'fault:UR',
    write: RMP
  },
  {
    text: '0 | 0 | pMMIO of a device not in RUN | device rejects | RMP on W',
    t: 0,
    alias: 'P',
    page: 'pMMIO, not validated',
    read: 'fault:UR',
    write: RMP
  },
  {
    text: '0 | 0 | pMMIO of a device that left RUN | device rejects | RMP on W',
    t: 0,
    alias: 'P',
    page: 'pMMIO, left RUN',
    read: 'fault:UR',
    write: RMP
  },
  { text: '0 | 0 | sMMIO | ok(shr)', t: 0, alias: 'P', page: 'sMMIO', read: 'ok' },
  {
    text: '1 | 1 | pMMIO | not supported (BIND_P2P must be 0): FAULT (snp_p2p fault)',
    t: 1,
    alias: 'P',
    page: 'pMMIO',
    read: 'fault:UR'
  },
  {
    text: '1 | 1 | pMMIO (snp_p2p ok) | ok(priv)',
    t: 1,
    alias: 'P',
    page: 'pMMIO',
    config: { snp_p2p: 'ok' },
    read: 'ok'
  },
  {
    text: '1 | 0 | pMMIO (snp_p2p ok) at the shared attribute | FAULT',
    t: 1,
    alias: 'P',
    page: 'pMMIO',
    config: { snp_p2p: 'ok', ...C0 },
    read: 'fault:UR'
  },
  {
    text: '1 | 1 | pMMIO not validated | RMP',
    t: 1,
    alias: 'P',
    page: 'pMMIO, not validated',
    config: { snp_p2p: 'ok' },
    read: RMP
  },
  {
    text: '1 | 1 | pMMIO of a device that left RUN | rejected',
    t: 1,
    alias: 'P',
    page: 'pMMIO, left RUN',
    config: { snp_p2p: 'ok' },
    read: 'fault:UR'
  },
  { text: '1 | 0 | sMMIO | ok if vTOM says shared', t: 1, alias: 'P', page: 'sMMIO', config: C0, read: 'ok' },
  { text: '1 | 1 | sMMIO with vTOM=max | RMP', t: 1, alias: 'P', page: 'sMMIO', read: RMP },
  {
    text: '1 | vIOMMU C=1 | priv | ok(priv), vTOM not looked at',
    t: 1,
    alias: 'P',
    page: 'priv',
    config: C0,
    device: { iommu: true },
    read: 'ok'
  },
  { text: 'XT {1,1} | C=1 | priv | as T=1', t: 1, alias: 'P', page: 'priv', config: xt, xt: 'tee', read: 'ok' },
  { text: 'XT {1,1} | C=0 | shr | XT mismatch', t: 1, alias: 'P', page: 'shr', config: C0X, xt: 'tee', read: XT },
  { text: 'XT {1,0} | C=0 | shr | ok(shr)', t: 1, alias: 'P', page: 'shr', config: C0X, xt: 'non_tee', read: 'ok' },
  { text: 'XT {1,0} | C=1 | priv | XT mismatch', t: 1, alias: 'P', page: 'priv', config: xt, xt: 'non_tee', read: XT }
]

const DMAR = 'fault:DMAR'
const P2P = { tdx_p2p: 'ok' } as const

/** Section 3: T=0 host tables, T=1 the module's trusted tables over the same secure EPT. */
const tdx: readonly Row[] = [
  { text: '0 | S | shr mapped by host | ok(shr)', t: 0, alias: 'S', page: 'shr', read: 'ok' },
  { text: '0 | P | shr mapped by host (any alias) | ok(shr)', t: 0, alias: 'P', page: 'shr', read: 'ok' },
  {
    text: '0 | P | priv HPA mapped by host | R all-ones, W dropped',
    t: 0,
    alias: 'P',
    page: 'priv',
    read: 'ones',
    write: 'drop'
  },
  {
    text: '0 | S | priv HPA mapped by host | R all-ones, W dropped',
    t: 0,
    alias: 'S',
    page: 'priv',
    read: 'ones',
    write: 'drop'
  },
  {
    text: '0 | any | priv HPA mapped by host (tdx_host_read poison) | #MC in the TD later',
    t: 0,
    alias: 'P',
    page: 'priv',
    config: { tdx_host_read: 'poison' },
    read: 'ones',
    write: 'poison'
  },
  { text: '0 | any | not mapped | DMAR translation', t: 0, alias: 'P', page: 'unas', read: DMAR },
  { text: '0 | any | shared, not mapped | DMAR translation', t: 0, alias: 'S', page: 'shr, unmapped', read: DMAR },
  {
    text: '0 | any | a host mapping that points at a private HPA | R all-ones, W dropped',
    t: 0,
    alias: 'S',
    page: 'shr, realm granule',
    read: 'ones',
    write: 'drop'
  },
  { text: '1 | P | priv S-EPT MAPPED | ok(priv)', t: 1, alias: 'P', page: 'priv', read: 'ok' },
  {
    text: '1 | P | unas: FREE / PENDING / BLOCKED | DMAR (trusted log), no #VE',
    t: 1,
    alias: 'P',
    page: 'unas',
    read: DMAR
  },
  { text: '1 | P | shr: no secure EPT entry | DMAR', t: 1, alias: 'P', page: 'shr', read: DMAR },
  { text: '1 | P | shr unmapped | DMAR', t: 1, alias: 'P', page: 'shr, unmapped', read: DMAR },
  { text: '1 | P | shr redirected | DMAR', t: 1, alias: 'P', page: 'shr, realm granule', read: DMAR },
  { text: '1 | S | shr (tdx_trusted_shared_dma walk) | ok(shr)', t: 1, alias: 'S', page: 'shr', read: 'ok' },
  {
    text: '1 | S | shr (tdx_trusted_shared_dma fault) | FAULT',
    t: 1,
    alias: 'S',
    page: 'shr',
    config: { tdx_trusted_shared_dma: 'fault' },
    read: DMAR
  },
  { text: '1 | S | private page via the shared alias | FAULT', t: 1, alias: 'S', page: 'priv', read: DMAR },
  { text: '1 | S | unas | FAULT', t: 1, alias: 'S', page: 'unas', read: DMAR },
  { text: '1 | S | shr unmapped | FAULT', t: 1, alias: 'S', page: 'shr, unmapped', read: DMAR },
  { text: '1 | S | shr redirected | FAULT', t: 1, alias: 'S', page: 'shr, realm granule', read: DMAR },
  { text: '1 | P | pMMIO MMIO-mapped (tdx_p2p fault) | FAULT', t: 1, alias: 'P', page: 'pMMIO', read: DMAR },
  {
    text: '1 | P | pMMIO MMIO-mapped (tdx_p2p ok) | ok(priv)',
    t: 1,
    alias: 'P',
    page: 'pMMIO',
    config: P2P,
    read: 'ok'
  },
  {
    text: '1 | P | pMMIO not accepted (tdx_p2p ok) | FAULT',
    t: 1,
    alias: 'P',
    page: 'pMMIO, not validated',
    config: P2P,
    read: DMAR
  },
  {
    text: '1 | P | pMMIO of a device that left RUN (tdx_p2p ok) | UR / dropped',
    t: 1,
    alias: 'P',
    page: 'pMMIO, left RUN',
    config: P2P,
    read: 'fault:UR',
    write: 'drop'
  },
  { text: '1 | S | sMMIO (tdx_p2p fault) | FAULT', t: 1, alias: 'S', page: 'sMMIO', read: DMAR },
  { text: '1 | S | sMMIO (tdx_p2p ok) | ok(shr)', t: 1, alias: 'S', page: 'sMMIO', config: P2P, read: 'ok' },
  { text: '0 | S | sMMIO | ok(shr)', t: 0, alias: 'S', page: 'sMMIO', read: 'ok' },
  { text: '0 | any | pMMIO | device rejects', t: 0, alias: 'P', page: 'pMMIO', read: 'fault:UR', write: 'drop' },
  {
    text: '0 | any | pMMIO of a device not in RUN | device rejects',
    t: 0,
    alias: 'P',
    page: 'pMMIO, not validated',
    read: 'fault:UR',
    write: 'drop'
  },
  {
    text: '0 | any | pMMIO of a device that left RUN | device rejects',
    t: 0,
    alias: 'P',
    page: 'pMMIO, left RUN',
    read: 'fault:UR',
    write: 'drop'
  },
  { text: 'XT {1,1} | P | priv | as T=1', t: 1, alias: 'P', page: 'priv', config: xt, xt: 'tee', read: 'ok' },
  { text: 'XT {1,1} | S | shr | XT mismatch', t: 1, alias: 'S', page: 'shr', config: xt, xt: 'tee', read: XT },
  { text: 'XT {1,0} | S | shr | ok(shr)', t: 1, alias: 'S', page: 'shr', config: xt, xt: 'non_tee', read: 'ok' },
  { text: 'XT {1,0} | P | priv | XT mismatch', t: 1, alias: 'P', page: 'priv', config: xt, xt: 'non_tee', read: XT }
]

const HOST = 'fault:HOST'

/** The compact matrix of platform-statements for the platforms without T=1. */
const t0Only = (): Row[] => [
  { text: 'T=0 -> private | host fault', t: 0, alias: 'P', page: 'priv', read: HOST },
  { text: 'T=0 -> nothing | host fault', t: 0, alias: 'P', page: 'unas', read: HOST },
  { text: 'T=0 -> shared | ok', t: 0, alias: 'P', page: 'shr', read: 'ok' },
  { text: 'T=0 -> shared, unmapped by the host | host fault', t: 0, alias: 'P', page: 'shr, unmapped', read: HOST },
  {
    text: 'T=0 -> a mapping of a protected granule | host fault',
    t: 0,
    alias: 'P',
    page: 'shr, realm granule',
    read: HOST
  },
  { text: 'T=0 -> shared MMIO | ok', t: 0, alias: 'P', page: 'sMMIO', read: 'ok' },
  { text: 'T=0 -> private MMIO | host fault', t: 0, alias: 'P', page: 'pMMIO', read: HOST },
  {
    text: 'T=0 -> private MMIO not validated | host fault',
    t: 0,
    alias: 'P',
    page: 'pMMIO, not validated',
    read: HOST
  },
  { text: 'T=0 -> private MMIO, left RUN | host fault', t: 0, alias: 'P', page: 'pMMIO, left RUN', read: HOST }
]
const passthrough: readonly Row[] = [
  {
    text: 'pKVM passthrough -> private | ok',
    t: 0,
    alias: 'P',
    page: 'priv',
    device: { private_only: true },
    read: 'ok'
  },
  {
    text: 'pKVM passthrough -> shared | no',
    t: 0,
    alias: 'P',
    page: 'shr',
    device: { private_only: true },
    read: 'fault:SMMU'
  },
  {
    text: 'pKVM passthrough -> nothing | no',
    t: 0,
    alias: 'P',
    page: 'unas',
    device: { private_only: true },
    read: 'fault:SMMU'
  }
]
/** SME host: the C-bit of the address against that of the page (T. Lendacky, 6 Jul 2026). */
const C = 2 ** 51
const sme: readonly Row[] = [
  { text: 'C-bit set -> encrypted page | ok', t: 0, alias: 'P', page: 'priv', plus: C, read: 'ok' },
  { text: 'C-bit clear -> unencrypted page | ok', t: 0, alias: 'P', page: 'shr', read: 'ok' },
  {
    text: 'C-bit clear -> encrypted page | ciphertext in, garbage out',
    t: 0,
    alias: 'P',
    page: 'priv',
    read: 'cipher',
    write: 'poison'
  },
  {
    text: 'C-bit set -> unencrypted page | garbage',
    t: 0,
    alias: 'P',
    page: 'shr',
    plus: C,
    read: 'cipher',
    write: 'poison'
  },
  { text: 'C-bit clear -> MMIO | ok', t: 0, alias: 'P', page: 'sMMIO', read: 'ok' },
  { text: 'C-bit set -> MMIO | nothing there', t: 0, alias: 'P', page: 'sMMIO', plus: C, read: IO },
  { text: 'C-bit clear -> MMIO of a TDISP device | ok', t: 0, alias: 'P', page: 'pMMIO', read: 'ok' },
  {
    text: 'C-bit clear -> MMIO of a TDISP device not in RUN | ok',
    t: 0,
    alias: 'P',
    page: 'pMMIO, not validated',
    read: 'ok'
  },
  {
    text: 'C-bit clear -> MMIO of a TDISP device in ERROR | ok',
    t: 0,
    alias: 'P',
    page: 'pMMIO, left RUN',
    read: 'ok'
  },
  { text: 'C-bit set -> MMIO of a TDISP device | nothing there', t: 0, alias: 'P', page: 'pMMIO', plus: C, read: IO },
  {
    text: "behind the host's IOMMU -> encrypted page | ok: its tables carry the C-bit",
    t: 0,
    alias: 'P',
    page: 'priv',
    device: { iommu: true },
    read: 'ok'
  },
  {
    text: "behind the host's IOMMU -> MMIO | ok: no C-bit for MMIO",
    t: 0,
    alias: 'P',
    page: 'sMMIO',
    device: { iommu: true },
    read: 'ok'
  }
]
const plain: readonly Row[] = (
  ['priv', 'shr', 'unas', 'sMMIO', 'pMMIO', 'pMMIO, not validated', 'pMMIO, left RUN'] as const
).map((page) => ({
  text: `no protection | ${page} | ok`,
  t: 0 as const,
  alias: 'P' as const,
  page,
  read: 'ok' as const
}))

const matrix: ReadonlyArray<readonly [string, readonly Row[]]> = [
  ['arm-cca', arm],
  ['amd-sev-snp', snp],
  ['intel-tdx', tdx],
  ['pkvm', [...t0Only(), ...passthrough]],
  ['s390-pv', t0Only()],
  ['amd-sme-host', sme],
  ['none', plain]
]

for (const [name, rows] of matrix)
  describe(`rules matrix, ${name}`, () => {
    for (const row of rows)
      test(row.text, () => {
        if (row.device?.iommu) return behindIommu(name, row)
        expect([run(name, row, false), run(name, row, true)]).toEqual([row.read, row.write ?? row.read])
      })
  })

// Behind an IOMMU the address is an IOVA that the guest's tables turn into the page's.
function behindIommu(name: string, row: Row): void {
  for (const write of [false, true]) {
    const { st, m } = scene(name, row.config, row.device)
    if (row.t === 1) m.startAccepted(st, 0)
    const at = row.page === 'sMMIO' ? SHARED_BAR : PAGE
    const state = hw[row.page]
    if (state !== undefined) m.setHw(st, PFN, 1, state)
    m.iopt.set(st, [0x100, 0x101, at / 4096 + 1])
    expect(m.request(st, 0, 0x100000, write, 'tee').outcome).toBe(write ? (row.write ?? row.read) : row.read)
    expect(m.request(st, 0, 0x200000, write, 'tee').outcome).toBe('fault:F_TRANSLATION_S1')
  }
}

test('no row of a platform stands without a line here', () => {
  for (const [name, rows] of matrix)
    for (const row of rows)
      if (!row.device?.iommu) {
        run(name, row, false)
        run(name, row, true)
      }
  const left = platforms.flatMap((p) =>
    p.rows
      .map((r) => r.id)
      .filter((id) => !met.get(p.name)?.has(id))
      .map((id) => `${p.name} ${id}`)
  )
  // The same row for the low alias under static 1G: stated by its neighbour, the shared page.
  expect(left).toEqual([])
  expect(run('arm-cca', { text: '', t: 0, alias: 'P', page: 'shr', config: st1g, read: 'ok' }, false)).toBe('ok')
})

describe('rules matrix, section 0: device gate', () => {
  const gate = (config: Partial<MachineConfig>, tdi: number, bme = true): ReturnType<Machine['gate']> => {
    const { st, m } = scene('arm-cca', config)
    m.tdi.set(st, tdi, 0)
    if (!bme) m.bus_master.set(st, 0, 0)
    return m.gate(st, 0)
  }
  test('CONFIG_UNLOCKED, BME=1 | T=0', () => {
    expect(gate({}, TDI.unlocked).emits).toBe(0)
  })
  test('CONFIG_UNLOCKED, BME=0 | BLOCK, no state change', () => {
    const { st, m } = scene('arm-cca')
    m.writeBusMaster(st, 0, false)
    expect([m.gate(st, 0).emits, m.tdi.get(st, 0)]).toEqual([null, TDI.unlocked])
    m.writeBusMaster(st, 0, true)
    expect(m.gate(st, 0).emits).toBe(0)
  })
  test('CONFIG_LOCKED | BLOCK T=1; T=0 by the switch, default BLOCK', () => {
    expect([gate({}, TDI.locked).emits, gate({ locked_dma: 't0' }, TDI.locked).emits]).toEqual([null, 0])
  })
  test('RUN, BME=1, IDE secure | T=1', () => {
    expect(gate({}, TDI.run).emits).toBe(1)
  })
  test('RUN, BME cleared | TDI -> ERROR, then BLOCK', () => {
    const { st, m } = scene('arm-cca')
    m.tdi.set(st, TDI.run, 0)
    m.writeBusMaster(st, 0, false)
    expect([m.tdi.get(st, 0), m.gate(st, 0).emits]).toEqual([TDI.error, null])
    // Only STOP or a reset leads out of ERROR; bus mastering again does not.
    m.writeBusMaster(st, 0, true)
    expect([m.tdi.get(st, 0), m.gate(st, 0).emits]).toEqual([TDI.error, null])
  })
  test('LOCKED, BME cleared | ERROR', () => {
    const { st, m } = scene('arm-cca')
    m.tdi.set(st, TDI.locked, 0)
    m.writeBusMaster(st, 0, false)
    expect(m.tdi.get(st, 0)).toBe(TDI.error)
  })
  test('RUN, BME 0 -> 1 is allowed, 0 over 0 by the switch', () => {
    for (const [how, want] of [
      ['ok', TDI.run],
      ['error', TDI.error]
    ] as const) {
      const { st, m } = scene('arm-cca', { bme_zero_over_zero: how })
      m.bus_master.set(st, 0, 0)
      m.tdi.set(st, TDI.run, 0)
      m.writeBusMaster(st, 0, true)
      expect(m.tdi.get(st, 0)).toBe(TDI.run)
      m.bus_master.set(st, 0, 0)
      m.writeBusMaster(st, 0, false)
      expect(m.tdi.get(st, 0)).toBe(want)
    }
  })
  test('ERROR | BLOCK', () => {
    expect(gate({}, TDI.error).emits).toBeNull()
  })
  // Rows "STE.V=0", "sDTE.V=0 or IR/IW=0" and "DMAR not accepted": accept starts the interface and opens its tables as
  // one operation of the TSM, so a device whose tables are closed is one that is not in RUN.
  test('T=1 with closed tables (STE.V=0, sDTE.V=0, DMAR not accepted) does not exist: only RUN emits T=1', () => {
    for (const p of platforms.filter((x) => x.tdisp))
      for (const config of [{}, { locked_dma: 't0' as const }]) {
        for (const t of [TDI.unlocked, TDI.locked, TDI.run, TDI.error]) {
          const { st, m } = scene(p.name, config)
          m.tdi.set(st, t, 0)
          expect(m.gate(st, 0).emits === 1).toBe(t === TDI.run)
        }
      }
  })
  test('a blocked device reaches nothing', () => {
    const { st, m } = scene('intel-tdx')
    m.tdi.set(st, TDI.error, 0)
    m.setHw(st, PFN, 1, HW.shr)
    expect(m.request(st, 0, PAGE, false, 'tee')).toMatchObject({ outcome: 'blocked', t: null })
  })
})

describe('TDI transitions', () => {
  const from = (
    t: number,
    fn: (m: Machine, st: Store) => boolean,
    config: Partial<MachineConfig> = {}
  ): [boolean, number] => {
    const { st, m } = scene('arm-cca', config)
    m.tdi.set(st, t, 0)
    const ok = fn(m, st)
    return [ok, m.tdi.get(st, 0)]
  }
  test('LOCK only from CONFIG_UNLOCKED, with a session', () => {
    expect(from(TDI.unlocked, (m, st) => m.lockInterface(st, 0))).toEqual([true, TDI.locked])
    for (const t of [TDI.locked, TDI.run, TDI.error])
      expect(from(t, (m, st) => m.lockInterface(st, 0))).toEqual([false, t])
    expect(
      from(TDI.unlocked, (m, st) => {
        m.session.set(st, 0, 0)
        return m.lockInterface(st, 0)
      })
    ).toEqual([false, TDI.unlocked])
  })
  test('START only from CONFIG_LOCKED', () => {
    expect(from(TDI.locked, (m, st) => m.startInterface(st, 0))).toEqual([true, TDI.run])
    for (const t of [TDI.unlocked, TDI.run, TDI.error])
      expect(from(t, (m, st) => m.startInterface(st, 0))).toEqual([false, t])
  })
  test('STOP from any state; over UNLOCKED by the switch', () => {
    for (const t of [TDI.locked, TDI.run, TDI.error])
      expect(from(t, (m, st) => m.stopInterface(st, 0))).toEqual([true, TDI.unlocked])
    expect(from(TDI.unlocked, (m, st) => m.stopInterface(st, 0))).toEqual([true, TDI.unlocked])
    expect(from(TDI.unlocked, (m, st) => m.stopInterface(st, 0), { unlocked_stop: 'error' })).toEqual([
      false,
      TDI.unlocked
    ])
  })
})

describe('rules matrix, section 4: CPU reference rows', () => {
  const cpu = (name: string, pte: number, state: number, write: boolean): string => {
    const { st, m } = scene(name)
    m.setHw(st, PFN, 1, state)
    m.setPte(st, PFN, 1, pte)
    return m.cpuAccess(st, PAGE, 64, write)
  }
  const both = (name: string, pte: number, state: number): [string, string] => [
    cpu(name, pte, state, false),
    cpu(name, pte, state, true)
  ]
  const three = ['arm-cca', 'amd-sev-snp', 'intel-tdx'] as const
  for (const p of three) {
    test(`guest, P alias, priv | ok | ${p}`, () => {
      expect(both(p, PTE.priv, HW.priv)).toEqual(['ok', 'ok'])
    })
    test(`guest, P alias, unas | the access does not complete | ${p}`, () => {
      expect(both(p, PTE.priv, HW.unas)).toEqual(['abort', 'abort'])
    })
    test(`guest, S alias, shr | ok | ${p}`, () => {
      expect(both(p, PTE.shr, HW.shr)).toEqual(['ok', 'ok'])
    })
    test(`guest, P alias, page shared | the access does not complete | ${p}`, () => {
      expect(both(p, PTE.priv, HW.shr)).toEqual(['abort', 'abort'])
    })
    test(`guest, a mapping that is invalid | oops | ${p}`, () => {
      expect(both(p, PTE.invalid_shr, HW.shr)).toEqual(['invalid', 'invalid'])
    })
  }
  test('guest, S alias, page private | Arm: GPF/abort', () => {
    expect(both('arm-cca', PTE.shr, HW.priv)).toEqual(['abort', 'abort'])
  })
  test('guest, S alias, page private | AMD: R ciphertext, W NPF-RMP', () => {
    expect(both('amd-sev-snp', PTE.shr, HW.priv)).toEqual(['cipher', 'abort'])
  })
  test('guest, S alias, page private | TDX: EPT violation', () => {
    expect(both('intel-tdx', PTE.shr, HW.priv)).toEqual(['abort', 'abort'])
  })
  test('SME host, the other key | garbage both ways', () => {
    expect([both('amd-sme-host', PTE.shr, HW.priv), both('amd-sme-host', PTE.priv, HW.shr)]).toEqual([
      ['cipher', 'cipher'],
      ['cipher', 'cipher']
    ])
  })
  test('pKVM and s390 have one alias', () => {
    for (const p of ['pkvm', 's390-pv'])
      expect([both(p, PTE.priv, HW.shr), both(p, PTE.priv, HW.priv)]).toEqual([
        ['ok', 'ok'],
        ['ok', 'ok']
      ])
  })

  const host = (name: string, state: number, config: Partial<MachineConfig> = {}): [unknown, boolean] => {
    const { st, m } = scene(name, config)
    m.setHw(st, PFN, 1, state)
    const data = label(m.words.id('data'), CLASS.plain)
    m.content.fill(st, PAGE, 4096, data)
    const r = m.hostRead(st, PAGE, 64)
    return [r === 'fault' ? r : m.words.name(wordOf(r)), m.hostWrite(st, PAGE, 64, data)]
  }
  test('host, private page | Arm: GPF sync fault', () => {
    expect(host('arm-cca', HW.priv)).toEqual(['fault', false])
  })
  test('host, private page | AMD: R ciphertext, W #PF RMP', () => {
    expect(host('amd-sev-snp', HW.priv)).toEqual(['cipher', false])
  })
  test('host, private page | TDX: R ones (or poison), W not arrived', () => {
    expect([host('intel-tdx', HW.priv), host('intel-tdx', HW.priv, { tdx_host_read: 'poison' })]).toEqual([
      ['ones', false],
      ['ones', false]
    ])
  })
  test('host, private page | TDX: W -> later #MC in TD (tdx_host_read poison), and not otherwise', () => {
    for (const [how, want] of [
      ['poison', 'abort'],
      ['ones', 'ok']
    ] as const) {
      const { st, m } = scene('intel-tdx', { tdx_host_read: how })
      m.hostWrite(st, PAGE, 64, label(m.words.id('data'), CLASS.plain))
      expect(m.cpuAccess(st, PAGE, 64)).toBe(want)
    }
  })
  test('host, private page | pKVM, s390: fault', () => {
    for (const p of ['pkvm', 's390-pv']) expect(host(p, HW.priv)).toEqual(['fault', false])
  })
  test('host, shared page | reads and writes it everywhere', () => {
    for (const p of platforms.filter((x) => x.guest)) expect(host(p.name, HW.shr)).toEqual(['data', true])
  })
})

test('the four differences that the matrix asks a checker to surface', () => {
  const t1Shared = ['arm-cca', 'amd-sev-snp', 'intel-tdx'].map((p) =>
    run(p, { text: '', t: 1, alias: 'S', page: 'shr', read: 'ok' }, true)
  )
  expect(t1Shared).toEqual(['ok', RMP, 'ok'])
  const t0Private = ['arm-cca', 'amd-sev-snp', 'intel-tdx'].map((p) =>
    run(p, { text: '', t: 0, alias: 'P', page: 'priv', read: 'ok' }, false)
  )
  expect(t0Private).toEqual([F, 'cipher', 'ones'])
  for (const p of ['arm-cca', 'amd-sev-snp', 'intel-tdx'])
    expect(run(p, { text: '', t: 1, alias: 'P', page: 'unas', read: 'ok' }, false)).toMatch(/^fault:/)
  expect([
    run('arm-cca', { text: '', t: 0, alias: 'P', page: 'shr', read: 'ok' }, false),
    run('arm-cca', { text: '', t: 0, alias: 'S', page: 'shr', read: 'ok' }, false)
  ]).toEqual([F, 'ok'])
})

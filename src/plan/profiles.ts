// Firmwares and VMMs a plan can be made for, as data: what each does differently from the next.
import type { Firmware2 } from '../machine/rmm/index.ts'

export const firmwares = ['v0.8.0', 'tf-rmm-9a7f8ef4', 'spec-2.0'] as const
export type FirmwareName = (typeof firmwares)[number]

export interface FirmwareProfile {
  readonly generation: '1.x' | '2.0'
  /** The model's profile in generation 2.0. */
  readonly model: Firmware2 | null
  /** One GRANULE_RANGE_(UN)DELEGATE moves one granule, whatever the range says. */
  readonly oneGranuleRanges: boolean
  /** REC_CREATE takes its memory by OP_MEM_DONATE and OP_CONTINUE. */
  readonly donates: boolean
  readonly about: string
}

export const firmwareProfiles: Readonly<Record<FirmwareName, FirmwareProfile>> = {
  'v0.8.0': {
    generation: '1.x',
    model: null,
    oneGranuleRanges: true,
    donates: false,
    about: 'TF-RMM v0.8.0, RMI 1.x; recorded'
  },
  'tf-rmm-9a7f8ef4': {
    generation: '2.0',
    model: 'tf-rmm-9a7f8ef4',
    oneGranuleRanges: true,
    donates: true,
    about: 'TF-RMM main of 22 July 2026, RMI 2.0; recorded'
  },
  'spec-2.0': {
    generation: '2.0',
    model: 'spec-2.0',
    oneGranuleRanges: false,
    donates: true,
    about: 'the specification of RMI 2.0, beta; no firmware seen'
  }
}

/** What `--rmi` stands for: the firmware of that generation that has been recorded. */
export const firmwareOf: Readonly<Record<'1.x' | '2.0', FirmwareName>> = { '1.x': 'v0.8.0', '2.0': 'tf-rmm-9a7f8ef4' }

export const vmms = ['kvm', 'kvmtool', 'qemu', 'cloud-hypervisor'] as const
export type VmmName = (typeof vmms)[number]

export interface VmmProfile {
  /** Where it puts RAM. */
  readonly ramBase: number
  /** Ends of measured regions are moved outwards to this size; what no file fills is measured as zeros. */
  readonly imageAlign: number
  /** Regions are loaded by address, not as given. */
  readonly sorted: boolean
  /** Bits of the IPA space for RAM that ends at `top`; null: left to the user. */
  readonly ipaBits: (top: number) => number | null
  readonly algo: 'sha256' | 'sha512'
  /** Largest block that a fault maps, as the level of its entry. */
  readonly faultLevel: 2
  /** It reads the entry of a table before it folds it (1.x). */
  readonly readsBeforeFold: boolean
  readonly about: string
}

const KIB = 1024
/** Bits that hold every address below `top`. */
const bitsOf = (top: number): number => Math.ceil(Math.log2(top))
// In the kernel: populating page by page, measured; a fault maps the host's page, at most one entry of level 2, which
// RMI 1.x gets by 512 pages and a fold. Source: the KVM series, realm_map_protected() and fold_rtt(), read.
const kvm = {
  ramBase: 0,
  imageAlign: 4 * KIB,
  sorted: false,
  ipaBits: () => null,
  algo: 'sha256',
  faultLevel: 2,
  readsBeforeFold: true
} as const

/**
 * Source: kvmtool's arm64/realm.c and QEMU's target/arm/kvm-rme.c, read; for cloud-hypervisor the calculator of realm
 * measurements that verifiers use, read.
 */
export const vmmProfiles: Readonly<Record<VmmName, VmmProfile>> = {
  kvm: { ...kvm, about: 'what the kernel does for any VMM: 2M a fault when the host page allows, never 1G' },
  kvmtool: {
    ...kvm,
    ramBase: 0x80000000,
    imageAlign: 64 * KIB,
    sorted: true,
    ipaBits: (top) => Math.max(bitsOf(top), 32) + 1,
    about: 'RAM at 2G, RIPAS of all RAM, then regions of 64K by address, measured'
  },
  qemu: {
    ...kvm,
    ramBase: 0x40000000,
    sorted: true,
    algo: 'sha512',
    about: 'RAM at 1G, RIPAS of all RAM, then ROMs by address, measured'
  },
  'cloud-hypervisor': {
    ...kvm,
    ramBase: 0x40000000,
    sorted: true,
    ipaBits: () => 48,
    algo: 'sha512',
    about: 'RAM at 1G, files by address, measured; that it sets the RIPAS of all RAM first is assumed'
  }
}

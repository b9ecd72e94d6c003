// What a scene fixes about the machine: the litmus language's `config` and `device` keys with all defaults filled in.

import type { DmaAddr, Phys } from '../base/index.ts'

/** The steps of a guest's TSM driver, in the order of a device's life. */
export const TSM_STEPS = ['lock', 'report', 'mmio_map', 'run', 'dma_enable', 'invalidate', 'stop', 'unbind'] as const
export type TsmStep = (typeof TSM_STEPS)[number]

export interface MachineConfig {
  /** Bytes of the low bank; a second bank of the same size lies at 4G. */
  readonly ram: number
  readonly guest_page: number
  readonly host_granule: number
  readonly ipa_bits: number
  readonly swiotlb_slots: number
  readonly swiotlb_areas: number
  readonly cmdline: string
  readonly cpus: number
  /** CONFIG_SWIOTLB_DYNAMIC. */
  readonly swiotlb_dynamic: boolean
  /** Bytes of the default CMA area (CONFIG_DMA_CMA); 0: none. */
  readonly cma: number
  /**
   * The kernel's zones decide where DMA memory comes from: the highest that the device reaches first. Else the low bank
   * does.
   */
  readonly zones: boolean
  /** CONFIG_DMA_DIRECT_REMAP; null: as the architecture has it. */
  readonly remap: boolean | null
  readonly conversions: 'succeed' | 'may_fail'
  /** Steps of the TSM driver that may fail; with any, each of its steps is one of its own. */
  readonly tsm_fails: readonly TsmStep[]
  readonly memory_encrypt_reported: boolean
  readonly flag_storage: 'shared_byte' | 'own_byte' | 'private_word' | 'atomic'
  /** Slots of a bounce pool for accepted devices; 0: none, as in every revision. */
  readonly private_pool: number
  /**
   * What the IOMMU maps for T=0. Static: once, in blocks of 1G, at the plain alias, the shared alias, or (`static_1g`)
   * both.
   */
  readonly host_stage2: 'shared_only' | 'static_1g_plain' | 'static_1g_shared' | 'static_1g'
  /** What the VMM's IOMMU tables for T=0 follow of a conversion that it answered with success. */
  readonly host_mirror: 'exact' | 'may_fail' | 'partial'
  /** TDX Connect: whether an accepted private page is pinned until the guest releases it. */
  readonly tdx_page_release: 'off' | 'optional' | 'enforced'
  readonly xt: boolean
  /** Address at and above which a T=1 request of an SNP device is shared; null: maximum. */
  readonly vtom: number | null
  readonly misaligned_share: 'whole_granule' | 'refuse'
  readonly cache_line: number
  readonly locked_dma: 'block' | 't0'
  readonly unlocked_stop: 'ok' | 'error'
  readonly bme_zero_over_zero: 'ok' | 'error'
  readonly tdx_trusted_shared_dma: 'walk' | 'fault'
  readonly tdx_host_read: 'ones' | 'poison'
  readonly tdx_p2p: 'fault' | 'ok'
  readonly snp_p2p: 'fault' | 'ok'
  readonly snp_cbit_in_iova: 'fault' | 'stripped'
}

export interface DeviceConfig {
  readonly name: string
  readonly tdisp: boolean
  readonly accepted: boolean
  /** Bits, 1..64. */
  readonly dma_mask: number
  readonly coherent_mask: number
  /** Highest bus address, 0: none. */
  readonly bus_limit: number
  readonly noncoherent: boolean
  readonly min_align_mask: number
  /** 0: unset, the kernel then uses 0xffffffff. */
  readonly boundary_mask: number
  readonly restricted_pool: number
  /** Devices with the same number have one restricted pool, that of the first; 0: a pool of its own. */
  readonly region: number
  /** Bytes of a CMA area of its own (dev->cma_area); 0: the default one, if there is one. */
  readonly cma: number
  readonly iommu: boolean
  /** dev_is_untrusted(): behind an external port; dma-iommu bounces what does not fill its pages. */
  readonly untrusted: boolean
  readonly driver: boolean
  readonly private_only: boolean
  /** The number of the PCIe switch above it, without ACS redirection; 0: none that another device is below. */
  readonly switch: number
  /** Virtual function N of the nearest device above it that is none; 0: a function of its own. */
  readonly vf: number
  /** Masks that are no power of two less one (recordings have such); instead of the bits above. */
  readonly masks?: { readonly dma: number; readonly coherent: number }
  /**
   * dev->dma_range_map: CPU addresses from `cpu_start` on appear on the bus from `dma_start` on; the first entry that
   * has an address counts.
   */
  readonly range_map?: ReadonlyArray<{ readonly cpu_start: Phys; readonly dma_start: DmaAddr; readonly size: number }>
}

export interface MmioConfig {
  readonly name: string
  /** The device whose BAR it is. */
  readonly of: string
  readonly state: 'private' | 'shared'
}

export const defaultConfig: MachineConfig = {
  ram: 16 << 20,
  guest_page: 4096,
  host_granule: 4096,
  ipa_bits: 40,
  swiotlb_slots: 512,
  swiotlb_areas: 1,
  cmdline: '',
  cpus: 1,
  swiotlb_dynamic: false,
  cma: 0,
  zones: false,
  remap: null,
  conversions: 'succeed',
  tsm_fails: [],
  memory_encrypt_reported: true,
  flag_storage: 'own_byte',
  private_pool: 0,
  host_stage2: 'shared_only',
  host_mirror: 'exact',
  tdx_page_release: 'off',
  xt: false,
  vtom: null,
  misaligned_share: 'whole_granule',
  cache_line: 64,
  locked_dma: 'block',
  unlocked_stop: 'ok',
  bme_zero_over_zero: 'ok',
  tdx_trusted_shared_dma: 'walk',
  tdx_host_read: 'ones',
  tdx_p2p: 'fault',
  snp_p2p: 'fault',
  snp_cbit_in_iova: 'fault'
}

export const defaultDevice: DeviceConfig = {
  name: 'dev',
  tdisp: false,
  accepted: false,
  dma_mask: 64,
  coherent_mask: 64,
  bus_limit: 0,
  noncoherent: false,
  min_align_mask: 0,
  boundary_mask: 0,
  restricted_pool: 0,
  region: 0,
  cma: 0,
  iommu: false,
  untrusted: false,
  driver: false,
  private_only: false,
  switch: 0,
  vf: 0
}

// What a test says about its platform, made complete: every switch and every device key with its default, as plain values.
import type { ConfigEntry, Device, Test } from './ast.ts'
import { type ConfigKey, configByName, type DeviceKey, type KernelName, kernelByName, kernels, type PlatformName, platformByName } from './vocabulary.ts'
import { Bytes, ensure } from '../base/index.ts'
import type { DeviceConfig, MachineConfig } from '../machine/index.ts'

/** The machine's configuration (machine/config.ts has the keys), as one pair of kernel and platform sees it. */
export type Config = MachineConfig
/** `accepted`: in force, false where the revision or the platform ignores the word. */
export type { DeviceConfig }

const since = (kernel: KernelName, first: KernelName): boolean =>
  kernel.startsWith(first.slice(0, first.indexOf('-') + 1)) && kernels.findIndex((k) => k.name === kernel) >= kernels.findIndex((k) => k.name === first)

/**
 * Why `accepted` has no effect on this pair, or null when it has: a revision without accept (`linux-*`) and a platform
 * without T=1 leave the device at T=0, and tsm_* answer EOPNOTSUPP. Source: the language, "Pinned down"; design, kernel names.
 */
export function acceptedIgnored(kernel: KernelName, platform: PlatformName): string | null {
  if (kernelByName.get(kernel)?.accept === false) return `${kernel} has no accept`
  if (platformByName.get(platform)?.t1 === false) return `${platform} has no T=1`
  return null
}

/** The default of `memory_encrypt_reported`. Source: the language, "Pinned down". */
export function memoryEncryptReported(kernel: KernelName, platform: PlatformName): boolean {
  switch (platform) {
    case 'arm-cca': case 'amd-sev-snp': case 'amd-sme-host': case 'intel-tdx': return true
    case 's390-pv': return since(kernel, 'cc-v6') || since(kernel, 'linux-7.3')
    case 'pkvm': return since(kernel, 'cc-v8') || since(kernel, 'linux-7.3')
    case 'none': return false
  }
}

/**
 * The default of `flag_storage`. Source: the language, "Pinned down"; tsm-core.md section 4 for the two byte layouts.
 * `linux-*` keeps no flag, so the value has no effect there; it names the layout of struct device that rfc-v1 builds on.
 */
export function flagStorage(kernel: KernelName, platform: PlatformName): Config['flag_storage'] {
  if (kernel === 'tio-v2' || kernel.startsWith('cc-')) return 'private_word'
  return platformByName.get(platform)?.arch === 'x86' ? 'shared_byte' : 'own_byte'
}

/** The highest `cpu N` of the test's threads + 1. */
export const defaultCpus = (test: Pick<Test, 'threads'>): number => test.threads.reduce((n, t) => Math.max(n, t.cpu + 1), 1)

/** Every entry of the configuration for one pair, what the test does not say with its default, in the order of the vocabulary. */
export function completeConfig(test: Pick<Test, 'config' | 'threads'>, platform: PlatformName, kernel: KernelName): ReadonlyMap<ConfigKey, ConfigEntry['value']> {
  const said = new Map(test.config.map((e) => [e.key, e.value]))
  const out = new Map<ConfigKey, ConfigEntry['value']>()
  for (const [name, word] of configByName) {
    const key = name as ConfigKey
    const value = said.get(key)
    if (value !== undefined) out.set(key, typeof value === 'object' ? { slots: value.slots, areas: value.areas ?? 1 } : value)
    else if (word.kind === 'slots') out.set(key, { slots: 512, areas: 1 })
    else if (word.kind === 'string') out.set(key, '')
    else if (key === 'cpus') out.set(key, defaultCpus(test))
    else if (key === 'memory_encrypt_reported') out.set(key, memoryEncryptReported(kernel, platform) ? 'yes' : 'no')
    else if (key === 'flag_storage') out.set(key, flagStorage(kernel, platform))
    else {
      const text = ensure(word.default, `default of ${key}`)
      out.set(key, word.kind === 'words' || text === 'max' ? text : ensure(Bytes.parse(text), `number ${text}`))
    }
  }
  return out
}

/** The configuration in force for one pair, every default filled in. */
export function resolveConfig(test: Pick<Test, 'config' | 'threads'>, platform: PlatformName, kernel: KernelName): Config {
  const all = completeConfig(test, platform, kernel)
  const num = (key: ConfigKey): number => Number(ensure(all.get(key), key))
  // The parser let only the values of the vocabulary through.
  const word = <W extends string>(key: ConfigKey): W => ensure(all.get(key), key) as W
  const swiotlb = ensure(all.get('swiotlb'), 'swiotlb') as { slots: number; areas: number }
  const vtom = all.get('vtom')
  return {
    ram: num('ram'),
    guest_page: num('guest_page'),
    host_granule: num('host_granule'),
    ipa_bits: num('ipa_bits'),
    swiotlb_slots: swiotlb.slots,
    swiotlb_areas: swiotlb.areas,
    cmdline: word('cmdline'),
    cpus: num('cpus'),
    conversions: word('conversions'),
    memory_encrypt_reported: word('memory_encrypt_reported') === 'yes',
    flag_storage: word('flag_storage'),
    private_pool: num('private_pool'),
    host_stage2: word('host_stage2'),
    xt: word('xt') === 'on',
    vtom: typeof vtom === 'number' ? vtom : null,
    misaligned_share: word('misaligned_share'),
    cache_line: num('cache_line'),
    locked_dma: word('locked_dma'),
    unlocked_stop: word('unlocked_stop'),
    bme_zero_over_zero: word('bme_zero_over_zero'),
    tdx_trusted_shared_dma: word('tdx_trusted_shared_dma'),
    tdx_host_read: word('tdx_host_read'),
    tdx_p2p: word('tdx_p2p'),
    snp_p2p: word('snp_p2p'),
    snp_cbit_in_iova: word('snp_cbit_in_iova')
  }
}

/** The devices as one pair sees them. `accepted` implies `tdisp`, and is false where the pair ignores it. */
export function resolveDevices(test: Pick<Test, 'devices'>, platform: PlatformName, kernel: KernelName): DeviceConfig[] {
  const ignored = acceptedIgnored(kernel, platform) !== null
  return test.devices.map((d) => resolveDevice(d, ignored))
}

function resolveDevice(d: Device, ignored: boolean): DeviceConfig {
  const said = new Map<DeviceKey, number | true>(d.entries.map((e) => [e.key, e.value]))
  const has = (key: DeviceKey): boolean => said.has(key)
  const num = (key: DeviceKey, otherwise: number): number => Number(said.get(key) ?? otherwise)
  return {
    name: d.name,
    tdisp: has('tdisp') || has('accepted'),
    accepted: has('accepted') && !ignored,
    dma_mask: num('dma_mask', 64),
    coherent_mask: num('coherent_mask', 64),
    bus_limit: num('bus_limit', 0),
    noncoherent: has('noncoherent'),
    min_align_mask: num('min_align_mask', 0),
    boundary_mask: num('boundary_mask', 0xffffffff),
    restricted_pool: num('restricted_pool', 0),
    iommu: has('iommu'),
    driver: has('driver'),
    private_only: has('private_only')
  }
}

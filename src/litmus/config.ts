// What a test says about its platform, made complete: every switch and every device key with its default, as plain
// values.
import type { ConfigEntry, Device, DeviceEntry, RangeWindow, Test } from './ast.ts'
import { type ConfigKey, configByName, type DeviceKey, type KernelName, type PlatformName } from './vocabulary.ts'
import { Bytes, ensure, PAGE_SIZE } from '../base/index.ts'
import { flagStorage, memoryEncryptReported, type Revision, revisionByName } from '../kernel/revisions/index.ts'
import { tsmCores } from '../kernel/tsm-cores.ts'
import { type DeviceConfig, type MachineConfig, type Platform, platformByName, type TsmStep } from '../machine/index.ts'

/** The machine's configuration (machine/config.ts has the keys), as one pair of kernel and platform sees it. */
export type Config = MachineConfig
/** `accepted`: in force, false where the revision or the platform ignores the word. */
export type { DeviceConfig }

/** A revision by its record, or by a name as the test has it: its own, an alias, flips included. */
export type KernelRef = KernelName | Revision

/** The record of a kernel that a test names. @throws RangeError for a name that is unknown there */
export function revisionOf(test: Pick<Test, 'revisions'>, kernel: KernelRef): Revision {
  if (typeof kernel !== 'string') return kernel
  const r = test.revisions.find((d) => d.name === kernel)?.revision ?? revisionByName(kernel)
  if (r === undefined) throw new RangeError(`unknown kernel ${kernel}`)
  return r
}

const platformOf = (name: PlatformName): Platform => ensure(platformByName(name), `platform ${name}`)

/** Whether `accepted` has an effect on this pair. */
export const acceptedCounts = (rev: Revision, platform: PlatformName): boolean =>
  platformOf(platform).tdisp && rev.accept !== 'none'

/**
 * Why `accepted` has no effect on this pair, or null when it has: a revision without accept (`linux-*`) and a platform
 * without T=1 leave the device at T=0, and tsm_* answer EOPNOTSUPP. Source: the language, "Pinned down"; design, kernel
 * names.
 */
export function acceptedIgnored(rev: Revision, platform: PlatformName): string | null {
  if (rev.accept === 'none') return `${rev.name} has no accept`
  return platformOf(platform).tdisp ? null : `${platform} has no T=1`
}

/** The highest `cpu N` of the test's threads + 1. */
export const defaultCpus = (test: Pick<Test, 'threads'>): number =>
  test.threads.reduce((n, t) => Math.max(n, t.cpu + 1), 1)

/**
 * Every entry of the configuration for one pair, what the test does not say with its default, in the order of the
 * vocabulary.
 */
export function completeConfig(
  test: Pick<Test, 'config' | 'threads' | 'revisions'>,
  platform: PlatformName,
  kernel: KernelRef
): ReadonlyMap<ConfigKey, ConfigEntry['value']> {
  const [p, rev] = [platformOf(platform), revisionOf(test, kernel)]
  const said = new Map(test.config.map((e) => [e.key, e.value]))
  const out = new Map<ConfigKey, ConfigEntry['value']>()
  for (const [name, word] of configByName) {
    const key = name as ConfigKey
    const value = said.get(key)
    if (value !== undefined)
      out.set(key, typeof value === 'object' ? { slots: value.slots, areas: value.areas ?? 1 } : value)
    else if (word.kind === 'slots') out.set(key, { slots: 512, areas: 1 })
    else if (word.kind === 'string') out.set(key, '')
    else if (key === 'cpus') out.set(key, defaultCpus(test))
    else if (key === 'memory_encrypt_reported') out.set(key, memoryEncryptReported(rev, p) ? 'yes' : 'no')
    else if (key === 'remap') out.set(key, p.noncoherentDevices ? 'yes' : 'no')
    else if (key === 'flag_storage') out.set(key, flagStorage(rev, p))
    else {
      const text = ensure(word.default, `default of ${key}`)
      out.set(
        key,
        word.kind === 'words' || word.kind === 'list' || text === 'max'
          ? text
          : ensure(Bytes.parse(text), `number ${text}`)
      )
    }
  }
  return out
}

/** The configuration in force for one pair, every default filled in. */
export function resolveConfig(
  test: Pick<Test, 'config' | 'threads' | 'revisions'>,
  platform: PlatformName,
  kernel: KernelRef
): Config {
  const all = completeConfig(test, platform, kernel)
  const num = (key: ConfigKey): number => Number(ensure(all.get(key), key))
  // The parser let only the values of the vocabulary through.
  const word = <W extends string>(key: ConfigKey): W => ensure(all.get(key), key) as W
  const swiotlb = ensure(all.get('swiotlb'), 'swiotlb') as { slots: number; areas: number }
  const vtom = all.get('vtom')
  return {
    ram: num('ram'),
    guest_page: platformByName(platform)?.architecture === 'arm64' ? num('guest_page') : PAGE_SIZE,
    host_granule: num('host_granule'),
    ipa_bits: num('ipa_bits'),
    swiotlb_slots: swiotlb.slots,
    swiotlb_areas: swiotlb.areas,
    cmdline: word('cmdline'),
    cpus: num('cpus'),
    swiotlb_dynamic: word('swiotlb_dynamic') === 'on',
    cma: num('cma'),
    zones: word('zones') === 'on',
    remap: word('remap') === 'yes',
    conversions: word('conversions'),
    tsm_fails: word('tsm_fails') === 'none' ? [] : (word<string>('tsm_fails').split(' ') as TsmStep[]),
    memory_encrypt_reported: word('memory_encrypt_reported') === 'yes',
    flag_storage: word('flag_storage'),
    private_pool: num('private_pool'),
    host_stage2: word('host_stage2'),
    host_mirror: word('host_mirror'),
    tdx_page_release: word('tdx_page_release'),
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
export function resolveDevices(
  test: Pick<Test, 'devices' | 'revisions'>,
  platform: PlatformName,
  kernel: KernelRef
): DeviceConfig[] {
  const rev = revisionOf(test, kernel)
  // A virtual function without tsm attributes was never accepted. The revision is asked only where somebody is.
  return test.devices.map((d) =>
    resolveDevice(
      d,
      () =>
        acceptedCounts(rev, platform) && (tsmCores[rev.accept].everyFunction || !d.entries.some((e) => e.key === 'vf'))
    )
  )
}

/** What the range map of a scene knows: all memory and all BARs. */
const RANGE_MAP_SIZE = 2 ** 37

/** An offset is one window that has everything. */
const rangeMap = (said: DeviceEntry['value'] | undefined): readonly RangeWindow[] =>
  typeof said === 'object' ? said : [{ cpu_start: 0, dma_start: Number(said), size: RANGE_MAP_SIZE }]

function resolveDevice(d: Device, acceptable: () => boolean): DeviceConfig {
  const said = new Map<DeviceKey, DeviceEntry['value']>(d.entries.map((e) => [e.key, e.value]))
  const has = (key: DeviceKey): boolean => said.has(key)
  const num = (key: DeviceKey, otherwise: number): number => Number(said.get(key) ?? otherwise)
  return {
    name: d.name,
    tdisp: has('tdisp') || has('accepted'),
    accepted: has('accepted') && acceptable(),
    dma_mask: num('dma_mask', 64),
    coherent_mask: num('coherent_mask', 64),
    bus_limit: num('bus_limit', 0),
    noncoherent: has('noncoherent'),
    min_align_mask: num('min_align_mask', 0),
    boundary_mask: num('boundary_mask', 0xffffffff),
    restricted_pool: num('restricted_pool', 0),
    region: num('region', 0),
    cma: num('cma', 0),
    iommu: has('iommu'),
    untrusted: has('untrusted'),
    driver: has('driver'),
    private_only: has('private_only'),
    switch: num('switch', 0),
    vf: num('vf', 0),
    ...(has('range_map') ? { range_map: rangeMap(said.get('range_map')) } : {})
  }
}

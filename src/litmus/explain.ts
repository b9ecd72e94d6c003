// `check --explain`: the test in its normal form for one kernel and platform, with every default spelled out.
import { type At, type ConfigEntry, type Device, type DeviceEntry, statements, type Test } from './ast.ts'
import { acceptedIgnored, completeConfig, revisionOf } from './config.ts'
import { forbiddenProperties } from './expect.ts'
import { print } from './print.ts'
import {
  type ConfigKey,
  type DeviceKey,
  deviceKeys,
  type KernelName,
  type PlatformName,
  properties
} from './vocabulary.ts'
import { Bytes } from '../base/index.ts'

/**
 * The same test with every default as an entry of its own. Its resolveConfig and resolveDevices are those of the test.
 */
export function spellOut(test: Test, kernel: KernelName, platform: PlatformName): Test {
  const none: At = { line: 0, column: 0, length: 0 }
  const said = new Map(test.config.map((e) => [e.key, e]))
  const config: ConfigEntry[] = [...completeConfig(test, platform, kernel)].map(([key, value]) => {
    const e = said.get(key)
    return { key, value, at: e?.at ?? none, valueAt: e?.valueAt ?? none }
  })
  const counts = forbiddenProperties(test)
  return {
    ...test,
    platforms: test.platforms.length > 0 ? test.platforms : [{ name: 'all', at: none }],
    kernels: test.kernels.length > 0 ? test.kernels : [{ name: 'all', at: none }],
    forbid: properties.filter((p) => !('always' in p) && counts.has(p.name)).map((p) => ({ name: p.name, at: none })),
    config,
    devices: test.devices.map(spellOutDevice)
  }
}

function spellOutDevice(d: Device): Device {
  const said = new Map<DeviceKey, DeviceEntry>(d.entries.map((e) => [e.key, e]))
  const entries: DeviceEntry[] = []
  for (const word of deviceKeys) {
    const e = said.get(word.name)
    if (e) entries.push({ ...e })
    else if (word.name === 'tdisp' && said.has('accepted')) entries.push({ key: 'tdisp', value: true, at: d.at })
    else if (word.default !== null) entries.push({ key: word.name, value: Bytes.parse(word.default) ?? 0, at: d.at })
  }
  return { name: d.name, at: d.at, entries }
}

/**
 * The text of the normal form. Comments say what has no effect on this pair; without them it parses back to
 * spellOut(test).
 * @example explain(test, 'rfc-v1', 'arm-cca').includes('swiotlb                 512,1') // true
 */
export function explain(test: Test, kernel: KernelName, platform: PlatformName): string {
  const full = spellOut(test, kernel, platform)
  const rev = revisionOf(test, kernel)
  const ignored = acceptedIgnored(rev, platform)
  const top = [`${test.name} for ${kernel} on ${platform}, every default spelled out`]
  const usesTsm =
    [...test.init, ...test.threads.flatMap((t) => t.body)].length > 0 &&
    [test.init, ...test.threads.map((t) => t.body)].some((body) =>
      [...statements(body)].some((s) => s.kind === 'call' && s.op.startsWith('tsm_'))
    )
  if (ignored !== null && usesTsm) top.push(`tsm_* answer EOPNOTSUPP: ${ignored}`)
  const devices = new Map<string, string[]>()
  for (const d of full.devices) {
    const notes: string[] = []
    const has = (key: DeviceKey): boolean => d.entries.some((e) => e.key === key)
    if (ignored !== null && has('accepted')) notes.push(`accepted is ignored: ${ignored}, so ${d.name} is T=0`)
    const without = deviceKeys.filter((k) => !has(k.name)).map((k) => k.name)
    if (without.length > 0) notes.push(`without: ${without.join(', ')}`)
    devices.set(d.name, notes)
  }
  const config = new Map<ConfigKey, string>()
  if (rev.accept === 'none') config.set('flag_storage', `without effect: ${kernel} has no such flag`)
  return print(full, { top, devices, config, full: true })
}

// `tbit explain dma`: one request's path, from the driver to the protection check.
import { Command } from 'commander'
import { Bytes, nearest } from '../base/index.ts'
import { defaultConfig, type DeviceConfig, type MachineConfig, platformByName, platforms } from '../machine/index.ts'
import { ATTR, DIR, noMeaning, revisionByName, revisions } from '../kernel/index.ts'
import { requestPath, type RequestSpec } from '../rules/index.ts'
import { explainDmaJson, explainDmaText } from '../report/rules.ts'
import type { Io } from './io.ts'
import { unknownName } from './names.ts'

interface Options {
  platform: string; kernel: string; t: string; op: string; page: string; attr?: string; dir: string; size: string; mask?: string; coherentMask?: string; busLimit?: string
  high?: boolean; atomic?: boolean; noncoherent?: boolean; iommu?: boolean; restrictedPool?: string; minAlignMask?: string; privateOnly?: boolean; cmdline?: string; config?: string[]; format: string
}

const OPS = ['map', 'alloc', 'alloc_pages', 'resource'] as const

export function explainDmaVerb(io: Io): Command {
  const fail = (m: string): void => { io.err(`tbit explain dma: error ${m}\n`); io.exit(2) }
  return new Command('dma')
    .description('one DMA request in words and as a path: DMA API decision by decision, handle bit by bit, TLP, IOMMU, protection check')
    .option('--platform <name>', 'platform', 'arm-cca')
    .option('--kernel <name>', 'kernel revision', 'cc-v8')
    .option('--t <0|1>', 'state of the device: 1 is accepted, in RUN', '0')
    .option('--op <map|alloc|alloc_pages|resource>', 'streaming mapping, coherent allocation, page allocation, peer-to-peer', 'map')
    .option('--page <private|shared>', 'state of the page, or TEE and NON_TEE range', 'private')
    .option('--attr <list>', 'attributes without prefix: CC_SHARED,MMIO,...')
    .option('--dir <direction>', 'TO_DEVICE, FROM_DEVICE or BIDIRECTIONAL', 'BIDIRECTIONAL')
    .option('--size <bytes>', 'size of the request', '4K')
    .option('--high', 'the page lies above 4G')
    .option('--atomic', 'the allocation cannot block')
    .option('--mask <bits>', 'the device\'s DMA mask')
    .option('--coherent-mask <bits>', 'its coherent mask')
    .option('--bus-limit <address>', 'the last address that its bus carries')
    .option('--noncoherent', 'the device does not snoop')
    .option('--iommu', 'it is behind a vIOMMU')
    .option('--restricted-pool <slots>', 'it has a bounce pool of its own')
    .option('--min-align-mask <mask>', 'address bits that a bounce must preserve')
    .option('--private-only', 'a passthrough device that reaches private memory alone')
    .option('--cmdline <text>', 'kernel command line, such as swiotlb=force')
    .option('--config <key=value...>', 'switches of the machine: host_stage2=static_1g, xt=on, vtom=4G, ...')
    .option('--format <text|json>', 'output', 'text')
    .addHelpText('after', '\nExample:\n  tbit explain dma --platform arm-cca --kernel cc-v8 --t 1 --page shared --attr CC_SHARED')
    .action((o: Options) => {
      const platform = platformByName(o.platform)
      if (platform === undefined) return fail(unknownName('platform', o.platform, platforms.map((p) => p.name)))
      const revision = revisionByName(o.kernel)
      if (revision === undefined) return fail(unknownName('kernel', o.kernel, revisions.map((r) => r.name)))
      const reason = noMeaning(revision.name, platform.name)
      if (reason !== null) return fail(`TB-001: ${revision.name} on ${platform.name}: ${reason}`)
      const oneOf = <T extends string>(what: string, word: string, known: readonly T[]): T | null => { if (known.includes(word as T)) return word as T; fail(unknownName(what, word, known)); return null }
      const op = oneOf('operation', o.op, OPS)
      const page = oneOf('page state', o.page, ['private', 'shared'] as const)
      const dir = oneOf('direction', o.dir, Object.keys(DIR) as Array<keyof typeof DIR>)
      const t = oneOf('device state', o.t, ['0', '1'] as const)
      const format = oneOf('format', o.format, ['text', 'json'] as const)
      if (op === null || page === null || dir === null || t === null || format === null) return
      const attrs: Array<keyof typeof ATTR> = []
      for (const w of (o.attr ?? '').split(',').filter((x) => x !== '')) {
        const a = oneOf('attribute', w, Object.keys(ATTR) as Array<keyof typeof ATTR>)
        if (a === null) return
        attrs.push(a)
      }
      const size = Bytes.parse(o.size)
      if (size === null || size < 1 || size > 4 << 20) return fail(`TB-001: --size '${o.size}' is no size between 1 and 4M`)
      const device: { -readonly [K in keyof DeviceConfig]?: DeviceConfig[K] } = {}
      const number = (name: string, text: string | undefined, low: number, high: number, set: (n: number) => void): boolean => {
        if (text === undefined) return true
        const n = Bytes.parse(text)
        if (n === null || n < low || n > high) { fail(`TB-001: ${name} '${text}' is no number from ${low} to ${high}`); return false }
        set(n)
        return true
      }
      if (!number('--mask', o.mask, 1, 64, (n) => { device.dma_mask = n })) return
      if (!number('--coherent-mask', o.coherentMask ?? o.mask, 1, 64, (n) => { device.coherent_mask = n })) return
      if (!number('--bus-limit', o.busLimit, 1, 2 ** 52, (n) => { device.bus_limit = n })) return
      if (!number('--restricted-pool', o.restrictedPool, 1, 2048, (n) => { device.restricted_pool = n })) return
      if (!number('--min-align-mask', o.minAlignMask, 0, 0xffffffff, (n) => { device.min_align_mask = n })) return
      if (o.noncoherent) device.noncoherent = true
      if (o.iommu) device.iommu = true
      if (o.privateOnly) device.private_only = true
      const config: { -readonly [K in keyof MachineConfig]?: MachineConfig[K] } = {}
      if (o.cmdline !== undefined) config.cmdline = o.cmdline
      for (const kv of o.config ?? []) {
        const m = /^([a-z0-9_]+)=(.+)$/.exec(kv)
        const key = m?.[1] ?? kv
        if (m === null || !(key in defaultConfig)) return fail(`TB-001: unknown switch '${kv}'${nearest(key, Object.keys(defaultConfig)).length ? `\n  did you mean ${nearest(key, Object.keys(defaultConfig)).map((n) => `'${n}=...'`).join(' or ')}?` : ''}`)
        const was = defaultConfig[key as keyof MachineConfig]
        const text = m[2] as string
        const value = typeof was === 'boolean' ? ['on', 'yes', 'true'].includes(text) : typeof was === 'number' || was === null ? (text === 'max' ? null : Bytes.parse(text)) : text
        if (value === null && text !== 'max') return fail(`TB-001: ${key} wants a number, not '${text}'`)
        Object.assign(config, { [key]: value })
      }
      const spec: RequestSpec = { platform, revision, t: t === '1' ? 1 : 0, op, page, attrs, dir, size, high: o.high ?? false, atomic: o.atomic ?? false, device, config }
      const path = requestPath(spec)
      io.out(format === 'json' ? explainDmaJson(path) : explainDmaText(path))
      io.exit(0)
    })
}

// `tbit explain dma`: one request's path, from the driver to the protection check.
import { Command, Option } from 'commander'
import { Bytes, type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { platformByName, platforms } from '../machine/index.ts'
import { ATTR, DIR, noMeaning, releaseAtMost, revisionByName, revisions } from '../kernel/index.ts'
import { formatVersion, parseSizingKernel, parseVersion } from '../kernel/swiotlb/index.ts'
import { parse, resolveConfig, resolveDevices } from '../litmus/index.ts'
import { requestPath, type RequestSpec } from '../rules/index.ts'
import { explainDmaFormats } from '../report/explain-dma.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelName, oneName, usage } from './names.ts'

interface Options {
  platform: string
  kernel: string
  t: '0' | '1'
  op: RequestSpec['op']
  page: RequestSpec['page']
  attr?: string
  dir: keyof typeof DIR
  size: string
  mask?: string
  coherentMask?: string
  busLimit?: string
  dmaRanges?: string
  high?: boolean
  atomic?: boolean
  noncoherent?: boolean
  iommu?: boolean
  restrictedPool?: string
  minAlignMask?: string
  boundaryMask?: string
  privateOnly?: boolean
  cmdline?: string
  config?: string[]
  verbose?: boolean
  format: keyof typeof explainDmaFormats
}

const VERB = 'tbit explain dma'
/** Largest request: the page allocator's largest block. */
const LARGEST = 4 << 20

export function explainDmaVerb(io: Io): Command {
  return new Command('dma')
    .summary('one DMA request in words and as a path')
    .description(
      'One DMA request in words and as a path: DMA API decision by decision, handle bit by bit, TLP, IOMMU, ' +
        'protection check.'
    )
    .option('--platform <name>', 'platform', 'arm-cca')
    .option(
      '--kernel <name>',
      'kernel revision, or any version that size takes (6.6, 5.15.0-91): decided as by the nearest one that is ' +
        'modelled',
      'cc-v8'
    )
    .addOption(new Option('--t <0|1>', 'state of the device: 1 is accepted, in RUN').choices(['0', '1']).default('0'))
    .addOption(
      new Option('--op <operation>', 'streaming mapping, coherent allocation, page allocation, peer-to-peer')
        .choices(['map', 'alloc', 'alloc_pages', 'resource'])
        .default('map')
    )
    .addOption(
      new Option('--page <state>', 'state of the page that is mapped, or TEE and NON_TEE range')
        .choices(['private', 'shared'])
        .default('private')
    )
    .option('--attr <list>', 'attributes without prefix, separated by commas: CC_SHARED,MMIO')
    .addOption(new Option('--dir <direction>', 'of a mapping').choices(Object.keys(DIR)).default('BIDIRECTIONAL'))
    .option('--size <bytes>', 'size of the request', '4K')
    .option('--high', 'the page lies above 4G')
    .option('--atomic', 'the allocation cannot block')
    .option('--mask <bits>', "the device's DMA mask (and its coherent mask)")
    .option('--coherent-mask <bits>', 'its coherent mask')
    .option('--bus-limit <address>', 'the last address that its bus carries')
    .option(
      '--dma-ranges <bus,cpu,size>',
      'the window of the bus above it, as the device tree has it: its end is the bus limit'
    )
    .option('--noncoherent', 'the device does not snoop')
    .option('--iommu', 'it is behind a vIOMMU')
    .option('--restricted-pool <slots>', 'it has a bounce pool of its own')
    .option('--min-align-mask <mask>', 'address bits that a bounce must preserve')
    .option('--boundary-mask <mask>', 'its segment boundary')
    .option('--private-only', 'a passthrough device that reaches private memory alone')
    .option('--cmdline <text>', 'kernel command line, such as swiotlb=force')
    .option(
      '--config <key=value...>',
      'config of the litmus language: host_stage2=static_1g xt=on vtom=4G swiotlb=512,2'
    )
    .option('-v, --verbose', 'every decision')
    .addOption(formatOption(explainDmaFormats))
    .addHelpText(
      'after',
      `
Example:
  tbit explain dma --platform arm-cca --kernel cc-v8 --t 1 --page shared --attr CC_SHARED
`
    )
    .action((o: Options, c: Command) => {
      explainDma(io, o, c)
    })
}

const explainDma = (io: Io, o: Options, c: Command) => {
  const errors: Diagnostic[] = []
  const warnings: Diagnostic[] = []
  const platformName = oneName(
    '--platform',
    o.platform,
    platforms.map((p) => p.name),
    VERB,
    errors
  )
  const kernel = modelledKernel(o.kernel, errors, warnings)
  const attrs = (o.attr ?? '')
    .split(',')
    .map((w) => w.trim())
    .filter((w) => w !== '')
    .flatMap((w) => oneName('--attr', w, Object.keys(ATTR) as Array<keyof typeof ATTR>, VERB, errors) ?? [])
  const size = Bytes.parse(o.size)
  if (size === null || size < 1 || size > LARGEST)
    errors.push(wrong(o.size, `--size: '${o.size}' is no size from 1 to ${Bytes.format(LARGEST)}`))
  const platform = platformByName(platformName ?? '')
  const revision = revisionByName(kernel ?? '')
  if (platform && revision) {
    const reason = noMeaning(revision, platform)
    if (reason !== null)
      errors.push(wrong(revision.name, `${revision.name} on ${platform.name} has no meaning: ${reason}`))
  }
  const machine = machineOf(
    windowed(withoutIommu(o, warnings), errors, warnings),
    platformName,
    kernel,
    errors,
    warnings
  )
  // What stands there for another kind of request is said, not obeyed.
  const idle: ReadonlyArray<readonly [keyof Options, string, readonly string[]]> = [
    ['atomic', '--atomic', ['alloc', 'alloc_pages']],
    ['high', '--high', ['map']],
    ['page', '--page', ['map', 'resource']],
    ['dir', '--dir', ['map', 'alloc_pages', 'resource']],
    ['size', '--size', ['map', 'alloc', 'alloc_pages']]
  ]
  for (const [key, option, ops] of idle)
    if (c.getOptionValueSource(key) === 'cli' && !ops.includes(o.op))
      warnings.push({ ...wrong(option, `${option} says nothing about ${o.op}`), severity: 'warning' })

  if (o.format !== 'json' || errors.length > 0)
    for (const d of [...errors, ...warnings]) io.err(`${formatDiagnostic(d)}\n`)
  if (errors.length > 0 || !platform || !revision || !machine || size === null) {
    if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors })}\n`)
    return io.exit(2)
  }
  const path = requestPath({
    platform,
    revision,
    t: o.t === '1' ? 1 : 0,
    op: o.op,
    page: o.page,
    attrs,
    dir: o.dir,
    size,
    high: o.high ?? false,
    atomic: o.atomic ?? false,
    ...machine
  })
  io.out(explainDmaFormats[o.format](path, { width: io.width ?? 80, verbose: o.verbose ?? false }))
  io.exit(0)
}

// A version that has no record of its own is decided by the newest release before it, or the oldest there is.
function modelledKernel(text: string, errors: Diagnostic[], warnings: Diagnostic[]): string | null {
  const asked = revisionByName(text) === undefined ? parseSizingKernel(text) : null
  if (asked === null) return kernelName('--kernel', text, VERB, errors)
  const nearest = releaseAtMost(formatVersion(asked.version)) ?? revisions.find((r) => r.kind === 'release')
  if (nearest === undefined) return null
  const at = parseVersion(nearest.base)
  if (at !== asked.version)
    warnings.push({
      ...wrong(
        text,
        `${text} has no record of its own: decided as ${nearest.name} does` +
          (at > asked.version
            ? ', the oldest that is modelled: what an older kernel does otherwise is not covered'
            : '')
      ),
      severity: 'warning'
    })
  return nearest.name
}

// An IOMMU that the command line turns off, or lets pass, is not in the device's way.
function withoutIommu(o: Options, warnings: Diagnostic[]): Options {
  const off = /(?:^|\s)(?:iommu=(?:\w+,)*(?:off|soft|pt)\b|iommu\.passthrough=(?:1|on|y)|(?:intel|amd)_iommu=off)/
    .exec(o.cmdline ?? '')?.[0]
    .trim()
  if (off === undefined || o.iommu !== true) return o
  warnings.push({
    ...wrong(off, `${off}: the IOMMU translates nothing, so that --iommu says nothing`),
    severity: 'warning'
  })
  return { ...o, iommu: false }
}

// of_dma_configure(): the device's bus_dma_limit is the last bus address of the window. The model's bus addresses are
// CPU addresses: there the limit is the last CPU address that the window shows; a mask, and where the window begins,
// are not moved.
function windowed(o: Options, errors: Diagnostic[], warnings: Diagnostic[]): Options {
  if (o.dmaRanges === undefined) return o
  const [bus, cpu, size, ...more] = o.dmaRanges.split(/[\s,]+/).map((t) => Bytes.parse(t))
  if (
    bus === null ||
    cpu === null ||
    size === null ||
    bus === undefined ||
    cpu === undefined ||
    size === undefined ||
    size < 1 ||
    more.length > 0 ||
    o.busLimit !== undefined
  ) {
    errors.push(
      wrong(
        o.dmaRanges,
        o.busLimit === undefined
          ? `--dma-ranges '${o.dmaRanges}' is no window: BUS,CPU,SIZE, such as 0,0x80000000,1G`
          : '--dma-ranges and --bus-limit say the same: give one of them'
      )
    )
    return o
  }
  if (bus !== cpu)
    warnings.push({
      ...wrong(
        o.dmaRanges,
        'the handles below are CPU addresses: the device sees them ' +
          `${bus < cpu ? `${Bytes.format(cpu - bus)} lower` : `${Bytes.format(bus - cpu)} higher`}, and its masks ` +
          'are for what it sees'
      ),
      severity: 'warning'
    })
  return { ...o, busLimit: `0x${(cpu + size - 1).toString(16)}` }
}

const wrong = (word: string, message: string): Diagnostic => usage(VERB, word, message)

// The machine and the device in the litmus language, an option a line: its rules and messages are the ones that hold
// here.
function machineOf(
  o: Options,
  platform: string | null,
  kernel: string | null,
  errors: Diagnostic[],
  warnings: Diagnostic[]
): Pick<RequestSpec, 'config' | 'device'> | null {
  const lines: Array<{ text: string; option: string }> = [{ text: 'litmus request "one request"', option: '' }]
  const value = (option: string, text: string): string => {
    if (/^[\w.,-]+$/.test(text)) return text
    errors.push(wrong(text, `${option}: '${text}' is no value`))
    return '1'
  }
  lines.push({ text: 'config {', option: '' })
  for (const entry of o.config ?? []) {
    const [, key = '', text = ''] = /^(\w+)=(.*)$/s.exec(entry) ?? []
    if (key === '' || key === 'cmdline')
      errors.push(
        wrong(
          entry,
          key === ''
            ? `--config: '${entry}' is not key=value`
            : '--config: the command line has its own option, --cmdline'
        )
      )
    else lines.push({ text: `${key} ${value('--config', text)}`, option: '--config' })
  }
  if (o.cmdline !== undefined)
    lines.push({
      text: `cmdline "${o.cmdline.replace(/["\\]/g, '\\$&').replace(/[\n\r]/g, ' ')}"`,
      option: '--cmdline'
    })
  lines.push({ text: '}', option: '' }, { text: 'device dev {', option: '' })
  const keys: ReadonlyArray<readonly [string, string, string | boolean | undefined]> = [
    ['dma_mask', '--mask', o.mask],
    ['coherent_mask', o.coherentMask === undefined ? '--mask' : '--coherent-mask', o.coherentMask ?? o.mask],
    ['bus_limit', '--bus-limit', o.busLimit],
    ['min_align_mask', '--min-align-mask', o.minAlignMask],
    ['boundary_mask', '--boundary-mask', o.boundaryMask],
    ['restricted_pool', '--restricted-pool', o.restrictedPool],
    ['noncoherent', '--noncoherent', o.noncoherent],
    ['iommu', '--iommu', o.iommu],
    ['private_only', '--private-only', o.privateOnly]
  ]
  for (const [key, option, text] of keys)
    if (text !== undefined && text !== false)
      lines.push({ text: text === true ? key : `${key} ${value(option, text as string)}`, option })
  lines.push({ text: 'tdisp }', option: '' }, { text: 'thread t { p = alloc_page() }', option: '' })
  if (errors.some((e) => e.word !== '' && /is no value|is not key=value/.test(e.message))) return null

  const parsed = parse(lines.map((l) => l.text).join('\n'), VERB)
  const said = new Set<string>()
  for (const d of [...parsed.errors, ...parsed.warnings]) {
    const option = lines[d.line - 1]?.option ?? ''
    const message = `${option === '' ? '' : `${option}: `}${d.message}`
    if (said.has(message)) continue
    said.add(message)
    ;(d.severity === 'warning' ? warnings : errors).push({
      ...d,
      code: 'TB-001',
      file: VERB,
      line: 0,
      column: 0,
      message
    })
  }
  if (parsed.test === undefined || parsed.errors.length > 0 || platform === null || kernel === null) return null
  const {
    name: _name,
    tdisp: _tdisp,
    accepted: _accepted,
    ...device
  } = resolveDevices(parsed.test, platform, kernel)[0] as ReturnType<typeof resolveDevices>[number]
  return { config: resolveConfig(parsed.test, platform, kernel), device }
}

// `tbit size`: the bounce pool a kernel gives itself.
import { availableParallelism } from 'node:os'
import { Command, Option } from 'commander'
import { Bytes, type Diagnostic, own, unknownWord } from '../base/index.ts'
import {
  type Advice,
  type SizingArch,
  type SizingRequest,
  advise,
  parseSizingKernel,
  sizePool,
  sizingKernelNames,
  sizingPlatforms
} from '../kernel/swiotlb/index.ts'
import { type BootSize, type LogFacts, LogBytes, LogReader, bootSize } from '../replay/log/index.ts'
import { type SizeOfLog, sizeErrorJson, sizeErrorText, sizeFormats } from '../report/size.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { MOST_CPUS } from './names.ts'
import { readLog } from './read-log.ts'

interface Options {
  readonly bootLog?: string
  readonly ram?: string
  readonly platform?: string
  readonly kernel?: string
  readonly cpus?: string
  readonly cmdline?: string
  readonly want?: string
  readonly lowFree?: string
  readonly lowRam?: string
  readonly ramStart?: string
  readonly zoneDma?: string
  readonly arch?: SizingArch
  readonly swiotlbAny?: boolean
  readonly rules?: boolean
  readonly format: keyof typeof sizeFormats
}

const VERB = 'tbit size'
const at = { file: VERB, line: 0, column: 0 }
const EXAMPLE = 'tbit size --ram 16G --platform amd-sev-snp --kernel linux-6.12'

export function sizeVerb(io: Io): Command {
  return new Command('size')
    .description(
      'The bounce pool (swiotlb) that a kernel gives itself at boot: its size, its areas, the limit that binds, ' +
        'and what to write on the command line to get another size, or why no setting can. Exit code 0, or 1 when ' +
        '--want cannot be met or a boot log contradicts the rules, 2 for wrong input.'
    )
    .option(
      '--boot-log <file>',
      'kernel log of the machine (- for standard input): RAM and where it lies, platform, kernel, CPUs and ' +
        'command line are read from it, and its own pool is compared. The options below replace what it says'
    )
    .option('--ram <size>', 'RAM of the machine: 8G, 512M')
    .option('--platform <name>', Object.keys(sizingPlatforms).join(', '))
    .option('--kernel <version>', 'linux-6.12, 6.6, 5.15.0-91-generic, or a series (rfc-v1, tio-v2, cc-v8)')
    .option('--cpus <n>', 'possible CPUs; they make the areas (default: those of this machine, named in the result)')
    .option('--cmdline <string>', 'kernel command line')
    .option('--want <size>', 'the pool you need: what to write on the command line, or why nothing helps')
    .option(
      '--low-ram <size>',
      "how much of the RAM lies below 4 GiB (s390: 2 GiB); default: assumed from QEMU's layout"
    )
    .option(
      '--low-free <size>',
      'largest free stretch of memory below 4 GiB (s390: 2 GiB, arm64: in ZONE_DMA) at boot; default: assumed'
    )
    .option('--ram-start <address>', 'where RAM begins: 0, 0x80000000; default: as in QEMU (arm64: 1G, riscv: 2G)')
    .option(
      '--zone-dma <address>',
      'arm64: the end of ZONE_DMA, where firmware limits it (Raspberry Pi 4: 1G); default: 4G'
    )
    .addOption(new Option('--arch <arch>', 'for platform none').choices(['x86', 'arm64', 's390', 'riscv']))
    .option('--swiotlb-any', 'the kernel has the patch that lets x86 guests put the pool anywhere in memory')
    .option('--rules', 'list the rules with the release that brought each, and end')
    .addOption(formatOption(sizeFormats))
    .addHelpText('after', `\nExamples:\n  ${EXAMPLE} --cpus 8 --want 2G\n  tbit size --boot-log dmesg.txt --want 256M`)
    .action(async (o: Options) => {
      await size(io, o)
    })
}

async function size(io: Io, o: Options): Promise<void> {
  if (o.rules) {
    io.out(sizeFormats[o.format].rules())
    return
  }
  const fail = (d: Diagnostic): void => {
    if (o.format === 'json') io.out(sizeErrorJson(d))
    else io.err(sizeErrorText(d))
    io.exit(2)
  }
  const facts = factsOf(o)
  if ('code' in facts) return fail(facts)
  const log = o.bootLog === undefined ? null : await fromLog(o.bootLog, facts)
  if (log !== null && 'code' in log) return fail(log)
  const q = requestOf(o, facts, log)
  if ('code' in q) return fail(q)
  const s = sizePool(q)
  if (!s.ok)
    return fail({
      ...at,
      ...(/^RAM /.test(s.error) ? { code: 'TB-302', word: o.ram ?? '' } : { code: 'TB-003', word: q.kernel }),
      message: s.error
    })
  const value =
    o.cpus === undefined && !(log?.request && log.request.cpus > 1)
      ? {
          ...s.value,
          assumptions: [
            `${q.cpus} possible CPUs, those of ${log === null ? 'this machine' : 'the log'} (--cpus)`,
            ...s.value.assumptions
          ]
        }
      : s.value
  let advice: Advice | null = null
  const want = o.want === undefined ? null : sizeOf('--want', o.want)
  if (want !== null) {
    if (typeof want !== 'number') return fail(want)
    const a = advise(q, want)
    if (!a.ok) return fail({ ...at, code: 'TB-003', word: q.kernel, message: a.error })
    advice = a.value
  }
  const shown = log === null ? null : compared(o, log, value)
  io.out(sizeFormats[o.format].size(q, value, advice, shown))
  io.exit(advice?.reachable === false || shown?.agrees === false ? 1 : 0)
}

const wrong = (word: string, message: string, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code: 'TB-302',
  ...at,
  word,
  message,
  ...more
})

function sizeOf(name: string, text: string, least = 1): number | Diagnostic {
  const n = Bytes.parse(text)
  return n !== null && n >= least
    ? n
    : wrong(text, `${name} '${text}' is no size`, { expected: ['8G', '512M', '0x10000000'] })
}

/** What the options say of the machine, checked one by one. */
function factsOf(o: Options): LogFacts | Diagnostic {
  const platforms = Object.keys(sizingPlatforms)
  if (o.bootLog === undefined) {
    for (const [name, value] of [
      ['--ram', o.ram],
      ['--platform', o.platform],
      ['--kernel', o.kernel]
    ] as const) {
      if (value === undefined) return wrong(name, `${name} is missing`, { hint: `${EXAMPLE}, or --boot-log FILE` })
    }
  }
  const ram = o.ram === undefined ? undefined : sizeOf('--ram', o.ram)
  if (typeof ram === 'object') return ram
  if (o.platform !== undefined && !Object.hasOwn(sizingPlatforms, o.platform))
    return unknownWord(wrong(o.platform, `unknown platform '${o.platform}'`, { expected: platforms }), platforms)
  if (o.kernel !== undefined && !parseSizingKernel(o.kernel))
    return unknownWord(
      wrong(o.kernel, `unknown kernel '${o.kernel}'`, {
        expected: ['a version like 6.12 or 6.6.30', ...sizingKernelNames]
      }),
      sizingKernelNames
    )
  const cpus = o.cpus === undefined ? undefined : /^\d+$/.test(o.cpus) ? Number(o.cpus) : 0
  if (cpus !== undefined && (cpus < 1 || cpus > MOST_CPUS))
    return wrong(o.cpus ?? '', `--cpus '${o.cpus}' is no number of CPUs`, { expected: [`1 to ${MOST_CPUS}`] })
  return {
    ...(ram === undefined ? {} : { ram }),
    ...(o.platform === undefined ? {} : { platform: o.platform }),
    ...(o.kernel === undefined ? {} : { kernel: o.kernel }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(o.cmdline === undefined ? {} : { cmdline: o.cmdline })
  }
}

async function fromLog(file: string, facts: LogFacts): Promise<BootSize | Diagnostic> {
  const reader = new LogReader()
  const bytes = new LogBytes(reader)
  const broken = await readLog(file, bytes)
  if (broken) return broken
  bytes.end()
  reader.end()
  const log = bootSize(reader, facts)
  const name = file === '-' ? '(standard input)' : file
  if (log.request === null)
    return {
      ...at,
      file: name,
      code: 'TB-302',
      word: '',
      message: `the log does not tell ${log.missing.join(' nor ')}`,
      hint:
        'give it from the start (journalctl -k -b > dmesg.txt), or what is missing as --ram, --kernel, --platform, ' +
        '--cpus'
    }
  return log
}

/** The request: from the log, the options in place of what it says. */
function requestOf(o: Options, facts: LogFacts, log: BootSize | null): SizingRequest | Diagnostic {
  const base: SizingRequest = log?.request ?? {
    ram: facts.ram as number,
    platform: facts.platform as string,
    kernel: facts.kernel as string,
    cpus: facts.cpus ?? availableParallelism(),
    cmdline: facts.cmdline ?? ''
  }
  const more: Record<string, number> = {}
  for (const [key, name, text, least] of [
    ['low_free', '--low-free', o.lowFree, 1],
    ['low_ram', '--low-ram', o.lowRam, 1],
    ['ram_start', '--ram-start', o.ramStart, 0],
    ['zone_dma_end', '--zone-dma', o.zoneDma, 1]
  ] as const) {
    if (text === undefined) continue
    const n = sizeOf(name, text, least)
    if (typeof n !== 'number') return n
    more[key] = n
  }
  const lowRam = more['low_ram']
  if (lowRam !== undefined && lowRam > base.ram)
    return wrong(o.lowRam ?? '', `--low-ram ${o.lowRam} is more than the RAM of ${o.ram ?? Bytes.format(base.ram)}`)
  if (more['low_free'] !== undefined && more['low_free'] > (lowRam ?? base.ram))
    return wrong(
      o.lowFree ?? '',
      `--low-free ${o.lowFree} is more than the ` +
        `${lowRam === undefined ? `RAM of ${o.ram ?? Bytes.format(base.ram)}` : `${o.lowRam} of --low-ram`}`
    )
  if (o.arch !== undefined && base.platform !== 'none')
    return wrong(o.arch, `--arch ${o.arch}: ${base.platform} says its architecture itself`, {
      hint: '--arch goes with --platform none'
    })
  const arch = o.arch ?? base.arch ?? own(sizingPlatforms, base.platform)
  if (o.zoneDma !== undefined && arch !== 'arm64')
    return wrong(o.zoneDma, '--zone-dma is for arm64: elsewhere the pool does not depend on it', {
      hint: '--arch arm64'
    })
  // What is given of the layout replaces the log's.
  const layout = lowRam !== undefined || more['ram_start'] !== undefined ? { ranges: [], reserved: [] } : {}
  return {
    ...base,
    ...layout,
    ...more,
    ...(o.arch === undefined ? {} : { arch: o.arch }),
    ...(o.swiotlbAny ? { swiotlb_any: true } : {})
  }
}

/**
 * The log's own pool beside the one by the rules; where an option replaces what the log says, there is nothing to
 * compare.
 */
function compared(o: Options, log: BootSize, s: { readonly slots: number; readonly areas: number }): SizeOfLog {
  const file = o.bootLog === '-' ? '(standard input)' : (o.bootLog as string)
  const replaced =
    [o.ram, o.platform, o.kernel, o.cpus, o.cmdline, o.lowFree, o.lowRam, o.ramStart, o.zoneDma, o.arch].some(
      (x) => x !== undefined
    ) || o.swiotlbAny === true
  const agrees =
    log.slots === null || replaced
      ? null
      : log.slots === s.slots && (log.areas === null || log.slots === 0 || log.areas === s.areas)
  const verdict = replaced
    ? '; options replace a part of what it says'
    : agrees === null
      ? ''
      : agrees
        ? '; the rules give the same'
        : `; the rules give ${s.slots} slots in ${s.areas} areas: the log is right, and one of the assumptions ` +
          'below is not'
  return { file, read: log.read, slots: log.slots, agrees, text: `${log.text}${verdict}` }
}

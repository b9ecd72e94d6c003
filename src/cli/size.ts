// `tbit size`: the bounce pool a kernel gives itself.
import { availableParallelism } from 'node:os'
import { Command, Option } from 'commander'
import { Bytes, type Diagnostic, unknownWord } from '../base/index.ts'
import { type Advice, type SizingArch, type SizingRequest, advise, parseSizingKernel, sizePool, sizingKernelNames, sizingPlatforms } from '../kernel/swiotlb/index.ts'
import { sizeErrorJson, sizeErrorText, sizeFormats } from '../report/size.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'

interface Options {
  readonly ram?: string
  readonly platform?: string
  readonly kernel?: string
  readonly cpus?: string
  readonly cmdline: string
  readonly want?: string
  readonly lowFree?: string
  readonly lowRam?: string
  readonly arch?: SizingArch
  readonly swiotlbAny?: boolean
  readonly rules?: boolean
  readonly format: keyof typeof sizeFormats
}

export function sizeVerb(io: Io): Command {
  return new Command('size')
    .description('The bounce pool (swiotlb) that a kernel gives itself at boot: its size, its areas, the limit that binds, and what to write on the command line to get another size, or why no setting can. Exit code 0, or 1 when --want cannot be met, 2 for wrong input.')
    .option('--ram <size>', 'RAM of the machine: 8G, 512M')
    .option('--platform <name>', Object.keys(sizingPlatforms).join(', '))
    .option('--kernel <version>', 'linux-6.12, 6.6, 5.15.0-91-generic, or a series (rfc-v1, tio-v2, cc-v8)')
    .option('--cpus <n>', 'possible CPUs; they make the areas (default: those of this machine, named in the result)')
    .option('--cmdline <string>', 'kernel command line', '')
    .option('--want <size>', 'the pool you need: what to write on the command line, or why nothing helps')
    .option('--low-ram <size>', 'how much of the RAM lies below 4 GiB (s390: 2 GiB); default: assumed from QEMU\'s layout')
    .option('--low-free <size>', 'largest free stretch of memory below 4 GiB (s390: 2 GiB) at boot; default: assumed from QEMU\'s layout')
    .addOption(new Option('--arch <arch>', 'for platform none').choices(['x86', 'arm64', 's390']))
    .option('--swiotlb-any', 'the kernel has the patch that lets x86 guests put the pool anywhere in memory')
    .option('--rules', 'list the rules with the release that brought each, and end')
    .addOption(formatOption(sizeFormats))
    .addHelpText('after', '\nExample:\n  tbit size --ram 16G --platform amd-sev-snp --kernel linux-6.12 --cpus 8 --want 2G')
    .action((o: Options) => {
      if (o.rules) {
        io.out(sizeFormats[o.format].rules())
        return
      }
      const fail = (d: Omit<Diagnostic, 'file' | 'line' | 'column' | 'code'> & { code?: string }): void => {
        const full: Diagnostic = { code: 'TB-302', file: 'tbit size', line: 0, column: 0, ...d }
        if (o.format === 'json') io.out(sizeErrorJson(full))
        else io.err(sizeErrorText(full))
        io.exit(2)
      }
      for (const [name, value] of [['--ram', o.ram], ['--platform', o.platform], ['--kernel', o.kernel]] as const) {
        if (value === undefined) return fail({ word: name, message: `${name} is missing`, hint: 'tbit size --ram 16G --platform amd-sev-snp --kernel linux-6.12' })
      }
      const size = (name: string, text: string | undefined): number | null | undefined => {
        if (text === undefined) return undefined
        const n = Bytes.parse(text)
        if (n === null || n <= 0) {
          fail({ word: text, message: `${name} '${text}' is no size`, expected: ['8G', '512M', '0x10000000'] })
          return null
        }
        return n
      }
      const ram = size('--ram', o.ram)
      if (ram === null || ram === undefined) return
      const want = size('--want', o.want)
      if (want === null) return
      const low = size('--low-free', o.lowFree)
      if (low === null) return
      const lowRam = size('--low-ram', o.lowRam)
      if (lowRam === null) return
      const platform = o.platform ?? ''
      if (!Object.hasOwn(sizingPlatforms, platform)) return fail(unknownWord({ code: 'TB-302', file: 'tbit size', line: 0, column: 0, word: platform, message: `unknown platform '${platform}'`, expected: Object.keys(sizingPlatforms) }, Object.keys(sizingPlatforms)))
      if (lowRam !== undefined && lowRam > ram) return fail({ word: o.lowRam ?? '', message: `--low-ram ${o.lowRam} is more than the RAM of ${o.ram}` })
      if (low !== undefined && low > (lowRam ?? ram)) return fail({ word: o.lowFree ?? '', message: `--low-free ${o.lowFree} is more than the ${lowRam === undefined ? `RAM of ${o.ram}` : `${o.lowRam} of --low-ram`}` })
      if (o.arch !== undefined && platform !== 'none') return fail({ word: o.arch, message: `--arch ${o.arch}: ${platform} says its architecture itself`, hint: '--arch goes with --platform none' })
      const kernel = o.kernel ?? ''
      if (!parseSizingKernel(kernel)) return fail(unknownWord({ code: 'TB-302', file: 'tbit size', line: 0, column: 0, word: kernel, message: `unknown kernel '${kernel}'`, expected: ['a version like 6.12 or 6.6.30', ...sizingKernelNames] }, sizingKernelNames))
      const cpus = o.cpus === undefined ? availableParallelism() : /^\d+$/.test(o.cpus) ? Number(o.cpus) : 0
      if (cpus < 1 || cpus > 8192) return fail({ word: o.cpus ?? '', message: `--cpus '${o.cpus}' is no number of CPUs`, expected: ['1 to 8192'] })
      const q: SizingRequest = {
        ram, platform, kernel, cpus, cmdline: o.cmdline, ...(lowRam === undefined ? {} : { low_ram: lowRam }), ...(low === undefined ? {} : { low_free: low }),
        ...(o.arch === undefined ? {} : { arch: o.arch }), ...(o.swiotlbAny ? { swiotlb_any: true } : {})
      }
      const s = sizePool(q)
      if (!s.ok) return fail({ ...(/^RAM /.test(s.error) ? { word: o.ram ?? '' } : { code: 'TB-003', word: kernel }), message: s.error })
      const value = o.cpus === undefined ? { ...s.value, assumptions: [`${cpus} possible CPUs, those of this machine (--cpus)`, ...s.value.assumptions] } : s.value
      let advice: Advice | null = null
      if (want !== undefined) {
        const a = advise(q, want)
        if (!a.ok) return fail({ code: 'TB-003', word: kernel, message: a.error })
        advice = a.value
      }
      io.out(sizeFormats[o.format].size(q, value, advice))
      io.exit(advice?.reachable === false ? 1 : 0)
    })
}

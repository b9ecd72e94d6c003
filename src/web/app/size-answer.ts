// What pool a kernel gives itself at boot, and what to write for another one: the rules of `tbit size`, fetched when
// they are asked.
import { Bytes } from '../../base/units.ts'
import { advise, parseSizingKernel, sizePool, sizingKernelNames, sizingPlatforms } from '../../kernel/swiotlb/index.ts'
import { sizeReport } from '../../report/size.ts'
import type { Machine } from './replay-protocol.ts'

/** The report of the command line, or what is wrong with the question. */
export function sizeAnswer(m: Machine): { readonly text: string } | { readonly wrong: string } {
  const ram = Bytes.parse(m.ram)
  if (ram === null || ram <= 0) return { wrong: `memory '${m.ram}' is no size: 16G, 512M` }
  if (!Object.hasOwn(sizingPlatforms, m.platform))
    return { wrong: `unknown platform '${m.platform}': ${Object.keys(sizingPlatforms).join(', ')}` }
  if (!parseSizingKernel(m.kernel))
    return {
      wrong:
        `unknown kernel '${m.kernel}': a version like 6.12 or 6.6.30, or ` +
        `${sizingKernelNames.slice(0, 4).join(', ')}, ...`
    }
  const cpus = /^\d{1,4}$/.test(m.cpus) ? Number(m.cpus) : 0
  if (cpus < 1 || cpus > 8192) return { wrong: `'${m.cpus}' is no number of CPUs: 1 to 8192` }
  const q = { ram, platform: m.platform, kernel: m.kernel, cpus, cmdline: m.cmdline }
  const size = sizePool(q)
  if (!size.ok) return { wrong: size.error }
  const want = m.want === '' ? null : Bytes.parse(m.want)
  if (m.want !== '' && (want === null || want <= 0))
    return { wrong: `the pool wanted, '${m.want}', is no size: 64M, 1G` }
  const advice = want === null ? null : advise(q, want)
  if (advice !== null && !advice.ok) return { wrong: advice.error }
  return { text: sizeReport(q, size.value, advice?.value ?? null) }
}

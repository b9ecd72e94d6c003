// What to write on the command line for a pool of a given size: every setting that is advised was tried on sizePool()
// itself.
import { type Result, ok } from '../../base/index.ts'
import { platformByName } from '../../machine/index.ts'
import { dynamicAdvice } from './dynamic.ts'
import { type SwiotlbParam, align, parseSwiotlbParam, roundup_pow_of_two } from './param.ts'
import { IO_TLB_DEFAULT_SIZE, IO_TLB_SEGSIZE, IO_TLB_SIZE } from './pool.ts'
import { sizeText } from './size-text.ts'
import { type Sizing, type SizingRequest, hasRule as has, parseSizingKernel, sizePool } from './sizing.ts'

/** What to write on the command line. */
export interface Advice {
  /** Bytes wished for. */
  readonly want: number
  /** Some setting gives at least that. */
  readonly reachable: boolean
  /**
   * What to write in place of any swiotlb= there is; empty: nothing. When the wish cannot be met, the setting that
   * gives most, or empty.
   */
  readonly setting: string
  /** What that setting gives. */
  readonly gives: Sizing
  readonly why: string
}

/** What every setting that is advised must go on saying: force and track_hiwater. */
const tailOf = (old: SwiotlbParam, needsForce: boolean): string =>
  `${old.force || needsForce ? ',force' : ''}${old.track_hiwater ? ',track_hiwater' : ''}`

/** Finds the setting whose pool is at least `want` bytes and no larger than needed, by asking sizePool() itself. */
export function advise(q: SizingRequest, want: number): Result<Advice, string> {
  const rest = q.cmdline.split(/\s+/).filter((w) => w !== '' && !w.startsWith('swiotlb='))
  const now = sizePool(q)
  if (!now.ok) return now
  const kernel = parseSizingKernel(q.kernel)
  const version = kernel?.version ?? 0
  const old = parseSwiotlbParam(q.cmdline, version)
  const tryOne = (setting: string): Sizing | null => {
    const r = sizePool({ ...q, cmdline: [...rest, setting].join(' ') })
    return r.ok ? r.value : null
  }
  if (now.value.bytes === want || (now.value.bytes > want && now.value.bytes / 2 < want))
    return ok({
      want,
      reachable: true,
      setting: '',
      gives: now.value,
      why: `the kernel gives ${sizeText(now.value.bytes)} as it is`
    })

  // Powers of two from the first that holds the wish (before areas, any whole number of segments); areas only where the
  // CPUs' would blow it up.
  const first = Math.max(IO_TLB_SEGSIZE, align(Math.ceil(want / IO_TLB_SIZE), IO_TLB_SEGSIZE))
  const bare = now.value.slots === 0 && !old.noforce ? tryOne(`swiotlb=${first}${tailOf(old, false)}`) : null
  const needsForce = bare !== null && bare.slots === 0 && bare.limited_by.startsWith('no pool')
  const tail = tailOf(old, needsForce)
  const sizes = [first, roundup_pow_of_two(first), roundup_pow_of_two(first) * 2]
  let best: { setting: string; s: Sizing } | null = null
  for (const n of sizes) {
    for (const a of ['', `,${Math.max(1, 2 ** Math.floor(Math.log2(n / IO_TLB_SEGSIZE)))}`]) {
      if (a !== '' && !has('areas', version)) continue
      const setting = `swiotlb=${n}${a}${tail}`
      const s = tryOne(setting)
      if (s && s.bytes >= want && (best === null || s.bytes < best.s.bytes)) best = { setting, s }
    }
  }
  const soft = needsForce && (tryOne(`swiotlb=${best?.s.slots ?? first} iommu=soft`)?.slots ?? 0) > 0
  const said = needsForce
    ? 'without force there is no pool, as nothing needs one; with force every device bounces' +
      `${soft ? ' (iommu=soft in its place makes a pool and forces nobody)' : ''}. `
    : ''
  if (best)
    return ok({
      want,
      reachable: true,
      setting: best.setting,
      gives: best.s,
      why: `${said}${gives(best.s.bytes, want)}`
    })
  return ok(unreachable(q, want, now.value, tryOne, tail, said))
}

function gives(bytes: number, want: number): string {
  if (bytes === want) return `gives ${sizeText(bytes)}`
  if (want === IO_TLB_DEFAULT_SIZE)
    return (
      '64 MiB (32768 slots) is the default, which the kernel takes for no setting; the next size is ' +
      `${sizeText(bytes)}`
    )
  return `the pool is a power of two: gives ${sizeText(bytes)}`
}

// Nothing reaches the wish: the largest that any setting gives, and why there is no more.
function unreachable(
  q: SizingRequest,
  want: number,
  now: Sizing,
  tryOne: (setting: string) => Sizing | null,
  tail: string,
  said: string
): Advice {
  const kernel = parseSizingKernel(q.kernel)
  const version = kernel?.version ?? 0
  let most: { setting: string; s: Sizing } | null = null
  for (let n = 512; n <= 2 ** 26; n *= 2) {
    const setting = `swiotlb=${n}${tail}`
    const s = tryOne(setting)
    if (s && s.bytes > 0 && s.slots >= n && (most === null || s.bytes >= most.s.bytes)) most = { setting, s }
  }
  if (most === null)
    return { want, reachable: false, setting: '', gives: now, why: `${said}no setting gives a pool: ${now.limited_by}` }
  const why = [
    `${said}the pool must lie in one piece of low memory (${most.s.assumptions.at(-1) ?? ''}); the largest that ` +
      `fits is ${sizeText(most.s.bytes)}` +
      (has('halving', version)
        ? ', asking for more gives half and half again until it fits'
        : ', asking for more gives no pool at all') +
      '.'
  ]
  const platform = platformByName(q.platform)
  if (platform?.guest && platform.architecture === 'x86' && !q.swiotlb_any)
    why.push('A kernel with the patch that gives x86 guests SWIOTLB_ANY is not bound by this (--swiotlb-any).')
  const dynamic = dynamicAdvice(q.platform, version, q.kernel)
  if (dynamic.advise === 'yes')
    why.push('With CONFIG_SWIOTLB_DYNAMIC the pool also grows at run time, in pieces that lie below the same limit.')
  else if (dynamic.advise === 'no') why.push(dynamic.text)
  return { want, reachable: false, setting: most.setting, gives: most.s, why: why.join(' ') }
}

// The address and access rules of a platform under a revision: for each kind of request what the kernel gives, which
// way it goes and what the hardware does; then what the platform allows and the revision cannot express. Everything is
// computed by running the request (request.ts); the access rows are the platform's own table.
import { defaultConfig, lookup, type PageClass, type Platform, type Row } from '../machine/index.ts'
import { accepts, type Revision } from '../kernel/index.ts'
import { type BeyondT1, beyondT1 } from './subset.ts'
import { type RequestPath, type RequestSpec, requestPath, served } from './request.ts'

export interface RuleLine {
  readonly request: string
  readonly t: 0 | 1
  readonly page: string
  readonly attrs: string
  readonly path: RequestPath
  /** In words: private or shared handle, with or without bounce, or the error. */
  readonly kernel: string
  /** What the hardware makes of it. */
  readonly hardware: string
}

export interface Gap {
  /** In one sentence. */
  readonly what: string
  readonly t: 0 | 1
  /** `dma_map_single of a private page`. */
  readonly request: string
  /** What comes of the requests there are. */
  readonly why: string
}

export interface PlatformRules {
  readonly platform: Platform
  readonly revision: Revision
  readonly rows: readonly Row[]
  readonly lines: readonly RuleLine[]
  readonly gaps: readonly Gap[]
  /** Where T=0 reaches what T=1 does not. */
  readonly beyond: readonly BeyondT1[]
}

const REQUESTS: ReadonlyArray<{
  readonly name: string
  readonly op: RequestSpec['op']
  readonly pages: ReadonlyArray<'private' | 'shared'>
  readonly attrs: ReadonlyArray<RequestSpec['attrs']>
  readonly extra?: Partial<RequestSpec>
}> = [
  { name: 'dma_map_single', op: 'map', pages: ['private', 'shared'], attrs: [[], ['CC_SHARED']] },
  {
    name: 'dma_map_single, 32-bit mask, page above 4G',
    op: 'map',
    pages: ['private'],
    attrs: [[]],
    extra: { high: true, device: { dma_mask: 32, coherent_mask: 32 } }
  },
  {
    name: 'dma_map_single, restricted pool',
    op: 'map',
    pages: ['private'],
    attrs: [[]],
    extra: { device: { restricted_pool: 128 } }
  },
  {
    name: 'dma_map_single, swiotlb=force',
    op: 'map',
    pages: ['private'],
    attrs: [[]],
    extra: { config: { cmdline: 'swiotlb=force' } }
  },
  {
    name: 'dma_map_single, behind a vIOMMU',
    op: 'map',
    pages: ['private'],
    attrs: [[]],
    extra: { device: { iommu: true } }
  },
  { name: 'dma_alloc_coherent', op: 'alloc', pages: ['private'], attrs: [[]] },
  { name: 'dma_alloc_coherent, ATOMIC', op: 'alloc', pages: ['private'], attrs: [[]], extra: { atomic: true } },
  {
    name: 'dma_alloc_coherent, non-coherent device, ATOMIC',
    op: 'alloc',
    pages: ['private'],
    attrs: [[]],
    extra: { atomic: true, device: { noncoherent: true } }
  },
  {
    name: 'dma_alloc_coherent, restricted pool',
    op: 'alloc',
    pages: ['private'],
    attrs: [[]],
    extra: { device: { restricted_pool: 128 } }
  },
  { name: 'dma_map_resource of a TEE range', op: 'resource', pages: ['private'], attrs: [[], ['CC_SHARED']] },
  { name: 'dma_map_resource of a NON_TEE range', op: 'resource', pages: ['shared'], attrs: [[], ['CC_SHARED']] }
]

/** All rules of one platform under one revision. */
export function rulesOf(platform: Platform, revision: Revision): PlatformRules {
  const lines: RuleLine[] = []
  const gaps: Gap[] = []
  const knowsT1 = accepts(revision, platform)
  for (const t of platform.tdisp ? ([0, 1] as const) : ([0] as const)) {
    for (const r of REQUESTS)
      for (const page of r.pages) {
        const here: RequestPath[] = []
        for (const attrs of r.attrs) {
          if (t === 1 && !knowsT1) continue
          if (attrs.some((a) => a === 'CC_SHARED' && !revision['attributes.CC_SHARED'])) continue
          const path = requestPath({
            platform,
            revision,
            t,
            op: r.op,
            page,
            attrs,
            dir: 'BIDIRECTIONAL',
            size: 4096,
            ...r.extra
          })
          here.push(path)
          lines.push({
            request: r.name,
            t,
            page: r.op === 'alloc' ? '-' : page,
            attrs: attrs.join(', ') || '-',
            path,
            kernel: kernelWords(path),
            hardware: hardwareWords(path)
          })
        }
        const gap = gapOf(platform, t, r.name, r.op, page, here, knowsT1)
        if (gap !== null) gaps.push(gap)
      }
  }
  return { platform, revision, rows: platform.rows, lines, gaps, beyond: beyondT1(platform) }
}

function kernelWords(p: RequestPath): string {
  switch (p.path) {
    case 'crash':
      return `oops: ${p.findings.find((f) => f.fatal)?.decision ?? ''}`
    case 'error':
      return `${p.error}${p.reason ? ` (${p.reason.replace(/_/g, ' ')})` : ''}`
    default: {
      const form = p.spec.device?.iommu
        ? 'IOVA'
        : p.bits.some((b) => b.endsWith(': set'))
          ? p.bits
              .filter((b) => b.endsWith(': set'))
              .map((b) => b.split(':')[0])
              .join(', ')
          : p.bits.some((b) => b.startsWith('bit'))
            ? 'plain address'
            : 'the address'
      return (
        (p.path === 'bounced'
          ? 'bounce, '
          : p.path === 'allocated'
            ? `${p.state === 'shr' ? 'shared' : 'private'} memory, `
            : 'direct, ') + `${form}`
      )
    }
  }
}

function hardwareWords(p: RequestPath): string {
  if (p.read === null || p.write === null) return '-'
  const r = p.read.outcome
  const w = p.write.outcome
  const word = (o: string): string => (o.startsWith('fault:') ? o.slice(6) : o)
  return `${r === w ? word(r) : `R ${word(r)}, W ${word(w)}`} [${p.read.rule}]`
}

// The platform allows: some alias of some state in which the request's data could be, for this T. The revision
// expresses: one of its requests is served, on the data's own page or through a copy in memory of the right state.
function gapOf(
  platform: Platform,
  t: 0 | 1,
  name: string,
  op: RequestSpec['op'],
  page: 'private' | 'shared',
  here: readonly RequestPath[],
  accepts: boolean
): Gap | null {
  const ok = (alias: 'P' | 'S', pages: PageClass): boolean => {
    const c = { ...defaultConfig, ...here[0]?.spec.config }
    const row = lookup(platform.rows, c, t, alias, pages)
    return row !== null && row.read === 'ok' && row.write === 'ok'
  }
  const target: PageClass[] =
    op === 'resource'
      ? [page === 'private' ? 'pmmio' : 'smmio']
      : op === 'map'
        ? [page === 'private' ? 'priv' : 'shr', t === 1 ? 'priv' : 'shr']
        : [t === 1 ? 'priv' : 'shr']
  const allowed = target.some((x) => ok('P', x) || ok('S', x))
  if (!allowed) return null
  if (here.some((p) => served(p))) return null
  const why =
    t === 1 && !accepts
      ? 'the revision knows no accepted device'
      : here
          .map((p) =>
            p.path === 'error'
              ? `${p.spec.attrs.join(' ') || 'plain'}: ${p.error}${p.reason ? ` (${p.reason.replace(/_/g, ' ')})` : ''}`
              : `${p.spec.attrs.join(' ') || 'plain'}: ${hardwareWords(p)}`
          )
          .join('; ')
  const request = `${name}${op === 'map' ? ` of a ${page} page` : ''}`
  return { what: `T=${t}: ${request}: ${why || 'no request for it'}`, t, request, why: why || 'no request for it' }
}

// The same guest elsewhere: AMD SEV-SNP and Intel TDX, in their own commands; and the T=0 side of Arm CCA. Counts only:
// SNP's relative costs are of another scale, for TDX and for SMMU updates no figure is known. Sources: reference
// amd-sev-tio.md, intel-tdx-connect.md, kernel-rfc-thread.md points 15 and 19, arm-cca.md sections 1 and 8.
import { own } from '../base/index.ts'
import { ENTRIES } from '../machine/rmm/index.ts'
import { Layout } from './layout.ts'
import { pinned } from './pinned.ts'
import { imagePages, pageSize, type PlanSpec, ramTop } from './spec.ts'
import type { Range } from './costs.ts'

export type Counts = Readonly<Record<string, number>>
/**
 * eager: all memory is populated and accepted before it is used; lazy: on the first touch of a 2M unit, or of a page.
 */
export type Mode = 'eager' | 'lazy'

export interface Counterpart {
  readonly name: string
  readonly mode: Mode
  /** Until all memory has been touched. */
  readonly commands: Counts
  /** Of these, before the guest uses memory. */
  readonly before: number
  readonly toShared: Counts
  readonly toPrivate: Counts
  /** Units of the platform's own relative scale, or null where no figure is known. */
  readonly cost: Range | null
  readonly scale: string
  readonly t1: string
  readonly blocks: string
  readonly source: string
}

interface Pages {
  readonly image: number
  readonly big: number
  readonly small: number
}

/** Image granules, 2M units without an image when the host's pages allow them, remaining granules. */
function pages(spec: PlanSpec): Pages {
  const layout = new Layout(spec)
  const image = spec.images.reduce((n, i) => n + imagePages(i), 0)
  const total = spec.ramSize / 4096
  let big = 0
  if (spec.page !== '4K')
    for (const r of layout.runs(2, 0, Math.ceil(ramTop(spec) / 2 ** 21) * 2 ** 21)) if (r.kind === 'full') big += r.n
  return { image, big, small: total - image - big * ENTRIES }
}

/** Relative costs of amd-sev-tio.md: orders of magnitude, 1 = RMPUPDATE. */
export const snpCosts: Readonly<Record<string, Range>> = {
  RMPUPDATE: [1, 1],
  PVALIDATE: [1, 1],
  PSMASH: [1, 2],
  'GHCB exit': [10, 10],
  SNP_LAUNCH_UPDATE: [1e3, 1e5]
}

const cost = (c: Counts, table: Readonly<Record<string, Range>>): Range => {
  let low = 0
  let high = 0
  for (const [k, n] of Object.entries(c)) {
    low += (own(table, k)?.[0] ?? 0) * n
    high += (own(table, k)?.[1] ?? 0) * n
  }
  return [low, high]
}

export function snp(spec: PlanSpec, mode: Mode = 'eager'): Counterpart {
  const p = pages(spec)
  const units = p.big + p.small
  const commands: Counts = {
    RMPUPDATE: p.image + units,
    SNP_LAUNCH_UPDATE: p.image,
    PVALIDATE: units,
    ...(mode === 'lazy' ? { 'GHCB exit': units } : {})
  }
  const inBig = p.big > 0
  const toShared: Counts = { PVALIDATE: 1, 'GHCB exit': 1, ...(inBig ? { PSMASH: 1 } : {}), RMPUPDATE: 1 }
  const toPrivate: Counts = { 'GHCB exit': 1, RMPUPDATE: 1, PVALIDATE: 1 }
  return {
    name: 'AMD SEV-SNP',
    mode,
    commands,
    before: mode === 'eager' ? sumCounts(commands) : 2 * p.image,
    toShared,
    toPrivate,
    cost: cost(commands, snpCosts),
    scale: 'own scale: 1 = RMPUPDATE, orders of magnitude',
    t1:
      mode === 'eager'
        ? 'never: every page is validated before the guest uses it'
        : 'faults on a page that is not validated yet (RMP); the host table itself maps everything',
    blocks: 'RMP entries are 4K or 2M; the IOMMU may keep 1G pages',
    source: 'pages populated before SNP_LAUNCH_UPDATE make it fail, so images come first'
  }
}

export function tdx(spec: PlanSpec, mode: Mode = 'eager'): Counterpart {
  const p = pages(spec)
  // Secure EPT below the root: one page per 512 GiB and per 1 GiB that is used, one per 2M unit that is not mapped
  // whole.
  const top = ramTop(spec)
  const covered = (size: number): number => Math.ceil(top / size) - Math.floor(spec.ramBase / size)
  const units = covered(2 ** 21)
  const septs = covered(2 ** 39) + covered(2 ** 30) + (units - p.big)
  const image: Counts = { 'TDH.MEM.PAGE.ADD': p.image, 'TDH.MR.EXTEND': p.image * 16 }
  const commands: Counts = {
    'TDH.MEM.SEPT.ADD': septs,
    ...image,
    'TDH.MEM.PAGE.AUG': p.big + p.small,
    'TDG.MEM.PAGE.ACCEPT': p.big + p.small,
    ...(mode === 'lazy' ? { 'EPT violation exit': p.big + p.small } : {})
  }
  const demote = p.big > 0
  return {
    name: 'Intel TDX',
    mode,
    commands,
    before: mode === 'eager' ? sumCounts(commands) : sumCounts(image),
    toShared: {
      'MAPGPA exit': 1,
      ...(demote ? { 'TDH.MEM.PAGE.DEMOTE': 1 } : {}),
      'TDH.MEM.RANGE.BLOCK': 1,
      'TDH.MEM.TRACK': 1,
      'TDH.MEM.PAGE.REMOVE': 1
    },
    toPrivate: { 'MAPGPA exit': 1, 'TDH.MEM.PAGE.AUG': 1, 'TDG.MEM.PAGE.ACCEPT': 1 },
    cost: null,
    scale: 'no figure known',
    t1:
      mode === 'eager'
        ? 'never: every page is accepted before the guest uses it'
        : 'faults on a page that is pending, blocked or free (no page requests): accept before DMA',
    blocks: '4K and 2M; 1G needs 1G AUG or PROMOTE',
    source: 'the guest accepts each page explicitly'
  }
}

/** The T=0 side on Arm CCA: the host's own SMMU stage 2. */
export interface T0Side {
  readonly name: string
  /** The same for a table. */
  readonly short: string
  readonly entries: number
  /** Host memory it pins, in bytes. */
  readonly pinned: number
  readonly toShared: Counts
  readonly toPrivate: Counts
  readonly fault: string
  /** What a T=0 access to a private page ends as. */
  readonly faultKind: 'F_TRANSLATION' | 'GPF'
  readonly needs: string
}

export function t0Sides(spec: PlanSpec): T0Side[] {
  const size = pageSize(spec)
  const entries = Math.ceil(ramTop(spec) / size) - Math.floor(spec.ramBase / size)
  const pin = pinned(spec.ramSize)
  return [
    {
      name: 'T=0: SMMU stage 2 kept in step',
      short: 'kept in step',
      entries: 0,
      pinned: pin.sharedOnly,
      toShared: { 'map 4K': 1 },
      toPrivate: { 'unmap 4K': 1, 'SMMU TLBI and sync': 1 },
      fault: 'T=0 DMA to a private page: F_TRANSLATION, in the host event queue',
      faultKind: 'F_TRANSLATION',
      needs: 'the VMM mirrors every conversion'
    },
    {
      name: `T=0: static ${spec.page} blocks, GPT protects`,
      short: `static ${spec.page}, GPT protects`,
      entries,
      pinned: pin.everything,
      toShared: {},
      toPrivate: {},
      fault: 'T=0 DMA to a private page: GPF, in the root registers and not in the host event queue',
      faultKind: 'GPF',
      needs: 'guest_memfd lets a page change hands while it is mapped (open)'
    }
  ]
}

export const sumCounts = (c: Counts): number => Object.values(c).reduce((a, b) => a + b, 0)

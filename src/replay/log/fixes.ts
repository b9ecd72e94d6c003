// Fixes that are known, by mainline release: which failures, on which kernels, which commit. A vendor's kernel may have
// them earlier (or the fault later): its caveat is printed beside.
import { type KernelVersion, kernelVersion as v } from '../../kernel/swiotlb/index.ts'
import type { Ctx } from './context.ts'

export interface KnownFix {
  readonly id: string
  /** What it repairs. */
  readonly what: string
  readonly commit: string
  /** The first release with the fault; null: from the beginning. */
  readonly since: KernelVersion | null
  /** The first release without. */
  readonly fixed: KernelVersion
  /** Whether this failure is of its kind. */
  fits(c: Ctx, cause: string): boolean
  readonly source: string
}

const device = (c: Ctx, p: RegExp): boolean => p.test(c.f.device)

export const knownFixes: readonly KnownFix[] = [
  {
    id: 'virtio_segments',
    what: 'virtio-blk asks for no more than the bounce pool can map at once (virtio_max_dma_size())',
    commit: 'fd1068e1860e, e6d6dd6c875e',
    since: null,
    fixed: v(5, 1),
    fits: (c, cause) => cause === 'too_large' && device(c, /virtio/),
    source: 'merged for 5.1 (Feb 2019)'
  },
  {
    id: 'nvme_sectors',
    what: 'nvme limits its requests to dma_max_mapping_size()',
    commit: '7637de311bd2',
    since: null,
    fixed: v(5, 3),
    fits: (c, cause) => cause === 'too_large' && device(c, /nvme/),
    source: 'merged for 5.3 (Jul 2019)'
  },
  {
    id: 'bcm2835_mmc',
    what: 'the bcm2835 MMC drivers limit their requests to what swiotlb maps',
    commit: 'd4dd9bccf485 (mainline bcm2835); raspberrypi/linux 6603 (bcm2835-sdhost)',
    since: null,
    fixed: v(6, 12),
    fits: (c, cause) => cause === 'too_large' && device(c, /bcm2835|mmc/),
    source: 'raspberrypi/linux 6589, 6603 (Jan 2025)'
  },
  {
    id: 'bcm2835_leak',
    what: 'mmc-bcm2835 unmaps what it mapped',
    commit: 'raspberrypi/linux 3164',
    since: null,
    fixed: v(5, 3),
    fits: (c, cause) => (cause === 'leak' || cause === 'full_unknown') && device(c, /bcm2835-dma|mmc-bcm2835/),
    source: 'raspberrypi/linux 3157 (Aug 2019)'
  },
  {
    id: 'nvme_leak',
    what: 'nvme leaves mappings behind when its requests bounce: slots are lost burst by burst',
    commit: 'not looked for',
    since: v(6, 18),
    fixed: v(7, 3),
    fits: (c, cause) => ['leak', 'pool_full', 'fragmented'].includes(cause) && device(c, /nvme/),
    source: 'measured on 6.18.15 with swiotlb=force: 2,981 slots never came back; none on 7.3.4'
  },
  {
    id: 'dynamic',
    what: 'pools that grow at run time convert memory in atomic context in encrypted guests',
    commit: '94a04ad732c9 and 8a9dc4a028e7',
    since: v(6, 6),
    fixed: v(7, 3),
    fits: (_, cause) => cause === 'oops_dynamic',
    source: 'Dstack-TEE/dstack 1192, 1194 (Sep 2026)'
  },
  {
    id: 'single_lock',
    what: 'the pool is split into areas, one a CPU, each with its lock',
    commit: '20347fca71a3',
    since: null,
    fixed: v(6, 0),
    fits: (_, cause) => cause === 'oops_lockup',
    source: 'merged for 6.0 (Jul 2022)'
  },
  {
    id: 'halving',
    what: 'a pool that cannot be had is halved until it fits; before, there was none at all',
    commit: '8d58aa484920',
    since: null,
    fixed: v(6, 2),
    fits: (_, cause) => cause === 'pool_alloc_failed',
    source: 'merged for 6.2; 6.1.y has it since Jul 2023'
  },
  {
    id: 'remapped_coherent',
    what: 'coherent memory of a realm that is remapped is made shared',
    commit: 'fixed in 7.3.4',
    since: v(6, 13),
    fixed: v(7, 3),
    fits: (c, cause) =>
      cause === 'oops_dma' &&
      c.platform === 'arm-cca' &&
      c.trace?.frames.some((f) => /^dma_(?:direct_)?alloc/.test(f.fn)) === true,
    source: 'measured: 7.2.13 maps it decrypted but never converts it'
  }
]

/** The fixes that this failure may be waiting for. */
export const fixesFor = (c: Ctx, cause: string): readonly KnownFix[] =>
  knownFixes.filter(
    (f) =>
      f.fits(c, cause) && (c.version === null || (c.version < f.fixed && (f.since === null || c.version >= f.since)))
  )

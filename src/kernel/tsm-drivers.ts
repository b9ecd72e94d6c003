// The guest's TSM drivers as data: the steps of lock, accept and unlock in their order, and what each driver does when
// one fails. None rolls back.
import type { Platform, TsmFirmware, TsmStep } from '../machine/index.ts'
import { accepts, type Revision } from './revisions/index.ts'

export interface TsmDriver extends TsmFirmware {
  readonly lock: readonly TsmStep[]
  readonly accept: readonly TsmStep[]
  readonly unlock: readonly TsmStep[]
  /** Steps of unlock after whose failure it leaves the device as it is; after any other it goes on. */
  readonly leavesAfter: readonly TsmStep[]
  /** accept compares the nonce of the interface with that of its own lock. */
  readonly comparesNonce: boolean
  readonly source: string
}

const driver = (d: Omit<TsmDriver, 'steps'>): TsmDriver => ({
  ...d,
  steps: [...new Set([...d.lock, ...d.accept, ...d.unlock])]
})

// RMM: VDEV_UNLOCK answers ERROR_GRANULE while a device granule of its ranges is mapped, and disables the stream table
// entry itself.
const CCA = driver({
  lock: ['lock'],
  accept: ['report', 'mmio_map', 'run', 'dma_enable'],
  unlock: ['invalidate', 'stop', 'unbind'],
  leavesAfter: ['invalidate'],
  guestEndsDma: false,
  unmappedFirst: ['stop', 'unbind'],
  comparesNonce: true,
  source:
    'Arm CCA device assignment RFC v4 (27 Apr 2026); accept compares the lock nonce (v3, 12 Mar 2026); unlock: a ' +
    'range that cannot be unmapped leaves the device locked'
})
const CCA_V1 = driver({
  lock: ['lock'],
  accept: ['run'],
  unlock: ['invalidate', 'stop', 'unbind'],
  leavesAfter: [],
  guestEndsDma: false,
  unmappedFirst: ['stop', 'unbind'],
  comparesNonce: false,
  source: 'RFC v1 (Jul 2025): accept is RSI start; the results of stop and of RHI UNLOCKED are ignored or logged'
})
const AMD = driver({
  lock: ['lock'],
  accept: ['report', 'run', 'dma_enable', 'mmio_map'],
  unlock: ['invalidate', 'unbind'],
  leavesAfter: [],
  guestEndsDma: true,
  unmappedFirst: [],
  comparesNonce: false,
  source:
    'SEV-TIO phase 2 (25 Feb to 30 Apr 2026): RUN, then sDTE, then MMIO; undone by a zero sDTE and MMIO ' +
    'invalidation, then TDI_UNBIND'
})
// No guest driver is posted: the order is the module's, which refuses one step as long as the step before is not done.
const TDX = driver({
  lock: ['lock'],
  accept: ['report', 'mmio_map', 'dma_enable', 'run'],
  unlock: ['stop', 'invalidate', 'unbind'],
  leavesAfter: ['stop', 'invalidate'],
  guestEndsDma: false,
  unmappedFirst: ['unbind'],
  comparesNonce: false,
  source: 'TDX Connect: order of the module (architecture; no guest driver is posted)'
})

/** The driver of this pair of revision and platform; null where no device can be accepted. */
export function tsmDriver(rev: Revision, platform: Platform): TsmDriver | null {
  const d = driverOf(rev, platform)
  // Where DMA is enabled by a step of its own accept ends at RUN.
  return d === null || rev.dmaEnable === 'with_run'
    ? d
    : {
        ...d,
        accept: d.accept.filter((s) => s !== 'dma_enable'),
        steps: d.steps.includes('dma_enable') ? d.steps : [...d.steps, 'dma_enable']
      }
}

function driverOf(rev: Revision, platform: Platform): TsmDriver | null {
  if (!accepts(rev, platform)) return null
  switch (platform.conversion) {
    case 'rsi':
      return rev.accept === 'tio-v2' ? CCA : CCA_V1
    case 'psc':
      return AMD
    case 'mapgpa':
      return TDX
    default:
      return null
  }
}

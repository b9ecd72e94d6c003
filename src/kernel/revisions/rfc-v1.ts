import { follows } from './revision.ts'
import { revision as linux_6_15 } from './linux-6.15.ts'

export const revision = follows(linux_6_15, {
  name: 'rfc-v1',
  title: 'RFC PATCH v1 04/38 (28 Jul 2025)',
  does: 'the RFC of July 2025, patch 04/38',
  kind: 'posted',
  date: '2025-07-28',
  decisions: {
    base: ['6.16', 'posted in the cycle after 6.16'],
    needsTsm: [true, 'RFC v1: drivers/virt/coco/tsm'],
    accept: ['rfc-v1', 'RFC v1 04/38'],
    acceptedAtInit: [false, 'RFC v1 04/38: device init clears it, with a FIXME on what the default should be'],
    'flagStorage.arm64': [
      'own_byte',
      'RFC v1 04/38: tdi_enabled:1 at the end of the bitfield; alone in its byte on arm64'
    ],
    'flagStorage.x86': [
      'shared_byte',
      'RFC v1 04/38: tdi_enabled:1 at the end of the bitfield; beside dma_skip_sync on x86-64, measured with gcc'
    ],
    acceptedClearsForce: ['arm64', 'RFC v1 04/38: arm64 only, x86 untouched'],
    forceBounce: [
      'unless_accepted',
      'RFC v1 04/38: is_swiotlb_force_bounce answers false for tdi_enabled, before anything else'
    ]
  }
})

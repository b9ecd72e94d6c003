import { follows } from './revision.ts'
import { revision as tio_v2 } from './tio-v2.ts'

export const revision = follows(tio_v2, {
  name: 'cca-da',
  title: 'Arm CCA device assignment RFC v4 (27 Apr 2026)',
  does: 'device assignment for Arm CCA guests on the TSM core of tio-v2: an accepted device uses no pool',
  kind: 'posted',
  date: '2026-04-27',
  partly:
    'the DMA side of v4 is taken from v3 and the proposal of 2 Mar 2026; its base and the other architectures ' +
    'were not seen',
  decisions: {
    acceptedClearsForce: [
      'arm64',
      'RFC v3, 12 Mar 2026: arch/arm64/mm/mem_encrypt.c, realm and not device_cc_accepted()'
    ],
    acceptedSkipsPools: [
      true,
      'A. Kumar, 2 Mar 2026, and RFC v3: include/linux/swiotlb.h and dma_direct_use_pool() answer no for an ' +
        'accepted device'
    ]
  }
})

import { follows } from './revision.ts'
import { revision as linux_7_3 } from './linux-7.3.ts'

export const revision = follows(linux_7_3, {
  name: 'granule-v8',
  title: 'shared-granule allocator RFC v8 (24 Sep 2026)',
  does: 'the shared-granule series on 7.3: whole granules of the host are shared and freed',
  kind: 'posted',
  date: '2026-09-24',
  partly:
    'digests of v5 to v8, no patch text: who rounds in each place, and what becomes of a restricted pool that is ' +
    'no whole granule (here its conversion is refused)',
  decisions: {
    base: ['7.3', 'posted in the cycle of 7.3'],
    sharedGranule: [
      'whole',
      '20260924100529.1398790-1-aneesh.kumar@kernel.org: one allocator aligns, zeroes and converts for ' +
        'dma-direct, pools, swiotlb; -EINVAL of set_memory_*: v2 to v5'
    ]
  }
})

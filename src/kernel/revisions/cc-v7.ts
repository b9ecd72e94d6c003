import { follows } from './revision.ts'
import { revision as cc_v6 } from './cc-v6.ts'

export const revision = follows(cc_v6, {
  name: 'cc-v7',
  title: 'cc-shared v7 (1 Jul 2026)',
  does: 'the cc-shared series v7 on the TSM core of tio-v2',
  kind: 'posted',
  date: '2026-07-01',
  decisions: {
    poolMatches: ['guest_device', '20260701054926.825925-1: strict only when CC_ATTR_GUEST_MEM_ENCRYPT'],
    iommuSharedAlloc: [
      'refused',
      '20260701054926.825925-1: dma_alloc_attrs() decides for every back end; drivers/iommu/dma-iommu.c, 7.3.4, refuses'
    ]
  }
})

import { follows } from './revision.ts'
import { revision as cc_v5 } from './cc-v5.ts'

export const revision = follows(cc_v5, {
  name: 'cc-v6',
  title: 'cc-shared v6 (4 Jun 2026)',
  does: 'the cc-shared series v6 on the TSM core of tio-v2',
  kind: 'posted',
  date: '2026-06-04',
  decisions: {
    s390Reports: [true, 'v5 (20260522042815.370873-1): s390 PV reports memory encryption'],
    mmioIsShared: ['force', 'v5 to v7: MMIO and force -> CC_SHARED'],
    poolMatches: ['device', '20260604083959.1265923-1: strict device and pool match'],
    decryptFailure: ['unusable', 'ad8d2326d264'],
    freePagesByPhys: [true, '8a9dc4a028e7']
  }
})

import { follows } from './revision.ts'
import { revision as cc_v4 } from './cc-v4.ts'

export const revision = follows(cc_v4, {
  name: 'cc-v5',
  title: 'cc-shared v5 (22 May 2026)',
  does: 'the cc-shared series v5 on the TSM core of tio-v2',
  kind: 'posted',
  date: '2026-05-22',
  decisions: {
    s390Reports: [true, '20260522042815.370873-1: s390 PV reports memory encryption'],
    mmioIsShared: ['force', '20260522042815.370873-1, v5 to v7: MMIO and force -> CC_SHARED'],
    poolMatches: ['device', '20260522042815.370873-1: strict pool and device match'],
    decryptFailure: ['unusable', '20260522042815.370873-1: failures are handled (ad8d2326d264)'],
    atomicPoolFailure: ['leaked', '0510cb5b2303; in the series from v5 on inferred'],
    freePagesByPhys: [true, '8a9dc4a028e7; in the series from v5 on inferred']
  }
})

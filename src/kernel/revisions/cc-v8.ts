import { follows } from './revision.ts'
import { revision as cc_v7 } from './cc-v7.ts'

export const revision = follows(cc_v7, {
  name: 'cc-v8',
  title: 'cc-shared v8 (Jul 2026)',
  does: 'the cc-shared series v8 on the TSM core of tio-v2',
  kind: 'posted',
  date: '2026-07-15',
  decisions: {
    base: ['7.3', 'merged for 7.3'],
    mmioIsShared: ['host_encrypt', 'v8: only when CC_ATTR_HOST_MEM_ENCRYPT'],
    atomicPoolAlias: ['by_pool', 'v8: pgprot_decrypted() only for a pool that is cc_shared (kernel/dma/pool.c, 7.3.4)'],
    pkvmForces: [true, '20260603110522.3331819-1-smostafa@google.com']
  }
})

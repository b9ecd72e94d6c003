import { follows } from './revision.ts'
import { revision as cc_v8 } from './cc-v8.ts'
import { revision as linux_7_1 } from './linux-7.1.ts'

export const revision = follows(cc_v8, {
  name: 'linux-7.3',
  title: 'Linux 7.3 (7.3.4 as released)',
  does: 'Linux 7.3 as released: the cc-shared series without accept',
  kind: 'release',
  date: '2026-10',
  decisions: {
    base: ['7.3', '7.3.4'],
    accept: ['none', 'no TSM core for guests in 7.3'],
    'flagStorage.arm64': [linux_7_1['flagStorage.arm64'], linux_7_1.sources['flagStorage.arm64']],
    'flagStorage.x86': [linux_7_1['flagStorage.x86'], linux_7_1.sources['flagStorage.x86']],
    'flagStorage.s390': [linux_7_1['flagStorage.s390'], linux_7_1.sources['flagStorage.s390']],
    acceptedClearsForce: ['no', 'no accepted device in 7.3'],
    snpPrivateHandle: ['cbit', 'include/linux/mem_encrypt.h:30, dma-direct.h:98-102, 7.3.4']
  }
})

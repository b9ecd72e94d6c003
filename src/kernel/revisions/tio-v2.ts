import { follows } from './revision.ts'
import { revision as linux_6_15 } from './linux-6.15.ts'

export const revision = follows(linux_6_15, {
  name: 'tio-v2',
  title: 'PCI/TSM: TEE I/O infrastructure v2 (2 Mar 2026)',
  does: 'TEE I/O infrastructure v2, March 2026',
  kind: 'posted',
  date: '2026-03-02',
  decisions: {
    base: ['6.19', 'posted in the cycle after 6.19'],
    accept: ['tio-v2', 'D. Williams v2, 19 patches, 2 Mar 2026'],
    acceptEvidence: [
      'not_looked_at',
      'D. Williams v2: the accept attribute takes a boolean; evidence is dumped over netlink and nothing compares it'
    ],
    'flagStorage.arm64': ['private_word', 'D. Williams v2: cc_accepted in struct device_private'],
    'flagStorage.x86': ['private_word', 'D. Williams v2: cc_accepted in struct device_private'],
    'flagStorage.s390': ['private_word', 'D. Williams v2: cc_accepted in struct device_private'],
    acceptedClearsForce: ['yes', 'D. Williams v2: guest and not accepted'],
    forceBounce: ['unaccepted', 'D. Williams v2: SWIOTLB_UNACCEPTED'],
    snpPrivateHandle: ['cbit_unless_accepted', 'A. Kardashevskiy 6/9, 25 Feb 2026']
  }
})

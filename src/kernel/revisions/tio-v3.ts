import { follows } from './revision.ts'
import { revision as linux_7_2 } from './linux-7.2.ts'

export const revision = follows(linux_7_2, {
  name: 'tio-v3',
  title: 'PCI/TSM: branch devsec-phase2 (5 Jul 2026)',
  does: 'the TEE I/O infrastructure as a branch of July 2026: RUN, DMA enable and trust apart',
  kind: 'posted',
  date: '2026-07-05',
  partly:
    'titles of the commits and the header of the trust levels; the code of the TSM core is taken for that of v2, ' +
    'its DMA layer for that of 7.2',
  decisions: {
    base: ['7.2', 'a branch of July 2026, in the cycle after 7.1: inferred'],
    accept: ['tio-v2', 'lock, RUN and unlock as in v2 (55810d7b6d72, 1078d369ef4f: titles)'],
    acceptEvidence: ['not_looked_at', "bc7dd9ca8309 has a command 'validate'; what it compares was not seen"],
    dmaEnable: ['own_step', '978b7d10bdfd: DMA enable and disable, apart from RUN (1078d369ef4f): titles'],
    trust: [
      'decides',
      '2a5799796ee8: private memory access for DEVICE_TRUST_TCB (title); levels unset, none, adversary, auto: ' +
        'f5827c9a20a5'
    ],
    'flagStorage.arm64': ['private_word', 'as in v2; not seen'],
    'flagStorage.x86': ['private_word', 'as in v2; not seen'],
    'flagStorage.s390': ['private_word', 'as in v2; not seen'],
    acceptedClearsForce: ['yes', '2a5799796ee8 (title); on which architectures was not seen'],
    forceBounce: ['unaccepted', 'as in v2; not seen'],
    snpPrivateHandle: ['cbit_unless_accepted', 'as in v2; not seen']
  }
})

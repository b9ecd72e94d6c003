import { follows } from './revision.ts'
import { revision as cc_v8 } from './cc-v8.ts'

export const revision = follows(cc_v8, {
  name: 'aik-vtom',
  title: "AMD's tree with vTOM offsets (2026)",
  does:
    'cc-v8 with the vTOM split of SEV-TIO: an accepted device has private memory below and shared memory above an ' +
    'offset',
  kind: 'posted',
  date: '2026-07',
  partly:
    'a tree without date: cc_shared_dma_offset and cc_private_dma_offset of struct dev_archdata; the rest is ' +
    'taken for cc-v8, the private offset for 0',
  decisions: {
    vtomOffset: [
      true,
      'x86 asm/dma-direct.h: E = B + private offset, U = B + shared offset for an accepted device, the inverse ' +
        'by comparing'
    ]
  }
})

// The series as it was merged in the 7.3 merge window. Five fixes were pulled between that and the release
// (dma-mapping-7.3-2026-09-17 and -2026-10-09); none of those whose text is known changes a decision of this table.
import { follows } from './revision.ts'
import { revision as linux_7_3 } from './linux-7.3.ts'

export const revision = follows(linux_7_3, {
  name: 'linux-7.3-merged',
  title: 'Linux 7.3 (the series as merged: cc-v8 without accept)',
  does: 'the cc-shared series as merged for 7.3: cc-v8 without accept',
  kind: 'posted',
  date: '2026-08-27',
  decisions: {
    base: ['7.3', 'merged in the 7.3 merge window, mirrored 27 Aug 2026']
  }
})

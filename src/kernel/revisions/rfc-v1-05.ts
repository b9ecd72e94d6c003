import { follows } from './revision.ts'
import { revision as rfc_v1 } from './rfc-v1.ts'

export const revision = follows(rfc_v1, {
  name: 'rfc-v1-05',
  title: 'RFC PATCH v1 with 05/38',
  does: 'the RFC with patch 05/38 on top',
  kind: 'posted',
  date: '2025-07-28',
  decisions: {
    accept: ['rfc-v1-05', "RFC v1 05/38: tsm: Don't overload connect"]
  }
})

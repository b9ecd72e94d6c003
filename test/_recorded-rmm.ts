// Recorded sequences of a realm manager, as its tests read them.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { conformSequence, emptyConformance } from '../src/conform/rmm.ts'
import { parseSequences } from '../src/conform/rmm-sequence.ts'

export const replay = (file: string, text: string) => {
  const total = emptyConformance()
  const r = parseSequences(file, text)
  if (!r.ok) return { ...total, errors: [r.error] }
  for (const q of r.value) conformSequence(file, q, total)
  return total
}
export const gz = (path: string): string => gunzipSync(readFileSync(path)).toString('utf8')

// What `replay` can write: a row a format.
import type { Diagnostic } from '../base/index.ts'
import type { ReplayResult } from '../replay/index.ts'
import { replayJson } from './replay-json.ts'
import { replayText } from './replay.ts'

export const replayFormats = {
  text: (r: ReplayResult): string => replayText(r),
  json: replayJson
} as const satisfies Record<string, (r: ReplayResult, errors: readonly Diagnostic[]) => string>

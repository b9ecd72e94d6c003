// What `tbit rules` can write: a row a format, for the rules, the flag's audit and failing steps.
import { flagComment, flagJson, flagMarkdown, flagText } from './flag.ts'
import { rulesJson, rulesMarkdown, rulesText } from './rules.ts'
import { rulesComment } from './rules-comment.ts'
import { failuresComment, failuresJson, failuresMarkdown, failuresText } from './failures.ts'
import type { FailuresReport, FlagReport, RulesLook, RulesReport } from './rules-words.ts'

export interface RulesFormat {
  readonly rules: (report: RulesReport, look: RulesLook) => string
  readonly flag: (report: FlagReport, look: RulesLook) => string
  readonly failures: (report: FailuresReport, look: RulesLook) => string
}

export const rulesFormats = {
  text: { rules: rulesText, flag: flagText, failures: failuresText },
  json: { rules: rulesJson, flag: flagJson, failures: failuresJson },
  markdown: { rules: rulesMarkdown, flag: flagMarkdown, failures: failuresMarkdown },
  comment: { rules: rulesComment, flag: flagComment, failures: failuresComment }
} as const satisfies Record<string, RulesFormat>

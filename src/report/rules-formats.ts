// What `tbit rules` can write: a row a format, for the rules and for the flag's audit.
import { flagComment, flagJson, flagMarkdown, flagText } from './flag.ts'
import { rulesJson, rulesMarkdown, rulesText } from './rules.ts'
import { rulesComment } from './rules-comment.ts'
import type { FlagReport, RulesLook, RulesReport } from './rules-words.ts'

export interface RulesFormat {
  readonly rules: (report: RulesReport, look: RulesLook) => string
  readonly flag: (report: FlagReport, look: RulesLook) => string
}

export const rulesFormats = {
  text: { rules: rulesText, flag: flagText },
  json: { rules: rulesJson, flag: flagJson },
  markdown: { rules: rulesMarkdown, flag: flagMarkdown },
  comment: { rules: rulesComment, flag: flagComment }
} as const satisfies Record<string, RulesFormat>

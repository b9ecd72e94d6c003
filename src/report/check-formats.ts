// What `check` and `kernel check` can write: a row a format, and a file of its own for each. The option's choices, the
// exit codes and what writes the result come from the row, so that a format cannot be offered and forgotten.
import { checkB4 } from './check-b4.ts'
import { checkJson } from './check-json.ts'
import { checkJunit } from './check-junit.ts'
import { checkKtap } from './check-ktap.ts'
import { checkMail } from './check-mail.ts'
import type { CheckRun, ExitStyle } from './check-run.ts'
import { checkGithub, checkSarif } from './check-sarif.ts'
import { checkText, type CheckTextOptions } from './check-text.ts'
import { checkTraceJson } from './check-trace-json.ts'

export interface CheckFormat {
  readonly render: (run: CheckRun, look: CheckTextOptions) => string
  /** The exit codes that its readers know. */
  readonly exit: ExitStyle
  /** Errors and warnings are in the result itself; otherwise they go to stderr beside it. */
  readonly errorsInside: boolean
  /** It tells the state after each step: findings come with frames. */
  readonly frames?: boolean
}

export const checkFormats = {
  text: { render: checkText, exit: 'tbit', errorsInside: false },
  json: { render: checkJson, exit: 'tbit', errorsInside: true },
  trace: { render: checkTraceJson, exit: 'tbit', errorsInside: true, frames: true },
  ktap: { render: checkKtap, exit: 'kselftest', errorsInside: false },
  junit: { render: checkJunit, exit: 'tbit', errorsInside: false },
  b4: { render: checkB4, exit: 'tbit', errorsInside: false },
  mail: { render: checkMail, exit: 'tbit', errorsInside: false },
  sarif: { render: checkSarif, exit: 'tbit', errorsInside: true },
  github: { render: checkGithub, exit: 'tbit', errorsInside: true }
} as const satisfies Record<string, CheckFormat>
export type CheckFormatName = keyof typeof checkFormats
/** A row as a format. */
export const checkFormat = (name: CheckFormatName): CheckFormat => checkFormats[name]

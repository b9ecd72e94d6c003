// `--format`: a verb has a table with a row a format; what can be chosen is what the table can write.
import { Option } from 'commander'

/** The option of a table. A test holds that no verb has a --format made otherwise. */
export class FormatOption extends Option {
  constructor(
    readonly rows: readonly string[],
    description: string
  ) {
    super('--format <format>', description)
    this.choices(rows).default(rows[0])
  }
}

/** `--format` with the names of the table's rows; the first is the default. */
export const formatOption = (
  table: Readonly<Record<string, unknown>>,
  description = 'how to write the result'
): FormatOption => new FormatOption(Object.keys(table), description)

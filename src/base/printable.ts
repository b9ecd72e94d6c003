// Text that came from outside, as it may stand on a terminal, in a mail, in a page: what would act there is shown as
// what it is.

// C0 without tab and line feed, delete, C1; marks and overrides of the writing direction; the separators that some take
// for line ends.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is shown
const ACTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const shown = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`

/**
 * A text with its lines: escape sequences, control characters and those that turn the writing direction stand as
 * `\u001b`. That is also how JSON writes them, so that JSON stays what it was; any other format shows them. The same
 * text again when it has none, or is shown already.
 */
export function printable(text: string): string {
  return text.replace(ACTS, shown)
}

/** One line: a tab is a blank, a line end is shown as well. For words and messages that must stay on their line. */
export function printableLine(text: string): string {
  return printable(text.replace(/\t/g, ' ')).replace(/\n/g, '\\u000a')
}

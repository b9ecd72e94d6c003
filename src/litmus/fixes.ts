// How a message about a text is mended.
import { type Diagnostic, lineStart } from '../base/index.ts'

/** A stretch of a text by offsets, the second behind the last character. */
export interface Span {
  readonly from: number
  readonly to: number
}
/** Puts `text` in the place of a span. */
export interface Edit extends Span {
  readonly text: string
}
export interface Fix {
  /** What it does, to be shown: `write 'tdisp'`. */
  readonly title: string
  readonly edit: Edit
}

/** Ways to mend a message about `text`: the nearest words in the place of the one that is wrong, the best first. */
export function fixes(text: string, d: Diagnostic): Fix[] {
  if (d.line === 0 || d.word === '' || d.nearest === undefined) return []
  const start = lineStart(text, d.line)
  if (start === null) return []
  const from = start + d.column - 1
  const to = from + d.word.length
  // A word that stands otherwise in the text (a string, a line too long to quote) is nothing to replace.
  if (text.slice(from, to) !== d.word) return []
  return d.nearest.map((word) => ({ title: `write '${word}'`, edit: { from, to, text: word } }))
}

// A message about the user's input: where, which word, what was expected, the nearest known words and the next step.
import { nearest } from './text.ts'

/** Every user-facing error has a code; `docs/errors.md` is made from this table. Numbers are given out in hundreds, one hundred a room. */
export const codes = {
  'TB-001': 'wrong use of the command line',
  'TB-002': 'a file cannot be read or written',
  'TB-003': 'the thing asked for is not modelled yet',
  'TB-301': 'a recording of swiotlb operations does not have the form of one'
} as const

export interface Diagnostic {
  readonly code: string
  readonly file: string
  /** 1-based; 0 when the message is about the whole file. */
  readonly line: number
  readonly column: number
  /** The offending word, as written; empty when there is none. */
  readonly word: string
  readonly message: string
  readonly expected?: readonly string[]
  readonly nearest?: readonly string[]
  readonly hint?: string
}

/** Adds the nearest of `known` to a diagnostic about an unknown word. */
export function unknownWord(d: Omit<Diagnostic, 'nearest'>, known: Iterable<string>): Diagnostic {
  const near = nearest(d.word, known)
  return near.length > 0 ? { ...d, nearest: near } : d
}

/** One diagnostic as text: `file:line:col: message` and, below it, the line with the word underlined when the source is given. */
export function formatDiagnostic(d: Diagnostic, source?: string): string {
  const at = d.line > 0 ? `${d.file}:${d.line}:${d.column}` : d.file
  const out = [`${at}: error ${d.code}: ${d.message}`]
  const text = d.line > 0 ? source?.split('\n')[d.line - 1] : undefined
  if (text !== undefined) {
    out.push(`  ${text.replace(/\t/g, ' ')}`)
    out.push(`  ${' '.repeat(Math.max(0, d.column - 1))}${'^'.repeat(Math.max(1, d.word.length))}`)
  }
  if (d.nearest && d.nearest.length > 0) out.push(`  did you mean ${d.nearest.map((n) => `'${n}'`).join(' or ')}?`)
  if (d.expected && d.expected.length > 0) out.push(`  expected: ${d.expected.join(', ')}`)
  if (d.hint) out.push(`  ${d.hint}`)
  return out.join('\n')
}

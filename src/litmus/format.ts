// One layout for every test: blanks and indentation, never a word, a comment or where a line ends, so that the tokens
// stay what they are.
import { Errors } from './_errors.ts'
import { lex, type Token } from './_lex.ts'
import { deviceKeys, type DeviceWord, partNames } from './vocabulary.ts'
import { commentsBetween } from './tokens.ts'

/** Columns of the words that begin a line of the head: the longest is `platform`. */
const HEAD = 'platform'.length
const HEAD_PARTS: ReadonlySet<string> = new Set(['source', 'platform', 'kernel', 'forbid', 'device', 'mmio', 'config'])
/** A word before `(` that is no call. */
const SPACED: ReadonlySet<string> = new Set([
  'if',
  'wait',
  'assert',
  'exists',
  'never',
  'while',
  'choose',
  'repeat',
  'or',
  'else'
])
const INDENT = '  '

interface Piece {
  readonly text: string
  readonly from: number
  readonly to: number
  readonly comment: boolean
  /** null: a comment. */
  readonly token: Token | null
}

/** Tokens and comments in their order, as they are written. */
function pieces(text: string): Piece[] {
  const out: Piece[] = []
  let end = 0
  for (const token of lex(text, new Errors(''))) {
    for (const c of commentsBetween(text, end, token.offset))
      out.push({ text: text.slice(c.from, c.to).trimEnd(), from: c.from, to: c.to, comment: true, token: null })
    end = token.offset + token.length
    if (token.kind !== 'end')
      out.push({ text: text.slice(token.offset, end), from: token.offset, to: end, comment: false, token })
  }
  return out
}

const isPunct = (p: Piece | undefined, ...texts: readonly string[]): boolean =>
  p?.token?.kind === 'punct' && texts.includes(p.text)

/** `&handle`: an address, where no operand stands before it. */
const prefixed = (before: Piece | undefined): boolean =>
  before === undefined || isPunct(before, '(', ',', '[', '=', '==', '!=', '<', '<=', '>', '>=', '&&', '||', '!')

/** Keys before a bracket: `range_map [CPU, BUS, SIZE]`, where `h[0]` is an index. */
const WINDOWS: ReadonlySet<string> = new Set(
  deviceKeys.filter((k: DeviceWord) => k.kind === 'windows').map((k) => k.name)
)

/** Whether a blank stands between two pieces of one line. `first`: the word that the line begins with. */
function blank(before: Piece | undefined, a: Piece, b: Piece, first: string): boolean {
  if (a.comment || b.comment) return true
  if (isPunct(b, ',', ';', ')', ']', '.') || isPunct(a, '(', '[', '.', '!')) return false
  if (isPunct(b, '[')) return a.token?.kind !== 'word' || WINDOWS.has(a.token.text)
  if (isPunct(b, '(')) return a.token?.kind !== 'word' || SPACED.has(a.text)
  if (isPunct(a, '&') && prefixed(before)) return false
  // FIELD=value of a revision stands close where it was written so.
  if ((isPunct(a, '=') || isPunct(b, '=')) && (first === 'kernel' || first === 'expect')) return b.token?.glued !== true
  return true
}

/**
 * Whether pieces written without a blank between them would be read as others: two signs as one, `litmus.` and `*` as a
 * pattern.
 */
const fuse = (run: readonly string[]): boolean => {
  const read = pieces(run.join(''))
  return read.length !== run.length || read.some((p, i) => p.text !== run[i])
}

function lineText(line: readonly Piece[]): string {
  const first = line[0] as Piece
  let out = first.text
  // Since the last blank.
  let run = [first.text]
  for (let i = 1; i < line.length; i++) {
    const [a, b] = [line[i - 1] as Piece, line[i] as Piece]
    const apart = blank(line[i - 2], a, b, first.text) || fuse([...run, b.text])
    out += `${b.comment && !a.comment ? INDENT : apart ? ' ' : ''}${b.text}`
    run = apart ? [b.text] : [...run, b.text]
  }
  return out
}

/** How many blocks, parentheses and brackets a line opens; fewer than none when it closes more. */
const opened = (line: readonly Piece[]): number =>
  line.reduce((n, p) => n + (isPunct(p, '{', '(', '[') ? 1 : isPunct(p, '}', ')', ']') ? -1 : 0), 0)

/** A line of the head, its first word filled up to the column of the others. */
function headLine(line: readonly Piece[], text: string): string {
  const word = (line[0] as Piece).text
  return text[word.length] === ' ' && HEAD_PARTS.has(word) ? `${word.padEnd(HEAD)}${text.slice(word.length)}` : text
}

/**
 * The lines of a text as pieces, each with the count of empty lines before it (0 or 1). A comment over several lines is
 * one piece.
 */
function lines(text: string): { readonly pieces: Piece[]; readonly empty: boolean }[] {
  const out: { pieces: Piece[]; empty: boolean }[] = []
  let end = 0
  for (const p of pieces(text)) {
    const between = text.slice(end, p.from).split('\n').length - 1
    if (out.length === 0 || between > 0) out.push({ pieces: [p], empty: out.length > 0 && between > 1 })
    else out.at(-1)?.pieces.push(p)
    end = p.to
  }
  return out
}

/** The longest list of kernels that sets the column of the others. */
const LONGEST_LIST = 24

/**
 * `expect` lines that follow each other, comments between them, have what stands behind their kernels in one column.
 */
function alignExpects(
  out: string[],
  expects: ReadonlyArray<{ readonly at: number; readonly line: readonly Piece[] }>
): void {
  const rows = expects.flatMap(({ at, line }) => {
    const rest = line.findIndex((p) => isPunct(p, ':') || (p.token?.kind === 'word' && p.text === 'on'))
    return rest < 2 ? [] : [{ at, kernels: lineText(line.slice(0, rest)), rest: lineText(line.slice(rest)) }]
  })
  const column = Math.max(...rows.map((r) => r.kernels.length).filter((n) => n <= 'expect '.length + LONGEST_LIST), 0)
  for (const r of rows) out[r.at] = `${r.kernels.padEnd(column)} ${r.rest}`
}

/** A list or a sentence that goes on: the text of a test, names behind a comma. */
function continues(first: Piece, last: Piece | undefined): boolean {
  if (first.token === null || isPunct(first, '{', '}') || (first.token.kind === 'word' && partNames.has(first.text)))
    return false
  return first.token.kind === 'string' || isPunct(last, ',')
}

/**
 * `text` in the one layout: two columns a level, one blank between words, the head's words in a column, at most one
 * empty line. Comments stay where they are. What is no token of the language stays as it is too, so that any text can
 * be given. Formatting twice changes nothing.
 * @example format('litmus a "b"\nplatform   none') // 'litmus a "b"\nplatform none\n'
 */
export function format(text: string): string {
  const out: string[] = []
  let depth = 0
  let previous: readonly Piece[] = []
  let expects: { at: number; line: readonly Piece[] }[] = []
  const align = (): void => {
    alignExpects(out, expects)
    expects = []
  }
  for (const { pieces: line, empty } of lines(text)) {
    const closes = line.findIndex((p) => !isPunct(p, '}', ')', ']'))
    const level = Math.max(0, depth - (closes < 0 ? line.length : closes))
    const last = previous.filter((p) => !p.comment).at(-1)
    const goesOn = depth === 0 && continues(line[0] as Piece, last)
    if (empty && !(isPunct(previous.at(-1), '{') || isPunct(line[0], '}'))) out.push('')
    out.push(
      `${goesOn ? INDENT : INDENT.repeat(level)}` +
        `${level === 0 && !goesOn ? headLine(line, lineText(line)) : lineText(line)}`
    )
    const isExpect = depth === 0 && line[0]?.text === 'expect' && line[0].token !== null
    if (empty || !(isExpect || line[0]?.comment)) align()
    if (isExpect) expects.push({ at: out.length - 1, line })
    depth = Math.max(0, depth + opened(line))
    previous = line
  }
  align()
  return out.length === 0 ? '' : `${out.join('\n')}\n`
}

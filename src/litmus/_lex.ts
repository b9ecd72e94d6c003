// Text to tokens. A blank only separates; a line's end is kept as a mark on the next token, since it ends a statement.
import type { At } from './ast.ts'
import type { Errors } from './_errors.ts'
import { errnoNames, otherErrnos } from './vocabulary.ts'

export interface Token extends At {
  /** `bad`: a character that the language does not use, reported already. */
  readonly kind: 'word' | 'number' | 'string' | 'punct' | 'bad' | 'end'
  /** As written; of a string its content. */
  readonly text: string
  readonly offset: number
  /** A line ended between this token and the one before. */
  readonly nl: boolean
  /** Nothing stands between this token and the one before. */
  readonly glued: boolean
  /** Content assist is asked for here. */
  readonly cursor?: boolean
}

// A dash or a dot before digits belongs to a name (linux-6.12); a star ends a prefix (cc-*, linux-6.*). There is no
// subtraction and no multiplication, so nothing is lost.
const LEXEME = /[A-Za-z0-9_]\w*(?:-\w+(?:\.\d+)*)*/y
const PREFIX_STAR = /[-.]?\*/y
const NUMBER = /^\d\w*$/
const PUNCT = /==|!=|<=|>=|&&|\|\||[{}()[\],;:.=<>!*&|]/y
/** `-EBUSY`, as kernel functions return it: the errno, whose name the language writes without the sign. */
const MINUS_ERRNO = /-(E[A-Z0-9]+)(?!\w)/y
/** The signs of a flip, `cc-v8 - pkvmForces`: in lines that name kernels. */
const SIGN = /[+-]/y
const NAMES_KERNELS: ReadonlySet<string> = new Set(['kernel', 'expect'])
const BLANK = /[^\S\n]+/y
/** Letters of the longest word: names stand in columns of every report. */
const LONGEST_WORD = 100

/**
 * The tokens of `text`, the last one of kind `end`. Reports what is no token and goes on behind it.
 * With `cursor`, the word that ends at or spans that offset (or an empty one) is marked, its text cut at the cursor.
 * Long: one loop, a kind of character a branch.
 */
export function lex(text: string, errors: Errors, cursor = -1): Token[] {
  const out: Token[] = []
  let i = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let line = 1
  let lineStart = 0
  let nl = true
  let previousEnd = -1
  let cursorDone = cursor < 0
  let signs = false
  const at = (offset: number, length: number): At => ({ line, column: offset - lineStart + 1, length })
  const push = (kind: Token['kind'], offset: number, end: number, value: string, isCursor = false): void => {
    if (kind === 'word' && (nl || out.at(-1)?.text === ';') && NAMES_KERNELS.has(value)) signs = true
    out.push({
      kind,
      text: value,
      offset,
      ...at(offset, Math.max(end - offset, 0)),
      nl,
      glued: offset === previousEnd,
      ...(isCursor ? { cursor: true } : {})
    })
    nl = false
    previousEnd = end
  }
  const match = (re: RegExp, from: number): string | null => {
    re.lastIndex = from
    return re.exec(text)?.[0] ?? null
  }
  const newline = (offset: number): void => {
    line++
    lineStart = offset + 1
    nl = true
    if (out.at(-1)?.text !== ',') signs = false
  }
  while (i < text.length) {
    const c = text[i] as string
    // Inside an operator of two characters nothing can be completed.
    if (cursor < i) cursorDone = true
    if (!cursorDone && cursor === i && match(LEXEME, i) === null) {
      cursorDone = true
      push('word', i, i, '', true)
    }
    if (c === '\n') {
      newline(i)
      i++
      continue
    }
    const blank = match(BLANK, i)
    if (blank !== null) {
      if (!cursorDone && cursor < i + blank.length) {
        cursorDone = true
        push('word', cursor, cursor, '', true)
      }
      i += blank.length
      continue
    }
    if (c === '#' || (c === '/' && text[i + 1] === '/')) {
      const end = text.indexOf('\n', i)
      i = end < 0 ? text.length : end
      // Nothing to complete inside a comment.
      if (!cursorDone && cursor <= i) cursorDone = true
      continue
    }
    if (c === '/' && text[i + 1] === '*') {
      const end = text.indexOf('*/', i + 2)
      if (end < 0) errors.add('TB-202', at(i, 2), '/*', "the comment '/*' is not closed", { expected: ["'*/'"] })
      const stop = end < 0 ? text.length : end + 2
      for (let k = text.indexOf('\n', i); k >= 0 && k < stop; k = text.indexOf('\n', k + 1)) newline(k)
      i = stop
      if (!cursorDone && cursor < i) cursorDone = true
      continue
    }
    if (c === '"' || c === '“' || c === '”' || (c === "'" && /^'[^'"\n]*'/.test(text.slice(i, i + 80)))) {
      const [value, end, closed] = string(text, i)
      if (c !== '"')
        errors.add('TB-200', at(i, 1), c, `the language does not use the character '${c}'`, {
          hint:
            c === "'" ? 'a label stands without quotes, a string in "..."' : 'strings stand in straight quotes: "..."'
        })
      else if (!closed)
        errors.add(
          'TB-201',
          at(i, end - i),
          text.slice(i, Math.min(end, i + 20)),
          'the string is not closed on its line',
          { expected: ["'\"'"], hint: 'a string stands on one line; \\" is a quote inside it' }
        )
      push('string', i, end, value)
      i = end
      if (!cursorDone && cursor < i) cursorDone = true
      continue
    }
    const minus = signs ? null : match(MINUS_ERRNO, i)
    if (minus !== null && (errnoNames.has(minus.slice(1)) || otherErrnos.has(minus.slice(1)))) {
      push('word', i, i + minus.length, minus.slice(1))
      i += minus.length
      continue
    }
    const lexeme = match(LEXEME, i)
    if (lexeme !== null) {
      const number = NUMBER.test(lexeme)
      // `expect*:ok` is a word and a star of its own.
      const star = number || lexeme === 'expect' || lexeme === 'on' ? null : match(PREFIX_STAR, i + lexeme.length)
      const word = star === null ? lexeme : lexeme + star
      if (word.length > LONGEST_WORD)
        errors.add('TB-241', at(i, word.length), word, `a word of ${word.length} letters: at most ${LONGEST_WORD}`)
      if (!cursorDone && cursor <= i + lexeme.length) {
        cursorDone = true
        push('word', i, i + word.length, lexeme.slice(0, cursor - i), true)
      } else push(number ? 'number' : 'word', i, i + word.length, word)
      i += word.length
      continue
    }
    const punct = match(PUNCT, i) ?? (signs ? match(SIGN, i) : null)
    if (punct !== null) {
      push('punct', i, i + punct.length, punct)
      i += punct.length
      continue
    }
    const ch = String.fromCodePoint(text.codePointAt(i) ?? 0)
    // Of a row of them, the first is enough.
    if (out.at(-1)?.kind !== 'bad' || previousEnd !== i)
      errors.add(
        'TB-200',
        at(i, ch.length),
        ch,
        `the language does not use the character ${printable(ch)}`,
        hintFor(ch)
      )
    push('bad', i, i + ch.length, ch)
    i += ch.length
  }
  if (!cursorDone && cursor >= 0) push('word', text.length, text.length, '', true)
  push('end', text.length, text.length, '')
  return out
}

/** Content, offset behind it, and whether it was closed. */
function string(text: string, start: number): [string, number, boolean] {
  const first = text[start]
  let value = ''
  let i = start + 1
  for (; i < text.length && text[i] !== '\n'; i++) {
    const c = text[i] as string
    if (
      (c === '"' && first !== "'") ||
      (first === "'" && c === "'") ||
      (first !== '"' && first !== "'" && (c === '”' || c === '“'))
    )
      return [value, i + 1, true]
    // As the door of the command line shows what acts on a terminal (base/printable.ts). A string stays on its line.
    const code = c === '\\' && text[i + 1] === 'u' ? /^(?!000[ad])[0-9a-f]{4}/i.exec(text.slice(i + 2, i + 6)) : null
    if (code !== null) {
      value += String.fromCharCode(Number.parseInt(code[0], 16))
      i += 5
    } else if (c === '\\' && (text[i + 1] === '"' || text[i + 1] === '\\')) value += text[++i] as string
    else value += c
  }
  return [value, text[i - 1] === '\r' ? i - 1 : i, false]
}

/** A character as a message can show it. */
const printable = (ch: string): string =>
  /[\p{C}\p{Z}]/u.test(ch) ? `U+${(ch.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}` : `'${ch}'`

function hintFor(ch: string): { hint?: string } {
  if (ch === '-' || ch === '+' || ch === '/' || ch === '%') return { hint: 'there is no arithmetic: write the number' }
  return {}
}

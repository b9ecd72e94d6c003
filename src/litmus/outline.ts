// The parts of a text as an editor lists and folds them, of an unfinished text too.
import { Errors } from './_errors.ts'
import { lex, type Token } from './_lex.ts'
import { type PartName, partNames } from './vocabulary.ts'

export interface OutlinePart {
  readonly part: PartName
  /**
   * What it names or says, as written: the thread's name, the kernels of an expect line. Empty where nothing stands.
   */
  readonly name: string
  /** Offsets of the whole part, the second behind its last token. */
  readonly from: number
  readonly to: number
  /** Offsets of the name; those of the part's own word where it has none. */
  readonly nameFrom: number
  readonly nameTo: number
}

const endOf = (t: Token): number => t.offset + t.length

/** How far a part's name goes: one word of what is named, the rest of its line before the verdict of an expect line. */
function nameOf(tokens: readonly Token[], text: string): { name: string; from: number; to: number } {
  const [word, first] = tokens as [Token, Token | undefined]
  const own = { name: '', from: word.offset, to: endOf(word) }
  if (first === undefined || first.text === '{' || first.text === '(') return own
  const colon = word.text === 'expect' ? tokens.findIndex((t) => t.text === ':') : -1
  const last = colon > 1 ? (tokens[colon - 1] as Token) : first
  return { name: text.slice(first.offset, endOf(last)), from: first.offset, to: endOf(last) }
}

/**
 * The parts of `text` in their order. Never throws, whatever the text is.
 * @example outline('litmus a "b"\nthread os { }').map((p) => p.name) // ['a', 'os']
 */
export function outline(text: string): OutlinePart[] {
  const out: OutlinePart[] = []
  let depth = 0
  let part: Token[] = []
  const close = (): void => {
    const [word, last] = [part[0], part.at(-1)]
    if (word === undefined || last === undefined) return
    const { name, from, to } = nameOf(part, text)
    out.push({ part: word.text as PartName, name, from: word.offset, to: endOf(last), nameFrom: from, nameTo: to })
  }
  for (const t of lex(text, new Errors(''))) {
    if (t.kind === 'end') break
    if (depth === 0 && t.nl && t.kind === 'word' && partNames.has(t.text)) {
      close()
      part = [t]
    } else if (part.length > 0) part.push(t)
    if (t.kind !== 'punct') continue
    if (t.text === '{' || t.text === '(') depth++
    if (t.text === '}' || t.text === ')') depth = Math.max(0, depth - 1)
  }
  close()
  return out
}

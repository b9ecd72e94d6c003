// The text of a test as pieces of one kind each: what an editor colours, comments included, and what the formatter lays
// out.
import { Errors } from './_errors.ts'
import { lex, type Token } from './_lex.ts'
import { operationOf } from './_c-spelling.ts'
import {
  attributeNames,
  configByName,
  contentWordNames,
  deviceKeyByName,
  directionNames,
  errnoNames,
  fieldByName,
  flags,
  functionNames,
  kernelNames,
  keywordNames,
  mmioKeys,
  partNames,
  platformNames,
  propertyByName
} from './vocabulary.ts'

/** What a piece is. `name`: one that the test itself gives. */
export type TokenKind =
  | 'comment'
  | 'part'
  | 'keyword'
  | 'operation'
  | 'function'
  | 'platform'
  | 'kernel'
  | 'property'
  | 'key'
  | 'field'
  | 'constant'
  | 'number'
  | 'string'
  | 'operator'
  | 'name'

export interface TextToken {
  /** Offsets into the text, the second behind the last character. */
  readonly from: number
  readonly to: number
  readonly kind: TokenKind
}

const platforms: ReadonlySet<string> = new Set([...platformNames, 'all'])
const kernels: ReadonlySet<string> = new Set(kernelNames)
const constants: ReadonlySet<string> = new Set([
  ...flags.map((f) => f.name),
  ...directionNames,
  ...attributeNames,
  ...errnoNames,
  ...contentWordNames,
  'ok',
  'vacuous',
  'default',
  'NULL'
])
const keys: ReadonlySet<string> = new Set([
  ...configByName.keys(),
  ...deviceKeyByName.keys(),
  ...mmioKeys.map((k) => k.name)
])
const WORDS_OF_GRAMMAR: ReadonlySet<string> = new Set(['on', 'as', 'cpu', 'try'])

/** What a word is, by the part it stands in and its neighbours. */
function kindOfWord(
  t: Token,
  before: Token | undefined,
  after: Token | undefined,
  part: string,
  depth: number
): TokenKind {
  if (depth === 0 && t.nl && partNames.has(t.text)) return 'part'
  if (before?.text === '.' && before.glued) return fieldByName.has(t.text) ? 'field' : 'name'
  if (depth === 0) {
    if (part === 'forbid' || part === 'expect') {
      if (propertyByName.has(t.text)) return 'property'
      if (WORDS_OF_GRAMMAR.has(t.text)) return 'keyword'
    }
    if (platforms.has(t.text) && part !== 'kernel') return 'platform'
    if (kernels.has(t.text) || (part === 'expect' && t.text.endsWith('*'))) return 'kernel'
    if (part === 'thread' && t.text === 'cpu') return 'keyword'
    return constants.has(t.text) ? 'constant' : 'name'
  }
  if (part === 'config' || part === 'device' || part === 'mmio')
    return keys.has(t.text) ? 'key' : constants.has(t.text) ? 'constant' : 'name'
  if (after?.text === '(' && operationOf(t.text) !== undefined) return 'operation'
  if (after?.text === '(' && functionNames.has(t.text)) return 'function'
  if (keywordNames.has(t.text) || WORDS_OF_GRAMMAR.has(t.text)) return 'keyword'
  return constants.has(t.text) || /^(?:DMA_|GFP_|__GFP_)/.test(t.text) ? 'constant' : 'name'
}

/** The comments between two places, where nothing else stands but blanks. */
export function commentsBetween(text: string, from: number, to: number): TextToken[] {
  const out: TextToken[] = []
  for (const m of text.slice(from, to).matchAll(/(?:#|\/\/)[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g)) {
    const raw = m[0].replace(/\r$/, '')
    out.push({ from: from + m.index, to: from + m.index + raw.length, kind: 'comment' })
  }
  return out
}

/**
 * The pieces of `text` in their order; what is no token of the language is left out. Never throws, whatever the text
 * is.
 * @example tokensOf('litmus a "b"')[0] // { from: 0, to: 6, kind: 'part' }
 */
export function tokensOf(text: string): TextToken[] {
  const tokens = lex(text, new Errors(''))
  const out: TextToken[] = []
  let end = 0
  let part = ''
  let depth = 0
  for (const [i, t] of tokens.entries()) {
    out.push(...commentsBetween(text, end, t.offset))
    end = t.offset + t.length
    if (t.kind === 'end' || t.kind === 'bad') continue
    const kind =
      t.kind === 'number' || t.kind === 'string'
        ? t.kind
        : t.kind === 'punct'
          ? 'operator'
          : kindOfWord(t, tokens[i - 1], tokens[i + 1], part, depth)
    if (kind === 'part') part = t.text
    // `exists (...)` names what threads hold; its parentheses are as deep as a block.
    if (/^[{(]$/.test(t.text) && t.kind === 'punct') depth++
    if (/^[})]$/.test(t.text) && t.kind === 'punct') depth = Math.max(0, depth - 1)
    out.push({ from: t.offset, to: end, kind })
  }
  return out
}

// The language's kinds of words in the words of the protocol, of TextMate grammars and of Vim: one table for every
// editor.
import type { CompletionItemKind, DiagnosticSeverity, SymbolKind } from 'vscode-languageserver/node'
import { type TokenKind, vocabulary } from '../litmus/index.ts'

export interface TokenWords {
  /** Type and modifiers of the protocol. */
  readonly type: string
  readonly modifiers: readonly string[]
  /** Scope of a TextMate grammar, without the language at its end. */
  readonly scope: string
  /** Highlight group of Vim. */
  readonly vim: string
}

export const tokenWords: Readonly<Record<TokenKind, TokenWords>> = {
  comment: { type: 'comment', modifiers: [], scope: 'comment.line', vim: 'Comment' },
  part: { type: 'keyword', modifiers: [], scope: 'keyword.other.part', vim: 'Structure' },
  keyword: { type: 'keyword', modifiers: [], scope: 'keyword.control', vim: 'Statement' },
  operation: {
    type: 'function',
    modifiers: ['defaultLibrary'],
    scope: 'entity.name.function.operation',
    vim: 'Function'
  },
  function: { type: 'function', modifiers: [], scope: 'support.function', vim: 'Function' },
  platform: { type: 'namespace', modifiers: [], scope: 'support.type.platform', vim: 'Type' },
  kernel: { type: 'class', modifiers: [], scope: 'support.class.kernel', vim: 'Type' },
  property: { type: 'event', modifiers: [], scope: 'support.type.property', vim: 'Special' },
  key: { type: 'property', modifiers: [], scope: 'variable.parameter.key', vim: 'Identifier' },
  field: { type: 'property', modifiers: ['readonly'], scope: 'variable.other.member', vim: 'Identifier' },
  constant: { type: 'enumMember', modifiers: [], scope: 'constant.language', vim: 'Constant' },
  number: { type: 'number', modifiers: [], scope: 'constant.numeric', vim: 'Number' },
  string: { type: 'string', modifiers: [], scope: 'string.quoted.double', vim: 'String' },
  operator: { type: 'operator', modifiers: [], scope: 'keyword.operator', vim: 'Operator' },
  name: { type: 'variable', modifiers: [], scope: 'variable.other', vim: 'Normal' }
}

export const tokenTypes: readonly string[] = [...new Set(Object.values(tokenWords).map((w) => w.type))]
export const tokenModifiers: readonly string[] = [...new Set(Object.values(tokenWords).flatMap((w) => w.modifiers))]

// Numbers of the protocol (3.17: DiagnosticSeverity, CompletionItemKind, SymbolKind): imported as values they would
// load the whole library.
export const SEVERITY = { error: 1, warning: 2 } as const satisfies Record<string, DiagnosticSeverity>

const FUNCTION: CompletionItemKind = 3
const VARIABLE: CompletionItemKind = 6
const CLASS: CompletionItemKind = 7
const MODULE: CompletionItemKind = 9
const PROPERTY: CompletionItemKind = 10
const KEYWORD: CompletionItemKind = 14
const CONSTANT: CompletionItemKind = 21
const EVENT: CompletionItemKind = 23

/** The picture beside a candidate. */
export function completionKind(word: string): CompletionItemKind {
  if (vocabulary.operationByName.has(word) || vocabulary.functionNames.has(word)) return FUNCTION
  if (vocabulary.partNames.has(word) || vocabulary.keywordNames.has(word)) return KEYWORD
  if (vocabulary.propertyByName.has(word)) return EVENT
  if (vocabulary.platformNames.includes(word)) return MODULE
  if (vocabulary.kernelNames.includes(word)) return CLASS
  if (vocabulary.configByName.has(word) || vocabulary.deviceKeyByName.has(word) || vocabulary.fieldByName.has(word))
    return PROPERTY
  return vocabulary.valueWords.has(word) || vocabulary.directionNames.has(word) || vocabulary.attributeNames.has(word)
    ? CONSTANT
    : VARIABLE
}

const SYMBOL: Readonly<Record<vocabulary.PartName, SymbolKind>> = {
  litmus: 2,
  source: 15,
  platform: 3,
  kernel: 5,
  forbid: 24,
  config: 19,
  device: 19,
  mmio: 19,
  init: 9,
  thread: 12,
  exists: 17,
  never: 17,
  expect: 24
}
export const symbolKind = (part: vocabulary.PartName): SymbolKind => SYMBOL[part]

// The language's words as a TextMate grammar (VS Code, GitHub, bat) and as a Vim syntax: made from the tables of the
// language, written into editors/ by scripts/editors.mjs. Such grammars know no names of a test and no part that a line
// belongs to beyond its first word; the language server's own colours, where an editor asks for them, lie over these.
import { type TokenKind, vocabulary } from '../litmus/index.ts'
import { tokenWords } from './legend.ts'

/**
 * The words of the language by kind. A word of two kinds stands in the first that has it; what stands behind a dot or
 * before a parenthesis is told by that.
 */
function wordsByKind(): ReadonlyArray<readonly [TokenKind, readonly string[]]> {
  const v = vocabulary
  const names = (list: readonly { readonly name: string }[]): string[] => list.map((w) => w.name)
  return [
    ['keyword', [...names(v.keywords), 'on', 'as', 'cpu']],
    ['platform', [...v.platformNames]],
    ['kernel', [...v.kernelNames]],
    ['key', [...new Set([...names(v.configKeys), ...names(v.deviceKeys), ...names(v.mmioKeys)])]],
    [
      'constant',
      [
        ...new Set([
          ...names(v.flags),
          ...names(v.directions),
          ...names(v.attributes),
          ...v.errnoNames,
          ...names(v.contentWords),
          'ERR',
          'NULL',
          'ok',
          'vacuous',
          'default',
          'max',
          v.SECRET
        ])
      ]
    ]
  ]
}

// A word that begins another must not hide it.
const longestFirst = (words: Iterable<string>): string[] =>
  [...words].sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
const alternatives = (words: Iterable<string>): string =>
  longestFirst(words)
    .map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|')

// A dash belongs to a name (linux-6.12), a dot only before a digit there.
const BEFORE = '(?<![\\w-])'
const BEHIND = '(?![\\w-])'

interface Pattern {
  readonly name?: string
  readonly match?: string
  readonly begin?: string
  readonly end?: string
  readonly beginCaptures?: object
  readonly captures?: object
  readonly patterns?: readonly Pattern[]
  readonly include?: string
}

/** A TextMate grammar as its JSON. */
function textMateGrammar(): object {
  const v = vocabulary
  const scope = (kind: TokenKind): string => `${tokenWords[kind].scope}.litmus`
  const words = (kind: TokenKind, list: Iterable<string>, before = BEFORE, behind = BEHIND): Pattern => ({
    name: scope(kind),
    match: `${before}(?:${alternatives(list)})${behind}`
  })
  const kinds = wordsByKind()
  const only = (wanted: readonly TokenKind[]): Pattern[] =>
    kinds.filter(([k]) => wanted.includes(k)).map(([k, list]) => words(k, list))
  const common: Pattern[] = [
    { name: 'comment.line.number-sign.litmus', match: '#.*$' },
    { name: 'comment.line.double-slash.litmus', match: '//.*$' },
    { name: 'comment.block.litmus', begin: '/\\*', end: '\\*/' },
    { name: scope('string'), match: '"(?:\\\\.|[^"\\\\\\n])*"?' }
  ]
  const sign: Pattern = { name: scope('operator'), match: '==|!=|<=|>=|&&|\\|\\||[{}()\\[\\],;:.=<>!*&|]' }
  const number: Pattern = { name: scope('number'), match: '(?<![\\w-])\\d\\w*' }
  // A star behind a kernel's beginning: cc-*.
  const kernels: Pattern = { name: scope('kernel'), match: '(?<![\\w-])[a-z]\\w*(?:-\\w+(?:\\.\\d+)*)*[-.]\\*' }
  const line = (parts: readonly string[], inside: readonly Pattern[]): Pattern => ({
    begin: `^\\s*(${alternatives(parts)})${BEHIND}`,
    end: '$',
    beginCaptures: { 1: { name: scope('part') } },
    patterns: [...common, ...inside, number, sign]
  })
  return {
    name: 'Litmus test of tbit',
    scopeName: 'source.litmus',
    fileTypes: ['litmus'],
    patterns: [
      line(
        ['expect', 'forbid'],
        [kernels, words('property', v.propertyByName.keys()), ...only(['keyword', 'platform', 'kernel', 'constant'])]
      ),
      line(
        ['kernel', 'platform', 'source', 'litmus'],
        [kernels, words('platform', [...v.platformNames, 'all']), ...only(['kernel'])]
      ),
      ...common,
      {
        match:
          '^\\s*(' +
          alternatives([...v.partNames].filter((p) => !/^(?:expect|forbid|kernel|platform|source|litmus)$/.test(p))) +
          ')' +
          `${BEHIND}`,
        captures: { 1: { name: scope('part') } }
      },
      words('field', v.fieldByName.keys(), '(?<=\\.)'),
      words('keyword', kinds[0]?.[1] ?? []),
      words('operation', v.operationByName.keys(), BEFORE, '(?=\\s*\\()'),
      words('function', v.functionNames, BEFORE, '(?=\\s*\\()'),
      ...only(['key', 'constant']),
      { name: scope('constant'), match: `${BEFORE}(?:DMA_|GFP_|__GFP_)\\w+` },
      number,
      sign
    ]
  }
}

/** A Vim syntax file. */
function vimSyntax(): string {
  const v = vocabulary
  const group = (kind: TokenKind): string => `litmus${kind[0]?.toUpperCase() ?? ''}${kind.slice(1)}`
  // `default` is a word that Vim's own commands have; a match takes any. Lists of words in matches of a few hundred
  // letters: long ones are slow.
  const matched = (
    kind: TokenKind,
    words: Iterable<string>,
    before = '\\%(\\w\\|-\\)\\@1<!',
    behind = '\\%(\\w\\|-\\)\\@!'
  ): string[] => {
    const sorted = longestFirst(words).map((w) => w.replace(/[.*~[\]\\^$]/g, '\\$&'))
    const out: string[] = []
    for (let i = 0; i < sorted.length; i += 20)
      out.push(`syntax match ${group(kind)} "${before}\\%(${sorted.slice(i, i + 20).join('\\|')}\\)${behind}"`)
    return out
  }
  const kinds = new Map(wordsByKind())
  const property = matched('property', v.propertyByName.keys()).map((l) => `${l} contained`)
  return [
    '" Vim syntax of litmus tests of tbit. Made by scripts/editors.mjs from the tables of the language: do not edit.',
    'if exists("b:current_syntax")',
    '  finish',
    'endif',
    '',
    // Of several matches at one place the last one defined wins.
    ...(['key', 'constant', 'kernel', 'platform'] as const).flatMap((k) => matched(k, kinds.get(k) ?? [])),
    `syntax match ${group('constant')} "\\<\\%(DMA_\\|GFP_\\|__GFP_\\)\\w\\+"`,
    `syntax match ${group('kernel')} "\\<\\a\\w*\\%(-\\w\\+\\%(\\.\\d\\+\\)*\\)*[-.]\\*"`,
    `syntax match ${group('number')} "\\%(\\w\\|-\\)\\@1<!\\d\\w*"`,
    ...matched('keyword', kinds.get('keyword') ?? []),
    ...matched('function', v.functionNames, undefined, '\\ze\\s*('),
    ...matched('operation', v.operationByName.keys(), undefined, '\\ze\\s*('),
    ...matched('field', v.fieldByName.keys(), '\\.\\@1<='),
    ...property,
    // It starts behind the word, which is a match of its own.
    'syntax region litmusVerdict start="\\%(^\\s*\\%(expect\\|forbid\\)\\)\\@<=\\s" end="$" keepend transparent ' +
      'contains=ALL',
    ...matched('part', v.partNames, '^\\s*').map((l) => l.replace('\\%(', '\\zs\\%(')),
    `syntax region ${group('string')} start=+"+ skip=+\\\\.+ end=+"+ oneline`,
    `syntax match ${group('comment')} "#.*$" contains=@Spell`,
    `syntax match ${group('comment')} "//.*$" contains=@Spell`,
    `syntax region ${group('comment')} start="/\\*" end="\\*/" contains=@Spell`,
    '',
    ...(Object.keys(tokenWords) as TokenKind[])
      .filter((k) => k !== 'name' && k !== 'operator')
      .map((k) => `highlight default link ${group(k)} ${tokenWords[k].vim}`),
    '',
    'let b:current_syntax = "litmus"',
    ''
  ].join('\n')
}

/** Files below editors/ that are made, by path. */
export const madeFiles = (): Readonly<Record<string, string>> => ({
  'vscode/syntaxes/litmus.tmLanguage.json': `${JSON.stringify(textMateGrammar(), null, 2)}\n`,
  'vim/syntax/litmus.vim': vimSyntax()
})

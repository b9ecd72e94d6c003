// What an editor asks about one text, in the protocol's shapes. No connection and no state: each answer is a function
// of the text.
import type {
  CodeAction,
  CompletionItem,
  Diagnostic as LspDiagnostic,
  DocumentSymbol,
  FoldingRange,
  Hover,
  Location,
  Range,
  SemanticTokens,
  TextEdit
} from 'vscode-languageserver/node'
import type { TextDocument } from 'vscode-languageserver-textdocument'
import { type Diagnostic, lineStart } from '../base/index.ts'
import {
  complete,
  definition,
  fixes,
  format,
  hover,
  outline,
  type Parsed,
  parse,
  tokensOf,
  vocabulary
} from '../litmus/index.ts'
import { meanings } from '../report/explain-word.ts'
import { completionKind, SEVERITY, symbolKind, tokenModifiers, tokenTypes, tokenWords } from './legend.ts'

/**
 * Characters of the longest text that is looked into: tests are written by hand, those of the library have about a
 * thousand.
 */
export const LONGEST = 100_000

export const tooLong = (doc: TextDocument): boolean => doc.getText().length > LONGEST

const rangeOf = (doc: TextDocument, from: number, to: number): Range => ({
  start: doc.positionAt(from),
  end: doc.positionAt(to)
})

/** Where a message points: its word, or one character where the word stands otherwise in the text. */
export function placeOf(text: string, d: Pick<Diagnostic, 'line' | 'column' | 'word'>): { from: number; to: number } {
  // A line that the text has not any more: its last one.
  const start = lineStart(text, d.line) ?? text.lastIndexOf('\n') + 1
  const from = Math.min(text.length, start + Math.max(0, d.column - 1))
  const word = text.startsWith(d.word, from) ? d.word.length : 0
  return { from, to: Math.min(text.length, from + Math.max(1, word)) }
}

/** A message in an editor: what was expected and the next step stand below it, as on the command line. */
export function toLsp(doc: TextDocument, d: Diagnostic): LspDiagnostic {
  const { from, to } = placeOf(doc.getText(), d)
  const near = d.nearest && d.nearest.length > 0 ? [`did you mean ${d.nearest.map((n) => `'${n}'`).join(' or ')}?`] : []
  const expected = d.expected && d.expected.length > 0 ? [`expected: ${d.expected.join(', ')}`] : []
  return {
    range: rangeOf(doc, from, to),
    severity: SEVERITY[d.severity ?? 'error'],
    code: d.code,
    source: 'tbit',
    message: [d.message, ...near, ...expected, ...(d.hint ? [d.hint] : [])].join('\n')
  }
}

/** All that is wrong or odd in a text; a word without a machine is odd only. */
export function diagnostics(doc: TextDocument, parsed: Parsed): LspDiagnostic[] {
  const errors = parsed.errors.map((d): Diagnostic => (d.code === 'TB-003' ? { ...d, severity: 'warning' } : d))
  return [...errors, ...parsed.warnings].map((d) => toLsp(doc, d))
}

export const parseText = (doc: TextDocument): Parsed => parse(doc.getText(), doc.uri)

const touches = (a: Range, b: Range): boolean => !(after(a.start, b.end) || after(b.start, a.end))
const after = (a: Range['start'], b: Range['start']): boolean =>
  a.line > b.line || (a.line === b.line && a.character > b.character)

/** Ways to mend what is wrong in a range, the likeliest of each message first. */
export function codeActions(doc: TextDocument, parsed: Parsed, range: Range): CodeAction[] {
  return [...parsed.errors, ...parsed.warnings].flatMap((d) => {
    const shown = toLsp(doc, d)
    if (!touches(shown.range, range)) return []
    return fixes(doc.getText(), d).map(
      (f, i): CodeAction => ({
        title: f.title,
        kind: 'quickfix',
        diagnostics: [shown],
        isPreferred: i === 0,
        edit: { changes: { [doc.uri]: [{ range: rangeOf(doc, f.edit.from, f.edit.to), newText: f.edit.text }] } }
      })
    )
  })
}

export function completion(doc: TextDocument, offset: number): CompletionItem[] {
  const { from, words } = complete(doc.getText(), offset)
  const range = rangeOf(doc, from, offset)
  // What is wanted most closely comes first: editors sort by this text.
  return words.map((w, i) => ({
    label: w.word,
    kind: completionKind(w.word),
    detail: w.does,
    sortText: String(i).padStart(4, '0'),
    textEdit: { range, newText: w.word }
  }))
}

/** What the manual says of the word at `offset`. */
export function hoverAt(doc: TextDocument, offset: number): Hover | null {
  const h = hover(doc.getText(), offset)
  if (h === null) return null
  const op = (vocabulary.operations as readonly vocabulary.OpWord[]).find((o) =>
    h.does.startsWith(`${vocabulary.signature(o)}: `)
  )
  const signature = op === undefined ? null : vocabulary.signature(op)
  const does = signature === null ? h.does : h.does.slice(signature.length + 2)
  // What the first line has said already is not said again.
  const more = meanings(h.word)
    .filter((m) => m.kind !== 'kernel message')
    .slice(0, 1)
    .flatMap((m) => m.says)
    .filter((s) => s !== `${does}.` && s !== `${h.does}.`)
  const value = [
    signature === null ? `**${markdown(h.word)}**` : `\`\`\`litmus\n${signature}\n\`\`\``,
    markdown(does),
    ...more.map(markdown)
  ].join('\n\n')
  return { contents: { kind: 'markdown', value }, range: rangeOf(doc, h.from, h.to) }
}

const markdown = (s: string): string => s.replace(/[\\`*_{}[\]<>#|]/g, '\\$&')

export function definitionAt(doc: TextDocument, offset: number): Location | null {
  const d = definition(doc.getText(), offset)
  return d === null ? null : { uri: doc.uri, range: rangeOf(doc, d.from, d.to) }
}

/** The edit that lays the text out: the lines in which the two differ, so that the cursor stays elsewhere. */
export function formatting(doc: TextDocument): TextEdit[] {
  const before = doc.getText()
  const after = format(before)
  if (before === after) return []
  // Whole lines: the protocol has no place between the two characters that may end one.
  const [a, b] = [before.split('\n'), after.split('\n')]
  const most = Math.min(a.length, b.length)
  let head = 0
  while (head < most - 1 && a[head] === b[head]) head++
  let tail = 0
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const from = a.slice(0, head).reduce((n, line) => n + line.length + 1, 0)
  const kept = tail === 0 ? 0 : a.slice(-tail).join('\n').length
  return [{ range: rangeOf(doc, from, before.length - kept), newText: after.slice(from, after.length - kept) }]
}

/**
 * Each token as five numbers, relative to the one before: lines, columns, length, type, modifiers. A token over several
 * lines is one a line.
 */
export function semanticTokens(doc: TextDocument): SemanticTokens {
  const text = doc.getText()
  const data: number[] = []
  let [line, column] = [0, 0]
  for (const t of tokensOf(text)) {
    const { type, modifiers } = tokenWords[t.kind]
    let from = t.from
    for (const piece of text.slice(t.from, t.to).split('\n')) {
      const at = doc.positionAt(from)
      const length = piece.replace(/\r$/, '').length
      from += piece.length + 1
      if (length === 0) continue
      data.push(
        at.line - line,
        at.line === line ? at.character - column : at.character,
        length,
        tokenTypes.indexOf(type),
        modifiers.reduce((bits, m) => bits | (1 << tokenModifiers.indexOf(m)), 0)
      )
      line = at.line
      column = at.character
    }
  }
  return { data }
}

export function symbols(doc: TextDocument): DocumentSymbol[] {
  return outline(doc.getText()).map((p) => ({
    name: p.name === '' ? p.part : p.name,
    detail: p.part,
    kind: symbolKind(p.part),
    range: rangeOf(doc, p.from, p.to),
    selectionRange: rangeOf(doc, p.nameFrom, p.nameTo)
  }))
}

export function folding(doc: TextDocument): FoldingRange[] {
  return outline(doc.getText())
    .map((p) => ({ startLine: doc.positionAt(p.from).line, endLine: doc.positionAt(p.to).line }))
    .filter((r) => r.endLine > r.startLine)
}

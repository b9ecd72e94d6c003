import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TextDocument } from 'vscode-languageserver-textdocument'
import { format, tokensOf } from '../litmus/index.ts'
import {
  codeActions,
  completion,
  definitionAt,
  diagnostics,
  folding,
  formatting,
  hoverAt,
  parseText,
  placeOf,
  semanticTokens,
  symbols
} from './features.ts'
import { tokenTypes, tokenWords } from './legend.ts'
import { runs } from '../../test/runs.ts'

const doc = (text: string, version = 1): TextDocument => TextDocument.create('file:///a', 'litmus', version, text)
// Words of the language in any order, cut anywhere, with what editors and people bring: ends of lines of three kinds,
// characters of two halves.
const texts = fc
  .array(
    fc.constantFrom(
      'litmus a "b"\n',
      'thread os {',
      '}',
      '(',
      ')',
      ' ',
      '\r\n',
      '\r',
      '\n',
      'dma_map_single',
      'nic',
      ',',
      '"',
      '/*',
      '*/',
      '# c\n',
      '😀',
      'device nic { tdisp }\n',
      'expect * : ok\n',
      'x = ',
      '\u0000',
      '=='
    ),
    { maxLength: 30 }
  )
  .map((w) => w.join(''))

test('the edits of the layout give what tbit fmt gives', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(TextDocument.applyEdits(doc(text), formatting(doc(text)))).toBe(format(text))
    }),
    { numRuns: runs(300) }
  )
})

test('colours: every token of the language in its place, in order, on one line each', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const d = doc(text)
      const { data } = semanticTokens(d)
      let [line, column] = [0, 0]
      const got: string[] = []
      for (let i = 0; i < data.length; i += 5) {
        const [lines = 0, columns = 0, length = 0, type = 0] = data.slice(i, i + 4)
        column = lines > 0 ? columns : column + columns
        line += lines
        const from = d.offsetAt({ line, character: column })
        expect([lines >= 0, columns >= 0, length > 0, tokenTypes[type] !== undefined]).toEqual([true, true, true, true])
        got.push(text.slice(from, from + length))
      }
      expect(got).toEqual(
        tokensOf(text).flatMap((t) =>
          text
            .slice(t.from, t.to)
            .split('\n')
            .map((s) => s.replace(/\r$/, ''))
            .filter((s) => s !== '')
        )
      )
    }),
    { numRuns: runs(300) }
  )
})

test('no text and no place breaks an answer, and every range lies in the text', () => {
  fc.assert(
    fc.property(texts, fc.nat(200), (text, at) => {
      const d = doc(text)
      const offset = Math.min(at, text.length)
      const parsed = parseText(d)
      const all = [
        ...diagnostics(d, parsed).map((x) => x.range),
        ...symbols(d).flatMap((s) => [s.range, s.selectionRange])
      ]
      for (const r of all) expect(d.offsetAt(r.end)).toBeGreaterThanOrEqual(d.offsetAt(r.start))
      codeActions(d, parsed, { start: d.positionAt(0), end: d.positionAt(text.length) })
      completion(d, offset)
      hoverAt(d, offset)
      definitionAt(d, offset)
      folding(d)
    }),
    { numRuns: runs(300) }
  )
})

test('a message stands at its word', () => {
  const text = 'litmus a "b"\nplatform arm-ccx\n'
  const d = parseText(doc(text)).errors.find((e) => e.code === 'TB-227')
  const { from, to } = placeOf(text, d ?? { line: 0, column: 0, word: '' })
  expect(text.slice(from, to)).toBe('arm-ccx')
})

test('hover: an operation by its signature, a key with its values and default', () => {
  const text = 'litmus a "b"\nconfig { swiotlb_force on }\nthread os { dma_alloc_coherent(nic, 4K) }'
  const at = (w: string): string => JSON.stringify(hoverAt(doc(text), text.indexOf(w) + 1)?.contents)
  expect(at('dma_alloc_coherent')).toMatch(/```litmus\\nb = dma_alloc_coherent\(/)
  expect(at('thread')).toMatch(/\*\*thread\*\*/)
})

test('each kind of token has its words for every editor', () => {
  for (const [kind, w] of Object.entries(tokenWords))
    expect([kind, Object.values(w).every((v) => v.length > 0 || Array.isArray(v))]).toEqual([kind, true])
})

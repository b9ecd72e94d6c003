// The files in editors/ are what the tables of the language make, and they colour the library as the language itself
// reads it: by the library that VS Code has its TextMate grammars from, and by Vim where it is installed.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import oniguruma from 'vscode-oniguruma'
import textmate from 'vscode-textmate'
import { type TokenKind, tokensOf, vocabulary } from '../../src/litmus/index.ts'
import { madeFiles } from '../../src/lsp/grammars.ts'
import { tokenWords } from '../../src/lsp/legend.ts'
import { root } from '../_transcripts.ts'
import { discard, newFolder } from '../scratch.ts'

const editors = join(root, 'editors')
const litmus = readdirSync(join(root, 'litmus'), { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.litmus'))
  .sort()
const texts = litmus.map((f) => readFileSync(join(root, 'litmus', f), 'utf8'))

/** Every operation, key and word there is, which no file of the library has all of. */
const all = [
  'litmus every "word" # said',
  ...vocabulary.platformNames.map((p) => `platform ${p}`),
  ...vocabulary.kernelNames.map((k) => `kernel ${k}`),
  ...[...vocabulary.propertyByName.keys()].map((p) => `expect cc-*, linux-6.12 on arm-cca : ${p}`),
  'config {',
  ...[...vocabulary.configByName.keys()].map((k) => `  ${k} 4K`),
  '}',
  'device nic {',
  ...[...vocabulary.deviceKeyByName.keys()].map((k) => `  ${k}`),
  '}',
  'thread os {',
  ...[...vocabulary.operationByName.keys()].map((o) => `  r = ${o}(nic, p, TO_DEVICE)`),
  ...[...vocabulary.fieldByName.keys()].map((f) => `  assert (x.${f} == 1) // why`),
  '}'
].join('\n')

test.each(Object.entries(madeFiles()))(
  'editors/%s is as the tables make it (node scripts/editors.mjs)',
  (path, text) => {
    expect(readFileSync(join(editors, path), 'utf8')).toBe(text)
  }
)

// A grammar of lines knows no parts: a word that is a name, a key or a constant by where it stands may be another of
// these there.
const BY_PLACE: readonly TokenKind[] = [
  'name',
  'key',
  'constant',
  'field',
  'property',
  'kernel',
  'platform',
  'keyword',
  'function',
  'operation'
]
/** Words of the text whose kind a grammar of lines cannot know, in parts of all that have one. */
const MOST_BY_PLACE = 0.02

/** `kindAt`: what the grammar says stands at a place, by the word that the table has for a kind. */
function compare(
  kindAt: (text: number, offset: number) => string,
  word: (kind: TokenKind) => string,
  sources: readonly string[]
): void {
  let [same, other] = [0, 0]
  const wrong = new Map<string, number>()
  for (const [i, text] of sources.entries())
    for (const t of tokensOf(text)) {
      const got = kindAt(i, t.from)
      const same1 =
        got === word(t.kind) ||
        (t.kind === 'comment' && got.startsWith(word('comment').split('.')[0] ?? '')) ||
        ((t.kind === 'name' || t.kind === 'operator') && got === '')
      if (same1) {
        same++
        continue
      }
      if (BY_PLACE.includes(t.kind)) other++
      else wrong.set(`${t.kind} ${text.slice(t.from, t.to).slice(0, 30)}: ${got}`, 1)
    }
  expect([...wrong.keys()].slice(0, 20)).toEqual([])
  expect(same).toBeGreaterThan(1000)
  expect(other / (same + other)).toBeLessThan(MOST_BY_PLACE)
}

describe('TextMate', () => {
  test('colours as the language reads', async () => {
    const wasm = readFileSync(createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm'))
    await oniguruma.loadWASM(new Uint8Array(wasm).buffer)
    const registry = new textmate.Registry({
      onigLib: Promise.resolve({
        createOnigScanner: (p) => new oniguruma.OnigScanner(p),
        createOnigString: (s) => new oniguruma.OnigString(s)
      }),
      loadGrammar: () =>
        Promise.resolve(
          textmate.parseRawGrammar(
            readFileSync(join(editors, 'vscode/syntaxes/litmus.tmLanguage.json'), 'utf8'),
            'x.json'
          )
        )
    })
    const grammar = await registry.loadGrammar('source.litmus')
    const sources = [...texts, all]
    const scopes = sources.map((text) => {
      let stack = textmate.INITIAL
      let start = 0
      const out: Array<{ from: number; scope: string }> = []
      for (const line of text.split('\n')) {
        const r = grammar?.tokenizeLine(line, stack)
        if (r === undefined) break
        for (const t of r.tokens)
          out.push({
            from: start + t.startIndex,
            scope: (t.scopes.at(-1) ?? '').replace(/^source\.litmus$/, '').replace(/\.litmus$/, '')
          })
        stack = r.ruleStack
        start += line.length + 1
      }
      return out
    })
    compare(
      (i, offset) => scopes[i]?.findLast((s) => s.from <= offset)?.scope ?? '',
      (k) => tokenWords[k].scope,
      sources
    )
  }, 60_000)
})

const vim = spawnSync('vim', ['--version'], { encoding: 'utf8' })
const hasVim = vim.status === 0 && vim.stdout.includes('+syntax')

test.skipIf(!hasVim)(
  `Vim colours as the language reads${hasVim ? '' : ' (skipped: no vim with syntax here)'}`,
  () => {
    const dir = newFolder('vim')
    try {
      // Every tenth file: Vim asks for one character at a time.
      const sources = [...texts.filter((_, i) => i % 10 === 0), all]
      for (const [i, t] of sources.entries()) writeFileSync(join(dir, `${i}.litmus`), t)
      const script =
        `set nomore\nset rtp^=${join(editors, 'vim')}\nsyntax on\nfiletype plugin on\nfor n in range(` +
        `${sources.length})\n  exe 'edit ' . '${dir}/' . n . '.litmus'\n  let out = [&filetype]\n  for l in ` +
        `range(1, line('$'))\n    call add(out, join(map(range(1, col([l, '$']) - 1), 'synIDattr(synID(l, v:val, ` +
        `1), "name")'), ','))\n  endfor\n  call writefile(out, '${dir}/' . n . '.out')\nendfor\nqa!\n`
      writeFileSync(join(dir, 'run.vim'), script)
      spawnSync('vim', ['-u', 'NONE', '-N', '-n', '-es', '-S', join(dir, 'run.vim')], { timeout: 100_000 })
      const groups = sources.map((text, i) => {
        const [type, ...lines] = readFileSync(join(dir, `${i}.out`), 'utf8').split('\n')
        expect(type).toBe('litmus')
        return text
          .split('\n')
          .flatMap((line, l) => [...(lines[l] ?? '').split(',').slice(0, line.length), ...(line === '' ? [] : []), ''])
      })
      compare(
        (i, offset) => (groups[i]?.[offset] ?? '').replace(/^litmus/, '').toLowerCase(),
        (k) => k,
        sources
      )
    } finally {
      discard(dir)
    }
  },
  120_000
)

test('the extension names files that are there, and its settings are those of the server', () => {
  const dir = join(editors, 'vscode')
  const p = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
    main: string
    version: string
    contributes: {
      languages: Array<{ configuration: string }>
      grammars: Array<{ path: string }>
      configuration: { properties: Record<string, unknown> }
    }
  }
  for (const f of [
    p.main,
    ...p.contributes.languages.map((l) => l.configuration),
    ...p.contributes.grammars.map((g) => g.path)
  ])
    expect(readdirSync(dirname(join(dir, f)))).toContain(f.split('/').at(-1))
  JSON.parse(readFileSync(join(dir, 'language-configuration.json'), 'utf8'))
  const client = readFileSync(join(dir, p.main), 'utf8')
  for (const name of Object.keys(p.contributes.configuration.properties))
    expect(client).toContain(`'${name.replace('tbit.', '')}'`)
})

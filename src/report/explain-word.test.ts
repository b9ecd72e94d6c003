import { describe, expect, test } from 'vitest'
import { codes } from '../base/index.ts'
import { decisionNames, type MessageId, messageTable } from '../kernel/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { platforms } from '../machine/index.ts'
import { properties } from '../properties/index.ts'
import { explainWordText, meanings, nearWords } from './explain-word.ts'
import { kernelWords } from './kernel-words.ts'

const kinds = (word: string): string[] => meanings(word).map((m) => m.kind)

describe('every word of a table is explained as what it is', () => {
  const all: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['error code', Object.keys(codes)],
    ['property', properties.map((p) => p.name)],
    ['rule', platforms.flatMap((p) => p.rows.map((r) => r.id))],
    ['decision of a kernel revision', decisionNames],
    ['config key', vocabulary.configKeys.map((k) => k.name)],
    ['device key', vocabulary.deviceKeys.map((k) => k.name)],
    ['operation', vocabulary.operations.map((k) => k.name)],
    ['attribute', vocabulary.attributes.map((k) => `DMA_ATTR_${k.name}`)]
  ]
  test.each(all)('%s', (kind, words) => {
    for (const w of words) expect([w, kinds(w)]).toEqual([w, expect.arrayContaining([kind])])
  })

  test('options, files and events of the kernel', () => {
    for (const k of kernelWords) for (const n of k.names) expect(kinds(n)).toContain(k.kind)
  })

  test('the text of every kernel message, and a phrase of it', () => {
    for (const id of Object.keys(messageTable) as MessageId[]) {
      const literal = messageTable[id].text
        .replace(/^\{dev\}: /, '')
        .split(/\{\w+(?::\w+)?\}/)
        .sort((a, b) => b.length - a.length)[0] as string
      const phrase = literal.trim().toUpperCase()
      if (phrase.length >= 6)
        expect([phrase, kinds(phrase)]).toEqual([phrase, expect.arrayContaining(['kernel message'])])
    }
    expect(explainWordText(meanings('swiotlb buffer is full'))).toContain('fewer than the failures')
  })

  test("a function of the kernel's: its file, what revisions decide in it, who calls it", () => {
    const [f] = meanings('dma_direct_free()')
    expect(f?.kind).toBe('function of the kernel')
    expect(f?.says.join('\n')).toMatch(/^kernel\/dma\/direct\.c; .*reencryptOnFree.*Called by: dma_free_attrs\./s)
    // Each decision is known, and each word goes on from there.
    for (const see of f?.see ?? []) {
      const word = /^tbit explain (\w+)$/.exec(see)?.[1]
      if (word !== undefined) expect(kinds(word)).toContain('decision of a kernel revision')
    }
    expect(kinds('swiotlb_tbl_map_single')).toContain('function of the kernel')
    // methods of the pools are functions of the kernel, too
    expect(meanings('dma_guess_pool')[0]?.says.join(' ')).toMatch(/kernel\/dma\/pool\.c.*atomicPoolLookup/)
    expect(nearWords('dma_direct_fre')).toContain('dma_direct_free')
  })

  test('a finding by its parts: the property, and the rule that decided', () => {
    const rule = platforms[0]?.rows[0]?.id ?? ''
    const [f, r] = meanings(`fault/dma-read/${rule}/0123456789ab`)
    expect([f?.kind, r?.kind, r?.name]).toEqual(['finding', 'rule', rule])
  })
})

test('no line is longer than 80 columns, but for words that are', () => {
  const words = [
    ...Object.keys(codes),
    ...properties.map((p) => p.name),
    ...platforms.flatMap((p) => p.rows.map((r) => r.id)),
    ...decisionNames,
    ...kernelWords.flatMap((k) => k.names),
    'dma_direct_alloc',
    'swiotlb buffer is full',
    'coherent allocation failed'
  ]
  for (const w of words)
    for (const line of explainWordText(meanings(w)).split('\n'))
      expect(line.trim().includes(' ') ? line.length : 0).toBeLessThanOrEqual(80)
})

test('what no table has is told with what is near', () => {
  expect(meanings('exposd')).toEqual([])
  expect(nearWords('exposd')).toContain('exposed')
  for (const w of ['', 'constructor', '__proto__', 'a', '\u001b[2J']) expect(meanings(w)).toEqual([])
})

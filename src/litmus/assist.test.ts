import { describe, expect, test } from 'vitest'
import { definition, fixes, hover, parse } from './index.ts'

const text = `litmus a "b"
kernel fix = cc-v7 + pkvmForces
device nic { tdisp }
mmio bar { of nic, shared }
init {
  early = alloc_page()
}
thread os {
  p = alloc_page()
  if (p != ERR) {
    h = dma_map_single(nic, p, TO_DEVICE)
  }
  dma_unmap_single(nic, h)
  wait (other.q == ERR)
  q = p
}
thread other {
  q = alloc_page()
  fill(early, secret)
}
expect fix : ok
`
// The place of the nth occurrence of a word, in its middle.
function at(word: string, n = 1): number {
  let i = -1
  for (let k = 0; k < n; k++) i = text.indexOf(word, i + 1)
  return i + 1
}
const defined = (word: string, n: number): string | null => {
  const d = definition(text, at(word, n))
  return d === null ? null : `${text.slice(0, d.from).split('\n').length}:${text.slice(d.from, d.to)}`
}

describe('hover', () => {
  test.each([
    ['dma_map_single', 1, /dma_map_single\(.*: /],
    ['tdisp', 1, /TDI|T=1|accept/i],
    ['thread', 1, /thread NAME/],
    ['cc-v7', 1, /v7/],
    ['expect', 1, /expect KERNELS/],
    ['TO_DEVICE', 1, /device/],
    ['fix', 2, /cc-v7 \+ pkvmForces/]
  ] as const)('%s', (word, n, does) => {
    expect(hover(text, at(word, n))?.does).toMatch(does)
  })
  test('nothing to say', () => {
    expect(hover(text, text.indexOf('{'))).toBeNull()
    expect(hover('', 0)).toBeNull()
    expect(hover('litmus a "words in a string"', 15)).toBeNull()
  })
})

describe('definition', () => {
  test('devices, variables of this and other threads, revisions, threads', () => {
    expect(defined('nic, p', 1)).toBe('3:nic')
    expect(defined('p, TO', 1)).toBe('9:p')
    expect(defined('h)', 1)).toBe('11:h')
    expect(defined('q ==', 1)).toBe('18:q')
    expect(defined('early, s', 1)).toBe('6:early')
    expect(defined('fix :', 1)).toBe('2:fix')
    expect(defined('other.q', 1)).toBe('17:other')
    expect(defined('secret', 1)).toBeNull()
  })
})

describe('fixes', () => {
  test('the nearest word in the place of the wrong one', () => {
    const wrong = text.replace('{ tdisp }', '{ tdips }')
    const [d] = parse(wrong, 'a.litmus').errors
    const [fix] = d === undefined ? [] : fixes(wrong, d)
    expect(fix?.title).toBe("write 'tdisp'")
    expect(fix && wrong.slice(0, fix.edit.from) + fix.edit.text + wrong.slice(fix.edit.to)).toBe(text)
  })
  test('none where the text is another by now', () => {
    const wrong = text.replace('{ tdisp }', '{ tdips }')
    const [d] = parse(wrong, 'a.litmus').errors
    expect(d && fixes('litmus a "b"\n', d)).toEqual([])
    expect(d && fixes(text, d)).toEqual([])
  })
})

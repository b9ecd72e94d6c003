import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { huntedPath, huntPages, readHunt } from './hunts.ts'
import type { Library } from './library.ts'

const FILE = 'test/fixtures/hunt/coherent-tdisp.json'
const text = readFileSync(FILE, 'utf8')
const nothing: Library = {
  tests: [],
  texts: new Map(),
  results: [],
  kernels: [],
  platforms: [],
  families: [],
  causes: new Map(),
  part: null
}

test('a saved hunt is read; another file is refused with what it lacks', () => {
  const hunt = readHunt(FILE, text)
  expect(hunt.findings.map((f) => f.harm)).toEqual(['device breaks', 'device breaks'])
  expect(hunt.findings.every((f) => f.alsoBy.length > 0)).toBe(true)
  const refused = (t: string): string => {
    try {
      readHunt('x.json', t)
      return ''
    } catch (e) {
      return (e as Error).message
    }
  }
  expect(refused('')).toMatch(/^x\.json: no JSON; tbit hunt .* writes such a file$/)
  expect(refused('[]')).toContain("no object 'hunt'")
  expect(refused('{"results": []}')).toContain('format undefined, and 1 is read here')
  expect(refused(text.replace('"trigger"', '"other"'))).toContain("no text 'trigger'")
})

test('what check does not find again is said, and nothing of a file is markup or a way out of the folder', () => {
  const hunt = readHunt(FILE, text.replaceAll('rfc-v1', '..<b>x</b>/..').replaceAll('DMA read', '<img src=x>'))
  const [list, ...more] = huntPages(nothing, [
    { hunt, pages: hunt.findings.map((finding) => ({ finding, page: null })) }
  ])
  expect(more).toEqual([])
  expect(list?.main).toContain('2 findings of the file without a link')
  expect(list?.main).toContain('&#60;img src=x&#62;')
  expect(list?.main).not.toMatch(/<img|<b>x/)
  for (const f of hunt.findings) expect(huntedPath(hunt, f)).toMatch(/^h\/[\w-][\w.-]*\/arm-cca\/[\w-]+\.html$/)
})

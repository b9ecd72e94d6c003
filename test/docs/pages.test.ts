// The pages hang together: every page is reached from the index, every link leads somewhere, the thread is answered
// point by point.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { checkTest, pairsOf } from '../../src/check/index.ts'
import { parse } from '../../src/litmus/index.ts'
import { LIMITS } from '../../src/report/check-run.ts'
import { steps } from '../_transcripts.ts'

const pages = [
  'README.md',
  'litmus/README.md',
  ...readdirSync('docs')
    .filter((f) => f.endsWith('.md'))
    .map((f) => `docs/${f}`)
]
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')

test('every link to a page or a heading leads somewhere', () => {
  for (const page of pages) {
    for (const [, target = ''] of readFileSync(page, 'utf8')
      .replace(/```[\s\S]*?```/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', hash] = target.split('#')
      const path = file === '' ? page : join(dirname(page), file)
      expect(existsSync(path), `${page}: ${target}`).toBe(true)
      if (hash !== undefined)
        expect(
          [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map((m) => anchor(m[1] as string)),
          `${page}: ${target}`
        ).toContain(hash)
    }
  }
})

test('the index has every page, and README leads to it', () => {
  const index = readFileSync('docs/index.md', 'utf8')
  for (const page of pages.filter((p) => p.startsWith('docs/') && p !== 'docs/index.md'))
    expect(index, page).toContain(`(${page.slice('docs/'.length)})`)
  const readme = readFileSync('README.md', 'utf8')
  for (const page of ['docs/thread.md', 'docs/index.md', 'docs/tutorial.md', LIMITS])
    expect(readme).toContain(`(${page})`)
  expect(/\]\(([^)]+)\)/.exec(readme)?.[1]).toBe('docs/thread.md')
})

test('the thread: points 1 to 20, each with one command and three to five lines of its output', () => {
  const text = readFileSync('docs/thread.md', 'utf8')
  const sections = text.split(/^### (?=\d+\. )/m).slice(1)
  expect(sections.map((s) => Number.parseInt(s, 10)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1)
  )
  for (const s of sections) {
    const point = s.slice(0, s.indexOf('\n'))
    const own = steps(s.split(/^## /m)[0] as string)
    expect(own.length, point).toBe(1)
    const lines = own[0]?.expected.filter((l) => l !== '...') ?? []
    expect(lines.length, point).toBeGreaterThanOrEqual(3)
    expect(lines.length, point).toBeLessThanOrEqual(5)
    expect(s, point).toMatch(/^(?:Settled|Open|No model can say|The hardware part is settled)/m)
  }
  expect([...text.matchAll(/^\| \[(\d+)\]/gm)].length).toBe(20)
})

test('a litmus test on a page says the truth', () => {
  for (const page of pages) {
    for (const [, text = ''] of readFileSync(page, 'utf8').matchAll(/^```litmus\n([\s\S]*?)^```/gm)) {
      const { test: t, errors, warnings } = parse(text, page)
      expect([...errors, ...warnings], page).toEqual([])
      if (!t) continue
      for (const { kernel, platform } of pairsOf(t, { kernels: null, platforms: null }))
        expect(checkTest(t, kernel, platform).expected, `${page}: ${t.name} ${kernel} ${platform}`).not.toBe('mismatch')
    }
  }
})

test('what the front door prints fits 80 columns', () => {
  for (const page of ['README.md', 'docs/thread.md', 'docs/tutorial.md', 'docs/check.md', 'docs/faq.md']) {
    for (const s of steps(readFileSync(page, 'utf8')))
      for (const l of s.expected) expect(l.length, `${page}: ${l}`).toBeLessThanOrEqual(80)
  }
})

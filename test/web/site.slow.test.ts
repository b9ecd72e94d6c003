// The site as files: every page and every link of it, without a browser.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Built, builtSite, filesOf } from './_site.ts'

let site: Built
beforeAll(async () => { site = await builtSite() })
afterAll(() => site.remove())

const html = (): string[] => filesOf(site.dir).filter((f) => f.endsWith('.html'))
const read = (path: string): string => readFileSync(join(site.dir, path), 'utf8')

test('every link of every page is relative and leads to a page, and to a place in it', () => {
  const ids = new Map<string, Set<string>>()
  const idsOf = (path: string): Set<string> => {
    if (!ids.has(path)) ids.set(path, new Set([...read(path).matchAll(/ id="([^"]+)"/g)].map((m) => m[1] as string)))
    return ids.get(path) as Set<string>
  }
  let links = 0
  for (const page of html()) {
    for (const [, to = ''] of read(page).matchAll(/(?:href|src)="([^"]+)"/g)) {
      if (/^https:\/\//.test(to)) { expect(page, to).toMatch(/^(?:docs|litmus|[A-Z]+\.html)/); continue }
      const [file = '', hash] = to.split('#')
      expect(file, `${page}: ${to}`).not.toMatch(/^[/\\]|:/)
      const path = file === '' ? page : normalize(join(dirname(page), decodeURI(file)))
      // The app's own scripts are another piece of the build.
      if (!path.startsWith('app/')) expect(existsSync(join(site.dir, path)), `${page}: ${to}`).toBe(true)
      if (hash !== undefined && !/^(?:v1|s\d)/.test(hash) && path.endsWith('.html')) expect(idsOf(path).has(hash), `${page}: ${to}`).toBe(true)
      links++
    }
  }
  expect(links).toBeGreaterThan(3000)
})

test('every page has a policy, no script or style of its own, a title, a language, one first heading', () => {
  for (const page of html()) {
    const text = read(page)
    expect(text, page).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(text, page).toContain("default-src &#39;none&#39;")
    expect(text, page).not.toMatch(/<script(?![^>]* src=)|<style|\son[a-z]+="|javascript:/)
    // The style of a page that stands alone allows attributes; these pages have a style sheet alone.
    expect(text.replace(/<svg[\s\S]*?<\/svg>/g, ''), page).not.toMatch(/\sstyle="/)
    expect(text.match(/<h1/g)?.length, page).toBe(1)
    expect(text, page).toMatch(/<title>[^<]+<\/title>/)
    if (/^(?:f|t|at|diff)\//.test(page)) expect(text, page).not.toMatch(/undefined|\[object|NaN/)
  }
})

test('a page a finding, a test, a pair of revisions; the matrix counts what the lists have', () => {
  const pages = html()
  expect(pages.filter((p) => p.startsWith('f/')).length).toBeGreaterThan(20)
  expect(pages).toContain('t/alloc-while-accepted.html')
  expect(pages).toContain('diff/tio-v2--cc-v4.html')
  const cells = [...read('index.html').matchAll(/href="(at\/[^"]+)">(\d+)</g)]
  expect(cells.length).toBeGreaterThan(40)
  for (const [, path = '', n] of cells) expect(read(path).match(/class="family"/g)?.length ?? 0, path).toBe(Number(n))
  expect(read('diff/tio-v2--cc-v4.html')).toContain('because of <code>')
  expect(read('index.html')).toContain('class="cursor"')
})

test('markup in a name or a text is text', async () => {
  const { docsPages } = await import('../../src/web/static/docs.ts')
  const [page] = docsPages(new Map([['docs/x.md', '# A <img src=x onerror=alert(1)>\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](y.md) `<b>`']]), new Set())
  expect(page?.main).not.toMatch(/<script|<img|href="javascript/)
})

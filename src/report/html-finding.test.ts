import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type CheckResult, checkTest, pairsOf } from '../check/index.ts'
import { parse } from '../litmus/index.ts'
import type { CheckRun } from './check-run.ts'
import { checkHtml, distinctFindings } from './check-html.ts'
import { handleBits } from './html-finding.ts'

function runOf(text: string, file: string, only?: { kernel: string; platform: string }): CheckRun {
  const t = parse(text, file).test
  if (t === undefined) throw new Error(`${file} parses`)
  const results: CheckResult[] = (only === undefined ? pairsOf(t, { kernels: null, platforms: null }) : [only]).map(
    (p) => checkTest(t, p.kernel, p.platform, { frames: true })
  )
  return { tests: [t], results, errors: [], texts: new Map([[file, text]]), interrupted: null }
}
const library = (file: string, only?: { kernel: string; platform: string }): CheckRun =>
  runOf(readFileSync(file, 'utf8'), file, only)
const ONE = { kernel: 'cc-v8', platform: 'arm-cca' }
const FILE = 'litmus/coherent/coherent-free-with-driver-without-driver.litmus'
/** What a reader without style, script and pictures gets. */
const plainText = (html: string): string =>
  html
    .replace(/<(script|style|svg)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#(\d+);/g, (_, n: string) => String.fromCharCode(Number(n)))
    .replace(/\s+/g, ' ')

test('one finding is one file that loads nothing and says everything without script and picture', () => {
  const html = checkHtml(library(FILE, ONE))
  expect(html).not.toMatch(/\b(?:src|href)="(?!#)|@import|url\((?!#)|https?:\/\/(?!www\.w3\.org)/)
  expect(html).toContain('default-src &#39;none&#39;')
  const text = plainText(html)
  for (const said of [
    'dma_direct_free frees page 0x100, which the host still reaches',
    'not accepted',
    'shared page',
    'bit 39 (shared) set',
    'nic.accepted is set',
    'tbit run litmus/',
    "--schedule 'os*30'",
    'RFC PATCH v1 04/38',
    'thread os {',
    'Absent from this run',
    'coherent-free-with-driver-without-driver on arm-cca: cc-v8'
  ])
    expect(text, said).toContain(said)
})

test('a picture has its columns in the table, each with the same number', () => {
  for (const f of distinctFindings(
    library('litmus/races/alloc-while-accepted.litmus', { kernel: 'rfc-v1-05', platform: 'arm-cca' })
  )) {
    const html = checkHtml({
      ...library('litmus/races/alloc-while-accepted.litmus', { kernel: 'rfc-v1-05', platform: 'arm-cca' })
    })
    const columns = [...html.matchAll(/data-steps="([^"]+)"/g)].flatMap((m) => (m[1] as string).split(' '))
    const rows = new Set([...html.matchAll(/<tr data-step="(\d+)"/g)].map((m) => m[1]))
    expect(columns.length, f.violation.id).toBeGreaterThan(0)
    for (const c of columns) expect(rows).toContain(c)
  }
})

test('many pairs: verdicts, then each finding once; none: it says so', () => {
  const run = library(FILE)
  const html = checkHtml(run)
  expect(html.match(/<article class="player">/g)?.length).toBe(distinctFindings(run).length)
  expect(new Set(distinctFindings(run).map((f) => f.violation.id)).size).toBe(distinctFindings(run).length)
  expect(plainText(html)).toContain('distinct findings')
  expect(plainText(checkHtml(library('litmus/streaming/direct-at-t1.litmus', ONE)))).toContain('Nothing was found.')
})

test('markup in a name, a text or a file is text', () => {
  const evil = '<img src=x onerror=alert(1)>'
  const text = readFileSync(FILE, 'utf8')
    .replace(/^ {2}".*"$/m, `  "${evil}"`)
    .replace(/^source {3}".*"$/m, `source   "</script><script>alert(1)</script>"`)
  for (const only of [ONE, undefined]) {
    const html = checkHtml(runOf(text, `${evil}.litmus`, only))
    expect(html).not.toContain('<img')
    expect(html.match(/<script/g)?.length).toBe(1)
  }
})

test('the largest page of a library test that has many steps stays small', () => {
  for (const f of ['litmus/races/alloc-while-accepted.litmus', FILE])
    expect(
      gzipSync(checkHtml(library(f, { kernel: 'rfc-v1', platform: 'arm-cca' })), { level: 9 }).length
    ).toBeLessThan(15 * 1024)
})

test('a bus address is told bit by bit, in groups of four that no line ends in', () => {
  const html = handleBits({
    name: 'h',
    handle: 0x80_0010_0000,
    bits: [{ bit: 39, name: 'shared', set: true }],
    alias: 'shared',
    phys: 0x10_0000,
    bounce: null
  })
  const groups = [...html.matchAll(/<i>(.*?)<\/i>/g)].map((m) => m[1] ?? '')
  expect(groups.map((g) => g.match(/<span/g)?.length)).toEqual(Array(10).fill(4))
  expect(groups.join('').replace(/<[^>]*>/g, '')).toBe((0x80_0010_0000).toString(2).padStart(40, '0'))
  expect(groups[0]).toMatch(/^<span class="shr">1<\/span>/)
  expect(html).toContain('h = 0x8000100000: bit 39 (shared) set: the shared alias of page 0x100')
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { valid } from '../../test/_formats.ts'
import { checkTest } from '../check/index.ts'
import { changesBetween } from '../conform/kernel-changes.ts'
import { parse } from '../litmus/index.ts'
import { type KernelReview, reviewFormats, seriesFormats } from './kernel-changes.ts'

// A test that finds something on one revision of the model and not on another stands for two trees.
const { test: litmus } = parse(
  readFileSync(new URL('../../docs/examples/coherent-freed-after-accept.litmus', import.meta.url), 'utf8'),
  'freed-shared.litmus'
)
if (!litmus) throw new Error('parse')
const on = (k: string): ReturnType<typeof checkTest> => checkTest(litmus, k, 'arm-cca', { interleave: 'calls' })
const pairs = [{ before: on('linux-6.15'), after: on('rfc-v1') }]

const review = (more: Partial<KernelReview> = {}): KernelReview => ({
  before: 'a',
  after: 'b',
  compared: 1,
  identical: false,
  changes: changesBetween(pairs),
  errors: [],
  undecided: 0,
  skipped: new Map(),
  introduced: [],
  notes: [],
  again: (r) => `tbit kernel check b ${r.file} --platform ${r.platform}`,
  ...more
})
const error = {
  code: 'TB-607',
  file: 'b/kernel/dma/direct.c',
  line: 3,
  column: 1,
  word: 'x',
  message: "function 'x' is not known"
}

test('each format has every change, and no line of text is wider than its page', () => {
  const r = review()
  expect(r.changes.length).toBeGreaterThan(0)
  for (const width of [60, 80])
    expect(
      reviewFormats
        .text(r, { width })
        .split('\n')
        .filter((l) => l.length > width)
    ).toEqual([])
  const items = JSON.parse(reviewFormats.b4(r)) as Array<{ status: string; summary: string; details: string }>
  expect(items).toHaveLength(r.changes.length)
  for (const i of items) {
    expect(i.summary.length).toBeLessThanOrEqual(100)
    expect(i.details).toContain('tbit kernel check b freed-shared.litmus')
  }
  expect(
    reviewFormats
      .mail(r)
      .split('\n')
      .filter((l) => l.length > 78)
  ).toEqual([])
  const sarif = JSON.parse(reviewFormats.sarif(r)) as { runs: Array<{ results: Array<{ ruleId: string }> }> }
  expect(sarif.runs[0]?.results).toHaveLength(r.changes.length)
  expect(valid('kernel-diff', reviewFormats.json(r))).toMatchObject({ format: 1, compared: 1, errors: [] })
})

test('the sentence of a finding is the same at each width: it is broken into lines once', () => {
  const sentence = (width: number): string => {
    const lines = reviewFormats.text(review(), { width }).split('\n')
    const from = lines.findIndex((l) => l.startsWith('  exposed: '))
    const more = lines.slice(from + 1).findIndex((l) => !/^ {2}\S/.test(l) || /^ {2}(?:id|tbit) /.test(l))
    return lines
      .slice(from, from + 1 + more)
      .map((l) => l.trim())
      .join(' ')
  }
  const widths = Array.from({ length: 21 }, (_, i) => 60 + i)
  expect(sentence(80)).toMatch(/^exposed: .+\w$/)
  expect([...new Set(widths.map(sentence))]).toEqual([sentence(80)])
})

test('no change is an empty list; a side that could not be built never is', () => {
  const none = review({ changes: [] })
  expect([reviewFormats.b4(none), reviewFormats.mail(none)]).toEqual(['[]\n', ''])
  expect(reviewFormats.text(none, { width: 80 })).toContain('no finding and no verdict differs')
  const failed = review({ changes: [], errors: [error] })
  expect(JSON.parse(reviewFormats.b4(failed))).toMatchObject([
    { status: 'fail', summary: expect.stringContaining('TB-607 b/kernel/dma/direct.c:3') }
  ])
  expect(reviewFormats.mail(failed)).toContain('TB-607')
  expect(JSON.parse(reviewFormats.sarif(failed))).toMatchObject({
    runs: [{ results: [{ ruleId: 'TB-607', level: 'error' }] }]
  })
})

test('a series says of each patch what it changes, and of one that is not compiled that it is not', () => {
  const s = {
    base: 'a',
    total: 3,
    stopped: null,
    patches: [
      { number: 1, subject: 'one', review: 'none' as const },
      { number: 2, subject: 'two\u001b[31m', review: review() },
      { number: 3, subject: 'three', review: review({ changes: [], errors: [error] }) }
    ]
  }
  const text = seriesFormats.text(s, { width: 80 })
  expect(text).toContain('1/3 one: touches nothing that is compiled here')
  expect(text).toContain('3/3 three: cannot be compared: TB-607')
  expect(text).not.toContain('\u001b')
  expect(valid('kernel-series', seriesFormats.json(s))).toMatchObject({ format: 1, total: 3 })
  expect(JSON.parse(seriesFormats.b4(s))).toHaveLength(review().changes.length + 1)
})

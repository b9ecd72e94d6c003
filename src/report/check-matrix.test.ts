import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkTest, pairsOf } from '../check/index.ts'
import { parse } from '../litmus/index.ts'
import { cell, matrixText } from './check-matrix.ts'
import type { CheckRun } from './check-run.ts'
import { checkText } from './check-text.ts'

const tests = [
  'coherent/coherent-freed-shared-page-reused',
  'coherent/coherent-mask-below-shared-bit-without-shared-bit',
  'revisions/mmio-without-protection'
].map((name) => {
  const file = `litmus/${name}.litmus`
  const t = parse(readFileSync(file, 'utf8'), file).test
  if (t === undefined) throw new Error(`${file} parses`)
  return t
})
const run: CheckRun = {
  tests,
  results: tests.flatMap((t) => pairsOf(t).map((p) => checkTest(t, p.kernel, p.platform))),
  errors: [],
  texts: new Map(),
  interrupted: null
}

test('every cell stands under its kernel, at any width; a long name has a line of its own', () => {
  for (const width of [60, 80, 120, 200]) {
    const lines = matrixText(run, width).split('\n')
    for (const l of lines) expect(l.length, l).toBeLessThanOrEqual(width)
    const kernels = new Map(
      [
        ...lines
          .slice(0, lines.indexOf(''))
          .join(' ')
          .replace(/ verdicts: .*/, '')
          .matchAll(/\b([a-z]{1,2}) +([a-z][\w.-]+)(?=,|$)/g)
      ].map(([, letter = '', name = '']) => [letter, name])
    )
    let platform = ''
    let heads: Array<readonly [number, string]> = []
    let name = ''
    let seen = 0
    for (const l of lines.slice(lines.indexOf('') + 1)) {
      if (/^\S/.test(l)) {
        platform = l.split(' ')[0] as string
        heads = [...l.slice(platform.length).matchAll(/\S+/g)].map(
          (m) => [platform.length + m.index, kernels.get(m[0]) as string] as const
        )
        continue
      }
      const named = /^ {2}(\S+)/.exec(l)?.[1]
      if (named !== undefined && tests.some((t) => t.name === named)) name = named
      if (l.length <= (heads[0]?.[0] ?? 0) || l.trim() === name) continue
      for (const [at, kernel] of heads) {
        const r = run.results.find((x) => x.test === name && x.platform === platform && x.kernel === kernel)
        expect(l.slice(at).split(' ')[0]?.trim() ?? '', `${name} ${kernel} ${platform}`).toBe(cell(r).trim())
        if (r !== undefined) seen++
      }
    }
    expect(seen).toBe(run.results.length)
  }
})

test('many tests on one screen, surprises first, nothing wider than the terminal', () => {
  const text = checkText(run, { width: 80, level: 0, shape: 'many' })
  for (const l of text.split('\n')) expect(l.length, l).toBeLessThanOrEqual(80)
  expect(text.split('\n').length).toBeLessThanOrEqual(24)
  const wrong = run.results.map((r, i) =>
    i === 5 ? { ...r, expected: 'mismatch' as const, expectation: { kind: 'ok' as const, line: 1 } } : r
  )
  const first = checkText({ ...run, results: wrong as CheckRun['results'] }, { width: 80, level: 0, shape: 'many' })
    .split('\n')
    .slice(0, 2)
    .join(' ')
  expect(first).toMatch(/^coherent-freed-shared-page-reused: .*NOT +as expected/)
})

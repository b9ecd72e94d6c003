// The verdict matrix: tests by kernel, a table a platform, at the width there is. A cell is a letter a property, `.`
// for ok; the legend stands on top. A name too long to stand before its cells has a line of its own.
import type { CheckResult } from '../check/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { byTest, type CheckRun, outcomeOf, propertiesOf } from './check-run.ts'
import { type Paint, plain } from './paint.ts'
import { wrap } from './wrap.ts'

/** A letter a property: its first letter, or the same as a capital, or the next that is free. */
const LETTERS: ReadonlyMap<string, string> = (() => {
  const taken = new Set(['v'])
  return new Map(
    vocabulary.properties.map(({ name }) => {
      const first = name[0] as string
      const letter = [first, first.toUpperCase(), ...name.replace(/\W|_/g, '')].find((l) => !taken.has(l)) ?? '#'
      taken.add(letter)
      return [name, letter] as const
    })
  )
})()
const VERDICTS = { ok: '.', vacuous: 'v', incomplete: '?', skipped: '/' } as const

const lettersOf = (list: CheckResult['violations']): string =>
  propertiesOf(list)
    .map((p) => LETTERS.get(p) ?? '#')
    .join('')

/**
 * `et!`: exposed and tampered, not as expected. `(r)`: ok, and refused was found, which the test does not forbid. `*`:
 * the search hit its limit, there may be more.
 */
export function cell(r: CheckResult | undefined): string {
  if (r === undefined) return ' '
  const letters =
    r.verdict === 'violated'
      ? lettersOf(r.violations)
      : r.verdict === 'ok' && r.reported.length > 0
        ? `(${lettersOf(r.reported)})`
        : VERDICTS[r.verdict]
  return `${letters}${r.verdict === 'violated' && !r.complete ? '*' : ''}${outcomeOf(r) === 'surprise' ? '!' : ''}`
}

const topicOf = (file: string): string => file.split('/').slice(0, -1).join('/')

export function matrixText(run: CheckRun, width: number, paint: Paint = plain): string {
  const tests = byTest(run)
  const among = (names: ReadonlyArray<{ readonly name: string }>, pick: (r: CheckResult) => string): string[] => {
    const used = new Set(run.results.map(pick))
    const known = names.map((n) => n.name).filter((n) => used.has(n))
    return [...known, ...[...used].filter((n) => !known.includes(n))]
  }
  const kernels = among(vocabulary.kernels, (r) => r.kernel)
  const out = legend(run, kernels, width)
  for (const platform of among(vocabulary.platforms, (r) => r.platform)) {
    const here = tests
      .map((t) => ({
        test: t.test,
        by: new Map(t.results.filter((r) => r.platform === platform).map((r) => [r.kernel, r]))
      }))
      .filter((t) => t.by.size > 0)
    const used = kernels.filter((k) => here.some((t) => t.by.has(k)))
    const widths = used.map((k) => Math.max(1, ...here.map((t) => cell(t.by.get(k)).length)))
    const cellsWidth = widths.reduce((n, w) => n + w + 1, 0)
    const names = Math.max(
      12,
      Math.min(width - cellsWidth, Math.max(platform.length, ...here.map((t) => t.test.name.length + 2)))
    )
    const row = (cells: readonly string[]): string => cells.map((c, i) => ` ${c.padEnd(widths[i] ?? 0)}`).join('')
    out.push(paint.strong(`${platform.padEnd(names)}${row(used.map((k) => column(kernels.indexOf(k))))}`.trimEnd()))
    let topic: string | null = null
    for (const t of here) {
      const dir = topicOf(t.test.file)
      if (dir !== topic) out.push(...wrap(dir === '' ? '.' : dir, width - 1).map((l) => ` ${l}`))
      topic = dir
      const cells = paintCells(row(used.map((k) => cell(t.by.get(k)))).trimEnd(), paint)
      const name = `  ${t.test.name}`
      if (name.length <= names) out.push(`${name.padEnd(names)}${cells}`)
      else out.push(name, `${' '.repeat(names)}${cells}`)
    }
    out.push('')
  }
  return out.join('\n')
}

/** Columns are named a, b, c, ... */
const column = (i: number): string =>
  i < 26
    ? String.fromCharCode(97 + i)
    : `${String.fromCharCode(96 + Math.floor(i / 26))}${String.fromCharCode(97 + (i % 26))}`

function legend(run: CheckRun, kernels: readonly string[], width: number): string[] {
  const found = run.results.some((r) => r.verdict === 'ok' && r.reported.length > 0)
  const met = new Set(
    run.results.flatMap((r) =>
      r.verdict === 'violated'
        ? propertiesOf(r.violations)
        : r.verdict === 'ok'
          ? [r.verdict, ...propertiesOf(r.reported)]
          : [r.verdict]
    )
  )
  const words = [
    ...Object.entries(VERDICTS)
      .filter(([v]) => met.has(v))
      .map(([v, l]) => `${l} ${v}`),
    ...[...LETTERS].filter(([p]) => met.has(p)).map(([p, l]) => `${l} ${p}`),
    ...(found ? ['( ) ok, with what the test does not forbid'] : []),
    ...(run.results.some((r) => outcomeOf(r) === 'surprise') ? ['! not as expected'] : []),
    ...(run.results.some((r) => r.verdict === 'violated' && !r.complete)
      ? ['* the search hit its limit: there may be more']
      : [])
  ]
  return [
    ...wrap(`kernels: ${kernels.map((k, i) => `${column(i)} ${k}`).join(', ')}`, width, '  '),
    ...wrap(`verdicts: ${words.join(', ')}; blank: not asked for`, width, '  '),
    ''
  ]
}

const paintCells = (cells: string, paint: Paint): string =>
  cells
    .replace(/\S+!/g, (m) => paint.bad(m))
    .replace(/(?<= )\.(?= |$)/g, (m) => paint.good(m))
    .replace(/(?<= )\/(?= |$)/g, (m) => paint.dim(m))

// `tbit list`: the tests there are, by name and what they say, as text and json.
import { plural } from '../base/index.ts'
import type { Test } from '../litmus/index.ts'
import { operationsOf } from '../check/index.ts'
import { bullet, wrap } from './wrap.ts'

export interface ListedTest {
  readonly name: string
  readonly file: string
  /** The folder that it lies in, below the one that is listed. */
  readonly topic: string
  readonly title: string
  readonly sources: readonly string[]
  readonly platforms: readonly string[]
  readonly kernels: readonly string[]
  /** Operations that its statements use. */
  readonly operations: readonly string[]
  /** Properties that its expectations name. */
  readonly properties: readonly string[]
}

export interface TestList {
  /** What was asked for, in words; none: every test. */
  readonly words: readonly string[]
  /** Those that have all the words. */
  readonly tests: readonly ListedTest[]
  /** How many there were to look through. */
  readonly of: number
  readonly errors: readonly unknown[]
}

export function listedTest(t: Test, directory: string): ListedTest {
  const below = t.file.slice(directory.length).replace(/^[\\/]+/, '')
  const properties = t.expects.flatMap((e) => (e.verdict.kind === 'violated' ? e.verdict.properties : []))
  return {
    name: t.name,
    file: t.file,
    topic: below.slice(0, Math.max(0, below.lastIndexOf('/'))),
    title: t.text,
    sources: t.sources,
    platforms: t.platforms.map((p) => p.name),
    kernels: t.kernels.map((k) => k.name),
    operations: operationsOf(t),
    properties: [...new Set(properties)]
  }
}

/** Whether a test has all words, small or large letters alike, anywhere in what is said of it. */
export function hasWords(t: ListedTest, words: readonly string[]): boolean {
  const said = [t.name, t.topic, t.title, ...t.sources, ...t.platforms, ...t.kernels, ...t.operations, ...t.properties]
    .join('\n')
    .toLowerCase()
  return words.every((w) => said.includes(w.toLowerCase()))
}

const TWIN = '-without-'

/** A test and its twins, those that are like it without one thing; a twin whose test is not there stands for itself. */
function families(tests: readonly ListedTest[]): Array<{ readonly test: ListedTest; readonly twins: string[] }> {
  const out = new Map<string, { test: ListedTest; twins: string[] }>()
  for (const t of tests) if (!t.name.includes(TWIN)) out.set(t.name, { test: t, twins: [] })
  for (const t of tests) {
    const at = t.name.indexOf(TWIN)
    if (at < 0) continue
    const family = out.get(t.name.slice(0, at))
    if (family === undefined) out.set(t.name, { test: t, twins: [] })
    else family.twins.push(t.name.slice(at + 1))
  }
  return [...out.values()]
}

export function listText({ tests, words, of }: TestList, width: number): string {
  const lines: string[] = []
  const groups = new Map<string, ReturnType<typeof families>>()
  for (const f of families(tests)) groups.set(f.test.topic, [...(groups.get(f.test.topic) ?? []), f])
  for (const [topic, members] of groups) {
    lines.push(...(lines.length > 0 ? [''] : []), ...(topic === '' ? [] : [topic]))
    for (const { test, twins } of members)
      lines.push(
        `  ${test.name}`,
        ...wrap(test.title, width - 4).map((l) => `    ${l}`),
        ...(twins.length > 0 ? [bullet('    twins: ', twins.join(', '), width)] : [])
      )
  }
  const found =
    words.length === 0
      ? plural(tests.length, 'test')
      : `${tests.length} of ${of} tests have ${words.map((w) => `'${w}'`).join(' and ')}`
  return (
    [
      ...lines,
      ...(lines.length > 0 ? [''] : []),
      ...wrap(`${found}. One: tbit check NAME; a twin is NAME-without-...`, width)
    ].join('\n') + '\n'
  )
}

export const listFormats = {
  text: listText,
  json: ({ tests, of, errors }: TestList): string => `${JSON.stringify({ format: 1, of, tests, errors }, null, 1)}\n`
} as const

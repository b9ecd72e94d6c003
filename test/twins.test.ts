// Nothing of the library passes by being empty: a test that must be ok everywhere has a twin without the guard that
// fails: NAME-without-GUARD, or the one that its header names, `// twin: NAME`, which is the same scene but for the
// guard. Where there can be none the header says why: `// no twin: ...`.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Pair, pairsOf } from '../src/check/index.ts'
import { expectFor, type Test } from '../src/litmus/index.ts'
import { parsed } from './_library.ts'

const all = parsed.flatMap((p) => (p.test === undefined ? [] : [{ test: p.test, text: readFileSync(p.file, 'utf8') }]))
const okOnly = (t: Test): boolean => t.expects.length > 0 && t.expects.every((e) => e.verdict.kind === 'ok')
const said = (text: string): string => /^\/\/ twin: (\S+)$/m.exec(text)?.[1] ?? ''
/** By either name; of NAME-without-GUARD that must be ok the test that lacks it the other way round. */
const twinsOf = (t: Test, text: string): readonly Test[] =>
  all
    .map((x) => x.test)
    .filter(
      (x) => x.name.startsWith(`${t.name}-without-`) || t.name.startsWith(`${x.name}-without-`) || x.name === said(text)
    )
const noTwin = (text: string): string => /^\/\/ no twin: (.+)$/m.exec(text)?.[1] ?? ''

/** The pairs on which a test must be ok (`true`), or must not. */
const pairs = (t: Test, ok: boolean): readonly Pair[] =>
  pairsOf(t).filter((p) => {
    const e = expectFor(t, p.kernel, p.platform)
    return e !== null && (e.kind === 'ok') === ok
  })
/**
 * It fails where the test must be ok; or, since a revision or a platform can be the guard, on a pair that differs in
 * that alone.
 */
const fails = (x: Test, t: Test): boolean => {
  const ok = pairs(t, true)
  return pairs(x, false).some((p) => ok.some((q) => p.kernel === q.kernel || p.platform === q.platform))
}

/** The lines of a scene: configuration, devices and statements, but no assertions. */
const sceneOf = (text: string): string[] =>
  text
    .split('\n')
    .map((l) => l.trim().replace(/\s+/g, ' '))
    .filter((l) => !/^($|\/\/|"|(litmus|source|platform|kernel|forbid|assert|exists|always|never|expect)\b)/.test(l))

test('a test that must be ok has a twin that fails, or says why there can be none', () => {
  const lone = all.filter(
    ({ test: t, text }) => okOnly(t) && !twinsOf(t, text).some((x) => fails(x, t)) && noTwin(text).length < 40
  )
  expect(lone.map((x) => x.test.name)).toEqual([])
})

test('who says that there can be no twin has none', () => {
  expect(
    all
      .filter(({ test: t, text }) => noTwin(text) !== '' && (!okOnly(t) || twinsOf(t, text).length > 0))
      .map((x) => x.test.name)
  ).toEqual([])
})

test('a twin that a header names is there', () => {
  const names = new Set(all.map((x) => x.test.name))
  expect(all.filter(({ text }) => said(text) !== '' && !names.has(said(text))).map((x) => x.test.name)).toEqual([])
})

test('a twin that a header names fails, and half of its scene or more is that of its test', () => {
  const other = all.filter(({ test: t, text }) =>
    all.some((x) => {
      if (x.test.name !== said(text)) return false
      const [mine, its] = [new Set(sceneOf(text)), sceneOf(x.text)]
      return !fails(x.test, t) || its.filter((l) => mine.has(l)).length * 2 < its.length
    })
  )
  expect(other.map((x) => x.test.name)).toEqual([])
})

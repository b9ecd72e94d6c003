// One run of the library as the static pages see it: what stands in each cell of the matrix, each distinct finding
// once, and what a pair of revisions differs in. Distinct is what property, site and decision say together; several
// sequences may lead to one.
import { allFindings, type CheckResult, type Explanation, identity, verdictChanged } from '../../check/index.ts'
import { revisionByName, revisions } from '../../kernel/index.ts'
import { type Test, vocabulary } from '../../litmus/index.ts'
import { platforms } from '../../machine/index.ts'
import type { FindingPage } from '../../report/html-finding.ts'

/** A finding by property, site and decision, with every sequence that led to it. */
export interface Family {
  readonly key: string
  readonly property: string
  readonly site: string
  readonly decision: string
  /** In the order they were met; those with the shortest way first. */
  readonly pages: readonly FindingPage[]
  /** The runs that have it, by test. */
  readonly runs: readonly CheckResult[]
  /** Some test forbids it. */
  readonly forbidden: boolean
}

export interface Library {
  readonly tests: readonly Test[]
  readonly texts: ReadonlyMap<string, string>
  readonly results: readonly CheckResult[]
  readonly kernels: readonly string[]
  readonly platforms: readonly string[]
  readonly families: readonly Family[]
  /** Of a change between two revisions, by `changeKey`: which decisions did it, as one test shows it. */
  readonly causes: ReadonlyMap<string, Cause>
  /** Of the tests, which part this is when it is not the whole library. */
  readonly part: string | null
}

export interface Cause {
  readonly explanation: Explanation | null
  readonly test: string
  readonly platform: string
}

/** The address of a finding's page, from the root of the site. */
export const findingPath = (id: string): string => `f/${id}.html`
export const testPath = (name: string): string => `t/${name}.html`
export const cellPath = (kernel: string, platform: string): string => `at/${kernel}/${platform}.html`
export const diffPath = (a: string, b: string): string => `diff/${a}--${b}.html`
export const changeKey = (a: string, b: string, kind: 'fixed' | 'new', family: string): string =>
  `${a}|${b}|${kind}|${family}`

/** Kernels of the matrix: those with a record of their own, in the order of the documents. */
export const kernelsIn = (results: readonly CheckResult[]): string[] =>
  revisions.map((r) => r.name).filter((k) => results.some((r) => r.kernel === k))
export const platformsIn = (results: readonly CheckResult[]): string[] =>
  platforms.map((p) => p.name).filter((p) => results.some((r) => r.platform === p))

/** The order of the properties: the language's own, then what a test says of itself. */
const rank = (property: string): number => {
  const at = vocabulary.properties.findIndex((p) => p.name === property)
  return OWN.has(property) || at < 0 ? vocabulary.properties.length : at
}
const OWN: ReadonlySet<string> = new Set(['assert', 'reached', 'unreached'])

/** Groups the findings of a run, as `check` tells them. */
export function familiesOf(pages: readonly FindingPage[]): Family[] {
  const by = new Map<string, FindingPage[]>()
  for (const p of pages) by.set(identity(p.violation), [...(by.get(identity(p.violation)) ?? []), p])
  return [...by]
    .map(([key, list]) => {
      const { property, site, decision } = (list[0] as FindingPage).violation
      const sorted = [...list].sort((a, b) => a.violation.trace.length - b.violation.trace.length)
      return {
        key,
        property,
        site,
        decision,
        pages: sorted,
        runs: list.flatMap((p) => [p.result, ...(p.where as CheckResult[])]),
        forbidden: list.some((p) => p.reported !== true)
      }
    })
    .sort((a, b) => rank(a.property) - rank(b.property))
}

/** What a cell of the matrix says: null where no test ran. */
export function cellOf(
  lib: Library,
  kernel: string,
  platform: string
): { readonly families: readonly Family[]; readonly runs: number } | null {
  const runs = lib.results.filter((r) => r.kernel === kernel && r.platform === platform && r.verdict !== 'skipped')
  if (runs.length === 0) return null
  return {
    families: lib.families.filter((f) => f.runs.some((r) => r.kernel === kernel && r.platform === platform)),
    runs: runs.length
  }
}

/** A difference of two revisions: the finding and the platforms where it came or went. */
export interface Change {
  readonly family: Family
  readonly kind: 'fixed' | 'new'
  readonly platforms: readonly string[]
}
export interface Difference {
  readonly changes: readonly Change[]
  readonly unchanged: readonly Family[]
  readonly platforms: readonly string[]
}

/** Only tests that ran on both tell something about the difference. */
export function differenceOf(lib: Library, a: string, b: string): Difference {
  const both = new Map<string, { a?: CheckResult; b?: CheckResult }>()
  for (const r of lib.results) {
    if (r.verdict === 'skipped' || (r.kernel !== a && r.kernel !== b)) continue
    const pair = both.get(`${r.file} ${r.platform}`) ?? {}
    both.set(`${r.file} ${r.platform}`, { ...pair, [r.kernel === a ? 'a' : 'b']: r })
  }
  const there = { a: new Map<string, Set<string>>(), b: new Map<string, Set<string>>() }
  const used = new Set<string>()
  for (const pair of both.values()) {
    if (pair.a === undefined || pair.b === undefined) continue
    used.add(pair.a.platform)
    for (const side of ['a', 'b'] as const)
      for (const v of allFindings(pair[side] as CheckResult))
        there[side].set(identity(v), (there[side].get(identity(v)) ?? new Set()).add(pair.a.platform))
  }
  const only = (of: 'a' | 'b', other: 'a' | 'b', f: Family): string[] =>
    lib.platforms.filter((p) => there[of].get(f.key)?.has(p) === true && there[other].get(f.key)?.has(p) !== true)
  const changes = lib.families.flatMap((family): Change[] =>
    [
      { family, kind: 'fixed' as const, platforms: only('a', 'b', family) },
      { family, kind: 'new' as const, platforms: only('b', 'a', family) }
    ].filter((c) => c.platforms.length > 0)
  )
  return {
    changes,
    unchanged: lib.families.filter((f) =>
      lib.platforms.some((p) => there.a.get(f.key)?.has(p) === true && there.b.get(f.key)?.has(p) === true)
    ),
    platforms: lib.platforms.filter((p) => used.has(p))
  }
}

/** Revisions that follow each other: the releases, and what was posted with the release that took it. */
export function neighbours(kernels: readonly string[]): Array<readonly [string, string]> {
  const kinds = ['release', 'posted'] as const
  const chains = kinds.map((kind) => kernels.filter((k) => revisionByName(k)?.kind === kind))
  return chains.flatMap((c) => c.slice(1).map((k, i): readonly [string, string] => [c[i] as string, k]))
}

/** The smallest test that shows a change and whose verdict changes with it; null when only the finding differs. */
export function witnessOf(
  lib: Library,
  a: string,
  b: string,
  c: Change
): { readonly before: CheckResult; readonly after: CheckResult } | null {
  const has = (r: CheckResult): boolean => allFindings(r).some((v) => identity(v) === c.family.key)
  const of = (kernel: string, file: string, platform: string): CheckResult | undefined =>
    lib.results.find(
      (r) => r.kernel === kernel && r.file === file && r.platform === platform && r.verdict !== 'skipped'
    )
  const candidates = c.family.runs
    .filter((r) => r.kernel === (c.kind === 'fixed' ? a : b) && c.platforms.includes(r.platform))
    .sort((x, y) => x.states - y.states)
  for (const r of candidates) {
    const [before, after] = c.kind === 'fixed' ? [r, of(b, r.file, r.platform)] : [of(a, r.file, r.platform), r]
    if (before !== undefined && after !== undefined && has(before) !== has(after) && verdictChanged(before, after))
      return { before, after }
  }
  return null
}

// What a test expects, forbids and is about, once `all`, `*`, prefixes and defaults are worked out.
import { partlyKnown } from '../kernel/revisions/index.ts'
import type { Expectation, Name, Test } from './ast.ts'
import {
  type KernelName,
  kernelNames,
  type PlatformName,
  platformNames,
  properties,
  type PropertyName
} from './vocabulary.ts'

/** `*` and `prefix*` against a name. */
export const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name

/** The same for a kernel: a pattern stands for revisions that there are, not for flips and names of the file. */
const matchesKernel = (pattern: string, kernel: string): boolean =>
  matches(pattern, kernel) &&
  (!pattern.endsWith('*') || kernelNames.includes(kernel) || partlyKnown.some((r) => r.name === kernel))

/** The expectation for a pair: the last `expect` line that applies wins; null when none does. */
export function expectFor(test: Pick<Test, 'expects'>, kernel: string, platform: string): Expectation | null {
  let found: Expectation | null = null
  for (const e of test.expects) {
    if (e.kernels.some((k) => matchesKernel(k.name, kernel)) && e.platforms.some((p) => matches(p.name, platform)))
      found = e.verdict
  }
  return found
}

/**
 * The properties whose violation counts: all `forbid` lines together, `default` without one; assert, reached and
 * unreached always.
 */
export function forbiddenProperties(test: Pick<Test, 'forbid'>): ReadonlySet<PropertyName> {
  const said = test.forbid.length > 0 ? new Set<string>(test.forbid.map((f) => f.name)) : new Set(['default'])
  return new Set(
    properties
      .filter((p) => 'always' in p || said.has('all') || (said.has('default') && p.byDefault) || said.has(p.name))
      .map((p) => p.name)
  )
}

/** In the order of `every`; flips and names of the file behind, as written. */
const named = (said: readonly Name[], own: readonly string[], every: readonly string[]): string[] => {
  if (said.length === 0 && own.length > 0) return [...own]
  if (said.length === 0) return [...every]
  const others = [...new Set([...own, ...said.map((s) => s.name).filter((n) => n !== 'all' && !every.includes(n))])]
  return [
    ...(said.some((s) => s.name === 'all') ? every : every.filter((n) => said.some((s) => s.name === n))),
    ...others
  ]
}

/**
 * The kernels a test is about, in the order of the vocabulary, then flips and those it names itself; every one for
 * `all`, and for a test that names none.
 */
export const kernelsOf = (test: Pick<Test, 'kernels' | 'revisions'>): KernelName[] =>
  named(
    test.kernels,
    test.revisions.map((r) => r.name),
    kernelNames
  )

/**
 * The platforms a test is about, in the order of the vocabulary; every one for `all`, and for a test that names none.
 */
export const platformsOf = (test: Pick<Test, 'platforms'>): PlatformName[] => named(test.platforms, [], platformNames)

/** `ok`, `vacuous`, the properties, `as K`. */
export function expectationWords(e: Expectation): string {
  switch (e.kind) {
    case 'ok':
    case 'vacuous':
      return e.kind
    case 'violated':
      return e.properties.join(', ')
    case 'as':
      return `as ${e.kernel}`
  }
}

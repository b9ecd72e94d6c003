// What a test expects, forbids and is about, once `all`, `*`, prefixes and defaults are worked out.
import type { Expectation, Name, Test } from './ast.ts'
import { type KernelName, kernels, type PlatformName, platforms, properties, type PropertyName } from './vocabulary.ts'

/** `*` and `prefix*` against a name. */
export const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name

/** The expectation for a pair: the last `expect` line that applies wins; null when none does. */
export function expectFor(test: Pick<Test, 'expects'>, kernel: string, platform: string): Expectation | null {
  let found: Expectation | null = null
  for (const e of test.expects) {
    if (e.kernels.some((k) => matches(k.name, kernel)) && e.platforms.some((p) => matches(p.name, platform))) found = e.verdict
  }
  return found
}

/** The properties whose violation counts: all `forbid` lines together, `default` without one; assert, reached and unreached always. */
export function forbiddenProperties(test: Pick<Test, 'forbid'>): ReadonlySet<PropertyName> {
  const said = test.forbid.length > 0 ? new Set<string>(test.forbid.map((f) => f.name)) : new Set(['default'])
  return new Set(properties.filter((p) => 'always' in p || said.has('all') || (said.has('default') && p.byDefault) || said.has(p.name)).map((p) => p.name))
}

const named = <N extends string>(said: readonly Name<N | 'all'>[], every: readonly N[]): N[] =>
  said.length === 0 || said.some((s) => s.name === 'all') ? [...every] : every.filter((n) => said.some((s) => s.name === n))

/** The kernels a test is about, in the order of the vocabulary; every one for `all`, and for a test that names none. */
export const kernelsOf = (test: Pick<Test, 'kernels'>): KernelName[] => named(test.kernels, kernels.map((k) => k.name))

/** The platforms a test is about, in the order of the vocabulary; every one for `all`, and for a test that names none. */
export const platformsOf = (test: Pick<Test, 'platforms'>): PlatformName[] => named(test.platforms, platforms.map((p) => p.name))

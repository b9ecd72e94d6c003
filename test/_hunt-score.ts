// How much of what the library's tests show a hunt finds without them. scripts/hunt-score.mjs runs it on a pair, a slow
// test on one.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkTest } from '../src/check/index.ts'
import { exploreScene, type Owed, overlaps, owedBy, scenes } from '../src/hunt/index.ts'
import { noMeaning } from '../src/kernel/index.ts'
import { parse, platformsOf } from '../src/litmus/index.ts'

const files = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true })
    .flatMap((e) =>
      e.isDirectory() ? files(join(dir, e.name)) : e.name.endsWith('.litmus') ? [join(dir, e.name)] : []
    )
    .sort()

export interface Score {
  /** Findings within the contract; those of them that the hunt lacks; those that it does not owe. */
  readonly within: number
  readonly missed: readonly Owed[]
  readonly besides: readonly Owed[]
  /** All that the hunt finds, and scenes that hit their limit. */
  readonly found: ReadonlySet<string>
  readonly open: number
}

/** Findings by key, and searches that are open. */
export type Found = Pick<Score, 'found' | 'open'>

/** What a hunt tells in its JSON. */
export function foundIn(json: string): Found {
  interface Told {
    readonly property: string
    readonly site: string
    readonly decision: string
    readonly also_by?: readonly Told[]
  }
  const r = JSON.parse(json) as {
    readonly findings: readonly Told[]
    readonly scenes: { readonly open: readonly string[] }
    readonly steps: { readonly open: readonly string[] } | null
  }
  const key = ({ property, site, decision }: Told): string => `${property}|${site}|${decision}`
  return {
    found: new Set(r.findings.flatMap((f) => [key(f), ...(f.also_by ?? []).map(key)])),
    open: r.scenes.open.length + (r.steps?.open.length ?? 0)
  }
}

/** A hunt in this thread; `maxSteps` 0: whole calls only. */
export function hunted(
  kernel: string,
  platform: string,
  { maxStates, maxSteps }: { readonly maxStates: number; readonly maxSteps: number }
): Found {
  const found = new Set<string>()
  let open = 0
  const list = scenes(kernel, platform).list
  const look = (r: ReturnType<typeof exploreScene>): void => {
    for (const x of r.raw) found.add(x.key)
    if (!r.complete) open++
  }
  for (const s of list) look(exploreScene(s, kernel, platform, { maxStates }))
  const known = new Set(found)
  if (maxSteps > 0)
    for (const s of list)
      if (overlaps(s, kernel, platform))
        look(exploreScene(s, kernel, platform, { maxStates: maxSteps, interleave: 'steps', known }))
  return { found, open }
}

export function score(kernel: string, platform: string, dirs: readonly string[], { found, open }: Found): Score {
  const owed = new Map<string, Owed[]>()
  for (const file of dirs.flatMap(files)) {
    const { test } = parse(readFileSync(file, 'utf8'), file)
    if (test === undefined || noMeaning(kernel, platform) !== null || !platformsOf(test).includes(platform)) continue
    for (const o of owedBy(test, checkTest(test, kernel, platform, { maxStates: 300_000 }), kernel, platform))
      owed.set(o.key, [...(owed.get(o.key) ?? []), o])
  }
  const first = (o: readonly Owed[]): Owed => o.find((x) => x.not === null) ?? (o[0] as Owed)
  const all = [...owed.values()].map(first)
  const within = all.filter((o) => o.not === null)
  return {
    within: within.length,
    missed: within.filter((o) => !found.has(o.key)),
    besides: all.filter((o) => o.not !== null),
    found,
    open
  }
}

/** As text, a finding a line. */
export function scoreText(kernel: string, platform: string, s: Score): string {
  return [
    `${kernel} on ${platform}: ${s.within - s.missed.length} of ${s.within} findings of tests within the ` +
      `contract are found without them; ${s.found.size} findings in all, ${s.open} searches open`,
    ...s.missed.map((o) => `  missed ${o.key} (${o.test}): ${o.calls.join('; ')}`),
    ...s.besides.map((o) => `  ${s.found.has(o.key) ? 'found' : 'not owed'} ${o.key} (${o.test}): ${o.not}`)
  ].join('\n')
}

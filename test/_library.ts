// The library as the tests see it. Every test of litmus/ runs on every kernel and platform it names: on the
// first pair in the fast set, on all in the slow one.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CheckResult, checkTest, pairsOf } from '../src/check/index.ts'
import { expectationWords, parse, type Parsed, type Test } from '../src/litmus/index.ts'
import { shortFinding } from '../src/report/finding-short.ts'
import { unlike } from './_schedules.ts'
import { turn } from './turn.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) =>
      e.isDirectory() ? files(join(dir, e.name)) : e.name.endsWith('.litmus') ? [join(dir, e.name)] : []
    )
}

export const parsed: ReadonlyArray<Parsed & { readonly file: string }> = files(join(root, 'litmus')).map((f) => {
  const file = relative(root, f)
  return { file, ...parse(readFileSync(f, 'utf8'), file) }
})

/** Findings whose short form was looked at and whose schedule was tried: others that have them run the same calls. */
const looked = new Set<string>()
let tried = 0
/** How many schedules were carried out. */
export const schedulesTried = (): number => tried

function shortForm(r: CheckResult): string[] {
  const out: string[] = []
  for (const v of [...r.violations, ...r.reported]) {
    looked.add(v.id)
    const lines = shortFinding({}, v, [r], { width: 80 })
    if (lines.length > 6 || lines.length < (v.property === 'unreached' ? 2 : 3) || lines.some((l) => l.length > 80))
      out.push(`the short form is not three to six lines of 80 columns:\n${lines.join('\n')}`)
  }
  return out
}

/** What else is looked at of each result: what is wrong, a line each. */
type Also = (r: CheckResult) => readonly string[]

/**
 * What went wrong with a test on a pair, a line each. Traces, which are most of the work, only for a finding that was
 * not looked at, in the slow set: its short form, and whether `run` comes to it by its schedule.
 */
function wrongOn(t: Test, kernel: string, platform: string, set: 'one' | 'all', also: Also): string[] {
  const r = checkTest(t, kernel, platform, { traces: false })
  if (r.verdict === 'skipped') return []
  const out = [...also(r)]
  if (set === 'all' && [...r.violations, ...r.reported].some((v) => !looked.has(v.id))) {
    const told = checkTest(t, kernel, platform)
    out.push(...shortForm(told))
    const schedules = unlike(t, told)
    tried += schedules.tried
    out.push(...schedules.wrong)
  }
  const got = r.verdict === 'violated' ? [...new Set(r.violations.map((v) => v.property))].join(', ') : r.verdict
  if (r.expectation === null) out.push(`${got}, and the test expects nothing`)
  else if (r.expected !== 'match') out.push(`${got}, expected ${expectationWords(r.expectation)}`)
  return out.map((what) => `${kernel} on ${platform}: ${what}`)
}

/** What went wrong with a test on the first pair it names (`one`), or on all of them. */
export async function wrong(t: Test, set: 'one' | 'all', also: Also = () => []): Promise<string[]> {
  // Hundreds of these in a row would keep the test runner's messages waiting for longer than it waits.
  await turn()
  const pairs = pairsOf(t)
  return (set === 'one' ? pairs.slice(0, 1) : pairs).flatMap(({ kernel, platform }) =>
    wrongOn(t, kernel, platform, set, also)
  )
}

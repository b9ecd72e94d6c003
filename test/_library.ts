// The library as the tests see it. Every test of litmus/ runs on every kernel and platform it names: on its first platform in the fast set,
// on the others in the slow one.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkTest, pairsOf } from '../src/check/index.ts'
import { expectationWords, parse, type Parsed, platformsOf, type Test } from '../src/litmus/index.ts'
import { shortFinding } from '../src/report/finding-short.ts'
import { turn } from './turn.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : e.name.endsWith('.litmus') ? [join(dir, e.name)] : []))
}

export const parsed: ReadonlyArray<Parsed & { readonly file: string }> = files(join(root, 'litmus')).map((f) => {
  const file = relative(root, f)
  return { file, ...parse(readFileSync(f, 'utf8'), file) }
})

/** What went wrong with a test in one of the two sets, a line a pair. */
export async function wrong(t: Test, set: 'fast' | 'slow'): Promise<string[]> {
  // Hundreds of these in a row would keep the test runner's messages waiting for longer than it waits.
  await turn()
  const out: string[] = []
  const [first, ...rest] = platformsOf(t)
  for (const { kernel, platform } of pairsOf(t, { kernels: null, platforms: set === 'fast' ? (first ? [first] : []) : rest })) {
    const r = checkTest(t, kernel, platform)
    if (r.verdict === 'skipped') continue
    for (const v of [...r.violations, ...r.reported]) {
      const lines = shortFinding({}, v, [r], { width: 80 })
      if (lines.length > 6 || lines.length < (v.property === 'unreached' ? 2 : 3) || lines.some((l) => l.length > 80)) out.push(`${kernel} on ${platform}: the short form is not three to six lines of 80 columns:\n${lines.join('\n')}`)
    }
    const got = r.verdict === 'violated' ? [...new Set(r.violations.map((v) => v.property))].join(', ') : r.verdict
    if (r.expectation === null) out.push(`${kernel} on ${platform}: ${got}, and the test expects nothing`)
    else if (r.expected !== 'match') out.push(`${kernel} on ${platform}: ${got}, expected ${expectationWords(r.expectation)}`)
  }
  return out
}

// A finding as a litmus test: text that anybody can run, and that says of itself what was found. Nothing is reported that `check` does not find in it.
import { type CheckResult, checkTest, type Violation } from '../check/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { parse, type Test } from '../litmus/index.ts'
import type { Finding } from '../step/index.ts'
import { sceneText, type Statement } from './client.ts'
import type { Scene } from './scenes.ts'

const same = (a: Pick<Finding, 'property' | 'site' | 'decision'>) => (b: Pick<Finding, 'property' | 'site' | 'decision'>): boolean => a.property === b.property && a.site === b.site && a.decision === b.decision

/** The violation that a check has found and that is this finding; null: it has not. */
export const confirmedBy = (r: CheckResult, f: Finding): Violation | null => [...r.violations, ...r.reported].find(same(f)) ?? null

/** A test in the making: head lines and statements. */
export interface Draft { readonly head: readonly string[]; readonly body: readonly string[] }

const textOf = (d: Draft, kernel: string, platform: string, name: string, title: string): string =>
  sceneText({ head: d.head.map((l) => l.replace(/\{ +\}/, '{ }')) }, kernel, platform, d.body, name, title)

const parsed = (text: string): Test | null => parse(text, 'hunt.litmus').test ?? null

/** Head lines with one entry less, each way there is. */
function* lessHead(head: readonly string[]): Generator<string[]> {
  for (const [i, line] of head.entries()) {
    const m = /^(\w+(?: \w+)?) \{ (.*) \}$/.exec(line)
    if (m === null) continue
    const [, word = '', inner = ''] = m
    const config = word === 'config'
    const entries = config ? [...inner.matchAll(/\w+ (?:"[^"]*"|\S+)(?: (?!\w+ )\S+)*/g)].map((x) => x[0].trim()) : inner.split(', ').filter((e) => e !== '')
    // Lists of values (tsm_fails) are no entries of their own.
    if (word.startsWith('mmio') || (config && inner.includes('tsm_fails'))) continue
    for (const k of entries.keys()) {
      const rest = entries.filter((_, j) => j !== k)
      yield rest.length === 0 && config ? head.filter((_, j) => j !== i) : head.map((l, j) => (j === i ? `${word} { ${rest.join(config ? ' ' : ', ')} }` : l))
    }
  }
}

export interface Written {
  readonly draft: Draft
  readonly test: Test
  readonly violation: Violation
}

/** What of a scene a finding does not need is left out, as long as `check` still finds it. The calls are the fewest already: the search is breadth first. Null: `check` does not find it. */
export function write(scene: Pick<Scene, 'head'>, calls: readonly Statement[], f: Finding, kernel: string, platform: string): Written | null {
  const attempt = (draft: Draft, traces = false): Written | null => {
    const test = parsed(textOf(draft, kernel, platform, 'hunt', 'hunt'))
    if (test === null) return null
    const violation = confirmedBy(checkTest(test, kernel, platform, { maxStates: 50_000, traces }), f)
    return violation === null ? null : { draft, test, violation }
  }
  let best = attempt({ head: scene.head, body: calls.map((c) => c.text) })
  for (let again = best !== null; again && best !== null;) {
    again = false
    for (const head of lessHead(best.draft.head)) {
      const less = attempt({ head, body: best.draft.body })
      if (less === null) continue
      best = less
      again = true
      break
    }
  }
  return best === null ? null : attempt(best.draft, true)
}

/** The finding's file: its test with what every revision that has a meaning here makes of it. */
export function litmusText(w: Written, kernel: string, platform: string, name: string, title: string): string {
  const text = textOf(w.draft, kernel, platform, name, title)
  const test = parsed(text)
  if (test === null) throw new Error(`invariant broken: a finding's test does not parse\n${text}`)
  const by = new Map<string, string[]>()
  for (const k of new Set([...revisions.map((r) => r.name), kernel])) {
    if (noMeaning(k, platform) !== null) continue
    const r = checkTest(test, k, platform, { maxStates: 200_000, traces: false })
    if (!r.complete) continue
    const verdict = r.verdict === 'violated' ? [...new Set(r.violations.map((v) => v.property))].join(', ') : r.verdict
    by.set(verdict, [...(by.get(verdict) ?? []), k])
  }
  return `${text}\n${[...by].map(([verdict, kernels]) => kernels.map((k) => `expect ${k} on ${platform} : ${verdict}`).join('\n')).join('\n')}\n`
}

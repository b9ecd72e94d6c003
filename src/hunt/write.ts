// A finding as a litmus test: text that anybody can run, and that says of itself what was found. Nothing is reported
// that `check` does not find in it.
import { allFindings, type CheckResult, checkTest, type Violation } from '../check/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { parse, type Test } from '../litmus/index.ts'
import type { Finding } from '../step/index.ts'
import { type Part, sceneText } from './client.ts'
import type { Raw } from './explore.ts'
import type { Block, Scene } from './scenes.ts'

const same =
  (a: Pick<Finding, 'property' | 'site' | 'decision'>) =>
  (b: Pick<Finding, 'property' | 'site' | 'decision'>): boolean =>
    a.property === b.property && a.site === b.site && a.decision === b.decision

/** The violation that a check has found and that is this finding; null: it has not. */
const confirmedBy = (r: CheckResult, f: Finding): Violation | null => allFindings(r).find(same(f)) ?? null

/**
 * A test in the making: head lines and statements; one thread, or what runs alone (`init`) and the threads of a race.
 */
export interface Draft {
  readonly head: readonly Block[]
  readonly parts: readonly Part[]
}

/** The statements of a draft, each with its part where there are several. */
export const draftLines = (d: Draft): string[] =>
  d.parts.flatMap(({ name, body }) => body.map((l) => (d.parts.length > 1 ? `${name}: ${l}` : l)))
/** The statements alone. */
export const draftCalls = (d: Draft): string[] => d.parts.flatMap((p) => p.body)

/** The variable that a line sets. */
const madeBy = (line: string): string | undefined => /^(\w+) = /.exec(line)?.[1]

/**
 * The parts of a finding's test. Calls of a race that run alone before the others are `init`; a name that both init and
 * a thread set is another one in the thread, since a thread sets no name of init.
 */
function partsOf({ calls, race }: Pick<Raw, 'calls' | 'race'>): Part[] {
  if (race === null) return [{ name: 'os', body: calls.map((c) => c.text) }]
  const { alone } = race
  const init = calls.slice(0, alone).map((c) => c.text)
  const set = new Set(init.flatMap((l) => madeBy(l) ?? []))
  const names = [...new Set(race.by.slice(alone))]
  const threads = names.map((name): Part => {
    const fresh = new Set<string>()
    const body = calls
      .flatMap((c, i) => (i < alone || race.by[i] !== name ? [] : [c.text]))
      .map((l) => {
        const made = madeBy(l)
        const used = l.replace(/\b[a-z]\d?\b/g, (v) => (fresh.has(v) ? `${v}_` : v))
        if (made === undefined || !set.has(made)) return used
        fresh.add(made)
        return used.replace(/^\w+ =/, `${made}_ =`)
      })
    return { name, body }
  })
  return [...(init.length > 0 ? [{ name: 'init', body: init }] : []), ...threads]
}

/** A finding's test as its file has it, without expectations. */
export const draftText = (d: Draft, kernel: string, platform: string, name: string, title: string): string =>
  sceneText(d.head, kernel, platform, d.parts, name, title)

export const parsed = (text: string): Test | null => parse(text, 'hunt.litmus').test ?? null

/** An entry with one value less, each way there is: those of lists, such as `tsm_fails`. */
const lessEntry = (entry: string): string[] => {
  const [word = '', ...values] = entry.split(' ')
  return word === 'tsm_fails' && values.length > 1
    ? values.map((v) => [word, ...values.filter((x) => x !== v)].join(' '))
    : []
}

/** Heads with a block, an entry or a value less, each way there is. */
function* lessHead(head: readonly Block[]): Generator<Block[]> {
  for (const [i, { word, entries }] of head.entries()) {
    yield head.filter((_, j) => j !== i)
    const put = (list: readonly string[]): Block[] => head.map((b, j) => (j === i ? { word, entries: list } : b))
    for (const [k, entry] of entries.entries()) {
      yield put(entries.filter((_, j) => j !== k))
      for (const less of lessEntry(entry)) yield put(entries.map((e, j) => (j === k ? less : e)))
    }
  }
}

export interface Written {
  readonly draft: Draft
  readonly test: Test
  /** As it came, but that of a race as much runs alone as can. */
  readonly raw: Raw
  /** The test, which notices too when a call that makes something fails. */
  readonly probe: Test
  readonly violation: Violation
  /** All that the test shows. */
  readonly shows: readonly Violation[]
}

/**
 * What of a scene a finding does not need is left out, as long as `check` still finds it. Of the calls none can be left
 * out within the contract (explore.ts). Null: `check` does not find it.
 */
export function write(scene: Pick<Scene, 'head'>, raw: Raw, kernel: string, platform: string): Written | null {
  if (raw.race !== null) return writeRace(scene, raw, kernel, platform)
  return writeAs(scene, raw, kernel, platform)
}

/** With as many of the first calls alone as leave the finding: what overlaps is then what has to. */
function writeRace(scene: Pick<Scene, 'head'>, raw: Raw, kernel: string, platform: string): Written | null {
  const by = raw.race?.by ?? []
  for (let alone = raw.calls.length - 2; alone >= 0; alone--) {
    if (new Set(by.slice(alone)).size < 2) continue
    const w = writeAs(scene, { ...raw, race: { by, alone } }, kernel, platform)
    if (w !== null) return w
  }
  return null
}

function writeAs(scene: Pick<Scene, 'head'>, raw: Raw, kernel: string, platform: string): Written | null {
  const { finding: f, failing } = raw
  const attempt = (draft: Draft, traces = false): Written | null => {
    const text = draftText(draft, kernel, platform, 'hunt', 'hunt')
    const test = parsed(text)
    if (test === null) return null
    const r = checkTest(test, kernel, platform, { maxStates: 50_000, traces })
    const violation = confirmedBy(r, f)
    return violation === null ? null : { draft, raw, test, probe: test, violation, shows: allFindings(r) }
  }
  const parts = partsOf(raw)
  // Where nothing has to fail, nothing may: first of all.
  const sound = scene.head.map((b) => ({
    ...b,
    entries: b.entries.filter((e) => !/^(conversions|tsm_fails) /.test(e))
  }))
  let best = (failing === null ? attempt({ head: sound, parts }) : null) ?? attempt({ head: scene.head, parts })
  for (let again = best !== null; again && best !== null; ) {
    again = false
    for (const head of lessHead(best.draft.head)) {
      const less = attempt({ ...best.draft, head })
      if (less === null) continue
      best = less
      again = true
      break
    }
  }
  const w = best === null ? null : attempt(best.draft, true)
  return w === null
    ? null
    : { ...w, probe: parsed(`${draftText(w.draft, kernel, platform, 'hunt', 'hunt')}${probing(w.draft)}`) ?? w.test }
}

/** Says that some call that makes something has failed, as a condition that must never hold. */
export const probing = (d: Draft): string => {
  const made = [
    ...new Set(
      d.parts.flatMap(({ name, body }) =>
        body.flatMap((l) => madeBy(l) ?? []).map((v) => (name === 'init' ? v : `${name}.${v}`))
      )
    )
  ]
  return made.length === 0 ? '' : `never (${made.map((v) => `!ok(${v})`).join(' || ')})\n`
}

/** The finding's file: its test with what every revision that has a meaning here makes of it. */
export function litmusText(d: Draft, kernel: string, platform: string, name: string, title: string): string {
  const text = draftText(d, kernel, platform, name, title)
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
  return (
    `${text}\n` +
    [...by]
      .map(([verdict, kernels]) => kernels.map((k) => `expect ${k} on ${platform} : ${verdict}`).join('\n'))
      .join('\n') +
    '\n'
  )
}

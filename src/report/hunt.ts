// `tbit hunt` as text and json (hunt-mail.ts has the formats of a review): a screen a finding, the weakest trigger and
// the shortest sequence first; then what was covered and what was not.
import { type Diagnostic, plural, thousands } from '../base/index.ts'
import {
  type Also,
  blockText,
  type Clause,
  contract,
  draftCalls,
  draftLines,
  draftText,
  type Hazard,
  ingredientWords,
  LEVELS,
  litmusText,
  promises,
  type Scene,
  TRIGGERS
} from '../hunt/index.ts'
import { limitsLine } from './check-run.ts'
import { bullet, wrap, wrapCommand } from './wrap.ts'

/** What a tree's own C says beside the model. */
export interface TreeAnswer {
  readonly name: string
  /** By finding. */
  readonly answers: ReadonlyMap<string, string>
  /** What only the C shows. */
  readonly only: readonly string[]
  readonly states: number
  readonly scenes: number
  readonly of: number
  /** What was not asked. */
  readonly notes: readonly string[]
}

/** A hunt on one pair as a value. */
export interface HuntReport {
  readonly kernel: string
  readonly platform: string
  readonly hazards: readonly Hazard[]
  /** Ids of findings that were expected, and of expected ones that were not met. */
  readonly expected: readonly string[]
  readonly missed: readonly string[]
  /** Entries of `config` that every scene had. */
  readonly config: readonly string[]
  /** Scenes that were looked at, of how many; those that hit the limit of states. */
  readonly scenes: number
  readonly of: number
  readonly open: readonly string[]
  /**
   * The second pass, in single steps: scenes with calls that can overlap, and those that are open; null: there was
   * none.
   */
  readonly steps: {
    readonly scenes: number
    readonly of: number
    readonly open: readonly string[]
    readonly maxStates: number
  } | null
  readonly states: number
  readonly transitions: number
  readonly maxStates: number
  /** Findings that `check` did not find again in their text: a bug of the hunt. */
  readonly unconfirmed: readonly string[]
  /** Files written, by id. */
  readonly saved: ReadonlyMap<string, string>
  /** The findings' tests with what every revision makes of them, by id, where the format or --save wants them. */
  readonly litmus: ReadonlyMap<string, string>
  /** Everything that was found beside the first of a cause. */
  readonly detailed: boolean
  readonly interrupted: boolean
  /** null: no tree was asked. */
  readonly tree: TreeAnswer | null
  /** The revision this one is compared with: `hazards` are then those that it does not have. */
  readonly compared: {
    readonly before: HuntReport /** Found before and not any more. */
    readonly gone: readonly Hazard[] /** Ids of those that both have. */
    readonly same: readonly string[]
  } | null
  readonly errors: readonly Diagnostic[]
}

export interface HuntLook {
  readonly width: number
}

export const isComplete = (r: HuntReport): boolean =>
  !r.interrupted &&
  r.open.length === 0 &&
  (r.steps?.open.length ?? 0) === 0 &&
  r.unconfirmed.length === 0 &&
  (r.compared === null || isComplete(r.compared.before))

/** `--compare`: what of two hunts on one platform is new, gone and the same, by the findings' ids. */
export function comparison(before: HuntReport, after: HuntReport): HuntReport {
  const ids = (r: HuntReport): ReadonlySet<string> => new Set([...r.hazards.map((h) => h.id), ...r.expected])
  const [was, is] = [ids(before), ids(after)]
  return {
    ...after,
    hazards: after.hazards.filter((h) => !was.has(h.id)),
    interrupted: before.interrupted || after.interrupted,
    compared: {
      before,
      gone: before.hazards.filter((h) => !is.has(h.id)),
      same: after.hazards.filter((h) => was.has(h.id)).map((h) => h.id)
    }
  }
}

/** The name of a finding's test and file. */
export const fileName = (h: Hazard): string => h.id.replaceAll('/', '-').replaceAll('.', '-').toLowerCase()

/** A finding as a litmus test, without expectations. */
export const hazardTest = (h: Hazard, r: Pick<HuntReport, 'kernel' | 'platform'>): string =>
  draftText(h.draft, r.kernel, r.platform, fileName(h), h.title)

/** A finding's test with what each revision makes of it, where that was asked; else without expectations. */
export const shownTest = (h: Hazard, r: HuntReport): string => r.litmus.get(h.id) ?? hazardTest(h, r)

/** A finding as a litmus test with what each revision makes of it: a check on every revision. */
export const hazardLitmus = (h: Hazard, r: Pick<HuntReport, 'kernel' | 'platform'>): string =>
  litmusText(h.draft, r.kernel, r.platform, fileName(h), h.title)

const alsoText = (a: Also, h: Hazard): string =>
  (a.after ? 'then ' : '') +
  (a.harm === h.harm ? '' : `${a.harm}: `) +
  `${a.finding.property} (${a.finding.site}, ${a.finding.decision})` +
  // calls that overlap, where the ones of the finding follow one another
  (a.draft.parts.length > 1 && h.draft.parts.length === 1 ? ' in steps' : '')

/** The decision that makes it, or where belief and hardware part. */
export function causeLine(h: Hazard): string {
  const { cause } = h
  if (cause === null) return `where: ${h.id.slice(h.id.indexOf('/') + 1)}; no decision of another revision removes it`
  return (
    `${cause.kind}: ${cause.name} = ${cause.value}; not with ${cause.instead}` +
    `${cause.source === '' ? '' : ` (${cause.source})`}`
  )
}

function hazardText(h: Hazard, n: number, r: HuntReport, width: number): string[] {
  const out = wrap(`${n}. ${h.harm}: ${h.title}`, width, '   ')
  const say = (text: string): void => {
    out.push(...wrap(text, width - 3, '  ').map((l) => `   ${l}`))
  }
  const scene = h.draft.head.filter((b) => !b.word.startsWith('device ') || b.entries.length > 0).map(blockText)
  if (scene.length > 0) say(scene.join('  '))
  out.push(...draftLines(h.draft).flatMap((l) => wrap(l, width - 5, '  ').map((x) => `     ${x}`)))
  say(`${h.finding.property}: ${h.violation.summary}`)
  say(causeLine(h))
  const tree = r.tree?.answers.get(h.id)
  if (r.tree !== null && tree !== undefined) say(`the C of ${r.tree.name}: ${tree}`)
  const also = h.alsoBy.slice(0, r.detailed ? h.alsoBy.length : MOST_ALSO).map((a) => alsoText(a, h))
  if (also.length > 0)
    say(
      `also by: ${also.join('; ')}` +
        `${also.length < h.alsoBy.length ? `; ${h.alsoBy.length - also.length} more (-v)` : ''}`
    )
  say(`id ${h.id}`)
  const file = r.saved.get(h.id)
  if (file !== undefined)
    out.push(
      ...wrapCommand(`tbit check ${file} --kernel ${/ /.test(r.kernel) ? `"${r.kernel}"` : r.kernel}`, width - 3, '   ')
    )
  return [...out, '']
}

/** What the C shows beside the findings of the model. */
const treeLines = ({ tree }: HuntReport): string[] =>
  tree === null
    ? []
    : [
        ...tree.only.map((l) => `only the C of ${tree.name}: ${l}`),
        `the C of ${tree.name} in whole calls: ${tree.scenes} of ${plural(tree.of, 'scene')}, ` +
          `${thousands(tree.states)} states; ` +
          (tree.only.length === 0
            ? 'nothing that the model does not show'
            : `${plural(tree.only.length, 'finding')} that the model does not show`) +
          `${tree.notes.length === 0 ? '' : `; not asked: ${tree.notes.join('; ')}`}`
      ]

/** Others of one cause that are told without -v. */
const MOST_ALSO = 3

/** How many findings of what kind, as one sentence. */
export function sumText(r: HuntReport): string {
  const confirmed = r.hazards.length > 0 ? ', each confirmed by check from its text' : ''
  const more = r.expected.length > 0 ? `, ${r.expected.length} more expected` : ''
  if (r.compared === null)
    return `${r.kernel} on ${r.platform}: ${plural(r.hazards.length, 'finding')}${more}${confirmed}`
  return (
    `${r.compared.before.kernel} -> ${r.kernel} on ${r.platform}: ${r.hazards.length} new, ` +
    `${r.compared.gone.length} gone, ${r.compared.same.length} in both${more}${confirmed}`
  )
}

/** What was looked at and what was not, a sentence each. */
export function coverage(r: HuntReport): string[] {
  const sides = r.compared === null ? [r] : [r.compared.before, r]
  const lead = (x: HuntReport): string => (sides.length > 1 ? `${x.kernel}: ` : '')
  return [
    ...sides.flatMap((x) => [
      `covered: ${lead(x)}every sequence of whole calls of a driver and an administrator in ${x.scenes} of ` +
        `${plural(x.of, 'scene')}${x.config.length === 0 ? '' : `, each with ${x.config.join(', ')}`}` +
        `${stepsText(x)}; ${thousands(x.states)} states, ${thousands(x.transitions)} moves; at most ` +
        `${thousands(x.maxStates)} states a search` +
        `${x.steps === null ? '' : `, ${thousands(x.steps.maxStates)} in steps`}`,
      ...(x.scenes < x.of ? [`interrupted: ${lead(x)}${x.of - x.scenes} scenes not looked at`] : []),
      ...(x.open.length > 0 ? [`NOT complete, stopped at the limit of states: ${lead(x)}${x.open.join(', ')}`] : []),
      ...(x.steps === null || x.steps.open.length === 0
        ? []
        : [`NOT complete in single steps (--max-steps, --time): ${lead(x)}${x.steps.open.join(', ')}`])
    ]),
    'not covered: ' +
      (r.steps === null
        ? 'interleavings of single steps inside calls (--interleave steps); '
        : 'two drivers at once; ') +
      'more ' +
      'than one page, mapping and buffer at a time; what the contract forbids: tbit hunt --contract'
  ]
}

const stepsText = ({ steps }: HuntReport): string =>
  steps === null
    ? ''
    : steps.of === 0
      ? ', none of which has calls that can overlap'
      : `, and every interleaving of their steps in ${steps.scenes - steps.open.length} of ${steps.of} whose calls ` +
        'can overlap'

export function huntText(r: HuntReport, look: HuntLook): string {
  const out: string[] = []
  const say = (text: string): void => {
    out.push(...wrap(text, look.width, '  '))
  }
  let n = 0
  for (const trigger of TRIGGERS) {
    const list = r.hazards.filter((h) => h.trigger === trigger)
    if (list.length === 0) continue
    out.push(`== ${trigger}: ${plural(list.length, 'finding')}`, '')
    for (const h of list) out.push(...hazardText(h, ++n, r, look.width))
  }
  if (r.errors.length > 0) return out.length === 0 ? '' : `${out.join('\n')}\n`
  if (r.compared !== null && r.compared.gone.length > 0) {
    say(`gone with ${r.kernel}${isComplete(r) ? '' : ', or not reached'}:`)
    for (const h of r.compared.gone) out.push(bullet('  - ', `${h.harm}: ${h.title} (${h.id})`, look.width))
    out.push('')
  }
  say(sumText(r))
  for (const l of treeLines(r)) say(l)
  if (r.missed.length > 0) say(`expected and not met: ${r.missed.join(', ')}`)
  if (r.unconfirmed.length > 0) say(`NOT confirmed by check, a bug of tbit: ${r.unconfirmed.join('; ')}`)
  for (const l of coverage(r)) say(l)
  out.push(limitsLine)
  return `${out.join('\n')}\n`
}

export function huntJson(r: HuntReport): string {
  const compared =
    r.compared === null
      ? {}
      : {
          compared: {
            kernel: r.compared.before.kernel,
            complete: isComplete(r.compared.before),
            gone: r.compared.gone.map((h) => ({
              id: h.id,
              title: h.title,
              harm: h.harm,
              property: h.finding.property
            })),
            same: r.compared.same
          }
        }
  return `${JSON.stringify({
    format: 1,
    kernel: r.kernel,
    platform: r.platform,
    complete: isComplete(r),
    states: r.states,
    transitions: r.transitions,
    interleave: r.steps === null ? 'calls' : 'steps',
    scenes: { done: r.scenes, of: r.of, open: r.open },
    steps: r.steps,
    findings: r.hazards.map((h) => ({
      id: h.id,
      title: h.title,
      property: h.finding.property,
      summary: h.violation.summary,
      harm: h.harm,
      trigger: h.trigger,
      site: h.finding.site,
      decision: h.finding.decision,
      cause: h.cause,
      calls: draftCalls(h.draft),
      threads: h.draft.parts.length > 1 ? h.draft.parts : null,
      trace: h.violation.trace.map((s) => ({ thread: s.name, text: s.text })),
      litmus: shownTest(h, r),
      also_by: h.alsoBy.map((a, i) => ({
        property: a.finding.property,
        site: a.finding.site,
        decision: a.finding.decision,
        summary: a.finding.summary,
        harm: a.harm,
        trigger: a.trigger,
        consequence: a.after,
        calls: draftCalls(a.draft),
        threads: a.draft.parts.length > 1 ? a.draft.parts : null,
        litmus: draftText(a.draft, r.kernel, r.platform, `${fileName(h)}-${i + 2}`, a.finding.summary)
      }))
    })),
    ...compared,
    ...(r.tree === null ? {} : { tree: { ...r.tree, answers: Object.fromEntries(r.tree.answers) } }),
    expected: r.expected,
    missed: r.missed,
    unconfirmed: r.unconfirmed,
    interrupted: r.interrupted,
    errors: r.errors
  })}\n`
}

/** The contract, a clause a paragraph. */
export function contractText(width: number): string {
  const out: string[] = ['What a hunted client keeps to, and what would be reported if it did not:', '']
  for (const c of [...contract, ...promises] as ReadonlyArray<Omit<Clause, 'allows'>>) {
    const levels = c.levels.length < LEVELS.length ? ` [${c.levels.join(', ')}]` : ''
    out.push(
      ...wrap(`${c.name}${levels}: ${c.words}${c.otherwise === '' ? '' : `. Otherwise: ${c.otherwise}`}`, width, '  ')
    )
  }
  return `${out.join('\n')}\n`
}

/** The scenes that there are. */
export function scenesText(list: readonly Scene[], width: number): string {
  const used = new Set(list.flatMap((s) => s.with))
  const out = [`${plural(list.length, 'scene')}, made of:`]
  for (const [name, words] of ingredientWords)
    if (used.has(name)) out.push(bullet(`  ${name.padEnd(16)} `, words, width))
  out.push('', ...wrap(list.map((s) => s.name).join(', '), width, '  '))
  return `${out.join('\n')}\n`
}

/** The contract as data: clauses with the levels at which they hold. */
export const contractJson = (): string =>
  JSON.stringify({
    format: 1,
    clauses: ([...contract, ...promises] as ReadonlyArray<Omit<Clause, 'allows'>>).map(
      ({ name, words, otherwise, levels }) => ({ name, words, otherwise, levels })
    ),
    errors: []
  }) + '\n'

/** The scenes of a pair as data. */
export const scenesJson = (pair: Pick<HuntReport, 'kernel' | 'platform'> | undefined, list: readonly Scene[]): string =>
  `${JSON.stringify({
    format: 1,
    kernel: pair?.kernel ?? '',
    platform: pair?.platform ?? '',
    ingredients: [...ingredientWords]
      .filter(([name]) => list.some((s) => s.with.includes(name)))
      .map(([name, does]) => ({ name, does })),
    scenes: list.map((s) => ({ name: s.name, with: s.with, level: s.level, head: s.head.map(blockText) })),
    errors: []
  })}\n`

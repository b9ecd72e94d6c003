// `tbit hunt` as text and json: a screen a finding, the weakest trigger and the shortest sequence first; then what was covered and what was not.
import { type Diagnostic, plural, thousands } from '../base/index.ts'
import { type Also, blockText, type Clause, contract, draftText, type Hazard, ingredientWords, LEVELS, litmusText, promises, type Scene, TRIGGERS } from '../hunt/index.ts'
import { limitsLine } from './check-run.ts'
import { bullet, wrap, wrapCommand } from './wrap.ts'

/** A hunt on one pair as a value. */
export interface HuntReport {
  readonly kernel: string
  readonly platform: string
  readonly hazards: readonly Hazard[]
  /** Ids of findings that were expected, and of expected ones that were not met. */
  readonly expected: readonly string[]
  readonly missed: readonly string[]
  /** Scenes that were looked at, of how many; those that hit the limit of states. */
  readonly scenes: number
  readonly of: number
  readonly open: readonly string[]
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
  readonly errors: readonly Diagnostic[]
}

export interface HuntLook { readonly width: number }

export const isComplete = (r: HuntReport): boolean => !r.interrupted && r.open.length === 0 && r.unconfirmed.length === 0

/** The name of a finding's test and file. */
export const fileName = (h: Hazard): string => h.id.replaceAll('/', '-').replaceAll('.', '-').toLowerCase()

/** A finding as a litmus test with what each revision makes of it: a check on every revision. */
export const hazardLitmus = (h: Hazard, r: Pick<HuntReport, 'kernel' | 'platform'>): string => litmusText(h.draft, r.kernel, r.platform, fileName(h), h.title)

const alsoText = (a: Also, h: Hazard): string => `${a.harm === h.harm ? '' : `${a.harm}: `}${a.finding.property} (${a.finding.site}, ${a.finding.decision})`

function causeLine(h: Hazard): string {
  const { cause } = h
  if (cause === null) return `where: ${h.id.slice(h.id.indexOf('/') + 1)}; no decision of another revision removes it`
  return `${cause.kind}: ${cause.name} = ${cause.value}; not with ${cause.instead}${cause.source === '' ? '' : ` (${cause.source})`}`
}

function hazardText(h: Hazard, n: number, r: HuntReport, width: number): string[] {
  const out = wrap(`${n}. ${h.harm}: ${h.title}`, width, '   ')
  const say = (text: string): void => { out.push(...wrap(text, width - 3, '  ').map((l) => `   ${l}`)) }
  const scene = h.draft.head.filter((b) => !b.word.startsWith('device ') || b.entries.length > 0).map(blockText)
  if (scene.length > 0) say(scene.join('  '))
  out.push(...h.draft.body.flatMap((l) => wrap(l, width - 5, '  ').map((x) => `     ${x}`)))
  say(`${h.finding.property}: ${h.violation.summary}`)
  say(causeLine(h))
  const also = h.alsoBy.slice(0, r.detailed ? h.alsoBy.length : MOST_ALSO).map((a) => alsoText(a, h))
  if (also.length > 0) say(`also by: ${also.join('; ')}${also.length < h.alsoBy.length ? `; ${h.alsoBy.length - also.length} more (-v)` : ''}`)
  say(`id ${h.id}`)
  const file = r.saved.get(h.id)
  if (file !== undefined) out.push(...wrapCommand(`tbit check ${file} --kernel ${/ /.test(r.kernel) ? `"${r.kernel}"` : r.kernel}`, width - 3, '   '))
  return [...out, '']
}

/** Others of one cause that are told without -v. */
const MOST_ALSO = 3

export function huntText(r: HuntReport, look: HuntLook): string {
  const out: string[] = []
  const say = (text: string): void => { out.push(...wrap(text, look.width, '  ')) }
  let n = 0
  for (const trigger of TRIGGERS) {
    const list = r.hazards.filter((h) => h.trigger === trigger)
    if (list.length === 0) continue
    out.push(`== ${trigger}: ${plural(list.length, 'finding')}`, '')
    for (const h of list) out.push(...hazardText(h, ++n, r, look.width))
  }
  if (r.errors.length > 0) return out.length === 0 ? '' : `${out.join('\n')}\n`
  say(`${r.kernel} on ${r.platform}: ${plural(r.hazards.length, 'finding')}${r.expected.length > 0 ? `, ${r.expected.length} more expected` : ''}${r.hazards.length > 0 ? ', each confirmed by check from its text' : ''}`)
  if (r.missed.length > 0) say(`expected and not met: ${r.missed.join(', ')}`)
  if (r.unconfirmed.length > 0) say(`NOT confirmed by check, a bug of tbit: ${r.unconfirmed.join('; ')}`)
  say(`covered: every sequence of whole calls of a driver and an administrator in ${r.scenes} of ${plural(r.of, 'scene')}, ${thousands(r.states)} states, ${thousands(r.transitions)} calls; at most ${thousands(r.maxStates)} states a search`)
  if (r.interrupted) say(`interrupted: ${r.of - r.scenes} scenes not looked at`)
  if (r.open.length > 0) say(`NOT complete, stopped at the limit of states: ${r.open.join(', ')}`)
  say('not covered: interleavings of single steps inside calls (write the calls as threads: tbit check); more than one page, mapping and buffer at a time; scatter-gather; what the contract forbids: tbit hunt --contract')
  out.push(limitsLine)
  return `${out.join('\n')}\n`
}

export function huntJson(r: HuntReport): string {
  return `${JSON.stringify({
    format: 1, kernel: r.kernel, platform: r.platform, complete: isComplete(r), states: r.states, transitions: r.transitions, interleave: 'calls', scenes: { done: r.scenes, of: r.of, open: r.open },
    findings: r.hazards.map((h) => ({
      id: h.id, title: h.title, property: h.finding.property, summary: h.violation.summary, harm: h.harm, trigger: h.trigger, site: h.finding.site, decision: h.finding.decision, cause: h.cause,
      calls: h.draft.body, trace: h.violation.trace.map((s) => ({ thread: s.name, text: s.text })), litmus: r.litmus.get(h.id) ?? draftText(h.draft, r.kernel, r.platform, fileName(h), h.title),
      also_by: h.alsoBy.map((a, i) => ({
        property: a.finding.property, site: a.finding.site, decision: a.finding.decision, summary: a.finding.summary, harm: a.harm, trigger: a.trigger, calls: a.draft.body,
        litmus: draftText(a.draft, r.kernel, r.platform, `${fileName(h)}-${i + 2}`, a.finding.summary)
      }))
    })),
    expected: r.expected, missed: r.missed, unconfirmed: r.unconfirmed, interrupted: r.interrupted, errors: r.errors
  })}\n`
}

/** What `hunt` can write. */
export const huntFormats = { text: huntText, json: huntJson } as const satisfies Record<string, (r: HuntReport, look: HuntLook) => string>

/** The contract, a clause a paragraph. */
export function contractText(width: number): string {
  const out: string[] = ['What a hunted client keeps to, and what would be reported if it did not:', '']
  for (const c of [...contract, ...promises] as ReadonlyArray<Omit<Clause, 'allows'>>) {
    const levels = c.levels.length < LEVELS.length ? ` [${c.levels.join(', ')}]` : ''
    out.push(...wrap(`${c.name}${levels}: ${c.words}${c.otherwise === '' ? '' : `. Otherwise: ${c.otherwise}`}`, width, '  '))
  }
  return `${out.join('\n')}\n`
}

/** The scenes that there are. */
export function scenesText(list: readonly Scene[], width: number): string {
  const used = new Set(list.flatMap((s) => s.with))
  const out = [`${plural(list.length, 'scene')}, made of:`]
  for (const [name, words] of ingredientWords) if (used.has(name)) out.push(bullet(`  ${name.padEnd(16)} `, words, width))
  out.push('', ...wrap(list.map((s) => s.name).join(', '), width, '  '))
  return `${out.join('\n')}\n`
}

// A revision as one writes it: a name, an alias (`7.1`, `v7.1`), or either with flips: `linux-7.1 + decryptRemapped`,
// `cc-v8 - pkvmForces`, `cc-v8 reencryptOnFree=at_alloc`. A half-applied series and a stable backport are such lines.
import { err, ok, type Result } from '../../base/index.ts'
import {
  type Decision,
  decisionNames,
  decisionTable,
  decisionText,
  type Decisions,
  type DecisionSpec
} from './decisions.ts'
import type { Revision } from './revision.ts'
import { partlyKnown, revisions } from './sorted.ts'

/** What is wrong with a revision's text. */
export interface RevisionError {
  /** The offending word, and where it begins in the text. */
  readonly word: string
  readonly at: number
  readonly message: string
  /** The words that could have been meant. */
  readonly known: readonly string[]
  readonly expected: readonly string[]
}

const every: readonly Revision[] = [...revisions, ...partlyKnown]
const names: readonly string[] = every.map((r) => r.name)
const byName = new Map(every.map((r) => [r.name, r]))

/** The revision of this name or alias, without flips. An alias is a release's version with or without `v`. */
const plain = (text: string): Revision | undefined =>
  byName.get(text) ?? byName.get(`linux-${text.replace(/^v(?=\d)/, '')}`)

interface Word {
  readonly text: string
  readonly at: number
}
const wordsOf = (text: string): Word[] => [...text.matchAll(/\S+/g)].map((m) => ({ text: m[0], at: m.index }))

const fail = (
  w: Word,
  message: string,
  known: readonly string[],
  expected: readonly string[] = known
): Result<never, RevisionError> => err({ word: w.text, at: w.at, message, known, expected })

const isDecision = (name: string): name is Decision => Object.hasOwn(decisionTable, name)
const valuesOf = (d: Decision): DecisionSpec['values'] => decisionTable[d].values

/** How the value of a decision is flipped: `+ NAME` or `- NAME`, else `NAME=value`. */
export const flipText = (d: Decision, value: Decisions[Decision]): string =>
  typeof value === 'boolean' ? `${value ? '+' : '-'} ${d}` : `${d}=${value}`

/**
 * The revision with other values for some decisions, each with the source of the revision that has that value first.
 */
export function withDecisions(base: Revision, values: Partial<Decisions>, name?: string): Revision {
  const sources: Partial<Record<Decision, string>> = {}
  const flips: string[] = []
  for (const d of decisionNames) {
    const value = values[d]
    if (value === undefined) continue
    sources[d] =
      value === base[d]
        ? base.sources[d]
        : (every.find((r) => r[d] === value)?.sources[d] ?? 'a what-if: no revision has it')
    flips.push(flipText(d, value))
  }
  return {
    ...base,
    ...values,
    sources: { ...base.sources, ...sources },
    name: name ?? [base.name, ...flips].join(' '),
    title: [base.title, ...flips].join(' ')
  }
}

/**
 * Reads a revision as one writes it. The canonical name of a flipped one has single blanks, its flips in the order of
 * the table. `own`: names that mean a revision here beside those that there are.
 */
export function resolveRevision(
  text: string,
  own: ReadonlyMap<string, Revision> = new Map()
): Result<Revision, RevisionError> {
  const words = wordsOf(text)
  const first = words[0]
  if (first === undefined)
    return err({ word: '', at: 0, message: 'a revision is missing', known: names, expected: names })
  const base = own.get(first.text) ?? plain(first.text)
  if (base === undefined) return fail(first, `'${first.text}' is no kernel`, names)
  if (words.length === 1) return ok(base)
  const values: Partial<Record<Decision, Decisions[Decision]>> = {}
  for (let i = 1; i < words.length; i++) {
    const w = words[i] as Word
    const flip = w.text === '+' || w.text === '-' ? signed(w, words[++i]) : assigned(w)
    if (!flip.ok) return flip
    values[flip.value.decision] = flip.value.value
  }
  return ok(withDecisions(base, values as Partial<Decisions>))
}

interface Flip {
  readonly decision: Decision
  readonly value: Decisions[Decision]
}

/** `+ FIELD`, `- FIELD`. */
function signed(sign: Word, w: Word | undefined): Result<Flip, RevisionError> {
  const yes = decisionNames.filter((d) => valuesOf(d) === 'boolean')
  if (w === undefined) return fail(sign, `a decision is missing after '${sign.text}'`, [], yes)
  if (!isDecision(w.text)) return fail(w, `'${w.text}' is no decision of a revision`, decisionNames, yes)
  const values = valuesOf(w.text)
  if (values !== 'boolean')
    return fail(
      w,
      `'${w.text}' is not yes or no: write ${w.text}=${values === 'release' ? 'VERSION' : values.join('|')}`,
      [],
      yes
    )
  return ok({ decision: w.text, value: sign.text === '+' })
}

/** `FIELD=value`. */
function assigned(w: Word): Result<Flip, RevisionError> {
  const eq = w.text.indexOf('=')
  const field = eq < 0 ? w.text : w.text.slice(0, eq)
  if (!isDecision(field))
    return fail(
      { text: field, at: w.at },
      eq < 0
        ? `expected '+ FIELD', '- FIELD' or FIELD=value, found '${w.text}'`
        : `'${field}' is no decision of a revision`,
      decisionNames
    )
  const values = valuesOf(field)
  if (values === 'boolean')
    return fail(
      { text: field, at: w.at },
      `'${field}' is yes or no: write + ${field} or - ${field}`,
      [],
      [`+ ${field}`, `- ${field}`]
    )
  const value = { text: eq < 0 ? '' : w.text.slice(eq + 1), at: w.at + eq + 1 }
  if (values === 'release')
    return /^\d+\.\d+$/.test(value.text)
      ? ok({ decision: field, value: value.text })
      : fail(value, `'${value.text}' is no release`, [], ['6.12'])
  if (!values.includes(value.text))
    return fail(
      value,
      eq < 0 ? `a value is missing: ${field}=${values.join('|')}` : `'${value.text}' is no value of ${field}`,
      values
    )
  return ok({ decision: field, value: value.text as Decisions[Decision] })
}

const resolved = new Map<string, Revision>()

/** The revision of a text as above; undefined when there is none. */
export function revisionByName(text: string): Revision | undefined {
  let r = byName.get(text) ?? resolved.get(text)
  if (r === undefined) {
    const read = resolveRevision(text)
    if (!read.ok) return undefined
    r = read.value
    resolved.set(text, r)
  }
  return r
}

/** The newest release that is not newer than `major.minor`, of the releases there are; undefined before the oldest. */
export function releaseAtMost(version: string): Revision | undefined {
  const number = (v: string): number => {
    const [a = 0, b = 0] = v.split('.').map(Number)
    return a * 1000 + b
  }
  return revisions.filter((r) => r.kind === 'release' && number(r.base) <= number(version)).at(-1)
}

export { decisionText }

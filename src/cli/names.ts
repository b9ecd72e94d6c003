// Words of the command line: lists of kernels and platforms, numbers in a range. What is wrong becomes a diagnostic
// with the nearest known words.
import { InvalidArgumentError, Option } from 'commander'
import { type Diagnostic, ensure, unknownWord } from '../base/index.ts'
import { resolveRevision, type Revision, revisionByName, revisions } from '../kernel/revisions/index.ts'

const kernelNames = revisions.map((r) => r.name)

/** CONFIG_NR_CPUS of x86 with CONFIG_MAXSMP: no kernel of the platforms here is built for more. */
export const MOST_CPUS = 8192

/** A word of the command line that is not right. */
export const usage = (command: string, word: string, message: string, expected?: readonly string[]): Diagnostic => ({
  code: 'TB-001',
  file: command,
  line: 0,
  column: 0,
  word,
  message,
  ...(expected ? { expected } : {})
})

/** `a, b` without its blanks; nothing between two commas is no word. */
export const wordsOf = (text: string): string[] =>
  text
    .split(',')
    .map((w) => w.trim())
    .filter((w) => w !== '')

/** `--interleave` of the model's searches. */
export const interleaveOption = (): Option =>
  new Option('--interleave <how>', 'interleave single steps inside kernel functions, or whole calls (an abstraction)')
    .choices(['steps', 'calls'])
    .default('steps')

/** `a,b`, `all`, `cc-*`: the names in the order of `known`. `option` is written as the user does: `--kernel`. */
export function nameList<N extends string>(
  option: string,
  text: string,
  known: readonly N[],
  command: string,
  errors: Diagnostic[]
): N[] {
  const out = new Set<N>()
  const words = wordsOf(text)
  for (const word of words) {
    const hit =
      word === 'all'
        ? known
        : known.filter((k) => k === word || (word.endsWith('*') && k.startsWith(word.slice(0, -1))))
    for (const k of hit) out.add(k)
    if (hit.length === 0)
      errors.push(
        unknownWord(usage(command, word, `${option}: unknown ${option.slice(2)} '${word}'`, [...known, 'all']), known)
      )
  }
  if (words.length === 0) errors.push(usage(command, text, `${option} names nothing`, [...known, 'all']))
  return known.filter((k) => out.has(k))
}

/**
 * Revisions as one writes them: names, aliases, flips (`linux-7.1 + decryptRemapped`), `all`, `cc-*`; in the order of
 * the documents, the flipped ones behind. `own`: names that the tests give.
 */
export function kernelList(
  option: string,
  text: string,
  command: string,
  errors: Diagnostic[],
  own: readonly string[] = []
): string[] {
  const out = new Set<string>()
  const words = wordsOf(text)
  for (const word of words) {
    const hit =
      word === 'all'
        ? kernelNames
        : word.endsWith('*')
          ? kernelNames.filter((k) => k.startsWith(word.slice(0, -1)))
          : []
    for (const k of hit) out.add(k)
    if (hit.length > 0) continue
    const name = own.includes(word) ? word : kernelName(option, word, command, errors, [...own, 'all'])
    if (name !== null) out.add(name)
  }
  if (words.length === 0) errors.push(usage(command, text, `${option} names nothing`, [...kernelNames, 'all']))
  return [...kernelNames.filter((k) => out.has(k)), ...[...out].filter((k) => !kernelNames.includes(k))]
}

/** One revision, by its canonical name; null and a message when it is none. */
export function kernelName(
  option: string,
  text: string,
  command: string,
  errors: Diagnostic[],
  also: readonly string[] = []
): string | null {
  const read = resolveRevision(text)
  if (read.ok) return read.value.name
  const { word, message, known, expected } = read.error
  const first = read.error.at === 0 || text.trim().indexOf(word) === 0
  const unknown = first ? `unknown kernel '${word}'` : message
  errors.push(
    unknownWord(
      usage(command, word, `${option}: ${unknown}`, first ? [...expected, ...also] : expected),
      first ? [...known, ...also] : known
    )
  )
  return null
}

/** An option that takes one revision as one writes it, by its canonical name. */
export const kernelOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string) => {
    const wrong: Diagnostic[] = []
    const name = kernelName('--kernel', text, '', wrong)
    const [d] = wrong
    if (name === null)
      throw new InvalidArgumentError(
        `${d?.message.replace('--kernel: ', '') ?? ''}` +
          `${d?.nearest ? `, did you mean '${d.nearest.join("' or '")}'?` : ''}`
      )
    return name
  })

/** The record behind a name that kernelName() let through. */
export const revisionNamed = (name: string): Revision => ensure(revisionByName(name), name)

/** One of `known`; null and a message when it is none. */
export function oneName<N extends string>(
  option: string,
  text: string,
  known: readonly N[],
  command: string,
  errors: Diagnostic[]
): N | null {
  if (known.includes(text as N)) return text as N
  errors.push(unknownWord(usage(command, text, `${option}: unknown ${option.slice(2)} '${text}'`, known), known))
  return null
}

/** A whole number from `low` to `high`. */
export function numberOption(
  option: string,
  text: string,
  low: number,
  high: number,
  command: string,
  errors: Diagnostic[]
): number | null {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (n >= low && n <= high) return n
  errors.push(
    usage(command, text, `${option}: '${text}' is no number of ${option.slice(2).split('-').at(-1) ?? ''}`, [
      `${low} to ${high}`
    ])
  )
  return null
}

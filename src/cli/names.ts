// Words of the command line: lists of kernels and platforms, numbers in a range. What is wrong becomes a diagnostic with the nearest known words.
import { Bytes, type Diagnostic, unknownWord } from '../base/index.ts'

const usage = (command: string, word: string, message: string, expected?: readonly string[]): Diagnostic => ({ code: 'TB-001', file: command, line: 0, column: 0, word, message, ...(expected ? { expected } : {}) })

/** `a,b`, `all`, `cc-*`: the names in the order of `known`. `option` is written as the user does: `--kernel`. */
export function nameList<N extends string>(option: string, text: string, known: readonly N[], command: string, errors: Diagnostic[]): N[] {
  const out = new Set<N>()
  const words = text.split(',').map((w) => w.trim()).filter((w) => w !== '')
  for (const word of words) {
    const hit = word === 'all' ? known : known.filter((k) => k === word || (word.endsWith('*') && k.startsWith(word.slice(0, -1))))
    for (const k of hit) out.add(k)
    if (hit.length === 0) errors.push(unknownWord(usage(command, word, `${option}: unknown ${option.slice(2)} '${word}'`, [...known, 'all']), known))
  }
  if (words.length === 0) errors.push(usage(command, text, `${option} names nothing`, [...known, 'all']))
  return known.filter((k) => out.has(k))
}

/** One of `known`; null and a message when it is none. */
export function oneName<N extends string>(option: string, text: string, known: readonly N[], command: string, errors: Diagnostic[]): N | null {
  if (known.includes(text as N)) return text as N
  errors.push(unknownWord(usage(command, text, `${option}: unknown ${option.slice(2)} '${text}'`, known), known))
  return null
}

/** A whole number from `low` to `high`. */
export function numberOption(option: string, text: string, low: number, high: number, command: string, errors: Diagnostic[]): number | null {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (n >= low && n <= high) return n
  errors.push(usage(command, text, `${option}: '${text}' is no number of ${option.slice(2).split('-').at(-1) ?? ''}`, [`${low} to ${high}`]))
  return null
}

/** A size or address (4096, 4K, 0x1000) from `low` to `high`. */
export function sizeOption(option: string, text: string, low: number, high: number, command: string, errors: Diagnostic[]): number | null {
  const n = Bytes.parse(text)
  if (n !== null && n >= low && n <= high) return n
  errors.push(usage(command, text, `${option}: '${text}' is no value from ${Bytes.format(low)} to ${Bytes.format(high)}`))
  return null
}

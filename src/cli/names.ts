// Names on the command line: lists of kernels and platforms, with the nearest known words when one is not known.
import { err, nearest, ok, type Result } from '../base/index.ts'

/** The text of an error about a word that is none of `known`. */
export function unknownName(what: string, word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return `TB-001: unknown ${what} '${word}'${near.length ? `\n  did you mean ${near.map((n) => `'${n}'`).join(' or ')}?` : ''}\n  known: ${known.join(', ')}`
}

/** `a,b` or `all` as a list, in the order of `known`. */
export function nameList(what: string, text: string, known: readonly string[]): Result<string[], string> {
  const words = text.split(',').map((w) => w.trim()).filter((w) => w !== '')
  if (words.includes('all')) return ok([...known])
  for (const w of words) if (!known.includes(w)) return err(unknownName(what, w, known))
  if (words.length === 0) return err(`TB-001: no ${what} named\n  known: ${known.join(', ')}`)
  return ok(known.filter((k) => words.includes(k)))
}

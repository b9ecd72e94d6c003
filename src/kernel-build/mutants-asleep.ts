// All mutants of a tree in one build: each sleeps until a variable has its number, so that none is compiled alone.
import { own } from '../base/index.ts'

/** A stretch of a file, and the C that does what the mutant does where `on` holds, and else what the original does. */
export interface Edit {
  readonly from: number
  readonly to: number
  readonly woken: (on: string, inner: Inner) => string
}
/** The original between two offsets, with what else is changed in it. */
export type Inner = (from: number, to: number) => string

/**
 * What is off by one, in `text` without comments: a value that is made otherwise, or the comparison around an operator.
 */
export function shifted(text: string, from: number, to: number, changed: string): Edit {
  if (!/^ [<>]=? $/.test(text.slice(from, to)))
    return { from, to, woken: (on, original) => `(${on} ? ${changed} : ${original(from, to)})` }
  const [first, last] = [operandBefore(text, from), operandAfter(text, to)]
  return {
    from: first,
    to: last,
    woken: (on, original) => {
      const [a, b] = [original(first, from), original(to, last)]
      return `(${on} ? (${a}${changed}${b}) : (${a}${text.slice(from, to)}${b}))`
    }
  }
}

const BRACKETS: Readonly<Record<string, number>> = { '(': 1, '[': 1, '{': 1, ')': -1, ']': -1, '}': -1 }
/** Where the operand that ends at `end` begins. */
function operandBefore(text: string, end: number): number {
  let depth = 0
  for (let i = end - 1; i >= 0; i--) {
    depth -= own(BRACKETS, text[i] as string) ?? 0
    const behind = text.slice(i, i + 7)
    if (depth < 0) return i + 1
    if (depth === 0 && /^(?:[,;?:}]|&&|\|\||return\b)/.test(behind))
      return i + (behind.startsWith('return') ? 6 : /^[&|]/.test(behind) ? 2 : 1)
    if (depth === 0 && /^[^=<>!]=[^=]/.test(behind)) return i + 2
  }
  return 0
}

/** Where the operand that begins at `from` ends. */
function operandAfter(text: string, from: number): number {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    depth += own(BRACKETS, text[i] as string) ?? 0
    if (depth < 0 || (depth === 0 && /^(?:[,;?:]|&&|\|\|)/.test(text.slice(i, i + 2)))) return i
  }
  return text.length
}

/** The word that says which mutant is awake; its value in an image is found and overwritten there. */
export const SLEEPING = 0x7b51a9e3

/**
 * The file with all of these mutants in it, of which the one awake is the one whose number the variable has: one build
 * for all. Lines keep their numbers: the first is a comment, as in every file of the kernel. `mutants`: each with its
 * number, from 1. `defines`: whether the variable stands here. Mutants whose changes cross others', or that are
 * constants, cannot be put in: they are answered as `out`.
 */
export function asleep<M extends { readonly edits: readonly Edit[] }>(
  raw: string,
  mutants: ReadonlyArray<readonly [number: number, mutant: M]>,
  defines: boolean
): { readonly text: string; readonly out: readonly M[] } {
  const placed: Array<Edit & { readonly on: string }> = []
  const out: M[] = []
  const crosses = (a: Edit, b: Edit): boolean => a.from < b.from && b.from < a.to && a.to < b.to
  for (const [number, m] of mutants) {
    // A constant is asked for, where no variable can be.
    const constant = m.edits.some((e) => /\bcase\s+[^:]*$/.test(raw.slice(raw.lastIndexOf('\n', e.from), e.from)))
    if (constant || m.edits.some((e) => placed.some((p) => crosses(e, p) || crosses(p, e)))) out.push(m)
    else placed.push(...m.edits.map((e) => ({ ...e, on: `(tbit_mutant == ${number})` })))
  }
  placed.sort((a, b) => a.from - b.from || b.to - a.to)
  const text = (from: number, to: number, first: number): string => {
    let [made, at] = ['', from]
    for (let i = first; i < placed.length; i++) {
      const e = placed[i] as (typeof placed)[number]
      if (e.from < at || e.to > to) continue
      // what lies within it comes behind it, and is written by it
      made += raw.slice(at, e.from) + e.woken(e.on, (a, b) => text(a, b, i + 1))
      at = e.to
    }
    return made + raw.slice(at, to)
  }
  const variable = defines ? `unsigned int tbit_mutant = ${SLEEPING}u; ` : 'extern unsigned int tbit_mutant; '
  return { text: variable + text(0, raw.length, 0), out }
}

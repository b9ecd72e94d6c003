// Just enough reading of C to find a function's parameters, cut a definition out of a header, and list what a text
// uses. It never interprets: what it cuts is handed to the compiler verbatim.
import { own } from '../base/index.ts'

// A comment, or a literal in its quotes: both end with the text, a literal also with its line.
const UNREAD = /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"((?:[^"\\\n]|\\[\s\S]?)*)"?|'((?:[^'\\\n]|\\[\s\S]?)*)'?/g
const spaces = (text: string): string => text.replace(/[^\n]/g, ' ')

/** The text with comments and string contents blanked, of the same length, so that offsets agree. */
export const blank = (text: string): string =>
  text.replace(UNREAD, (found: string, a: string | undefined, b: string | undefined) => {
    const inside = a ?? b
    if (inside === undefined) return spaces(found)
    return found.charAt(0) + spaces(inside) + found.slice(1 + inside.length)
  })

/** The offset just behind the bracket that closes the one at `open`; -1 when it is never closed. */
export function closing(text: string, open: number): number {
  const pairs: Record<string, string> = { '(': ')', '{': '}', '[': ']' }
  const stack: string[] = []
  for (let i = open; i < text.length; i++) {
    const c = text[i] ?? ''
    const p = own(pairs, c)
    if (p) stack.push(p)
    else if (c === ')' || c === '}' || c === ']') {
      if (stack.pop() !== c) return -1
      if (stack.length === 0) return i + 1
    }
  }
  return -1
}

/** The parts of what stands between the brackets of a call or a declaration; of nothing one empty part. */
export function listed(inside: string): string[] {
  const out: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= inside.length; i++) {
    const c = inside[i]
    if (c === '(') depth++
    else if (c === ')') depth--
    else if (c === undefined || (c === ',' && depth === 0)) {
      out.push(inside.slice(from, i).trim())
      from = i + 1
    }
  }
  return out
}

/**
 * The parameters of a function as declared in any of the texts, one string each; null when no text declares it. `void`
 * is none.
 */
export function parameters(name: string, texts: readonly string[]): string[] | null {
  for (const raw of texts) {
    const text = blank(raw)
    // at the start of a line, with a type before the name: not a call
    const re = new RegExp(`^(?:[A-Za-z_][\\w \\t*]*?[ \\t*\\n])${name}\\s*\\(`, 'gm')
    for (let m = re.exec(text); m; m = re.exec(text)) {
      if (/^\s*(return|else|if|#)\b/.test(m[0])) continue
      const open = m.index + m[0].length - 1
      const end = closing(text, open)
      if (end < 0) continue
      const inside = text
        .slice(open + 1, end - 1)
        .replace(/\s+/g, ' ')
        .trim()
      return inside === '' || inside === 'void' ? [] : listed(inside)
    }
  }
  return null
}

/** Cuts `struct NAME { ... };`, verbatim. Null when it is not there. */
export function cutStruct(name: string, raw: string): string | null {
  const text = blank(raw)
  const m = new RegExp(`^struct\\s+${name}\\s*\\{`, 'm').exec(text)
  if (!m) return null
  const end = closing(text, m.index + m[0].length - 1)
  const semi = end < 0 ? -1 : text.indexOf(';', end)
  return semi < 0 ? null : raw.slice(m.index, semi + 1)
}

/** Cuts every top-level enum that defines one of the words, or carries the name, verbatim. */
export function cutEnums(words: readonly string[], raw: string): string[] {
  const text = blank(raw)
  const out: string[] = []
  const re = /^enum(?:\s+\w+)?\s*\{/gm
  for (let m = re.exec(text); m; m = re.exec(text)) {
    const end = closing(text, m.index + m[0].length - 1)
    if (end < 0) continue
    const body = text.slice(m.index, end)
    if (words.some((w) => new RegExp(`\\b${w}\\b`).test(body))) out.push(raw.slice(m.index, text.indexOf(';', end) + 1))
  }
  return out
}

/** Cuts a whole `#define NAME...` with its continuation lines. */
export function cutMacro(name: string, raw: string): string | null {
  const m = new RegExp(`^[ \\t]*#[ \\t]*define[ \\t]+${name}\\b`, 'm').exec(raw)
  if (!m) return null
  let end = m.index
  for (;;) {
    const nl = raw.indexOf('\n', end)
    if (nl < 0) return raw.slice(m.index)
    if (raw[nl - 1] !== '\\') return raw.slice(m.index, nl + 1)
    end = nl + 1
  }
}

/**
 * Cuts a top-level function definition (also static inline) or its prototype, verbatim, from the line its type starts
 * on.
 */
export function cutFunction(name: string, raw: string, prototypeToo = false): string | null {
  const text = blank(raw)
  const re = new RegExp(`^[A-Za-z_][^\\n;{}()#]*(?:\\n[^\\n;{}()#]*)?\\b${name}\\s*\\(`, 'gm')
  for (let m = re.exec(text); m; m = re.exec(text)) {
    const close = closing(text, m.index + m[0].length - 1)
    if (close < 0) continue
    const rest = /^(?:\s|__\w+(?:\([^)]*\))?)*([{;])/.exec(text.slice(close))
    if (!rest) continue
    if (rest[1] === ';') {
      if (prototypeToo) return raw.slice(m.index, close + rest[0].length)
      continue
    }
    const end = closing(text, close + rest[0].length - 1)
    if (end > 0) return raw.slice(m.index, end)
  }
  return null
}

/** The files a text includes, in order, with whether the name stood in quotes. */
export function includes(raw: string): Array<{ path: string; quoted: boolean }> {
  const out: Array<{ path: string; quoted: boolean }> = []
  for (const m of raw.matchAll(/^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]/gm))
    out.push({ path: m[2] ?? '', quoted: m[1] === '"' })
  return out
}

export const identifiers = (text: string): Set<string> => new Set(blank(text).match(/[A-Za-z_]\w*/g) ?? [])

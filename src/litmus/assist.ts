// What an editor asks at a place of a text: what a word means, where a name comes from.
import { complete } from './complete.ts'
import { Errors } from './_errors.ts'
import type { Token } from './_lex.ts'
import { operationOf } from './_c-spelling.ts'
import { revisionByName } from '../kernel/revisions/index.ts'
import { type RawStmt, type RawTest, revisionText, Syntax } from './_syntax.ts'
import {
  configByName,
  deviceKeyByName,
  fieldByName,
  fields,
  kernels,
  keywords,
  parts,
  platforms,
  properties,
  signature,
  type Word
} from './vocabulary.ts'
import type { Span } from './fixes.ts'

export interface Hover extends Span {
  readonly word: string
  /** One line of meaning. */
  readonly does: string
}
const wordAt = (raw: RawTest, offset: number): Token | undefined =>
  raw.tokens.find((t) => t.kind === 'word' && t.offset <= offset && offset <= t.offset + t.length)

const TABLES: readonly (readonly Word[])[] = [parts, keywords, properties, platforms, kernels, fields]

/** Words that content assist would not offer where they stand: other spellings, keys of the wrong block. */
function meaning(word: string): string | null {
  const op = operationOf(word)
  if (op !== undefined) return `${signature(op)}: ${op.does}`
  for (const t of TABLES) {
    const w = t.find((x) => x.name === word)
    if (w !== undefined) return w.does
  }
  return (
    (configByName.get(word) ?? deviceKeyByName.get(word) ?? fieldByName.get(word))?.does ??
    revisionByName(word)?.does ??
    null
  )
}

/** The meaning of the word at `offset`; null where none stands, or one without a meaning. */
export function hover(text: string, offset: number): Hover | null {
  const { test } = new Syntax(text, new Errors(''))
  const t = wordAt(test, offset)
  if (t === undefined) return null
  const end = t.offset + t.length
  const own = test.revisions.find((r) => r.name.text === t.text)
  const does =
    own !== undefined
      ? revisionText(own.revision)
      : (complete(text, end).words.find((w) => w.word === t.text)?.does ?? meaning(t.text))
  return does === null ? null : { from: t.offset, to: end, word: t.text, does }
}

/** The first statement that sets `name`. */
function setter(list: readonly RawStmt[], name: string): Token | null {
  for (const s of list) {
    if (s.kind === 'do') {
      if (s.target?.text === name) return s.target
      if (s.value.kind === 'call')
        for (const a of s.value.args) if (a.kind === 'address' && a.name.text === name) return a.name
    }
    if (s.kind === 'bad' && s.target?.text === name) return s.target
    const inner =
      s.kind === 'if'
        ? [s.then, s.else]
        : s.kind === 'choose'
          ? s.branches
          : s.kind === 'repeat' || s.kind === 'bad'
            ? [s.body]
            : []
    for (const b of inner) {
      const t = setter(b, name)
      if (t !== null) return t
    }
  }
  return null
}

/**
 * Where the name at `offset` is given: a device, range, thread, revision of the test, or the first statement that sets
 * a variable.
 */
export function definition(text: string, offset: number): Span | null {
  const { test } = new Syntax(text, new Errors(''))
  const t = wordAt(test, offset)
  if (t === undefined) return null
  const i = test.tokens.indexOf(t)
  const whose = test.tokens[i - 1]?.text === '.' ? test.tokens[i - 2]?.text : undefined
  // The cursor tells whose statements these are.
  const { wantedIn } = new Syntax(text, new Errors(''), t.offset + t.length)
  const thread = test.threads.find((x) => x.name.text === (whose ?? wantedIn.thread))
  const named =
    whose === undefined
      ? [...test.devices, ...test.mmios, ...test.threads, ...test.revisions]
          .map((x) => x.name)
          .find((n) => n.text === t.text)
      : undefined
  const found = (thread ? setter(thread.body, t.text) : null) ?? setter(test.init ?? [], t.text) ?? named ?? null
  return found === null ? null : { from: found.offset, to: found.offset + found.length }
}

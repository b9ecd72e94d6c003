// Tokens to a raw tree: the shape is right, the names are not looked at yet. Recursive descent, one function a rule of
// docs/litmus-language.md; an error is reported where it is met and the parser goes on at the next statement, entry or
// part. Why by hand and not with a parser library: docs/decisions/0001-litmus-parser.md.
import type { At } from './ast.ts'
import type { Errors, More } from './_errors.ts'
import { lex, type Token } from './_lex.ts'
import {
  configByName,
  deviceKeyByName,
  kernelNames,
  keywordNames,
  keywords,
  mmioKeys,
  operationByName,
  type PartName,
  partNames,
  parts,
  platforms,
  properties
} from './vocabulary.ts'
import { Bytes, own, PAGE_SIZE } from '../base/index.ts'

// ---- the raw tree ------------------------------------------------------------------------------------------------

export type RawExpr =
  | { readonly kind: 'number'; readonly value: number; readonly at: At; readonly text: string }
  | { readonly kind: 'string'; readonly at: At; readonly text: string }
  | RawPath
  | RawCall
  | { readonly kind: 'list'; readonly items: readonly RawExpr[]; readonly at: At }
  | { readonly kind: 'not'; readonly expr: RawExpr; readonly at: At }
  | RawBinary
  /** `&handle`, among the arguments of a call. */
  | { readonly kind: 'address'; readonly name: Token; readonly at: At }
  /** `A | B`, among the arguments of a call. */
  | { readonly kind: 'flags'; readonly items: readonly RawExpr[]; readonly at: At }

/** a, a.b, a.b.c, h[0].alias */
export interface RawPath {
  readonly kind: 'path'
  readonly head: Token
  readonly rest: readonly RawStep[]
  readonly at: At
}
export type RawStep =
  | { readonly kind: 'dot'; readonly name: Token }
  | { readonly kind: 'index'; readonly index: RawExpr; readonly at: At }

export interface RawCall {
  readonly kind: 'call'
  readonly op: Token
  readonly try: Token | null
  readonly args: readonly RawExpr[]
  readonly at: At
  readonly close: At
}

export interface RawBinary {
  readonly kind: 'binary'
  readonly op: string
  readonly opAt: At
  readonly left: RawExpr
  readonly right: RawExpr
  readonly at: At
}

export type RawStmt =
  | { readonly kind: 'do'; readonly at: At; readonly target: Token | null; readonly value: RawExpr }
  | {
      readonly kind: 'if'
      readonly at: At
      readonly cond: RawExpr
      readonly then: readonly RawStmt[]
      readonly else: readonly RawStmt[]
    }
  | { readonly kind: 'choose'; readonly at: At; readonly branches: readonly (readonly RawStmt[])[] }
  | { readonly kind: 'repeat'; readonly at: At; readonly count: RawExpr; readonly body: readonly RawStmt[] }
  | { readonly kind: 'wait' | 'assert'; readonly at: At; readonly cond: RawExpr }
  /** What could not be read; the names it would have set are kept, so that their use is no further error. */
  | { readonly kind: 'bad'; readonly at: At; readonly target: Token | null; readonly body: readonly RawStmt[] }

export interface RawEntry {
  readonly key: Token
  /** A number, a word or a string; two numbers of swiotlb; none for a flag. */
  readonly values: readonly Token[]
}

export interface RawBlock {
  readonly name: Token
  readonly entries: readonly RawEntry[]
}

export interface RawThread {
  readonly name: Token
  readonly cpu: Token | null
  readonly body: readonly RawStmt[]
}

/** A revision as written, flips included: its words, each with the token at its begin. */
export interface RawRevision {
  readonly words: ReadonlyArray<{ readonly text: string; readonly token: Token }>
}
export const revisionText = (r: RawRevision): string => r.words.map((w) => w.text).join(' ')

export interface RawExpect {
  readonly at: At
  readonly kernels: readonly RawRevision[]
  readonly platforms: readonly Token[]
  readonly verdict: readonly Token[]
  /** `as REVISION`, in place of a verdict. */
  readonly as: RawRevision | null
}

export interface RawTest {
  readonly tokens: readonly Token[]
  name: { readonly text: string; readonly at: At } | null
  text: string
  sources: string[]
  platforms: Token[]
  kernels: RawRevision[]
  /** `kernel NAME = REVISION`. */
  revisions: { readonly name: Token; readonly revision: RawRevision }[]
  forbid: Token[]
  config: RawEntry[]
  devices: RawBlock[]
  mmios: RawBlock[]
  init: readonly RawStmt[] | null
  threads: RawThread[]
  conditions: { readonly kind: 'exists' | 'never'; readonly expr: RawExpr; readonly at: At }[]
  expects: RawExpect[]
}

/** Where content assist was asked for: what the grammar wanted there. */
export type Wanted =
  | {
      readonly kind:
        | 'part'
        | 'platform'
        | 'kernel'
        | 'flip'
        | 'property'
        | 'verdict'
        | 'expectKernel'
        | 'expectPlatform'
        | 'on'
        | 'mmioDevice'
        | 'cpu'
        | 'statement'
        | 'rhs'
        | 'operation'
        | 'expr'
        | 'else'
        | 'or'
    }
  | { readonly kind: 'configKey' | 'deviceKey' | 'mmioKey'; readonly used: readonly string[] }
  | { readonly kind: 'configValue'; readonly key: string }
  | {
      readonly kind: 'arg'
      readonly op: string
      readonly index: number
      readonly inList: boolean
      readonly used: readonly string[]
    }
  | { readonly kind: 'compared'; readonly with: RawExpr }
  | { readonly kind: 'field'; readonly path: RawPath }

/** Words of C that one writes by habit, and what the language has instead. */
const FOREIGN: Readonly<Record<string, string>> = {
  while: 'loops are repeat N { }; wait (EXPR) waits',
  for: 'loops are repeat N { }',
  do: 'loops are repeat N { }',
  return: 'put what follows into if (EXPR) { }',
  goto: 'there are no jumps',
  break: 'there are no jumps',
  continue: 'there are no jumps',
  switch: 'use if (EXPR) { } else { }',
  int: 'variables are not declared',
  void: 'variables are not declared',
  struct: 'variables are not declared',
  const: 'variables are not declared',
  static: 'variables are not declared',
  let: 'variables are not declared'
}

/** Deeper nesting than any reader follows; keeps the parser's own stack bounded. */
const MOST_DEPTH = 100
/** Operators and operands in one expression. */
const MOST_TERMS = 500

/** What may follow a name inside parentheses: a variable called like a part is none. */
const OPERAND_ENDS: ReadonlySet<string> = new Set([
  ',',
  ')',
  ']',
  '[',
  '.',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '&&',
  '||'
])

class Recover extends Error {}

const span = (a: At, b: At): At => ({
  line: a.line,
  column: a.column,
  length: a.line === b.line ? Math.max(b.column + b.length - a.column, a.length) : a.length
})
const is = (t: Token, text: string): boolean => t.kind === 'punct' && t.text === text
/** A token as a message shows it. */
const show = (t: Token): string =>
  t.kind === 'end' ? 'the end of the file' : t.kind === 'string' ? 'a string' : `'${t.text}'`

export class Syntax {
  readonly test: RawTest
  /** Content assist: all that the grammar wanted at the cursor, and the thread it stands in. */
  readonly wanted: Wanted[] = []
  wantedIn: { readonly thread: string | null; readonly init: boolean } = { thread: null, init: false }
  private readonly tokens: Token[]
  private readonly errors: Errors
  private pos = 0
  private depth = 0
  private terms = 0
  private thread: string | null = null
  private inInit = false
  /** Among the arguments of a call, where `&handle` and `A | B` may stand. */
  private inCall = false

  constructor(text: string, errors: Errors, cursor = -1) {
    this.errors = errors
    this.tokens = lex(text, errors, cursor)
    this.test = {
      tokens: this.tokens,
      name: null,
      text: '',
      sources: [],
      platforms: [],
      kernels: [],
      revisions: [],
      forbid: [],
      config: [],
      devices: [],
      mmios: [],
      init: null,
      threads: [],
      conditions: [],
      expects: []
    }
    this.file()
  }

  // ---- tools -----------------------------------------------------------------------------------------------------

  private tok(): Token {
    return this.tokens[this.pos] as Token // the last token is `end`, and nothing moves beyond it
  }

  private following(): Token {
    return this.tokens[Math.min(this.pos + 1, this.tokens.length - 1)] as Token
  }

  private next(): Token {
    const t = this.tok()
    if (t.kind !== 'end') this.pos++
    return t
  }

  private accept(text: string): boolean {
    if (!is(this.tok(), text)) return false
    this.pos++
    return true
  }

  private want(w: Wanted): void {
    if (this.tok().cursor !== true) return
    this.wanted.push(w)
    this.wantedIn = { thread: this.thread, init: this.inInit }
  }

  private error(code: string, t: Token, message: string, more: More = {}): void {
    this.errors.add(code, t, t.kind === 'end' ? '' : t.text, message, more)
  }

  /** Reports and gives up the current statement, entry or part. */
  private fail(code: string, t: Token, message: string, more: More = {}): never {
    this.error(code, t, message, more)
    throw new Recover()
  }

  private expect(text: string, why: string, more: More = {}): Token {
    const t = this.tok()
    if (is(t, text)) return this.next()
    // What is missing is missing where the line ended, not where the next one begins.
    const before = this.tokens[this.pos - 1]
    if ((t.nl || t.kind === 'end') && before && t.cursor !== true)
      return this.fail(
        'TB-203',
        before,
        `expected '${text}' ${why}, found ${t.kind === 'end' ? show(t) : "the line's end"}`,
        { expected: [`'${text}'`], ...more }
      )
    return this.fail('TB-203', t, `expected '${text}' ${why}, found ${show(t)}`, { expected: [`'${text}'`], ...more })
  }

  /** The closing half of a pair; when the line or the file ends first, the opening half is what is wrong. */
  private close(text: string, open: Token, otherwise: string): Token {
    if (is(this.tok(), text)) return this.next()
    const t = this.tok()
    if (t.kind === 'end' || t.nl || is(t, '}') || is(t, '{'))
      return this.fail('TB-204', open, `'${open.text}' is not closed`, { expected: [`'${text}'`] })
    return this.fail('TB-203', t, `expected ${otherwise} or '${text}', found ${show(t)}`, {
      expected: [otherwise, `'${text}'`]
    })
  }

  private name(what: string): Token {
    const t = this.tok()
    if (t.kind === 'word' && !t.text.endsWith('*')) return this.next()
    return this.fail('TB-203', t, `expected ${what}, found ${show(t)}`, { expected: [what] })
  }

  private deeper<T>(rule: () => T): T {
    if (this.depth >= MOST_DEPTH) return this.fail('TB-241', this.tok(), `nested more than ${MOST_DEPTH} deep`)
    this.depth++
    try {
      return rule()
    } finally {
      this.depth--
    }
  }

  /** A line begins here with the word of a part. Inside a block `source = 1` is a statement, if a wrong one. */
  private atPart(inBlock = true): boolean {
    const t = this.tok()
    return (
      t.kind === 'word' && t.nl && partNames.has(t.text) && t.cursor !== true && !(inBlock && is(this.following(), '='))
    )
  }

  /** Runs a rule; after an error the parser stands where it was met. */
  private recovering(rule: () => void): boolean {
    const depth = this.depth
    try {
      rule()
      return true
    } catch (e) {
      if (!(e instanceof Recover)) throw e
      this.depth = depth
      return false
    }
  }

  // ---- file and parts --------------------------------------------------------------------------------------------

  private file(): void {
    const first = this.tok()
    if (first.kind === 'end') {
      this.error('TB-205', first, 'the file holds no test', { expected: ['litmus NAME "text"'] })
      return
    }
    if (!(first.kind === 'word' && first.text === 'litmus') && first.cursor !== true) {
      this.error('TB-205', first, `a test begins with 'litmus', found ${show(first)}`, {
        expected: ['litmus NAME "text"'],
        ...(first.kind === 'word' && !partNames.has(first.text) ? { known: ['litmus'] } : {})
      })
      if (!partNames.has(first.text)) this.skipPart()
    }
    while (this.tok().kind !== 'end') {
      const start = this.pos
      if (!this.recovering(() => this.part())) this.skipPart()
      if (this.pos === start && this.tok().kind !== 'end') this.next()
    }
  }

  private readonly rules: Readonly<Record<PartName, () => void>> = {
    litmus: () => this.litmus(),
    source: () => this.source(),
    platform: () =>
      this.nameList(
        this.test.platforms,
        { kind: 'platform' },
        'a platform',
        platforms.map((p) => p.name)
      ),
    kernel: () => this.kernelPart(),
    forbid: () =>
      this.nameList(
        this.test.forbid,
        { kind: 'property' },
        'a property',
        properties.map((p) => p.name)
      ),
    config: () => this.config(),
    device: () => this.device(),
    mmio: () => this.mmio(),
    init: () => this.init(),
    thread: () => this.threadPart(),
    exists: () => this.condition('exists'),
    never: () => this.condition('never'),
    expect: () => this.expectPart()
  }

  private part(): void {
    const t = this.tok()
    if (this.accept(';')) return
    this.want({ kind: 'part' })
    const rule = t.kind === 'word' && partNames.has(t.text) ? this.rules[t.text as PartName] : undefined
    if (rule) {
      rule()
      return
    }
    if (is(t, '}')) this.fail('TB-203', this.next(), "'}' closes nothing", { hint: 'no block is open here' })
    const statement =
      keywordNames.has(t.text) ||
      operationByName.has(t.text) ||
      (t.kind === 'word' && (is(this.following(), '(') || is(this.following(), '=')))
    this.fail('TB-206', t, `${show(t)} begins no part of a test`, {
      expected: parts.map((p) => p.name),
      ...(statement
        ? { hint: 'statements stand in init { } or thread NAME { }' }
        : t.kind === 'word'
          ? { known: partNames }
          : {})
    })
  }

  /** To the next line that begins a part. */
  private skipPart(): void {
    while (this.tok().kind !== 'end' && !this.atPart(false)) this.next()
  }

  /** A part that is a line ends with the line, with `;`, or where the next part begins. */
  private endOfPart(after: string): void {
    const t = this.tok()
    if (this.accept(';') || t.nl || t.kind === 'end') return
    if (t.cursor === true) {
      this.next()
      return
    }
    if (t.kind === 'word' && partNames.has(t.text)) return
    this.fail('TB-203', t, `expected ',' or the line's end after ${after}, found ${show(t)}`, {
      expected: ["','", "the line's end"]
    })
  }

  private litmus(): void {
    const keyword = this.next()
    if (this.test.name !== null) this.fail('TB-238', keyword, 'a second test in the file', { hint: 'one test a file' })
    const first = this.tok()
    let text = ''
    // A name may hold dots and begin with a digit; its pieces stand together.
    while (
      (this.tok().kind === 'word' || this.tok().kind === 'number' || is(this.tok(), '.')) &&
      (text === '' || this.tok().glued)
    )
      text += this.next().text
    if (text === '')
      this.fail('TB-203', first, `expected the test's name after 'litmus', found ${show(first)}`, {
        expected: ['NAME'],
        hint: 'litmus NAME "text"'
      })
    this.test.name = { text, at: { line: first.line, column: first.column, length: text.length } }
    if (this.tok().kind !== 'string')
      this.fail('TB-203', this.tok(), `expected the test's text in quotes after its name, found ${show(this.tok())}`, {
        expected: ['"text"'],
        hint: 'litmus NAME "text"'
      })
    this.test.text = this.next().text
    if (this.tok().kind === 'string')
      this.fail('TB-203', this.tok(), 'a test has one text', {
        hint: 'where the case was argued stands after `source`'
      })
    this.endOfPart("the test's text")
  }

  private source(): void {
    this.next()
    do {
      if (this.tok().kind !== 'string')
        this.fail('TB-203', this.tok(), `expected a string after 'source', found ${show(this.tok())}`, {
          expected: ['"..."']
        })
      this.test.sources.push(this.next().text)
    } while (this.accept(','))
    this.endOfPart('the source')
  }

  private nameList(into: Token[], wanted: Wanted, what: string, known: readonly string[]): void {
    this.next()
    this.noEquals()
    this.names(into, wanted, what, known, false)
    this.endOfPart('the list')
  }

  private names(into: Token[], wanted: Wanted, what: string, known: readonly string[], star: boolean): void {
    this.separated(
      into,
      () => this.next(),
      wanted,
      what,
      known,
      (t) => t.kind === 'word' || (star && is(t, '*'))
    )
  }

  // `kernel K, ...`, and `kernel NAME = K + FIELD`, which names a revision.
  private kernelPart(): void {
    this.next()
    const t = this.tok()
    if (t.kind === 'word' && !t.nl && is(this.following(), '=')) {
      const name = this.next()
      this.next()
      this.want({ kind: 'kernel' })
      if (this.tok().kind !== 'word' && this.tok().kind !== 'number')
        this.fail('TB-203', this.tok(), `expected a kernel after '${name.text} =', found ${show(this.tok())}`, {
          expected: kernelNames
        })
      this.test.revisions.push({ name, revision: this.revision() })
    } else {
      this.noEquals()
      this.revisions(this.test.kernels, { kind: 'kernel' }, 'a kernel', kernelNames, false)
    }
    this.endOfPart('the list')
  }

  private revisions(into: RawRevision[], wanted: Wanted, what: string, known: readonly string[], star: boolean): void {
    this.separated(
      into,
      () => this.revision(),
      wanted,
      what,
      known,
      (t) => t.kind === 'word' || t.kind === 'number' || (star && is(t, '*'))
    )
  }

  /** NAME { + FIELD | - FIELD | FIELD=value }, on one line. */
  private revision(): RawRevision {
    const words = [this.dotted()]
    for (;;) {
      const t = this.tok()
      if (t.nl && t.cursor !== true) break
      if (is(t, '+') || is(t, '-')) {
        words.push({ text: t.text, token: this.next() })
        this.want({ kind: 'flip' })
        if (this.tok().kind === 'word' && !this.tok().nl) words.push(this.dotted())
      } else if (t.kind === 'word' && this.beforeEquals()) {
        const field = this.dotted()
        this.next()
        const value = this.tok().kind === 'word' || this.tok().kind === 'number' ? this.dotted().text : ''
        words.push({ text: `${field.text}=${value}`, token: field.token })
      } else break
    }
    return { words }
  }

  /** Words and numbers that stand together around dots: `7.1`, `flagStorage.x86`. */
  private dotted(): { text: string; token: Token } {
    const token = this.next()
    let { text } = token
    while (
      is(this.tok(), '.') &&
      this.tok().glued &&
      this.following().glued &&
      (this.following().kind === 'word' || this.following().kind === 'number')
    )
      text += this.next().text + this.next().text
    return { text, token }
  }

  /** Whether a name, dots included, stands before `=`. */
  private beforeEquals(): boolean {
    let i = this.pos + 1
    // A dot may be the last that there is.
    const at = (): Token => this.tokens[Math.min(i, this.tokens.length - 1)] as Token
    while (is(at(), '.') && at().glued) i += 2
    return is(at(), '=')
  }

  private separated<T>(
    into: T[],
    item: () => T,
    wanted: Wanted,
    what: string,
    known: readonly string[],
    begins: (t: Token) => boolean
  ): void {
    do {
      this.want(wanted)
      const t = this.tok()
      const listed = begins(t)
      if (
        !listed ||
        (this.atPart() && !known.includes(t.text)) ||
        (into.length > 0 && t.text === 'on' && is(this.tokens[this.pos - 1] as Token, ','))
      ) {
        // A comma behind the last name is allowed.
        const before = this.tokens[this.pos - 1] as Token
        const ends =
          t.kind === 'end' ||
          is(t, ';') ||
          is(t, ':') ||
          t.text === 'on' ||
          (t.kind === 'word' && partNames.has(t.text))
        if (is(before, ',') && ends && t.cursor !== true) {
          this.errors.warn('TB-203', before, ',', "nothing follows this ','")
          return
        }
        this.fail('TB-203', t, `expected ${what}, found ${show(t)}`, { expected: known })
      }
      into.push(item())
    } while (this.accept(','))
  }

  private condition(kind: 'exists' | 'never'): void {
    const t = this.next()
    const open = this.expect('(', `after '${kind}'`)
    this.terms = 0
    const expr = this.expr()
    this.close(')', open, 'an operator')
    this.test.conditions.push({ kind, expr, at: t })
    this.endOfPart('the condition')
  }

  private expectPart(): void {
    const at = this.next()
    const kernels: RawRevision[] = []
    const platformTokens: Token[] = []
    const verdict: Token[] = []
    this.revisions(kernels, { kind: 'expectKernel' }, "'*' or a kernel", ['*', ...kernelNames], true)
    this.want({ kind: 'on' })
    if (this.tok().kind === 'word' && this.tok().text === 'on') {
      this.next()
      this.names(
        platformTokens,
        { kind: 'expectPlatform' },
        "'*' or a platform",
        ['*', ...platforms.map((p) => p.name)],
        true
      )
    }
    if (this.tok().cursor === true) this.next()
    this.expect(':', 'before the expected verdict', {
      hint: 'expect KERNELS [on PLATFORMS] : ok, vacuous, PROP, ... or as KERNEL'
    })
    let as: RawRevision | null = null
    if (this.tok().kind === 'word' && this.tok().text === 'as' && this.tok().cursor !== true) {
      this.next()
      this.want({ kind: 'kernel' })
      if (this.tok().kind !== 'word' && this.tok().kind !== 'number')
        this.fail('TB-203', this.tok(), `expected a kernel after 'as', found ${show(this.tok())}`, {
          expected: kernelNames
        })
      as = this.revision()
    } else
      this.names(
        verdict,
        { kind: 'verdict' },
        'ok, vacuous or a property',
        ['ok', 'vacuous', ...properties.map((p) => p.name)],
        false
      )
    this.test.expects.push({ at, kernels, platforms: platformTokens, verdict, as })
    this.endOfPart('the verdict')
  }

  private init(): void {
    const t = this.next()
    if (this.test.init !== null)
      this.errors.warn('TB-238', t, 'init', 'a second init: its statements follow those of the first')
    this.inInit = true
    const body = this.block("'init'")
    this.inInit = false
    this.test.init = [...(this.test.init ?? []), ...body]
  }

  private threadPart(): void {
    this.next()
    const name = this.name("the thread's name")
    let cpu: Token | null = null
    let body: RawStmt[] = []
    this.thread = name.text
    try {
      this.want({ kind: 'cpu' })
      if (this.tok().kind === 'word') {
        if (this.tok().text !== 'cpu')
          this.fail(
            'TB-203',
            this.tok(),
            `expected '{' or 'cpu N' after the thread's name, found ${show(this.tok())}`,
            { expected: ["'{'", "'cpu N'"], known: ['cpu'] }
          )
        this.next()
        if (this.tok().kind !== 'number')
          this.fail('TB-203', this.tok(), `expected the CPU's number after 'cpu', found ${show(this.tok())}`, {
            expected: ['N']
          })
        cpu = this.next()
      }
      body = this.block(`'thread ${name.text}'`)
    } finally {
      // The thread is known even when its block is missing.
      this.test.threads.push({ name, cpu, body })
      this.thread = null
    }
  }

  // ---- config, device, mmio --------------------------------------------------------------------------------------

  /** `{ entry ... }`: entries separated by blanks, commas, semicolons or line ends. */
  private entries(
    what: string,
    key: 'configKey' | 'deviceKey' | 'mmioKey',
    into: readonly RawEntry[],
    known: readonly string[],
    entry: (t: Token) => void
  ): void {
    const open = this.expect('{', `after ${what}`)
    while (!is(this.tok(), '}')) {
      if (this.accept(',') || this.accept(';')) continue
      // `device`, `kernel` and the like begin a part, never an entry: the block was not closed.
      if (this.tok().kind === 'end' || this.atPart()) {
        this.error('TB-204', open, "'{' is not closed", { expected: ["'}'"] })
        return
      }
      this.want({ kind: key, used: into.map((e) => e.key.text) })
      const start = this.pos
      if (
        !this.recovering(() => {
          const t = this.tok()
          if (t.kind !== 'word')
            this.fail('TB-203', t, `expected a key of ${what}, found ${show(t)}`, { expected: known })
          entry(t)
        })
      ) {
        if (this.pos === start) this.next()
        while (
          !(
            this.tok().nl ||
            this.tok().kind === 'end' ||
            is(this.tok(), ',') ||
            is(this.tok(), ';') ||
            is(this.tok(), '}') ||
            (this.tok().kind === 'word' && known.includes(this.tok().text))
          )
        )
          this.next()
      }
    }
    this.next()
  }

  /** An `=` or `:` between key and value is reported, and the value still read. */
  private noEquals(): void {
    if (!(is(this.tok(), '=') || is(this.tok(), ':'))) return
    this.error('TB-203', this.tok(), `no '${this.tok().text}' stands between a word and its value`, {
      hint: 'a blank is enough'
    })
    this.next()
  }

  private config(): void {
    const known = [...configByName.keys()]
    this.next()
    this.entries("'config'", 'configKey', this.test.config, known, (t) => {
      const word = configByName.get(t.text)
      if (!word) this.fail('TB-220', t, `'${t.text}' is no key of config`, { known, expected: known })
      this.next()
      this.noEquals()
      this.want({ kind: 'configValue', key: t.text })
      const v = this.tok()
      const number = word.kind === 'size' || word.kind === 'number' || word.kind === 'sizes' || word.kind === 'slots'
      const fits = number
        ? v.kind === 'number'
        : word.kind === 'string'
          ? v.kind === 'string'
          : word.kind === 'limit'
            ? v.kind === 'number' || (v.kind === 'word' && v.text === 'max')
            : v.kind === 'word' && word.values?.includes(v.text) === true
      if (!fits) {
        const takes = configTakes(word.kind, word.values)
        if (word.kind === 'string' && v.kind === 'word' && !v.nl) {
          // An unquoted command line: all of it is meant.
          this.error('TB-221', v, `'${t.text}' takes ${takes}, found ${show(v)}`, { expected: ['"..."'] })
          while (!(this.tok().nl || this.tok().kind === 'end' || is(this.tok(), '}'))) this.next()
          throw new Recover()
        }
        const missing = v.kind !== 'word' || known.includes(v.text)
        if (missing && (v.kind === 'word' || is(v, '}') || is(v, ',') || is(v, ';') || v.kind === 'end'))
          this.fail('TB-221', t, `'${t.text}' has no value: it takes ${takes}`, { expected: word.values ?? [takes] })
        this.next()
        this.fail('TB-221', v, `'${t.text}' takes ${takes}, found ${show(v)}`, {
          expected: word.values ?? [takes],
          ...(v.kind === 'word' ? { known: word.values ?? (word.kind === 'limit' ? ['max'] : []) } : {})
        })
      }
      const values = [this.next()]
      if (word.kind === 'slots' && is(this.tok(), ',') && this.following().kind === 'number') {
        this.next()
        values.push(this.next())
      }
      // A list ends where a word is none of its values.
      while (word.kind === 'list') {
        const comma = is(this.tok(), ',')
        const next = comma ? this.following() : this.tok()
        if (next.kind !== 'word' || word.values?.includes(next.text) !== true) break
        if (comma) this.next()
        values.push(this.next())
      }
      this.test.config.push({ key: t, values })
    })
  }

  private device(): void {
    this.next()
    const name = this.name("the device's name")
    const known = [...deviceKeyByName.keys()]
    const entries: RawEntry[] = []
    this.test.devices.push({ name, entries })
    this.entries(`'device ${name.text}'`, 'deviceKey', entries, known, (t) => {
      const word = deviceKeyByName.get(t.text)
      if (!word) this.fail('TB-223', t, `'${t.text}' is no key of a device`, { known, expected: known })
      this.next()
      this.noEquals()
      if (word.kind === 'flag') {
        if (this.tok().kind === 'number' || this.tok().kind === 'string')
          this.fail('TB-223', this.next(), `'${t.text}' takes no value`)
        entries.push({ key: t, values: [] })
        return
      }
      if (word.kind === 'windows' && is(this.tok(), '[')) {
        entries.push({ key: t, values: this.windows(t) })
        return
      }
      const takes =
        word.kind === 'bits'
          ? 'a number of bits'
          : word.kind === 'slots'
            ? 'a number of slots'
            : word.kind === 'mask'
              ? 'a mask'
              : word.kind === 'number'
                ? 'a number from 1 on'
                : word.kind === 'size'
                  ? 'a size'
                  : 'an address'
      const v = this.tok()
      if (v.kind !== 'number') {
        if ((v.kind === 'word' && !known.includes(v.text)) || v.kind === 'string') {
          this.next()
          this.fail('TB-223', v, `'${t.text}' takes ${takes}, found ${show(v)}`, { expected: [takes] })
        }
        this.fail('TB-223', t, `'${t.text}' has no value: it takes ${takes}`, { expected: [takes] })
      }
      entries.push({ key: t, values: [this.next()] })
    })
  }

  /** `[CPU, BUS, SIZE]` once or more: three numbers each. */
  private windows(key: Token): Token[] {
    const values: Token[] = []
    while (is(this.tok(), '[')) {
      const open = this.next()
      for (const what of ['a CPU address', 'a bus address', 'a size']) {
        if (values.length % 3 !== 0 && is(this.tok(), ',')) this.next()
        const v = this.tok()
        if (v.kind !== 'number')
          this.fail(
            'TB-223',
            v.kind === 'end' ? open : v,
            `a window of '${key.text}' is [CPU, BUS, SIZE], found ${show(v)}`,
            { expected: [what] }
          )
        values.push(this.next())
      }
      if (!is(this.tok(), ']'))
        this.fail('TB-223', this.tok(), `a window of '${key.text}' is [CPU, BUS, SIZE], found ${show(this.tok())}`, {
          expected: ["']'"]
        })
      this.next()
    }
    return values
  }

  private mmio(): void {
    this.next()
    const name = this.name('the name of the mmio range')
    const known = mmioKeys.map((k) => k.name)
    const entries: RawEntry[] = []
    this.test.mmios.push({ name, entries })
    this.entries(`'mmio ${name.text}'`, 'mmioKey', entries, known, (t) => {
      if (!known.some((k) => k === t.text))
        this.fail('TB-225', t, `'${t.text}' is no key of an mmio range`, { known, expected: known })
      this.next()
      if (t.text !== 'of') {
        entries.push({ key: t, values: [] })
        return
      }
      this.want({ kind: 'mmioDevice' })
      if (this.tok().kind !== 'word') this.fail('TB-225', t, "'of' names no device", { expected: ['a device'] })
      entries.push({ key: t, values: [this.next()] })
    })
  }

  // ---- statements ------------------------------------------------------------------------------------------------

  private block(after: string): RawStmt[] {
    const open = this.expect('{', `after ${after}`)
    return this.deeper(() => {
      const out: RawStmt[] = []
      while (!is(this.tok(), '}')) {
        if (this.accept(';')) continue
        if (this.tok().kind === 'end' || this.atPart()) {
          this.error('TB-204', open, "'{' is not closed", { expected: ["'}'"] })
          return out
        }
        this.statementOrSkip(out)
      }
      this.next()
      return out
    })
  }

  private statementOrSkip(out: RawStmt[]): void {
    const start = this.pos
    const first = this.tok()
    const target = first.kind === 'word' && is(this.following(), '=') ? first : null
    let read: RawStmt | null = null
    const ok = this.recovering(() => {
      read = this.statement()
      const block = is(this.tokens[this.pos - 1] as Token, '}')
      const t = this.tok()
      if (this.accept(';') || t.nl || t.kind === 'end' || is(t, '}') || block) return
      this.fail('TB-203', t, `expected the line's end or ';' after the statement, found ${show(t)}`, {
        expected: ["the line's end", "';'"]
      })
    })
    if (read !== null) out.push(read)
    if (ok) return
    const body: RawStmt[] = []
    if (this.pos === start) this.next()
    let open = 0
    while (!(this.tok().kind === 'end' || this.tok().nl || (open <= 0 && is(this.tok(), ';')) || is(this.tok(), '}'))) {
      if (is(this.tok(), '(')) open++
      else if (is(this.tok(), ')')) open--
      // The block of a statement that could not be read is read all the same: it may set names, and hold its own
      // errors.
      if (is(this.tok(), '{')) {
        if (
          !this.recovering(() => {
            body.push(...this.block('the statement'))
          })
        )
          this.next()
      } else this.next()
    }
    if (read === null) out.push({ kind: 'bad', at: first, target, body })
  }

  // Long: one switch over the words that begin a statement.
  private statement(): RawStmt {
    const t = this.tok()
    this.terms = 0
    this.want({ kind: 'statement' })
    if (t.kind !== 'word')
      return this.fail('TB-203', t, `expected a statement, found ${show(t)}`, {
        expected: [
          'a call',
          'x = CALL',
          ...keywords.filter((k) => k.name !== 'else' && k.name !== 'or').map((k) => k.name)
        ]
      })
    switch (t.text) {
      case 'if':
        return this.ifStatement()
      case 'choose': {
        this.next()
        const branches = [this.block("'choose'")]
        this.want({ kind: 'or' })
        while (this.tok().kind === 'word' && this.tok().text === 'or') {
          this.next()
          branches.push(this.block("'or'"))
          this.want({ kind: 'or' })
        }
        if (branches.length < 2)
          this.error('TB-203', t, "'choose' has one branch", {
            expected: ["'or { }'"],
            hint: 'choose { } or { }: either may happen'
          })
        return { kind: 'choose', at: t, branches }
      }
      case 'repeat': {
        this.next()
        if (this.tok().kind !== 'number')
          return this.fail('TB-203', this.tok(), `expected a number after 'repeat', found ${show(this.tok())}`, {
            expected: ['N']
          })
        const count = this.primary()
        return { kind: 'repeat', at: t, count, body: this.block("'repeat'") }
      }
      case 'wait':
      case 'assert': {
        this.next()
        const cond = this.parenthesised(t.text)
        return { kind: t.text, at: t, cond }
      }
      case 'else':
      case 'or':
        return this.fail(
          'TB-203',
          this.next(),
          t.text === 'else' ? "'else' has no 'if' before it" : "'or' has no 'choose' before it"
        )
    }
    if (is(this.following(), '=') && !this.following().nl) {
      this.next()
      this.next()
      return { kind: 'do', at: t, target: t, value: this.rhs(t) }
    }
    const foreign = operationByName.has(t.text) ? undefined : own(FOREIGN, t.text)
    if (foreign !== undefined && !is(this.following(), '='))
      return this.fail('TB-206', t, `'${t.text}' begins no statement`, { hint: foreign })
    if (t.text !== 'try' && !is(this.following(), '(')) {
      const more: More = { expected: ['NAME(...)', 'x = ...'], known: [...keywordNames, ...operationByName.keys()] }
      if (is(this.following(), '=='))
        return this.fail('TB-203', this.following(), "'==' compares; a statement sets with '='", { expected: ["'='"] })
      if (operationByName.has(t.text))
        return this.fail(
          'TB-203',
          this.following(),
          `expected '(' after '${t.text}', found ${this.following().nl ? "the line's end" : show(this.following())}`,
          { expected: ["'('"] }
        )
      if (t.cursor === true) {
        this.next()
        throw new Recover()
      }
      if (this.following().kind === 'bad' && !this.following().nl) throw new Recover() // reported as a character
      if (is(this.following(), '.'))
        return this.fail('TB-206', t, `'${t.text}' begins no statement`, {
          ...more,
          hint: 'fields are asked in expressions; operations change them'
        })
      return this.fail('TB-206', t, `'${t.text}' begins no statement`, more)
    }
    return { kind: 'do', at: t, target: null, value: this.primary() }
  }

  private rhs(target: Token): RawExpr {
    this.want({ kind: 'rhs' })
    const t = this.tok()
    if (t.nl || t.kind === 'end' || is(t, ';') || is(t, '}'))
      return this.fail('TB-203', target, `'${target.text} =' is followed by nothing`, {
        expected: ['a call', 'a number']
      })
    return this.expr()
  }

  private ifStatement(): RawStmt {
    return this.deeper(() => {
      const t = this.next()
      const cond = this.parenthesised('if')
      const then = this.block("'if (...)'")
      let otherwise: readonly RawStmt[] = []
      this.want({ kind: 'else' })
      if (this.tok().kind === 'word' && this.tok().text === 'else') {
        this.next()
        otherwise = this.tok().kind === 'word' && this.tok().text === 'if' ? [this.ifStatement()] : this.block("'else'")
      }
      return { kind: 'if', at: t, cond, then, else: otherwise }
    })
  }

  private parenthesised(after: string): RawExpr {
    const open = this.expect('(', `after '${after}'`, { hint: `${after} (EXPR)` })
    const e = this.expr()
    this.close(')', open, 'an operator')
    return e
  }

  // ---- expressions -----------------------------------------------------------------------------------------------

  private expr(): RawExpr {
    return this.deeper(() => this.binary(0))
  }

  // As in C, loosest first.
  private static readonly levels: readonly (readonly string[])[] = [
    ['||'],
    ['&&'],
    ['==', '!='],
    ['<', '<=', '>', '>=']
  ]

  private binary(level: number): RawExpr {
    const ops = Syntax.levels[level]
    if (ops === undefined) return this.unary()
    let left = this.binary(level + 1)
    while (this.tok().kind === 'punct' && ops.includes(this.tok().text)) {
      const op = this.next()
      if (++this.terms > MOST_TERMS) this.fail('TB-241', op, `an expression of more than ${MOST_TERMS} operators`)
      if (level === 2) this.want({ kind: 'compared', with: left })
      const right = this.binary(level + 1)
      left = { kind: 'binary', op: op.text, opAt: op, left, right, at: span(left.at, right.at) }
    }
    if (is(this.tok(), '=') && !this.tok().nl)
      this.fail('TB-203', this.tok(), "'=' sets a variable; an expression compares with '=='", { expected: ["'=='"] })
    if (is(this.tok(), '|') && !this.inCall)
      this.fail('TB-200', this.tok(), "the language does not use the character '|' here", {
        hint: "or is '||'; flags are joined with '|' among the arguments of a call"
      })
    return left
  }

  private unary(): RawExpr {
    if (!is(this.tok(), '!')) return this.primary()
    const t = this.next()
    const expr = this.deeper(() => this.unary())
    return { kind: 'not', expr, at: span(t, expr.at) }
  }

  private primary(): RawExpr {
    const t = this.tok()
    if (is(t, '(')) {
      this.next()
      const e = this.inCall ? this.flags() : this.expr()
      this.close(')', t, 'an operator')
      return e
    }
    if (is(t, '[')) return this.list()
    if (is(t, '&')) return this.address()
    if (t.kind === 'number') return this.number()
    if (t.kind === 'string') {
      this.next()
      return { kind: 'string', at: t, text: t.text }
    }
    if (t.kind !== 'word')
      return this.fail(
        'TB-203',
        t,
        `expected a name, a number or a call, found ${t.nl && t.kind !== 'end' ? "the line's end" : show(t)}`,
        { expected: ['a name', 'a number', 'a call'] }
      )
    this.want({ kind: 'expr' })
    if (t.text === 'try' && !is(this.following(), '=')) {
      this.next()
      const op = this.tok()
      this.want({ kind: 'operation' })
      if (op.kind !== 'word' || op.nl || !is(this.following(), '('))
        return this.fail('TB-203', op, `expected a call after 'try', found ${op.nl ? "the line's end" : show(op)}`, {
          expected: ['a call'],
          hint: 'v = try dev_read(dev, h)'
        })
      return this.call(t)
    }
    if ((t.text === 'likely' || t.text === 'unlikely') && is(this.following(), '(')) {
      this.next()
      return this.parenthesised(t.text)
    }
    if (is(this.following(), '(') && !this.following().nl) return this.call(null)
    const size = this.inCall ? namedSize(t.text, this.tokens) : null
    if (size !== null) return { kind: 'number', value: size, at: this.next(), text: t.text }
    return this.path()
  }

  /** `&handle`: what a call yields, under a second name. */
  private address(): RawExpr {
    const t = this.next()
    if (!this.inCall || this.tok().kind !== 'word' || this.tok().nl)
      return this.fail('TB-200', t, "the language does not use the character '&' here", {
        hint: "and is '&&'; there are no pointers: write the name alone"
      })
    const name = this.next()
    return { kind: 'address', name, at: span(t, name) }
  }

  /** `A | B`: flags of one argument. */
  private flags(): RawExpr {
    const first = this.expr()
    if (!is(this.tok(), '|')) return first
    const items = [first]
    while (this.accept('|')) items.push(this.expr())
    return { kind: 'flags', items, at: span(first.at, (items.at(-1) as RawExpr).at) }
  }

  private number(): RawExpr {
    const t = this.next()
    const value = Bytes.parse(t.text)
    if (value !== null && Number.isSafeInteger(value)) return { kind: 'number', value, at: t, text: t.text }
    badNumber(this.errors, t)
    return { kind: 'number', value: Number.NaN, at: t, text: t.text }
  }

  private call(tryToken: Token | null): RawExpr {
    const op = this.next()
    const open = this.next()
    const args: RawExpr[] = []
    return this.deeper(() => {
      this.wantArg(op, args, false)
      if (!is(this.tok(), ')')) {
        do {
          this.wantArg(op, args, false)
          if (is(this.tok(), ')') && args.length > 0) {
            this.errors.warn('TB-203', this.tokens[this.pos - 1] as Token, ',', "nothing follows this ','")
            break
          }
          if (is(this.tok(), ','))
            this.fail('TB-203', this.tok(), "an argument is missing before ','", { expected: ['an argument'] })
          if (
            this.tok().kind === 'end' ||
            is(this.tok(), '}') ||
            (this.atPart() && !OPERAND_ENDS.has(this.following().text))
          )
            this.close(')', open, "','")
          const outer = this.inCall
          this.inCall = true
          try {
            args.push(is(this.tok(), '[') ? this.list(op, args) : this.flags())
          } finally {
            this.inCall = outer
          }
        } while (this.accept(','))
      }
      const close = this.close(')', open, "','")
      return { kind: 'call' as const, op, try: tryToken, args, at: span(tryToken ?? op, close), close }
    })
  }

  private wantArg(op: Token, args: readonly RawExpr[], inList: boolean): void {
    if (this.tok().cursor !== true) return
    this.want({
      kind: 'arg',
      op: op.text,
      index: args.length,
      inList,
      used: args.flatMap((a) => (a.kind === 'path' && a.rest.length === 0 ? [a.head.text] : []))
    })
  }

  private list(op?: Token, args: readonly RawExpr[] = []): RawExpr {
    const open = this.next()
    const items: RawExpr[] = []
    return this.deeper(() => {
      if (op) this.wantArg(op, args, true)
      while (!is(this.tok(), ']')) {
        if (op) this.wantArg(op, args, true)
        items.push(this.expr())
        if (!this.accept(',')) break
      }
      const close = this.close(']', open, "','")
      return { kind: 'list' as const, items, at: span(open, close) }
    })
  }

  private path(): RawExpr {
    const head = this.next()
    const rest: RawStep[] = []
    let end: At = head
    for (;;) {
      if (is(this.tok(), '.') && !this.tok().nl) {
        this.next()
        this.want({ kind: 'field', path: { kind: 'path', head, rest: [...rest], at: span(head, end) } })
        if (this.tok().nl && this.tok().cursor !== true)
          this.fail('TB-203', this.tokens[this.pos - 1] as Token, "expected a name after '.', found the line's end", {
            expected: ['a name']
          })
        const name = this.name("a name after '.'")
        rest.push({ kind: 'dot', name })
        end = name
      } else if (is(this.tok(), '[') && !this.tok().nl) {
        const open = this.next()
        const index = this.expr()
        end = this.close(']', open, 'a number')
        rest.push({ kind: 'index', index, at: span(open, end) })
      } else return { kind: 'path', head, rest, at: span(head, end) }
      if (rest.length > 8) this.fail('TB-241', this.tok(), 'a name of more than eight parts')
    }
  }
}

/**
 * PAGE_SIZE and SZ_64K, as the kernel writes sizes. The guest's page is what `config` says of it, wherever that stands.
 */
function namedSize(word: string, tokens: readonly Token[]): number | null {
  if (word === 'PAGE_SIZE') {
    const at = tokens.findIndex((t) => t.kind === 'word' && t.text === 'guest_page')
    return Bytes.parse(tokens[at + 1]?.text ?? '') ?? PAGE_SIZE
  }
  return /^SZ_\d+[KMG]?$/.test(word) ? Bytes.parse(word.slice(3)) : null
}

function configTakes(kind: string, values: readonly string[] | undefined): string {
  switch (kind) {
    case 'size':
      return 'a size'
    case 'number':
      return 'a number'
    case 'slots':
      return 'SLOTS or SLOTS,AREAS'
    case 'string':
      return 'a string in quotes'
    case 'limit':
      return "'max' or an address"
    default:
      return (values ?? []).join(' or ')
  }
}

/** Reports a number token that is no number, or too large for one. */
export function badNumber(errors: Errors, t: Token): void {
  const large = /^(\d+[KMGT]?(i?B)?|0x[0-9a-f]+)$/i.test(t.text)
  errors.add(
    'TB-231',
    t,
    t.text,
    large ? `the number '${t.text}' is too large` : `'${t.text}' is no number`,
    large ? { hint: 'numbers go up to 2^53 - 1' } : { expected: ['4096', '4K', '2M', '1G', '0x1000'] }
  )
}

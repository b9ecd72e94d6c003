// The statements of a raw tree with every name looked up: variables, devices, threads, labels, words. What an operation
// takes comes from the vocabulary; calls inside expressions become statements of their own, done first.
import type { Args, At, Binary, BinaryOp, Expr, Name, NumberLit, Stmt, VarRef } from './ast.ts'
import { type Errors, type More, nearestWords } from './_errors.ts'
import type { Token } from './_lex.ts'
import { bitsOf, directionOf, operationOf, prototypeText, spelled, type Spelling, spelling } from './_c-spelling.ts'
import type { RawCall, RawExpr, RawPath, RawStmt, RawTest } from './_syntax.ts'
import {
  type Attribute,
  attributeNames,
  contentAccepts,
  contentWordNames,
  type Direction,
  directionNames,
  directions,
  errnoNames,
  errnos,
  fieldByName,
  fields,
  type FieldName,
  functionNames,
  type FunctionName,
  functions,
  keywordNames,
  operationByName,
  type OpName,
  type OpWord,
  otherErrnos,
  type Param,
  reservedNames,
  SECRET,
  signature,
  trustWords,
  unmodelledCalls,
  type ValueKind,
  valueKindText,
  valueWords,
  ZERO
} from './vocabulary.ts'
import { Bytes, own } from '../base/index.ts'

/** A variable over its whole scope: everything that is ever assigned to it. */
export interface Variable {
  readonly kinds: Set<ValueKind>
  /** Some assignment could not be read, so any kind is possible. */
  unknown: boolean
  /** The longest scatter-gather list it was made from. */
  segments: number
  /** Bytes, where the text says them. */
  readonly sizes: Set<number>
}
export type Variables = ReadonlyMap<string, Variable>

/** The names of a test, whatever the order they stand in. */
export interface Scopes {
  readonly devices: ReadonlySet<string>
  readonly mmios: ReadonlySet<string>
  readonly init: Variables
  readonly threads: ReadonlyMap<string, Variables>
  readonly labels: ReadonlySet<string>
}

const MOST_REPEAT = 65536

/** What C has a pointer to, NULL when the call failed; dma_map_sg() yields a count, 0 then. */
const POINTERS: ReadonlySet<ValueKind> = new Set(['page', 'buffer', 'coherent', 'pages', 'sg', 'usermap'])
/** What C has a dma_addr_t of, where 0 is an address like any other. */
const ADDRESSES: ReadonlySet<ValueKind> = new Set(['mapping', 'resource'])
const every = (v: Variable, of: ReadonlySet<ValueKind>): boolean =>
  !v.unknown && v.kinds.size > 0 && [...v.kinds].every((k) => of.has(k))

// ---- collecting --------------------------------------------------------------------------------------------------

function collectCalls(e: RawExpr, found: (c: RawCall) => void): void {
  switch (e.kind) {
    case 'call':
      for (const a of e.args) collectCalls(a, found)
      found(e)
      return
    case 'list':
      for (const i of e.items) collectCalls(i, found)
      return
    case 'not':
      collectCalls(e.expr, found)
      return
    case 'binary':
      // Left-deep chains are long; only the right side recurses.
      for (let b: RawExpr = e; ; b = b.left) {
        if (b.kind !== 'binary') {
          collectCalls(b, found)
          return
        }
        collectCalls(b.right, found)
      }
  }
}

/**
 * A name that the normal form gives to a call inside an expression: nobody has written it, so that nothing is a
 * misspelling of it.
 */
const isGiven = (name: string): boolean => operationByName.has(name.replace(/_\d+$/, '')) && /_\d+$/.test(name)
/** A number as a label: 0 is the content of a fresh page. */
const labelOf = (value: number): string => (value === 0 ? ZERO : String(value))

function variable(into: Map<string, Variable>, name: string): Variable {
  let v = into.get(name)
  if (!v) {
    v = { kinds: new Set(), unknown: false, segments: 0, sizes: new Set() }
    into.set(name, v)
  }
  return v
}

/** What a variable holds that takes what a call yields. */
function assigned(v: Variable, c: RawCall): void {
  const op = operationOf(c.op.text)
  if (op) v.kinds.add(op.result ?? 'status')
  else v.unknown = true
  const l = c.args[1]
  if (op?.result === 'sg' && l?.kind === 'list') v.segments = Math.max(v.segments, l.items.length)
  const size = c.args[op?.params.findIndex((p) => p.kind === 'size') ?? -1]
  if (size?.kind === 'number' && op?.result !== 'coherent') v.sizes.add(size.value)
}

function collect(list: readonly RawStmt[], vars: Map<string, Variable>, labels: Set<string>): void {
  const calls = (e: RawExpr): void =>
    collectCalls(e, (c) => {
      const op = operationOf(c.op.text)
      const at = op?.params.findIndex((p) => p.kind === 'label') ?? -1
      const l = at < 0 ? undefined : c.args[at]
      if (l?.kind === 'path' && l.rest.length === 0) labels.add(l.head.text)
      else if (l?.kind === 'number') labels.add(labelOf(l.value))
    })
  for (const s of list) {
    switch (s.kind) {
      case 'do':
        calls(s.value)
        if (s.target) {
          const v = variable(vars, s.target.text)
          if (s.value.kind === 'number') v.kinds.add('number')
          else if (s.value.kind === 'call') {
            assigned(v, s.value)
          } else v.unknown = true
        }
        if (s.value.kind === 'call')
          for (const a of s.value.args) if (a.kind === 'address') assigned(variable(vars, a.name.text), s.value)
        break
      case 'if':
        calls(s.cond)
        collect(s.then, vars, labels)
        collect(s.else, vars, labels)
        break
      case 'choose':
        for (const b of s.branches) collect(b, vars, labels)
        break
      case 'repeat':
        collect(s.body, vars, labels)
        break
      case 'wait':
      case 'assert':
        calls(s.cond)
        break
      case 'bad':
        if (s.target) variable(vars, s.target.text).unknown = true
        collect(s.body, vars, labels)
    }
  }
}

/**
 * `broken`: the text has syntax errors; what looks like an assignment in them counts, so that one error is one message.
 */
export function collectScopes(raw: RawTest): Scopes {
  const labels = new Set<string>()
  const init = new Map<string, Variable>()
  collect(raw.init ?? [], init, labels)
  const threads = new Map<string, Variables>()
  for (const t of raw.threads) {
    const vars = new Map<string, Variable>(threads.get(t.name.text) ?? [])
    collect(t.body, vars, labels)
    threads.set(t.name.text, vars)
  }
  for (const c of raw.conditions) collect([{ kind: 'assert', at: c.at, cond: c.expr }], new Map(), labels)
  return {
    devices: new Set(raw.devices.map((d) => d.name.text)),
    mmios: new Set(raw.mmios.map((m) => m.name.text)),
    init,
    threads,
    labels
  }
}

// ---- types of expressions ----------------------------------------------------------------------------------------

/** What an operand can be, as far as comparisons care. */
type Type =
  | { readonly k: 'flag'; readonly what: string } // 0 or 1
  | { readonly k: 'words'; readonly words: readonly string[]; readonly what: string }
  | { readonly k: 'variable'; readonly v: Variable; readonly what: string }
  | { readonly k: 'content' }
  | { readonly k: 'errno' }
  | { readonly k: 'number'; readonly value: number }
  | { readonly k: 'word' }
  | { readonly k: 'unknown'; readonly token: Token }
  | { readonly k: 'any' }

interface Typed {
  readonly expr: Expr
  readonly type: Type
}

const where = (t: At): At => ({ line: t.line, column: t.column, length: t.length })

/** What a path names. */
type Named =
  | { readonly kind: 'var'; readonly ref: VarRef; readonly v: Variable }
  | { readonly kind: 'field'; readonly typed: Typed }
  | { readonly kind: 'name'; readonly token: Token }

const varRef = (scope: VarRef['scope'], name: string, p: RawPath): VarRef => ({
  kind: 'var',
  scope,
  thread: null,
  name,
  index: null,
  at: where(p.at)
})

/** `DEV.accepted`: a field of a device. */
function deviceField(p: RawPath, f: NonNullable<ReturnType<typeof fieldByName.get>>): Named {
  const device = p.head.text
  const what = `${device}.${f.name}`
  return {
    kind: 'field',
    typed: {
      expr: { kind: 'device', device, field: f.name as 'accepted' | 'tdi' | 'tsm', at: where(p.at) },
      type: f.words ? { k: 'words', words: f.words, what } : { k: 'flag', what }
    }
  }
}

/** The arguments of a call while they are read. */
type Taking = { -readonly [K in keyof Args]: Args[K] }
/** How a call is written, for a message about it. */
interface Usage {
  readonly expected: readonly string[]
}
/** Calls that end what another has made. */
const ENDS = /^dma_(unmap|sync|free)/
const AS_MADE = 'size, direction and attributes of the making are passed by themselves'

/** Resolves the statements of init, of one thread, or a condition on final states. */
export class Resolver {
  /** alloc_page(high), for the check against ipa_bits. */
  readonly highPages: At[] = []
  private readonly scopes: Scopes
  private readonly errors: Errors
  /** Names that stand before an `=` somewhere in a text with syntax errors. */
  private readonly lenient: ReadonlySet<string>
  private readonly taken: Set<string>
  private own: Variables = new Map()
  private known = new Set<string>()
  /** The variable that the statement at hand sets. */
  private setting: string | null = null
  private mode: 'init' | 'thread' | 'final' = 'final'
  private threadName: string | null = null
  private out: Stmt[] = []

  constructor(raw: RawTest, scopes: Scopes, errors: Errors, broken: boolean) {
    this.scopes = scopes
    this.errors = errors
    this.taken = new Set(raw.tokens.map((t) => t.text))
    const lenient = new Set<string>()
    if (broken)
      raw.tokens.forEach((t, i) => {
        if (t.kind === 'word' && raw.tokens[i + 1]?.text === '=') lenient.add(t.text)
      })
    this.lenient = lenient
  }

  init(body: readonly RawStmt[]): Stmt[] {
    return this.start('init', null, this.scopes.init, body)
  }

  thread(name: string, body: readonly RawStmt[]): Stmt[] {
    return this.start('thread', name, this.scopes.threads.get(name) ?? new Map(), body)
  }

  condition(raw: RawExpr): Expr | null {
    this.start('final', null, new Map(), [])
    collectCalls(raw, (c) => {
      if (!functionNames.has(c.op.text))
        this.errors.add('TB-236', c.op, c.op.text, `'${c.op.text}' cannot run in a condition on final states`, {
          hint: 'do it at the end of a thread and name its variable here'
        })
    })
    return this.truth(raw)
  }

  private start(
    mode: 'init' | 'thread' | 'final',
    name: string | null,
    own: Variables,
    body: readonly RawStmt[]
  ): Stmt[] {
    this.mode = mode
    this.threadName = name
    this.own = own
    this.known = new Set()
    return this.list(body)
  }

  // ---- statements ------------------------------------------------------------------------------------------------

  private list(body: readonly RawStmt[]): Stmt[] {
    const outer = this.out
    this.out = []
    for (const s of body) this.statement(s)
    const mine = this.out
    this.out = outer
    return mine
  }

  private statement(s: RawStmt): void {
    switch (s.kind) {
      case 'do':
        this.action(s)
        return
      case 'if': {
        const cond = this.truth(s.cond)
        const before = this.known
        this.known = new Set(before)
        const then = this.list(s.then)
        const afterThen = this.known
        this.known = new Set(before)
        const otherwise = this.list(s.else)
        for (const n of afterThen) this.known.add(n)
        if (cond) this.out.push({ kind: 'if', at: where(s.at), cond, then, else: otherwise })
        return
      }
      case 'choose': {
        const before = this.known
        const after = new Set(before)
        const branches = s.branches.map((b) => {
          this.known = new Set(before)
          const body = this.list(b)
          for (const n of this.known) after.add(n)
          return body
        })
        this.known = after
        this.out.push({ kind: 'choose', at: where(s.at), branches })
        return
      }
      case 'repeat': {
        const count = s.count.kind === 'number' ? s.count.value : Number.NaN
        if (count === 0) this.warn('TB-232', s.count.at, '0', "'repeat 0' repeats nothing")
        else if (count > MOST_REPEAT)
          this.error('TB-232', s.count.at, text(s.count), `'repeat ${text(s.count)}' is too often`, {
            expected: [`0 to ${MOST_REPEAT}`]
          })
        // From the second time on, the body follows itself.
        if (count > 1) {
          const inside = new Map<string, Variable>()
          collect(s.body, inside, new Set())
          for (const n of inside.keys()) this.known.add(n)
        }
        const body = this.list(s.body)
        this.out.push({ kind: 'repeat', at: where(s.at), count, body })
        return
      }
      case 'wait':
      case 'assert': {
        const cond = this.truth(s.cond)
        if (cond) this.out.push({ kind: s.kind, at: where(s.at), cond })
        return
      }
      case 'bad':
        if (s.target) this.known.add(s.target.text)
        this.list(s.body)
    }
  }

  private action(s: Extract<RawStmt, { kind: 'do' }>): void {
    // What a statement sets, it does not know yet itself.
    this.setting = s.target?.text ?? null
    this.actionOf(s, s.target ? this.target(s.target) : null)
    this.setting = null
    if (s.target) this.known.add(s.target.text)
  }

  private actionOf(s: Extract<RawStmt, { kind: 'do' }>, target: Name | null): void {
    const v = s.value
    if (v.kind === 'call' && !functionNames.has(v.op.text)) {
      this.call(v, target)
      return
    }
    if (v.kind === 'number' && s.target) {
      if (target) this.out.push({ kind: 'assign', at: where(s.at), target, value: v.value })
      return
    }
    if (s.target === null) {
      const word = v.kind === 'call' ? v.op.text : text(v)
      if (this.expr(v))
        this.warn(
          'TB-234',
          v.at,
          word,
          v.kind === 'call' ? `'${word}' asks a question, and nobody hears the answer` : 'a value alone does nothing',
          { expected: ['a call', 'assert (EXPR)', 'wait (EXPR)'] }
        )
      return
    }
    // x = EXPR: what the expression is now, in one step.
    const e = this.value(v)
    if (e && target) this.out.push({ kind: 'assign', at: where(s.at), target, value: e })
  }

  /** An expression whose value counts: a variable, a word, a comparison. */
  private value(e: RawExpr): Expr | null {
    const t = this.expr(e)
    if (t === null) return null
    if (t.type.k !== 'unknown') return t.expr
    const token = t.type.token
    if (!this.isWord(token.text)) {
      this.unknownName(token, null)
      return null
    }
    return t.expr
  }

  /** A word that an expression may hold though nobody set it. */
  private isWord(word: string): boolean {
    return word === 'ERR' || valueWords.has(word) || this.scopes.labels.has(word) || otherErrnos.has(word)
  }

  private target(t: Token): Name | null {
    const name = t.text
    if (keywordNames.has(name)) {
      this.error('TB-217', t, name, `'${name}' begins a statement and cannot name a variable`)
      return null
    }
    if (this.mode === 'thread' && this.scopes.init.has(name)) {
      this.error('TB-218', t, name, `'${name}' is set in init; a thread does not set it`, {
        hint: 'use another name in the thread'
      })
      return null
    }
    const other = this.scopes.devices.has(name)
      ? 'a device'
      : this.scopes.mmios.has(name)
        ? 'an mmio range'
        : this.scopes.threads.has(name)
          ? 'a thread'
          : null
    if (other !== null)
      this.warn('TB-216', t, name, `'${name}' is ${other}, too: which one is meant follows from where the name stands`)
    else if (reservedNames.has(name))
      this.warn(
        'TB-217',
        t,
        name,
        `'${name}' is a word of the language, too: where a variable may stand, the variable is meant`
      )
    return { name, at: where(t) }
  }

  // ---- calls -----------------------------------------------------------------------------------------------------

  /** Checks a call and appends it; the target's name, or null when something was wrong. */
  private call(c: RawCall, target: Name | null): void {
    const sp = spelling(c)
    const missing = sp === null ? own(unmodelledCalls, c.op.text) : undefined
    if (missing !== undefined) {
      this.errors.notModelled(where(c.op), c.op.text, missing)
      for (const a of c.args) this.lookOver(a)
      return
    }
    if (sp === null) {
      this.error('TB-207', c.op, c.op.text, `'${c.op.text}' is no operation`, {
        known: operationByName.keys(),
        ...(fieldByName.has(c.op.text)
          ? { hint: `'${c.op.text}' is asked as x.${c.op.text}` }
          : keywordNames.has(c.op.text)
            ? { hint: `'${c.op.text}' is no call` }
            : {})
      })
      // Arguments are looked at all the same: their names are right or wrong whatever the operation.
      for (const a of c.args) this.lookOver(a)
      return
    }
    const { op } = sp
    if (c.try && op.try !== true)
      this.warn('TB-235', c.try, 'try', `'try' has no effect before '${op.name}', which is no access to memory`)
    if (op.notModelled !== undefined) this.errors.notModelled(where(c.op), op.name, op.notModelled)
    const args = this.args(op, c, sp)
    const handle = sp.handle === null ? null : this.target(sp.handle)
    if (sp.handle !== null) this.known.add(sp.handle.text)
    if (args === null) return
    if (args.high) this.highPages.push(where(c.op))
    const made = target ?? handle
    this.out.push({ kind: 'call', at: where(c.at), op: op.name as OpName, try: c.try !== null, target: made, args })
    // `&handle`: what the device is given is the same value as what the CPU has.
    if (handle !== null && made !== null && made !== handle)
      this.out.push({
        kind: 'assign',
        at: where(c.at),
        target: handle,
        value: {
          kind: 'var',
          scope: this.mode === 'init' ? 'init' : 'own',
          thread: null,
          name: made.name,
          index: null,
          at: made.at
        }
      })
  }

  private lookOver(a: RawExpr): void {
    if (a.kind === 'call') {
      if (operationOf(a.op.text)) this.hoist(a)
      else for (const b of a.args) this.lookOver(b)
    } else if (a.kind === 'list') for (const i of a.items) this.lookOver(i)
  }

  private args(op: OpWord, c: RawCall, sp: Spelling): Args | null {
    const before = this.errors.count
    const given = sp.args
    const most = op.params.length
    const least = op.params.filter((p) => p.optional !== true).length
    const n = Math.max(least, Math.min(most, given.length))
    const usage = { expected: [signature(op), ...prototypeText(c.op.text)] }
    if (given.length < n) this.tooFew(op, c, given, n, usage)
    const out: Taking = { attributes: [], atomic: false, high: false, decrypted: false }
    op.params.forEach((p, i) => {
      const a = given[i]
      if (a) this.arg(op, p, a, out)
    })
    const seen = new Set<string>()
    for (const a of given.slice(n)) {
      const word = this.optionWord(op, a, out, usage)
      if (word === undefined) continue
      if (word !== null && op.options.includes(word)) {
        if (seen.has(word)) this.warn('TB-230', a.at, word, `'${word}' stands twice`)
        else this.take(op, word, a, out, usage)
        seen.add(word)
      } else if (this.noOption(op, word, a, this.errors.count > before, usage)) {
        const made = ENDS.test(op.name) ? { hint: AS_MADE } : {}
        const takes = `${count(n)}${op.options.length > 0 ? ` and ${op.options.join(', ')}` : ''}`
        this.error('TB-208', a.at, text(a), `'${op.name}' takes ${takes}, found ${given.length}`, { ...usage, ...made })
        break
      }
    }
    this.agrees(op, sp, out)
    return this.errors.count === before ? out : null
  }

  /** Too few arguments; where an option stands among them, that is what is told. */
  private tooFew(op: OpWord, c: RawCall, given: readonly RawExpr[], n: number, usage: Usage): void {
    const optionAmong = given
      .slice(0, n)
      .some(
        (a) => a.kind === 'path' && a.rest.length === 0 && (attributeNames.has(a.head.text) || a.head.text === 'ATOMIC')
      )
    if (optionAmong) return
    const missing = op.params[given.length]
    const hint =
      missing?.kind === 'direction'
        ? `DIR is ${directions.map((d) => d.name).join(', ')}`
        : missing?.kind === 'device'
          ? 'the device comes first'
          : undefined
    this.error(
      'TB-208',
      c.op,
      op.name,
      `'${op.name}' takes ${count(n)}${op.options.length > 0 ? ' or more' : ''}, found ${given.length}`,
      { ...usage, ...(hint === undefined ? {} : { hint }) }
    )
  }

  /**
   * The word that an argument behind the parameters is, in the language's spelling; null where it is none. undefined:
   * what there is to say of it is said.
   */
  private optionWord(op: OpWord, a: RawExpr, out: Taking, usage: Usage): string | null | undefined {
    const said = a.kind === 'path' && a.rest.length === 0 ? a.head.text : null
    const kernel = said === null ? null : spelled(said, op)
    if (kernel?.kind === 'refused') {
      this.error('TB-230', a.at, text(a), kernel.why)
      return undefined
    }
    if (kernel?.kind === 'nothing') {
      if (op.group !== 'dma' && op.group !== 'memory')
        this.error('TB-230', a.at, text(a), `'${op.name}' does not take ${said}`, usage)
      else if (kernel.why !== undefined) this.warn('TB-230', a.at, text(a), kernel.why)
      return undefined
    }
    // No flags, no attributes.
    if (a.kind === 'number' && a.value === 0 && op.options.length > 0) {
      if (op.result === null) out.none = true
      return undefined
    }
    return kernel === null ? said : kernel.word
  }

  /** An option that the operation takes. */
  private take(op: OpWord, word: string, a: RawExpr, out: Taking, usage: Usage): void {
    if (directionNames.has(word)) {
      if (out.direction) this.error('TB-230', a.at, word, `'${op.name}' takes one direction`, usage)
      else out.direction = { name: word as Direction, at: where(a.at) }
    } else if (word === 'ATOMIC') out.atomic = true
    else if (word === 'DECRYPTED') out.decrypted = true
    else if (word === 'high') out.high = true
    else out.attributes = [...out.attributes, { name: word as Attribute, at: where(a.at) }]
  }

  /** A word that is no option of the operation: why. True: it is an argument too many. `failed`: an error was told. */
  private noOption(op: OpWord, word: string | null, a: RawExpr, failed: boolean, usage: Usage): boolean {
    if (word === null) return true
    if (attributeNames.has(word) || word === 'ATOMIC' || word === 'high') {
      const takes = op.options.length > 0 ? { expected: op.options } : usage
      this.error('TB-230', a.at, word, `'${op.name}' does not take ${word}`, takes)
      return false
    }
    if (directionOf(word) !== null) {
      // A size in the direction's place pushed it here.
      if (failed) return false
      const made = op.result === null && ENDS.test(op.name) ? { hint: AS_MADE } : {}
      const many = op.params.some((p) => p.kind === 'direction') ? 'one' : 'no'
      this.error('TB-230', a.at, word, `'${op.name}' takes ${many} direction`, { ...usage, ...made })
      return false
    }
    if (op.options.length === 0 || this.scopes.devices.has(word) || this.visible(word)) return true
    const kind = op.options.some((o) => attributeNames.has(o)) ? 'attribute' : 'option'
    const known = { known: op.options, expected: op.options }
    this.error('TB-230', a.at, word, `'${word}' is no ${kind} of '${op.name}'`, known)
    return false
  }

  /**
   * Sizes, offsets and counts of a kernel's prototype: the language takes them from the object, so they may only say
   * the same.
   */
  private agrees(
    op: OpWord,
    sp: Spelling,
    out: { readonly object?: VarRef; readonly objects?: readonly VarRef[] }
  ): void {
    const v =
      out.object === undefined ? undefined : (this.own.get(out.object.name) ?? this.scopes.init.get(out.object.name))
    for (const { place, arg } of sp.said) {
      if (Number.isNaN(arg.value)) continue
      if (place === 'offset' && arg.value !== 0)
        this.error('TB-209', arg.at, arg.text, `'${op.name}' takes all of its buffer, from its first byte`, {
          hint: 'kmalloc makes buffers smaller than a page'
        })
      else if (place === 'count' && out.objects !== undefined && arg.value !== out.objects.length)
        this.error(
          'TB-209',
          arg.at,
          arg.text,
          `the list has ${out.objects.length === 1 ? 'one entry' : `${out.objects.length} entries`}, not ${arg.text}`
        )
      else if (place === 'size' && v !== undefined && v.sizes.size > 0 && !v.unknown && !v.sizes.has(arg.value)) {
        this.error(
          'TB-209',
          arg.at,
          arg.text,
          `'${op.name}' takes all of '${out.object?.name}' ` +
            `(${[...v.sizes].map((n) => Bytes.format(n)).join(' or ')}), not ${arg.text}`,
          { hint: `the size is that of ${out.object?.name}` }
        )
      }
    }
  }

  // Long: one switch over the kinds of parameters, with the message of each.
  private arg(op: OpWord, p: Param, given: RawExpr, out: { -readonly [K in keyof Args]: Args[K] }): void {
    // There are no pointers: `&nic` is nic.
    const a: RawExpr = given.kind === 'address' ? { kind: 'path', head: given.name, rest: [], at: given.at } : given
    const word = a.kind === 'path' && a.rest.length === 0 ? a.head.text : null
    const usage = { expected: [signature(op)] }
    const wrong = (what: string, more: More = usage): void =>
      this.error('TB-209', a.at, text(a), `'${op.name}' takes ${what} as ${p.name}, found ${this.describe(a)}`, more)
    switch (p.kind) {
      case 'device':
        if (word === null) {
          wrong('a device')
          return
        }
        if (this.scopes.devices.has(word)) out.device = { name: word, at: where(a.at) }
        else if (this.visible(word) || this.scopes.mmios.has(word) || this.scopes.threads.has(word)) wrong('a device')
        else
          this.error('TB-211', a.at, word, `'${word}' is no device of this test`, {
            known: this.scopes.devices,
            expected: [...this.scopes.devices]
          })
        return
      case 'mmio':
        if (word === null) {
          wrong('an mmio range')
          return
        }
        if (this.scopes.mmios.has(word)) out.mmio = { name: word, at: where(a.at) }
        else if (this.visible(word) || this.scopes.devices.has(word) || this.scopes.threads.has(word))
          wrong('an mmio range')
        else
          this.error('TB-212', a.at, word, `'${word}' is no mmio range of this test`, {
            known: this.scopes.mmios,
            expected: [...this.scopes.mmios],
            hint: 'mmio NAME { of DEVICE, private or shared }'
          })
        return
      case 'size':
        if (a.kind !== 'number') {
          wrong('a size', { expected: ['a size: 4096, 4K, 2M'] })
          return
        }
        if (a.value === 0) {
          this.error('TB-232', a.at, a.text, 'a size is at least 1')
          return
        }
        out.size = number(a)
        return
      case 'bits': {
        const bits = bitsOf(a)
        if (bits !== null && bits.value >= 1 && bits.value <= 64) {
          out.bits = { kind: 'number', value: bits.value, at: where(a.at) }
          return
        }
        if (a.kind !== 'number') {
          wrong('a number of bits', { expected: ['1 to 64'] })
          return
        }
        if (!(a.value >= 1 && a.value <= 64)) {
          if (!Number.isNaN(a.value))
            this.error(
              'TB-232',
              a.at,
              a.text,
              a.value === 0 ? 'a mask of 0 bits reaches nothing' : `a mask of ${a.text} bits does not exist`,
              { expected: ['1 to 64'] }
            )
          return
        }
        out.bits = number(a)
        return
      }
      case 'label':
        if (a.kind === 'string') {
          wrong('a label', { expected: ['a word'], hint: `write ${a.text || 'data'} without quotes` })
          return
        }
        if (a.kind === 'number') {
          if (!Number.isNaN(a.value)) out.label = { name: labelOf(a.value), at: where(a.at) }
          return
        }
        if (word === null) {
          wrong('a label', { expected: ["'secret'", 'a word'] })
          return
        }
        if ((contentWordNames.has(word) && word !== ZERO) || word === 'ERR')
          this.warn(
            'TB-217',
            a.at,
            word,
            word === 'ERR'
              ? 'a label ERR is never equal to anything'
              : `'${word}' is what a read can yield without anybody having written it, too`
          )
        out.label = { name: word, at: where(a.at) }
        return
      case 'level':
        if (word !== null && trustWords.includes(word)) out.level = { name: word, at: where(a.at) }
        else
          this.error('TB-209', a.at, text(a), `'${op.name}' takes a level of trust, found ${this.describe(a)}`, {
            expected: trustWords,
            ...(word === null ? {} : { known: trustWords })
          })
        return
      case 'direction': {
        const direction = word === null ? null : directionOf(word)
        if (direction !== null) out.direction = { name: direction as Direction, at: where(a.at) }
        else if (a.kind === 'number' && op.name.startsWith('dma_map'))
          this.error('TB-230', a.at, text(a), `'${op.name}' takes a direction here, found a size`, {
            expected: directions.map((d) => d.name),
            hint: `the size is that of ${op.params[1]?.name ?? 'x'}`
          })
        else
          this.error('TB-230', a.at, text(a), `'${op.name}' takes a direction here, found ${this.describe(a)}`, {
            expected: directions.map((d) => d.name),
            ...(word === null ? {} : { known: directionNames })
          })
        return
      }
      case 'object': {
        const o = this.object(op, p, a)
        if (o) out.object = o
        return
      }
      case 'objects': {
        if (a.kind !== 'list') {
          wrong('a list of buffers', { expected: ['[x, y]'] })
          return
        }
        if (a.items.length === 0) {
          this.error('TB-209', a.at, '[', `'${op.name}' takes at least one buffer`, { expected: ['[x, y]'] })
          return
        }
        const list: VarRef[] = []
        for (const i of a.items) {
          const bar =
            p.mmio === true &&
            i.kind === 'path' &&
            i.rest.length === 0 &&
            this.scopes.mmios.has(i.head.text) &&
            !this.visible(i.head.text)
          const o: VarRef | null = bar
            ? { kind: 'var', scope: 'mmio', thread: null, name: i.head.text, index: null, at: where(i.at) }
            : this.object(op, p, i)
          if (o) list.push(o)
        }
        out.objects = list
      }
    }
  }

  private object(op: OpWord, p: Param, a: RawExpr): VarRef | null {
    if (a.kind === 'call' && !functionNames.has(a.op.text)) {
      const result = operationOf(a.op.text)?.result
      if (result !== undefined && result !== null && p.accepts?.includes(result) === false) {
        this.error(
          'TB-209',
          a.at,
          a.op.text,
          `'${op.name}' takes ${oneOf(p.accepts)}, found ${valueKindText[result]}`,
          { expected: [signature(op)] }
        )
        return null
      }
      return this.hoist(a)?.ref ?? null
    }
    if (a.kind !== 'path') {
      this.error('TB-209', a.at, text(a), `'${op.name}' takes a variable as ${p.name}, found ${this.describe(a)}`, {
        expected: [signature(op)]
      })
      return null
    }
    const found = this.path(a)
    if (found === null) return null
    if (found.kind === 'name') {
      this.unknownName(found.token, `'${op.name}' takes a variable`)
      return null
    }
    if (found.kind !== 'var') {
      this.error('TB-209', a.at, text(a), `'${op.name}' takes a variable as ${p.name}, found ${this.describe(a)}`, {
        expected: [signature(op)]
      })
      return null
    }
    const { ref, v } = found
    if (ref.index !== null && p.segment !== true) {
      this.error('TB-209', a.at, text(a), `'${op.name}' takes a whole mapping, not one segment`, {
        hint: `write ${ref.name}`
      })
      return null
    }
    if (!v.unknown && p.accepts && ![...v.kinds].some((k) => p.accepts?.includes(k))) {
      this.error(
        'TB-209',
        a.at,
        text(a),
        `'${op.name}' takes ${oneOf(p.accepts)}, and '${text(a)}' is ${oneOf([...v.kinds])}`,
        { expected: [signature(op)] }
      )
      return null
    }
    return ref
  }

  /** A call inside an expression or an argument: its own statement before, and a variable that holds its result. */
  private hoist(c: RawCall): { ref: VarRef; v: Variable } | null {
    const op = operationOf(c.op.text)
    const before = this.errors.count
    if (this.mode === 'final') return null // reported already
    let n = 1
    while (this.taken.has(`${c.op.text}_${n}`)) n++
    const name = `${c.op.text}_${n}`
    this.taken.add(name)
    this.call(c, { name, at: where(c.at) })
    if (this.errors.count > before || !op) return null
    const l = c.args[1]
    return {
      ref: {
        kind: 'var',
        scope: this.mode === 'init' ? 'init' : 'own',
        thread: null,
        name,
        index: null,
        at: where(c.at)
      },
      v: {
        kinds: new Set([op.result ?? 'status']),
        unknown: false,
        segments: op.result === 'sg' && l?.kind === 'list' ? l.items.length : 0,
        sizes: new Set()
      }
    }
  }

  // ---- names -----------------------------------------------------------------------------------------------------

  /** A variable that may be named plainly here, set yet or not. */
  private visible(name: string): boolean {
    return this.own.has(name) || this.scopes.init.has(name)
  }

  /** What a path names; null where it names nothing, which is then told. */
  private path(p: RawPath): Named | null {
    const head = p.head
    const [first, ...later] = p.rest
    const own = this.visible(head.text)
    const f = first?.kind === 'dot' ? fieldByName.get(first.name.text) : undefined
    const device = this.scopes.devices.has(head.text)
    // One name may stand for several things: a device with a device's field, a variable with a variable's, else a
    // thread and its variable.
    if (device && f?.of === 'device' && later.length === 0) return deviceField(p, f)
    if (first?.kind === 'dot') {
      const x = first.name
      if (this.scopes.threads.has(head.text) && !(own && f?.of === 'variable')) {
        const named = this.threadVariable(p, x, later)
        if (named !== undefined) return named
      }
      const made = this.scopes.init.get(x.text)
      if (head.text === 'init' && !own && this.mode !== 'init' && made !== undefined) {
        this.warn('TB-219', head, 'init', 'what init sets is known by its plain name', { hint: `write ${x.text}` })
        return this.steps(p, varRef('init', x.text, p), made, later)
      }
    }
    if (own && (f?.of === 'variable' || !device || first?.kind !== 'dot')) return this.ownVariable(p)
    if (first === undefined) return { kind: 'name', token: head }
    if (device) this.noDeviceField(p, f?.of === 'device' ? later[0] : first)
    else if (!this.lenient.has(head.text)) this.unknownPath(p, first)
    return null
  }

  /** `THREAD.x`; undefined: the head may be something else too. */
  private threadVariable(p: RawPath, x: Token, later: RawPath['rest']): Named | null | undefined {
    const head = p.head
    const vars = this.scopes.threads.get(head.text) as Variables
    const v = vars.get(x.text)
    if (v) {
      if (this.mode === 'init')
        this.warn('TB-219', head, head.text, `init runs before the threads: '${head.text}.${x.text}' is not set there`)
      return this.steps(p, { ...varRef('thread', x.text, p), thread: head.text }, v, later)
    }
    if (this.lenient.has(x.text)) return null
    const made = this.scopes.init.get(x.text)
    if (made !== undefined && this.mode !== 'init') {
      const hint = { hint: `write ${x.text}` }
      this.warn('TB-219', x, x.text, `'${x.text}' is set in init and known by its plain name`, hint)
      return this.steps(p, varRef('init', x.text, p), made, later)
    }
    if (this.scopes.devices.has(head.text)) return undefined
    this.error('TB-210', x, x.text, `thread ${head.text} never sets '${x.text}'`, {
      known: vars.keys(),
      ...(fieldByName.has(x.text) ? { hint: `'${head.text}' is a thread` } : {})
    })
    return null
  }

  /** A variable by its plain name. */
  private ownVariable(p: RawPath): Named | null {
    const { head, rest } = p
    // A thread that sets a name of init was told so; the name still means what init made.
    const inInit = this.scopes.init.has(head.text)
    const v = (inInit ? this.scopes.init : this.own).get(head.text) as Variable
    if ((this.mode !== 'init' && inInit) || this.known.has(head.text) || this.lenient.has(head.text))
      return this.steps(p, varRef(inInit ? 'init' : 'own', head.text, p), v, rest)
    // Before it is set, a word of the language still means itself.
    if (rest.length === 0 && this.isWord(head.text)) return { kind: 'name', token: head }
    this.error('TB-210', head, head.text, `'${head.text}' is used before anything sets it`, {
      hint: this.setting === head.text ? 'it is what this statement sets' : 'it is set further down only'
    })
    return null
  }

  /** `bad`: what stands behind a device and is no field of one. */
  private noDeviceField(p: RawPath, bad: RawPath['rest'][number] | undefined): void {
    const known = fieldNames('device')
    const name = bad?.kind === 'dot' ? bad.name : null
    const index = bad?.kind === 'index' ? bad.at : p.at
    this.error(
      'TB-214',
      name ?? index,
      name?.text ?? '[',
      `a device has ${fieldList('device')}${name === null ? '' : `, not '${name.text}'`}`,
      { known, expected: known }
    )
  }

  /** A path whose head is nothing that the test has. */
  private unknownPath(p: RawPath, first: RawPath['rest'][number]): void {
    const { head } = p
    const { devices, init, mmios, threads } = this.scopes
    const field = first.kind === 'dot' ? fieldByName.get(first.name.text) : undefined
    if (mmios.has(head.text)) this.error('TB-214', p.at, text(p), `'${head.text}' is an mmio range and has no fields`)
    else if (head.text === 'init' && first.kind === 'dot')
      this.error('TB-219', head, 'init', 'what init sets is known by its plain name', {
        hint: `write ${first.name.text}`
      })
    else if (field?.of === 'device')
      this.error('TB-211', head, head.text, `'${head.text}' is no device of this test`, {
        known: devices,
        expected: [...devices]
      })
    else if (field !== undefined || first.kind === 'index') this.unknownName(head, null)
    else
      this.error('TB-213', head, head.text, `'${head.text}' is no thread, device or variable of this test`, {
        known: [...threads.keys(), ...devices, ...this.own.keys(), ...init.keys()]
      })
  }

  private steps(p: RawPath, ref: VarRef, v: Variable, rest: RawPath['rest']): Exclude<Named, { kind: 'name' }> | null {
    let at = ref
    let vv = v
    for (const [i, s] of rest.entries()) {
      if (s.kind === 'index') {
        const n = s.index.kind === 'number' ? s.index.value : null
        if (n === null) {
          this.error(
            'TB-209',
            s.index.at,
            text(s.index),
            `a segment is chosen by its number, found ${this.describe(s.index)}`,
            { expected: ['h[0]'] }
          )
          return null
        }
        if (!v.unknown && !v.kinds.has('sg') && n === 0 && i === 0) {
          this.warn('TB-209', s.at, '[', `'${ref.name}' is ${oneOf([...v.kinds])}: its only segment is all of it`)
          continue
        }
        if (i > 0 || (!v.unknown && !v.kinds.has('sg'))) {
          this.error(
            'TB-209',
            s.at,
            '[',
            i > 0 ? 'a segment has no segments' : `'${ref.name}' is ${oneOf([...v.kinds])} and has no segments`
          )
          return null
        }
        if (!v.unknown && n >= Math.max(v.segments, 1)) {
          this.error(
            'TB-232',
            s.index.at,
            text(s.index),
            `'${ref.name}' has ${v.segments === 1 ? 'one segment' : `${v.segments} segments`}, the first is ` +
              `${ref.name}[0]`
          )
          return null
        }
        at = { ...ref, index: n }
        vv = { ...v, kinds: new Set(['sg']) }
        continue
      }
      const f = fieldByName.get(s.name.text)
      if (f?.of !== 'variable' || i < rest.length - 1) {
        const bad = f?.of === 'variable' ? rest[i + 1] : s
        const token = bad?.kind === 'dot' ? bad.name : s.name
        this.error('TB-214', token, token.text, `a variable has ${fieldList('variable')}, not '${token.text}'`, {
          known: fieldNames('variable'),
          expected: fieldNames('variable'),
          ...(f?.of === 'device' ? { hint: `'${token.text}' is asked of a device` } : {})
        })
        return null
      }
      if (!v.unknown && f.accepts && ![...v.kinds].some((k) => f.accepts?.includes(k))) {
        this.warn(
          'TB-209',
          s.name,
          s.name.text,
          `'${f.name}' is asked of ${oneOf(f.accepts)}, and '${ref.name}' is ${oneOf([...v.kinds])}`
        )
      }
      const what = text(p)
      const name = f.name as 'shared' | 'alias' | 'bounced'
      return {
        kind: 'field',
        typed: {
          expr: { kind: 'field', of: { ...at, at: where(p.head) }, field: name, at: where(p.at) },
          type: f.words ? { k: 'words', words: f.words, what } : { k: 'flag', what }
        }
      }
    }
    return { kind: 'var', ref: at, v: vv }
  }

  /** Words of C that stand for a failure, and how the language asks for it. */
  private static readonly failures: Readonly<Record<string, string>> = {
    NULL:
      'NULL is what a failed call yields in place of memory; a mapping is compared with DMA_MAPPING_ERROR: ok(x) ' +
      'asks both',
    DMA_MAPPING_ERROR: 'DMA_MAPPING_ERROR is what a failed mapping is: ok(h), dma_mapping_error(dev, h)'
  }

  /** A plain name that is nothing here. `role`: what it should have been, when that says more. */
  private unknownName(t: Token, role: string | null, alsoKnown: Iterable<string> = []): void {
    if (this.lenient.has(t.text)) return
    const plain = [...this.own.keys(), ...this.scopes.init.keys()].filter((n) => n !== t.text)
    const setter = [...this.scopes.threads]
      .filter(([name, vars]) => name !== this.threadName && vars.has(t.text))
      .map(([name]) => name)
    if (this.scopes.devices.has(t.text))
      this.error('TB-209', t, t.text, `'${t.text}' is a device${role ? `: ${role}` : ''}`)
    else if (this.scopes.mmios.has(t.text))
      this.error('TB-209', t, t.text, `'${t.text}' is an mmio range${role ? `: ${role}` : ''}`)
    else if (this.scopes.threads.has(t.text))
      this.error('TB-209', t, t.text, `'${t.text}' is a thread${role ? `: ${role}` : ''}`, {
        hint: `its variables are ${t.text}.x`
      })
    else if (setter.length > 0 && this.mode === 'init')
      this.error('TB-219', t, t.text, `'${t.text}' is set by thread ${setter[0]}, and init runs before the threads`)
    else if (setter.length > 0)
      this.error('TB-219', t, t.text, `'${t.text}' is a variable of thread ${setter.join(' and of thread ')}`, {
        hint: `write ${setter.map((s) => `${s}.${t.text}`).join(' or ')}`
      })
    else if (own(Resolver.failures, t.text) !== undefined)
      this.error('TB-215', t, t.text, `'${t.text}' cannot stand here`, {
        hint: own(Resolver.failures, t.text) as string
      })
    else
      this.error('TB-210', t, t.text, `nobody sets '${t.text}'`, {
        known: [...plain, ...this.scopes.devices, ...alsoKnown]
      })
  }

  // ---- expressions -----------------------------------------------------------------------------------------------

  /** An expression whose truth counts. */
  private truth(e: RawExpr): Expr | null {
    const t = this.expr(e)
    if (t === null) return null
    if (t.type.k === 'unknown') return this.loneWord(t.type.token) ? t.expr : null
    if (t.type.k === 'words' || t.type.k === 'content')
      this.warn(
        'TB-237',
        e.at,
        text(e),
        `'${text(e)}' is a word: true whatever it is`,
        t.type.k === 'words' ? { expected: t.type.words.map((w) => `${text(e)} == ${w}`) } : {}
      )
    else if (
      t.type.k === 'variable' &&
      !t.type.v.unknown &&
      ![...t.type.v.kinds].some((k) => k === 'number' || k === 'status' || POINTERS.has(k))
    ) {
      this.warn('TB-237', e.at, text(e), `'${text(e)}' is ${oneOf([...t.type.v.kinds])}: true unless it is ERR`, {
        expected: [`ok(${text(e)})`]
      })
    }
    return t.expr
  }

  private loneWord(token: Token): boolean {
    if (token.text === 'ERR') this.warn('TB-237', token, 'ERR', 'ERR is never true', { expected: ['ok(x)'] })
    else if (this.isWord(token.text)) this.warn('TB-237', token, token.text, `'${token.text}' is a word: always true`)
    else {
      this.unknownName(token, null)
      return false
    }
    return true
  }

  private expr(e: RawExpr): Typed | null {
    switch (e.kind) {
      case 'number':
        return Number.isNaN(e.value) ? null : { expr: number(e), type: { k: 'number', value: e.value } }
      case 'string':
        this.error('TB-215', e.at, text(e), 'a string cannot be compared', {
          hint: e.text === '' ? 'words stand without quotes' : `write ${e.text} without quotes`
        })
        return null
      case 'list':
        this.error('TB-215', e.at, '[', 'a list cannot be compared', { hint: 'a list stands in dma_map_sg alone' })
        return null
      case 'path': {
        const p = this.path(e)
        if (p === null) return null
        if (p.kind === 'field') return p.typed
        if (p.kind === 'var') return { expr: p.ref, type: { k: 'variable', v: p.v, what: text(e) } }
        return {
          expr: { kind: 'word', name: p.token.text, at: where(p.token) },
          type: { k: 'unknown', token: p.token }
        }
      }
      case 'call':
        return functionNames.has(e.op.text) ? this.func(e) : this.calledValue(e)
      case 'address':
      case 'flags':
        this.error(
          'TB-215',
          e.at,
          text(e),
          e.kind === 'address'
            ? 'an address cannot be compared: write the name alone'
            : "'|' joins flags, and no flags stand here",
          { ...(e.kind === 'flags' ? { hint: "or is '||'" } : {}) }
        )
        return null
      case 'not': {
        const inner = this.truth(e.expr)
        return inner && { expr: { kind: 'not', expr: inner, at: where(e.at) }, type: { k: 'flag', what: text(e) } }
      }
      case 'binary':
        return this.binary(e)
    }
  }

  private calledValue(c: RawCall): Typed | null {
    const h = this.hoist(c)
    return h && { expr: h.ref, type: { k: 'variable', v: h.v, what: `${c.op.text}(...)` } }
  }

  private func(c: RawCall): Typed | null {
    const name = c.op.text as FunctionName
    if (c.try) this.warn('TB-235', c.try, 'try', `'try' has no effect before '${name}'`)
    const { takes } = functions.find((f) => f.name === name) as (typeof functions)[number]
    const wanted = takes.split(', ').length
    if (c.args.length !== wanted) {
      this.error(
        'TB-208',
        c.op,
        name,
        `'${name}' takes ${wanted === 1 ? 'one argument' : `${wanted} arguments`}, found ${c.args.length}`,
        { expected: [`${name}(${takes})`] }
      )
      return null
    }
    const device = takes === 'x' ? undefined : this.firstDevice(c, name)
    if (device === null) return null
    if (name === 'device_cc_accepted') {
      return {
        expr: { kind: 'device', device: device ?? '', field: 'accepted', at: where(c.at) },
        type: { k: 'flag', what: `${device}.accepted` }
      }
    }
    const a = c.args.at(-1) as RawExpr
    const asked = this.variableOf(a, name, takes)
    if (asked === null) return null
    this.askedOf(name, a, asked.v)
    return {
      expr: { kind: 'func', name, ...(device === undefined ? {} : { device }), arg: asked.ref, at: where(c.at) },
      type:
        name === 'ok' ? { k: 'flag', what: `ok(${text(a)})` } : name === 'content' ? { k: 'content' } : { k: 'errno' }
    }
  }

  /** The device that a function's arguments begin with. */
  private firstDevice(c: RawCall, name: FunctionName): string | null {
    const of = c.args[0]
    const word = of?.kind === 'path' && of.rest.length === 0 ? of.head.text : null
    if (of !== undefined && word !== null && this.scopes.devices.has(word)) return word
    this.error('TB-211', of?.at ?? c.at, of === undefined ? '' : text(of), `'${name}' takes a device first`, {
      known: this.scopes.devices,
      expected: [...this.scopes.devices]
    })
    return null
  }

  /** The variable that a function is asked about: a path, or a call whose value it is. */
  private variableOf(a: RawExpr, name: FunctionName, takes: string): { ref: VarRef; v: Variable } | null {
    if (a.kind === 'call' && !functionNames.has(a.op.text)) return this.hoist(a)
    const p = a.kind === 'path' ? this.path(a) : undefined
    if (p === null) return null
    if (p?.kind === 'var') return p
    if (p?.kind === 'name') this.unknownName(p.token, `'${name}' takes a variable`)
    else
      this.error('TB-209', a.at, text(a), `'${name}' takes a variable, found ${this.describe(a)}`, {
        expected: [`${name}(${takes})`]
      })
    return null
  }

  /** Warns of a question that has one answer only. */
  private askedOf(name: FunctionName, a: RawExpr, v: Variable): void {
    if (v.unknown) return
    const kinds = [...v.kinds]
    const is = `'${text(a)}' is ${oneOf(kinds)}`
    if (name === 'content' && !kinds.some((k) => contentAccepts.includes(k)))
      this.warn('TB-209', a.at, text(a), `'content' is asked of memory, and ${is}: every comparison is false`, {
        ...(v.kinds.has('value') ? { hint: `compare ${text(a)} itself` } : {})
      })
    if (name === 'dma_mapping_error' && !kinds.some((k) => ADDRESSES.has(k)))
      this.warn('TB-209', a.at, text(a), `'dma_mapping_error' is asked of a mapping, and ${is}`)
  }

  private binary(e: Extract<RawExpr, { kind: 'binary' }>): Typed | null {
    // Long chains lean to the left; they are walked, not recursed into.
    const chain: Extract<RawExpr, { kind: 'binary' }>[] = []
    let leftmost: RawExpr = e
    while (leftmost.kind === 'binary') {
      chain.push(leftmost)
      leftmost = leftmost.left
    }
    let left: Typed | null = null
    let rawLeft: RawExpr = leftmost
    let started = false
    for (const b of chain.reverse()) {
      const logical = b.op === '&&' || b.op === '||'
      if (logical) {
        const l: Expr | null = started ? left && this.truthOf(left, rawLeft) : this.truth(leftmost)
        const r = this.truth(b.right)
        left = l && r && { expr: this.node(b, l, r), type: { k: 'flag', what: text(b) } }
      } else {
        const l: Typed | null = started ? left : this.expr(leftmost)
        const r = this.expr(b.right)
        const failure: Typed | null = l && r && this.failure(b, l, r)
        left =
          failure !== null
            ? failure
            : l && r && this.compared(b, l, rawLeft, r)
              ? { expr: this.node(b, zeroContent(l, r), zeroContent(r, l)), type: { k: 'flag', what: text(b) } }
              : null
      }
      started = true
      rawLeft = b
    }
    return left
  }

  /**
   * `buf == NULL`, `buf != 0`, `h == DMA_MAPPING_ERROR`: whether the call failed, as C asks it. Null: another
   * comparison.
   */
  private failure(b: Extract<RawExpr, { kind: 'binary' }>, l: Typed, r: Typed): Typed | null {
    if (b.op !== '==' && b.op !== '!=') return null
    for (const [side, other] of [
      [l, r],
      [r, l]
    ] as const) {
      if (side.type.k !== 'variable' || side.expr.kind !== 'var') continue
      const word =
        other.type.k === 'unknown' && !this.scopes.labels.has(other.type.token.text)
          ? other.type.token.text
          : other.type.k === 'number' && other.type.value === 0
            ? 'NULL'
            : null
      if (
        !(word === 'NULL' && every(side.type.v, POINTERS)) &&
        !(word === 'DMA_MAPPING_ERROR' && every(side.type.v, ADDRESSES))
      )
        continue
      const at = where(b.at)
      const ok: Expr = { kind: 'func', name: 'ok', arg: side.expr, at }
      return { expr: b.op === '!=' ? ok : { kind: 'not', expr: ok, at }, type: { k: 'flag', what: text(b) } }
    }
    return null
  }

  private truthOf(t: Typed, raw: RawExpr): Expr | null {
    // A chain's inner node is a comparison or a connective: always 0 or 1.
    return t.type.k === 'flag' ? t.expr : this.truth(raw)
  }

  private node(b: Extract<RawExpr, { kind: 'binary' }>, left: Expr, right: Expr): Binary {
    return { kind: 'binary', op: b.op as BinaryOp, left, right, at: where(b.at) }
  }

  /**
   * Whether two operands can be compared: every word is known. A comparison that is settled beforehand is only worth a
   * warning.
   */
  private compared(b: Extract<RawExpr, { kind: 'binary' }>, l: Typed, rawL: RawExpr, r: Typed): boolean {
    const before = this.errors.count
    let err = false
    for (const [side, raw] of [
      [l, rawL],
      [r, b.right]
    ] as const) {
      if (side.type.k !== 'unknown' || side.type.token.text !== 'ERR') continue
      this.warn('TB-237', raw.at, 'ERR', 'every comparison with ERR is false', {
        expected: ['ok(x)'],
        hint: 'ok(x) is 0 for ERR'
      })
      err = true
    }
    if (l.type.k === 'unknown' && r.type.k === 'unknown') this.loneWordPair(l.type.token, r.type.token)
    else if (l.type.k === 'unknown') this.wordAgainst(l.type.token, r.type)
    else if (r.type.k === 'unknown') this.wordAgainst(r.type.token, l.type)
    else if (l.type.k === 'number' && r.type.k !== 'number') this.numberAgainst(rawL, l.type.value, r.type)
    else if (r.type.k === 'number' && l.type.k !== 'number') this.numberAgainst(b.right, r.type.value, l.type)
    else {
      this.ambiguous(rawL, l.type, r.type)
      this.ambiguous(b.right, r.type, l.type)
    }
    if (this.errors.count > before) return false
    if (!err && b.op !== '==' && b.op !== '!=') {
      for (const [side, raw] of [
        [l, rawL],
        [r, b.right]
      ] as const) {
        const k = side.type.k
        const wordy =
          k === 'unknown' ||
          k === 'words' ||
          k === 'content' ||
          (k === 'variable' &&
            !side.type.v.unknown &&
            ![...side.type.v.kinds].some((x) => x === 'number' || x === 'status'))
        if (wordy) {
          this.warn('TB-237', b.opAt, b.op, `'${b.op}' compares numbers, and '${text(raw)}' is none: false`, {
            expected: ["'=='", "'!='"]
          })
          break
        }
      }
    }
    return true
  }

  private loneWordPair(a: Token, b: Token): void {
    for (const t of [a, b]) {
      if (!this.isWord(t.text)) {
        this.unknownName(t, null)
        return
      }
    }
    if (a.text !== 'ERR' && b.text !== 'ERR')
      this.warn(
        'TB-237',
        a,
        a.text,
        `'${a.text}' and '${b.text}' are both words: the comparison is settled before the test runs`
      )
  }

  private wordAgainst(t: Token, other: Type): void {
    const word = t.text
    if (word === 'ERR') return
    const known = this.isWord(word)
    const never = (message: string, more: More = {}): void => this.warn('TB-215', t, word, message, more)
    // What can be read: a label that nobody writes is no mistake, unless it looks like one that somebody does.
    const readable = (): boolean => {
      if (known) return true
      const words = [
        SECRET,
        ...this.scopes.labels,
        ...contentWordNames,
        ...[...this.own.keys()].filter((n) => !isGiven(n)),
        ...this.scopes.init.keys(),
        ...this.scopes.devices,
        ...this.scopes.mmios,
        ...this.scopes.threads.keys()
      ]
      if (
        words.includes(word) ||
        nearestWords(word, words).length > 0 ||
        [...this.scopes.threads.values()].some((v) => v.has(word))
      )
        return false
      never(`nobody writes '${word}'`)
      return true
    }
    switch (other.k) {
      case 'words':
        if (other.words.includes(word)) return
        if (known)
          never(`${other.what} is ${other.words.slice(0, -1).join(', ')} or ${other.words.at(-1)}, never '${word}'`)
        else
          this.error(
            'TB-215',
            t,
            word,
            `${other.what} is ${other.words.slice(0, -1).join(', ')} or ${other.words.at(-1)}, not '${word}'`,
            { known: other.words, expected: other.words }
          )
        return
      case 'flag':
        if (known) never(`${other.what} is 0 or 1, never '${word}'`, { expected: ['0', '1'] })
        else this.unknownName(t, null)
        return
      case 'content':
        if (!readable()) this.unknownName(t, null, [...this.scopes.labels, ...contentWordNames])
        else if (known && word !== SECRET && !this.scopes.labels.has(word) && !contentWordNames.has(word))
          never(`content is a label of the test or a word for what a platform yields, never '${word}'`)
        return
      case 'errno':
        if (!known) this.unknownName(t, null, errnos)
        else if (!errnoNames.has(word)) never(`errno is 0 or the name of an errno that the model has, never '${word}'`)
        return
      case 'variable': {
        const kinds = other.v.kinds
        if (!known) {
          if (!kinds.has('value') || !readable())
            this.unknownName(t, null, kinds.has('status') ? errnos : [...this.scopes.labels])
          return
        }
        if (other.v.unknown) return
        const label = word === SECRET || this.scopes.labels.has(word) || contentWordNames.has(word)
        if ((kinds.has('value') && label) || (kinds.has('status') && errnoNames.has(word))) return
        const memory = [...kinds].some((k) => contentAccepts.includes(k))
        never(
          `'${other.what}' is ${oneOf([...kinds])}, never '${word}'`,
          memory ? { hint: `compare content(${other.what}) or read(${other.what})` } : {}
        )
        return
      }
      default:
        if (!known) this.unknownName(t, null)
        else if (other.k !== 'number' || !this.scopes.labels.has(word)) never(`'${word}' is compared with a number`)
    }
  }

  private numberAgainst(raw: RawExpr, value: number, other: Type): void {
    const never = (message: string, more: More = {}): void => this.warn('TB-215', raw.at, text(raw), message, more)
    switch (other.k) {
      case 'words':
        never(`${other.what} is ${other.words.slice(0, -1).join(', ')} or ${other.words.at(-1)}, never a number`, {
          expected: other.words
        })
        return
      case 'flag':
        if (value > 1) never(`${other.what} is 0 or 1, never ${text(raw)}`, { expected: ['0', '1'] })
        return
      case 'content':
        if (value !== 0 && !this.scopes.labels.has(labelOf(value)))
          never(`nobody writes ${text(raw)}; 0 or zero is the content of a fresh page`)
        return
      case 'variable': {
        const { v } = other
        if (v.unknown || v.kinds.has('number') || v.kinds.has('status')) return
        if (v.kinds.has('value')) {
          if (value !== 0 && !this.scopes.labels.has(labelOf(value)))
            never(`nobody writes ${text(raw)}; 0 or zero is the content of a fresh page`)
        } else never(`'${other.what}' is ${oneOf([...v.kinds])}, never a number`, { expected: [`ok(${other.what})`] })
      }
    }
  }

  /** A name that is a label as well as a variable, against something that can be a label. */
  private ambiguous(raw: RawExpr, type: Type, other: Type): void {
    if (type.k !== 'variable' || raw.kind !== 'path' || raw.rest.length > 0 || !this.scopes.labels.has(raw.head.text))
      return
    const label = other.k === 'content' || (other.k === 'variable' && other.v.kinds.has('value'))
    if (label)
      this.warn(
        'TB-216',
        raw.at,
        raw.head.text,
        `'${raw.head.text}' is a variable and a label of this test: here the variable`
      )
  }

  // ---- messages --------------------------------------------------------------------------------------------------

  private warn(code: string, at: At, word: string, message: string, more: More = {}): void {
    this.errors.warn(code, where(at), word, message, more)
  }

  private error(code: string, at: At, word: string, message: string, more: More = {}): void {
    this.errors.add(code, where(at), word, message, more)
  }

  /** What stands there, for a message. */
  private describe(a: RawExpr): string {
    switch (a.kind) {
      case 'number':
        return `the number ${a.text}`
      case 'string':
        return 'a string'
      case 'list':
        return 'a list'
      case 'call':
        return functionNames.has(a.op.text) ? `${a.op.text}(...)` : `a call of '${a.op.text}'`
      case 'not':
      case 'binary':
        return 'an expression'
      case 'address':
        return `'&${a.name.text}'`
      case 'flags':
        return 'flags'
      case 'path': {
        const name = text(a)
        if (a.rest.length > 0) return `'${name}'`
        if (this.scopes.devices.has(name)) return `the device '${name}'`
        if (this.scopes.mmios.has(name)) return `the mmio range '${name}'`
        if (this.scopes.threads.has(name)) return `the thread '${name}'`
        if (this.visible(name)) {
          const v = this.own.get(name) ?? this.scopes.init.get(name)
          return v && !v.unknown ? `'${name}', ${oneOf([...v.kinds])}` : `the variable '${name}'`
        }
        return `'${name}'`
      }
    }
  }
}

/** `0` beside something that can only be content is the content of a fresh page. */
function zeroContent(side: Typed, other: Typed): Expr {
  const content =
    other.type.k === 'content' ||
    (other.type.k === 'variable' && !other.type.v.unknown && [...other.type.v.kinds].every((k) => k === 'value'))
  return content && side.expr.kind === 'number' && side.expr.value === 0
    ? { kind: 'word', name: ZERO, at: side.expr.at }
    : side.expr
}

const number = (e: Extract<RawExpr, { kind: 'number' }>): NumberLit => ({
  kind: 'number',
  value: e.value,
  at: where(e.at)
})
const count = (n: number): string => (n === 0 ? 'no argument' : n === 1 ? '1 argument' : `${n} arguments`)
const fieldNames = (of: 'variable' | 'device'): FieldName[] => fields.filter((f) => f.of === of).map((f) => f.name)
const fieldList = (of: 'variable' | 'device'): string => {
  const names = fieldNames(of).map((n) => `.${n}`)
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function oneOf(kinds: readonly ValueKind[]): string {
  const names = kinds.map((k) => valueKindText[k])
  return names.length <= 1 ? (names[0] ?? 'nothing') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** The expression as written, shortened. */
export function text(e: RawExpr): string {
  switch (e.kind) {
    case 'number':
      return e.text
    case 'string':
      return `"${e.text}"`
    case 'path':
      return e.head.text + e.rest.map((s) => (s.kind === 'dot' ? `.${s.name.text}` : `[${text(s.index)}]`)).join('')
    case 'call':
      return `${e.op.text}(...)`
    case 'list':
      return '['
    case 'not':
      return '!'
    case 'binary':
      return e.op
    case 'address':
      return `&${e.name.text}`
    case 'flags':
      return e.items.map(text).join(' | ')
  }
}

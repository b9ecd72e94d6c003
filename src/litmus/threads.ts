// From a checked test to threads that run: one program a thread whose calls are the system's operations. What a test
// says of memory, devices and the host is asked of the system in one step, so that an expression is never torn.
import { ensure, unreachable } from '../base/index.ts'
import {
  action,
  BLOCKED,
  type CallFn,
  type Instr,
  type Operand,
  type Place,
  type Program,
  type Store,
  UNSET
} from '../step/index.ts'
import { ATTR, DIR } from '../kernel/index.ts'
import {
  errno,
  errnoName,
  isErr,
  isObject,
  isUnset,
  isWord,
  type System,
  valueWord,
  wordValue
} from '../system/index.ts'
import type { Call, Expr, Stmt, Test, VarRef } from './ast.ts'
import { printExpr, printStmt } from './print.ts'
import { contentWordNames, operationByName, ZERO } from './vocabulary.ts'

/**
 * A status: 0, or an errno below it as in C. Not ERR, which is what is there instead of a page, a mapping or a value;
 * encoded below every ERR.
 */
const STATUS_BASE = -1000
const statusOf = (rc: number): number => (rc < 0 && !isStatus(rc) ? STATUS_BASE + rc : rc)
export const isStatus = (v: number): boolean => v < STATUS_BASE && v > -10000
export const statusErrno = (v: number): number => v - STATUS_BASE

export interface Compiled {
  /** Boot and the statements of `init`; its variables are in `initVariables`. */
  readonly init: Program
  readonly threads: readonly Program[]
  /** How a thread's program gets init's variables: pairs of (variable of the thread, variable of init). */
  readonly imports: ReadonlyArray<ReadonlyArray<readonly [number, number]>>
  /** Final conditions on a state in which all threads have ended. */
  readonly conditions: ReadonlyArray<{
    readonly kind: 'exists' | 'never'
    readonly text: string
    readonly line: number
    readonly holds: (st: Store) => boolean
  }>
}

type Value = number | string | null
type Getter = (st: Store, args: readonly number[]) => number

/** An expression that a statement asks, ready to be asked: one object a statement. */
class Condition {
  constructor(
    readonly thread: string,
    readonly how: 'value' | 'wait' | 'assert',
    readonly text: string,
    readonly line: number,
    readonly value: (st: Store, args: readonly number[]) => Value
  ) {}
}
const condition = action<[c: Condition, args: readonly number[]]>('condition', {
  perform: (st, _outcome, c, args) => {
    const holds = truth(c.value(st, args))
    if (c.how === 'wait' && !holds) return BLOCKED
    if (c.how === 'assert' && !holds)
      st.finding({
        property: 'assert',
        site: c.thread,
        decision: `${c.text} line ${c.line}`,
        summary: `${c.text} does not hold`
      })
    return holds ? 1 : 0
  },
  text: (r, _outcome, c) => `${c.text}${c.how === 'value' ? (r ? ': yes' : ': no') : ''}`,
  results: [0, 1]
})

/** The right side of an assignment that looks at more than its own thread. */
class Assigned {
  constructor(
    readonly text: string,
    readonly value: Getter
  ) {}
}
const assignedValue = action<[x: Assigned, args: readonly number[]]>('value', {
  perform: (st, _outcome, x, args) => x.value(st, args),
  text: (_r, _outcome, x) => x.text
})

/** A look at another thread's variable. */
const local = action<[thread: number, variable: number, name: string]>('local', {
  perform: (st, _outcome, thread, variable) => st.local(thread, variable),
  text: (_r, _outcome, _thread, _variable, name) => name
})

class Scope {
  readonly names: string[] = []
  readonly imports: Array<readonly [number, number]> = []
  readonly keep = new Set<number>()
  index(name: string): number {
    let i = this.names.indexOf(name)
    if (i < 0) i = this.names.push(name) - 1
    return i
  }
}

// Long: one switch an expression, one a statement, over the names and functions that they share.
export function compile(test: Test, sys: System): Compiled {
  const init = new Scope()
  const scopes = test.threads.map(() => new Scope())
  const threadIndex = new Map(test.threads.map((t, i) => [t.name, i]))
  const device = (name: string): number =>
    ensure(
      sys.options.devices.findIndex((d) => d.name === name) >= 0
        ? sys.options.devices.findIndex((d) => d.name === name)
        : null,
      `device ${name}`
    )
  const mmio = (name: string): number => sys.machine.mmios.findIndex((m) => m.config.name === name)

  /** Where a variable is found by the code of `self` (null: a final condition). */
  const importedAs = (self: Scope, name: string): number => {
    const from = init.index(name)
    const own = self.index(`init.${name}`)
    if (!self.imports.some(([a]) => a === own)) self.imports.push([own, from])
    return own
  }

  /** A variable as an operand of its own thread, or a look at another thread. */
  const variable = (self: Scope | null, ref: VarRef, operands: Operand[]): Getter => {
    // init runs before the threads: what they will set is not set.
    if (self === init && ref.scope === 'thread') return () => UNSET
    if (ref.scope === 'thread' || self === null) {
      if (ref.scope === 'init') {
        // Only in final conditions: any thread has it as its own; the first does.
        const s = scopes[0] as Scope
        const v = importedAs(s, ref.name)
        s.keep.add(v)
        return (st) => st.local(0, v)
      }
      const t = threadIndex.get(ref.thread ?? '') ?? 0
      const s = scopes[t] as Scope
      const v = s.index(ref.name)
      s.keep.add(v)
      return (st) => st.local(t, v)
    }
    const v = ref.scope === 'init' && self !== init ? importedAs(self, ref.name) : self.index(ref.name)
    let at = operands.findIndex((o) => typeof o !== 'number' && o.v === v)
    if (at < 0) at = operands.push({ v }) - 1
    return (_st, args) => args[at] as number
  }

  const segment = (v: number, index: number | null): number => {
    if (index === null || !isObject(v)) return v
    const o = sys.objects.get(v)
    if (o.kind !== 'sg') return index === 0 ? v : errno.EINVAL
    const m = o.segments[index]
    return m === undefined ? errno.EINVAL : sys.objects.value(m)
  }
  const asValue = (v: number): Value => {
    if (isUnset(v)) return null
    if (isStatus(v)) return statusErrno(v)
    if (isErr(v)) return null
    if (isWord(v)) return spoken(sys.words.name(valueWord(v)))
    return v
  }

  /** Whether an expression looks at anything beside its own thread's variables. */
  const shared = (e: Expr): boolean => {
    switch (e.kind) {
      case 'number':
      case 'word':
        return false
      case 'var':
        return e.scope === 'thread'
      case 'field':
        return e.field !== 'bounced' || e.of.scope === 'thread'
      case 'device':
        return true
      case 'func':
        return e.name === 'content' || e.arg.scope === 'thread'
      case 'not':
        return shared(e.expr)
      case 'binary':
        return shared(e.left) || shared(e.right)
      default:
        return unreachable(e)
    }
  }

  const expr = (self: Scope | null, e: Expr, operands: Operand[]): ((st: Store, args: readonly number[]) => Value) => {
    switch (e.kind) {
      case 'number':
        return () => e.value
      case 'word':
        return e.name === 'ERR' ? () => null : () => e.name
      case 'var': {
        const get = variable(self, e, operands)
        return (st, a) => asValue(segment(get(st, a), e.index))
      }
      case 'field': {
        const get = variable(self, e.of, operands)
        return (st, a) => {
          const v = segment(get(st, a), e.of.index)
          if (!isObject(v)) return null
          switch (e.field) {
            case 'shared':
              return sys.isShared(st, v) ? 1 : 0
            case 'alias':
              return sys.isSharedAlias(st, v) ? 'shared' : 'private'
            case 'bounced':
              return sys.isBounced(v) ? 1 : 0
          }
        }
      }
      case 'device': {
        const d = device(e.device)
        return (st) =>
          e.field === 'accepted'
            ? sys.believed(st, d)
              ? 1
              : 0
            : e.field === 'tdi'
              ? sys.tdiName(st, d)
              : e.field === 'ranges'
                ? sys.machine.ranges(st, d)
                : e.field === 'trust'
                  ? sys.trustName(st, d)
                  : sys.tsmName(st, d)
      }
      case 'func': {
        const get = variable(self, e.arg, operands)
        return (st, a) => {
          const v = segment(get(st, a), e.arg.index)
          switch (e.name) {
            case 'ok':
              return isUnset(v) || isErr(v) || isStatus(v) ? 0 : 1
            case 'dma_mapping_error':
              return isUnset(v) ? null : isErr(v) ? errno.ENOMEM : 0
            case 'errno':
              return isUnset(v) ? null : isStatus(v) ? statusErrno(v) : isErr(v) ? v : 0
            case 'content':
              return isObject(v) ? spoken(sys.words.name(sys.contentWord(st, v))) : null
          }
        }
      }
      case 'not': {
        const x = expr(self, e.expr, operands)
        return (st, a) => (truth(x(st, a)) ? 0 : 1)
      }
      case 'binary': {
        const l = expr(self, e.left, operands)
        const r = expr(self, e.right, operands)
        return (st, a) => {
          if (e.op === '&&') return truth(l(st, a)) && truth(r(st, a)) ? 1 : 0
          if (e.op === '||') return truth(l(st, a)) || truth(r(st, a)) ? 1 : 0
          return compare(e.op, l(st, a), r(st, a)) ? 1 : 0
        }
      }
      default:
        return unreachable(e)
    }
  }

  const code = (
    self: Scope,
    body: readonly Stmt[],
    cpu: number,
    threadName: string,
    first: readonly Instr[] = []
  ): Instr[] => {
    // What comes first is part of the list: branches and jumps count from its begin.
    const out: Instr[] = [...first]
    let group = 0
    const cond = (
      e: Expr,
      how: 'value' | 'wait' | 'assert',
      text: string,
      place: Place
    ): { fn: CallFn; operands: Operand[] } => {
      const operands: Operand[] = []
      const eval_ = expr(self, e, operands)
      if (how === 'value' && !shared(e)) return { fn: (...args) => (truth(eval_(NO_STORE, args)) ? 1 : 0), operands }
      const c = new Condition(threadName, how, text, place.line, eval_)
      return { fn: (...args) => condition(c, args), operands }
    }
    // x = EXPR: a variable is copied as it is, ERR and its errno included; anything else is a number or a word.
    const assigned = (e: Expr): { fn: CallFn; operands: Operand[] } => {
      const operands: Operand[] = []
      let get: Getter
      if (e.kind === 'var') {
        const raw = variable(self, e, operands)
        get = (st, a) => segment(raw(st, a), e.index)
      } else {
        const eval_ = expr(self, e, operands)
        get = (st, a) => {
          const v = eval_(st, a)
          return v === null ? errno.EINVAL : typeof v === 'number' ? statusOf(v) : wordValue(sys.words.id(unspoken(v)))
        }
      }
      if (!shared(e)) return { fn: (...args) => get(NO_STORE, args), operands }
      const x = new Assigned(printExpr(e), get)
      return { fn: (...args) => assignedValue(x, args), operands }
    }
    const emit = (list: readonly Stmt[]): void => {
      for (const s of list) {
        const place: Place = { line: s.at.line, column: s.at.column, file: test.file }
        switch (s.kind) {
          case 'call': {
            const { fn, operands } = operation(self, s, cpu)
            out.push({
              op: 'call',
              fn,
              args: operands,
              dst: s.target === null ? -1 : self.index(s.target.name),
              text: printStmt(s).trim(),
              place,
              group: group++
            })
            break
          }
          case 'assign': {
            const { value } = s
            const { fn, operands } = typeof value === 'number' ? { fn: () => value, operands: [] } : assigned(value)
            out.push({
              op: 'call',
              fn,
              args: operands,
              dst: self.index(s.target.name),
              text: printStmt(s).trim(),
              place,
              group: group++
            })
            break
          }
          case 'if': {
            const text = `if (${printExpr(s.cond)})`
            const { fn, operands } = cond(s.cond, 'value', text, place)
            const tmp = self.index('(condition)')
            out.push({ op: 'call', fn, args: operands, dst: tmp, text, place, group: group++ })
            const at = out.length
            out.push({ op: 'branch', v: tmp, yes: at + 1, no: 0, text, place })
            emit(s.then)
            if (s.else.length > 0) {
              const jump = out.push({ op: 'jump', to: 0 }) - 1
              out[at] = { op: 'branch', v: tmp, yes: at + 1, no: out.length, text, place }
              emit(s.else)
              out[jump] = { op: 'jump', to: out.length }
            } else out[at] = { op: 'branch', v: tmp, yes: at + 1, no: out.length, text, place }
            break
          }
          case 'choose': {
            const at = out.push({ op: 'choose', targets: [], text: 'choose', place, group: group++ }) - 1
            const targets: number[] = []
            const jumps: number[] = []
            for (const b of s.branches) {
              targets.push(out.length)
              emit(b)
              jumps.push(out.push({ op: 'jump', to: 0 }) - 1)
            }
            out[at] = { op: 'choose', targets, text: 'choose', place, group: group++ }
            for (const j of jumps) out[j] = { op: 'jump', to: out.length }
            break
          }
          case 'repeat':
            for (let i = 0; i < s.count; i++) emit(s.body)
            break
          case 'wait': {
            const text = `wait (${printExpr(s.cond)})`
            const { fn, operands } = cond(s.cond, 'wait', text, place)
            out.push({ op: 'call', fn, args: operands, dst: -1, text, place, group: group++ })
            break
          }
          case 'assert': {
            const text = `assert (${printExpr(s.cond)})`
            const { fn, operands } = cond(s.cond, 'assert', text, place)
            out.push({ op: 'call', fn, args: operands, dst: -1, text, place, group: group++ })
            break
          }
          default:
            unreachable(s)
        }
      }
    }
    emit(body)
    return out
  }

  /** One operation of the language as a function of its operands' values. */
  const operation = (self: Scope, c: Call, cpu: number): { fn: CallFn; operands: Operand[] } => {
    const operands: Operand[] = []
    const a = c.args
    const obj = (ref: VarRef | undefined): ((args: readonly number[]) => number) => {
      const r = ensure(ref, `operand of ${c.op}`)
      if (r.scope === 'thread' && self === init) return () => UNSET
      if (r.scope === 'thread') {
        const t = threadIndex.get(r.thread ?? '') ?? 0
        const s = scopes[t] as Scope
        const v = s.index(r.name)
        s.keep.add(v)
        return () => local(t, v, `${r.thread}.${r.name}`)
      }
      const get = variable(self, r, operands)
      return (args) => get(NO_STORE, args)
    }
    const own = (ref: VarRef | undefined, pick?: 'segment'): ((args: readonly number[]) => number) => {
      const get = obj(ref)
      return pick === undefined ? get : (args) => segment(get(args), ref?.index ?? null)
    }
    const word = ensure(operationByName.get(c.op), c.op)
    const attrs = a.attributes.reduce((m, n) => m | ATTR[n.name], 0)
    const fn = word.run({
      sys,
      cpu,
      dev: a.device ? device(a.device.name) : -1,
      mmio: a.mmio ? mmio(a.mmio.name) : -1,
      dir: a.direction ? DIR[a.direction.name] : DIR.BIDIRECTIONAL,
      attrs,
      end: { dir: a.direction ? DIR[a.direction.name] : null, attrs: a.none || a.attributes.length > 0 ? attrs : null },
      word: a.label ? sys.words.id(unspoken(a.label.name)) : 0,
      level: a.level?.name ?? '',
      size: a.size?.value ?? 0,
      bits: a.bits?.value ?? 64,
      high: a.high,
      atomic: a.atomic,
      decrypted: a.decrypted,
      try: c.try,
      segment: a.object?.index ?? -1,
      object: (pick) => own(a.object, pick),
      optional: () => (a.object === undefined ? null : own(a.object)),
      objects: () => (a.objects ?? []).map((r) => (r.scope === 'mmio' ? () => sys.bar(mmio(r.name)) : obj(r)))
    })
    // A status is 0 or an errno, as in C; it is no ERR.
    return { fn: word.result === 'status' ? (...x) => statusOf(fn(...x)) : fn, operands }
  }

  const bodies = test.threads.map((t, i) => code(scopes[i] as Scope, t.body, t.cpu, t.name))
  const conditions = test.conditions.map((c) => {
    const e = expr(null, c.expr, [])
    return {
      kind: c.kind,
      text: `${c.kind} (${printExpr(c.expr)})`,
      line: c.at.line,
      holds: (st: Store) => truth(e(st, []))
    }
  })
  const initCode: Instr[] = code(init, test.init, 0, 'init', [
    { op: 'call', fn: () => sys.boot(), args: [], dst: -1, text: 'boot', group: -1 }
  ])
  return {
    init: { name: 'init', variables: init.names, code: initCode, keep: init.names.map((_, i) => i) },
    threads: test.threads.map((t, i) => {
      const s = scopes[i] as Scope
      return { name: t.name, variables: s.names, code: bodies[i] as Instr[], keep: [...s.keep] }
    }),
    imports: scopes.map((s) => s.imports),
    conditions
  }
}

const truth = (v: Value): boolean => v !== null && v !== 0

// A label that is called like a word for what platforms yield (`ones`, `lost`, ...) is another word inside, and the
// same in comparisons.
const unspoken = (label: string): string => (contentWordNames.has(label) && label !== ZERO ? `${label}'` : label)
const spoken = (word: string): string => (word.endsWith("'") ? word.slice(0, -1) : word)

/**
 * A number beside a word is the label of that name; 0 is the content of a fresh page, and a status the errno of its
 * name.
 */
const same = (l: number | string, r: number | string): boolean => {
  if (typeof l === typeof r) return l === r
  const n = Number(typeof l === 'number' ? l : r)
  const w = typeof l === 'number' ? r : l
  return n < 0 ? errnoName(n) === w : n === 0 ? w === ZERO || w === '0' : String(n) === w
}

function compare(op: string, l: Value, r: Value): boolean {
  if (l === null || r === null) return false
  if (op === '==') return same(l, r)
  if (op === '!=') return !same(l, r)
  if (typeof l !== 'number' || typeof r !== 'number' || isObject(l) || isObject(r)) return false
  switch (op) {
    case '<':
      return l < r
    case '<=':
      return l <= r
    case '>':
      return l > r
    default:
      return l >= r
  }
}

// For expressions over a thread's own variables only: they never look at it.
const NO_STORE: Store = { u8: new Uint8Array(0), u32: new Uint32Array(0), local: () => UNSET, finding: () => {} }

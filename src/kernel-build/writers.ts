// Who writes a field of struct device, and under which locks: read in the text, function by function. A bitfield's
// writer reads and writes back the whole storage unit, so the writers of its neighbours are its writers, too. What text
// cannot tell is said beside what it can.
import { blank, closing, cutStruct, identifiers, listed } from './c-text.ts'
import type { Callers, How, Unit, Writer } from '../report/kernel-audit.ts'
import type { SourceFile } from './source-files.ts'

export const DEVICE_H = 'include/linux/device.h'

const literal = (s: string): string => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const lineAt = (text: string, at: number): number => {
  let n = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) n++
  return n
}

// --- where the field lies
// --------------------------------------------------------------------------------------------------------

interface Member {
  readonly name: string
  readonly bits: boolean
  readonly at: number
}

/** The members of a structure at its own level; a macro that declares one has its first argument's name. */
function membersOf(body: string): Member[] {
  const text = blank(body).replace(/^[ \t]*#(?:[^\n\\]|\\\n|\\.)*/gm, (m) => m.replace(/[^\n]/g, ' '))
  const out: Member[] = []
  let from = text.indexOf('{') + 1
  let depth = 0
  for (let i = from; i < text.length; i++) {
    const c = text[i]
    if (c === '{' || c === '(') depth++
    else if (c === '}' || c === ')') depth--
    if (depth < 0) break
    if (c !== ';' || depth > 0) continue
    const one = text.slice(from, i)
    const macro = /^\s*DECLARE_BITMAP\s*\(\s*(\w+)/.exec(one)
    const pointer = /\(\s*\*\s*(\w+)\s*\)\s*\(/.exec(one)
    const plain = /(\w+)\s*(?:\[[^\]]*\]\s*)?(:\s*\w+\s*)?$/.exec(one)
    const name = macro?.[1] ?? pointer?.[1] ?? plain?.[1]
    if (name !== undefined)
      out.push({
        name,
        bits: plain?.[2] !== undefined && macro === null,
        at: from + (one.length - one.trimStart().length)
      })
    from = i + 1
  }
  return out
}

/** Where a field of struct device lies, or the names that there are. */
export function unitOf(field: string, header: string): Unit | { readonly known: readonly string[] } {
  const struct = cutStruct('device', header)
  if (struct === null) return { known: [] }
  const start = header.indexOf(struct)
  const members = membersOf(struct)
  const flags = [...header.matchAll(/^\s*DEV_FLAG_(\w+)\s*=/gm)].map((m) => ({
    name: (m[1] as string).toLowerCase(),
    at: m.index + m[0].indexOf('DEV_FLAG')
  }))
  const flag = flags.find((f) => f.name === field)
  if (flag !== undefined && members.some((m) => m.name === 'flags'))
    return { field, kind: 'bitmap', file: DEVICE_H, line: lineAt(header, flag.at), members: flags.map((f) => f.name) }
  const i = members.findIndex((m) => m.name === field)
  const own = members[i]
  if (own === undefined) return { known: [...members.map((m) => m.name), ...flags.map((f) => f.name)] }
  const line = lineAt(header, start + own.at)
  if (!own.bits) return { field, kind: 'alone', file: DEVICE_H, line, members: [field] }
  let [from, to] = [i, i]
  while (members[from - 1]?.bits) from--
  while (members[to + 1]?.bits) to++
  return { field, kind: 'bitfield', file: DEVICE_H, line, members: members.slice(from, to + 1).map((m) => m.name) }
}

/** Words of which a file that writes the unit has one. */
export function wordsOf(u: Unit): string[] {
  return u.kind === 'bitmap'
    ? [
        `dev_set_${u.field}`,
        `dev_clear_${u.field}`,
        `dev_assign_${u.field}`,
        `dev_test_and_set_${u.field}`,
        `DEV_FLAG_${u.field.toUpperCase()}`,
        '->flags'
      ]
    : [...u.members]
}

// --- functions and the locks in them
// ------------------------------------------------------------------------------------------------

interface Fn {
  readonly name: string
  readonly header: string /** Of the header, the body's brace and its end. */
  readonly at: number
  readonly open: number
  readonly end: number
  readonly isStatic: boolean
}

/**
 * The functions of a text whose comments are blank. A line that begins with a closing brace ends one, whatever
 * conditional text lies in it.
 */
export function functionsOf(text: string): Fn[] {
  const out: Fn[] = []
  const re = /^[A-Za-z_][^;{}#]*?\b(\w+)\s*\(/gm
  for (let m = re.exec(text); m; m = re.exec(text)) {
    const close = closing(text, m.index + m[0].length - 1)
    if (close < 0 || /^\s*(?:struct|enum|union|typedef)\b[^(]*\{/.test(m[0])) continue
    const rest = /^[^;{}=]*\{/.exec(text.slice(close, close + 400))
    if (rest === null) continue
    const open = close + rest[0].length - 1
    const line = text.indexOf('\n}', open)
    const inline = closing(text, open)
    const end = inline > 0 && (line < 0 || inline <= line + 2) ? inline : line < 0 ? text.length : line + 2
    out.push({
      name: m[1] as string,
      header: text.slice(m.index, open),
      at: m.index,
      open,
      end,
      isStatic: /\bstatic\b/.test(m[0])
    })
    re.lastIndex = end
  }
  return out
}

// A lock by the name of the call that takes it: device_lock(dev), mutex_lock(&x->lock), spin_lock_irqsave(&x->lock,
// flags), down_write(&sem).
const TAKING = [
  '(?:\\w+_)?lock(?:_(?:irq|irqsave|bh|nested|interruptible|killable|nest_lock|irqsave_nested|io))?',
  'down_(?:read|write)(?:_nested|_killable|_interruptible)?',
  'rcu_read_lock'
]
const TAKES = new RegExp(`\\b(${TAKING.join('|')})\\s*\\(`)
const GIVES = /\b((?:\w+_)?unlock(?:_(?:irq|irqrestore|bh|io))?|up_(?:read|write))\s*\(/
const ASSERTS = /\b(lockdep_assert_held(?:_write|_read|_once)?|device_lock_assert|lockdep_assert_not_held)\s*\(/
const GUARD = /\b(guard|scoped_guard|scoped_cond_guard)\s*\(\s*(\w+)/
const TOKEN = new RegExp(
  `[{}]|\\b(?:return|goto)\\b|${GUARD.source}|${ASSERTS.source}|${GIVES.source}|${TAKES.source}`,
  'g'
)
const NO_LOCK = /^(?:lockdep_|dma_fence_|block|clock|.*_(?:init|assert|try|is)_lock$)/

const first = (text: string, open: number): string => {
  const close = closing(text, open)
  return close < 0 ? '' : (listed(text.slice(open + 1, close - 1))[0] as string)
}
/** What is locked, without how: device_lock(d) and a device's mutex are one. */
function lockName(call: string, argument: string): string {
  const a = argument.replace(/^&\s*/, '').replace(/\s+/g, ' ')
  const plain = call
    .replace(/^(?:raw_)?(?:spin|mutex|read|write)_?(?:un)?lock\w*$/, '')
    .replace(/^(?:down|up)_\w+$/, '')
  if (plain === '') return a
  return `${call.replace(/_(?:interruptible|killable|nested)$/, '').replace(/unlock/, 'lock')}(${a})`
}

/** The locks held at a place of a function's body: taken before it and not given back on the way that leads there. */
export function locksAt(text: string, f: Fn, at: number): string[] {
  let held: string[] = []
  const blocks: Array<{ held: string[]; guards: string[]; leaves: boolean }> = []
  TOKEN.lastIndex = f.open
  for (let m = TOKEN.exec(text); m && m.index < at; m = TOKEN.exec(text)) {
    const [word] = m
    const block = blocks.at(-1)
    if (word === '{') blocks.push({ held: [...held], guards: [], leaves: false })
    else if (word === '}') {
      blocks.pop()
      // what a block that leaves the function gave back is not given back for who did not enter it
      if (block?.leaves) held = block.held
      else held = held.filter((l) => !block?.guards.includes(l))
    } else if (word === 'return' || word === 'goto') {
      if (block !== undefined && blocks.length > 1) block.leaves = true
    } else {
      const open = m.index + word.length - 1
      const guard = GUARD.exec(word)
      if (guard !== null) {
        // of guard(device)(dev) the second brackets hold the object, of scoped_guard(mutex, &l) the first
        const one = guard[1] === 'guard' ? text.indexOf('(', closing(text, m.index + word.indexOf('('))) : -1
        const what =
          one > 0
            ? first(text, one)
            : first(text, m.index + word.indexOf('(')) === ''
              ? ''
              : (text.slice(open).split(',')[1]?.split(')')[0]?.trim() ?? '')
        const name =
          guard[2] === 'device'
            ? `device_lock(${what})`
            : /^(?:mutex|spinlock|raw_spinlock|rwsem)/.test(guard[2] as string)
              ? what.replace(/^&\s*/, '')
              : `${guard[2]}(${what})`
        held = [...held, name]
        ;(guard[1] === 'guard' ? block : { guards: [] as string[] })?.guards.push(name)
        continue
      }
      const call = word.replace(/\s*\($/, '')
      if (ASSERTS.test(word)) {
        if (!call.endsWith('not_held'))
          held = [
            ...held,
            call === 'device_lock_assert' ? `device_lock(${first(text, open)})` : first(text, open).replace(/^&\s*/, '')
          ]
      } else if (GIVES.test(word)) {
        const name = lockName(call, first(text, open))
        held = held.filter((l) => l !== name)
      } else if (!NO_LOCK.test(call)) held = [...held, lockName(call, first(text, open))]
    }
  }
  const said = [...f.header.matchAll(/\b(?:__must_hold|__releases|__context_unsafe)\s*\(\s*&?([^)]*)\)/g)].map((x) =>
    (x[1] as string).trim()
  )
  return [...new Set([...said, ...held])]
}

/** The sentence about locks in the comment above a function. */
function commentAbove(raw: string, f: Fn): string | null {
  const before = raw.slice(Math.max(0, f.at - 3000), f.at).trimEnd()
  if (!before.endsWith('*/')) return null
  const text = before
    .slice(before.lastIndexOf('/*'))
    .replace(/^\s*\/?\*+\/?/gm, ' ')
    .replace(/\*\/$/, '')
    .replace(/\s+/g, ' ')
  return (
    /[^.:]*(?:\b(?:must|should) (?:hold|be (?:called|held))\b|\b(?:holds?|held|with|under)\b[^.]*lock)[^.]*\.?/i
      .exec(text)?.[0]
      .trim() ?? null
  )
}

// --- the writers

/**
 * Whether `X->member` or `a.b.member` is a struct device, as far as the function tells: its type elsewhere is another
 * structure's.
 */
function typeOf(base: string, function_: string): 'device' | 'other' | 'unknown' {
  if (/(?:\.|->)dev$/.test(base)) return 'device'
  const name = /^\*?\(?\*?(\w+)$/.exec(base)?.[1]
  if (name === undefined) return 'unknown'
  const declared = new RegExp(
    '\\bstruct\\s+(\\w+)\\s*(?:\\*\\s*(?:const\\s+|__\\w+\\s+)*)?(?:[\\w*\\s,=()>.&-]*[,\\s*])?' +
      `${literal(name)}\\s*[,;)=\\[]`
  ).exec(function_)
  return declared === null ? 'unknown' : declared[1] === 'device' ? 'device' : 'other'
}

function atomicCalls(u: Unit): RegExp {
  const name = literal(u.field)
  return new RegExp(
    '\\bdev_(?:set|clear|assign|test_and_set|test_and_clear)_' +
      `${name}\\s*\\(|\\b(__)?(?:test_and_)?(?:set|clear|change|assign)_bit\\s*\\(\\s*DEV_FLAG_` +
      `${literal(u.field.toUpperCase())}\\b`,
    'g'
  )
}

/**
 * Writers of the unit in one file, without their callers; `others` counts writes of a member of that name to another
 * structure.
 */
export function writersIn(f: SourceFile, u: Unit, others: { n: number }): Writer[] {
  const text = blank(f.text)
  const functions = functionsOf(text)
  const out: Writer[] = []
  const add = (at: number, member: string, how: How, certain: boolean): void => {
    const fn = functions.find((x) => at > x.open && at < x.end)
    if (fn === undefined) return
    out.push({
      file: f.path,
      line: lineAt(f.text, at),
      function: fn.name,
      member,
      how,
      certain,
      text: f.text.slice(f.text.lastIndexOf('\n', at) + 1, f.text.indexOf('\n', at)).trim(),
      locks: locksAt(text, fn, at),
      comment: commentAbove(f.text, fn),
      callers: null
    })
  }
  if (u.kind === 'bitmap') {
    for (const m of text.matchAll(atomicCalls(u)))
      add(m.index, u.field, m[1] === undefined ? 'atomic' : 'read-modify-write', true)
    // any other bit of the word, if it is written in a way that puts back its neighbours
    for (const m of text.matchAll(/\b__(?:test_and_)?(?:set|clear|change|assign)_bit\s*\(\s*DEV_FLAG_(\w+)/g))
      if ((m[1] as string).toLowerCase() !== u.field)
        add(m.index, (m[1] as string).toLowerCase(), 'read-modify-write', true)
    return out
  }
  const re = new RegExp(
    '([\\w\\])>.\\[(*-]*[\\w\\])])\\s*(?:->|\\.)\\s*(' +
      `${u.members.map(literal).join('|')})\\s*(=(?!=)|[|&^+-]=|\\+\\+|--)`,
    'g'
  )
  for (const m of text.matchAll(re)) {
    const at = m.index + m[0].lastIndexOf(m[2] as string)
    const fn = functions.find((x) => at > x.open && at < x.end)
    if (fn === undefined) continue
    const here = typeOf(m[1] as string, text.slice(fn.at, fn.end))
    const type = here === 'unknown' ? typeOf(m[1] as string, text) : here
    if (type === 'other') {
      others.n++
      continue
    }
    add(
      at,
      m[2] as string,
      u.kind === 'bitfield' ? 'read-modify-write' : m[3] === '=' ? 'store' : 'read-modify-write',
      type === 'device'
    )
  }
  return out
}

/** The locks at the calls of a function, in these files. */
export function callersOf(name: string, files: readonly SourceFile[]): Callers {
  let calls = 0
  let bare = 0
  let common: string[] | null = null
  for (const f of files) {
    if (!f.text.includes(name)) continue
    const text = blank(f.text)
    const functions = functionsOf(text)
    for (const m of text.matchAll(new RegExp(`\\b${literal(name)}\\s*\\(`, 'g'))) {
      const fn = functions.find((x) => m.index > x.open && m.index < x.end)
      if (fn === undefined || fn.name === name) continue
      calls++
      const locks = locksAt(text, fn, m.index)
      if (locks.length === 0) bare++
      common = common === null ? locks : common.filter((l) => locks.includes(l))
    }
  }
  return { calls, locks: common ?? [], bare }
}

export const isStatic = (f: SourceFile, name: string): boolean =>
  functionsOf(blank(f.text)).some((x) => x.name === name && x.isStatic)

/**
 * Functions of the compiled files that a call of the tests can come to, by who names whom. `entries`: what the calls'
 * own text names.
 */
export function reachable(files: readonly SourceFile[], entries: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Map<string, Set<string>>()
  for (const f of files) {
    const text = blank(f.text)
    for (const fn of functionsOf(text)) {
      const had = names.get(fn.name) ?? new Set<string>()
      for (const i of identifiers(text.slice(fn.open, fn.end))) had.add(i)
      names.set(fn.name, had)
    }
  }
  const out = new Set<string>()
  const queue = [...entries]
  for (let n = queue.pop(); n !== undefined; n = queue.pop()) {
    const body = names.get(n)
    if (out.has(n) || body === undefined) continue
    out.add(n)
    queue.push(...body)
  }
  return out
}

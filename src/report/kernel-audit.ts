// Renders the answer of `tbit kernel audit`: what was found (kernel-build/writers.ts looks for it) and its text.
import { plural, thousands } from '../base/index.ts'
import { wrap } from './wrap.ts'

export type UnitKind = 'alone' | 'bitfield' | 'bitmap'

/** Where a field lies. */
export interface Unit {
  readonly field: string
  readonly kind: UnitKind
  readonly file: string
  readonly line: number
  /** The fields that share its storage unit, itself among them, in the order of their declaration. */
  readonly members: readonly string[]
}

export type How = 'read-modify-write' | 'store' | 'atomic'

export interface Writer {
  readonly file: string
  readonly line: number
  readonly function: string
  readonly member: string
  readonly how: How
  readonly text: string
  /** Whether the object is told to be a struct device; else its type is not known from the function. */
  readonly certain: boolean
  /** Locks taken or asserted before it in the function, or said by its annotations. */
  readonly locks: readonly string[]
  /** What the comment above the function says of locks, if anything. */
  readonly comment: string | null
  /** Who calls the function, where it holds no lock of its own; null: not looked for. */
  readonly callers: Callers | null
}

export interface Callers {
  /** Calls found by name. */ readonly calls: number /** Locks at all of them. */
  readonly locks: readonly string[] /** Calls with no lock in their own function. */
  readonly bare: number
}

/** How a test of the library comes to a writer. */
export type Reached = 'by calls' | 'not called' | 'not compiled'

export interface AuditedWriter extends Writer {
  readonly reached: Reached
}

export interface Audit {
  readonly tree: string
  readonly version: string
  readonly unit: Unit
  readonly writers: readonly AuditedWriter[]
  /** Locks that every writer holds, as far as the text tells. */
  readonly common: readonly string[]
  /** Whether an update can be lost: some writer reads and writes back a unit that it shares, and no lock is common. */
  readonly open: boolean
  /** Files looked into, and writes of a member of these names to another structure. */
  readonly files: number
  readonly others: number
}

const KIND = { alone: 'a member of its own', bitfield: 'a bitfield', bitmap: 'a bit of the bitmap `flags`' } as const

function verdict(a: Audit): string {
  if (a.writers.length === 0) return 'Nothing in the tree writes it by name.'
  if (a.writers.every((w) => w.how === 'atomic')) return 'Every writer is atomic: no update is lost.'
  if (a.unit.members.length === 1) return 'It is alone in its storage unit: a write puts back nothing of others.'
  if (a.common.length > 0)
    return `Every writer holds ${a.common.join(' and ')}, as far as the text tells: lockdep_assert_held() can say so.`
  if (!a.open) return "One writer only: nobody else's update can be lost."
  return (
    'No lock is held by every writer: a read-modify-write can put back what another thread has just changed (lost ' +
    'update).'
  )
}

function locksText(w: AuditedWriter): string {
  if (w.how === 'atomic') return 'atomic'
  if (w.locks.length > 0) return `locks: ${w.locks.join(', ')}`
  const { callers: c } = w
  const said = w.comment === null ? '' : `; its comment: "${w.comment}"`
  if (c === null || c.calls === 0) return `locks: none in the function; no call of it by name${said}`
  if (c.locks.length > 0)
    return `locks: ${c.locks.join(', ')}, at ${c.calls === 1 ? 'its only call' : `each of its ${c.calls} calls`}${said}`
  return (
    `locks: none in the function; of ${plural(c.calls, 'call')} ` +
    (c.bare === c.calls
      ? 'none holds one either'
      : `${c.bare} ${c.bare === 1 ? 'holds' : 'hold'} none, the others no common one`) +
    `${said}`
  )
}

const REACHED: Record<AuditedWriter['reached'], string> = {
  'by calls': '',
  'not called': 'no test reaches it: compiled, but not called from the DMA API',
  'not compiled': 'no test reaches it: not compiled here'
}

export function auditText(a: Audit, width: number): string {
  const { unit } = a
  const out = [
    ...wrap(`${a.tree}: Linux ${a.version}: struct device.${unit.field}, ${unit.file}:${unit.line}`, width, '  '),
    ...wrap(
      `${KIND[unit.kind]}` +
        `${unit.members.length > 1 ? `, beside ${unit.members.filter((m) => m !== unit.field).join(', ')}` : ''}`,
      width - 2,
      ''
    ).map((l) => `  ${l}`),
    ''
  ]
  const order = [unit.field, ...unit.members.filter((m) => m !== unit.field)]
  for (const member of order) {
    for (const w of a.writers.filter((x) => x.member === member)) {
      out.push(...wrap(`${w.file}:${w.line} ${w.function}()`, width, '  '))
      for (const l of [
        `${w.member}: ${w.text}${w.certain ? '' : '  (of an object whose type the function does not tell)'}`,
        locksText(w),
        REACHED[w.reached]
      ])
        if (l !== '') out.push(...wrap(l, width - 4, '  ').map((x) => `    ${x}`))
    }
  }
  const missed = a.writers.filter((w) => w.reached !== 'by calls').length
  out.push(
    '',
    ...wrap(verdict(a), width, '  '),
    ...wrap(
      `${plural(a.writers.length, 'writer')}, of which no test of the library reaches ${missed}; ` +
        `${thousands(a.files)} files looked into`,
      width,
      '  '
    )
  )
  if (a.others > 0)
    out.push(
      ...wrap(`left out: ${plural(a.others, 'write')} of a member of that name of another structure`, width, '  ')
    )
  return (
    [
      ...out,
      ...wrap(
        "not known from text: locks that a caller's caller holds, writes through a pointer to the whole structure or " +
          'in assembly, code before anybody else can see the device',
        width,
        '  '
      )
    ].join('\n') + '\n'
  )
}

export const auditJson = (a: Audit): string =>
  `${JSON.stringify({ format: 1, ...a, verdict: verdict(a), errors: [] }, null, 1)}\n`

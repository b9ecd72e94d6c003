// What a test may hold at most. Time and memory of parsing, printing and searching grow with these, some of them with
// the square; no question that a reader can follow comes near. Checked before anything is looked up.
import type { At } from './ast.ts'
import type { Errors } from './_errors.ts'
import type { RawStmt, RawTest } from './_syntax.ts'

export const most = {
  threads: 64,
  devices: 256,
  'mmio ranges': 256,
  'expect lines': 1024,
  conditions: 1024,
  'entries of config': 256,
  'revisions of its own': 64,
  /** Of init or of one thread, with its repeats written out. */
  statements: 8192,
  /** Statements as they stand in the file. */
  'statements in the file': 4096
} as const

/** Whether the test can be looked at; if not, the message says where it becomes too large (TB-241). */
export function withinSize(raw: RawTest, errors: Errors): boolean {
  const word = (at: At): string => raw.tokens.find((t) => t.line === at.line && t.column === at.column)?.text ?? ''
  const tooMany = (what: keyof typeof most, list: ReadonlyArray<{ readonly at: At }>): boolean => {
    const one = list[most[what]]
    if (one !== undefined) errors.add('TB-241', one.at, word(one.at), `more than ${most[what]} ${what}`)
    return one !== undefined
  }
  const named = (list: ReadonlyArray<{ readonly name: At }>): Array<{ at: At }> => list.map((x) => ({ at: x.name }))
  const lists = [
    tooMany('threads', named(raw.threads)),
    tooMany('devices', named(raw.devices)),
    tooMany('mmio ranges', named(raw.mmios)),
    tooMany('expect lines', raw.expects),
    tooMany('conditions', raw.conditions),
    tooMany(
      'entries of config',
      raw.config.map((e) => ({ at: e.key }))
    ),
    tooMany('revisions of its own', named(raw.revisions))
  ]
  const all: Array<{ at: At }> = []
  for (const body of [raw.init ?? [], ...raw.threads.map((t) => t.body)]) {
    let n = 0
    for (const s of body) {
      n += writtenOut(s, all)
      if (n <= most.statements) continue
      errors.add('TB-241', s.at, word(s.at), `more than ${most.statements} statements, with repeats written out`)
      return false
    }
  }
  return !tooMany('statements in the file', all) && !lists.includes(true)
}

// Statements of one, with its repeats written out; each as it stands goes to `all`.
function writtenOut(s: RawStmt, all: Array<{ at: At }>): number {
  all.push(s)
  const sum = (list: readonly RawStmt[]): number => list.reduce((n, x) => n + writtenOut(x, all), 0)
  switch (s.kind) {
    case 'if':
      return 1 + sum(s.then) + sum(s.else)
    case 'choose':
      return 1 + s.branches.reduce((n, b) => n + sum(b), 0)
    case 'repeat':
      return sum(s.body) * (s.count.kind === 'number' ? Math.max(1, s.count.value) : 1)
    case 'bad':
      return 1 + sum(s.body)
    case 'do':
    case 'wait':
    case 'assert':
      return 1
  }
}

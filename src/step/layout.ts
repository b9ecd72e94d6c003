// The shared vector's layout: named fields of bytes, words for interned components, and the accesses to them.
import { assertTrue } from '../base/index.ts'
import { action, actionOf, type Kind } from './action.ts'
import { type Action, BLOCKED, changed, type Fast, type FastKind, type Store, step } from './step.ts'

const BOOL = [0, 1] as const
const ZERO = [0] as const

/** By the largest value what a read of a byte may answer: the fields of all systems have few. */
const domains: Array<readonly number[]> = []

/** A run of `count` bytes with the values 0..max, named for the reader. */
export class Field {
  private readonly cache = new Map<number, Action>()
  private readonly domain: readonly number[]
  constructor(
    readonly name: string,
    /** Byte offset of element 0. */
    readonly base: number,
    readonly count: number,
    /** Largest value: the domain of a read. */
    readonly max: number,
    /** Names of the values, for the reader. */
    readonly values: readonly string[] = [],
    /** Whose field element i is, for the reader: `nic.accepted` instead of `accepted[0]`. */
    readonly owners: readonly string[] = []
  ) {
    this.domain = domains[max] ??= Array.from({ length: max + 1 }, (_, i) => i)
  }

  label(i: number): string {
    return this.owners[i] !== undefined
      ? `${this.owners[i]}.${this.name}`
      : this.count > 1
        ? `${this.name}[${i}]`
        : this.name
  }
  valueName(v: number): string {
    return this.values[v] ?? String(v)
  }

  /** One access; made once and kept, so that a replay costs no garbage. */
  access(kind: FastKind, i: number, value: number, silent: boolean): Action {
    const id = ((KIND[kind] * 256 + value) * 2 + (silent ? 1 : 0)) * this.count + i
    let a = this.cache.get(id)
    if (a === undefined) {
      assertTrue(i >= 0 && i < this.count, `${this.name}[${i}] within ${this.count}`)
      a = this.make(kind, i, value, silent)
      this.cache.set(id, a)
    }
    return a
  }

  private make(kind: FastKind, i: number, value: number, silent: boolean): Action {
    const addr = this.base + i
    const fast: Fast = { kind, addr, value }
    const name = this.label(i)
    return {
      kind,
      key: `${kind}:${addr}:${value}${silent ? ':s' : ''}`,
      silent,
      fast,
      outcomes: kind === 'try' ? 2 : 1,
      results: kind === 'read' ? this.domain : kind === 'test' || kind === 'zero' || kind === 'try' ? BOOL : ZERO,
      perform: (st, outcome) => performFast(st.u8, fast, outcome),
      text: (r, outcome) => {
        switch (kind) {
          case 'none':
            return 'passes'
          case 'read':
            return `${name} is ${this.valueName(r)}`
          case 'test':
            return `${name} & 0x${value.toString(16)} is ${r ? 'set' : 'clear'}`
          case 'zero':
            return `${name} is ${r ? 'zero' : 'not zero'}`
          case 'write':
            return `${name} = ${this.valueName(value)}`
          case 'try':
            return outcome === 0 ? `${name} = ${this.valueName(value)}` : `${name} = ${this.valueName(value)} fails`
          case 'lock':
            return `lock ${name}`
          case 'unlock':
            return `unlock ${name}`
        }
      }
    }
  }

  /** The byte itself, outside of any step (properties, printing). */
  get(st: Store, i = 0): number {
    return st.u8[this.base + i] ?? 0
  }
  set(st: Store, v: number, i = 0): void {
    st.u8[this.base + i] = v
  }
}

const KIND: Record<FastKind, number> = { none: 7, read: 0, test: 1, zero: 2, write: 3, try: 4, lock: 5, unlock: 6 }

/** What a byte access does. `try`: outcome 0 writes and answers 1, outcome 1 fails and answers 0. */
export function performFast(u8: Uint8Array, f: Fast, outcome: number): number {
  const v = u8[f.addr] as number
  switch (f.kind) {
    case 'none':
      return 0
    case 'read':
      return v
    case 'test':
      return (v & f.value) !== 0 ? 1 : 0
    case 'zero':
      return v === 0 ? 1 : 0
    case 'write':
      u8[f.addr] = f.value
      return 0
    case 'try':
      if (outcome === 0) {
        u8[f.addr] = f.value
        return 1
      }
      return 0
    case 'lock':
      if (v !== 0) return BLOCKED
      u8[f.addr] = 1
      return 0
    case 'unlock':
      u8[f.addr] = 0
      return 0
  }
}

// --- the accesses that kernel code writes
// -------------------------------------------------------------------------------

/** The value of a field: one step. Prefer `test` or `isZero` where only that matters: fewer futures, fewer states. */
export const read = (f: Field, i = 0): number => step(f.access('read', i, 0, false))
/** Like `read` for state that no other thread of a test can change while a call runs: no step of its own. */
export const peek = (f: Field, i = 0): number => step(f.access('read', i, 0, true))
/** Whether any bit of `mask` is set: one step. */
export const test = (f: Field, i: number, mask: number): boolean => step(f.access('test', i, mask, false)) === 1
export const isZero = (f: Field, i = 0): boolean => step(f.access('zero', i, 0, false)) === 1
export const write = (f: Field, i: number, v: number): void => {
  step(f.access('write', i, v, false))
}
/** A write without a step of its own, for state that only this thread's call can see. */
export const poke = (f: Field, i: number, v: number): void => {
  step(f.access('write', i, v, true))
}
/** A write that the environment may refuse. */
export const tryWrite = (f: Field, i: number, v: number): boolean => step(f.access('try', i, v, false)) === 1
/** Taken or waited for. */
export const spin_lock = (f: Field, i = 0): void => {
  step(f.access('lock', i, 0, false))
}
export const spin_unlock = (f: Field, i = 0): void => {
  step(f.access('unlock', i, 0, false))
}

const WRITER = 255

const semaphore = (name: string, taken: (v: number) => number) => {
  const kind = action<[f: Field, i: number]>(name, {
    perform: (st, _outcome, f, i) => {
      const v = taken(f.get(st, i))
      if (v === BLOCKED) return BLOCKED
      f.set(st, v, i)
      return 0
    },
    text: (_r, _o, f, i) => `${name}(${f.label(i)})`,
    results: ZERO
  })
  return (f: Field, i = 0): void => {
    kind(f, i)
  }
}
export const down_read = semaphore('down_read', (v) => (v === WRITER ? BLOCKED : v + 1))
export const up_read = semaphore('up_read', (v) => v - 1)
export const down_write = semaphore('down_write', (v) => (v !== 0 ? BLOCKED : WRITER))
export const up_write = semaphore('up_write', () => 0)

const writeBack = action<
  [f: Field, i: number, mask: number, old: number, value: number, site: string, decision: string]
>('write back', {
  perform: (st, _outcome, f, i, mask, old, value, site, decision) => {
    const now = f.get(st, i)
    const lost = (now ^ old) & ~mask
    if (lost !== 0)
      st.finding({
        property: 'lost_update',
        site,
        decision,
        summary:
          `the write of ${f.label(i)} puts back 0x${value.toString(16)} over another thread's update (now ` +
          `0x${now.toString(16)}, read 0x${old.toString(16)})`
      })
    f.set(st, value, i)
    return 0
  },
  text: (_r, _o, f, i, _mask, old, value) => `${f.label(i)} = ${f.valueName(value)} (read before: ${f.valueName(old)})`,
  results: ZERO,
  bits: (f, i, mask, _old, value, site) => ({
    addr: f.base + i,
    mask,
    on: (value & mask) !== 0,
    by: site,
    atomic: false
  })
})

/**
 * A bit of a C bitfield: `bits & mask` set or cleared by a plain read-modify-write of the storage unit, which is two
 * steps. The write notices when another thread's update of a neighbour comes in between and is overwritten
 * (`lost_update`).
 */
export function rmwBit(f: Field, i: number, mask: number, on: boolean, site: string, decision: string): void {
  const old = read(f, i)
  writeBack(f, i, mask, old, on ? old | mask : old & ~mask, site, decision)
}

const changeBit = action<[f: Field, i: number, mask: number, on: boolean, site: string]>('change bit', {
  perform: (st, _outcome, f, i, mask, on) => {
    f.set(st, on ? f.get(st, i) | mask : f.get(st, i) & ~mask, i)
    return 0
  },
  text: (_r, _o, f, i, mask, on) => `${on ? 'set_bit' : 'clear_bit'}(${f.label(i)}, 0x${mask.toString(16)})`,
  results: ZERO,
  bits: (f, i, mask, on, site) => ({ addr: f.base + i, mask, on, by: site, atomic: true })
})

/** An atomic set_bit or clear_bit: one step. */
export const atomicBit = (f: Field, i: number, mask: number, on: boolean, site: string): void => {
  changeBit(f, i, mask, on, site)
}

/** The environment decides: one step with `n` outcomes, answers 0..n-1. */
export const choose = action<[what: string, n: number]>('choose', {
  perform: (_st, outcome) => outcome,
  text: (_r, outcome, what) => `${what}: ${outcome}`,
  outcomes: (_what, n) => n,
  results: (_what, n) => Array.from({ length: n }, (_, i) => i)
})

const MOMENT: Kind<[text: string]> = { perform: () => 0, text: (_r, _o, text) => text, results: ZERO }

/** A moment that others can come before and after, and that touches nothing: one step. */
export function moment(text: string): void {
  step(changed(actionOf('moment', MOMENT, [text]), { fast: { kind: 'none', addr: 0, value: 0 } }))
}

// --- making a layout
// ------------------------------------------------------------------------------------------------------

/** Gives out bytes and words of the vector. Words first ask for `seal`, which fixes where each part lies. */
export class Layout {
  readonly fields: Field[] = []
  private bytes = 0
  private words = 0
  private readonly wordNames: string[] = []

  field(
    name: string,
    o: { count?: number; max?: number; values?: readonly string[]; owners?: readonly string[] } = {}
  ): Field {
    const count = o.count ?? 1
    const f = new Field(
      name,
      this.bytes,
      count,
      o.max ?? (o.values ? o.values.length - 1 : 255),
      o.values ?? [],
      o.owners ?? []
    )
    this.bytes += count
    this.fields.push(f)
    return f
  }

  /** A 32-bit word; answers its number. The word lies behind the bytes: use `wordIndex` after all fields are known. */
  word(name: string): number {
    this.wordNames.push(name)
    return this.words++
  }

  /** Bytes of the fields, rounded up to whole words. */
  get byteWords(): number {
    return (this.bytes + 3) >> 2
  }
  /** Words of the whole shared part. */
  get totalWords(): number {
    return this.byteWords + this.words
  }
  get wordCount(): number {
    return this.words
  }
  /** Names of the words, in order. */
  get names(): readonly string[] {
    return this.wordNames
  }

  /** Name of the byte at `addr`, for the reader. */
  nameOf(addr: number): string {
    const f = this.fields.find((x) => addr >= x.base && addr < x.base + x.count)
    return f ? f.label(addr - f.base) : `byte ${addr}`
  }
}

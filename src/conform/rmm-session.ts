// One model of an RMM with what a recording keeps beside it, and the words of the sequence language: addresses,
// descriptors, handles, answers. The commands themselves are in rmm-commands.ts and rmm-device-commands.ts.
import { own } from '../base/index.ts'
import {
  type AddrDesc,
  DEV_BASE,
  DRAM_BASE,
  type Features,
  type Firmware2,
  Gpi,
  indexOf,
  PAGE,
  type RealmAction,
  Rmi,
  Rmm1,
  Rmm2,
  rmmMemoryDefaults,
  statusName,
  UniformContent
} from '../machine/rmm/index.ts'

/** What the model answers to one command, in the words of the recordings. */
export interface Answer {
  status?: string
  index?: number
  out?: readonly number[]
  /** Descriptors written to the host's list. */
  list?: readonly string[]
  /** Handle of the operation that this command began. */
  handle?: number
  exit?: string
  esr?: number
  hpfar?: number
  far?: number
  ripas?: readonly [number, number, number]
  rsi?: readonly [number, number, number]
  sea_injected?: boolean
  /** VDEV identifier of a VDEV_REQUEST, VDEV_COMM or DEV_MEM_MAP exit. */
  vdev_id?: number
  dev_mem?: readonly [number, number, number]
  /** What RSI_VDEV_GET_INFO wrote. */
  info?: string
  state?: string | number
  refcount?: number
  byte0?: number | null
  failures?: number
  rim?: string
  queued?: boolean
  /** The command at which the modelled firmware hangs or stops. */
  stop?: string
}

/** The machine of a sequence; header lines choose another than that of the recordings. */
export interface MachineSpec {
  readonly generation: '1.x' | '2.0'
  readonly firmware?: Firmware2
  readonly granules?: number
  readonly base?: number
  readonly devBase?: number
  /** Features beyond those of the recorded build. */
  readonly features?: Partial<Features>
  /**
   * The sequence has OP_* commands of its own, so REC_CREATE, REC_DESTROY, PDEV_CREATE and PDEV_DESTROY of 2.0 do not
   * carry them out.
   */
  readonly stepwise?: boolean
}

export interface Session {
  readonly rmm: Rmm1 | Rmm2
  readonly content: UniformContent
  readonly stepwise: boolean
  /** The Realm's next action, queued until a REC_ENTER carries it out. */
  action: RealmAction | undefined
  /** Address lists in the host's memory. */
  readonly lists: Map<number, readonly AddrDesc[]>
  /** Handles of the recording by name (`h1`, or the number recorded), as the model's. */
  readonly handles: Map<string, number>
  lastHandle: number
}

/** A fresh machine: that of the recordings, or another of their generation. */
export function newSession(spec: MachineSpec | MachineSpec['generation'] = '1.x', granules?: number): Session {
  const machine: MachineSpec =
    typeof spec === 'string' ? { generation: spec, ...(granules === undefined ? {} : { granules }) } : spec
  const content = new UniformContent()
  const config = {
    content,
    dram: { base: machine.base ?? DRAM_BASE, granules: machine.granules ?? rmmMemoryDefaults.dram.granules },
    dev: { base: machine.devBase ?? DEV_BASE, granules: rmmMemoryDefaults.dev.granules },
    ...(machine.features === undefined ? {} : { features: machine.features })
  }
  const rmm =
    machine.generation === '2.0'
      ? new Rmm2({ ...config, ...(machine.firmware === undefined ? {} : { firmware: machine.firmware }) })
      : new Rmm1(config)
  return {
    rmm,
    content,
    stepwise: machine.stepwise === true,
    action: undefined,
    lists: new Map(),
    handles: new Map(),
    lastHandle: 0
  }
}

export type Values = readonly number[]
export type Keys = ReadonlyMap<string, string>

/** Kinds of arguments: `granule` and `address` are addresses, `desc` a list of descriptors or a raw word. */
export type ArgKind = 'granule' | 'address' | 'number' | 'signed' | 'word' | 'oaddr' | 'handle' | 'flags'
export interface Arg {
  readonly name: string
  readonly kind: ArgKind
  readonly optional: boolean
  readonly words: readonly string[]
}

/** Everything a command's line holds besides its name. */
export interface Line {
  readonly a: Values
  readonly keys: Keys
  readonly oaddr: readonly AddrDesc[]
  readonly words: readonly string[]
}

export interface Command {
  readonly args: readonly Arg[]
  /** key=value arguments it knows. */
  readonly keys?: readonly string[]
  readonly run: (s: Session, l: Line) => Answer
}

/** `name:kind` separated by blanks; `?` at the end: may be missing; `name:word(A|B)`: one of these words. */
export function args(spec: string): Arg[] {
  return spec === ''
    ? []
    : spec.split(' ').map((one) => {
        const m = /^(\w+)(?::(\w+))?(?:\(([^)]*)\))?(\?)?$/.exec(one)
        return {
          name: m?.[1] ?? one,
          kind: (m?.[2] ?? 'granule') as ArgKind,
          optional: m?.[4] === '?',
          words: m?.[3]?.split('|') ?? []
        }
      })
}

/** The status word of a command, and its outputs. */
export const answer = (word: number, out?: readonly number[]): Answer => ({
  status: statusName(word),
  index: indexOf(word),
  ...(out ? { out } : {})
})

/**
 * The same with what the model keeps beside a word: where the firmware stops, the operation it began, the list it
 * wrote.
 */
export function answerOf(s: Session, word: number, outputs: number): Answer {
  const m = s.rmm
  const a = answer(word, outputs === 0 ? undefined : [m.x1, m.x2, m.x3, m.x4].slice(0, outputs))
  if (m.stop !== null) a.stop = `${m.stop.kind}: ${m.stop.what}`
  if (m instanceof Rmm2) {
    if (m.list.length > 0) a.list = m.list.map((d) => showDesc(s, d))
    const begun = (word & 0xff) === Rmi.INCOMPLETE && m.x1 !== 0 && m.x1 !== s.lastHandle && m.operations.has(m.x1)
    if (begun) {
      s.lastHandle = m.x1
      s.handles.set(`h${m.x1}`, m.x1)
      a.handle = m.x1
    }
  }
  return a
}

const showAddress = (s: Session, pa: number): string => {
  for (const [letter, range] of [
    ['g', s.rmm.dram.range],
    ['d', s.rmm.dev.range]
  ] as const) {
    const n = (pa - range.base) / PAGE
    if (n >= 0 && n < range.granules && Number.isInteger(n)) return `${letter}${n}`
  }
  return `0x${pa.toString(16)}`
}
export const showDesc = (s: Session, d: AddrDesc): string => `${showAddress(s, d.pa)}/${d.level}*${d.count}`

/**
 * A granule name, hexadecimal or decimal number as an address; NaN when it is none of these. Beyond 2^53 the value is
 * rounded, which changes no answer: all such addresses are out of range.
 */
export function parseAddress(s: Session, t: string): number {
  const m = /^([gd])(\d+)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(t)
  if (m) {
    const range = (m[1] ?? 'g').toLowerCase() === 'g' ? s.rmm.dram.range : s.rmm.dev.range
    return range.base + Number(m[2]) * PAGE + (m[3] === undefined ? 0 : Number(m[3]))
  }
  return /^-?(0x[0-9a-f]+|\d+)$/i.test(t) ? (t.startsWith('-') ? -Number(t.slice(1)) : Number(t)) : Number.NaN
}

const states: Readonly<Record<string, AddrDesc['state']>> = {
  d: 'delegated',
  delegated: 'delegated',
  u: 'undelegated',
  undelegated: 'undelegated'
}

/**
 * `gN/LEVEL*COUNT`, with `:delegated` or `:undelegated` behind it where the recording says so; a list joins them with
 * commas. Null when it is none.
 */
export function parseDescs(s: Session, text: string): readonly AddrDesc[] | null {
  const out: AddrDesc[] = []
  for (const part of text.split(',')) {
    const m = /^(.+)\/([0-3])\*(\d+)(?::(\w+))?$/.exec(part)
    const pa = m === null ? Number.NaN : parseAddress(s, m[1] ?? '')
    const state = m?.[4] === undefined ? undefined : own(states, m[4].toLowerCase())
    if (m === null || Number.isNaN(pa) || (m[4] !== undefined && state === undefined)) return null
    out.push({ pa, level: Number(m[2]), count: Number(m[3]), ...(state === undefined ? {} : { state }) })
  }
  return out
}

/** RmiAddrRangeDesc4KB as a register holds it: size in bits 1:0, count in 11:2, address in 51:12, state in 63. */
export function descOfWord(word: bigint): AddrDesc {
  const n = (shift: number, bits: number): number => Number((word >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n))
  return {
    pa: n(12, 40) * PAGE,
    level: 3 - n(0, 2),
    count: n(2, 10),
    state: n(63, 1) === 1 ? 'undelegated' : 'delegated'
  }
}

export const num = (keys: Keys, name: string, or: number): number => {
  const v = keys.get(name)
  return v === undefined ? or : Number(v)
}
export const bool = (keys: Keys, name: string): boolean => num(keys, name, 0) !== 0
export const addr = (s: Session, keys: Keys, name: string, or: number): number => {
  const v = keys.get(name)
  return v === undefined ? or : parseAddress(s, v)
}

/** Pages for parameters and run structures that a recording does not name: the last granules of memory. */
export const lastGranule = (s: Session, back: number): number =>
  s.rmm.dram.range.base + (s.rmm.dram.range.granules - 1 - back) * PAGE

export const worlds: Readonly<Record<string, number>> = { NS: Gpi.NS, SECURE: Gpi.SECURE, ROOT: Gpi.ROOT }

/** Carries out one command of either generation: its method and how many outputs it has. */
export const both = (
  spec: string,
  outputs: number,
  call: (m: Rmm1 | Rmm2, l: Line, s: Session) => number,
  keys?: readonly string[]
): Command => ({
  args: args(spec),
  ...(keys === undefined ? {} : { keys }),
  run: (s, l) => answerOf(s, call(s.rmm, l, s), outputs)
})
/** A command of one generation; the other answers that it has none. */
export const only1 = (
  spec: string,
  outputs: number,
  call: (m: Rmm1, l: Line, s: Session) => number,
  keys?: readonly string[]
): Command => both(spec, outputs, (m, l, s) => (m instanceof Rmm1 ? call(m, l, s) : Rmi.ERROR_NOT_SUPPORTED), keys)
export const only2 = (
  spec: string,
  outputs: number,
  call: (m: Rmm2, l: Line, s: Session) => number,
  keys?: readonly string[]
): Command => both(spec, outputs, (m, l, s) => (m instanceof Rmm2 ? call(m, l, s) : Rmi.ERROR_NOT_SUPPORTED), keys)

/** What the Realm does at its next entry. */
export const queue = (spec: string, make: (l: Line, s: Session) => RealmAction, keys?: readonly string[]): Command => ({
  args: args(spec),
  ...(keys === undefined ? {} : { keys }),
  run: (s, l) => {
    s.action = make(l, s)
    return { queued: true }
  }
})

export const n = (l: Line, i: number): number => l.a[i] ?? 0

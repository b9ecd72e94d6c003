// A litmus test as a value: what the parser delivers, checked and normalised. Every name is resolved, every call that
// stood inside an expression has become a statement before it, and every node knows its place in the text.
import type { Revision } from '../kernel/revisions/index.ts'
import type {
  Attribute,
  ConfigKey,
  DeviceKey,
  Direction,
  FieldName,
  FunctionName,
  KernelName,
  OpName,
  PlatformName,
  PropertyName
} from './vocabulary.ts'

/** A place in the text; line and column count from 1, in UTF-16 units. */
export interface At {
  readonly line: number
  readonly column: number
  readonly length: number
}

/** A name where it was used. */
export interface Name<N extends string = string> {
  readonly name: N
  readonly at: At
}

export interface Test {
  /** As given to parse(); for messages. */
  readonly file: string
  readonly name: string
  readonly at: At
  readonly text: string
  /** `source "..."`, in order. */
  readonly sources: readonly string[]
  /** As written; `all` stays. Empty when the test names none (see platformsOf). */
  readonly platforms: readonly Name<PlatformName | 'all'>[]
  readonly kernels: readonly Name<KernelName | 'all'>[]
  /** `kernel NAME = REVISION`: revisions that the test names itself, in order. */
  readonly revisions: readonly RevisionDef[]
  /** All `forbid` lines together, as written; empty when there is none (see forbiddenProperties). */
  readonly forbid: readonly Name<PropertyName | 'default' | 'all'>[]
  /** Only what the test says; resolveConfig() gives every key. */
  readonly config: readonly ConfigEntry[]
  readonly devices: readonly Device[]
  readonly mmios: readonly Mmio[]
  readonly init: readonly Stmt[]
  readonly threads: readonly Thread[]
  /** `exists` and `never`, in order. */
  readonly conditions: readonly Condition[]
  readonly expects: readonly Expect[]
}

/** A revision named in the file: one that there is, with flips. */
export interface RevisionDef {
  readonly name: string
  readonly at: At
  /** What stands after `=`, with single blanks. */
  readonly text: string
  readonly revision: Revision
}

export interface ConfigEntry {
  readonly key: ConfigKey
  /**
   * Bytes, counts or bits as a number; words and the command line as text; `swiotlb` as slots and areas (null: not
   * said).
   */
  readonly value: number | string | { readonly slots: number; readonly areas: number | null }
  readonly at: At
  readonly valueAt: At
}

export interface Device {
  readonly name: string
  readonly at: At
  readonly entries: readonly DeviceEntry[]
}

/** A window of `range_map`: struct bus_dma_region. */
export interface RangeWindow {
  readonly cpu_start: number
  readonly dma_start: number
  readonly size: number
}

export interface DeviceEntry {
  readonly key: DeviceKey
  /** true for a flag; the windows of a map in their order. */
  readonly value: number | true | readonly RangeWindow[]
  readonly at: At
}

export interface Mmio {
  readonly name: string
  readonly at: At
  readonly of: Name
  readonly access: 'private' | 'shared'
}

export interface Thread {
  readonly name: string
  readonly at: At
  /** `cpu N`; 0 when not said. */
  readonly cpu: number
  readonly body: readonly Stmt[]
}

export interface Condition {
  readonly kind: 'exists' | 'never'
  readonly expr: Expr
  readonly at: At
}

export interface Expect {
  /**
   * `*`, `prefix*` or a name; a pattern stands for released and posted revisions, not for flips and names of the file.
   */
  readonly kernels: readonly Name[]
  /** `*` or names; `*` when the line says nothing. */
  readonly platforms: readonly Name[]
  readonly verdict: Expectation
  readonly at: At
}

/** `violated` carries the exact set of properties, in the order of the vocabulary. */
export type Expectation =
  | { readonly kind: 'ok' }
  | { readonly kind: 'vacuous' }
  | { readonly kind: 'violated'; readonly properties: readonly PropertyName[] }
  /** Exactly what this revision violates on the same platform. */
  | { readonly kind: 'as'; readonly kernel: KernelName }

// ---- statements --------------------------------------------------------------------------------------------------

export type Stmt = Call | Assign | If | Choose | Repeat | Wait | Assert

export interface Call {
  readonly kind: 'call'
  readonly at: At
  readonly op: OpName
  /** `try` stood in front: a fault gives ERR and is no finding. */
  readonly try: boolean
  /**
   * The variable that takes the result; null when nobody does. In a thread it is the thread's own, in init it is
   * init's.
   */
  readonly target: Name | null
  readonly args: Args
}

/** The arguments by kind: which ones are there is fixed by the operation's `params` and `options` in the vocabulary. */
export interface Args {
  readonly device?: Name
  readonly object?: VarRef
  /** Scatter-gather list, at least one. */
  readonly objects?: readonly VarRef[]
  readonly mmio?: Name
  /** Bytes, at least 1. */
  readonly size?: NumberLit
  /** 1 to 64. */
  readonly bits?: NumberLit
  readonly label?: Name
  /** A level of trust. */
  readonly level?: Name
  readonly direction?: Name<Direction>
  readonly attributes: readonly Name<Attribute>[]
  /** An unmap, sync or free that says `0`: with no attribute, whatever the making had. */
  readonly none?: true
  readonly atomic: boolean
  readonly high: boolean
  /** vmap: pgprot_decrypted(). */
  readonly decrypted: boolean
}

/** x = NUMBER, x = EXPR */
export interface Assign {
  readonly kind: 'assign'
  readonly at: At
  readonly target: Name
  readonly value: number | Expr
}

export interface If {
  readonly kind: 'if'
  readonly at: At
  readonly cond: Expr
  readonly then: readonly Stmt[]
  /** Empty when there is no else. */
  readonly else: readonly Stmt[]
}

export interface Choose {
  readonly kind: 'choose'
  readonly at: At
  /** Two or more. */
  readonly branches: readonly (readonly Stmt[])[]
}

export interface Repeat {
  readonly kind: 'repeat'
  readonly at: At
  readonly count: number
  readonly body: readonly Stmt[]
}

export interface Wait {
  readonly kind: 'wait'
  readonly at: At
  readonly cond: Expr
}

export interface Assert {
  readonly kind: 'assert'
  readonly at: At
  readonly cond: Expr
}

// ---- expressions -------------------------------------------------------------------------------------------------

export type Expr = NumberLit | WordLit | VarRef | VarField | DeviceField | Func | Not | Binary

export interface NumberLit {
  readonly kind: 'number'
  readonly value: number
  readonly at: At
}

/** A label of the test, `secret`, an errno, or a word of the vocabulary (`private`, `run`, `ones`, ...). */
export interface WordLit {
  readonly kind: 'word'
  readonly name: string
  readonly at: At
}

export interface VarRef {
  readonly kind: 'var'
  /**
   * `own`: this thread's; `init`: set in init; `thread`: THREAD.x, which may be UNSET; `mmio`: a range of the test, as
   * a segment of a list.
   */
  readonly scope: 'own' | 'init' | 'thread' | 'mmio'
  /** The thread of scope `thread`, else null. */
  readonly thread: string | null
  readonly name: string
  /** `h[i]`: one segment of a scatter-gather mapping; null for the whole. */
  readonly index: number | null
  readonly at: At
}

/** x.shared, x.alias, x.bounced */
export interface VarField {
  readonly kind: 'field'
  readonly of: VarRef
  readonly field: Extract<FieldName, 'shared' | 'alias' | 'bounced'>
  readonly at: At
}

/** DEV.accepted, DEV.tdi, DEV.tsm, DEV.ranges, DEV.trust */
export interface DeviceField {
  readonly kind: 'device'
  readonly device: string
  readonly field: Extract<FieldName, 'accepted' | 'tdi' | 'tsm' | 'ranges' | 'trust'>
  readonly at: At
}

/** ok(x), content(x), errno(x), dma_mapping_error(dev, x) */
export interface Func {
  readonly kind: 'func'
  readonly name: Exclude<FunctionName, 'device_cc_accepted'>
  /** Where it is asked of a device's variable. */
  readonly device?: string
  readonly arg: VarRef
  readonly at: At
}

export interface Not {
  readonly kind: 'not'
  readonly expr: Expr
  readonly at: At
}

export type BinaryOp = '==' | '!=' | '<' | '<=' | '>' | '>=' | '&&' | '||'

export interface Binary {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly left: Expr
  readonly right: Expr
  readonly at: At
}

/** The same value without places and file, for comparing two tests. */
export function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces)
  if (value === null || typeof value !== 'object') return value
  const out: Record<string, unknown> = {}
  for (const [k, v] of Object.entries(value))
    if (k !== 'at' && k !== 'valueAt' && k !== 'file') out[k] = withoutPlaces(v)
  return out
}

/** Every statement of a list, outer before inner, in the order of the text. */
export function* statements(list: readonly Stmt[]): Generator<Stmt> {
  for (const s of list) {
    yield s
    if (s.kind === 'if') {
      yield* statements(s.then)
      yield* statements(s.else)
    } else if (s.kind === 'choose') for (const b of s.branches) yield* statements(b)
    else if (s.kind === 'repeat') yield* statements(s.body)
  }
}

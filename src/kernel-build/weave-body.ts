// What is woven into the body of a function (weave.ts), and the functions that are woven in beside.
import { POINT } from '../kernel-c/stepping.ts'
import {
  type Access,
  type Bytes,
  type Instruction,
  instruction,
  NOTHING,
  OP,
  type Reader,
  sint,
  sized,
  TYPE,
  uint,
  type ValueType,
  vector
} from './wasm-binary.ts'

/** Addresses below are null pointers with a field's place. */
const FIRST = 1024
/** Below is only what belongs to the call itself: its stack (LINK in compile.ts). */
const STACK_END = 65536
/** The preempt count of the thread that runs (overlay/tbit.h). */
const PREEMPT_COUNT = 2320

export const i32 = (n: number): Bytes => [OP.i32_const, ...sint(BigInt(n))]
export const i64 = (n: number | bigint): Bytes => [OP.i64_const, ...sint(BigInt.asIntN(64, BigInt(n)))]
const get = (local: number): Bytes => [OP.local_get, ...uint(local)]
const set = (local: number): Bytes => [OP.local_set, ...uint(local)]
const call = (f: number): Bytes => [OP.call, ...uint(f)]
const when = (...body: Bytes[]): Bytes => [OP.if, NOTHING, ...body.flat(), OP.end]

/** What the module has that is woven in: indices of globals and functions. */
export interface Woven {
  readonly fuel: number
  readonly dirty: number
  readonly base: number
  readonly shift: number
  readonly span: number
  readonly runaway: number
  readonly point: number
  /** Tells the embedder of an access, where it lies beyond the stack. */ readonly tell: number
}

const getGlobal = (g: number): Bytes => [OP.global_get, ...uint(g)]
const setGlobal = (g: number): Bytes => [OP.global_set, ...uint(g)]

/** One turn of a loop is paid for. */
const turn = (w: Woven): Bytes => [
  ...[...getGlobal(w.fuel), ...i32(1), OP.i32_sub, ...setGlobal(w.fuel)],
  ...[...getGlobal(w.fuel), ...i32(0), OP.i32_lt_s],
  ...when(call(w.runaway), [OP.unreachable])
]

/**
 * The pointer in `local` for a memory of 32 bits, or -1, beyond any memory, when the address is a null pointer plus a
 * field, or at the end of memory and beyond.
 */
const checked = (w: Woven, local: number, offset: number): Bytes => [
  ...[...get(local), OP.i32_wrap_i64, ...i32(0)],
  ...[...addressIn(local, offset), ...i64(FIRST), OP.i64_sub, ...getGlobal(w.span), OP.i64_gt_u],
  ...[OP.i32_sub, OP.i32_or]
]

/** An array of known place is indexed with the index as pointer and the place as offset: only the sum is an address. */
const addressIn = (local: number, offset: number): Bytes =>
  offset === 0 ? get(local) : [...get(local), ...i64(offset), OP.i64_add]

/** Marks the chunk of memory that holds an address as written. */
const mark = (w: Woven, address: Bytes): Bytes => [
  ...getGlobal(w.dirty),
  ...[...address, ...getGlobal(w.base), OP.i64_ge_u, OP.i64_extend_i32_u],
  ...[...address, ...getGlobal(w.base), OP.i64_sub, ...getGlobal(w.shift), OP.i64_shr_u],
  ...[OP.i64_shl, OP.i64_or, ...setGlobal(w.dirty)]
]

/** What an access does, as it is told at a point. */
const does = (a: Access): number =>
  a.size | (a.kind === 'load' ? POINT.reads : a.kind === 'rmw' ? POINT.reads | POINT.writes : POINT.writes)

/** The locals that are added to a function: a pointer, and two values of each type (compare and exchange takes two). */
class Locals {
  private readonly added: ValueType[] = ['i64']
  constructor(private readonly first: number) {}
  get pointer(): number {
    return this.first
  }
  value(type: ValueType, nth: number): number {
    let at = -1
    for (let n = 0; n <= nth; n++) {
      at = this.added.indexOf(type, at < 0 ? 1 : at + 1)
      if (at < 0) at = this.added.push(type) - 1
    }
    return this.first + at
  }
  /** As groups of a function's declaration. */
  groups(): Bytes[] {
    return this.added.map((t) => [1, TYPE[t]])
  }
}

/** A pointer that is a number: where it was written, and the value that stands above it. */
interface Known {
  readonly constant: bigint
  readonly at: number
  readonly value: Bytes
}

/** Instructions that give a value and do nothing else. */
const PLAIN_VALUES: ReadonlySet<number> = new Set([OP.local_get, OP.global_get, OP.i32_const, OP.i64_const])

/** Rewrites the body of one function. */
export class Body {
  private readonly out: number[] = []
  private readonly locals: Locals
  private readonly code: Reader
  private readonly groups: Bytes[] = []
  /** The i64.const that stands right before what is read now, and the one that is below one value more. */
  private before: Known | null = null
  private below: Known | null = null

  constructor(
    body: Reader,
    params: number,
    private readonly w: Woven,
    private readonly moved: (f: number) => number,
    /** Each access is told. */ private readonly told: boolean
  ) {
    this.code = body
    let n = params
    for (const _ of body.each()) {
      const count = body.uint()
      this.groups.push([...uint(count), body.byte()])
      n += count
    }
    this.locals = new Locals(n)
  }

  rewritten(): Bytes {
    while (!this.code.done) this.one(instruction(this.code))
    return sized([...vector([...this.groups, ...this.locals.groups()]), ...this.out])
  }

  private add(...bytes: Bytes[]): void {
    for (const list of bytes) for (const b of list) this.out.push(b)
  }

  private one(i: Instruction): void {
    const same = [...this.code.bytes.subarray(i.from, i.to)]
    const { before, below } = this
    this.before = i.op === OP.i64_const ? { constant: i.constant, at: this.out.length, value: [] } : null
    this.below = before !== null && PLAIN_VALUES.has(i.op) ? { ...before, value: same } : null
    if (i.access !== null) this.access(i, i.access, i.access.kind === 'load' ? before : below)
    else if (i.op === OP.loop) this.add(same, turn(this.w))
    else if (i.op === OP.call) this.add(call(this.moved(i.index)))
    else if (i.op === OP.call_indirect) this.add([OP.i32_wrap_i64], same)
    else if (i.op === OP.memory_size) this.add(same, [OP.i64_extend_i32_u])
    // -1 stays -1
    else if (i.op === OP.memory_grow) this.add([OP.i32_wrap_i64], same, [OP.i64_extend_i32_s])
    else this.add(same)
  }

  /** With an offset of 32 bits; a larger one lies beyond any memory. */
  private narrow(i: Instruction): Bytes {
    const code = this.code.bytes.subarray(i.from, i.alignment)
    return [...code, ...uint(i.index), ...uint(Math.min(i.offset, 2 ** 32 - 1))]
  }

  private access(i: Instruction, a: Access, known: Known | null): void {
    const { w, locals } = this
    const { pointer } = locals
    if (known !== null && a.kind !== 'rmw') {
      this.accessAt(i, a, known)
      return
    }
    for (let n = a.values - 1; n >= 0; n--) this.add(set(locals.value(a.type, n)))
    this.add(set(pointer))
    if (this.told) this.add(addressIn(pointer, i.offset), i32(does(a)), call(w.tell))
    this.add(checked(w, pointer, i.offset))
    for (let n = 0; n < a.values; n++) this.add(get(locals.value(a.type, n)))
    this.add(this.narrow(i))
    // what a read-modify-write gives lies below
    if (a.kind !== 'load') this.add(mark(w, addressIn(pointer, i.offset)))
  }

  /** An access to a place that is known: it is judged here, and null and wild ones become -1. */
  private accessAt(i: Instruction, a: Access, { constant, at, value }: Known): void {
    const address = BigInt.asUintN(64, constant) + BigInt(i.offset)
    const wild = address < BigInt(FIRST) || address >= 1n << 31n
    this.out.length = at
    if (this.told && !wild && address >= BigInt(STACK_END)) this.add(i64(address), i32(does(a)), call(this.w.tell))
    this.add(i32(wild ? -1 : Number(BigInt.asIntN(32, constant))), value, this.narrow(i))
    if (a.kind === 'store') this.add(mark(this.w, i64(address)))
  }
}

/** A function that is woven in: its type, what it is called, and its body behind the locals. */
export interface Added {
  readonly type: number
  readonly name: string
  readonly locals?: readonly ValueType[]
  readonly code: Bytes
  readonly exported?: boolean
}

/** Types of what is added, behind those of the module. */
export const TYPES = [
  [[], []],
  [['i32', 'i32'], []],
  [['i64', 'i32'], []],
  [['i64'], []],
  [['i32'], ['i32']]
] as const
export const ADDED_TYPE = { nothing: 0, twoI32: 1, i64I32: 2, i64: 3, i32ToI32: 4 } as const

/** Where they stand behind the functions of the module; the last is only where accesses are told. */
export const ADDED = { setLimit: 0, takeDirty: 1, watch: 2, refuel: 3, tell: 4 } as const

export function addedFunctions(w: Woven): Added[] {
  const setLimit: Added = {
    name: 'tbit_set_limit',
    type: ADDED_TYPE.i64,
    code: [...get(0), ...i64(FIRST + 1), OP.i64_sub, ...setGlobal(w.span)]
  }
  // half: 0 low, 1 high word of the 64 marks; the high half is read last and clears them
  const takeDirty: Added = {
    name: 'tbit_take_dirty',
    type: ADDED_TYPE.i32ToI32,
    exported: true,
    locals: ['i64'],
    code: [
      ...[...getGlobal(w.dirty), ...set(1)],
      ...[...get(0), OP.if, TYPE.i32],
      ...[...i64(0), ...setGlobal(w.dirty), ...get(1), ...i64(32), OP.i64_shr_u, OP.i32_wrap_i64],
      ...[OP.else, ...get(1), OP.i32_wrap_i64, OP.end]
    ]
  }
  const watch: Added = {
    name: 'tbit_watch',
    type: ADDED_TYPE.twoI32,
    exported: true,
    code: [
      ...[...get(0), OP.i64_extend_i32_u, ...setGlobal(w.base)],
      ...[...get(1), OP.i64_extend_i32_u, ...setGlobal(w.shift)],
      ...[...i64(0), ...setGlobal(w.dirty)]
    ]
  }
  const refuel: Added = {
    name: 'tbit_refuel',
    type: ADDED_TYPE.twoI32,
    exported: true,
    code: [...get(0), ...setGlobal(w.fuel), ...i32(PREEMPT_COUNT), ...get(1), OP.i32_store, 2, 0]
  }
  const tell: Added = {
    name: 'tbit_pt',
    type: ADDED_TYPE.i64I32,
    code: [...[...get(0), ...i64(STACK_END), OP.i64_ge_u], ...when([...get(0), OP.i32_wrap_i64], get(1), call(w.point))]
  }
  return [setLimit, takeDirty, watch, refuel, tell]
}

export const functionType = ([params, results]: (typeof TYPES)[number]): Bytes => [
  0x60,
  ...vector(params.map((t) => [TYPE[t]])),
  ...vector(results.map((t) => [TYPE[t]]))
]

export const MUTABLE = 1
/** Globals that are added, with what they begin as. */
export const GLOBALS: ReadonlyArray<
  readonly [of: 'fuel' | 'dirty' | 'base' | 'shift' | 'span', type: ValueType, n: number]
> = [
  ['fuel', 'i32', 1 << 24],
  ['dirty', 'i64', 0],
  ['base', 'i64', -1],
  ['shift', 'i64', 8],
  ['span', 'i64', (1 << 20) - FIRST]
]

/** What a woven body depends on here. */
export const bodyText = (): readonly unknown[] => [
  ...[Body, Locals, turn, checked, addressIn, mark, does, addedFunctions],
  ...[GLOBALS.join(), FIRST, STACK_END, PREEMPT_COUNT]
]

// The binary form of WebAssembly, as far as what clang and lld make of the kernel's C needs it (core specification,
// section 5, with 64-bit memories and tables; threads for what begins with 0xFE): numbers, sections, instructions.

/** Reads on from a place. */
export class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    readonly end = bytes.length
  ) {}
  get done(): boolean {
    return this.at >= this.end
  }
  byte(): number {
    if (this.at >= this.end) throw new Error('the module ends in the middle')
    return this.bytes[this.at++] as number
  }
  /** Unsigned LEB128. Above 2^53 no longer exact, and still above 2^53. */
  uint(): number {
    let [n, weight] = [0, 1]
    for (;;) {
      const b = this.byte()
      n += (b & 0x7f) * weight
      weight *= 128
      if (b < 0x80) return n
    }
  }
  /** Signed LEB128 of 64 bits. */
  sint(): bigint {
    let [n, shift] = [0n, 0n]
    for (;;) {
      const b = this.byte()
      n |= BigInt(b & 0x7f) << shift
      shift += 7n
      if (b < 0x80) return BigInt.asIntN(64, b & 0x40 ? n - (1n << shift) : n)
    }
  }
  /** The next `n` bytes. */
  take(n: number): Uint8Array {
    if (this.at + n > this.end) throw new Error('the module ends in the middle')
    return this.bytes.subarray(this.at, (this.at += n))
  }
  /** What follows its own length. */
  sized(): Reader {
    const n = this.uint()
    const at = this.at
    this.take(n)
    return new Reader(this.bytes, at, at + n)
  }
  name(): string {
    const { at, end, bytes } = this.sized()
    return new TextDecoder().decode(bytes.subarray(at, end))
  }
  /** Some things, behind their number. */
  *each(): Generator<number> {
    for (let n = this.uint(), i = 0; i < n; i++) yield i
  }
}

/** The sections of a module behind its head: where each begins, and what it holds. */
export function* sectionsOf(wasm: Uint8Array): Generator<{ id: number; from: number; contents: Reader }> {
  for (const r = new Reader(wasm, 8); !r.done; ) yield { from: r.at, id: r.byte(), contents: r.sized() }
}

export type Bytes = readonly number[]

/** Unsigned LEB128. */
export function uint(n: number): Bytes {
  const out: number[] = []
  do {
    const rest = Math.floor(n / 128)
    out.push((n % 128) | (rest > 0 ? 0x80 : 0))
    n = rest
  } while (n > 0)
  return out
}

/** Signed LEB128. */
export function sint(n: bigint): Bytes {
  for (const out: number[] = []; ; n >>= 7n) {
    const b = Number(n & 0x7fn)
    if (n >> 6n === 0n || n >> 6n === -1n) return [...out, b]
    out.push(b | 0x80)
  }
}

export const name = (text: string): Bytes => sized([...new TextEncoder().encode(text)])
/** With its length in front. */
export const sized = (bytes: Bytes): Bytes => uint(bytes.length).concat(bytes)
/** With their number in front. */
export const vector = (items: readonly Bytes[]): Bytes => uint(items.length).concat(...items)

/** Sections by their id. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11
} as const

export const TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const
export type ValueType = keyof typeof TYPE

/** Kinds of what is imported and exported. */
export const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const

export const OP = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  call: 0x10,
  call_indirect: 0x11,
  local_get: 0x20,
  local_set: 0x21,
  global_get: 0x23,
  global_set: 0x24,
  i32_store: 0x36,
  memory_size: 0x3f,
  memory_grow: 0x40,
  i32_const: 0x41,
  i64_const: 0x42,
  i32_lt_s: 0x48,
  i64_gt_u: 0x56,
  i64_ge_u: 0x5a,
  i32_sub: 0x6b,
  i32_or: 0x72,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_or: 0x84,
  i64_shl: 0x86,
  i64_shr_u: 0x88,
  i32_wrap_i64: 0xa7,
  i64_extend_i32_s: 0xac,
  i64_extend_i32_u: 0xad,
  saturating: 0xfc,
  atomic: 0xfe
} as const

/** The type of a block that gives nothing. */
export const NOTHING = 0x40

/** An access to memory: what it takes behind the pointer, or gives. */
export interface Access {
  readonly kind: 'load' | 'store' | 'rmw'
  readonly type: ValueType
  /** Bytes of memory. */ readonly size: number
  /** Values on the stack behind the pointer. */ readonly values: number
}

type Width = `${ValueType}:${number}`

const accesses = (kind: Access['kind'], values: number, widths: readonly Width[]): Access[] =>
  widths.map((w) => ({ kind, values, type: w.slice(0, 3) as ValueType, size: Number(w.slice(4)) }))

/** In the order of their codes, from 0x28: loads, of narrow ones both signs, and stores. */
const PLAIN: readonly Access[] = [
  ...accesses('load', 0, ['i32:4', 'i64:8', 'f32:4', 'f64:8', 'i32:1', 'i32:1', 'i32:2', 'i32:2']),
  ...accesses('load', 0, ['i64:1', 'i64:1', 'i64:2', 'i64:2', 'i64:4', 'i64:4']),
  ...accesses('store', 1, ['i32:4', 'i64:8', 'f32:4', 'f64:8', 'i32:1', 'i32:2', 'i64:1', 'i64:2', 'i64:4'])
]

const ATOMIC_WIDTHS: readonly Width[] = ['i32:4', 'i64:8', 'i32:1', 'i32:2', 'i64:1', 'i64:2', 'i64:4']

/** In the order of their codes, from 0x10: load, store, add, sub, and, or, xor, xchg, cmpxchg. */
const ATOMIC: readonly Access[] = [
  ...accesses('load', 0, ATOMIC_WIDTHS),
  ...accesses('store', 1, ATOMIC_WIDTHS),
  ...Array.from({ length: 6 }, () => accesses('rmw', 1, ATOMIC_WIDTHS)).flat(),
  ...accesses('rmw', 2, ATOMIC_WIDTHS)
]

const FENCE = 0x03

/** One instruction: where it begins and ends, and what of it anybody here asks for. */
export interface Instruction {
  readonly op: number
  readonly from: number
  /** Where the alignment of an access stands. */ readonly alignment: number
  readonly to: number
  readonly access: Access | null
  /** Of an access: its alignment and offset. Else the index that stands behind the code. */
  readonly index: number
  readonly offset: number
  /** Of i64.const. */ readonly constant: bigint
}

/** Reads the next instruction. @throws Error for one that no module of ours has. */
export function instruction(r: Reader): Instruction {
  const from = r.at
  const op = r.byte()
  let [found, index, offset, constant]: [Access | null, number, number, bigint] = [null, 0, 0, 0n]
  let alignment = from
  const memory = (a: Access | undefined): void => {
    if (a === undefined) throw new Error(`an instruction that is not known: ${op.toString(16)}`)
    found = a
    alignment = r.at
    index = r.uint()
    offset = r.uint()
  }
  if (op >= 0x28 && op <= 0x3e) memory(PLAIN[op - 0x28])
  else if (op === OP.atomic) {
    const sub = r.uint()
    if (sub === FENCE) r.byte()
    else memory(ATOMIC[sub - 0x10])
  } else if (op === OP.saturating) {
    const sub = r.uint()
    // above: memory.copy and its kind, which the compiler is told to leave out
    if (sub > 7) throw new Error(`an instruction that is not known: fc ${sub}`)
  } else if (op >= 0x02 && op <= 0x04) r.sint()
  else if (op === 0x0e) for (let n = r.uint(); n >= 0; n--) r.uint()
  else if (op === OP.call_indirect) {
    index = r.uint()
    r.uint()
  } else if (op === 0x0c || op === 0x0d || op === OP.call || (op >= 0x20 && op <= 0x24)) index = r.uint()
  else if (op === OP.memory_size || op === OP.memory_grow) r.byte()
  else if (op === OP.i32_const) r.sint()
  else if (op === OP.i64_const) constant = r.sint()
  else if (op === 0x43) r.take(4)
  else if (op === 0x44) r.take(8)
  else if (op === 0x1c || (op > 0x1c && op < 0x20) || op > 0xc4)
    throw new Error(`an instruction that is not known: ${op.toString(16)}`)
  return { op, from, alignment, to: r.at, access: found, index, offset, constant }
}

// From wasm64 to wasm that every engine runs, with three things woven in on the way:
//  * a load or store through a null pointer, or outside the instance's memory, traps (guest memory lies outside on
//    purpose: the kernel reaches it by copy and fill only), where plain lowering would wrap the address;
//  * each turn of a loop costs one unit of `tbit_fuel`: code that never returns ends, at the same turn on every
//    machine;
//  * each store marks its chunk of memory in `tbit_dirty`, so that a snapshot need not compare what was not touched.
// For an image whose calls can stop in their middle a fourth: before each access beyond the stack the embedder is told
// the address, and may leave the call there.
import { joined } from '../base/bytes.ts'
import { ensure } from '../base/index.ts'
import {
  type Added,
  ADDED,
  ADDED_TYPE,
  addedFunctions,
  Body,
  bodyText,
  functionType,
  GLOBALS,
  i32,
  i64,
  MUTABLE,
  TYPES,
  type Woven
} from './weave-body.ts'
import {
  type Bytes,
  instruction,
  KIND,
  name,
  OP,
  Reader,
  SECTION,
  sectionsOf,
  sized,
  TYPE,
  uint,
  vector
} from './wasm-binary.ts'

export interface WeaveOptions {
  /** Calls of the image can stop in their middle. */ readonly steps?: boolean
}

// Functions of the overlay that stand for what the machine does in one go: locks, the slab, the queue of works. Nobody
// comes in between.
const WHOLE = [
  ...['take', 'release', 'is_held', 'kzalloc', 'kfree', 'grow', 'defer', 'run_work', 'might_sleep'],
  ...['format', 'say', 'render', 'put[cs]', 'number', 'pointer', 'dev_index']
]
const WHOLE_FUNCTIONS = new RegExp(`^tbit_(${WHOLE.join('|')})\\b`)

/** The contents of a section that is not there. */
const NO_ITEMS = new Reader(Uint8Array.of(0))

/** A section's contents, from their beginning. */
const from = (s: Reader): Reader => new Reader(s.bytes, s.at, s.end)
const rest = (r: Reader): Bytes => [...r.take(r.end - r.at)]

/** A section with more items behind its own. */
function longer(section: Reader | undefined, more: readonly Bytes[]): Bytes {
  if (section === undefined) return vector(more)
  const r = from(section)
  return [...uint(r.uint() + more.length), ...rest(r), ...more.flat()]
}

/** A section whose items are each rewritten. */
function mapped(section: Reader, item: (r: Reader) => Bytes, more: readonly Bytes[] = []): Bytes {
  const r = from(section)
  return vector([...[...r.each()].map(() => item(r)), ...more])
}

/** A limit of a table or a memory of 64 bits, as one of 32. */
function narrowed(r: Reader): Bytes {
  const flags = r.byte()
  const least = uint(r.uint())
  return [flags & ~4, ...least, ...(flags & 1 ? uint(r.uint()) : [])]
}

/** Where a segment lies, `i64.const`, as `i32.const`. */
function placed(r: Reader): Bytes {
  if (r.uint() !== 0) throw new Error('a segment that is not of the first memory or table')
  const { op, constant } = instruction(r)
  if (op !== OP.i64_const || r.byte() !== OP.end) throw new Error('a segment at a place that is not a number')
  return [0, ...i32(Number(constant)), OP.end]
}

/** A module of the compiler's, taken apart as far as the weaving needs it. */
interface Module {
  readonly sections: ReadonlyMap<number, Reader>
  /** Parameters of each type. */ readonly params: readonly number[]
  readonly imports: readonly Import[]
  /** Types of the module's own functions. */ readonly functions: readonly number[]
  readonly names: ReadonlyMap<number, string>
}

interface Import {
  readonly module: string
  readonly name: string
  readonly kind: number
  readonly rest: Bytes
}

function opened(bytes: Uint8Array): Module {
  const sections = new Map<number, Reader>()
  let names = new Map<number, string>()
  for (const { id, contents } of sectionsOf(bytes))
    if (id !== SECTION.custom) sections.set(id, contents)
    else if (contents.name() === 'name') names = functionNames(contents)
  const all = <T>(id: number, item: (r: Reader) => T): T[] => {
    const section = sections.get(id)
    if (section === undefined) return []
    const s = from(section)
    return [...s.each()].map(() => item(s))
  }
  return {
    sections,
    names,
    params: all(SECTION.type, paramsOf),
    imports: all(SECTION.import, importOf),
    functions: all(SECTION.function, (s) => s.uint())
  }
}

function paramsOf(type: Reader): number {
  type.byte()
  const n = type.uint()
  type.take(n)
  type.take(type.uint())
  return n
}

function importOf(r: Reader): Import {
  const of = { module: r.name(), name: r.name(), kind: r.byte() }
  switch (of.kind) {
    case KIND.function:
      return { ...of, rest: uint(r.uint()) }
    case KIND.table:
      return { ...of, rest: [r.byte(), ...narrowed(r)] }
    case KIND.memory:
      return { ...of, rest: narrowed(r) }
    default:
      return { ...of, rest: [...r.take(2)] }
  }
}

const FUNCTION_NAMES = 1

function functionNames(r: Reader): Map<number, string> {
  const out = new Map<number, string>()
  while (!r.done) {
    const id = r.byte()
    const body = r.sized()
    if (id === FUNCTION_NAMES) for (const _ of body.each()) out.set(body.uint(), body.name())
  }
  return out
}

const imported = (i: Import): Bytes => [...name(i.module), ...name(i.name), i.kind, ...i.rest]

/** Where functions and globals lie in the woven module. */
interface Layout {
  readonly imports: readonly Import[]
  readonly moved: (f: number) => number
  /** The first function that is added. */ readonly added: number
  readonly woven: Woven
}

/** What is imported beside, in the place of the import that moves the limit: that becomes a function of its own. */
function layoutOf(m: Module, steps: boolean): Layout {
  const before = m.imports.filter((i) => i.kind === KIND.function)
  const limit = before.findIndex((i) => i.module === 'tbit' && i.name === 'set_limit')
  const type = m.params.length
  const beside: Import[] = [
    { module: 'tbit', name: 'runaway', kind: KIND.function, rest: uint(type + ADDED_TYPE.nothing) },
    ...(steps ? [{ module: 'tbit', name: 'point', kind: KIND.function, rest: uint(type + ADDED_TYPE.twoI32) }] : [])
  ]
  const kept = before.length - (limit < 0 ? 0 : 1)
  const own = kept + beside.length
  const added = own + m.functions.length
  const moved = (f: number): number => {
    if (f >= before.length) return f - before.length + own
    return f === limit ? added : limit >= 0 && f > limit ? f - 1 : f
  }
  const globals = m.imports.filter((i) => i.kind === KIND.global).length + count(m.sections.get(SECTION.global))
  const global = (of: string): number => globals + GLOBALS.findIndex(([name]) => name === of)
  return {
    imports: [...m.imports.filter((i) => i !== before[limit]), ...beside],
    moved,
    added,
    woven: {
      ...{ fuel: global('fuel'), dirty: global('dirty'), base: global('base') },
      ...{ shift: global('shift'), span: global('span') },
      ...{ runaway: kept, point: kept + 1, tell: added + ADDED.tell }
    }
  }
}

const count = (section: Reader | undefined): number => (section === undefined ? 0 : from(section).uint())

/** Functions with their bodies: the module's own, rewritten, and behind them what is added. */
function codeOf(m: Module, l: Layout, added: readonly Added[], steps: boolean): Bytes {
  const first = m.imports.filter((i) => i.kind === KIND.function).length
  let n = 0
  const own = (r: Reader): Bytes => {
    const params = ensure(m.params[ensure(m.functions[n], 'a function')], 'its type')
    const told = steps && !WHOLE_FUNCTIONS.test(m.names.get(first + n) ?? '')
    n++
    return new Body(r.sized(), params, l.woven, l.moved, told).rewritten()
  }
  const more = added.map((f) => sized([...vector((f.locals ?? []).map((t) => [1, TYPE[t]])), ...f.code, OP.end]))
  return mapped(m.sections.get(SECTION.code) ?? NO_ITEMS, own, more)
}

function exportsOf(m: Module, l: Layout, added: readonly Added[]): Bytes {
  const own = (r: Reader): Bytes => {
    const [as, kind, index] = [r.name(), r.byte(), r.uint()]
    return [...name(as), kind, ...uint(kind === KIND.function ? l.moved(index) : index)]
  }
  const more = added.flatMap((f, i) => (f.exported ? [[...name(f.name), KIND.function, ...uint(l.added + i)]] : []))
  return mapped(m.sections.get(SECTION.export) ?? NO_ITEMS, own, [
    ...more,
    [...name('tbit_fuel'), KIND.global, ...uint(l.woven.fuel)]
  ])
}

/** The names of functions, so that a trap can be told by kernel function. */
function namesOf(m: Module, l: Layout, added: readonly Added[]): Bytes {
  const all = new Map(added.map((f, i) => [l.added + i, f.name]))
  for (const [f, text] of m.names) if (!all.has(l.moved(f))) all.set(l.moved(f), text)
  const list = [...all].sort(([a], [b]) => a - b).map(([f, text]) => [...uint(f), ...name(text)])
  return [...name('name'), FUNCTION_NAMES, ...sized(vector(list))]
}

/**
 * Woven, and for memories and tables of 32 bits. Of the custom sections the names of functions stay.
 * @throws Error for a module that clang and lld do not make of what they are told.
 */
export function weave(wasm64: Uint8Array, o: WeaveOptions = {}): Uint8Array {
  const steps = o.steps === true
  const m = opened(wasm64)
  const l = layoutOf(m, steps)
  const added = addedFunctions(l.woven).slice(0, steps ? undefined : ADDED.tell)
  const typeOf = (f: Added): Bytes => uint(m.params.length + f.type)
  const globals = GLOBALS.map(([, type, n]) => [TYPE[type], MUTABLE, ...(type === 'i32' ? i32(n) : i64(n)), OP.end])
  const functionIn = (r: Reader): Bytes => uint(l.moved(r.uint()))
  const placedFunctions = (r: Reader): Bytes => [...placed(r), ...vector([...r.each()].map(() => functionIn(r)))]
  const placedData = (r: Reader): Bytes => [...placed(r), ...sized(rest(r.sized()))]

  const made = new Map<number, Bytes>([
    [SECTION.type, longer(m.sections.get(SECTION.type), TYPES.map(functionType))],
    [SECTION.import, vector(l.imports.map(imported))],
    [SECTION.function, longer(m.sections.get(SECTION.function), added.map(typeOf))],
    [SECTION.global, longer(m.sections.get(SECTION.global), globals)],
    [SECTION.export, exportsOf(m, l, added)],
    [SECTION.code, codeOf(m, l, added, steps)]
  ])
  const rewrite = (id: number, by: (s: Reader) => Bytes): void => {
    const s = m.sections.get(id)
    if (s !== undefined) made.set(id, by(s))
  }
  rewrite(SECTION.table, (s) => mapped(s, (r) => [r.byte(), ...narrowed(r)]))
  rewrite(SECTION.memory, (s) => mapped(s, narrowed))
  rewrite(SECTION.start, (s) => functionIn(from(s)))
  rewrite(SECTION.element, (s) => mapped(s, placedFunctions))
  rewrite(SECTION.data, (s) => mapped(s, placedData))
  for (const id of m.sections.keys()) if (!made.has(id)) throw new Error(`a section that is not known: ${id}`)
  return joined([
    wasm64.subarray(0, 8),
    ...[...made].sort(([a], [b]) => a - b).map(([id, body]) => Uint8Array.from([id, ...sized(body)])),
    Uint8Array.from([SECTION.custom, ...sized(namesOf(m, l, added))])
  ])
}

/** What a woven module depends on here. */
export const weavingText = (): readonly unknown[] => [
  ...[weave, opened, layoutOf, codeOf, exportsOf, namesOf, importOf, placed, narrowed, mapped, longer, WHOLE_FUNCTIONS],
  ...bodyText()
]

// From wasm64 to wasm that every engine runs, with three things woven in on the way:
//  * * a load or store through a null pointer, or outside the instance's memory, traps (guest memory lies outside on
//    purpose:
//    the kernel reaches it by copy and fill only), where plain lowering would wrap the address;
//  * * each turn of a loop costs one unit of `tbit_fuel`: code that never returns ends, at the same turn on every
//    machine;
//  * each store marks its chunk of memory in `tbit_dirty`, so that a snapshot need not compare what was not touched.
// For an image whose calls can stop in their middle a fourth: before each access beyond the stack the embedder is told
// the address, and may leave the call there (binaryen's asyncify unwinds the stack into memory and winds it again).
import { type Diagnostic, type Result, ensure, err, ok } from '../base/index.ts'
import { POINT, STOPS } from '../kernel-c/stepping.ts'
import { complain } from './complain.ts'
import { lateImport } from './late-import.ts'

interface BinaryenModule {
  emitText(): string
  emitBinary(): Uint8Array
  runPasses(passes: string[]): void
  validate(): number
  optimize(): void
  dispose(): void
  setFeatures(f: number): void
}
interface Binaryen {
  readonly Features: {
    readonly Atomics: number
    readonly MutableGlobals: number
    readonly NontrappingFPToInt: number
    readonly Memory64: number
  }
  readBinary(b: Uint8Array): BinaryenModule
  parseText(t: string): BinaryenModule
  setOptimizeLevel(n: number): void
  setShrinkLevel(n: number): void
  setDebugInfo(on: boolean): void
  setPassArgument(name: string, value: string): void
  clearPassArguments(): void
}

/** TB-606 when the optional dependency is not installed. */
export async function loadBinaryen(): Promise<Result<Binaryen, Diagnostic>> {
  try {
    return ok(((await lateImport('binaryen')) as { default: Binaryen }).default)
  } catch (e) {
    return err(
      complain('TB-606', 'binaryen', `the lowering library is not installed (${(e as Error).message.split('\n')[0]})`, {
        hint: 'it comes with a checkout, not with the package: npm install binaryen'
      })
    )
  }
}

type S = string | S[]

/** S-expressions: a list is an array, anything else (also a quoted string) its own text. */
export function parseS(text: string): S[] {
  const root: S[] = []
  const stack: S[][] = [root]
  const re = /;;[^\n]*|\(;[\s\S]*?;\)|\(|\)|"(?:[^"\\]|\\.)*"|[^\s()"]+/g
  for (let m = re.exec(text); m; m = re.exec(text)) {
    const t = m[0]
    if (t.startsWith(';;') || t.startsWith('(;')) continue
    if (t === '(') {
      const list: S[] = []
      ensure(stack.at(-1), 'an open list').push(list)
      stack.push(list)
    } else if (t === ')') stack.pop()
    else ensure(stack.at(-1), 'an open list').push(t)
  }
  return root
}

const printS = (s: S): string => (typeof s === 'string' ? s : `(${s.map(printS).join(' ')})`)
const head = (s: S): string => (typeof s === 'string' ? '' : typeof s[0] === 'string' ? s[0] : '')

/** Names of what weave adds to the module. */
const WOVEN = { fuel: 'tbit_fuel', dirty: 'tbit_dirty', base: 'tbit_base', shift: 'tbit_shift' } as const

/**
 * The pointer, or -1 (beyond any memory) when the address is below 1024, a null pointer plus a field, or at the end of
 * memory and beyond.
 */
const checked = (first: S, address: S): S => [
  'i64.or',
  first,
  [
    'i64.sub',
    ['i64.const', '0'],
    ['i64.extend_i32_u', ['i64.gt_u', ['i64.sub', address, ['i64.const', '1024']], ['global.get', '$tbit_span']]]
  ]
]

/** Marks the chunk of memory that holds an address as written. */
const mark = (address: S): S => [
  'global.set',
  '$tbit_dirty',
  [
    'i64.or',
    ['global.get', '$tbit_dirty'],
    [
      'i64.shl',
      ['i64.extend_i32_u', ['i64.ge_u', address, ['global.get', '$tbit_base']]],
      ['i64.shr_u', ['i64.sub', address, ['global.get', '$tbit_base']], ['global.get', '$tbit_shift']]
    ]
  ]
]

const STOP_IMPORTS = Object.keys(STOPS).map((name) => `tbit.${name}`)

// Functions of the overlay that stand for what the machine does in one go: locks, the slab, the queue of works. Nobody
// comes in between.
const WHOLE = [
  ...['take', 'release', 'is_held', 'kzalloc', 'kfree', 'grow', 'defer', 'run_work', 'might_sleep'],
  ...['format', 'say', 'render', 'put[cs]', 'number', 'pointer', 'dev_index']
]
const WHOLE_FUNCTIONS = new RegExp(`^\\$tbit_(${WHOLE.join('|')})\\b`)

/** Tells the embedder of the access `h` at `address`, if that lies beyond the stack. */
function pointAt(h: string, address: S): S {
  const bytes = /(?:load|store|rmw)(8|16|32)/.exec(h)?.[1]
  const size = bytes === undefined ? (h.startsWith('i32') || h.startsWith('f32') ? 4 : 8) : Number(bytes) / 8
  const does = /\.load/.test(h) ? POINT.reads : /\.rmw/.test(h) ? POINT.reads | POINT.writes : POINT.writes
  return ['call', '$tbit_pt', address, ['i32.const', String(size | does)]]
}

export interface WeaveOptions {
  /** Calls of the image can stop in their middle. */ readonly steps?: boolean
}

/**
 * Adds checks, fuel and dirty marks to a module in text form. Exported for its test.
 * Long: one walk over the module, a kind of instruction a branch.
 */
export function weave(text: string, o: WeaveOptions = {}): string {
  const module = ensure(parseS(text)[0], 'a module') as S[]
  const steps = o.steps === true
  let told = steps
  const isAccess = (h: string): boolean => /^[if](32|64)\.(atomic\.)?(load|store|rmw)/.test(h)
  const isImmediate = (x: S): boolean => typeof x === 'string' && /^(offset|align)=/.test(x)
  let locals: S[] = []

  const walk = (s: S): S => {
    if (typeof s === 'string') return s
    const h = head(s)
    const out = s.map(walk)
    if (h === 'loop') {
      const first = out.findIndex((x, i) => i > 0 && typeof x !== 'string' && head(x) !== 'result')
      out.splice(
        first < 0 ? out.length : first,
        0,
        ['global.set', '$tbit_fuel', ['i32.sub', ['global.get', '$tbit_fuel'], ['i32.const', '1']]],
        [
          'if',
          ['i32.lt_s', ['global.get', '$tbit_fuel'], ['i32.const', '0']],
          ['then', ['call', '$tbit_runaway'], ['unreachable']]
        ]
      )
      return out
    }
    if (!isAccess(h)) return out
    const p = out.findIndex((x, i) => i > 0 && !isImmediate(x))
    const ptr = ensure(out[p], 'a pointer operand')
    const constant = head(ptr) === 'i64.const'
    const known = constant ? BigInt.asUintN(64, BigInt((ptr as string[])[1] ?? '0')) : 0n
    const n = locals.length
    // an array of known place is indexed with the index as pointer and the place as offset: only the sum is an address
    const offset = out.find((x): x is string => typeof x === 'string' && x.startsWith('offset='))?.slice(7) ?? '0'
    // a constant address is judged here: null and wild ones become -1
    const wild = constant && (known + BigInt(offset) < 1024n || known + BigInt(offset) >= 1n << 31n)
    if (wild) out[p] = ['i64.const', '-1']
    const plus = (at: S): S => (offset === '0' ? at : ['i64.add', at, ['i64.const', offset]])
    const at: S = constant ? (wild ? ['i64.const', '-1'] : ptr) : ['local.get', `$tbit_${n}`]
    const address = plus(at)
    // below the end of the stack is only what belongs to the call itself
    const point: S[] = told && !wild && (!constant || known + BigInt(offset) >= 65536n) ? [pointAt(h, address)] : []
    if (/\.load/.test(h)) {
      if (constant) return point.length === 0 ? out : ['block', ['result', h.slice(0, 3)], ...point, out]
      locals.push(['local', `$tbit_${n}`, 'i64'])
      out[p] =
        point.length === 0
          ? checked(['local.tee', `$tbit_${n}`, ptr], address)
          : [
              'block',
              ['result', 'i64'],
              ['local.set', `$tbit_${n}`, ptr],
              ...point,
              checked(['local.get', `$tbit_${n}`], address)
            ]
      return out
    }
    // pointer, then values, then the access: the order the instruction itself has
    const type = h.slice(0, 3)
    const values = out.slice(p + 1)
    const modify = /\.rmw/.test(h)
    locals.push(['local', `$tbit_${n}`, 'i64'], ...values.map((_, i): S => ['local', `$tbit_${n + 1 + i}`, type]))
    const access: S = [
      h,
      ...out.slice(1, p),
      constant ? at : checked(at, address),
      ...values.map((_, i): S => ['local.get', `$tbit_${n + 1 + i}`])
    ]
    return [
      'block',
      ...(modify ? [['result', type] as S] : []),
      ...(constant ? [] : [['local.set', `$tbit_${n}`, ptr] as S]),
      ...values.map((v, i): S => ['local.set', `$tbit_${n + 1 + i}`, v]),
      ...point,
      // what was there before is kept where the first value was
      modify ? ['local.set', `$tbit_${n + 1}`, access] : access,
      mark(address),
      ...(modify ? [['local.get', `$tbit_${n + 1}`] as S] : [])
    ]
  }

  const result: S[] = []
  for (const item of module) {
    const h = head(item)
    if (h !== 'func' || typeof item === 'string') {
      // the import that moves the limit becomes a function of its own, below
      if (h === 'import' && typeof item !== 'string' && item[2] === '"set_limit"') continue
      result.push(item)
      continue
    }
    locals = []
    told = steps && !WHOLE_FUNCTIONS.test(typeof item[1] === 'string' ? item[1] : '')
    const body = item.map(walk)
    const at = body.findIndex(
      (x, i) => i > 1 && typeof x !== 'string' && !['param', 'result', 'type', 'export', 'local'].includes(head(x))
    )
    body.splice(at < 0 ? body.length : at, 0, ...locals)
    result.push(body)
  }
  const setLimit = module.find((i): i is S[] => head(i) === 'import' && (i as S[])[2] === '"set_limit"')
  const name = setLimit ? (ensure((setLimit[3] as S[])[1], 'the import name') as string) : '$tbit_set_limit'
  // an import stands before any definition
  result.splice(
    result.findIndex((x) => typeof x !== 'string'),
    0,
    ['import', '"tbit"', '"runaway"', ['func', '$tbit_runaway']]
  )
  if (steps)
    result.splice(
      result.findIndex((x) => typeof x !== 'string'),
      0,
      ['import', '"tbit"', '"point"', ['func', '$tbit_point', ['param', 'i32'], ['param', 'i32']]]
    )
  if (steps)
    result.push([
      'func',
      '$tbit_pt',
      ['param', '$a', 'i64'],
      ['param', '$does', 'i32'],
      [
        'if',
        ['i64.ge_u', ['local.get', '$a'], ['i64.const', '65536']],
        ['then', ['call', '$tbit_point', ['i32.wrap_i64', ['local.get', '$a']], ['local.get', '$does']]]
      ]
    ])
  result.push(
    ['global', '$tbit_fuel', ['mut', 'i32'], ['i32.const', '16777216']],
    ['global', '$tbit_dirty', ['mut', 'i64'], ['i64.const', '0']],
    ['global', '$tbit_base', ['mut', 'i64'], ['i64.const', '-1']],
    ['global', '$tbit_shift', ['mut', 'i64'], ['i64.const', '8']],
    ['global', '$tbit_span', ['mut', 'i64'], ['i64.const', '1047552']],
    ['export', `"${WOVEN.fuel}"`, ['global', '$tbit_fuel']],
    [
      'func',
      name,
      ['param', '$end', 'i64'],
      ['global.set', '$tbit_span', ['i64.sub', ['local.get', '$end'], ['i64.const', '1025']]]
    ],
    // half: 0 low, 1 high word of the 64 marks; the high half is read last and clears them
    [
      'func',
      '$tbit_take_dirty',
      ['export', '"tbit_take_dirty"'],
      ['param', '$half', 'i32'],
      ['result', 'i32'],
      ['local', '$d', 'i64'],
      ['local.set', '$d', ['global.get', '$tbit_dirty']],
      [
        'if',
        ['result', 'i32'],
        ['local.get', '$half'],
        [
          'then',
          ['global.set', '$tbit_dirty', ['i64.const', '0']],
          ['i32.wrap_i64', ['i64.shr_u', ['local.get', '$d'], ['i64.const', '32']]]
        ],
        ['else', ['i32.wrap_i64', ['local.get', '$d']]]
      ]
    ],
    [
      'func',
      '$tbit_watch',
      ['export', '"tbit_watch"'],
      ['param', '$at', 'i32'],
      ['param', '$bits', 'i32'],
      ['global.set', '$tbit_base', ['i64.extend_i32_u', ['local.get', '$at']]],
      ['global.set', '$tbit_shift', ['i64.extend_i32_u', ['local.get', '$bits']]],
      ['global.set', '$tbit_dirty', ['i64.const', '0']]
    ],
    [
      'func',
      '$tbit_refuel',
      ['export', '"tbit_refuel"'],
      ['param', '$n', 'i32'],
      ['param', '$atomic', 'i32'],
      ['global.set', '$tbit_fuel', ['local.get', '$n']],
      // the preempt count of the thread that runs (overlay/tbit.h)
      ...(module.some((i) => head(i) === 'memory')
        ? [['i32.store', ['i64.const', '2320'], ['local.get', '$atomic']] as S]
        : [])
    ]
  )
  return printS(result)
}

const LOWERING = 'binaryen 132.0.0'

/** What an image depends on here. */
export const loweringText = (): string =>
  [LOWERING, weave, lower, checked, mark, pointAt, STOP_IMPORTS, WHOLE_FUNCTIONS].map(String).join('\0')

/**
 * wasm64 in, plain wasm out, woven. Function names stay, so that a trap can be told by kernel function. Optimised only
 * where calls can stop, which makes several times the code: clang has been over the rest, and the engine will be.
 */
export function lower(binaryen: Binaryen, wasm64: Uint8Array, o: WeaveOptions = {}): Uint8Array {
  const m64 = binaryen.readBinary(wasm64)
  const text = weave(m64.emitText(), o)
  m64.dispose()
  const m = binaryen.parseText(text)
  const on = binaryen.Features
  m.setFeatures(on.Atomics | on.MutableGlobals | on.NontrappingFPToInt | on.Memory64)
  binaryen.setDebugInfo(true)
  m.runPasses(['memory64-lowering', 'table64-lowering', 'remove-unused-module-elements'])
  if (o.steps) {
    binaryen.setPassArgument('asyncify-imports', STOP_IMPORTS.join())
    m.runPasses(['asyncify'])
    binaryen.clearPassArguments()
  }
  if (o.steps) {
    binaryen.setOptimizeLevel(2)
    binaryen.setShrinkLevel(0)
    m.optimize()
  }
  if (!m.validate()) throw new Error('binaryen does not accept the lowered module')
  const out = m.emitBinary()
  m.dispose()
  return out
}

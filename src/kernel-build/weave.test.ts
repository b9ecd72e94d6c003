import { describe, expect, test } from 'vitest'
import { POINT } from '../kernel-c/stepping.ts'
import { Wasm } from '../kernel-c/index.ts'
import { loadBinaryen } from './asyncify.ts'
import { Reader, sint, uint } from './wasm-binary.ts'
import { weave } from './weave.ts'

test('numbers are read as they are written; above 2^53 they stay above', () => {
  for (const n of [0, 1, 127, 128, 2 ** 32 - 1, 2 ** 40]) expect(new Reader(Uint8Array.from(uint(n))).uint()).toBe(n)
  for (const n of [0n, -1n, 63n, 64n, -64n, -65n, 2n ** 31n, -(2n ** 63n), 2n ** 63n - 1n])
    expect(new Reader(Uint8Array.from(sint(n))).sint()).toBe(n)
  // as lld writes what it fills in later: ten bytes
  const padded = [0xd0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]
  expect(new Reader(Uint8Array.from(padded)).uint()).toBe(0x50)
  expect(new Reader(Uint8Array.from([...Array<number>(9).fill(0xff), 0x01])).uint()).toBeGreaterThan(2 ** 53)
  expect(() => new Reader(Uint8Array.of(0x80)).uint()).toThrow('ends in the middle')
})

// What parses text, and a lowering of another hand: binaryen's.
interface Assembler {
  setDebugInfo(on: boolean): void
  readonly Features: { readonly Memory64: number; readonly Atomics: number; readonly NontrappingFPToInt: number }
  parseText(t: string): {
    setFeatures(f: number): void
    runPasses(passes: string[]): void
    emitBinary(): Uint8Array
  }
}
const assembler = await loadBinaryen().then((b) => (b.ok ? (b.value as unknown as Assembler) : null))

/** `lowered`: by binaryen, without what is woven in. */
function assembled(text: string, lowered = false): Uint8Array<ArrayBuffer> {
  if (assembler === null) throw new Error('binaryen')
  const on = assembler.Features
  assembler.setDebugInfo(true)
  const m = assembler.parseText(text)
  m.setFeatures(on.Memory64 | on.Atomics | on.NontrappingFPToInt)
  if (lowered) m.runPasses(['memory64-lowering', 'table64-lowering'])
  return Uint8Array.from(m.emitBinary())
}

type Exports = Record<string, (...a: Array<number | bigint>) => number | bigint> & {
  readonly memory: { buffer: ArrayBuffer }
}
const imports = (point: (at: number, does: number) => void = () => {}) => ({
  tbit: {
    runaway: () => {
      throw new Error('runaway')
    },
    point,
    log: () => {}
  }
})
const run = (wasm: Uint8Array, point?: (at: number, does: number) => void): Exports =>
  new Wasm.Instance(new Wasm.Module(wasm), imports(point)).exports as unknown as Exports

const text = `(module
  (import "tbit" "set_limit" (func $limit (param i64)))
  (import "tbit" "log" (func $log))
  (type $get (func (param i64) (result i32)))
  (memory (export "memory") i64 1 4)
  (table i64 2 2 funcref)
  (elem (i64.const 0) $get $first)
  (data (i64.const 3000) "abc")
  (func (export "open") (call $log) (call $limit (i64.const 65536)))
  (func $get (export "get") (param $p i64) (result i32) (i32.load8_u offset=16 (local.get $p)))
  (func $first (param i64) (result i32) (i32.load8_u (i64.const 3000)))
  (func (export "through") (param $f i64) (param $p i64) (result i32)
    (call_indirect (type $get) (local.get $p) (local.get $f)))
  (func (export "put") (param $p i64) (param $v i64) (i64.store offset=8 (local.get $p) (local.get $v)))
  (func (export "swap") (param $p i64) (param $q i64) (result i64)
    (i64.store (local.get $p) (block (result i64) (i64.store (local.get $q) (i64.const 5)) (i64.const 7)))
    (i64.sub (i64.load (local.get $p)) (i64.load (local.get $q))))
  (func (export "null") (result i32) (i32.load (i64.const 8)))
  (func (export "far") (result i32) (i32.load (i64.const 0x100000000)))
  (func (export "beyond") (param $p i64) (result i32) (i32.load offset=0xffffffffffffff00 (local.get $p)))
  (func (export "size") (result i64) (memory.size))
  (func (export "grow") (param $n i64) (result i64) (memory.grow (local.get $n)))
  (func (export "spin") (param $n i32)
    (loop $again (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $again (local.get $n)))))`

describe.skipIf(assembler === null)('what is woven in', () => {
  const opened = (): Exports => {
    const x = run(weave(assembled(text)))
    x['open']?.()
    return x
  }

  test('null pointers, addresses at the end of memory and those that would wrap, trap', () => {
    const x = opened()
    expect(x['get']?.(2000n)).toBe(0)
    expect(x['get']?.(65519n)).toBe(0)
    // the sum of pointer and offset counts: 1023 traps, 1024 does not
    expect(x['get']?.(1008n)).toBe(0)
    for (const bad of [1007n, 0n, 65520n, 1n << 32n, (1n << 32n) + 2000n, 0xffff8000_00002000n, -1n])
      expect(() => x['get']?.(bad), String(bad)).toThrow(Wasm.RuntimeError)
    expect(() => x['put']?.((1n << 40n) + 2000n, 1n)).toThrow(Wasm.RuntimeError)
    expect(() => x['null']?.()).toThrow(Wasm.RuntimeError)
    expect(() => x['far']?.()).toThrow(Wasm.RuntimeError)
    for (const p of [0n, 0x1000n]) expect(() => x['beyond']?.(p)).toThrow(Wasm.RuntimeError)
  })

  test('tables, data, sizes and calls mean what they did', () => {
    const x = opened()
    expect(x['through']?.(1n, 0n)).toBe('a'.charCodeAt(0))
    expect(x['through']?.(0n, 2986n)).toBe('c'.charCodeAt(0))
    expect(() => x['through']?.(2n, 0n)).toThrow(Wasm.RuntimeError)
    expect(x['size']?.()).toBe(1n)
    expect([x['grow']?.(1n), x['size']?.(), x['grow']?.(100n)]).toEqual([1n, 2n, -1n])
  })

  test('a value that stores, inside a store, changes nothing of the outer one', () => {
    expect(opened()['swap']?.(2000n, 3000n)).toBe(2n)
  })

  test('stores mark their chunk; what lies below the watched part marks nothing; taking clears', () => {
    const x = opened()
    x['tbit_watch']?.(4096, 8)
    x['put']?.(4096n - 8n, 1n)
    x['put']?.(4096n + 256n * 33n, 1n)
    x['put']?.(2000n, 1n)
    expect(x['tbit_take_dirty']?.(0)).toBe(1)
    expect(x['tbit_take_dirty']?.(1)).toBe(2)
    expect(x['tbit_take_dirty']?.(0)).toBe(0)
  })

  test('a loop ends when its fuel does, at the same turn each time', () => {
    const x = opened()
    x['tbit_refuel']?.(1000, 0)
    expect(x['spin']?.(999)).toBeUndefined()
    x['tbit_refuel']?.(1000, 0)
    expect(() => x['spin']?.(1001)).toThrow('runaway')
    x['tbit_refuel']?.(1000, 0)
    expect(() => x['spin']?.(0)).toThrow('runaway')
  })

  test('a trap names the function of the C', () => {
    const named = '(module (memory i64 1) (func $swiotlb_map (export "f") (param i64) (drop (i32.load (local.get 0)))))'
    let stack = ''
    try {
      run(weave(assembled(named)))['f']?.(0n)
    } catch (e) {
      stack = (e as Error).stack ?? ''
    }
    expect(stack).toContain('swiotlb_map')
  })

  test('what the compiler is told to leave out is refused, not passed on', () => {
    const fill = '(module (memory i64 1) (func (memory.fill (i64.const 0) (i32.const 0) (i64.const 1))))'
    expect(() => weave(assembled(fill))).toThrow('not known: fc 11')
  })
})

// ---- every access, beside binaryen's lowering of the same text ----

const WIDTHS = { i32: ['', '8', '16'], i64: ['', '8', '16', '32'], f32: [''], f64: [''] } as const
type Type = keyof typeof WIDTHS

/** An access, its value type, the bytes of memory, what stands behind its pointer. */
interface Kind {
  readonly name: string
  readonly type: Type
  readonly size: number
  readonly does: 'load' | 'store' | 'rmw'
  readonly values: number
}

function kinds(): Kind[] {
  const out: Kind[] = []
  for (const type of Object.keys(WIDTHS) as Type[])
    for (const w of WIDTHS[type]) {
      const size = w === '' ? Number(type.slice(1)) / 8 : Number(w) / 8
      const add = (name: string, does: Kind['does'], values: number): void => {
        out.push({ name: `${type}.${name}`, type, size, does, values })
      }
      for (const sign of w === '' ? [''] : ['_s', '_u']) add(`load${w}${sign}`, 'load', 0)
      add(`store${w}`, 'store', 1)
      if (type.startsWith('f')) continue
      const u = w === '' ? '' : '_u'
      add(`atomic.load${w}${u}`, 'load', 0)
      add(`atomic.store${w}`, 'store', 1)
      for (const op of ['add', 'sub', 'and', 'or', 'xor', 'xchg']) add(`atomic.rmw${w}.${op}${u}`, 'rmw', 1)
      add(`atomic.rmw${w}.cmpxchg${u}`, 'rmw', 2)
    }
  return out
}

const OFFSET = 32
const all = kinds()
const values = (k: Kind): string => Array.from({ length: k.values }, (_, i) => `(param $v${i} ${k.type})`).join(' ')
const accesses = `(module
  (memory (export "memory") i64 2)
  (func (export "open"))
  ${all
    .map((k) => {
      const gets = Array.from({ length: k.values }, (_, i) => `(local.get $v${i})`).join(' ')
      const result = k.does === 'store' ? '' : `(result ${k.type})`
      return `(func (export "${k.name}") (param $p i64) ${values(k)} ${result}
        (${k.name} offset=${OFFSET} (local.get $p) ${gets}))`
    })
    .join('\n  ')})`

describe.skipIf(assembler === null)('every access', () => {
  const SPAN = 1 << 17
  const given = (k: Kind): Array<number | bigint> =>
    Array.from({ length: k.values }, (_, i) => (k.type === 'i64' ? 0x1122334455667788n + BigInt(i) : 0x11223344 + i))
  const filled = (x: Exports): Uint8Array => {
    const m = new Uint8Array(x.memory.buffer)
    for (let i = 0; i < SPAN; i++) m[i] = (i * 37) & 0xff
    return m
  }

  test('gives and leaves what it does without the weaving, marks what it writes, and is told', () => {
    const plain = run(assembled(accesses, true))
    const told: Array<readonly [number, number]> = []
    const bare = run(weave(assembled(accesses)))
    const steps = run(weave(assembled(accesses), { steps: true }), (at, does) => void told.push([at, does]))
    for (const x of [bare, steps]) x['tbit_watch']?.(0, 12)
    for (const k of all)
      for (const at of [2048, 70_000 - (70_000 % 64)]) {
        const memories = [plain, bare, steps].map(filled)
        for (const x of [bare, steps]) x['tbit_take_dirty']?.(1)
        told.length = 0
        const gave = [plain, bare, steps].map((x) => x[k.name]?.(BigInt(at - OFFSET), ...given(k)))
        expect([gave[1], gave[2]], k.name).toEqual([gave[0], gave[0]])
        for (const m of memories.slice(1)) expect(Buffer.compare(m, memories[0] as Uint8Array), k.name).toBe(0)
        for (const x of [bare, steps])
          expect(x['tbit_take_dirty']?.(0), k.name).toBe(k.does === 'load' ? 0 : 1 << (at >> 12))
        const does = { load: POINT.reads, store: POINT.writes, rmw: POINT.reads | POINT.writes }[k.does]
        expect(told, k.name).toEqual(at < 65536 ? [] : [[at, k.size | does]])
      }
  })

  test('is told at a known place, too; not of the stack, and not of what the machine does in one go', () => {
    const told: number[] = []
    const x = run(
      weave(
        assembled(`(module
          (memory (export "memory") i64 2)
          (func $swiotlb_find (export "known")
            (drop (i32.load offset=8 (i64.const 66000))) (drop (i32.load (i64.const 65528)))
            (i32.store offset=4 (i64.const 66000) (i32.const 7)) (i64.store (i64.const 2048) (i64.const 66016)))
          (func $tbit_take (export "lock") (param i64) (i32.store (local.get 0) (i32.const 1))))`),
        { steps: true }
      ),
      (at) => told.push(at)
    )
    x['known']?.()
    x['lock']?.(70_000n)
    expect(told).toEqual([66_008, 66_004])
    expect(new DataView(x.memory.buffer).getInt32(66_004, true)).toBe(7)
    expect(new DataView(x.memory.buffer).getInt32(2048, true)).toBe(66_016)
  })

  test('traps at a null pointer and beyond memory, and leaves nothing', () => {
    const x = run(weave(assembled(accesses)))
    const before = filled(x).slice()
    for (const k of all)
      for (const p of [0n, BigInt(1023 - OFFSET), 1n << 32n, (1n << 32n) + 4096n, -(1n << 47n), -BigInt(OFFSET)])
        expect(() => x[k.name]?.(p, ...given(k)), `${k.name} ${p}`).toThrow(Wasm.RuntimeError)
    expect(Buffer.compare(new Uint8Array(x.memory.buffer), before)).toBe(0)
  })
})

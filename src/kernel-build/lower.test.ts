import { describe, expect, test } from 'vitest'
import { Wasm } from '../kernel-c/index.ts'
import { loadBinaryen, lower, parseS, weave } from './lower.ts'

test('S-expressions: strings with brackets, comments, nesting', () => {
  expect(parseS('(a "x (y) \\" z" (b ;; c )\n) (; d ( ;) e)')).toEqual([['a', '"x (y) \\" z"', ['b'], 'e']])
})

const text = `(module
  (import "tbit" "set_limit" (func $limit (param i64)))
  (memory i64 1)
  (export "memory" (memory 0))
  (func (export "open") (call $limit (i64.const 65536)))
  (func (export "get") (param $p i64) (result i32) (i32.load8_u offset=16 (local.get $p)))
  (func (export "put") (param $p i64) (param $v i64) (i64.store offset=8 (local.get $p) (local.get $v)))
  (func (export "swap") (param $p i64) (param $q i64) (result i64)
    (i64.store (local.get $p) (block (result i64) (i64.store (local.get $q) (i64.const 5)) (i64.const 7)))
    (i64.sub (i64.load (local.get $p)) (i64.load (local.get $q))))
  (func (export "null") (result i32) (i32.load (i64.const 8)))
  (func (export "spin") (param $n i32)
    (loop $again (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $again (local.get $n)))))`

const missing = await loadBinaryen().then((b) => !b.ok)

describe.skipIf(missing)('what is woven in', () => {
  async function instance() {
    const b = await loadBinaryen()
    if (!b.ok) throw new Error('binaryen')
    const m64 = (
      b.value as unknown as { parseText(t: string): { setFeatures(f: number): void; emitBinary(): Uint8Array } }
    ).parseText(text)
    m64.setFeatures(b.value.Features.Memory64)
    const module = new Wasm.Module(lower(b.value, m64.emitBinary()))
    const i = new Wasm.Instance(module, {
      tbit: {
        runaway: () => {
          throw new Error('runaway')
        }
      }
    })
    return i.exports as Record<string, (...a: Array<number | bigint>) => number>
  }

  test('null pointers, addresses at the end of memory and those that would wrap, trap', async () => {
    const x = await instance()
    x['open']?.()
    expect(x['get']?.(2000n)).toBe(0)
    expect(x['get']?.(65519n)).toBe(0)
    // the sum of pointer and offset counts: 1023 traps, 1024 does not
    expect(x['get']?.(1008n)).toBe(0)
    for (const bad of [1007n, 0n, 65520n, 1n << 32n, (1n << 32n) + 2000n, 0xffff8000_00002000n, -1n])
      expect(() => x['get']?.(bad), String(bad)).toThrow(Wasm.RuntimeError)
    expect(() => x['put']?.((1n << 40n) + 2000n, 1n)).toThrow(Wasm.RuntimeError)
    expect(() => x['null']?.()).toThrow(Wasm.RuntimeError)
  })

  test('a value that stores, inside a store, changes nothing of the outer one', async () => {
    const x = await instance()
    x['open']?.()
    expect(x['swap']?.(2000n, 3000n)).toBe(2n)
  })

  test('stores mark their chunk; what lies below the watched part marks nothing; taking clears', async () => {
    const x = await instance()
    x['open']?.()
    x['tbit_watch']?.(4096, 8)
    x['put']?.(4096n - 8n, 1n)
    x['put']?.(4096n + 256n * 33n, 1n)
    x['put']?.(2000n, 1n)
    expect(x['tbit_take_dirty']?.(0)).toBe(1)
    expect(x['tbit_take_dirty']?.(1)).toBe(2)
    expect(x['tbit_take_dirty']?.(0)).toBe(0)
  })

  test('a loop ends when its fuel does, at the same turn each time', async () => {
    const x = await instance()
    x['tbit_refuel']?.(1000)
    expect(x['spin']?.(999)).toBeUndefined()
    x['tbit_refuel']?.(1000)
    expect(() => x['spin']?.(1001)).toThrow('runaway')
    x['tbit_refuel']?.(1000)
    expect(() => x['spin']?.(0)).toThrow('runaway')
  })
})

test('the text that goes back names what it adds once', () => {
  const woven = weave('(module (memory $0 i64 1) (func $f (param $0 i64) (result i64) (i64.load (local.get $0))))')
  expect(woven.match(/func \$tbit_take_dirty/g)).toHaveLength(1)
  expect(woven).toContain('(local $tbit_0 i64)')
})

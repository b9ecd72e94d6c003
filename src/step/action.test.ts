import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { action, type Action, BLOCKED, change, changed, Interned, Layout, quietly, replay } from './index.ts'
import { actionOf, argsKey, Firsts, type Kind } from './action.ts'

const src = fileURLToPath(new URL('../', import.meta.url))

test('a kind of step is declared where its module is made: nothing of a call can be captured', () => {
  const inside: string[] = []
  for (const f of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!f.endsWith('.ts') || f.endsWith('.test.ts') || f.startsWith(join('step', ''))) continue
    const text = readFileSync(join(src, f), 'utf8')
    if (!/import \{[^}]*\b(action|aside|change)\b[^}]*\} from '[^']*step\/index\.ts'/.test(text)) continue
    for (const [i, line] of text.split('\n').entries()) {
      if (!/(?<![.\w] ?)\b(action|aside|change)(<.*>)?\(/.test(line) || /^\s*(\/\/|\*)/.test(line)) continue
      if (!PLACES.some((p) => p.test(line))) inside.push(`${f}:${i + 1}: ${line.trim().slice(0, 80)}`)
    }
  }
  expect(inside).toEqual([])
})

// A constant of the module, a static member of a class, or an entry of a module's table.
const PLACES = [
  /^(export )?const \w+ = (action|aside|change)\b/,
  /^ {2}(private )?static readonly \w+ = (action|aside)\b/,
  /^ {2}\w+: aside</
]

test('the key is made of all arguments', () => {
  const k = (...args: unknown[]): string => argsKey(args)
  class Thing {
    constructor(readonly n: number) {}
  }
  const [a, b] = [new Thing(1), new Thing(1)]
  expect(k(a)).toBe(k(a))
  const texts = [
    k(1),
    k('1'),
    k(true),
    k(null),
    k(undefined),
    k(1, 2),
    k([1, 2]),
    k(['1', 2]),
    k('1,2'),
    k({ x: 1 }),
    k({ x: '1' }),
    k({ y: 1 }),
    k(a),
    k(b),
    k([a]),
    k('a', 'b'),
    k('a,b'),
    k([]),
    k({})
  ]
  expect(new Set(texts).size).toBe(texts.length)
  expect(k({ phys: 4096, size: 8 })).toBe(k({ phys: 4096, size: 8 }))
  expect(() => k(() => 0)).toThrow('invariant broken')
})

test('two kinds of one name are refused', () => {
  action('action.test twice', { perform: () => 0, text: () => '' })
  expect(() => action('action.test twice', { perform: () => 0, text: () => '' })).toThrow(
    "two kinds of step are called 'action.test twice'"
  )
})

test('calls with other arguments are other steps, and a change is remembered by its arguments', () => {
  const add = action<[n: number, site: string]>('action.test add', {
    perform: (_st, _outcome, n) => n,
    text: (_r, _o, n, site) => `${site} adds ${n}`
  })
  const at = (n: number, site: string): string => {
    const p = replay(() => add(n, site), [])
    return p.done ? '' : p.action.key
  }
  expect(new Set([at(1, 'x'), at(2, 'x'), at(1, 'y')]).size).toBe(3)
  expect(replay(() => add(1, 'x'), [7])).toEqual({ done: true, value: 7 })
  const l = new Layout()
  const w = new Interned<string>(l, 'word', '', (v) => v)
  const append = change((v: string, x: string, y: string) => v + x + y)
  const st = { u32: new Uint32Array(4), u8: new Uint8Array(16), local: () => 0, finding: () => {} }
  w.update(st, append, 'a', 'b,c')
  w.set(st, '')
  w.update(st, append, 'a,b', 'c')
  expect(w.get(st)).toBe('a,bc')
})

test('a step seen quietly, or with a part of it changed, is the step in all else', () => {
  const put = action<[n: number]>('action.test put', {
    perform: (_st, outcome, n) => n + outcome,
    text: (r, outcome, n) => `puts ${n}, ${outcome}: ${r}`,
    outcomes: 2,
    results: [5, 6]
  })
  const at = (fn: () => number): Action => {
    const p = replay(fn, [])
    if (p.done) throw new Error('a step was expected')
    return p.action
  }
  const st = { u32: new Uint32Array(0), u8: new Uint8Array(0), local: () => 0, finding: () => {} }
  const plain = at(() => put(5))
  const quiet = at(() => quietly(() => put(5)))
  expect([quiet.key, quiet.silent]).toEqual([`quietly:${plain.key}`, true])
  expect([quiet.kind, quiet.outcomes, quiet.results]).toEqual([plain.kind, 2, [5, 6]])
  expect([quiet.text(6, 1), quiet.perform(st, 1)]).toEqual(['puts 5, 1: 6', 6])
  const refused = changed(plain, { perform: () => BLOCKED })
  expect([refused.key, refused.text(5, 0), refused.perform(st, 0)]).toEqual([plain.key, 'puts 5, 0: 5', BLOCKED])
})

test('the first of equal actions is that of the first with its key', () => {
  class Thing {}
  const things = [new Thing(), new Thing()]
  const kindOf = (): Kind<readonly unknown[]> => ({ perform: () => 0, text: () => '', results: [0] })
  const kinds = { one: kindOf(), two: kindOf() }
  const argument = fc.constantFrom<unknown>(
    ...[0, -0, 1, Number.NaN, '1', '', 'a,b', true, 'true', false, null, 'null', undefined, ...things],
    ...[[], [1], ['1'], {}, { x: 1 }, { x: '1' }]
  )
  const call = fc.tuple(fc.constantFrom('one' as const, 'two' as const), fc.array(argument, { maxLength: 3 }))
  fc.assert(
    fc.property(fc.array(call, { maxLength: 30 }), (calls) => {
      const firsts = new Firsts()
      const byKey = new Map<string, Action>()
      for (const [name, args] of calls) {
        const a = actionOf(name, kinds[name], args)
        const first = byKey.get(a.key) ?? a
        byKey.set(a.key, first)
        expect(firsts.of(a)).toBe(first)
        expect(firsts.number(first)).toBe([...byKey.values()].indexOf(first))
      }
    })
  )
})

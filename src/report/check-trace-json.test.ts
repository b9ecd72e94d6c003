// What `check --format trace` writes is what its schema says, and the schema says all of it.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { some } from '../../test/runs.ts'
import { checkTest, pairsOf } from '../check/index.ts'
import { parse } from '../litmus/index.ts'
import { checkTraceJson } from './check-trace-json.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly $defs?: Readonly<Record<string, Schema>>
}
const schema = JSON.parse(readFileSync('docs/trace.schema.json', 'utf8')) as Schema
const typeOf = (v: unknown): string =>
  v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v

/** What of a value is not as the schema says; fields that it does not name, too. */
function wrong(v: unknown, s: Schema, at: string): string[] {
  if (s.$ref !== undefined) return wrong(v, schema.$defs?.[s.$ref.replace('#/$defs/', '')] as Schema, at)
  const types = s.type === undefined ? null : [s.type].flat()
  if (types !== null && !types.includes(typeOf(v))) return [`${at} is ${typeOf(v)}, not ${types.join(' or ')}`]
  if (s.enum !== undefined && !s.enum.includes(v)) return [`${at} is ${String(v)}`]
  if (s.const !== undefined && s.const !== v) return [`${at} is ${String(v)}`]
  const { items, properties } = s
  if (Array.isArray(v)) return items === undefined ? [] : v.flatMap((x, i) => wrong(x, items, `${at}[${i}]`))
  if (v === null || typeof v !== 'object' || properties === undefined) return []
  const missing = (s.required ?? []).filter((k) => !(k in v)).map((k) => `${at}.${k} is missing`)
  return [
    ...missing,
    ...Object.entries(v).flatMap(([k, x]) =>
      properties[k] === undefined ? [`${at}.${k} is not in the schema`] : wrong(x, properties[k], `${at}.${k}`)
    )
  ]
}

test('every finding of some tests, on all their pairs', () => {
  let traces = 0
  for (const file of [
    'litmus/races/alloc-while-accepted.litmus',
    'litmus/coherent/coherent-free-with-driver-without-driver.litmus',
    'litmus/flag-races/flag-shares-byte-on-x86.litmus',
    'litmus/streaming/direct-at-t1.litmus',
    'test/fixtures/litmus/bits.litmus'
  ]) {
    const t = parse(readFileSync(file, 'utf8'), file).test
    if (t === undefined) throw new Error(file)
    const results = some(pairsOf(t, { kernels: null, platforms: null })).map((p) =>
      checkTest(t, p.kernel, p.platform, { frames: true })
    )
    const json: unknown = JSON.parse(
      checkTraceJson({ tests: [t], results, errors: [], texts: new Map(), interrupted: null })
    )
    expect(wrong(json, schema, file).slice(0, 5)).toEqual([])
    const found = (json as { traces: Array<{ steps: Array<{ state?: unknown }> }> }).traces
    for (const x of found) for (const s of x.steps) expect(s.state).toBeDefined()
    traces += found.length
  }
  expect(traces).toBeGreaterThan(3)
})

test('the check can fail', () => {
  expect(wrong({ format: 2 }, schema, 'x')).toContain('x.format is 2')
  expect(wrong({ format: 1, traces: [{ id: 1 }] }, schema, 'x')).toContain(
    'x.traces[0].id is number, not string'.replace('number', 'integer')
  )
})
